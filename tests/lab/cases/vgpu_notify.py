# SPDX-License-Identifier: GPL-2.0-or-later
"""The display interrupt, the metadata page and the monitor of our own vGPU.

What costs nothing is counted, not timed: QEMU's and the driver's counters are
compared across a wait.
"""

import contextlib
import time

from vgpulab import layers, mesa, oracle, vfio
from vgpulab.fences import pending_write
from vgpulab.oracle import CHECKS
from vgpulab.rfb import RAW, Rfb
from vgpulab.vgpugroup import HEIGHT, PAGE, WIDTH, VgpuGroup
from vgpulab.viewers.dbus import Bus, option
from vgpulab.wait import until

SLOT = 5
# Long enough for some of the polls that come once a second.
QUIET = 4.0


class NotifyGroup(VgpuGroup):
    """A guest that reports what it draws, so that silence means stillness."""

    def setup(self):
        super().setup()
        self.report()

    def report(self):
        self.planes.set(vfio.DAMAGE_REPORTED, 1)

    @contextlib.contextmanager
    def watched(self, want):
        """A viewer that shows that picture and has had all of it."""
        with Rfb(self.vm.vnc_display, RAW) as viewer:
            viewer.wait_for(want, "the picture")
            viewer.drain()
            yield viewer

    def counters(self):
        return self.vm.vgpu("gpu0")

    def across_quiet(self, viewer=None):
        """Counters' growth while nothing happens, and how long that was."""
        # What follows a change, such as looking a bit longer, has to pass.
        until("quiet", self.is_quiet)
        start, before = time.monotonic(), self.counters()
        while time.monotonic() < start + QUIET:
            if viewer:
                assert not viewer.pending(0.1), "an update of nothing"
            else:
                time.sleep(0.1)
        after = self.counters()
        return {key: after[key] - before[key] for key in
                ("bytes-read", "frames", "refreshes", "notifications")}, \
            time.monotonic() - start

    def is_quiet(self):
        before = self.counters()
        time.sleep(2.5)
        after = self.counters()
        return after["refreshes"] - before["refreshes"] <= 4


class VgpuNotify(NotifyGroup):
    """Everything offered."""

    def test_nothing_changes(self):
        """nothing changes: no byte is read, and about one look per second"""
        with self.watched(self.show(1)) as viewer:
            grown, seconds = self.across_quiet(viewer)
            assert grown["bytes-read"] == 0, grown
            assert grown["frames"] == 0, grown
            assert grown["refreshes"] <= 2 * seconds + 2, (grown, seconds)

    def test_nobody_watches(self):
        """nobody watches: no refresh and no wake-up, whatever is drawn"""
        self.expect_screen(self.show(2))
        until("the last viewer to be gone", self.is_quiet)
        before, queries = self.counters(), self.mdev.count("queries")
        signals = self.mdev.count("signals")
        for number in range(3, 23):
            self.planes.flip(PAGE * (number % 8))
        assert self.mdev.count("signals") >= signals + 20
        time.sleep(1)
        after = self.counters()
        for key in "refreshes", "bytes-read", "notifications":
            assert after[key] == before[key], (key, before, after)
        assert self.mdev.count("queries") == queries

    def test_changes_are_seen(self):
        """each change wakes the display up from stillness"""
        with self.watched(self.show(3)) as viewer:
            for number in range(4, 8):
                until("quiet", self.is_quiet)
                before = self.counters()["notifications"]
                viewer.wait_for(self.show(number), f"picture {number}")
                assert self.counters()["notifications"] > before

    def test_silent_device(self):
        """a change that is not signalled is found nevertheless"""
        want = self.show(0)
        with self.watched(want) as viewer:
            until("quiet", self.is_quiet)
            signals = self.mdev.count("signals")
            other = oracle.pattern(CHECKS, WIDTH, HEIGHT, 77)
            self.planes.write(0, layers.of_picture(other).data)
            # By way of the metadata page damage would have to be reported.
            self.mdev.fault(stall_requests=0xffffffff)
            try:
                viewer.wait_for(other, "what was drawn in silence")
            finally:
                self.mdev.fault(stall_requests=0)
            assert self.mdev.count("signals") - signals < 50

    def test_storm(self):
        """100,000 signals per second: QMP answers, the display goes on"""
        with self.watched(self.show(8)) as viewer:
            with self.fault(irq_storm=100000):
                before = self.mdev.count("signals")
                until("the storm", lambda:
                      self.mdev.count("signals") > before + 10000)
                for number in range(9, 13):
                    viewer.wait_for(self.show(number), f"picture {number}")
                    self.vm.qmp.command("query-status")
                grown = self.counters()["notifications"]
                assert grown < self.mdev.count("signals") / 10, grown
            viewer.wait_for(self.show(13), "the picture after it")

    def test_no_requests_answered(self):
        """requests never completed: the next way, one warning, and back"""
        self.expect_screen(self.show(14))
        self.expect_path("gpu0", "metadata")
        with self.fault(stall_requests=0xffffffff):
            self.expect_screen(self.show(15))
            self.expect_path("gpu0", "mmap")
            with self.watched(self.show(16)) as viewer:
                viewer.wait_for(self.show(17), "another picture")
        warned = [line for line in self.vm.warnings() if "copies no" in line]
        assert len(warned) == 1, self.vm.stderr()
        assert self.faults()["request"] >= 1
        self.expect_path("gpu0", "metadata")
        self.expect_screen(self.show(18))

    def test_unplug_during_a_request(self):
        """unplugged while a request waits and a viewer watches; and back"""
        with self.watched(self.show(19)) as viewer:
            with self.fault(stall_requests=0xffffffff):
                self.show(20)
                until("a request", lambda: self.mdev.count(
                    "stall_requests") < 0xffffffff)
                qmp = self.vm.qmp
                qmp.command("device_del", id="gpu0")
                self.vm.guest.command(f"eject {SLOT}")
                qmp.wait_event("DEVICE_DELETED", device="gpu0")
            viewer.drain()
            qmp.command("device_add", driver="vfio-pci", id="gpu0",
                        addr=f"{SLOT:#x}", sysfsdev=self.mdev.path,
                        display="on")
            self.vm.guest.command("scan")
            self.planes = type(self.planes)(self.vm, "gpu0")
            self.report()
            viewer.wait_for(self.show(21), "the picture after it")

    def test_stop_and_continue(self):
        """the machine stops and goes on while a viewer watches"""
        with self.watched(self.show(22)) as viewer:
            self.vm.qmp.command("stop")
            assert self.vm.screendump() == viewer.picture()
            self.vm.qmp.command("cont")
            viewer.wait_for(self.show(23), "the picture after it")

    def test_reset(self):
        """the machine is reset: the device is off, and comes back"""
        with self.watched(self.show(24)) as viewer:
            self.vm.qmp.command("system_reset")
            self.vm.guest.wait_ready()
            self.planes = type(self.planes)(self.vm, "gpu0")
            self.report()
            viewer.wait_for(self.show(25), "the picture after it")


class ReportedGroup(NotifyGroup):
    """The guest says what it draws, and the device tells in each answer."""

    def test_reported(self):
        """a viewer gets what the guest says it drew, and no more is read"""
        picture = self.show(5)
        with self.watched(picture) as viewer:
            until("quiet", self.is_quiet)
            before, begun = self.counters()["bytes-read"], time.monotonic()
            for left, top in ((3, 5), (200, 300), (610, 470)):
                picture = picture.with_fill(left, top, 20, 8, 0x10409 * left)
                image = layers.of_picture(picture)
                rows = slice(top * image.stride, (top + 8) * image.stride)
                self.planes.write(PAGE * 5 + rows.start, image.data[rows])
                self.planes.damage(left, top, 20, 8)
                viewer.wait_for(picture, f"what was drawn at {left},{top}")
            read = self.counters()["bytes-read"] - before
            # A second without a change is a reason to make sure of that.
            whole = 4 * WIDTH * HEIGHT * (1 + int(time.monotonic() - begun))
            assert 0 < read < whole, read


class VgpuNotifyMmap(ReportedGroup):
    """The display interrupt beside dma-bufs, without the metadata page."""

    options = "display=on,x-display-path=mmap"

    def test_few_looks(self):
        """nothing changes: about one look per second, and no update"""
        with self.watched(self.show(1)) as viewer:
            grown, seconds = self.across_quiet(viewer)
            assert grown["frames"] == 0, grown
            assert grown["refreshes"] <= 2 * seconds + 2, (grown, seconds)

    def test_silent_device(self):
        """a change that is not signalled is found nevertheless"""
        with self.watched(self.show(0)) as viewer:
            # If it was taken at its word, it takes somebody who wonders.
            for number, touch in ((78, True), (79, False)):
                other = oracle.pattern(CHECKS, WIDTH, HEIGHT, number)
                self.planes.write(0, layers.of_picture(other).data)
                if touch:
                    viewer.key(0x20, True)
                    viewer.key(0x20, False)
                viewer.wait_for(other, "what was drawn in silence")

    def test_half_drawn(self):
        """what was read while it was drawn is read again until it is done"""
        picture = self.show(2)

        def fill(colour):
            filled = picture.with_fill(8, 8, 40, 16, colour)
            image = layers.of_picture(filled)
            rows = slice(8 * image.stride, 24 * image.stride)
            self.planes.write(PAGE * 2 + rows.start, image.data[rows])
            return filled

        with self.watched(picture) as viewer:
            until("quiet", self.is_quiet)
            with pending_write(self.vm.pid):
                half = fill(0x123456)
                self.planes.damage(8, 8, 40, 16)
                viewer.wait_for(half, "the first half")
                before = self.counters()["refreshes"]
                until("sixty looks", lambda:
                      self.counters()["refreshes"] > before + 60)
                viewer.wait_for(fill(0x654321), "the second half")
            until("quiet", self.is_quiet)


class VgpuReadByGl(ReportedGroup):
    """OpenGL reads, beside a render node that has no GPU behind it (vgem)."""

    options = "display=on,x-display-path=gl"

    def configure(self, vm):
        vm.environment = mesa.need_import()
        super().configure(vm)

    def test_pictures(self):
        """what is drawn is what a screendump has"""
        for number in range(4):
            self.expect_screen(self.show(number))
            assert self.counters()["path"] == "gl", self.vm.stderr()


class VgpuHostilePage(NotifyGroup):
    """A metadata page that lies; there is no other way here."""

    kind = "vgpu-metadata"

    def expect_kept(self, kind, number, **fault):
        kept = self.show(number)
        with self.watched(kept) as viewer:
            warned, again = self.vm.warnings(), kind in self.faults()
            count = self.faults().get(kind, 0)
            with self.fault(**fault):
                want = self.show(number + 1)
                until(f"a fault of kind {kind}",
                      lambda: self.faults().get(kind, 0) > count)
                viewer.drain()
                assert viewer.picture() == kept
            assert len(self.new_warnings(warned)) == (0 if again else 1), \
                self.vm.stderr()
            viewer.wait_for(want, "the next picture")

    def test_odd_generation(self):
        """the generation is left odd, as by a driver that died in between"""
        self.expect_kept("request", 1, odd_generation=1)

    def test_stalled(self):
        """a request that is never completed, and nothing else to show"""
        self.expect_kept("request", 3, stall_requests=0xffffffff)

    def test_stride(self):
        """a stride that is too small"""
        self.expect_kept("stride", 5, stride=8)

    def test_width(self):
        """more pixels than a picture may have"""
        self.expect_kept("extent", 7, width=99999)

    def test_height(self):
        """more rows than the region holds"""
        self.expect_kept("bounds", 9, height=16384, stride=1 << 20)

    def test_format(self):
        """a format that nobody knows"""
        self.expect_kept("format", 11, format=0x21212121)

    def test_damage(self):
        """more rectangles than there is room for: all of the frame"""
        with self.watched(self.show(13)) as viewer:
            with self.fault(damage_count=17):
                viewer.wait_for(self.show(14), "the next picture")
            viewer.wait_for(self.show(15), "the one after")

    def test_sigbus(self):
        """pages vanish from under the region's mapping, and come back"""
        kept = self.show(16)
        with self.watched(kept) as viewer:
            with self.fault(sigbus=1):
                want = self.show(17)
                until("a fault", lambda: set(self.faults())
                      & {"vanished", "request"})
                viewer.drain()
                assert viewer.picture() == kept
            viewer.wait_for(want, "the next picture")

    def test_human_monitor(self):
        """the human monitor's screendumps, of a driver that answers or not"""
        want = self.show(18)
        assert self.vm.human_screendump() == want
        with self.fault(stall_requests=0xffffffff):
            self.show(19)
            assert self.vm.human_screendump() == want
        want = self.show(20)
        until("the picture after it",
              lambda: self.vm.human_screendump() == want)


class VgpuMonitor(VgpuGroup):
    """The EDID region: what viewers' windows tell a region vGPU's guest."""

    kind = "vgpu-region"

    def configure(self, vm):
        self.bus = Bus()
        super().configure(vm)
        vm.add_args("-display", option(self.bus))

    def teardown(self):
        super().teardown()
        self.bus.close()

    def preferred(self):
        """Width and height of the EDID's first detailed timing."""
        edid = self.planes.edid()
        if len(edid) < 128:
            return None
        assert edid[:8] == b"\0" + b"\xff" * 6 + b"\0", edid[:8]
        assert sum(edid[:128]) % 256 == 0
        timing = edid[54:72]
        return (timing[2] | (timing[4] & 0xf0) << 4,
                timing[5] | (timing[7] & 0xf0) << 4)

    def test_largest_first(self):
        """before anybody resizes: a monitor is there, and prefers a mode"""
        until("a monitor", self.preferred)

    def test_resize(self):
        """resizing a viewer changes the guest's preferred mode"""
        for size in ((1000, 700), (1280, 1024), (640, 480)):
            self.bus.resize(*size)
            until(f"{size} to be preferred",
                  lambda wanted=size: self.preferred() == wanted)

    def test_dragged(self):
        """a window that is dragged larger: the last size is what counts"""
        for width in range(700, 800, 4):
            self.bus.resize(width, 600)
        until("the last size", lambda: self.preferred() == (796, 600))
