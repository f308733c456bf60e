# SPDX-License-Identifier: GPL-2.0-or-later
"""What the display path is to reach, and whether it does."""

from dataclasses import dataclass


@dataclass
class Target:
    """value(results): the figure, or None if its case was not run."""
    text: str
    case: str
    key: str
    met: object
    digits: int = 1
    factor: float = 1
    other: str = None       # of stock, if it is another case's

    def row(self, summaries):
        ours = _median(summaries, self.case, "ours", self.key)
        stock = _median(summaries, self.other or self.case, "stock", self.key)
        if ours is None:
            verdict = "not in this run"
        elif stock is None and self.met.__code__.co_argcount > 1:
            verdict = "stock was not run"
        else:
            args = (ours, stock)[:self.met.__code__.co_argcount]
            verdict = "met" if self.met(*args) else "missed"
        return [self.text, self._text(stock), self._text(ours), verdict]

    def _text(self, value):
        return "" if value is None else f"{value * self.factor:.{self.digits}f}"


def _median(summaries, case, build, key):
    summary = summaries.get((case, build))
    return summary.median(key) if summary else None


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
    Target("whole screen by flips, lab: frames/s", "flip", "fps",
           lambda ours: True),
    Target("drawn to viewer with notification: median at most 3 ms",
           "notify-latency", "latency_ms", lambda ours: ours <= 3,
           other="latency"),
    Target("p99 at most 10 ms", "notify-latency", "latency_p99_ms",
           lambda ours: ours <= 10, other="latency"),
    Target("drawn to viewer without: median at most 10 ms", "latency",
           "latency_ms", lambda ours: ours <= 10),
    Target("p99 at most 18 ms", "latency", "latency_p99_ms",
           lambda ours: ours <= 18),
    Target("still screen, notification: 0 MB read/s", "notify-still",
           "bytes_read", lambda ours: ours == 0, factor=1e-6),
    Target("still screen, notification: at most 2 refreshes/s",
           "notify-still", "refreshes", lambda ours: ours <= 2),
    Target("still screen, metadata page: 0 MB read/s", "metadata-still",
           "bytes_read", lambda ours: ours == 0, factor=1e-6),
    Target("still screen, metadata page: at most 2 refreshes/s",
           "metadata-still", "refreshes", lambda ours: ours <= 2),
    Target("still screen without either, % of a core: at most stock's",
           "still", "main_cpu", lambda ours, stock: ours <= stock, digits=2,
           factor=100),
    Target("and its changes seen within 100 ms (p99, blinking cursor)",
           "blink", "latency_p99_ms", lambda ours: ours <= 100),
    Target("no viewer: 0 MB read/s", "no-viewer", "bytes_read",
           lambda ours: ours == 0, factor=1e-6),
    Target("no viewer: 0 refreshes/s", "no-viewer", "refreshes",
           lambda ours: ours == 0),
    Target("main thread, ms CPU for each frame of the 64x64 box: at most "
           "half of stock's", "box64", "cpu_per_frame_ms",
           lambda ours, stock: 2 * ours <= stock, digits=2),
    Target("the same with notification", "notify-box64", "cpu_per_frame_ms",
           lambda ours, stock: 2 * ours <= stock, digits=2, other="box64"),
    Target("the same with the metadata page", "metadata-box64",
           "cpu_per_frame_ms", lambda ours, stock: 2 * ours <= stock,
           digits=2, other="box64"),
    Target("16 idle VMs with notification, % of a core: at most a fifth of "
           "stock's", "notify-idle16", "main_cpu",
           lambda ours, stock: 5 * ours <= stock, digits=2, factor=100,
           other="idle16"),
    Target("cursor moves at 60 Hz: 0 MB of the frame read/s",
           "native-cursor", "bytes_read", lambda ours: ours == 0,
           factor=1e-6),
]


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


def _readback(results, summaries):
    """What reading back adds to the main thread, against waiting for it."""
    blocking = results.get("read_pixels")
    gl = _median(summaries, "native-gl", "ours", "cpu_per_frame_ms")
    mapped = _median(summaries, "native-box64", "ours", "cpu_per_frame_ms")
    if not blocking or gl is None or mapped is None:
        return
    share = 100 * (gl - mapped) / blocking["ms"]
    yield ["readback with OpenGL, main thread: what a frame costs more than "
           "a mapped one, at most 20% of glReadPixels() "
           f"({blocking['ms']:.1f} ms)", "", f"{share:.0f}%",
           "met" if share <= 20 else "missed"]


def rows(results, summaries):
    """[[target, stock, ours, verdict]] of what was run."""
    cases = {case for case, _ in summaries}
    return [target.row(summaries) for target in TARGETS
            if target.case in cases] + [*_copy_pass(results),
                                        *_readback(results, summaries)]
