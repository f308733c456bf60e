/*
 * Which video encoders GStreamer has
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_ENCODER_GST_FIND_H
#define VIDEO_ENCODER_GST_FIND_H

#include "video-encoder.h"

/* Range 16-235, matrix BT.601, transfer sRGB, primaries BT.709. */
#define COLORIMETRY "2:4:7:1"

/**
 * struct KnownEncoder:
 * @element: its name
 * @settings: what is set unless somebody has
 * @bitrate_unit: of its setting, in bit/s; 0: it has no such setting
 * @dmabuf: what stands before it for dma-bufs; NULL: it takes none
 * @parse: it may not repeat its parameter sets
 */
typedef struct KnownEncoder {
    const char *element;
    const char *settings;
    unsigned bitrate_unit;
    const char *dmabuf;
    bool parse;
} KnownEncoder;

/**
 * gst_find_encoders:
 *
 * See VideoEncoderBackend.find.
 */
bool gst_find_encoders(const char *wanted, const VideoFormat *format,
                       VideoFacts *facts, Error **errp);

/**
 * gst_find_exists:
 * @element: a name
 *
 * Returns: whether there is such an element.
 */
bool gst_find_exists(const char *element);

/**
 * gst_find_known:
 * @element: a name
 *
 * Returns: what is known of it, or NULL.
 */
const KnownEncoder *gst_find_known(const char *element);

/**
 * gst_find_first:
 * @chain: elements
 *
 * Returns: the name of the one that is given the pictures. The caller frees it.
 */
char *gst_find_first(const char *chain);

/**
 * gst_find_dmabuf_chain:
 * @chain: elements that are given pixels
 *
 * Returns: those that are given dma-bufs, or NULL. The caller frees it.
 */
char *gst_find_dmabuf_chain(const char *chain);

/**
 * gst_find_dmabuf_caps:
 * @chain: elements
 * @format: a kind of dma-bufs
 *
 * Returns: what those are called, or NULL if they are not taken. The caller
 * frees it.
 */
char *gst_find_dmabuf_caps(const char *chain, const VideoFormat *format);

#endif /* VIDEO_ENCODER_GST_FIND_H */
