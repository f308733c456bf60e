#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A viewer on libvncclient follows the guest's modes, pixel by pixel.

Prints TAP. Remmina, AVNC and guacd are built on that library, which has ideas
of its own of what a server must say. The software vGPU is what it looks at.
"""

import os
import subprocess
import sys
import tempfile

import tapcases
from swvgpu import SwVgpu
from viewers import expect_mode
from vgpulab import oracle
from vgpulab.picture import Picture, expect_picture
from vgpulab.ports import free_display
from vgpulab.wait import until

HERE = os.path.dirname(os.path.abspath(__file__))

GROWING = (640, 480), (800, 600), (1366, 768), (1920, 1080)
SHRINKING = (1920, 1080), (1366, 768), (801, 601), (320, 200)


def build(folder):
    """The client, compiled; returns its path."""
    program = os.path.join(folder, "libvnc-client")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libvncclient"],
        check=True, capture_output=True, text=True).stdout
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", program,
                    os.path.join(HERE, "libvnc-client.c"), *flags.split()],
                   check=True)
    return program


class LibVnc:
    """A running client."""

    program = None

    def __init__(self, port, encoding):
        self._folder = tempfile.TemporaryDirectory(prefix="libvnc-")
        self._said = open(os.path.join(self._folder.name, "said"), "w+",
                          encoding="utf-8")
        self._process = subprocess.Popen(
            [self.program, str(port), encoding], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._said, encoding="ascii")

    def _tell(self, command):
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass        # the answer, which is none, says it
        answer = self._process.stdout.readline()
        if not answer:
            with open(self._said.name, encoding="utf-8") as said:
                raise EOFError(f"the client ended: {said.read()}")
        return answer.strip()

    def resize(self, width, height):
        self._tell(f"resize {width} {height}")

    def picture(self):
        path = os.path.join(self._folder.name, "picture.ppm")
        self._tell(f"dump {path}")
        return Picture.load_ppm(path)

    def wait_for(self, want, what):
        expect_picture(what, self.picture, want)

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._said.close()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def show(vm, number, size):
    """Something that no encoding finds easy, and another one each time."""
    want = oracle.pattern(oracle.CHECKS if number % 2 else oracle.RAMP,
                          *size, number)
    vm.draw_picture(number % 4, want)
    return want


def check_modes(encoding, modes):
    display = free_display()
    with SwVgpu("-vnc", f"127.0.0.1:{display}") as vm:
        want = show(vm, 0, modes[0])
        vm.expect_screen(want)
        with LibVnc(5900 + display, encoding) as viewer:
            viewer.wait_for(want, "the first mode")
            for number, size in enumerate(modes[1:], 1):
                viewer.wait_for(show(vm, number, size), f"{size}")
            # What changes in the last mode arrives, too.
            viewer.wait_for(show(vm, len(modes), modes[-1]), "a change")


def check_wish(encoding):
    """The client asks for a size; the guest does as its monitor says."""
    display = free_display()
    with SwVgpu("-vnc", f"127.0.0.1:{display}") as vm:
        want = show(vm, 0, (800, 600))
        vm.expect_screen(want)
        with LibVnc(5900 + display, encoding) as viewer:
            viewer.wait_for(want, "the first mode")
            for number, size in enumerate([(1200, 700), (640, 400)], 1):
                viewer.resize(*size)
                until("the monitor",
                      lambda size=size: expect_mode(vm, size))
                # The picture goes on before the guest has done it.
                viewer.wait_for(show(vm, 2 * number, (800, 600)), "a change")
                viewer.wait_for(show(vm, 2 * number + 1, size), "the mode")


def cases():
    for encoding in "raw", "tight", "zrle", "hextile":
        for name, check in (
                ("growing modes", lambda e=encoding: check_modes(e, GROWING)),
                ("shrinking modes",
                 lambda e=encoding: check_modes(e, SHRINKING)),
                ("its own wish", lambda e=encoding: check_wish(e))):
            check.__doc__ = f"libvncclient, {encoding}: {name}"
            yield check


def main():
    with tempfile.TemporaryDirectory() as folder:
        LibVnc.program = build(folder)
        tapcases.run(list(cases()))


if __name__ == "__main__":
    sys.exit(main())
