#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of which sizes the guest's monitor is told of.

Prints TAP. A size is a wish if a person made it: dragged a window's edge, say.
One that a window has since the guest's picture, or the placeholder before
that, has it is none.
"""

import contextlib
import time

import tapcases
from swvgpu import SwVgpu
from vgpulab.viewerconfigs import (
    DbusGl, Gtk, GtkGl, GtkWayland, GtkWaylandGl, Sdl, SdlGl, SpiceGl)
from vgpulab.viewers.desktop import Desktop
from vgpulab.wait import until

ASKED_FOR = (1920, 1080)
DRAGGED = (1200, 900)
# A window's size is told after a second, and it has to stay for a while.
SETTLED = 2.5


def preferred(vm):
    """The mode that the guest's monitor prefers, None while it is off."""
    downs = vm.link_downs()
    edid = vm.edid()
    if not edid or vm.link_downs() != downs:
        return None
    return (edid[56] | (edid[58] & 0xf0) << 4,
            edid[59] | (edid[61] & 0xf0) << 4)


def expect_preferred(vm, mode):
    def look():
        assert preferred(vm) == mode, preferred(vm)
        return True
    until(f"a monitor of {mode[0]}x{mode[1]}", look)


def expect_no_wish(vm):
    """Whatever the monitor may be taken away for, it is the same again."""
    end = time.monotonic() + SETTLED
    while time.monotonic() < end:
        mode = preferred(vm)
        assert mode in (None, ASKED_FOR), mode
        time.sleep(0.02)
    expect_preferred(vm, ASKED_FOR)


@contextlib.contextmanager
def viewed(cls):
    """A machine and all of its viewers, that have the first picture."""
    with cls() as config, contextlib.ExitStack() as stack, SwVgpu(
            *config.arguments,
            kind="dmabuf,xres={},yres={}".format(*ASKED_FOR),
            environment=config.environment) as vm:
        looks = list(config.attach(stack))
        expect_no_wish(vm)
        for buffer, (width, height) in enumerate(config.modes[:2]):
            picture = vm.draw(buffer, width, height, 0x40 + buffer)
            for look in looks:
                look(picture)
            expect_no_wish(vm)
        yield config, vm


def dragged(cls):
    """The mode that was asked for, until a person drags the window."""
    with viewed(cls) as (config, vm), \
            Desktop(config.screen.display) as desktop:
        desktop.resize(*DRAGGED)

        def look():
            mode = preferred(vm)
            # A menu takes some of the height.
            assert mode and mode[0] == DRAGGED[0], mode
            assert DRAGGED[1] - 50 <= mode[1] <= DRAGGED[1], mode
            return True
        until("the window's new size", look)


def looked_at(cls):
    """The mode that was asked for, with a viewer that nobody drags."""
    with viewed(cls):
        pass


def test_gtk():
    """GTK: the mode that was asked for, until the window is dragged"""
    dragged(Gtk)


def test_gtk_gl():
    """GTK with OpenGL: the same"""
    dragged(GtkGl)


def test_gtk_wayland():
    """GTK on Wayland: the mode that was asked for"""
    looked_at(GtkWayland)


def test_gtk_wayland_gl():
    """GTK's GL area: the mode that was asked for"""
    looked_at(GtkWaylandGl)


def test_sdl():
    """SDL: the mode that was asked for, until the window is dragged"""
    dragged(Sdl)


def test_sdl_gl():
    """SDL with OpenGL: the same"""
    dragged(SdlGl)


def test_spice():
    """SPICE with OpenGL: the mode that was asked for"""
    looked_at(SpiceGl)


def test_dbus():
    """D-Bus: the mode that was asked for"""
    looked_at(DbusGl)


if __name__ == "__main__":
    tapcases.run([test_gtk, test_gtk_gl, test_gtk_wayland, test_gtk_wayland_gl,
                  test_sdl, test_sdl_gl, test_spice, test_dbus])
