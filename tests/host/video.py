#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Video to VNC clients, H.264: what they see while it moves, and afterwards.

Prints TAP. A film tells in pixels which of its steps is on screen
(vgpulab/film.py); a client decodes it with libavcodec, and noVNC in Chromium
and TigerVNC as their users have them. How fast it is, ./vgpu bench says.
"""

import contextlib
import os
import random
import subprocess
import threading
import time

import tapcases
from swvgpu import SwVgpu
from vnc import resident_kib
from vgpulab.film import Film, SwScreen, VgaScreen
from vgpulab.h264 import Decoder, Reader
from vgpulab.picture import expect_picture
from vgpulab.ports import free_display, free_port
from vgpulab.qtestmachine import NAME, SLOT, QtestMachine
from vgpulab.rfb import H264, RICH_CURSOR, TIGHT, Rfb
from vgpulab.viewers.novnc import NoVnc
from vgpulab.viewers.vnc import NewerTigerVnc
from vgpulab.wait import DEADLINE, until

SCREEN = 1280, 720
# Video beside what is none.
BESIDE, BOX = (1280, 760), (500, 20, 720, 720)
SMALL = 640, 480

HERTZ = 60
PSNR_DB = 35

MEMORY = "-global", "vgpu-sw.vram=128M"
# What the software encoder keeps for a context, and this much more.
ROOM_KIB = 96 << 10


def vnc(display, options=""):
    return ["-vnc", f"127.0.0.1:{display}{options}"]


class Vga(QtestMachine):
    """QEMU's VGA in the place of a vGPU."""

    _MEMORY, _REGISTERS = 0xe0000000, 0xfe000000

    def __init__(self, *arguments):
        super().__init__(f"VGA,id={NAME},addr={SLOT},vgamem_mb=64", arguments)
        self.screen = VgaScreen(self.qtest, self._MEMORY, self._REGISTERS)

    def _set_bars(self):
        self.configure(SLOT, (0x10, self._MEMORY), (0x18, self._REGISTERS),
                       (0x04, 7))

    def _load(self, _stream):
        raise AssertionError("it is not migrated")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def videos(vm):
    """What QEMU says of each client's video; None: it gets none."""
    return [client.get("video") for client
            in vm.qmp.command("query-vnc")["clients"]]


class Look:
    """Compares what a client shows of a film.

    What moves is what it was in one step, PSNR_DB alike, and no step comes
    before one that was seen. What does not move is exact.
    """

    def __init__(self, film):
        self._film = film
        self._ground = self._without_film(film.picture(0))
        # Numbers of the steps in each box.
        self.steps = [[] for _ in film.boxes]
        self.worst = float("inf")

    @property
    def seen(self):
        """Those of the first box."""
        return self.steps[0]

    def _without_film(self, picture):
        for box in self._film.boxes:
            picture = picture.with_fill(*box, 0)
        return picture

    def at(self, picture):
        """It shows that now; a step that was seen already is no other."""
        self._rest(picture)
        for index, box in enumerate(self._film.boxes):
            self._look_at(picture, index, box, self.steps[index])

    def _look_at(self, picture, index, box, seen):
        number = self._film.shown(picture, index)
        assert number is not None, "no step's number"
        before = seen[-1] if seen else 0
        assert before <= number <= self._film.number, (before, number)
        if number == before:
            return
        seen.append(number)
        psnr = picture.cropped(*box).psnr(
            self._film.picture(number).cropped(*box))
        self.worst = min(psnr, self.worst)
        assert psnr >= PSNR_DB, f"step {number}: {psnr:.1f} dB"

    def _rest(self, picture):
        """What does not move is as it was from the first update on."""
        if self._film.boxes[0][2:] == self._film.size:
            return
        wrong = self._without_film(picture).difference(self._ground)
        assert wrong is None, f"beside the film: {wrong}"


class RfbLook(Look):
    """Of the tests' own client: called after each of its updates."""

    def __init__(self, film, viewer):
        super().__init__(film)
        self._viewer = viewer
        self._rects = 0

    def __call__(self):
        video = self._viewer.rects[H264]
        if video != self._rects:
            self._rects = video
            self.at(self._viewer.picture())
        else:
            self._rest(self._viewer.picture())


def take(viewer, until_then, look):
    """Take the updates that come before that moment (time.monotonic())."""
    while True:
        left = until_then - time.monotonic()
        if not viewer.pending(max(0, left)):
            return
        viewer.update()
        look()
        if left <= 0:
            return


def play(film, viewer, done, look=lambda: None, deadline=DEADLINE):
    """Show the film at its rate until done() is true."""
    due = time.monotonic()
    end = due + deadline
    while not done():
        assert time.monotonic() < end, f"{deadline:g} s of film: " \
            f"{film.number} steps, {viewer.rects}"
        film.step()
        due = max(due + 1 / HERTZ, time.monotonic())
        take(viewer, due, look)


def expect_still(film, viewer):
    """The last step, each pixel of it; returns how long it took."""
    begin = time.monotonic()
    viewer.wait_for(film.picture(film.number), "the last step, exactly")
    return time.monotonic() - begin


def watch(film, viewer, frames=40):
    """So many frames of video, and then every pixel."""
    look = RfbLook(film, viewer)
    play(film, viewer, lambda: len(look.seen) >= frames, look)
    still = expect_still(film, viewer)
    print(f"# {len(look.seen)} of {film.number} steps seen, at least "
          f"{look.worst:.1f} dB, exact after {1000 * still:.0f} ms")


@contextlib.contextmanager
def showing(size=SCREEN, boxes=(), options="", decoder=None,
            environment=None, arguments=(), cursor=None):
    """A software vGPU with a film and a client: vm, film and viewer."""
    display = free_display()
    with SwVgpu(*vnc(display, options), *MEMORY, *arguments,
                environment=environment) as vm:
        film = Film(SwScreen(vm), size, *boxes)
        with Rfb(display, TIGHT, cursor=cursor,
                 h264=decoder or Decoder()) as viewer:
            viewer.wait_for(film.picture(0), "the first picture")
            yield vm, film, viewer


def test_flips():
    """the whole screen moves: each frame is a step's, in order, then exact"""
    with showing() as (vm, film, viewer):
        watch(film, viewer)
        video, = videos(vm)
        assert video["frames"] >= viewer.rects[H264] > 0, video
        assert video["contexts"] <= 1, video
        said = vm.qmp.command("human-monitor-command",
                              **{"command-line": "info vnc"})
        assert f"video: {video['encoder']} (" in said, said
        # It moves again: that begins with a key frame, as the client checks.
        watch(film, viewer, 10)


def test_box():
    """a part of the screen moves: what is beside it is exact at all times"""
    with showing(BESIDE, (BOX,)) as (_, film, viewer):
        watch(film, viewer)


def test_boxes():
    """two parts move, each a stream of its own; between them all is exact"""
    boxes = (20, 20, 420, 300), (701, 351, 421, 303)
    with showing(BESIDE, boxes) as (vm, film, viewer):
        look = RfbLook(film, viewer)
        play(film, viewer, lambda: min(map(len, look.steps)) >= 30
             and videos(vm)[0]["contexts"] == 2, look)
        expect_still(film, viewer)


def test_planes():
    """an overlay is in the video, and the cursor is not"""
    with showing(BESIDE, (BOX,), cursor=RICH_CURSOR) as (vm, film, viewer):
        place = 600, 300, 200, 120
        vm.show_overlay(film.picture(0), place, 0x80)
        film.cover = *place, 0x808080
        vm.show_cursor(0xffff0000, 32, (0, 0), (700, 600))
        look = RfbLook(film, viewer)
        play(film, viewer, lambda: len(look.seen) >= 20 and viewer.cursor,
             look)
        assert viewer.cursor.visible()
        expect_still(film, viewer)


def test_openh264():
    """another encoder: the same"""
    with showing(BESIDE, (BOX,), ",h264-encoder=openh264enc") as (_, film,
                                                                  viewer):
        watch(film, viewer)


def test_console():
    """another console in mid-video, and back"""
    with showing(SMALL, arguments=("-device", "VGA,addr=5")) as (_, film,
                                                                 viewer):
        for _ in range(3):
            play(film, viewer, moving(viewer, 5))
            viewer.select_console(2)
            until("the other console", lambda: viewer.update() or
                  film.shown(viewer.picture()) is None, pause=0)
            viewer.select_console(1)
        look = RfbLook(film, viewer)
        play(film, viewer, moving(viewer, 5), look)
        expect_still(film, viewer)


def test_vga():
    """a VGA: the same"""
    display = free_display()
    with Vga(*vnc(display)) as vm:
        film = Film(vm.screen, BESIDE, BOX)
        with Rfb(display, TIGHT, h264=Decoder()) as viewer:
            viewer.wait_for(film.picture(0), "the first picture")
            watch(film, viewer)


@contextlib.contextmanager
def slowed(pid, thread, nice=5):
    """A thread gets a quarter of a CPU, the rest of which is busy."""
    cpu = max(os.sched_getaffinity(0))
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as name:
            if name.read().strip() == thread:
                os.setpriority(os.PRIO_PROCESS, int(task), nice)
                os.sched_setaffinity(int(task), {cpu})
    busy = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    os.sched_setaffinity(busy.pid, {cpu})
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


def test_slow_neighbour():
    """flips that wait for another client's update are motion all the same"""
    display = free_display()
    with Vga(*vnc(display), "-name", "vm,debug-threads=on") as vm:
        film = Film(vm.screen, SCREEN)
        with Rfb(display, TIGHT, h264=Decoder()) as viewer, \
                Rfb(display, TIGHT, level=9) as slow, \
                slowed(vm.pid, "vnc_worker"):
            viewer.wait_for(film.picture(0), "the first picture")
            play(film, viewer, lambda: viewer.rects[H264] >= 10,
                 lambda: slow.pending(0) and slow.update(), 20)


def moving(viewer, frames=1):
    """A condition: so many more frames of video than now."""
    before = viewer.rects[H264]
    return lambda: viewer.rects[H264] >= before + frames


def test_resizes():
    """100 resizes while it moves: right, and no memory is kept"""
    chance = random.Random(15)
    sizes = [(480, 360), (480, 270), (401, 301), (320, 240)]
    with showing(sizes[-1]) as (vm, film, viewer):
        screen = SwScreen(vm)
        play(film, viewer, moving(viewer, 5))
        films = {size: Film(screen, size) for size in sizes}
        before = resident_kib(vm.pid)
        for number in range(100):
            film = films[sizes[number % len(sizes)]]
            film.show()
            # Some come in mid-video, some as it begins, most in between.
            if number % 8:
                last = film.number + chance.choice((1, 1, 1, 2, 5, 18))
                play(film, viewer, lambda: film.number >= last)
            else:
                play(film, viewer, moving(viewer))
        film.show()
        play(film, viewer, moving(viewer, 5))
        expect_still(film, viewer)
        grown = resident_kib(vm.pid) - before
        assert grown < ROOM_KIB, f"{grown} KiB more"
        assert videos(vm)[0]["contexts"] <= 4, videos(vm)


def sleep_through(film, steps, meanwhile):
    """The client reads nothing for so many steps."""
    for _ in range(steps):
        meanwhile()
        film.step()
        time.sleep(1 / HERTZ)


def test_stopped_client():
    """a client that stops reading costs no memory, and gets the newest step"""
    with showing() as (vm, film, viewer):
        look = RfbLook(film, viewer)
        play(film, viewer, moving(viewer, 5), look)
        before, seen = resident_kib(vm.pid), len(look.seen)
        sleep_through(film, 60, lambda: None)
        last = film.number
        play(film, viewer, lambda: look.seen[-1] > last, look)
        # What was on its way: a frame, and one that waited for its turn.
        late = [number for number in look.seen[seen:] if number < last]
        assert len(late) <= 2, (late, last)
        # One that asks all the time and does not read either.
        sleep_through(film, 120, lambda: viewer.ask_for((0, 0, *SCREEN)))
        grown = resident_kib(vm.pid) - before
        assert grown < ROOM_KIB, f"{grown} KiB more"
        expect_still(film, viewer)


def test_changing_mind():
    """SetEncodings with and without H.264 at each update"""
    with showing(SMALL) as (_, film, viewer):
        look = RfbLook(film, viewer)
        play(film, viewer, moving(viewer, 5), look)
        updates = [0]

        def changing():
            look()
            updates[0] += 1
            viewer.list_encodings(h264=updates[0] % 2 == 0)
        play(film, viewer, lambda: updates[0] >= 60, changing)
        viewer.list_encodings()
        play(film, viewer, moving(viewer, 5), look)
        expect_still(film, viewer)
        # Nothing after it has been taken back, and what was on its way.
        viewer.list_encodings(h264=False)
        viewer.wait_for(film.picture(film.number), "the same picture")
        viewer.ask_whole()
        viewer.update()
        video = viewer.rects[H264]
        last = film.number + 60
        play(film, viewer, lambda: film.number >= last)
        expect_still(film, viewer)
        assert viewer.rects[H264] == video, viewer.rects


def test_not_decoded():
    """a client that lists it and decodes nothing: no memory is kept"""
    reader = Reader()
    with showing(SMALL, decoder=reader) as (vm, film, viewer):
        play(film, viewer, moving(viewer, 10))
        before = resident_kib(vm.pid)
        play(film, viewer, moving(viewer, 100))
        grown = resident_kib(vm.pid) - before
        assert grown < ROOM_KIB, f"{grown} KiB more"
        # Its picture is right again all the same, as nothing moves.
        expect_still(film, viewer)
        assert reader.rects == viewer.rects[H264], viewer.rects


def test_many_clients():
    """clients with and without it, each right"""
    display = free_display()
    with SwVgpu(*vnc(display), *MEMORY) as vm, contextlib.ExitStack() as stack:
        film = Film(SwScreen(vm), SMALL)
        viewers = [stack.enter_context(Rfb(
            display, TIGHT, h264=Decoder() if number % 2 else None))
            for number in range(4)]
        looks = [RfbLook(film, viewer) for viewer in viewers]

        def others():
            for viewer, look in zip(viewers[:3], looks):
                while viewer.pending(0):
                    viewer.update()
                    look()
        play(film, viewers[3],
             lambda: others() or all(len(look.seen) >= 10
                                     for look in looks[1::2]), looks[3])
        # One that comes in mid-video.
        with Rfb(display, TIGHT, h264=Decoder()) as late:
            look = RfbLook(film, late)
            play(film, late, lambda: others() or len(look.seen) >= 5, look)
            expect_still(film, late)
        for viewer in viewers:
            expect_still(film, viewer)
        assert not any(viewer.rects[H264] for viewer in viewers[::2])
        assert len([one for one in videos(vm) if one]) == 2, videos(vm)


def test_off():
    """h264=off: a client that lists it gets none"""
    with showing(options=",h264=off") as (vm, film, viewer):
        play(film, viewer, lambda: film.number >= 60)
        expect_still(film, viewer)
        assert not viewer.rects[H264], viewer.rects
        assert videos(vm) == [None], videos(vm)


def plays_on(film, vm, viewer, look, steps=30):
    """The film goes on by whatever encoding, and is right at its end."""
    last = film.number + steps
    play(film, viewer, lambda: film.number >= last, look)
    expect_still(film, viewer)
    assert vm.alive(), vm.errors()


def check_failing(chain, frames):
    """The encoder fails after some of its frames: Tight, and a word of it."""
    with showing(options=f",h264-encoder={chain}") as (vm, film, viewer):
        look = RfbLook(film, viewer)

        # On a busy machine it may be silent for too long before that, too.
        def failed():
            video = videos(vm)[0]
            return (video and video["fallbacks"] > 0
                    and viewer.rects[H264] >= frames)
        play(film, viewer, failed, look)
        # Again and again, with pauses.
        plays_on(film, vm, viewer, look, 120)
        warnings = vm.errors().lower().count("warning")
        assert warnings == 1, vm.errors()


def test_encoder_dies():
    """an encoder that fails in mid-stream: the film goes on, one warning"""
    check_failing("x264enc ! identity error-after=20", 5)


def test_encoder_silent():
    """an encoder that says nothing: the film goes on, one warning"""
    check_failing("x264enc ! identity drop-probability=1.0", 0)


def test_encoder_slow():
    """an encoder that takes too long: the film goes on, one warning"""
    check_failing("x264enc ! identity sleep-time=400000", 0)


def test_encoder_refuses():
    """an encoder that refuses the format: the film goes on, one warning"""
    check_failing("capsfilter caps=video/x-raw,,width=16 ! x264enc", 0)


def refused(*options, environment=None):
    """What QEMU says as it ends at those."""
    try:
        with SwVgpu(*vnc(free_display(), "".join(options)),
                    environment=environment):
            pass
    except AssertionError as error:
        return str(error)
    raise AssertionError(f"{options} were taken")


def without_plugins():
    """GStreamer finds none of its elements."""
    return dict(os.environ, GST_PLUGIN_SYSTEM_PATH="/nonexistent",
                GST_PLUGIN_SYSTEM_PATH_1_0="/nonexistent",
                GST_REGISTRY_1_0="/dev/null")


def test_unknown_encoder():
    """an encoder that is not there: h264=on says so, auto goes without"""
    said = refused(",h264=on,h264-encoder=no-such-encoder")
    assert "no-such-encoder" in said, said
    with showing(options=",h264-encoder=no-such-encoder") as (vm, film,
                                                              viewer):
        play(film, viewer, lambda: "no-such-encoder" in vm.errors())
        plays_on(film, vm, viewer, lambda: None)
        assert not viewer.rects[H264], viewer.rects
        said = [line for line in vm.errors().splitlines()
                if "no-such-encoder" in line]
        assert len(said) == 1, said


def test_no_encoder():
    """no encoder at all: h264=on says what to install, auto is silent"""
    said = refused(",h264=on", environment=without_plugins())
    assert "h264=on" in said and "x264enc" in said, said
    with showing(environment=without_plugins()) as (vm, film, viewer):
        plays_on(film, vm, viewer, lambda: None)
        assert not viewer.rects[H264], viewer.rects
        assert "h264" not in vm.errors().lower(), vm.errors()


class Playing(threading.Thread):
    """Shows a film meanwhile, for a client that is a program of its own."""

    def __init__(self, film, hertz):
        super().__init__()
        self._film = film
        self._pause = 1 / hertz
        self._stop_now = threading.Event()

    def run(self):
        while not self._stop_now.wait(self._pause):
            self._film.step()

    def __enter__(self):
        self.start()

    def __exit__(self, *_):
        self._stop_now.set()
        self.join()


def watch_program(vm, film, take_picture, hertz, frames=10):
    """Look at a program's picture while the film moves, and afterwards."""
    expect_picture("the first picture", take_picture, film.picture(0))
    look = Look(film)

    def enough():
        video = videos(vm)[0]
        if video and video["frames"] >= 5:
            look.at(take_picture())
        return len(look.seen) >= frames
    with Playing(film, hertz):
        until("the film", enough, pause=0)
    print(f"# {len(look.seen)} steps seen, at least {look.worst:.1f} dB: "
          f"{videos(vm)}")
    expect_picture("the last step", take_picture, film.picture(film.number))


def test_novnc():
    """noVNC in Chromium: each frame is a step's, and the rest is exact"""
    display, websocket = free_display(), free_port()
    with SwVgpu(*vnc(display, f",websocket={websocket}"), *MEMORY) as vm:
        film = Film(SwScreen(vm), BESIDE, BOX)
        with NoVnc(websocket, newer=True) as browser:
            watch_program(vm, film, browser.picture, HERTZ)


def test_tigervnc():
    """TigerVNC: each frame is a step's, and the rest is exact"""
    display = free_display()
    with SwVgpu(*vnc(display), *MEMORY) as vm:
        film = Film(SwScreen(vm), BESIDE, BOX)
        with NewerTigerVnc(display, *BESIDE,
                           *NewerTigerVnc.LOSSLESS) as viewer:
            place = until("the first picture",
                          lambda: viewer.picture().find(film.picture(0)))

            def whole():
                """One that is not being drawn: it is the same twice."""
                def look():
                    pictures = [viewer.picture().cropped(*place, *BESIDE)
                                for _ in range(2)]
                    return pictures[0] == pictures[1] and pictures[0]
                return until("a picture", look, pause=0)
            watch_program(vm, film, whole, HERTZ / 4)


if __name__ == "__main__":
    tapcases.run([
        test_flips, test_box, test_boxes, test_planes, test_openh264,
        test_vga, test_slow_neighbour, test_console, test_resizes,
        test_stopped_client, test_changing_mind, test_not_decoded,
        test_many_clients, test_off, test_encoder_dies, test_encoder_silent,
        test_encoder_slow, test_encoder_refuses, test_unknown_encoder,
        test_no_encoder, test_novnc, test_tigervnc])
