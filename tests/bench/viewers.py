# SPDX-License-Identifier: GPL-2.0-or-later
"""How each kind of viewer is attached to a machine."""

from vgpulab.rfb import RAW, TIGHT
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


class Vnc(Nobody):
    """A VNC client."""

    encoding = RAW

    def __init__(self):
        self._watch = None

    def open(self, machine):
        self._watch = RfbWatch(machine.vnc_display, self.encoding,
                               machine.drawn)

    def watch(self, steps, _drawn):
        self._watch.steps = steps
        return self._watch

    def close(self):
        if self._watch:
            self._watch.close()


class VncTight(Vnc):
    """The same with tight encoding at lossless quality."""

    encoding = TIGHT


class Dbus(Nobody):
    """A D-Bus listener that takes pixels."""

    def __init__(self):
        # What it needs of glib is not there before packages.txt is.
        # pylint: disable=import-outside-toplevel
        from vgpulab.viewers import dbus
        self._bus = dbus.Bus()
        self._watch = None

    def add(self, machine):
        # A comma within an option's value is written twice.
        machine.add_args("-display", "dbus,addr="
                         + self._bus.address.replace(",", ",,"))

    def open(self, machine):
        from watchdbus import DbusWatch
        self._watch = DbusWatch(self._bus, machine.drawn)

    def watch(self, steps, _drawn):
        self._watch.steps = steps
        return self._watch

    def close(self):
        if self._watch:
            self._watch.close()
        self._bus.close()


class Spice(Nobody):
    """A SPICE client without OpenGL, whose pixels are compressed as ever."""

    def __init__(self):
        self._path = None
        self._watch = None

    def add(self, machine):
        self._path = machine.spice_path()
        machine.add_args("-spice", f"unix=on,addr={self._path},"
                         "disable-ticketing=on,streaming-video=off,"
                         "jpeg-wan-compression=never")

    def open(self, machine):
        # As above.
        # pylint: disable=import-outside-toplevel
        from watchspice import SpiceWatch
        self._watch = SpiceWatch(self._path, machine.drawn)

    def watch(self, steps, _drawn):
        self._watch.steps = steps
        return self._watch

    def close(self):
        if self._watch:
            self._watch.close()


VIEWERS = {
    "dbus": Dbus,
    "none": Nobody,
    "raw": Vnc,
    "spice": Spice,
    "tight": VncTight,
}
