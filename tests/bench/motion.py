# SPDX-License-Identifier: GPL-2.0-or-later
"""What moves on the guest's screen, and how a viewer tells the steps apart.

Each motion knows some pixels that have their colour in one step alone, the
last ones that the guest draws among them, so that a viewer knows which step
it sees, and that it sees all of it. Written from the definitions in
tests/guest/anim.h and draw.h.
"""

import threading

from vgpulab.oracle import film_pixel, mix

SOLID, NOISE, CHECKS = 0, 2, 3
_MASK = 0xffffffff
_GOLDEN = 0x9e3779b9


class Motion:
    """rate: the guest's ticks per second, of which each every-th is a step."""

    # May a viewer see a step before the guest has said that it is drawn?
    early = 1
    # Does a viewer have nothing to take, once it has the picture?
    still = False

    def __init__(self, rate=60, every=1):
        self.rate = rate
        self.every = every

    @property
    def hertz(self):
        return self.rate / self.every

    def prepare(self, guest):
        """Draw what does not move."""
        guest.pattern(SOLID, 1)
        guest.command(f"rate {self.rate}")

    def start(self, guest):
        """Start moving."""

    def stop(self, guest):
        """Everything stays as it is."""
        guest.stop()

    def points(self, step, width, height):
        """[(x, y, 0xRRGGBB)] of a step, [] if nothing moves."""
        raise NotImplementedError

    @staticmethod
    def same(colour, wanted):
        """Is that the colour of a point?"""
        return colour == wanted


class Still(Motion):
    """Nothing moves."""

    hertz = 0
    still = True

    def points(self, step, width, height):
        return []


class Cursor(Still):
    """Nothing but the cursor moves, 60 times per second."""

    still = False

    def __init__(self):
        super().__init__()
        self._stopped = threading.Event()
        self._mover = None

    def start(self, guest):
        guest.command("cursor 0 0")
        self._stopped.clear()
        self._mover = threading.Thread(target=self._move, args=(guest,))
        self._mover.start()

    def _move(self, guest):
        step = 0
        while not self._stopped.wait(1 / 60):
            step += 1
            guest.command(f"cursor {step * 7 % 1000} {step * 5 % 700}")

    def stop(self, guest):
        if self._mover:
            self._stopped.set()
            self._mover.join()
            self._mover = None
        guest.command("cursor")


class Box(Motion):
    """A box in the step's number as colour."""

    def __init__(self, size, rate=60, every=1):
        super().__init__(rate, every)
        self.size = size

    def start(self, guest):
        guest.command(f"box {self.size} {self.every}")

    def points(self, step, width, height):
        left = step * 7 % (width - self.size)
        top = step * 5 % (height - self.size)
        colour = step & 0xffffff
        last = self.size - 1
        return [(left, top, colour), (left + last, top + last, colour)]


class Stamp(Motion):
    """At each gap-th tick a stamp, 64 pixels wide and so many rows high.

    It is elsewhere each time, and stays. A block changes at each tick, if
    there is one.
    """

    def __init__(self, rows, gap, block=0, rate=60):
        super().__init__(rate, gap)
        self.rows = rows
        self.block = block

    def start(self, guest):
        guest.command(f"stamp {self.rows} {self.every} {self.block}")

    def points(self, step, width, height):
        if step % self.every:
            return []
        top = step // self.every * 37 % (height - self.rows)
        colour = step & 0xffffff
        return [(128, top, colour), (191, top + self.rows - 1, colour)]


class Flip(Motion):
    """Pages of noise that were drawn before, shown in turn."""

    early = 0

    def __init__(self, pages, rate=60, every=1):
        super().__init__(rate, every)
        self.pages = pages

    def prepare(self, guest):
        guest.pattern(NOISE)
        guest.command(f"rate {self.rate}")

    def start(self, guest):
        guest.command(f"flip {self.pages} {self.every}")

    def stop(self, guest):
        # Whatever moves next is drawn into the first page.
        super().stop(guest)
        guest.command("pan 0 0")

    def _pixel(self, x, y, page):
        return mix(x + y * 0x10001 + page * _GOLDEN & _MASK) & 0xffffff

    def points(self, step, width, height):
        page = step % self.pages
        return [(x, y, self._pixel(x, y, page))
                for x, y in ((0, 0), (width - 1, height - 1))]


class Burst(Still):
    """The whole screen moves for so long, and then nothing does."""

    def __init__(self, seconds):
        super().__init__()
        self._flip = Flip(3)
        self._seconds = seconds
        self._timer = None

    def prepare(self, guest):
        self._flip.prepare(guest)

    def start(self, guest):
        self._flip.start(guest)
        self._timer = threading.Timer(self._seconds, self._flip.stop, (guest,))
        self._timer.start()

    def stop(self, guest):
        if self._timer:
            self._timer.join()


class Film(Motion):
    """A film in a square in the middle, or everywhere, beside what is still.

    Its steps are told apart by the gray of two corners, which a lossy codec
    leaves as it is, more or less.
    """

    early = 0
    PAGES, _MARK, _STEP = 8, 32, 28

    def __init__(self, size=0, rate=60):
        super().__init__(rate)
        self.size = size
        self._burst = 0

    def prepare(self, guest):
        guest.pattern(CHECKS, 1)
        guest.command(f"rate {self.rate}")

    def start(self, guest):
        guest.command(f"film {self.PAGES} {self.size} 1 {self._burst}")

    def stop(self, guest):
        # As Flip's.
        super().stop(guest)
        guest.command("pan 0 0")

    def _box(self, width, height):
        if not self.size:
            return 0, 0, width, height
        return ((width - self.size) // 2, (height - self.size) // 2,
                self.size, self.size)

    def points(self, step, width, height):
        left, top, width, height = self._box(width, height)
        gray = step % self.PAGES * self._STEP * 0x10101
        middle = self._MARK // 2
        return [(left + middle, top + middle, gray),
                (left + width - middle, top + height - middle, gray)]

    @staticmethod
    def same(colour, wanted):
        """By half of what the next one differs."""
        return all(abs((colour >> shift & 0xff) - (wanted >> shift & 0xff))
                   < Film._STEP // 2 for shift in (0, 8, 16))


class RestingFilm(Film):
    """It moves for a second and rests for one. What rests is to be exact."""

    def __init__(self, size=0):
        super().__init__(size)
        self._burst = self.rate

    def points(self, step, width, height):
        if step % self._burst:
            return []
        left, top, width, height = self._box(width, height)
        page = step % self.PAGES
        return [(x, y, film_pixel(x, y, page))
                for x in range(left + self._MARK, left + width, 97)
                for y in range(top + self._MARK, top + height - self._MARK,
                               89)]

    @staticmethod
    def same(colour, wanted):
        return colour == wanted
