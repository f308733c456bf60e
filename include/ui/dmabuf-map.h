/*
 * A dma-buf mapped for reading by the CPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_DMABUF_MAP_H
#define UI_DMABUF_MAP_H

/**
 * struct DmaBufMap:
 * @data: the buffer's first byte; read it through guarded_read() alone
 * @len: bytes that are mapped from there
 */
typedef struct DmaBufMap {
    const uint8_t *data;
    size_t len;
} DmaBufMap;

/**
 * dmabuf_map_new:
 * @fd: a dma-buf, or a memfd in its place; only used in the call
 * @len: bytes that the frame takes from the buffer's start
 * @errp: error
 *
 * Maps the buffer, shared and read-only. The kernel maps only whole pages of
 * a dma-buf: where its size is no multiple of a page, the map ends before
 * @len and the caller shows the rows that are there.
 *
 * Returns: a new map, to be freed with dmabuf_map_free(), or NULL if not even
 * one page can be mapped.
 */
DmaBufMap *dmabuf_map_new(int fd, uint64_t len, Error **errp);

/**
 * dmabuf_map_free:
 * @map: a map, or NULL
 */
void dmabuf_map_free(DmaBufMap *map);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DmaBufMap, dmabuf_map_free)

/**
 * dmabuf_sync_read_begin:
 * @fd: a dma-buf, or a memfd in its place
 *
 * Makes what the device wrote visible to the CPU (DMA_BUF_IOCTL_SYNC, see
 * linux/dma-buf.h). Never waits: while the device has not finished writing
 * (the file polls as not readable) nothing is begun.
 *
 * Returns: true if the buffer may be read now; the caller then ends that with
 * dmabuf_sync_read_end().
 */
bool dmabuf_sync_read_begin(int fd);

/**
 * dmabuf_sync_read_end:
 * @fd: what was begun
 */
void dmabuf_sync_read_end(int fd);

/**
 * dmabuf_wait_for_writers:
 * @fd: a dma-buf, or a memfd in its place
 * @ms: for how long at most
 *
 * Waits until the device has written what it was asked to write before this
 * call (DMA_BUF_IOCTL_EXPORT_SYNC_FILE, or where the kernel has no such, until
 * it writes nothing). For threads that may wait: not for the main loop.
 */
void dmabuf_wait_for_writers(int fd, int ms);

#endif /* UI_DMABUF_MAP_H */
