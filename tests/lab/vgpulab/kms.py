# SPDX-License-Identifier: GPL-2.0-or-later
"""A dma-buf on the lab's virtual screen, vkms.

Its driver composes what it shows on the CPU, so it maps dma-bufs into the
kernel (vmap), and tells a checksum of each frame.
"""

import ctypes
import fcntl
import glob
import os
import struct

PRIME_FD_TO_HANDLE, GEM_CLOSE = 0xc00c642e, 0x40086409
GET_RESOURCES, GET_CONNECTOR = 0xc04064a0, 0xc05064a7
ADD_FB2, REMOVE_FB, SET_CRTC = 0xc06864b8, 0xc00464af, 0xc06864a2
MODE_SIZE = 68


def _card():
    for path in glob.glob("/sys/class/drm/card?"):
        if "vkms" in os.path.realpath(f"{path}/device"):
            return int(path[-1])
    raise FileNotFoundError("no vkms card")


class VirtualScreen:
    """Shows one dma-buf, in the screen's first mode; close() it."""

    def __init__(self):
        number = _card()
        self.fd = os.open(f"/dev/dri/card{number}", os.O_RDWR)
        self.crc = f"/sys/kernel/debug/dri/{number}/crtc-0/crc"
        self.fb = 0
        self.crtc, self.connector = self._resources()
        self.mode = self._first_mode()
        # hdisplay and vdisplay of struct drm_mode_modeinfo.
        self.width, = struct.unpack_from("<H", self.mode, 4)
        self.height, = struct.unpack_from("<H", self.mode, 14)

    def _ioctl(self, request, data):
        buffer = bytearray(data)
        fcntl.ioctl(self.fd, request, buffer, True)
        return bytes(buffer)

    def _resources(self):
        crtcs, connectors = (ctypes.c_uint32 * 1)(), (ctypes.c_uint32 * 1)()
        self._ioctl(GET_RESOURCES, struct.pack(
            "<4Q8I", 0, ctypes.addressof(crtcs),
            ctypes.addressof(connectors), 0, 0, 1, 1, 0, 0, 0, 0, 0))
        return crtcs[0], connectors[0]

    def _first_mode(self):
        def ask(modes, count):
            answer = self._ioctl(GET_CONNECTOR, struct.pack(
                "<4Q12I", 0, modes, 0, 0, count, 0, 0, 0, self.connector,
                *[0] * 7))
            return struct.unpack_from("<I", answer, 32)[0]
        count = ask(0, 0)
        modes = ctypes.create_string_buffer(MODE_SIZE * count)
        ask(ctypes.addressof(modes), count)
        return modes.raw[:MODE_SIZE]

    def show(self, dmabuf, fourcc):
        """The dma-buf, as a picture of the screen's size without padding."""
        handle, = struct.unpack_from("<I", self._ioctl(
            PRIME_FD_TO_HANDLE, struct.pack("<IIi", 0, 0, dmabuf)))
        self.fb, = struct.unpack_from("<I", self._ioctl(
            ADD_FB2, struct.pack(
                "<5I4I4I4I4x4Q", 0, self.width, self.height, fourcc, 0,
                handle, 0, 0, 0, 4 * self.width, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0)))
        self._ioctl(GEM_CLOSE, struct.pack("<II", handle, 0))
        connectors = (ctypes.c_uint32 * 1)(self.connector)
        self._ioctl(SET_CRTC, struct.pack(
            "<Q7I", ctypes.addressof(connectors), 1, self.crtc, self.fb,
            0, 0, 0, 1) + self.mode)

    def checksum(self):
        """Of a frame that was begun after the call."""
        with open(f"{self.crc}/control", "w", encoding="ascii") as control:
            control.write("auto")
        with open(f"{self.crc}/data", encoding="ascii") as data:
            lines = [data.readline() for _ in range(3)]
        return lines[-1].split()[-1]

    def close(self):
        """Off; the dma-buf is let go of."""
        if self.fb:
            self._ioctl(SET_CRTC, struct.pack("<Q7I", 0, 0, self.crtc, 0, 0,
                                              0, 0, 0) + bytes(MODE_SIZE))
            self._ioctl(REMOVE_FB, struct.pack("<I", self.fb))
        os.close(self.fd)
