# SPDX-License-Identifier: GPL-2.0-or-later
"""noVNC in headless Chromium, over QEMU's websocket."""

import base64
import functools
import http.server
import io
import itertools
import json
import os
import ssl
import threading

from PIL import Image

from .. import paths
from ..picture import Picture
from ..skip import Skip
from .processes import Processes

_PAGES = "/usr/share/novnc"
# One that decodes H.264 (scripts/vgpu/viewers.sh).
_NEWER_PAGES = os.path.join(paths.BUILD, "viewers", "novnc")
# No request may leave this machine.
_CHROMIUM = ("chromium", "--headless", "--ignore-certificate-errors", "--no-sandbox", "--disable-gpu",
             "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update",
             "--disable-dev-shm-usage", "--remote-debugging-pipe")
# Of the smaller page, or of the whole one.
_CANVAS = ("(() => { const canvas = document.querySelector("
           "'#screen canvas, #noVNC_container canvas');"
           " return canvas ? canvas.toDataURL('image/png') : ''; })()")


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class _Browser(Processes):
    """Chromium and its debugging protocol: JSON that ends with a 0 byte."""

    def __init__(self):
        super().__init__()
        theirs_read, ours_write = os.pipe()
        ours_read, theirs_write = os.pipe()
        # It reads requests from descriptor 3 and answers on 4.
        self.spawn(
            "bash", "-c", f'exec "$@" 3<&{theirs_read} 4>&{theirs_write}',
            "bash", *_CHROMIUM, f"--user-data-dir={self.file('profile')}",
            pass_fds=(theirs_read, theirs_write))
        os.close(theirs_read)
        os.close(theirs_write)
        self._requests, self._answers = ours_write, ours_read
        self._rest = b""
        self._numbers = itertools.count(1)

    def command(self, method, session=None, **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._requests, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _read(self):
        while b"\0" not in self._rest:
            data = os.read(self._answers, 1 << 20)
            assert data, "Chromium ended: " + self.log("bash")
            self._rest += data
        answer, _, self._rest = self._rest.partition(b"\0")
        return json.loads(answer)

    def open(self, address):
        """The session of a new page."""
        target = self.command("Target.createTarget", url=address)["targetId"]
        return self.command("Target.attachToTarget", targetId=target,
                            flatten=True)["sessionId"]

    def evaluate(self, session, script):
        return self.command("Runtime.evaluate", session, expression=script,
                            returnByValue=True)["result"].get("value")

    def close(self):
        os.close(self._requests)
        os.close(self._answers)
        super().close()


class NoVncPage:
    """One of noVNC's pages, at an address; connected until close()."""

    def __init__(self, address):
        self._browser = _Browser()
        self._page = self._browser.open(address)

    def picture(self):
        """What is on noVNC's canvas."""
        address = self._browser.evaluate(self._page, _CANVAS)
        assert address.startswith("data:image/png"), "no canvas yet"
        data = base64.b64decode(address.split(",", 1)[1])
        with Image.open(io.BytesIO(data)) as image:
            return Picture(*image.size, image.convert("RGB").tobytes())

    def close(self):
        self._browser.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class NoVnc(NoVncPage):
    """The smaller page, from a server of its own.

    certificate: a file of key and certificate, to come by https and wss.
    newer: whether it is one that decodes H.264.
    """

    def __init__(self, websocket, password="", certificate=None, newer=False):
        if newer and not os.path.isdir(_NEWER_PAGES):
            raise Skip("no noVNC that decodes H.264: ./vgpu test gets one")
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0),
            functools.partial(_Files, directory=_NEWER_PAGES if newer
                              else _PAGES))
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket,
                                                      server_side=True)
        threading.Thread(target=self._server.serve_forever,
                         daemon=True).start()
        super().__init__(
            f"http{'s' if certificate else ''}://127.0.0.1:"
            f"{self._server.server_address[1]}/vnc_lite.html?host=127.0.0.1"
            f"&port={websocket}&path=&password={password}")

    def close(self):
        super().close()
        self._server.shutdown()
        self._server.server_close()
