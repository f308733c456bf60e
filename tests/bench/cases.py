# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured: the cases by name.

A case is a place (the lab, where stock QEMU and ours run in turn, or natively
with the software vGPU, which stock has not), a source of pictures, a viewer
and a motion. Cases that differ in the motion alone share a machine.
"""

from dataclasses import dataclass, field

from motion import Box, Cursor, Flip, Still
from sources import SOURCES

HD, XGA, UHD = (1920, 1080), (1024, 768), (3840, 2160)


@dataclass
class Case:
    """One line of the table."""
    name: str
    title: str
    source: str
    motion: object
    size: tuple = HD
    viewer: str = "raw"
    machines: int = 1
    quick: bool = False
    # Seconds before the measurement, and of it.
    settle: float = 1.0
    seconds: float = 4.0
    quick_seconds: float = 3.0
    options: tuple = field(default=())

    def pairs(self, wanted):
        """Starting many machines takes long, and they vary little."""
        return wanted if self.machines == 1 else min(wanted, 3)

    @property
    def place(self):
        return SOURCES[self.source].place

    @property
    def setup(self):
        """Cases with the same one share a machine."""
        return (self.source, self.size, self.viewer, self.machines,
                self.options)


CASES = [
    # In the lab: real vfio devices, one CPU for everything.
    Case("box64", "64x64 box, 60 Hz, region, VNC raw", "region",
         Box(64), quick=True),
    Case("box720", "720x720 box, 60 Hz, region, VNC raw", "region",
         Box(720), quick=True),
    Case("latency", "drawn to viewer, 21 Hz box, region, VNC raw", "region",
         Box(64, rate=21), seconds=8, quick=True),
    Case("blink", "blinking cursor, 2 Hz, region, VNC raw", "region",
         Box(16, rate=20, every=10), seconds=6),
    Case("typing", "typing, 10 Hz, region, VNC raw", "region",
         Box(16, rate=20, every=2), seconds=6),
    Case("still", "still screen, region, VNC raw", "region",
         Still(), settle=3, seconds=6, quick=True),
    Case("no-viewer", "64x64 box, 60 Hz, region, nobody looks", "region",
         Box(64), viewer="none", quick=True),
    Case("tight", "64x64 box, 60 Hz, region, VNC tight", "region",
         Box(64), viewer="tight"),
    Case("dbus", "64x64 box, 60 Hz, region, D-Bus", "region",
         Box(64), viewer="dbus"),
    Case("spice", "64x64 box, 60 Hz, region, SPICE", "region",
         Box(64), viewer="spice"),
    Case("egl", "64x64 box, 60 Hz, region, egl-headless and VNC", "region",
         Box(64), options=("-display", "egl-headless")),
    Case("screen", "760x760 box, 60 Hz, 1024x768 region, VNC raw",
         "region-xga", Box(760), size=XGA),
    Case("dmabuf", "64x64 box, 60 Hz, mapped dma-buf, VNC raw", "dmabuf",
         Box(64), quick=True),
    Case("flip", "flips, 60 Hz, mapped dma-buf, VNC raw", "dmabuf",
         Flip(3)),
    Case("notify-box64", "64x64 box, 60 Hz, notification, VNC raw", "notify",
         Box(64)),
    Case("notify-latency", "drawn to viewer, 21 Hz box, notification",
         "notify", Box(64, rate=21), seconds=8),
    Case("notify-still", "still screen, notification, VNC raw", "notify",
         Still(), settle=3, seconds=6),
    Case("metadata-box64", "64x64 box, 60 Hz, metadata region, VNC raw",
         "metadata", Box(64)),
    Case("metadata-still", "still screen, metadata region, VNC raw",
         "metadata", Still(), settle=3, seconds=6),
    Case("idle4", "4 idle VMs, region, a VNC viewer each", "region",
         Still(), machines=4, settle=3, seconds=6),
    Case("idle16", "16 idle VMs, region, a VNC viewer each", "region",
         Still(), machines=16, settle=3, seconds=6),
    Case("notify-idle16", "16 idle VMs, notification, a viewer each",
         "notify", Still(), machines=16, settle=3, seconds=6),

    # Natively: the software vGPU, as many CPUs as there are.
    Case("native-box64", "64x64 box, 60 Hz, mapped dma-buf, VNC raw",
         "sw", Box(64), quick=True),
    Case("native-box720", "720x720 box, 60 Hz, mapped dma-buf, VNC raw",
         "sw", Box(720), quick=True),
    Case("native-flip60", "whole screen by flips, 60 Hz, VNC raw",
         "sw", Flip(3), quick=True),
    Case("native-flip144", "whole screen by flips, 144 Hz, VNC raw",
         "sw", Flip(3, rate=144)),
    Case("native-latency", "drawn to viewer, 21 Hz box, VNC raw",
         "sw", Box(64, rate=21), seconds=8),
    Case("native-still", "still screen, VNC raw", "sw", Still(),
         settle=3, seconds=6),
    Case("native-tight", "64x64 box, 60 Hz, VNC tight", "sw", Box(64),
         viewer="tight"),
    Case("native-dbus", "64x64 box, 60 Hz, D-Bus", "sw", Box(64),
         viewer="dbus"),
    Case("native-spice", "64x64 box, 60 Hz, SPICE", "sw", Box(64),
         viewer="spice"),
    Case("native-notify-box64", "64x64 box, 60 Hz, notification, VNC raw",
         "sw-notify", Box(64)),
    Case("native-notify-latency", "drawn to viewer, 21 Hz, notification",
         "sw-notify", Box(64, rate=21), seconds=8, quick=True),
    Case("native-notify-still", "still screen, notification, VNC raw",
         "sw-notify", Still(), settle=3, seconds=6, quick=True),
    Case("native-metadata-box64", "64x64 box, 60 Hz, metadata region, VNC raw",
         "sw-metadata", Box(64)),
    Case("native-metadata-latency", "drawn to viewer, 21 Hz, metadata region",
         "sw-metadata", Box(64, rate=21), seconds=8),
    Case("native-metadata-still", "still screen, metadata region, VNC raw",
         "sw-metadata", Still(), settle=3, seconds=6),
    Case("native-cursor", "the cursor moves, 60 Hz, notification, VNC raw",
         "sw-notify", Cursor(), settle=3),
    Case("native-4k-box64", "64x64 box, 60 Hz, 3840x2160, VNC raw", "sw",
         Box(64), size=UHD),
    Case("native-gl", "64x64 box, 60 Hz, GL readback, VNC raw", "sw-gl",
         Box(64)),
]


def select(names=(), quick=False):
    """The cases of those names, or all, or the quick ones."""
    known = {case.name: case for case in CASES}
    if names:
        return [known[name] for name in names]
    return [case for case in CASES if case.quick or not quick]
