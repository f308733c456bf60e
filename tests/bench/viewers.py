# SPDX-License-Identifier: GPL-2.0-or-later
"""How each kind of viewer is attached to a machine."""

from vgpulab.rfb import RAW, TIGHT
from vgpulab.viewers.spice import LOSSLESS
from watch import NoWatch, RfbWatch


class Nobody:
    """A VNC server without a client."""

    def add(self, machine):
        machine.add_vnc()

    def open(self, machine):
        """Nobody comes."""

    def watch(self, steps, _drawn):
        return NoWatch(steps)

    def close(self):
        """Nobody leaves."""


class Watching(Nobody):
    """A viewer that is watched through self._watch once it is open."""

    _watch = None

    def watch(self, steps, _drawn):
        self._watch.steps = steps
        return self._watch

    def close(self):
        if self._watch:
            self._watch.close()


class Vnc(Watching):
    """A VNC client."""

    encoding = RAW

    def open(self, machine):
        self._watch = RfbWatch(machine.vnc_display, self.encoding,
                               machine.drawn)


class VncTight(Vnc):
    """The same with tight encoding at lossless quality."""

    encoding = TIGHT


class Dbus(Watching):
    """A D-Bus listener that takes pixels."""

    def __init__(self):
        # What it needs of glib is not there before packages.txt is.
        # pylint: disable=import-outside-toplevel
        from vgpulab.viewers import dbus
        self._bus = dbus.Bus()

    def add(self, machine):
        # A comma within an option's value is written twice.
        machine.add_args("-display", "dbus,addr="
                         + self._bus.address.replace(",", ",,"))

    def open(self, machine):
        from watchdbus import DbusWatch
        self._watch = DbusWatch(self._bus, machine.drawn)

    def close(self):
        super().close()
        self._bus.close()


class Spice(Watching):
    """A SPICE client without OpenGL, whose pixels are compressed as ever."""

    def __init__(self):
        self._path = None

    def add(self, machine):
        self._path = machine.spice_path()
        machine.add_args("-spice", f"unix=on,addr={self._path},{LOSSLESS}")

    def open(self, machine):
        # As above.
        # pylint: disable=import-outside-toplevel
        from watchspice import SpiceWatch
        self._watch = SpiceWatch(self._path, machine.drawn)


VIEWERS = {
    "dbus": Dbus,
    "none": Nobody,
    "raw": Vnc,
    "spice": Spice,
    "tight": VncTight,
}
