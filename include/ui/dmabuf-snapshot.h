/*
 * A copy of what is in a dma-buf
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_DMABUF_SNAPSHOT_H
#define UI_DMABUF_SNAPSHOT_H

#include <pixman.h>
#include "qemu/coroutine.h"
#include "ui/dmabuf.h"

/**
 * dmabuf_snapshot_map:
 * @dmabuf: a buffer with one plane
 * @errp: error
 *
 * Copies by CPU the rectangle of the buffer that is scanned out, the picture's
 * top row first wherever the buffer has it.
 *
 * Returns: a new image in x8r8g8b8, or NULL if the buffer is not linear, has a
 * format that pixman has not, cannot be mapped or ends too early.
 */
pixman_image_t *dmabuf_snapshot_map(QemuDmaBuf *dmabuf, Error **errp);

/**
 * dmabuf_co_snapshot:
 * @dmabuf: a buffer; may go while this waits
 * @errp: error
 *
 * The same, by OpenGL if the CPU cannot, or first if nothing is known of the
 * buffer's layout (DRM_FORMAT_MOD_INVALID). Waits for that, in a coroutine of
 * the main loop.
 *
 * Returns: a new image in x8r8g8b8, or NULL.
 */
pixman_image_t *coroutine_fn dmabuf_co_snapshot(QemuDmaBuf *dmabuf,
                                                Error **errp);

#endif /* UI_DMABUF_SNAPSHOT_H */
