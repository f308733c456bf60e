/*
 * What one VNC client is sent of what moves, as video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VNC_VIDEO_CLIENT_H
#define VNC_VIDEO_CLIENT_H

#include "vnc.h"
#include "vnc-motion.h"
#include "vnc-video-trial.h"

/**
 * struct VncVideoUpdate:
 * @begun: frames were begun, which will answer the client's request
 * @waiting: there is more to be sent later
 * @live: some of the screen is video
 */
typedef struct VncVideoUpdate {
    bool begun;
    bool waiting;
    bool live;
} VncVideoUpdate;

/**
 * vnc_video_new:
 * @vs: a client, which outlives what is returned
 * @shared: its display's, which does so, too
 *
 * Returns: what such a client has; free it with vnc_video_free().
 */
VncVideo *vnc_video_new(VncState *vs, VncVideoShared *shared);

/**
 * vnc_video_free:
 * @video: what vnc_video_new() returned
 */
void vnc_video_free(VncVideo *video);

/**
 * vnc_video_want:
 * @video: a client's
 * @listed: whether its list of encodings has H.264
 */
void vnc_video_want(VncVideo *video, bool listed);

/**
 * vnc_video_wanted:
 * @video: a client's
 *
 * Returns: what vnc_video_want() was told last.
 */
bool vnc_video_wanted(const VncVideo *video);

/**
 * vnc_video_live:
 * @video: a client's
 * @index: a rectangle of the motion
 *
 * Returns: whether what changes in it is sent as video.
 */
bool vnc_video_live(const VncVideo *video, int index);

/**
 * vnc_video_mark:
 * @video: a client's
 * @index: a rectangle of the motion in which something has changed
 */
void vnc_video_mark(VncVideo *video, int index);

/**
 * vnc_video_follow:
 * @video: a client's
 * @motion: what moves now, or NULL
 *
 * Decides what is video for this client from now on.
 *
 * Returns: whether something is.
 */
bool vnc_video_follow(VncVideo *video, const VncMotion *motion);

/**
 * vnc_video_reset:
 * @video: a client's
 *
 * Ends what it is sent: the screen becomes another one. Nobody reads the
 * server's surface for it any more once this returns.
 */
void vnc_video_reset(VncVideo *video);

/**
 * vnc_video_update:
 * @vs: a client that can be sent an update
 *
 * Begins frames of what has changed, and takes it out of the client's dirty
 * bitmap.
 */
VncVideoUpdate vnc_video_update(VncState *vs);

/**
 * vnc_video_answered:
 * @vs: a client
 *
 * The request in answer to which frames were begun is answered otherwise, too.
 */
void vnc_video_answered(VncState *vs);

/**
 * vnc_video_requested:
 * @vs: a client that has just asked for an update
 */
void vnc_video_requested(VncState *vs);

/**
 * vnc_video_query:
 * @vs: a client
 *
 * Returns: what it gets, or NULL if it wants no video.
 */
VncClientVideo *vnc_video_query(const VncState *vs);

#endif /* VNC_VIDEO_CLIENT_H */
