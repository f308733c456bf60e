# SPDX-License-Identifier: GPL-2.0-or-later
"""The metadata region of the lab's driver."""

import errno
import os
import random
import select
import struct

from vgpulab import vfio
from vgpulab.driver import ALL, PAGE, DriverGroup
from vgpulab.vfio import ARGB, CURSOR_PLANE, fails
from vgpulab.wait import until

META_SUBTYPE = 0x4756
READY, UNCHANGED, ERROR = range(3)


class Metadata:
    """struct vfio_gfx_meta, as hw/vfio/vfio-gfx-ext.h has it."""

    def __init__(self, data):
        (self.magic, self.version, self.header_size, self.generation,
         self.fourcc, self.width, self.modifier, self.height, self.stride,
         self.offset, self.size, self.frame, self.time_ns, self.status,
         self.request, self.error, self.damage_count) = struct.unpack_from(
             "<IIIIIIQIIQQQQIIII", data)
        count = 0 if self.damage_count == ALL else min(self.damage_count, 16)
        self.damage = [struct.unpack_from("<IIII", data, 88 + 16 * i)
                       for i in range(count)]
        (self.cursor_visible, self.cursor_x, self.cursor_y, self.cursor_hot_x,
         self.cursor_hot_y, self.cursor_fourcc, self.cursor_width,
         self.cursor_height, self.cursor_stride, self.cursor_serial,
         self.cursor_offset, self.cursor_flags) = struct.unpack_from(
             "<IiiIIIIIIIQI", data, 344)


class VgpuMetadata(DriverGroup):
    """The region with a metadata page."""

    def __init__(self):
        super().__init__()
        self.request = 0
        self.eventfd = -1
        self.region = None
        self.mapping = None

    def begin(self, reported=1):
        device = self.open()
        self.region = device.find_region(META_SUBTYPE)
        self.mapping = device.map(self.region.index,
                                  self.region.size - PAGE, write=True)
        self.eventfd = os.eventfd(0)
        device.set_eventfd(self.eventfd)
        device.set(vfio.DAMAGE_REPORTED, reported)
        return device

    def page(self):
        return Metadata(self.mapping[-PAGE:])

    def ring(self, device):
        self.request += 1
        number = struct.pack("<I", self.request)
        at = len(self.mapping) - PAGE + 2048
        self.mapping[at:at + 4] = number
        device.write(self.region.index, self.region.size - PAGE, number)

    def ask(self, device):
        """Request a frame and wait for it."""
        self.ring(device)
        poll = select.poll()
        poll.register(self.eventfd, select.POLLIN)
        while True:
            assert poll.poll(60000), "no completion"
            os.eventfd_read(self.eventfd)
            page = self.page()
            if page.request == self.request and not page.generation & 1:
                return page

    def end(self):
        self.mapping.close()
        os.close(self.eventfd)
        self.close_all()

    def test_layout(self):
        """type and sparse mmap capabilities; the doorbell is not mapped"""
        device = self.begin()
        sparse = self.region.caps[vfio.CAP_SPARSE_MMAP]
        count, _, offset, size = struct.unpack_from("<IIQQ", sparse)
        assert (count, offset, size) == (1, 0, self.region.size - PAGE)
        fails(errno.EINVAL, device.map, self.region.index, self.region.size)
        fails(errno.EINVAL, device.map, self.region.index, PAGE,
              self.region.size - PAGE)
        bell = self.region.size - PAGE
        for offset, data in ((bell, b"ab"), (bell + 4, bytes(4)),
                             (bell - 2, bytes(4))):
            fails(errno.EINVAL, device.write, self.region.index, offset, data)
        fails(errno.EINVAL, device.read, self.region.index, bell, 4)
        self.end()

    def test_frames(self):
        """a frame on request, what changed in it, and nothing"""
        device = self.begin()
        rng = random.Random(4)
        frame = bytearray(rng.randbytes(640 * 480 * 4))
        device.write(2, 0, bytes(frame))
        device.show()
        page = self.ask(device)
        assert page.magic == 0x4d475056 and page.version == 1, page.magic
        assert page.header_size == 400
        assert (page.status, page.damage_count) == (READY, ALL)
        assert (page.width, page.height, page.stride) == (640, 480, 2560)
        assert page.fourcc == vfio.XRGB and page.size == len(frame)
        assert self.mapping[:len(frame)] == frame
        last = page
        page = self.ask(device)
        assert (page.status, page.damage_count) == (UNCHANGED, 0), vars(page)
        assert page.frame == last.frame
        assert page.generation != last.generation
        rect = (100, 50, 30, 20)
        for y in range(50, 70):
            at = 2560 * y + 400
            frame[at:at + 120] = rng.randbytes(120)
            device.write(2, at, bytes(frame[at:at + 120]))
        for i, value in enumerate(rect):
            device.set(vfio.DAMAGE_X + 4 * i, value)
        device.set(vfio.DAMAGE_ADD, 1)
        page = self.ask(device)
        assert page.status == READY and page.damage == [rect], page.damage
        assert page.frame > last.frame and page.time_ns > last.time_ns
        assert self.mapping[:len(frame)] == frame
        self.end()

    def test_damage_clipped(self):
        """rectangles are clipped; too many are the whole frame"""
        device = self.begin()
        device.show()
        self.ask(device)
        for values in ((600, 470, 100, 100), (640, 0, 5, 5),
                       (0, ALL, 5, ALL), (1, 1, 0, 7)):
            for i, value in enumerate(values):
                device.set(vfio.DAMAGE_X + 4 * i, value)
            device.set(vfio.DAMAGE_ADD, 1)
        assert self.ask(device).damage == [(600, 470, 40, 10)]
        for i in range(17):
            for j, value in enumerate((i, 0, 1, 1)):
                device.set(vfio.DAMAGE_X + 4 * j, value)
            device.set(vfio.DAMAGE_ADD, 1)
        assert self.ask(device).damage_count == ALL
        device.set(vfio.FLIP, 400)
        assert self.ask(device).damage_count == ALL
        assert self.ask(device).status == UNCHANGED
        self.end()

    def test_unreported_damage(self):
        """a guest that reports nothing: the driver looks for itself"""
        device = self.begin(reported=0)
        device.show()
        self.ask(device)
        assert self.ask(device).status == UNCHANGED
        device.write(2, 2560 * 100 + 8, b"changed")
        device.write(2, 2560 * 479 + 2556, b"last")
        page = self.ask(device)
        assert page.damage == [(0, 96, 640, 8), (0, 472, 640, 8)], page.damage
        assert self.mapping[2560 * 100 + 8:2560 * 100 + 15] == b"changed"
        assert self.mapping[2560 * 479 + 2556:2560 * 480] == b"last"
        for byte in range(40):
            # Each byte of a word, and the last ones of the picture.
            for at in 2560 * 100 + byte, 2560 * 480 - 1 - byte:
                old, = device.read(2, at, 1)
                device.write(2, at, bytes([old ^ 1]))
                assert self.ask(device).status == READY, at
                assert self.mapping[at] == old ^ 1
        assert self.ask(device).status == UNCHANGED
        for y in range(0, 480, 16):
            device.write(2, 2560 * y, b"many")
        page = self.ask(device)
        assert len(page.damage) == 16 and page.damage[15][1] == 240
        assert page.damage[15][3] == 472 - 240, page.damage
        self.end()

    def test_errors(self):
        """off, bad geometry, and good again: the whole frame"""
        device = self.begin()
        page = self.ask(device)
        assert (page.status, page.fourcc) == (READY, 0), vars(page)
        device.show()
        self.ask(device)
        device.program(stride=7)
        page = self.ask(device)
        assert (page.status, page.error) == (ERROR, errno.EINVAL), vars(page)
        device.show()
        page = self.ask(device)
        assert (page.status, page.damage_count) == (READY, ALL), vars(page)
        device.program(width=16, height=500, stride=65536 + 64)
        page = self.ask(device)
        assert (page.status, page.error) == (READY, 0), vars(page)
        device.program(height=510, stride=131072)
        page = self.ask(device)
        assert (page.status, page.error) == (ERROR, errno.EFBIG), vars(page)
        self.end()

    def test_cursor(self):
        """the cursor's image, and a serial that follows it"""
        device = self.begin()
        image = random.Random(5).randbytes(64 * 64 * 4)
        device.write(2, 8 << 20, image)
        device.show()
        assert not self.ask(device).cursor_visible
        device.program(CURSOR_PLANE, enable=1, width=64, height=64,
                       stride=256, fourcc=ARGB, offset=8 << 20, x=-7, y=9,
                       hot_x=1, hot_y=2, flags=1)
        page = self.ask(device)
        assert page.cursor_visible == 1 and page.cursor_fourcc == ARGB
        assert (page.cursor_x, page.cursor_y) == (-7, 9)
        assert (page.cursor_hot_x, page.cursor_hot_y) == (1, 2)
        assert page.cursor_flags == 256, page.cursor_flags
        at = page.cursor_offset
        assert self.mapping[at:at + len(image)] == image
        device.program(CURSOR_PLANE, x=100)
        again = self.ask(device)
        assert again.cursor_serial == page.cursor_serial
        assert again.status == UNCHANGED and again.cursor_x == 100
        device.write(2, 8 << 20, b"other")
        assert self.ask(device).cursor_serial != page.cursor_serial
        self.end()

    def test_page_is_only_written(self):
        """a page that user space scribbles over harms nobody"""
        device = self.begin()
        device.show()
        self.ask(device)
        self.mapping[-PAGE:] = b"\xff" * PAGE
        page = self.ask(device)
        assert page.generation == 4 and page.width == 640, vars(page)
        self.end()

    def test_faults(self):
        """requests never completed, a generation left odd, wrong fields"""
        device = self.begin()
        device.show()
        self.ask(device)
        self.mdev.fault(stall_requests=1)
        before = self.mdev.count("completed")
        self.ring(device)
        until("the request to be swallowed",
              lambda: self.mdev.count("stall_requests") == 0)
        assert self.mdev.count("completed") == before
        self.ask(device)
        self.mdev.fault(odd_generation=1, stride=3, width=9, damage_count=17)
        self.ring(device)
        until("a completion",
              lambda: self.mdev.count("completed") == before + 2)
        page = self.page()
        assert page.generation & 1 and page.stride == 3 and page.width == 9
        assert page.damage_count == 17
        self.mdev.fault(odd_generation=0, stride=0, width=0, damage_count=0)
        page = self.ask(device)
        assert (page.width, page.stride) == (640, 2560)
        self.end()
