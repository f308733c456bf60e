# SPDX-License-Identifier: GPL-2.0-or-later
"""Planes of the lab's driver: queries, ids, dma-bufs, the region."""

import errno
import fcntl
import os
import random
import struct
import threading

from vgpulab import vfio
from vgpulab.driver import ALL, PAGE, DriverGroup, map_fd
from vgpulab.kms import VirtualScreen, checksum
from vgpulab.vfio import (
    ARGB, CURSOR, CURSOR_PLANE, DMABUF, EXT, FIRST_OVERLAY, NV12, OVERLAY,
    PRIMARY, REGION, RESUMING, STOP, fails, readable)
from vgpulab.wait import until

EDID_SUBTYPE = 1


class VgpuPlanes(DriverGroup):
    """Queries, ids, dma-bufs, the region."""

    def test_off(self):
        """a plane that is off: success and zeros"""
        answer = self.open().query()
        assert not any(answer[name] for name in
                       ("format", "width", "height", "size", "id")), answer

    def test_primary(self):
        """the primary plane as it was programmed, at COMMIT"""
        device = self.open()
        device.program(commit=False, enable=1, width=800, height=600,
                       stride=3328, fourcc=vfio.XRGB, offset=8192)
        assert device.query()["format"] == 0
        device.set(vfio.COMMIT, 1)
        answer = device.query()
        assert answer["format"] == vfio.XRGB and answer["stride"] == 3328
        assert (answer["width"], answer["height"]) == (800, 600)
        assert answer["size"] == (3328 * 600 + 4095) // 4096 * 4096
        region = device.query(REGION)
        assert region["id"] >= vfio.NUM_REGIONS and region["width"] == 800

    def test_bad_geometry(self):
        """what makes no sense is an error, and good geometry is good again"""
        device = self.open()
        device.show()
        for code, values in (
                (errno.EINVAL, {"stride": 640 * 4 - 1}),
                (errno.EINVAL, {"width": 0}), (errno.EINVAL, {"width": ALL}),
                (errno.EINVAL, {"height": 0}), (errno.EINVAL, {"height": ALL}),
                (errno.EINVAL, {"fourcc": 0x20202020}),
                (errno.EINVAL, {"fourcc": NV12}),
                (errno.EINVAL, {"modifier": 1}),
                (errno.EFAULT, {"offset": 100}),
                (errno.EFAULT, {"offset": 64 << 20}),
                (errno.EFAULT, {"offset": (64 << 20) - 4096}),
                (errno.EFAULT, {"offset_hi": ALL}),
                (errno.EFAULT, {"stride": ALL})):
            device.program(**values)
            fails(code, device.query)
            fails(code, device.query, REGION)
            device.program(modifier=0, offset_hi=0, commit=False)
            device.show()
            assert device.query()["width"] == 640

    def test_hostile_queries(self):
        """structs too short, unknown flags, types and pointers"""
        device = self.open()
        device.show()
        fails(errno.EINVAL, device.query, argsz=59)
        fails(errno.EINVAL, device.query, DMABUF | EXT, argsz=60)
        assert device.query(argsz=60)["width"] == 640
        for kind in 0, DMABUF | REGION, 8, DMABUF | 8, ALL:
            fails(errno.EINVAL, device.query, kind)
        for plane in 3, ALL:
            fails(errno.EINVAL, device.query, DMABUF, plane)
        fails(errno.EINVAL, device.query, DMABUF, OVERLAY)
        fails(errno.EINVAL, device.query, REGION, CURSOR)
        assert device.query(REGION, OVERLAY)["width"] == 640
        for word in 4, ALL:
            fails(errno.EINVAL, device.query, DMABUF | EXT, OVERLAY, word)
        fails(errno.EINVAL, device.query, DMABUF | EXT, PRIMARY, 1)
        for request in (vfio.GET_INFO, vfio.GET_REGION_INFO,
                        vfio.GET_IRQ_INFO, vfio.SET_IRQS,
                        vfio.QUERY_GFX_PLANE, vfio.GET_GFX_DMABUF,
                        vfio.DEVICE_FEATURE):
            device.bad_pointer(request)
        fails(errno.EINVAL, device.dmabuf, 99)
        fails(errno.EINVAL, device.dmabuf, 0)
        fails(errno.ENOTTY, device.ioctl, 0x3b00 + 99, bytes(16))

    def test_damage(self):
        """what was drawn since the last query, if the guest says that"""
        device = self.open()
        device.show()

        def told():
            answer = device.query(DMABUF | EXT)
            assert answer["width"] == 640
            if not answer["word"] & vfio.EXT_DAMAGE:
                return None
            return (answer["x"], answer["y"], answer["hot_x"],
                    answer["hot_y"])

        def draw(*rectangle):
            for i, value in enumerate(rectangle):
                device.set(vfio.DAMAGE_X + 4 * i, value)
            device.set(vfio.DAMAGE_ADD, 1)

        assert told() is None and told() is None
        device.set(vfio.DAMAGE_REPORTED, 1)
        assert told() is None
        assert told() == (0, 0, 0, 0)
        draw(10, 20, 30, 40)
        # other queries leave it to those that are told
        device.query()
        device.query(REGION)
        device.query(DMABUF | EXT, OVERLAY, 0)
        assert told() == (10, 20, 30, 40)
        assert told() == (0, 0, 0, 0)
        draw(100, 200, 1, 2)
        draw(5, 300, 0, 10)
        draw(90, 210, 4, 4)
        assert told() == (90, 200, 11, 14)
        draw(1, 2, ALL, ALL)
        assert told() == (1, 2, ALL - 1, ALL - 2)
        for change in (lambda: device.set(vfio.FLIP, 1),
                       lambda: device.program(offset=0),
                       lambda: device.set(vfio.DAMAGE_REPORTED, 0)):
            change()
            draw(1, 1, 1, 1)
            assert told() is None

    def test_cursor_and_overlays(self):
        """every plane with position, hotspot, stacking order"""
        device = self.open()
        device.program(CURSOR_PLANE, enable=1, width=64, height=64, stride=256,
                       fourcc=ARGB, offset=4096, x=-10, y=-20, hot_x=3,
                       hot_y=ALL)
        cursor = device.query(plane=CURSOR)
        assert (cursor["x"], cursor["y"]) == (-10, -20), cursor
        assert (cursor["hot_x"], cursor["hot_y"]) == (3, ALL), cursor
        assert cursor["width"] == 64 and cursor["word"] == 0
        for index in range(4):
            device.program(FIRST_OVERLAY + index, enable=1, width=32,
                           height=16, stride=32, fourcc=NV12, x=index,
                           y=-index, zpos=10 + index, flags=index & 1,
                           offset=PAGE * (10 + index))
        ids = {cursor["id"]}
        for index in range(4):
            overlay = device.query(DMABUF | EXT, OVERLAY, index)
            assert (overlay["x"], overlay["y"]) == (index, -index), overlay
            assert overlay["word"] == 10 + index | (index & 1) << 8, overlay
            assert overlay["format"] == NV12 and overlay["size"] == PAGE
            ids.add(overlay["id"])
        assert len(ids) == 5, ids
        device.program(CURSOR_PLANE, width=257, stride=2048)
        fails(errno.EINVAL, device.query, plane=CURSOR)

    def test_ids(self):
        """ids: as stable as the geometry, one for each page, reused later"""
        device = self.open()
        device.show()
        first = device.query()["id"]
        assert device.query()["id"] == first
        device.set(vfio.FLIP, 500)
        assert device.get(vfio.FLIP) == 1
        second = device.query()["id"]
        assert second != first
        fds = [device.dmabuf(first), device.dmabuf(second)]
        for _ in range(3):
            device.set(vfio.FLIP, 0)
            assert device.query()["id"] == first
            device.set(vfio.FLIP, 500)
            assert device.query()["id"] == second
        for fd in fds:
            os.close(fd)
        device.show(800, 600)
        third = device.query()["id"]
        os.close(device.dmabuf(third))
        device.show(1024, 768)
        seen = {first, second, third}
        assert device.query()["id"] in seen, (device.query(), seen)

    def test_chosen_ids(self):
        """an id that the guest chose, and gives to another buffer"""
        device = self.open()
        device.show()
        device.program(id=77)
        assert device.query()["id"] == 77
        fd = device.dmabuf(77)
        assert os.lseek(fd, 0, os.SEEK_END) == 640 * 480 * 4
        device.program(width=320, height=240, stride=1280)
        assert device.query()["id"] == 77
        other = device.dmabuf(77)
        assert os.lseek(other, 0, os.SEEK_END) == 320 * 240 * 4
        os.close(fd)
        os.close(other)

    def test_dmabuf_pixels(self):
        """a dma-buf is the guest's video memory, also several at once"""
        device = self.open()
        page = random.Random(1).randbytes(PAGE)
        device.write(2, 640 * 480 * 4 - PAGE + 8192, page)
        device.show(offset=8192)
        number = device.query()["id"]
        fds = [device.dmabuf(number) for _ in range(5)]
        assert self.mdev.count("live_buffers") == 5
        maps = [map_fd(fd, 640 * 480 * 4) for fd in fds]
        for mapping in maps:
            assert mapping[-PAGE:] == page
        os.close(fds[0])
        page = random.Random(2).randbytes(PAGE)
        device.write(2, 8192, page)
        for mapping in maps:
            assert mapping[:PAGE] == page
            mapping.close()
        for fd in fds[1:]:
            os.close(fd)
        until("no dma-buf",
              lambda: self.mdev.count("live_buffers") == 0)

    def test_dmabuf_outlives(self):
        """a dma-buf stays valid after reset and close, but as it was"""
        device = self.open()
        device.write(2, 0, b"stays" * 100)
        device.show()
        fd = device.dmabuf(device.query()["id"])
        device.ioctl(vfio.RESET, b"")
        assert device.query()["format"] == 0
        self.close_all()
        mapping = map_fd(fd, PAGE)
        assert mapping[:500] == b"stays" * 100
        device = self.open()
        assert device.read(2, 0, 5) == bytes(5)
        device.show()
        other = device.dmabuf(device.query()["id"])
        assert mapping[:5] == b"stays"
        mapping.close()
        os.close(fd)
        assert self.mdev.count("live_buffers") == 1
        os.close(other)

    def test_imported(self):
        """another driver imports it, also while it is read by the CPU"""
        device = self.open()
        device.show()
        fd = device.dmabuf(device.query()["id"])
        render = os.open("/dev/dri/renderD128", os.O_RDWR)
        # struct drm_prime_handle, struct drm_gem_close, struct dma_buf_sync
        handle, = struct.unpack_from("<I", fcntl.ioctl(
            render, 0xc00c642e, struct.pack("<IIi", 0, 0, fd)))
        for flags in 1, 4 | 1, 3, 4 | 3:
            fcntl.ioctl(fd, 0x40086200, struct.pack("<Q", flags))
        os.close(fd)
        assert self.mdev.count("live_buffers") == 1
        fcntl.ioctl(render, 0x40086409, struct.pack("<II", handle, 0))
        os.close(render)
        until("the import to end",
              lambda: self.mdev.count("live_buffers") == 0)

    def test_read_in_the_kernel(self):
        """another driver reads it through a mapping of the kernel's"""
        device = self.open()
        screen = VirtualScreen()
        device.show(screen.width, screen.height)
        fd = device.dmabuf(device.query()["id"])
        try:
            screen.show(fd, vfio.XRGB)
            os.close(fd)
            device.write(2, 0, b"something")
            first = checksum()
            device.write(2, 0, b"different")
            assert checksum() != first
            device.write(2, 0, b"something")
            assert checksum() == first
        finally:
            screen.close()
        until("the screen to let go of it",
              lambda: self.mdev.count("live_buffers") == 0)

    def test_no_writable_private_maps(self):
        """private mappings are refused, and those past the end"""
        mmap = vfio.mmap
        device = self.open()
        device.show()
        fd = device.dmabuf(device.query()["id"])
        fails(errno.EINVAL, mmap.mmap, fd, PAGE, mmap.MAP_PRIVATE,
              mmap.PROT_READ)
        fails(errno.EINVAL, map_fd, fd, 640 * 480 * 4 + PAGE)
        fails(errno.EINVAL, map_fd, fd, 2 * PAGE, 640 * 480 * 4 - PAGE)
        os.close(fd)
        fails(errno.EINVAL, device.map, 2, (64 << 20) + PAGE)
        fails(errno.EINVAL, device.map, 0, PAGE)
        fails(errno.EINVAL, device.map, vfio.CONFIG_REGION, PAGE)

    def test_region_follows(self):
        """the region shows the page that is on screen, mapped and read"""
        device = self.open()
        device.write(2, 0, b"first")
        device.write(2, 500 * PAGE, b"other")
        device.show()
        index = device.query(REGION)["id"]
        mapping = device.map(index, 640 * 480 * 4)
        for page, text in (0, b"first"), (500, b"other"), (0, b"first"):
            device.set(vfio.FLIP, page)
            assert mapping[:5] == text, (page, mapping[:5])
            assert device.read(index, 0, 5) == text
        fails(errno.EACCES, device.write, index, 0, b"no")
        device.set(vfio.FLIP, ALL)
        fails(errno.EFAULT, device.read, index, 0, 5)
        fails(errno.EFAULT, readable, mapping, 5)
        device.set(vfio.FLIP, 0)
        assert mapping[:5] == b"first"
        mapping.close()

    def test_own_memory(self):
        """data that comes from a mapping of the device itself"""
        device = self.open()
        device.write(2, 0, struct.pack("<I", 1))
        device.show()
        index = device.query(REGION)["id"]
        for flip in range(20):
            # Not touched yet: the kernel has to look the page up.
            mapping = device.map(index, PAGE)
            view = memoryview(mapping)
            assert device.write(0, vfio.DAMAGE_ADD, view[:4]) == 4
            assert device.write(2, 600 * PAGE, view) == PAGE
            view.release()
            mapping.close()
            device.set(vfio.FLIP, 600 * (flip & 1))
        assert device.read(2, 600 * PAGE, 4) == b"\1\0\0\0"
        device.set_migration_state(STOP)
        stream = device.set_migration_state(RESUMING)
        mapping = device.map(index, 1 << 20)
        view = memoryview(mapping)
        try:
            # Nonsense, of course.
            fails(errno.EINVAL, os.write, stream, view)
        finally:
            view.release()
            mapping.close()
            os.close(stream)

    def test_races(self):
        """flips, faults, dma-bufs and resets at once"""
        device = self.open()
        device.show()
        index = device.query(REGION)["id"]
        end = threading.Event()
        errors = []

        def repeat(action):
            def loop():
                try:
                    while not end.is_set():
                        action()
                except Exception as error:  # pylint: disable=broad-except
                    errors.append(error)
            thread = threading.Thread(target=loop)
            thread.start()
            return thread

        def look():
            mapping = device.map(index, 64 * PAGE)
            readable(mapping, 64 * PAGE)
            mapping.close()

        def fetch():
            try:
                os.close(device.dmabuf(device.query()["id"]))
            except OSError as error:
                # Off after the reset, or flipped away in between.
                if error.errno != errno.EINVAL:
                    raise

        def trigger():
            eventfd = os.eventfd(0)
            device.set_eventfd(eventfd)
            os.close(eventfd)

        rounds = []

        def change():
            rounds.append(None)
            device.set(vfio.FLIP, len(rounds) % 8)
            if len(rounds) % 50 == 0:
                device.ioctl(vfio.RESET, b"")
                device.show()

        threads = [repeat(action) for action in (look, fetch, trigger, change)]
        try:
            until("1000 flips", lambda: len(rounds) > 1000 or errors)
        finally:
            end.set()
            for thread in threads:
                thread.join()
        assert not errors, errors

    def test_edid(self):
        """the EDID region: order, limits, what the guest sees"""
        device = self.open()
        index = device.find_region(EDID_SUBTYPE).index
        head = struct.unpack("<IIIIII", device.read(index, 0, 24))
        assert head == (2048, 1024, 0, 3840, 2160, 2), head
        blob = bytearray(random.Random(3).randbytes(256))
        blob[:8] = b"\0\xff\xff\xff\xff\xff\xff\0"
        for block in 0, 128:
            blob[block + 127] = -sum(blob[block:block + 127]) & 255
        fails(errno.EINVAL, device.write, index, 2048, bytes(blob))
        for size in 2048, 100:
            fails(errno.EINVAL, device.write, index, 8,
                  struct.pack("<I", size))
        fails(errno.EPERM, device.write, index, 12, bytes(4))
        device.write(index, 8, struct.pack("<I", 256))
        fails(errno.EINVAL, device.write, index, 20, struct.pack("<I", 1))
        fails(errno.EINVAL, device.write, index, 20, struct.pack("<I", 7))
        device.write(index, 2048, bytes(blob))
        assert device.get(vfio.EDID_SIZE) == 0 and device.get(vfio.LINK) == 0
        assert device.get(vfio.EDID) == 0
        device.write(index, 20, struct.pack("<I", 1))
        assert device.get(vfio.EDID_SIZE) == 256 and device.get(vfio.LINK)
        seen = b"".join(device.read(0, vfio.EDID + i, 4)
                        for i in range(0, 256, 4))
        assert seen == blob
        assert device.read(index, 2048, 256) == blob
        device.write(index, 20, struct.pack("<I", 2))
        assert device.get(vfio.EDID) == 0

    def test_registers_whole(self):
        """registers are 32 bits wide; other accesses change nothing"""
        device = self.open()
        assert device.get(vfio.MAGIC) == 0x57535056
        assert device.get(vfio.KINDS) == 31
        device.set(0x200, 5)
        device.write(0, 0x200, b"\1\1")
        device.write(0, 0x202, b"\1\1\1\1")
        device.write(0, 0x200, bytes(8))
        assert device.get(0x200) == 5
        assert device.read(0, 0x200, 8) == bytes(8)
