# SPDX-License-Identifier: GPL-2.0-or-later
"""Images in a device's formats, and what they look like composed.

An independent reference: written from the definitions of the formats (DRM's
drm_fourcc.h, BT.601) and of the operator "over", in exact arithmetic. What
rounds in QEMU (YUV, alpha) is compared with a tolerance, the rest exactly.
"""

import struct

from .oracle import mix
from .picture import Picture
from .planes import (ABGR, ARGB, NV12, RGB565, XBGR, XBGR30, XRGB, XRGB30,
                     YUYV)

def _clamp(value):
    return min(255, max(0, value))


def _yuv(y, u, v):
    """BT.601, studio range; floats."""
    luma = (y - 16) * 255 / 219
    red = luma + (v - 128) * 255 / 224 * 1.402
    green = (luma - (u - 128) * 255 / 224 * 0.344136
             - (v - 128) * 255 / 224 * 0.714136)
    blue = luma + (u - 128) * 255 / 224 * 1.772
    return tuple(_clamp(colour) for colour in (red, green, blue))


class Image:
    """Bytes as the device has them."""

    def __init__(self, fourcc, width, height, stride, data, straight=False):
        self.fourcc = fourcc
        self.width = width
        self.height = height
        self.stride = stride
        self.data = data
        self.straight = straight

    @property
    def layout(self):
        """What a driver says about a buffer beside its id."""
        return self.fourcc, self.width, self.height, self.stride

    @property
    def tolerance(self):
        """How far a converted colour may be from the exact one.

        Conversions of YUV work with factors of few digits.
        """
        if self.straight:
            return 1
        return {NV12: 3, YUYV: 3, XRGB30: 1, XBGR30: 1}.get(self.fourcc, 0)

    def _word(self, x, y, layout, size):
        return struct.unpack_from(
            layout, self.data, y * self.stride + x * size)[0]

    def _nv12(self, x, y):
        chroma = self.stride * self.height + y // 2 * self.stride + x // 2 * 2
        return _yuv(self.data[y * self.stride + x], self.data[chroma],
                    self.data[chroma + 1])

    def _yuyv(self, x, y):
        at = y * self.stride + x // 2 * 4
        return _yuv(self.data[y * self.stride + 2 * x], self.data[at + 1],
                    self.data[at + 3])

    def pixel(self, x, y):
        """(red, green, blue, alpha), 0 to 255, multiplied by alpha."""
        if self.fourcc == NV12:
            return self._nv12(x, y) + (255,)
        if self.fourcc == YUYV:
            return self._yuyv(x, y) + (255,)
        if self.fourcc == RGB565:
            word = self._word(x, y, "<H", 2)
            red, green, blue = word >> 11, word >> 5 & 63, word & 31
            # As much as 5 or 6 bits say, by repeating them.
            return (red << 3 | red >> 2, green << 2 | green >> 4,
                    blue << 3 | blue >> 2, 255)
        word = self._word(x, y, "<I", 4)
        if self.fourcc in (XRGB30, XBGR30):
            parts = [(word >> shift & 1023) * 255 / 1023
                     for shift in (20, 10, 0)]
        else:
            parts = [word >> 16 & 255, word >> 8 & 255, word & 255]
        if self.fourcc in (XBGR, ABGR, XBGR30):
            parts.reverse()
        alpha = word >> 24 if self.fourcc in (ARGB, ABGR) else 255
        if self.straight:
            # Whole, if alpha is all or nothing.
            parts = [part * alpha // 255 if alpha in (0, 255)
                     else part * alpha / 255 for part in parts]
        return (*parts, alpha)


def _words(width, height, stride, pixel):
    return b"".join(
        b"".join(struct.pack("<I", pixel(x, y)) for x in range(width))
        .ljust(stride, b"\xee") for y in range(height))


def noise(fourcc, width, height, seed=0, straight=False, padding=0):
    """An image of which no two pixels are alike."""
    def value(x, y):
        return mix(x + y * 0x10001 + seed * 0x9e3779b9 & 0xffffffff)

    def multiplied(x, y):
        """A colour is never more than alpha, and all alphas occur."""
        word = value(x, y)
        alpha = (x * 5 + y * 3 + seed) & 255
        return alpha << 24 | sum(
            ((word >> shift & 255) * alpha // 255) << shift
            for shift in (0, 8, 16))

    if fourcc in (NV12, YUYV, RGB565):
        size = 1 if fourcc == NV12 else 2
        stride = -(-width // 2) * 2 * size + padding
        rows = height + (-(-height // 2) if fourcc == NV12 else 0)
        data = b"".join(bytes(value(x, y) & 255 for x in range(stride))
                        for y in range(rows))
        return Image(fourcc, width, height, stride, data)
    stride = 4 * width + padding
    alpha = fourcc in (ARGB, ABGR) and not straight
    return Image(fourcc, width, height, stride,
                 _words(width, height, stride, multiplied if alpha else value),
                 straight)


def of_picture(picture):
    """A picture's pixels, with a top byte that nobody may look at."""
    data = bytearray(b"\xa5" * (4 * picture.width * picture.height))
    data[0::4], data[1::4], data[2::4] = (
        picture.rgb[2::3], picture.rgb[1::3], picture.rgb[0::3])
    return Image(XRGB, picture.width, picture.height, 4 * picture.width,
                 bytes(data))


def guest_cursor():
    """The arrow of tests/guest/plane.h."""
    def inside(x, y):
        return 0 <= x <= y and 7 * y <= 280 - 3 * x

    def pixel(x, y):
        if x >= 2 and x + 3 <= y and 7 * (y + 3) <= 280 - 3 * x:
            return 0xffffffff
        if inside(x, y):
            return 0xff000000
        return 96 << 24 if inside(x - 6, y - 6) else 0

    return Image(ARGB, 64, 64, 256, _words(64, 64, 256, pixel))


class Composition:
    """What must be on screen: a picture and what lies over it."""

    def __init__(self, picture):
        self.width, self.height = picture.width, picture.height
        self._rgb = bytearray(picture.rgb)
        # Pixels that may be off a bit: colours, and by how much.
        self._rounded = {}

    def over(self, image, left, top):
        """Puts an image over what is there; it may stick out anywhere."""
        for y in range(max(0, -top), min(image.height, self.height - top)):
            for x in range(max(0, -left), min(image.width,
                                              self.width - left)):
                self._blend(left + x, top + y, image.pixel(x, y),
                            image.tolerance)
        return self

    def _blend(self, x, y, source, tolerance):
        *colours, alpha = source
        at = 3 * (y * self.width + x)
        if alpha == 255:
            self._rounded.pop((x, y), None)
        elif alpha or any(colours):
            below, off = self._rounded.get((x, y),
                                           (self._rgb[at:at + 3], 0))
            colours = [_clamp(colour + under * (255 - alpha) / 255)
                       for colour, under in zip(colours, below)]
            # Each multiplication may round, up or down.
            tolerance += off + 1
        else:
            return
        if tolerance:
            self._rounded[x, y] = colours, tolerance
        else:
            self._rgb[at:at + 3] = bytes(round(value) for value in colours)

    def missed_by(self, picture):
        """None, or where and how a picture is not this one."""
        if (picture.width, picture.height) != (self.width, self.height):
            return (f"size {picture.width}x{picture.height},"
                    f" not {self.width}x{self.height}")
        want = bytearray(self._rgb)
        for (x, y), (values, tolerance) in self._rounded.items():
            at = 3 * (y * self.width + x)
            got = picture.rgb[at:at + 3]
            wrong = max(abs(a - b) for a, b in zip(got, values))
            if wrong > tolerance:
                return (f"({x}, {y}): {tuple(got)}, not "
                        f"{tuple(round(value, 2) for value in values)}")
            want[at:at + 3] = got
        return picture.difference(Picture(self.width, self.height, want))

    def save(self, path):
        """For whoever wants to look at it."""
        rgb = bytearray(self._rgb)
        for (x, y), (values, _) in self._rounded.items():
            at = 3 * (y * self.width + x)
            rgb[at:at + 3] = bytes(round(value) for value in values)
        Picture(self.width, self.height, rgb).save(path)
