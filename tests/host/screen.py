#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vgpu-screen as a window of a compositor without a monitor. Prints TAP.

The software vGPU is what it shows. What is on the compositor's screen is
compared with what was drawn, and who copied what is counted.
"""

import contextlib
import os
import random
import re
import sys
import threading
import time

import tapcases
from swvgpu import SwVgpu
from vgpulab import layers, mesa, oracle, paths
from vgpulab.fakeqemu import (DMABUF2, LISTENER, MAP, PLANES, Buffer,
                              CallError, FakeQemu, memory)
from vgpulab.machine import Machine
from vgpulab.picture import Picture, expect_picture
from vgpulab.planes import ARGB, XRGB
from vgpulab.skip import Skip
from vgpulab.viewers import dbus, screen
from vgpulab.viewers.screen import VgpuScreen
from vgpulab.viewers.weston import Weston
from vgpulab.wait import until

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
SIZE = (1280, 1024)
# Pixman's numbers of them.
X8R8G8B8, C8, G8 = 0x20020888, 0x08040000, 0x08050000
# Weston places a window where the first mode fits, and QEMU begins with 640x480.
MODES = (640, 480), (512, 384), (401, 301), (320, 200)


class Pixels:
    """QEMU sends pixels.

    The compositor draws with OpenGL: what Weston's other way makes of pixels
    whose fourth byte is not 255 cannot be saved as a picture.
    """

    gl = False

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        with self._stack:
            environment = mesa.need_import()
            self.weston = self._stack.enter_context(
                Weston(*SIZE, environment, gl=True))
            self.bus = self._stack.enter_context(dbus.Bus())
            display = dbus.option(self.bus) + (",gl=on" if self.gl else "")
            self.vm = self._stack.enter_context(
                SwVgpu("-display", display, environment=dict(environment)))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def open(self, *arguments, **variables):
        return VgpuScreen("--wayland", "--dbus", self.bus.address, *arguments,
                          environment=dict(self.weston.environment,
                                           **variables))

    def expect(self, viewer, want, what):
        def look():
            viewer.expect_alive()
            return self.weston.find(want)
        expect_picture(what, look, want)

    def draw(self, number, size):
        want = oracle.pattern(oracle.CHECKS if number % 2 else oracle.RAMP,
                              *size, number)
        self.vm.draw_picture(number % 3, want)
        return want


class Buffers(Pixels):
    """QEMU passes the guest's buffers on, and the compositor takes them."""

    gl = True


def check_modes(kind):
    with kind() as setup:
        want = setup.draw(0, MODES[0])
        with setup.open() as viewer:
            setup.expect(viewer, want, "the first mode")
            # QEMU begins with a picture of its own.
            before = viewer.counted()
            for number, size in enumerate(MODES[1:], 1):
                setup.expect(viewer, setup.draw(number, size), f"{size}")
            for number in range(4, 8):
                setup.expect(viewer, setup.draw(number, MODES[-1]), "a flip")
            frames, planes, _, _, copied = viewer.counted()
            return frames - before[0], planes, copied - before[4]


def test_pixels():
    """pixels: modes and flips, as they were drawn"""
    frames, planes, copied = check_modes(Pixels)
    assert frames >= 7 and planes == 0 and copied, (frames, planes, copied)


def test_buffers():
    """dma-bufs: modes and flips, without a byte copied by anybody"""
    frames, planes, copied = check_modes(Buffers)
    assert frames >= 7 and planes == 1 and not copied, (frames, planes, copied)


def test_damage():
    """pixels: a small change is copied, and no more"""
    with Pixels() as setup, setup.open() as viewer:
        want = setup.draw(0, (640, 480))
        setup.expect(viewer, want, "the first picture")
        before = viewer.counted()[4]
        want = setup.vm.fill(0, want, (100, 50, 16, 8), 0x77)
        setup.expect(viewer, want, "a small change")
        # Once into our memory and once into each of the window's, and what
        # QEMU finds is a little larger.
        copied = viewer.counted()[4] - before
        assert 0 < copied < 640 * 480 * 4 / 4, copied


# As WAYLAND_DEBUG and G_DBUS_DEBUG write them.
_CREATED = re.compile(r"zwp_linux_buffer_params_v1[@#]\d+\.created"
                      r"\(new id wl_buffer[@#](\d+)\)")
_ATTACHED = re.compile(r"-> wl_surface[@#]\d+\.attach\(wl_buffer[@#](\d+),")
_RELEASED = re.compile(r"\] *wl_buffer[@#](\d+)\.release\(\)")
_ASKED = "METHOD INVOCATION org.qemu.Display1.Listener.UpdateDMABUF"
_ANSWERED = "in response to org.qemu.Display1.Listener.UpdateDMABUF"


def answers_too_early(text):
    """How often updates were answered, and how often before they were
    committed, or while the compositor had another buffer."""
    imported, busy, last = set(), set(), None
    answers = early = 0
    committed = False
    for line in text.splitlines():
        if found := _CREATED.search(line):
            imported.add(found[1])
        elif (found := _ATTACHED.search(line)) and found[1] in imported:
            last, committed = found[1], True
            busy.add(last)
        elif found := _RELEASED.search(line):
            busy.discard(found[1])
        elif _ASKED in line:
            committed = False
        elif _ANSWERED in line:
            answers += 1
            early += not committed or bool(busy - {last})
    return answers, early


def test_cursor():
    """a cursor over the picture, and gone again"""
    with Pixels() as setup, setup.open() as viewer:
        want = setup.draw(0, (640, 480))
        setup.expect(viewer, want, "the picture")
        for left, top in (100, 100), (5, 7), (600, 440):
            setup.vm.show_cursor(0xff3366cc, 32, (3, 4), (left, top))
            width, height = min(32, 640 - left), min(32, 480 - top)
            setup.expect(viewer, want.with_fill(
                left, top, width, height, 0x3366cc), f"at {left}, {top}")
        setup.vm.show_cursor(0, 32, (0, 0))
        setup.expect(viewer, want, "no cursor")


def test_planes():
    """overlay and cursor as they are, beside a viewer that has no planes"""
    with Buffers() as setup:
        picture = setup.draw(0, (640, 480))
        with setup.open() as viewer:
            setup.expect(viewer, picture, "the picture")
            want = setup.vm.show_overlay(picture, (100, 50, 64, 48), 0x77)
            setup.vm.show_cursor(0xff3366cc, 32, (3, 4), (130, 80))
            want = want.with_fill(130, 80, 32, 32, 0x3366cc)
            setup.expect(viewer, want, "all three")
            before = viewer.counted()
            picture = setup.draw(1, (640, 480))
            want = setup.vm.show_overlay(picture, (600, 440, 64, 48), 0x55)
            setup.vm.show_cursor(0xff3366cc, 32, (3, 4), (620, -10))
            want = want.with_fill(620, 0, 20, 22, 0x3366cc)
            setup.expect(viewer, want, "over the edges")
            assert viewer.counted()[4] == before[4], viewer.seconds()
            assert viewer.counted()[1] == 3, viewer.seconds()
            # But for a look now and then, as this vGPU does not notify.
            info = setup.vm.vgpu()
            assert not info["bytes-read"] + info["cursor-updates"], info
            until("rest", lambda: not viewer.seconds()[-1][0])
            with dbus.Listener(setup.bus) as other:
                composed = setup.vm.show_overlay(
                    setup.draw(2, (640, 480)), (50, 60, 64, 48), 0x33)
                other.wait_for(composed, "composed, without the cursor")
                setup.expect(viewer, composed.with_fill(
                    620, 0, 20, 22, 0x3366cc), "both")
                assert viewer.counted()[1] == 3, viewer.seconds()
            setup.vm.refuse_overlay()
            setup.expect(viewer, setup.draw(3, (640, 480)).with_fill(
                620, 0, 20, 22, 0x3366cc), "no answer about the overlay")
            setup.vm.hide_overlay()
            setup.vm.show_cursor(0, 32, (0, 0))
            setup.expect(viewer, setup.draw(4, (640, 480)), "nothing over it")


def test_off():
    """a display that is off shows no guest's picture, and comes back"""
    with Buffers() as setup, setup.open() as viewer:
        want = setup.draw(0, (640, 480))
        setup.expect(viewer, want, "the picture")
        setup.vm.turn_off()
        until("something else",
              lambda: setup.weston.picture().find(want) is None)
        setup.expect(viewer, setup.draw(1, (640, 480)), "another picture")


def check_killed(kind):
    """At any point of what it does, at random."""
    points = random.Random(1)
    with kind() as setup:
        for number in range(50 if FULL else 3):
            want = setup.draw(number, MODES[0])
            with setup.open() as viewer:
                end = time.monotonic() + points.uniform(0, 0.4)
                while time.monotonic() < end:
                    want = setup.draw(number + 1, MODES[0])
                viewer.kill()
            with setup.open() as viewer:
                # It is told what is there.
                setup.expect(viewer, want, "the picture, again")
                setup.expect(viewer, setup.draw(
                    number + 1, MODES[0]), "a change")
        setup.vm.qmp.command("query-status")


def test_killed_pixels():
    """pixels: the VM outlives a viewer that is killed, the next one shows it
    """
    check_killed(Pixels)


def test_killed_buffers():
    """dma-bufs: likewise"""
    check_killed(Buffers)


def test_fullscreen():
    """full screen: the guest is told the size, and takes it or is scaled"""
    with Pixels() as setup, setup.open("--fullscreen") as viewer:
        setup.draw(0, (640, 480))
        until("the wish", lambda: monitor_size(setup.vm.edid()) == SIZE)
        setup.expect(viewer, setup.draw(1, SIZE), "the screen's size")


def monitor_size(edid):
    """Of its first detailed timing; VESA's E-EDID, section 3.10.2."""
    if len(edid) < 72:
        return None
    return (edid[56] | (edid[58] & 0xf0) << 4,
            edid[59] | (edid[61] & 0xf0) << 4)


def test_peer():
    """QEMU without a bus, by its QMP socket"""
    with Weston(*SIZE, mesa.need_import(), gl=True) as weston:
        folder = weston.folder
        socket = os.path.join(folder, "screen-qmp")
        with SwVgpu("-display", "dbus,p2p=yes", "-qmp",
                    f"unix:{socket},server=on,wait=off") as vm:
            want = oracle.pattern(oracle.CHECKS, 640, 480, 3)
            vm.draw_picture(0, want)
            # A second one finds the socket as the first one left it.
            for _ in range(2):
                with VgpuScreen("--wayland", "--qmp", socket,
                                environment=weston.environment) as viewer:
                    def look(viewer=viewer):
                        viewer.expect_alive()
                        return weston.find(want)
                    expect_picture("the picture", look, want)


def test_mute_client():
    """a client that does not say what it can do: QEMU does not mind"""
    with Pixels() as setup:
        with dbus.mute_listener(setup.bus):
            setup.vm.qmp.command("query-status")
        assert not setup.vm.errors(), setup.vm.errors()


def test_domain():
    """a domain of libvirt's, as virsh describes it"""
    with Pixels() as setup:
        folder = setup.weston.folder
        with open(os.path.join(folder, "virsh"), "w",
                  encoding="ascii") as virsh:
            virsh.write("#!/bin/sh\n"
                        'case "$*" in *"--domain running"*) ;;\n'
                        '*off*) echo "<domain/>"; exit ;; *) exit 1 ;; esac\n'
                        "cat <<'EOF'\n<domain type='kvm'>\n"
                        "<graphics type='vnc' port='5900'/>\n"
                        f"<graphics type='dbus' "
                        f"address='{setup.bus.address}'>\n"
                        "</graphics></domain>\nEOF\n")
        os.chmod(virsh.name, 0o755)
        environment = dict(setup.weston.environment)
        environment["PATH"] = folder + ":" + environment["PATH"]
        want = setup.draw(0, MODES[0])
        with VgpuScreen("--wayland", "--vm", "running",
                        environment=environment) as viewer:
            setup.expect(viewer, want, "the picture")
        for name, words in ("off", "not running"), ("none", "no such domain"):
            status, said = ends("--wayland", "--vm", name,
                                environment=environment)
            assert status == screen.NO_VM and words in said, said


def opaque(picture):
    """Its rows, for pictures of what is drawn without OpenGL (see Pixels)."""
    data = bytearray(layers.of_picture(picture).data)
    data[3::4] = b"\xff" * (picture.width * picture.height)
    return data


class Told:
    """What is shown is what the test tells the viewer.

    takes: whether the compositor takes dma-bufs.
    """

    def __init__(self, takes=True, **variables):
        self._takes = takes
        self._variables = variables

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        with self._stack:
            self.weston = self._stack.enter_context(
                Weston(*SIZE, mesa.need_import(), gl=self._takes))
            bus = self._stack.enter_context(dbus.Bus())
            self.qemu = self._stack.enter_context(FakeQemu(bus))
            self.viewer = self._stack.enter_context(
                VgpuScreen("--wayland", "--dbus", bus.address,
                           environment=dict(self.weston.environment,
                                            **self._variables)))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def expect(self, want, what):
        def look():
            self.viewer.expect_alive()
            return self.weston.find(want)
        expect_picture(what, look, want)

    def buffer(self, picture, view=None, upside_down=False, lacking=0):
        """A dma-buf, of which the view is shown.

        lacking: how many rows its memory is too short for.
        """
        width, height = picture.width, picture.height
        left, top, view_width, view_height = view or (0, 0, width, height)
        fd = memory(opaque(picture)[:4 * width * (height - lacking)])
        self.qemu.tell(
            "ScanoutDMABUF2", "(ahuuuuauauuuuutb)",
            ([0], left, top, view_width, view_height, [0], [4 * width], 1,
             XRGB, width, height, 0, upside_down), [fd],
            interface=DMABUF2)
        os.close(fd)
        self.qemu.tell("UpdateDMABUF", "(iiii)",
                       (0, 0, view_width, view_height))

    def planes(self, planes, fd, vanishes=False):
        """Over the buffer, at once.

        vanishes: their memory goes before they are shown.
        """
        self.qemu.tell("SetPlanes", "(a(uahauauutuuiiuuuii))", (planes,),
                       [fd], interface=PLANES)
        if vanishes:
            os.ftruncate(fd, 0)
        self.qemu.tell("UpdateDMABUF", "(iiii)", (0, 0, 0, 0))


class Watch(threading.Thread):
    """How many colours are on the screen at a time, again and again."""

    def __init__(self, weston):
        super().__init__()
        self._weston = weston
        self._ends = threading.Event()
        self.counts = []

    def run(self):
        while not self._ends.is_set():
            self.counts.append(len(self._weston.picture().colours()))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self.join()


def test_release():
    """a guest that draws into what is free: no frame is torn"""
    count = 10000 if FULL else 300
    buffers = [Buffer(64, 48) for _ in range(2)]
    with Told(WAYLAND_DEBUG="client",
              G_DBUS_DEBUG="incoming,return") as told:
        told.qemu.show(buffers[1])
        told.expect(Picture(64, 48, bytes(3 * 64 * 48)), "a black picture")
        with Watch(told.weston) as watch:
            for number in range(count):
                buffers[number % 2].fill(oracle.mix(number))
                told.qemu.show(buffers[number % 2])
        # The window is all that there is beside Weston's background.
        assert set(watch.counts) == {2}, watch.counts
        frames, planes, _, held, copied = told.viewer.counted()
        assert frames > count and planes == 1 and not copied, frames
        # Those that the clock answers, as it must, are counted.
        answers, early = answers_too_early(told.viewer.said())
        assert answers > count and early <= held < 9, (answers, early, held)
    for buffer in buffers:
        buffer.close()


def upside_down(picture):
    return Picture(picture.width, picture.height, b"".join(
        picture.row(y) for y in reversed(range(picture.height))))


def check_views(takes):
    picture = oracle.pattern(oracle.NOISE, 640, 480, 1)
    view = (32, 16, 320, 200)
    with Told(takes) as told:
        told.buffer(picture)
        told.expect(picture, "all of it")
        told.buffer(picture, view)
        told.expect(picture.cropped(*view), "a part")
        told.buffer(upside_down(picture), upside_down=True)
        told.expect(picture, "upside down")
        told.buffer(upside_down(picture), view, upside_down=True)
        told.expect(picture.cropped(*view), "a part, upside down")
        assert bool(told.viewer.counted()[4]) != takes
        assert ("it is copied" in told.viewer.said()) != takes


def test_views():
    """dma-bufs: parts of one, and those whose last row comes first"""
    check_views(True)


def test_views_copied():
    """dma-bufs that the compositor does not take: the same, copied"""
    check_views(False)


# What no QEMU may send: method, types, values, how many descriptors.
NONSENSE = (
    ("Scanout", "(uuuuay)", (0, 480, 2560, X8R8G8B8, b"")),
    ("Scanout", "(uuuuay)", (640, 480, 2560, X8R8G8B8, b"short")),
    ("Scanout", "(uuuuay)", (640, 480, 1, X8R8G8B8, bytes(4096))),
    ("Scanout", "(uuuuay)", (640, 1, 2560, 0x12345678, bytes(4096))),
    ("Scanout", "(uuuuay)", (1 << 31, 1 << 31, 0xfffffffc, X8R8G8B8, b"")),
    ("Update", "(iiiiuuay)", (600, 0, 64, 1, 256, X8R8G8B8, bytes(256))),
    ("Update", "(iiiiuuay)", (-1, 0, 1, 1, 4, X8R8G8B8, bytes(4))),
    ("Update", "(iiiiuuay)", (0, 0, -64, -1, 256, X8R8G8B8, bytes(256))),
    ("Update", "(iiiiuuay)", (0, 0, 1, 1, 4, 0x10020565, bytes(4))),
    ("CursorDefine", "(iiiiay)", (64, 64, 0, 0, bytes(64))),
    ("CursorDefine", "(iiiiay)", (-1, 1 << 30, 0, 0, b"")),
    ("ScanoutDMABUF", "(huuuutb)", (7, 640, 480, 2560, XRGB, 0, False)),
    ("ScanoutDMABUF", "(huuuutb)", (0, 0, 0, 0, XRGB, 0, False)),
    ("ScanoutDMABUF", "(huuuutb)", (0, 99999, 9, 0, XRGB, 0, False)),
    # Of a palette, which nobody sends.
    ("Scanout", "(uuuuay)", (64, 1, 64, C8, bytes(64))),
    ("Scanout", "(uuuuay)", (64, 1, 64, G8, bytes(64))),
    # Within the memory, and beyond what 32 bits count.
    ("ScanoutMap", "(huuuuu)", (0, 0, 64, 5, 0x7ffffffc, X8R8G8B8)),
)


def test_nonsense():
    """messages that cannot be: refused, and the last picture stays"""
    picture = oracle.pattern(oracle.CHECKS, 640, 480, 3)
    with Told() as told:
        told.qemu.tell("Scanout", "(uuuuay)",
                       (640, 480, 2560, X8R8G8B8,
                        layers.of_picture(picture).data))
        told.expect(picture, "the picture")
        for method, kind, values in NONSENSE:
            fd = memory(bytes(4096))
            os.ftruncate(fd, 16 << 30)
            try:
                told.qemu.tell(method, kind, values, [fd], interface=MAP
                               if method == "ScanoutMap" else LISTENER)
            except CallError:
                pass
            else:
                raise AssertionError(f"{method} {values[:6]} was taken")
            finally:
                os.close(fd)
            told.viewer.expect_alive()
        told.qemu.tell("Update", "(iiiiuuay)",
                       (639, 479, 1, 1, 4, X8R8G8B8, bytes(4)))
        told.expect(picture.with_fill(639, 479, 1, 1, 0), "the last pixel")
        # A compositor would end the connection for it.
        told.buffer(picture, lacking=8)
        told.expect(picture.with_fill(0, 472, 640, 8, 0), "all that is there")
        assert "it is copied" in told.viewer.said(), told.viewer.said()


def overlay(fourcc, place=(10, 20), size=(8, 4), kind=0, blend=0,
            parts=1):
    """Of SetPlanes; all its descriptors are the first one."""
    return (kind, [0] * parts, [0] * parts, [4 * size[0]] * parts, fourcc, 0,
            *size, *place, *size, blend, 0, 0)


# Each one that cannot be, or cannot be shown.
NO_PLANES = (
    [overlay(XRGB, kind=2)],
    [overlay(XRGB, blend=2)],
    [overlay(XRGB, size=(0, 4))],
    [overlay(XRGB, size=(99999, 4))],
    [overlay(XRGB, place=(-(1 << 31), 0))],
    [overlay(XRGB, parts=5)],
    [overlay(XRGB, parts=0)],
    [overlay(XRGB)] * 5,
    [overlay(XRGB, kind=1)] * 2,
    [overlay(0x12345678)],
)


def test_refused_planes():
    """planes that cannot be shown are refused; the others are shown"""
    picture = oracle.pattern(oracle.CHECKS, 640, 480, 3)
    with Told() as told:
        told.buffer(picture)
        told.expect(picture, "the picture")
        fd = memory(b"\x11\x22\x33\xff" * 32 + bytes(3968))
        for number, planes in enumerate(NO_PLANES):
            try:
                told.planes(planes, fd)
            except CallError:
                told.viewer.expect_alive()
            else:
                raise AssertionError(f"{number} was taken: {planes}")
        told.planes([overlay(ARGB), overlay(XRGB, (636, 478))], fd)
        told.expect(picture.with_fill(10, 20, 8, 4, 0x332211).with_fill(
            636, 478, 4, 2, 0x332211), "over it")
        told.planes([overlay(ARGB, kind=1, blend=1)], fd)
        told.expect(picture.with_fill(10, 20, 8, 4, 0x332211), "a cursor")
        told.planes([], fd)
        told.expect(picture, "nothing over it")
        os.close(fd)


def test_vanished():
    """memory that goes away: the last picture stays, and the next comes"""
    picture = oracle.pattern(oracle.CHECKS, 640, 480, 3)
    with Told(False) as told:
        fd = memory(opaque(picture))
        told.qemu.tell("ScanoutMap", "(huuuuu)",
                       (0, 0, 640, 480, 2560, X8R8G8B8), [fd], interface=MAP)
        told.expect(picture, "the picture")
        os.ftruncate(fd, 4096)
        told.qemu.tell("UpdateMap", "(iiii)", (0, 0, 640, 480), interface=MAP)
        told.viewer.counted()
        told.expect(picture, "the last picture")
        os.close(fd)
        other = oracle.pattern(oracle.RAMP, 640, 480, 1)
        told.buffer(other)
        told.expect(other, "the next one")
        fd = memory(b"\x11\x22\x33\xff" * 1024)
        told.planes([overlay(XRGB)], fd)
        told.expect(other.with_fill(10, 20, 8, 4, 0x332211), "an overlay")
        told.planes([overlay(XRGB, size=(16, 8))], fd, vanishes=True)
        told.planes([], fd)
        told.expect(other, "no overlay")
        os.close(fd)


def test_stock():
    """QEMU as it comes, without any of this: its pixels"""
    if not os.path.exists(paths.STOCK_QEMU):
        raise Skip("there is no stock QEMU: --full and ./vgpu bench build it")
    paths.build_guest()
    with contextlib.ExitStack() as stack:
        weston = stack.enter_context(Weston(*SIZE, mesa.need_import(), gl=True))
        bus = stack.enter_context(dbus.Bus())
        vm = stack.enter_context(
            contextlib.closing(Machine(paths.STOCK_QEMU)))
        vm.add_args("-device", "VGA,addr=5", "-display", dbus.option(bus))
        vm.add_guest()
        vm.start()
        vm.guest.wait_ready()
        viewer = stack.enter_context(
            VgpuScreen("--wayland", "--dbus", bus.address,
                       environment=weston.environment))
        for number, size in enumerate(((640, 480), (800, 600))):
            vm.guest.mode(*size)
            vm.guest.pattern(oracle.CHECKS, number)

            def look():
                viewer.expect_alive()
                return weston.find(want)
            want = oracle.pattern(oracle.CHECKS, *size, number)
            expect_picture(f"{size}", look, want)


def ends(*arguments, environment=None):
    with VgpuScreen(*arguments, environment=environment) as viewer:
        return viewer.wait(), viewer.said()


def test_statuses():
    """exit statuses, and words that say what to do"""
    nowhere = {name: value for name, value in os.environ.items()
               if name not in ("WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")}
    status, said = ends("--dbus", "unix:path=/nonexistent", "--wayland")
    assert status == screen.NO_VM and "-display dbus,addr=" in said, said
    status, said = ends("--wayland", "--kms")
    assert status == screen.USAGE and "exclude" in said, said
    with Pixels() as setup:
        status, said = ends("--dbus", setup.bus.address, "--wayland",
                            environment=nowhere)
        assert status == screen.NO_OUTPUT, (status, said)
        assert "WAYLAND_DISPLAY" in said, said
        status, said = ends("--dbus", setup.bus.address, "--console", "7",
                            "--wayland", environment=nowhere)
        assert status == screen.NO_VM and "console 7" in said, said
        with setup.open() as viewer:
            setup.expect(viewer, setup.draw(0, (640, 480)), "the picture")
            setup.vm.qmp.command("quit")
            assert viewer.wait() == screen.LEFT, viewer.said()


def test_compositor_leaves():
    """the compositor ends: so does the viewer, and the VM does not"""
    with Buffers() as setup, setup.open() as viewer:
        setup.expect(viewer, setup.draw(0, (640, 480)), "the picture")
        setup.weston.close()
        assert viewer.wait() == screen.OUTPUT_LOST, viewer.said()
        setup.draw(1, (640, 480))
        setup.vm.qmp.command("query-status")


def main():
    screen_tests = [value for name, value in globals().items()
                    if name.startswith("test_")
                    and (len(sys.argv) == 1 or name[5:] in sys.argv[1:])]
    tapcases.run(screen_tests)


if __name__ == "__main__":
    main()
