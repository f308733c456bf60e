# SPDX-License-Identifier: GPL-2.0-or-later
"""How each kind of viewer is attached to a machine."""

import contextlib

from vgpulab.rfb import RAW, TIGHT
from vgpulab.skip import Skip
from vgpulab.viewers.spice import LOSSLESS
from sources import Missing
from watch import NoWatch, RfbWatch


class Nobody:
    """A VNC server without a client."""

    # Is a dma-buf drawn, again and again?
    draws = False

    def add(self, machine, device):
        """device: the one to show, None if there is but one."""
        self._machine = machine
        self._server = device or "screen"
        # The emulator looks for a free port: others may look at the same time.
        machine.add_args("-vnc", f"127.0.0.1:0,to=999,id={self._server}"
                                 + (f",display={device}" if device else ""))

    def _display(self):
        servers = self._machine.qmp.command("query-vnc-servers")
        ports = {server["id"]: server["server"][0]["service"]
                 for server in servers}
        return int(ports[self._server]) - 5900

    def open(self, drawn):
        """Nobody comes."""

    def watches(self, steps):
        """What is to be pumped so that the steps are seen."""
        return [NoWatch(steps)]

    def close(self):
        """Nobody leaves."""


class Watching(Nobody):
    """A viewer that is watched through self._watch once it is open."""

    _watch = None

    def watches(self, steps):
        self._watch.steps = steps
        return [self._watch]

    def close(self):
        if self._watch:
            self._watch.close()


class Vnc(Watching):
    """A VNC client."""

    encoding = RAW

    def open(self, drawn):
        self._watch = RfbWatch(self._display(), self.encoding, drawn)


class VncTight(Vnc):
    """The same with tight encoding at lossless quality."""

    encoding = TIGHT


class VncH264(Vnc):
    """One that takes video, and the rest by tight encoding."""

    def open(self, drawn):
        # What it needs is not there before packages.txt is.
        # pylint: disable=import-outside-toplevel
        from vgpulab.h264 import Decoder
        self._watch = RfbWatch(self._display(), TIGHT, drawn, Decoder())


class Crowd(Vnc):
    """Four VNC clients of one screen."""

    def __init__(self):
        self._others = []

    def open(self, drawn):
        super().open(drawn)
        self._others = [RfbWatch(self._display(), self.encoding, drawn)
                        for _ in range(3)]

    def watches(self, steps):
        for other in self._others:
            other.steps = steps
        return super().watches(steps) + self._others

    def close(self):
        for other in self._others:
            other.close()
        super().close()


class Dbus(Watching):
    """A D-Bus listener that takes pixels, in messages or in shared memory."""

    def __init__(self, share=False):
        self._share = share
        # What it needs of glib is not there before packages.txt is.
        # pylint: disable=import-outside-toplevel
        from vgpulab.viewers import dbus
        self._bus = dbus.Bus()

    def add(self, machine, _device):
        # A comma within an option's value is written twice.
        machine.add_args("-display", "dbus,addr="
                         + self._bus.address.replace(",", ",,"))

    def open(self, drawn):
        from watchdbus import DbusWatch
        self._watch = DbusWatch(self._bus, drawn, self._share)

    def close(self):
        super().close()
        self._bus.close()


class Spice(Watching):
    """A SPICE client without OpenGL, whose pixels are compressed as ever."""

    def __init__(self):
        self._path = None

    def add(self, machine, _device):
        self._path = machine.spice_path()
        machine.add_args("-spice", f"unix=on,addr={self._path},{LOSSLESS}")

    def open(self, drawn):
        # As above.
        # pylint: disable=import-outside-toplevel
        from watchspice import SpiceWatch
        self._watch = SpiceWatch(self._path, drawn)


class GlViewer(Nobody):
    """A viewer that draws the guest's dma-buf; see vgpulab's viewerconfigs.

    name: of its config. Its picture is not looked at.
    """

    def __init__(self, name, attached=True):
        # As above.
        # pylint: disable=import-outside-toplevel
        from vgpulab import viewerconfigs
        self._stack = contextlib.ExitStack()
        self.draws = attached
        try:
            self._config = self._stack.enter_context(
                getattr(viewerconfigs, name)())
        except Skip as reason:
            raise Missing(str(reason)) from None

    def add(self, machine, _device):
        machine.add_args(*self._config.arguments)
        machine.environment = self._config.environment

    def open(self, drawn):
        if self.draws:
            next(iter(self._config.attach(self._stack)))

    def close(self):
        self._stack.close()


VIEWERS = {
    "crowd": Crowd,
    "dbus": Dbus,
    "dbus-map": lambda: Dbus(share=True),
    "h264": VncH264,
    "none": Nobody,
    "raw": Vnc,
    "spice": Spice,
    "tight": VncTight,
    "dbus-gl": lambda: GlViewer("DbusGl"),
    "gtk-gl": lambda: GlViewer("GtkGlAlone"),
    "sdl-gl": lambda: GlViewer("SdlGlAlone"),
    "spice-gl-nobody": lambda: GlViewer("SpiceGl", attached=False),
}
