# SPDX-License-Identifier: GPL-2.0-or-later
"""The software vGPU in a QEMU of its own, and the faults that it can have.

The registers are those of include/hw/display/vgpu-sw.h.
"""

import errno
import itertools

from ..planes import PRIMARY, Planes
from ..qtestmachine import (BUFFER_COPY, BUFFER_FLAGS, NAME, SLOT,
                            QtestMachine)
from ..wait import until
from .model import KEPT, LEAVING, NOTHING, SHOWN, UNKNOWN

_VRAM_SIZE = 16 << 20
# ACPI's hotplug of PCI devices (docs/specs/acpi_pci_hotplug.rst).
_EJECT = 0xae08

_FAULT_COUNT, _FAULT_ERRNO = 0x80, 0x84
QUERY, GET, OPEN, READ = range(4)
_FOREVER = 0xffffffff
_REGION_INDEX = 0xd0
_IRQ_STORM, _IRQ_FLAGS = 0xe4, 0xe8
_META_FLAGS, _META_OFFSET, _META_VALUE = 0xf0, 0xf4, 0xf8
_DAMAGE_REPORTED = 0x74

_REGION = 9
_SILENT, _ODD, _POKE, _CUT, _REFUSE = (1 << bit for bit in range(5))


class Fault:
    """What goes wrong from begin() on.

    kinds: of devices that can have it. counted: the kind that QEMU counts it
    as, where it is not the driver that finds out; None: it may count nothing.
    gpu_reads: viewers that take buffers are shown one that a GPU could read.
    maps: the CPU can read buffers that are opened while it lasts.
    """

    def __init__(self, outcome, kinds, counted, begin, gpu_reads=False,
                 maps=True):
        self.outcome = outcome
        self.kinds = kinds
        self.gpu_reads = gpu_reads
        self.maps = maps
        self._counted = counted
        self._begin = begin

    def counted(self, kind):
        # A driver with a metadata page finds out itself, and says so.
        if self._counted and kind in ("metadata", "all"):
            return "request"
        return self._counted

    def begin(self, device):
        """device: a Software whose plane is on."""
        self._begin(device)


def _plane(**registers):
    """A plane as no device may report it, in a buffer that is new."""
    return lambda device: device.planes.program(
        PRIMARY, id=device.new_id(), **registers)


def _call(call, code):
    def begin(device):
        device.fail_calls(call, code, _FOREVER)
        device.planes.program(PRIMARY, id=device.new_id())
    return begin


_layouts = itertools.count()


def _other_layout(call, code):
    """The buffer's id, if the guest chose it, means another one from now on,
    and the one on screen has to be closed for that. No layout comes twice:
    once the device is in order again, QEMU may fetch it."""
    def begin(device):
        number = next(_layouts)
        device.fail_calls(call, code, _FOREVER)
        device.planes.program(PRIMARY, width=1 + number % 32,
                              height=1 + number // 32 % 16)
    return begin


def _register(register, value):
    def begin(device):
        device.planes.set(register, value)
        device.planes.program(PRIMARY, id=device.new_id())
    return begin


def _meta(flags):
    def begin(device):
        device.planes.set(_META_FLAGS, flags)
        device.planes.commit()
    return begin


def _poke(offset, value):
    def begin(device):
        device.planes.set(_META_OFFSET, offset)
        device.planes.set(_META_VALUE, value)
        _meta(_POKE)(device)
    return begin


_ALL = ("dmabuf", "region", "both", "metadata", "all")
_ASKED = ("dmabuf", "region", "both")
_BUFFERS = ("dmabuf", "both")

FAULTS = {
    "width-0": Fault(KEPT, _ALL, "extent", _plane(width=0)),
    "height-0": Fault(KEPT, _ALL, "extent", _plane(height=0)),
    "wide": Fault(KEPT, _ALL, "extent", _plane(width=16385, stride=65540)),
    "huge": Fault(KEPT, _ALL, "extent", _plane(
        width=0xffffffff, height=0xffffffff, stride=0xffffffff)),
    "stride-0": Fault(KEPT, _ALL, "stride", _plane(stride=0)),
    "stride-small": Fault(KEPT, _ALL, "stride", _plane(stride=4)),
    "stride-large": Fault(KEPT, _ALL, "bounds", _plane(stride=0xfffffff0)),
    "offset": Fault(KEPT, _ALL, "bounds", _plane(offset=_VRAM_SIZE)),
    "offset-64": Fault(KEPT, _ALL, "bounds", _plane(
        offset=0xfffff000, offset_hi=0xffffffff)),
    "format": Fault(KEPT, _ALL, "format", _plane(fourcc=0x21212121)),
    "planar": Fault(KEPT, _ALL, "format", _plane(fourcc=0x3231564e)),
    "query": Fault(LEAVING, _ASKED, "query", _call(QUERY, errno.EIO)),
    "get": Fault(KEPT, _BUFFERS, "dmabuf", _call(GET, errno.ENOENT)),
    "get-again": Fault(KEPT, _BUFFERS, "dmabuf", _call(GET, errno.ENOMEM)),
    "get-another": Fault(KEPT, _BUFFERS, "dmabuf",
                         _other_layout(GET, errno.ENOENT)),
    "region-index": Fault(KEPT, ("region",), "region",
                          _register(_REGION_INDEX, 3)),
    "region-open": Fault(KEPT, ("region",), "region",
                         _register(_REGION_INDEX, 0xffffffff)),
    "no-mmap": Fault(NOTHING, ("dmabuf",), "map",
                     _register(BUFFER_FLAGS, 1), gpu_reads=True, maps=False),
    "other-way": Fault(SHOWN, ("both",), None, _register(BUFFER_FLAGS, 1),
                       gpu_reads=True, maps=False),
    "tiled": Fault(NOTHING, ("dmabuf",), "modifier", _plane(
        modifier=1, modifier_hi=1 << 24), gpu_reads=True),
    "small": Fault(KEPT, _BUFFERS, "bounds", _register(BUFFER_COPY, 1)),
    "silent": Fault(KEPT, ("metadata",), "request", _meta(_SILENT)),
    "odd": Fault(KEPT, ("metadata",), "request", _meta(_ODD)),
    "refused": Fault(KEPT, ("metadata",), "request", _meta(_REFUSE)),
    "page-gone": Fault(KEPT, ("metadata",), "request", _meta(_CUT)),
    "silent-all": Fault(SHOWN, ("all",), "request", _meta(_SILENT)),
    "odd-all": Fault(SHOWN, ("all",), "request", _meta(_ODD)),
    "refused-all": Fault(SHOWN, ("all",), "request", _meta(_REFUSE)),
    "page-gone-all": Fault(SHOWN, ("all",), "request", _meta(_CUT)),
}
# A buffer that is cut off, and one that is not and no part of the memory.
CUT, COPY = Fault(KEPT, (), None, None), Fault(SHOWN, (), None, None)


def lie(word, value):
    """A word of the metadata page is wrong, which nobody may notice."""
    return Fault(UNKNOWN, ("metadata", "all"), None, _poke(word, value))


def _option(value):
    return ("off", "on")[value] if isinstance(value, bool) else value


class Software(QtestMachine):
    """config: a Config. The rest: as for a QtestMachine."""

    faults = FAULTS
    driver = "vgpu-sw"
    answer_s = 1.0              # how soon QEMU has to answer, see health.py
    takes_faults_along = True   # when it migrates
    tells_offsets = True        # of buffers, beside their ids
    # A migrated device's are known, too. None of those that a driver gives
    # buffers itself: from 1 on, or from 0x80000000.
    _ids = itertools.count(0x10000)

    def __init__(self, config, arguments=(), environment=None, stream=None):
        self._config = config
        self._prepare()
        super().__init__(",".join(
            [self.driver, *(f"{key}={_option(value)}" for key, value
                            in self._properties().items())]),
            arguments, environment, stream)

    def _prepare(self):
        """Whatever must be there before QEMU starts."""

    def _properties(self):
        return {"id": NAME, "addr": str(SLOT), "x-kind": self._config.kind,
                "irq": bool(self._config.irq), "vram": _VRAM_SIZE,
                "udmabuf": "off"}

    def new_id(self):
        """One that no buffer had so far."""
        return next(self._ids)

    # The guest

    def report(self, reported):
        self.planes.set(_DAMAGE_REPORTED, reported)

    # The device

    def fail_calls(self, call, code, count):
        """So many of the next calls fail."""
        self.planes.set(_FAULT_ERRNO + 8 * call, code)
        self.planes.set(_FAULT_COUNT + 8 * call, count)

    def heal(self):
        """No fault is left; what is on screen is the guest's affair."""
        for call in QUERY, GET, OPEN, READ:
            self.fail_calls(call, 0, 0)
        for register, value in ((BUFFER_FLAGS, 0), (BUFFER_COPY, 0),
                                (_REGION_INDEX, _REGION), (_META_FLAGS, 0)):
            self.planes.set(register, value)

    def show_copy(self, size):
        """The plane is a copy of that much memory, from its start."""
        self.planes.set(BUFFER_COPY, size)
        self.planes.program(PRIMARY, id=self.new_id())

    def mute(self, muted):
        self.planes.set(_IRQ_FLAGS, muted)

    def storm(self, rate):
        self.planes.set(_IRQ_STORM, rate)

    # The machine

    def reset(self):
        self.qmp.command("system_reset")
        self.qmp.wait_event("RESET")
        self._set_bars()

    def unplug(self):
        self.qmp.command("device_del", id=NAME)
        self.qtest.outl(_EJECT, 1 << SLOT)
        self.qmp.wait_event("DEVICE_DELETED", device=NAME)

    def plug(self):
        self.qmp.command(
            "device_add", driver=self.driver, **self._properties())
        self._set_bars()
        self.planes = Planes(self, NAME)

    def save(self):
        """Stop and save; returns a file that another one loads."""
        stream = self._file("stream")
        self.qmp.command("migrate", uri=f"file:{stream}")
        self._until_moved()
        return stream

    def _load(self, stream):
        self.qmp.command("migrate-incoming", uri=f"file:{stream}")
        self._until_moved()

    def _until_moved(self):
        def look():
            status = self.qmp.command("query-migrate").get("status")
            assert status != "failed", self.errors()
            return status == "completed"
        until("migration", look, pause=0.005)
