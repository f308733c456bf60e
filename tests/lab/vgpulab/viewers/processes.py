# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that end with the test that started them."""

import os
import shutil
import subprocess
import tempfile


class Processes:
    """Programs that share a folder of their own; HOME is there."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="vgpu-lab-")
        self._running = []

    def file(self, name):
        return os.path.join(self.folder, name)

    def spawn(self, *command, environment=None, **keywords):
        """Start one; its output goes to log(command[0])."""
        variables = dict(os.environ if environment is None else environment)
        variables["HOME"] = self.folder
        with open(self._log(command[0]), "ab") as stream:
            # pylint: disable=consider-using-with
            process = subprocess.Popen(
                command, stdout=stream, stderr=stream, env=variables,
                **{"stdin": subprocess.DEVNULL, **keywords})
        self._running.append(process)
        return process

    def _log(self, program):
        return self.file(os.path.basename(program) + ".log")

    def log(self, program):
        """What a program said so far."""
        with open(self._log(program), encoding="utf-8",
                  errors="replace") as stream:
            return stream.read()

    def close(self):
        while self._running:
            process = self._running.pop()
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
