#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of the lab's patches to the mbochs driver. Prints TAP.

Started on the host, the program runs itself in a lab. The display's tests
rely on what it checks; here the driver is asked directly, by its ioctls.
"""

import errno
import fcntl
import mmap
import os
import struct
import subprocess
import sys
import uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

# linux/vfio.h; all of these carry no size in their number.
VFIO_GET_REGION_INFO = 0x3b6c
VFIO_QUERY_GFX_PLANE = 0x3b72
VFIO_GET_GFX_DMABUF = 0x3b73
VFIO_BIND_IOMMUFD = 0x3b76

PLANE_DMABUF = 2
PLANE_PRIMARY = 1
PLANE = struct.Struct("<IIIIQIIIIIIIIII")

# Bochs' dispi registers in BAR 2
DISPI = 0x500
XRES, YRES, BPP, ENABLE = 1, 2, 3, 4

WIDTH, HEIGHT = 128, 64
SIZE = WIDTH * HEIGHT * 4


class Vgpu:
    """A device of the driver, opened as QEMU would."""

    def __init__(self):
        name = str(uuid.uuid4())
        self.sysfs = f"/sys/bus/mdev/devices/{name}"
        with open("/sys/class/mdev_bus/mbochs/mdev_supported_types/"
                  "mbochs-small/create", "w", encoding="ascii") as create:
            create.write(name)
        node = os.listdir(f"{self.sysfs}/vfio-dev")[0]
        self.iommu = os.open("/dev/iommu", os.O_RDWR)
        self.fd = os.open(f"/dev/vfio/devices/{node}", os.O_RDWR)
        fcntl.ioctl(self.fd, VFIO_BIND_IOMMUFD,
                    struct.pack("<IIiI", 16, 0, self.iommu, 0))

    def region_offset(self, index):
        info = struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0)
        return struct.unpack(
            "<IIIIQQ", fcntl.ioctl(self.fd, VFIO_GET_REGION_INFO, info))[5]

    def set_mode(self):
        registers = self.region_offset(2) + DISPI
        for index, value in ((XRES, WIDTH), (YRES, HEIGHT), (BPP, 32),
                             (ENABLE, 0x41)):
            os.pwrite(self.fd, struct.pack("<H", value),
                      registers + 2 * index)

    def memory(self):
        """The start of the video memory, mapped."""
        return mmap.mmap(self.fd, SIZE, offset=self.region_offset(0))

    def query(self):
        """The primary plane's buffer id."""
        plane = PLANE.pack(PLANE.size, PLANE_DMABUF, PLANE_PRIMARY,
                           *[0] * 12)
        answer = PLANE.unpack(
            fcntl.ioctl(self.fd, VFIO_QUERY_GFX_PLANE, plane))
        assert answer[5:8] == (WIDTH, HEIGHT, WIDTH * 4), answer
        return answer[13]

    def query_again(self):
        """A new mode's first query fails; that is left as it is."""
        try:
            return self.query()
        except OSError as error:
            assert error.errno == errno.ENOMEM, error
        return self.query()

    def get(self, buffer):
        """A new file descriptor for the buffer with that id."""
        return fcntl.ioctl(self.fd, VFIO_GET_GFX_DMABUF,
                           bytearray(struct.pack("<I", buffer)))

    def close(self):
        os.close(self.fd)
        os.close(self.iommu)
        with open(f"{self.sysfs}/remove", "w", encoding="ascii") as remove:
            remove.write("1")


def disturb_free_memory():
    """Pages that were freed by mistake get new owners and new content."""
    with mmap.mmap(-1, 4 << 20) as memory:
        memory.write(b"\xee" * len(memory))


def check_shared(memory, fd, value):
    """The buffer and the video memory are the same pages."""
    pattern = bytes((value,)) * SIZE
    memory[:] = pattern
    disturb_free_memory()
    with mmap.mmap(fd, SIZE) as view:
        assert view[:] == pattern, "other pages"
        view[0] = value ^ 0xff
    assert memory[0] == value ^ 0xff, "other pages"


def kernel_log():
    return subprocess.run(["dmesg"], check=True, capture_output=True,
                          encoding="utf-8", errors="replace").stdout


def check_kernel_log(log):
    for word in ("BUG:", "WARNING:", "Oops", "refcount"):
        assert word not in log, log


def with_vgpu(test):
    before = kernel_log()
    vgpu = Vgpu()
    try:
        vgpu.set_mode()
        with vgpu.memory() as memory:
            test(vgpu, memory)
    finally:
        vgpu.close()
    check_kernel_log(kernel_log().removeprefix(before))


def test_first_query_of_a_mode_fails():
    def test(vgpu, _):
        try:
            vgpu.query()
            raise AssertionError("the query succeeded")
        except OSError as error:
            assert error.errno == errno.ENOMEM, error
        assert vgpu.query() > 0
    with_vgpu(test)


def test_buffer_can_be_mapped():
    def test(vgpu, memory):
        fd = vgpu.get(vgpu.query_again())
        check_shared(memory, fd, 0x11)
        os.close(fd)
    with_vgpu(test)


def test_second_get_while_the_first_is_open():
    def test(vgpu, memory):
        buffer = vgpu.query_again()
        first, second = vgpu.get(buffer), vgpu.get(buffer)
        check_shared(memory, first, 0x21)
        os.close(first)
        check_shared(memory, second, 0x22)
        third = vgpu.get(buffer)
        os.close(second)
        check_shared(memory, third, 0x23)
        os.close(third)
    with_vgpu(test)


def test_get_after_close():
    def test(vgpu, memory):
        buffer = vgpu.query_again()
        for value in range(8):
            fd = vgpu.get(buffer)
            check_shared(memory, fd, value)
            os.close(fd)
        memory[:] = b"\x31" * SIZE
        disturb_free_memory()
        assert memory[:] == b"\x31" * SIZE, "the video memory was freed"
    with_vgpu(test)


def test_buffer_outlives_the_device_file():
    """QEMU may close the device first; the viewer's buffer stays valid."""
    kept = []

    def test(vgpu, memory):
        kept.append(vgpu.get(vgpu.query_again()))
        kept.append(mmap.mmap(kept[0], SIZE))
        memory[:] = b"\x41" * SIZE
        os.close(vgpu.fd)
        vgpu.fd = os.dup(vgpu.iommu)
        memory.close()
        disturb_free_memory()
        assert kept[1][:] == b"\x41" * SIZE, "other pages"
        kept[1].close()
        os.close(kept[0])
    with_vgpu(test)


def test_export_without_write_access():
    def test(vgpu, _):
        fd = vgpu.get(vgpu.query_again())
        for protection in (mmap.PROT_READ, mmap.PROT_READ | mmap.PROT_WRITE):
            try:
                mmap.mmap(fd, SIZE, mmap.MAP_SHARED, protection).close()
                raise AssertionError("it can be mapped")
            except (PermissionError, OSError):
                pass
        os.close(fd)
    with_vgpu(test)


TESTS = (test_first_query_of_a_mode_fails, test_buffer_can_be_mapped,
         test_second_get_while_the_first_is_open, test_get_after_close,
         test_buffer_outlives_the_device_file,
         test_export_without_write_access)


def run_inside(numbers):
    for number in numbers:
        test = TESTS[number - 1]
        title = test.__name__.removeprefix("test_").replace("_", " ")
        try:
            test()
            print(f"ok {number} - {title}", flush=True)
        except Exception as error:  # pylint: disable=broad-exception-caught
            print(f"not ok {number} - {title}\n# {error!r}", flush=True)


def run_in_lab(options, numbers):
    return subprocess.run(
        [os.path.join(TOP, "vgpu"), "lab", *options, "--", sys.executable,
         os.path.abspath(__file__), *map(str, numbers)], check=False,
        stdin=subprocess.DEVNULL).returncode


def main():
    if len(sys.argv) > 1:
        run_inside(map(int, sys.argv[1:]))
        return
    last = len(TESTS)
    print(f"1..{last}", flush=True)
    failed = run_in_lab((), range(1, last))
    failed |= run_in_lab(("--kernel-arg", "mbochs.export_rdwr=0"), [last])
    sys.exit(failed)


if __name__ == "__main__":
    main()
