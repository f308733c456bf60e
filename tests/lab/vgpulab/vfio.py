# SPDX-License-Identifier: GPL-2.0-or-later
"""A vfio device and its ioctls, without QEMU, for tests of the lab's driver."""

import ctypes
import errno
import fcntl
import glob
import mmap
import os
import struct

# linux/vfio.h
GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, SET_IRQS, RESET = (
    0x3b00 + number for number in range(107, 112))
QUERY_GFX_PLANE, GET_GFX_DMABUF = 0x3b00 + 114, 0x3b00 + 115
DEVICE_FEATURE, BIND_IOMMUFD = 0x3b00 + 117, 0x3b00 + 118
MIG_GET_PRECOPY_INFO = 0x3b00 + 121

PROBE, DMABUF, REGION, EXT = 1, 2, 4, 1 << 16
OVERLAY, PRIMARY, CURSOR = range(3)

CONFIG_REGION = 7
NUM_REGIONS, NUM_IRQS = 9, 5
CAP_SPARSE_MMAP, CAP_TYPE = 1, 2

IRQ_NONE, IRQ_BOOL, IRQ_EVENTFD, IRQ_MASK, IRQ_UNMASK, IRQ_TRIGGER = (
    1 << bit for bit in range(6))

FEATURE_GET, FEATURE_SET, FEATURE_PROBE = 1 << 16, 1 << 17, 1 << 18
FEATURE_MIGRATION, FEATURE_MIG_STATE, FEATURE_MIG_DATA_SIZE = 1, 2, 9
STOP, RUNNING, STOP_COPY, RESUMING = 1, 2, 3, 4
PRE_COPY, PRE_COPY_P2P = 6, 7

# hw/display/vgpu-sw.h
MAGIC, VRAM_SIZE, KINDS = 0x000, 0x004, 0x008
COMMIT, FLIP = 0x040, 0x044
DAMAGE_X, DAMAGE_ADD, DAMAGE_REPORTED = 0x060, 0x070, 0x074
LINK, EDID_SIZE, EDID = 0x100, 0x104, 0x400
PLANE_REGISTERS = (
    "enable width height stride fourcc modifier modifier_hi offset offset_hi "
    "id x y hot_x hot_y zpos flags").split()
PRIMARY_PLANE, CURSOR_PLANE, FIRST_OVERLAY = 0, 1, 2

# include/hw/vfio/vfio-gfx-ext.h
EXT_DAMAGE = 1 << 9

XRGB, ARGB, NV12 = 0x34325258, 0x34325241, 0x3231564e

_PLANE = struct.Struct("<IIIIQIIIIiiIIII")
_PLANE_NAMES = (
    "argsz flags type format modifier width height stride size x y hot_x "
    "hot_y id word").split()


class Region:
    """What GET_REGION_INFO says; caps maps an id to its bytes."""

    def __init__(self, data):
        (_, self.flags, self.index, cap, self.size,
         self.offset) = struct.unpack_from("<IIIIQQ", data)
        self.caps = capabilities(data, cap)


def capabilities(data, offset):
    found = {}
    while offset:
        number, _, following = struct.unpack_from("<HHI", data, offset)
        found[number] = data[offset + 8:following or len(data)]
        offset = following
    return found


def fails(code, function, *args, **keywords):
    """Assert that the call fails with that errno."""
    try:
        result = function(*args, **keywords)
    except OSError as error:
        assert error.errno == code, (
            f"{errno.errorcode[error.errno]} instead of "
            f"{errno.errorcode[code]}")
        return
    raise AssertionError(f"succeeded ({result}) instead of "
                         f"{errno.errorcode[code]}")


def readable(mapping, length):
    """Bytes of a mapping, as the kernel reads them; OSError if they vanished.

    Reading it here would end the process then.
    """
    pipe, into = os.pipe()
    try:
        data = b""
        view = memoryview(mapping)
        try:
            while len(data) < length:
                done = os.write(into, view[len(data):min(length,
                                                         len(data) + 4096)])
                data += os.read(pipe, done)
        finally:
            view.release()
        return data
    finally:
        os.close(pipe)
        os.close(into)


class VfioDevice:
    """An open device; close() it."""

    def __init__(self, mdev):
        node = os.path.basename(glob.glob(f"{mdev.path}/vfio-dev/vfio*")[0])
        self.iommufd = os.open("/dev/iommu", os.O_RDWR)
        self.fd = os.open(f"/dev/vfio/devices/{node}", os.O_RDWR)
        self.ioctl(BIND_IOMMUFD, struct.pack("<IIiI", 16, 0, self.iommufd, 0))
        self._offsets = {}

    def close(self):
        os.close(self.fd)
        os.close(self.iommufd)

    def ioctl(self, request, data):
        """The answer's bytes, as many as were given."""
        buffer = bytearray(data)
        fcntl.ioctl(self.fd, request, buffer, True)
        return bytes(buffer)

    def bad_pointer(self, request):
        fails(errno.EFAULT, fcntl.ioctl, self.fd, request, 0x1000)

    # What there is

    def info(self):
        """flags, regions, irqs"""
        return struct.unpack("<IIII", self.ioctl(
            GET_INFO, struct.pack("<IIII", 16, 0, 0, 0)))[1:]

    def region(self, index, argsz=256):
        return Region(self.ioctl(GET_REGION_INFO, struct.pack(
            "<IIIIQQ", argsz, 0, index, 0, 0, 0) + bytes(argsz - 32)))

    def find_region(self, subtype):
        for index in range(NUM_REGIONS, self.info()[1]):
            region = self.region(index)
            if (CAP_TYPE in region.caps and struct.unpack_from(
                    "<II", region.caps[CAP_TYPE]) == (1, subtype)):
                return region
        raise KeyError(f"no region of subtype {subtype:#x}")

    # Memory

    def _at(self, index, offset):
        if index not in self._offsets:
            self._offsets[index] = self.region(index).offset
        return self._offsets[index] + offset

    def read(self, index, offset, length):
        return os.pread(self.fd, length, self._at(index, offset))

    def write(self, index, offset, data):
        return os.pwrite(self.fd, data, self._at(index, offset))

    def map(self, index, length, offset=0, write=False):
        return mmap.mmap(
            self.fd, length, mmap.MAP_SHARED,
            mmap.PROT_READ | (mmap.PROT_WRITE if write else 0),
            offset=self._at(index, offset))

    def get(self, register):
        return struct.unpack("<I", self.read(0, register, 4))[0]

    def set(self, register, value):
        self.write(0, register, struct.pack("<I", value & 0xffffffff))

    # Planes

    def program(self, plane=PRIMARY_PLANE, commit=True, **values):
        """Writes registers of a plane by name."""
        for name, value in values.items():
            self.set(0x200 + 0x40 * plane + 4 * PLANE_REGISTERS.index(name),
                     value)
        if commit:
            self.set(COMMIT, 1)

    def show(self, width=640, height=480, offset=0):
        self.program(enable=1, width=width, height=height, stride=4 * width,
                     fourcc=XRGB, offset=offset)

    def query(self, kind=DMABUF, plane=PRIMARY, word=0, argsz=64):
        data = _PLANE.pack(argsz, kind, plane, *[0] * 11, word)
        return dict(zip(_PLANE_NAMES, _PLANE.unpack(
            self.ioctl(QUERY_GFX_PLANE, data))))

    def probes(self, kind):
        try:
            return self.query(PROBE | kind)
        except OSError as error:
            assert error.errno == errno.EINVAL, error
            return None

    def dmabuf(self, number):
        data = ctypes.c_uint32(number)
        return fcntl.ioctl(self.fd, GET_GFX_DMABUF, data, True)

    # Interrupts

    def irq(self, index, argsz=128):
        """flags, count, capabilities"""
        data = self.ioctl(GET_IRQ_INFO, struct.pack("<IIII", argsz, 0, index,
                                                    0) + bytes(argsz - 16))
        _, flags, _, count = struct.unpack_from("<IIII", data)
        cap = struct.unpack_from("<I", data, 16)[0] if argsz >= 20 else 0
        return flags, count, capabilities(data, cap if flags & 16 else 0)

    def set_irqs(self, flags, index=NUM_IRQS, data=b"", count=1, start=0):
        self.ioctl(SET_IRQS, struct.pack(
            "<IIIII", 20 + len(data), flags, index, start, count) + data)

    def set_eventfd(self, fd):
        self.set_irqs(IRQ_EVENTFD | IRQ_TRIGGER, data=struct.pack("<i", fd))

    # Migration

    def feature(self, flags, payload=b""):
        data = self.ioctl(DEVICE_FEATURE, struct.pack(
            "<II", 8 + len(payload), flags) + payload)
        return data[8:]

    def migration_state(self):
        return struct.unpack("<Ii", self.feature(
            FEATURE_GET | FEATURE_MIG_STATE, bytes(8)))[0]

    def set_migration_state(self, state):
        """The stream's file descriptor, or -1."""
        return struct.unpack("<Ii", self.feature(
            FEATURE_SET | FEATURE_MIG_STATE, struct.pack("<Ii", state, -1)))[1]
