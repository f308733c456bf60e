# SPDX-License-Identifier: GPL-2.0-or-later
"""Packaged VNC viewers, each in its own process."""

import os
import shutil
import struct
import subprocess
import tempfile

from .picture import Picture
from .wait import DEADLINE


def gvnccapture(display):
    """One picture from gtk-vnc (package gvncviewer)."""
    folder = tempfile.mkdtemp(prefix="vgpu-lab-")
    path = os.path.join(folder, "capture.png")
    try:
        subprocess.run(
            ["gvnccapture", "-q", f"127.0.0.1:{display}", path],
            check=True, stdin=subprocess.DEVNULL, timeout=DEADLINE)
        return Picture.load_image(path)
    finally:
        shutil.rmtree(folder)


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


class TigerVnc:
    """TigerVNC's vncviewer with a window of the given size under Xvfb.

    The screen is larger: without a window manager, full screen mode works
    only up to version 1.12, and later ones shrink a window that would fill
    the screen.
    """

    _MARGIN = 64

    def __init__(self, display, width, height, *options):
        self._folder = tempfile.mkdtemp(prefix="vgpu-lab-")
        self._processes = []
        try:
            self._start(display, width, height, options)
        except BaseException:
            self.close()
            raise

    def _spawn(self, args, **env):
        log = os.path.join(self._folder, args[0] + ".log")
        with open(log, "wb") as stream:
            self._processes.append(subprocess.Popen(
                args, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
                pass_fds=env.pop("pass_fds", ()),
                env=dict(os.environ, HOME=self._folder, **env)))

    def _start(self, display, width, height, options):
        read, write = os.pipe()
        self._spawn(["Xvfb", "-displayfd", str(write), "-nolisten", "tcp",
                     "-screen", "0",
                     f"{width + self._MARGIN}x{height + self._MARGIN}x24",
                     "-fbdir", self._folder], pass_fds=(write,))
        os.close(write)
        with os.fdopen(read) as stream:
            screen = stream.readline().strip()
        assert screen, "Xvfb did not start"
        self._spawn(["vncviewer", "-geometry", f"{width}x{height}+0+0",
                     "-ReconnectOnError=0", "-AlertOnFatalError=0", *options,
                     f"127.0.0.1::{5900 + display}"], DISPLAY=f":{screen}")

    def picture(self, want):
        """The window's picture: what is wanted, wherever that is on screen.

        Where no window manager tells, toolkits leave room for a frame.
        """
        screen = _load_xwd(os.path.join(self._folder, "Xvfb_screen0"))
        for top in range(screen.height - want.height + 1):
            at = screen.row(top).find(want.row(0))
            if at < 0 or at % 3:
                continue
            found = screen.cropped(at // 3, top, want.width, want.height)
            if found == want:
                return found
        return screen.cropped(0, 0, want.width, want.height)

    def close(self):
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = []
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
