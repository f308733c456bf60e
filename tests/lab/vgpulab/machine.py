# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU process with vGPUs and the test guest in it."""

import os
import shutil
import signal
import subprocess
import tempfile

from . import paths
from .guest import Guest
from .mdev import Mdev
from .picture import Picture
from .ports import free_display
from .qmp import Qmp, QmpError
from .qtest import Qtest
from .wait import until

# Drivers whose presence in QEMU's memory means that OpenGL is in use.
_GL_LIBRARIES = ("libegl_", "libglx_", "libgallium", "_dri.so", "libgl.so")

# The samples have no reset and no error reporting, and QEMU says so.
_ORDINARY = (": info: ", "no available reset mechanism",
             "Could not enable error recovery")


class Machine:
    """Starts with start(); close() ends it in any case."""

    def __init__(self, qemu=None):
        """qemu: another emulator than the one that is tested."""
        self.vnc_display = None
        self.environment = None     # this process's
        self._mdevs = []
        self._process = None
        self._guest = None
        self._qmp = None
        self._qtest = None
        self._folder = tempfile.mkdtemp(prefix="vgpu-lab-")
        self._args = [
            qemu or paths.QEMU, "-nodefaults", "-no-user-config", "-M", "pc",
            "-accel", "tcg", "-m", "128",
            "-chardev", f"socket,id=qmp,path={self._file('qmp')},"
                        "server=on,wait=off",
            "-mon", "chardev=qmp,mode=control",
            "-chardev", f"socket,id=serial,path={self._file('serial')},"
                        "server=on,wait=on",
            "-serial", "chardev:serial",
        ]

    def _file(self, name):
        return os.path.join(self._folder, name)

    # Before start()

    def add_args(self, *args):
        self._args += args

    def create_mdev(self, kind):
        mdev = Mdev(kind)
        self._mdevs.append(mdev)
        return mdev

    def add_vgpu(self, kind, name, slot, driver="vfio-pci", options=""):
        """A vGPU of that mdev type, its id and its slot on bus 0."""
        mdev = self.create_mdev(kind)
        self.add_args(
            "-device", f"{driver},sysfsdev={mdev.path},id={name},"
                       f"addr={slot:#x}{',' + options if options else ''}")
        return mdev

    def add_vnc(self, options=""):
        """A VNC server; vnc_display is the number of the last."""
        self.vnc_display = free_display()
        self.add_args("-vnc", f"127.0.0.1:{self.vnc_display}"
                              f"{',' + options if options else ''}")

    def add_guest(self):
        self.add_args("-kernel", paths.GUEST)

    def add_qtest(self):
        """Lets qtest write to the running machine's memory."""
        self.add_args("-qtest", f"unix:{self._file('qtest')},"
                                "server=on,wait=off", "-qtest-log", "none")

    # Running

    def start(self):
        with open(self._file("stderr"), "wb") as stderr:
            # pylint: disable=consider-using-with
            self._process = subprocess.Popen(
                self._args, stdin=subprocess.DEVNULL, stdout=stderr,
                stderr=stderr, env=self.environment)
        # The machine waits for the serial port's reader before it runs, so
        # that no word of the guest's is lost.
        self._guest = self._connect_guest()
        self._qmp = Qmp(self._file("qmp"), self.alive)

    def _connect_guest(self):
        def connect():
            assert self.alive(), f"QEMU ended: {self.stderr()}"
            try:
                return Guest(self._file("serial"))
            except OSError as error:
                raise AssertionError(error) from None
        return until("the guest's serial port", connect)

    @property
    def command(self):
        """The emulator's command line, or what there is of it so far."""
        return list(self._args)

    @property
    def guest(self):
        return self._guest

    @property
    def qmp(self):
        return self._qmp

    @property
    def qtest(self):
        if self._qtest is None:
            self._qtest = Qtest(self._file("qtest"))
        return self._qtest

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process is not None and self._process.poll() is None

    def stderr(self):
        if self._process is None:
            return ""
        with open(self._file("stderr"), encoding="utf-8",
                  errors="replace") as stream:
            return stream.read()

    def warnings(self):
        """What QEMU warned of, less what every mdev makes it say."""
        return [line for line in self.stderr().splitlines()
                if line and not any(part in line for part in _ORDINARY)]

    def fds(self):
        """What each open file descriptor refers to, by number."""
        folder = f"/proc/{self.pid}/fd"
        found = {}
        for name in os.listdir(folder):
            try:
                found[int(name)] = os.readlink(f"{folder}/{name}")
            except FileNotFoundError:
                continue
        return found

    def dmabuf_fds(self):
        """Numbers of the open descriptors that are dma-bufs."""
        return sorted(number for number, what in self.fds().items()
                      if "dmabuf" in what)

    def gl_libraries(self):
        """OpenGL drivers in the process's memory."""
        with open(f"/proc/{self.pid}/maps", encoding="utf-8") as maps:
            names = {line.split(None, 5)[5].strip() for line in maps
                     if len(line.split(None, 5)) == 6}
        return sorted(name for name in names if any(
            part in os.path.basename(name).lower()
            for part in _GL_LIBRARIES))

    def screendump(self, kind="ppm", device=None):
        """The picture that QMP's screendump gives."""
        path = self._file("dump." + kind)
        arguments = {"filename": path, "format": kind}
        if device:
            arguments["device"] = device
        self.qmp.command("screendump", **arguments)
        load = Picture.load_ppm if kind == "ppm" else Picture.load_image
        picture = load(path)
        os.unlink(path)
        return picture

    def human_screendump(self):
        """The same by the human monitor, which holds QEMU up meanwhile."""
        path = self._file("dump.ppm")
        said = self.qmp.command("human-monitor-command",
                                **{"command-line": f"screendump {path}"})
        assert not said, said
        picture = Picture.load_ppm(path)
        os.unlink(path)
        return picture

    def vgpu(self, name):
        """What x-query-vgpu-display says about the device of that id."""
        for entry in self.qmp.command("x-query-vgpu-display"):
            if entry["device"].split("/")[-1] == name:
                return entry
        raise KeyError(f"x-query-vgpu-display does not list {name}")

    # The end

    def quit(self):
        """Ask QEMU to end; returns its exit status."""
        try:
            self.qmp.command("quit")
        except (QmpError, OSError):
            # The connection may be closed before the answer is read.
            pass
        return self._process.wait(60)

    def _kill(self):
        if self._process is None:
            return
        if self.alive():
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def remove_mdevs(self):
        while self._mdevs:
            self._mdevs.pop().remove()

    def close(self):
        """Ends QEMU, whatever its state, and removes what was created."""
        for part in (self._qmp, self._guest, self._qtest):
            if part is not None:
                part.close()
        self._kill()
        self.remove_mdevs()
        shutil.rmtree(self._folder, ignore_errors=True)
