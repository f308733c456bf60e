# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own vGPU through QEMU: modes, formats, buffers, EDID, reset."""

import tempfile

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.machine import Machine
from vgpulab.oracle import CHECKS, NOISE, RAMP, SOLID
from vgpulab.rfb import RAW, TIGHT, Rfb
from vgpulab.wait import until

MODES = [(640, 480), (800, 600), (1024, 768), (1280, 720), (1366, 768),
         (1920, 1080), (1600, 1200)]


class VgpuBasic(Group):
    """What holds for every way a frame can take."""

    kind = "vgpu-all"
    path = None
    options = "display=on"

    def __init__(self):
        super().__init__()
        self.mdev = None

    @classmethod
    def cases(cls):
        # What the classes below share, and no test itself.
        return [] if cls is VgpuBasic else super().cases()

    def configure(self, vm):
        vm.add_guest()
        self.mdev = vm.add_vgpu(self.kind, "gpu0", 5, options=self.options)
        vm.add_vnc()

    def setup(self):
        super().setup()
        gpus = self.vm.guest.wait_ready()
        assert gpus == 1, f"the guest found {gpus} devices"

    def draw(self, width, height, kind, frame=0):
        """Set a mode, draw, and return what must be on screen."""
        self.vm.guest.mode(width, height)
        self.vm.guest.pattern(kind, frame)
        return oracle.pattern(kind, width, height, frame)

    def test_path(self):
        """frames come the way that they should"""
        self.draw(1024, 768, SOLID)
        self.expect_path("gpu0", self.path)

    def test_modes(self):
        """every mode, whole to the last row, by screendump"""
        for frame, (width, height) in enumerate(MODES):
            self.expect_screen(self.draw(width, height, CHECKS, frame))

    def test_vnc(self):
        """modes change while a viewer watches"""
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            for frame, (width, height) in enumerate(MODES[:4]):
                viewer.wait_for(self.draw(width, height, RAMP, frame),
                                f"{width}x{height}")

    def test_tight(self):
        """tight encoding"""
        with Rfb(self.vm.vnc_display, TIGHT) as viewer:
            viewer.wait_for(self.draw(800, 600, NOISE, 1), "tight")

    def test_padded_stride(self):
        """rows that are longer than the screen is wide"""
        self.vm.guest.mode(640, 480, 1024)
        self.vm.guest.pattern(NOISE, 5)
        self.expect_screen(oracle.pattern(NOISE, 640, 480, 5))

    def test_flips(self):
        """page flips, by one register: the page that was shown last"""
        guest, pages = self.vm.guest, 4
        self.draw(640, 480, CHECKS)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            guest.command(f"flip {pages}")
            until("60 flips", lambda: self.flipped(viewer) >= 60, pause=0)
            step = guest.stop()
            viewer.wait_for(oracle.pattern(CHECKS, 640, 480, step % pages),
                            f"page {step % pages}")

    def flipped(self, viewer):
        if viewer.pending():
            viewer.update()
        return self.vm.guest.drawn()

    def test_box(self):
        """a box ends where it was drawn last, reported or not"""
        guest = self.vm.guest
        background = self.draw(800, 600, RAMP)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            for report in 0, 1:
                guest.command(f"report {report}")
                guest.command("box 64")
                until("30 steps", lambda: self.flipped(viewer) >= 30, pause=0)
                step = guest.stop()
                viewer.wait_for(oracle.with_box(background, step, 64),
                                f"the box of step {step}")
                guest.pattern(RAMP)
            guest.command("report 0")

    def test_off_and_on(self):
        """display off: words; and on again"""
        want = self.draw(1024, 768, CHECKS, 6)
        self.expect_screen(want)
        self.vm.guest.command("off")

        def look():
            picture = self.vm.screendump()
            if picture == want:
                return False
            self.expect_words(picture)
            return True
        until("words", look, pause=0.02)
        self.vm.guest.command("on")
        self.expect_screen(want)

    def test_reset(self):
        """the machine is reset, and with it the device"""
        self.expect_screen(self.draw(1024, 768, CHECKS, 7))
        self.vm.qmp.command("system_reset")
        self.vm.guest.wait_ready()
        self.expect_screen(self.draw(800, 600, CHECKS, 8))

    def test_no_warnings(self):
        """no fault, no warning, the EDID was taken, migration not blocked"""
        until("the link to be up", lambda: self.mdev.count("link_up"))
        assert self.vm.vgpu("gpu0")["faults"] == []
        assert self.vm.warnings() == [], self.vm.warnings()
        info = self.vm.qmp.command("query-migrate")
        assert "blocked-reasons" not in info, info


class VgpuDmabuf(VgpuBasic):
    """A vGPU that offers dma-bufs alone."""

    kind = "vgpu-dmabuf"
    path = "mmap"

    def test_ids(self):
        """a buffer is fetched once, however often it is shown"""
        guest, pages = self.vm.guest, 3
        self.draw(640, 480, CHECKS)
        guest.command(f"flip {pages} 1000000")
        for page in range(pages):
            guest.command(f"pan 0 {page * 480}")
            self.expect_screen(oracle.pattern(CHECKS, 640, 480, page))
        gets = self.mdev.count("gets")
        for page in list(range(pages)) * 3:
            guest.command(f"pan 0 {page * 480}")
            self.expect_screen(oracle.pattern(CHECKS, 640, 480, page))
        assert self.mdev.count("gets") == gets

    def test_buffers_given_back(self):
        """many modes leave no more buffers open than the cache keeps"""
        for frame in range(40):
            width = 640 + 8 * frame
            self.expect_screen(self.draw(width, 480, SOLID, frame))
        live = self.mdev.count("live_buffers")
        assert live <= 16, f"{live} buffers"


class VgpuRegion(VgpuBasic):
    """A vGPU that offers a region alone."""

    kind = "vgpu-region"
    path = "region"


class VgpuAll(VgpuBasic):
    """Everything offered, and one way forced."""

    @classmethod
    def cases(cls):
        return [] if cls is VgpuAll else [
            "test_path", "test_vnc", "test_flips", "test_box",
            "test_quit_leaves_nothing"]


class VgpuAllMmap(VgpuAll):
    """Dma-bufs forced."""

    path = "mmap"
    options = "display=on,x-display-path=mmap"


class VgpuAllRegion(VgpuAll):
    """The region forced."""

    path = "region"
    options = "display=on,x-display-path=region"


class VgpuMetadataPage(VgpuBasic):
    """A vGPU that offers the metadata region alone."""

    kind = "vgpu-metadata"
    path = "metadata"


class VgpuUhd(VgpuBasic):
    """3840x2160, two pages, in dma-bufs."""

    kind = "vgpu-dmabuf"
    path = "mmap"

    @classmethod
    def cases(cls):
        return ["test_uhd", "test_quit_leaves_nothing"]

    def test_uhd(self):
        """3840x2160: drawn, and flipped to the second page"""
        guest = self.vm.guest
        guest.mode(3840, 2160)
        guest.pattern(CHECKS, 1, 0)
        guest.pattern(SOLID, 2, 1)
        self.expect_screen(oracle.pattern(CHECKS, 3840, 2160, 1))
        guest.command("pan 0 2160")
        self.expect_screen(oracle.pattern(SOLID, 3840, 2160, 2))


class VgpuMoves(VgpuBasic):
    """A machine moves to another QEMU and another vGPU, and back."""

    kind = "vgpu-dmabuf"

    @classmethod
    def cases(cls):
        return ["test_there_and_back", "test_paused",
                "test_while_drawing", "test_quit_leaves_nothing"]

    def teardown(self):
        super().teardown()
        for vm in self.left:
            vm.close()

    def __init__(self):
        super().__init__()
        self.left = []

    def move(self, qemu=None, *args):
        """Migrates through a file; self.vm is the destination then.

        qemu: the destination's emulator, if not the one that is tested
        args: more of its arguments
        """
        source, target = self.vm, Machine(qemu)
        self.left.append(source)
        self.vm = target
        self.configure(target)
        target.add_args("-incoming", "defer", *args)
        target.start()
        with tempfile.NamedTemporaryFile() as stream:
            for vm, command in ((source, "migrate"),
                                (target, "migrate-incoming")):
                vm.qmp.command(command, uri=f"file:{stream.name}")
                until(f"{command} to end", lambda: self.moved(vm))
        source.quit()

    @staticmethod
    def moved(vm):
        info = vm.qmp.command("query-migrate")
        assert info.get("status") != "failed", info
        assert info.get("status") == "completed", info
        return True

    def test_paused(self):
        """what was saved is there when the machine is told to run, not before

        Its stream is closed by then. Then from a paused machine, too.
        """
        want = self.draw(1024, 768, NOISE, 1)
        self.expect_screen(want)
        self.move(None, "-S")
        assert self.vm.qmp.command("query-status")["status"] == "paused"
        self.vm.qmp.command("cont")
        self.expect_screen(want)
        want = self.draw(800, 600, CHECKS, 1)
        self.expect_screen(want)
        self.vm.qmp.command("stop")
        self.move(None, "-S")
        self.move(None, "-S")
        self.vm.qmp.command("cont")
        self.expect_screen(want)

    def test_while_drawing(self):
        """all of 64 MB is used, and the guest draws on

        That is more than goes along in the time that a machine is stopped for.
        """
        self.vm.guest.mode(3840, 2160)
        self.vm.guest.pattern(NOISE, 1, 1)
        background = self.draw(3840, 2160, RAMP)
        self.vm.guest.command("box 64")
        self.move()
        step = self.vm.guest.stop()
        self.expect_screen(oracle.with_box(background, step, 64))

    def test_there_and_back(self):
        """what was drawn, and what is drawn afterwards"""
        want = self.draw(1024, 768, NOISE, 1)
        self.expect_screen(want)
        for frame in range(2):
            self.move()
            self.expect_screen(want)
            want = self.draw(800, 600, CHECKS, frame)
            self.expect_screen(want)
