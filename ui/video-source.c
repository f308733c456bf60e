/*
 * Whether video is made of pixels or of the guest's dma-bufs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "video-source.h"

static VideoSource from_pixels(VideoSource now, const VideoSourceFacts *facts)
{
    /* Once it has been taken, nobody reads pixels. */
    if (now == VIDEO_SOURCE_TAKING && facts->offered) {
        return VIDEO_SOURCE_DMABUF;
    }
    if (!facts->wanted) {
        return VIDEO_SOURCE_SURFACE;
    }
    switch (now) {
    case VIDEO_SOURCE_SURFACE:
        return facts->ms >= facts->pause_ms ? VIDEO_SOURCE_ASKED : now;
    case VIDEO_SOURCE_TRIED:
        return facts->failed ? VIDEO_SOURCE_SURFACE
            : facts->tried ? VIDEO_SOURCE_TAKING : now;
    default:
        if (facts->lost || facts->ms >= VIDEO_SOURCE_OFFER_MS) {
            return VIDEO_SOURCE_SURFACE;
        }
        return facts->offered ? VIDEO_SOURCE_TRIED : now;
    }
}

static VideoSource from_dmabufs(VideoSource now, const VideoSourceFacts *facts)
{
    if (now == VIDEO_SOURCE_LEAVING) {
        return facts->fresh || facts->ms >= VIDEO_SOURCE_PIXELS_MS
            ? VIDEO_SOURCE_SURFACE : now;
    }
    return !facts->wanted || facts->failed || facts->lost ||
        facts->ms >= VIDEO_SOURCE_STINT_MS ? VIDEO_SOURCE_LEAVING : now;
}

VideoSource video_source_next(VideoSource now, const VideoSourceFacts *facts)
{
    return video_source_is_dmabuf(now) ? from_dmabufs(now, facts)
                                       : from_pixels(now, facts);
}

bool video_source_is_dmabuf(VideoSource source)
{
    return source == VIDEO_SOURCE_DMABUF || source == VIDEO_SOURCE_LEAVING;
}
