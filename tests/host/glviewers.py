#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of QEMU's own OpenGL windows.

Prints TAP. The software vGPU is what they look at, Xvfb where they are, and a
Mesa that imports buffers in software what draws them. That import is as a
GPU's is, but for a buffer that vanishes; so QEMU does it for tests only, and
shows pixels else.
"""

import contextlib
import sys
import tempfile

import tapcases
from swvgpu import SwVgpu
from vgpulab import mesa
from vgpulab.picture import expect_picture
from vgpulab.ports import free_display
from vgpulab.rfb import RAW, Rfb
from vgpulab.viewers import dbus
from vgpulab.viewers.desktop import Desktop
from vgpulab.viewers.weston import Weston
from vgpulab.viewers.xserver import XServer
from vgpulab.wait import until

SDL = ("-display", "sdl,gl=on")
GTK = ("-display", "gtk,gl=on,zoom-to-fit=off")


# As a GPU would.
IMPORTS = "dmabuf,x-software-import=on"

# A layout that the driver of the GPU knows.
MOD_INVALID = 0x00ffffffffffffff


@contextlib.contextmanager
def window(*arguments, kind="dmabuf"):
    """A machine and the screen that its windows are on."""
    # Wide enough for windows that grow from where a smaller one was put.
    with XServer(2560, 2048) as screen:
        environment = dict(mesa.need_import(screen.display))
        environment["DISPLAY"] = screen.display
        environment["GDK_BACKEND"] = environment["SDL_VIDEODRIVER"] = "x11"
        with SwVgpu(*arguments, kind=kind, environment=environment) as vm:
            yield vm, screen


def expect(screen, want, what):
    expect_picture(what, lambda: screen.find(want), want)


def expect_no_warning(vm):
    assert "warning" not in vm.errors(), vm.errors()


def takes_buffers(*display):
    """Modes and flips, without a byte copied by the CPU."""
    with window(*display, kind=IMPORTS) as (vm, screen):
        for buffer, (width, height) in enumerate(
                [(640, 480), (1024, 768), (800, 600), (801, 599)]):
            expect(screen, vm.draw(buffer, width, height, 0x40 + buffer),
                   f"{width}x{height}")
        for flip in range(6):
            expect(screen, vm.draw(flip % 3, 640, 480, 0x80 + flip), "a flip")
        assert vm.vgpu()["bytes-read"] == 0, vm.vgpu()
        expect_no_warning(vm)


def test_sdl():
    """SDL takes the guest's buffers"""
    takes_buffers(*SDL)


def test_sdl_gles():
    """SDL with OpenGL ES takes the guest's buffers"""
    takes_buffers("-display", "sdl,gl=es")


def test_gtk():
    """GTK takes the guest's buffers, and the window their size"""
    takes_buffers(*GTK)


def shows_pixels(viewer, *display):
    """OpenGL in software leaves the buffers alone, and nobody warns."""
    with window(*display) as (vm, screen):
        for buffer, (width, height) in enumerate(
                [(640, 480), (1024, 768), (801, 599)]):
            expect(screen, vm.draw(buffer, width, height, 0x40 + buffer),
                   f"{width}x{height}")
        want = vm.draw(0, 640, 480, 0x80)
        expect(screen, want, "a flip")
        want = vm.fill(0, want, (300, 300, 64, 64), 0x20)
        expect(screen, want, "a change")
        assert vm.shows(viewer) == {"pixels"}, vm.vgpu()
        assert vm.vgpu()["path"] == "mmap", vm.vgpu()
        assert not vm.faults(), vm.faults()
        expect_no_warning(vm)


def survives_cuts(*display):
    """Buffers that vanish while they are on screen."""
    size = 4 * 640 * 480
    with window(*display) as (vm, screen):
        for turn, left in enumerate([size // 2, 4096, 0]):
            vm.copy_buffers(size)
            want = vm.draw(0, 640, 480, 0x40 + turn, 10 + turn)
            expect(screen, want, "a whole buffer")
            faults = sum(vm.faults().values())
            vm.cut_copy(left)
            until("the fault", lambda faults=faults:
                  sum(vm.faults().values()) > faults)
            expect(screen, want, "the last frame")
            vm.copy_buffers(0)
            expect(screen, vm.draw(1, 640, 480, 0x60 + turn), "the next")
        # Not looked at before, or in the middle of it.
        for turn in range(20):
            vm.copy_buffers(size)
            vm.draw(0, 640, 480, 0x80 + turn, 20 + turn)
            vm.cut_copy(size * turn // 20)
        vm.copy_buffers(0)
        expect(screen, vm.draw(1, 800, 600, 0xf0), "the last")
        assert vm.alive(), vm.errors()


def test_sdl_pixels():
    """SDL: pixels, where OpenGL is done in software"""
    shows_pixels("sdl2-gl", *SDL)


def test_gtk_pixels():
    """GTK: pixels, where OpenGL is done in software"""
    shows_pixels("gtk-egl", *GTK)


def test_sdl_cuts():
    """SDL: buffers that vanish"""
    survives_cuts(*SDL)


def test_gtk_cuts():
    """GTK: buffers that vanish"""
    survives_cuts(*GTK)


def shows_overlays(*display):
    """Pixels while an overlay is on screen, and the buffer before and after."""
    with window(*display, kind=IMPORTS) as (vm, screen):
        want = vm.draw(0, 640, 480, 0x40)
        expect(screen, want, "no overlay")
        assert vm.vgpu()["bytes-read"] == 0, vm.vgpu()
        for turn in range(3):
            rect = (100 + 50 * turn, 200, 160, 96)
            expect(screen, vm.show_overlay(want, rect, 0x80 + turn),
                   "an overlay")
        want = vm.draw(1, 640, 480, 0x50)
        expect(screen, vm.show_overlay(want, (8, 300, 80, 60), 0x90),
               "a flip below it")
        vm.hide_overlay()
        expect(screen, want, "its end")
        # the refresh that shows its end reads what it takes off the mirror
        read = vm.vgpu()["bytes-read"]
        expect(screen, vm.draw(0, 640, 480, 0x60), "a buffer without it")
        assert vm.vgpu()["bytes-read"] == read, vm.vgpu()
        expect_no_warning(vm)


def test_sdl_overlays():
    """SDL: overlays over the guest's buffers"""
    shows_overlays(*SDL)


def test_gtk_overlays():
    """GTK: overlays over the guest's buffers"""
    shows_overlays(*GTK)


def leaves_pixels(*display):
    """The buffer after pixels that changed between two refreshes."""
    with window(*display, kind=IMPORTS) as (vm, screen):
        picture = vm.draw(0, 640, 480, 0x40)
        for turn in range(6):
            gray = 0x20 + 16 * turn
            expect(screen, vm.show_overlay(picture, (100, 200, 160, 96), gray),
                   "an overlay")
            # brought by the screendump, and drawn with the next refresh
            picture = vm.fill(0, picture, (300, 300, 64, 64), gray)
            vm.screendump()
            vm.hide_overlay()
            expect(screen, picture, "its end")
            picture = vm.fill(0, picture, (400, 100, 64, 64), gray)
            expect(screen, picture, "the same buffer")
        expect_no_warning(vm)


def test_sdl_leaves_pixels():
    """SDL: a buffer after pixels that were not drawn yet"""
    leaves_pixels(*SDL)


def test_gtk_leaves_pixels():
    """GTK: a buffer after pixels that were not drawn yet"""
    leaves_pixels(*GTK)


def refuses_buffers(*display):
    """A buffer that OpenGL cannot read costs that buffer alone."""
    with window(*display, kind=IMPORTS) as (vm, screen):
        expect(screen, vm.draw(0, 640, 480, 0x40), "a good buffer")
        vm.set_mappable(False)
        want = vm.draw(1, 640, 480, 0x50)
        until("words", lambda: vm.vgpu()["path"] == "placeholder")
        until("words on screen", lambda: screen.find(want).difference(want))
        vm.set_mappable(True)
        expect(screen, vm.draw(2, 640, 480, 0x60), "the next good buffer")
        expect(screen, vm.draw(0, 640, 480, 0x70), "the first one again")
        # one for the viewer, one for the device
        assert vm.errors().count("warning") == 2, vm.errors()


def test_sdl_refusal():
    """SDL: a buffer that cannot be read"""
    refuses_buffers(*SDL)


def test_gtk_refusal():
    """GTK: a buffer that cannot be read"""
    refuses_buffers(*GTK)


def test_sdl_second():
    """SDL: a second console's window comes and goes, and its context"""
    with window(*SDL, "-vga", "std", kind=IMPORTS) as (vm, screen):
        for turn in range(3):
            want = vm.draw(0, 640, 480, 0x40 + turn)
            expect(screen, want, "the window")
            expect(screen, vm.draw(1, 800, 600, 0x50 + turn), "a flip")
            want = vm.draw(0, 640, 480, 0x60 + turn)
            expect(screen, want, "the first buffer again")
            vm.turn_off()
            until("its end",
                  lambda want=want: screen.find(want).difference(want))
        expect_no_warning(vm)


def test_sdl_glx():
    """SDL: pixels where it is told to use GLX"""
    with XServer(2560, 2048) as screen:
        environment = dict(mesa.need_import(screen.display))
        environment["DISPLAY"] = screen.display
        environment["SDL_VIDEO_X11_FORCE_EGL"] = "0"
        with SwVgpu(*SDL, environment=environment) as vm:
            expect(screen, vm.draw(0, 640, 480, 0x40), "the picture")
            assert vm.vgpu()["bytes-read"] > 0, vm.vgpu()
            expect_no_warning(vm)


def test_gtk_and_vnc():
    """GTK with OpenGL and VNC at once, on every console"""
    # A VGA is nothing that OpenGL draws, so VNC may show it, too. Stock QEMU
    # ends when a VNC client turns to it.
    display = free_display()
    with window(*GTK, "-device", "VGA,id=vga0",
                "-vnc", f"127.0.0.1:{display}",
                kind=IMPORTS) as (vm, screen):
        with Rfb(display, RAW) as viewer:
            for turn in range(3):
                want = vm.draw(turn % 2, 800, 600, 0x50 + turn)
                viewer.select_console(1)
                viewer.wait_for(want, "the vGPU with VNC")
                expect(screen, want, "the vGPU with GTK")
                viewer.select_console(2)
                viewer.wait_for(vm.screendump(device="vga0"), "the VGA")
        expect_no_warning(vm)


def detach_tab(desktop):
    """GTK's menu has no key for it: the last item but one of "View"."""
    menus = len(desktop.windows())
    desktop.click(20, 12)
    until("the menu", lambda: len(desktop.windows()) > menus)
    for key in "Right", "Up", "Up", "Return":
        desktop.press(key)


def test_gtk_detach():
    """GTK: a tab that is detached, and put back, goes on each time"""
    title = "QEMU: gpu0"
    with window(*GTK, kind=IMPORTS) as (vm, screen), \
            Desktop(screen.display) as desktop:
        expect(screen, vm.draw(0, 640, 480, 0x40), "the tab")
        expect(screen, vm.draw(1, 640, 480, 0x50), "a flip")
        for turn in range(2):
            detach_tab(desktop)
            own = until("its own window", lambda: desktop.window(title))
            for flip in range(3):
                want = vm.draw(flip % 2, 640, 480, 0x60 + 8 * turn + flip)
                expect(screen, want, "its own window's picture")
            desktop.ask_to_close(own)
            until("the end of it", lambda: not desktop.window(title))
            for flip in range(3):
                want = vm.draw(flip % 2, 640, 480, 0x90 + 8 * turn + flip)
                expect(screen, want, "the tab again")
        assert vm.vgpu()["bytes-read"] == 0, vm.vgpu()
        expect_no_warning(vm)


def shows_cursor(*display):
    """The guest's cursor, with its colours, and none when it has none"""
    with window(*display) as (vm, screen), Desktop(screen.display) as desktop:
        expect(screen, vm.draw(0, 640, 480, 0x40), "the tab")
        for colour, size, hot in [(0xff1020f0, 64, (3, 4)),
                                  (0x80402010, 32, (31, 0)),
                                  (0xffff0000, 32, (0, 0))]:
            vm.show_cursor(colour, size, hot)
            desktop.point(300, 300)
            until(f"cursor {colour:#x}", lambda colour=colour, size=size,
                  hot=hot: desktop.cursor() == (size, hot, colour))
        detach_tab(desktop)
        until("its own window", lambda: desktop.window("QEMU: gpu0"))
        desktop.point(300, 300)
        until("the same cursor there", lambda: desktop.cursor()
              == (32, (0, 0), 0xffff0000))
        vm.show_cursor(0, 64, (0, 0))
        until("none", lambda: desktop.cursor()[2] == 0)
        expect_no_warning(vm)


def test_gtk_cursor():
    """GTK: the guest's cursor"""
    shows_cursor("-display", "gtk,zoom-to-fit=off")


def test_gtk_gl_cursor():
    """GTK with OpenGL: the guest's cursor"""
    shows_cursor(*GTK)


# Registers of an ATI Rage 128, whose cursor has an image and can be hidden.
ATI_SLOT, ATI_REGISTERS = 5, 0xfd000000
ATI_CRTC, ATI_CURSOR_ON = 0x50, 1 << 16
ATI_CURSOR_COLOUR = 0x26c


def hides_cursor(*display):
    """A cursor that the guest hides, whose image stays as it is"""
    with window(*display, "-device", f"ati-vga,addr={ATI_SLOT}") as (
            vm, screen), Desktop(screen.display) as desktop:
        want = vm.draw(0, 640, 480, 0x40)
        expect(screen, want, "the first tab")
        vm.configure(ATI_SLOT, (0x18, ATI_REGISTERS), (0x04, 2))
        vm.write_word(ATI_REGISTERS + ATI_CURSOR_COLOUR, 0x1020f0)
        desktop.select_console(2)
        until("the second tab", lambda: screen.find(want).difference(want))
        desktop.point(300, 300)
        for _ in range(2):
            vm.write_word(ATI_REGISTERS + ATI_CRTC, ATI_CURSOR_ON)
            until("the cursor", lambda: desktop.cursor()[0] == 64
                  and desktop.cursor()[2])
            vm.write_word(ATI_REGISTERS + ATI_CRTC, 0)
            until("none", lambda: desktop.cursor()[2] == 0)
        expect_no_warning(vm)


def test_gtk_hidden_cursor():
    """GTK: a cursor that the guest hides"""
    hides_cursor("-display", "gtk,zoom-to-fit=off")


def draws_cursor(vm, screen, viewer):
    """A cursor that OpenGL alone may read is drawn over the picture.

    The layout of its buffer is not told, so the CPU keeps away.
    """
    picture = vm.draw(0, 640, 480, 0x40)
    expect(screen, picture, "no cursor")
    for place in (100, 150), (600, 460), (-8, -20):
        vm.show_cursor(0xff1020f0, 32, (0, 0), place, MOD_INVALID)
        left, top = (max(0, n) for n in place)
        expect(screen, picture.with_fill(
            left, top, min(place[0] + 32, 640) - left,
            min(place[1] + 32, 480) - top, 0x1020f0), f"a cursor at {place}")
    vm.show_cursor(0, 32, (0, 0))
    expect(screen, picture, "its end")
    assert vm.shows(viewer) == {"dma-buf"}, vm.vgpu()


def test_gtk_cursor_buffer():
    """GTK: a cursor that the CPU cannot read"""
    with window(*GTK, kind=IMPORTS) as (vm, screen):
        draws_cursor(vm, screen, "gtk-egl")


def test_wayland_cursor_buffer():
    """GTK on Wayland: a cursor that the CPU cannot read"""
    with Weston(1280, 1024, mesa.need_import()) as screen:
        environment = dict(screen.environment, GDK_BACKEND="wayland")
        with SwVgpu(*GTK, kind=IMPORTS, environment=environment) as vm:
            draws_cursor(vm, screen, "gtk-egl")


def test_sdl_cursor_buffer():
    """SDL: a cursor that the CPU cannot read"""
    with window(*SDL, kind=IMPORTS) as (vm, screen):
        draws_cursor(vm, screen, "sdl2-gl")


def test_egl_headless():
    """egl-headless needs no render node, and one that is named"""
    display = free_display()
    with SwVgpu("-display", "egl-headless", "-vnc",
                f"127.0.0.1:{display}",
                environment=mesa.need_import()) as vm:
        with Rfb(display, RAW) as viewer:
            for buffer, (width, height) in enumerate([(640, 480), (800, 600)]):
                want = vm.draw(buffer, width, height, 0x40 + buffer)
                viewer.wait_for(want, "VNC beside it")
                vm.expect_screen(want)
        expect_no_warning(vm)
    try:
        SwVgpu("-display", "egl-headless,rendernode=/dev/null/nothing").close()
    except AssertionError as error:
        assert "cannot open render node" in str(error), error
    else:
        raise AssertionError("a render node that is not there was opened")


def test_spice_textures():
    """SPICE: textures that OpenGL does not give away are refused, in words"""
    try:
        with tempfile.TemporaryDirectory() as folder:
            SwVgpu("-display", "none", "-device", "virtio-gpu-gl", "-spice",
                   "gl=on,disable-ticketing=on,unix=on,"
                   f"addr={folder}/spice",
                   environment=mesa.need_import()).close()
    except AssertionError as error:
        assert "exports no textures here" in str(error), error
    else:
        raise AssertionError("SPICE has nothing to show")


def dbus_gl(bus):
    return "-display", dbus.option(bus) + ",gl=on"


def test_dbus():
    """D-Bus: buffers, wherever they begin, and none that goes blanks it"""
    with dbus.Bus() as bus, SwVgpu(
            *dbus_gl(bus), environment=mesa.need_import()) as vm:
        with dbus.Listener(bus) as listener:
            listener.wait_for(vm.draw(0, 640, 480, 0x40), "the first")
            blanks = listener.blanks
            # More than the display holds open, so some go meanwhile.
            for flip in range(1, 41):
                want = vm.draw(flip % 4, 640, 480, 0x40 + flip, flip)
                listener.wait_for(want, "a flip")
            assert vm.vgpu()["cache-evictions"] > 0, vm.vgpu()
            assert listener.blanks == blanks, listener.blanks
            assert vm.vgpu()["bytes-read"] == 0, vm.vgpu()
            with dbus.Listener(bus) as late:
                late.wait_for(want, "a late one")
            listener.wait_for(vm.draw(1, 800, 600, 0x90), "the next mode")
            assert dbus.DMABUF in listener.ways, listener.ways
        assert "Failed to call update" not in vm.errors(), vm.errors()
        expect_no_warning(vm)


def test_dbus_same_id():
    """D-Bus: modes that keep the buffer's id, each shown"""
    with dbus.Bus() as bus, SwVgpu(
            *dbus_gl(bus), environment=mesa.need_import()) as vm:
        with dbus.Listener(bus) as listener:
            listener.wait_for(vm.draw(0, 640, 480, 0x40, 7), "the first")
            for turn, (width, height) in enumerate(
                    [(800, 600), (640, 480), (801, 601), (640, 480)]):
                want = vm.draw(turn % 2, width, height, 0x50 + turn, 7)
                listener.wait_for(want, f"{width}x{height}")
            assert vm.vgpu()["buffers"] == 1, vm.vgpu()
            assert vm.vgpu()["bytes-read"] == 0, vm.vgpu()
        expect_no_warning(vm)


def test_dbus_cursor_buffer():
    """D-Bus: a cursor that the CPU cannot read, as one that it can"""
    pixels = bytes((0x10, 0x20, 0x40, 0x80)) * (16 * 16)
    with dbus.Bus() as bus, SwVgpu(
            *dbus_gl(bus), kind=IMPORTS,
            environment=mesa.need_import()) as vm:
        with dbus.Listener(bus) as listener:
            listener.wait_for(vm.draw(0, 640, 480, 0x40), "the picture")
            # A hotspot outside the image is none, and one inside it is told
            # though half of it is the same.
            for hot, told in [((3, 4), (3, 4)), ((5, 6), (5, 6)),
                              ((5, 100), (0, 0)), ((5, 0), (5, 0))]:
                vm.show_cursor(0x80402010, 16, hot, (20, 30), MOD_INVALID)
                until(f"hotspot {hot}", lambda told=told: listener.cursor
                      == (16, 16, *told, pixels))
            for place in (100, 150), (-8, -4):
                vm.show_cursor(0x80402010, 16, (5, 0), place, MOD_INVALID)
                until(f"a cursor at {place}", lambda place=place:
                      listener.mouse == (*place, True))
            with dbus.Listener(bus) as late:
                until("a late one", lambda: late.cursor
                      == (16, 16, 5, 0, pixels) and
                      late.mouse == (-8, -4, True))
            vm.show_cursor(0, 16, (0, 0))
            until("its end", lambda: not listener.mouse[2])


def test_dbus_old():
    """D-Bus: pixels of buffers that an older client cannot take"""
    with dbus.Bus() as bus, SwVgpu(
            *dbus_gl(bus), environment=mesa.need_import()) as vm:
        for share in False, True:
            with dbus.Listener(bus, share, planes=False) as listener:
                for turn in range(3):
                    want = vm.draw(0, 640, 480, 0x40 + turn)
                    listener.wait_for(want, "a buffer")
                    assert dbus.DMABUF in listener.ways, listener.ways
                    # Not at the start of the device's memory
                    listener.ways.clear()
                    want = vm.draw(1, 800, 600, 0x50 + turn)
                    listener.wait_for(want, "pixels")
                    way = dbus.MAP if share else dbus.PIXELS
                    assert way in listener.ways, listener.ways
            listener.ways.clear()
        assert "ScanoutDMABUF2" in vm.errors(), vm.errors()
        assert "Failed to call update" not in vm.errors(), vm.errors()


def test_dbus_ramfb():
    """D-Bus: rows with gaps in the last memory that the guest has"""
    with dbus.Bus() as bus, SwVgpu(
            "-m", "64", "-global", "vgpu-sw.ramfb=on", "-display",
            dbus.option(bus)) as vm:
        with dbus.Listener(bus) as listener:
            for turn in range(4):
                width, height = 640 + 16 * turn, 480
                stride = 4 * width + 8192
                end = (64 << 20) - stride * (height - 1) - 4 * width
                want = vm.draw_ramfb(end, width, height, stride, 0x40 + turn)
                listener.wait_for(want, "the picture")
                vm.expect_screen(want)
        expect_no_warning(vm)


def main():
    tests = [test_sdl, test_sdl_gles, test_sdl_pixels, test_sdl_cuts,
             test_sdl_overlays, test_sdl_leaves_pixels, test_sdl_refusal,
             test_sdl_second, test_sdl_glx, test_gtk, test_gtk_pixels,
             test_gtk_cuts, test_gtk_overlays, test_gtk_leaves_pixels,
             test_gtk_refusal, test_gtk_detach, test_gtk_cursor,
             test_gtk_gl_cursor, test_gtk_hidden_cursor,
             test_gtk_cursor_buffer,
             test_wayland_cursor_buffer, test_sdl_cursor_buffer,
             test_gtk_and_vnc, test_egl_headless, test_spice_textures,
             test_dbus, test_dbus_same_id, test_dbus_cursor_buffer,
             test_dbus_old, test_dbus_ramfb]
    wanted = [test for test in tests
              if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]]
    tapcases.run(wanted)


if __name__ == "__main__":
    main()
