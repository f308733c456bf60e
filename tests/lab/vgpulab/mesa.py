# SPDX-License-Identifier: GPL-2.0-or-later
"""A Mesa whose software renderer imports dma-bufs (scripts/vgpu/mesa.sh)."""

import functools
import os
import subprocess
import sys

from . import paths
from .skip import Skip

_ENV = os.path.join(paths.BUILD, "mesa", "env")

_IMPORT = "EGL_EXT_image_dma_buf_import"
MODIFIERS = "EGL_EXT_image_dma_buf_import_modifiers"

_PLATFORM_X11, _PLATFORM_SURFACELESS = 0x31d5, 0x31dd
_EXTENSIONS = 0x3055

# In a process of its own: EGL reads the environment when it is loaded.
_PROBE = f"""
import ctypes, sys
egl = ctypes.CDLL("libEGL.so.1")
for name in "eglGetPlatformDisplay", "eglQueryString":
    getattr(egl, name).restype = ctypes.c_void_p
display = ctypes.c_void_p(egl.eglGetPlatformDisplay(
    int(sys.argv[1]), None, None))
if not egl.eglInitialize(display, None, None):
    sys.exit("eglInitialize failed")
print(ctypes.string_at(
    egl.eglQueryString(display, {_EXTENSIONS:#x})).decode())
"""


def variables():
    """Those that bring that Mesa."""
    try:
        with open(_ENV, encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    except FileNotFoundError:
        raise Skip("no Mesa that imports dma-bufs: ./vgpu mesa gets one") \
            from None
    return dict(line.split("=", 1) for line in lines)


def environment():
    """The process's variables, and those."""
    return dict(os.environ, **variables())


@functools.lru_cache(maxsize=None)
def extensions(display=None):
    """EGL's extensions on that X server, or without a window system."""
    environ = environment()
    if display is not None:
        environ["DISPLAY"] = display
    platform = _PLATFORM_SURFACELESS if display is None else _PLATFORM_X11
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE, str(platform)], env=environ,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False)
    assert probe.returncode == 0, probe.stderr
    return frozenset(probe.stdout.split())


def need_import(display=None):
    """Skip unless EGL there imports dma-bufs; returns environment()."""
    if not {_IMPORT, MODIFIERS} <= extensions(display):
        raise Skip("EGL here imports no dma-bufs")
    return environment()
