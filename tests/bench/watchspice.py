# SPDX-License-Identifier: GPL-2.0-or-later
"""A SPICE client that tells which of the guest's steps it sees."""

import ctypes
import time

import gi

gi.require_version("SpiceClientGLib", "2.0")
# pylint: disable=wrong-import-position
from gi.repository import GLib, GObject, SpiceClientGLib  # noqa: E402


def _on(source, signal, handler):
    """The library's own connect() hides GObject's."""
    GObject.Object.connect(source, signal, handler)


class SpiceWatch:
    """A client without OpenGL at a socket's path."""

    def __init__(self, path, drawn):
        self.steps = None
        self._drawn = drawn
        self._stride = 0
        self._pixels = None
        self._channel = None
        self._session = SpiceClientGLib.Session()
        self._session.set_property("unix-path", path)
        _on(self._session, "channel-new", self._on_channel)
        assert self._session.connect(), "no SPICE connection"

    def _on_channel(self, _session, channel):
        if isinstance(channel, SpiceClientGLib.DisplayChannel):
            self._channel = channel
            _on(channel, "display-primary-create", self._on_primary)
            _on(channel, "display-primary-destroy", self._on_destroy)
            _on(channel, "display-invalidate", self._on_invalidate)
            channel.connect()

    def _on_primary(self, _channel, _format, _width, height, stride, _shm,
                    address):
        self._stride = stride
        self._pixels = (ctypes.c_ubyte * (stride * height)).from_address(
            address)

    def _on_destroy(self, _channel):
        self._pixels = None

    def _on_invalidate(self, _channel, left, top, width, height):
        if self.steps is None or self._pixels is None:
            return

        def pixel(x, y):
            at = (top + y) * self._stride + 4 * (left + x)
            return int.from_bytes(self._pixels[at:at + 3], "little")
        self._drawn.drain()
        candidates = self.steps.candidates()
        self.steps.look(candidates, (left, top, width, height), pixel)
        self.steps.update_ends(candidates)

    @staticmethod
    def pump(until):
        """Take what comes until then (time.monotonic())."""
        context = GLib.MainContext.default()
        loop = GLib.MainLoop(context)
        left = max(0, until - time.monotonic())
        GLib.timeout_add(round(1000 * left), loop.quit)
        loop.run()

    def close(self):
        self._session.disconnect()
        while GLib.MainContext.default().iteration(False):
            pass
