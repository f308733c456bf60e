#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the domains in docs/libvirt. Prints TAP.

libvirt's schema says whether libvirt takes them, and the emulator whether it
has the properties that they set behind libvirt's back.
"""

import subprocess
import sys
import tempfile
import traceback
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
QEMU = TOP / "build" / "bin" / "qemu-system-x86_64"
DOMAINS = sorted((TOP / "docs" / "libvirt").glob("*.xml"))

QEMU_NS = "{http://libvirt.org/schemas/domain/qemu/1.0}"
# An mdev's <hostdev> says display= and ramfb= to libvirt itself.
MDEV_ATTRIBUTES = ("display", "ramfb")


# What virt-install puts into a domain of Linux or Windows, with SPICE or VNC,
# and libvirt into each of its own accord.
DEFAULTS = {
    "-device": {
        "bochs-display", "hda-duplex", "ich9-intel-hda", "pcie-root-port",
        "qemu-xhci", "qxl-vga", "tpm-crb", "tpm-tis", "usb-redir",
        "usb-tablet", "virtio-balloon-pci", "virtio-blk-pci",
        "virtio-net-pci", "virtio-rng-pci", "virtio-serial-pci", "virtio-vga",
        "virtserialport"},
    "-object": {"memory-backend-memfd", "rng-random", "secret",
                "tls-creds-x509"},
    "-chardev": {"spicevmc", "socket"},
    "-tpmdev": {"emulator"},
}
# As libvirt has it; libvirt leaves it out in silence where it is missing.
SANDBOX = ("on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
           "resourcecontrol=deny")


def validate(path):
    """Returns virt-xml-validate's status and words."""
    done = subprocess.run(["virt-xml-validate", str(path), "domain"],
                          check=False, capture_output=True, encoding="utf-8")
    return done.returncode, done.stdout + done.stderr


def qemu_properties(driver):
    """The names of a device's properties."""
    text = subprocess.run([str(QEMU), "-device", f"{driver},help"],
                          check=True, capture_output=True,
                          encoding="utf-8").stdout
    return {line.split("=")[0].strip() for line in text.splitlines()
            if "=<" in line}


def overridden(root):
    """The properties that a domain's overrides set, and their values."""
    return {item.get("name"): item.get("value")
            for item in root.iter(f"{QEMU_NS}property")}


def displays(path):
    """(driver, properties) of every vGPU display that a domain asks for."""
    root = ElementTree.parse(path).getroot()
    found = []
    for hostdev in root.iter("hostdev"):
        names = set(MDEV_ATTRIBUTES) & set(hostdev.keys())
        driver = "vfio-pci-nohotplug" if "ramfb" in names else "vfio-pci"
        override = overridden(root)
        found.append((override.pop("driver", driver), names | set(override)))
    return found


def test_schema_takes(path):
    status, words = validate(path)
    assert status == 0, words


def test_emulator_takes(path):
    found = displays(path)
    assert found, "no vGPU in there"
    for driver, names in found:
        assert "display" in names, f"{driver} without a display"
        unknown = names - qemu_properties(driver)
        assert not unknown, f"{driver} has no {unknown}"


def test_schema_refuses_what_is_wrong():
    """Else the other tests would prove nothing."""
    text = (TOP / "docs/libvirt/mdev.xml").read_text(encoding="utf-8")
    wrong = text.replace("display='on'", "display='sometimes'")
    assert wrong != text
    with tempfile.NamedTemporaryFile("w", suffix=".xml",
                                     encoding="utf-8") as file:
        file.write(wrong)
        file.flush()
        status, words = validate(file.name)
    assert status != 0, words


def test_emulator_has(option, names):
    """Its help lists them, some of them in quotes."""
    done = subprocess.run([str(QEMU), option, "help"], check=False,
                          capture_output=True, encoding="utf-8")
    words = set((done.stdout + done.stderr).replace(",", " ").replace(
        '"', " ").split())
    assert names <= words, f"{option} has no {names - words}"


def test_emulator_starts(*options):
    done = subprocess.run(
        [str(QEMU), "-M", "none", "-nodefaults", "-display", "none",
         "-monitor", "stdio", *options], input="quit\n", check=False,
        capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def defaults():
    for option, names in DEFAULTS.items():
        yield f"the emulator has every {option} of default domains", \
            lambda option=option, names=names: test_emulator_has(option, names)
    yield "the emulator runs in libvirt's sandbox", \
        lambda: test_emulator_starts("-sandbox", SANDBOX)
    for security in "password=on", "sasl=on":
        yield f"VNC's {security} is there", \
            lambda security=security: test_emulator_starts(
                "-vnc", f"127.0.0.1:0,to=99,{security}")


def cases():
    for path in DOMAINS:
        yield f"libvirt's schema takes {path.name}", \
            lambda path=path: test_schema_takes(path)
        yield f"the emulator has what {path.name} sets", \
            lambda path=path: test_emulator_takes(path)
    yield from defaults()
    yield "libvirt's schema refuses a wrong domain", \
        test_schema_refuses_what_is_wrong


def main():
    tests = list(cases())
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}")
        except Exception:  # pylint: disable=broad-except
            failed += 1
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
            print(f"not ok {number} - {name}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
