# SPDX-License-Identifier: GPL-2.0-or-later
"""The interrupt of the lab's driver."""

import errno
import os
import select
import struct

from vgpulab import vfio
from vgpulab.driver import ALL, DriverGroup
from vgpulab.vfio import (
    CURSOR_PLANE, FIRST_OVERLAY, IRQ_BOOL, IRQ_EVENTFD, IRQ_MASK, IRQ_NONE,
    IRQ_TRIGGER, fails)
from vgpulab.wait import until

CURSOR_SIGNAL, PRIMARY_SIGNAL = 1 << 48, 1 << 56


class VgpuIrq(DriverGroup):
    """The display interrupt."""

    def watch(self, device):
        eventfd = os.eventfd(0, os.EFD_NONBLOCK)
        device.set_eventfd(eventfd)
        return eventfd

    @staticmethod
    def take(eventfd):
        try:
            return os.eventfd_read(eventfd)
        except BlockingIOError:
            return 0

    def test_capabilities(self):
        """flags and capabilities, and how long they are"""
        device = self.open()
        flags, count, caps = device.irq(5)
        assert flags == 1 | 16 and count == 1, (flags, count)
        assert struct.unpack_from("<II", caps[1]) == (1, 1), caps
        assert struct.unpack_from("<QQ", caps[2]) == (
            CURSOR_SIGNAL, PRIMARY_SIGNAL), caps
        for argsz in 16, 20, 40:
            data = struct.pack("<IIII", argsz, 0, 5, 0) + b"\x55" * 112
            answer = device.ioctl(vfio.GET_IRQ_INFO, data)
            assert struct.unpack_from("<I", answer)[0] == 64, answer
            assert answer[20:] == data[20:], "wrote past the end"
        fails(errno.EINVAL, device.irq, 6)
        for index in range(5):
            assert device.irq(index)[1] == 0

    def test_signals(self):
        """what changed is what is added"""
        device = self.open()
        device.set(vfio.DAMAGE_REPORTED, 1)
        eventfd = self.watch(device)
        device.show()
        assert self.take(eventfd) == PRIMARY_SIGNAL
        device.program(CURSOR_PLANE, enable=1, x=5)
        assert self.take(eventfd) == CURSOR_SIGNAL
        device.program(FIRST_OVERLAY, x=5)
        assert self.take(eventfd) == PRIMARY_SIGNAL
        device.program(CURSOR_PLANE, commit=False, x=6)
        device.program(FIRST_OVERLAY, x=6)
        assert self.take(eventfd) == PRIMARY_SIGNAL + CURSOR_SIGNAL
        device.set(vfio.FLIP, 1)
        device.set(vfio.DAMAGE_ADD, 1)
        device.set(vfio.COMMIT, 1)
        assert self.take(eventfd) == 3 * PRIMARY_SIGNAL
        for _ in range(1000):
            device.set(vfio.COMMIT, 1)
        assert self.take(eventfd) == (1 << 64) - 2
        assert self.take(eventfd) == 0
        device.set_eventfd(-1)
        device.set(vfio.COMMIT, 1)
        assert self.take(eventfd) == 0
        os.close(eventfd)

    def test_vblank(self):
        """a guest that reports nothing: a signal at each vertical blank"""
        device = self.open()
        eventfd = self.watch(device)
        device.show()
        poll = select.poll()
        poll.register(eventfd, select.POLLIN)
        for _ in range(20):
            assert poll.poll(60000), "no signal"
            self.take(eventfd)
        device.set(vfio.DAMAGE_REPORTED, 1)
        self.take(eventfd)
        assert not poll.poll(100), "signals go on"
        os.close(eventfd)

    def test_triggers(self):
        """loopback by BOOL and NONE; giving the interrupt up"""
        device = self.open()
        eventfd = self.watch(device)
        device.set_irqs(IRQ_NONE | IRQ_TRIGGER)
        device.set_irqs(IRQ_BOOL | IRQ_TRIGGER, data=b"\1")
        device.set_irqs(IRQ_BOOL | IRQ_TRIGGER, data=b"\0")
        assert self.take(eventfd) == 2 * PRIMARY_SIGNAL
        device.set_irqs(IRQ_NONE | IRQ_TRIGGER, count=0)
        device.set(vfio.COMMIT, 1)
        assert self.take(eventfd) == 0
        os.close(eventfd)

    def test_hostile(self):
        """whatever else is asked for is refused"""
        device = self.open()
        minus_two = struct.pack("<i", -2)
        for code, flags, keywords in (
                (errno.EINVAL, IRQ_EVENTFD | IRQ_TRIGGER, {"data": b""}),
                (errno.EINVAL, IRQ_EVENTFD | IRQ_TRIGGER,
                 {"data": minus_two}),
                (errno.EBADF, IRQ_EVENTFD | IRQ_TRIGGER,
                 {"data": struct.pack("<i", 9999)}),
                (errno.EINVAL, IRQ_EVENTFD | IRQ_TRIGGER,
                 {"data": struct.pack("<i", device.fd)}),
                (errno.EINVAL, IRQ_EVENTFD | IRQ_TRIGGER,
                 {"data": bytes(8), "count": 2}),
                (errno.EINVAL, IRQ_NONE | IRQ_MASK, {}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"start": 1}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"start": ALL}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"count": ALL}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"index": 0}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"index": ALL}),
                (errno.EINVAL, ALL, {})):
            fails(code, device.set_irqs, flags, **keywords)

    def test_storm(self):
        """a storm of signals, and its end"""
        device = self.open()
        device.set(vfio.DAMAGE_REPORTED, 1)
        eventfd = self.watch(device)
        self.mdev.fault(irq_storm=100000)
        before = self.mdev.count("signals")
        until("10000 signals",
              lambda: self.mdev.count("signals") > before + 10000)
        self.mdev.fault(irq_storm=0)
        self.take(eventfd)
        assert self.take(eventfd) == 0
        os.close(eventfd)
