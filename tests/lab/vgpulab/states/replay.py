# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of steps as text, a step for each line, and how to do them again.

    start kind='dmabuf' irq=0 display='none' shown=1
    flip page=1
    come name='raw'

Lines that begin with # and empty ones say nothing.
"""

import ast
import time

from .model import Config


def format_step(name, arguments):
    return " ".join([name, *(f"{key}={value!r}".replace(" ", "")
                             for key, value in arguments.items())])


def parse(text):
    """[(name, arguments)]"""
    steps = []
    for line in text.splitlines():
        words = line.split()
        if words and not words[0].startswith("#"):
            steps.append((words[0], {
                key: ast.literal_eval(value) for key, value in
                (word.split("=", 1) for word in words[1:])}))
    return steps


def run(session, steps, lenient=False):
    """Does them all; those that make no sense there are left out, or an error.
    """
    for name, arguments in steps:
        if name == "start":
            session.prepare(Config(**arguments))
            session.start()
        elif session.can(name, **arguments):
            session.do(name, **arguments)
        else:
            assert lenient, f"impossible: {format_step(name, arguments)}"


def run_file(make_session, path):
    """Does the steps in that file."""
    with open(path, encoding="utf-8") as stream:
        steps = parse(stream.read())
    session = make_session()
    try:
        run(session, steps)
    finally:
        session.close()


def fails(make_session, steps):
    """The error that ends them, if one does."""
    session = make_session()
    try:
        run(session, steps, lenient=True)
    except Exception as error:  # pylint: disable=broad-except
        return error
    finally:
        session.close()
    return None


def shorten(make_session, steps, seconds):
    """The fewest steps that still fail, and how, as far as there is time.

    The last one is what fails. Halves are left out first, then less and less,
    and in the end each step alone.
    """
    end, found, size = time.monotonic() + seconds, None, len(steps) // 2
    while size and time.monotonic() < end:
        at, shorter = 1, False
        while at < len(steps) - 1 and time.monotonic() < end:
            less = steps[:at] + steps[min(at + size, len(steps) - 1):]
            error = fails(make_session, less)
            if error:
                steps, found, shorter = less, error, True
            else:
                at += size
        if not shorter or size > 1:
            size //= 2
    return steps, found
