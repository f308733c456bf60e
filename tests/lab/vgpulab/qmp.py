# SPDX-License-Identifier: GPL-2.0-or-later
"""A client for QEMU's machine protocol."""

import json
import socket
import time


class QmpError(Exception):
    """QEMU answered a command with an error."""


class Qmp:
    """One connection; events that arrive meanwhile are kept."""

    def __init__(self, path, alive, deadline=60.0):
        """Connect to the socket at path, as long as alive() is true."""
        self.events = []
        self._socket = self._connect(path, alive, deadline)
        self._socket.settimeout(deadline)
        self._rest = b""
        if "QMP" not in self._read():
            raise QmpError("no QMP greeting")
        self.command("qmp_capabilities")

    @staticmethod
    def _connect(path, alive, deadline):
        end = time.monotonic() + deadline
        while True:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(path)
                return sock
            except OSError:
                sock.close()
                if not alive() or time.monotonic() > end:
                    raise
            time.sleep(0.02)

    def _read(self):
        while b"\n" not in self._rest:
            data = self._socket.recv(1 << 16)
            if not data:
                raise QmpError("QEMU closed the QMP connection")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def command(self, name, **arguments):
        """Run a command; '_' in argument names stands for '-'."""
        message = {"execute": name}
        if arguments:
            message["arguments"] = {
                key.replace("_", "-"): value
                for key, value in arguments.items()}
        self._socket.sendall(json.dumps(message).encode() + b"\n")
        while True:
            answer = self._read()
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise QmpError(f"{name}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def wait_event(self, name, **data):
        """Take the first event of that name whose data matches."""
        while True:
            for event in self.events:
                if event["event"] == name and all(
                        event.get("data", {}).get(key) == value
                        for key, value in data.items()):
                    self.events.remove(event)
                    return event
            answer = self._read()
            if "event" in answer:
                self.events.append(answer)

    def close(self):
        self._socket.close()
