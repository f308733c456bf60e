#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of steps that nobody wrote: the software vGPU and all who look.

    statemachine.py [--seconds N] [--seed N] [--mended] [FILE]...

Prints TAP. A minute by default, an hour with VGPU_TEST_FULL=1. A sequence that
fails is shortened and printed, a line for each step: put into a file of
tests/host/sequences it is a case of its own from then on. With FILEs only
those are run. --mended leaves out no step because of a fault that is known.
VGPU_TEST_SEED or --seed repeats a run, but for what depends on time.
"""

import argparse
import glob
import os
import random

from hypothesis import strategies as st

import tapcases
from vgpulab.states import health, replay, software, steps
from vgpulab.states.session import NOT_YET_MENDED, Session
from vgpulab.states.viewers import close_screens

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
SEQUENCES = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                         "sequences")
KINDS = ("dmabuf", "region", "both", "metadata", "all")
# Those without a server of their own are quick, and come oftener.
DISPLAYS = ("none", "none", "dbus", "dbus", "dbus-gl", "spice", "gtk", "sdl")


def say(text):
    for line in text.splitlines():
        print("#", line, flush=True)


def configs(displays):
    return st.fixed_dictionaries({
        "kind": st.sampled_from(KINDS), "irq": st.integers(0, 1),
        "display": st.sampled_from(displays),
        "shown": st.sampled_from((1, 1, 1, 0))})


def chosen(seconds, seed, mended, displays):
    """A case: sequences that Hypothesis chooses."""
    def case():
        run = steps.Run(software.Software, configs(displays), mended)
        run.worst = health.Worst()
        say(f"VGPU_TEST_SEED={seed}")
        steps.run_for(run, seconds, seed)
        tell(run)
        if run.error:
            raise run.error
    case.__doc__ = f"sequences for {seconds} s: every viewer, every fault"
    return case


def tell(run):
    say(f"{run.sequences} sequences, {run.steps} steps: " + ", ".join(
        f"{count} {name}" for name, count in sorted(run.kinds.items())))
    say(f"at most {run.worst.answer_s * 1000:.0f} ms for an answer, "
        f"{run.worst.files} files and {run.worst.kib} KiB more")
    if run.failure:
        say("A sequence that failed" + (
            "" if run.again else ", and did not when it was run again") + ":")
        say("\n".join(replay.format_step(*step) for step in run.failure))


def again(path, mended):
    """A case: a sequence that failed once."""
    def case():
        with open(path, encoding="utf-8") as stream:
            sequence = replay.parse(stream.read())
        session = Session(mended=mended)
        try:
            replay.run(session, sequence)
        finally:
            session.close()
    case.__doc__ = f"again: {os.path.basename(path)}"
    return case


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600 if FULL else 60)
    parser.add_argument("--seed", type=int, default=int(os.environ.get(
        "VGPU_TEST_SEED", random.randrange(1 << 32))))
    parser.add_argument("--mended", action="store_true")
    parser.add_argument("--displays", default=",".join(DISPLAYS))
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    cases = [again(path, args.mended) for path in args.files or sorted(
        glob.glob(os.path.join(SEQUENCES, "*.steps")))]
    if not args.files:
        cases.append(chosen(args.seconds, args.seed, args.mended,
                            args.displays.split(",")))
        for name, why in NOT_YET_MENDED.items():
            say(f"left out until it is mended: {name}: {why}")
    try:
        tapcases.run(cases)
    finally:
        close_screens()


if __name__ == "__main__":
    main()
