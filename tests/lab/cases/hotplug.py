# SPDX-License-Identifier: GPL-2.0-or-later
"""A vGPU is unplugged and plugged in again while viewers watch."""

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.oracle import CHECKS
from vgpulab.rfb import RAW, Rfb
from vgpulab.wait import until

SLOT = 5


class Hotplug(Group):
    """device_del and device_add."""

    def configure(self, vm):
        vm.add_guest()
        self.mdev = vm.add_vgpu("mbochs-medium", "gpu0", SLOT,
                                options="display=on")
        vm.add_vnc()

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()

    def draw(self, frame):
        self.vm.guest.mode(1024, 768)
        self.vm.guest.pattern(CHECKS, frame)
        return oracle.pattern(CHECKS, 1024, 768, frame)

    def unplug(self):
        qmp = self.vm.qmp
        qmp.command("device_del", id="gpu0")
        self.vm.guest.command(f"eject {SLOT}")
        qmp.wait_event("DEVICE_DELETED", device="gpu0")

    def plug(self):
        self.vm.qmp.command(
            "device_add", driver="vfio-pci", id="gpu0", addr=f"{SLOT:#x}",
            sysfsdev=self.mdev.path, display="on")
        gpus = self.vm.guest.command("scan")
        assert gpus == ["gpus", "1", "dispi", str(SLOT)], gpus

    def open_device_files(self):
        """Files that belong to the device: its own and its dma-bufs."""
        return [what for what in self.vm.fds().values()
                if "vfio-device" in what or "dmabuf" in what]

    def test_unplug_while_watched(self):
        """unplug and plug, three times, with a viewer connected"""
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            for frame in range(3):
                viewer.wait_for(self.draw(frame), f"picture {frame}")
                self.unplug()
                until("the device's files to be closed",
                      lambda: not self.open_device_files())
                viewer.drain()
                self.plug()
            viewer.wait_for(self.draw(3), "the last picture")

    def test_unplug_while_animated(self):
        """unplug in the middle of page flips"""
        self.vm.guest.mode(640, 480)
        self.vm.guest.pattern(CHECKS)
        self.vm.guest.command("flip 4")
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            while self.vm.guest.drawn() < 30:
                if viewer.pending():
                    viewer.update()
            self.unplug()
            self.vm.guest.stop()
            self.plug()
            viewer.wait_for(self.draw(4), "the picture after it")

    def test_unplug_unwatched(self):
        """unplug with no viewer; screendump does not see an old picture"""
        want = self.draw(5)
        self.expect_screen(want)
        self.unplug()
        assert not self.open_device_files()
        assert self.vm.qmp.command("x-query-vgpu-display") == []
        self.plug()
        self.expect_screen(self.draw(6))
