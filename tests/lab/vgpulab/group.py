# SPDX-License-Identifier: GPL-2.0-or-later
"""A group of cases that share one machine."""

import os

from . import paths
from .machine import Machine
from .picture import expect_picture
from .wait import until


class Group:
    """Subclasses define test_* methods, run in the order of definition.

    boot names the lab boot that the group belongs to (see boots.py).
    """

    boot = "default"

    def __init__(self):
        self.vm = None
        self.case = "setup"

    @classmethod
    def cases(cls):
        """Names of the cases; a subclass's own come after its bases'."""
        names = {}
        for base in reversed(cls.__mro__):
            for name in vars(base):
                if name.startswith("test_"):
                    names[name] = True
        # Ending the machine is what comes last.
        last = "test_quit_leaves_nothing"
        return [name for name in names if name != last] + [last]

    def configure(self, vm):
        """Add devices and options before the machine starts."""
        raise NotImplementedError

    def setup(self):
        self.vm = Machine()
        self.configure(self.vm)
        self.vm.start()

    def teardown(self):
        if self.vm is not None:
            self.vm.close()

    def test_quit_leaves_nothing(self):
        """QEMU ends cleanly and its vGPUs can be removed"""
        status = self.vm.quit()
        assert status == 0, f"exit status {status}: {self.vm.stderr()}"
        self.vm.remove_mdevs()

    # What most cases do

    def expect_screen(self, want, kind="ppm", device=None):
        """Poll screendump until it is exactly the wanted picture."""
        self.expect_picture(
            lambda: self.vm.screendump(kind, device), want,
            f"screendump {kind}{' of ' + device if device else ''}")

    def expect_picture(self, take, want, what):
        """Poll take() until it returns exactly the wanted picture."""
        got = None

        def keep():
            nonlocal got
            got = take()
            return got

        try:
            expect_picture(what, keep, want)
        except AssertionError:
            self._keep(got, "got")
            self._keep(want, "want")
            raise

    def _keep(self, picture, what):
        """Leave a picture for whoever looks into the failure."""
        if picture is not None:
            os.makedirs(paths.LOGS, exist_ok=True)
            picture.save(os.path.join(
                paths.LOGS,
                f"{type(self).__name__}.{self.case}.{what}.ppm"))

    def expect_path(self, name, *wanted):
        """Wait until the vGPU's frames take one of these ways.

        Nobody asks the device while nobody watches, so this does.
        """
        def look():
            self.vm.screendump(device=name)
            path = self.vm.vgpu(name)["path"]
            assert path in wanted, f"path is {path}"
            return True
        until(f"path {' or '.join(wanted)}", look)

    @staticmethod
    def expect_words(picture):
        """Something is written there: few colours, mostly background."""
        black = picture.rgb.count(b"\0\0\0")
        assert 2 * black > picture.width * picture.height, f"{black} black"
        colours = picture.colours()
        assert 2 <= len(colours) <= 16, f"{len(colours)} colours"

    def new_warnings(self, before):
        """Warnings since warnings() returned before."""
        return self.vm.warnings()[len(before):]
