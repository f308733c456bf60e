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

import av

from .h264 import Reader

# The chain that QEMU is given: what comes of it is to pass for H.264.
ENCODER = ("v4l2fwhtenc extra-controls=c,,video_gop_size=1 ! capssetter replace=true join=false "
           "caps=video/x-h264,,stream-format=(string)byte-stream,,"
           "alignment=(string)au,,profile=(string)constrained-baseline")

# <linux/videodev2.h>, of 64 bits.
_CAPTURE, _OUTPUT = 1, 2
_MMAP = 1
_SOURCE_CHANGE = 5
_FORMAT = struct.Struct("<I4x6I176x")
_BUFFER = struct.Struct("<5I4x16x16xIIQII4x4x")
_FWHT = int.from_bytes(b"FWHT", "little")
# What it decodes to, as libavcodec calls it.
_LAYOUTS = {b"422P": "yuv422p", b"BGR4": "bgr0"}
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


class _Stream:
    """A decoder for one size; its frames come one after the other."""

    def __init__(self, width, height):
        self._size = width, height
        self._fd = os.open(_device(), os.O_RDWR | os.O_NONBLOCK)
        self._maps = {}
        self._layout = None
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
        events = poll.poll(10000)
        assert events, "vicodec's decoder says nothing"
        return events[0][1]

    def _start_capture(self):
        """What it decodes to is known from its first frame on."""
        self._wait(select.POLLPRI)
        _, _, _, name, _, _, _ = self._format(_G_FMT, _CAPTURE)
        self._layout = _LAYOUTS[name.to_bytes(4, "little")]
        self._start(_CAPTURE)

    def decode(self, data):
        self._maps[_OUTPUT][:len(data)] = data
        self._buffer(_QBUF, _OUTPUT, len(data))
        if _CAPTURE not in self._maps:
            self._start_capture()
        picture, taken = None, False
        while not (picture and taken):
            event = self._wait(select.POLLIN | select.POLLOUT)
            if event & select.POLLIN:
                used = self._buffer(_DQBUF, _CAPTURE)[2]
                picture = used and self._maps[_CAPTURE][:used]
                self._buffer(_QBUF, _CAPTURE)
            if event & select.POLLOUT:
                self._buffer(_DQBUF, _OUTPUT)
                taken = True
        frame = av.VideoFrame(*self._size, self._layout)
        for plane in frame.planes:
            size = plane.buffer_size
            plane.update(picture[:size])
            picture = picture[size:]
        return frame

    def close(self):
        for memory in self._maps.values():
            memory.close()
        os.close(self._fd)


class FwhtDecoder(Reader):
    """Takes FWHT for H.264."""

    def __init__(self):
        super().__init__()
        self._streams = []

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
