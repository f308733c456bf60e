#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the lab tests and prints TAP.

    run.py --list-boots             a line for each boot that the tests need:
                                    its name, a tab, its kernel arguments
    run.py [--boot NAME] [PART]...  inside the lab: the cases of that boot
                                    whose name contains one of the parts

Set VGPU_QEMU to test another emulator than build/bin/qemu-system-x86_64.
"""

import argparse
import importlib
import os
import pkgutil
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
# The lab's files are the host's: leave no byte code behind.
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from boots import BOOTS  # noqa: E402
from vgpulab import mdev, paths  # noqa: E402
from vgpulab.skip import Skip  # noqa: E402


def list_boots():
    for name, arguments in BOOTS.items():
        print(name, " ".join(arguments), sep="\t")


def find_groups(boot):
    """Every Group that a module in cases/ defines for this boot."""
    # Not at the top: --list-boots works before packages.txt is installed.
    from vgpulab.group import Group
    for module in pkgutil.iter_modules([os.path.join(HERE, "cases")]):
        names = vars(importlib.import_module("cases." + module.name))
        for group in names.values():
            if (isinstance(group, type) and issubclass(group, Group)
                    and group.__module__ == "cases." + module.name
                    and group.boot == boot):
                yield group


def title(group, case):
    text = getattr(group, case).__doc__ or case
    return f"{group.__name__}.{case[len('test_'):]}: {text.splitlines()[0]}"


class Tap:
    """Prints results as they come."""

    def __init__(self, plan):
        self.number = 0
        self.failed = 0
        print(f"1..{plan}", flush=True)

    def result(self, name, error, seconds):
        """error: None, or the exception that ended the case."""
        self.number += 1
        line = f"ok {self.number} - {name}"
        if isinstance(error, Skip):
            line += f" # SKIP {error}"
        elif error is not None:
            line = "not " + line
            self.failed += 1
        print(line, flush=True)
        print(f"# {seconds:.1f} s", flush=True)

    @staticmethod
    def explain(text):
        for line in text.splitlines():
            print("#", line, flush=True)


def explain(tap, group, error):
    tap.explain("".join(traceback.format_exception(error)))
    if group.vm is not None:
        tap.explain("\n".join(["QEMU said:"] + group.vm.warnings()))


def run_case(tap, group, case):
    start = time.monotonic()
    error = None
    try:
        getattr(group, case)()
    except Exception as caught:  # pylint: disable=broad-except
        error = caught
    tap.result(title(type(group), case), error, time.monotonic() - start)
    if error is not None and not isinstance(error, Skip):
        explain(tap, group, error)


def run_group(tap, cls, cases):
    """Every case fails when what they share cannot be set up."""
    group = cls()
    try:
        try:
            group.setup()
        except Exception as error:  # pylint: disable=broad-except
            if not isinstance(error, Skip):
                explain(tap, group, error)
            for case in cases:
                tap.result(title(cls, case), error, 0)
            return
        for case in cases:
            group.case = case
            run_case(tap, group, case)
    finally:
        group.teardown()


def select(boot, parts):
    """[(group, cases)] whose names contain one of the parts."""
    chosen = []
    for group in find_groups(boot):
        cases = [case for case in group.cases()
                 if not parts or any(
                     part in f"{group.__name__}.{case[len('test_'):]}"
                     for part in parts)]
        if cases:
            chosen.append((group, cases))
    return chosen


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list-boots", action="store_true")
    parser.add_argument("--boot", choices=BOOTS, default="default")
    parser.add_argument("parts", nargs="*")
    args = parser.parse_args()
    if args.list_boots:
        list_boots()
        return 0
    if not mdev.available("mbochs"):
        print("Bail out! no mediated devices here: use ./vgpu lab")
        return 1
    paths.build_guest()
    groups = select(args.boot, args.parts)
    tap = Tap(sum(len(cases) for _, cases in groups))
    for group, cases in groups:
        run_group(tap, group, cases)
    return 1 if tap.failed or not tap.number else 0


if __name__ == "__main__":
    sys.exit(main())
