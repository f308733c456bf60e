#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests that last: no update is lost, nothing grows.

Prints TAP. Short by default; VGPU_TEST_FULL=1 makes them long. VGPU_TEST_SEED
repeats a run.
"""

import os
import random
import threading
import time

import tapcases
from swvgpu import SwVgpu
from vgpulab.picture import Picture
from vgpulab.ports import free_display
from vgpulab.rfb import RAW, Rfb
from vgpulab.viewers.dbus import Bus, Listener

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
SEED = int(os.environ.get("VGPU_TEST_SEED", random.randrange(1 << 32)))
WIDTH, HEIGHT = 320, 200


def random_draw(chance, vm, picture):
    """Up to eight rectangles, one after another, or all at once."""
    for _ in range(chance.randint(1, 8)):
        width, height = chance.randint(1, 80), chance.randint(1, 12)
        rect = (chance.randint(0, WIDTH - width),
                chance.randint(0, HEIGHT - height), width, height)
        picture = vm.fill(0, picture, rect, chance.randrange(256))
        # Less or more than a refresh takes to come; often nothing.
        time.sleep(chance.choice((0, 0, chance.uniform(0, 0.04))))
    return picture


def test_no_lost_update():
    """what was drawn last is what VNC and D-Bus show, wherever it stops"""
    chance = random.Random(SEED)
    print(f"# VGPU_TEST_SEED={SEED}")
    display = free_display()
    with Bus() as bus, SwVgpu(
            "-vnc", f"127.0.0.1:{display}", "-display",
            "dbus,addr=" + bus.address.replace(",", ",,")) as vm:
        picture = vm.draw(0, WIDTH, HEIGHT, 0x40)
        with Listener(bus) as listener, Rfb(display, RAW) as viewer:
            for point in range(1000 if FULL else 25):
                picture = random_draw(chance, vm, picture)
                viewer.wait_for(picture, f"VNC at stop {point}")
                listener.wait_for(picture, f"D-Bus at stop {point}")
        vm.expect_screen(picture)


class Steps:
    """Pictures in which each step changes little, here and there.

    A box is elsewhere, and the first row, one in the middle and the last have
    a stamp of the step's number as colour.
    """

    def __init__(self, chance, width, height):
        self._middle = chance.randrange(1, height - 1)
        self._chance = chance
        self._ground = Picture(width, height, bytes(3 * width * height))
        self.pictures = []

    def next(self):
        ground = self._ground
        box = (self._chance.randrange(ground.width - 16),
               self._chance.randrange(ground.height - 16), 16, 16)
        picture = ground.with_fill(*box, self._chance.randrange(1 << 24))
        for row in 0, self._middle, ground.height - 1:
            picture = picture.with_fill(0, row, 1, 1, len(self.pictures))
        self.pictures.append(picture)
        return picture

    def shown(self, picture, before):
        """The step that a viewer's picture is, which may not be mixed."""
        red, green, blue = picture.pixel(0, 0)
        step = red << 16 | green << 8 | blue
        assert before <= step < len(self.pictures), (before, step)
        wrong = picture.difference(self.pictures[step])
        assert wrong is None, f"a part of step {step}: {wrong}"
        return step


def see_whole_steps(vm, viewer, chance, height, count, tells):
    """The guest writes each step at once; each update is a whole one.

    tells: whether the device signals what was written.
    """
    steps, shown = Steps(chance, 100, height), 0
    vm.draw_picture(0, steps.next())
    viewer.wait_for(steps.pictures[0], f"{height} rows")
    last = viewer.updates + count
    while viewer.updates < last:
        vm.write_picture(0, steps.next())
        if tells:
            vm.planes.commit()
        # Less or more than a refresh takes to come; often nothing.
        time.sleep(chance.choice((0, 0, chance.uniform(0, 0.03))))
        while viewer.pending(0):
            viewer.update()
            shown = steps.shown(viewer.picture(), shown)
    viewer.wait_for(steps.pictures[-1], f"the last step of {height} rows")


def whole_frames(kind, tells=False):
    chance = random.Random(SEED)
    print(f"# VGPU_TEST_SEED={SEED}")
    display = free_display()
    with SwVgpu("-vnc", f"127.0.0.1:{display}", kind=kind) as vm:
        vm.draw(0, WIDTH, HEIGHT, 0x40)
        with Rfb(display, RAW) as viewer:
            # 10,000 updates of the two tests, or 320
            for height in range(48, 64):
                see_whole_steps(vm, viewer, chance, height,
                                313 if FULL else 10, tells)


def test_whole_frames_polled():
    """each update is a whole frame, whatever its height: polled"""
    whole_frames("dmabuf")


def test_whole_frames_notified():
    """each update is a whole frame, whatever its height: notified"""
    whole_frames("dmabuf,irq=on", tells=True)


class Taker(threading.Thread):
    """A VNC viewer that takes what comes until it is told to stop."""

    def __init__(self, display):
        super().__init__()
        self._stop_now = threading.Event()
        self.viewer = Rfb(display, RAW)
        self.start()

    def run(self):
        while not self._stop_now.is_set():
            if self.viewer.pending():
                self.viewer.update()

    def stop(self):
        self._stop_now.set()
        self.join()


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status
                    if line.startswith("VmRSS:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def flip_for(vm, seconds):
    """144 times per second, or as often as this machine can."""
    end = due = time.monotonic()
    end += seconds
    count = 0
    while due < end:
        count += 1
        vm.flip(count % 3)
        due += 1 / 144
        time.sleep(max(0, due - time.monotonic()))
    return count


def test_flips():
    """flips at 144 Hz: memory and descriptors stay as they are"""
    display = free_display()
    with SwVgpu("-vnc", f"127.0.0.1:{display}") as vm:
        pages = [vm.draw(buffer, WIDTH, HEIGHT, 0x30 + buffer)
                 for buffer in range(3)]
        taker = Taker(display)
        try:
            # What is allocated once is there after the first flips.
            flip_for(vm, 5 if FULL else 1)
            kib, fds = resident_kib(vm.pid), descriptors(vm.pid)
            flip_for(vm, 60 if FULL else 2)
            grown = resident_kib(vm.pid) - kib
            assert grown < 2048, f"{grown} KiB more than before"
            assert descriptors(vm.pid) == fds, (fds, descriptors(vm.pid))
        finally:
            taker.stop()
        vm.flip(1)
        with taker.viewer as viewer:
            viewer.wait_for(pages[1], "the page flipped to last")


if __name__ == "__main__":
    tapcases.run([test_no_lost_update, test_whole_frames_polled,
                  test_whole_frames_notified, test_flips])
