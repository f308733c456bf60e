# SPDX-License-Identifier: GPL-2.0-or-later
"""Two vGPUs, two consoles."""

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.oracle import CHECKS, RAMP
from vgpulab.rfb import RAW, TIGHT, Rfb


class TwoVgpus(Group):
    """One VNC server for whatever console is chosen, one for the second."""

    def configure(self, vm):
        vm.add_guest()
        vm.add_vgpu("mbochs-medium", "gpu0", 5, options="display=on")
        vm.add_vgpu("mdpy-vga", "gpu1", 6, options="display=on")
        vm.add_vnc()
        self.any_display = vm.vnc_display
        vm.add_vnc("display=gpu1")
        self.second_display = vm.vnc_display

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()

    def draw(self, frame):
        """Draw on both; returns both pictures."""
        guest = self.vm.guest
        guest.command("dev 0")
        guest.mode(1024, 768)
        guest.pattern(CHECKS, frame)
        guest.command("dev 1")
        guest.pattern(RAMP, frame)
        return (oracle.pattern(CHECKS, 1024, 768, frame),
                oracle.pattern(RAMP, 640, 480, frame))

    def test_screendump(self):
        """screendump tells them apart"""
        first, second = self.draw(0)
        self.expect_screen(first, device="gpu0")
        self.expect_screen(second, device="gpu1")

    def test_query_lists_both(self):
        """x-query-vgpu-display lists both"""
        self.expect_path("gpu0", "mmap")
        self.expect_path("gpu1", "region")

    def test_switch_consoles(self):
        """Ctrl-Alt-1 and Ctrl-Alt-2 in a VNC viewer"""
        for encoding in RAW, TIGHT:
            pictures = self.draw(1 + encoding)
            with Rfb(self.any_display, encoding) as viewer:
                for number in 2, 1, 2, 1:
                    viewer.select_console(number)
                    viewer.wait_for(pictures[number - 1],
                                    f"console {number}")

    def test_second_server(self):
        """-vnc display=gpu1 shows the second, at the same time"""
        first, second = self.draw(10)
        with Rfb(self.any_display, RAW) as one, \
                Rfb(self.second_display, TIGHT) as other:
            one.wait_for(first, "the first screen")
            other.wait_for(second, "the second screen")

    def test_draw_on_the_hidden_one(self):
        """a console that was drawn to while hidden shows what is new"""
        with Rfb(self.any_display, RAW) as viewer:
            first, second = self.draw(11)
            viewer.select_console(1)
            viewer.wait_for(first, "console 1")
            first, second = self.draw(12)
            viewer.select_console(2)
            viewer.wait_for(second, "console 2")
            first, second = self.draw(13)
            viewer.select_console(1)
            viewer.wait_for(first, "console 1 again")
