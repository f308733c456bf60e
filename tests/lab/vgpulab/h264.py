# SPDX-License-Identifier: GPL-2.0-or-later
"""RFB's encoding 50, "Open H.264", decoded by libavcodec.

As rfbproto specifies it: a length, flags and so many bytes of an H.264 stream
(ITU-T H.264, annex B), of which each rectangle has one of its own, its context.
What no client must be asked for fails here, with what each of them would do.
"""

import collections
import re
import struct

import av

_RESET_CONTEXT, _RESET_ALL = 1, 2
# "At most 64": a client may forget the one that was used least lately.
MAX_CONTEXTS = 64
# A start code and the type of what begins there: slices of a frame.
_SLICE = re.compile(rb"\x00\x00\x01[\x01\x05\x21\x25\x41\x45\x61\x65]")


class Rejected(AssertionError):
    """The stream is one that some client does not show."""


def _require(condition, why):
    if not condition:
        raise Rejected(why)


class Reader:
    """Takes the rectangles of one connection, and decodes none of them.

    rects, keys and bytes: how many of each came. places: where, the contexts
    that a client has, least lately used first.
    """

    def __init__(self):
        self.places = collections.OrderedDict()
        self.rects = 0
        self.keys = 0
        self.bytes = 0
        self.resets = 0

    def frame(self, read, place):
        """Read one rectangle; what is to be shown there, None for nothing.

        read(n) returns n bytes; place: left, top, width and height.
        """
        length, flags = struct.unpack(">II", read(8))
        data = read(length)
        _require(flags <= _RESET_CONTEXT | _RESET_ALL, f"flags {flags:#x}")
        if flags & _RESET_ALL:
            self.places.clear()
        elif flags & _RESET_CONTEXT:
            self.places.pop(place, None)
        self.resets += bool(flags)
        if not length:
            return None
        self.rects += 1
        self.bytes += length
        fresh = place not in self.places
        context = self.places.pop(place, None) or self._context()
        if len(self.places) >= MAX_CONTEXTS:
            self.places.popitem(last=False)
        self.places[place] = context
        return self._decode(context, data, place, fresh)

    @staticmethod
    def rgb(frame):
        """R, G and B of each of its pixels."""
        plane = frame.reformat(format="rgb24").planes[0]
        data, row = memoryview(plane), 3 * frame.width
        return b"".join(data[at:at + row] for at in range(
            0, frame.height * plane.line_size, plane.line_size))

    def _context(self):
        return self

    def _decode(self, _context, _data, _place, _fresh):
        return None


class Decoder(Reader):
    """Decodes them, as a client does that shows each at once."""

    def _context(self):
        codec = av.CodecContext.create("h264", "r")
        codec.thread_type = "NONE"
        return codec

    def _decode(self, context, data, place, fresh):
        # noVNC takes each slice for a frame, and shows the last one.
        slices = len(_SLICE.findall(data))
        _require(slices == 1, f"{slices} slices of a frame")
        frames = context.decode(av.Packet(data))
        _require(len(frames) == 1, f"{len(frames)} frames for {len(data)} "
                 f"bytes of {place}, {'new' if fresh else 'known'}")
        frame = frames[0]
        _require(frame.key_frame or not fresh, f"{place} begins without a key")
        # TigerVNC scales, noVNC does not.
        _require((frame.width, frame.height) == place[2:],
                 f"{frame.width}x{frame.height} for {place}")
        self.keys += frame.key_frame
        return frame
