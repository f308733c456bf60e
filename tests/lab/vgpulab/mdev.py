# SPDX-License-Identifier: GPL-2.0-or-later
"""Mediated devices, through sysfs."""

import os
import uuid

BUS = "/sys/class/mdev_bus"
FAULTS = "/sys/kernel/debug/vgpu-mdev"


def available(driver):
    return os.path.isdir(f"{BUS}/{driver}/mdev_supported_types")


def _read(path):
    with open(path, encoding="ascii") as stream:
        return int(stream.read().strip().replace("Y", "1").replace("N", "0"),
                   0)


def _write(path, value):
    with open(path, "w", encoding="ascii") as stream:
        stream.write(str(value))


class Mdev:
    """One device; it exists until remove().

    The lab's own driver has switches besides, and faults on request: see
    lab/README.md.
    """

    def __init__(self, kind):
        """kind is a type's name in sysfs, such as "mbochs-medium"."""
        driver = kind.split("-")[0]
        self.uuid = str(uuid.uuid4())
        self.path = f"/sys/bus/mdev/devices/{self.uuid}"
        _write(f"{BUS}/{driver}/mdev_supported_types/{kind}/create", self.uuid)

    def switch(self, **values):
        """What the device offers, while nobody has it open."""
        for name, value in values.items():
            _write(f"{self.path}/vgpu/{name}", value)

    def fault(self, **values):
        for name, value in values.items():
            _write(f"{FAULTS}/{self.uuid}/{name}", value)

    def count(self, name):
        """A fault's or a counter's value."""
        return _read(f"{FAULTS}/{self.uuid}/{name}")

    def remove(self):
        if os.path.exists(self.path):
            _write(f"{self.path}/remove", 1)
