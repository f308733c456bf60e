# SPDX-License-Identifier: GPL-2.0-or-later
"""The tight encoding's lossless part: solid, copy, palette and gradient.

Works on 3-byte pixels, which is what tight sends for 24-bit true colour.
JPEG is refused: a test that asks for every pixel must not get any.
"""

import zlib

_FILL = 0x8
_JPEG = 0x9
_FILTER_COPY, _FILTER_PALETTE, _FILTER_GRADIENT = range(3)
# Shorter data is sent as it is.
_MIN_COMPRESSED = 12
# "The width of any Tight-encoded rectangle cannot exceed 2048 pixels."
_MAX_WIDTH = 2048

# For each byte, its 8 bits as 8 bytes, the highest first.
_BITS = [bytes(byte >> (7 - bit) & 1 for bit in range(8))
         for byte in range(256)]


class TightDecoder:
    """Keeps the four zlib streams of one connection."""

    def __init__(self, read):
        """read(n) returns exactly n bytes from the connection."""
        self._read = read
        self._streams = [None] * 4

    def rect(self, width, height):
        """The next rectangle as R, G, B bytes."""
        assert width <= _MAX_WIDTH, f"a rectangle of {width}x{height}"
        control = self._read(1)[0]
        for index in range(4):
            if control >> index & 1:
                self._streams[index] = None
        kind = control >> 4
        if kind == _FILL:
            return self._read(3) * (width * height)
        if kind == _JPEG:
            raise AssertionError("a lossy rectangle (JPEG) was sent")
        assert kind < 8, f"unknown tight compression {kind}"
        if kind & 4:
            return self._filtered(kind & 3, self._read(1)[0], width, height)
        return self._filtered(kind & 3, _FILTER_COPY, width, height)

    def _filtered(self, stream, name, width, height):
        if name == _FILTER_COPY:
            return self._data(stream, 3 * width * height)
        if name == _FILTER_PALETTE:
            return self._palette(stream, width, height)
        assert name == _FILTER_GRADIENT, f"unknown tight filter {name}"
        return self._gradient(stream, width, height)

    def _length(self):
        length = shift = 0
        for _ in range(3):
            byte = self._read(1)[0]
            length |= (byte & 0x7f if shift < 14 else byte) << shift
            if shift < 14 and not byte & 0x80:
                break
            shift += 7
        return length

    def _data(self, stream, size):
        if size < _MIN_COMPRESSED:
            return self._read(size)
        if self._streams[stream] is None:
            self._streams[stream] = zlib.decompressobj()
        data = self._streams[stream].decompress(self._read(self._length()))
        assert len(data) == size, (len(data), size)
        return data

    def _palette(self, stream, width, height):
        count = self._read(1)[0] + 1
        colours = self._read(3 * count)
        if count == 2:
            row = (width + 7) // 8
            packed = self._data(stream, row * height)
            indices = b"".join(
                b"".join([_BITS[b] for b in
                          packed[y * row:(y + 1) * row]])[:width]
                for y in range(height))
        else:
            indices = self._data(stream, width * height)
        out = bytearray(3 * width * height)
        for channel in range(3):
            table = colours[channel::3].ljust(256, b"\0")
            out[channel::3] = indices.translate(table)
        return out

    def _gradient(self, stream, width, height):
        """Each value is sent as its distance from left + above - corner."""
        data = self._data(stream, 3 * width * height)
        out = bytearray(len(data))
        above = bytes(3 * width)
        for y in range(height):
            start = 3 * width * y
            row = bytearray(3 * width)
            for i in range(3 * width):
                left = row[i - 3] if i >= 3 else 0
                corner = above[i - 3] if i >= 3 else 0
                guess = min(max(left + above[i] - corner, 0), 255)
                row[i] = data[start + i] + guess & 0xff
            out[start:start + 3 * width] = row
            above = row
        return out
