# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-gpu's blobs, which are dma-bufs here: /dev/udmabuf is the lab's.

The test is QEMU's own, tests/qtest/virtio-gpu-dump-test.c, with the displays
that a machine without udmabuf cannot give it. Parts of it with those whose
way is another's, all of it with --full.
"""

import os
import subprocess

from vgpulab import mesa, paths
from vgpulab.group import Group
from vgpulab.viewers.xserver import XServer

FULL = os.environ.get("VGPU_TEST_FULL") == "1"
PROGRAM = os.path.join(paths.BUILD, "qemu", "build", "tests", "qtest",
                       "virtio-gpu-dump-test")
PATIENCE = 900

# Without render nodes EGL does without a window system, too.
HIDE_RENDER_NODES = ("unshare", "--mount", "sh", "-c",
                     'busybox mount -t tmpfs tmpfs /dev/dri && exec "$@"',
                     "sh")


def run(display, *tests, prefix=(), all_with_full=True, **variables):
    """Those of its tests; none may be skipped."""
    path = f"/x86_64/virtio-gpu/blob/{display}"
    options = []
    for test in tests:
        options += ["-p", f"{path}/{test}"]
    if FULL and all_with_full:
        options = ["-p", path]
    result = subprocess.run(
        [*prefix, PROGRAM, "--tap", "-k", *options], cwd="/tmp",
        env=dict(mesa.environment(), QTEST_QEMU_BINARY=paths.QEMU,
                 VGPU_TEST_GL="1", **variables),
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE, check=False)
    said = result.stdout[-4000:] + result.stderr[-2000:]
    assert result.returncode == 0, said
    cases = [line for line in result.stdout.splitlines()
             if line.startswith("ok ")]
    assert cases and not any("# SKIP" in case for case in cases), said


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
        run("egl-headless", "flips", all_with_full=False,
            VGPU_TEST_REFUSES="1")

    def test_windows(self):
        """with a window, which shows them: SDL's, or all with --full"""
        with XServer(2560, 2048) as screen:
            mesa.need_import(screen.display)
            for window in ("sdl", "gtk") if FULL else ("sdl",):
                run(window, "flips", DISPLAY=screen.display,
                    SDL_VIDEODRIVER="x11", GDK_BACKEND="x11")

    def test_quit_leaves_nothing(self):
        """no machine is left"""
        processes = subprocess.run(
            ["ps", "-e", "-o", "comm="], capture_output=True, text=True,
            check=True).stdout.split()
        assert not any(name.startswith("qemu-system") for name in processes)
