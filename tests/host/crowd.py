#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Viewers that come and go, stop reading, and change consoles.

Prints TAP. Few by default; VGPU_TEST_FULL=1 makes them many.
"""

import contextlib
import itertools
import os
import signal
import socket
import struct
import threading
import time

import tapcases
from swvgpu import SwVgpu
from vgpulab import oracle
from vgpulab.oracle import CHECKS
from vgpulab.rfb import RAW, TIGHT, Rfb
from vgpulab.viewerconfigs import (
    Gtk, GtkGl, GtkWaylandGl, SdlGl, Servers, SpiceGl)
from vgpulab.viewers import keyboard
from vgpulab.viewers.dbus import Listener
from vgpulab.viewers.spice import screenshot
from vgpulab.wait import until

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
CLIENTS = 200 if FULL else 20
SWITCHES = 100 if FULL else 10
PAGES = 3


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) // 1024 for line in status
                    if line.startswith("VmRSS:"))


def draw_pages(vm, width, height):
    """A picture in each of several buffers, the last one on screen."""
    pictures = [oracle.pattern(CHECKS, width, height, page)
                for page in range(PAGES)]
    for page, picture in enumerate(pictures):
        vm.draw_picture(page, picture)
    return pictures


@contextlib.contextmanager
def flipping(vm):
    """Another page at each 60th of a second, or as often as can be."""
    done = threading.Event()

    def flip():
        for page in itertools.cycle(range(PAGES)):
            vm.flip(page)
            if done.wait(1 / 60):
                return
    thread = threading.Thread(target=flip)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def visit_vnc(config, number):
    """Some leave at once, some in the middle of an update."""
    with Rfb(config.vnc_display, (RAW, TIGHT)[number % 2]) as viewer:
        for _ in range(number % 3):
            viewer.update()


def visits(config):
    """Ways to look for a moment; each takes its number."""
    yield visit_vnc
    if isinstance(config, Servers):
        yield lambda config, _: Listener(config.bus).close()
        yield visit_vnc
        yield lambda config, _: Listener(config.bus, share=True).close()
        yield visit_vnc
        yield lambda config, _: screenshot(config.spice_port)


def settled_descriptors(vm):
    """How many are open once closed connections are gone."""
    counts = []

    def look():
        counts.append(descriptors(vm.pid))
        return len(counts) > 5 and len(set(counts[-5:])) == 1
    until("a constant number of open files", look, pause=0.1)
    return counts[-1]


def come_and_go(cls):
    """Whoever stays sees every picture, nothing is left of those who go."""
    with cls() as config, SwVgpu(
            *config.arguments, environment=config.environment) as vm, \
            contextlib.ExitStack() as stack:
        pages = draw_pages(vm, 640, 480)
        looks = list(config.attach(stack))
        for look in looks:
            # a browser connects when it is ready, and counts from then on
            look(pages[-1])
        for visit in visits(config):
            visit(config, 1)
        before = settled_descriptors(vm)
        with flipping(vm):
            for number, visit in zip(range(CLIENTS),
                                     itertools.cycle(visits(config))):
                visit(config, number)
        for page, picture in enumerate(pages):
            vm.flip(page)
            for look in looks:
                look(picture)
            vm.expect_screen(picture)
        until("as many open files as before",
              lambda: descriptors(vm.pid) <= before)
        assert vm.alive(), vm.errors()


def test_servers():
    """clients of VNC, SPICE and D-Bus come and go while the guest flips"""
    come_and_go(Servers)


def test_gtk_gl():
    """clients come and go beside a GTK window with OpenGL"""
    come_and_go(GtkGl)


def test_gtk_wayland_gl():
    """clients come and go beside GTK's GL area"""
    come_and_go(GtkWaylandGl)


def test_sdl_gl():
    """clients come and go beside an SDL window with OpenGL"""
    come_and_go(SdlGl)


class Sleeper:
    """A VNC client that asks and asks, and never reads an answer."""

    def __init__(self, display, width, height):
        with Rfb(display, RAW):
            pass                        # the server is there
        self._socket = socket.create_connection(("127.0.0.1", 5900 + display))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._request = struct.pack(">BBHHHH", 3, 0, 0, 0, width, height)
        for message in (b"RFB 003.008\n", b"\1", b"\1"):
            self._socket.sendall(message)
        # Raw; sizes may change.
        self._socket.sendall(struct.pack(">BxHii", 2, 2, RAW, -223))

    def ask(self):
        """One more full update."""
        self._socket.settimeout(1)
        # The server may be full of what it cannot send.
        with contextlib.suppress(TimeoutError):
            self._socket.sendall(self._request)

    def close(self):
        self._socket.close()


def test_stopped_reader():
    """a VNC client that stops reading: memory bounded, others served"""
    width, height = 1280, 800
    with Servers() as config, SwVgpu(*config.arguments) as vm:
        pages = draw_pages(vm, width, height)
        with Rfb(config.vnc_display, RAW) as viewer, contextlib.closing(
                Sleeper(config.vnc_display, width, height)) as sleeper:
            viewer.wait_for(pages[-1], "the first picture")
            for round_ in range(10):
                sleeper.ask()
            before = resident_mib(vm.pid)
            frames = 1000 if FULL else 150
            for frame in range(frames):
                vm.flip(frame % PAGES)
                sleeper.ask()
                if viewer.pending(0.02):
                    viewer.update()
            grown = resident_mib(vm.pid) - before
            # A frame has 4 MiB: what QEMU may keep for it are some of them,
            # what it must not keep is every one.
            assert grown < 64, f"{grown} MiB more after {frames} frames"
            viewer.wait_for(pages[(frames - 1) % PAGES], "the last picture")


def test_stopped_spice_gl():
    """a SPICE client that takes buffers and stops: VNC goes on, so does it"""
    with SpiceGl() as config, SwVgpu(
            *config.arguments, environment=config.environment) as vm, \
            contextlib.ExitStack() as stack:
        pages = draw_pages(vm, 640, 480)
        look_spice, look_vnc = config.attach(stack)
        # Page 0 is a buffer to it, the others, with an offset, are pixels.
        vm.flip(0)
        look_spice(pages[0])
        config.client.signal(signal.SIGSTOP)
        try:
            with flipping(vm):
                time.sleep(1)
            for page, picture in enumerate(pages):
                vm.flip(page)
                look_vnc(picture)
                vm.expect_screen(picture)
        finally:
            config.client.signal(signal.SIGCONT)
        for page, picture in enumerate(pages):
            vm.flip(page)
            look_spice(picture)
            look_vnc(picture)


def test_spice_gl_same_pixels():
    """SPICE shows pixels that it was sent before, after a buffer"""
    with SpiceGl() as config, SwVgpu(
            *config.arguments, environment=config.environment) as vm, \
            contextlib.ExitStack() as stack:
        pages = draw_pages(vm, 640, 480)
        look_spice, _ = config.attach(stack)
        for page in (1, 0, 1):
            vm.flip(page)
            look_spice(pages[page])


def test_spice_gl_late_pixels():
    """a SPICE client that is behind with pixels gets none after a buffer"""
    with SpiceGl() as config, SwVgpu(
            *config.arguments, environment=config.environment) as vm, \
            contextlib.ExitStack() as stack:
        pages = draw_pages(vm, 1920, 1080)
        look_spice, look_vnc = config.attach(stack)
        look_spice(pages[-1])
        config.client.signal(signal.SIGSTOP)
        before = len(config.client.ways())
        try:
            # More than fits on the way to the client: QEMU keeps the rest.
            for flip in range(10):
                page = 1 + flip % 2
                vm.flip(page)
                look_vnc(pages[page])
            vm.flip(0)
            look_vnc(pages[0])
        finally:
            config.client.signal(signal.SIGCONT)
        look_spice(pages[0])
        changed = vm.fill(0, pages[0], (16, 16, 64, 64), 0x80)
        vm.flip(0)
        look_spice(changed)
        ways = config.client.ways()
        assert "2d" not in ways[ways.index("gl", before):], ways[before:]


def two_consoles(config):
    """The second vGPU's guest never turned it on: words."""
    return SwVgpu(*config.arguments, "-device", "vgpu-sw,id=gpu1",
                  environment=config.environment)


def words_of(vm, device):
    path = vm.screendump(device=device)
    assert len(path.colours()) <= 16
    return path


def test_switch_vnc():
    """a VNC client changes consoles while the guest flips"""
    with Servers() as config, two_consoles(config) as vm, \
            Rfb(config.vnc_display, RAW) as viewer:
        pages = draw_pages(vm, 800, 600)
        viewer.wait_for(pages[-1], "the picture")
        words = words_of(vm, "gpu1")
        with flipping(vm):
            for number in range(SWITCHES):
                viewer.select_console(2 - number % 2)
                if viewer.pending(0.05):
                    viewer.update()
        for _ in range(3):
            viewer.select_console(2)
            viewer.wait_for(words, "the other console")
            viewer.select_console(1)
            vm.flip(0)
            viewer.wait_for(pages[0], "the first console")
        assert vm.alive(), vm.errors()


def switch_gtk(cls):
    """Ctrl-Alt-1 and Ctrl-Alt-2 in the window."""
    with cls() as config, two_consoles(config) as vm, \
            contextlib.ExitStack() as stack:
        pages = draw_pages(vm, 640, 480)
        look, look_vnc, _ = config.attach(stack)
        look(pages[-1])
        words = words_of(vm, "gpu1")
        keys = stack.enter_context(keyboard.Keyboard(config.screen.display))
        with flipping(vm):
            for number in range(SWITCHES):
                keys.select_console(2 - number % 2)
                time.sleep(0.02)
        for _ in range(3):
            keys.select_console(2)
            look(words)
            keys.select_console(1)
            vm.flip(0)
            look(pages[0])
            look_vnc(pages[0])
        assert vm.alive(), vm.errors()


def test_switch_gtk():
    """a GTK window changes consoles while the guest flips"""
    switch_gtk(Gtk)


def test_switch_gtk_gl():
    """a GTK window with OpenGL changes consoles while the guest flips"""
    switch_gtk(GtkGl)


@contextlib.contextmanager
def stopped(vm):
    """QEMU does nothing, and what it is sent meanwhile waits for it."""
    os.kill(vm.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(vm.pid, signal.SIGCONT)


def test_keys_in_a_row():
    """a GTK window with OpenGL is busy while it is told to change twice"""
    with GtkGl() as config, two_consoles(config) as vm, \
            contextlib.ExitStack() as stack:
        pages = draw_pages(vm, 640, 480)
        look, *_ = config.attach(stack)
        look(pages[-1])
        keys = stack.enter_context(keyboard.Keyboard(config.screen.display))
        for page in range(PAGES):
            with stopped(vm):
                # The second is pressed in a window that is hidden by then.
                keys.select_console(2)
                keys.select_console(1)
            vm.flip(page)
            look(pages[page])


if __name__ == "__main__":
    tapcases.run([
        test_servers, test_gtk_gl, test_gtk_wayland_gl, test_sdl_gl,
        test_stopped_reader, test_stopped_spice_gl,
        test_spice_gl_same_pixels, test_spice_gl_late_pixels,
        test_switch_vnc, test_switch_gtk, test_switch_gtk_gl,
        test_keys_in_a_row])
