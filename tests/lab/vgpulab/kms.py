# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's virtual screen, vkms, and a dma-buf on it.

Its driver composes what it shows on the CPU, so it maps dma-bufs into the
kernel (vmap), and tells a checksum of each frame, whoever set the mode.
"""

import ctypes
import fcntl
import glob
import os
import re
import struct
import threading
import zlib

PRIME_FD_TO_HANDLE, GEM_CLOSE = 0xc00c642e, 0x40086409
GET_RESOURCES, GET_CONNECTOR = 0xc04064a0, 0xc05064a7
ADD_FB2, REMOVE_FB, SET_CRTC = 0xc06864b8, 0xc00464af, 0xc06864a2
MODE_SIZE = 68


def _card():
    for path in glob.glob("/sys/class/drm/card?"):
        if "vkms" in os.path.realpath(f"{path}/device"):
            return int(path[-1])
    raise FileNotFoundError("no vkms card")


def checksum():
    """Of a frame that was begun after the call."""
    folder = f"/sys/kernel/debug/dri/{_card()}/crtc-0/crc"
    with open(f"{folder}/control", "w", encoding="ascii") as control:
        control.write("auto")
    with open(f"{folder}/data", encoding="ascii") as data:
        lines = [data.readline() for _ in range(3)]
    return int(lines[-1].split()[-1], 16)


def mode():
    """(width, height) that is set, or None."""
    path = f"/sys/kernel/debug/dri/{_card()}/state"
    with open(path, encoding="ascii") as state:
        found = re.search(r'mode: "(\d+)x(\d+)', state.read())
    return found and (int(found[1]), int(found[2]))


def connector(state):
    """A monitor that is there ("on"), or not ("off")."""
    (path,) = glob.glob(f"/sys/class/drm/card{_card()}-Virtual-1/status")
    with open(path, "w", encoding="ascii") as status:
        status.write(state)


class Frames:
    """The checksums of all frames, from begin to end."""

    def __init__(self):
        self.checksums = []
        self._ends = threading.Event()

    def __enter__(self):
        folder = f"/sys/kernel/debug/dri/{_card()}/crtc-0/crc"
        with open(f"{folder}/control", "w", encoding="ascii") as control:
            control.write("auto")
        # pylint: disable=consider-using-with
        self._data = open(f"{folder}/data", encoding="ascii")
        self._data.readline()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def _read(self):
        while not self._ends.is_set():
            self.checksums.append(int(self._data.readline().split()[-1], 16))

    def __exit__(self, *_):
        self._ends.set()
        self._thread.join()
        self._data.close()


class Screen:
    """What vkms shows, composed here: black, and what lies over it.

    An independent reference for its checksum: colours and alpha have 16 bits,
    and alpha is rounded to the nearest.
    """

    def __init__(self, width, height):
        self._rows = [bytearray(b"\xff\xff" + bytes(6)) * width
                      for _ in range(height)]

    def filled(self, colour):
        """All of it, with 0xrrggbb."""
        pixel = struct.pack("<4H", 0xffff, *(
            257 * (colour >> shift & 255) for shift in (16, 8, 0)))
        for row in self._rows:
            row[:] = pixel * (len(row) // 8)
        return self

    def picture(self, picture, left=0, top=0):
        """All of an opaque picture."""
        for y in range(picture.height):
            row = bytearray(b"\xff" * (8 * picture.width))
            rgb = picture.row(y)
            for colour in range(3):
                for byte in range(2):
                    row[2 + 2 * colour + byte::8] = rgb[colour::3]
            self._rows[top + y][8 * left:8 * left + len(row)] = row
        return self

    def over(self, image, left, top):
        """An image of layers.py; it may stick out anywhere."""
        for y in range(max(0, -top), min(image.height,
                                         len(self._rows) - top)):
            row = self._rows[top + y]
            for x in range(max(0, -left), min(image.width,
                                              len(row) // 8 - left)):
                self._blend(row, 8 * (left + x), image.pixel(x, y))
        return self

    @staticmethod
    def _blend(row, at, pixel):
        through = 0xffff - 257 * pixel[3]
        for colour in range(3):
            below, = struct.unpack_from("<H", row, at + 2 + 2 * colour)
            value = (257 * pixel[colour] * 0xffff + below * through
                     + 0x7fff) // 0xffff
            struct.pack_into("<H", row, at + 2 + 2 * colour, value)

    def checksum(self):
        # As the kernel's crc32_le() counts, from 0.
        value = 0xffffffff
        for row in self._rows:
            value = zlib.crc32(row, value)
        return value ^ 0xffffffff


class VirtualScreen:
    """Shows one dma-buf, in the screen's first mode; close() it."""

    def __init__(self):
        number = _card()
        self.fd = os.open(f"/dev/dri/card{number}", os.O_RDWR)
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

    def close(self):
        """Off; the dma-buf is let go of."""
        if self.fb:
            self._ioctl(SET_CRTC, struct.pack("<Q7I", 0, 0, self.crtc, 0, 0,
                                              0, 0, 0) + bytes(MODE_SIZE))
            self._ioctl(REMOVE_FB, struct.pack("<I", self.fb))
        os.close(self.fd)
