#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of steps that nobody wrote: the software vGPU and all who look.

    statemachine.py [--seconds N] [--seed N] [FILE]...

Prints TAP. A minute by default, an hour with VGPU_TEST_FULL=1. A sequence that
fails is shortened and printed, a line for each step: put into a file of
tests/host/sequences it is a case of its own from then on. With FILEs only
those are run.
A minute's run makes the same sequences each time, so that what fails is of the
change at hand; an hour's makes others. VGPU_TEST_SEED or --seed chooses them.
What depends on time is never quite the same.
"""

import argparse
import glob
import os

from hypothesis import strategies as st

import tapcases
from vgpulab import mesa
from vgpulab.skip import Skip
from vgpulab.states import replay, software, steps
from vgpulab.states.session import Session
from vgpulab.states.viewers import close_screens

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
SEQUENCES = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                         "sequences")
KINDS = ("dmabuf", "region", "both", "metadata", "all")
# Those without a server of their own are quick, and come oftener.
DISPLAYS = ("none", "none", "dbus", "dbus", "spice", "gtk", "sdl")
WITH_OPENGL = ("dbus-gl", "gtk-gl", "sdl-gl")


def all_displays():
    """Those that can be had here."""
    try:
        mesa.need_import()
    except Skip as reason:
        steps.say(f"without OpenGL: {reason}")
        return DISPLAYS
    return DISPLAYS + WITH_OPENGL


def configs(displays):
    return st.fixed_dictionaries({
        "kind": st.sampled_from(KINDS), "irq": st.integers(0, 1),
        "display": st.sampled_from(displays),
        "shown": st.sampled_from((1, 1, 1, 0))})


def chosen(seconds, seed, displays):
    """A case: sequences that Hypothesis chooses."""
    def case():
        steps.run_for(steps.Run(software.Software, configs(displays)),
                      seconds, seed)
    case.__doc__ = f"sequences for {seconds} s: every viewer, every fault"
    return case


def again(path):
    """A case: a sequence that failed once."""
    name = os.path.splitext(os.path.basename(path))[0]

    def case():
        replay.run_file(Session, path)
    case.__doc__ = f"again: {name}"
    return case


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3600 if FULL else 60)
    parser.add_argument("--seed", type=int, default=int(os.environ.get(
        "VGPU_TEST_SEED", steps.seed(FULL))))
    parser.add_argument("--displays", help="by name, with commas between")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    cases = [again(path) for path in args.files or sorted(
        glob.glob(os.path.join(SEQUENCES, "*.steps")))]
    if not args.files:
        cases.append(chosen(args.seconds, args.seed,
                            args.displays.split(",") if args.displays
                            else all_displays()))
    try:
        tapcases.run(cases)
    finally:
        close_screens()


if __name__ == "__main__":
    main()
