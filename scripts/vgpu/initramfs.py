#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the demo guest's initramfs: busybox, an init, a driver's modules.

The modules come from an unpacked Debian kernel package, which has no list of
their dependencies (depmod makes that when it is installed), so they are read
from the modules themselves.
"""

import argparse
import gzip
import lzma
import os
import re
import stat


def read_module(path):
    with open(path, "rb") as file:
        data = file.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


class Modules:
    """The modules of a kernel package by name."""

    def __init__(self, tree):
        self.paths = {}
        for folder, _, files in os.walk(tree):
            for name in files:
                if match := re.fullmatch(r"(.*)\.ko(\.xz)?", name):
                    key = match[1].replace("-", "_")
                    self.paths[key] = os.path.join(folder, name)

    def load_order(self, name, seen=None):
        """(name, content) of what name needs and of itself, in order."""
        seen = set() if seen is None else seen
        if name in seen:
            return []
        seen.add(name)
        content = read_module(self.paths[name])
        needs = re.search(rb"\0depends=([^\0]*)\0", content)
        order = []
        for need in filter(None, needs[1].decode().split(",")):
            order += self.load_order(need.replace("-", "_"), seen)
        return order + [(name, content)]


class Archive:
    """A cpio archive in the "newc" format that the kernel reads."""

    def __init__(self):
        self.parts = []
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device,
                  len(encoded), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        for part in (header + encoded, content):
            self.parts.append(part + b"\0" * (-len(part) % 4))

    def add_folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def add_file(self, name, content, executable=False):
        self.add(name, stat.S_IFREG | (0o755 if executable else 0o644),
                 content)

    def finish(self):
        self.add("TRAILER!!!", 0)
        return b"".join(self.parts)


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


def build(options):
    order = Modules(options.modules).load_order(options.driver)
    archive = Archive()
    for folder in ("bin", "dev", "modules"):
        archive.add_folder(folder)
    # The kernel opens this for process 1 before anything is mounted.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add_file("bin/busybox", content_of(options.busybox), True)
    archive.add_file("init", content_of(options.init), True)
    for name, content in order:
        archive.add_file(f"modules/{name}.ko", content)
    names = "".join(f"{name}.ko\n" for name, _ in order)
    archive.add_file("modules/order", names.encode())
    with open(options.output, "wb") as output:
        output.write(gzip.compress(archive.finish(), 6))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", required=True, help="the unpacked package")
    parser.add_argument("--driver", default="bochs")
    parser.add_argument("--busybox", required=True)
    parser.add_argument("--init", required=True)
    parser.add_argument("--output", required=True)
    build(parser.parse_args())


if __name__ == "__main__":
    main()
