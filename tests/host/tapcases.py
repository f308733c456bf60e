# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs test functions and prints TAP; their first lines are their names."""

import sys
import traceback

import swvgpu  # noqa: F401 (where vgpulab is)
from vgpulab.skip import Skip


def run(tests):
    """Runs them all and exits."""
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, test in enumerate(tests, 1):
        name = f"{number} - {test.__doc__.splitlines()[0]}"
        try:
            test()
            print(f"ok {name}", flush=True)
        except Skip as reason:
            print(f"ok {name} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {name}", flush=True)
    sys.exit(1 if failed else 0)
