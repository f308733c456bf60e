#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Displays without a vGPU, in stock QEMU and in this one: all is the same.

Prints TAP. Each device is started in both emulators. What VNC shows, and how
often the console is refreshed when something moves, when it is still, and
when nobody looks, is that of stock. Refresh intervals are those that QEMU
traces; how fast anything is, tests/bench measures.

virtio-gpu has no driver in the test guest: this program is its driver.

Words as arguments: runs the cases only whose names have one of them.
"""

import os
import random
import re
import sys
import time

import tapcases
from vgpulab import paths
from vgpulab.machine import Machine
from vgpulab.picture import Picture
from vgpulab.rfb import RAW, Rfb
from vgpulab.skip import Skip
from vgpulab.virtiogpu import RESOURCES, UDMABUF, VirtioGpu
from vgpulab.wait import until

SIZE = 640, 480
SLOT = 5
SOLID, NOISE = 0, 2
# The guest's own driver finds these; the firmware draws on the others.
DRAWN = "VGA", "bochs-display"
TEXT = "VGA", "virtio-vga", "qxl-vga", "cirrus-vga"
# Looks at its console itself, for SPICE, and never less often.
RESTLESS = "qxl-vga"
# Milliseconds: VNC's refreshes of a screen on which much happens, and of one
# that nobody looks at.
FASTEST, SLOWEST = 30, 3000


class Watched(Machine):
    """One emulator with a device, and the refresh intervals it has had."""

    def __init__(self, qemu, device):
        super().__init__(qemu)
        self.device = device
        self.add_args("-device", f"{device},addr={SLOT}", "-trace",
                      "console_refresh", "-object",
                      "memory-backend-memfd,id=ram,size=128M,share=on",
                      "-machine", "memory-backend=ram")
        self.add_qtest()
        self.add_vnc()
        self.add_guest()
        self.start()
        self.guest.wait_ready()

    def intervals(self):
        """All so far, in milliseconds; one that lasts is there once."""
        found = re.findall(r"console_refresh interval (\d+) ms", self.stderr())
        return [int(number) for number in found]

    def expect_rest(self):
        """Nobody looks any more."""
        if self.device != RESTLESS:
            until("rest", lambda: self.intervals()[-1] == SLOWEST)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def both(device, measure):
    """What measure() returns of stock QEMU, and of this one."""
    if not os.path.exists(paths.STOCK_QEMU):
        raise Skip("stock QEMU is not built (./vgpu test --full does)")
    found = []
    for qemu in paths.STOCK_QEMU, paths.QEMU:
        with Watched(qemu, device) as vm:
            found.append(measure(vm))
    return found


def take(viewer, seconds):
    """The pictures that a viewer had in that time."""
    end, pictures = time.monotonic() + seconds, []
    while time.monotonic() < end:
        if viewer.pending(0.05):
            viewer.update()
            pictures.append(bytes(viewer.picture().rgb))
    return pictures


def slower(vm, viewer):
    """The intervals since the last change, from a fast one to a slow one."""
    def slow():
        take(viewer, 0.1)
        return vm.intervals()[-1] > 1000
    until("slow refreshes", slow)
    intervals = vm.intervals()
    last = max(i for i, ms in enumerate(intervals) if ms == FASTEST)
    return [ms for ms in intervals[last:] if ms <= 1000]


def moving(vm):
    """A guest that draws: moving, still, and nobody looks."""
    vm.guest.mode(*SIZE)
    vm.guest.pattern(SOLID, 1)
    with Rfb(vm.vnc_display, RAW) as viewer:
        vm.guest.command("rate 60")
        vm.guest.command("box 64")
        until("fast refreshes",
              lambda: take(viewer, 0.1) and vm.intervals()[-1] == FASTEST)
        vm.guest.stop()
        intervals = slower(vm, viewer)
        viewer.wait_for(vm.screendump(), "the last box")
        vm.guest.pattern(NOISE)
        noise = vm.screendump()
        viewer.wait_for(noise, "noise")
    vm.expect_rest()
    return {"intervals": intervals, "noise": bytes(noise.rgb)}


def text(vm):
    """Firmware's text: all pictures that there are of it."""
    with Rfb(vm.vnc_display, RAW) as viewer:
        take(viewer, 1)
        shown = set(take(viewer, 3)) | {bytes(viewer.picture().rgb)}
        size = viewer.width, viewer.height
    vm.expect_rest()
    return {"size": size, "pictures": shown}


class Scanouts:
    """Two resources of virtio-gpu's, which a driver shows in turn."""

    def __init__(self, vm, blob):
        self._blob = blob
        self._qtest = vm.qtest
        self._gpu = VirtioGpu(vm.qtest, SLOT)
        self._pictures = [None, None]
        for index in 0, 1:
            where = self._address(index), 4 * SIZE[0] * SIZE[1]
            if blob:
                self._gpu.create_blob(index + 1, where[1], where[0])
            else:
                self._gpu.create_2d(index + 1, *SIZE, where[0])
            pixels = bytearray(random.Random(index).randbytes(where[1]))
            self._qtest.write(where[0], pixels)
            self._pictures[index] = pixels
            self._transfer(index, 0, SIZE[1])

    @staticmethod
    def _address(index):
        return RESOURCES + index * (2 << 20)

    def _transfer(self, index, top, rows):
        if not self._blob:
            self._gpu.transfer(index + 1, (0, top, SIZE[0], rows),
                               4 * SIZE[0] * top)

    def picture(self, index):
        """What is drawn in it."""
        pixels = self._pictures[index]
        rgb = bytearray(3 * len(pixels) // 4)
        for channel in range(3):
            rgb[channel::3] = pixels[2 - channel::4]
        return Picture(*SIZE, rgb)

    def fill(self, index, top, rows, byte):
        """Draws rows, and tells nobody."""
        line = 4 * SIZE[0]
        self._qtest.fill(self._address(index) + line * top, line * rows, byte)
        self._pictures[index][line * top:line * (top + rows)] = (
            bytes([byte]) * (line * rows))
        self._transfer(index, top, rows)

    def flush(self, index, top=0, rows=SIZE[1]):
        self._gpu.flush(index + 1, (0, top, SIZE[0], rows))

    def show(self, index):
        """With a flush, as Linux does."""
        if self._blob:
            self._gpu.set_scanout_blob(index + 1, *SIZE)
        else:
            self._gpu.set_scanout(index + 1, *SIZE)
        self.flush(index)

    def hide(self):
        self._gpu.set_scanout(0, *SIZE)


class Watcher:
    """A viewer, and the pictures that it has had."""

    def __init__(self, viewer):
        self._viewer = viewer
        self.pictures = []

    def wait_for(self, what, accept):
        """Until accept(picture), which returns what is wrong with it."""
        def look():
            if self._viewer.pending():
                self._viewer.update()
            picture = self._viewer.picture()
            if not self.pictures or picture.rgb != self.pictures[-1]:
                self.pictures.append(picture.rgb)
            wrong = accept(picture)
            assert not wrong, wrong
            return True
        until(what, look, pause=0)


def virtio_frames(scanouts, watcher):
    """Flips, a part of a frame, and none."""
    def expect(index, what):
        watcher.wait_for(what, scanouts.picture(index).difference)

    scanouts.show(0)
    expect(0, "the first frame")
    watcher.pictures.clear()            # what was there before
    flushed = scanouts.picture(0).with_fill(0, 100, SIZE[0], 50, 0x404040)
    scanouts.fill(0, 200, 50, 0x80)
    scanouts.fill(0, 100, 50, 0x40)
    scanouts.flush(0, 100, 50)
    watcher.wait_for("rows that were flushed, and no others",
                     flushed.difference)
    scanouts.show(1)
    expect(1, "the other resource")
    scanouts.show(0)
    expect(0, "all of the first again")
    scanouts.hide()
    watcher.wait_for("no frame", lambda picture: (
        scanouts.picture(0).difference(picture) is None and "still there"))


def virtio_intervals(vm, scanouts, viewer):
    """While rows change all the time, and then no more."""
    scanouts.show(0)
    counter = 0

    def busy():
        nonlocal counter
        counter += 1
        scanouts.fill(0, 0, 16, counter & 0xff)
        scanouts.flush(0, 0, 16)
        take(viewer, 0.015)
        return vm.intervals()[-1] == FASTEST
    until("fast refreshes", busy, pause=0)
    return slower(vm, viewer)


def virtio(blob):
    """What a driver shows by resources of one kind."""
    def measure(vm):
        scanouts = Scanouts(vm, blob)
        with Rfb(vm.vnc_display, RAW) as viewer:
            watcher = Watcher(viewer)
            virtio_frames(scanouts, watcher)
            intervals = virtio_intervals(vm, scanouts, viewer)
        vm.expect_rest()
        return {"pictures": watcher.pictures, "intervals": intervals}
    return measure


def expect_same(stock, ours):
    assert stock["intervals"] == ours["intervals"], (
        stock["intervals"], ours["intervals"])
    assert stock["pictures"] == ours["pictures"], (
        f"other pixels: {len(stock['pictures'])} pictures, "
        f"{len(ours['pictures'])}")


def virtio_2d():
    """virtio-gpu, 2D: frames, pixels and refreshes of its driver's"""
    expect_same(*both("virtio-gpu-pci", virtio(blob=False)))


def virtio_blob():
    """virtio-gpu, blobs: frames, pixels and refreshes of its driver's"""
    if not os.path.exists(UDMABUF):
        raise Skip(f"no {UDMABUF}, of which blobs are made (the lab has it)")
    expect_same(*both("virtio-gpu-pci,blob=on", virtio(blob=True)))


def drawn_case(device):
    def case():
        stock, ours = both(device, moving)
        assert stock["intervals"] == ours["intervals"], (
            stock["intervals"], ours["intervals"])
        assert stock["noise"] == ours["noise"], "other pixels"
    case.__doc__ = f"{device}: pixels and refreshes of a guest that draws"
    return case


def text_case(device):
    def case():
        stock, ours = both(device, text)
        assert stock["size"] == ours["size"], (stock["size"], ours["size"])
        assert stock["pictures"] == ours["pictures"], "other pixels"
    case.__doc__ = f"{device}: the firmware's text and its cursor"
    return case


CASES = [*map(drawn_case, DRAWN), *map(text_case, TEXT),
         virtio_2d, virtio_blob]

if __name__ == "__main__":
    words = sys.argv[1:] or [""]
    tapcases.run([case for case in CASES
                  if any(word in case.__doc__ for word in words)])
