# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes out: a table, results.json, report.md and a plot."""

import json
import os
import statistics

import targets

BUILDS = ("stock", "packaged", "ours")

# Key, heading, unit's divisor, digits. The first three have their spread.
COLUMNS = [
    ("fps", "frames/s", 1, 1),
    ("latency_ms", "drawn to viewer, ms", 1, 1),
    ("main_cpu", "main thread, % CPU", 0.01, 2),
    ("latency_p95_ms", "p95, ms", 1, 1),
    ("latency_p99_ms", "p99, ms", 1, 1),
    ("latency_max_ms", "max, ms", 1, 1),
    ("cpu_per_frame_ms", "ms CPU/frame", 1, 2),
    ("process_per_frame_ms", "all threads", 1, 2),
    ("sent", "MB sent/s", 1e6, 2),
    ("updates_per_drawn", "updates/drawn", 1, 2),
    ("bytes_per_frame", "MB read/frame", 1e6, 2),
    ("bytes_read", "MB read/s", 1e6, 1),
    ("refreshes", "refreshes/s", 1, 1),
    ("redraws", "redraws/s", 1, 1),
    ("notifications", "notifications/s", 1, 1),
    ("wakeups", "wake-ups/s", 1, 0),
    ("peak", "peak MB", 1e6, 0),
    ("rss", "RSS MB", 1e6, 1),
    ("pss", "PSS MB", 1e6, 1),
]
SPREAD = 3


class Summary:
    """The runs of one case and emulator."""

    def __init__(self):
        self.values = {}
        self.words = None

    def add(self, run):
        for key, value in run.items():
            if isinstance(value, (int, float)) and key != "pair":
                self.values.setdefault(key, []).append(value)
        self.words = run.get("says") or run.get("error") or self.words

    def median(self, key):
        values = self.values.get(key)
        return statistics.median(values) if values else None

    def spread(self, key):
        values = self.values[key]
        return min(values), max(values)


def summarize(runs):
    """{(case, build): Summary}"""
    found = {}
    for run in runs:
        found.setdefault((run["case"], run["build"]), Summary()).add(run)
    return found


def cell(summary, column, with_spread):
    key, _, divisor, digits = column
    value = summary.median(key)
    if value is None:
        return ""
    text = f"{value / divisor:.{digits}f}"
    low, high = (f"{bound / divisor:.{digits}f}"
                 for bound in summary.spread(key))
    if with_spread and low != high:
        text += f" ({low}-{high})"
    return text


def table_rows(summaries, chosen):
    """[[case, emulator, cells...]]; words stand alone in the third cell."""
    rows = []
    for case in chosen:
        for build in BUILDS:
            summary = summaries.get((case.name, build))
            if summary is None:
                continue
            cells = [cell(summary, column, number < SPREAD)
                     for number, column in enumerate(COLUMNS)]
            if not any(cells):
                cells = [summary.words or "no result"]
            rows.append([case.name, build, *cells])
    return rows


def text_table(head, rows):
    """Columns with something in them, as wide as that; words may run over."""
    plain = [row for row in rows if len(row) == len(head)]
    used = [i for i in range(len(head))
            if i < 3 or any(row[i] for row in plain)]
    rows = [[row[i] for i in used if i < len(row)] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows if len(row) == len(used))
              for i in range(len(used))]
    return "".join("  ".join(
        text.ljust(width) for text, width in zip(row, widths)).rstrip() + "\n"
        for row in rows)


def markdown_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        row = row + [""] * (len(head) - len(row))
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def copy_pass_rows(found):
    return [[f"{one['width']}x{one['height']}"]
            + [f"{one[key]:.1f}"
               for key in ("read", "unchanged", "memcpy", "changed")]
            for one in found]


COPY_PASS_HEAD = ["the copy pass, GB/s", "reading alone", "nothing changed",
                  "memcpy()", "everything changed"]


def describe(results):
    machine = results["machine"]
    return (f"{machine['cpu']}, {machine['cpus']} CPUs, "
            f"{machine['memory'] / 2**30:.0f} GiB, Linux "
            f"{machine['kernel']}, {machine['date']}; medians of "
            f"{results['pairs']} runs of each emulator in turn, with the "
            "smallest and the largest"
            + (results["packaged"] and f"; packaged: {results['packaged']}"))


def markdown(results, summaries, chosen):
    """For docs/performance.md."""
    head = ["case", "QEMU", *(column[1] for column in COLUMNS)]
    parts = [describe(results) + ".\n",
             markdown_table(["target", "stock", "ours", ""],
                            targets.rows(results, summaries)),
             markdown_table(["case", "what"],
                            [[case.name, case.title] for case in chosen]),
             markdown_table(head, table_rows(summaries, chosen))]
    if results["copy_pass"]:
        parts.append(markdown_table(COPY_PASS_HEAD,
                                    copy_pass_rows(results["copy_pass"])))
    return "\n".join(parts)


def as_json(results, summaries):
    """results.json: every run, and what they come to."""
    summary = {}
    for (case, build), one in summaries.items():
        entry = {key: {"median": one.median(key), "min": one.spread(key)[0],
                       "max": one.spread(key)[1]} for key in one.values}
        if one.words:
            entry["words"] = one.words
        summary.setdefault(case, {})[build] = entry
    return {**results, "summary": summary}


def draw(summaries, chosen, machine, folder):
    """Returns what there is of a plot, in words."""
    try:
        import plot     # pylint: disable=import-outside-toplevel
    except ImportError as reason:
        return f"and no plot: {reason}"
    plot.draw(summaries, chosen, machine, folder)
    return "plot.svg, plot.png"


def write(results, chosen, folder):
    """Everything: files into the folder, the table to standard output."""
    summaries = summarize(results["runs"])
    head = ["case", "QEMU", *(column[1] for column in COLUMNS)]
    print(text_table(head, table_rows(summaries, chosen)))
    if results["copy_pass"]:
        print(text_table(COPY_PASS_HEAD,
                         copy_pass_rows(results["copy_pass"])))
    print(text_table(["target", "stock", "ours", ""],
                     targets.rows(results, summaries)))
    with open(os.path.join(folder, "results.json"), "w",
              encoding="utf-8") as stream:
        json.dump(as_json(results, summaries), stream, indent=1,
                  sort_keys=True)
        stream.write("\n")
    with open(os.path.join(folder, "report.md"), "w",
              encoding="utf-8") as stream:
        stream.write(markdown(results, summaries, chosen))
    print(f"{folder}: results.json, report.md,",
          draw(summaries, chosen, describe(results), folder))
