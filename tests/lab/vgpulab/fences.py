# SPDX-License-Identifier: GPL-2.0-or-later
"""Fences on the dma-bufs that a process holds, as of a GPU that writes."""

import contextlib
import ctypes
import fcntl
import os
import struct

_SW_SYNC = "/sys/kernel/debug/sync/sw_sync"

# linux/dma-buf.h, and drivers/dma-buf/sw_sync.c in the kernel
_CREATE_FENCE = 0xc0285700      # u32 value, char name[32], s32 fence
_INCREASE = 0x40045701          # u32 value
_IMPORT_SYNC_FILE = 0x40086203  # u32 flags, s32 fd
_WRITE = 2

_PIDFD_GETFD = 438


def _dmabufs(pid):
    """The process's dma-bufs, as this process's files."""
    pidfd = os.pidfd_open(pid)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                if not os.readlink(f"/proc/{pid}/fd/{name}").startswith(
                        "/dmabuf:"):
                    continue
            except FileNotFoundError:
                continue
            fd = libc.syscall(_PIDFD_GETFD, pidfd, int(name), 0)
            if fd < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            yield fd
    finally:
        os.close(pidfd)


@contextlib.contextmanager
def pending_write(pid):
    """Something writes to all dma-bufs of the process inside of the block."""
    timeline = os.open(_SW_SYNC, os.O_RDWR)
    try:
        data = fcntl.ioctl(timeline, _CREATE_FENCE,
                           struct.pack("I32si", 1, b"pending", -1))
        fence = struct.unpack("I32si", data)[2]
        count = 0
        for dmabuf in _dmabufs(pid):
            fcntl.ioctl(dmabuf, _IMPORT_SYNC_FILE,
                        struct.pack("Ii", _WRITE, fence))
            os.close(dmabuf)
            count += 1
        os.close(fence)
        assert count, "the process has no dma-buf"
        yield
    finally:
        # the fence is signalled when its timeline goes
        os.close(timeline)
