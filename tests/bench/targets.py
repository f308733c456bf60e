# SPDX-License-Identifier: GPL-2.0-or-later
"""What the display path is to reach, and whether it does."""

import statistics
from dataclasses import dataclass


@dataclass
class Target:
    """met(ours[, stock]): is it? None: a figure that has no target.

    worst: of the runs' figures, if their median does not say it.
    """
    text: str
    case: str
    key: str
    met: object = None
    digits: int = 1
    factor: float = 1
    other: str = None       # of stock, if it is another case's
    worst: object = statistics.median

    def row(self, summaries):
        ours = self._value(summaries, self.case, "ours")
        stock = self._value(summaries, self.other or self.case, "stock")
        return [self.text, self._text(stock), self._text(ours),
                self._verdict(ours, stock)]

    def _value(self, summaries, case, build):
        summary = summaries.get((case, build))
        values = summary.values.get(self.key) if summary else None
        return self.worst(values) if values else None

    def _verdict(self, ours, stock):
        if ours is None:
            return "not in this run"
        if self.met is None:
            return ""
        wanted = self.met.__code__.co_argcount
        if wanted > 1 and stock is None:
            return "stock was not run"
        return "met" if self.met(*(ours, stock)[:wanted]) else "missed"

    def _text(self, value):
        return ("" if value is None
                else f"{value * self.factor:.{self.digits}f}")


def _median(summaries, case, build, key):
    summary = summaries.get((case, build))
    return summary.median(key) if summary else None


FRAME_BYTES = 1920 * 1080 * 4

TARGETS = [
    Target("64x64 box at 60 Hz, 1080p, VNC raw, region, polled: at least 55 "
           "frames/s", "box64", "fps", lambda ours: ours >= 55),
    Target("the same, mapped dma-buf", "dmabuf", "fps",
           lambda ours: ours >= 55),
    Target("the same natively: at least 58", "native-box64", "fps",
           lambda ours: ours >= 58),
    Target("the same with notification: at least 59", "notify-box64", "fps",
           lambda ours: ours >= 59, other="box64"),
    Target("the same natively with notification: at least 59",
           "native-notify-box64", "fps", lambda ours: ours >= 59),
    Target("720x720 box, lab: not below stock", "box720", "fps",
           lambda ours, stock: ours >= stock),
    Target("720x720 box, natively: at least 55", "native-box720", "fps",
           lambda ours: ours >= 55),
    Target("whole screen by flips, natively: at least 55 frames/s",
           "native-flip60", "fps", lambda ours: ours >= 55),
    Target("whole screen by flips, lab: frames/s", "flip", "fps"),
    Target("760x760 box in 1024x768, lab: no run below 55 frames/s",
           "screen", "fps", lambda ours: ours >= 55, worst=min),
    Target("64x64 box, 3840x2160, natively: at least 58 frames/s",
           "native-4k-box64", "fps", lambda ours: ours >= 58),
    Target("flips at 144 Hz with notification, natively, VNC raw: at least "
           "140 frames/s", "native-notify-flip144", "fps",
           lambda ours: ours >= 140),
    Target("the same, D-Bus, pixels in shared memory",
           "native-notify-flip144-map", "fps", lambda ours: ours >= 140),
    Target("the same, D-Bus, pixels in messages",
           "native-notify-flip144-dbus", "fps", lambda ours: ours >= 140),
    Target("4 vGPUs in one VM, a viewer each, natively: at least 58 frames/s "
           "each", "native-four", "fps", lambda ours: ours >= 58),
    Target("drawn to viewer with notification: median at most 3 ms",
           "notify-latency", "latency_ms", lambda ours: ours <= 3,
           other="latency"),
    Target("p99 at most 10 ms", "notify-latency", "latency_p99_ms",
           lambda ours: ours <= 10, other="latency"),
    Target("drawn to viewer without: median at most 10 ms", "latency",
           "latency_ms", lambda ours: ours <= 10),
    Target("p99 at most 18 ms", "latency", "latency_p99_ms",
           lambda ours: ours <= 18),
    Target("4 rows change at 20 Hz while a block moves, lab: median at most "
           "9 ms", "stamp", "latency_ms", lambda ours: ours <= 9),
    Target("p99 at most 18 ms", "stamp", "latency_p99_ms",
           lambda ours: ours <= 18),
    Target("a row changes while a block moves, natively, age when it is "
           "seen: median, ms", "native-line", "latency_ms"),
    Target("p95 at most 25 ms", "native-line", "latency_p95_ms",
           lambda ours: ours <= 25),
    Target("p99 at most 35 ms", "native-line", "latency_p99_ms",
           lambda ours: ours <= 35),
    Target("the longest, ms", "native-line", "latency_max_ms", worst=max),
    Target("still screen, notification, 3 to 9 s after the last change: one "
           "frame is read at most, 1.4 MB/s", "notify-still", "bytes_read",
           lambda ours: ours <= FRAME_BYTES / 6, factor=1e-6),
    Target("still screen, notification: at most 2 refreshes/s",
           "notify-still", "refreshes", lambda ours: ours <= 2),
    Target("still screen, metadata page: 0 MB read/s", "metadata-still",
           "bytes_read", lambda ours: ours == 0, factor=1e-6),
    Target("still screen, metadata page: at most 2 refreshes/s",
           "metadata-still", "refreshes", lambda ours: ours <= 2),
    Target("still screen without either, lab: at most 0.3% of a core",
           "still", "main_cpu", lambda ours: ours <= 0.003, digits=2,
           factor=100),
    Target("16 such VMs, lab: at most 2.5%", "idle16", "main_cpu",
           lambda ours: ours <= 0.025, digits=2, factor=100),
    Target("one natively: at most 0.15%", "native-still", "main_cpu",
           lambda ours: ours <= 0.0015, digits=2, factor=100),
    Target("16 natively: at most 2%", "native-idle16", "main_cpu",
           lambda ours: ours <= 0.02, digits=2, factor=100),
    Target("a blinking cursor is seen within 100 ms (p99)",
           "blink", "latency_p99_ms", lambda ours: ours <= 100),
    Target("64x16 pixels on a still screen are seen within 120 ms (all)",
           "native-still-rows", "latency_max_ms", lambda ours: ours <= 120,
           worst=max),
    Target("64x1 pixels on a still screen are seen within 350 ms (all)",
           "native-still-line", "latency_max_ms", lambda ours: ours <= 350,
           worst=max),
    *(target for name, case in (("GTK", "native-gtk-still"),
                                ("SDL", "native-sdl-still"),
                                ("D-Bus", "native-dbus-gl-still"))
      for target in (
          Target(f"still dma-buf, {name}, 2.5 to 8.5 s after the last change: "
                 "at most 10 queries/s",
                 case, "refreshes", lambda ours: ours <= 10),
          Target("and 0 redraws/s", case, "redraws",
                 lambda ours: ours == 0))),
    Target("SPICE without a client: 0 queries/s", "native-spice-nobody",
           "refreshes", lambda ours: ours == 0),
    Target("64x64 box in memory of 20 MB/s, natively: at most 7 MB read/s, "
           "a third of the main loop's time", "native-slow", "bytes_read",
           lambda ours: ours <= 7e6, factor=1e-6),
    Target("no viewer: 0 MB read/s", "no-viewer", "bytes_read",
           lambda ours: ours == 0, factor=1e-6),
    Target("no viewer: 0 refreshes/s", "no-viewer", "refreshes",
           lambda ours: ours == 0),
    Target("VNC updates for each frame that the guest drew, 64x64 box, lab: "
           "at most 1.1", "box64", "updates_per_drawn",
           lambda ours: ours <= 1.1, digits=2),
    Target("the same natively", "native-box64", "updates_per_drawn",
           lambda ours: ours <= 1.1, digits=2),
    Target("main thread, ms CPU for each frame of the 64x64 box, lab: at "
           "most 1.0", "box64", "cpu_per_frame_ms",
           lambda ours: ours <= 1, digits=2),
    Target("the same natively", "native-box64", "cpu_per_frame_ms",
           lambda ours: ours <= 1, digits=2),
    Target("in the lab, at most half of stock's", "box64", "cpu_per_frame_ms",
           lambda ours, stock: 2 * ours <= stock, digits=2),
    Target("half of it with notification", "notify-box64", "cpu_per_frame_ms",
           lambda ours, stock: 2 * ours <= stock, digits=2, other="box64"),
    Target("half of it with the metadata page", "metadata-box64",
           "cpu_per_frame_ms", lambda ours, stock: 2 * ours <= stock,
           digits=2, other="box64"),
    Target("16 idle VMs with notification, % of a core: at most a fifth of "
           "stock's", "notify-idle16", "main_cpu",
           lambda ours, stock: 5 * ours <= stock, digits=2, factor=100,
           other="idle16"),
    Target("cursor moves at 60 Hz: 0 MB of the frame read/s",
           "native-cursor", "bytes_read", lambda ours: ours == 0,
           factor=1e-6),
    Target("VNC tight, all threads, ms CPU for each frame: 64x64 box, a "
           "polled vGPU beside stock's VGA", "native-tight",
           "process_per_frame_ms", digits=2, other="native-vga-tight"),
    Target("the same, a VGA in both", "native-vga-tight",
           "process_per_frame_ms", digits=2),
    Target("whole screen, a polled vGPU beside stock's VGA",
           "native-tight-flip", "process_per_frame_ms", digits=2,
           other="native-vga-tight-flip"),
    Target("the same, a VGA in both", "native-vga-tight-flip",
           "process_per_frame_ms", digits=2),
]

VIDEO = [
    ("a film, 60 Hz, 1080p, VNC with H.264", "native-h264-flip", 12),
    ("the same, 720x720 of it", "native-h264-box720", 4),
]


def _at_most(limit):
    return lambda ours: ours <= limit


TARGETS += [
    target for text, case, cpu in VIDEO for target in (
        Target(f"{text}: at least 55 frames/s", case, "fps",
               lambda ours: ours >= 55),
        Target(f"all threads, ms CPU for each frame: at most {cpu}", case,
               "process_per_frame_ms", _at_most(cpu),
               digits=2),
        Target("main thread: at most 1.5", case, "cpu_per_frame_ms",
               lambda ours: ours <= 1.5, digits=2),
        Target("drawn to decoded: median at most 25 ms", case, "latency_ms",
               lambda ours: ours <= 25))
] + [
    Target("a film that rests is exact within 300 ms (all)",
           "native-h264-rest", "latency_max_ms", lambda ours: ours <= 300,
           worst=max),
]

# What one more costs: (text, case with it, case without, how many more).
MEMORY = [
    ("a vGPU that nobody looks at", "native-memory", "native-memory-none", 1),
    ("its first VNC viewer", "native-memory-viewer", "native-memory", 1),
    ("each further VNC viewer", "native-memory-crowd",
     "native-memory-viewer", 3),
    ("3 s of flips, afterwards", "native-memory-burst",
     "native-memory-viewer", 1),
    ("the same, each further VNC viewer", "native-memory-burst-crowd",
     "native-memory-burst", 3),
]


def _memory(summaries):
    """At rest, less the device's own memory; a frame has 8.3 MB."""
    for text, case, without, more in MEMORY:
        found = [[_median(summaries, name, "ours", key)
                  for key in ("rss", "pss")] for name in (case, without)]
        if None not in sum(found, []):
            rss, pss = ((much - less) / more / 1e6
                        for much, less in zip(*found))
            yield [f"memory, 1920x1080, {text}: MB more, resident / its share",
                   "", f"{rss:.1f} / {pss:.1f}", ""]


def _video(summaries):
    """What is sent, beside the tight encoding of the same film."""
    for text, case, _ in VIDEO:
        video, tight = (_median(summaries, name, "ours", "sent")
                        for name in (case, case + "-tight"))
        if None not in (video, tight):
            yield [f"{text}: MB sent/s, at most a third of tight's "
                   f"({tight / 1e6:.1f})", "", f"{video / 1e6:.2f}",
                   "met" if 3 * video <= tight else "missed"]


def _copy_pass(results):
    for one in results["copy_pass"]:
        size = f"{one['width']}x{one['height']}"
        share = 100 * one["unchanged"] / one["read"]
        yield [f"copy pass, {size}, nothing changed: at least 80% of the "
               "read bandwidth", "", f"{share:.0f}%",
               "met" if share >= 80 else "missed"]
        share = 100 * one["changed"] / one["memcpy"]
        yield [f"copy pass, {size}, everything changed: at least 70% of "
               "memcpy()", "", f"{share:.0f}%",
               "met" if share >= 70 else "missed"]
        yield [f"still screen, {size}, % of a core: a program that only wakes "
               "up that often / and reads as much", "",
               f"{one['woken']:.2f} / {one['sampled']:.2f}", ""]


def _readback(results, summaries):
    """What reading back costs the main thread, against waiting for it."""
    for one in results["readback"]:
        share = 100 * one["main_ms"] / one["wait_ms"]
        yield [f"readback with OpenGL, 1920x1080, {one['what']}, main thread: "
               f"at most 20% of glReadPixels() ({one['wait_ms']:.2f} ms)", "",
               f"{share:.0f}%", "met" if share <= 20 else "missed"]
    gl = _median(summaries, "native-gl", "ours", "cpu_per_frame_ms")
    mapped = _median(summaries, "native-box64", "ours", "cpu_per_frame_ms")
    if gl is not None and mapped is not None:
        yield ["main thread, ms CPU for each frame of the 64x64 box: what "
               "readback costs more than mapped pixels", "",
               f"{gl - mapped:.2f}", ""]


def rows(results, summaries):
    """[[target, stock, ours, verdict]] of what was run."""
    cases = {case for case, _ in summaries}
    return [target.row(summaries) for target in TARGETS
            if target.case in cases] + [*_memory(summaries),
                                        *_video(summaries),
                                        *_copy_pass(results),
                                        *_readback(results, summaries)]
