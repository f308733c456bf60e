# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's libvirt in the lab, and the domains of docs/libvirt in it.

libvirtd runs as root, its QEMUs as libvirt-qemu, in AppArmor's profiles if the
kernel has it, in namespaces and with seccomp, as on Debian. The checkout is
seen at /opt/vgpu, where docs/libvirt says that it is. What libvirt writes ends
with the lab.
"""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
from xml.etree import ElementTree

from . import paths
from .guest import Guest
from .picture import Picture
from .skip import Skip
from .viewers.dbus import Bus
from .viewers.processes import Processes
from .wait import until

TOP = "/opt/vgpu"
DOCS = os.path.join(paths.TOP, "docs", "libvirt")
IMAGES = "/var/lib/libvirt/images"
QEMU_NS = "http://libvirt.org/schemas/domain/qemu/1.0"
_SOCKET = "/run/libvirt/libvirt-sock"
_SECURITY = "/sys/kernel/security"
HAS_APPARMOR = os.path.isdir(_SECURITY)

# The host's, as they are; what is written there stays in the lab.
_OVERLAID = ("/etc/libvirt", "/etc/apparmor.d", "/opt")
_EMPTY = ("/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt",
          "/var/cache/apparmor")
_PROFILES = ("usr.sbin.libvirtd", "usr.lib.libvirt.virt-aa-helper")

# What any domain of the lab's makes QEMU say.
_ORDINARY = (": info: ", "no available reset mechanism",
             "Could not enable error recovery", "starting up libvirt",
             "char device redirected", "terminating on signal",
             "shutting down, reason", "is tainted",
             # libvirt 9 saves that way.
             "fd: migration to a file is deprecated",
             # Stock QEMU says so of each vfio device that goes, without KVM.
             "KVM VFIO device isn't created yet")

ElementTree.register_namespace("qemu", QEMU_NS)


class VirshError(Exception):
    """virsh failed; what it said."""


# Runs a command where the folder $0, a mount point, is the root: AppArmor goes
# by paths from there, which chroot does not change.
_PIVOT = """
cd "$0"
pivot_root . mnt
umount -l /mnt
exec "$@"
"""


def _mount(*words):
    # mount(8) gives up root's rights in an ordinary user's lab.
    subprocess.run(["busybox", "mount", *words], check=True)


def _overlay(path):
    layers = tempfile.mkdtemp(dir="/run")
    for name in "upper", "work":
        os.mkdir(f"{layers}/{name}")
    _mount("-t", "overlay", "overlay", path, "-o",
           f"lowerdir={path},upperdir={layers}/upper,workdir={layers}/work")


def _append(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(text)


class Libvirt:
    """libvirtd, and virsh to talk to it.

    _enter is what comes before each command of libvirt's.
    """

    _enter = ()

    def __init__(self):
        self._processes = Processes()
        self._mount_empty()
        self._mount_all()
        if HAS_APPARMOR:
            self._load_profiles()
        self._spawn("virtlogd")
        self._daemon = self._spawn("libvirtd")
        until("libvirtd's socket", self._listens)

    def _spawn(self, program):
        return self._processes.spawn(*self._enter, program)

    @staticmethod
    def _mount_empty():
        for path in _EMPTY:
            os.makedirs(path, exist_ok=True)
            _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", path)
        os.mkdir(IMAGES)
        # libvirt gives files to the user that QEMU runs as: not the host's.
        shutil.copy(paths.GUEST, IMAGES)
        if HAS_APPARMOR:
            _mount("-t", "securityfs", "securityfs", _SECURITY)

    def _mount_all(self):
        for path in _OVERLAID:
            _overlay(path)
        os.makedirs(TOP, exist_ok=True)
        _mount("--bind", paths.TOP, TOP)
        _mount("--bind", paths.BUILD, f"{TOP}/build")

    def _load_profiles(self):
        """As docs/using.md tells who runs a checkout."""
        local = os.path.join(DOCS, "apparmor.d", "local")
        for folder, _, names in os.walk(local):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as stream:
                    _append(os.path.join("/etc/apparmor.d/local",
                                         os.path.relpath(path, local)),
                            stream.read())
        # The lab's Mesa and its libraries are part of no system.
        _append("/etc/apparmor.d/local/abstractions/libvirt-qemu",
                f"{TOP}/build/mesa/** rm,\n")
        self._parse_profiles()

    def _parse_profiles(self):
        subprocess.run(
            [*self._enter, "apparmor_parser", "-r",
             *(f"/etc/apparmor.d/{name}" for name in _PROFILES)], check=True)

    def _listens(self):
        assert self._daemon.poll() is None, self.log()
        return os.path.exists(_SOCKET)

    def log(self):
        return self._processes.log((*self._enter, "libvirtd")[0])

    def virsh(self, *words):
        """What virsh says."""
        done = subprocess.run(
            [*self._enter, "virsh", "-q", "-c", "qemu:///system", *words],
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
            env=dict(os.environ, LC_ALL="C.UTF-8"), check=False)
        if done.returncode:
            raise VirshError(f"virsh {' '.join(words)}: "
                             + done.stderr.strip())
        return done.stdout.strip()

    def virsh_xml(self, command, name, tree, *words):
        """A command that takes a file of XML."""
        with tempfile.NamedTemporaryFile("wb", suffix=".xml") as file:
            tree.write(file)
            file.flush()
            return self.virsh(command, *([name] if name else []), file.name,
                              *words)

    def close(self):
        self._processes.close()


class InstalledLibvirt(Libvirt):
    """That of a root folder which has it installed, and a package of ours.

    What is mounted for the one here is bound there, so that all paths are the
    same: nothing of the folder's is written to but by libvirt itself.
    """

    def __init__(self, root):
        self.root = root
        self._enter = ("unshare", "--mount", "sh", "-ec", _PIVOT, root)
        super().__init__()

    def _mount_all(self):
        _mount("--bind", self.root, self.root)
        for path in ("/proc", "/sys", "/dev", "/run", "/tmp", *_EMPTY):
            os.makedirs(self.root + path, exist_ok=True)
            _mount("--rbind", path, self.root + path)

    def _load_profiles(self):
        self._parse_profiles()


_LIBVIRT = []


def libvirt():
    """The one of this run, which its first user starts."""
    if not _LIBVIRT:
        if not os.path.exists("/usr/sbin/libvirtd"):
            raise Skip("no libvirtd (package libvirt-daemon-system)")
        _use(Libvirt())
    return _LIBVIRT[0]


def use_installed(root):
    """Start that of the folder root for this run."""
    _use(InstalledLibvirt(root))


def _use(server):
    _LIBVIRT.append(server)
    atexit.register(server.close)


def element(text):
    return ElementTree.fromstring(text)


class Domain:
    """A domain of docs/libvirt, made fit for the lab; close() removes it."""

    def __init__(self, file, name=None):
        self.libvirt = libvirt()
        self.tree = ElementTree.parse(os.path.join(DOCS, file))
        self.root = self.tree.getroot()
        self.devices = self.root.find("devices")
        self.name = name or self.root.findtext("name")
        self.root.find("name").text = self.name
        self.folder = tempfile.mkdtemp(dir="/run", prefix="vgpu-")
        os.chmod(self.folder, 0o777)
        self.guest = None
        self.mdevs = []
        self._defined = False
        self._adapt()

    def _adapt(self):
        """What the lab cannot have, and what the tests have besides."""
        self.root.set("type", "qemu")
        # A process of UML's has no more than 65,530 mappings, which may be
        # of a page each: saving looks at every page of the guest's.
        self.root.find("memory").text = "32"
        self.root.find("memory").set("unit", "MiB")
        self.root.find("cpu").attrib = {"mode": "maximum"}
        os_ = self.root.find("os")
        os_.remove(os_.find("boot"))
        ElementTree.SubElement(os_, "kernel").text = f"{IMAGES}/guest.elf"
        self._make_disk()
        self.add(f"<serial type='unix'><source mode='bind' "
                 f"path='{self.folder}/serial'/></serial>")

    def _make_disk(self):
        image = f"{IMAGES}/{self.name}.qcow2"
        self.devices.find("disk/source").set("file", image)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image,
                        "64M"], check=True)

    # Before define()

    def add(self, text):
        self.devices.append(element(text))

    def remove(self, what):
        for part in self.devices.findall(what):
            self.devices.remove(part)

    def graphics(self, *texts):
        """These instead of the VNC server."""
        self.remove("graphics")
        for text in texts:
            self.add(text)

    def give(self, mdev, index=0):
        """The vGPU for the domain's <hostdev>, which is returned."""
        self.mdevs.append(mdev)
        hostdev = self.devices.findall("hostdev")[index]
        if hostdev.get("type") == "pci":
            # The lab has no virtual functions.
            hostdev.attrib = {"mode": "subsystem", "type": "mdev",
                              "model": "vfio-pci"}
        hostdev.find("source/address").attrib = {"uuid": mdev.uuid}
        return hostdev

    def environment(self, **values):
        """Variables of QEMU's."""
        line = self.root.find(f"{{{QEMU_NS}}}commandline")
        if line is None:
            line = ElementTree.SubElement(self.root,
                                          f"{{{QEMU_NS}}}commandline")
        for name, value in values.items():
            ElementTree.SubElement(line, f"{{{QEMU_NS}}}env",
                                   name=name, value=value)

    def define(self):
        self.libvirt.virsh_xml("define", None, self.tree)
        self._defined = True

    # Running

    def virsh(self, command, *words):
        return self.libvirt.virsh(command, self.name, *words)

    def start(self, *words):
        """Starts it, from its memory if that was saved."""
        self.virsh("start", *words)
        self.connect()

    def boot(self):
        """Starts it afresh, so that no word of the guest's is lost."""
        self.virsh("start", "--paused")
        self.connect()
        self.virsh("resume")
        return self.guest.wait_ready()

    def connect(self):
        """To the guest of a QEMU that is new."""
        if self.guest:
            self.guest.close()

        def there():
            try:
                return Guest(f"{self.folder}/serial")
            except OSError as error:
                raise AssertionError(error) from None
        self.guest = until("the guest's serial port", there)

    def state(self):
        return self.virsh("domstate")

    def wait_state(self, want):
        until(f"state {want}", lambda: self.state() == want)

    def live(self):
        """The running domain as libvirt knows it."""
        return element(self.virsh("dumpxml"))

    def screenshot(self, *words):
        path = f"{self.folder}/screenshot"
        self.virsh("screenshot", path, *words)
        return Picture.load_image(path)

    def screendump(self, device):
        """What QEMU dumps of any device: libvirt counts no vGPU's screens."""
        # QEMU may write nowhere but there.
        path = (f"/var/lib/libvirt/qemu/domain-{self.virsh('domid')}-"
                f"{self.name}/screendump")
        self.qmp("screendump", filename=path, format="ppm", device=device)
        return Picture.load_ppm(path)

    def qmp(self, name, **arguments):
        text = json.dumps({"execute": name, "arguments": {
            key.replace("_", "-"): value for key, value in arguments.items()}})
        answer = json.loads(self.virsh("qemu-monitor-command", text))
        assert "error" not in answer, answer
        return answer["return"]

    def vgpus(self):
        return self.qmp("x-query-vgpu-display")

    def pid(self):
        with open(f"/run/libvirt/qemu/{self.name}.pid",
                  encoding="ascii") as stream:
            return int(stream.read())

    def bus(self):
        """The D-Bus of its own that libvirt gave it."""
        return Bus(self.live().find(
            "devices/graphics[@type='dbus']").get("address"))

    def port(self, scheme):
        """The port that libvirt chose for a server."""
        address = self.virsh("domdisplay", "--type", scheme)
        return int(address.rpartition(":")[2])

    def vnc_display(self):
        host, _, number = self.virsh("vncdisplay").rpartition(":")
        assert host == "127.0.0.1", host
        return int(number)

    def log(self):
        try:
            with open(f"/var/log/libvirt/qemu/{self.name}.log",
                      encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""

    def warnings(self):
        """What QEMUs said, less what they say each time.

        Above that libvirt writes the command line, in many lines.
        """
        said, command_line = [], False
        for line in self.log().splitlines():
            if not command_line and not any(part in line
                                            for part in _ORDINARY):
                said.append(line)
            command_line = line.endswith("\\") or (
                "starting up libvirt" in line)
        return said

    # The end

    def undefine(self):
        self.virsh("undefine", "--managed-save", "--snapshots-metadata")
        self._defined = False

    def close(self):
        if self.guest:
            self.guest.close()
        if self._defined:
            try:
                self.virsh("destroy")
            except VirshError:
                # It does not run.
                pass
            self.undefine()
        for mdev in self.mdevs:
            mdev.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
