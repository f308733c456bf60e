/*
 * Video encoders
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "video-encoder-backend.h"

static const VideoEncoderBackend *backend;

void video_encoder_set_backend(const VideoEncoderBackend *new_backend)
{
    backend = new_backend;
}

bool video_encoder_find(const char *wanted, const VideoFormat *format,
                        VideoFacts *facts, Error **errp)
{
    if (!backend) {
        error_setg(errp, "QEMU was built without GStreamer");
        return false;
    }
    return backend->find(wanted, format, facts, errp);
}

VideoEncoder *video_encoder_open(const VideoEncoderConfig *config,
                                 const VideoEncoderSink *sink, void *opaque,
                                 Error **errp)
{
    return backend->open(config, sink, opaque, errp);
}

bool video_encoder_feed(VideoEncoder *encoder, VideoEncoderFill *fill,
                        void *opaque, bool key, Error **errp)
{
    return encoder->backend->feed(encoder, fill, opaque, key, errp);
}

bool video_encoder_feed_dmabuf(VideoEncoder *encoder, VideoDmabuf *dmabuf,
                               bool key, Error **errp)
{
    return encoder->backend->feed_dmabuf(encoder, dmabuf, key, errp);
}

void video_encoder_set_bitrate(VideoEncoder *encoder, unsigned kbit)
{
    encoder->backend->set_bitrate(encoder, kbit);
}

void video_encoder_close(VideoEncoder *encoder)
{
    if (encoder) {
        encoder->backend->close(encoder);
    }
}
