/*
 * Video encoders of GStreamer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_ENCODER_GST_H
#define VIDEO_ENCODER_GST_H

#include "video-encoder.h"

/* What video_encoder_set_backend() is called with where GStreamer is in. */
extern const VideoEncoderBackend video_encoder_gst;

#endif /* VIDEO_ENCODER_GST_H */
