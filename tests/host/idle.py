#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of what is not done: x-query-vgpu-display counts what is.

Prints TAP. No bound is on time: what may be read in a second is counted
against the seconds that went by.
"""

import time

import tapcases
from swvgpu import SwVgpu, free_port
from vgpulab.rfb import RAW, Rfb
from vgpulab.wait import until

WIDTH, HEIGHT = 640, 480
FRAME = 4 * WIDTH * HEIGHT


def vnc_display():
    port = free_port()
    while port < 5900:
        port = free_port()
    return port - 5900


class Watched:
    """A vGPU and one VNC client that has its picture."""

    def __init__(self, options=""):
        display = vnc_display()
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
    with SwVgpu("-vnc", f"127.0.0.1:{vnc_display()}") as vm:
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


if __name__ == "__main__":
    tapcases.run([test_nobody, test_polled, test_change_while_still])
