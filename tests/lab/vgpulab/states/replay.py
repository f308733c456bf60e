# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of steps as text, a step for each line, and how to do them again.

    start kind='dmabuf' irq=0 display='none'
    mode page=0 mode=1 fourcc=0 padding=0 identity=0
    come name='raw'

Lines that begin with # and empty ones say nothing.
"""

import ast

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


def run(session, steps):
    """Does them all; those that make no sense there are an error."""
    for name, arguments in steps:
        if name == "start":
            session.start(Config(**arguments))
            session.check()
        else:
            assert session.can(name, **arguments), format_step(
                name, arguments)
            session.do(name, **arguments)
