#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Screendumps of what virtio-gpu shows in QEMU's windows.

Prints TAP. Displays without a window are tested by QEMU's own test alone; here
it gets an X server.
"""

import tapcases
from vgpulab import dumps, mesa
from vgpulab.viewers.xserver import XServer


def dump(display):
    with XServer(2560, 2048) as screen:
        mesa.need_import(screen.display)
        dumps.run(f"texture/{display}", f"copied/{display}",
                  DISPLAY=screen.display, SDL_VIDEODRIVER="x11",
                  GDK_BACKEND="x11")


def test_sdl():
    """SDL: a screendump has what the window shows"""
    dump("sdl")


def test_gtk():
    """GTK: a screendump has what the window shows"""
    dump("gtk")


if __name__ == "__main__":
    tapcases.run([test_sdl, test_gtk])
