# SPDX-License-Identifier: GPL-2.0-or-later
"""FWHT, the codec of the kernel's vicodec, decoded by vicodec.

It is no H.264, but vicodec takes dma-bufs as an encoder in hardware does. VNC's
encoding 50 carries it as well: to the server, a frame is so many bytes.
"""

import fcntl
import glob
import mmap
import os
import select
import struct

from .h264 import Reader

# The chain that QEMU is given: what comes of it is to pass for H.264.
ENCODER = ("v4l2fwhtenc ! capssetter replace=true join=false "
           "caps=video/x-h264,,stream-format=(string)byte-stream,,"
           "alignment=(string)au,,profile=(string)constrained-baseline")

# <linux/videodev2.h>, of 64 bits.
_CAPTURE, _OUTPUT = 1, 2
_MMAP = 1
_SOURCE_CHANGE = 5
_FORMAT = struct.Struct("<I4x6I176x")
_BUFFER = struct.Struct("<5I4x16x16xIIQII4x4x")
_FWHT, _XR24 = (int.from_bytes(name, "little") for name in (b"FWHT", b"XR24"))
_FRAME_BYTES = 8 << 20


def _number(direction, number, size):
    return direction << 30 | size << 16 | ord("V") << 8 | number


_G_FMT = _number(3, 4, _FORMAT.size)
_S_FMT = _number(3, 5, _FORMAT.size)
_REQBUFS = _number(3, 8, 20)
_QUERYBUF, _QBUF, _DQBUF = (_number(3, number, _BUFFER.size)
                            for number in (9, 15, 17))
_STREAMON = _number(1, 18, 4)
_SUBSCRIBE_EVENT = _number(1, 90, 32)


def _device():
    for name in glob.glob("/sys/class/video4linux/*/name"):
        with open(name, encoding="ascii") as file:
            if file.read().strip() == "stateful-decoder":
                return "/dev/" + os.path.basename(os.path.dirname(name))
    raise FileNotFoundError("vicodec's decoder")


class _Frame:
    """As libavcodec's: a size, and that it is there."""

    def __init__(self, width, height, data, stride):
        self.width = width
        self.height = height
        self.data = data
        self.stride = stride


class _Stream:
    """A decoder for one size; its frames come one after the other."""

    def __init__(self, width, height):
        self._size = width, height
        self._fd = os.open(_device(), os.O_RDWR | os.O_NONBLOCK)
        self._maps = {}
        self._stride = 0
        self._call(_SUBSCRIBE_EVENT, struct.pack("<I28x", _SOURCE_CHANGE))
        self._format(_S_FMT, _OUTPUT, _FWHT, _FRAME_BYTES)
        self._start(_OUTPUT)

    def _call(self, number, data):
        data = bytearray(data)
        fcntl.ioctl(self._fd, number, data, True)
        return bytes(data)

    def _format(self, number, kind, name=0, size=0):
        data = self._call(number, _FORMAT.pack(kind, *self._size, name, 1, 0,
                                               size))
        return _FORMAT.unpack(data)

    def _buffer(self, number, kind, used=0):
        data = self._call(number, _BUFFER.pack(0, kind, used, 0, 1, 0, _MMAP,
                                               0, 0, 0))
        return _BUFFER.unpack(data)

    def _start(self, kind):
        self._call(_REQBUFS, struct.pack("<3I8x", 1, kind, _MMAP))
        *_, offset, length, _ = self._buffer(_QUERYBUF, kind)
        self._maps[kind] = mmap.mmap(self._fd, length, offset=offset)
        if kind == _CAPTURE:
            self._buffer(_QBUF, kind)
        self._call(_STREAMON, struct.pack("<I", kind))

    def _wait(self, event):
        poll = select.poll()
        poll.register(self._fd, event)
        assert poll.poll(10000), "vicodec's decoder says nothing"

    def _start_capture(self):
        """What it decodes to is known from its first frame on."""
        self._wait(select.POLLPRI)
        self._format(_S_FMT, _CAPTURE, _XR24)
        _, _, _, name, _, self._stride, _ = self._format(_G_FMT, _CAPTURE)
        assert name == _XR24, f"it decodes to {name:#x}"
        self._start(_CAPTURE)

    def decode(self, data):
        self._maps[_OUTPUT][:len(data)] = data
        self._buffer(_QBUF, _OUTPUT, len(data))
        if _CAPTURE not in self._maps:
            self._start_capture()
        self._wait(select.POLLIN)
        self._buffer(_DQBUF, _CAPTURE)
        picture = self._maps[_CAPTURE][:self._stride * self._size[1]]
        self._buffer(_QBUF, _CAPTURE)
        self._wait(select.POLLOUT)
        self._buffer(_DQBUF, _OUTPUT)
        return _Frame(*self._size, picture, self._stride)

    def close(self):
        for memory in self._maps.values():
            memory.close()
        os.close(self._fd)


class FwhtDecoder(Reader):
    """Takes FWHT for H.264."""

    def __init__(self):
        super().__init__()
        self._streams = []

    @staticmethod
    def rgb(frame):
        rgb = bytearray(3 * frame.width * frame.height)
        row = 4 * frame.width
        data = b"".join(frame.data[at:at + row] for at in range(
            0, frame.height * frame.stride, frame.stride))
        rgb[0::3], rgb[1::3], rgb[2::3] = data[2::4], data[1::4], data[0::4]
        return bytes(rgb)

    def _context(self):
        return []

    def _decode(self, context, data, place, _fresh):
        if not context:
            context.append(_Stream(*place[2:]))
            self._streams.append(context[0])
        return context[0].decode(data)

    def close(self):
        for stream in self._streams:
            stream.close()
