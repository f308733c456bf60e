# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Bus viewer that tells which of the guest's steps it sees."""

import time

from vgpulab.viewers import dbus


class _Listener(dbus.Listener):
    """Looks at pixels as they come, in the listener's own thread."""

    def __init__(self, bus, drawn, share):
        self.steps = None
        self._drawn = drawn
        super().__init__(bus, share)

    def _store(self, left, top, width, height, stride, pixels):
        def pixel(x, y):
            at = y * stride + 4 * x
            return int.from_bytes(pixels[at:at + 3], "little")
        self._look((left, top, width, height), pixel)

    def _on_UpdateMap(self, left, top, width, height):
        def pixel(x, y):
            return int.from_bytes(
                self._shared.rect(left + x, top + y, 1, 1)[:3], "little")
        self._look((left, top, width, height), pixel)

    def _look(self, rect, pixel):
        steps = self.steps
        if steps is None:
            return
        self._drawn.drain()
        candidates = steps.candidates()
        steps.look(candidates, rect, pixel)
        steps.update_ends(candidates)


class DbusWatch:
    """A listener without OpenGL, on a bus of its own.

    share: it takes pixels in shared memory, as viewers on the same host do.
    """

    def __init__(self, bus, drawn, share=False):
        self._listener = _Listener(bus, drawn, share)

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
