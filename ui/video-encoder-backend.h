/*
 * What video encoders come from
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_ENCODER_BACKEND_H
#define VIDEO_ENCODER_BACKEND_H

#include "video-encoder.h"

/**
 * struct VideoEncoderBackend:
 * @find: fills in which encoders there are, the best first; only @wanted
 *     unless that is NULL; @format: see video_encoder_find(). Returns false
 *     with @errp set if there is none. May take seconds the first time.
 * @open: see video_encoder_open()
 * @feed: see video_encoder_feed()
 * @feed_dmabuf: see video_encoder_feed_dmabuf()
 * @set_bitrate: see video_encoder_set_bitrate()
 * @close: see video_encoder_close()
 *
 * The library that encodes.
 */
typedef struct VideoEncoderBackend {
    bool (*find)(const char *wanted, const VideoFormat *format,
                 VideoFacts *facts, Error **errp);
    VideoEncoder *(*open)(const VideoEncoderConfig *config,
                          const VideoEncoderSink *sink, void *opaque,
                          Error **errp);
    bool (*feed)(VideoEncoder *encoder, VideoEncoderFill *fill, void *opaque,
                 bool key, Error **errp);
    bool (*feed_dmabuf)(VideoEncoder *encoder, VideoDmabuf *dmabuf, bool key,
                        Error **errp);
    void (*set_bitrate)(VideoEncoder *encoder, unsigned kbit);
    void (*close)(VideoEncoder *encoder);
} VideoEncoderBackend;

/* What a backend's own struct begins with. */
struct VideoEncoder {
    const VideoEncoderBackend *backend;
};

/**
 * video_encoder_set_backend:
 * @backend: what all encoders come from from now on, or NULL for none
 *
 * Called once by what was built in, before there are threads, and by tests.
 */
void video_encoder_set_backend(const VideoEncoderBackend *backend);

#endif /* VIDEO_ENCODER_BACKEND_H */
