#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the inputs that the fuzz targets start from: seeds.py FOLDER."""

import pathlib
import random
import struct
import sys


def code(letters):
    return int.from_bytes(letters.encode(), "little")


def page(fourcc="XR24", width=64, height=48, stride=256, damage=1, status=0):
    """struct vfio_gfx_meta as a driver should write it."""
    pixels = stride * height
    head = struct.pack(
        "<6IQ2I2Q2Q4I", 0x4d475056, 1, 400, 2, code(fourcc), width, 0, height,
        stride, 0, pixels, 1, 0, status, 1, 0, damage)
    rects = struct.pack("<4I", 1, 2, 30, 20) + bytes(15 * 16)
    cursor = struct.pack("<I2i7IQ2I", 1, -3, 4, 1, 2, code("AR24"), 16, 16,
                         64, 5, pixels, 0, 0)
    return head + rects + cursor


def metadata_seeds():
    for fourcc, cpp in ("XR24", 4), ("RG16", 2), ("\0\0\0\0", 4):
        for damage in 0, 1, 16, 0xffffffff:
            for status in 0, 1, 2:
                raw = page(fourcc, stride=64 * cpp, damage=damage,
                           status=status)
                assert len(raw) == 400, len(raw)
                # what the parser is given, and what the copy finds
                yield struct.pack("<Q", 1 << 20) + raw
                yield raw[12:16] + raw + raw[12:16]


def plane_seeds():
    formats = {"XR24": 4, "AR24": 4, "RG16": 2, "NV12": 1, "YUYV": 2}
    for kind in range(3):
        for fourcc, cpp in formats.items():
            for by_read in 0, 1:
                stride = 33 * cpp + 8
                rows = 17 + 9 * (fourcc == "NV12")
                yield struct.pack(
                    "<I4B4I2Q16i", stride * rows + 16, kind, by_read, 1, 2,
                    code(fourcc), 33, 17, stride, 16, 0,
                    *(0, 0, 1, 1), *(5, 6, 40, 40), *(-5, 3, 2, 4),
                    *(0, 0, 33, 17))


def windows_seeds():
    """A guest that connects, sends memory and a pipe, and is answered."""
    def submit(*words, data=b""):
        raw = struct.pack(f"<{len(words)}I", *words) + data
        times = -(-len(raw) // 255)
        return bytes((11 * (times - 1), len(raw) // times)) + raw

    def head(cmd, size):
        return cmd | size << 16

    poll, init = submit(head(3, 8), 0), submit(head(1, 20), 0, 2, 3, 1)
    image = submit(head(2, 24), 0, 64, 64, code("XR24"), 0)
    for ids, cut in (4, 0), (28, 0), (4, 3):
        size = 16 + 12 * ids + 8
        words = [0] * (3 * ids)
        words[0], words[ids] = 2, 1
        words[1], words[ids + 1] = 0x80000001, 3
        send = submit(head(4, size), 0, 2, 8, *words, data=b"12345678"[cut:])
        write = submit(head(7, 28), 0, 1, 1, 4, 0, data=b"clip")
        for middle in (b"\2\x10", b"\3\x10", b"\4\x10", b"\6\1", b"\7\5",
                       b"\2\xff\2\xff", b"\5\0\2\x08\5\1"):
            yield init + send + poll + b"\1\0" + middle + b"\1\0\1\0" + \
                write + image + b"\x08\1" + b"\1\0" + b"\x09\0\1\0\1\0"


def display_seeds():
    """Long lives of many kinds of devices; small numbers choose more often."""
    # the buffer on screen is released: its id has another layout
    yield bytes.fromhex("ff9a9a0000000000009b9b6341019a9a07ae"
                        "0b9a9a0000000000009b6341019a9a9a07ae0b")
    # a screendump waits for slow OpenGL while a driver is asked to copy again
    yield bytes.fromhex("bee7342adc04c40cc2d3030701bc071c0108085aac0e79ef8e06"
                        "71af030503360c0c0de0d70e0d011cd81dffdb0b00654e070c05"
                        "1e02530dd808600ccc8bc002d60d05d392e9c07a730a08525604"
                        "2901079a")
    # an overlay's buffer is closed, and then the primary's is not to be had
    yield bytes.fromhex("1790f60bfa0a000000000e8901552ef100a40cae0d0004a59c00"
                        "0000ff010a8e06050ae00b0203c4040b0fe90200631abe0affff"
                        "ff1c0000ffffffb81d05b30e5f")
    chance = random.Random(1)
    for length in (40, 100, 300) * 60:
        yield bytes(chance.randrange(chance.choice((16, 256)))
                    for _ in range(length))


def main():
    top = pathlib.Path(sys.argv[1])
    for target, seeds in (("metadata", metadata_seeds()),
                          ("plane", plane_seeds()),
                          ("windows", windows_seeds()),
                          ("display", display_seeds())):
        folder = top / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (folder / f"seed-{number}").write_bytes(seed)


if __name__ == "__main__":
    main()
