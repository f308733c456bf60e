# SPDX-License-Identifier: GPL-2.0-or-later
"""A Wayland compositor without a monitor, and what is on its screen."""

import glob
import os
import subprocess

from ..picture import Picture
from ..wait import DEADLINE, until
from .processes import Processes

_SOCKET = "wayland-test"

# Nothing that moves, fades or covers the screen.
_CONFIGURATION = """\
[shell]
panel-position=none
animation=none
startup-animation=none
close-animation=none
focus-animation=none
locking=false
background-color=0xff205080
"""


class Weston(Processes):
    """Weston, which needs no GPU to compose; environment is its clients'.

    gl: it composes with OpenGL, and so takes dma-bufs if that imports them.
    """

    def __init__(self, width, height, environment, gl=False):
        super().__init__()
        self._renderer = "--use-gl" if gl else "--use-pixman"
        self.environment = dict(
            environment, WAYLAND_DISPLAY=_SOCKET,
            XDG_RUNTIME_DIR=self.folder, XDG_PICTURES_DIR=self.folder)
        self.environment.pop("DISPLAY", None)
        try:
            self._start(width, height)
        except BaseException:
            self.close()
            raise

    def _start(self, width, height):
        os.chmod(self.folder, 0o700)
        with open(self.file("weston.ini"), "w", encoding="ascii") as stream:
            stream.write(_CONFIGURATION)
        # Others than its own shell may take pictures with --debug alone.
        process = self.spawn(
            "weston", "--backend=headless-backend.so", self._renderer,
            f"--width={width}", f"--height={height}", "--idle-time=0",
            "--debug", f"--socket={_SOCKET}",
            f"--config={self.file('weston.ini')}",
            environment=self.environment)

        def ready():
            assert process.poll() is None, self.log("weston")
            return os.path.exists(self.file(_SOCKET))
        until("Weston's socket", ready)

    def picture(self):
        """The whole screen, as Weston's own tool takes it."""
        for old in glob.glob(self.file("*.png")):
            os.unlink(old)
        subprocess.run(["weston-screenshooter"], check=True, cwd=self.folder,
                       env=self.environment, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=DEADLINE)
        (path,) = glob.glob(self.file("*.png"))
        return Picture.load_image(path)

    def find(self, want):
        """What is wanted, wherever it is on screen, else the top left."""
        return self.picture().found(want)
