#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Displays without a vGPU, in stock QEMU and in this one: all is the same.

Prints TAP. Each device is started in both emulators. What VNC shows, and how
often the console is refreshed when something moves, when it is still, and
when nobody looks, is that of stock. Refresh intervals are those that QEMU
traces; how fast anything is, tests/bench measures.
"""

import os
import re
import time

import tapcases
from vgpulab import paths
from vgpulab.machine import Machine
from vgpulab.rfb import RAW, Rfb
from vgpulab.skip import Skip
from vgpulab.wait import until

SIZE = 640, 480
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
        self.add_args("-device", f"{device},addr=5", "-trace",
                      "console_refresh")
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


if __name__ == "__main__":
    tapcases.run([*map(drawn_case, DRAWN), *map(text_case, TEXT)])
