# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine whose software vGPU a test draws with, without any guest.

The qtest protocol takes the place of the guest's processor
(docs/devel/testing/qtest.rst in QEMU); the registers are those of
include/hw/display/vgpu-sw.h.
"""

import base64
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "lab"))

from vgpulab import paths  # noqa: E402
from vgpulab.picture import Picture, expect_picture  # noqa: E402
from vgpulab.qmp import Qmp  # noqa: E402
from vgpulab.wait import until  # noqa: E402

_SLOT = 4
_REGISTERS, _VRAM = 0xfe000000, 0xe0000000
_PLANE, _COMMIT, _FLIP = 0x200, 0x40, 0x44
_BUFFER_FLAGS, _BUFFER_COPY, _BUFFER_CUT = 0xc0, 0xc4, 0xc8
_REGION_FLAGS = 0xd4
_LINK, _EDID_SIZE, _LINK_DOWNS, _EDID = 0x100, 0x104, 0x108, 0x400
_XR24, _AR24 = 0x34325258, 0x34325241
_CURSOR, _CURSOR_BUFFER = 0x240, 7
_OVERLAY, _OVERLAY_BUFFER = 0x280, 6
_BUFFER_SIZE = 8 << 20
_FW_CFG_DIRECTORY = 0x19


def free_port():
    """A TCP port on the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class SwVgpu:
    """Starts on construction; close() ends it in any case.

    kind: what its planes are offered as, dmabuf, region or both.
    """

    def __init__(self, *arguments, kind="dmabuf", environment=None):
        self._folder = tempfile.mkdtemp(prefix="vgpu-host-")
        self._errors = open(os.path.join(self._folder, "errors"), "w+",
                            encoding="utf-8")
        self._process = subprocess.Popen(
            [paths.QEMU,
             "-nodefaults", "-no-user-config", "-M", "pc", "-accel", "qtest",
             "-qtest", f"unix:{self._file('qtest')},server=on,wait=off",
             "-qtest-log", "none",
             "-qmp", f"unix:{self._file('qmp')},server=on,wait=off",
             "-device", f"vgpu-sw,id=gpu0,addr={_SLOT},x-kind={kind}",
             *arguments],
            stdin=subprocess.DEVNULL, stderr=self._errors, env=environment)
        try:
            self.qmp = Qmp(self._file("qmp"), self.alive)
            self._qtest = socket.socket(socket.AF_UNIX)
            self._qtest.connect(self._file("qtest"))
            self._answers = self._qtest.makefile("r", encoding="ascii")
            self._set_bars()
        except Exception as error:
            said = self.errors()
            self.close()
            raise AssertionError(f"QEMU did not start: {said}") from error

    def _file(self, name):
        return os.path.join(self._folder, name)

    @property
    def pid(self):
        return self._process.pid

    def alive(self):
        return self._process.poll() is None

    def vgpu(self):
        """What x-query-vgpu-display says about it."""
        return self.qmp.command("x-query-vgpu-display")[0]

    def shows(self, viewer):
        """What that viewer, by QEMU's name, shows of it."""
        return {entry["shows"] for entry in self.vgpu()["viewers"]
                if entry["name"] == viewer}

    def faults(self):
        """How often each kind happened."""
        return {fault["kind"]: fault["count"]
                for fault in self.vgpu()["faults"]}

    def errors(self):
        with open(self._errors.name, encoding="utf-8") as stream:
            return stream.read()

    def _ask(self, command):
        self._qtest.sendall(command.encode("ascii") + b"\n")
        for line in self._answers:
            if line.startswith("OK"):
                return line.split()[1:]
            assert not line.startswith(("FAIL", "ERR")), (command, line)
        raise AssertionError(f"QEMU ended: {self.errors()}")

    def configure(self, slot, *values):
        """Writes registers of a PCI device's configuration space."""
        for register, value in values:
            self._ask(f"outl 0xcf8 {0x80000000 | slot << 11 | register:#x}")
            self._ask(f"outl 0xcfc {value:#x}")

    def write_word(self, address, value):
        """What some other device of the machine does with it."""
        self._ask(f"writel {address:#x} {value:#x}")

    def _set_bars(self):
        self.configure(_SLOT, (0x10, _REGISTERS), (0x18, _VRAM), (0x04, 6))

    def draw(self, buffer, width, height, colour, identity=None):
        """Show a buffer of one gray with a black corner; returns a Picture.

        identity: what the device calls the buffer, if not by its number.
        """
        start = _VRAM + buffer * _BUFFER_SIZE
        self._ask(f"memset {start:#x} {4 * width * height:#x} {colour:#x}")
        for y in range(32):
            self._ask(f"memset {start + 4 * width * y:#x} {4 * 48:#x} 0x0")
        self._show(buffer, width, height, 4 * width, identity)
        gray = Picture(width, height, bytes([colour]) * 3 * width * height)
        return gray.with_fill(0, 0, 48, 32, 0)

    def _show(self, buffer, width, height, stride, identity=None):
        plane = (1, width, height, stride, _XR24, 0, 0, buffer * _BUFFER_SIZE,
                 0, buffer if identity is None else identity)
        for index, value in enumerate(plane):
            self._write(_PLANE + 4 * index, value)
        self._write(_COMMIT, 1)

    def draw_picture(self, buffer, picture):
        """Show a buffer with that picture, its fourth bytes not 0."""
        data = bytearray(b"\xa5" * (4 * picture.width * picture.height))
        data[0::4], data[1::4], data[2::4] = (
            picture.rgb[2::3], picture.rgb[1::3], picture.rgb[0::3])
        self._ask(f"b64write {_VRAM + buffer * _BUFFER_SIZE:#x} "
                  f"{len(data):#x} {base64.b64encode(data).decode()}")
        self._show(buffer, picture.width, picture.height, 4 * picture.width)

    def draw_ramfb(self, address, width, height, stride, gray):
        """Do as firmware does: one gray in RAM, and tell ramfb of it.

        The memory from 1 MiB on is used for telling; returns a Picture.
        """
        for y in range(height):
            self._ask(f"memset {address + y * stride:#x} {4 * width:#x} "
                      f"{gray:#x}")
        config = struct.pack(">QIIIII", address, _XR24, 0, width, height,
                             stride)
        self._write_fw_cfg("etc/ramfb", config)
        return Picture(width, height, bytes([gray]) * 3 * width * height)

    def _write_fw_cfg(self, name, data):
        """A file of QEMU's (docs/specs/fw_cfg.rst), by its DMA interface."""
        count, = struct.unpack(">I", self._fw_cfg(_FW_CFG_DIRECTORY, 4))
        files = self._fw_cfg(_FW_CFG_DIRECTORY, 4 + 64 * count)[4:]
        keys = [struct.unpack_from(">H", files, at + 4)[0]
                for at in range(0, len(files), 64)
                if files[at + 8:at + 64].rstrip(b"\0") == name.encode()]
        assert len(keys) == 1, (name, keys)
        self._fw_cfg(keys[0], len(data), data)

    def _fw_cfg(self, key, size, data=None):
        """Select a file, and read it or write to it."""
        memory, access = 0x100000, 0x180000
        if data:
            self._write_memory(memory, data)
        # select, and write or read
        control = key << 16 | 1 << 3 | (1 << 4 if data else 1 << 1)
        self._write_memory(access, struct.pack(">IIQ", control, size, memory))
        for port, value in (0x514, 0), (0x518, access):
            self._ask(f"outl {port:#x} "
                      f"{int.from_bytes(value.to_bytes(4, 'big'), 'little'):#x}")
        until("fw_cfg", lambda: self._read_memory(access, 4) == bytes(4))
        return self._read_memory(memory, size)

    def _write_memory(self, address, data):
        self._ask(f"b64write {address:#x} {len(data):#x} "
                  f"{base64.b64encode(data).decode()}")

    def _read_memory(self, address, size):
        return base64.b64decode(
            self._ask(f"b64read {address:#x} {size:#x}")[0])

    def fill(self, buffer, picture, rect, gray):
        """A rectangle of one gray in a buffer; returns the new picture.

        picture: what is in the buffer.
        """
        left, top, width, height = rect
        for y in range(top, top + height):
            start = (_VRAM + buffer * _BUFFER_SIZE
                     + 4 * (y * picture.width + left))
            self._ask(f"memset {start:#x} {4 * width:#x} {gray:#x}")
        return picture.with_fill(*rect, gray * 0x10101)

    def flip(self, buffer):
        """Show another buffer in the mode that is set, by one register."""
        self._write(_FLIP, buffer * _BUFFER_SIZE // 4096)

    def show_cursor(self, argb, size, hot, place=(100, 100), modifier=0):
        """A square of one colour; argb 0 takes it away.

        place: of its corner, which may be off the screen.
        """
        start = _VRAM + _CURSOR_BUFFER * _BUFFER_SIZE
        pixels = argb.to_bytes(4, "little") * size * size
        self._ask(f"b64write {start:#x} {len(pixels):#x} "
                  f"{base64.b64encode(pixels).decode()}")
        plane = (argb != 0, size, size, 4 * size, _AR24,
                 modifier & 0xffffffff, modifier >> 32,
                 _CURSOR_BUFFER * _BUFFER_SIZE, 0, 0,
                 *(n & 0xffffffff for n in place), *hot)
        for index, value in enumerate(plane):
            self._write(_CURSOR + 4 * index, value)
        self._write(_COMMIT, 1)

    def show_overlay(self, picture, rect, gray):
        """Show an opaque overlay of one gray; returns the new picture.

        picture: what is on screen without it. Buffer 6 is the overlay's.
        """
        left, top, width, height = rect
        start = _OVERLAY_BUFFER * _BUFFER_SIZE
        self._ask(f"memset {_VRAM + start:#x} {4 * width * height:#x} "
                  f"{gray:#x}")
        plane = (1, width, height, 4 * width, _XR24, 0, 0, start, 0, 0,
                 left, top)
        for index, value in enumerate(plane):
            self._write(_OVERLAY + 4 * index, value)
        self._write(_COMMIT, 1)
        return picture.with_fill(*rect, gray * 0x10101)

    def hide_overlay(self):
        self._write(_OVERLAY, 0)
        self._write(_COMMIT, 1)

    def turn_off(self):
        """Show nothing."""
        self._write(_PLANE, 0)
        self._write(_COMMIT, 1)

    def set_mappable(self, mappable):
        """Whether buffers and regions asked for from now on can be mapped."""
        self._write(_BUFFER_FLAGS, not mappable)
        self._write(_REGION_FLAGS, not mappable)

    def copy_buffers(self, size):
        """Buffers asked for from now on are copies of so many bytes.

        Of the memory's start, where buffer 0 is; 0: they are no copies.
        """
        self._write(_BUFFER_COPY, size)

    def cut_buffer(self, size):
        """So many bytes are left of the last copy, which may be on screen."""
        self._write(_BUFFER_CUT, size)

    def _write(self, offset, value):
        self._ask(f"writel {_REGISTERS + offset:#x} {int(value):#x}")

    def _register(self, offset):
        return int(self._ask(f"readl {_REGISTERS + offset:#x}")[0], 0)

    def edid(self):
        """What the guest reads of its monitor; empty while it is off."""
        if not self._register(_LINK):
            return b""
        size = self._register(_EDID_SIZE)
        return b"".join(self._register(_EDID + i).to_bytes(4, "little")
                        for i in range(0, size, 4))

    def link_downs(self):
        """How often the guest's monitor was taken away."""
        return self._register(_LINK_DOWNS)

    def screendump(self, **arguments):
        path = self._file("dump.ppm")
        self.qmp.command("screendump", filename=path, **arguments)
        return Picture.load_ppm(path)

    def expect_screen(self, want):
        expect_picture("the screendump", self.screendump, want)

    def expect_words(self, hidden):
        """Wait for words in the place of that picture, and return them."""
        def look():
            picture = self.screendump()
            assert picture.difference(hidden), "the guest's picture"
            assert len(picture.colours()) <= 16, "a picture"
            return picture
        return until("words", look)

    def close(self):
        self._process.kill()
        self._process.wait()
        self._errors.close()
        shutil.rmtree(self._folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
