# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured: the cases by name.

A case is a place (the lab, where stock QEMU and ours run in turn, or natively,
where stock has but the VGA that both emulate), a source of pictures, a viewer
and a motion. Cases that differ in the motion alone share a machine.
"""

from dataclasses import dataclass, field

from motion import (Box, Burst, Cursor, Film, Flip, RestingFilm, Stamp,
                    Still)
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
    screens: int = 1        # of each machine, with a viewer each
    alone: bool = False     # not after others on the same machine
    quick: bool = False
    # Seconds before the measurement, and of it.
    settle: float = 1.0
    seconds: float = 4.0
    quick_seconds: float = 3.0
    options: tuple = field(default=())

    def pairs(self, wanted):
        """Many machines take long to start; they and memory vary little."""
        few = self.machines > 1 or self.alone
        return min(wanted, 3) if few else wanted

    @property
    def place(self):
        return SOURCES[self.source].place

    @property
    def packaged(self):
        """Is the QEMU that Debian packages measured, too, if there is one?"""
        return not SOURCES[self.source].stock and (
            self.quick or not SOURCES[self.source].vgpu)

    @property
    def setup(self):
        """Cases with the same one share a machine."""
        return (self.source, self.size, self.viewer, self.machines,
                self.screens, self.options, self.alone and self.name)


# What changes is seen by the scans of a moving picture, at every moment
# between two of them: 59 Hz is in step with no viewer.
STAMPED = {"block": 64, "rate": 59}
# A screen is still 4 s after the last change; this many ticks at 20 Hz.
RARELY = 93


CASES = [
    # In the lab: real vfio devices, one CPU for everything.
    Case("box64", "64x64 box, 60 Hz, region, VNC raw", "region",
         Box(64), quick=True),
    Case("box720", "720x720 box, 60 Hz, region, VNC raw", "region",
         Box(720), quick=True),
    Case("latency", "drawn to viewer, 21 Hz box, region, VNC raw", "region",
         Box(64, rate=21), seconds=8, quick=True),
    Case("stamp", "4 rows change at 20 Hz, a block at 59 Hz, region",
         "region", Stamp(4, gap=3, **STAMPED), seconds=8),
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
    Case("native-line", "a row changes at 6 Hz, a block at 59 Hz, VNC raw",
         "sw", Stamp(1, gap=10, **STAMPED), seconds=16, quick_seconds=6),
    Case("native-still", "still screen, VNC raw", "sw", Still(),
         settle=6, seconds=6),
    Case("native-still-rows", "64x16 pixels change each 5 s, VNC raw", "sw",
         Stamp(16, gap=RARELY, rate=20), seconds=28, quick_seconds=10),
    Case("native-still-line", "64x1 pixels change each 5 s, VNC raw", "sw",
         Stamp(1, gap=RARELY, rate=20), seconds=28, quick_seconds=10),
    Case("native-idle16", "16 idle VMs, a VNC viewer each", "sw", Still(),
         machines=16, settle=6, seconds=6),
    Case("native-tight", "64x64 box, 60 Hz, VNC tight", "sw", Box(64),
         viewer="tight"),
    Case("native-tight-flip", "whole screen by flips, VNC tight", "sw",
         Flip(3), viewer="tight", seconds=8),
    Case("native-vga-tight", "64x64 box, 60 Hz, a VGA, VNC tight", "vga",
         Box(64), viewer="tight"),
    Case("native-vga-tight-flip", "whole screen by flips, a VGA, VNC tight",
         "vga", Flip(3), viewer="tight", seconds=8),
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
    Case("native-notify-flip144", "flips, 144 Hz, notification, VNC raw",
         "sw-irq", Flip(3, rate=144)),
    Case("native-notify-flip144-dbus", "flips, 144 Hz, notification, D-Bus",
         "sw-irq", Flip(3, rate=144), viewer="dbus"),
    Case("native-notify-flip144-map", "the same in shared memory",
         "sw-irq", Flip(3, rate=144), viewer="dbus-map"),
    Case("native-four", "4 vGPUs in one VM, 64x64 boxes, 60 Hz, VNC raw",
         "sw", Box(64), screens=4),
    Case("native-slow", "64x64 box, 60 Hz, memory of 20 MB/s, VNC raw",
         "sw-slow", Box(64), settle=3, seconds=8),
    Case("native-gtk-still", "still dma-buf in a GTK window", "sw-import",
         Still(), viewer="gtk-gl", settle=1.25, seconds=6,
         quick_seconds=6),
    Case("native-sdl-still", "still dma-buf in an SDL window", "sw-import",
         Still(), viewer="sdl-gl", settle=1.25, seconds=6,
         quick_seconds=6),
    Case("native-dbus-gl-still", "still dma-buf, a D-Bus viewer",
         "sw-import", Still(), viewer="dbus-gl", settle=1.25, seconds=6,
         quick_seconds=6),
    Case("native-spice-nobody", "dma-buf, SPICE without a client",
         "sw-import", Box(64), viewer="spice-gl-nobody", settle=5),
    Case("native-memory-none", "a VM without a display", "sw", Still(),
         screens=0, settle=1, seconds=1, options=("-display", "none")),
    Case("native-memory", "still screen, nobody looks", "sw", Still(),
         viewer="none", settle=3, seconds=1),
    *(Case("native-memory-" + name, title, "sw", motion, viewer=viewer,
           settle=6, seconds=1, alone=True)
      for name, title, motion, viewer in (
          ("viewer", "still screen, a VNC viewer", Still(), "raw"),
          ("crowd", "still screen, four VNC viewers", Still(), "crowd"),
          ("burst", "after 3 s of flips, a VNC viewer", Burst(3), "raw"),
          ("burst-crowd", "after 3 s of flips, four VNC viewers", Burst(3),
           "crowd"))),
    *(Case(f"native-h264-{name}{suffix}", f"a film, 60 Hz, {title}, VNC "
           f"{viewer}", "sw", Film(size), viewer=viewer, seconds=6, settle=2)
      for name, title, size in (("flip", "whole screen", 0),
                                ("box720", "720x720", 720))
      for viewer, suffix in (("h264", ""), ("tight", "-tight"),
                             ("raw", "-raw"))),
    Case("native-h264-vga", "a film, 60 Hz, whole screen, a VGA, VNC h264",
         "vga", Film(), viewer="h264", seconds=6, settle=2),
    Case("native-h264-rest", "a film that rests at each second, VNC h264",
         "sw", RestingFilm(), viewer="h264", seconds=12, settle=2),
    Case("native-gl", "64x64 box, 60 Hz, GL readback, VNC raw", "sw-gl",
         Box(64)),
]


# What is measured by a program of its own.
PROGRAMS = {
    "copy-pass": "a scan of mapped pixels, beside what the memory can do",
    "readback": "readback with OpenGL, main thread, beside glReadPixels()",
}


def select(names=(), quick=False):
    """The cases of those names, or all, or the quick ones."""
    known = {case.name: case for case in CASES}
    if names:
        return [known[name] for name in names if name in known]
    return [case for case in CASES if case.quick or not quick]
