# SPDX-License-Identifier: GPL-2.0-or-later
"""A group of cases for our own vGPU whose planes the cases program."""

import contextlib

from . import layers, oracle
from .group import Group
from .oracle import CHECKS
from .planes import PRIMARY, Planes
from .wait import until

WIDTH, HEIGHT = 640, 480
PAGE = 2 << 20


class VgpuGroup(Group):
    """A machine with one vGPU whose planes the case programs."""

    kind = "vgpu-all"
    options = "display=on"

    def __init__(self):
        super().__init__()
        self.mdev = None
        self.planes = None

    def configure(self, vm):
        vm.add_guest()
        vm.add_qtest()
        self.mdev = vm.add_vgpu(self.kind, "gpu0", 5, options=self.options)
        vm.add_vnc()

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()
        self.planes = Planes(self.vm, "gpu0")

    def show(self, number):
        """Puts a picture on screen, in a page of its own; returns it."""
        picture = oracle.pattern(CHECKS, WIDTH, HEIGHT, number)
        self.planes.show(PRIMARY, layers.of_picture(picture),
                         PAGE * (number % 8))
        return picture

    @contextlib.contextmanager
    def fault(self, **values):
        """The device has these faults inside of the block."""
        self.mdev.fault(**values)
        try:
            yield
        finally:
            self.mdev.fault(**dict.fromkeys(values, 0))

    def faults(self):
        """Faults by kind, as QEMU counts them."""
        return {fault["kind"]: fault["count"]
                for fault in self.vm.vgpu("gpu0")["faults"]}

    def new_warnings(self, before):
        """Those of the display; OpenGL's libraries have some of their own."""
        return [line for line in super().new_warnings(before)
                if "vGPU display of" in line]

    def until_fault(self, kind, before):
        """Asks for the picture until one more of that kind is counted."""
        def look():
            self.vm.screendump()
            return self.faults().get(kind, 0) > before.get(kind, 0)
        until(f"a fault of kind {kind}", look)
