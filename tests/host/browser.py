#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""noVNC in headless Chromium, over QEMU's websocket: password and TLS.

Prints TAP. Without either, and beside other viewers: matrix.py.
"""

import subprocess
import tempfile

import tapcases
from swvgpu import SwVgpu
from vgpulab import oracle
from vgpulab.oracle import CHECKS, NOISE
from vgpulab.picture import expect_picture
from vgpulab.ports import free_display, free_port
from vgpulab.viewers.novnc import NoVnc

PASSWORD = "secret"


def make_pair(folder, name, authority, *options):
    """A key and its certificate, as QEMU names them."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", f"/CN={name}", "-addext",
         f"basicConstraints=critical,CA:{authority}",
         "-keyout", f"{folder}/{name}-key.pem",
         "-out", f"{folder}/{name}-cert.pem", *options],
        check=True, capture_output=True)


def make_certificate(folder):
    """Returns the file of the server's certificate and key, for Python."""
    make_pair(folder, "ca", "TRUE")
    make_pair(folder, "server", "FALSE", "-addext",
              "subjectAltName=IP:127.0.0.1", "-CA", f"{folder}/ca-cert.pem",
              "-CAkey", f"{folder}/ca-key.pem")
    both = f"{folder}/both.pem"
    with open(both, "wb") as stream:
        for part in "key", "cert":
            with open(f"{folder}/server-{part}.pem", "rb") as source:
                stream.write(source.read())
    return both


def look(certificate, options, *arguments):
    """The browser sees what is drawn, before and after it has come."""
    display, websocket = free_display(), free_port()
    with SwVgpu(*arguments, "-vnc", f"127.0.0.1:{display},websocket="
                f"{websocket},password=on{options}") as vm:
        vm.qmp.command("set_password", protocol="vnc", password=PASSWORD)
        want = oracle.pattern(NOISE, 640, 480, 1)
        vm.draw_picture(0, want)
        with NoVnc(websocket, PASSWORD, certificate) as browser:
            expect_picture("noVNC", browser.picture, want)
            want = oracle.pattern(CHECKS, 801, 601, 2)
            vm.draw_picture(1, want)
            expect_picture("noVNC", browser.picture, want)


def test_password():
    """a password"""
    look(None, "")


def test_tls():
    """a password over TLS"""
    with tempfile.TemporaryDirectory() as folder:
        look(make_certificate(folder), ",tls-creds=tls0", "-object",
             f"tls-creds-x509,id=tls0,dir={folder},endpoint=server,"
             "verify-peer=off")


if __name__ == "__main__":
    tapcases.run([test_password, test_tls])
