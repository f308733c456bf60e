#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boots the lab kernel for one command and passes on what comes of it.

The kernel is one process in a PID namespace of its own, of which it is
process 1: when it ends, for whatever reason, everything in the lab ends with
it. The command's output travels through files that the lab writes and this
program reads while they grow.
"""

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

STATUS_TIMEOUT = 124
STATUS_NO_LAB = 125

# How often the output files are looked at. Nobody notices 20 ms, and it
# costs next to nothing.
POLL_SECONDS = 0.02

# The files of the host's session mean nothing to programs in the lab, or
# name places that are empty there.
HOST_ONLY = {"TMPDIR", "TEMP", "TMP", "DISPLAY", "WAYLAND_DISPLAY",
             "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
             "SSH_AUTH_SOCK"}

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Ended(Exception):
    """The lab must end now; carries the exit status."""

    def __init__(self, status, message=None):
        super().__init__(message)
        self.status = status


def complain(message):
    print(f"vgpu lab: {message}", file=sys.stderr, flush=True)


def prepare(parent, cpu):
    """Runs in a child before exec: the child is killed when its parent ends.

    The parent may have ended before the request was made, so look again.
    """
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(STATUS_NO_LAB)
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


def spawn(command, cpu=None, **keywords):
    """Starts a process that ends with this one and gets no Ctrl-C of its own.

    It runs on that CPU alone, if one is named.
    """
    parent = os.getpid()
    return subprocess.Popen(command, stdin=subprocess.DEVNULL,
                            start_new_session=True,
                            preexec_fn=lambda: prepare(parent, cpu),
                            **keywords)


def choose_cpu(allowed, taken):
    """The CPU that the fewest labs run on; which of them, is chance."""
    fewest = min(taken.count(cpu) for cpu in allowed)
    return random.choice(
        [cpu for cpu in sorted(allowed) if taken.count(cpu) == fewest])


class Relay:
    """Copies a growing file to a file descriptor."""

    def __init__(self, path, target):
        self.source = open(path, "rb", buffering=0)
        self.target = target

    def pass_on(self):
        """Returns whether there was anything."""
        moved = False
        while data := self.source.read(1 << 16):
            moved = True
            view = memoryview(data)
            while view:
                view = view[os.write(self.target, view):]
        return moved


class Network:
    """The host's side of the lab's network card: slirp4netns, no root."""

    GUEST = "10.0.2.100"

    def __init__(self, folder):
        self.link = os.path.join(folder, "net.sock")
        self.api = os.path.join(folder, "net.api")
        self.process = None

    def start(self):
        with open(os.path.join(os.path.dirname(self.api), "slirp.log"),
                  "wb") as log:
            self.process = spawn(
                ["slirp4netns", "--target-type=bess",
                 f"--api-socket={self.api}", self.link],
                stdout=log, stderr=log)
        self._await(self.link)

    def kernel_argument(self):
        return f"vec0:transport=bess,dst={self.link},depth=128,gro=1"

    @staticmethod
    def check(host_port):
        """Says at once what forward() would say when it is too late."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", host_port))
            except OSError as error:
                raise Ended(STATUS_NO_LAB, f"port {host_port} of 127.0.0.1 "
                            f"cannot be forwarded: {error.strerror}") from None

    def forward(self, host_port, guest_port):
        """Makes 127.0.0.1:host_port lead to guest_port in the lab.

        From then on it accepts connections, whether or not anybody listens.
        """
        self._await(self.api)
        request = {"execute": "add_hostfwd", "arguments": {
            "proto": "tcp", "host_addr": "127.0.0.1", "host_port": host_port,
            "guest_addr": self.GUEST, "guest_port": guest_port}}
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.api)
            connection.sendall(json.dumps(request).encode())
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        if "error" in json.loads(answer):
            raise Ended(STATUS_NO_LAB, f"port {host_port} of 127.0.0.1 cannot "
                        "be forwarded (is it in use?): "
                        f"{answer.decode().strip()}")

    def _await(self, path):
        deadline = time.monotonic() + 30
        while not os.path.exists(path):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Ended(STATUS_NO_LAB, "slirp4netns did not start")
            time.sleep(POLL_SECONDS)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


def memory_folder(folder, megabytes):
    """Where UML may put its memory's file: it needs that much room there."""
    try:
        room = os.statvfs("/dev/shm")
        if room.f_bavail * room.f_frsize >= megabytes << 20:
            return "/dev/shm"
    except OSError:
        pass
    return folder


# A command whose port is forwarded makes this file once it listens. The
# variable names it.
LISTENING, LISTENING_VARIABLE = "listening", "VGPU_LAB_LISTENING"


def write_folder(folder, options):
    """What lab/init reads; see there."""
    def put(name, words):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"".join(os.fsencode(word) + b"\0" for word in words))

    cwd = os.getcwd()
    put("command", options.command)
    put("environ", [f"{key}={value}" for key, value in os.environ.items()
                    if key not in HOST_ONLY]
        + [f"{LISTENING_VARIABLE}={os.path.join(folder, LISTENING)}"])
    put("keep", sorted({cwd, os.environ["VGPU_TOP"], folder}))
    with open(os.path.join(folder, "cwd"), "wb") as file:
        file.write(os.fsencode(cwd))
    for name in ("stdout", "stderr"):
        put(name, [])
    if os.path.sameopenfile(1, 2):
        put("merged", [])


class Lab:
    def __init__(self, folder, options):
        self.folder = folder
        self.options = options
        self.deadline = time.monotonic() + options.timeout
        self.process = None
        self.network = Network(folder)
        self.to_forward = list(options.forward)
        self.relays = []
        self.console = None
        with open(self.path("cpu"), encoding="ascii") as file:
            self.cpu = int(file.read())

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self):
        """Returns the command's exit status."""
        write_folder(self.folder, self.options)
        self.relays = [Relay(self.path("stdout"), 1),
                       Relay(self.path("stderr"), 2)]
        extra = []
        if self.to_forward:
            for host_port, _ in self.to_forward:
                self.network.check(host_port)
            self.network.start()
            extra.append(self.network.kernel_argument())
        self.start_kernel(extra)
        self.relay_until_end()
        return self.status()

    def start_kernel(self, extra):
        megabytes = self.options.memory
        unshare = ["unshare", "--fork", "--pid", "--kill-child"]
        if os.geteuid() != 0:
            unshare += ["--user", "--map-root-user"]
        kernel = [self.options.kernel, f"mem={megabytes}M",
                  "rootfstype=hostfs", "rootflags=/", "rw",
                  f"init={self.options.init}", f"vgpu_lab={self.folder}",
                  f"uml_dir={self.folder}/uml", "con0=fd:0,fd:1", "con=null",
                  "quiet", *extra, *self.options.kernel_arg]
        environment = dict(os.environ,
                           TMPDIR=memory_folder(self.folder, megabytes))
        with open(self.path("console"), "wb") as console:
            # The kernel and the processes that it traces hand over to each
            # other all the time, which costs far less on one CPU than on two.
            self.process = spawn(unshare + kernel, cpu=self.cpu,
                                 stdout=console, stderr=console,
                                 env=environment, cwd="/")
        # pylint: disable=consider-using-with
        self.console = open(self.path("console"), "rb", buffering=0)

    def relay_until_end(self):
        while True:
            running = self.process.poll() is None
            self.forward_once_they_listen()
            moved = [relay.pass_on() for relay in self.relays]
            if not running:
                return
            if self.console_has(b"Kernel panic"):
                raise self.broken()
            if time.monotonic() > self.deadline:
                raise Ended(STATUS_TIMEOUT, "time limit of "
                            f"{self.options.timeout:g} s: the lab was ended")
            if not any(moved):
                time.sleep(POLL_SECONDS)

    def forward_once_they_listen(self):
        if self.to_forward and os.path.exists(self.path(LISTENING)):
            for host_port, guest_port in self.to_forward:
                self.network.forward(host_port, guest_port)
            self.to_forward = []

    def status(self):
        try:
            with open(self.path("status"), encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            raise self.broken() from None

    def console_has(self, words):
        """Looks at what is new on the kernel's console, and a bit before."""
        self.console.seek(max(0, self.console.tell() - len(words)))
        return words in self.console.read()

    def broken(self):
        self.console.seek(0)
        tail = self.console.read()[-4000:].decode(errors="replace")
        return Ended(STATUS_NO_LAB, "the lab's kernel ended early; its "
                     f"console's last lines:\n{tail}")

    def kernel_pid(self):
        """The host's number for the lab's process 1, unshare's only child."""
        pid = self.process.pid
        try:
            with open(f"/proc/{pid}/task/{pid}/children",
                      encoding="ascii") as file:
                return int(file.read().split()[0])
        except (OSError, IndexError):
            return None

    def stop(self):
        """Ends the lab; returns when nothing of it is left.

        Process 1 of a PID namespace is gone, for its parent, only when all
        others in it are: so kill that one, and wait for unshare to see it.
        """
        if self.process and self.process.poll() is None:
            pid = self.kernel_pid()
            try:
                os.kill(pid or self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.network.stop()


def port_pair(text):
    host, guest = text.split(":")
    return int(host), int(guest)


def parse_options():
    parser = argparse.ArgumentParser(
        prog="./vgpu lab", allow_abbrev=False,
        usage="%(prog)s [--kernel-arg ARG]... [--timeout S] -- COMMAND...")
    parser.add_argument("--kernel-arg", action="append", default=[])
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("--memory", type=int, default=4096, metavar="MIB")
    parser.add_argument("--forward", type=port_pair, action="append",
                        default=[], metavar="HOSTPORT:PORT")
    parser.add_argument("--kernel", help=argparse.SUPPRESS)
    parser.add_argument("--init", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def on_signal(number, _frame):
    raise Ended(128 + number)


@contextlib.contextmanager
def locked_folder(path, flags=fcntl.LOCK_EX):
    """Yields whether the lock was got; it ends with this process."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, flags)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(folder)


def sweep(runs):
    """Removes the folders of labs that were killed before they could."""
    for name in os.listdir(runs):
        path = os.path.join(runs, name)
        # A lab that ends just now may be quicker.
        with contextlib.suppress(FileNotFoundError), \
                locked_folder(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as free:
            if free:
                shutil.rmtree(path, ignore_errors=True)


def cpus_taken(runs):
    """The CPUs of the labs that run now, one entry for each lab."""
    taken = []
    for name in os.listdir(runs):
        # A lab that ends just now takes its file with it.
        with contextlib.suppress(OSError, ValueError), \
                open(os.path.join(runs, name, "cpu"),
                     encoding="ascii") as file:
            taken.append(int(file.read()))
    return taken


@contextlib.contextmanager
def run_folder(runs):
    """A folder for one lab, with its CPU's number in the file "cpu".

    Others see by the folder's lock that it is in use.
    """
    os.makedirs(runs, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with locked_folder(runs):
            sweep(runs)
            cpu = choose_cpu(os.sched_getaffinity(0), cpus_taken(runs))
            path = tempfile.mkdtemp(dir=runs)
            stack.enter_context(locked_folder(path))
            with open(os.path.join(path, "cpu"), "w",
                      encoding="ascii") as file:
                file.write(str(cpu))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def run_lab(options):
    runs = os.path.join(os.environ["VGPU_BUILD"], "lab", "run")
    with run_folder(runs) as folder:
        return run_in(folder, options)


def run_in(folder, options):
    lab = Lab(folder, options)
    try:
        return lab.run()
    except Ended as end:
        if str(end) != "None":
            complain(end)
        return end.status
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        lab.stop()


def main():
    options = parse_options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    sys.exit(run_lab(options))


if __name__ == "__main__":
    main()
