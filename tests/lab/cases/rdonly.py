# SPDX-License-Identifier: GPL-2.0-or-later
"""dma-bufs that cannot be mapped, and no OpenGL: a placeholder in words."""

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.oracle import CHECKS
from vgpulab.rfb import RAW, Rfb
from vgpulab.wait import until


class ReadOnlyBuffers(Group):
    """The unmodified mbochs exports its buffers O_RDONLY."""

    boot = "rdonly"

    def configure(self, vm):
        vm.add_guest()
        vm.add_vgpu("mbochs-medium", "gpu0", 5, options="display=on")
        vm.add_vnc()

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()

    def draw(self, frame):
        self.vm.guest.mode(1024, 768)
        self.vm.guest.pattern(CHECKS, frame)
        return oracle.pattern(CHECKS, 1024, 768, frame)

    def expect_placeholder(self, hidden):
        """Poll until there are words, which are not the guest's picture."""
        def look():
            picture = self.vm.screendump()
            assert picture.difference(hidden), "the guest's picture"
            self.expect_words(picture)
            return picture
        self.expect_path("gpu0", "placeholder")
        return until("words", look)

    def test_placeholder(self):
        """words instead of a picture"""
        self.expect_placeholder(self.draw(0))

    def test_placeholder_in_viewer(self):
        """a VNC viewer sees the same words"""
        want = self.expect_placeholder(self.draw(1))
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(want, "the words")

    def test_one_warning(self):
        """one warning, however many buffers cannot be mapped"""
        guest = self.vm.guest
        self.draw(2)
        self.expect_path("gpu0", "placeholder")
        before = self.vm.vgpu("gpu0")["cache-misses"]
        guest.command("flip 4 1000000")
        for page in range(4):
            guest.command(f"pan 0 {page * 768}")
            self.vm.screendump()
        after = self.vm.vgpu("gpu0")["cache-misses"]
        assert after >= before + 3, (before, after)
        warned = [line for line in self.vm.warnings() if "map" in line]
        assert len(warned) == 1, self.vm.stderr()
