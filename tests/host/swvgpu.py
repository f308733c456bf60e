# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine whose software vGPU a test draws with, without any guest.

The registers are those of include/hw/display/vgpu-sw.h.
"""

import os
import struct
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lab"))

from vgpulab.picture import Picture, expect_picture  # noqa: E402
from vgpulab.planes import (  # noqa: E402
    ARGB, CURSOR, OVERLAYS, PRIMARY, XRGB)
from vgpulab.qtestmachine import (  # noqa: E402
    BUFFER_COPY, BUFFER_FLAGS, NAME, SLOT, VRAM, QtestMachine)
from vgpulab.wait import until  # noqa: E402

_REFUSED, _REGION_FLAGS, _LINK_DOWNS = 0x78, 0xd4, 0x108
_CURSOR_BUFFER, _OVERLAY_BUFFER = 7, 6
_BUFFER_SIZE = 8 << 20
_FW_CFG_DIRECTORY = 0x19


class SwVgpu(QtestMachine):
    """Starts on construction; close() ends it in any case.

    kind: what its planes are offered as, dmabuf, region or both.
    """

    def __init__(self, *arguments, kind="dmabuf", environment=None):
        super().__init__(f"vgpu-sw,id={NAME},addr={SLOT},x-kind={kind}",
                         arguments, environment)

    def vgpu(self):
        """What x-query-vgpu-display says about it."""
        return self.qmp.command("x-query-vgpu-display")[0]

    def shows(self, viewer):
        """What that viewer, by QEMU's name, shows of it."""
        return {entry["shows"] for entry in self.vgpu()["viewers"]
                if entry["name"] == viewer}

    def faults(self):
        """How often each kind happened."""
        return {fault["kind"]: fault["count"]
                for fault in self.vgpu()["faults"]}

    def write_word(self, address, value):
        """What some other device of the machine does with it."""
        self.qtest.write32(address, value)

    def draw(self, buffer, width, height, colour, identity=None):
        """Show a buffer of one gray with a black corner; returns a Picture.

        identity: what the device calls the buffer, if not by its number.
        """
        start = VRAM + buffer * _BUFFER_SIZE
        self.qtest.fill(start, 4 * width * height, colour)
        for y in range(32):
            self.qtest.fill(start + 4 * width * y, 4 * 48, 0)
        self._show(PRIMARY, buffer, width, height,
                   id=buffer if identity is None else identity)
        gray = Picture(width, height, bytes([colour]) * 3 * width * height)
        return gray.with_fill(0, 0, 48, 32, 0)

    def _show(self, plane, buffer, width, height, **registers):
        values = {"fourcc": XRGB, "modifier": 0, "modifier_hi": 0, **registers}
        self.planes.program(plane, enable=1, width=width, height=height,
                            stride=4 * width, offset=buffer * _BUFFER_SIZE,
                            offset_hi=0, **values)

    def write_picture(self, buffer, picture):
        """A picture is in a buffer, at once if it is small."""
        data = bytearray(b"\xa5" * (4 * picture.width * picture.height))
        data[0::4], data[1::4], data[2::4] = (
            picture.rgb[2::3], picture.rgb[1::3], picture.rgb[0::3])
        self.planes.write(buffer * _BUFFER_SIZE, data)

    def draw_picture(self, buffer, picture):
        """Show a buffer with that picture, its fourth bytes not 0."""
        self.write_picture(buffer, picture)
        self._show(PRIMARY, buffer, picture.width, picture.height, id=buffer)

    def draw_ramfb(self, address, width, height, stride, gray):
        """Do as firmware does: one gray in RAM, and tell ramfb of it.

        The memory from 1 MiB on is used for telling; returns a Picture.
        """
        for y in range(height):
            self.qtest.fill(address + y * stride, 4 * width, gray)
        config = struct.pack(">QIIIII", address, XRGB, 0, width, height,
                             stride)
        self._write_fw_cfg("etc/ramfb", config)
        return Picture(width, height, bytes([gray]) * 3 * width * height)

    def _write_fw_cfg(self, name, data):
        """A file of QEMU's (docs/specs/fw_cfg.rst), by its DMA interface."""
        count, = struct.unpack(">I", self._fw_cfg(_FW_CFG_DIRECTORY, 4))
        files = self._fw_cfg(_FW_CFG_DIRECTORY, 4 + 64 * count)[4:]
        keys = [struct.unpack_from(">H", files, at + 4)[0]
                for at in range(0, len(files), 64)
                if files[at + 8:at + 64].rstrip(b"\0") == name.encode()]
        assert len(keys) == 1, (name, keys)
        self._fw_cfg(keys[0], len(data), data)

    def _fw_cfg(self, key, size, data=None):
        """Select a file, and read it or write to it."""
        memory, access = 0x100000, 0x180000
        if data:
            self.qtest.write(memory, data)
        # select, and write or read
        control = key << 16 | 1 << 3 | (1 << 4 if data else 1 << 1)
        self.qtest.write(access, struct.pack(">IIQ", control, size, memory))
        for port, value in (0x514, 0), (0x518, access):
            self.qtest.outl(port, int.from_bytes(value.to_bytes(4, "big"),
                                                 "little"))
        until("fw_cfg", lambda: self.qtest.read(access, 4) == bytes(4))
        return self.qtest.read(memory, size)

    def fill(self, buffer, picture, rect, gray):
        """A rectangle of one gray in a buffer; returns the new picture.

        picture: what is in the buffer.
        """
        left, top, width, height = rect
        for y in range(top, top + height):
            start = (VRAM + buffer * _BUFFER_SIZE
                     + 4 * (y * picture.width + left))
            self.qtest.fill(start, 4 * width, gray)
        return picture.with_fill(*rect, gray * 0x10101)

    def flip(self, buffer):
        """Show another buffer in the mode that is set, by one register."""
        self.planes.flip(buffer * _BUFFER_SIZE)

    def show_cursor(self, argb, size, hot, place=(100, 100), modifier=0):
        """A square of one colour; argb 0 takes it away.

        place: of its corner, which may be off the screen.
        """
        self.planes.write(_CURSOR_BUFFER * _BUFFER_SIZE,
                          argb.to_bytes(4, "little") * size * size)
        if not argb:
            self.planes.hide(CURSOR)
            return
        self._show(CURSOR, _CURSOR_BUFFER, size, size, fourcc=ARGB,
                   modifier=modifier, modifier_hi=modifier >> 32, id=0,
                   x=place[0], y=place[1], hot_x=hot[0], hot_y=hot[1])

    def show_overlay(self, picture, rect, gray):
        """Show an opaque overlay of one gray; returns the new picture.

        picture: what is on screen without it. Buffer 6 is the overlay's.
        """
        left, top, width, height = rect
        self.qtest.fill(VRAM + _OVERLAY_BUFFER * _BUFFER_SIZE,
                        4 * width * height, gray)
        self._show(OVERLAYS[0], _OVERLAY_BUFFER, width, height, id=0, x=left,
                   y=top)
        return picture.with_fill(left, top, min(width, picture.width - left),
                                 min(height, picture.height - top),
                                 gray * 0x10101)

    def hide_overlay(self):
        self.planes.hide(OVERLAYS[0])

    def refuse_overlay(self):
        """Queries of that overlay fail from now on."""
        self.planes.set(_REFUSED, 1 << OVERLAYS[0])

    def turn_off(self):
        """Show nothing."""
        self.planes.hide(PRIMARY)

    def set_mappable(self, mappable):
        """Whether buffers and regions asked for from now on can be mapped."""
        self.planes.set(BUFFER_FLAGS, not mappable)
        self.planes.set(_REGION_FLAGS, not mappable)

    def copy_buffers(self, size):
        """Buffers asked for from now on are copies of so many bytes.

        Of the memory's start, where buffer 0 is; 0: they are no copies.
        """
        self.planes.set(BUFFER_COPY, size)

    def edid(self):
        """What the guest reads of its monitor; empty while it is off."""
        return self.planes.edid()

    def link_downs(self):
        """How often the guest's monitor was taken away."""
        return self.planes.get(_LINK_DOWNS)

    def screendump(self, **arguments):
        path = self._file("dump.ppm")
        self.qmp.command("screendump", filename=path, **arguments)
        return Picture.load_ppm(path)

    def expect_screen(self, want):
        expect_picture("the screendump", self.screendump, want)

    def expect_words(self, hidden):
        """Wait for words in the place of that picture, and return them."""
        def look():
            picture = self.screendump()
            assert picture.difference(hidden), "the guest's picture"
            assert len(picture.colours()) <= 16, "a picture"
            return picture
        return until("words", look)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
