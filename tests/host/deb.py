#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian packages, in bare root folders of the releases that they are for.

usage: deb.py [--base BASE] [RELEASE]...

Prints TAP. ./vgpu deb makes the packages. What is installed here runs guests,
lies beside Debian's own QEMU and has its devices; and nothing is left when it
is removed. As that takes minutes and some hundred packages from the network,
it is done with --full, or for the releases that are named.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import tapcases
from swvgpu import SwVgpu
from vgpulab import oracle, paths
from vgpulab.machine import Machine
from vgpulab.picture import expect_picture
from vgpulab.rfb import RAW, Rfb
from vgpulab.skip import Skip

BUILD = Path(paths.BUILD)
NAME = "qemu-vgpu"
PROGRAM = "/usr/bin/qemu-system-x86_64-vgpu"
RELEASES = {"bookworm": 12, "trixie": 13}
SIZE = 640, 480
# What Debian's own devices are in, besides.
MODULES = {
    "bookworm": ("qemu-system-gui",),
    "trixie": ("qemu-system-modules-opengl", "qemu-system-modules-spice"),
}
# Devices of Debian's own QEMU that the package lacks, and why.
MISSING = {
    "bookworm": {
        "pvrdma": "QEMU 9.1 removed it",
        "sga": "QEMU 8.0 removed it: SeaBIOS writes to serial ports itself",
    },
    "trixie": {},
}

# Where apt and other packages keep what they remember.
STATE = "/run", "/var/cache", "/var/log", "/var/lib/apt", "/var/lib/dpkg"

# As root in the folder $1, whose /tmp is the one here: sockets and pictures
# have the same names within and without.
ENTER = """
root=$1
shift
mount -t proc proc "$root/proc"
mount --bind /tmp "$root/tmp"
exec chroot "$root" env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
"""

# What libvirt asks the emulator. The daemon ends with the shell.
CAPABILITIES = f"""
libvirtd -d
virsh -q -c qemu:///system domcapabilities --virttype qemu \\
    --emulatorbin {PROGRAM}
"""
# The profile that libvirt gives a domain, all its parts in one.
PROFILE = """
sed s/LIBVIRT_TEMPLATE/libvirt-test/ /etc/apparmor.d/libvirt/TEMPLATE.qemu |
    apparmor_parser --preprocess
"""


class Root:
    """A bare Debian in a folder of its own."""

    def __init__(self, release, base):
        self.release = release
        self.base = base
        self.folder = BUILD / "deb-work" / release / "bare"
        self.before = None      # packages and files, without ours

    @property
    def package(self):
        found = list((BUILD / "deb").glob(
            f"{NAME}_{self.base}.*~deb{RELEASES[self.release]}_amd64.deb"))
        return found[0] if found else None

    def require(self):
        if os.geteuid() != 0:
            raise Skip("only root can enter a root folder")
        if not self.package:
            raise Skip(f"./vgpu deb --release {self.release} was not run")

    def create(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        work = self.folder.parent
        subprocess.run(
            ["unshare", "--mount", "mmdebstrap", "--quiet", "--variant=minbase",
             f"--aptopt={work / 'apt.conf'}", self.release, self.folder,
             work / "sources.list"], check=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL)
        shutil.copy("/etc/resolv.conf", self.folder / "etc")
        self.run("apt-get", "-qq", "update")

    def _enter(self, *options):
        return ["unshare", "--mount", *options, "sh", "-ec", ENTER, "-",
                str(self.folder)]

    def run(self, *command):
        """Runs it in there; returns what it says. What it starts ends too."""
        done = subprocess.run(
            [*self._enter("--pid", "--fork", "--kill-child"), *command],
            check=False, stdin=subprocess.DEVNULL, capture_output=True,
            text=True)
        assert done.returncode == 0, (
            f"{command} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout

    def install(self, *packages):
        self.run("apt-get", "-y", "--no-install-recommends", "install",
                 *packages)

    def satisfy_package(self):
        depends = subprocess.run(
            ["dpkg-deb", "-f", self.package, "Depends"], check=True,
            capture_output=True, text=True).stdout.strip()
        self.run("apt-get", "-y", "--no-install-recommends", "satisfy",
                 depends)

    def install_package(self):
        copy = shutil.copy(self.package, self.folder / "root")
        self.install(f"/root/{self.package.name}")
        os.unlink(copy)

    def packages(self):
        return set(self.run("dpkg-query", "-W", "-f",
                            "${binary:Package}\n").split())

    def files(self):
        """All there are, but for what apt and others remember."""
        found = {f"/{Path(folder, name).relative_to(self.folder)}"
                 for folder, folders, names in os.walk(self.folder)
                 for name in folders + names}
        return {path for path in found if not path.startswith(STATE)}

    def devices(self, program):
        said = self.run(program, "-device", "help")
        return {line.split('"')[1] for line in said.splitlines()
                if line.startswith("name ")}


    def emulator(self, folder):
        """A program on this side that runs the one in there."""
        path = os.path.join(folder, "emulator")
        words = " ".join(map(shlex.quote, [*self._enter(), PROGRAM]))
        with open(path, "w", encoding="utf-8") as script:
            script.write(f'#!/bin/sh\nexec {words} "$@"\n')
        os.chmod(path, 0o755)
        return path


def install(root):
    """it needs no more than what it depends on"""
    root.create()
    root.satisfy_package()
    before = root.packages(), root.files()
    root.install_package()
    assert root.packages() - before[0] == {NAME}, root.packages() - before[0]
    root.before = before
    assert "(vgpu " in root.run(PROGRAM, "-version")
    accelerators = root.run(PROGRAM, "-accel", "help").split()
    assert {"tcg", "kvm"} <= set(accelerators), accelerators


def run_guest(root):
    """a guest's picture, in a screendump and in a VNC viewer"""
    want = oracle.pattern(oracle.NOISE, *SIZE)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        guest = shutil.copy(paths.GUEST, folder)
        machine = Machine(root.emulator(folder))
        try:
            machine.add_args("-kernel", guest, "-device", "bochs-display")
            machine.add_vnc()
            machine.start()
            machine.guest.wait_ready()
            machine.guest.mode(*SIZE)
            machine.guest.pattern(oracle.NOISE)
            expect_picture("the screendump", machine.screendump, want)
            with Rfb(machine.vnc_display, RAW) as viewer:
                viewer.wait_for(want, "the guest's picture")
            assert machine.quit() == 0, machine.stderr()
        finally:
            machine.close()


def show_vgpu(root):
    """the software vGPU's picture, by every path that pixels may take"""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        paths.QEMU = root.emulator(folder)
        for kind in "dmabuf", "region":
            # The package has no "-accel qtest": nothing runs while stopped.
            with SwVgpu("-accel", "tcg", "-S", "-display", "none",
                        kind=kind) as machine:
                picture = machine.draw(0, *SIZE, 0x80)
                machine.expect_screen(picture)


def remove(root):
    """nothing is left when it is removed"""
    packages, files = root.before
    root.run("apt-get", "-y", "purge", NAME)
    assert root.packages() == packages
    assert root.files() == files, sorted(root.files() ^ files)


def compare_devices(root):
    """it lies beside Debian's own QEMU, and has all its devices"""
    root.install("qemu-system-x86", *MODULES[root.release])
    root.install_package()
    theirs = root.devices("/usr/bin/qemu-system-x86_64")
    lacking = theirs - root.devices(PROGRAM)
    assert lacking == set(MISSING[root.release]), (
        lacking ^ set(MISSING[root.release]))


def tell_libvirt(root):
    """libvirt knows what it can do, and lets a domain run it"""
    root.install("libvirt-daemon-system", "libvirt-clients", "apparmor")
    said = ElementTree.fromstring(root.run("sh", "-ec", CAPABILITIES))
    graphics = {value.text for value in
                said.findall("devices/graphics/enum[@name='type']/value")}
    assert graphics >= {"vnc", "spice", "egl-headless", "dbus"}, graphics
    assert f"{PROGRAM} rmix," in root.run("sh", "-ec", PROFILE)


def show_domain(root):
    """docs/libvirt's domain: a vGPU's picture in VNC and in a browser"""
    done = subprocess.run(
        [f"{paths.TOP}/vgpu", "lab", "--", f"{paths.TOP}/tests/lab/package.py",
         root.folder], check=False, stdin=subprocess.DEVNULL,
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    shutil.rmtree(root.folder)


def cases(release, base):
    """The steps of one release, each on what the one before left."""
    root = Root(release, base)

    def case(step):
        def run():
            root.require()
            step(root)
        run.__doc__ = f"{release}: {step.__doc__}"
        return run
    return [case(step) for step in
            (install, run_guest, show_vgpu, remove, compare_devices,
             tell_libvirt, show_domain)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", default="10.0",
                        help="the QEMU that the packages are of")
    parser.add_argument("releases", nargs="*", choices=[[], *RELEASES])
    options = parser.parse_args()
    if not options.releases and os.environ.get("VGPU_TEST_FULL") != "1":
        print("1..0 # SKIP only ./vgpu test --full installs the packages")
        return
    # Where the root folders find it, too.
    tempfile.tempdir = "/tmp"
    paths.build_guest()
    tapcases.run([case for release in options.releases or RELEASES
                  for case in cases(release, options.base)])


if __name__ == "__main__":
    main()
