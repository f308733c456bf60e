# SPDX-License-Identifier: GPL-2.0-or-later
"""The domains of docs/libvirt under Debian's libvirt.

virsh does what an operator does, and pixels are compared each time.
"""

import os
import pwd
import socket
import xml.etree.ElementTree as ElementTree

from vgpulab import oracle
from vgpulab.group import Group
from vgpulab.libvirt import (
    HAS_APPARMOR, IMAGES, TOP, Domain, VirshError, libvirt)
from vgpulab.mdev import Mdev
from vgpulab.oracle import CHECKS, NOISE, RAMP
from vgpulab.rfb import RAW, Rfb
from vgpulab.skip import Skip
from vgpulab.viewers.dbus import Listener
from vgpulab.viewers.spice import SpiceClient
from vgpulab.viewers.vnc import gvnccapture
from vgpulab.wait import until

# vgem's: nothing draws there but software.
RENDER_NODE = "/dev/dri/renderD128"
EMULATOR = f"{TOP}/build/bin/qemu-system-x86_64"
_UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            b"Sec-WebSocket-Protocol: binary\r\n\r\n")


def libvirt_qemu():
    """The number of the user that QEMU runs as."""
    return pwd.getpwnam("libvirt-qemu").pw_uid


class LibvirtGroup(Group):
    """One domain with one vGPU or more."""

    file = "mdev.xml"
    kinds = ("mbochs-medium",)
    # Other displays that the guest finds first.
    emulated = 0

    @classmethod
    def cases(cls):
        return [] if cls is LibvirtGroup else super().cases()

    def adapt(self, domain):
        """What else the domain differs in from the one of the documents."""

    def setup(self):
        self.vm = Domain(self.file)
        hostdev = self.vm.give(Mdev(self.kinds[0]))
        for kind in self.kinds[1:]:
            self.vm.devices.append(ElementTree.fromstring(
                ElementTree.tostring(hostdev)))
            self.vm.give(Mdev(kind), -1)
        self.adapt(self.vm)
        self.vm.define()
        gpus = self.vm.boot()
        want = self.emulated + len(self.kinds)
        assert gpus == want, f"the guest found {gpus} devices"

    def draw(self, width, height, kind, frame=0, gpu=0):
        """Set a mode, draw, and return what must be on screen."""
        self.vm.guest.command(f"dev {gpu}")
        self.vm.guest.mode(width, height)
        self.vm.guest.pattern(kind, frame)
        return oracle.pattern(kind, width, height, frame)

    def expect_shown(self, want, *words):
        """virsh screenshot shows exactly that, sooner or later."""
        self.expect_picture(lambda: self.vm.screenshot(*words), want,
                            "virsh screenshot")

    def test_quit_leaves_nothing(self):
        """destroy and undefine; the vGPUs can be removed"""
        self.vm.virsh("destroy")
        self.vm.wait_state("shut off")
        self.vm.undefine()
        self.vm.close()


class LibvirtMbochs(LibvirtGroup):
    """mdev.xml as it is, with ramfb, on mbochs, which cannot be saved."""

    def test_domcapabilities(self):
        """libvirt learns from the emulator what default domains ask for"""
        said = ElementTree.fromstring(libvirt().virsh(
            "domcapabilities", "--emulatorbin", EMULATOR, "--virttype",
            "qemu", "--machine", "q35"))
        devices = said.find("devices")

        def values(device, enum):
            return {value.text for value in devices.findall(
                f"{device}/enum[@name='{enum}']/value")}
        assert {"vnc", "spice", "egl-headless", "dbus"} <= values(
            "graphics", "type"), values("graphics", "type")
        assert "usb" in values("redirdev", "bus"), values("redirdev", "bus")
        assert "tpm-crb" in values("tpm", "model"), values("tpm", "model")

    def test_confined(self):
        """QEMU runs as libvirt-qemu, in its own namespace, with seccomp"""
        pid = self.vm.pid()
        with open(f"/proc/{pid}/status", encoding="ascii") as stream:
            status = dict(line.split(":", 1) for line in stream)
        assert status["Seccomp"].strip() == "2", status["Seccomp"]
        uids = status["Uid"].split()
        assert set(uids) == {str(libvirt_qemu())}, uids
        assert os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink(
            "/proc/self/ns/mnt")

    def test_apparmor(self):
        """QEMU runs in a profile of its own, which is enforced"""
        if not HAS_APPARMOR:
            raise Skip("this kernel has no AppArmor")
        with open(f"/proc/{self.vm.pid()}/attr/current",
                  encoding="ascii") as stream:
            label = stream.read().strip()
        assert label.startswith("libvirt-") and label.endswith("(enforce)"), \
            label

    def test_screenshot(self):
        """virsh screenshot, in three modes"""
        for frame, size in enumerate([(1024, 768), (640, 480), (1280, 720)]):
            self.expect_shown(self.draw(*size, CHECKS, frame))

    def test_vncdisplay(self):
        """VNC on the port that libvirt chose"""
        want = self.draw(1024, 768, NOISE, 1)
        display = self.vm.vnc_display()
        with Rfb(display, RAW) as viewer:
            viewer.wait_for(want, "VNC")
        self.expect_picture(lambda: gvnccapture(display), want,
                            "gvnccapture")

    def test_suspend_and_resume(self):
        """suspend and resume while a viewer watches"""
        want = self.draw(1024, 768, CHECKS, 2)
        with Rfb(self.vm.vnc_display(), RAW) as viewer:
            viewer.wait_for(want, "the picture")
            self.vm.virsh("suspend")
            assert self.vm.state() == "paused"
            self.expect_shown(want)
            self.vm.virsh("resume")
            assert self.vm.state() == "running"
            viewer.wait_for(self.draw(800, 600, CHECKS, 3).with_black_below(
                599), "a new picture")

    def test_reset(self):
        """reset"""
        self.expect_shown(self.draw(1024, 768, CHECKS, 4))
        self.vm.virsh("reset")
        self.vm.guest.wait_ready()
        self.expect_shown(self.draw(640, 480, RAMP, 5))

    def press(self, command):
        """What libvirt asks an ACPI guest for."""
        self.vm.guest.command("button")
        self.vm.virsh(command, "--mode", "acpi")
        until("the power button", lambda: self.vm.guest.command(
            "button") == ["pressed", "1"])
        self.vm.guest.power_off()

    def test_reboot(self):
        """reboot: the guest switches off, and the same QEMU starts it again"""
        pid = self.vm.pid()
        self.expect_shown(self.draw(1024, 768, CHECKS, 6))
        self.press("reboot")
        self.vm.guest.wait_ready()
        assert self.vm.pid() == pid
        self.expect_shown(self.draw(640, 480, CHECKS, 7))

    def test_save_is_refused(self):
        """a vGPU whose driver cannot migrate: save says so, and it runs on"""
        for words in (("save", f"{IMAGES}/saved"), ("managedsave",)):
            try:
                self.vm.virsh(*words)
            except VirshError as error:
                assert "migrat" in str(error), error
            else:
                raise AssertionError(f"{words[0]} worked")
        assert self.vm.state() == "running"
        self.expect_shown(self.draw(1024, 768, CHECKS, 8))

    def test_external_snapshot(self):
        """an external snapshot of the disk"""
        want = self.draw(1024, 768, CHECKS, 9)
        self.vm.virsh("snapshot-create-as", "s1", "--disk-only", "--atomic",
                      "--diskspec", f"vda,file={IMAGES}/overlay.qcow2")
        self.expect_shown(want)
        disk = self.vm.live().find("devices/disk/source").get("file")
        assert disk == f"{IMAGES}/overlay.qcow2", disk

    def test_no_warnings(self):
        """QEMU had nothing to say"""
        assert self.vm.warnings() == [], self.vm.warnings()

    def test_shutdown(self):
        """shutdown: the guest switches off, and it is started again"""
        self.press("shutdown")
        self.vm.wait_state("shut off")
        self.vm.boot()
        self.expect_shown(self.draw(1024, 768, CHECKS, 10))


class LibvirtSave(LibvirtGroup):
    """mdev.xml on the lab's own driver, which can be saved."""

    kinds = ("vgpu-dmabuf",)

    def drawn_again(self, frame):
        """The guest draws on."""
        self.expect_shown(self.draw(800, 600, CHECKS, frame))

    def adapt(self, domain):
        # All of it is looked at for each save.
        domain.mdevs[0].switch(vram_mb=16)

    def test_save_and_restore(self):
        """save, restore paused, and run: what was on screen, and what is new

        The vGPU's stream is closed long before it runs.
        """
        want = self.draw(1024, 768, NOISE, 1)
        self.expect_shown(want)
        self.vm.virsh("suspend")
        self.vm.virsh("save", f"{IMAGES}/saved")
        self.vm.wait_state("shut off")
        libvirt().virsh("restore", "--paused", f"{IMAGES}/saved")
        assert self.vm.state() == "paused"
        self.vm.connect()
        self.vm.virsh("resume")
        self.expect_shown(want)
        self.drawn_again(1)

    def test_managedsave(self):
        """managedsave and start, while a viewer comes back"""
        want = self.draw(1024, 768, NOISE, 3)
        self.expect_shown(want)
        self.vm.virsh("managedsave")
        self.vm.wait_state("shut off")
        self.vm.start()
        with Rfb(self.vm.vnc_display(), RAW) as viewer:
            viewer.wait_for(want, "the picture")
            viewer.wait_for(self.draw(800, 600, CHECKS, 3), "the next")

    def test_internal_snapshot(self):
        """an internal snapshot, and back to it"""
        want = self.draw(1024, 768, NOISE, 4)
        self.expect_shown(want)
        self.vm.virsh("snapshot-create-as", "s1")
        self.drawn_again(4)
        self.vm.virsh("snapshot-revert", "s1")
        # In a new QEMU.
        self.vm.connect()
        self.expect_shown(want)
        self.drawn_again(5)
        self.vm.virsh("snapshot-delete", "s1")

    def test_external_snapshot(self):
        """an external snapshot with the memory"""
        want = self.draw(1024, 768, NOISE, 6)
        self.vm.virsh("snapshot-create-as", "s2", "--live", "--atomic",
                      "--memspec", f"file={IMAGES}/memory",
                      "--diskspec", f"vda,file={IMAGES}/after-memory.qcow2")
        self.expect_shown(want)
        self.drawn_again(6)

    def test_no_warnings(self):
        """QEMU had nothing to say"""
        assert self.vm.warnings() == [], self.vm.warnings()


class LibvirtHotplug(LibvirtGroup):
    """A vGPU without ramfb, which can be plugged, and ports for it."""

    kinds = ("vgpu-dmabuf",)

    def adapt(self, domain):
        hostdev = domain.devices.find("hostdev")
        # ramfb and hot plugging exclude each other.
        del hostdev.attrib["ramfb"]
        self.hostdev = ElementTree.ElementTree(ElementTree.fromstring(
            ElementTree.tostring(hostdev)))
        # Where the vGPU goes that is plugged in: q35 has no port to spare.
        domain.add("<controller type='pci' model='pcie-root'/>")
        domain.add("<controller type='pci' model='pcie-root-port'/>")

    def plug(self, command):
        libvirt().virsh_xml(command, self.vm.name, self.hostdev, "--live")

    def unplug(self):
        """As an ACPI guest, which ejects what it is asked for."""
        slot = int(self.vm.guest.command("scan")[3])
        self.plug("detach-device")
        self.vm.guest.command(f"eject {slot}")
        until("the vGPU to be gone", lambda: self.vm.live().find(
            "devices/hostdev") is None)
        assert self.vm.guest.command("scan") == ["gpus", "0"]

    def replug(self):
        self.plug("attach-device")
        until("the guest to find it", lambda: self.vm.guest.command("scan")[
            :2] == ["gpus", "1"])

    def test_detach_and_attach(self):
        """detach and attach, twice, while a viewer watches"""
        with Rfb(self.vm.vnc_display(), RAW) as viewer:
            for frame in range(2):
                want = self.draw(1024, 768, CHECKS, frame)
                viewer.wait_for(want, f"picture {frame}")
                self.unplug()
                viewer.drain()
                self.replug()
            want = self.draw(800, 600, CHECKS, 2)
            viewer.wait_for(want, "the last picture")
        self.expect_shown(want)

    def test_link_is_up_at_once(self):
        """a vGPU that is plugged in has its monitor at once"""
        self.unplug()
        self.plug("attach-device")
        assert self.vm.mdevs[0].count("link_up")
        assert self.vm.guest.command("scan")[:2] == ["gpus", "1"]

    def test_no_port_is_left(self):
        """another vGPU finds no port, and libvirt says so"""
        other = Mdev("vgpu-region")
        tree = ElementTree.ElementTree(ElementTree.fromstring(
            ElementTree.tostring(self.hostdev.getroot())))
        tree.getroot().find("source/address").set("uuid", other.uuid)
        said = ""
        try:
            for _ in range(2):
                libvirt().virsh_xml("attach-device", self.vm.name, tree,
                                    "--live")
        except VirshError as error:
            said = str(error)
        self.vm.mdevs.append(other)
        assert "No more available PCI slots" in said, said


class LibvirtBeside(LibvirtGroup):
    """Two vGPUs beside a VGA that the guest draws on as well, with OpenGL."""

    kinds = ("vgpu-dmabuf", "vgpu-region")
    emulated = 1

    def adapt(self, domain):
        for hostdev in domain.devices.findall("hostdev"):
            # Only one device of a machine can have it.
            del hostdev.attrib["ramfb"]
        domain.remove("video")
        domain.add("<video><model type='vga'/></video>")
        domain.add("<graphics type='egl-headless'>"
                   f"<gl rendernode='{RENDER_NODE}'/></graphics>")

    def test_screens(self):
        """libvirt knows the VGA's screen, and QMP each vGPU's"""
        vga, *want = [self.draw(*size, CHECKS, gpu, gpu)
                      for gpu, size in enumerate(
                          [(800, 600), (1024, 768), (640, 480)])]
        self.expect_shown(vga, "--screen", "0")
        for alias, picture in zip(self.aliases(), want):
            self.expect_picture(lambda: self.vm.screendump(alias), picture,
                                f"screendump of {alias}")

    def test_render_node(self):
        """egl-headless lets QEMU see the render node"""
        assert os.path.exists(f"/proc/{self.vm.pid()}/root{RENDER_NODE}")

    def aliases(self):
        """QEMU's ids of the vGPUs."""
        return [alias.get("name") for alias in self.vm.live().findall(
            "devices/hostdev/alias")]

    def test_no_such_screen(self):
        """libvirt counts no vGPU among the screens"""
        try:
            self.vm.screenshot("--screen", "1")
        except VirshError as error:
            assert "no such screen ID" in str(error), error
        else:
            raise AssertionError("there is a screen 1")

    def test_vnc_shows_each(self):
        """Ctrl-Alt-1 to 3 in a VNC viewer"""
        want = [self.draw(640, 480, CHECKS, 3 + gpu, gpu) for gpu in range(3)]
        with Rfb(self.vm.vnc_display(), RAW) as viewer:
            for number in 2, 3, 1:
                viewer.select_console(number)
                viewer.wait_for(want[number - 1], f"console {number}")


class LibvirtFunctionRamfb(LibvirtGroup):
    """vf-ramfb.xml, whose override makes it the device that has ramfb."""

    file = "vf-ramfb.xml"

    def test_ramfb(self):
        """the firmware's words, then the guest's picture"""
        firmware = self.vm.screenshot()
        assert (firmware.width, firmware.height) == (1024, 768)
        self.expect_words(firmware)
        self.expect_shown(self.draw(1280, 720, CHECKS, 2))


class LibvirtViewers(LibvirtGroup):
    """VNC with a password, SPICE and D-Bus at once."""

    def adapt(self, domain):
        domain.graphics(
            "<graphics type='vnc' port='-1' websocket='-1' "
            "listen='127.0.0.1' passwd='secret'/>",
            "<graphics type='spice' autoport='yes' listen='127.0.0.1'>"
            "<image compression='lz'/><streaming mode='off'/></graphics>",
            "<graphics type='dbus'/>")

    def test_password(self):
        """a VNC server with a password asks for it"""
        with socket.create_connection(
                ("127.0.0.1", 5900 + self.vm.vnc_display())) as server:
            stream = server.makefile("rwb")
            version = stream.read(12)
            assert version == b"RFB 003.008\n", version
            stream.write(version)
            stream.flush()
            # One kind of security: VNC's own, which begins with a challenge.
            assert stream.read(2) == b"\1\2"
            stream.write(b"\2")
            stream.flush()
            assert len(stream.read(16)) == 16

    def test_websocket(self):
        """the websocket on the port that libvirt chose"""
        port = self.vm.live().find("devices/graphics[@type='vnc']").get(
            "websocket")
        with socket.create_connection(("127.0.0.1", int(port))) as server:
            stream = server.makefile("rwb")
            stream.write(_UPGRADE)
            stream.flush()
            status = stream.readline()
            assert status.startswith(b"HTTP/1.1 101"), status
            while stream.readline().strip():
                pass
            # A frame of twelve bytes.
            assert stream.read(14) == b"\x82\x0cRFB 003.008\n"

    def test_spice(self):
        """SPICE on the port that libvirt chose"""
        want = self.draw(1024, 768, CHECKS, 1)
        with SpiceClient(port=self.vm.port("spice")) as client:
            self.expect_picture(client.picture, want, "SPICE")
            want = self.draw(640, 480, CHECKS, 2)
            self.expect_picture(client.picture, want, "SPICE")

    def test_dbus(self):
        """D-Bus, on the bus that libvirt started"""
        want = self.draw(1024, 768, CHECKS, 3)
        bus = self.vm.bus()
        # It lets in nobody but the user that QEMU runs as.
        os.seteuid(libvirt_qemu())
        try:
            listener = Listener(bus)
        finally:
            os.seteuid(0)
        with listener:
            listener.wait_for(want, "D-Bus")

    def test_screenshot(self):
        """virsh screenshot beside them"""
        self.expect_shown(self.draw(640, 480, CHECKS, 4))


class LibvirtNoGraphics(LibvirtGroup):
    """vf.xml with no <graphics> at all, which its override makes possible."""

    file = "vf.xml"

    def adapt(self, domain):
        domain.graphics()

    def test_screenshot(self):
        """virsh screenshot, which is all that there is"""
        for frame in range(2):
            self.expect_shown(self.draw(1024, 768, CHECKS, frame))

    def test_display_is_refused(self):
        """display='on' without <graphics>: libvirt says what it wants"""
        self.vm.devices.find("hostdev").set("display", "on")
        try:
            self.vm.define()
        except VirshError as error:
            assert "graphics device is needed" in str(error), error
        else:
            raise AssertionError("libvirt took it")


class LibvirtSpiceGl(LibvirtGroup):
    """SPICE with OpenGL, on a socket."""

    def adapt(self, domain):
        self.socket = f"{domain.folder}/spice"
        domain.graphics(
            f"<graphics type='spice'>"
            f"<listen type='socket' socket='{self.socket}'/>"
            f"<image compression='lz'/><streaming mode='off'/>"
            f"<gl enable='yes' rendernode='{RENDER_NODE}'/></graphics>")

    def test_spice(self):
        """the picture, and virsh screenshot beside it"""
        with SpiceClient(self.socket) as client:
            want = self.draw(1024, 768, CHECKS, 1)
            self.expect_picture(client.picture, want, "SPICE")
            self.expect_shown(want)
