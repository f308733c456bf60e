/*
 * A rectangle that one VNC client is sent as video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VNC_VIDEO_CONTEXT_H
#define VNC_VIDEO_CONTEXT_H

#include "video-stream.h"
#include "vnc-motion.h"
#include "vnc-video-client.h"

/* A rectangle of one client. */
typedef struct VncVideoContext {
    VncVideo *video;
    VncMotionRect rect;
    VideoStream *stream;    /* NULL: there is none */
    bool dmabuf;            /* it is given dma-bufs */
    bool held;              /* the encoder has a dma-buf */
    VideoStream *next;      /* is to take its place, or is tried; or NULL */
    VideoDmabuf *trial;     /* what it is tried with; NULL: with pixels */
    VncVideoTrial result;
    bool says_key;          /* the encoder says which frames are key frames */
    unsigned in_vain[VIDEO_ENCODERS_MAX];   /* for whom it is no use */
    bool live;              /* the encoder is there: what is dirty is ours */
    bool dirty;
    bool key;               /* the next frame is to be a key frame */
    bool asked;             /* the frame on its way answers a request */
    uint64_t frames;
    int64_t encode_ms;      /* a frame takes so long, four times that */
} VncVideoContext;

struct VncVideo {
    VncState *vs;
    VncVideoShared *shared;
    bool listed;
    bool owes;              /* frames were begun in answer to a request */
    int64_t sent_ms;        /* when the last frame was, or 0: it has asked */
    int64_t client_ms;      /* to the next request, four times that */
    int64_t best_ms;        /* the shortest such time */
    QEMUBH *bh;
    VncVideoContext contexts[VNC_MOTION_RECTS];

    VideoEncoderRecord records[VIDEO_ENCODERS_MAX];
    unsigned failures;      /* in a row */
    int64_t not_before_ms;

    unsigned bitrate;       /* for all of the screen */
    int64_t bitrate_ms;
    unsigned begun, late;   /* since then */

    VncClientVideo info;    /* what is counted, and the encoder */
    uint64_t bytes_read;    /* atomic: the streams' threads count it */
};

/**
 * vnc_video_open:
 * @video: a client's
 * @context: one of its contexts, without a stream
 * @rect: what is to be video
 */
void vnc_video_open(VncVideo *video, VncVideoContext *context,
                    const VncMotionRect *rect);

/**
 * vnc_video_close:
 * @context: a context, with or without a stream
 * @reason: for the trace
 *
 * What was asked for and will not come that way is still to be sent.
 */
void vnc_video_close(VncVideoContext *context, const char *reason);

/**
 * vnc_video_start:
 * @context: a context whose encoder has made a frame
 *
 * From the next one on, the rectangle is a matter of its own.
 */
void vnc_video_start(VncVideoContext *context);

/**
 * vnc_video_fail:
 * @context: a context whose encoder is of no use
 * @why: NULL: the stream knows
 */
void vnc_video_fail(VncVideoContext *context, const char *why);

/**
 * vnc_video_hold:
 * @context: a context
 * @hold: the encoder has a dma-buf now, or has none any more
 *
 * Who draws the same buffer can wait as long as an encoder has it.
 */
void vnc_video_hold(VncVideoContext *context, bool hold);

/**
 * vnc_video_leave_dmabufs:
 * @context: a context whose stream is of dma-bufs, of which there are no more
 *
 * Another stream takes its place once it has made a frame of the pixels.
 */
void vnc_video_leave_dmabufs(VncVideoContext *context);

/**
 * vnc_video_follow_next:
 * @context: a context for which another stream is being tried
 */
void vnc_video_follow_next(VncVideoContext *context);

/**
 * vnc_video_bitrate:
 * @context: a context
 *
 * Returns: its part of what all of the screen may take, in kbit/s.
 */
unsigned vnc_video_bitrate(const VncVideoContext *context);

/**
 * vnc_video_most:
 * @video: a client's
 *
 * Returns: the most for all of the screen, in kbit/s.
 */
unsigned vnc_video_most(const VncVideo *video);

#endif /* VNC_VIDEO_CONTEXT_H */
