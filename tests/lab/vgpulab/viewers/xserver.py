# SPDX-License-Identifier: GPL-2.0-or-later
"""An X server without a monitor, and what is on its screen."""

import os
import struct

from ..picture import Picture
from .processes import Processes


def _load_xwd(path):
    """The screen that Xvfb keeps in a file (X11/XWDFile.h, 32-bit pixels)."""
    with open(path, "rb") as stream:
        data = stream.read()
    words = struct.unpack(">25I", data[:100])
    header, _, _, depth, width, height, _, order = words[:8]
    bits, line, colours = words[11], words[12], words[19]
    assert depth == 24 and bits == 32, (depth, bits)
    start = header + 12 * colours
    blue, green, red = (0, 1, 2) if order == 0 else (3, 2, 1)
    rows = []
    for y in range(height):
        row = data[start + y * line:start + y * line + 4 * width]
        rgb = bytearray(3 * width)
        rgb[0::3] = row[red::4]
        rgb[1::3] = row[green::4]
        rgb[2::3] = row[blue::4]
        rows.append(bytes(rgb))
    return Picture(width, height, b"".join(rows))


class XServer(Processes):
    """Xvfb with a screen of the given size; display is its name.

    pointer: whether it is drawn over what is on screen.
    """

    def __init__(self, width, height, pointer=True):
        super().__init__()
        try:
            self.display = ":" + self._start(
                width, height, *([] if pointer else ["-nocursor"]))
        except BaseException:
            self.close()
            raise

    def _start(self, width, height, *options):
        read, write = os.pipe()
        self.spawn("Xvfb", "-displayfd", str(write), "-nolisten", "tcp",
                   "-screen", "0", f"{width}x{height}x24",
                   "-fbdir", self.folder, *options, pass_fds=(write,))
        os.close(write)
        with os.fdopen(read) as stream:
            number = stream.readline().strip()
        assert number, "Xvfb did not start"
        return number

    def picture(self):
        """The whole screen."""
        return _load_xwd(self.file("Xvfb_screen0"))

    def find(self, want):
        """What is wanted, wherever it is on screen, else the top left.

        Toolkits leave room for a frame, a menu or a scroll bar.
        """
        return self.picture().found(want)
