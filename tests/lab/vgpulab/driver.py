# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own driver, lab/vgpu-mdev, as a virtual machine monitor sees it.

No QEMU: cases/driver_*.py test what it must be able to rely on, and what it
can do wrong.
"""

import mmap
import os

from .group import Group
from .mdev import Mdev
from .vfio import VfioDevice

PAGE = 4096
ALL = 0xffffffff


def map_fd(fd, length, offset=0):
    """A dma-buf's bytes, or a region's."""
    return mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ,
                     offset=offset)


class DriverGroup(Group):
    """One device of a type, opened anew for each case."""

    kind = "vgpu-all"

    def __init__(self):
        super().__init__()
        self.mdev = None
        self.devices = []

    def configure(self, vm):
        raise NotImplementedError("there is no machine")

    def setup(self):
        self.mdev = Mdev(self.kind)

    def teardown(self):
        self.close_all()
        if self.mdev is not None:
            self.mdev.remove()

    def close_all(self):
        while self.devices:
            self.devices.pop().close()

    def open(self, mdev=None):
        """The device, just opened; whatever was open before is closed."""
        if mdev is None:
            self.close_all()
        device = VfioDevice(mdev or self.mdev)
        self.devices.append(device)
        return device

    def test_quit_leaves_nothing(self):
        """no dma-buf is left, and the device can be removed"""
        self.close_all()
        assert self.mdev.count("live_buffers") == 0
        self.mdev.remove()
        assert not os.path.exists(self.mdev.path)
