# SPDX-License-Identifier: GPL-2.0-or-later
"""A region vGPU (mdpy) at 1920x1080."""

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.oracle import CHECKS, NOISE, RAMP
from vgpulab.rfb import RAW, TIGHT, Rfb
from vgpulab.viewers.vnc import TigerVnc
from vgpulab.wait import until

WIDTH, HEIGHT = 1920, 1080


class MdpyHd(Group):
    """-vnc, no OpenGL."""

    def configure(self, vm):
        vm.add_guest()
        vm.add_vgpu("mdpy-hd", "gpu0", 5, options="display=on")
        vm.add_vnc()

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()

    def draw(self, kind, frame=0):
        self.vm.guest.pattern(kind, frame)
        return oracle.pattern(kind, WIDTH, HEIGHT, frame)

    def test_untouched(self):
        """what the driver put there, before the guest draws"""
        self.expect_screen(oracle.gray_ramp(WIDTH, HEIGHT))

    def test_path_is_region(self):
        """frames come from the region"""
        self.expect_path("gpu0", "region")

    def test_screendump_ppm(self):
        """screendump, ppm"""
        self.expect_screen(self.draw(NOISE))

    def test_screendump_png(self):
        """screendump, png"""
        self.expect_screen(self.draw(RAMP), "png")

    def test_vnc_raw(self):
        """VNC, raw"""
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(self.draw(CHECKS, 1), "raw")

    def test_vnc_tight(self):
        """VNC, tight at lossless quality"""
        with Rfb(self.vm.vnc_display, TIGHT) as viewer:
            viewer.wait_for(self.draw(RAMP, 2), "tight")

    def test_tigervnc(self):
        """a packaged viewer: TigerVNC, raw"""
        want = self.draw(RAMP, 3)
        with TigerVnc(
                self.vm.vnc_display, WIDTH, HEIGHT, "-AutoSelect=0",
                "-FullColor", "-PreferredEncoding=Raw") as viewer:
            self.expect_picture(
                lambda: viewer.find(want), want, "TigerVNC")

    def test_box(self):
        """an animated box ends where the guest drew it last"""
        guest = self.vm.guest
        background = self.draw(CHECKS)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            guest.command("box 100")

            def look():
                if viewer.pending():
                    viewer.update()
                return guest.drawn() >= 60
            until("60 steps", look, pause=0)
            step = guest.stop()
            viewer.wait_for(oracle.with_box(background, step, 100),
                            f"the box of step {step}")

    def test_no_opengl(self):
        """no OpenGL driver was loaded"""
        assert self.vm.gl_libraries() == []
