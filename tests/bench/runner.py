#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the cases of one place and writes a line of JSON for each result.

    runner.py --place lab|native --ours QEMU [--stock QEMU]
              [--packaged QEMU] [--pairs N] [--quick] --out FILE [CASE]...

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
from watch import DrawnPort, Steps, pump  # noqa: E402

# Seconds; a viewer that gets something all the time is measured like that.
SETTLE_LIMIT = 60


class Refused(Exception):
    """The emulator ended instead of starting; carries its last words."""


class Screen:
    """A device of a machine, what the guest says it drew on it, its viewer."""

    def __init__(self, index, case):
        self.index = index
        self.drawn = DrawnPort(index)
        self.viewer = viewers.VIEWERS[case.viewer]()
        self.steps = None
        self.watches = []
        self._before = 0

    def watch(self, case):
        self.steps = Steps(case.motion, case.size, self.drawn)
        self.watches = self.viewer.watches(self.steps)

    def begin(self):
        """What was seen so far does not count."""
        self.drawn.drain()
        self.drawn.times = {}
        self.steps.seen = {}
        self.steps.updates = 0
        self._before = self._received()

    def _received(self):
        return sum(getattr(watch, "received", 0) for watch in self.watches)

    def received(self):
        """How many bytes came to its viewers."""
        return self._received() - self._before

    def latencies_ms(self):
        return [(when - self.drawn.times[step]) / 1e6
                for step, when in self.steps.seen.items()
                if step in self.drawn.times]

    def close(self):
        self.viewer.close()
        self.drawn.close()


class BenchMachine(Machine):
    """One emulator with its screens and the drawing guest."""

    def __init__(self, qemu, case, ours):
        super().__init__(qemu)
        self._source = SOURCES[case.source]
        self._counts = ours and self._source.vgpu and case.screens
        self.screens = []
        self.add_guest()
        for index in range(case.screens):
            screen = Screen(index, case)
            self.screens.append(screen)
            self._source.add(self, qemu, index)
            self.add_args(*screen.drawn.arguments())
            screen.viewer.add(self, f"gpu{index}" if case.screens > 1
                              else None)
        self._draws = ours and any(screen.viewer.draws
                                   for screen in self.screens)
        if self._draws:
            self.add_args("-trace", "vfio_display_redraw")
        self.add_args(*case.options)

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
        """What only ours can say of the first screen: stock has no command."""
        found = self.vgpu("gpu0") if self._counts else {}
        if self._draws:
            assert "dma-buf" in [viewer["shows"] for viewer
                                 in found["viewers"]], found["viewers"]
            found["redraws"] = self.stderr().count("vfio_display_redraw ")
        return found

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
        for screen in self.screens:
            self.select(screen)
            if self._source.modes:
                self.guest.mode(*case.size)
            if self._source.reports:
                self.guest.command("report 1")
            screen.viewer.open(screen.drawn)

    def select(self, screen):
        """What the guest is told next is for that screen."""
        if len(self.screens) > 1:
            self.guest.command(f"dev {screen.index}")

    def close(self):
        for screen in self.screens:
            screen.close()
        super().close()


def percentile(values, share):
    """The smallest value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def counted(before, after, key, per):
    return (after[key] - before[key]) / per if key in after else None


def figures(window, machine, before, after):
    """What one measurement on one machine comes to.

    Of several screens the slowest one's rate is told.
    """
    screens = machine.screens
    seconds, frames = window.seconds, sum(len(screen.steps.seen)
                                          for screen in screens)
    drawn = sum(len(screen.drawn.times) for screen in screens)
    updates = sum(screen.steps.updates for screen in screens)
    delays = [delay for screen in screens for delay in screen.latencies_ms()]
    resident, share = usage.memory(machine.pid)
    result = {
        "fps": min((len(screen.steps.seen) for screen in screens),
                   default=0) / seconds,
        "updates": updates / seconds,
        "drawn": drawn / seconds,
        "main_cpu": window.main_ns / 1e9 / seconds,
        "process_cpu": window.process_ns / 1e9 / seconds,
        "wakeups": window.wakeups / seconds,
        "sent": sum(screen.received() for screen in screens) / seconds,
        "peak": usage.peak_bytes(machine.pid),
        "rss": resident,
        "pss": share,
    }
    if frames:
        result["cpu_per_frame_ms"] = window.main_ns / 1e6 / frames
        result["process_per_frame_ms"] = window.process_ns / 1e6 / frames
    if drawn:
        result["updates_per_drawn"] = updates / drawn
    if delays:
        result["latency_ms"] = statistics.median(delays)
        result["latency_p95_ms"] = percentile(delays, 0.95)
        result["latency_p99_ms"] = percentile(delays, 0.99)
        result["latency_max_ms"] = max(delays)
    for key in ("bytes-read", "refreshes", "notifications", "redraws"):
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
        for machine, _ in each_screen(machines):
            case.motion.stop(machine.guest)


def each_screen(machines):
    """(machine, screen); what its guest is told meanwhile is for that one."""
    for machine in machines:
        for screen in machine.screens:
            machine.select(screen)
            yield machine, screen


def measure_motion(machines, case, seconds):
    for machine, screen in each_screen(machines):
        case.motion.prepare(machine.guest)
        screen.watch(case)
    for machine, screen in each_screen(machines):
        screen.drawn.restart()
        case.motion.start(machine.guest)
    screens = [screen for machine in machines for screen in machine.screens]
    watches = [watch for screen in screens for watch in screen.watches]
    settle(watches, screens, case)

    before = [machine.counters() for machine in machines]
    for screen in screens:
        screen.begin()
    start = [usage.sample(machine.pid) for machine in machines]
    pump(watches, time.monotonic() + seconds)
    window = [usage.sample(machine.pid) - first
              for machine, first in zip(machines, start)]
    for screen in screens:
        screen.drawn.drain()
    return together([figures(window[i], machine, before[i],
                             machine.counters())
                     for i, machine in enumerate(machines)])


def together(found):
    """Several machines: what they cost in all, what one of them delivers."""
    sums = {"main_cpu", "process_cpu", "wakeups", "bytes_read", "refreshes",
            "notifications", "redraws", "peak", "rss", "pss", "sent"}
    return {key: (sum if key in sums else statistics.median)(
                [one[key] for one in found if key in one])
            for key in sorted(set().union(*found))}


def settle(watches, screens, case):
    """What does not move is still once no viewer has got anything so long.

    Many viewers take seconds to take their first picture, one by one.
    """
    pump(watches, time.monotonic() + case.settle)
    limit = time.monotonic() + SETTLE_LIMIT
    while case.motion.still and time.monotonic() < limit:
        had = sum(screen.steps.updates for screen in screens)
        pump(watches, time.monotonic() + case.settle)
        if sum(screen.steps.updates for screen in screens) == had:
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


def run_packaged(args, group, results):
    """What of them is measured with it."""
    found = [case for case in group if case.packaged]
    if args.packaged and found:
        run_setup(args.packaged, "packaged", found, results, args.quick)


def run_ours(args, group, results):
    run_setup(args.ours, "ours", group, results, args.quick)


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
    """Each emulator; a viewer's library that crashes costs one of them."""
    for build, run in (("stock", run_stock), ("packaged", run_packaged),
                       ("ours", run_ours)):
        results = Results(args.out, pair, build)
        status = apart(lambda run=run, results=results:
                       run(args, group, results))
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
    parser.add_argument("--packaged")
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
