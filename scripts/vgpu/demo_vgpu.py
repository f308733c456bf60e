#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo of every plane, inside the lab: our own vGPU and the test guest.

The guest draws its primary plane, puts a cursor on it and moves an overlay
over it. One picture shows all three; that the overlay moves is seen in two
pictures and in what QMP says.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ["VGPU_TOP"], "tests", "lab"))

# pylint: disable=wrong-import-position
from vgpulab import paths
from vgpulab.guest import GuestError
from vgpulab.machine import Machine
from vgpulab.qmp import QmpError
from vgpulab.wait import until
from demo import add_viewer_options, say_that_it_listens, say_where

MDEV_TYPE = "vgpu-all"
WIDTH, HEIGHT = 1024, 768
CURSOR_AT = 200, 150
OVERLAY_SIZE = 256
# The guest's commands, in the order that they are given.
COMMANDS = (f"mode {WIDTH} {HEIGHT}", "pattern 3 1",
            f"cursor {CURSOR_AT[0]} {CURSOR_AT[1]}",
            f"overlay {OVERLAY_SIZE} 2")
# Where the overlay is all on screen, clear of the cursor.
WHOLE = range(CURSOR_AT[0] + 64, WIDTH - OVERLAY_SIZE)

START = time.monotonic()


class DemoError(Exception):
    """Why there is no picture."""


def say(message):
    print(message, flush=True)


class Demo:
    def __init__(self, options):
        self.options = options
        self.vm = Machine(options.qemu)
        self.picture = None

    def start(self):
        vm = self.vm
        vm.add_guest()
        mdev = vm.add_vgpu(MDEV_TYPE, "vgpu0", 5,
                           options="display=on,x-screendump-cursor=on")
        if self.options.vnc:
            vm.add_args("-vnc", self.options.vnc)
        else:
            vm.add_args("-display", "none")
        say(f"vGPU: {mdev.path} ({MDEV_TYPE})")
        say("starting " + " ".join(vm.command))
        vm.start()
        if self.options.vnc:
            # QMP has answered: the VNC server is there.
            say_that_it_listens()
        if vm.guest.wait_ready() != 1:
            raise DemoError("the guest does not find the device")

    def planes(self):
        """What is shown of each plane: {type: its description}."""
        return {plane["type"]: plane
                for plane in self.vm.vgpu("vgpu0")["planes"]
                if plane["visible"]}

    def overlay_whole(self):
        """The overlay, once all of it is on screen, else None."""
        self.picture = self.vm.screendump()
        overlay = self.planes().get("overlay")
        if (overlay and overlay["x"] in WHOLE
                and 0 <= overlay["y"] <= HEIGHT - OVERLAY_SIZE):
            return overlay
        return None

    def take_picture(self):
        for command in COMMANDS:
            self.vm.guest.command(command)
        first = until("the overlay", self.overlay_whole)
        before = self.picture
        until("the overlay to move",
              lambda: self.overlay_whole() not in (None, first))
        if self.picture == before:
            raise DemoError("the overlay moves, and the picture does not")
        until("a picture of all of the overlay", self.write_picture)
        self.report(first)

    def write_picture(self):
        """Whether the overlay was all on screen before, and has not left."""
        before = self.overlay_whole()
        if before is None:
            return False
        self.vm.qmp.command("screendump", filename=self.options.output,
                            format="png")
        after = self.overlay_whole()
        return after is not None and after["x"] >= before["x"]

    def report(self, first):
        planes = self.planes()
        missing = {"primary", "cursor", "overlay"} - set(planes)
        if missing:
            raise DemoError(f"not on screen: {', '.join(sorted(missing))}")
        overlay = planes["overlay"]
        say(f"the picture is there after {time.monotonic() - START:.0f} s: "
            f"{WIDTH}x{HEIGHT} pixels, {self.options.output}")
        say(f"the overlay moved from {first['x']},{first['y']} to "
            f"{overlay['x']},{overlay['y']}")
        for kind, plane in planes.items():
            say(f"  {kind}: {plane['format']} {plane['width']}x"
                f"{plane['height']} at {plane['x']},{plane['y']}")
        say(f"the path of its pixels: vgpu0: "
            f"{self.vm.vgpu('vgpu0')['path']}")

    def stay(self):
        say_where(self.options)
        while self.vm.alive():
            time.sleep(1)
        raise DemoError("QEMU ended")


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qemu", required=True)
    parser.add_argument("--output", required=True)
    add_viewer_options(parser)
    return parser.parse_args()


def main():
    options = parse_options()
    paths.build_guest()
    demo = Demo(options)
    try:
        demo.start()
        demo.take_picture()
        if options.vnc:
            demo.stay()
    except (DemoError, GuestError, QmpError, OSError,
            AssertionError) as error:
        print(f"demo: {error}\n{demo.vm.stderr()}", file=sys.stderr)
        sys.exit(1)
    finally:
        demo.vm.close()


if __name__ == "__main__":
    main()
