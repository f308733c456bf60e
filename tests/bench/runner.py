#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cases of one place and writes a line of JSON for each result.

    runner.py --place lab|native --ours QEMU [--stock QEMU] [--pairs N]
              [--quick] --out FILE [CASE]...

Started by bench.py, inside the lab for the cases of that place. Stock and
ours take turns: each machine is started once for each pair and emulator.
"""

import argparse
import json
import multiprocessing
import os
import re
import signal
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "lab")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import cases  # noqa: E402
import usage  # noqa: E402
import viewers  # noqa: E402
from sources import SOURCES, Missing  # noqa: E402
from vgpulab import paths  # noqa: E402
from vgpulab.guest import Guest, GuestError  # noqa: E402
from vgpulab.machine import Machine  # noqa: E402
from vgpulab.qmp import QmpError  # noqa: E402
from vgpulab.wait import until  # noqa: E402
from watch import DrawnPort, Steps  # noqa: E402

# Seconds; a viewer that gets something all the time is measured like that.
SETTLE_LIMIT = 60


class Refused(Exception):
    """The emulator ended instead of starting; carries its last words."""


class BenchMachine(Machine):
    """One emulator with one vGPU, one viewer and the drawing guest."""

    def __init__(self, qemu, case, ours):
        super().__init__(qemu)
        self.ours = ours
        self.drawn = DrawnPort()
        self.watch = None
        self.viewer = viewers.VIEWERS[case.viewer]()
        source = SOURCES[case.source]
        self.add_guest()
        source.add(self, qemu, ours)
        self.add_args(*self.drawn.arguments(), *case.options)
        self.viewer.add(self)

    def _connect_guest(self):
        def connect():
            if not self.alive():
                raise Refused(self._last_words())
            try:
                return Guest(self._file("serial"))
            except OSError as error:
                raise AssertionError(error) from None
        return until("the guest's serial port", connect, pause=0.01)

    def _last_words(self):
        lines = self.warnings() or ["it ended without a word"]
        # Less the program's name, the option and the device's number.
        return re.sub(r"^.*?qemu-system-x86_64: (-\S+ \S+: )?"
                      r"(vfio [0-9a-f-]{36}: )?", "", lines[-1])

    def spice_path(self):
        """Where a SPICE server listens."""
        return self._file("spice")

    def counters(self):
        """What only ours can say; stock has no such command."""
        return self.vgpu("gpu0") if self.ours else {}

    def begin(self, case):
        """Set the mode and open the viewer."""
        try:
            self.start()
            self.guest.wait_ready()
        except (QmpError, GuestError, OSError) as error:
            # An emulator that gives up closes its sockets first.
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                raise error from None
            raise Refused(self._last_words()) from error
        source = SOURCES[case.source]
        if source.modes:
            self.guest.mode(*case.size)
        if source.reports:
            self.guest.command("report 1")
        self.viewer.open(self)

    def watch_steps(self, steps):
        self.watch = self.viewer.watch(steps, self.drawn)
        return self.watch

    def close(self):
        self.viewer.close()
        super().close()
        self.drawn.close()


def percentile(values, share):
    """The smallest value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def latencies_ms(seen, drawn):
    return [(when - drawn[step]) / 1e6
            for step, when in seen.items() if step in drawn]


def counted(before, after, key, per):
    return (after[key] - before[key]) / per if key in after else None


def figures(window, steps, machine, before, after):
    """What one measurement on one machine comes to."""
    seconds, frames = window.seconds, len(steps.seen)
    delays = latencies_ms(steps.seen, machine.drawn.times)
    result = {
        "fps": frames / seconds,
        "updates": steps.updates / seconds,
        "drawn": len(machine.drawn.times) / seconds,
        "main_cpu": window.main_ns / 1e9 / seconds,
        "process_cpu": window.process_ns / 1e9 / seconds,
        "wakeups": window.wakeups / seconds,
        "peak": usage.peak_bytes(machine.pid),
    }
    if frames:
        result["cpu_per_frame_ms"] = window.main_ns / 1e6 / frames
    if delays:
        result["latency_ms"] = statistics.median(delays)
        result["latency_p99_ms"] = percentile(delays, 0.99)
    for key in ("bytes-read", "refreshes", "notifications"):
        value = counted(before, after, key, seconds)
        if value is not None:
            result[key.replace("-", "_")] = value
    if frames and "bytes_read" in result:
        result["bytes_per_frame"] = result["bytes_read"] / result["fps"]
    return result


def measure(machines, case, quick):
    """One case on machines that run; the sums and medians of their figures."""
    try:
        return measure_motion(machines, case, case.quick_seconds if quick
                              else case.seconds)
    finally:
        for machine in machines:
            case.motion.stop(machine.guest)


def measure_motion(machines, case, seconds):
    watches = []
    for machine in machines:
        case.motion.prepare(machine.guest)
        steps = Steps(case.motion, case.size, machine.drawn)
        watches.append(machine.watch_steps(steps))
    for machine in machines:
        machine.drawn.restart()
        case.motion.start(machine.guest)
    settle(watches, case)

    before = [machine.counters() for machine in machines]
    for machine, watch in zip(machines, watches):
        machine.drawn.drain()
        machine.drawn.times = {}
        watch.steps.seen = {}
        watch.steps.updates = 0
    start = [usage.sample(machine.pid) for machine in machines]
    pump(watches, seconds)
    window = [usage.sample(machine.pid) - first
              for machine, first in zip(machines, start)]
    for machine in machines:
        machine.drawn.drain()
    found = [figures(window[i], watches[i].steps, machine, before[i],
                     machine.counters())
             for i, machine in enumerate(machines)]
    return together(found)


def together(found):
    """Several machines: what they cost in all, what one of them delivers."""
    sums = {"main_cpu", "process_cpu", "wakeups", "bytes_read", "refreshes",
            "notifications", "peak"}
    return {key: (sum if key in sums else statistics.median)(
                [one[key] for one in found if key in one])
            for key in sorted(set().union(*found))}


def pump(watches, seconds):
    end = time.monotonic() + seconds
    if len(watches) == 1:
        watches[0].pump(end)
        return
    # Each takes what is there, in turn; nothing moves on many machines.
    while time.monotonic() < end:
        for watch in watches:
            watch.pump(min(end, time.monotonic() + 0.02))


def settle(watches, case):
    """What does not move is still once no viewer has got anything so long.

    Many viewers take seconds to take their first picture, one by one.
    """
    pump(watches, case.settle)
    limit = time.monotonic() + SETTLE_LIMIT
    while case.motion.still and time.monotonic() < limit:
        had = sum(watch.steps.updates for watch in watches)
        pump(watches, case.settle)
        if sum(watch.steps.updates for watch in watches) == had:
            return


def say(text):
    print(text, file=sys.stderr, flush=True)


class Results:
    """A line of JSON for each result, written at once."""

    def __init__(self, path, pair, build):
        self._path = path
        self._pair = pair
        self._build = build

    def add(self, case, **values):
        line = {"case": case.name, "build": self._build, "pair": self._pair,
                **values}
        with open(self._path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def run_setup(qemu, build, group, results, quick):
    """Every case of a group on machines of their own."""
    machines = []
    left = list(group)
    try:
        for _ in range(group[0].machines):
            machines.append(BenchMachine(qemu, group[0], build == "ours"))
            machines[-1].begin(group[0])
        while left:
            results.add(left[0], **measure(machines, left[0], quick))
            left.pop(0)
    except (Refused, Missing) as reason:
        for case in left:
            results.add(case, says=str(reason))
    except Exception as error:  # pylint: disable=broad-except
        for case in left:
            results.add(case, error=f"{type(error).__name__}: {error}")
    finally:
        for machine in machines:
            machine.close()


def run_stock(args, group, results):
    """The same with stock QEMU, or why not."""
    reason = SOURCES[group[0].source].stock
    if not reason and args.stock:
        run_setup(args.stock, "stock", group, results, args.quick)
    elif args.place == "lab":
        for case in group:
            results.add(case, says=reason or "not there")


def apart(run):
    """Run it in a process; returns its status. It leaves nobody behind."""
    def begin():
        os.setpgrp()
        run()
    process = multiprocessing.get_context("fork").Process(target=begin)
    process.start()
    try:
        process.join()
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass        # as it should be
    return process.exitcode


def run_turn(args, group, pair):
    """Stock and ours; a viewer's library that crashes costs one of them."""
    ours = Results(args.out, pair, "ours")
    stock = Results(args.out, pair, "stock")
    for results, run in (
            (stock, lambda: run_stock(args, group, stock)),
            (ours, lambda: run_setup(args.ours, "ours", group, ours,
                                     args.quick))):
        status = apart(run)
        if status:
            for case in group:
                results.add(case, error=f"its viewer ended with {status}")


def ready_network():
    """QEMU's UDP looks for no address while there is but 127.0.0.1."""
    subprocess.run(["busybox", "ip", "addr", "add", "192.0.2.1/32",
                    "dev", "lo"], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", required=True, choices=("lab", "native"))
    parser.add_argument("--ours", required=True)
    parser.add_argument("--stock")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", required=True)
    parser.add_argument("cases", nargs="*")
    args = parser.parse_args()

    paths.build_guest()
    if args.place == "lab":
        ready_network()
    chosen = [case for case in cases.select(args.cases, args.quick)
              if case.place == args.place]
    groups = {}
    for case in chosen:
        groups.setdefault(case.setup, []).append(case)
    turns = [(group, pair) for group in groups.values()
             for pair in range(group[0].pairs(args.pairs))]
    for number, (group, pair) in enumerate(turns, 1):
        say(f"{args.place} {number}/{len(turns)}: "
            f"{' '.join(case.name for case in group)}")
        run_turn(args, group, pair)


if __name__ == "__main__":
    main()
