# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMU whose vGPU is driven without a guest.

The qtest protocol takes the place of the guest's processor (qtest.py).
"""

import os
import shutil
import subprocess
import tempfile

from . import paths
from .planes import Planes
from .qmp import Qmp
from .qtest import Qtest

NAME, SLOT = "gpu0", 4
VRAM = 0xe0000000
_REGISTERS = 0xfe000000
# To end what hangs.
_ANSWER_S = 30

# include/hw/display/vgpu-sw.h
BUFFER_FLAGS, BUFFER_COPY, BUFFER_CUT = 0xc0, 0xc4, 0xc8


class QtestMachine:
    """Starts on construction; close() ends it in any case.

    arguments, environment: QEMU's, besides. stream: a file that another one
    saved itself to.
    """

    def __init__(self, device, arguments=(), environment=None, stream=None):
        self._folder = tempfile.mkdtemp(prefix="vgpu-qtest-")
        self.qmp = self.qtest = None
        with open(self._file("errors"), "wb") as errors:
            # pylint: disable=consider-using-with
            self._process = subprocess.Popen(
                [paths.QEMU, "-nodefaults", "-no-user-config", "-M", "pc",
                 "-accel", "qtest",
                 "-qtest", f"unix:{self._file('qtest')},server=on,wait=off",
                 "-qtest-log", "none",
                 "-qmp", f"unix:{self._file('qmp')},server=on,wait=off",
                 "-device", device,
                 *(("-incoming", "defer") if stream else ()), *arguments],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                env=environment)
        try:
            self.qmp = Qmp(self._file("qmp"), self.alive, _ANSWER_S)
            if stream:
                self._load(stream)
            self.qtest = Qtest(self._file("qtest"))
            if not stream:
                self._set_bars()
            self.planes = Planes(self, NAME)
        except Exception as error:
            said = self.errors()
            self.close()
            raise AssertionError(f"QEMU did not start: {said}") from error

    def _load(self, stream):
        raise NotImplementedError

    def _file(self, name):
        return os.path.join(self._folder, name)

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process.poll() is None

    def errors(self):
        """What QEMU said."""
        with open(self._file("errors"), encoding="utf-8",
                  errors="replace") as stream:
            return stream.read()

    def configure(self, slot, *values):
        """Writes registers of a PCI device's configuration space."""
        for register, value in values:
            self.qtest.outl(0xcf8, 0x80000000 | slot << 11 | register)
            self.qtest.outl(0xcfc, value)

    def _set_bars(self):
        """As firmware does."""
        self.configure(SLOT, (0x10, _REGISTERS), (0x18, VRAM), (0x04, 6))

    def cut_copy(self, size):
        """So many bytes are left of the last copy, which may be on screen."""
        self.planes.set(BUFFER_CUT, size)

    def close(self):
        for part in (self.qtest, self.qmp):
            if part is not None:
                part.close()
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
