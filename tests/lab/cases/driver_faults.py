# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab's driver does wrong when it is told to."""

import errno
import os

from vgpulab.driver import PAGE, DriverGroup, map_fd
from vgpulab.vfio import REGION, fails, readable


class VgpuFaults(DriverGroup):
    """Faults of planes and buffers on request."""

    def test_queries_fail(self):
        """the next queries, and requests for a dma-buf, fail as told"""
        device = self.open()
        device.show()
        self.mdev.fault(query_errno=errno.ENOMEM, query_count=2,
                        get_errno=errno.EIO, get_count=1)
        fails(errno.ENOMEM, device.query)
        fails(errno.ENOMEM, device.query, REGION)
        number = device.query()["id"]
        fails(errno.EIO, device.dmabuf, number)
        os.close(device.dmabuf(number))

    def test_wrong_reports(self):
        """wrong stride, size, format, modifier, width and height"""
        device = self.open()
        device.show()
        right = device.query()
        names = ("stride", "size", "format", "modifier", "width", "height")
        for number, name in enumerate(names, 1000):
            self.mdev.fault(**{name: number})
            wrong = device.query()
            assert wrong[name] == number, (name, wrong)
            self.mdev.fault(**{name: 0})
            assert device.query() == right

    def test_id_reused(self):
        """one id for whatever is shown"""
        device = self.open()
        self.mdev.fault(id=5)
        device.show()
        assert device.query()["id"] == 5
        fd = device.dmabuf(5)
        device.show(320, 200)
        assert device.query()["id"] == 5
        other = device.dmabuf(5)
        assert os.lseek(other, 0, os.SEEK_END) == 256000 // PAGE * PAGE + PAGE
        assert os.lseek(fd, 0, os.SEEK_END) == 640 * 480 * 4
        os.close(fd)
        os.close(other)
        self.mdev.fault(id=0)

    def test_refuse_mmap(self):
        """buffers that refuse to be mapped"""
        device = self.open()
        device.show()
        number = device.query()["id"]
        self.mdev.fault(refuse_mmap=1)
        fd = device.dmabuf(number)
        fails(errno.ENODEV, map_fd, fd, PAGE)
        self.mdev.fault(refuse_mmap=0)
        fails(errno.ENODEV, map_fd, fd, PAGE)
        os.close(fd)
        fd = device.dmabuf(number)
        map_fd(fd, PAGE).close()
        os.close(fd)

    def test_sigbus(self):
        """mappings whose pages vanish, and come back"""
        device = self.open()
        device.write(2, 0, b"there")
        device.show()
        fd = device.dmabuf(device.query()["id"])
        maps = [map_fd(fd, PAGE),
                device.map(device.query(REGION)["id"], PAGE)]
        for mapping in maps:
            assert mapping[:5] == b"there"
        self.mdev.fault(sigbus=1)
        for mapping in maps:
            fails(errno.EFAULT, readable, mapping, 5)
        self.mdev.fault(sigbus=0)
        for mapping in maps:
            assert mapping[:5] == b"there"
            mapping.close()
        os.close(fd)
