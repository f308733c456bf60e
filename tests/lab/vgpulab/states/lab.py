# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own vGPU driver (lab/vgpu-mdev), through vfio, and its faults.

As with the software vGPU there is no guest: qtest takes its place. What the
guest programs the driver checks, so it is the driver that lies here.
"""

import errno

from ..mdev import Mdev
from ..planes import PRIMARY
from .model import KEPT, LEAVING, NOTHING, SHOWN
from .software import NAME, SLOT, Fault, Software

_TYPES = {"dmabuf": "vgpu-dmabuf", "both": "vgpu-dmabuf",
          "region": "vgpu-region", "metadata": "vgpu-metadata",
          "all": "vgpu-all"}
_MANY = 0xffffffff


def _fault(**values):
    def begin(device):
        device.mdev.fault(**values)
        device.show_new_geometry()
    return begin


def _hidden(**values):
    """One that nobody sees: what is on screen goes on."""
    def begin(device):
        device.mdev.fault(**values)
        device.planes.commit()
    return begin


_DMABUF, _POLLED = ("dmabuf", "both"), ("dmabuf", "region", "both")

FAULTS = {
    "wide": Fault(KEPT, _POLLED, "extent", _fault(width=100000)),
    "high": Fault(KEPT, _POLLED, "extent", _fault(height=100000)),
    "past-the-end": Fault(KEPT, _DMABUF, "bounds", _fault(height=16000)),
    "stride-small": Fault(KEPT, _POLLED, "stride", _fault(stride=4)),
    "stride-large": Fault(KEPT, _POLLED, "bounds", _fault(stride=1 << 24)),
    "format": Fault(KEPT, _POLLED, "format", _fault(format=0x21212121)),
    "query": Fault(LEAVING, _POLLED, "query", _fault(
        query_errno=errno.EIO, query_count=_MANY)),
    "get": Fault(KEPT, _DMABUF, "dmabuf", _fault(
        get_errno=errno.ENOMEM, get_count=_MANY)),
    "no-mmap": Fault(NOTHING, ("dmabuf",), "map", _fault(refuse_mmap=1)),
    "tiled": Fault(NOTHING, ("dmabuf",), "modifier", _fault(
        modifier=1 << 56 | 1)),
    "sigbus": Fault(KEPT, _POLLED, "vanished", _fault(sigbus=1)),
    "silent": Fault(KEPT, ("metadata",), "request", _fault(
        stall_requests=_MANY)),
    "odd": Fault(KEPT, ("metadata",), "request", _fault(odd_generation=1)),
    "silent-all": Fault(SHOWN, ("all",), "request", _hidden(
        stall_requests=_MANY)),
    "odd-all": Fault(SHOWN, ("all",), "request", _hidden(odd_generation=1)),
}
_HEALTHY = dict.fromkeys(
    ("query_count", "get_count", "stride", "width", "height", "format",
     "modifier", "refuse_mmap", "sigbus", "stall_requests",
     "odd_generation"), 0)


class Lab(Software):
    """A mediated device of its own, which goes with it."""

    faults = FAULTS
    driver = "vfio-pci"
    # One CPU for kernel, QEMU and test, of a host that has more to do.
    answer_s = 10.0
    takes_faults_along = False
    tells_offsets = False       # of dma-bufs: vfio has no field for them
    cut_copy = None

    def _prepare(self):
        self.mdev = Mdev(_TYPES[self._config.kind])
        self.mdev.switch(irq=int(self._config.irq),
                         overlays=int(self._config.has_dmabuf),
                         region=int(self._config.kind
                                    in ("region", "both", "all")))
        self._geometries = 0

    def _properties(self):
        return {"id": NAME, "addr": str(SLOT), "sysfsdev": self.mdev.path,
                "display": "on"}

    def show_new_geometry(self):
        """A buffer that was never asked for, over what is on screen."""
        self._geometries += 1
        width = 16 + self._geometries
        self.planes.program(PRIMARY, width=width, height=16, stride=4 * width)

    def heal(self):
        self.mdev.fault(**_HEALTHY)

    def reset(self):
        """The driver's faults outlive it, and the model's do not."""
        super().reset()
        self.heal()

    def unplug(self):
        super().unplug()
        self.heal()

    def fail_calls(self, call, code, count):
        name = ("query", "get")[call]
        self.mdev.fault(**{f"{name}_errno": code, f"{name}_count": count})

    def storm(self, rate):
        self.mdev.fault(irq_storm=rate)

    def close(self):
        super().close()
        self.mdev.remove()
