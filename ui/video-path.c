/*
 * Which video encoder, on which path, and how much it may send
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "video-path.h"

/* A failure costs a second at first, and no more than a minute. */
#define BACKOFF_MS 1000
#define BACKOFF_MOST_MS 60000

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

void video_encoder_record_failed(VideoEncoderRecord *record, VideoPath path,
                                 int64_t now_ms)
{
    record->again_ms[path] = now_ms +
        video_backoff_ms(++record->failures[path]);
}

unsigned video_encoder_record_refused(const VideoEncoderRecord *record,
                                      int64_t now_ms)
{
    unsigned refused = 0;

    for (int path = 0; path < VIDEO_PATH__COUNT; path++) {
        refused |= (now_ms < record->again_ms[path]) << path;
    }
    return refused;
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
