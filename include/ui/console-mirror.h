/*
 * The console's mirror: device memory copied into a surface that QEMU owns
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_CONSOLE_MIRROR_H
#define UI_CONSOLE_MIRROR_H

#include "ui/console.h"
#include "ui/mirror-overlays.h"

/**
 * DOC: The console's mirror
 *
 * Viewers, encoders and picture files see only the mirror's surface, which is
 * always x8r8g8b8 and belongs to the console. What a device or guest can
 * change gets there through mirror layers alone.
 *
 * console_mirror_update() compares the frame with the surface, copies what
 * differs and announces just that with dpy_gfx_update(). Memory that vanishes
 * under the copy ends it; the surface then keeps what it has.
 *
 * While there are overlays the frame goes to an image of its own, and the
 * surface is composed of that and of the overlays' copies, where something
 * changed. Without overlays there is no such image.
 */
typedef struct ConsoleMirror ConsoleMirror;

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
 * console_mirror_copy:
 * @mirror: a mirror
 * @frame: what to show
 *
 * Reads the frame, and leaves it to the next console_mirror_update() to tell
 * viewers; until then they are not to look. With the BQL, in any thread.
 *
 * Returns: false if that is to be left to console_mirror_update(), too.
 */
bool console_mirror_copy(ConsoleMirror *mirror, const MirrorFrame *frame);

/**
 * console_mirror_holds:
 * @mirror: a mirror
 * @width: pixels
 * @height: rows
 *
 * Returns: true if the console shows a whole frame of that size that came
 * through the mirror, so that of the next one only what differs is needed.
 */
bool console_mirror_holds(const ConsoleMirror *mirror, uint32_t width,
                          uint32_t height);

/**
 * console_mirror_is_half_drawn:
 * @mirror: a mirror
 *
 * Returns: true if the device was still drawing the last frame when that was
 * read (MIRROR_BUSY_READS). It lacks what came after that, and has to be read
 * again.
 */
bool console_mirror_is_half_drawn(const ConsoleMirror *mirror);

/**
 * console_mirror_overlays:
 * @mirror: a mirror
 *
 * Returns: the overlays over it, which the next console_mirror_update() shows.
 * Valid until console_mirror_prepare() or console_mirror_free().
 */
MirrorOverlays *console_mirror_overlays(const ConsoleMirror *mirror);

/**
 * console_mirror_prepare:
 * @mirror: a mirror
 * @width: pixels
 * @height: rows
 *
 * Gives the console a surface of that size for somebody else to fill, as a
 * GL readback does. There are no overlays over it.
 */
void console_mirror_prepare(ConsoleMirror *mirror, uint32_t width,
                            uint32_t height);

/**
 * console_mirror_bytes_read:
 * @mirror: a mirror
 *
 * Returns: bytes of device memory that were read for frames, without overlays,
 * since console_mirror_new().
 */
uint64_t console_mirror_bytes_read(const ConsoleMirror *mirror);

#endif /* UI_CONSOLE_MIRROR_H */
