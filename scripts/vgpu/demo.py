#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo, inside the lab: a vGPU, QEMU, a Linux guest, one picture.

The tests' modules for mediated devices and QMP do the work.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["VGPU_TOP"], "tests", "lab"))

# pylint: disable=wrong-import-position
from vgpulab.mdev import Mdev
from vgpulab.qmp import Qmp, QmpError

MDEV_TYPE = "mbochs-medium"
# What the vGPU's EDID tells the guest's driver to prefer.
MODE = "xres=1024,yres=768"

START = time.monotonic()


class DemoError(Exception):
    """Why there is no picture."""


def say(message):
    print(message, flush=True)


def add_viewer_options(parser):
    parser.add_argument("--vnc", help="QEMU's -vnc; stays until killed")
    parser.add_argument("--vnc-address", help="where a viewer finds it")
    parser.add_argument("--browser", help="where a browser finds it")


def say_where(options):
    """Where it is to be seen, until somebody ends the demo."""
    if options.browser:
        say(f"a browser can open {options.browser}")
    say(f"a VNC viewer can connect to {options.vnc_address}; "
        "Ctrl-C ends the demo")


def say_that_it_listens():
    """A viewer may connect from the host from now on; see lab.py."""
    with open(os.environ["VGPU_LAB_LISTENING"], "wb"):
        pass


class Demo:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.serial = os.path.join(folder, "serial")
        self.mdev = None
        self.process = None
        self.qmp = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self):
        options = self.options
        display = ["-display", "none"]
        if options.vnc:
            display = ["-vnc", options.vnc]
        return [
            options.qemu, "-nodefaults", "-no-user-config", "-M", "pc",
            "-accel", "tcg", "-m", "512",
            "-kernel", options.kernel, "-initrd", options.initramfs,
            "-append", "console=ttyS0 quiet panic=-1",
            "-serial", f"file:{self.serial}",
            "-qmp", f"unix:{self.path('qmp')},server=on,wait=off",
            "-device", f"vfio-pci,sysfsdev={self.mdev.path},"
                       f"display=on,{MODE},id=vgpu0", *display]

    def start(self):
        self.mdev = Mdev(MDEV_TYPE)
        say(f"vGPU: {self.mdev.path} ({MDEV_TYPE})")
        command = self.command()
        say("starting " + " ".join(command))
        with open(self.path("log"), "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        # It answers once it has set itself up, its VNC server included.
        self.qmp = Qmp(self.path("qmp"), self.alive)
        if self.options.vnc:
            say_that_it_listens()

    def alive(self):
        return self.process.poll() is None

    def guest_says(self):
        """The words after "demo:" on the guest's serial port, or None."""
        try:
            with open(self.serial, encoding="utf-8",
                      errors="replace") as serial:
                for line in serial:
                    if line.startswith("demo: ") and line.endswith("\n"):
                        return line[len("demo: "):].strip()
        except FileNotFoundError:
            pass
        return None

    def check(self):
        if not self.alive():
            raise DemoError(f"QEMU ended with status {self.process.poll()}")

    def await_guest(self):
        say("waiting for the guest's console")
        while not (words := self.guest_says()):
            self.check()
            time.sleep(0.2)
        if words != "ready":
            raise DemoError(f"the guest {words}")

    def dump(self):
        path = self.path("dump.ppm")
        self.qmp.command("screendump", filename=path)
        with open(path, "rb") as file:
            return file.read()

    def await_picture(self):
        """Until the console has drawn all that it was given to draw."""
        last = None
        while True:
            self.check()
            now = self.dump()
            _, width, height, rest = now.split(None, 3)
            if now == last and len(set(rest)) > 2:
                return f"{int(width)}x{int(height)}"
            last = now
            time.sleep(0.5)

    def pixel_path(self):
        """The path of the pixels, as x-query-vgpu-display names it."""
        try:
            vgpus = self.qmp.command("x-query-vgpu-display")
        except QmpError as error:
            return f"unknown ({error})"
        return ", ".join(f"{vgpu['device']}: {vgpu['path']}"
                         for vgpu in vgpus)

    def take_picture(self):
        self.start()
        self.await_guest()
        size = self.await_picture()
        self.qmp.command("screendump", filename=self.options.output,
                         format="png")
        say(f"the picture is there after {time.monotonic() - START:.0f} s: "
            f"{size} pixels, {self.options.output}")
        say(f"the path of its pixels: {self.pixel_path()}")

    def log(self):
        """The end of what QEMU and the guest said."""
        text = ""
        for path in (self.path("log"), self.serial):
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += "".join(file.readlines()[-30:])
        return text

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        if self.mdev:
            self.mdev.remove()


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--qemu", required=True)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initramfs", required=True)
    parser.add_argument("--output", required=True)
    add_viewer_options(parser)
    return parser.parse_args()


def main():
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(options, folder)
        try:
            demo.take_picture()
            if options.vnc:
                say_where(options)
                demo.process.wait()
                demo.check()
        except (DemoError, QmpError, OSError) as error:
            print(f"demo: {error}\n{demo.log()}", file=sys.stderr)
            sys.exit(1)
        finally:
            demo.stop()


if __name__ == "__main__":
    main()
