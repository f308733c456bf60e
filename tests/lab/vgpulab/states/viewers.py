# SPDX-License-Identifier: GPL-2.0-or-later
"""Viewers of every kind, each behind the same few methods.

A viewer is asked what it shows now; nothing here waits. A Display is what
QEMU needs for one kind of them: its options, its servers, its environment.
"""

import contextlib
import os
import signal
import tempfile

from .. import mesa
from ..picture import Picture
from ..rfb import ALPHA_CURSOR, RAW, TIGHT, Rfb
from ..ports import free_display
from ..viewers import dbus, spice
from ..viewers.xserver import XServer

# A viewer that reads again must not find all of it waiting.
_ASKED_WHILE_STOPPED = 8


class Viewer:
    """reads: whether it takes what QEMU sends. cursor(): what it has of the
    guest's: (size, pixels, hot) with None for pixels that do not show, None
    if it cannot tell. words: whether it shows text as text. least: the size
    from which on it shows pictures pixel by pixel."""

    words = True
    least = (0, 0)

    def __init__(self):
        self.reads = True

    def look(self, wanted):
        """Its picture now, found among other things on screen or alone.

        wanted: what to look for. None: it has nothing so far.
        """
        raise NotImplementedError

    def cursor(self):
        return None

    def stop(self):
        self.reads = False

    def go_on(self):
        self.reads = True

    def leave(self):
        raise NotImplementedError


class VncViewer(Viewer):
    """Ours; raw or tight."""

    encoding = RAW

    def __init__(self, display):
        super().__init__()
        self._rfb = Rfb(display.vnc, self.encoding, deadline=20,
                        cursor=ALPHA_CURSOR)

    def look(self, wanted):
        while self._rfb.pending(0):
            self._rfb.update()
        return self._rfb.picture()

    def cursor(self):
        shape = self._rfb.cursor
        if shape is None or not shape.visible():
            return ((0, 0), None, (0, 0))
        pixels = tuple(a << 24 | r << 16 | g << 8 | b
                       for r, g, b, a in shape.pixels)
        return ((shape.width, shape.height), pixels, shape.hotspot)

    def stop(self):
        super().stop()
        for _ in range(_ASKED_WHILE_STOPPED):
            self._rfb.ask_whole()

    def resize(self, width, height):
        self._rfb.resize(width, height)

    def leave(self):
        self._rfb.close()


class TightViewer(VncViewer):
    encoding = TIGHT


class DbusViewer(Viewer):
    """A listener on the bus; share: by shared memory."""

    share = False

    def __init__(self, display):
        super().__init__()
        self._bus = display.bus
        self._listener = dbus.Listener(display.bus, self.share)

    def look(self, wanted):
        return self._listener.picture()

    def cursor(self):
        shape, (_, _, visible) = self._listener.cursor, self._listener.mouse
        if shape is None or not visible:
            return ((0, 0), None, (0, 0))
        width, height, hot_x, hot_y, data = shape
        pixels = tuple(int.from_bytes(data[at:at + 4], "little")
                       for at in range(0, len(data), 4))
        return ((width, height), pixels, (hot_x, hot_y))

    def resize(self, width, height):
        self._bus.resize(width, height)

    def leave(self):
        self._listener.close()


class SharedViewer(DbusViewer):
    share = True


class SpiceViewer(Viewer):
    """spice-gtk in a process of its own."""

    def __init__(self, display):
        super().__init__()
        self._client = spice.SpiceClient(display.spice)

    def look(self, wanted):
        path = self._client.file("picture.ppm")
        with contextlib.suppress(FileNotFoundError):
            return Picture.load_ppm(path)
        return None

    def stop(self):
        super().stop()
        self._client.signal(signal.SIGSTOP)

    def go_on(self):
        super().go_on()
        self._client.signal(signal.SIGCONT)

    def leave(self):
        self._client.signal(signal.SIGCONT)
        self._client.close()


class Window(Viewer):
    """QEMU's own, on an X server; it is there from the start."""

    words = False       # which are on the rest of the screen

    def __init__(self, display):
        super().__init__()
        self._screen = display.screen

    def look(self, wanted):
        return self._screen.find(wanted)

    def leave(self):
        pass


class StretchingWindow(Window):
    """GTK with OpenGL makes a picture as large as its window, and that no
    smaller than this."""

    least = (320, 240)


VIEWERS = {"raw": VncViewer, "tight": TightViewer, "dbus": DbusViewer,
           "shared": SharedViewer, "spice": SpiceViewer}


class Display:
    """No other than VNC's, which every QEMU here has.

    offers: viewers that may come, by name. Each start of QEMU has a Display
    of its own; a screen that lasts longer is shared.
    """

    offers = ("raw", "tight")
    slow = False

    def __init__(self):
        self.arguments = []
        self.environment = None
        self._stack = contextlib.ExitStack()
        self.vnc = free_display()
        self.arguments += ["-vnc", f"127.0.0.1:{self.vnc},share=ignore"]
        try:
            self.prepare()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        self.arguments += ["-display", "none"]

    def windows(self):
        """Viewers that are there with QEMU itself."""
        return []

    def close(self):
        self._stack.close()


class DbusDisplay(Display):
    offers = ("raw", "tight", "dbus", "shared")

    def prepare(self):
        self.bus = self._stack.enter_context(dbus.Bus())
        self.arguments += ["-display", dbus.option(self.bus)]


class DbusGlDisplay(Display):
    """The guest's dma-bufs go to D-Bus as they are."""

    offers = ("raw", "tight", "dbus")

    def prepare(self):
        self.environment = mesa.need_import()
        self.bus = self._stack.enter_context(dbus.Bus())
        self.arguments += ["-display", dbus.option(self.bus) + ",gl=on"]


class SpiceDisplay(Display):
    offers = ("raw", "tight", "spice")
    slow = True

    def prepare(self):
        folder = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="vgpu-states-"))
        self.spice = os.path.join(folder, "spice")
        self.arguments += ["-display", "none", "-spice",
                           f"unix=on,addr={self.spice},{spice.LOSSLESS}"]


_SCREENS = {}


def _screen():
    """One X server for all sequences; it ends with close_screens()."""
    if "x11" not in _SCREENS:
        _SCREENS["x11"] = XServer(1024, 768, pointer=False)
    return _SCREENS["x11"]


def close_screens():
    while _SCREENS:
        _SCREENS.popitem()[1].close()


class GtkDisplay(Display):
    option = "gtk,zoom-to-fit=off"
    gl = False

    def prepare(self):
        self.screen = _screen()
        self.environment = (mesa.need_import(self.screen.display)
                            if self.gl else dict(os.environ))
        self.environment.update(DISPLAY=self.screen.display,
                                GDK_BACKEND="x11", SDL_VIDEODRIVER="x11")
        self.arguments += ["-display",
                           f"{self.option},gl={'on' if self.gl else 'off'}"]

    def windows(self):
        return [Window(self)]


class SdlDisplay(GtkDisplay):
    option = "sdl"


class GtkGlDisplay(GtkDisplay):
    gl = True

    def windows(self):
        return [StretchingWindow(self)]


class SdlGlDisplay(SdlDisplay):
    gl = True


DISPLAYS = {"none": Display, "dbus": DbusDisplay, "dbus-gl": DbusGlDisplay,
            "spice": SpiceDisplay, "gtk": GtkDisplay, "sdl": SdlDisplay,
            "gtk-gl": GtkGlDisplay, "sdl-gl": SdlGlDisplay}
