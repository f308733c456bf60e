# SPDX-License-Identifier: GPL-2.0-or-later
"""Display options of QEMU and the viewers that look at what they show.

A viewer config is one command line: what it adds to QEMU's, the servers that
must run first (X, Wayland, D-Bus), and each viewer that is attached, all at
once. Both the tests with the software vGPU and those in the lab use them.
"""

import contextlib
import os
import tempfile

from . import mesa
from .picture import expect_picture
from .ports import free_display, free_port
from .rfb import RAW, Rfb
from .viewers import dbus, spice
from .viewers.novnc import NoVnc
from .viewers.vnc import TigerVnc, gvnccapture
from .viewers.weston import Weston
from .viewers.xserver import XServer
from .wait import until


class ViewerConfig:
    """Servers run from __enter__ to __exit__.

    arguments and environment (None: as it is) are QEMU's; modes are sizes
    that fit on the config's screen.
    """

    gl = False
    modes = [(640, 480), (1024, 768), (801, 601)]
    # Whether viewers with OpenGL take buffers that begin within their memory.
    offsets = True
    # Whether the first viewer gets a buffer that nobody but a GPU can read.
    hands_over = False
    # Whether the first viewer is QEMU itself, drawing with OpenGL.
    draws_gl = False
    # Each viewer's name, in the order of the table, and QEMU's for it.
    viewers = ()
    names = ()

    def __init__(self):
        self.arguments = []
        self.environment = None
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            self.folder = self._stack.enter_context(
                tempfile.TemporaryDirectory(prefix="vgpu-lab-"))
            self.prepare()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def prepare(self):
        """Start what QEMU needs, set arguments and environment."""
        raise NotImplementedError

    def expect_taken(self):
        """Fail unless what was shown last came as the guest's buffer."""

    def expect_handed_over(self, width, height):
        """Wait for a buffer of that size that cannot be read."""

    def attach(self, stack):
        """Attach every viewer, until the stack ends.

        Yields for each a function that returns once it shows a picture.
        """
        raise NotImplementedError

    # What several configs have

    def _add_vnc(self, options=""):
        # QEMU counts displays from port 5900.
        self.vnc_display = free_display()
        self.arguments += ["-vnc", f"127.0.0.1:{self.vnc_display}{options}"]

    def _add_spice(self, options=spice.LOSSLESS):
        self._spice = os.path.join(self.folder, "spice")
        self.arguments += ["-spice", f"unix=on,addr={self._spice},{options}"]

    def _attach_vnc(self, stack):
        viewer = stack.enter_context(Rfb(self.vnc_display, RAW))
        return lambda want: viewer.wait_for(want, "VNC")

    def _attach_spice(self, stack):
        viewer = stack.enter_context(spice.SpiceClient(self._spice))
        return lambda want: expect_picture("SPICE", viewer.picture, want)


class Servers(ViewerConfig):
    """VNC, SPICE and D-Bus, none of them with OpenGL."""

    viewers = ("VNC, raw", "VNC: TigerVNC", "VNC: gvnccapture",
               "VNC: noVNC in Chromium", "SPICE: spicy-screenshot",
               "D-Bus", "D-Bus, shared memory")
    names = ("vnc", "vnc", "vnc", "vnc", "spice", "dbus", "dbus")

    def prepare(self):
        self.bus = self._stack.enter_context(dbus.Bus())
        self._websocket = free_port()
        # Packaged viewers ask for the others to be sent away.
        self._add_vnc(f",websocket={self._websocket},share=ignore")
        self.spice_port = free_port()
        self.arguments += [
            "-display", dbus.option(self.bus),
            "-spice", f"addr=127.0.0.1,port={self.spice_port},"
                      + spice.LOSSLESS]

    def attach(self, stack):
        yield self._attach_vnc(stack)
        yield self._tigervnc
        yield lambda want: expect_picture(
            "gvnccapture", lambda: gvnccapture(self.vnc_display), want)
        browser = stack.enter_context(NoVnc(self._websocket))
        yield lambda want: expect_picture("noVNC", browser.picture, want)
        yield lambda want: expect_picture(
            "spicy-screenshot", lambda: spice.screenshot(self.spice_port),
            want)
        for share, way in (False, dbus.PIXELS), (True, dbus.MAP):
            yield self._attach_listener(stack, share, way)

    def _tigervnc(self, want):
        """It does not follow the guest's mode without a window manager."""
        with TigerVnc(self.vnc_display, want.width, want.height,
                      *TigerVnc.LOSSLESS) as viewer:
            expect_picture("TigerVNC", lambda: viewer.find(want), want)

    def _attach_listener(self, stack, share, way):
        listener = stack.enter_context(dbus.Listener(self.bus, share))

        def look(want):
            listener.wait_for(want, "D-Bus")
            assert listener.way == way, listener.way
        return look


class Window(ViewerConfig):
    """A window of QEMU's own, alone, or with VNC and SPICE beside it."""

    def attach(self, stack):
        yield lambda want: expect_picture(
            self.viewers[0], lambda: self.screen.find(want), want)
        if len(self.viewers) > 1:
            yield self._attach_vnc(stack)
            yield self._attach_spice(stack)

    def _add_window(self, option):
        gl = "on" if self.gl else "off"
        self.arguments += ["-display", f"{option},gl={gl}"]
        if len(self.viewers) > 1:
            self._add_vnc()
            self._add_spice()


class X11(Window):
    """On X11. SDL's window grows from the place of the first mode's."""

    option = None

    def prepare(self):
        self.screen = self._stack.enter_context(XServer(1600, 1200))
        self.environment = (mesa.need_import(self.screen.display)
                            if self.gl else dict(os.environ))
        self.environment.update(DISPLAY=self.screen.display,
                                GDK_BACKEND="x11", SDL_VIDEODRIVER="x11")
        self._add_window(self.option)


class Gtk(X11):
    """GTK. Its window scales the picture unless told otherwise."""

    option = "gtk,zoom-to-fit=off"
    viewers = ("GTK on X11", "VNC beside GTK", "SPICE beside GTK")
    names = ("gtk", "vnc", "spice")


class GtkGl(Gtk):
    """GTK with EGL on X11."""

    gl = True
    draws_gl = True
    names = ("gtk-egl", "vnc", "spice")


class GtkGlAlone(GtkGl):
    """Nobody wants pixels, so that there is a buffer and nothing else."""

    viewers = ("GTK on X11, alone",)
    names = ("gtk-egl",)


class Sdl(X11):
    """SDL."""

    option = "sdl"
    viewers = ("SDL on X11", "VNC beside SDL", "SPICE beside SDL")
    names = ("sdl2-2d", "vnc", "spice")


class SdlGl(Sdl):
    """SDL with OpenGL."""

    gl = True
    draws_gl = True
    names = ("sdl2-gl", "vnc", "spice")


class SdlGlAlone(SdlGl):
    """Nobody else wants pixels."""

    viewers = ("SDL on X11, alone",)
    names = ("sdl2-gl",)


class GtkWayland(Window):
    """GTK on Wayland, which places the window where the first mode fits."""

    viewers = ("GTK on Wayland", "VNC beside GTK on Wayland",
               "SPICE beside GTK on Wayland")
    names = ("gtk", "vnc", "spice")
    modes = [(640, 480), (512, 384), (401, 301)]

    def prepare(self):
        self.screen = self._stack.enter_context(Weston(
            1280, 1024, mesa.need_import() if self.gl else os.environ))
        self.environment = dict(self.screen.environment,
                                GDK_BACKEND="wayland")
        self._add_window("gtk,zoom-to-fit=off")


class GtkWaylandGl(GtkWayland):
    """GTK's GL area on Wayland."""

    gl = True
    draws_gl = True
    names = ("gtk-egl", "vnc", "spice")


class GtkWaylandGlAlone(GtkWaylandGl):
    """Nobody wants pixels."""

    viewers = ("GTK on Wayland, alone",)
    names = ("gtk-egl",)


class SpiceGl(ViewerConfig):
    """SPICE with OpenGL, VNC beside it."""

    gl = True
    offsets = False
    hands_over = True
    viewers = ("SPICE: spice-gtk", "VNC beside SPICE")
    names = ("spice-egl", "vnc")

    def prepare(self):
        self.environment = mesa.need_import()
        self.arguments += ["-display", "none"]
        self._add_spice("gl=on," + spice.LOSSLESS)
        self._add_vnc()

    def attach(self, stack):
        self.client = stack.enter_context(spice.SpiceClient(self._spice))
        yield lambda want: expect_picture("SPICE", self.client.picture, want)
        yield self._attach_vnc(stack)

    def expect_taken(self):
        assert self.client.way() == "gl"

    def expect_handed_over(self, width, height):
        def look():
            got = self.client.picture(), self.client.way()
            return (got[0].width, got[0].height, got[1]) == (
                width, height, "gl-unreadable")
        until("SPICE's buffer", look)


class DbusGl(ViewerConfig):
    """D-Bus with OpenGL, VNC and SPICE beside it."""

    gl = True
    hands_over = True
    viewers = ("D-Bus, dma-buf", "VNC beside D-Bus", "SPICE beside D-Bus")
    names = ("dbus-gl", "vnc", "spice")

    def prepare(self):
        self.environment = mesa.need_import()
        self._bus = self._stack.enter_context(dbus.Bus())
        self.arguments += ["-display", dbus.option(self._bus) + ",gl=on"]
        self._add_vnc()
        self._add_spice()

    def attach(self, stack):
        self._listener = stack.enter_context(dbus.Listener(self._bus))
        yield lambda want: self._listener.wait_for(want, "D-Bus")
        yield self._attach_vnc(stack)
        yield self._attach_spice(stack)

    def expect_taken(self):
        assert self._listener.way == dbus.DMABUF, self._listener.way

    def expect_handed_over(self, width, height):
        def look():
            got = self._listener.picture(), self._listener.way
            return (got[0].width, got[0].height, got[1]) == (
                width, height, dbus.UNREADABLE)
        until("D-Bus's buffer", look)


class EglHeadless(ViewerConfig):
    """egl-headless, VNC and SPICE beside it."""

    gl = True
    viewers = ("egl-headless: VNC", "egl-headless: SPICE")
    names = ("vnc", "spice")

    def prepare(self):
        self.environment = mesa.need_import()
        self.arguments += ["-display", "egl-headless"]
        self._add_vnc()
        self._add_spice()

    def attach(self, stack):
        yield self._attach_vnc(stack)
        yield self._attach_spice(stack)


VIEWER_CONFIGS = (
    Servers, Gtk, GtkWayland, Sdl, GtkGlAlone, GtkGl, GtkWaylandGlAlone,
    GtkWaylandGl, SdlGlAlone, SdlGl, SpiceGl, DbusGl, EglHeadless)
