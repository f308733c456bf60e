# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process uses: CPU time to the nanosecond, wake-ups, memory."""

import time
from dataclasses import dataclass


def _read(path):
    with open(path, encoding="ascii") as stream:
        return stream.read()


def _cpu_ns(folder):
    return int(_read(f"{folder}/schedstat").split()[0])


def _field(path, name):
    for line in _read(path).splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise KeyError(name)


@dataclass
class Usage:
    """Of one process, or of the difference of two samples of it."""
    seconds: float
    main_ns: int
    process_ns: int
    wakeups: int

    def __sub__(self, before):
        return Usage(self.seconds - before.seconds,
                     self.main_ns - before.main_ns,
                     self.process_ns - before.process_ns,
                     self.wakeups - before.wakeups)


def _process_ns(pid):
    """Of all threads, those that have ended, too: clock_getcpuclockid(3)."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def sample(pid):
    """The main thread is the one that runs the main loop."""
    main = f"/proc/{pid}/task/{pid}"
    return Usage(time.monotonic(), _cpu_ns(main), _process_ns(pid),
                 _field(f"{main}/status", "voluntary_ctxt_switches"))


def memory(pid):
    """Bytes resident: (all, its share of all), less what the device has.

    A real vGPU's video memory is none of QEMU's.
    """
    sums = {"Rss": 0, "Pss": 0}
    device = False
    for line in _read(f"/proc/{pid}/smaps").splitlines():
        key, *words = line.split()
        if not key.endswith(":"):
            device = "vgpu-sw" in line or "vfio" in line
        elif key[:-1] in sums and not device:
            sums[key[:-1]] += int(words[0]) * 1024
    return sums["Rss"], sums["Pss"]


def peak_bytes(pid):
    return _field(f"/proc/{pid}/status", "VmHWM") * 1024
