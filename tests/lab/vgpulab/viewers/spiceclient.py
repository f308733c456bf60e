#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A SPICE client without a window: keeps a picture file up to date.

    spiceclient.py SOCKET|PORT PICTURE

PICTURE is a PPM that is replaced at each frame; PICTURE.way says how frames
came, a word for each: "gl" for a buffer, "gl-unreadable" for one that only a
GPU could read (the picture is black then), "2d" for drawing commands.
A line of standard input moves the pointer to a pixel's column and row.
"""

import ctypes
import mmap
import os
import sys

import gi

gi.require_version("SpiceClientGLib", "2.0")
from gi.repository import GLib, GObject, SpiceClientGLib  # noqa: E402


def on(source, signal, handler):
    """The library's own connect() hides GObject's."""
    GObject.Object.connect(source, signal, handler)


def bgrx_to_rgb(data, width, height, stride):
    rgb = bytearray(3 * width * height)
    for y in range(height):
        row = data[y * stride:y * stride + 4 * width].ljust(4 * width, b"\0")
        start, end = 3 * width * y, 3 * width * (y + 1)
        rgb[start:end:3] = row[2::4]
        rgb[start + 1:end:3] = row[1::4]
        rgb[start + 2:end:3] = row[0::4]
    return rgb


def flipped(rgb, width, height):
    span = 3 * width
    return b"".join(rgb[y * span:(y + 1) * span]
                    for y in range(height - 1, -1, -1))


def read_buffer(scanout):
    """Its pixels; PermissionError if only a GPU could read them."""
    size = scanout.stride * scanout.height
    try:
        memory = mmap.mmap(scanout.fd, size, mmap.MAP_SHARED, mmap.PROT_READ)
    except PermissionError:
        raise
    except (OSError, ValueError):
        # A dma-buf cannot be mapped past its last whole page.
        size = os.lseek(scanout.fd, 0, os.SEEK_END) & -mmap.PAGESIZE
        memory = mmap.mmap(scanout.fd, size, mmap.MAP_SHARED, mmap.PROT_READ)
    with memory:
        rgb = bgrx_to_rgb(memory, scanout.width, scanout.height,
                          scanout.stride)
    if scanout.y0top:
        rgb = flipped(rgb, scanout.width, scanout.height)
    return rgb


class Display:
    """One display channel."""

    def __init__(self, channel, path):
        self._channel = channel
        self._path = path
        self._primary = None
        on(channel, "gl-draw", self._on_gl_draw)
        on(channel, "display-primary-create", self._on_primary)
        on(channel, "display-primary-destroy", self._on_destroy)
        on(channel, "display-invalidate", self._on_invalidate)

    def _on_gl_draw(self, channel, *_rect):
        scanout = channel.get_gl_scanout()
        try:
            way, rgb = "gl", read_buffer(scanout)
        except PermissionError:
            way, rgb = "gl-unreadable", bytes(
                3 * scanout.width * scanout.height)
        channel.gl_draw_done()
        self._save(way, scanout.width, scanout.height, rgb)

    def _on_primary(self, _channel, _format, width, height, stride, _shm,
                    address):
        self._primary = (width, height, stride, address)

    def _on_destroy(self, _channel):
        self._primary = None

    def _on_invalidate(self, *_rect):
        width, height, stride, address = self._primary
        data = ctypes.string_at(address, stride * height)
        self._save("2d", width, height,
                   bgrx_to_rgb(data, width, height, stride))

    def _save(self, way, width, height, rgb):
        with open(self._path + ".new", "wb") as stream:
            stream.write(f"P6\n{width} {height}\n255\n".encode())
            stream.write(rgb)
        with open(self._path + ".way", "a", encoding="ascii") as stream:
            stream.write(way + "\n")
        os.replace(self._path + ".new", self._path)


class Pointer:
    """The channel of a mouse that is where the lines say."""

    def __init__(self, channel):
        self._channel = channel
        GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT,
                          GLib.IOCondition.IN, self._on_lines)

    def _on_lines(self, source, _condition):
        lines = os.read(source, 1 << 16).decode().splitlines()
        for line in lines:
            left, top = line.split()
            self._channel.position(int(left), int(top), 0, 0)
        return bool(lines)


def main():
    address, picture = sys.argv[1:]
    users = []

    def on_channel(_session, channel):
        for kind, user in ((SpiceClientGLib.DisplayChannel,
                            lambda: Display(channel, picture)),
                           (SpiceClientGLib.InputsChannel,
                            lambda: Pointer(channel))):
            if isinstance(channel, kind):
                users.append(user())
                channel.connect()

    session = SpiceClientGLib.Session()
    if address.isdecimal():
        session.set_property("host", "127.0.0.1")
        session.set_property("port", address)
    else:
        session.set_property("unix-path", address)
    on(session, "channel-new", on_channel)
    if not session.connect():
        sys.exit("no connection")
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
