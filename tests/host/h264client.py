#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own client of VNC's H.264: contexts, resets, what it refuses.

Prints TAP. An encoder of libavcodec's stands for the server; the server itself
is looked at by video.py.
"""

import fractions
import io
import struct

import av
from PIL import Image

import tapcases
from vgpulab import oracle
from vgpulab.h264 import MAX_CONTEXTS, Decoder, Rejected
from vgpulab.picture import Picture

SIZE = 128, 96
RESET, RESET_ALL = 1, 2


class Encoder:
    """One context of H.264."""

    def __init__(self, size=SIZE, slices=1):
        self._codec = av.CodecContext.create("libx264", "w")
        self._codec.width, self._codec.height = size
        self._codec.pix_fmt = "yuv420p"
        self._codec.time_base = fractions.Fraction(1, 60)
        self._codec.options = {
            "preset": "ultrafast", "tune": "zerolatency",
            "x264-params": f"threads=1:slices={slices}"}
        self._count = 0

    def frame(self, picture):
        """Its access unit."""
        image = Image.frombytes("RGB", (picture.width, picture.height),
                                picture.rgb)
        frame = av.VideoFrame.from_image(image)
        frame.pts = self._count
        self._count += 1
        packet, = self._codec.encode(frame)
        return bytes(packet)


def page(number, size=SIZE):
    return oracle.pattern(oracle.FILM, *size, number)


def take(decoder, data, place, flags=0):
    """The picture that comes of a rectangle, or None."""
    stream = io.BytesIO(struct.pack(">II", len(data), flags) + data)
    frame = decoder.frame(stream.read, place)
    assert not stream.read(), "not all of it was read"
    return frame and Picture(frame.width, frame.height, decoder.rgb(frame))


def refused(decoder, data, place, flags=0):
    try:
        take(decoder, data, place, flags)
    except (Rejected, av.error.FFmpegError):
        return True
    return False


def place(left, top=0):
    return left, top, *SIZE


def test_contexts():
    """each rectangle has a stream of its own"""
    decoder, encoders = Decoder(), [Encoder(), Encoder()]
    for number in range(4):
        for left, encoder in enumerate(encoders):
            want = page(number + 10 * left)
            got = take(decoder, encoder.frame(want), place(left))
            assert got.psnr(want) >= 35, got.psnr(want)
    assert (decoder.rects, decoder.keys, len(decoder.places)) == (8, 2, 2)


def test_resets():
    """a reset forgets a context, or all; what comes then begins anew"""
    decoder, encoders = Decoder(), [Encoder(), Encoder()]
    for left, encoder in enumerate(encoders):
        take(decoder, encoder.frame(page(0)), place(left))
    take(decoder, encoders[0].frame(page(1)), place(0))
    assert take(decoder, b"", place(0), RESET) is None
    assert refused(decoder, encoders[0].frame(page(2)), place(0))
    take(decoder, Encoder().frame(page(3)), place(0), RESET_ALL)
    assert list(decoder.places) == [place(0)]
    assert refused(decoder, encoders[1].frame(page(4)), place(1))
    assert refused(decoder, b"", place(0), 4)


def test_forgotten():
    """the context that was used least lately is the first to go"""
    decoder, encoder = Decoder(), Encoder()
    take(decoder, encoder.frame(page(0)), place(0))
    key = Encoder().frame(page(0))
    for left in range(1, MAX_CONTEXTS):
        take(decoder, key, place(left))
    take(decoder, encoder.frame(page(1)), place(0))
    take(decoder, key, place(MAX_CONTEXTS))
    assert len(decoder.places) == MAX_CONTEXTS
    assert place(1) not in decoder.places and place(0) in decoder.places
    take(decoder, encoder.frame(page(2)), place(0))


def test_refused():
    """slices, another size, no key frame, and what is no stream"""
    assert refused(Decoder(), Encoder(slices=2).frame(page(0)), place(0))
    assert refused(Decoder(), Encoder().frame(page(0)), (0, 0, 126, 96))
    encoder = Encoder()
    encoder.frame(page(0))
    assert refused(Decoder(), encoder.frame(page(1)), place(0))
    assert refused(Decoder(), b"\0\0\0\1\x65" + bytes(64), place(0))


if __name__ == "__main__":
    tapcases.run([test_contexts, test_resets, test_forgotten, test_refused])
