# SPDX-License-Identifier: GPL-2.0-or-later
"""What each type of the lab's driver offers."""

import errno
import struct

from vgpulab import vfio
from vgpulab.driver import ALL, DriverGroup
from vgpulab.mdev import Mdev
from vgpulab.vfio import DMABUF, EXT, REGION, VfioDevice, fails


class VgpuTypes(DriverGroup):
    """What each type offers."""

    def expect(self, kind, kinds, overlays, irqs):
        mdev = Mdev(kind)
        try:
            device = VfioDevice(mdev)
            try:
                for probe in DMABUF, REGION:
                    found = device.probes(probe) is not None
                    assert found == bool(probe in kinds), (kind, probe)
                answer = device.probes(DMABUF | EXT)
                assert (answer is not None) == overlays, (kind, answer)
                if overlays:
                    assert answer["word"] == 4, answer
                assert device.info()[2] == 5 + irqs, device.info()
                assert device.probes(REGION | EXT) is None
                assert device.probes(DMABUF | REGION) is None
                assert device.probes(0) is None
            finally:
                device.close()
        finally:
            mdev.remove()

    def test_dmabuf(self):
        """vgpu-dmabuf: dma-bufs alone"""
        self.expect("vgpu-dmabuf", [DMABUF], False, 0)

    def test_region(self):
        """vgpu-region: a region alone"""
        self.expect("vgpu-region", [REGION], False, 0)

    def test_metadata(self):
        """vgpu-metadata: neither, but the metadata region and an interrupt"""
        self.expect("vgpu-metadata", [], False, 1)

    def test_all(self):
        """vgpu-all: everything"""
        self.expect("vgpu-all", [DMABUF, REGION], True, 1)

    def test_switches(self):
        """switches work before the device is opened, not while it is"""
        self.mdev.switch(overlays=0, irq=0, vram_mb=16, edid=0)
        device = self.open()
        assert device.probes(DMABUF | EXT) is None
        assert device.info()[2] == 5
        assert device.get(vfio.VRAM_SIZE) == 16 << 20
        assert device.region(2).size == 16 << 20
        fails(errno.EBUSY, self.mdev.switch, irq=1)
        self.close_all()
        fails(errno.EINVAL, self.mdev.switch, vram_mb=48)
        self.mdev.switch(overlays=1, irq=1, vram_mb=64, edid=1)

    def test_config_space(self):
        """PCI ids, and BARs that tell their size"""
        device = self.open()
        ids = device.read(vfio.CONFIG_REGION, 0, 4)
        assert ids == bytes([0xf4, 0x1a, 0xf0, 0x10]), ids
        device.write(vfio.CONFIG_REGION, 0, b"\0\0\0\0")
        assert device.read(vfio.CONFIG_REGION, 0, 4) == ids
        for bar, size in (0, 4096), (2, 64 << 20):
            register = 0x10 + 4 * bar
            device.write(vfio.CONFIG_REGION, register, b"\xff\xff\xff\xff")
            value, = struct.unpack("<I", device.read(
                vfio.CONFIG_REGION, register, 4))
            assert -(value & ~15) & ALL == size, (bar, hex(value))
            device.write(vfio.CONFIG_REGION, register,
                         struct.pack("<I", 0xe0000000))
            value, = struct.unpack("<I", device.read(
                vfio.CONFIG_REGION, register, 4))
            assert value & ~15 == 0xe0000000, (bar, hex(value))
