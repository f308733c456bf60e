# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-gpu's blobs, which are dma-bufs here: /dev/udmabuf is the lab's.

The test is QEMU's own, with the displays that a machine without udmabuf cannot
give it. Parts of it with those whose way is another's, all with --full.
"""

import os
import subprocess

from vgpulab import dumps, mesa
from vgpulab.group import Group
from vgpulab.viewers.xserver import XServer

FULL = os.environ.get("VGPU_TEST_FULL") == "1"

# Without render nodes EGL does without a window system, too.
HIDE_RENDER_NODES = ("unshare", "--mount", "sh", "-c",
                     'busybox mount -t tmpfs tmpfs /dev/dri && exec "$@"',
                     "sh")


def run(display, *tests, **keywords):
    """Those tests with that display, or all of them."""
    names = [f"blob/{display}/{test}" for test in tests]
    dumps.run(*([f"blob/{display}"] if FULL else names), **keywords)


class VirtioGpuBlobs(Group):
    """Each case starts machines of its own."""

    def configure(self, vm):
        raise NotImplementedError("there is no machine")

    def setup(self):
        pass

    def test_none(self):
        """a screendump of each blob without OpenGL"""
        run("none", "shapes", "wrong", "wrong-memory")

    def test_egl_headless(self):
        """with egl-headless, which reads them back"""
        run("egl-headless", "shapes", "formats", "short", "and-2d",
            prefix=HIDE_RENDER_NODES)

    def test_render_node(self):
        """with egl-headless on a render node that cannot import them"""
        dumps.run("blob/egl-headless/flips", VGPU_TEST_REFUSES="1")

    def test_dbus(self):
        """with D-Bus, which passes them on"""
        run("dbus", "flips", prefix=HIDE_RENDER_NODES)

    def test_holds(self):
        """a flush waits for a D-Bus client that is slow, nothing else does"""
        names = "holds/others-go-on", "holds/flips/10", "2d/front"
        dumps.run(*(("holds", "2d") if FULL else names),
                  program="virtio-gpu-holds-test", prefix=HIDE_RENDER_NODES)

    def test_windows(self):
        """with a window, which shows them: SDL's, or all with --full"""
        with XServer(2560, 2048) as screen:
            mesa.need_import(screen.display)
            for window in ("sdl", "gtk") if FULL else ("sdl",):
                run(window, "flips", DISPLAY=screen.display,
                    SDL_VIDEODRIVER="x11", GDK_BACKEND="x11")

    def test_wayland(self):
        """memory of the host's and of the guest's on a compositor, shared"""
        dumps.run("wayland/dmabufs", "wayland/screen",
                  program="virtio-gpu-wayland-memory-test")

    def test_quit_leaves_nothing(self):
        """no machine is left"""
        processes = subprocess.run(
            ["ps", "-e", "-o", "comm="], capture_output=True, text=True,
            check=True).stdout.split()
        assert not any(name.startswith("qemu-system") for name in processes)
