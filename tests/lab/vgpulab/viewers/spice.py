# SPDX-License-Identifier: GPL-2.0-or-later
"""SPICE clients, each in a process of its own."""

import os
import subprocess
import sys

from ..picture import Picture
from ..wait import DEADLINE, until
from .processes import Processes

# A change that comes as video or as JPEG could not be compared.
LOSSLESS = ("disable-ticketing=on,streaming-video=off,"
            "jpeg-wan-compression=never")


def screenshot(port):
    """One picture from spice-gtk's own tool."""
    with Processes() as scratch:
        path = scratch.file("screen.ppm")
        subprocess.run(
            ["spicy-screenshot", "-h", "127.0.0.1", "-p", str(port), "-o",
             path], check=True, timeout=DEADLINE, stdin=subprocess.DEVNULL,
            capture_output=True)
        return Picture.load_ppm(path)


class SpiceClient(Processes):
    """A client of QEMU's at a socket's path or a port: spiceclient.py."""

    def __init__(self, path=None, port=None):
        super().__init__()
        program = os.path.join(os.path.dirname(__file__), "spiceclient.py")
        self._process = self.spawn(sys.executable, program,
                                   path or str(port), self._picture(),
                                   stdin=subprocess.PIPE)

    def signal(self, number):
        """Stop the client, or let it go on."""
        self._process.send_signal(number)

    def move(self, left, top):
        """Where the pointer is from now on; of two soon after one another
        the first one may be left out."""
        self._process.stdin.write(f"{left} {top}\n".encode())
        self._process.stdin.flush()

    def _picture(self):
        return self.file("picture.ppm")

    def way(self):
        """How the last frame came: "gl", "gl-unreadable" or "2d"."""
        return self.ways()[-1]

    def ways(self):
        """How each frame came, the last one at the end."""
        with open(self._picture() + ".way", encoding="ascii") as stream:
            return stream.read().split()

    def picture(self):
        """The last frame, once there is one."""
        def there():
            assert self._process.poll() is None, self.log(sys.executable)
            return os.path.exists(self._picture())
        until("a frame", there)
        return Picture.load_ppm(self._picture())

    def close(self):
        self._process.stdin.close()
        super().close()
