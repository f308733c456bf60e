# SPDX-License-Identifier: GPL-2.0-or-later
"""Steps: what a guest, its device, the user and the viewers do, and the
check after each.

A step is a method whose arguments are plain values, so that a sequence of
them can be written down and done again (replay.py). can(step) says whether it
makes sense now: which steps are possible depends on the steps before and on
nothing else.
"""

import errno
import os
import tempfile
import time

from ..picture import Picture
from ..planes import CURSOR, OVERLAYS, PRIMARY, XRGB
from ..wait import until
from . import software
from .health import Health, Worst, files
from .model import WORDS, Cursor, Model, has_words
from .patterns import (FORMATS, MODES, cursor_pixels, encode, picture)
from .viewers import DISPLAYS, VIEWERS

PAGES, _PAGE = 4, 2 << 20
_CURSOR_AT, _OVERLAY_AT = 12 << 20, 13 << 20
MOST_VIEWERS = 3
# Of a sequence, in steps that wait for a timer of QEMU's.
_SLOW_S = 6
# Viewers that QEMU waits for if they do not read. libspice-server waits 15 s
# for such a client before it lets a surface go, and QEMU waits for that.
_WAITED_FOR = ("dbus", "shared", "spice")
_OVERLAY = OVERLAYS[0]
_NO_HOTSPOT = 0xffffffff


def is_words(shown):
    """Text: nearly all of it is black, and has few colours."""
    return (2 * shown.rgb.count(b"\0\0\0") > shown.width * shown.height
            and len(shown.colours()) <= 16)


def difference(shown, want):
    """None, or what is wrong with a picture."""
    if shown is None:
        return "nothing was sent"
    if want is WORDS:
        return None if is_words(shown) else "a picture, not words"
    return shown.difference(want)


def can_judge(viewer, pictures):
    """Whether what the viewer shows can be told from each of them."""
    if has_words(pictures) and not viewer.words:
        return False
    width, height = viewer.least
    return all(picture is WORDS or (picture.width >= width
                                    and picture.height >= height)
               for picture in pictures)


class Session:
    """One QEMU after another, and those who look at it.

    prepare() and start() begin. patience: seconds until what must be on
    screen has to be.
    """

    def __init__(self, make_device=software.Software, patience=20.0,
                 worst=None):
        self._make_device = make_device
        self._patience = patience
        self._worst = worst or Worst()
        self._folder = tempfile.mkdtemp(prefix="vgpu-states-")
        self._slow = 0.0
        self._numbers = 0
        self._forget_id()
        self._layout = None         # of the pages
        self.model = None
        self.device = None
        self._display = None
        self.viewers = []           # [name, Viewer]

    # --- Begin and end ----------------------------------------------------

    def prepare(self, config):
        """What start() will start; can() may be asked from here on."""
        self.model = Model(config)

    def start(self):
        self._start()
        if self.model.config.shown:
            self.mode(0, 0, 0, 0, 0)
            self.come("raw")
        self.check()

    def _start(self, stream=None):
        config = self.model.config
        self._display = DISPLAYS[config.display]()
        self.device = self._make_device(
            config, self._display.arguments, self._display.environment,
            stream)
        self._health = Health(self.device.pid, self._worst,
                              self.device.answer_s)
        for viewer in self._display.windows():
            self.viewers.append((config.display, viewer))

    def _stop(self):
        while self.viewers:
            self.viewers.pop()[1].leave()
        if self.device is not None:
            self.device.close()
            self.device = None
        if self._display is not None:
            self._display.close()
            self._display = None

    def close(self):
        self._stop()
        for name in os.listdir(self._folder):
            os.unlink(os.path.join(self._folder, name))
        os.rmdir(self._folder)

    def can(self, step, /, **arguments):
        """Whether a step may be done now."""
        allowed = getattr(self, "_can_" + step, None)
        return allowed is None or allowed(**arguments)

    def do(self, step, /, **arguments):
        """A step, and the check after it."""
        getattr(self, step)(**arguments)
        self.check()

    # --- The check --------------------------------------------------------

    def check(self):
        assert self.device.alive(), f"QEMU ended: {self.device.errors()}"
        if self.model.muted and self._readers():
            self._dump()            # nobody else asks the device
        self._check_viewers()
        self._health.check(self.device.qmp, len(self.viewers))
        said = self.device.errors()
        for word in "AddressSanitizer", "runtime error", "CRITICAL":
            assert word not in said, said

    def _readers(self):
        return [one for one in self.viewers if one[1].reads]

    def _check_viewers(self):
        allowed = self.model.allowed()
        if allowed is None:
            return
        for name, viewer in self._readers():
            if can_judge(viewer, allowed):
                self._await(name, viewer.look, allowed)
        if self._readers() and len(allowed) == 1:
            self.model.seen(allowed[0])
        if self.model.cursor_is_known():
            self._check_cursors()

    def _await(self, name, look, wanted):
        """Until a viewer shows one of the pictures."""
        def one_of():
            wrong = [difference(look(want), want) for want in wanted]
            assert None in wrong, f"{name}: {wrong[0]}"
            return True
        until(f"{name} to show what it must ({self.model.outcome()})", one_of,
              self._patience, pause=0.002)

    def _check_cursors(self):
        cursor = self.model.cursor
        want = ((0, 0), None, (0, 0)) if cursor is None else (
            (cursor.width, cursor.height), cursor.pixels, cursor.hot)

        def same(viewer):
            viewer.look(self.model.frame())
            got = viewer.cursor()
            assert got in (None, want), (
                f"cursor {got[0]} {got[2]}, not {want[0]} {want[2]}")
            return True
        for name, viewer in self._readers():
            until(f"{name}'s cursor", lambda viewer=viewer: same(viewer),
                  self._patience, pause=0.002)

    # --- The guest --------------------------------------------------------

    @property
    def _planes(self):
        return self.device.planes

    def _next(self):
        """Never the same picture twice."""
        self._numbers += 1
        return self._numbers

    def _can_guest(self):
        """Whether the guest has a device that is in order."""
        return self.model.plugged and self.model.fault is None

    def _can_mode(self, **_):
        return self._can_guest()

    def mode(self, page, mode, fourcc, padding, identity):
        """Another picture, anywhere and of any size, by a commit.

        identity: 0 the device's choice, 1 a new one, 2 that of the last 1.
        """
        shown = picture(mode, self._next())
        image = encode(shown, FORMATS[fourcc], 16 * padding)
        self._image = image
        self._planes.show(PRIMARY, image, page * _PAGE,
                          id=self._choose_id(identity, page))
        self._tell_all(shown)
        self.model.show(page, shown, identity == 0)
        self._forget_pages_unlike(page)

    def _forget_id(self):
        self._same_id = 0
        self._named = {}            # pages by the layouts of that id's buffers

    def _choose_id(self, identity, page):
        """A new one, too, where the last one's buffer could be another one
        that QEMU holds: that would be on screen, and rightly."""
        if not identity:
            return 0
        known = self._named.get(self._image.layout, page) == page
        if identity == 1 or not self._same_id or not (
                known or self.device.tells_offsets):
            self._forget_id()
            self._same_id = self.device.new_id()
        self._named[self._image.layout] = page
        return self._same_id

    def _tell_all(self, shown):
        """The plane may be as it was, so the guest says what it drew."""
        if self.model.reported:
            self._planes.damage(0, 0, shown.width, shown.height)

    def _forget_pages_unlike(self, page):
        """Others hold the layout of another mode."""
        if self._image.layout != self._layout:
            self._layout = self._image.layout
            self.model.pages = {page: self.model.pages[page]}

    def _encode(self, shown):
        padding = self._image.stride - 4 * self._image.width
        return encode(shown, self._image.fourcc, padding).data

    def _can_flip(self, page):
        model = self.model
        return (self._can_guest() and model.page is not None
                and model.automatic and page != model.page)

    def flip(self, page):
        """The same mode from another page."""
        shown = self.model.shown
        if page not in self.model.pages:
            mode = MODES.index((shown.width, shown.height))
            shown = picture(mode, self._next())
            self._planes.write(page * _PAGE, self._encode(shown))
            self.model.change(page, shown)
        self._planes.flip(page * _PAGE)
        self._tell_all(shown)
        self.model.flip(page)

    def _can_draw(self, **_):
        return self._can_guest() and self.model.page is not None

    def draw(self, rects, gray):
        """Into the page that is on screen; rects are parts of 256."""
        model, shown = self.model, self.model.shown
        layout = self._image
        for left, top, width, height in rects:
            left, width = _scale(left, width, shown.width)
            top, height = _scale(top, height, shown.height)
            for y in range(top, top + height):
                self._planes.write(
                    model.page * _PAGE + y * layout.stride + 4 * left,
                    bytes([gray]) * (4 * width))
            shown = shown.with_fill(left, top, width, height, gray * 0x10101)
            if model.reported:
                self._planes.damage(left, top, width, height)
        if not model.reported:
            self._planes.commit()
        model.change(model.page, shown)

    def _can_off(self):
        return self._can_guest() and self.model.page is not None

    def off(self):
        self._settle()
        self._planes.hide(PRIMARY)
        self.model.turn_off()

    def _can_on(self):
        return self._can_guest() and self.model.page is None and bool(
            self.model.pages) and self.model.automatic

    def on(self):
        """The plane as it was."""
        page = next(iter(self.model.pages))
        self._planes.program(PRIMARY, enable=1, offset=page * _PAGE)
        self.model.show(page, self.model.pages[page])

    def _can_report(self, **_):
        return self._can_guest()

    def report(self, reported):
        """Whether the guest says what it draws."""
        self.device.report(reported)
        self.model.reported = bool(reported)

    def _can_cursor(self, **_):
        return self._can_guest() and self.model.config.has_cursor

    def cursor(self, number, size, hot, place):
        """hot: of which a number outside of the image is unknown."""
        image, pixels = cursor_pixels(size, number)
        outside = [n if n < size else _NO_HOTSPOT for n in hot]
        self._planes.show(CURSOR, image, _CURSOR_AT, x=place[0], y=place[1],
                          hot_x=outside[0], hot_y=outside[1])
        tip = tuple(hot) if max(hot) < size else (0, 0)
        self.model.cursor = Cursor(size, size, pixels, tip, tuple(place))

    def _can_cursor_off(self):
        return self._can_guest() and self.model.cursor is not None

    def cursor_off(self):
        self._planes.hide(CURSOR)
        self.model.cursor = None

    def _can_overlay(self, **_):
        return self._can_guest() and self.model.config.has_dmabuf

    def overlay(self, number, place):
        """Opaque, and off the screen in part."""
        shown = Picture(64, 48, bytes(
            part for y in range(48) for x in range(64)
            for part in (0x80 | x, 0x80 | y, number)))
        self._planes.show(_OVERLAY, encode(shown, XRGB, 0), _OVERLAY_AT,
                          x=place[0], y=place[1])
        self.model.set_overlay((shown, *place))

    def _can_overlay_off(self):
        return self._can_guest() and self.model.overlay is not None

    def overlay_off(self):
        self._planes.hide(_OVERLAY)
        self.model.set_overlay(None)

    # --- The device -------------------------------------------------------

    def _can_fault(self, name):
        fault = self._make_device.faults[name]
        config = self.model.config
        return (self._can_guest() and self.model.page is not None
                and config.kind in fault.kinds
                and not (fault.gpu_reads and config.hands_over))

    def fault(self, name):
        """The device is at fault until repair() or reset()."""
        self._settle()
        fault = self.device.faults[name]
        counted = fault.counted(self.model.config.kind)
        before = self._count(counted)
        fault.begin(self.device)
        self.model.fail(fault)
        if counted:
            self._until_counted(counted, before)

    def _can_cut(self, **_):
        model = self.model
        if self._make_device.cut_copy is None:
            return False
        # The other planes' buffers would be copies of the same memory.
        return (self._can_guest() and model.page is not None
                and not model.config.hands_over
                and model.overlay is None and model.cursor is None
                and model.config.kind in ("dmabuf", "both"))

    def cut(self, left):
        """A buffer shrinks to left 256ths while it is on screen."""
        self.mode(0, 0, 0, 0, 1)
        shown = self.model.shown
        size = 4 * shown.width * shown.height
        self.device.show_copy(size)
        self._dump_until_right()
        self.device.cut_copy(size * left // 256)
        self.model.fail(software.CUT)
        self._until_counted(None, self._count(None))

    def _can_lie(self, **_):
        return (self._can_guest() and self.model.page is not None
                and self.model.config.has_metadata)

    def lie(self, word, value):
        """A word of the metadata page is not as it should be."""
        fault = software.lie(4 * word, value)
        fault.begin(self.device)
        self.model.fail(fault)

    def _count(self, kind):
        """How often QEMU has counted faults of that kind, or of any."""
        device = self.device.qmp.command("x-query-vgpu-display")[0]
        return sum(fault["count"] for fault in device["faults"]
                   if kind in (None, fault["kind"]))

    def _until_counted(self, kind, before):
        """Asks until QEMU has noticed twice, and shows what is right."""
        def look():
            self._dump()
            return self._count(kind) >= before + 2
        once = self.model.config.has_metadata
        until(f"a fault of kind {kind}", (
            lambda: self._dump() or self._count(kind) > before)
            if once else look, self._patience, pause=0.002)

    def _settle(self):
        """QEMU has what the guest shows now, and not the half of it."""
        if not self._readers():
            self._dump_until_right()

    def _can_repair(self):
        if self.model.fault is None:
            return False
        # The driver is asked again five seconds after it was given up.
        slow = self.model.config.kind == "metadata"
        return not slow or self._slow < _SLOW_S

    def repair(self):
        """The fault is over, and the guest shows something else."""
        if self.model.config.kind == "metadata":
            self._slow += 6
        self.device.heal()
        self.model.recover()
        self.mode(0, 1, 0, 0, 0)

    def _can_hiccup(self, call, **_):
        kind = self.model.config.kind
        return (self._can_guest() and self.model.page is not None
                and (call == software.QUERY and kind != "metadata"
                     or call == software.GET and kind in ("dmabuf", "both")))

    def hiccup(self, call, count):
        """A few calls fail while the guest shows something else."""
        self.device.fail_calls(call, errno.ENOMEM, count)
        self.mode(1, 0, 0, 1, 1)

    def _can_mute(self, **_):
        return self._can_guest() and self.model.config.irq and (
            not self.model.config.has_metadata)

    def mute(self, muted):
        """Changes are signalled no more, or again."""
        self.device.mute(muted)
        self.model.muted = bool(muted)

    def _can_storm(self, **_):
        return self._can_guest() and self.model.config.irq

    def storm(self, rate):
        """Signals without a reason."""
        self.device.storm(rate)

    # --- The user ---------------------------------------------------------

    def _can_reset(self):
        return self.model.plugged

    def reset(self):
        self.device.reset()
        self.model.reset()
        self._layout = None

    def _can_unplug(self):
        return self.model.plugged and self.model.running

    def unplug(self):
        """No file of the device's may be left."""
        self.device.unplug()
        self.model.unplug()
        self._layout = None

        def gone():
            left = [what for what in files(self.device.pid)
                    if "vgpu-sw" in what]
            assert not left, left
            return True
        until("its files to be closed", gone, self._patience, pause=0.002)

    def _can_plug(self):
        return not self.model.plugged and self.model.running

    def plug(self):
        self.device.plug()
        self.model.forget_device()
        self._forget_id()

    def _can_stop(self):
        return self.model.running

    def stop(self):
        self.device.qmp.command("stop")
        self.model.running = False

    def _can_cont(self):
        return not self.model.running

    def cont(self):
        self._run()

    def _run(self):
        """A machine that came stopped forgets a "cont" in its last moment."""
        def running():
            self.device.qmp.command("cont")
            return self.device.qmp.command("query-status")["running"]
        until("the machine to run", running, self._patience, pause=0.005)
        self.model.running = True

    def _can_migrate(self):
        model = self.model
        if not model.plugged or self._slow + 1 > _SLOW_S:
            return False
        if model.fault is None:
            return True
        # The other QEMU opens all buffers anew. An overlay or a cursor that it
        # cannot map then stays unseen, until it has another buffer.
        opens = model.fault.maps or (
            model.overlay is None and model.cursor is None)
        return opens and self._make_device.takes_faults_along

    def migrate(self):
        """To another QEMU, where all viewers come again."""
        self._slow += 1
        names = [name for name, viewer in self.viewers if name in VIEWERS]
        stream = self.device.save()
        kept = os.path.join(self._folder, "stream")
        os.rename(stream, kept)
        self._stop()
        self._start(kept)
        self._run()
        if self.model.fault is software.CUT:
            # Its buffer is made of memory that is whole.
            self.model.fault = software.COPY
        self.model.move()
        for name in names:
            self.come(name)

    def _can_rest(self, milliseconds=0):
        return self._slow + milliseconds / 1000 <= _SLOW_S

    def rest(self, milliseconds):
        """Nothing happens; what is still is looked at less and less."""
        self._slow += milliseconds / 1000
        time.sleep(milliseconds / 1000)

    def _can_dump(self, **_):
        return self.model.plugged

    def dump(self, how):
        """A screendump has what is right at once, or as soon as viewers."""
        self._dump_until_right(how)

    def _dump_until_right(self, how="qmp"):
        allowed = self.model.allowed()
        if allowed is None:
            self._dump(how)
            return

        def one_of():
            got = self._dump(how)
            wrong = [difference(got, want) for want in allowed]
            assert None in wrong, wrong[0]
            self.model.seen(allowed[wrong.index(None)], surely=True)
            return True
        until(f"a screendump ({how}) of what is right "
              f"({self.model.outcome()})", one_of, self._patience,
              pause=0.002)

    def _dump(self, how="qmp"):
        path = os.path.join(self._folder, "dump")
        if how == "hmp":
            said = self.device.qmp.command("human-monitor-command",
                                           command_line=f"screendump {path}")
            assert not said, said
        elif how == "qmp-device":
            self.device.qmp.command("screendump", filename=path,
                                    device=software.NAME)
        else:
            self.device.qmp.command("screendump", filename=path)
        return Picture.load_ppm(path)

    # --- Viewers ----------------------------------------------------------

    @property
    def offers(self):
        """Viewers that may come, by name."""
        return DISPLAYS[self.model.config.display].offers

    def _can_come(self, name):
        # SPICE's server has one client; another one takes its place.
        return (name in self.offers and len(self.viewers) < MOST_VIEWERS
                and not (name == "spice" and any(
                    other == "spice" for other, _ in self.viewers)))

    def come(self, name):
        self.viewers.append((name, VIEWERS[name](self._display)))

    def _viewer(self, number):
        """One of those that came; None if nobody did."""
        came = [one for one in self.viewers if one[0] in VIEWERS]
        return came[number % len(came)] if came else None

    def _can_leave(self, number):
        return self._viewer(number) is not None

    def leave(self, number):
        one = self._viewer(number)
        self.viewers.remove(one)
        one[1].leave()

    def _can_stop_reading(self, number):
        one = self._viewer(number)
        return one is not None and one[1].reads and hasattr(
            one[1], "stop") and one[0] not in _WAITED_FOR

    def stop_reading(self, number):
        self._viewer(number)[1].stop()

    def _can_read_again(self, number):
        one = self._viewer(number)
        return one is not None and not one[1].reads

    def read_again(self, number):
        self._viewer(number)[1].go_on()

    def _can_resize(self, number, **_):
        one = self._viewer(number)
        return (self.model.plugged and self._slow + 0.5 <= _SLOW_S
                and self.model.config.display in ("none", "dbus", "dbus-gl")
                and one is not None)

    def resize(self, number, sizes):
        """The guest's monitor has the last size; this guest does not care."""
        self._slow += 0.5
        for width, height in sizes:
            self._viewer(number)[1].resize(width, height)

        def follows():
            edid = self._planes.edid()
            assert edid, "it is unplugged"
            assert _preferred(edid) == tuple(sizes[-1]), _preferred(edid)
            return True
        until(f"the monitor to prefer {sizes[-1]}", follows, self._patience,
              pause=0.01)


def _preferred(edid):
    """Width and height of the first detailed timing (EDID 1.4, 3.10.2)."""
    return (edid[56] | (edid[58] & 0xf0) << 4,
            edid[59] | (edid[61] & 0xf0) << 4)


def _scale(start, length, size):
    """Parts of 256, of which there is at least one pixel."""
    first = min(start * size // 256, size - 1)
    return first, max(1, min(length * size // 256, size - first))
