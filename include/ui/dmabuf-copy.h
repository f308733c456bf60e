/*
 * A copy of a dma-buf for a renderer that must not meet what can vanish
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_DMABUF_COPY_H
#define UI_DMABUF_COPY_H

#include "ui/dmabuf.h"

/**
 * typedef DmaBufCopy:
 *
 * Memory of QEMU's with the contents of a dma-buf, in a file as well.
 *
 * Software renderers read the buffers that they imported by CPU, in threads of
 * their own and when they please. A guest's buffer can shrink then, or its
 * driver take a page away, and the signal would end QEMU. They are given this.
 */
typedef struct DmaBufCopy DmaBufCopy;

/**
 * dmabuf_copy_new:
 * @dmabuf: a buffer with one plane; its fd is used until dmabuf_copy_free()
 * @errp: error
 *
 * Returns: a copy without contents, to be freed with dmabuf_copy_free(), or
 * NULL if not all of the buffer can be mapped.
 */
DmaBufCopy *dmabuf_copy_new(QemuDmaBuf *dmabuf, Error **errp);

/**
 * dmabuf_copy_free:
 * @copy: a copy, or NULL
 */
void dmabuf_copy_free(DmaBufCopy *copy);

/**
 * dmabuf_copy_get:
 * @copy: a copy
 *
 * Returns: what to import; borrowed.
 */
QemuDmaBuf *dmabuf_copy_get(DmaBufCopy *copy);

/**
 * dmabuf_copy_update:
 * @copy: a copy
 * @first: row of the buffer's rectangle (qemu_dmabuf_get_y())
 * @rows: how many
 * @errp: error
 *
 * Copies what is in these rows of the buffer now. May be called in any thread.
 *
 * Returns: false if a part of it is not there any more.
 */
bool dmabuf_copy_update(DmaBufCopy *copy, uint32_t first, uint32_t rows,
                        Error **errp);

#endif /* UI_DMABUF_COPY_H */
