# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Bus bus of the test's own and a listener that keeps the picture.

The interface is org.qemu.Display1 in QEMU's ui/dbus-display1.xml.
"""

import contextlib
import mmap
import os
import socket
import subprocess
import threading
import time

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

from ..picture import Picture, expect_picture  # noqa: E402

_PATH = "/org/qemu/Display1"
_NAME = "org.qemu.Display1"


def _method(name, *types):
    return (f'<method name="{name}">'
            + "".join(f'<arg type="{kind}" direction="in"/>'
                      for kind in types) + "</method>")


_LISTENER, _MAP, _PLANES = Gio.DBusNodeInfo.new_for_xml(
    f'<node><interface name="{_NAME}.Listener">'
    + _method("Scanout", "u", "u", "u", "u", "ay")
    + _method("Update", "i", "i", "i", "i", "u", "u", "ay")
    + _method("ScanoutDMABUF", "h", "u", "u", "u", "u", "t", "b")
    + _method("UpdateDMABUF", "i", "i", "i", "i")
    + _method("Disable")
    + _method("MouseSet", "i", "i", "i")
    + _method("CursorDefine", "i", "i", "i", "i", "ay")
    + '<property name="Interfaces" type="as" access="read"/>'
    + f'</interface><interface name="{_NAME}.Listener.Unix.Map">'
    + _method("ScanoutMap", "h", "u", "u", "u", "u", "u")
    + _method("UpdateMap", "i", "i", "i", "i")
    + f'</interface><interface name="{_NAME}.Listener.Unix.ScanoutDMABUF2">'
    + _method("ScanoutDMABUF2", "ah", "u", "u", "u", "u", "au", "au",
              "u", "u", "u", "u", "t", "b")
    + "</interface></node>").interfaces

# Looked up once: what of a library is not known yet must not be looked up by
# two threads at once.
_BUS = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
_PEER = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
         | Gio.DBusConnectionFlags.DELAY_MESSAGE_PROCESSING)
_CALL = Gio.DBusCallFlags.NONE

# What a call raises that the other side refuses.
CallError = GLib.Error

# Of a bus itself.
_DRIVER = ("org.freedesktop.DBus", "/org/freedesktop/DBus",
           "org.freedesktop.DBus")
# Only ends a test that has failed already.
_DEADLINE = 60
# How a picture may come.
PIXELS, MAP, DMABUF = "pixels", "map", "dmabuf"
# A dma-buf that only a GPU could read; the picture is black then.
UNREADABLE = "unreadable"
# Of dma-bufs: XB24 and AB24.
_RED_FIRST = (0x34324258, 0x34324241)


def option(bus):
    """-display's; a comma within an option's value is written twice."""
    return "dbus,addr=" + bus.address.replace(",", ",,")


class Bus:
    """A bus that nobody else uses, or one that is there at an address."""

    def __init__(self, address=None):
        self._process = None
        self.address = address or self._start()

    def _start(self):
        # pylint: disable=consider-using-with
        self._process = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            encoding="ascii")
        return self._process.stdout.readline().strip()

    def connect(self):
        return Gio.DBusConnection.new_for_address_sync(
            self.address, _BUS, None, None)

    def connect_to_qemu(self):
        """As soon as a QEMU that has just begun has its name there."""
        connection = self.connect()
        end = time.monotonic() + _DEADLINE
        while not connection.call_sync(
                *_DRIVER, "NameHasOwner", GLib.Variant("(s)", ("org.qemu",)),
                None, _CALL, -1, None).unpack()[0]:
            assert time.monotonic() < end, "QEMU has no name on its bus"
            time.sleep(0.01)
        return connection

    def _call(self, connection, interface, method, arguments):
        connection.call_sync(
            "org.qemu", f"{_PATH}/Console_0", f"{_NAME}.{interface}", method,
            arguments, None, _CALL, -1, None)

    def resize(self, width, height):
        """What a viewer does whose window has got that size."""
        self._call(self.connect_to_qemu(), "Console", "SetUIInfo",
                   GLib.Variant("(qqiiuu)", (0, 0, 0, 0, width, height)))

    def move(self, places):
        """The pointer is at those places, one after the other."""
        connection = self.connect_to_qemu()
        for place in places:
            self._call(connection, "Mouse", "SetAbsPosition",
                       GLib.Variant("(uu)", place))

    def close(self):
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Shared:
    """Memory that QEMU shares, rows of B, G, R, X bytes, top row first."""

    def __init__(self, fd, start, stride, height):
        end = start + stride * height
        try:
            self._memory = mmap.mmap(fd, end, mmap.MAP_SHARED, mmap.PROT_READ)
        except PermissionError:
            raise
        except (OSError, ValueError):
            # A dma-buf cannot be mapped past its last whole page.
            end = os.lseek(fd, 0, os.SEEK_END) & -mmap.PAGESIZE
            self._memory = mmap.mmap(fd, end, mmap.MAP_SHARED, mmap.PROT_READ)
        finally:
            os.close(fd)
        self._start, self._stride = start, stride

    def rect(self, left, top, width, height):
        """Its rows, one after the other; black where nothing is mapped."""
        begin = self._start + 4 * left
        return b"".join(
            self._memory[begin + y * self._stride:
                         begin + y * self._stride + 4 * width]
            .ljust(4 * width, b"\0")
            for y in range(top, top + height))

    def close(self):
        self._memory.close()


class Listener:
    """Shows console 0 from construction to close().

    share: whether it offers to take pixels in shared memory. planes: whether
    it takes dma-bufs with offsets. way is how the picture came, ways how all
    so far did, blanks how often it was told to show nothing.
    """

    def __init__(self, bus, share=False, planes=True):
        self._lock = threading.Lock()
        # Where the pointer was put last, and whether it shows.
        self.mouse = (0, 0, False)
        self.cursor = None
        self._size = (0, 0)
        self._rgb = bytearray()
        self._shared = None
        self._red_first = False
        self._interfaces = ([_MAP.name] if share else []) + (
            [_PLANES.name] if planes else [])
        self.way = None
        self.ways = set()
        self.blanks = 0
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
            stream, None, _PEER, None, None)
        for interface in _LISTENER, _MAP, _PLANES:
            self._connection.register_object(
                f"{_PATH}/Listener", interface, self._call,
                lambda *_: GLib.Variant("as", self._interfaces), None)
        self._connection.start_message_processing()
        self._ready.set()
        self._loop.run()
        # QEMU may have ended, and closed it.
        with contextlib.suppress(GLib.Error):
            self._connection.close_sync(None)

    @staticmethod
    def _register(bus, theirs):
        descriptors = Gio.UnixFDList.new()
        descriptors.append(theirs.fileno())
        theirs.close()
        bus.connect_to_qemu().call_with_unix_fd_list_sync(
            "org.qemu", f"{_PATH}/Console_0", f"{_NAME}.Console",
            "RegisterListener", GLib.Variant("(h)", (0,)), None,
            _CALL, -1, descriptors, None)

    def _call(self, _connection, _sender, _path, _interface, method,
              arguments, invocation):
        try:
            handle = getattr(self, "_on_" + method, None)
            if handle:
                with self._lock:
                    handle(*self._values(method, arguments, invocation))
        finally:
            # QEMU waits for it.
            invocation.return_value(None)

    @staticmethod
    def _values(method, arguments, invocation):
        """The arguments in Python's terms: an fd for a handle."""
        if method in ("ScanoutDMABUF", "ScanoutMap"):
            index, *rest = arguments.unpack()
            fds = invocation.get_message().get_unix_fd_list()
            return [fds.get(index), *rest]
        if method == "ScanoutDMABUF2":
            indexes, *rest = arguments.unpack()
            fds = invocation.get_message().get_unix_fd_list()
            return [[fds.get(index) for index in indexes], *rest]
        if method in ("Scanout", "Update"):
            *values, pixels = [arguments.get_child_value(i)
                               for i in range(arguments.n_children())]
            return [*(value.unpack() for value in values),
                    pixels.get_data_as_bytes().get_data()]
        return arguments.unpack()

    def _on_Scanout(self, width, height, stride, _format, pixels):
        self._resize(width, height, PIXELS)
        self._store(0, 0, width, height, stride, pixels)

    def _on_Update(self, left, top, width, height, stride, _format, pixels):
        self._store(left, top, width, height, stride, pixels)

    def _on_ScanoutMap(self, fd, offset, width, height, stride, _format):
        self._resize(width, height, MAP)
        self._shared = _Shared(fd, offset, stride, height)
        self._on_UpdateMap(0, 0, width, height)

    def _on_ScanoutDMABUF(self, fd, width, height, stride, fourcc, _modifier,
                          y0_top):
        assert not y0_top
        self._take_buffer(fd, 0, stride, width, height, fourcc)

    def _on_ScanoutDMABUF2(self, fds, x, y, width, height, offsets, strides,
                           planes, fourcc, _backing_width, _backing_height,
                           _modifier, y0_top):
        # pylint: disable=too-many-arguments,too-many-locals
        assert not y0_top and planes == len(fds) == 1
        self._take_buffer(fds[0], offsets[0] + y * strides[0] + 4 * x,
                          strides[0], width, height, fourcc)

    def _take_buffer(self, fd, start, stride, width, height, fourcc):
        self._resize(width, height, DMABUF)
        self._red_first = fourcc in _RED_FIRST
        try:
            self._shared = _Shared(fd, start, stride, height)
        except PermissionError:
            self.way = UNREADABLE
        self._on_UpdateDMABUF(0, 0, width, height)

    def _on_UpdateMap(self, left, top, width, height):
        self._store(left, top, width, height, 4 * width,
                    self._shared.rect(left, top, width, height))

    def _on_UpdateDMABUF(self, left, top, width, height):
        if self.way != UNREADABLE:
            self._on_UpdateMap(left, top, width, height)

    def _on_MouseSet(self, x, y, visible):
        self.mouse = (x, y, bool(visible))

    def _on_CursorDefine(self, width, height, hot_x, hot_y, argb):
        self.cursor = (width, height, hot_x, hot_y, bytes(argb))

    def _on_Disable(self):
        self.blanks += 1
        self._resize(0, 0)

    def _resize(self, width, height, way=None):
        if self._shared:
            self._shared.close()
            self._shared = None
        self.way = way
        if way:
            self.ways.add(way)
        self._red_first = False
        self._size = (width, height)
        self._rgb = bytearray(3 * width * height)

    def _store(self, left, top, width, height, stride, pixels):
        """Rows of B, G, R, X bytes, or of R, G, B, X."""
        red, blue = (0, 2) if self._red_first else (2, 0)
        for y in range(height):
            row = pixels[y * stride:y * stride + 4 * width]
            rgb = bytearray(3 * width)
            rgb[0::3], rgb[1::3], rgb[2::3] = (
                row[red::4], row[1::4], row[blue::4])
            start = 3 * ((top + y) * self._size[0] + left)
            self._rgb[start:start + 3 * width] = rgb

    def picture(self):
        with self._lock:
            return Picture(*self._size, self._rgb)

    def wait_for(self, want, what):
        expect_picture(what, self.picture, want)

    def close(self):
        self._context.invoke_full(GLib.PRIORITY_DEFAULT, self._loop.quit)
        self._thread.join()
        self._resize(0, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def mute_listener(bus):
    """One that is registered, and has no listener's object to talk to."""
    ours, theirs = socket.socketpair()
    descriptors = Gio.UnixFDList.new()
    descriptors.append(theirs.fileno())
    theirs.close()
    bus.connect_to_qemu().call_with_unix_fd_list_sync(
        "org.qemu", f"{_PATH}/Console_0", f"{_NAME}.Console",
        "RegisterListener", GLib.Variant("(h)", (0,)), None, _CALL, -1,
        descriptors, None)
    stream = Gio.Socket.new_from_fd(
        ours.detach()).connection_factory_create_connection()
    connection = Gio.DBusConnection.new_sync(
        stream, None, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT, None,
        None)
    yield
    connection.close_sync(None)
