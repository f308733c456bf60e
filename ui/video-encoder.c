/*
 * Video encoders: which one, and on which path
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "video-encoder.h"

/* A failure costs a second at first, and no more than a minute. */
#define BACKOFF_MS 1000
#define BACKOFF_MOST_MS 60000

static const VideoEncoderBackend *backend;

static bool takes(const VideoEncoderInfo *info, VideoPath path)
{
    return !(info->refused & (1u << path));
}

VideoPath video_path_choose(const VideoFacts *facts, int *encoder)
{
    for (int i = 0; facts->dmabuf && i < facts->n; i++) {
        if (facts->encoders[i].dmabuf &&
            takes(&facts->encoders[i], VIDEO_PATH_DMABUF)) {
            *encoder = i;
            return VIDEO_PATH_DMABUF;
        }
    }
    for (int i = 0; i < facts->n; i++) {
        if (takes(&facts->encoders[i], VIDEO_PATH_SURFACE)) {
            *encoder = i;
            return VIDEO_PATH_SURFACE;
        }
    }
    return VIDEO_PATH_NONE;
}

const char *video_path_name(VideoPath path)
{
    static const char *const names[] = {
        [VIDEO_PATH_NONE] = "none",
        [VIDEO_PATH_DMABUF] = "dmabuf",
        [VIDEO_PATH_SURFACE] = "surface",
    };

    assert((unsigned)path < ARRAY_SIZE(names));
    return names[path];
}

/* A fifth of a bit for each pixel at 60 frames/s: what hard pictures need. */
unsigned video_bitrate_default(int width, int height)
{
    return CLAMP((int64_t)width * height * 60 / 5 / 1000, VIDEO_BITRATE_MIN,
                 VIDEO_BITRATE_MAX);
}

unsigned video_bitrate_next(unsigned now, unsigned most, unsigned begun,
                            unsigned late)
{
    unsigned least = MIN(VIDEO_BITRATE_MIN, most);

    if (begun && late * 2 >= begun) {
        return MAX(now / 4 * 3, least);
    }
    return late ? now : MIN(now + MAX(most / 32, 1), most);
}

int64_t video_backoff_ms(unsigned failures)
{
    int64_t ms = BACKOFF_MS;

    while (--failures && ms < BACKOFF_MOST_MS) {
        ms *= 2;
    }
    return MIN(ms, BACKOFF_MOST_MS);
}

/* --- Encoders ------------------------------------------------------------ */

void video_encoder_set_backend(const VideoEncoderBackend *new_backend)
{
    backend = new_backend;
}

bool video_encoder_find(const char *wanted, VideoFacts *facts, Error **errp)
{
    if (!backend) {
        error_setg(errp, "QEMU was built without GStreamer");
        return false;
    }
    return backend->find(wanted, facts, errp);
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
