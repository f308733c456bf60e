# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's own test of virtio-gpu's screendumps, where a display is for it.

tests/qtest/virtio-gpu-dump-test.c leaves out what the machine has not.
"""

import os
import subprocess

from . import mesa, paths

PROGRAMS = os.path.join(paths.BUILD, "qemu", "build", "tests", "qtest")
PATIENCE = 900


def run(*names, program="virtio-gpu-dump-test", prefix=(), **variables):
    """Its tests that begin with these names; none may be skipped."""
    program = os.path.join(PROGRAMS, program)
    options = []
    for name in names:
        options += ["-p", f"/x86_64/virtio-gpu/{name}"]
    result = subprocess.run(
        [*prefix, program, "--tap", "-k", *options], cwd="/tmp",
        env=dict(mesa.environment(), QTEST_QEMU_BINARY=paths.QEMU,
                 VGPU_TEST_GL="1", **variables),
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, check=False)
    said = result.stdout[-4000:] + result.stderr[-2000:]
    assert result.returncode == 0, said
    cases = [line for line in result.stdout.splitlines()
             if line.startswith("ok ")]
    assert cases and not any("# SKIP" in case for case in cases), said
