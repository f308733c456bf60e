#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A dry run of tests/gpu/run, with OpenGL in software. Prints TAP."""

import os
import subprocess
import tempfile

import swvgpu
import tapcases
from vgpulab import mesa

RUN = os.path.join(swvgpu.TOP, "tests", "gpu", "run")


def test_packed():
    """what is packed runs elsewhere; what cannot be tried is skipped"""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([RUN, "--pack", folder], check=True,
                       stderr=subprocess.PIPE)
        result = subprocess.run(
            [os.path.join(folder, "run")], env=mesa.need_import(), cwd="/",
            check=False, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    assert result.returncode == 0, result.stdout + result.stderr
    assert not [line for line in lines if line.startswith("not ok")], lines

    def said(*words):
        return [line for line in lines if all(word in line for word in words)]
    for words in (("in software",), ("memfd", "333x111 at 0,0: right"),
                  ("memfd", "251x77 at 17,9: right"),
                  ("memfd", "offset 11988", "right"),
                  ("export # SKIP",), ("gbm # SKIP",),
                  ("a reset:",), ("the picture is back",),
                  ("1920x1080: a frame takes", "glReadPixels"),
                  ("3840x2160: a frame takes", "glReadPixels")):
        assert said(*words), (words, lines)


if __name__ == "__main__":
    tapcases.run([test_packed])
