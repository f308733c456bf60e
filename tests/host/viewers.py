#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of viewers that need no lab: D-Bus, SPICE, and VNC beside them.

Prints TAP. The software vGPU is what they look at.
"""

import time

import tapcases
from swvgpu import SwVgpu
from vgpulab.picture import expect_picture
from vgpulab.ports import free_display, free_port
from vgpulab.rfb import RAW, Rfb
from vgpulab.viewers.dbus import Bus, Listener, option
from vgpulab.viewers.spice import screenshot
from vgpulab.wait import until


def dbus(bus):
    return ["-display", option(bus)]


def vnc(display):
    return ["-vnc", f"127.0.0.1:{display}"]


def spice(port):
    return ["-spice", f"addr=127.0.0.1,port={port},disable-ticketing=on"]


def expect_spice(port, want):
    expect_picture("SPICE", lambda: screenshot(port), want)


def test_dbus():
    """D-Bus: modes and changes, pixel by pixel"""
    with Bus() as bus, SwVgpu(*dbus(bus)) as vm:
        with Listener(bus) as listener:
            for buffer, (width, height) in enumerate(
                    [(640, 480), (1024, 768), (801, 601), (640, 480)]):
                listener.wait_for(
                    vm.draw(buffer, width, height, 0x40 + buffer), "a mode")
            listener.wait_for(vm.draw(3, 640, 480, 0xa0), "a change")


def test_cursor():
    """D-Bus: the guest's cursor, half off every edge, and hidden"""
    with Bus() as bus, SwVgpu(*dbus(bus)) as vm:
        vm.draw(0, 640, 480, 0x40)
        with Listener(bus) as listener:
            for place in (-10, 5), (5, -15), (639, 479), (-16, -16), (300, 9):
                vm.show_cursor(0x80402010, 16, (3, 0xffffffff), place)
                until(f"a cursor at {place}",
                      lambda place=place: listener.mouse == (*place, True))
                # the hotspot is unknown if half of it is
                assert listener.cursor == (
                    16, 16, 0, 0, bytes((0x10, 0x20, 0x40, 0x80)) * 256)
            vm.show_cursor(0x80402010, 16, (3, 4), (300, 9))
            until("its hotspot", lambda: listener.cursor[2:4] == (3, 4))
            vm.show_cursor(0, 16, (0, 0))
            until("its end", lambda: not listener.mouse[2]
                  and not any(listener.cursor[4]))
        assert "warning" not in vm.errors(), vm.errors()


def test_late_viewer():
    """a viewer that attaches while a VNC server has no client"""
    with Bus() as bus, SwVgpu(*dbus(bus), *vnc(free_display())) as vm:
        first = vm.draw(0, 640, 480, 0x30)
        vm.expect_screen(first)
        # Time for the console to find that nobody watches and to stop.
        time.sleep(1)
        with Listener(bus) as listener:
            listener.wait_for(first, "the picture that was there")
            listener.wait_for(vm.draw(1, 800, 600, 0x60), "the next one")
        vm.expect_screen(vm.draw(2, 640, 480, 0x90))
        with Listener(bus) as listener:
            listener.wait_for(vm.draw(3, 800, 600, 0xc0), "a second viewer")


def test_spice():
    """SPICE: what its client shows, pixel by pixel"""
    port = free_port()
    with SwVgpu("-display", "none", *spice(port)) as vm:
        for buffer, (width, height) in enumerate(
                [(640, 480), (1024, 768), (800, 600)]):
            expect_spice(port, vm.draw(buffer, width, height, 0x50 + buffer))


def test_all_at_once():
    """D-Bus, VNC, SPICE and screendump at once see the same frames"""
    spice_port, display = free_port(), free_display()
    with Bus() as bus, SwVgpu(
            *dbus(bus), *vnc(display), *spice(spice_port)) as vm:
        with Listener(bus) as listener, Rfb(display, RAW) as viewer:
            for buffer, (width, height) in enumerate(
                    [(640, 480), (1024, 768), (640, 480)]):
                want = vm.draw(buffer, width, height, 0x70 + buffer)
                listener.wait_for(want, "D-Bus")
                viewer.wait_for(want, "VNC")
                expect_spice(spice_port, want)
                vm.expect_screen(want)
        assert "warning" not in vm.errors().replace(
            "warning: Spice:", ""), vm.errors()


def preferred_mode(edid):
    """Width and height of the first detailed timing (EDID 1.4, 3.10.2)."""
    return (edid[56] | (edid[58] & 0xf0) << 4,
            edid[59] | (edid[61] & 0xf0) << 4)


def test_resize():
    """a viewer's size reaches the guest's monitor, again and again"""
    with Bus() as bus, SwVgpu(*dbus(bus)) as vm:
        for mode in (1280, 720), (800, 600), (1600, 900):
            bus.resize(*mode)

            def look(mode=mode):
                edid = vm.edid()
                assert edid, "the monitor is off"
                assert preferred_mode(edid) == mode, preferred_mode(edid)
                return edid
            edid = until("the mode", look)
            # Stock counts one extension more at each change.
            assert len(edid) == 128 * (1 + edid[126]), (len(edid), edid[126])
            assert all(sum(edid[i:i + 128]) % 256 == 0
                       for i in range(0, len(edid), 128)), "checksum"
            assert edid[126] <= 1, edid[126]


def test_drag():
    """a viewer whose edge is dragged is one hotplug, and ends where it does"""
    with Bus() as bus, SwVgpu(*dbus(bus)) as vm:
        until("the monitor", lambda: expect_mode(vm, None))
        begun, downs = time.monotonic(), vm.link_downs()
        for step in range(40):
            bus.resize(800 + 8 * step, 600 + 4 * step)
        until("the mode", lambda: expect_mode(vm, (1112, 756)))
        # Each hotplug takes 300 ms without a change before it.
        most = (time.monotonic() - begun) / 0.3 + 1
        downs = vm.link_downs() - downs
        assert 1 <= downs <= min(most, 40), (downs, most)

        # The same size again is nothing to tell the guest.
        downs = vm.link_downs()
        bus.resize(1112, 756)
        time.sleep(0.5)
        assert vm.link_downs() == downs
        bus.resize(1280, 720)
        until("the mode", lambda: expect_mode(vm, (1280, 720)))


def expect_mode(vm, mode):
    """The monitor is on, and prefers that mode; None: any."""
    edid = vm.edid()
    assert edid, "the monitor is off"
    assert mode in (None, preferred_mode(edid)), preferred_mode(edid)
    return edid


if __name__ == "__main__":
    tapcases.run([test_dbus, test_cursor, test_late_viewer, test_spice,
                  test_all_at_once, test_resize, test_drag])
