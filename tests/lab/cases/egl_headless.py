# SPDX-License-Identifier: GPL-2.0-or-later
"""A dma-buf vGPU (mbochs) with software OpenGL beside VNC."""

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.oracle import CHECKS, NOISE
from vgpulab.rfb import RAW, Rfb


class EglHeadless(Group):
    """-display egl-headless on vgem's render node, and -vnc.

    Stock QEMU refuses VNC beside it, and its software renderer crashes on a
    buffer whose last page cannot be mapped (800x600).
    """

    def configure(self, vm):
        vm.add_args("-display",
                    "egl-headless,rendernode=/dev/dri/renderD128")
        vm.add_vnc()
        vm.add_guest()
        vm.add_vgpu("mbochs-medium", "gpu0", 5, options="display=on")

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()

    def draw(self, width, height, kind, frame=0):
        self.vm.guest.mode(width, height)
        self.vm.guest.pattern(kind, frame)
        return oracle.pattern(kind, width, height, frame)

    def test_screendump(self):
        """1024x768 by screendump"""
        self.expect_screen(self.draw(1024, 768, NOISE))

    def test_vnc(self):
        """1024x768 through VNC"""
        want = self.draw(1024, 768, CHECKS, 3)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(want, "the picture")

    def test_800x600(self):
        """800x600: 599 rows exact, the last one black"""
        want = self.draw(800, 600, CHECKS, 4)
        self.expect_screen(want.with_black_below(599))


class EglHeadlessReadOnly(EglHeadless):
    """The same with buffers that nobody but a GPU could read."""

    boot = "rdonly"

    def test_screendump(self):
        """words, and one warning that says what cannot read it"""
        self.draw(1024, 768, NOISE)
        self.expect_path("gpu0", "placeholder")
        self.expect_words(self.vm.screendump())
        warned = [line for line in self.vm.warnings() if "gpu0" in line]
        assert len(warned) == 1, self.vm.warnings()
        assert "OpenGL cannot read it" in warned[0], warned

    def test_vnc(self):
        """the words through VNC"""
        self.draw(1024, 768, CHECKS, 3)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(self.vm.screendump(), "the words")

    def test_800x600(self):
        """a buffer whose last page would not be mapped by anybody"""
        self.draw(800, 600, CHECKS, 4)
        self.expect_path("gpu0", "placeholder")
        self.expect_words(self.vm.screendump())
