# SPDX-License-Identifier: GPL-2.0-or-later
"""The plot: stock and ours, case by case."""

import os

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "vgpu"

# pylint: disable=wrong-import-position
from matplotlib import pyplot  # noqa: E402

COLOURS = {"stock": "#b0b0b0", "ours": "#1f77b4"}
PANELS = [("fps", "frames/s at the viewer", 1),
          ("latency_ms", "drawn to viewer, ms (bar ends at p99)", 1),
          ("main_cpu", "main thread, % of a CPU", 100)]


def _bars(axes, summaries, chosen, key, factor):
    for build, shift in (("stock", 0.2), ("ours", -0.2)):
        for row, case in enumerate(chosen):
            summary = summaries.get((case.name, build))
            value = summary and summary.median(key)
            if value is None:
                if summary and not summary.values and key == "fps":
                    axes.text(0, row - shift, " does not run",
                              va="center", fontsize=6, color="#808080")
                continue
            low, high = summary.spread(key)
            if key == "latency_ms":
                high = summary.median("latency_p99_ms")
            axes.barh(row - shift, value * factor, 0.38,
                      color=COLOURS[build],
                      xerr=[[(value - low) * factor],
                            [(high - value) * factor]],
                      error_kw={"elinewidth": 0.7})


def draw(summaries, chosen, machine, folder):
    """plot.svg and plot.png"""
    shown = [case for case in chosen
             if any((case.name, build) in summaries for build in COLOURS)]
    figure, panels = pyplot.subplots(
        1, len(PANELS), sharey=True,
        figsize=(12, 1.4 + 0.32 * max(1, len(shown))))
    for axes, (key, title, factor) in zip(panels, PANELS):
        _bars(axes, summaries, shown, key, factor)
        axes.set_title(title, fontsize=9)
        axes.grid(axis="x", linewidth=0.4)
        axes.set_axisbelow(True)
    panels[0].set_yticks(range(len(shown)),
                         [case.name for case in shown], fontsize=8)
    panels[0].invert_yaxis()
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=colour)
               for colour in COLOURS.values()]
    panels[-1].legend(handles, ["stock QEMU", "ours"], fontsize=8)
    figure.text(0.01, 0.005, machine, fontsize=6)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(os.path.join(folder, "plot.svg"), metadata={"Date": None})
    figure.savefig(os.path.join(folder, "plot.png"), dpi=100)
    pyplot.close(figure)
