#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every viewer, with and without OpenGL, on every kind of software vGPU.

Prints TAP, a case for each viewer and device, and a table of them at the end.
All viewers of a seat (vgpulab/seats.py) look at the same time. With
VGPU_TEST_SEATS only the seats whose class names it contains.
"""

import concurrent.futures
import contextlib
import os
import sys
import traceback

from swvgpu import SwVgpu
from vgpulab import mesa, oracle
from vgpulab.oracle import CHECKS, NOISE, RAMP
from vgpulab.seats import SEATS
from vgpulab.skip import Skip

OK, FAILED, SKIPPED = "ok", "FAILED", "skip"

# Tests wait more than they compute; more would only starve one another.
WORKERS = 2


class Device:
    """A column: how the software vGPU offers its picture.

    read_back: whether those who take pixels get what OpenGL read.
    """

    def __init__(self, name, kind, mappable=True, read_back=False):
        self.name = name
        self.kind = kind
        self.mappable = mappable
        self.read_back = read_back

    def start(self, seat):
        """The machine at that seat."""
        kind, environment = self.kind, seat.environment
        if self.read_back:
            kind += ",x-display-path=gl"
            mesa.need_import()
            environment = dict(environment or os.environ, **mesa.variables())
        return SwVgpu(*seat.arguments, kind=kind, environment=environment)

    def expect_way(self, vm):
        """Fail unless a screendump's pixels came the way they should."""
        if self.read_back:
            assert vm.vgpu()["path"] == "gl", vm.vgpu()

    def importable(self):
        """Whether OpenGL in software can take its buffers."""
        return self.kind == "dmabuf" and self.mappable

    def words(self):
        """Whether nobody can read it, so that words stand on the screen.

        Mesa's software renderer reads buffers by CPU, as the mirror does.
        """
        return self.kind == "dmabuf" and not self.mappable


DEVICES = (
    Device("dma-buf", "dmabuf"),
    Device("dma-buf, read back", "dmabuf", read_back=True),
    Device("dma-buf, no mmap", "dmabuf", mappable=False),
    Device("region", "region"),
    Device("region, no mmap", "region", mappable=False),
)


class Results:
    """Prints each as it comes, and the table."""

    def __init__(self, seats):
        self._seats = seats
        self._cells = {}
        self._number = 0
        print(f"1..{len(DEVICES) * sum(len(s.viewers) for s in seats)}",
              flush=True)

    @staticmethod
    def _title(seat, viewer):
        return f"{viewer}, gl={'on' if seat.gl else 'off'}"

    def add(self, seat, device, outcomes):
        """What look_at() returned."""
        for viewer, (result, why) in zip(seat.viewers, outcomes):
            self._cells[seat, viewer, device] = result
            self._number += 1
            for line in why.splitlines() if result == FAILED else ():
                print("#", line)
            print(("not ok" if result == FAILED else "ok"), self._number, "-",
                  f"{self._title(seat, viewer)}: {device.name}"
                  + (f" # SKIP {why}" if result == SKIPPED else ""),
                  flush=True)

    def table(self):
        rows = [["viewer", "GL"] + [device.name for device in DEVICES]]
        for seat in self._seats:
            for viewer in seat.viewers:
                rows.append(
                    [viewer, "on" if seat.gl else "off"]
                    + [self._cells[seat, viewer, device]
                       for device in DEVICES])
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            print("#", "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths)))

    def failed(self):
        return FAILED in self._cells.values()


class Look:
    """One seat and one device: draws, and asks every viewer."""

    def __init__(self, seat, device, vm, stack):
        self._device = device
        self._vm = vm
        self._seat = seat
        self._buffer = 0
        self._copied = False
        self.wrong = {}
        want = self._draw(0, NOISE)     # before anybody looks
        looks = seat.attach(stack)
        self._looks = {}
        for viewer in seat.viewers:
            with self._noted(viewer):
                self._looks[viewer] = next(looks)
        self._expect(want)

    @contextlib.contextmanager
    def _noted(self, viewer):
        """A viewer that fails is not asked again, the others are."""
        try:
            yield
        except Exception:  # pylint: disable=broad-except
            self.wrong[viewer] = traceback.format_exc() + self._vm.errors()
            self._looks.pop(viewer, None)

    def _draw(self, mode, kind):
        """What must be on screen then."""
        width, height = self._seat.modes[mode]
        picture = oracle.pattern(kind, width, height, self._buffer)
        self._buffer += 1
        self._vm.draw_picture(
            self._buffer % 4 if self._seat.offsets else 0, picture)
        if not self._device.words():
            return picture
        return self._vm.expect_words(picture)

    def _expect(self, want):
        for viewer, look in list(self._looks.items()):
            with self._noted(viewer):
                if (self._device.words() and self._seat.hands_over
                        and viewer == self._seat.viewers[0]):
                    self._seat.expect_handed_over(want.width, want.height)
                else:
                    look(want)
        if self._seat.gl and self._device.importable():
            with self._noted(self._seat.viewers[0]):
                self._expect_taken()
        self._vm.expect_screen(want)
        self._device.expect_way(self._vm)

    def _expect_taken(self):
        """The viewer with OpenGL has the buffer; the rest is a copy's."""
        assert "cannot take" not in self._vm.errors()
        self._seat.expect_taken()
        if self._seat.zero_copies and not self._copied:
            assert self._vm.vgpu()["bytes-read"] == 0, self._vm.vgpu()
        # A screendump comes next, which is one.
        self._copied = True

    def run(self):
        for mode in range(1, len(self._seat.modes)):
            self._expect(self._draw(mode, CHECKS))
        # Another picture of the same size, which is damage and no new mode.
        self._expect(self._draw(-1, RAMP))
        assert self._vm.alive(), self._vm.errors()


def look_at(cls, device):
    """Every viewer of a seat at one device: results and reasons."""
    wrong, skip = {}, None
    try:
        with cls() as seat, device.start(seat) as vm, \
                contextlib.ExitStack() as stack:
            vm.set_mappable(device.mappable)
            look = Look(seat, device, vm, stack)
            look.run()
            wrong = look.wrong
    except Skip as reason:
        skip = str(reason)
    except Exception:  # pylint: disable=broad-except
        wrong = dict.fromkeys(cls.viewers, "as the case before")
        wrong[cls.viewers[0]] = traceback.format_exc()
    if skip:
        return [(SKIPPED, skip)] * len(cls.viewers)
    return [(FAILED, wrong[viewer]) if viewer in wrong else (OK, "")
            for viewer in cls.viewers]


def main():
    chosen = os.environ.get("VGPU_TEST_SEATS")
    seats = [seat for seat in SEATS
             if not chosen or seat.__name__ in chosen.split(",")]
    results = Results(seats)
    with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
        looks = {pool.submit(look_at, seat, device): (seat, device)
                 for seat in seats for device in DEVICES}
        for look in concurrent.futures.as_completed(looks):
            results.add(*looks[look], look.result())
    results.table()
    sys.exit(1 if results.failed() else 0)


if __name__ == "__main__":
    main()
