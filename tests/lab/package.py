#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""In the lab: a vGPU under the libvirt of a root folder, with the package.

usage: package.py ROOT

ROOT has libvirt and the package installed. What a person does who installed
it: the domain of docs/libvirt with another emulator, looked at in a VNC viewer
and in a browser. Ends with an exception where the picture is not right.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from vgpulab import oracle, paths  # noqa: E402
from vgpulab.libvirt import (  # noqa: E402
    HAS_APPARMOR, Domain, use_installed)
from vgpulab.mdev import Mdev  # noqa: E402
from vgpulab.picture import expect_picture  # noqa: E402
from vgpulab.rfb import RAW, Rfb  # noqa: E402
from vgpulab.viewers.novnc import NoVnc  # noqa: E402

EMULATOR = "/usr/bin/qemu-system-x86_64-vgpu"


def make_domain():
    domain = Domain("mdev.xml")
    domain.devices.find("emulator").text = EMULATOR
    domain.devices.find("graphics").set("websocket", "-1")
    domain.give(Mdev("mbochs-medium"))
    domain.define()
    return domain


def draw(domain, width, height, frame):
    domain.guest.mode(width, height)
    domain.guest.pattern(oracle.CHECKS, frame)
    return oracle.pattern(oracle.CHECKS, width, height, frame)


def look(domain):
    want = draw(domain, 1024, 768, 1)
    expect_picture("virsh screenshot", domain.screenshot, want)
    with Rfb(domain.vnc_display(), RAW) as viewer:
        viewer.wait_for(want, "VNC")
    websocket = domain.live().find("devices/graphics").get("websocket")
    with NoVnc(int(websocket)) as browser:
        expect_picture("noVNC", browser.picture, want)
        want = draw(domain, 640, 480, 2)
        expect_picture("noVNC, the next picture", browser.picture, want)


def expect_confined(domain):
    """The package's emulator, in a profile that is enforced."""
    pid = domain.pid()
    program = os.readlink(f"/proc/{pid}/exe")
    assert program.endswith(EMULATOR), program
    if HAS_APPARMOR:
        with open(f"/proc/{pid}/attr/current", encoding="ascii") as stream:
            label = stream.read().strip()
        assert label.endswith("(enforce)"), label


def main():
    paths.build_guest()
    use_installed(os.path.realpath(sys.argv[1]))
    domain = make_domain()
    try:
        gpus = domain.boot()
        assert gpus == 1, f"the guest found {gpus} devices"
        expect_confined(domain)
        look(domain)
        domain.virsh("destroy")
        assert domain.warnings() == [], domain.warnings()
    finally:
        domain.close()


if __name__ == "__main__":
    main()
