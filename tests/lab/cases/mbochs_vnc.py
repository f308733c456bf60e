# SPDX-License-Identifier: GPL-2.0-or-later
"""A dma-buf vGPU (mbochs) and VNC viewers."""

import time

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.oracle import CHECKS, NOISE, RAMP, SOLID
from vgpulab.rfb import RAW, TIGHT, Rfb
from vgpulab.viewers.vnc import TigerVnc, gvnccapture
from vgpulab.wait import until

# The guest's "cycle" command goes through these.
CYCLE = [(640, 480), (800, 600), (1024, 768), (1280, 720)]

# mbochs cannot map the page in which an 800x600 picture ends.
READABLE_ROWS = {(800, 600): 599}


def screen(kind, width, height, frame=0):
    """The pattern as far as the device lets anybody read it."""
    picture = oracle.pattern(kind, width, height, frame)
    rows = READABLE_ROWS.get((width, height), height)
    return picture.with_black_below(rows)


class MbochsVnc(Group):
    """-vnc, no OpenGL."""

    def configure(self, vm):
        vm.add_guest()
        vm.add_vgpu("mbochs-medium", "gpu0", 5, options="display=on")
        vm.add_vnc()

    def setup(self):
        super().setup()
        gpus = self.vm.guest.wait_ready()
        assert gpus == 1, f"the guest found {gpus} devices"

    def draw(self, width, height, kind, frame=0):
        """Set a mode, draw, and return what must be on screen."""
        self.vm.guest.mode(width, height)
        self.vm.guest.pattern(kind, frame)
        return screen(kind, width, height, frame)

    def viewer(self, encoding=RAW):
        return Rfb(self.vm.vnc_display, encoding)

    def test_nothing_shown_yet(self):
        """no plane, no picture, but a running machine"""
        self.expect_path("gpu0", "none")
        self.expect_words(self.vm.screendump())
        assert self.vm.qmp.command("query-status")["running"]

    def test_screendump_ppm(self):
        """1024x768 by screendump, ppm"""
        self.expect_screen(self.draw(1024, 768, NOISE))

    def test_screendump_png(self):
        """1024x768 by screendump, png"""
        self.expect_screen(self.draw(1024, 768, RAMP), "png")

    def test_path_is_mmap(self):
        """frames come by mapping the dma-buf"""
        self.expect_path("gpu0", "mmap")
        info = self.vm.vgpu("gpu0")
        assert (info["width"], info["height"]) == (1024, 768), info

    def test_vnc_raw(self):
        """1024x768 through VNC, raw"""
        with self.viewer(RAW) as viewer:
            for kind in RAMP, NOISE:
                want = self.draw(1024, 768, kind, 1)
                viewer.wait_for(want, f"pattern {kind}, raw")

    def test_vnc_tight(self):
        """1024x768 through VNC, tight at lossless quality"""
        with self.viewer(TIGHT) as viewer:
            for kind in SOLID, RAMP, NOISE, CHECKS:
                want = self.draw(1024, 768, kind, 2)
                viewer.wait_for(want, f"pattern {kind}, tight")

    def test_gvnccapture(self):
        """1024x768 in a packaged viewer: gtk-vnc"""
        want = self.draw(1024, 768, CHECKS, 3)
        self.expect_screen(want)
        self.expect_picture(
            lambda: gvnccapture(self.vm.vnc_display), want,
            "gvnccapture")

    def test_tigervnc(self):
        """1024x768 in a packaged viewer: TigerVNC, tight without JPEG"""
        want = self.draw(1024, 768, RAMP, 4)
        with TigerVnc(
                self.vm.vnc_display, 1024, 768,
                *TigerVnc.LOSSLESS) as viewer:
            self.expect_picture(
                lambda: viewer.find(want), want, "TigerVNC")

    def test_no_opengl(self):
        """no OpenGL driver was loaded for any of this"""
        assert self.vm.gl_libraries() == []

    def test_800x600(self):
        """800x600: 599 rows exact, the last one black, one warning at most"""
        before = self.vm.warnings()
        for frame in range(3):
            self.expect_screen(self.draw(800, 600, NOISE, frame))
            self.expect_screen(self.draw(640, 480, SOLID, frame))
        warned = self.new_warnings(before)
        assert len(warned) <= 1, warned

    def test_padded_stride(self):
        """rows that are longer than the screen is wide"""
        self.vm.guest.mode(640, 480, 1024)
        self.vm.guest.pattern(NOISE, 5)
        self.expect_screen(oracle.pattern(NOISE, 640, 480, 5))

    def test_mode_changes_raw(self):
        """mode changes while a raw viewer watches"""
        self.watch_mode_changes(RAW)

    def test_mode_changes_tight(self):
        """mode changes while a tight viewer watches"""
        self.watch_mode_changes(TIGHT)

    def watch_mode_changes(self, encoding):
        sizes = [(640, 480), (1024, 768), (1280, 720), (1600, 1200),
                 (800, 600), (640, 480)]
        with self.viewer(encoding) as viewer:
            for frame, (width, height) in enumerate(sizes):
                want = self.draw(width, height, CHECKS, frame)
                viewer.wait_for(want, f"{width}x{height}")

    def test_fast_mode_changes(self):
        """mode changes faster than anybody can follow"""
        guest = self.vm.guest
        self.draw(640, 480, SOLID)
        with self.viewer() as viewer:
            guest.command("cycle 3")
            self.watch(viewer, lambda: guest.drawn() >= 40)
            step = guest.stop()
            want = screen(SOLID, *CYCLE[step % len(CYCLE)], step)
            viewer.wait_for(want, f"the mode of step {step}")

    @staticmethod
    def watch(viewer, condition):
        """Take updates until condition() is true."""
        def look():
            if viewer.pending():
                viewer.update()
            return condition()
        until("the guest's animation", look, pause=0)

    def test_box(self):
        """an animated box ends where the guest drew it last"""
        guest = self.vm.guest
        background = self.draw(1024, 768, RAMP)
        for encoding in RAW, TIGHT:
            with self.viewer(encoding) as viewer:
                guest.command("box 64")
                self.watch(viewer, lambda: guest.drawn() >= 60)
                step = guest.stop()
                viewer.wait_for(oracle.with_box(background, step, 64),
                                f"the box of step {step}")
                assert viewer.updates > 2, viewer.updates
            guest.pattern(RAMP)

    def test_off_and_on(self):
        """display off: the last frame, then a placeholder; and on again"""
        want = self.draw(1024, 768, CHECKS, 6)
        with self.viewer() as viewer:
            viewer.wait_for(want, "the picture")
            self.vm.guest.command("off")
            self.expect_only_then_words(want)
            self.expect_path("gpu0", "none")
            viewer.wait_for(self.vm.screendump(), "the words")
            self.vm.guest.command("on")
            viewer.wait_for(want, "the picture after it came back")
        self.expect_path("gpu0", "mmap")

    def expect_only_then_words(self, last):
        """Each screendump shows the last frame, from some point words."""
        def look():
            picture = self.vm.screendump()
            if picture == last:
                return False
            self.expect_words(picture)
            return True
        until("words", look, pause=0.02)

    def test_page_flips(self):
        """10 s of page flips: every buffer fetched once, no fd more"""
        guest, pages = self.vm.guest, 8
        self.draw(640, 480, CHECKS)
        guest.command(f"flip {pages} 1000000")
        with self.viewer() as viewer:
            for page in range(pages):
                guest.command(f"pan 0 {page * 480}")
                viewer.wait_for(oracle.pattern(CHECKS, 640, 480, page),
                                f"page {page}")
            before = self.vm.vgpu("gpu0")
            fds = sorted(self.vm.fds())
            guest.command(f"flip {pages}")
            end = time.monotonic() + 10
            while time.monotonic() < end:
                if viewer.pending():
                    viewer.update()
                assert sorted(self.vm.fds()) == fds, (fds, self.vm.fds())
            step = guest.stop()
            viewer.wait_for(oracle.pattern(CHECKS, 640, 480, step % pages),
                            f"page {step % pages}")
        after = self.vm.vgpu("gpu0")
        assert after["cache-misses"] == before["cache-misses"], (before, after)
        assert after["cache-hits"] > before["cache-hits"], (before, after)

    def test_bad_offset(self):
        """a buffer that the driver cannot export: no garbage, recovers"""
        good = self.draw(800, 600, CHECKS, 7)
        self.expect_screen(good)
        before = self.vm.warnings()
        with self.viewer() as viewer:
            viewer.wait_for(good, "the picture")
            # 3200 bytes down is in the middle of a page.
            self.vm.guest.command("pan 0 1")
            faults = self.vm.vgpu("gpu0")["faults"]
            until("a fault to be counted",
                  lambda: self.vm.vgpu("gpu0")["faults"] != faults)
            picture = self.vm.screendump()
            if picture != good:
                self.expect_words(picture)
            again = self.draw(640, 480, CHECKS, 8)
            viewer.wait_for(again, "the next picture")
        warned = self.new_warnings(before)
        assert len(warned) <= 2, warned

    def test_stop_and_cont(self):
        """the picture stays while the machine is stopped"""
        want = self.draw(1024, 768, CHECKS, 9)
        self.expect_screen(want)
        with self.viewer(TIGHT) as viewer:
            self.vm.qmp.command("stop")
            try:
                self.expect_screen(want)
                viewer.wait_for(want, "the picture of a stopped machine")
            finally:
                self.vm.qmp.command("cont")
            viewer.wait_for(self.draw(1024, 768, CHECKS, 10),
                            "a new picture")

    def test_viewers_come_and_go(self):
        """viewers come and go, some in the middle of an update"""
        guest = self.vm.guest
        want = self.draw(640, 480, CHECKS, 11)
        with self.viewer() as viewer:
            viewer.wait_for(want, "the picture")
        fds = self.settled_fds()
        guest.command("box 64")
        for round_ in range(12):
            with self.viewer((RAW, TIGHT)[round_ % 2]) as viewer:
                if round_ % 3:
                    viewer.update()
        step = guest.stop()
        with self.viewer() as viewer:
            viewer.wait_for(oracle.with_box(want, step, 64), "the last box")
        until("as many open files as before",
              lambda: len(self.vm.fds()) == fds)

    def settled_fds(self):
        """How many files are open once closed connections are gone."""
        counts = []

        def look():
            counts.append(len(self.vm.fds()))
            return len(counts) > 5 and len(set(counts[-5:])) == 1
        until("a constant number of open files", look, pause=0.1)
        return counts[-1]

    def test_reset(self):
        """system reset while a viewer watches"""
        want = self.draw(1024, 768, CHECKS, 12)
        with self.viewer() as viewer:
            viewer.wait_for(want, "the picture before")
            for frame in range(2):
                self.vm.qmp.command("system_reset")
                self.vm.guest.wait_ready()
                want = self.draw(800, 600, CHECKS, 13 + frame)
                viewer.wait_for(want, "the picture after the reset")
                fds = len(self.vm.dmabuf_fds())
                assert fds <= 2, f"{fds} dma-bufs open after a reset"
