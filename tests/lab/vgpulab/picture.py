# SPDX-License-Identifier: GPL-2.0-or-later
"""Pictures as rows of R, G, B bytes; reading and comparing them."""

import math

from PIL import Image, ImageChops, ImageStat

from .wait import until


class Picture:
    """width x height pixels; rgb holds 3 bytes for each, top row first."""

    def __init__(self, width, height, rgb):
        assert len(rgb) == 3 * width * height
        self.width = width
        self.height = height
        self.rgb = bytes(rgb)

    @classmethod
    def load_ppm(cls, path):
        """Binary PPM as QEMU writes it, read by hand: no conversion."""
        with open(path, "rb") as stream:
            data = stream.read()
        fields = data.split(None, 4)
        assert fields[0] == b"P6" and fields[3] == b"255", fields[:4]
        width, height = int(fields[1]), int(fields[2])
        return cls(width, height, data[len(data) - 3 * width * height:])

    @classmethod
    def load_image(cls, path):
        """Any format that Pillow knows; it must be RGB, 8 bits each."""
        with Image.open(path) as image:
            assert image.mode in ("RGB", "RGBX", "RGBA"), image.mode
            return cls(*image.size, image.convert("RGB").tobytes())

    def save(self, path):
        with open(path, "wb") as stream:
            stream.write(b"P6\n%d %d\n255\n" % (self.width, self.height))
            stream.write(self.rgb)

    def row(self, y):
        return self.rgb[3 * self.width * y:3 * self.width * (y + 1)]

    def pixel(self, x, y):
        return tuple(self.row(y)[3 * x:3 * x + 3])

    def colours(self):
        """The set of colours, as (red, green, blue)."""
        return set(zip(self.rgb[0::3], self.rgb[1::3], self.rgb[2::3]))

    def with_fill(self, left, top, width, height, colour):
        """A copy with a rectangle of one colour, given as 0xRRGGBB."""
        rgb = bytearray(self.rgb)
        span = (colour & 0xffffff).to_bytes(3, "big") * width
        for y in range(top, top + height):
            start = 3 * (y * self.width + left)
            rgb[start:start + len(span)] = span
        return Picture(self.width, self.height, rgb)

    def with_picture(self, picture, left, top):
        """A copy with that one over a part of it."""
        rgb = bytearray(self.rgb)
        for y in range(picture.height):
            start = 3 * ((top + y) * self.width + left)
            rgb[start:start + 3 * picture.width] = picture.row(y)
        return Picture(self.width, self.height, rgb)

    def with_black_below(self, rows):
        """A copy of which only that many rows at the top are kept."""
        keep = self.rgb[:3 * self.width * rows]
        return Picture(self.width, self.height,
                       keep + bytes(len(self.rgb) - len(keep)))

    def cropped(self, left, top, width, height):
        """A part of it."""
        return Picture(width, height, b"".join(
            self.row(y)[3 * left:3 * (left + width)]
            for y in range(top, top + height)))

    def find(self, want):
        """Left and top edge of where that is in this, or None."""
        # The row that can be mistaken least.
        mark = max(range(want.height), key=lambda y: len(set(want.row(y))))
        for top in range(self.height - want.height + 1):
            at = self.row(top + mark).find(want.row(mark))
            if at < 0 or at % 3:
                continue
            part = self.cropped(at // 3, top, want.width, want.height)
            if part == want:
                return at // 3, top
        return None

    def found(self, want):
        """What is wanted, wherever it is in this, else the top left part."""
        left, top = self.find(want) or (0, 0)
        return self.cropped(left, top, min(want.width, self.width),
                            min(want.height, self.height))

    def __eq__(self, other):
        return (self.width, self.height, self.rgb) == (
            other.width, other.height, other.rgb)

    __hash__ = None

    def psnr(self, want):
        """How much of the wanted one this is, in dB; infinite if all of it."""
        assert (self.width, self.height) == (want.width, want.height)
        both = [Image.frombytes("RGB", (self.width, self.height), one.rgb)
                for one in (self, want)]
        squares = sum(ImageStat.Stat(ImageChops.difference(*both)).sum2)
        if not squares:
            return math.inf
        return 10 * math.log10(255 * 255 * len(self.rgb) / squares)

    def difference(self, want):
        """None, or where and how this picture is not what is wanted.

        That may be a Composition, which knows where colours may be off.
        """
        if not isinstance(want, Picture):
            return want.missed_by(self)
        if (self.width, self.height) != (want.width, want.height):
            return (f"size {self.width}x{self.height},"
                    f" not {want.width}x{want.height}")
        if self.rgb == want.rgb:
            return None
        rows = [y for y in range(self.height) if self.row(y) != want.row(y)]
        got_row, want_row = self.row(rows[0]), want.row(rows[0])
        x = next(i for i in range(len(got_row))
                 if got_row[i] != want_row[i]) // 3
        return (f"{len(rows)} of {self.height} rows differ, first at"
                f" ({x}, {rows[0]}): {self.pixel(x, rows[0])},"
                f" not {want.pixel(x, rows[0])}")


def expect_picture(what, take, want):
    """Poll take() until it returns exactly the wanted picture."""
    def look():
        wrong = take().difference(want)
        assert wrong is None, wrong
        return True
    until(what, look)
