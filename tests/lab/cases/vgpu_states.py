# SPDX-License-Identifier: GPL-2.0-or-later
"""Sequences of steps that nobody wrote, with our own driver.

tests/host/statemachine.py does the same with the software vGPU, and says how
a sequence that failed is run again: VGPU_TEST_STEPS names the file here.
"""

import os

from hypothesis import strategies as st
from vgpulab.group import Group
from vgpulab.states import replay, steps
from vgpulab.states.lab import Lab

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
SECONDS = 600 if FULL else 30
KINDS = ("dmabuf", "region", "both", "metadata", "all")


class VgpuStates(Group):
    """Each sequence has its own QEMU and its own device."""

    @classmethod
    def cases(cls):
        return ["test_sequences"]

    def setup(self):
        pass

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
