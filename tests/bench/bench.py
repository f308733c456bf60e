#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""./vgpu bench [--quick] [--case NAME]... [--list] [--pairs N] [--out DIR]

Measures stock QEMU and ours side by side: the cases of the lab in one boot of
it, emulator after emulator, and natively what needs CPUs. Some are measured
with the QEMU that Debian packages now, too, unless --quick. Prints a table and
writes results.json, report.md, and with matplotlib plot.svg and plot.png.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(TOP, "tests", "lab")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import cases  # noqa: E402
import report  # noqa: E402
from vgpulab import mesa, paths  # noqa: E402

RUNNER = os.path.join(HERE, "runner.py")
# As many as the samples allow and idle16 needs (lab/README.md).
LAB = ["--timeout", "inf", "--kernel-arg", "mdpy.count=20",
       "--kernel-arg", "mbochs.count=256"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse_options():
    parser = argparse.ArgumentParser(
        prog="./vgpu bench", description=__doc__.split("\n\n", 1)[1],
        usage=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true",
                        help="fewer cases, two pairs: three minutes")
    parser.add_argument("--case", action="append", default=[],
                        metavar="NAME",
                        choices=[*(c.name for c in cases.CASES),
                                 *cases.PROGRAMS])
    parser.add_argument("--list", action="store_true",
                        help="a line for each case")
    parser.add_argument("--pairs", type=int, metavar="N",
                        help="times that each emulator is started (5)")
    parser.add_argument("--out", default=os.path.join(TOP, "build", "bench"),
                        metavar="DIR")
    parser.add_argument("--ours", default=paths.QEMU, help=argparse.SUPPRESS)
    for name in ("--stock", "--packaged", "--copy-pass", "--readback"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pairs is None:
        options.pairs = 2 if options.quick else 5
    if options.pairs < 1:
        parser.error("--pairs: at least 1")
    return options


def machine():
    """What the figures were measured on."""
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": model, "cpus": len(os.sched_getaffinity(0)),
            "memory": pages, "kernel": platform.release(),
            "load": os.getloadavg()[0],
            "date": time.strftime("%Y-%m-%d")}


def version(qemu):
    """What an emulator says of itself; "" if there is none."""
    if not qemu:
        return ""
    said = subprocess.run([qemu, "--version"], check=True,
                          capture_output=True, text=True).stdout
    return said.splitlines()[0]


def run_place(place, chosen, options, lines):
    """Runs the cases of a place; returns whether its runner went well."""
    names = [case.name for case in chosen if case.place == place]
    if not names:
        return True
    command = [RUNNER, "--place", place, "--ours", options.ours,
               "--stock", options.stock or "",
               "--packaged", options.packaged or "",
               "--pairs", str(options.pairs), "--out", lines]
    command += ["--quick"] * options.quick + names
    if place == "lab":
        command = [os.path.join(TOP, "vgpu"), "lab", *LAB, "--"] + command
    status = subprocess.run(command, check=False,
                            stdin=subprocess.DEVNULL).returncode
    if status:
        say(f"{place}: ended with status {status}; what was not measured is "
            "missing below")
    return status == 0


def run_copy_pass(options):
    """GB/s of the mirror's pass, of reading and of copying, by frame size."""
    found = []
    for size in (("1920", "1080"), ("3840", "2160")):
        say(f"copy pass: {'x'.join(size)}")
        output = subprocess.run(
            [options.copy_pass, *size], check=True, capture_output=True,
            text=True).stdout
        found.append(json.loads(output))
    return found


def run_readback(options):
    """What a frame costs, for each kind of change; [] without OpenGL."""
    say("readback with OpenGL")
    output = subprocess.run(
        [options.readback, "-m", "perf", "-p", "/gl-readback-egl/perf"],
        check=True, env=mesa.environment(), capture_output=True,
        text=True).stdout
    return [{"what": what, "main_ms": float(main), "wait_ms": float(wait)}
            for what, main, wait in re.findall(
                r"\d+x\d+, (.*): main thread (\S+) ms, "
                r"glReadPixels\(\) in it (\S+) ms", output)]


def read_lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def wants(options, program):
    return not options.case or program in options.case


def main():
    options = parse_options()
    chosen = cases.select(options.case, options.quick)
    if options.list:
        for case in chosen:
            print(f"{case.name:28}{case.place:8}{case.title}")
        for name, title in cases.PROGRAMS.items():
            print(f"{name:28}{'native':8}{title}")
        return 0
    os.makedirs(options.out, exist_ok=True)
    # The lab has a /tmp of its own, and the checkout in common with the host.
    lines = os.path.join(TOP, "build", f"bench-runs.{os.getpid()}.jsonl")
    results = {"machine": machine(), "pairs": options.pairs,
               "packaged": version(options.packaged),
               "quick": options.quick, "copy_pass": [], "readback": []}
    if options.copy_pass and wants(options, "copy-pass"):
        results["copy_pass"] = run_copy_pass(options)
    if options.readback and wants(options, "readback"):
        results["readback"] = run_readback(options)
    well = [run_place(place, chosen, options, lines)
            for place in ("native", "lab")]
    results["runs"] = read_lines(lines)
    if results["runs"]:
        shutil.move(lines, os.path.join(options.out, "runs.jsonl"))
    report.write(results, chosen, options.out)
    return 0 if all(well) and (results["runs"] or not chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
