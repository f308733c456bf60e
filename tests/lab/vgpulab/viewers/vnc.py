# SPDX-License-Identifier: GPL-2.0-or-later
"""Packaged VNC viewers."""

import os
import subprocess

from .. import paths
from ..picture import Picture
from ..skip import Skip
from ..wait import DEADLINE
from .processes import Processes
from .xserver import XServer


def gvnccapture(display):
    """One picture from gtk-vnc (package gvncviewer)."""
    with Processes() as scratch:
        path = scratch.file("capture.png")
        subprocess.run(
            ["gvnccapture", "-q", f"127.0.0.1:{display}", path],
            check=True, stdin=subprocess.DEVNULL, timeout=DEADLINE)
        return Picture.load_image(path)


class TigerVnc(XServer):
    """TigerVNC's vncviewer with a window of the given size under Xvfb.

    The screen is larger: without a window manager, full screen mode works
    only up to version 1.12, and later ones shrink a window that would fill
    the screen.
    """

    _MARGIN = 64
    _PROGRAM = "vncviewer"
    LOSSLESS = ("-AutoSelect=0", "-FullColor", "-PreferredEncoding=Tight",
                "-NoJPEG")

    def __init__(self, display, width, height, *options):
        super().__init__(width + self._MARGIN, height + self._MARGIN)
        self.spawn(
            self._PROGRAM, "-geometry", f"{width}x{height}+0+0",
            "-ReconnectOnError=0", "-AlertOnFatalError=0", *options,
            f"127.0.0.1::{5900 + display}",
            environment=dict(os.environ, DISPLAY=self.display))


class NewerTigerVnc(TigerVnc):
    """One that decodes H.264 (scripts/vgpu/viewers.sh)."""

    _PROGRAM = os.path.join(paths.BUILD, "viewers", "vncviewer")

    def __init__(self, *arguments):
        if not os.path.exists(self._PROGRAM):
            raise Skip("no TigerVNC that decodes H.264: ./vgpu test gets one")
        super().__init__(*arguments)
