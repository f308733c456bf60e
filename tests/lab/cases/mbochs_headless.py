# SPDX-License-Identifier: GPL-2.0-or-later
"""A dma-buf vGPU (mbochs) without any display: only screendump looks."""

import time

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.oracle import CHECKS, NOISE, RAMP


class MbochsHeadless(Group):
    """-display none and display=auto."""

    def configure(self, vm):
        vm.add_args("-display", "none")
        vm.add_guest()
        vm.add_vgpu("mbochs-medium", "gpu0", 5, options="display=auto")

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()

    def draw(self, kind, frame=0):
        self.vm.guest.mode(1024, 768)
        self.vm.guest.pattern(kind, frame)
        return oracle.pattern(kind, 1024, 768, frame)

    def test_screendump_ppm(self):
        """1024x768, ppm"""
        self.expect_screen(self.draw(NOISE))

    def test_screendump_png(self):
        """1024x768, png"""
        self.expect_screen(self.draw(RAMP), "png")

    def test_screendump_by_device(self):
        """screendump of the device by its id"""
        self.expect_screen(self.draw(CHECKS), device="gpu0")

    def test_every_screendump_is_new(self):
        """each screendump shows what is on screen at that time"""
        self.expect_screen(self.draw(CHECKS))
        for frame in range(1, 4):
            self.vm.guest.pattern(CHECKS, frame)
            got = self.vm.screendump()
            wrong = got.difference(oracle.pattern(CHECKS, 1024, 768, frame))
            assert wrong is None, wrong

    def test_nobody_watches(self):
        """no viewer, no screendump: no frame is read"""
        self.expect_screen(self.draw(CHECKS))
        self.vm.guest.command("box 64")
        before = self.vm.vgpu("gpu0")
        time.sleep(2)
        after = self.vm.vgpu("gpu0")
        step = self.vm.guest.stop()
        assert step > 0
        for key in "frames", "bytes-read":
            assert after[key] == before[key], (before, after)
        self.expect_screen(oracle.with_box(
            oracle.pattern(CHECKS, 1024, 768), step, 64))

    def test_no_opengl(self):
        """no OpenGL driver was loaded"""
        assert self.vm.gl_libraries() == []
