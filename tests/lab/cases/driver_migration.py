# SPDX-License-Identifier: GPL-2.0-or-later
"""How the lab's driver saves and loads its devices."""

import ctypes
import errno
import fcntl
import os
import random
import struct

from vgpulab import vfio
from vgpulab.driver import PAGE, DriverGroup
from vgpulab.mdev import Mdev
from vgpulab.vfio import (
    ARGB, CURSOR, CURSOR_PLANE, FIRST_OVERLAY, PRE_COPY, PRE_COPY_P2P,
    RESUMING, RUNNING, STOP, STOP_COPY, fails)

# Of the migration stream: a head, and a page or the registers.
RECORD = 16 + PAGE


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
