# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures by number, and the bytes that they are in a device's memory."""

from .. import layers, oracle
from ..oracle import CHECKS
from ..planes import ABGR, ARGB, XBGR, XRGB

# Odd ones, ones that end within a page, and one that is hardly there.
MODES = ((320, 240), (640, 480), (417, 93), (800, 600), (33, 17))
FORMATS = (XRGB, XBGR, ARGB, ABGR)


def picture(mode, number):
    """One of more than 16 colours for nearly any number, and never black."""
    return oracle.pattern(CHECKS, *MODES[mode], number)


def encode(shown, fourcc, padding):
    """Its bytes, each row followed by some that nobody may look at."""
    data = bytearray(b"\xa5" * (4 * shown.width * shown.height))
    red, blue = (2, 0) if fourcc in (XRGB, ARGB) else (0, 2)
    data[red::4] = shown.rgb[0::3]
    data[1::4] = shown.rgb[1::3]
    data[blue::4] = shown.rgb[2::3]
    width = 4 * shown.width
    if padding:
        data = b"".join(bytes(data[start:start + width]) + b"\xee" * padding
                        for start in range(0, len(data), width))
    return layers.Image(fourcc, shown.width, shown.height, width + padding,
                        bytes(data))


def cursor_pixels(size, number):
    """Words of a cursor's image, all alphas, colours multiplied by them."""
    image = layers.noise(ARGB, size, size, number)
    return image, tuple(
        int.from_bytes(image.data[at:at + 4], "little")
        for at in range(0, len(image.data), 4))
