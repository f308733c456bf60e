# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the pictures come from: vfio devices in the lab, software natively."""

import functools
import os
import subprocess

from vgpulab import mdev, mesa
from vgpulab.skip import Skip

# Of the first screen; the others are behind it.
_SLOT = 5


class Missing(Exception):
    """This machine, this lab or this emulator has no such source."""


@functools.lru_cache(maxsize=None)
def _properties(qemu, device):
    """What the emulator says of that device's options; empty: no device."""
    result = subprocess.run([qemu, "-device", f"{device},help"], check=False,
                            capture_output=True, text=True)
    return result.stdout


class Source:
    """add() is called for each screen of a machine, from 0 on.

    stock: why stock is not run. vgpu: is it one?
    """

    stock = ""
    modes = True
    reports = False
    vgpu = True

    def add(self, machine, qemu, index):
        """The device named gpuINDEX."""
        raise NotImplementedError


class Mediated(Source):
    """A mediated device of the lab's kernel.

    modes: whether the guest can set one; reports: whether it tells the
    device what it draws. switches: files of the device in sysfs and what they
    are set to before it is opened.
    """

    place = "lab"

    def __init__(self, kind, modes=True, reports=False, switches=None,
                 stock=""):
        self.kind = kind
        self.stock = stock
        self.modes = modes
        self.reports = reports
        self._switches = switches or {}

    def add(self, machine, _qemu, index):
        driver = self.kind.split("-")[0]
        if not os.path.isdir(f"{mdev.BUS}/{driver}/mdev_supported_types/"
                             f"{self.kind}"):
            raise Missing(f"the lab has no {self.kind}")
        device = machine.add_vgpu(self.kind, f"gpu{index}", _SLOT + index,
                                  options="display=on")
        for name, value in self._switches.items():
            path = os.path.join(device.path, name)
            if not os.path.exists(path):
                raise Missing(f"{self.kind} has no {name}")
            with open(path, "w", encoding="ascii") as switch:
                switch.write(value)


class Software(Source):
    """QEMU's software vGPU, which stock QEMU does not have."""

    place = "native"
    stock = "no software vGPU"

    def __init__(self, reports=False, opengl=False, **options):
        """opengl: with a Mesa that imports dma-bufs."""
        self.reports = reports
        self._opengl = opengl
        self._options = options

    def add(self, machine, qemu, index):
        known = _properties(qemu, "vgpu-sw")
        for name in self._options:
            if f"  {name}=" not in known:
                raise Missing(f"vgpu-sw has no option {name}")
        if self._opengl:
            try:
                machine.environment = mesa.need_import()
            except Skip as reason:
                raise Missing(str(reason)) from None
        machine.add_args("-device", ",".join(
            [f"vgpu-sw,id=gpu{index}", f"addr={_SLOT + index:#x}"]
            + [f"{name}={value}" for name, value in self._options.items()]))


class Vga(Source):
    """The VGA that QEMU emulates, in stock too: what viewers alone cost."""

    place = "native"
    vgpu = False

    def add(self, machine, _qemu, index):
        machine.add_args("-device", f"VGA,id=gpu{index},vgamem_mb=64,"
                                    f"addr={_SLOT + index:#x}")


SOURCES = {
    "region": Mediated("mdpy-hd", modes=False),
    "region-xga": Mediated("mdpy-xga", modes=False),
    "dmabuf": Mediated("mbochs-large"),
    "notify": Mediated("vgpu-region", reports=True,
                       switches={"vgpu/irq": "1"},
                       stock="takes no display interrupt: polls"),
    "metadata": Mediated("vgpu-metadata", reports=True),
    "sw": Software(**{"x-kind": "dmabuf"}),
    # Says that something changed, and not what.
    "sw-irq": Software(**{"x-kind": "dmabuf", "irq": "on"}),
    "sw-notify": Software(reports=True, **{"x-kind": "dmabuf", "irq": "on"}),
    "sw-metadata": Software(reports=True,
                            **{"x-kind": "metadata", "irq": "on"}),
    # Its buffers come as a GPU would take them.
    "sw-import": Software(opengl=True, **{"x-kind": "dmabuf",
                                          "x-software-import": "on"}),
    # 20 MB/s, as the CPU reads some video memory.
    "sw-slow": Software(**{"x-kind": "dmabuf", "x-read-ns-per-kib": "50000"}),
    "vga": Vga(),
    "sw-gl": Software(opengl=True, **{"x-kind": "dmabuf",
                                      "x-display-path": "gl"}),
}
