# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own driver, lab/vgpu-mdev, as a virtual machine monitor sees it.

No QEMU: what it must be able to rely on, and what it can do wrong.
"""

import ctypes
import errno
import fcntl
import os
import random
import select
import struct
import threading

from vgpulab import vfio
from vgpulab.group import Group
from vgpulab.kms import VirtualScreen
from vgpulab.mdev import Mdev
from vgpulab.vfio import (
    ARGB, CURSOR, CURSOR_PLANE, DMABUF, EXT, FIRST_OVERLAY, IRQ_BOOL,
    IRQ_EVENTFD, IRQ_MASK, IRQ_NONE, IRQ_TRIGGER, NV12, OVERLAY, PRE_COPY,
    PRE_COPY_P2P, PRIMARY, REGION, RESUMING, RUNNING, STOP, STOP_COPY,
    VfioDevice, fails, readable)
from vgpulab.wait import until

CURSOR_SIGNAL, PRIMARY_SIGNAL = 1 << 48, 1 << 56
META_SUBTYPE, EDID_SUBTYPE = 0x4756, 1
PAGE = 4096
# Of the migration stream: a head, and a page or the registers.
RECORD = 16 + PAGE
ALL = 0xffffffff
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

    @staticmethod
    def map_fd(fd, length, offset=0):
        mmap = vfio.mmap
        return mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ,
                         offset=offset)

    def test_dmabuf_pixels(self):
        """a dma-buf is the guest's video memory, also several at once"""
        device = self.open()
        page = random.Random(1).randbytes(PAGE)
        device.write(2, 640 * 480 * 4 - PAGE + 8192, page)
        device.show(offset=8192)
        number = device.query()["id"]
        fds = [device.dmabuf(number) for _ in range(5)]
        assert self.mdev.count("live_buffers") == 5
        maps = [self.map_fd(fd, 640 * 480 * 4) for fd in fds]
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
        mapping = self.map_fd(fd, PAGE)
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
            first = screen.checksum()
            device.write(2, 0, b"different")
            assert screen.checksum() != first
            device.write(2, 0, b"something")
            assert screen.checksum() == first
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
        fails(errno.EINVAL, self.map_fd, fd, 640 * 480 * 4 + PAGE)
        fails(errno.EINVAL, self.map_fd, fd, 2 * PAGE, 640 * 480 * 4 - PAGE)
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


class VgpuIrq(DriverGroup):
    """The display interrupt."""

    def watch(self, device):
        eventfd = os.eventfd(0, os.EFD_NONBLOCK)
        device.set_eventfd(eventfd)
        return eventfd

    @staticmethod
    def take(eventfd):
        try:
            return os.eventfd_read(eventfd)
        except BlockingIOError:
            return 0

    def test_capabilities(self):
        """flags and capabilities, and how long they are"""
        device = self.open()
        flags, count, caps = device.irq(5)
        assert flags == 1 | 16 and count == 1, (flags, count)
        assert struct.unpack_from("<II", caps[1]) == (1, 1), caps
        assert struct.unpack_from("<QQ", caps[2]) == (
            CURSOR_SIGNAL, PRIMARY_SIGNAL), caps
        for argsz in 16, 20, 40:
            data = struct.pack("<IIII", argsz, 0, 5, 0) + b"\x55" * 112
            answer = device.ioctl(vfio.GET_IRQ_INFO, data)
            assert struct.unpack_from("<I", answer)[0] == 64, answer
            assert answer[20:] == data[20:], "wrote past the end"
        fails(errno.EINVAL, device.irq, 6)
        for index in range(5):
            assert device.irq(index)[1] == 0

    def test_signals(self):
        """what changed is what is added"""
        device = self.open()
        device.set(vfio.DAMAGE_REPORTED, 1)
        eventfd = self.watch(device)
        device.show()
        assert self.take(eventfd) == PRIMARY_SIGNAL
        device.program(CURSOR_PLANE, enable=1, x=5)
        assert self.take(eventfd) == CURSOR_SIGNAL
        device.program(FIRST_OVERLAY, x=5)
        assert self.take(eventfd) == PRIMARY_SIGNAL
        device.program(CURSOR_PLANE, commit=False, x=6)
        device.program(FIRST_OVERLAY, x=6)
        assert self.take(eventfd) == PRIMARY_SIGNAL + CURSOR_SIGNAL
        device.set(vfio.FLIP, 1)
        device.set(vfio.DAMAGE_ADD, 1)
        device.set(vfio.COMMIT, 1)
        assert self.take(eventfd) == 3 * PRIMARY_SIGNAL
        for _ in range(1000):
            device.set(vfio.COMMIT, 1)
        assert self.take(eventfd) == (1 << 64) - 2
        assert self.take(eventfd) == 0
        device.set_eventfd(-1)
        device.set(vfio.COMMIT, 1)
        assert self.take(eventfd) == 0
        os.close(eventfd)

    def test_vblank(self):
        """a guest that reports nothing: a signal at each vertical blank"""
        device = self.open()
        eventfd = self.watch(device)
        device.show()
        poll = select.poll()
        poll.register(eventfd, select.POLLIN)
        for _ in range(20):
            assert poll.poll(60000), "no signal"
            self.take(eventfd)
        device.set(vfio.DAMAGE_REPORTED, 1)
        self.take(eventfd)
        assert not poll.poll(100), "signals go on"
        os.close(eventfd)

    def test_triggers(self):
        """loopback by BOOL and NONE; giving the interrupt up"""
        device = self.open()
        eventfd = self.watch(device)
        device.set_irqs(IRQ_NONE | IRQ_TRIGGER)
        device.set_irqs(IRQ_BOOL | IRQ_TRIGGER, data=b"\1")
        device.set_irqs(IRQ_BOOL | IRQ_TRIGGER, data=b"\0")
        assert self.take(eventfd) == 2 * PRIMARY_SIGNAL
        device.set_irqs(IRQ_NONE | IRQ_TRIGGER, count=0)
        device.set(vfio.COMMIT, 1)
        assert self.take(eventfd) == 0
        os.close(eventfd)

    def test_hostile(self):
        """whatever else is asked for is refused"""
        device = self.open()
        minus_two = struct.pack("<i", -2)
        for code, flags, keywords in (
                (errno.EINVAL, IRQ_EVENTFD | IRQ_TRIGGER, {"data": b""}),
                (errno.EINVAL, IRQ_EVENTFD | IRQ_TRIGGER,
                 {"data": minus_two}),
                (errno.EBADF, IRQ_EVENTFD | IRQ_TRIGGER,
                 {"data": struct.pack("<i", 9999)}),
                (errno.EINVAL, IRQ_EVENTFD | IRQ_TRIGGER,
                 {"data": struct.pack("<i", device.fd)}),
                (errno.EINVAL, IRQ_EVENTFD | IRQ_TRIGGER,
                 {"data": bytes(8), "count": 2}),
                (errno.EINVAL, IRQ_NONE | IRQ_MASK, {}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"start": 1}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"start": ALL}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"count": ALL}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"index": 0}),
                (errno.EINVAL, IRQ_NONE | IRQ_TRIGGER, {"index": ALL}),
                (errno.EINVAL, ALL, {})):
            fails(code, device.set_irqs, flags, **keywords)

    def test_storm(self):
        """a storm of signals, and its end"""
        device = self.open()
        device.set(vfio.DAMAGE_REPORTED, 1)
        eventfd = self.watch(device)
        self.mdev.fault(irq_storm=100000)
        before = self.mdev.count("signals")
        until("10000 signals",
              lambda: self.mdev.count("signals") > before + 10000)
        self.mdev.fault(irq_storm=0)
        self.take(eventfd)
        assert self.take(eventfd) == 0
        os.close(eventfd)


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
        fails(errno.ENODEV, VgpuPlanes.map_fd, fd, PAGE)
        self.mdev.fault(refuse_mmap=0)
        fails(errno.ENODEV, VgpuPlanes.map_fd, fd, PAGE)
        os.close(fd)
        fd = device.dmabuf(number)
        VgpuPlanes.map_fd(fd, PAGE).close()
        os.close(fd)

    def test_sigbus(self):
        """mappings whose pages vanish, and come back"""
        device = self.open()
        device.write(2, 0, b"there")
        device.show()
        fd = device.dmabuf(device.query()["id"])
        maps = [VgpuPlanes.map_fd(fd, PAGE),
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


class VgpuMigration(DriverGroup):
    """The migration states and the stream."""

    def fill(self, device):
        """Something in registers and memory; returns the memory."""
        vram = bytearray(64 << 20)
        rng = random.Random(6)
        for page in rng.sample(range(len(vram) // PAGE), 50):
            vram[page * PAGE:(page + 1) * PAGE] = rng.randbytes(PAGE)
            device.write(2, page * PAGE, bytes(vram[page * PAGE:
                                                   (page + 1) * PAGE]))
        device.show(800, 600)
        device.set(vfio.FLIP, 3)
        device.program(CURSOR_PLANE, enable=1, width=32, height=32,
                       stride=128, fourcc=ARGB, x=-3)
        device.program(FIRST_OVERLAY, commit=False, width=123)
        device.set(vfio.DAMAGE_X, 321)
        return bytes(vram)

    @staticmethod
    def drain(fd):
        """All that there is to read, for now or for good."""
        stream = b""
        try:
            while data := os.read(fd, 1 << 20):
                stream += data
        except OSError as error:
            assert error.errno == errno.ENOMSG, error
        return stream

    @staticmethod
    def precopy_info(fd, size=24):
        """Bytes to send: of the first pass, and those that changed."""
        info = bytearray(struct.pack("<IIQQ", size, 0, 0, 0))
        fcntl.ioctl(fd, vfio.MIG_GET_PRECOPY_INFO, info)
        return struct.unpack("<QQ", info[8:])

    def save(self, device):
        fd = device.set_migration_state(STOP_COPY)
        try:
            stream = self.drain(fd)
            assert device.set_migration_state(STOP) == -1
            fails(errno.ENODEV, os.read, fd, 10)
        finally:
            os.close(fd)
        return stream

    def load(self, device, stream, chunk=1 << 20):
        fd = device.set_migration_state(RESUMING)
        try:
            view = memoryview(stream)
            while view:
                view = view[os.write(fd, view[:chunk]):]
            device.set_migration_state(RUNNING)
        finally:
            os.close(fd)

    @staticmethod
    def log_dirty(device):
        """Dirty tracking: nothing is ever dirty."""
        start, stop, report = 6, 7, 8
        ranges = ctypes.create_string_buffer(struct.pack("<QQ", 0, 1 << 30))
        begin = struct.pack("<QIIQ", PAGE, 1, 0, ctypes.addressof(ranges))
        device.feature(vfio.FEATURE_SET | start, begin)
        fails(errno.EBUSY, device.feature, vfio.FEATURE_SET | start, begin)
        bitmap = ctypes.create_string_buffer((1 << 18) // 8)
        device.feature(vfio.FEATURE_GET | report, struct.pack(
            "<QQQQ", 0, 1 << 30, PAGE, ctypes.addressof(bitmap)))
        assert not any(bitmap.raw)
        device.feature(vfio.FEATURE_SET | stop)

    def test_supported(self):
        """stop-copy, P2P and pre-copy, and tracking of what it dirties"""
        device = self.open()
        flags, = struct.unpack("<Q", device.feature(
            vfio.FEATURE_GET | vfio.FEATURE_MIGRATION, bytes(8)))
        assert flags == 7, flags
        self.log_dirty(device)
        assert device.migration_state() == RUNNING
        self.close_all()
        self.mdev.switch(migration=0)
        device = self.open()
        fails(errno.ENOTTY, device.feature,
              vfio.FEATURE_GET | vfio.FEATURE_MIGRATION, bytes(8))
        self.close_all()
        self.mdev.switch(migration=1)

    def test_to_another(self):
        """registers and memory arrive on another device"""
        source = self.open()
        vram = self.fill(source)
        want = source.query(), source.query(plane=CURSOR)
        estimate, = struct.unpack("<Q", source.feature(
            vfio.FEATURE_GET | vfio.FEATURE_MIG_DATA_SIZE, bytes(8)))
        stream = self.save(source)
        assert len(stream) == estimate == 51 * RECORD, (len(stream), estimate)
        source.set_migration_state(RUNNING)
        other = Mdev(self.kind)
        try:
            target = self.open(other)
            target.write(2, 1 << 20, b"what was there before")
            for chunk in 1 << 20, 1000:
                self.load(target, stream, chunk)
                assert target.migration_state() == RUNNING
                assert target.read(2, 0, len(vram)) == vram
                got = target.query(), target.query(plane=CURSOR)
                assert got == want, (got, want)
                assert target.get(vfio.FLIP) == 1
                assert target.get(vfio.DAMAGE_X) == 321
                assert target.get(0x204 + 0x40 * FIRST_OVERLAY) == 123
                target.write(2, 1 << 20, b"again")
        finally:
            self.close_all()
            other.remove()

    def test_hostile_streams(self):
        """a stream cut short, too long, or of nonsense is refused"""
        device = self.open()
        self.fill(device)
        stream = self.save(device)
        device.ioctl(vfio.RESET, b"")
        assert device.migration_state() == RUNNING
        rng = random.Random(7)
        # A record: magic, version, pages that there are, which one; data
        bad = [stream[:10], stream[:-1], stream[:RECORD + 5], stream + b"x",
               bytes(len(stream)), rng.randbytes(len(stream)), b"",
               stream[:-RECORD], stream[RECORD:] + stream[:RECORD],
               stream[:4] + b"\1" + stream[5:],
               stream[:8] + bytes(4) + stream[12:],
               stream[:12] + struct.pack("<I", 64 << 8) + stream[16:]]
        for number, data in enumerate(bad):
            try:
                self.load(device, data)
            except OSError as error:
                assert error.errno in (errno.EINVAL, errno.ENODEV,
                                       errno.EFBIG), (number, error)
            else:
                raise AssertionError(f"stream {number} was taken")
            device.ioctl(vfio.RESET, b"")
            assert device.migration_state() == RUNNING
        self.load(device, stream)
        assert device.query()["width"] == 800

    def test_pre_copy(self):
        """pages that change while the machine runs, and when it is stopped"""
        source = self.open()
        self.fill(source)
        fd = source.set_migration_state(PRE_COPY)
        assert self.precopy_info(fd) == (50 * RECORD, 0)
        stream = os.read(fd, 10 * RECORD + 100)
        initial, dirty = self.precopy_info(fd)
        assert initial == 39 * RECORD and not dirty, (initial, dirty)
        stream += self.drain(fd)
        assert len(stream) == 50 * RECORD, len(stream)
        assert self.precopy_info(fd) == (0, 0)
        for number in range(3):
            source.write(2, 5 * PAGE, b"%d" % number)
            source.write(2, (60 + number) * PAGE, bytes(PAGE))
            source.write(2, (60 + number) * PAGE + 9, b"here")
            assert self.precopy_info(fd) == (0, 2 * RECORD)
            if number < 2:
                stream += self.drain(fd)
        source.set(vfio.FLIP, 7)
        fails(errno.EINVAL, self.precopy_info, fd, 16)
        assert source.set_migration_state(PRE_COPY_P2P) == -1
        assert source.set_migration_state(STOP_COPY) == -1
        fails(errno.EINVAL, self.precopy_info, fd)
        rest = self.drain(fd)
        assert len(rest) == 3 * RECORD, len(rest)
        source.set_migration_state(RUNNING)
        fails(errno.ENODEV, os.read, fd, 1)
        fails(errno.ENODEV, self.precopy_info, fd)
        os.close(fd)
        other = Mdev(self.kind)
        try:
            target = self.open(other)
            self.load(target, stream + rest)
            size = 64 << 20
            assert target.read(2, 0, size) == source.read(2, 0, size)
            assert target.query() == source.query()
        finally:
            self.close_all()
            other.remove()

    def test_pre_copy_given_up(self):
        """a migration that is cancelled, and one after it"""
        device = self.open()
        self.fill(device)
        for state in RUNNING, STOP:
            fd = device.set_migration_state(PRE_COPY)
            os.read(fd, 5 * RECORD + 1)
            device.set_migration_state(state)
            fails(errno.ENODEV, os.read, fd, 1)
            os.close(fd)
            device.set_migration_state(RUNNING)
        fd = device.set_migration_state(PRE_COPY)
        assert len(self.drain(fd)) == 50 * RECORD
        os.close(fd)
        device.ioctl(vfio.RESET, b"")
        assert device.migration_state() == RUNNING

    def test_closed_stream(self):
        """a stream that is closed before its state ends was loaded, too"""
        source = self.open()
        vram = self.fill(source)
        stream = self.save(source)
        source.set_migration_state(RUNNING)
        other = Mdev(self.kind)
        try:
            target = self.open(other)
            fd = target.set_migration_state(RESUMING)
            view = memoryview(stream)
            while view:
                view = view[os.write(fd, view):]
            os.close(fd)
            target.set_migration_state(RUNNING)
            assert target.read(2, 0, len(vram)) == vram
            assert target.query() == source.query()
        finally:
            self.close_all()
            other.remove()

    def test_open_streams(self):
        """streams that outlive their state, and the device's file"""
        device = self.open()
        device.show()
        saving = device.set_migration_state(STOP_COPY)
        loading = device.set_migration_state(RESUMING)
        fails(errno.ENODEV, os.read, saving, 1)
        fails(errno.EBADF, os.write, saving, b"x")
        fails(errno.EBADF, os.read, loading, 1)
        self.close_all()
        fails(errno.ENODEV, os.write, loading, b"x")
        os.close(saving)
        os.close(loading)
