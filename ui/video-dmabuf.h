/*
 * A guest's dma-buf on its way to a video encoder
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_DMABUF_H
#define VIDEO_DMABUF_H

#include "ui/dmabuf.h"

/**
 * struct VideoFormat:
 * @fourcc: of DRM's formats
 * @modifier: of DRM's; never DRM_FORMAT_MOD_INVALID
 *
 * The kind of a dma-buf: what an encoder that refuses one refuses.
 */
typedef struct VideoFormat {
    uint32_t fourcc;
    uint64_t modifier;
} VideoFormat;

/**
 * struct VideoDmabuf:
 * @refs: how many hold it; atomic
 * @fd: its own descriptor, so that the memory stays
 * @inode: tells the guest's buffers apart
 * @format: its kind
 * @width: in pixels
 * @height: in pixels
 * @stride: bytes from one row to the next
 * @size: bytes of all of it
 *
 * A picture of the guest's in a dma-buf, from the buffer's first byte on. What
 * is in it can change as long as the guest has it, too.
 */
typedef struct VideoDmabuf {
    int refs;
    int fd;
    uint64_t inode;
    VideoFormat format;
    int width, height;
    uint32_t stride;
    uint64_t size;
} VideoDmabuf;

/**
 * video_dmabuf_new:
 * @dmabuf: what a console scans out; it may go afterwards
 * @errp: why it is nothing for an encoder: it is not one picture of one plane
 *     from its first byte on, the upper row first, of a layout that is known
 *
 * Returns: the same for encoders, or NULL; drop it with video_dmabuf_unref().
 */
VideoDmabuf *video_dmabuf_new(QemuDmaBuf *dmabuf, Error **errp);

/**
 * video_dmabuf_ref:
 * @dmabuf: a buffer, or NULL
 *
 * Returns: @dmabuf, which has one more who holds it. Any thread.
 */
VideoDmabuf *video_dmabuf_ref(VideoDmabuf *dmabuf);

/**
 * video_dmabuf_unref:
 * @dmabuf: a buffer, or NULL; gone if nobody else holds it. Any thread.
 */
void video_dmabuf_unref(VideoDmabuf *dmabuf);

/**
 * video_format_equal:
 * @a: a kind
 * @b: a kind
 *
 * Returns: whether they are the same.
 */
bool video_format_equal(const VideoFormat *a, const VideoFormat *b);

#endif /* VIDEO_DMABUF_H */
