#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of what is not done: x-query-vgpu-display counts what is.

Prints TAP. No bound is on time: what may be read in a second is counted
against the seconds that went by.
"""

import contextlib
import itertools
import re
import time

import tapcases
from swvgpu import SwVgpu
from vgpulab.ports import free_display
from vgpulab.rfb import RAW, Rfb
from vgpulab.viewerconfigs import (
    DbusGl, GtkGlAlone, GtkWaylandGlAlone, SdlGlAlone, Servers, SpiceGl)
from vgpulab.wait import until

WIDTH, HEIGHT = 640, 480
FRAME = 4 * WIDTH * HEIGHT


class Watched:
    """A vGPU and one VNC client that has its picture."""

    def __init__(self, options=""):
        display = free_display()
        self.vm = SwVgpu("-vnc", f"127.0.0.1:{display}",
                         kind="dmabuf" + options)
        self.picture = self.vm.draw(0, WIDTH, HEIGHT, 0x50)
        self.viewer = Rfb(display, RAW)
        self.viewer.wait_for(self.picture, "the first picture")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.viewer.close()
        self.vm.close()


class Counted:
    """How the counters grow from here on."""

    def __init__(self, vm):
        self._vm = vm
        self._before = vm.vgpu()
        self._start = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self._start

    def __getitem__(self, key):
        return self._vm.vgpu()[key] - self._before[key]


def test_nobody():
    """with nobody watching nothing is asked and nothing is read"""
    with SwVgpu("-vnc", f"127.0.0.1:{free_display()}") as vm:
        picture = vm.draw(0, WIDTH, HEIGHT, 0x50)
        # The console has to find out that nobody watches.
        time.sleep(0.5)
        counted = Counted(vm)
        for gray in range(20):
            picture = vm.fill(0, picture, (10, 10, 64, 64), gray)
            time.sleep(0.05)
        assert counted["refreshes"] == 0, counted["refreshes"]
        assert counted["bytes-read"] == 0, counted["bytes-read"]
        vm.expect_screen(picture)


def test_polled():
    """a still screen that is polled is read ten times per second"""
    with Watched() as watched:
        before = Counted(watched.vm)
        # Two seconds after the last change the rate goes down.
        until("the slow rate", lambda: before.seconds > 5, pause=0.2)
        counted = Counted(watched.vm)
        time.sleep(2)
        refreshes = counted["refreshes"]
        most = 10 * counted.seconds + 3
        assert 1 <= refreshes <= most, (refreshes, most)
        read = counted["bytes-read"]
        assert read <= (most + 1) * FRAME, (read, refreshes)


def test_change_while_still():
    """a change of one pixel on a still screen is shown, wherever it is"""
    with Watched() as watched:
        time.sleep(1)
        for y in range(0, HEIGHT, 37):
            watched.picture = watched.vm.fill(
                0, watched.picture, (y, y, 1, 1), 0xff)
            watched.viewer.wait_for(watched.picture, f"a pixel in row {y}")


# As a GPU would take the buffers.
IMPORTS = "dmabuf,x-software-import=on"


class Draws:
    """How often viewers draw the dma-buf from here on."""

    def __init__(self, vm):
        self._vm = vm
        self._before = self._count()

    def _count(self):
        return self._vm.errors().count("vfio_display_redraw ")

    @property
    def made(self):
        return self._count() - self._before


def still(cls, kind=IMPORTS):
    """A viewer of dma-bufs: what a still screen costs, and a change on it."""
    with cls() as config, contextlib.ExitStack() as stack, SwVgpu(
            *config.arguments, "-trace", "vfio_display_redraw", kind=kind,
            environment=config.environment) as vm:
        picture = vm.draw(0, WIDTH, HEIGHT, 0x50)
        look = next(iter(config.attach(stack)))
        look(picture)
        assert vm.shows(config.names[0]) == {"dma-buf"}, vm.vgpu()
        before = Counted(vm)
        until("the slow rate", lambda: before.seconds > 5, pause=0.2)
        counted, draws = Counted(vm), Draws(vm)
        time.sleep(2)
        refreshes, made = counted["refreshes"], draws.made
        most = 10 * counted.seconds + 3
        assert refreshes <= most, (refreshes, most)
        assert made == 0, made
        # Its buffer stays the same, and its guest says nothing.
        for gray in 0x80, 0xc0:
            picture = vm.fill(0, picture, (300, 200, 8, 8), gray)
            look(picture)
        assert draws.made > 0
        assert "warning" not in vm.errors(), vm.errors()


def test_still_gtk():
    """a still dma-buf in a GTK window with OpenGL"""
    still(GtkGlAlone)


def test_still_gtk_wayland():
    """a still dma-buf in GTK's GL area"""
    still(GtkWaylandGlAlone)


def test_still_sdl():
    """a still dma-buf in an SDL window"""
    still(SdlGlAlone)


def test_still_dbus():
    """a still dma-buf that a D-Bus client shows"""
    still(DbusGl)


def test_still_spice():
    """a still dma-buf that a SPICE client shows"""
    still(SpiceGl)


def spice_alone(cls):
    """Nothing without a client, and the picture for one that comes late."""
    with cls() as config, SwVgpu(
            *config.arguments, environment=config.environment) as vm:
        picture = vm.draw(0, WIDTH, HEIGHT, 0x50)
        time.sleep(0.5)
        for turn in range(2):
            counted = Counted(vm)
            picture = vm.fill(0, picture, (10, 10, 64, 64), 0x60 + turn)
            time.sleep(1)
            assert counted["refreshes"] == 0, counted["refreshes"]
            assert counted["bytes-read"] == 0, counted["bytes-read"]
            with contextlib.ExitStack() as stack:
                for look in config.attach(stack):
                    look(picture)
            until("nobody", lambda: not refreshed(vm))


def refreshed(vm):
    """Is it still, a moment later?"""
    counted = Counted(vm)
    time.sleep(0.3)
    return counted["refreshes"]


class Spice(Servers):
    """SPICE, and nothing else."""

    viewers = ("SPICE: spice-gtk",)
    names = ("spice",)

    def prepare(self):
        self.arguments += ["-display", "none"]
        self._add_spice()

    def attach(self, stack):
        yield self._attach_spice(stack)


def test_spice_nobody():
    """SPICE without a client asks for nothing"""
    spice_alone(Spice)


def test_spice_gl_nobody():
    """SPICE with OpenGL and without a client asks for nothing"""
    spice_alone(SpiceGl)


def test_sdl_events():
    """an SDL window looks for input while its vGPU says that it is still"""
    with SdlGlAlone() as config, contextlib.ExitStack() as stack, SwVgpu(
            *config.arguments, kind=IMPORTS + ",irq=on",
            environment=config.environment) as vm:
        picture = vm.draw(0, WIDTH, HEIGHT, 0x50)
        look = next(iter(config.attach(stack)))
        look(picture)
        before = Counted(vm)
        until("the slow rate", lambda: before.seconds > 5, pause=0.2)
        # Its events are looked for in each refresh, and nowhere else.
        counted = Counted(vm)
        until("some refreshes", lambda: counted["refreshes"] >= 10)
        assert counted.seconds < 8, counted.seconds


# What a viewer that does not say how often it wants to be refreshed gets from
# stock QEMU: so many ms after the last refresh was done, in whole ms.
STOCK_PERIOD = 0.030


def refresh_times(vm, display):
    """When SPICE's display of that number was refreshed, in seconds."""
    return [float(stamp) for stamp in re.findall(
        rf"@([0-9.]+):qemu_spice_display_refresh {display} ", vm.errors())]


def test_neighbour():
    """a VGA beside a busy vGPU is refreshed as often as without it"""
    display = free_display()
    with Spice() as config, SwVgpu(
            "-vnc", f"127.0.0.1:{display}", "-device", "VGA",
            "-trace", "qemu_spice_display_refresh", "-msg", "timestamp=on",
            *config.arguments) as vm, Rfb(display, RAW) as viewer:
        picture = vm.draw(0, WIDTH, HEIGHT, 0x50)
        viewer.wait_for(picture, "the vGPU's picture")
        counted = Counted(vm)
        gray = itertools.count()
        # Its viewer has the vGPU refreshed twice as often.
        while counted["refreshes"] < 100:
            picture = vm.fill(0, picture, (10, 10, 64, 64), next(gray) % 256)
            viewer.wait_for(picture, "a change")
        times = refresh_times(vm, 1)
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        assert len(gaps) >= 10, times
        assert min(gaps) > STOCK_PERIOD - 0.001, min(gaps)


if __name__ == "__main__":
    tapcases.run([test_nobody, test_polled, test_change_while_still,
                  test_still_gtk, test_still_gtk_wayland, test_still_sdl,
                  test_still_dbus, test_still_spice, test_spice_nobody,
                  test_spice_gl_nobody, test_sdl_events, test_neighbour])
