# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's dma-bufs as VNC's video: vicodec takes them as hardware does.

What it makes of them is FWHT, which a viewer of the tests' own takes for H.264.
"""

from vgpulab import oracle
from vgpulab.fwht import ENCODER, FwhtDecoder
from vgpulab.group import Group
from vgpulab.oracle import CHECKS, FILM
from vgpulab.rfb import RAW, TIGHT, Rfb
from vgpulab.wait import until

WIDTH, HEIGHT = 640, 480
PAGES = 4
# tests/guest/anim.h: a square in two corners tells the page.
MARK, MARK_STEP = 32, 28
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
        vm.add_vnc(f"h264-encoder={ENCODER}")

    def setup(self):
        super().setup()
        self.vm.guest.wait_ready()
        self.vm.guest.mode(WIDTH, HEIGHT)

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

    def film(self, hertz=20):
        self.vm.guest.command(f"rate {hertz}")
        self.vm.guest.command(f"film {PAGES}")

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

    def play(self, viewer, what, done):
        """Take updates, each a page of the film, until done() is true."""
        def step():
            if viewer.pending():
                viewer.update()
                self.look(viewer)
            return done()
        until(what, step, pause=0)

    def frames(self, viewer, count):
        """A condition: so many more rectangles of video."""
        rects = viewer._h264
        last = rects.rects + count
        return lambda: rects.rects >= last

    def still(self, viewer):
        """The film stops: its last picture, every pixel of it."""
        last = self.vm.guest.stop() % PAGES
        viewer.wait_for(self.pages[last], "the last page, exactly")
        assert not any(video["contexts"] for video in self.video()), \
            self.video()


class VgpuVideo(VideoGroup):
    """The encoder takes the vGPU's dma-bufs."""

    def dmabuf(self, viewer):
        """The film runs and is made of dma-bufs."""
        self.film()
        self.play(viewer, "video of dma-bufs",
                  lambda: self.path() == ["dmabuf"])

    def test_no_pixel_is_read(self):
        """30 frames: the right pages, and not a byte of them read by QEMU"""
        with self.watcher() as viewer:
            self.dmabuf(viewer)
            before = self.bytes_read()
            self.play(viewer, "30 frames", self.frames(viewer, 30))
            after = self.bytes_read()
            assert self.path() == ["dmabuf"], self.video()
            assert before == after, (before, after)
            print(f"# at least {self.worst:.1f} dB: {self.video()}")
            self.still(viewer)
