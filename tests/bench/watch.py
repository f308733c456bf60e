# SPDX-License-Identifier: GPL-2.0-or-later
"""Viewers that tell which of the guest's steps they see, and when.

They look at a few pixels of what arrives and keep no picture, so that they
cost little beside the emulator that is measured.
"""

import select
import socket
import struct
import time

from vgpulab.rfb import Rfb

SO_TIMESTAMPNS = 35     # of Linux; Python has no name for it


class DrawnPort:
    """When the guest said which step was drawn.

    The guest has a debug port for each screen, which is a UDP socket: the
    kernel notes when a datagram was sent, however late it is read. The clock
    is CLOCK_REALTIME.
    """

    def __init__(self, screen):
        self._screen = screen
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        self.newest = 0
        self.times = {}

    def arguments(self):
        port = self._socket.getsockname()[1]
        name = f"drawn{self._screen}"
        return ["-chardev", f"udp,id={name},host=127.0.0.1,port={port},"
                            "ipv4=on",
                "-device", f"isa-debugcon,iobase={0xe9 + self._screen:#x},"
                           f"chardev={name}"]

    def restart(self):
        """Steps count from 0 again; throws away what is left over."""
        self.drain()
        self.newest = 0
        self.times = {}

    def drain(self):
        while True:
            try:
                data, extra, _, _ = self._socket.recvmsg(256, 64)
            except BlockingIOError:
                return
            seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
            for byte in data:
                self.newest += (byte - self.newest) & 0xff
                self.times[self.newest] = seconds * 10**9 + nanoseconds

    def close(self):
        self._socket.close()


class Steps:
    """Which steps a viewer has seen whole, and when."""

    def __init__(self, motion, size, drawn):
        self._motion = motion
        self._size = size
        self._drawn = drawn
        self._hits = {}
        self.seen = {}          # step: when it was seen first
        self.updates = 0
        self._last = -1

    def candidates(self):
        """The steps that what arrives now may show, with their pixels."""
        if not self._motion.hertz:
            return []
        newest = self._drawn.newest + self._motion.early
        oldest = max(self._last + 1, newest - 64)
        return [(step, self._motion.points(step, *self._size))
                for step in range(oldest, newest + 1)]

    def look(self, candidates, rect, pixel):
        """Compare part of an update; pixel(x, y) is within rect."""
        left, top, width, height = rect
        for step, points in candidates:
            for bit, (x, y, colour) in enumerate(points):
                if (left <= x < left + width and top <= y < top + height
                        and self._motion.same(pixel(x - left, y - top),
                                              colour)):
                    hits = self._hits.get(step, 0) | 1 << bit
                    self._hits[step] = hits

    def update_ends(self, candidates):
        """The update is complete: what does the viewer see now?"""
        now = time.time_ns()
        self.updates += 1
        whole = [step for step, points in candidates
                 if self._hits.get(step) == (1 << len(points)) - 1]
        if whole:
            self._last = max(whole)
            self.seen[self._last] = now
            # A page that was shown before may come back.
            self._hits = {}


class NoWatch:
    """Nobody looks."""

    received = 0

    def __init__(self, steps):
        self.steps = steps

    @staticmethod
    def pump(until):
        time.sleep(max(0, until - time.monotonic()))

    def close(self):
        pass


class _MeasuringRfb(Rfb):
    """Looks at pixels as they come and does not keep them.

    received: how many bytes came.
    """

    def __init__(self, display, encoding, h264):
        self.steps = None
        self.received = 0
        self._large = bytearray(1 << 20)
        self._candidates = []
        super().__init__(display, encoding, h264=h264)

    def _resize(self, width, height):
        self.width = width
        self.height = height

    def _receive(self, size):
        """As _read(), without a copy when there is nothing in between."""
        if len(self._large) < size:
            self._large = bytearray(size)
        view = memoryview(self._large)
        have = min(len(self._buffer), size)
        view[:have] = self._buffer[:have]
        del self._buffer[:have]
        while have < size:
            count = self._socket.recv_into(view[have:size])
            if not count:
                raise EOFError("the VNC server closed the connection")
            have += count
            self.received += count
        return view

    def _read(self, size):
        # Headers alone: what is read ahead would be copied again.
        had = len(self._buffer)
        if not had and size < 4096:
            self._buffer += self._socket.recv(size)
        data = super()._read(size)
        self.received += size + len(self._buffer) - had
        return data

    def _show(self, left, top, frame):
        """Its luma alone: what is looked for in it is gray."""
        plane = frame.planes[0]
        luma, line = memoryview(plane), plane.line_size

        def pixel(x, y):
            value = (luma[y * line + x] - 16) * 255 // 219
            return max(0, min(255, value)) * 0x10101
        self._store(left, top, frame.width, frame.height, pixel)

    def _raw(self, width, height):
        view = self._receive(4 * width * height)

        def pixel(x, y):
            at = 4 * (y * width + x)
            return int.from_bytes(view[at:at + 3], "little")
        return pixel

    def _store(self, left, top, width, height, rgb):
        pixel = rgb
        if not callable(rgb):
            def pixel(x, y):
                at = 3 * (y * width + x)
                return int.from_bytes(rgb[at:at + 3], "big")
        self.steps.look(self._candidates, (left, top, width, height), pixel)

    def measured_update(self, steps, drawn):
        drawn.drain()
        self.steps = steps
        self._candidates = steps.candidates()
        self.update()
        steps.update_ends(self._candidates)

    def fileno(self):
        return self._socket.fileno()

    def buffered(self):
        return bool(self._buffer)


class RfbWatch:
    """A VNC viewer; steps may be exchanged between measurements.

    h264: what decodes that, for a viewer that takes it.
    """

    def __init__(self, display, encoding, drawn, h264=None):
        self.steps = None
        self._drawn = drawn
        self._rfb = _MeasuringRfb(display, encoding, h264)

    @property
    def received(self):
        """How many bytes came from the server."""
        return self._rfb.received

    def fileno(self):
        return self._rfb.fileno()

    def take(self):
        """An update of which something is there, and what came with it."""
        self._rfb.measured_update(self.steps, self._drawn)
        while self._rfb.buffered():
            self._rfb.measured_update(self.steps, self._drawn)

    def pump(self, until):
        pump_together([self], until)

    def close(self):
        self._rfb.close()


def pump_together(watches, until):
    """Take updates of VNC viewers until then (time.monotonic())."""
    poll = select.poll()
    waiting = {watch.fileno(): watch for watch in watches}
    for fd in waiting:
        poll.register(fd, select.POLLIN)
    while True:
        left = until - time.monotonic()
        if left <= 0:
            return
        for fd, _ in poll.poll(1000 * left):
            waiting[fd].take()


def pump(watches, until):
    """The same of whatever watches there are."""
    if len(watches) == 1:
        watches[0].pump(until)
    else:
        pump_together(watches, until)
