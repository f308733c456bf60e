#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of "./vgpu lab" itself, run on the host. Prints TAP.

What must never happen is that something of a lab goes on when the lab is
over: its programs are processes of the host, and with their kernel gone they
would run on here, as root. So the tests that end a lab, each in another way,
look at every process of the machine afterwards.
"""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
VGPU = os.path.join(TOP, "vgpu")

# Only ends a test that has failed already.
DEADLINE = 120


def await_true(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for: {what}"
        time.sleep(0.05)


def lab(*command, options=(), **keywords):
    """Runs a command in a lab; returns the finished process."""
    keywords.setdefault("stdout", subprocess.PIPE)
    keywords.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([VGPU, "lab", *options, "--", *command],
                          check=False, stdin=subprocess.DEVNULL, **keywords)


def shell(script, **keywords):
    return lab("sh", "-c", script, **keywords)


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")
    except OSError:
        return []


def namespace(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


class LabEndedEarly(Exception):
    """Before its command ran."""

    def __init__(self, status):
        super().__init__(f"status {status}")
        self.status = status


class LongLab:
    """A lab that works on for ever, and ways to see whether it does."""

    def __init__(self, folder, options=()):
        self.token = f"lab_test={uuid.uuid4().hex}"
        self.beats = os.path.join(folder, "beats")
        # A second program, in a session of its own: it is not to be
        # forgotten either.
        script = f"setsid sleep 1000 & while :; do echo >>{self.beats}; done"
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [VGPU, "lab", "--kernel-arg", self.token, *options, "--",
             "sh", "-c", script], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await_true("the lab's command", self.has_begun)
        self.kernel = self.find_kernel()
        self.words = command_line(self.kernel)
        self.namespace = namespace(self.kernel)

    def has_begun(self):
        if self.process.poll() is not None:
            raise LabEndedEarly(self.process.returncode)
        return os.path.exists(self.beats)

    def find_kernel(self):
        """The lab's process 1, which is the kernel, by its command line."""
        for pid in processes():
            words = command_line(pid)
            if self.token.encode() in words and words[0].endswith(b"/linux"):
                return pid
        raise AssertionError("the lab's kernel is not among the processes")

    def folder(self):
        """What the lab and the host tell each other things in."""
        word = next(w for w in self.words if w.startswith(b"vgpu_lab="))
        return word.split(b"=", 1)[1].decode()

    def leftovers(self):
        found = []
        for pid in processes():
            words = command_line(pid)
            if namespace(pid) == self.namespace or \
                    self.token.encode() in words:
                found.append((pid, b" ".join(words)[:200]))
        return found

    def status(self):
        return self.process.wait(DEADLINE)

    def check_all_gone(self):
        """For an end in order: nothing is left when the script is done."""
        left = self.leftovers()
        assert not left, f"still running: {left}"
        size = os.path.getsize(self.beats)
        time.sleep(0.3)
        assert os.path.getsize(self.beats) == size, "the command goes on"

    def await_end(self):
        """After a SIGKILL, when nobody could wait for it."""
        await_true("the end of everything", lambda: not self.leftovers())

    def await_all_gone(self):
        self.await_end()
        self.check_all_gone()


def with_long_lab(test, options=()):
    with tempfile.TemporaryDirectory(dir=TOP + "/build") as folder:
        running = LongLab(folder, options)
        assert len(running.leftovers()) > 2, "the test sees no processes"
        try:
            test(running)
        finally:
            running.process.kill()
            running.process.wait()
            # Its command writes into the folder until the end.
            running.await_end()


def test_exit_status():
    for status in (0, 1, 77, 255):
        got = lab("sh", "-c", f"exit {status}").returncode
        assert got == status, (got, status)


def test_command_not_found():
    assert lab("/no/such/command").returncode == 127


def test_command_killed_by_signal():
    got = shell("kill -9 $$").returncode
    assert got == 128 + 9, got


def test_output_and_error_are_separate():
    done = shell("echo out; echo err >&2")
    assert done.stdout == b"out\n", done.stdout
    assert done.stderr.endswith(b"err\n"), done.stderr
    assert b"out" not in done.stderr, done.stderr


def test_one_target_keeps_the_order():
    done = shell("for i in 0 1 2 3 4 5 6 7 8 9; do echo $i; echo e$i >&2; done",
                 stderr=subprocess.STDOUT)
    lines = re.findall(rb"^e?\d$", done.stdout, re.M)
    wanted = [b"%s%d" % (kind, i) for i in range(10) for kind in (b"", b"e")]
    assert lines == wanted, done.stdout


def test_output_is_binary_and_whole():
    data = bytes(range(256)) * (3 << 12)
    script = "import sys; sys.stdout.buffer.write(bytes(range(256)) * (3<<12))"
    done = lab("python3", "-c", script)
    assert done.stdout == data, (len(done.stdout), len(data))


def test_output_comes_while_the_command_runs():
    with tempfile.TemporaryDirectory(dir=TOP + "/build") as folder:
        gate = os.path.join(folder, "gate")
        with subprocess.Popen(
                [VGPU, "lab", "--", "sh", "-c", "echo first; until "
                 f"[ -e {gate} ]; do sleep 0.1; done; echo second"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"first\n"
            with open(gate, "wb"):
                pass
            assert process.stdout.read() == b"second\n"


def test_working_directory():
    for parent in (os.path.join(TOP, "build"), "/tmp"):
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            done = shell("pwd; echo inside >made", cwd=folder)
            assert done.stdout.decode().strip() == folder, done.stdout
            with open(os.path.join(folder, "made"), "rb") as file:
                assert file.read() == b"inside\n"


def test_host_files_in_tmp_can_be_read():
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        file.write(b"from the host")
        file.flush()
        assert lab("cat", file.name).stdout == b"from the host"
        lab("sh", "-c", f"echo changed >{file.name}; touch {file.name}.new")
        file.seek(0)
        assert file.read() == b"from the host"
        assert not os.path.exists(file.name + ".new")


def test_arguments_and_environment():
    words = ["a b", "", "$HOME", "new\nline", "'\"", "--timeout"]
    done = lab("printf", "%s|", *words)
    assert done.stdout == "".join(f"{w}|" for w in words).encode(), done.stdout
    done = shell('echo "$LAB_TEST"', env={**os.environ, "LAB_TEST": "a  b"})
    assert done.stdout == b"a  b\n", done.stdout


def test_is_root_under_the_lab_kernel():
    done = shell("id -u; uname -r; ls /sys/class/mdev_bus; ls -d /dev/vfio "
                 "/dev/udmabuf")
    lines = done.stdout.decode().split()
    assert lines[0] == "0" and lines[1].endswith("-vgpu-lab"), lines
    assert lines[2:] == ["mbochs", "mdpy", "vgpu", "/dev/udmabuf",
                         "/dev/vfio"], lines


def test_kernel_arguments():
    read = "cat /sys/module/mbochs/parameters/export_rdwr"
    assert shell(read).stdout == b"Y\n"
    done = shell(read, options=("--kernel-arg", "mbochs.export_rdwr=0",
                                "--kernel-arg", "mdpy.count=2"))
    assert done.stdout == b"N\n", done.stdout


def cpu_named(folder):
    with open(os.path.join(folder, "cpu"), encoding="ascii") as file:
        return int(file.read())


def test_one_cpu():
    """A lab runs on the one that others see it take."""
    def check(running):
        assert os.sched_getaffinity(running.kernel) == \
            {cpu_named(running.folder())}
    with_long_lab(check)


def test_two_cpus():
    """Two labs that run at once take two, if there are as many."""
    path = os.path.join(TOP, "scripts", "vgpu", "lab.py")
    spec = importlib.util.spec_from_file_location("vgpu_lab", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    allowed = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as runs, \
            script.run_folder(runs) as first, \
            script.run_folder(runs) as second:
        cpus = {cpu_named(first), cpu_named(second)}
    assert cpus <= allowed and len(cpus) == min(2, len(allowed)), cpus


def test_time_limit():
    def check(running):
        assert running.status() == 124, running.status()
        running.check_all_gone()
    # A machine may need longer than the limit to get that far at all.
    for limit in ("4", "16", "64", "256"):
        try:
            return with_long_lab(check, ("--timeout", limit))
        except LabEndedEarly as end:
            assert end.status == 124, end
    raise AssertionError("the lab's command was never reached")


def test_interrupt():
    def check(running):
        running.process.send_signal(signal.SIGINT)
        assert running.status() == 130, running.status()
        running.check_all_gone()
    with_long_lab(check)


def test_terminate():
    def check(running):
        running.process.send_signal(signal.SIGTERM)
        assert running.status() == 143, running.status()
        running.check_all_gone()
    with_long_lab(check)


def test_script_killed():
    def check(running):
        running.process.kill()
        running.process.wait()
        running.await_all_gone()
        # Its folder is removed by the next lab.
        assert os.path.exists(running.folder())
        lab("true")
        assert not os.path.exists(running.folder())
    with_long_lab(check)


def test_kernel_killed():
    def check(running):
        os.kill(running.kernel, signal.SIGKILL)
        assert running.status() == 125, running.status()
        running.check_all_gone()
    with_long_lab(check)


def test_kernel_panics():
    """Which is reported, not waited for until the time limit."""
    done = shell("uname -r | grep -q vgpu-lab && echo c >/proc/sysrq-trigger")
    assert done.returncode == 125, done.returncode
    assert b"Kernel panic" in done.stderr, done.stderr


def test_mount_keeps_roots_rights():
    """Its file belongs to nobody in an ordinary user's lab, and is setuid."""
    done = shell("grep -c '^[^ ]* / hostfs [^ ]*nosuid' /proc/mounts;"
                 "mount -t tmpfs none /mnt && grep -c ' /mnt ' /proc/mounts")
    assert done.stdout.split() == [b"1", b"1"], (done.stdout, done.stderr)


def test_reader_goes_away():
    def check(running):
        with subprocess.Popen([VGPU, "lab", "--", "yes"],
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as other:
            assert other.stdout.readline() == b"y\n"
            other.stdout.close()
            assert other.wait(DEADLINE) == 141, other.returncode
        # The other lab, at work all the time, is none the worse.
        assert running.process.poll() is None
        size = os.path.getsize(running.beats)
        await_true("the command's work",
                   lambda: os.path.getsize(running.beats) > size)
    with_long_lab(check)


def test_nothing_is_left_in_the_build_folder():
    done = shell("tr ' ' '\\n' </proc/cmdline | sed -n s/^vgpu_lab=//p")
    folder = done.stdout.decode().strip()
    assert folder.startswith(os.path.join(TOP, "build")), folder
    assert not os.path.exists(folder), folder


def test_init_refuses_to_run_on_the_host():
    """As process 1 of namespaces of its own, where a mistake does no harm."""
    # A chroot need not be a mount point, whose propagation could be changed.
    command = ["unshare", "--fork", "--pid", "--mount",
               "--propagation", "unchanged"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user"]
    done = subprocess.run(
        [*command, os.path.join(TOP, "lab", "init")], check=False,
        env={**os.environ, "vgpu_lab": TOP}, stdin=subprocess.DEVNULL,
        capture_output=True)
    assert done.returncode == 1, done.returncode
    assert b"inside the lab only" in done.stderr, done.stderr
    assert not os.path.exists(os.path.join(TOP, "status"))


def main():
    tests = [(name, test) for name, test in globals().items()
             if name.startswith("test_")]
    if len(sys.argv) > 1:
        tests = [pair for pair in tests if pair[0] in sys.argv[1:]]
    # The kernel's build, if it is due, is nobody's test.
    subprocess.run([VGPU, "lab", "--build-only"], check=True,
                   stdin=subprocess.DEVNULL)
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        title = name.removeprefix("test_").replace("_", " ")
        try:
            test()
            print(f"ok {number} - {title}", flush=True)
        except Exception:  # pylint: disable=broad-exception-caught
            failed += 1
            print(f"not ok {number} - {title}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
