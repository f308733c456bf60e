# SPDX-License-Identifier: GPL-2.0-or-later
"""vgpu-screen on the lab's virtual monitor, vkms.

What vkms composes is compared by its checksum with a composition computed
here (vgpulab/kms.py): no pixel may be off. The viewer counts what it copies.
"""

import contextlib
import os
import subprocess
import tempfile
import time

from vgpulab import kms, layers, mesa, oracle, paths
from vgpulab.fakeqemu import PLANES, Buffer, FakeQemu
from vgpulab.group import Group
from vgpulab.oracle import CHECKS
from vgpulab.planes import (ARGB, CURSOR, NV12, OVERLAYS, PRIMARY, XRGB,
                            Planes)
from vgpulab.skip import Skip
from vgpulab.viewers import dbus, screen
from vgpulab.viewers.screen import VgpuScreen
from vgpulab.wait import until

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
HERE = os.path.dirname(os.path.abspath(__file__))

SLOT = 5
PAGE = 4 << 20
CURSOR_PAGE = 12 * PAGE
# Nobody else wants the seat, and there are no text consoles.
SEAT = {"LIBSEAT_BACKEND": "builtin", "SEATD_VTBOUND": "0"}


class ScreenGroup(Group):
    """A machine with one vGPU, and the viewer on the monitor."""

    kind = None
    gl = True

    @classmethod
    def cases(cls):
        # What the classes below share, and no test itself.
        return [] if cls is ScreenGroup else super().cases()

    def __init__(self):
        super().__init__()
        self._stack = contextlib.ExitStack()
        self.viewer = None

    def configure(self, vm):
        screen.need()
        self.bus = self._stack.enter_context(dbus.Bus())
        vm.add_guest()
        vm.add_qtest()
        self.mdev = vm.add_vgpu(self.kind, "gpu0", SLOT, options="display=on")
        if self.gl:
            vm.environment = mesa.need_import()
        vm.add_args("-display", dbus.option(self.bus)
                    + (",gl=on" if self.gl else ""))

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()
        self.open()

    def teardown(self):
        if self.viewer:
            self.viewer.close()
        super().teardown()
        self._stack.close()

    def open(self):
        self.viewer = VgpuScreen(
            "--kms", "--dbus", self.bus.address,
            environment=dict(os.environ, **SEAT))

    def expect(self, mode, composed):
        want = composed.checksum()

        def look():
            self.viewer.expect_alive()
            assert kms.mode() == mode, (kms.mode(), self.viewer.said())
            got = kms.checksum()
            assert got == want, (hex(got), hex(want), self.viewer.said())
            return True
        until("the monitor", look)

    def expect_picture_on(self, mode, picture):
        left = (mode[0] - picture.width) // 2
        top = (mode[1] - picture.height) // 2
        self.expect(mode, kms.Screen(*mode).picture(picture, left, top))

    def scans(self):
        """How often QEMU has read any of the guest's planes."""
        return self.vm.vgpu("gpu0")["scans"]

    def test_quit_leaves_nothing(self):
        """nothing was complained of, and QEMU ends: so does the viewer"""
        assert "warning" not in self.viewer.said(), self.viewer.said()
        super().test_quit_leaves_nothing()
        assert self.viewer.wait() == screen.LEFT, self.viewer.said()


class ScreenKms(ScreenGroup):
    """Buffers of our own vGPU, on the monitor as they are."""

    kind = "vgpu-all"
    # Whether the picture is on a plane, and so not copied.
    direct = True

    def __init__(self):
        super().__init__()
        self.planes = None

    def setup(self):
        super().setup()
        self.planes = Planes(self.vm, "gpu0")

    def show(self, number, size):
        picture = oracle.pattern(CHECKS, *size, number)
        self.planes.show(PRIMARY, layers.of_picture(picture),
                         number % 3 * PAGE)
        return picture

    def expect_way(self, before, planes):
        """How it came to the monitor since then."""
        _, used, _, _, copied = self.viewer.counted()
        if self.direct:
            assert used == planes, self.viewer.seconds()
            assert copied == before[4], self.viewer.seconds()
        else:
            assert copied > before[4], self.viewer.seconds()

    def test_monitor_s_own(self):
        """the guest is told of the monitor's own mode and refresh rate"""
        def look():
            edid = self.planes.edid()
            assert len(edid) >= 128, "it is unplugged"
            # Its first detailed timing: VESA's E-EDID, section 3.10.2.
            size = (edid[56] | (edid[58] & 0xf0) << 4,
                    edid[59] | (edid[61] & 0xf0) << 4)
            assert size == (1024, 768), size
            total = ((size[0] + edid[57] + (edid[58] & 15) * 256)
                     * (size[1] + edid[60] + (edid[61] & 15) * 256))
            rate = 10000 * int.from_bytes(edid[54:56], "little") / total
            assert 59 < rate < 61, rate
            return True
        until("the EDID", look)

    def test_modes(self):
        """the guest's modes, and those that the monitor has not: centred"""
        self.expect_picture_on((640, 480), self.show(0, (640, 480)))
        before, scans = self.viewer.counted(), self.scans()
        for number, (size, mode) in enumerate((
                ((1024, 768), (1024, 768)), ((700, 500), (800, 600)),
                ((640, 480), (640, 480))), 1):
            self.expect_picture_on(mode, self.show(number, size))
        self.expect_way(before, 1)
        if self.direct:
            assert self.scans() == scans, self.vm.vgpu("gpu0")

    def test_flips(self):
        """flips between buffers"""
        before = self.viewer.counted()
        for number in range(4):
            self.expect_picture_on((640, 480), self.show(number, (640, 480)))
        self.expect_way(before, 1)

    # Of every alpha: the driver's arithmetic is the reference's.
    cursor = layers.noise(ARGB, 48, 40, 3)

    def test_cursor(self):
        """a cursor, over each edge and off the screen"""
        picture = self.show(0, (640, 480))
        image = self.cursor
        self.expect_picture_on((640, 480), picture)
        before = self.viewer.counted()
        for left, top in ((100, 80), (-20, 50), (620, 50), (100, -15),
                          (100, 460), (-24, -20), (700, 500)):
            self.planes.show(CURSOR, image, CURSOR_PAGE, x=left, y=top,
                             hot_x=7, hot_y=5)
            self.expect((640, 480), kms.Screen(640, 480).picture(picture)
                        .over(image, left, top))
        self.planes.show(CURSOR, image, CURSOR_PAGE, x=10, y=20)
        self.expect((640, 480), kms.Screen(640, 480).picture(picture)
                    .over(image, 10, 20))
        if self.direct:
            self.expect_way(before, 2)
        self.planes.hide(CURSOR)
        self.expect_picture_on((640, 480), picture)

    # The nearer one first: it is the order of zpos that counts.
    overlays = (layers.noise(ARGB, 80, 72, 6), layers.noise(XRGB, 96, 64, 5))

    def expect_planes(self, picture, *places):
        """Two overlays and the cursor, at once; None: not there."""
        want = kms.Screen(640, 480).picture(picture)
        images = (*self.overlays, self.cursor)
        for number, (plane, image, place) in enumerate(zip(
                (*OVERLAYS[:2], CURSOR), images, places)):
            if place:
                self.planes.show(plane, image, CURSOR_PAGE + number * PAGE,
                                 commit=False, x=place[0], y=place[1],
                                 zpos=9 - number)
            else:
                self.planes.program(plane, commit=False, enable=0)
        self.planes.commit()
        for number in (1, 0, 2):
            if places[number]:
                want.over(images[number], *places[number])
        self.expect((640, 480), want)

    def test_overlays(self):
        """two overlays and a cursor, over each edge: nobody reads anything"""
        picture = self.show(0, (640, 480))
        self.expect_planes(picture, (100, 80), (130, 100), (150, 120))
        before, scans = self.viewer.counted(), self.scans()
        for places in (
                ((-20, 50), (600, 50), (100, -15)),
                ((100, -30), (120, 440), (-20, 50)),
                ((-40, -40), (590, 450), (620, 460)),
                ((200, 100), None, (210, 110)),
                ((300, 200), (310, 210), (320, 220))):
            self.expect_planes(picture, *places)
        picture = self.show(1, (640, 480))
        self.expect_planes(picture, (300, 200), (310, 210), (320, 220))
        self.expect_way(before, 4)
        if self.direct:
            assert self.scans() == scans, self.vm.vgpu("gpu0")
        self.expect_planes(picture, None, None, None)

    def test_refused(self):
        """an overlay that nobody can show here: QEMU composes the picture"""
        picture = self.show(0, (640, 480))
        self.expect_picture_on((640, 480), picture)
        self.planes.show(OVERLAYS[0], layers.noise(NV12, 96, 64, 4),
                         CURSOR_PAGE + PAGE, x=100, y=80)

        def look():
            composed = self.vm.screendump()
            assert composed.difference(picture), "no overlay"
            want = kms.Screen(640, 480).picture(composed).checksum()
            assert kms.checksum() == want, self.viewer.said()
            return True
        until("the composed picture", look)
        self.planes.hide(OVERLAYS[0])
        self.expect_picture_on((640, 480), picture)
        self.viewer.close()
        self.open()
        self.expect_picture_on((640, 480), picture)

    def test_off_and_on(self):
        """the guest's display off and on"""
        picture = self.show(1, (640, 480))
        self.expect_picture_on((640, 480), picture)
        want = kms.Screen(640, 480).picture(picture).checksum()
        self.planes.hide(PRIMARY)
        until("something else", lambda: kms.checksum() != want)
        self.expect_picture_on((640, 480), self.show(2, (640, 480)))

    def test_monitor(self):
        """the monitor is unplugged, and plugged in again"""
        self.expect_picture_on((640, 480), self.show(0, (640, 480)))
        kms.connector("off")
        self.show(1, (640, 480))
        self.viewer.expect_alive()
        kms.connector("on")
        self.expect_picture_on((640, 480), self.show(2, (640, 480)))

    def test_second(self):
        """who else wants the monitor is told who has it"""
        with VgpuScreen("--kms", "--dbus", self.bus.address,
                        environment=dict(os.environ, **SEAT)) as second:
            assert second.wait() == screen.NO_OUTPUT, second.said()
            assert "(process " in second.said(), second.said()

    def test_reset(self):
        """the machine is reset"""
        self.expect_picture_on((640, 480), self.show(0, (640, 480)))
        self.vm.qmp.command("system_reset")
        self.vm.guest.wait_ready()
        self.planes = Planes(self.vm, "gpu0")
        self.expect_picture_on((800, 600), self.show(1, (800, 600)))

    def test_unplugged(self):
        """the vGPU is unplugged with planes on screen, and plugged in again"""
        picture = self.show(0, (640, 480))
        self.expect_planes(picture, (300, 200), (310, 210), (320, 220))
        want = kms.checksum()
        self.vm.qmp.command("device_del", id="gpu0")
        self.vm.guest.command(f"eject {SLOT}")
        self.vm.qmp.wait_event("DEVICE_DELETED", device="gpu0")
        until("something else", lambda: kms.checksum() != want)
        self.viewer.expect_alive()
        self.vm.qmp.command("device_add", driver="vfio-pci", id="gpu0",
                            addr=f"{SLOT:#x}", sysfsdev=self.mdev.path,
                            display="on")
        self.vm.guest.command("scan")
        self.planes = Planes(self.vm, "gpu0")
        self.expect_picture_on((800, 600), self.show(1, (800, 600)))

    def test_killed(self):
        """the viewer is killed: the next one shows what is there"""
        for number in range(4):
            size = ((640, 480), (800, 600))[number % 2]
            picture = self.show(number, size)
            if number % 2:
                self.expect_picture_on(size, picture)
            self.viewer.kill()
            self.viewer.close()
            self.open()
            self.expect_picture_on(size, picture)
        self.vm.qmp.command("query-status")


class ScreenSeat(ScreenKms):
    """Another session takes the seat, and gives it back."""

    @classmethod
    def cases(cls):
        return ["test_switches", "test_quit_leaves_nothing"]

    def open(self):
        self._folder = self._stack.enter_context(
            tempfile.TemporaryDirectory(prefix="vgpu-lab-"))
        library = f"{self._folder}/fake-seat.so"
        flags = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "libdrm"], check=True,
            capture_output=True, text=True).stdout.split()
        subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-o", library,
                        os.path.join(HERE, "..", "fake-seat.c"), *flags],
                       check=True)
        self._orders = f"{self._folder}/seat"
        os.mkfifo(self._orders)
        with open(self._orders + ".done", "wb"):
            pass
        self.viewer = VgpuScreen(
            "--kms", "--dbus", self.bus.address,
            environment=dict(os.environ, LD_PRELOAD=library,
                             VGPU_FAKE_SEAT=self._orders))

    def order(self, orders):
        """Obeyed once it returns."""
        size = os.path.getsize(self._orders + ".done") + len(orders)
        with open(self._orders, "wb", buffering=0) as fifo:
            fifo.write(orders)
        until("the seat", lambda: os.path.getsize(self._orders + ".done")
              == size, pause=0.01)

    def test_switches(self):
        """200 times, while the guest draws and while it does not"""
        self.expect_picture_on((640, 480), self.show(0, (640, 480)))
        for number in range(100):
            self.order(b"-")
            if number % 25 == 0:
                picture = self.show(number, ((640, 480),
                                             (800, 600))[number // 25 % 2])
            self.order(b"+")
            if number % 25 == 0:
                self.expect_picture_on((picture.width, picture.height),
                                       picture)
        # Faster than anything can be shown.
        self.order(b"-+" * 100)
        self.expect_picture_on((picture.width, picture.height), picture)
        assert "warning" not in self.viewer.said(), self.viewer.said()


class ScreenKmsPixels(ScreenKms):
    """No OpenGL: QEMU sends pixels, which are copied by damage."""

    gl = False
    direct = False

    @classmethod
    def cases(cls):
        return ["test_modes", "test_cursor", "test_damage",
                "test_quit_leaves_nothing"]

    def test_damage(self):
        """a small change is copied, and no more"""
        picture = self.show(0, (640, 480))
        self.expect_picture_on((640, 480), picture)
        for number in range(2):
            # By the second one both of the viewer's copies are whole.
            before = self.viewer.counted()[4]
            self.planes.write(4 * (200 * 640 + 100),
                              bytes((number, 0x22, 0x33, 0)) * 16)
            picture = picture.with_fill(100, 200, 16, 1, 0x332200 + number)
            self.expect_picture_on((640, 480), picture)
            copied = self.viewer.counted()[4] - before
        assert 0 < copied < 640 * 480, copied


class ScreenKmsOnePlane(ScreenKms):
    """There is no plane for the cursor: it is part of a copy, when it shows."""

    boot = "one-plane"
    direct = False
    # What is copied is rounded to 8 bits.
    cursor = layers.Image(ARGB, 48, 40, 192, b"".join(
        bytes((5 * x, 6 * y, x ^ y, 255)) for y in range(40)
        for x in range(48)))
    overlays = (layers.noise(XRGB, 80, 72, 6), layers.noise(XRGB, 96, 64, 5))

    @classmethod
    def cases(cls):
        return ["test_cursor", "test_overlays", "test_without",
                "test_quit_leaves_nothing"]

    def test_without(self):
        """without a cursor the guest's buffer is shown as it is"""
        self.planes.hide(CURSOR)
        # The buffer that was on screen with the cursor.
        self.expect_picture_on((640, 480), self.show(3, (640, 480)))
        before = self.viewer.counted()
        self.expect_picture_on((640, 480), self.show(6, (640, 480)))
        after = self.viewer.counted()
        assert after[1] == 1 and after[4] == before[4], self.viewer.seconds()


class ScreenKmsRegion(ScreenKmsPixels):
    """The same of a region."""

    kind = "vgpu-region"

    @classmethod
    def cases(cls):
        return ["test_damage", "test_quit_leaves_nothing"]


class ScreenKmsMbochs(ScreenGroup):
    """Buffers that vkms takes, and then cannot read: copied."""

    kind = "mbochs-medium"

    def test_modes(self):
        """modes, and changes within one"""
        for number, size in enumerate(((640, 480), (1024, 768), (640, 480))):
            self.vm.guest.mode(*size)
            for frame in 2 * number, 2 * number + 1:
                self.vm.guest.pattern(CHECKS, frame)
                self.expect_picture_on(
                    size, oracle.pattern(CHECKS, *size, frame))
        assert "it is copied" in self.viewer.said(), self.viewer.said()
        assert self.viewer.counted()[1] == 0, self.viewer.seconds()


class ScreenKmsTold(Group):
    """Buffers of a guest that is not there: the test draws into them."""

    SEEN = 16

    def configure(self, vm):
        raise NotImplementedError("there is no machine")

    def setup(self):
        screen.need()
        self._stack = contextlib.ExitStack()
        bus = self._stack.enter_context(dbus.Bus())
        self.qemu = self._stack.enter_context(FakeQemu(bus))
        self.viewer = self._stack.enter_context(
            VgpuScreen("--kms", "--dbus", bus.address,
                       environment=dict(os.environ, **SEAT)))

    def teardown(self):
        self._stack.close()

    def flip(self, size, frames):
        """Flips two buffers, each of which is drawn when it is free.

        Returns the checksums of what was on screen, and of what was drawn.
        """
        colours = [0xff000000 | oracle.mix(number)
                   for number in range(self.SEEN)]
        buffers = [Buffer(*size, real=True) for _ in range(2)]
        for buffer in buffers:
            buffer.fill(colours[0])
            self.qemu.show(buffer)
        until("the mode", lambda: kms.mode() == size)
        with kms.Frames() as seen:
            for number in range(frames):
                buffer = buffers[number % 2]
                buffer.fill(colours[number % self.SEEN])
                self.qemu.show(buffer)
        for buffer in buffers:
            buffer.close()
        return seen.checksums, {
            kms.Screen(*size).filled(colour).checksum() for colour in colours}

    def test_released(self):
        """a guest that draws into what is free: no frame is torn"""
        count = 10000 if FULL else 500
        seen, drawn = self.flip((320, 240), count)
        torn = [hex(checksum) for checksum in seen if checksum not in drawn]
        frames, planes, _, held, copied = self.viewer.counted()
        # But where the clock answered, as it must on a machine that stood.
        assert len(torn) <= 2 * held < count / 50, (torn[:9], len(torn), held)
        # The guest runs at the monitor's rate, and not ahead of it.
        assert len(seen) >= count - 2 - held, (len(seen), held)
        assert frames >= count - held and planes == 1, self.viewer.seconds()
        assert not copied, self.viewer.seconds()

    def rate(self, frames):
        """Flips in a second; nobody draws, and no checksum is computed."""
        buffers = [Buffer(640, 480, real=True) for _ in range(2)]
        for number in range(10):
            self.qemu.show(buffers[number % 2])
        begun = time.monotonic()
        for number in range(frames):
            self.qemu.show(buffers[number % 2])
        took = time.monotonic() - begun
        for buffer in buffers:
            buffer.close()
        return frames / took

    def test_rate(self):
        """a minute of flips, one for each of the monitor's frames"""
        if not FULL:
            raise Skip("a minute: VGPU_TEST_FULL=1")
        rate = self.rate(3600)
        assert 59 <= rate <= 61, (rate, self.viewer.seconds())

    # Nothing of its arithmetic is rounded; where alpha is 0, colours are not.
    straight = layers.Image(ARGB, 48, 40, 192, b"".join(
        bytes((5 * x, 6 * y, x ^ y, 255 * ((x ^ y) & 1))) for y in range(40)
        for x in range(48)), straight=True)

    def put_cursor(self, *buffers):
        """The buffer of that image, at (100, 80), or none."""
        planes = [(1, [0], [0], [192], ARGB, 0, 48, 40, 100, 80, 48, 40, 1,
                   0, 0)] * len(buffers)
        self.qemu.tell("SetPlanes", "(a(uahauauutuuiiuuuii))", (planes,),
                       [buffer.fd for buffer in buffers], interface=PLANES)
        self.qemu.tell("UpdateDMABUF", "(iiii)", (0, 0, 0, 0))

    def test_straight(self):
        """a cursor whose colours are not multiplied by alpha, and then none"""
        buffers = [Buffer(640, 480, real=True) for _ in range(2)]
        cursor = Buffer(48, 40, real=True)
        cursor.memory[:len(self.straight.data)] = self.straight.data
        for number, cursors in enumerate(([cursor], [])):
            colour = 0xff000000 | oracle.mix(number)
            buffers[number].fill(colour)
            self.qemu.show(buffers[number])
            self.put_cursor(*cursors)
            want = kms.Screen(640, 480).filled(colour)
            if cursors:
                want.over(self.straight, 100, 80)
            want = want.checksum()
            until("the monitor",
                  lambda want=want: kms.checksum() == want)
            # The cursor's copy has a plane, too: nothing else is copied.
            _, planes, _, _, copied = self.viewer.counted()
            assert planes == 1 + len(cursors), self.viewer.seconds()
            assert not copied, self.viewer.seconds()
        for buffer in (*buffers, cursor):
            buffer.close()

    def test_quit_leaves_nothing(self):
        """nothing was complained of"""
        assert "warning" not in self.viewer.said(), self.viewer.said()


class ScreenKmsRefused(Group):
    """Who cannot have the monitor is told why; there is no machine."""

    def configure(self, vm):
        raise NotImplementedError("there is no machine")

    def setup(self):
        screen.need()

    def test_list(self):
        """--list: the connector, its modes and its planes"""
        said = subprocess.run([paths.SCREEN, "--list"], check=True, text=True,
                              capture_output=True).stdout
        assert "Virtual-1 (card" in said and "vkms): connected" in said, said
        assert "1024x768" in said and "preferred" in said, said
        assert "planes: 1 primary," in said, said

    def test_quit_leaves_nothing(self):
        """nothing was left"""
