/*
 * Video encoders of GStreamer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_ENCODER_GST_H
#define VIDEO_ENCODER_GST_H

#include "video-encoder-backend.h"

/* What video_encoder_set_backend() is called with where GStreamer is in. */
extern const VideoEncoderBackend video_encoder_gst;

/**
 * video_encoder_gst_prepare:
 *
 * Initialises GStreamer, so that it loads no more plugins than are needed:
 * half a millisecond and 170 KiB. To be called while there is no other thread
 * that reads the environment, and not if anybody else in this process uses
 * GStreamer, who then would find none. A user who has set GST_REGISTRY_DISABLE
 * decides otherwise.
 */
void video_encoder_gst_prepare(void);

#endif /* VIDEO_ENCODER_GST_H */
