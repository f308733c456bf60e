# SPDX-License-Identifier: GPL-2.0-or-later
"""A keyboard for the window under the pointer of an X server."""

from Xlib import X, XK, display
from Xlib.ext import xtest


class Keyboard:
    """No window manager gives any window the focus: the pointer does."""

    def __init__(self, name):
        self._display = display.Display(name)
        root = self._display.screen().root
        root.warp_pointer(100, 100)
        self._display.set_input_focus(X.PointerRoot, X.RevertToPointerRoot,
                                      X.CurrentTime)
        self._display.sync()

    def press(self, *names):
        """All at once, such as Control_L, Alt_L, 2."""
        codes = [self._display.keysym_to_keycode(XK.string_to_keysym(name))
                 for name in names]
        for code in codes:
            xtest.fake_input(self._display, X.KeyPress, code)
        for code in reversed(codes):
            xtest.fake_input(self._display, X.KeyRelease, code)
        self._display.sync()

    def select_console(self, number):
        """QEMU's keys for it."""
        self.press("Control_L", "Alt_L", str(number))

    def close(self):
        self._display.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
