# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP ports for servers, which nobody else takes before they are there."""

import errno
import random
import socket

# Below what Linux takes for connections, and above what servers usually have.
_PORTS = range(20000, 30000)
_VNC = 5900
# An abstract socket for each port that is taken, until this process ends.
_CLAIMS = []


def _claimed(port):
    """Whether no other test has it; it is this one's from now on."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0vgpu-test-port-{port}")
    except OSError as error:
        claim.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    _CLAIMS.append(claim)
    return True


def _is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """A port on the loopback interface that is this process's alone."""
    for port in random.sample(_PORTS, len(_PORTS)):
        if _claimed(port) and _is_free(port):
            return port
    raise OSError("no free port")


def free_display():
    """The same as the number of a VNC display."""
    return free_port() - _VNC
