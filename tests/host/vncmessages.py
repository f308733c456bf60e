#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What VNC clients may send that no client sends, while there is video.

    vncmessages.py [--seconds N] [--seed N]

Prints TAP. Ten seconds by default, an hour with VGPU_TEST_FULL=1. Hypothesis
chooses the messages. A short run sends the same ones each time, as far as time
lets it; VGPU_TEST_SEED or --seed chooses others. Another client watches the
film that moves meanwhile, step by step, and sees every pixel of its end.
"""

import argparse
import contextlib
import os
import random
import socket
import struct
import threading
import time

import hypothesis
from hypothesis import strategies as st

import tapcases
from swvgpu import SwVgpu
from video import Playing, RfbLook, expect_still, videos, vnc
from vnc import resident_kib
from vgpulab.film import Film, SwScreen
from vgpulab.h264 import Decoder
from vgpulab.ports import free_display
from vgpulab.rfb import H264, TIGHT, Rfb
from vgpulab.wait import until

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
SIZE = 640, 480
# A client that is served gets an answer within that; the machine may be busy.
PATIENCE_S = 20
ROOM_KIB = 256 << 10

# Those that QEMU knows, the real ones and the pseudo ones.
ENCODINGS = (0, 1, 2, 5, 6, 7, 15, 16, H264, H264, H264, -32, -23, -223, -224,
             -239, -247, -256, -257, -258, -259, -260, -261, -305, -307, -308,
             -312, -313, -314, 0x574d5669, 0xc0a1e5ce - (1 << 32))

U8, U16, U32 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32))
EDGES = st.sampled_from((0, 1, 16, 63, 64, 128, *SIZE, 641, 65535)) | U16
ENCODING = st.sampled_from(ENCODINGS) | st.integers(-1 << 31, (1 << 31) - 1)


def packed(layout, *values):
    return st.tuples(*values).map(lambda had: struct.pack(layout, *had))


def encodings(numbers, more=0):
    """SetEncodings; more: how many more it says than it has."""
    return struct.pack(f">BxH{len(numbers)}i", 2,
                       max(0, min(65535, len(numbers) + more)), *numbers)


TRUE_COLOUR = struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255,
                          16, 8, 0)
VIDEO = encodings([H264, TIGHT, -223])
REQUEST = struct.pack(">BBHHHH", 3, 1, 0, 0, *SIZE)

MESSAGES = st.one_of(
    st.just(REQUEST), st.just(REQUEST), st.just(VIDEO), st.just(TRUE_COLOUR),
    st.lists(ENCODING, max_size=8).map(encodings),
    st.builds(encodings, st.lists(ENCODING, max_size=3),
              st.integers(-3, 3)),
    packed(">BBHHHH", st.just(3), st.integers(0, 2), EDGES, EDGES, EDGES,
           EDGES),
    packed(">B3xBBBBHHHBBB3x", st.just(0),
           st.sampled_from((8, 16, 32, 32)) | U8, U8, U8, U8, U16, U16, U16,
           U8, U8, U8),
    packed(">BBxxI", st.just(4), U8, st.integers(0, 0xffff) | U32),
    packed(">BBHH", st.just(5), U8, EDGES, EDGES),
    st.binary(max_size=64).map(
        lambda text: struct.pack(">B3xI", 6, len(text)) + text),
    packed(">B3xi", st.just(6), st.integers(-64, 64) | st.integers(
        -1 << 31, (1 << 31) - 1)),
    packed(">BxBB", st.just(250), U8, U8),
    packed(">BxHHBxIHHHHI", st.just(251), EDGES, EDGES, st.integers(0, 3),
           U32, EDGES, EDGES, EDGES, EDGES, U32),
    packed(">BBHII", st.just(255), st.just(0), U16, U32, U32),
    packed(">BBHBBI", st.just(255), st.just(1), st.integers(0, 3), U8, U8,
           U32),
    st.binary(min_size=1, max_size=24))

# What is done after a message: so many bytes are read, or all that is there.
READS = st.sampled_from((0, 0, 1, 20, 1 << 12, 1 << 20, None))
# How many updates it takes first: until there is video, or at once.
CONVERSATION = st.tuples(
    st.sampled_from((0, 1, 12)),
    st.lists(st.tuples(MESSAGES, READS), min_size=1, max_size=24))


class Talker:
    """A connection of which nobody knows what it sends."""

    def __init__(self, display):
        self._socket = socket.create_connection(("127.0.0.1", 5900 + display),
                                                timeout=PATIENCE_S)
        self._read(12)
        self._socket.sendall(b"RFB 003.008\n\x01")
        # Kinds of security and its result; the size, the format, the name.
        self._read(2 + 4)
        self._socket.sendall(b"\x01")
        head = self._read(24)
        self._read(struct.unpack(">I", head[20:])[0])
        self._socket.sendall(TRUE_COLOUR + VIDEO)

    def take(self, updates):
        """So many, or what there is of them."""
        for _ in range(updates):
            self._socket.settimeout(PATIENCE_S)
            self._socket.sendall(REQUEST)
            self._read(4)
            self.say(b"", None)

    def _read(self, size):
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise ConnectionError("the server closed it")
            data += part
        return data

    def say(self, message, size):
        """Send it, if that can be done at once; then read."""
        self._socket.settimeout(0.05)
        with contextlib.suppress(TimeoutError):
            self._socket.sendall(message)
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while size is None or size > 0:
                data = self._socket.recv(min(size or 1 << 16, 1 << 16))
                if not data:
                    raise ConnectionError("the server closed it")
                size = None if size is None else size - len(data)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()


class Watcher(threading.Thread):
    """Takes the film's steps all the time; wrong says what was."""

    def __init__(self, viewer, look):
        super().__init__()
        self._stop_now = threading.Event()
        self._viewer = viewer
        self._look = look
        self.wrong = None

    def run(self):
        try:
            while not self._stop_now.is_set():
                if self._viewer.pending():
                    self._viewer.update()
                    self._look()
        except Exception as error:  # pylint: disable=broad-except
            self.wrong = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._stop_now.set()
        self.join()


class Server:
    """A machine with a film, and one who watches it."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self.display = free_display()
        self.vm = self._stack.enter_context(SwVgpu(*vnc(self.display)))
        self.film = Film(SwScreen(self.vm), SIZE)
        self.viewer = self._stack.enter_context(
            Rfb(self.display, TIGHT, h264=Decoder()))
        self.viewer.wait_for(self.film.picture(0), "the first picture")
        self.look = RfbLook(self.film, self.viewer)
        self.conversations = 0

    @contextlib.contextmanager
    def playing(self):
        """The film moves, and the watcher has got video."""
        with Watcher(self.viewer, self.look) as self.watcher, \
                Playing(self.film, 60):
            until("video", lambda: self.watcher.wrong
                  or self.viewer.rects[H264] > 0)
            self.check()
            self._before = resident_kib(self.vm.pid)
            yield
        self.check()
        expect_still(self.film, self.viewer)

    def check(self):
        assert self.vm.alive(), self.vm.errors()
        if self.watcher.wrong:
            raise AssertionError("the one who watches") from self.watcher.wrong

    def converse(self, updates, conversation):
        self.conversations += 1
        with contextlib.suppress(ConnectionError), Talker(self.display) as client:
            client.take(updates)
            for message, size in conversation:
                client.say(message, size)
        self.check()
        seen = len(self.look.seen)
        if self.conversations % 16 == 0:
            until("a step that the watcher sees",
                  lambda: self.watcher.wrong or len(self.look.seen) > seen,
                  PATIENCE_S, 0.005)
            grown = resident_kib(self.vm.pid) - self._before
            assert grown < ROOM_KIB, f"{grown} KiB more"

    def close(self):
        self._stack.close()


class _Over(BaseException):
    """No more conversations: a failure, or the time is over."""


def converse_for(seconds, seed):
    """New conversations until the time is over."""
    ends = time.monotonic() + seconds
    server = Server()

    # One that failed is not shortened: that would need a machine each time.
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=1 << 30, deadline=None, database=None,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(CONVERSATION)
    def go_on(conversation):
        if time.monotonic() > ends:
            raise _Over
        try:
            server.converse(*conversation)
        except Exception as error:
            print(f"# after {conversation}", flush=True)
            raise _Over from error

    try:
        with server.playing():
            try:
                go_on()
            except _Over as over:
                if over.__cause__:
                    raise over.__cause__ from None
        print(f"# {server.conversations} conversations, "
              f"{len(server.look.seen)} steps seen meanwhile, "
              f"{server.viewer.rects[H264]} of video: {videos(server.vm)}")
    finally:
        server.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600 if FULL else 10)
    parser.add_argument("--seed", type=int, default=int(os.environ.get(
        "VGPU_TEST_SEED", random.randrange(1 << 32) if FULL else 1)))
    args = parser.parse_args()

    def messages():
        converse_for(args.seconds, args.seed)
    messages.__doc__ = (f"messages that nobody sends, for {args.seconds} s: "
                        "who watches sees each step")
    print(f"# VGPU_TEST_SEED={args.seed}")
    tapcases.run([messages])


if __name__ == "__main__":
    main()
