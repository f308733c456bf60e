# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own vGPU's faults, each while QEMU shows it.

After each QEMU runs on, the last good frame was kept, one warning was given,
and the display recovers.
"""

import errno

from vgpulab import layers, oracle
from vgpulab.fences import pending_write
from vgpulab.oracle import CHECKS, SOLID
from vgpulab.planes import PRIMARY
from vgpulab.rfb import RAW, Rfb
from vgpulab.vgpugroup import HEIGHT, PAGE, WIDTH, VgpuGroup
from vgpulab.wait import until

class VgpuFaulty(VgpuGroup):
    """Faults of planes and dma-bufs of a vGPU that has nothing else."""

    kind = "vgpu-dmabuf"

    def expect_kept(self, kind, other, **fault):
        """The device shows another picture, and reports it wrong.

        Whoever watches keeps the one before, and gets the other one when the
        device reports it right.
        """
        kept = self.show(other - 1)
        self.expect_screen(kept)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(kept, "the good picture")
            before, warned = self.faults(), self.vm.warnings()
            with self.fault(**fault):
                want = self.show(other)
                for _ in range(3):
                    self.until_fault(kind, self.faults())
                    assert self.vm.screendump() == kept
                viewer.drain()
                assert viewer.picture() == kept
                count = self.faults()[kind] - before.get(kind, 0)
                assert count >= 3, count
                self.expect_one_warning(warned, kind in before)
            viewer.wait_for(want, "the next picture")
            self.expect_screen(want)

    def expect_one_warning(self, before, again):
        """One for each kind of fault, and none for the second of a kind."""
        new = self.new_warnings(before)
        assert len(new) == (0 if again else 1), new

    def test_stride(self):
        """a stride that is too small"""
        self.expect_kept("stride", 1, stride=WIDTH * 4 - 4)

    def test_format(self):
        """a format that nobody knows"""
        self.expect_kept("format", 2, format=0x21212121)

    def test_width(self):
        """more pixels than a picture may have"""
        self.expect_kept("extent", 3, width=100000)

    def test_height(self):
        """more rows than the buffer holds"""
        self.expect_kept("bounds", 4, height=16000)

    def test_stride_too_large(self):
        """a stride that leads past the buffer's end"""
        self.expect_kept("bounds", 5, stride=WIDTH * 40)

    def test_dmabuf_refused(self):
        """the next requests for a dma-buf fail"""
        self.expect_kept("dmabuf", 6, get_errno=errno.ENOMEM, get_count=1000)

    def test_query_fails(self):
        """one query fails: it is repeated at once, and nobody sees it"""
        want = self.show(7)
        self.expect_screen(want)
        warned = self.vm.warnings()
        for code in errno.EINVAL, errno.EFAULT, errno.ENOMEM, errno.EIO:
            self.mdev.fault(query_errno=code, query_count=1)
            assert self.vm.screendump() == want
            assert self.mdev.count("query_count") == 0
        assert not self.new_warnings(warned)

    def test_queries_fail(self):
        """all queries fail: after a while words; then they succeed again"""
        want = self.show(8)
        self.expect_screen(want)
        warned = self.vm.warnings()

        def words():
            picture = self.vm.screendump()
            if picture == want:
                return False
            self.expect_words(picture)
            return True
        with self.fault(query_errno=errno.EINVAL, query_count=0xffffffff):
            until("words", words)
        assert len(self.new_warnings(warned)) == 1, self.new_warnings(warned)
        self.expect_screen(self.show(9))

    def test_wrong_size(self):
        """the size that is reported is not believed, nor needed"""
        for size in 1, 0xffffffff:
            with self.fault(size=size):
                self.expect_screen(self.show(10 + size % 2))

    def test_id_reused(self):
        """id reuse: one id, and another geometry each time"""
        with self.fault(id=7), Rfb(self.vm.vnc_display, RAW) as viewer:
            for number, (width, height) in enumerate((
                    (320, 200), (800, 600), (640, 480), (640, 400))):
                want = oracle.pattern(CHECKS, width, height, number)
                self.planes.show(PRIMARY, layers.of_picture(want),
                                 PAGE * number)
                viewer.wait_for(want, f"{width}x{height}")
                self.expect_screen(want)
        self.expect_screen(self.show(15))

    def test_fence(self):
        """a write that never ends: left alone for a while, then shown"""
        self.expect_screen(self.show(16))

        def draw(number):
            picture = oracle.pattern(CHECKS, WIDTH, HEIGHT, number)
            self.planes.write(PAGE * (16 % 8),
                              layers.of_picture(picture).data)
            return picture

        with pending_write(self.vm.pid):
            skipped = self.vm.vgpu("gpu0")["skipped"]
            for number in 17, 18:
                # nobody watches, and a screendump does not come back later
                want = draw(number)
                assert self.vm.screendump() == want, number
            assert self.vm.vgpu("gpu0")["skipped"] > skipped
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(want, "the last picture")
            with pending_write(self.vm.pid):
                skipped = self.vm.vgpu("gpu0")["skipped"]
                for number in 19, 20:
                    viewer.wait_for(draw(number), f"picture {number}")
                assert self.vm.vgpu("gpu0")["skipped"] > skipped
            viewer.wait_for(draw(21), "the next picture")
        self.expect_screen(self.show(22))

    def test_modifier(self):
        """tiles that nobody here can read: words, then a picture again"""
        kept = self.show(16)
        self.expect_screen(kept)
        warned = self.vm.warnings()
        with self.fault(modifier=1 << 56 | 1):
            self.show(17)
            self.until_fault("modifier", {})
            self.expect_words(self.vm.screendump())
        assert len(self.new_warnings(warned)) == 1, self.new_warnings(warned)
        self.expect_screen(self.show(18))

    def test_refused_mmap(self):
        """a buffer that cannot be mapped: words, until there is another"""
        self.expect_screen(self.show(19))
        warned = self.vm.warnings()
        with self.fault(refuse_mmap=1):
            # Another geometry: a buffer that was not exported yet.
            self.planes.show(
                PRIMARY, layers.of_picture(oracle.pattern(SOLID, 656, 480)),
                4 * PAGE)
            self.until_fault("map", {})
            self.expect_words(self.vm.screendump())
        assert len(self.new_warnings(warned)) == 1, self.new_warnings(warned)
        self.expect_screen(self.show(20))

    def test_sigbus(self):
        """pages vanish from under a mapping, and come back"""
        kept = self.show(21)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(kept, "the good picture")
            warned = self.vm.warnings()
            with self.fault(sigbus=1):
                self.until_fault("vanished", {})
                assert self.vm.screendump() == kept
                assert len(self.new_warnings(warned)) == 1, self.vm.stderr()
                want = self.show(22)
                viewer.drain()
                assert viewer.picture() == kept
            viewer.wait_for(want, "the next picture")

    def test_hostile_registers(self):
        """a guest that programs nonsense; the driver refuses, words or last"""
        for registers in ({"stride": 3}, {"width": 0xffffffff},
                          {"offset": 123}, {"fourcc": 1},
                          {"offset_hi": 0xffffffff}):
            self.expect_screen(self.show(23))
            self.planes.program(PRIMARY, **registers)
            self.vm.screendump()
        self.expect_screen(self.show(24))


class VgpuFaultyRegion(VgpuGroup):
    """Faults of a vGPU that offers a region."""

    kind = "vgpu-region"

    def test_sigbus(self):
        """pages vanish from under the region's mapping, and come back"""
        kept = self.show(30)
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(kept, "the good picture")
            warned = self.vm.warnings()
            with self.fault(sigbus=1):
                self.until_fault("vanished", {})
                assert self.vm.screendump() == kept
                assert len(self.new_warnings(warned)) == 1, self.vm.stderr()
            viewer.wait_for(self.show(31), "the next picture")

    def test_wrong_reports(self):
        """stride, extent and format, one after the other"""
        kept = self.show(32)
        self.expect_screen(kept)
        for kind, fault in (("stride", {"stride": 5}),
                            ("extent", {"width": 70000}),
                            ("bounds", {"stride": 1 << 20}),
                            ("format", {"format": 5})):
            warned = self.vm.warnings()
            with self.fault(**fault):
                self.until_fault(kind, {})
                assert self.vm.screendump() == kept
            assert len(self.new_warnings(warned)) == 1, self.vm.stderr()
        self.expect_screen(self.show(33))


class VgpuRegionPart(VgpuGroup):
    """Regions of which a part can be mapped."""

    kind = "vgpu-region"
    frame_pages = 0
    frame_unreadable = 0

    @classmethod
    def cases(cls):
        return [] if cls is VgpuRegionPart else super().cases()

    def configure(self, vm):
        super().configure(vm)
        self.mdev.fault(frame_pages=self.frame_pages,
                        frame_unreadable=self.frame_unreadable)

    def expect_frames(self):
        for number in range(3):
            self.expect_screen(self.show(40 + number))
        self.expect_path("gpu0", "region")
        assert not self.faults(), self.faults()


class VgpuRegionUnreadable(VgpuRegionPart):
    """The part that a frame needs, of a region that cannot be read."""

    frame_pages = WIDTH * HEIGHT * 4 // 4096
    frame_unreadable = 1

    def test_mapped(self):
        """frames are mapped, and none is read"""
        self.expect_frames()
        assert self.mdev.count("reads") == 0


class VgpuRegionTooSmall(VgpuRegionPart):
    """A page less than a frame needs."""

    frame_pages = WIDTH * HEIGHT * 4 // 4096 - 1

    def test_read(self):
        """frames are read, many rows at a time"""
        self.expect_frames()
        before = self.mdev.count("reads")
        self.vm.screendump()
        reads = self.mdev.count("reads") - before
        assert reads and reads % (HEIGHT // 16) == 0, reads
