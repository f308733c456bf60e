# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's dma-bufs as VNC's video: vicodec takes them as hardware does.

What it makes of them is FWHT, which a viewer of the tests' own takes for H.264.
"""

import os
import time

from vgpulab import layers, oracle
from vgpulab.fwht import ENCODER, FwhtDecoder
from vgpulab.group import Group
from vgpulab.oracle import CHECKS, FILM
from vgpulab.planes import OVERLAYS, Planes
from vgpulab.rfb import RAW, TIGHT, Rfb
from vgpulab.wait import DEADLINE

# As large as vicodec is to begin with: GStreamer 1.22 can do nothing smaller.
WIDTH, HEIGHT = 1280, 720
FULL = os.environ.get("VGPU_TEST_FULL") == "1"
PAGES = 3
# tests/guest/anim.h: a square in two corners tells the page.
MARK, MARK_STEP = 32, 28
# Video memory that the film does not use.
BEYOND = 32 << 20
PSNR_DB = 35


def page(number):
    """One of the film's pictures."""
    grey = (number * MARK_STEP * 0x10101)
    picture = oracle.pattern(FILM, WIDTH, HEIGHT, number)
    for place in ((0, 0), (WIDTH - MARK, HEIGHT - MARK)):
        picture = picture.with_fill(*place, MARK, MARK, grey)
    return picture


class VideoGroup(Group):
    """A guest that flips through a film, and who watches it."""

    kind = "vgpu-all"
    encoder = ENCODER

    def __init__(self):
        super().__init__()
        self.mdev = None
        self.viewer = None
        self.pages = [page(number) for number in range(PAGES)]
        self.worst = float("inf")

    @classmethod
    def cases(cls):
        return [] if cls is VideoGroup else super().cases()

    def configure(self, vm):
        vm.add_guest()
        self.mdev = vm.add_vgpu(self.kind, "gpu0", 5, options="display=on")
        vm.add_vnc(f"h264-encoder={self.encoder}")
        vm.add_qtest()

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()
        self.vm.guest.mode(WIDTH, HEIGHT)
        # On the one CPU that there is QEMU comes first: an encoder that does
        # not get to it for 200 ms is taken for one that is silent.
        os.setpriority(os.PRIO_PROCESS, 0, 19)

    def teardown(self):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
        super().teardown()

    def video(self):
        """What QEMU says of the video of each client that has some."""
        clients = self.vm.qmp.command("query-vnc")["clients"]
        return [one["video"] for one in clients if "video" in one]

    def path(self):
        return [video["path"] for video in self.video()]

    def bytes_read(self):
        """Of the picture, by whoever reads in QEMU."""
        vgpu = self.vm.vgpu("gpu0")
        return (sum(video["bytes-read"] for video in self.video()),
                vgpu["bytes-read"], vgpu["bytes-probed"])

    def said(self):
        """Warnings that the CPU reads what the encoder does not take."""
        return [line for line in self.vm.warnings()
                if "no encoder works with the guest's buffers" in line]

    def film(self, burst=0, hertz=20):
        """burst: it rests for so many steps after as many."""
        self.vm.guest.command(f"rate {hertz}")
        self.vm.guest.command(f"film {PAGES} 0 1 {burst}")

    def watcher(self):
        return Rfb(self.vm.vnc_display, TIGHT, h264=FwhtDecoder())

    def look(self, viewer):
        """What is shown is one of the pages."""
        picture = viewer.picture()
        value = sum(picture.pixel(MARK // 2, MARK // 2)) / 3
        number = min(range(PAGES), key=lambda n: abs(n * MARK_STEP - value))
        psnr = picture.psnr(self.pages[number])
        self.worst = min(self.worst, psnr)
        assert psnr >= PSNR_DB, f"page {number}: {psnr:.1f} dB"

    def play(self, viewer, what, done, look=lambda: None):
        """Take updates until done() is true, and look at each."""
        end = time.monotonic() + 2 * DEADLINE
        while not done():
            assert time.monotonic() < end, f"{what}: {self.video()}"
            if viewer.pending():
                viewer.update()
                look()

    def frames(self, viewer, count):
        """A condition: so many more rectangles of video."""
        rects = viewer._h264
        last = rects.rects + count
        return lambda: rects.rects >= last

    def still(self, viewer, over=lambda picture: picture):
        """The film stops: its last picture, every pixel of it."""
        want = over(self.pages[self.vm.guest.stop() % PAGES])
        self.play(viewer, "the last page, exactly", lambda: not any(
            video["contexts"] for video in self.video())
            and not viewer.picture().difference(want))


class VgpuVideo(VideoGroup):
    """The encoder takes the vGPU's dma-bufs."""

    def dmabuf(self, viewer):
        """The film is made of dma-bufs from now on."""
        self.play(viewer, "video of dma-bufs",
                  lambda: self.path() == ["dmabuf"])

    def test_no_pixel_is_read(self):
        """the film's pages, of which QEMU reads not a byte; then exact"""
        with self.watcher() as viewer:
            self.film()
            before, after = 0, 1
            # After ten seconds QEMU looks at the pixels for a while.
            for _ in range(3):
                self.dmabuf(viewer)
                before = self.bytes_read()
                self.play(viewer, "6 frames", self.frames(viewer, 6),
                          lambda: self.look(viewer))
                after = self.bytes_read()
                if self.path() == ["dmabuf"] and before == after:
                    break
            assert before == after, (before, after)
            print(f"# at least {self.worst:.1f} dB: {self.video()}")
            self.still(viewer)

    def draw_bar(self, top, colour):
        """Some rows of every page, while the film runs."""
        planes, rows = Planes(self.vm, "gpu0"), 16
        data = colour.to_bytes(4, "little") * (WIDTH * rows)
        for number in range(PAGES):
            planes.write(4 * WIDTH * (number * HEIGHT + top), data)
        self.pages = [one.with_fill(0, top, WIDTH, rows, colour)
                      for one in self.pages]

    def test_another_viewer(self):
        """one who takes no video comes: pixels for both, right at once"""
        with self.watcher() as viewer:
            self.film()
            self.dmabuf(viewer)
            # Nobody has read these pixels.
            self.draw_bar(300, 0x00ff00)
            with Rfb(self.vm.vnc_display, RAW) as other:
                other.update()
                assert other.picture() in self.pages, "an old picture"
                self.play(viewer, "pixels", lambda: self.path() == ["surface"],
                          lambda: self.look(viewer))
            self.dmabuf(viewer)
            self.still(viewer)
        self.pages = [page(number) for number in range(PAGES)]

    def test_rest(self):
        """the film rests: what was there before dma-bufs is shown to nobody"""
        with self.watcher() as viewer:
            self.film(burst=60)
            self.dmabuf(viewer)
            self.draw_bar(400, 0xff0000)
            self.play(viewer, "a frame with it", self.frames(viewer, 2))
            self.play(viewer, "a page, exactly", lambda: viewer.picture()
                      in self.pages, lambda: self.look(viewer))
            self.still(viewer)
        self.pages = [page(number) for number in range(PAGES)]

    def test_overlay(self):
        """an overlay comes: it is in the picture"""
        planes = Planes(self.vm, "gpu0")
        box = oracle.pattern(CHECKS, 128, 96)
        with self.watcher() as viewer:
            self.film()
            self.dmabuf(viewer)
            planes.show(OVERLAYS[0], layers.of_picture(box), BEYOND,
                        x=320, y=240)
            self.play(viewer, "pixels", lambda: self.path() == ["surface"])
            self.still(viewer, lambda one: one.with_picture(box, 320, 240))
            planes.hide(OVERLAYS[0])


class DyingVideo(VideoGroup):
    """The encoder dies again and again, with dma-bufs and with pixels."""

    encoder = ENCODER + " ! identity error-after=8"

    @classmethod
    def cases(cls):
        return super().cases() if FULL else []

    def test_dies(self):
        """each frame is right, also that by another encoding; then exact"""
        with self.watcher() as viewer:
            self.film()
            self.play(viewer, "video of dma-bufs",
                      lambda: self.path() == ["dmabuf"])
            self.play(viewer, "its end", self.said,
                      lambda: self.look(viewer))
            self.still(viewer)
        assert len(self.said()) == 1, self.said()


class MbochsVideo(VideoGroup):
    """The encoder cannot map mbochs's: it is given pixels."""

    kind = "mbochs-medium"

    def test_refused(self):
        """the film is made of pixels, with one warning; then exact"""
        with self.watcher() as viewer:
            self.film()
            self.play(viewer, "a refused buffer", self.said)
            self.play(viewer, "6 frames", self.frames(viewer, 6),
                      lambda: self.look(viewer))
            self.still(viewer)
        assert len(self.said()) == 1, self.vm.warnings()
