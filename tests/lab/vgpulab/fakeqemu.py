# SPDX-License-Identifier: GPL-2.0-or-later
"""The D-Bus display of a QEMU that is not there: a test is what it shows.

For what no device here makes QEMU send, and what no QEMU may send. The interface
is org.qemu.Display1 in QEMU's ui/dbus-display1.xml.
"""

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

_ROOT, _NAME = "/org/qemu/Display1", "org.qemu.Display1"
LISTENER = _NAME + ".Listener"
DMABUF2 = LISTENER + ".Unix.ScanoutDMABUF2"
MAP = LISTENER + ".Unix.Map"
PLANES = LISTENER + ".Unix.Planes"

_XML = f"""<node>
<interface name="{_NAME}.VM"><property name="Name" type="s" access="read"/>
</interface>
<interface name="{_NAME}.Console">
<method name="RegisterListener"><arg type="h" direction="in"/></method>
<method name="SetUIInfo"><arg type="q" direction="in"/>
<arg type="q" direction="in"/><arg type="i" direction="in"/>
<arg type="i" direction="in"/><arg type="u" direction="in"/>
<arg type="u" direction="in"/></method>
<property name="Type" type="s" access="read"/>
<property name="Width" type="u" access="read"/>
<property name="Height" type="u" access="read"/></interface>
<interface name="{_NAME}.Keyboard"/>
<interface name="{_NAME}.Mouse">
<property name="IsAbsolute" type="b" access="read"/></interface>
<interface name="{_NAME}.MultiTouch"/>
</node>"""

_PROPERTIES = {
    "Name": GLib.Variant("s", "fake"), "Type": GLib.Variant("s", "Graphic"),
    "Width": GLib.Variant("u", 640), "Height": GLib.Variant("u", 480),
    "IsAbsolute": GLib.Variant("b", True),
}

CallError = GLib.Error


class FakeQemu:
    """Is on that bus until close()."""

    def __init__(self, bus):
        self._registered = threading.Event()
        self._listener = None
        self._context = GLib.MainContext.new()
        self._loop = GLib.MainLoop.new(self._context, False)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(bus,))
        self._thread.start()
        self._ready.wait()

    def _run(self, bus):
        self._context.push_thread_default()
        connection = bus.connect()
        node = Gio.DBusNodeInfo.new_for_xml(_XML)
        for interface in node.interfaces:
            path = "/VM" if interface.name.endswith(".VM") else "/Console_0"
            connection.register_object(
                _ROOT + path, interface, self._call,
                lambda *call: _PROPERTIES[call[-1]], None)
        connection.call_sync(
            "org.freedesktop.DBus", "/org/freedesktop/DBus",
            "org.freedesktop.DBus", "RequestName",
            GLib.Variant("(su)", ("org.qemu", 0)), None, 0, -1, None)
        self._ready.set()
        self._loop.run()
        connection.close_sync(None)

    def _call(self, _connection, _sender, _path, _interface, method,
              _arguments, invocation):
        fds = invocation.get_message().get_unix_fd_list()
        invocation.return_value(None)
        if method == "RegisterListener":
            stream = Gio.Socket.new_from_fd(
                fds.get(0)).connection_factory_create_connection()
            # The client answers once it is told that it is registered.
            self._listener = Gio.DBusConnection.new_sync(
                stream, Gio.dbus_generate_guid(),
                Gio.DBusConnectionFlags.AUTHENTICATION_SERVER, None, None)
            self._registered.set()

    def tell(self, method, kind, values, fds=(), interface=LISTENER,
             wait=True):
        """The client is told, and has answered if that is waited for."""
        assert self._registered.wait(60), "there is no client"
        handles = Gio.UnixFDList.new()
        for fd in fds:
            handles.append(fd)
        call = (self._listener.call_with_unix_fd_list_sync if wait
                else self._listener.call_with_unix_fd_list)
        call(None, _ROOT + "/Listener", interface, method,
             GLib.Variant(kind, values), None, 0, 60000, handles, None)

    def show(self, buffer, fourcc=0x34325258):
        """A whole dma-buf; returns when the client says that it is shown."""
        width, height = buffer.width, buffer.height
        self.tell("ScanoutDMABUF2", "(ahuuuuauauuuuutb)",
                  ([0], 0, 0, width, height, [0], [4 * width], 1, fourcc,
                   width, height, 0, False), [buffer.fd], interface=DMABUF2,
                  wait=False)
        self.tell("UpdateDMABUF", "(iiii)", (0, 0, width, height))

    def close(self):
        # The client may have ended, and closed it.
        with contextlib.suppress(GLib.Error):
            if self._listener:
                self._listener.close_sync(None)
        self._context.invoke_full(GLib.PRIORITY_DEFAULT, self._loop.quit)
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def memory(data):
    """A descriptor of memory that has those bytes."""
    fd = os.memfd_create("vgpu-screen-test")
    os.write(fd, data)
    return fd


class Buffer:
    """A guest's buffer that the test draws into.

    real: a dma-buf, by /dev/udmabuf; Mesa's software renderer takes memory.
    """

    _CREATE = 0x40187542

    def __init__(self, width, height, real=False):
        self.width, self.height = width, height
        size = -(-4 * width * height // mmap.PAGESIZE) * mmap.PAGESIZE
        memfd = os.memfd_create("vgpu-screen-test", os.MFD_ALLOW_SEALING)
        os.ftruncate(memfd, size)
        fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        self.memory = mmap.mmap(memfd, size)
        self.fd = self._to_dmabuf(memfd, size) if real else memfd

    def _to_dmabuf(self, memfd, size):
        with open("/dev/udmabuf", "rb") as device:
            fd = fcntl.ioctl(
                device, self._CREATE,
                bytearray(struct.pack("=IIQQ", memfd, 1, 0, size)), True)
        os.close(memfd)
        return fd

    def fill(self, colour):
        """All of it, as slowly as a guest may draw."""
        half = struct.pack("<I", colour) * (self.width * self.height // 2)
        self.memory[:len(half)] = half
        time.sleep(0.002)
        self.memory[len(half):2 * len(half)] = half

    def close(self):
        self.memory.close()
        os.close(self.fd)
