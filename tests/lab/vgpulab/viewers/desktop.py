# SPDX-License-Identifier: GPL-2.0-or-later
"""A mouse and what a window manager does, on an X server without one."""

from Xlib import X, error, protocol
from Xlib.ext import xtest

from .keyboard import Keyboard


class Desktop(Keyboard):
    """Keys, clicks, and the windows of one X server."""

    def __init__(self, name):
        super().__init__(name)
        self._root = self._display.screen().root

    def click(self, left, top):
        """The first mouse button, there on the screen."""
        self.point(left, top)
        xtest.fake_input(self._display, X.ButtonPress, 1)
        xtest.fake_input(self._display, X.ButtonRelease, 1)
        self._display.sync()

    def point(self, left, top):
        """Where the mouse is on the screen."""
        self._root.warp_pointer(left, top)
        self._display.sync()

    def cursor(self):
        """What the pointer is: size, hotspot, the middle's 0xAARRGGBB."""
        self._display.xfixes_query_version()
        image = self._display.xfixes_get_cursor_image(self._root)
        middle = (image.height // 2) * image.width + image.width // 2
        return (image.width, (image.xhot, image.yhot),
                image.cursor_image[middle])

    def windows(self):
        """The titles of those that can be seen, by window; menus have none."""
        found = {}
        for window in self._root.query_tree().children:
            try:
                if window.get_attributes().map_state == X.IsViewable:
                    found[window] = window.get_wm_name()
            except error.BadWindow:
                # It went meanwhile.
                pass
        return found

    def window(self, title):
        """The one of that title, or None."""
        for window, name in self.windows().items():
            if name == title:
                return window
        return None

    def resize(self, width, height):
        """What dragging an edge of the largest window does."""
        def area(window):
            place = window.get_geometry()
            return place.width * place.height
        max(self.windows(), key=area).configure(width=width, height=height)
        self._display.sync()

    def ask_to_close(self, window):
        """What the cross in a window's frame does (ICCCM 4.2.8.1)."""
        atom = self._display.intern_atom
        window.send_event(protocol.event.ClientMessage(
            window=window, client_type=atom("WM_PROTOCOLS"),
            data=(32, [atom("WM_DELETE_WINDOW"), X.CurrentTime, 0, 0, 0])))
        self._display.sync()
