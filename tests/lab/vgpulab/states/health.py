# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a QEMU process is well: it answers, and does not grow."""

import os
import time

# What QEMU may keep beside what it had at the start: buffers held open (16,
# hw/display/vfio-plane-cache.c), connections of viewers, files of migration.
_FILES, _FILES_PER_VIEWER = 32, 8
# Surfaces, encoders' memory, and what is queued for viewers that stopped.
_KIB, _KIB_PER_VIEWER = 96 << 10, 48 << 10


def _waited_s(pid):
    """How long the main thread was ready to run and had no CPU."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as stream:
            return int(stream.read().split()[1]) / 1e9
    except (FileNotFoundError, IndexError):
        return 0.0              # a kernel that does not count it


def _resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status
                    if line.startswith("VmRSS:"))


def files(pid):
    """What the open descriptors refer to."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except FileNotFoundError:
            continue
    return found


class Worst:
    """The largest values of a whole run, for those who choose the bounds."""

    def __init__(self):
        self.answer_s = 0.0
        self.files = 0
        self.kib = 0


class Health:
    """Of one process, from when it began."""

    def __init__(self, pid, worst, answer_s):
        """answer_s: how soon QEMU must answer."""
        self._pid = pid
        self._answer_s = answer_s
        self._worst = worst
        self._files = len(files(pid))
        self._kib = _resident_kib(pid)

    def check(self, qmp, viewers):
        """viewers: how many there are."""
        self._check_answer(qmp)
        count = len(files(self._pid)) - self._files
        self._worst.files = max(self._worst.files, count)
        most = _FILES + viewers * _FILES_PER_VIEWER
        assert count <= most, f"{count} more open files: {files(self._pid)}"
        grown = _resident_kib(self._pid) - self._kib
        self._worst.kib = max(self._worst.kib, grown)
        most = _KIB + viewers * _KIB_PER_VIEWER
        assert grown <= most, f"{grown} KiB more memory"

    def _check_answer(self, qmp):
        """Time without a CPU is the machine's, which may be busy."""
        waited, start = _waited_s(self._pid), time.monotonic()
        qmp.command("query-status")
        took = (time.monotonic() - start) - (_waited_s(self._pid) - waited)
        self._worst.answer_s = max(self._worst.answer_s, took)
        assert took <= self._answer_s, f"QMP's answer took {took:.2f} s"
