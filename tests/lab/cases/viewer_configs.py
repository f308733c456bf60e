# SPDX-License-Identifier: GPL-2.0-or-later
"""Viewers with and without OpenGL on the kernel's vGPUs.

They are those of vgpulab/viewerconfigs.py.

tests/host/matrix.py has all of them, with the software vGPU; here are real
dma-bufs and regions. Those with OpenGL by default, all with --full.
"""

import contextlib
import os

from vgpulab import oracle, viewerconfigs
from vgpulab.group import Group
from vgpulab.oracle import CHECKS, NOISE
from vgpulab.wait import until

FULL = os.environ.get("VGPU_TEST_FULL") == "1"

# A device that shows buffers, and one that shows a region, of one mode.
MBOCHS, MDPY = "mbochs-medium", "mdpy-vga"
VGPU, VGPU_DMABUF = "vgpu-all", "vgpu-dmabuf"
NAMES = {MBOCHS: "Mbochs", MDPY: "Mdpy", VGPU: "Vgpu",
         VGPU_DMABUF: "VgpuDmabuf"}

# Buffers of whole pages: the kernel maps no part of one.
MODES = {
    MBOCHS: [(640, 480), (512, 384)],
    MDPY: [(640, 480)],
    VGPU: [(640, 480), (512, 384)],
    VGPU_DMABUF: [(640, 480), (512, 384)],
}


class Viewed(Group):
    """Every viewer of one viewer config at one device."""

    config_class = None
    device = None

    @classmethod
    def cases(cls):
        # What the classes below share, and no test itself.
        return [] if cls is Viewed else super().cases()

    def __init__(self):
        super().__init__()
        self._stack = contextlib.ExitStack()
        self._config = None
        self._looks = None
        self._mdev = None

    def configure(self, vm):
        self._config = self._stack.enter_context(self.config_class())
        vm.environment = self._config.environment
        vm.add_args(*self._config.arguments)
        vm.add_guest()
        self._mdev = vm.add_vgpu(self.device, "gpu0", 5, options="display=on")

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()

    def teardown(self):
        super().teardown()
        self._stack.close()

    def draw(self, mode, kind, frame):
        width, height = MODES[self.device][mode]
        if len(MODES[self.device]) > 1:
            self.vm.guest.mode(width, height)
        self.vm.guest.pattern(kind, frame)
        return oracle.pattern(kind, width, height, frame)

    def look(self, want):
        wrong = []
        for viewer, look in zip(self._config.viewers, self._looks):
            try:
                look(want)
            except AssertionError as error:
                wrong.append(f"{viewer}: {error}")
        assert not wrong, "\n".join(wrong + [self.vm.stderr()])
        self.expect_screen(want)

    def test_late(self):
        """viewers that attach see the picture that is there"""
        want = self.draw(0, NOISE, 1)
        self._looks = list(self._config.attach(self._stack))
        self.look(want)

    def test_modes(self):
        """every mode, in every viewer"""
        for mode in range(len(MODES[self.device]) - 1, -1, -1):
            self.look(self.draw(mode, CHECKS, mode))

    def test_change(self):
        """a change within the mode"""
        self.look(self.draw(0, NOISE, 2))

    def test_import(self):
        """clients took the buffer, if there is one, and windows the pixels"""
        if self._config.gl and self.device != MDPY:
            assert "cannot take" not in self.vm.stderr(), self.vm.stderr()
            self._config.expect_taken()
        want = ("dma-buf" if self._config.hands_over and self.device != MDPY
                else "pixels")
        viewers = self.vm.vgpu("gpu0")["viewers"]
        assert ({"name": self._config.names[0], "shows": want}
                in viewers), viewers


class ViewedFaulty(Viewed):
    """The same at a device that has faults when it is told to."""

    @classmethod
    def cases(cls):
        return [] if cls is ViewedFaulty else super().cases()

    def vanished(self):
        return sum(fault["count"] for fault in self.vm.vgpu("gpu0")["faults"]
                   if fault["kind"] == "vanished")

    def test_vanish(self):
        """pages vanish from under what every viewer shows, and come back"""
        kept = self.draw(0, NOISE, 3)
        self.look(kept)
        self._mdev.fault(sigbus=1)
        try:
            until("the fault", self.vanished)
            self.look(kept)
        finally:
            self._mdev.fault(sigbus=0)
        self.look(self.draw(0, CHECKS, 4))


def define(config, device):
    name = f"{config.__name__}On{NAMES[device]}"
    base = ViewedFaulty if device == VGPU_DMABUF else Viewed
    globals()[name] = type(name, (base,), {
        "__doc__": config.__doc__, "__module__": __name__,
        "config_class": config, "device": device})


CHOSEN = [(viewerconfigs.GtkGl, MBOCHS), (viewerconfigs.SdlGl, MDPY),
          (viewerconfigs.SpiceGl, MBOCHS),
          (viewerconfigs.DbusGl, MBOCHS), (viewerconfigs.GtkWaylandGl, VGPU),
          (viewerconfigs.SdlGl, VGPU_DMABUF)]
if FULL:
    # Chromium and the rest of Servers are seen on the host.
    CHOSEN = [(config, device) for config in viewerconfigs.VIEWER_CONFIGS
              if config is not viewerconfigs.Servers for device in MODES]
for chosen in CHOSEN:
    define(*chosen)
