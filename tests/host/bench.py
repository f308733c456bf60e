#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the benchmark itself: what it counts and what it makes of that.

Prints TAP. No test looks at how fast anything is.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile

import tapcases

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
BENCH = os.path.join(TOP, "tests", "bench")
sys.path[:0] = [BENCH, os.path.join(TOP, "tests", "lab")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import cases  # noqa: E402
import report  # noqa: E402
import targets  # noqa: E402
from motion import Box, Film, Flip, RestingFilm, Stamp  # noqa: E402
from vgpulab import oracle, paths  # noqa: E402
from watch import Steps  # noqa: E402

MACHINE = {"cpu": "a CPU", "cpus": 2, "memory": 4 << 30, "kernel": "6.1",
           "load": 0.5, "date": "2026-01-01"}


class Drawn:
    """A debug port that has said so much."""

    def __init__(self, newest):
        self.newest = newest


def show(steps, picture, rect):
    """An update of one rectangle of a picture; returns the newest step."""
    candidates = steps.candidates()
    left, top, _, _ = rect
    steps.look(candidates, rect, lambda x, y: int.from_bytes(
        bytes(picture.pixel(left + x, top + y)), "big"))
    steps.update_ends(candidates)
    return max(steps.seen, default=None)


def test_box_steps():
    """a box is seen when its last pixel is, and not before"""
    size = (320, 200)
    steps = Steps(Box(32), size, Drawn(7))
    background = oracle.pattern(oracle.SOLID, *size, 1)
    picture = oracle.with_box(background, 7, 32)
    left, top = 7 * 7, 7 * 5
    assert show(steps, background, (0, 0, *size)) is None
    # Its first pixel alone, then the rest of it.
    assert show(steps, picture, (left, top, 1, 1)) is None
    assert show(steps, picture, (0, top + 1, 320, 31)) == 7
    # What was seen once is not seen again.
    before = dict(steps.seen)
    show(steps, picture, (0, 0, *size))
    assert steps.seen == before


def test_skipped_steps():
    """a viewer that skips steps sees the one that is there"""
    size = (320, 200)
    drawn = Drawn(3)
    steps = Steps(Box(32), size, drawn)
    background = oracle.pattern(oracle.SOLID, *size, 1)
    assert show(steps, oracle.with_box(background, 3, 32),
                (0, 0, *size)) == 3
    drawn.newest = 10
    assert show(steps, oracle.with_box(background, 9, 32),
                (0, 0, *size)) == 9
    assert sorted(steps.seen) == [3, 9]


def test_flip_steps():
    """pages that are flipped are told apart, each time they come"""
    size = (320, 200)
    drawn = Drawn(0)
    steps = Steps(Flip(3), size, drawn)
    for step in 1, 2, 3, 4, 6, 9:
        drawn.newest = step
        page = oracle.pattern(oracle.NOISE, *size, step % 3)
        assert show(steps, page, (0, 0, *size)) == step, step
    # The page of step 9 is still there when 10 is drawn.
    drawn.newest = 10
    show(steps, oracle.pattern(oracle.NOISE, *size, 0), (0, 0, *size))
    assert max(steps.seen) == 9


def test_stamp_steps():
    """a stamp is seen when its last row is, and no step between two"""
    size = (320, 200)
    drawn = Drawn(10)
    steps = Steps(Stamp(4, gap=10), size, drawn)
    background = oracle.pattern(oracle.SOLID, *size, 1)
    assert show(steps, background, (0, 0, *size)) is None
    picture = background.with_fill(128, 37, 64, 4, 10)
    assert show(steps, picture, (0, 0, 320, 40)) is None
    assert show(steps, picture, (0, 40, 320, 1)) == 10
    # It stays, and is not seen again.
    drawn.newest = 19
    assert show(steps, picture, (0, 0, *size)) == 10
    drawn.newest = 20
    picture = picture.with_fill(128, 74, 64, 4, 20)
    assert show(steps, picture, (0, 0, *size)) == 20
    assert sorted(steps.seen) == [10, 20]


def test_film_steps():
    """a film's step is seen when both ends are, whatever a codec made of it"""
    size, motion = (320, 240), Film(200)
    drawn = Drawn(11)
    steps = Steps(motion, size, drawn)
    left, top = 60, 20
    marks = (left, top, 32, 32), (left + 168, top + 168, 32, 32)
    picture = oracle.pattern(oracle.CHECKS, *size, 1)
    gray = 11 % 8 * 28
    for mark, off in zip(marks, (9, -9)):
        picture = picture.with_fill(*mark, (gray + off) * 0x10101)
    assert show(steps, picture, (0, 0, 320, 120)) is None
    assert show(steps, picture, (0, 120, 320, 120)) == 11
    drawn.newest = 13
    assert show(steps, picture, (0, 0, *size)) == 11


def test_resting_film():
    """a film that rests is seen when every pixel is as it must be"""
    size, motion = (320, 240), RestingFilm()
    drawn = Drawn(119)
    steps = Steps(motion, size, drawn)
    page = oracle.pattern(oracle.FILM, *size, 120 % 8)
    assert show(steps, page, (0, 0, *size)) is None
    drawn.newest = 120
    x, y, colour = motion.points(120, *size)[-1]
    almost = page.with_fill(x, y, 1, 1, colour ^ 1)
    assert show(steps, almost, (0, 0, *size)) is None
    assert show(steps, page, (0, y - 16, 320, 32)) == 120


def test_cases():
    """every case has a name of its own, and every target a case"""
    names = [case.name for case in cases.CASES]
    assert len(set(names)) == len(names)
    for target in targets.TARGETS:
        assert target.case in names, target.case
        assert target.other is None or target.other in names, target.other
    output = subprocess.run(
        [os.path.join(BENCH, "bench.py"), "--list"], check=True,
        capture_output=True, text=True).stdout.splitlines()
    assert [line.split()[0] for line in output] == [
        *names, *cases.PROGRAMS]
    for _, *needed, _ in targets.MEMORY:
        assert set(needed) <= set(names), needed


def runs():
    """box64 meets its target, latency does not, dmabuf has no stock."""
    found = []
    for pair in range(3):
        for build, fps in ("stock", 30), ("ours", 60):
            found.append({"case": "box64", "build": build, "pair": pair,
                          "fps": fps + pair, "main_cpu": 0.1,
                          "cpu_per_frame_ms": 100 / fps})
            found.append({"case": "latency", "build": build, "pair": pair,
                          "latency_ms": 12.0 + pair,
                          "latency_p99_ms": 17.0})
        found.append({"case": "dmabuf", "build": "stock", "pair": pair,
                      "says": "opengl not available"})
        found.append({"case": "dmabuf", "build": "ours", "pair": pair,
                      "fps": 58.0})
    return {"machine": MACHINE, "pairs": 3, "packaged": "", "quick": False,
            "runs": found,
            "readback": [{"what": "all of it changes", "main_ms": 0.3,
                          "wait_ms": 0.9}],
            "copy_pass": [{"width": 1920, "height": 1080, "read": 10.0,
                           "unchanged": 9.0, "memcpy": 10.0,
                           "woken": 0.02, "sampled": 0.21,
                           "changed": 5.0}]}


def test_summary():
    """medians, spread, and the words of what does not run"""
    results = runs()
    summaries = report.summarize(results["runs"])
    assert summaries["box64", "ours"].median("fps") == 61
    assert summaries["box64", "ours"].spread("fps") == (60, 62)
    chosen = cases.select(["box64", "latency", "dmabuf"])
    rows = report.table_rows(summaries, chosen)
    assert ["dmabuf", "stock", "opengl not available"] in rows
    assert rows[1][:3] == ["box64", "ours", "61.0 (60.0-62.0)"], rows[1]
    data = report.as_json(results, summaries)
    assert data["summary"]["latency"]["ours"]["latency_ms"] == {
        "median": 13.0, "min": 12.0, "max": 14.0}
    assert data["summary"]["dmabuf"]["stock"] == {
        "words": "opengl not available"}
    assert json.loads(json.dumps(data)) == data


def test_targets():
    """targets are met or missed by the medians"""
    results = runs()
    found = {row[0]: row[1:] for row in targets.rows(
        results, report.summarize(results["runs"]))}

    def verdict(part):
        return [row for text, row in found.items() if part in text]
    assert verdict("region, polled") == [["31.0", "61.0", "met"]]
    assert verdict("mapped dma-buf") == [["", "58.0", "met"]]
    assert verdict("half of stock's") == [["3.33", "1.67", "met"]]
    assert verdict("median at most 10 ms") == [["13.0", "13.0", "missed"]]
    assert verdict("nothing changed") == [["", "90%", "met"]]
    assert verdict("everything changed") == [["", "50%", "missed"]]
    assert verdict("all of it changes") == [["", "33%", "missed"]]


def written(folder, first=""):
    """What is printed, and how each file begins."""
    script = (f"import sys; sys.path[:0] = {sys.path!r}\n{first}\n"
              "import cases, report\n"
              "report.write(RUNS, cases.select(['box64', 'latency', "
              "'dmabuf']), FOLDER)\n")
    script = script.replace("RUNS", repr(runs()))
    script = script.replace("FOLDER", repr(folder))
    table = subprocess.run([sys.executable, "-c", script], check=True,
                           capture_output=True, text=True).stdout
    found = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as stream:
            found[name] = stream.read(200)
    assert "opengl not available" in table and "frames/s" in table
    assert "MB read/s" not in table, table
    assert found["report.md"].startswith(b"a CPU, 2 CPUs, 4 GiB")
    assert found["results.json"].startswith(b"{")
    return table, found


def test_files():
    """report.md, results.json and the plot are written"""
    if importlib.util.find_spec("matplotlib") is None:
        raise tapcases.Skip("python3-matplotlib is not installed")
    with tempfile.TemporaryDirectory() as folder:
        _, found = written(folder)
    assert found["plot.png"].startswith(b"\x89PNG\r\n")
    assert b"<?xml" in found["plot.svg"]


def test_no_plot():
    """without matplotlib there is everything but the plot"""
    with tempfile.TemporaryDirectory() as folder:
        table, found = written(folder, "sys.modules['matplotlib'] = None")
    assert "no plot" in table, table
    assert sorted(found) == ["report.md", "results.json"], found


def test_tiny_run():
    """cases that are really run have their figures"""
    names = ["native-box64", "native-line", "native-four"]
    with tempfile.TemporaryDirectory() as folder:
        lines = os.path.join(folder, "runs.jsonl")
        subprocess.run([os.path.join(BENCH, "runner.py"), "--place",
                        "native", "--ours", paths.QEMU, "--pairs", "1",
                        "--quick", "--out", lines, *names],
                       check=True, stderr=subprocess.PIPE)
        with open(lines, encoding="utf-8") as stream:
            found = [json.loads(line) for line in stream]
    assert sorted(run["case"] for run in found) == sorted(names), found
    for run in found:
        assert run["build"] == "ours", run
        for key in ("fps", "drawn", "main_cpu", "cpu_per_frame_ms",
                    "updates_per_drawn", "bytes_read", "refreshes", "wakeups",
                    "peak", "rss", "pss"):
            assert run.get(key, 0) > 0, (key, run)
        assert 0 < run["latency_ms"] <= run["latency_p95_ms"] <= run[
            "latency_p99_ms"] <= run["latency_max_ms"], run


if __name__ == "__main__":
    tapcases.run([test_box_steps, test_skipped_steps, test_flip_steps,
                  test_stamp_steps, test_film_steps, test_resting_film,
                  test_cases, test_summary, test_targets,
                  test_files, test_no_plot, test_tiny_run])
