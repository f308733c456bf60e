#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a VNC server owes its clients: sizes and rectangles.

Prints TAP. The software vGPU is what they look at.
"""

import contextlib
import re

import tapcases
from swvgpu import SwVgpu
from viewers import dbus, expect_mode, vnc
from vgpulab import oracle
from vgpulab.picture import Picture
from vgpulab.ports import free_display
from vgpulab.rfb import RAW, TIGHT, Rfb
from vgpulab.viewers.dbus import Bus, CallError
from vgpulab.wait import until

# Of the extended desktop size.
FORWARDED, INVALID = 4, 3

MEMORY = "-global", "vgpu-sw.vram=128M"


def test_first_size():
    """the first size is the screen's, whatever the client can do"""
    display = free_display()
    with SwVgpu(*vnc(display)) as vm:
        for size in (1366, 768), (801, 601), (49, 33):
            want = vm.draw(0, *size, 0x50)
            vm.expect_screen(want)
            with Rfb(display, RAW, resizes=False) as viewer:
                viewer.wait_for(want, f"{size}")


def test_black():
    """a new screen that is black, for a client that keeps its size"""
    display = free_display()
    with SwVgpu(*vnc(display)) as vm:
        want = vm.draw(0, 640, 480, 0x50)
        vm.expect_screen(want)
        with Rfb(display, RAW, resizes=False) as viewer:
            viewer.wait_for(want, "a picture")
            vm.draw(0, 800, 600, 0)
            viewer.wait_for(Picture(640, 480, bytes(3 * 640 * 480)), "black")


def test_large():
    """screens of up to 8192 pixels either way are whole"""
    display = free_display()
    with SwVgpu(*vnc(display), *MEMORY) as vm, Rfb(display, RAW) as viewer:
        for gray, size in enumerate(
                [(1440, 2560), (2160, 3840), (7680, 2160), (8192, 64),
                 (64, 8192), (640, 480)], 1):
            want = vm.draw(0, *size, 16 * gray)
            viewer.wait_for(want, f"{size}")
            # All the way to the last corner.
            left, top = size[0] - 40, size[1] - 24
            want = vm.fill(0, want, (left, top, 40, 24), 16 * gray + 1)
            viewer.wait_for(want, f"a change in {size}")
        assert "warning" not in vm.errors(), vm.errors()


def test_too_large():
    """a larger screen is cut, and QEMU says so once"""
    display = free_display()
    with SwVgpu(*vnc(display), *MEMORY) as vm, Rfb(display, RAW) as viewer:
        for gray, size in enumerate([(8208, 64), (64, 8200), (8400, 32)], 1):
            want = vm.draw(0, *size, 16 * gray)
            cut = want.cropped(0, 0, min(8192, size[0]), min(8192, size[1]))
            viewer.wait_for(cut, f"{size}")
        assert vm.errors().count("VNC shows no more than 8192x8192") == 1, \
            vm.errors()


def test_tight():
    """tight: no rectangle is wider than 2048 pixels"""
    display = free_display()
    with SwVgpu(*vnc(display), *MEMORY) as vm, Rfb(display, TIGHT) as viewer:
        for gray, size in enumerate([(3840, 400), (2049, 64), (8192, 80)], 1):
            viewer.wait_for(vm.draw(0, *size, 16 * gray), f"solid, {size}")
            noise = oracle.pattern(oracle.NOISE, *size, gray)
            vm.draw_picture(0, noise)
            viewer.wait_for(noise, f"noise, {size}")


def checkerboard(width, height, odd):
    """Squares one row high, as wide as what VNC tells apart."""
    dark, light = bytes(3 * 16), b"\xff" * 3 * 16
    row = (dark + light) * (width // 32)
    other = (light + dark) * (width // 32)
    rows = (other + row) if odd else (row + other)
    return Picture(width, height, rows * (height // 2))


def test_many_rectangles():
    """an update of more rectangles than a message can count"""
    display = free_display()
    # A rectangle for each pixel of an edge that is 16 wide and one high.
    size = 3840, 1200
    with SwVgpu(*vnc(display), *MEMORY) as vm, Rfb(display, RAW) as viewer:
        black = Picture(*size, bytes(3 * size[0] * size[1]))
        vm.draw_picture(0, black)
        viewer.wait_for(black, "black")
        for odd in False, True:
            want = checkerboard(*size, odd)
            vm.draw_picture(0, want)
            viewer.wait_for(want, "half of it")
            vm.draw_picture(0, black)
            viewer.wait_for(black, "black again")


def test_nothing():
    """a client that asked for no pixel gets the next change"""
    display = free_display()
    with SwVgpu(*vnc(display)) as vm, Rfb(display, RAW) as viewer:
        viewer.wait_for(vm.draw(0, 640, 480, 0x30), "the picture")
        for part in (0, 0, 0, 0), (640, 480, 10, 10), (0, 0, 640, 0):
            viewer.ask_for(part)
            # The server has looked for what it can send, and found nothing.
            before = vm.vgpu()["refreshes"]
            until("refreshes", lambda before=before:
                  vm.vgpu()["refreshes"] > before + 2)
            want = vm.draw(0, 640, 480, 0x40 + part[0] // 16 + part[2] // 8)
            viewer.wait_for(want, f"a change after {part}")


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status
                    if line.startswith("VmRSS:"))


# A second device, and its registers.
OTHER_SLOT, OTHER_REGISTERS, OTHER_MEMORY = 5, 0xfd000000, 0xd0000000
OTHER = "-device", f"vgpu-sw,id=gpu1,addr={OTHER_SLOT}"
OTHER_PLANE, OTHER_COMMIT, XR24 = 0x200, 0x40, 0x34325258


def draw_other(vm, width, height):
    """Black on the second device."""
    vm.configure(OTHER_SLOT, (0x10, OTHER_REGISTERS), (0x18, OTHER_MEMORY),
                 (0x04, 6))
    for at, value in enumerate((1, width, height, 4 * width, XR24)):
        vm.write_word(OTHER_REGISTERS + OTHER_PLANE + 4 * at, value)
    vm.write_word(OTHER_REGISTERS + OTHER_COMMIT, 1)


def jobs(vm):
    """Those that begin at the top of the screen, by client."""
    return re.findall(r"vnc_job_add_rect .* state=(\S+) .* offset=0,0 ",
                      vm.errors())


def test_aborted():
    """what was not sent yet when the console changed comes after it"""
    display, size, clients = free_display(), (1920, 1080), 3
    with SwVgpu(*vnc(display), *MEMORY, *OTHER, "-trace", "vnc_job_add_rect") \
            as vm, contextlib.ExitStack() as stack:
        draw_other(vm, *size)
        want = vm.draw(0, *size, 0x20)
        # The worker is busy for one of the two who are slow to encode, or is
        # going to be, when the third one's turn comes.
        viewers = [stack.enter_context(Rfb(display, encoding))
                   for encoding in (TIGHT, RAW, TIGHT)]
        quick = viewers[1]
        black = Picture(*size, bytes(3 * size[0] * size[1]))
        for console, picture in (2, black), (1, want):
            quick.select_console(console)
            for viewer in viewers:
                viewer.wait_for(picture, f"console {console}")
        noise = oracle.pattern(oracle.NOISE, *size, 7)
        before = len(jobs(vm))
        vm.draw_picture(1, noise)
        until("a job for each", lambda: len(jobs(vm)) >= before + clients,
              pause=0.001)
        # There and back, both of the same size.
        quick.select_console(2)
        quick.select_console(1)
        for viewer in viewers:
            viewer.wait_for(noise, "the second picture")


def test_idle():
    """idle clients keep no memory for what they got before"""
    display, size, clients = free_display(), (1920, 1080), 8
    frame_kib = 4 * size[0] * size[1] // 1024
    with SwVgpu(*vnc(display)) as vm, contextlib.ExitStack() as stack:
        want = vm.draw(0, *size, 0x20)
        vm.expect_screen(want)
        before = resident_kib(vm.pid)
        viewers = [stack.enter_context(Rfb(display, RAW))
                   for _ in range(clients)]
        for gray in 0x40, 0x60:
            want = vm.draw(0, *size, gray)
            for viewer in viewers:
                viewer.wait_for(want, "a frame")

        def given_back():
            frames = (resident_kib(vm.pid) - before) / frame_kib
            # The server's own copy of the screen, the mirror's, and some room.
            assert frames < 4, f"{frames:.1f} frames"
            return True
        until("idle clients", given_back)
        want = vm.draw(0, *size, 0x80)
        for viewer in viewers:
            viewer.wait_for(want, "a frame after that")


def test_wishes():
    """a size that no monitor has is refused, and changes nothing"""
    display = free_display()
    with Bus() as bus, SwVgpu(*vnc(display), *dbus(bus)) as vm:
        vm.draw(0, 640, 480, 0x40)
        with Rfb(display, RAW, extended=True) as viewer:
            assert viewer.ask_for_size(1024, 700) == FORWARDED
            until("the mode", lambda: expect_mode(vm, (1024, 700)))
            downs = vm.link_downs()
            for size in (1, 1), (0, 0), (63, 600), (800, 63), (0, 600):
                assert viewer.ask_for_size(*size) == INVALID, size
                if any(size):
                    try:
                        bus.resize(*size)
                        raise AssertionError(f"D-Bus took {size}")
                    except CallError as error:
                        assert "too small" in str(error), error
            # What was refused would have come before this one.
            assert viewer.ask_for_size(64, 64) == FORWARDED
            until("the mode", lambda: expect_mode(vm, (64, 64)))
            assert vm.link_downs() == downs + 1
            # libvncclient takes a screen 0 for none.
            assert all(screens == [1] for _, _, screens in viewer.layouts), \
                viewer.layouts


if __name__ == "__main__":
    tapcases.run([test_first_size, test_black, test_large,
                  test_too_large, test_tight, test_many_rectangles,
                  test_nothing, test_aborted, test_idle, test_wishes])
