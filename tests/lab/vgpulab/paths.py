# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are."""

import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("VGPU_BUILD", os.path.join(TOP, "build"))
QEMU = os.environ.get("VGPU_QEMU",
                      os.path.join(BUILD, "bin", "qemu-system-x86_64"))
# The viewer that is built beside it.
SCREEN = os.path.join(os.path.dirname(QEMU), "vgpu-screen")
# The emulator without our patches, of the same release; ./vgpu bench and
# ./vgpu test --full build it.
STOCK_QEMU = os.environ.get("VGPU_STOCK_QEMU", os.path.join(
    BUILD, "bin", "stock", "qemu-system-x86_64"))
GUEST = os.path.join(BUILD, "guest", "guest.elf")
# Pictures that were not as expected are kept here.
LOGS = os.path.join(BUILD, "logs", "lab-pictures")


def build_guest():
    """Build the test guest; make knows whether there is anything to do."""
    subprocess.run(
        ["make", "-s", "-C", os.path.join(TOP, "tests", "guest"),
         f"O={os.path.dirname(GUEST)}"],
        check=True)
