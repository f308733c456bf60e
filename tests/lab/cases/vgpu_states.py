# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of steps that nobody wrote, with our own driver.

tests/host/statemachine.py does the same with the software vGPU, and says how
a sequence that failed is run again: VGPU_TEST_STEPS names the file here. In
tests/lab/sequences it is run each time.
"""

import glob
import os

from hypothesis import strategies as st
from vgpulab.group import Group
from vgpulab.states import replay, steps
from vgpulab.states.lab import Lab

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
SECONDS = 600 if FULL else 30
SEQUENCES = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                         os.pardir, "sequences")
KINDS = ("dmabuf", "region", "both", "metadata", "all")


class VgpuStates(Group):
    """Each sequence has its own QEMU and its own device."""

    @classmethod
    def cases(cls):
        return ["test_known_sequences", "test_sequences"]

    def setup(self):
        pass

    def test_known_sequences(self):
        """what failed once, each with its own QEMU and device"""
        run = steps.Run(Lab, None)
        for path in sorted(glob.glob(os.path.join(SEQUENCES, "*.steps"))):
            steps.say(os.path.basename(path))
            replay.run_file(run.session, path)

    def test_sequences(self):
        """every fault while the guest, the user and viewers do anything"""
        run = steps.Run(Lab, st.fixed_dictionaries({
            "kind": st.sampled_from(KINDS), "irq": st.integers(0, 1),
            "display": st.sampled_from(("none", "dbus")),
            "shown": st.just(1)}))
        path = os.environ.get("VGPU_TEST_STEPS")
        if path:
            replay.run_file(run.session, path)
            return
        steps.run_for(run, SECONDS, int(os.environ.get(
            "VGPU_TEST_SEED", steps.seed(FULL))))
