# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest must have drawn, pixel by pixel.

Written from the definitions in tests/guest/draw.h, anim.h and plane.h, not from the
guest's code.
"""

import array
import functools
import sys

from .picture import Picture

SOLID, RAMP, NOISE, CHECKS, FILM = range(5)

_MASK = 0xffffffff
_GOLDEN = 0x9e3779b9


def mix(value):
    value ^= value >> 16
    value = value * 0x7feb352d & _MASK
    value ^= value >> 15
    value = value * 0x846ca68b & _MASK
    return value ^ value >> 16


def _rgb_row(pixels):
    """Bytes R, G, B for a row of 0x00RRGGBB numbers."""
    words = array.array("I", pixels)
    if sys.byteorder != "little":
        words.byteswap()
    data = words.tobytes()
    row = bytearray(3 * len(words))
    row[0::3] = data[2::4]
    row[1::3] = data[1::4]
    row[2::3] = data[0::4]
    return bytes(row)


def _solid(width, _y, frame):
    return _rgb_row([mix(frame)] * width)


def _ramp(width, y, frame):
    return _rgb_row([
        ((x + frame) & 0xff) << 16 | (y & 0xff) << 8
        | ((x >> 8) * 16 + (y >> 8)) & 0xff
        for x in range(width)])


def _noise(width, y, frame):
    base = y * 0x10001 + frame * _GOLDEN
    return _rgb_row([mix((x + base) & _MASK) for x in range(width)])


def _checks(width, y, frame):
    base = (y >> 4) * 0x10001 + frame * _GOLDEN
    blocks = [mix((x + base) & _MASK) for x in range((width + 15) // 16)]
    return _rgb_row([blocks[x >> 4] for x in range(width)])


def _wave(value):
    value &= 0x1ff
    return (value if value < 0x100 else 0x1ff - value) // 2


def film_pixel(x, y, frame):
    """Of one pixel, as 0xRRGGBB."""
    x, y = x + 8 * frame, y + 5 * frame
    grain = mix(((x >> 4) + (y >> 4) * 0x10001) & _MASK) & 0x1f
    return ((_wave(x) + grain) << 16 | (_wave(y) + grain) << 8
            | (_wave(x + y) + grain))


# A film's row is made of these, which many rows share.
_WAVES = bytes(_wave(value) for value in range(1 << 14))


@functools.lru_cache(maxsize=None)
def _grain(left, row, width):
    """The grain of a row of a film, from its column on."""
    blocks = [mix((x + row * 0x10001) & _MASK) & 0x1f
              for x in range(left >> 4, (left + width >> 4) + 1)]
    return [blocks[(left + x >> 4) - (left >> 4)] for x in range(width)]


def _film(width, y, frame):
    left, top = 8 * frame, y + 5 * frame
    grain = _grain(left, top >> 4, width)
    row = bytearray(3 * width)
    for channel, waves in enumerate((
            _WAVES[left:left + width], bytes([_wave(top)]) * width,
            _WAVES[left + top:left + top + width])):
        row[channel::3] = map(int.__add__, waves, grain)
    return bytes(row)


# Rows that are sure to be alike are computed once.
_ROWS = {
    SOLID: (_solid, lambda y: 0),
    RAMP: (_ramp, lambda y: y),
    NOISE: (_noise, lambda y: y),
    CHECKS: (_checks, lambda y: y >> 4),
    FILM: (_film, lambda y: y),
}


@functools.lru_cache(maxsize=16)
def pattern(kind, width, height, frame=0):
    """The picture of a whole pattern."""
    make, key = _ROWS[kind]
    rows = {}
    out = []
    for y in range(height):
        if key(y) not in rows:
            rows[key(y)] = make(width, y, frame)
        out.append(rows[key(y)])
    return Picture(width, height, b"".join(out))


def box_rect(step, size, width, height):
    """Left and top edge of the box in that step."""
    return step * 7 % (width - size), step * 5 % (height - size)


def with_box(picture, step, size):
    """The picture with the box where it is in that step."""
    left, top = box_rect(step, size, picture.width, picture.height)
    return picture.with_fill(left, top, size, size, step)


def overlay_at(step, size, width, height):
    """Left and top edge of the guest's overlay in that step."""
    return step * 7 % width - size // 2, step * 5 % height - size // 2


def gray_ramp(width, height):
    """What mdpy's framebuffer holds before anybody draws."""
    return Picture(width, height, b"".join(
        bytes([y * 255 // height]) * (3 * width) for y in range(height)))
