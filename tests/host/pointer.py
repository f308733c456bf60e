#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the guest's pointer is when a viewer's is over a pixel.

Prints TAP. The software vGPU is what they look at; an emulated tablet, which
needs no driver for it, makes the pointer absolute.
"""

import os
import re

import tapcases
from swvgpu import SwVgpu
from viewers import dbus, spice, vnc
from vgpulab import mesa
from vgpulab.picture import expect_picture
from vgpulab.ports import free_display, free_port
from vgpulab.rfb import RAW, Rfb
from vgpulab.viewers.dbus import Bus
from vgpulab.viewers.desktop import Desktop
from vgpulab.viewers.spice import SpiceClient
from vgpulab.viewers.xserver import XServer
from vgpulab.wait import until

SIZES = (640, 480), (1366, 768), (801, 601), (1920, 1080), (333, 77)
# Windows need a moment for each place, so that they are asked for fewer.
WINDOW_SIZES = (640, 480), (1366, 768), (801, 601)
WINDOW_PLACES = 150

_MOVED = re.compile(r"input_event_abs .*axis (x|y), value (0x[0-9a-f]+)")

# An absolute pointer and no other, and a line for each of its moves.
TABLET = ("-machine", "i8042=off", "-device", "virtio-tablet-pci",
          "-trace", "input_event_abs")


def pixels_of(value, size):
    """What guests make of a tablet's value, which is 0 to 0x7fff.

    Linux's libinput takes it as a part of 0x8000, others as one of 0x7fff, and
    round down or to the nearest.
    """
    part = value * (size - 1) / 0x7fff
    return {value * size // 0x8000, int(part), round(part)}


def moves(vm):
    """The values that QEMU sent so far, x and y in turn."""
    return _MOVED.findall(vm.errors())


def check_place(move, place, size):
    """move: the values that were sent for it."""
    for (axis, value), name, want, length in zip(move, "xy", place, size):
        assert axis == name, (place, axis)
        assert pixels_of(int(value, 16), length) == {want}, \
            (place, axis, value)


def diagonal(width, height):
    """Every column of pixels."""
    return [(x, x * (height - 1) // (width - 1)) for x in range(width)]


def check_all(vm, move, *size):
    """A viewer that sends each place that it is moved to."""
    places = diagonal(*size)
    before = len(moves(vm))
    move(places)
    until("the pointer", lambda: len(moves(vm)) >= before + 2 * len(places))
    found = moves(vm)[before:]
    for number, place in enumerate(places):
        check_place(found[2 * number:], place, size)


def check_some(vm, move, *size):
    """A viewer that leaves places out if they come too fast.

    Columns that lie evenly, with both edges.
    """
    places = diagonal(*size)
    last = len(places) - 1
    for number in range(WINDOW_PLACES):
        place = places[number * last // (WINDOW_PLACES - 1)]

        def there(place=place):
            found = moves(vm)[-2:]
            assert found, "no move"
            check_place(found, place, size)
            return True
        move(*place)
        until(f"the pointer at {place} of {size}", there, pause=0.002)


def check_window(option, environment):
    """QEMU's own window, with a pixel of its own for each of the guest's."""
    # Large enough for a window that grows from where a smaller one was put.
    with XServer(2560, 2048, pointer=False) as screen, \
            Desktop(screen.display) as desktop:
        environment = dict(environment(screen.display),
                           DISPLAY=screen.display, GDK_BACKEND="x11",
                           SDL_VIDEODRIVER="x11")
        with SwVgpu("-display", option, *TABLET,
                    environment=environment) as vm:
            for gray, size in enumerate(WINDOW_SIZES, 1):
                want = vm.draw(0, *size, 0x20 * gray)
                left, top = until(
                    f"the picture of {size}",
                    lambda want=want: screen.picture().find(want))
                check_some(vm, lambda x, y, left=left, top=top:
                           desktop.point(left + x, top + y), *size)


def without_opengl(_display):
    return os.environ


def test_vnc():
    """VNC: the pointer is at the pixel that the client means"""
    display = free_display()
    with SwVgpu(*vnc(display), *TABLET) as vm:
        for size in SIZES:
            want = vm.draw(0, *size, 0x40)
            with Rfb(display, RAW) as viewer:
                viewer.wait_for(want, "the mode")
                check_all(vm, viewer.move, *size)


def test_dbus():
    """D-Bus: the pointer is at the pixel that the client means"""
    with Bus() as bus, SwVgpu(*dbus(bus), *TABLET) as vm:
        want = vm.draw(0, 1366, 768, 0x40)
        vm.expect_screen(want)
        check_all(vm, bus.move, 1366, 768)


def test_spice():
    """SPICE: the pointer is at the pixel that the client means"""
    port = free_port()
    with SwVgpu("-display", "none", *spice(port), *TABLET) as vm, \
            SpiceClient(port=port) as client:
        for gray, size in enumerate(WINDOW_SIZES, 1):
            want = vm.draw(0, *size, 0x20 * gray)
            expect_picture(f"the picture of {size}", client.picture, want)
            check_some(vm, client.move, *size)


def test_gtk():
    """GTK: the pointer is at the pixel that it is over"""
    check_window("gtk,zoom-to-fit=off", without_opengl)


def test_gtk_gl():
    """GTK with OpenGL: the pointer is at the pixel that it is over"""
    check_window("gtk,gl=on,zoom-to-fit=off", mesa.need_import)


def test_sdl():
    """SDL: the pointer is at the pixel that it is over"""
    check_window("sdl", without_opengl)


def test_sdl_gl():
    """SDL with OpenGL: the pointer is at the pixel that it is over"""
    check_window("sdl,gl=on", mesa.need_import)


if __name__ == "__main__":
    tapcases.run([test_vnc, test_dbus, test_spice, test_gtk, test_gtk_gl,
                  test_sdl, test_sdl_gl])
