#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every viewer, with and without OpenGL, on every kind of software vGPU.

Prints TAP, a case for each viewer and device, and a table of them at the end,
with the way that each picture took, as QEMU says: the device's dma-buf, or
pixels that were had by mmap, gl or region, or words. All viewers of a viewer
config (vgpulab/viewerconfigs.py) look at the same time. With VGPU_TEST_VIEWERS
only the configs whose class names it contains.
"""

import concurrent.futures
import contextlib
import os
import sys
import traceback

from swvgpu import SwVgpu
from vgpulab import mesa, oracle
from vgpulab.oracle import CHECKS, NOISE, RAMP
from vgpulab.viewerconfigs import VIEWER_CONFIGS
from vgpulab.skip import Skip

OK, FAILED, SKIPPED = "ok", "FAILED", "skip"
# Ways that are no path of QEMU's.
BUFFER, WORDS = "dma-buf", "words"

# Tests wait more than they compute; more would only starve one another.
WORKERS = 2


class Device:
    """A column: how the software vGPU offers its picture.

    read_back: whether those who take pixels get what OpenGL read.
    imported: whether OpenGL in software takes buffers as a GPU does. It is
    for windows of QEMU's own only.
    """

    def __init__(self, name, kind, mappable=True, read_back=False,
                 imported=False):
        self.name = name
        self.kind = kind
        self.mappable = mappable
        self.read_back = read_back
        self.imported = imported

    def start(self, config):
        """The machine at that config."""
        kind, environment = self.kind, config.environment
        if self.read_back:
            kind += ",x-display-path=gl"
            mesa.need_import()
            environment = dict(environment or os.environ, **mesa.variables())
        if self.imported:
            kind += ",x-software-import=on"
        return SwVgpu(*config.arguments, kind=kind, environment=environment)

    def suits(self, config):
        """Whether anybody there can show the difference."""
        return config.draws_gl or not self.imported

    def pixels(self):
        """The way that pixels take."""
        if self.words():
            return WORDS
        if self.read_back:
            return "gl"
        return "mmap" if self.kind == "dmabuf" else "region"

    def way(self, config, viewer):
        """The way that a viewer's picture takes."""
        takes = (self.imported if config.draws_gl
                 else config.hands_over and self.kind == "dmabuf")
        return (BUFFER if takes and viewer == config.viewers[0]
                else self.pixels())

    def words(self):
        """Whether nobody can read it, so that words stand on the screen.

        Mesa's software renderer reads buffers by CPU, as the mirror does.
        """
        return self.kind == "dmabuf" and not self.mappable


DEVICES = (
    Device("dma-buf", "dmabuf"),
    Device("dma-buf, imported", "dmabuf", imported=True),
    Device("dma-buf, read back", "dmabuf", read_back=True),
    Device("dma-buf, no mmap", "dmabuf", mappable=False),
    Device("region", "region"),
    Device("region, no mmap", "region", mappable=False),
)


class Results:
    """Prints each as it comes, and the table."""

    def __init__(self, configs):
        self._configs = configs
        self._cells = {}
        self._number = 0
        cases = sum(len(config.viewers) for config in configs
                    for device in DEVICES if device.suits(config))
        print(f"1..{cases}", flush=True)

    @staticmethod
    def _title(config, viewer):
        return f"{viewer}, gl={'on' if config.gl else 'off'}"

    def add(self, config, device, outcomes):
        """What look_at() returned."""
        for viewer, (result, why, way) in zip(config.viewers, outcomes):
            self._cells[config, viewer, device] = (
                f"{result}: {way}" if way else result)
            self._number += 1
            for line in why.splitlines() if result == FAILED else ():
                print("#", line)
            print(("not ok" if result == FAILED else "ok"), self._number, "-",
                  f"{self._title(config, viewer)}: {device.name}"
                  + (f" # SKIP {why}" if result == SKIPPED else ""),
                  flush=True)

    def table(self):
        rows = [["viewer", "GL"] + [device.name for device in DEVICES]]
        for config in self._configs:
            for viewer in config.viewers:
                rows.append(
                    [viewer, "on" if config.gl else "off"]
                    + [self._cells.get((config, viewer, device), "-")
                       for device in DEVICES])
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            print("#", "  ".join(
                cell.ljust(width) for cell, width in zip(row, widths)))

    def failed(self):
        return any(cell.startswith(FAILED) for cell in self._cells.values())


class Look:
    """One config and one device: draws, and asks every viewer."""

    def __init__(self, config, device, vm, stack):
        self._device = device
        self._vm = vm
        self._config = config
        self._buffer = 0
        self._copied = False
        self.wrong = {}
        self.ways = {}
        want = self._draw(0, NOISE)     # before anybody looks
        looks = config.attach(stack)
        self._looks = {}
        for viewer in config.viewers:
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
        width, height = self._config.modes[mode]
        picture = oracle.pattern(kind, width, height, self._buffer)
        self._buffer += 1
        self._vm.draw_picture(
            self._buffer % 4 if self._config.offsets else 0, picture)
        if not self._device.words():
            return picture
        return self._vm.expect_words(picture)

    def _expect(self, want):
        for viewer, look in list(self._looks.items()):
            with self._noted(viewer):
                if (self._device.words() and self._config.hands_over
                        and viewer == self._config.viewers[0]):
                    self._config.expect_handed_over(want.width, want.height)
                else:
                    look(want)
        for viewer, name in zip(self._config.viewers, self._config.names):
            if viewer in self._looks:
                with self._noted(viewer):
                    self._expect_way(viewer, name)
        self._vm.expect_screen(want)
        # A screendump is a copy.
        self._copied = True

    def _expect_way(self, viewer, name):
        want = self._device.way(self._config, viewer)
        way = self.ways[viewer] = self._way(name)
        assert way == want, f"{way}, not {want}: {self._vm.vgpu()}"
        if way != BUFFER:
            return
        assert "cannot take" not in self._vm.errors()
        if not self._device.words():
            self._config.expect_taken()
        if len(self._config.viewers) == 1 and not self._copied:
            assert self._vm.vgpu()["bytes-read"] == 0, self._vm.vgpu()

    def _way(self, name):
        """The way that the picture really took to viewers of that name."""
        shows = self._vm.shows(name)
        if shows != {"pixels"}:
            return " ".join(sorted(shows)) or "nobody"
        path = self._vm.vgpu()["path"]
        return WORDS if path == "placeholder" else path

    def run(self):
        for mode in range(1, len(self._config.modes)):
            self._expect(self._draw(mode, CHECKS))
        # Another picture of the same size, which is damage and no new mode.
        self._expect(self._draw(-1, RAMP))
        assert self._vm.alive(), self._vm.errors()


def look_at(cls, device):
    """Every viewer of a config at one device: results, reasons and ways."""
    wrong, ways, skip = {}, {}, None
    try:
        with cls() as config, device.start(config) as vm, \
                contextlib.ExitStack() as stack:
            vm.set_mappable(device.mappable)
            look = Look(config, device, vm, stack)
            look.run()
            wrong, ways = look.wrong, look.ways
    except Skip as reason:
        skip = str(reason)
    except Exception:  # pylint: disable=broad-except
        wrong = dict.fromkeys(cls.viewers, "as the case before")
        wrong[cls.viewers[0]] = traceback.format_exc()
    if skip:
        return [(SKIPPED, skip, None)] * len(cls.viewers)
    return [(FAILED if viewer in wrong else OK, wrong.get(viewer, ""),
             ways.get(viewer)) for viewer in cls.viewers]


def main():
    chosen = os.environ.get("VGPU_TEST_VIEWERS")
    configs = [config for config in VIEWER_CONFIGS
             if not chosen or config.__name__ in chosen.split(",")]
    results = Results(configs)
    with concurrent.futures.ProcessPoolExecutor(WORKERS) as pool:
        looks = {pool.submit(look_at, config, device): (config, device)
                 for config in configs for device in DEVICES
                 if device.suits(config)}
        for look in concurrent.futures.as_completed(looks):
            results.add(*looks[look], look.result())
    results.table()
    sys.exit(1 if results.failed() else 0)


if __name__ == "__main__":
    main()
