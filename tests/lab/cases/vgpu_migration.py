# SPDX-License-Identifier: GPL-2.0-or-later
"""Migration with ramfb, between our QEMU and stock's, in both directions."""

import os

from cases.vgpu_basic import VgpuMoves
from vgpulab import paths
from vgpulab.oracle import CHECKS, NOISE
from vgpulab.skip import Skip
from vgpulab.wait import until


class VgpuMovesRamfb(VgpuMoves):
    """vfio-pci-nohotplug with ramfb=on, and a region that stock shows too."""

    kind = "vgpu-region"

    @classmethod
    def cases(cls):
        return ["test_ours_to_ours", "test_to_stock_and_back",
                "test_quit_leaves_nothing"]

    def configure(self, vm):
        vm.add_guest()
        self.mdev = vm.add_vgpu(self.kind, "gpu0", 5,
                                driver="vfio-pci-nohotplug",
                                options="display=on,ramfb=on")
        vm.add_vnc()

    def firmware(self):
        """The firmware's picture, which the guest's memory holds."""
        def look():
            picture = self.vm.screendump()
            size = picture.width, picture.height
            assert size == (1024, 768), size
            self.expect_words(picture)
            return picture
        return until("the firmware's text", look)

    def over(self, *qemus):
        """Through these emulators, on the firmware's and the guest's picture.

        What is on screen arrives, and what is drawn there is shown there.
        """
        self.vm.guest.command("off")
        want = self.firmware()
        for qemu in qemus:
            self.move(qemu)
            self.expect_screen(want)
        for frame, qemu in enumerate(qemus):
            want = self.draw(800, 600, NOISE, frame)
            self.expect_screen(want)
            self.move(qemu)
            self.expect_screen(want)
            self.expect_screen(self.draw(1280, 720, CHECKS, frame))

    def test_ours_to_ours(self):
        """with the firmware's picture, and with the guest's"""
        self.over(None)

    def test_to_stock_and_back(self):
        """to stock QEMU and back, the same"""
        if not os.path.exists(paths.STOCK_QEMU):
            raise Skip("stock QEMU is not built (./vgpu test --full does)")
        self.over(paths.STOCK_QEMU, None)
