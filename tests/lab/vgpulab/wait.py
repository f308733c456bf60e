# SPDX-License-Identifier: GPL-2.0-or-later
"""Waiting for something to become true.

No test depends on how fast the machine is: whatever takes time is polled, and
the deadline only ends a test that has failed anyway.
"""

import time

DEADLINE = 60.0


def until(what, condition, deadline=DEADLINE, pause=0.05):
    """Poll condition() until it returns something true, and return that.

    A condition may raise AssertionError to say what is still wrong; the last
    one is what a timeout reports.
    """
    end = time.monotonic() + deadline
    while True:
        why = None
        try:
            result = condition()
            if result:
                return result
        except AssertionError as error:
            why = error
        if time.monotonic() > end:
            raise AssertionError(
                f"waited {deadline:g} s for {what}"
                + (f": {why}" if why else ""))
        time.sleep(pause)
