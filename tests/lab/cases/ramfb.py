# SPDX-License-Identifier: GPL-2.0-or-later
"""The firmware's framebuffer (ramfb) before the guest's and after a reset."""

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.oracle import CHECKS
from vgpulab.rfb import RAW, Rfb
from vgpulab.wait import until


class Ramfb(Group):
    """SeaBIOS and its option ROM write the fw_cfg entry."""

    def configure(self, vm):
        vm.add_guest()
        vm.add_vgpu("mbochs-medium", "gpu0", 5, driver="vfio-pci-nohotplug",
                    options="display=on,ramfb=on")
        vm.add_vnc()

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()

    def draw(self, frame):
        self.vm.guest.mode(1280, 720)
        self.vm.guest.pattern(CHECKS, frame)
        return oracle.pattern(CHECKS, 1280, 720, frame)

    def expect_firmware(self):
        """Poll until the firmware's text is there; returns the picture.

        SeaVGABIOS has one size, which no placeholder has here.
        """
        def look():
            picture = self.vm.screendump()
            size = picture.width, picture.height
            assert size == (1024, 768), size
            self.expect_words(picture)
            return picture
        picture = until("the firmware's text", look)
        self.expect_path("gpu0", "ramfb")
        return picture

    def test_firmware_first(self):
        """the firmware's picture before the guest sets a mode"""
        self.expect_firmware()

    def test_firmware_in_viewer(self):
        """a VNC viewer sees the firmware's picture, too"""
        want = self.expect_firmware()
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(want, "the firmware's picture")

    def test_guest_next(self):
        """then the guest's"""
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(self.draw(1), "the guest's picture")
        self.expect_path("gpu0", "mmap")

    def test_firmware_after_off(self):
        """the display goes off: ramfb instead of a stale picture"""
        self.expect_screen(self.draw(2))
        self.vm.guest.command("off")
        self.expect_firmware()

    def test_firmware_after_reset(self):
        """reset: the firmware's picture again, then the guest's"""
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(self.draw(3), "the guest's picture")
            # The sample driver keeps its mode over a reset, so the guest
            # turns the display off, as an orderly reboot does.
            self.vm.guest.command("off")
            self.vm.qmp.command("system_reset")
            self.vm.guest.wait_ready()
            viewer.wait_for(self.expect_firmware(), "the firmware's picture")
            viewer.wait_for(self.draw(4), "the guest's picture after it")
