# SPDX-License-Identifier: GPL-2.0-or-later
"""vgpu-screen, the viewer for monitors and Wayland (contrib/vgpu-screen)."""

import os
import re

from .. import paths
from ..skip import Skip
from ..wait import until
from .processes import Processes

# Exit statuses, as its man page has them.
LEFT, USAGE, NO_VM, NO_OUTPUT, OUTPUT_LOST = range(5)

_STATS = re.compile(r"^frames (\d+) planes (\d+) late (\d+) "
                    r"held-too-long (\d+) copied (\d+)$", re.MULTILINE)


def need():
    """Skip where it was not built."""
    if not os.path.exists(paths.SCREEN):
        raise Skip("vgpu-screen was not built: its libraries are not there")


class VgpuScreen(Processes):
    """Runs from construction to close(), or until it ends by itself."""

    def __init__(self, *arguments, environment=None):
        need()
        super().__init__()
        self._process = self.spawn(paths.SCREEN, "--stats", *arguments,
                                   environment=environment)

    @property
    def pid(self):
        return self._process.pid

    def said(self):
        return self.log(paths.SCREEN)

    def expect_alive(self):
        assert self._process.poll() is None, self.said()

    def ended(self):
        return self._process.poll() is not None

    def wait(self):
        """Until it ends by itself; returns its exit status."""
        return self._process.wait(60)

    def kill(self):
        """As the kernel does, out of memory."""
        self._process.kill()
        self._process.wait()

    def seconds(self):
        """What it counted, a tuple for each second that it ran."""
        return [tuple(map(int, counts))
                for counts in _STATS.findall(self.said())]

    def counted(self):
        """Sums of what it has counted, what was done by now included.

        frames, planes (those that are in use), late, held too long, copied.
        """
        before = len(self.seconds())

        def look():
            self.expect_alive()
            return len(self.seconds()) > before + 1
        until("two seconds", look)
        counts = self.seconds()
        frames, _, late, held, copied = (sum(column)
                                         for column in zip(*counts))
        return frames, counts[-1][1], late, held, copied
