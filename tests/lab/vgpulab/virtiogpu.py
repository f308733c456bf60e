# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver of a virtio-gpu, in place of a guest's, by the qtest protocol.

Its machine needs add_qtest(), firmware that has given the device its place,
and memory above MEMORY that nobody else uses. Numbers are those of the virtio
specification, 1.2: 4.1 (PCI), 2.7 (virtqueues) and 5.7 (GPU).
"""

import struct

from .wait import until

# A blob of guest memory needs this on the host, and share=on for the guest's.
UDMABUF = "/dev/udmabuf"
MEMORY = 64 << 20
B8G8R8X8 = 2

_QUEUE, _REQUEST, _RESPONSE = MEMORY, MEMORY + 0x10000, MEMORY + 0x11000
# What the resources are made of.
RESOURCES = MEMORY + (1 << 20)

_COMMON, _NOTIFY = 1, 2
_ACKNOWLEDGE, _DRIVER, _DRIVER_OK, _FEATURES_OK = 1, 2, 4, 8
_RESOURCE_BLOB, _VERSION_1 = 1 << 3, 1 << 32
_NEXT, _WRITE = 1, 2
_OK_NODATA = 0x1100


class VirtioGpu:
    """The device in a slot of the first bus."""

    def __init__(self, qtest, slot):
        self._qtest = qtest
        self._slot = slot
        self._turn = 0
        self._set_config(4, self._config(4) | 6)
        self._find_registers()
        self._start()

    def _config(self, register):
        self._qtest.outl(0xcf8, 0x80000000 | self._slot << 11 | register)
        return self._qtest.inl(0xcfc)

    def _set_config(self, register, value):
        self._qtest.outl(0xcf8, 0x80000000 | self._slot << 11 | register)
        self._qtest.outl(0xcfc, value)

    def _find_registers(self):
        found = {}
        at = self._config(0x34) & 0xfc
        while at:
            head = self._config(at)
            if head & 0xff == 9:
                bar = 0x10 + 4 * (self._config(at + 4) & 0xff)
                base = self._config(bar)
                high = self._config(bar + 4) if base & 4 else 0
                found.setdefault(head >> 24, (
                    (high << 32 | base & ~0xf) + self._config(at + 8), at))
            at = head >> 8 & 0xfc
        self._common, _ = found[_COMMON]
        self._doorbell, at = found[_NOTIFY]
        self._doorbell_step = self._config(at + 16)

    def _set(self, offset, layout, value):
        self._qtest.write(self._common + offset, struct.pack(layout, value))

    def _get(self, offset, layout):
        size = struct.calcsize(layout)
        data = self._qtest.read(self._common + offset, size)
        return struct.unpack(layout, data)[0]

    def _start(self):
        """All of the features that are used here, and the control queue."""
        for status in 0, _ACKNOWLEDGE, _ACKNOWLEDGE | _DRIVER:
            self._set(0x14, "<B", status)
        offered = 0
        for half in 0, 1:
            self._set(0x00, "<I", half)
            offered |= self._get(0x04, "<I") << 32 * half
        wanted = offered & (_VERSION_1 | _RESOURCE_BLOB)
        for half in 0, 1:
            self._set(0x08, "<I", half)
            self._set(0x0c, "<I", wanted >> 32 * half & 0xffffffff)
        status = _ACKNOWLEDGE | _DRIVER | _FEATURES_OK
        self._set(0x14, "<B", status)
        assert self._get(0x14, "<B") == status, "the features are refused"
        self._set(0x16, "<H", 0)
        self._size = self._get(0x18, "<H")
        self._doorbell += self._doorbell_step * self._get(0x1e, "<H")
        self._available = _QUEUE + 16 * self._size
        self._used = _QUEUE + 0x8000
        self._qtest.fill(_QUEUE, 0x10000, 0)
        for offset, address in ((0x20, _QUEUE), (0x28, self._available),
                                (0x30, self._used)):
            self._set(offset, "<I", address)
            self._set(offset + 4, "<I", 0)
        self._set(0x1c, "<H", 1)
        self._set(0x14, "<B", status | _DRIVER_OK)

    def _command(self, kind, layout, *values):
        """Waits until the device has done it."""
        request = struct.pack("<II16x" + layout, kind, 0, *values)
        write = self._qtest.write
        write(_REQUEST, request)
        self._qtest.fill(_RESPONSE, 24, 0)
        write(_QUEUE, struct.pack("<QIHHQIHH",
                                  _REQUEST, len(request), _NEXT, 1,
                                  _RESPONSE, 24, _WRITE, 0))
        write(self._available + 4 + 2 * (self._turn % self._size),
              struct.pack("<H", 0))
        self._turn = self._turn + 1 & 0xffff
        turn = struct.pack("<H", self._turn)
        write(self._available + 2, turn)
        write(self._doorbell, struct.pack("<H", 0))
        until(f"command {kind:#x}",
              lambda: self._qtest.read(self._used + 2, 2) == turn, pause=0)
        answer = self._qtest.read32(_RESPONSE)
        assert answer == _OK_NODATA, f"command {kind:#x}: {answer:#x}"

    def create_2d(self, resource, width, height, address):
        """Pixels of four bytes, copied from that address by transfer()."""
        self._command(0x101, "IIII", resource, B8G8R8X8, width, height)
        self._command(0x106, "IIQII", resource, 1, address,
                      4 * width * height, 0)

    def transfer(self, resource, rect, offset):
        """Copies left, top, width and height, which begin at the offset."""
        self._command(0x105, "4IQII", *rect, offset, resource, 0)

    def create_blob(self, resource, size, address):
        """The guest's memory itself."""
        guest, shareable = 1, 2
        self._command(0x10c, "IIIIQQQII", resource, guest, shareable, 1, 0,
                      size, address, size, 0)

    def unref(self, resource):
        self._command(0x102, "II", resource, 0)

    def set_scanout(self, resource, width, height):
        """Of the first monitor; resource 0 is none."""
        self._command(0x103, "4III", 0, 0, width, height, 0, resource)

    def set_scanout_blob(self, resource, width, height):
        self._command(0x10d, "4I6I4I4I", 0, 0, width, height, 0, resource,
                      width, height, B8G8R8X8, 0, 4 * width, 0, 0, 0,
                      0, 0, 0, 0)

    def flush(self, resource, rect):
        """Left, top, width and height have changed."""
        self._command(0x104, "4III", *rect, resource, 0)
