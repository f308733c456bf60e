# SPDX-License-Identifier: GPL-2.0-or-later
"""A VNC viewer that keeps exact pixels, types keys, comes and goes.

The packaged viewers in viewers.py are independent of this one; this one can
do what they cannot: choose the encoding, follow size changes, and say which
frame it has.
"""

import collections
import select
import socket
import struct

from .picture import Picture
from .tight import TightDecoder
from .wait import DEADLINE, until

RAW, TIGHT, H264 = 0, 7, 50
RICH_CURSOR, ALPHA_CURSOR = -239, -314
_DESKTOP_SIZE, _EXTENDED_DESKTOP_SIZE = -223, -308
_LEVEL_0 = -256

KEY_CTRL, KEY_ALT = 0xffe3, 0xffe9

# 32 bits per pixel, 24 of them used, little-endian, red at bit 16.
_PIXEL_FORMAT = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1,
                            255, 255, 255, 16, 8, 0)

_UPDATE, _COLOUR_MAP, _BELL, _CUT_TEXT = range(4)


class Cursor:
    """An image: pixels is a list of (red, green, blue, alpha)."""

    def __init__(self, width, height, hotspot, pixels):
        self.width = width
        self.height = height
        self.hotspot = hotspot
        self.pixels = pixels

    def visible(self):
        return any(pixel[3] for pixel in self.pixels)


def _rich_pixels(width, height, data, mask):
    """Pixels as those of the screen, and a bit for each that shows."""
    line = (width + 7) // 8
    return [(data[at + 2], data[at + 1], data[at],
             255 * (mask[y * line + x // 8] >> (7 - x % 8) & 1))
            for y in range(height) for x in range(width)
            for at in (4 * (y * width + x),)]


class Rfb:
    """One connection to 127.0.0.1."""

    def __init__(self, display, encoding, deadline=60.0, cursor=None,
                 extended=False, resizes=True, h264=None, level=None):
        """cursor: the encoding in which cursors are taken, None for none.

        extended: whether the size comes with a layout and can be asked for.
        resizes: whether it can change at all.
        h264: what takes the rectangles of that encoding (h264.py); it is
        listed first then.
        level: how hard the server is to compress, 0 to 9, None for no wish.
        """
        self._socket = socket.create_connection(
            ("127.0.0.1", 5900 + display), timeout=deadline)
        self._buffer = bytearray()
        self._tight = TightDecoder(self._read)
        self._h264 = h264
        self.updates = 0
        self.rects = collections.Counter()      # by encoding
        self.cursor = None
        self.cursors = 0
        self.layouts = []           # (reason, status, [screen id])
        self._handshake()
        self._others = ([encoding] + resizes * [_DESKTOP_SIZE]
                        + extended * [_EXTENDED_DESKTOP_SIZE]
                        + ([cursor] if cursor is not None else [])
                        + ([_LEVEL_0 + level] if level is not None else []))
        self._start()

    def _read(self, size):
        while len(self._buffer) < size:
            data = self._socket.recv(1 << 20)
            if not data:
                raise EOFError("the VNC server closed the connection")
            self._buffer += data
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _unpack(self, layout):
        return struct.unpack(layout, self._read(struct.calcsize(layout)))

    def _send(self, layout, *values):
        self._socket.sendall(struct.pack(layout, *values))

    def _handshake(self):
        assert self._read(12).startswith(b"RFB 003.")
        self._socket.sendall(b"RFB 003.008\n")
        (count,) = self._unpack(">B")
        assert 1 in self._read(count), "the server asks for a password"
        self._send(">B", 1)
        assert self._unpack(">I") == (0,)
        self._send(">B", 1)             # others may watch, too

    def _start(self):
        width, height = self._unpack(">HH16x")
        (length,) = self._unpack(">I")
        self.name = self._read(length).decode()
        self._resize(width, height)
        self._send(">B3x16s", 0, _PIXEL_FORMAT)
        self.list_encodings()
        self._request(incremental=False)

    def list_encodings(self, h264=True):
        """Tell the server what is taken; h264: that one, too, if it is."""
        encodings = [H264] * bool(self._h264 and h264) + self._others
        self._send(f">BxH{len(encodings)}i", 2, len(encodings), *encodings)

    def _resize(self, width, height):
        self.width = width
        self.height = height
        self._rgb = bytearray(3 * width * height)

    def _request(self, incremental=True):
        self._send(">BBHHHH", 3, incremental, 0, 0, self.width, self.height)

    def _store(self, left, top, width, height, rgb):
        assert left + width <= self.width and top + height <= self.height
        if width == self.width:
            start = 3 * top * width
            self._rgb[start:start + len(rgb)] = rgb
            return
        span = 3 * width
        for y in range(height):
            start = 3 * ((top + y) * self.width + left)
            self._rgb[start:start + span] = rgb[y * span:(y + 1) * span]

    def _show(self, left, top, frame):
        """A frame of an H.264 stream, decoded."""
        self._store(left, top, frame.width, frame.height,
                    self._h264.rgb(frame))

    def _raw(self, width, height):
        data = self._read(4 * width * height)
        rgb = bytearray(3 * width * height)
        rgb[0::3] = data[2::4]
        rgb[1::3] = data[1::4]
        rgb[2::3] = data[0::4]
        return rgb

    def _rich_cursor(self, width, height):
        data = self._read(4 * width * height)
        return _rich_pixels(width, height, data,
                            self._read((width + 7) // 8 * height))

    def _alpha_cursor(self, width, height):
        assert self._unpack(">i") == (RAW,)
        data = self._read(4 * width * height)
        # As QEMU sends them, and as the screen's: blue first.
        return [(data[at + 2], data[at + 1], data[at], data[at + 3])
                for at in range(0, len(data), 4)]

    def _layout(self, reason, status, width, height):
        """Returns whether it is a new size."""
        (count,) = self._unpack(">B3x")
        screens = [self._unpack(">IHHHHI")[0] for _ in range(count)]
        self.layouts.append((reason, status, screens))
        if (width, height) == (self.width, self.height):
            return False
        self._resize(width, height)
        return True

    def _take_cursor(self, read, hotspot, width, height):
        self.cursor = Cursor(width, height, hotspot, read(width, height))
        self.cursors += 1

    def _rect(self):
        """Reads one rectangle; true if it changed the size."""
        left, top, width, height, encoding = self._unpack(">HHHHi")
        self.rects[encoding] += 1
        if encoding == _DESKTOP_SIZE:
            self._resize(width, height)
            return True
        if encoding == _EXTENDED_DESKTOP_SIZE:
            return self._layout(left, top, width, height)
        if encoding in (RICH_CURSOR, ALPHA_CURSOR):
            self._take_cursor(
                self._rich_cursor if encoding == RICH_CURSOR
                else self._alpha_cursor, (left, top), width, height)
            return False
        if encoding == H264 and self._h264:
            frame = self._h264.frame(self._read, (left, top, width, height))
            if frame:
                self._show(left, top, frame)
            return False
        if encoding == RAW:
            rgb = self._raw(width, height)
        else:
            assert encoding == TIGHT, f"unasked encoding {encoding}"
            rgb = self._tight.rect(width, height)
        self._store(left, top, width, height, rgb)
        return False

    def update(self):
        """Wait for the next update, take it, and ask for another."""
        while True:
            (kind,) = self._unpack(">B")
            if kind == _UPDATE:
                break
            if kind == _CUT_TEXT:
                (length,) = self._unpack(">3xI")
                self._read(length)
            else:
                assert kind == _BELL, f"unasked message {kind}"
        (count,) = self._unpack(">xH")
        resized = any([self._rect() for _ in range(count)])
        self.updates += 1
        self._request(incremental=not resized)

    def pending(self, seconds=0.2):
        """Whether something comes from the server within that time."""
        return bool(self._buffer or
                    select.select([self._socket], [], [], seconds)[0])

    def drain(self):
        """Take every update that is already there or comes at once."""
        while self.pending():
            self.update()

    def wait_for(self, want, what, deadline=DEADLINE):
        """Take updates until the picture is the wanted one."""
        def look():
            if self.pending():
                self.update()
            wrong = self.picture().difference(want)
            assert wrong is None, wrong
            return True
        until(what, look, deadline, pause=0)

    def picture(self):
        return Picture(self.width, self.height, self._rgb)

    def ask_for(self, part):
        """Ask for left, top, width and height as they are, whatever changed."""
        self._send(">BBHHHH", 3, 0, *part)

    def ask_for_size(self, width, height):
        """Ask the server for that size; returns the status it answers."""
        had = len(self.layouts)
        self._send(">BxHHBxIHHHHI", 251, width, height, 1,
                   1, 0, 0, width, height, 0)

        def answer():
            if self.pending():
                self.update()
            return [status for reason, status, _ in self.layouts[had:]
                    if reason == 1]
        return until("the answer", answer, pause=0)[0]

    def move(self, places):
        """The pointer is at those places, one after the other."""
        for place in places:
            self._send(">BBHH", 5, 0, *place)

    def key(self, keysym, down):
        self._send(">BBxxI", 4, down, keysym)

    def resize(self, width, height):
        """Ask the guest for a screen of that size, as a dragged window does."""
        self._send(">BxHHBxIHHHHI", 251, width, height, 1,
                   0, 0, 0, width, height, 0)

    def ask_whole(self):
        """One more update, of everything, whatever was asked for before."""
        self._request(incremental=False)

    def select_console(self, number):
        """Ctrl-Alt-NUMBER, which QEMU's VNC server keeps for itself."""
        keys = (KEY_CTRL, KEY_ALT, ord(str(number)))
        for keysym in keys:
            self.key(keysym, True)
        for keysym in reversed(keys):
            self.key(keysym, False)

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
