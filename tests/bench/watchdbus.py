# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Bus viewer that tells which of the guest's steps it sees."""

import time

from vgpulab.viewers import dbus


class _Listener(dbus.Listener):
    """Looks at pixels as they come, in the listener's own thread."""

    def __init__(self, bus, drawn):
        self.steps = None
        self._drawn = drawn
        super().__init__(bus)

    def _store(self, left, top, width, height, stride, pixels):
        steps = self.steps
        if steps is None:
            return

        def pixel(x, y):
            at = y * stride + 4 * x
            return int.from_bytes(pixels[at:at + 3], "little")
        self._drawn.drain()
        candidates = steps.candidates()
        steps.look(candidates, (left, top, width, height), pixel)
        steps.update_ends(candidates)


class DbusWatch:
    """A listener without OpenGL, on a bus of its own."""

    def __init__(self, bus, drawn):
        self._listener = _Listener(bus, drawn)

    @property
    def steps(self):
        return self._listener.steps

    @steps.setter
    def steps(self, steps):
        self._listener.steps = steps

    @staticmethod
    def pump(until):
        time.sleep(max(0, until - time.monotonic()))

    def close(self):
        self._listener.close()
