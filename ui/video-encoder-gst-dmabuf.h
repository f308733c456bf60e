/*
 * Dma-bufs for GStreamer's video encoders
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_ENCODER_GST_DMABUF_H
#define VIDEO_ENCODER_GST_DMABUF_H

#include "video-dmabuf.h"
#include <gst/gst.h>

/**
 * gst_dmabuf_caps:
 * @element: the name of the first element of a chain
 * @format: a kind of dma-bufs
 *
 * Returns: what GStreamer calls them, for that element, less their size, or
 * NULL if it does not take them without reading them by CPU, as far as it
 * says. The caller frees it.
 */
char *gst_dmabuf_caps(const char *element, const VideoFormat *format);

/**
 * gst_dmabuf_set_up:
 * @element: the first element of a pipeline of which nothing runs yet
 *
 * Has it import the dma-bufs that it will be given.
 */
void gst_dmabuf_set_up(GstElement *element);

/**
 * gst_dmabuf_buffer:
 * @dmabuf: a dma-buf, which may go as the buffer has a descriptor of its own
 * @errp: why there is none
 *
 * Returns: a buffer for the pipeline, or NULL.
 */
GstBuffer *gst_dmabuf_buffer(const VideoDmabuf *dmabuf, Error **errp);

#endif /* VIDEO_ENCODER_GST_DMABUF_H */
