# SPDX-License-Identifier: GPL-2.0-or-later
"""Mediated devices of the kernel's sample drivers, through sysfs."""

import os
import uuid

BUS = "/sys/class/mdev_bus"


def available(driver):
    return os.path.isdir(f"{BUS}/{driver}/mdev_supported_types")


class Mdev:
    """One device; it exists until remove()."""

    def __init__(self, kind):
        """kind is a type's name in sysfs, such as "mbochs-medium"."""
        driver = kind.split("-")[0]
        self.uuid = str(uuid.uuid4())
        self.path = f"/sys/bus/mdev/devices/{self.uuid}"
        with open(f"{BUS}/{driver}/mdev_supported_types/{kind}/create",
                  "w", encoding="ascii") as create:
            create.write(self.uuid)

    def remove(self):
        if os.path.exists(self.path):
            with open(f"{self.path}/remove", "w", encoding="ascii") as remove:
                remove.write("1")
