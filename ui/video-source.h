/*
 * Whether video is made of pixels or of the guest's dma-bufs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_SOURCE_H
#define VIDEO_SOURCE_H

/*
 * So long dma-bufs are taken before somebody looks at the pixels again: only
 * they tell what does not move any more.
 */
#define VIDEO_SOURCE_STINT_MS 10000

/* So long it takes to find that out. */
#define VIDEO_SOURCE_LOOK_MS 1500

/* A console that has a dma-buf has offered it by then. */
#define VIDEO_SOURCE_OFFER_MS 500

/* Who waits longer than that for pixels takes those that there are. */
#define VIDEO_SOURCE_PIXELS_MS 500

/**
 * DOC: source
 *
 * A video of all of the screen can be made of the guest's dma-bufs, without
 * anybody reading a pixel, if there is an encoder that takes them. Whether one
 * does is known when it has: so the encoders of all clients make a frame of one
 * of them, while what is sent is still made of pixels. Only after that they
 * are used. On the way back dma-bufs are used until the pixels have been read,
 * so that nobody is shown old ones.
 */

/**
 * enum VideoSource:
 * @VIDEO_SOURCE_SURFACE: pixels
 * @VIDEO_SOURCE_ASKED: pixels; the console is to offer its dma-buf
 * @VIDEO_SOURCE_TRIED: pixels; the encoders are given that buffer
 * @VIDEO_SOURCE_TAKING: pixels; the next one that is offered is taken
 * @VIDEO_SOURCE_DMABUF: dma-bufs
 * @VIDEO_SOURCE_LEAVING: dma-bufs; the pixels are being read
 */
typedef enum VideoSource {
    VIDEO_SOURCE_SURFACE,
    VIDEO_SOURCE_ASKED,
    VIDEO_SOURCE_TRIED,
    VIDEO_SOURCE_TAKING,
    VIDEO_SOURCE_DMABUF,
    VIDEO_SOURCE_LEAVING,
} VideoSource;

/**
 * struct VideoSourceFacts:
 * @wanted: one rectangle, which is all of the screen, is video for every
 *     client, and there is an encoder that may take dma-bufs
 * @offered: the console has offered one that can be used
 * @tried: every encoder has made a frame of it
 * @failed: an encoder has refused it, or has failed
 * @lost: the console has no dma-buf any more, or another kind of them
 * @fresh: the pixels are those that are on screen
 * @ms: milliseconds since the source is what it is
 * @pause_ms: so long it stays VIDEO_SOURCE_SURFACE at least
 */
typedef struct VideoSourceFacts {
    bool wanted;
    bool offered;
    bool tried;
    bool failed;
    bool lost;
    bool fresh;
    int64_t ms;
    int64_t pause_ms;
} VideoSourceFacts;

/**
 * video_source_next:
 * @now: the source
 * @facts: all that is known
 *
 * Returns: what it is to be from now on. No side effects.
 */
VideoSource video_source_next(VideoSource now, const VideoSourceFacts *facts);

/**
 * video_source_is_dmabuf:
 * @source: a source
 *
 * Returns: whether dma-bufs are used, so that nobody knows the pixels.
 */
bool video_source_is_dmabuf(VideoSource source);

#endif /* VIDEO_SOURCE_H */
