# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own vGPU's registers and memory, as the guest's driver sees them.

The registers are those of include/hw/display/vgpu-sw.h.
"""

from . import vfio

PRIMARY, CURSOR = vfio.PRIMARY_PLANE, vfio.CURSOR_PLANE
OVERLAYS = range(vfio.FIRST_OVERLAY, vfio.FIRST_OVERLAY + 4)

XRGB, ARGB, NV12 = vfio.XRGB, vfio.ARGB, vfio.NV12
XBGR, ABGR = 0x34324258, 0x34324241
XRGB30, XBGR30 = 0x30335258, 0x30334258
RGB565, YUYV = 0x36314752, 0x56595559

STRAIGHT = 1
NO_HOTSPOT = 0xffffffff

_PLANES, _PLANE_BYTES = 0x200, 0x40
_REGISTERS_BAR, _VRAM_BAR = 0, 2


def _bars(vm, name):
    """Addresses by number of the device's BARs, as the guest placed them."""
    for bus in vm.qmp.command("query-pci"):
        for device in bus["devices"]:
            if device["qdev_id"] == name:
                return {region["bar"]: region["address"]
                        for region in device["regions"]}
    raise KeyError(f"no PCI device {name}")


class Planes:
    """Programs the device that is at this address now."""

    def __init__(self, vm, name):
        self._qtest = vm.qtest
        bars = _bars(vm, name)
        self._registers = bars[_REGISTERS_BAR]
        self._vram = bars[_VRAM_BAR]

    def set(self, register, value):
        self._qtest.write32(self._registers + register, value)

    def get(self, register):
        return self._qtest.read32(self._registers + register)

    def write(self, offset, data):
        """Bytes into video memory."""
        self._qtest.write(self._vram + offset, data)

    def edid(self):
        """What the monitor says; empty while it is unplugged."""
        if not self.get(vfio.LINK):
            return b""
        size = self.get(vfio.EDID_SIZE)
        return b"".join(
            self.get(vfio.EDID + at).to_bytes(4, "little")
            for at in range(0, size, 4))[:size]

    def commit(self):
        self.set(vfio.COMMIT, 1)

    def flip(self, offset):
        self.set(vfio.FLIP, offset // 4096)

    def damage(self, left, top, width, height):
        for i, value in enumerate((left, top, width, height)):
            self.set(vfio.DAMAGE_X + 4 * i, value)
        self.set(vfio.DAMAGE_ADD, 1)

    def program(self, plane, commit=True, **registers):
        """Registers by their names in lower case; see vfio.py."""
        for name, value in registers.items():
            self.set(_PLANES + _PLANE_BYTES * plane
                     + 4 * vfio.PLANE_REGISTERS.index(name), value)
        if commit:
            self.commit()

    def show(self, plane, image, offset, commit=True, **registers):
        """Puts an image of layers.py into memory and a plane on screen."""
        self.write(offset, image.data)
        values = {"modifier": 0, "modifier_hi": 0, "offset_hi": 0, "id": 0,
                  "x": 0, "y": 0, "hot_x": 0, "hot_y": 0, "zpos": 0,
                  "flags": STRAIGHT if image.straight else 0}
        values.update(registers)
        self.program(plane, commit, enable=1, width=image.width,
                     height=image.height, stride=image.stride,
                     fourcc=image.fourcc, offset=offset, **values)

    def hide(self, plane):
        self.program(plane, enable=0)
