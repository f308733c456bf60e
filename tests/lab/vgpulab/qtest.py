# SPDX-License-Identifier: GPL-2.0-or-later
"""Physical memory of a running machine, by QEMU's qtest protocol.

The machine runs its guest as always; this is one more who writes.
"""

import base64
import socket


class QtestError(Exception):
    """QEMU refused a command."""


class Qtest:
    """A connection; see docs/devel/testing/qtest.rst in QEMU's tree."""

    def __init__(self, path, deadline=60.0):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(deadline)
        self._socket.connect(path)
        self._rest = b""

    def _command(self, text):
        self._socket.sendall(text.encode() + b"\n")
        while b"\n" not in self._rest:
            data = self._socket.recv(1 << 16)
            if not data:
                raise QtestError("QEMU closed the qtest connection")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        words = line.decode().split()
        if words[0] != "OK":
            raise QtestError(f"{text[:60]}: {line.decode()}")
        return words[1:]

    def write32(self, address, value):
        self._command(f"writel {address:#x} {value & 0xffffffff:#x}")

    def read32(self, address):
        return int(self._command(f"readl {address:#x}")[0], 16)

    def outl(self, port, value):
        """To one of the processor's ports."""
        self._command(f"outl {port:#x} {value & 0xffffffff:#x}")

    def inl(self, port):
        return int(self._command(f"inl {port:#x}")[0], 16)

    def write(self, address, data):
        """Any number of bytes."""
        step = 1 << 18
        for start in range(0, len(data), step):
            part = data[start:start + step]
            self._command(f"b64write {address + start:#x} {len(part):#x} "
                          + base64.b64encode(part).decode())

    def fill(self, address, length, byte):
        self._command(f"memset {address:#x} {length:#x} {byte:#x}")

    def read(self, address, length):
        words = self._command(f"b64read {address:#x} {length:#x}")
        return base64.b64decode(words[0])

    def close(self):
        self._socket.close()
