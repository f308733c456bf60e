#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo of vgpu-screen: a guest on a software vGPU, in a Wayland window.

On the compositor that is there, until the window is closed; else on one without
a monitor, of whose screen a picture is taken. No lab: the test's modules do the
work on this machine.
"""

import argparse
import contextlib
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ["VGPU_TOP"], "tests", "lab"))

# pylint: disable=wrong-import-position
from vgpulab import mesa, paths
from vgpulab.guest import GuestError
from vgpulab.machine import Machine
from vgpulab.qmp import QmpError
from vgpulab.skip import Skip
from vgpulab.viewers import dbus
from vgpulab.viewers.screen import VgpuScreen
from vgpulab.viewers.weston import Weston
from vgpulab.wait import until

WIDTH, HEIGHT = 1024, 768
SCREEN = (1280, 1024)
# The guest's commands, in the order that they are given.
COMMANDS = (f"mode {WIDTH} {HEIGHT}", "pattern 1 1", "cursor 200 150",
            "flip 4")


def say(message):
    print(message, flush=True)


def software_gl():
    """The environment in which QEMU passes buffers on, and its option."""
    try:
        return mesa.need_import(), ",gl=on"
    except Skip as reason:
        say(f"QEMU sends pixels: {reason}")
        return dict(os.environ), ""


def start_guest(stack, bus):
    environment, gl = software_gl()
    vm = stack.enter_context(contextlib.closing(Machine()))
    vm.environment = environment
    vm.add_guest()
    vm.add_args("-device", "vgpu-sw,id=vgpu0,addr=5,x-kind=dmabuf",
                "-display", dbus.option(bus) + gl)
    say("starting " + " ".join(vm.command))
    vm.start()
    if vm.guest.wait_ready() != 1:
        raise AssertionError("the guest does not find the device")
    for command in COMMANDS:
        vm.guest.command(command)
    return vm


def count(viewer):
    """What the viewer has counted, in words."""
    frames, planes, _, _, copied = (
        sum(column) if number != 1 else column[-1]
        for number, column in enumerate(zip(*viewer.seconds())))
    return (f"{frames} frames, {copied >> 20} MiB copied, "
            + ("the guest's own buffers" if planes else "as pixels"))


def take_picture(weston, viewer, output):
    """The first that has the guest's picture in it, once it moves."""
    def look():
        viewer.expect_alive()
        picture = weston.picture()
        seconds = viewer.seconds()
        # More colours than Weston's own background, and motion.
        return len(picture.colours()) > 100 and len(seconds) > 3 and picture
    picture = until("the guest's picture", look)
    save(picture, output)


def save(picture, output):
    from PIL import Image
    Image.frombytes("RGB", (picture.width, picture.height),
                    picture.rgb).save(output)


def show(stack, bus, output):
    if "WAYLAND_DISPLAY" in os.environ:
        viewer = stack.enter_context(
            VgpuScreen("--wayland", "--dbus", bus.address))
        say("close the window, or press Ctrl+Alt+Backspace in it, to end")
        while not viewer.ended():
            time.sleep(0.2)
        say(viewer.said())
        return
    say("there is no compositor (WAYLAND_DISPLAY): one without a monitor is "
        "started")
    weston = stack.enter_context(
        Weston(*SCREEN, mesa.need_import(), gl=True))
    viewer = stack.enter_context(
        VgpuScreen("--wayland", "--fullscreen", "--dbus", bus.address,
                   environment=weston.environment))
    take_picture(weston, viewer, output)
    say(f"the compositor's screen: {output}")
    say(f"vgpu-screen showed {count(viewer)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    paths.build_guest()
    try:
        with contextlib.ExitStack() as stack:
            bus = stack.enter_context(dbus.Bus())
            start_guest(stack, bus)
            show(stack, bus, options.output)
    except (AssertionError, GuestError, OSError, QmpError, Skip) as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
