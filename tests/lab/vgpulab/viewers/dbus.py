# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Bus bus of the test's own and a listener that keeps the picture.

The interface is org.qemu.Display1 in QEMU's ui/dbus-display1.xml.
"""

import os
import socket
import subprocess
import threading

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from ..picture import Picture  # noqa: E402
from ..wait import until  # noqa: E402

_PATH = "/org/qemu/Display1"
_NAME = "org.qemu.Display1"


def _method(name, *types):
    return (f'<method name="{name}">'
            + "".join(f'<arg type="{kind}" direction="in"/>'
                      for kind in types) + "</method>")


_LISTENER = Gio.DBusNodeInfo.new_for_xml(
    f'<node><interface name="{_NAME}.Listener">'
    + _method("Scanout", "u", "u", "u", "u", "ay")
    + _method("Update", "i", "i", "i", "i", "u", "u", "ay")
    + _method("Disable")
    + _method("MouseSet", "i", "i", "i")
    + _method("CursorDefine", "i", "i", "i", "i", "ay")
    + '<property name="Interfaces" type="as" access="read"/>'
    + "</interface></node>").interfaces[0]


class Bus:
    """A bus that nobody else uses."""

    def __init__(self):
        self._process = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            encoding="ascii")
        self.address = self._process.stdout.readline().strip()

    def connect(self):
        return Gio.DBusConnection.new_for_address_sync(
            self.address,
            Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)

    def resize(self, width, height):
        """What a viewer does whose window has got that size."""
        self.connect().call_sync(
            "org.qemu", f"{_PATH}/Console_0", f"{_NAME}.Console", "SetUIInfo",
            GLib.Variant("(qqiiuu)", (0, 0, 0, 0, width, height)), None,
            Gio.DBusCallFlags.NONE, -1, None)

    def close(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Listener:
    """Shows console 0 from construction to close()."""

    def __init__(self, bus):
        self._lock = threading.Lock()
        self._size = (0, 0)
        self._rgb = bytearray()
        self._context = GLib.MainContext.new()
        self._loop = GLib.MainLoop.new(self._context, False)
        self._ready = threading.Event()
        ours, theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._run, args=(ours,))
        self._thread.start()
        self._register(bus, theirs)
        self._ready.wait()

    def _run(self, ours):
        self._context.push_thread_default()
        stream = Gio.Socket.new_from_fd(
            ours.detach()).connection_factory_create_connection()
        # The other end answers once it is registered.
        self._connection = Gio.DBusConnection.new_sync(
            stream, None, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.DELAY_MESSAGE_PROCESSING, None, None)
        self._connection.register_object(
            f"{_PATH}/Listener", _LISTENER, self._call,
            lambda *_: GLib.Variant("as", []), None)
        self._connection.start_message_processing()
        self._ready.set()
        self._loop.run()
        self._connection.close_sync(None)

    @staticmethod
    def _register(bus, theirs):
        descriptors = Gio.UnixFDList.new()
        descriptors.append(theirs.fileno())
        theirs.close()
        bus.connect().call_with_unix_fd_list_sync(
            "org.qemu", f"{_PATH}/Console_0", f"{_NAME}.Console",
            "RegisterListener", GLib.Variant("(h)", (0,)), None,
            Gio.DBusCallFlags.NONE, -1, descriptors, None)

    def _call(self, _connection, _sender, _path, _interface, method,
              arguments, invocation):
        values = [arguments.get_child_value(i)
                  for i in range(arguments.n_children())]
        with self._lock:
            if method == "Scanout":
                width, height, stride = (v.get_uint32() for v in values[:3])
                self._size = (width, height)
                self._rgb = bytearray(3 * width * height)
                self._store(0, 0, width, height, stride, values[4])
            elif method == "Update":
                left, top, width, height = (v.get_int32()
                                            for v in values[:4])
                self._store(left, top, width, height, values[4].get_uint32(),
                            values[6])
            elif method == "Disable":
                self._size = (0, 0)
                self._rgb = bytearray()
        invocation.return_value(None)

    def _store(self, left, top, width, height, stride, data):
        """Rows of B, G, R, X bytes."""
        pixels = data.get_data_as_bytes().get_data()
        for y in range(height):
            row = pixels[y * stride:y * stride + 4 * width]
            rgb = bytearray(3 * width)
            rgb[0::3], rgb[1::3], rgb[2::3] = row[2::4], row[1::4], row[0::4]
            start = 3 * ((top + y) * self._size[0] + left)
            self._rgb[start:start + 3 * width] = rgb

    def picture(self):
        with self._lock:
            return Picture(*self._size, self._rgb)

    def wait_for(self, want, what):
        def look():
            wrong = self.picture().difference(want)
            assert wrong is None, wrong
            return True
        until(what, look)

    def close(self):
        self._context.invoke_full(GLib.PRIORITY_DEFAULT, self._loop.quit)
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
