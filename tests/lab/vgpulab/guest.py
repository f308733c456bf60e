# SPDX-License-Identifier: GPL-2.0-or-later
"""The test guest's serial port (see tests/guest/README.md)."""

import socket


class GuestError(Exception):
    """The guest refused a command, or did not answer."""


class Guest:
    """Commands out, answers in."""

    def __init__(self, path, deadline=60.0):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(deadline)
        self._socket.connect(path)
        self._rest = b""

    def _line(self):
        while b"\n" not in self._rest:
            try:
                data = self._socket.recv(4096)
            except socket.timeout:
                raise GuestError("no answer from the guest") from None
            if not data:
                raise GuestError("the guest's serial port was closed")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode("ascii", "replace").strip()

    def wait_ready(self):
        """Wait until the guest has started; returns how many GPUs it has."""
        while True:
            words = self._line().split()
            if words[:2] == ["ready", "gpus"]:
                return int(words[2])

    def command(self, text):
        """Run a command; returns the answer's words after its name."""
        self._socket.sendall(text.encode() + b"\n")
        while True:
            words = self._line().split()
            if words[:2] == ["ok", text.split()[0]]:
                return words[2:]
            if words[:1] == ["err"] or words[:1] == ["panic:"]:
                raise GuestError(f"{text}: {' '.join(words)}")

    def power_off(self):
        self._socket.sendall(b"poweroff\n")

    def mode(self, width, height, stride=None):
        self.command(f"mode {width} {height} 32 {stride or width}")

    def pattern(self, pattern, frame=0, page=0):
        self.command(f"pattern {pattern} {frame} {page}")

    def stop(self):
        """End what moves; returns how many steps were drawn."""
        return int(self.command("stop")[1])

    def drawn(self):
        return int(self.command("drawn")[1])

    def close(self):
        self._socket.close()
