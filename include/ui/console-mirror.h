/*
 * The console's mirror: device memory copied into a surface that QEMU owns
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_CONSOLE_MIRROR_H
#define UI_CONSOLE_MIRROR_H

#include "ui/console.h"
#include "ui/pixel-format.h"

/**
 * DOC: The console's mirror
 *
 * The one place where QEMU's CPU reads pixels that a device or guest can
 * change. Viewers, encoders and picture files see only the mirror's surface,
 * which is always x8r8g8b8 and belongs to the console.
 *
 * console_mirror_update() compares the frame with the surface, copies what
 * differs and announces just that with dpy_gfx_update(). Memory that vanishes
 * under the copy ends it; the surface then keeps what it has.
 */
typedef struct ConsoleMirror ConsoleMirror;

/**
 * struct MirrorFrame:
 * @format: of the pixels, not NULL
 * @width: pixels
 * @height: rows
 * @readable: rows from the top that can be read, at most @height; the rest is
 *            shown black
 * @stride: bytes from row to row, at least @width pixels
 * @offset: bytes to the first pixel
 * @map: mapped memory that @offset counts from; NULL if there is @read
 * @fd: dma-buf behind @map, whose size and fences are looked at before each
 *      copy, or -1
 * @read: (optional) copies @len bytes at @offset to @buf and returns the
 *        count or a negative errno; used where memory cannot be mapped
 * @opaque: for @read
 *
 * A frame in memory that the caller has checked: @readable rows lie whole in
 * @map or in what @read reaches. Only borrowed for the call.
 */
typedef struct MirrorFrame {
    const UIPixelFormat *format;
    uint32_t width;
    uint32_t height;
    uint32_t readable;
    uint32_t stride;
    uint64_t offset;
    const uint8_t *map;
    int fd;
    ssize_t (*read)(void *opaque, void *buf, size_t len, uint64_t offset);
    void *opaque;
} MirrorFrame;

/**
 * enum MirrorResult:
 * @MIRROR_UNCHANGED: the surface shows the frame and did so before
 * @MIRROR_CHANGED: the surface shows the frame now
 * @MIRROR_BUSY: the device is still drawing; nothing was read
 * @MIRROR_VANISHED: the memory, or a part of it, is gone
 */
typedef enum MirrorResult {
    MIRROR_UNCHANGED,
    MIRROR_CHANGED,
    MIRROR_BUSY,
    MIRROR_VANISHED,
} MirrorResult;

/**
 * struct MirrorStats:
 * @frames: updates that changed something
 * @bytes_read: bytes of device memory that were looked at
 */
typedef struct MirrorStats {
    uint64_t frames;
    uint64_t bytes_read;
} MirrorStats;

/**
 * console_mirror_new:
 * @con: the console, which must outlive the mirror
 *
 * Returns: a mirror without a surface, to be freed with
 * console_mirror_free().
 */
ConsoleMirror *console_mirror_new(QemuConsole *con);

/**
 * console_mirror_free:
 * @mirror: a mirror, or NULL; the console keeps the surface
 */
void console_mirror_free(ConsoleMirror *mirror);

/**
 * console_mirror_update:
 * @mirror: a mirror
 * @frame: what to show
 *
 * Brings the surface up to date with the frame. A frame of another size, or
 * the first one after something else was shown, gets a new surface, which is
 * published once it is complete. Main loop only.
 *
 * Returns: what happened.
 */
MirrorResult console_mirror_update(ConsoleMirror *mirror,
                                   const MirrorFrame *frame);

/**
 * console_mirror_prepare:
 * @mirror: a mirror
 * @width: pixels
 * @height: rows
 *
 * Gives the console a surface of that size for somebody else to fill, as a
 * GL readback does.
 */
void console_mirror_prepare(ConsoleMirror *mirror, uint32_t width,
                            uint32_t height);

/**
 * console_mirror_stats:
 * @mirror: a mirror
 *
 * Returns: the counters since console_mirror_new().
 */
MirrorStats console_mirror_stats(const ConsoleMirror *mirror);

#endif /* UI_CONSOLE_MIRROR_H */
