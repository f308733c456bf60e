# SPDX-License-Identifier: GPL-2.0-or-later
"""Cursor and overlay planes of our own vGPU, pixel by pixel.

Overlays are compared with a composition computed here (vgpulab/layers.py), the
cursor with the images that a VNC viewer and a D-Bus listener get.
"""

from vgpulab import layers, oracle
from vgpulab.layers import Composition
from vgpulab.oracle import CHECKS
from vgpulab.planes import (ABGR, ARGB, CURSOR, NO_HOTSPOT, NV12, OVERLAYS,
                            PRIMARY, RGB565, XBGR, XRGB, YUYV)
from vgpulab.rfb import ALPHA_CURSOR, RAW, RICH_CURSOR, Rfb
from vgpulab.vgpugroup import PAGE, VgpuGroup
from vgpulab.viewers.dbus import Bus, Listener, option
from vgpulab.wait import until

# Small, as compositions are computed pixel by pixel.
WIDTH, HEIGHT = 320, 200

AT = {plane: (8 + plane) * PAGE for plane in [CURSOR, *OVERLAYS]}


class PlanesGroup(VgpuGroup):
    """A primary plane that other planes lie over."""

    def setup(self):
        super().setup()
        self.background = self.show_primary(0)

    def show_primary(self, number):
        picture = oracle.pattern(CHECKS, WIDTH, HEIGHT, number)
        self.planes.show(PRIMARY, layers.of_picture(picture), number * PAGE)
        return picture

    def plane_info(self, kind, index=0):
        for plane in self.vm.vgpu("gpu0")["planes"]:
            if (plane["type"], plane["index"]) == (kind, index):
                return plane
        raise KeyError(kind)

    def hide_all(self):
        for plane in [CURSOR, *OVERLAYS]:
            self.planes.program(plane, commit=False, enable=0)
        self.planes.commit()


class VgpuOverlays(PlanesGroup):
    """Up to four overlays over the primary plane."""

    def put(self, *overlays):
        """(image, x, y, zpos) each; shown at once, by one commit."""
        for plane, entry in zip(OVERLAYS, overlays):
            image, left, top, zpos = entry
            self.planes.show(plane, image, AT[plane], commit=False,
                             x=left, y=top, zpos=zpos)
        for plane in OVERLAYS[len(overlays):]:
            self.planes.program(plane, commit=False, enable=0)
        self.planes.commit()

    def composed(self, *overlays):
        want = Composition(self.background)
        # Equal: by index, which sorted() keeps.
        for image, left, top, _ in sorted(overlays,
                                          key=lambda entry: entry[3]):
            want.over(image, left, top)
        return want

    def expect(self, *overlays):
        self.put(*overlays)
        want = self.composed(*overlays)
        self.expect_screen(want)
        return want

    def test_xrgb(self):
        """an opaque overlay"""
        self.expect((layers.noise(XRGB, 40, 30), 100, 50, 0))

    def test_formats(self):
        """XBGR, RGB565, ARGB and ABGR, all at once"""
        self.expect(*((layers.noise(fourcc, 40, 30, number), 60 * number,
                       20 * number, 0)
                      for number, fourcc in enumerate(
                          (XBGR, RGB565, ARGB, ABGR))))

    def test_alpha(self):
        """alpha: colours multiplied by it, and not"""
        self.expect((layers.noise(ARGB, 64, 40), 10, 10, 0),
                    (layers.noise(ARGB, 64, 40, 1, straight=True),
                     100, 10, 0))

    def test_video(self):
        """NV12 and YUYV, with padded rows and an odd number of rows"""
        self.expect((layers.noise(NV12, 50, 31, padding=14), 10, 20, 0),
                    (layers.noise(YUYV, 50, 31, padding=28), 100, 20, 0))

    def test_z_order(self):
        """the larger zpos is nearer, whatever the index"""
        a, b, c = (layers.noise(fourcc, 40, 40, seed) for seed, fourcc in
                   enumerate((XRGB, ARGB, XRGB)))
        self.expect((a, 50, 50, 2), (b, 70, 60, 3), (c, 60, 70, 1))
        self.expect((a, 50, 50, 7), (b, 70, 60, 7), (c, 60, 70, 7))
        self.expect((a, 50, 50, 255), (b, 70, 60, 0), (c, 60, 70, 128))

    def test_clipped(self):
        """over all four edges, the corners, and outside"""
        image = layers.noise(ARGB, 48, 40, 3)
        video = layers.noise(NV12, 48, 40, 4)
        self.expect((image, -20, 50, 0), (video, WIDTH - 20, 50, 0),
                    (image, 100, -20, 0), (video, 150, HEIGHT - 20, 0))
        self.expect((video, -21, -21, 0), (image, WIDTH - 3, -5, 0),
                    (video, -3, HEIGHT - 1, 0),
                    (image, WIDTH - 1, HEIGHT - 1, 0))
        self.expect((image, -48, 0, 0), (image, 0, HEIGHT, 0),
                    (image, WIDTH + 5000, 3, 0), (image, 3, -2 ** 31, 0))

    def test_moves(self):
        """a viewer gets every move right, what was uncovered included"""
        image = layers.noise(ARGB, 40, 30, 5)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            for left, top in ((10, 10), (13, 10), (13, 60), (-20, 170),
                              (300, -10), (100, 100)):
                self.put((image, left, top, 0))
                viewer.wait_for(self.composed((image, left, top, 0)),
                                f"the overlay at {left}, {top}")
            assert self.plane_info("overlay")["x"] == 100
            self.planes.hide(OVERLAYS[0])
            viewer.wait_for(self.background, "nothing over the background")

    def test_guest_animation(self):
        """the guest moves an overlay 30 times"""
        guest = self.vm.guest
        guest.mode(WIDTH, HEIGHT)
        guest.pattern(CHECKS, 1)
        self.background = oracle.pattern(CHECKS, WIDTH, HEIGHT, 1)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            guest.command("overlay 64")

            def look():
                if viewer.pending():
                    viewer.update()
                return guest.drawn() >= 30
            until("30 steps", look, pause=0)
            step = guest.stop()
            left, top = oracle.overlay_at(step, 64, WIDTH, HEIGHT)
            overlay = layers.of_picture(
                oracle.pattern(oracle.RAMP, 64, 64))
            viewer.wait_for(Composition(self.background).over(
                overlay, left, top), f"the overlay in step {step}")
            guest.command("overlay")
            viewer.wait_for(self.background, "no overlay")
        self.background = self.show_primary(0)

    def test_pixels_change(self):
        """another picture in the same overlay, and under it"""
        first, second = (layers.noise(ARGB, 40, 30, seed) for seed in (6, 7))
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            self.put((first, 50, 50, 0))
            viewer.wait_for(self.composed((first, 50, 50, 0)), "the first")
            self.planes.write(AT[OVERLAYS[0]], second.data)
            self.planes.commit()
            viewer.wait_for(self.composed((second, 50, 50, 0)), "the second")
            self.background = self.show_primary(2)
            viewer.wait_for(self.composed((second, 50, 50, 0)),
                            "another background")

    def test_atomic(self):
        """nothing is shown before it is committed"""
        self.hide_all()
        self.expect_screen(self.background)
        image = layers.noise(XRGB, 40, 30, 8)
        self.planes.show(OVERLAYS[3], image, AT[OVERLAYS[3]], commit=False,
                         x=5, y=6)
        assert self.vm.screendump() == self.background
        assert not self.plane_info("overlay", 3)["visible"]
        self.planes.commit()
        self.expect_screen(Composition(self.background).over(image, 5, 6))
        info = self.plane_info("overlay", 3)
        assert (info["visible"], info["x"], info["y"], info["format"],
                info["width"], info["height"]) == (
                    True, 5, 6, "XR24", 40, 30), info

    def test_faulty_overlay(self):
        """an overlay that cannot be shown is left out, with one warning"""
        good, bad = (layers.noise(XRGB, 40, 30, seed) for seed in (9, 10))
        self.put((good, 10, 10, 0), (bad, 100, 10, 0))
        self.expect_screen(self.composed((good, 10, 10, 0),
                                         (bad, 100, 10, 0)))
        warned = self.vm.warnings()
        # The driver refuses it, and every query of it fails.
        self.planes.program(OVERLAYS[1], fourcc=1)
        for _ in range(3):
            self.vm.screendump()
        assert len(self.new_warnings(warned)) <= 1, self.vm.stderr()
        self.planes.program(OVERLAYS[1], fourcc=XRGB)
        self.expect_screen(self.composed((good, 10, 10, 0),
                                         (bad, 100, 10, 0)))
        self.hide_all()
        self.expect_screen(self.background)


class VgpuCursor(PlanesGroup):
    """The cursor is each viewer's own."""

    def configure(self, vm):
        self.bus = Bus()
        super().configure(vm)
        vm.add_args("-display", option(self.bus))

    def teardown(self):
        super().teardown()
        self.bus.close()

    def put(self, image, **registers):
        self.planes.show(CURSOR, image, AT[CURSOR], **registers)

    @staticmethod
    def expect_cursor(viewer, image, hotspot=(0, 0)):
        """Until the viewer has this image, alpha as the encoding has it."""
        def look():
            if viewer.pending():
                viewer.update()
            cursor = viewer.cursor
            if cursor is None:
                return False
            assert (cursor.width, cursor.height) == (
                image.width, image.height), (cursor.width, cursor.height)
            assert cursor.hotspot == hotspot, cursor.hotspot
            wrong = [number for number, got in enumerate(cursor.pixels)
                     if not viewer.alike(got, image.pixel(
                         number % image.width, number // image.width))]
            assert not wrong, f"{len(wrong)} pixels, first {wrong[0]}"
            return True
        until("the cursor", look, pause=0)

    def viewer(self, encoding):
        """A viewer, and how it compares pixels with multiplied ones."""
        viewer = Rfb(self.vm.vnc_display, RAW, cursor=encoding)
        # Without alpha: either there or not, with the half as the limit.
        viewer.alike = {
            ALPHA_CURSOR: lambda got, want: got == want,
            RICH_CURSOR: lambda got, want: (
                got[:3] == want[:3] if want[3] >= 128 else not got[3]),
        }[encoding]
        return viewer

    def test_alpha_cursor(self):
        """every alpha, 64x64, in a viewer that knows alpha"""
        image = layers.noise(ARGB, 64, 64, 1)
        with self.viewer(ALPHA_CURSOR) as viewer:
            self.put(image, x=10, y=20, hot_x=3, hot_y=5)
            self.expect_cursor(viewer, image, (3, 5))

    def test_rich_cursor(self):
        """opaque pixels and holes, in a viewer that knows no alpha"""
        image = layers.noise(ARGB, 32, 32, 2)
        with self.viewer(RICH_CURSOR) as viewer:
            self.put(image, x=10, y=20, hot_x=31, hot_y=31)
            self.expect_cursor(viewer, image, (31, 31))

    def test_late_viewer(self):
        """a viewer that comes later gets the cursor too"""
        image = layers.noise(ARGB, 48, 40, 3)
        self.put(image)
        with self.viewer(ALPHA_CURSOR) as first:
            self.expect_cursor(first, image)
            with self.viewer(ALPHA_CURSOR) as second:
                self.expect_cursor(second, image)

    def test_not_in_the_picture(self):
        """the cursor is not in the picture, where viewers have their own"""
        self.put(layers.noise(ARGB, 64, 64, 4), x=50, y=50)
        with self.viewer(ALPHA_CURSOR) as viewer:
            viewer.wait_for(self.background, "the background")

    def test_hotspot_unknown(self):
        """a guest that gives no hotspot: the top left corner"""
        image = layers.noise(ARGB, 64, 64, 5)
        with self.viewer(ALPHA_CURSOR) as viewer:
            self.put(image, hot_x=NO_HOTSPOT, hot_y=NO_HOTSPOT)
            self.expect_cursor(viewer, image, (0, 0))
            self.put(image, hot_x=7, hot_y=9)
            self.expect_cursor(viewer, image, (7, 9))

    def test_shapes(self):
        """many shapes and sizes, up to 256x256, in the same place"""
        with self.viewer(ALPHA_CURSOR) as viewer:
            for number, size in enumerate((16, 64, 63, 256, 64, 1)):
                image = layers.noise(ARGB, size, size, number)
                self.put(image)
                self.expect_cursor(viewer, image)

    def test_hide_and_show(self):
        """hidden, and shown again"""
        image = layers.noise(ARGB, 64, 64, 6)
        with self.viewer(ALPHA_CURSOR) as viewer:
            self.put(image)
            self.expect_cursor(viewer, image)
            self.planes.hide(CURSOR)

            def look():
                if viewer.pending():
                    viewer.update()
                return not viewer.cursor.visible()
            until("no cursor", look, pause=0)
            assert not self.plane_info("cursor")["visible"]
            self.planes.program(CURSOR, enable=1)
            self.expect_cursor(viewer, image)

    def test_positions(self):
        """positions, half off the left edge and others, at a listener"""
        image = layers.noise(ARGB, 64, 64, 7)
        with Listener(self.bus) as listener:
            self.put(image, x=5, y=6)
            for left, top in ((5, 6), (-32, 10), (-63, -63), (310, 190),
                              (100, 100)):
                self.planes.program(CURSOR, x=left, y=top)
                until(f"the cursor at {left}, {top}",
                      lambda at=(left, top): listener.mouse == (*at, True))
                info = self.plane_info("cursor")
                assert (info["x"], info["y"]) == (left, top), info
            self.planes.hide(CURSOR)
            until("no cursor", lambda: not listener.mouse[2])

    def test_moving_is_cheap(self):
        """a cursor that moves: no image again, and no pixel of a frame"""
        image = layers.noise(ARGB, 64, 64, 8)
        with self.viewer(ALPHA_CURSOR) as viewer, \
                Listener(self.bus) as listener:
            self.put(image)
            self.expect_cursor(viewer, image)
            viewer.drain()
            before, images = self.vm.vgpu("gpu0"), viewer.cursors
            for left in range(20, 80):
                self.planes.program(CURSOR, x=left)
                until("the move",
                      lambda at=left: listener.mouse[0] == at, pause=0)
            viewer.drain()
            after = self.vm.vgpu("gpu0")
            assert viewer.cursors == images, viewer.cursors - images
            assert after["cursor-updates"] == before["cursor-updates"]
