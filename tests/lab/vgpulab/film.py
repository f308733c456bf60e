# SPDX-License-Identifier: GPL-2.0-or-later
"""A film on a screen without a guest: each step says in pixels which it is.

The pages are drawn before; a step writes its number into the next one and
shows that. Whoever looks at a picture of it, by a lossy codec or not, knows
what it must be.
"""

from . import oracle
from .picture import Picture

_BLOCK, _BITS = 16, 16
# The number's bits in a row of blocks, and their opposites below.
NUMBER_WIDTH, NUMBER_HEIGHT = _BLOCK * _BITS, 2 * _BLOCK
# From the film's edge, where a server may update some pixels on their own.
_INSET = 32
_FILLER = 0xa5


class SwScreen:
    """Of the software vGPU (tests/host/swvgpu.py)."""

    _PAGE = 8 << 20

    def __init__(self, vm):
        self._vm = vm

    def set_mode(self, pages, shown):
        """Draws pages, and shows one of them in a mode of their size."""
        for page, picture in enumerate(pages):
            if page != shown:
                self._vm.write_picture(page, picture)
        self._vm.draw_picture(shown, pages[shown])

    def write(self, page, offset, data):
        self._vm.planes.write(page * self._PAGE + offset, data)

    def flip(self, page):
        self._vm.flip(page)


class VgaScreen:
    """Of QEMU's VGA, by Bochs's registers (docs/specs/standard-vga.rst)."""

    # From the start of its registers' BAR.
    _ATTRIBUTES, _REGISTERS, _OFFSETS = 0x400, 0x500, 0x510
    _UNBLANK, _ENABLED = 0x20, 0x41     # with a linear framebuffer

    def __init__(self, qtest, memory, registers):
        self._qtest = qtest
        self._memory = memory
        self._registers = registers
        self._page = 0
        self._height = 0

    def set_mode(self, pages, shown):
        """As that of SwScreen."""
        width, self._height = pages[0].width, pages[0].height
        self._page = 4 * width * self._height
        # Two registers of 16 bits in each.
        for at, value in ((8, 0), (0, width << 16),
                          (4, self._height | 32 << 16), (8, self._ENABLED)):
            self._set(self._REGISTERS + at, value)
        self._set(self._ATTRIBUTES, self._UNBLANK)
        for page, picture in enumerate(pages):
            self.write(page, 0, bgrx(picture.rgb))
        self.flip(shown)

    def write(self, page, offset, data):
        self._qtest.write(self._memory + page * self._page + offset, data)

    def flip(self, page):
        self._set(self._OFFSETS, page * self._height << 16)

    def _set(self, register, value):
        self._qtest.write32(self._registers + register, value)


def bgrx(rgb):
    """As XRGB8888 has them, the fourth byte not 0."""
    data = bytearray([_FILLER]) * (len(rgb) // 3 * 4)
    data[0::4], data[1::4], data[2::4] = rgb[2::3], rgb[1::3], rgb[0::3]
    return bytes(data)


def _rows(number):
    """A row of the number's blocks, and one of their opposites, as RGB."""
    bits = [number >> bit & 1 for bit in range(_BITS)]
    return [b"".join(bytes([0xff * (bit ^ opposite)]) * (3 * _BLOCK)
                     for bit in bits) for opposite in (0, 1)]


def read_number(picture, left, top):
    """The number that is there, or None if what is there is none."""
    rows = []
    for row in (0, 1):
        y = top + row * _BLOCK + _BLOCK // 2
        values = [sum(picture.pixel(left + bit * _BLOCK + _BLOCK // 2, y))
                  for bit in range(_BITS)]
        rows.append(sum((value > 3 * 128) << bit
                        for bit, value in enumerate(values)))
    number, opposite = rows
    return number if number ^ opposite == (1 << _BITS) - 1 else None


class Film:
    """boxes: left, top, width and height of all that moves; none: everything.

    Each of them shows the same. What is around them is as if it were text.
    cover: a rectangle that something else is in, and its colour.
    """

    PAGES = 4

    def __init__(self, screen, size, *boxes):
        self._screen = screen
        self.size = size
        self.boxes = boxes or ((0, 0, *size),)
        self.cover = None
        self.number = 0
        self._pages = [oracle.pattern(oracle.CHECKS, *size, 1)] * self.PAGES
        for left, top, width, height in self.boxes:
            self._pages = [
                page.with_picture(oracle.pattern(oracle.FILM, width, height,
                                                 number), left, top)
                for number, page in enumerate(self._pages)]
        self.show()

    def show(self):
        """Set the mode and show the newest step."""
        now = self.number % self.PAGES
        self._screen.set_mode(
            [self.picture(self.number + (page - now) % self.PAGES)
             for page in range(self.PAGES)], now)

    def step(self):
        """Show the next one."""
        self.number += 1
        page = self.number % self.PAGES
        rows = [bgrx(row) for row in _rows(self.number)]
        for left, top, _, _ in self.boxes:
            start = (top + _INSET) * self.size[0] + left + _INSET
            for y in range(NUMBER_HEIGHT):
                self._screen.write(page, 4 * (start + y * self.size[0]),
                                   rows[y // _BLOCK])
        self._screen.flip(page)

    def picture(self, number):
        """What must be on screen in that step."""
        page = self._pages[number % self.PAGES]
        rows = _rows(number)
        strip = Picture(NUMBER_WIDTH, NUMBER_HEIGHT, b"".join(
            rows[y // _BLOCK] for y in range(NUMBER_HEIGHT)))
        for left, top, _, _ in self.boxes:
            page = page.with_picture(strip, left + _INSET, top + _INSET)
        return page.with_fill(*self.cover) if self.cover else page

    def shown(self, picture, box=0):
        """The number of the step that a picture has in a box, or None."""
        left, top, _, _ = self.boxes[box]
        return read_number(picture, left + _INSET, top + _INSET)
