/*
 * What a VNC display's clients have in common, and what they try together
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VNC_VIDEO_TRIAL_H
#define VNC_VIDEO_TRIAL_H

#include "ui/console.h"
#include "video-dmabuf.h"

/* What a client has that has listed the encoding. */
typedef struct VncVideo VncVideo;

/**
 * struct VncVideoShared:
 * @encoder: the only encoder to use, or NULL; never freed
 * @bitrate: the most for a client, in kbit/s, or 0
 * @copying: a client's frame is being copied, so that the display is locked;
 *     atomic
 * @warned: an encoder has failed, and that was said
 * @dmabuf: what is on screen, while video is made of the guest's dma-bufs
 * @con: whose dma-buf that is
 * @dmabuf_failed: an encoder has failed that was given dma-bufs
 * @stale: the server's surface is not what is on screen
 * @held: encoders that have a dma-buf now
 * @frame: the newest that the console keeps for them (dpy_frame_keep())
 *
 * What all clients of a display have in common.
 */
typedef struct VncVideoShared {
    const char *encoder;
    unsigned bitrate;
    bool copying;
    bool warned;
    VideoDmabuf *dmabuf;
    QemuConsole *con;
    bool dmabuf_failed;
    bool stale;
    unsigned held;
    uint64_t frame;
} VncVideoShared;

/**
 * enum VncVideoTrial:
 * @VNC_VIDEO_TRYING: nobody knows yet
 * @VNC_VIDEO_TRIED: the encoder has made a frame
 * @VNC_VIDEO_REFUSED: no encoder takes it
 *
 * What has become of vnc_video_try().
 */
typedef enum VncVideoTrial {
    VNC_VIDEO_TRYING,
    VNC_VIDEO_TRIED,
    VNC_VIDEO_REFUSED,
} VncVideoTrial;

/**
 * vnc_video_may_take_dmabufs:
 * @video: a client's
 * @index: a rectangle that is sent as video
 *
 * Returns: whether there is an encoder for it that takes dma-bufs.
 */
bool vnc_video_may_take_dmabufs(const VncVideo *video, int index);

/**
 * vnc_video_try:
 * @video: a client's
 * @index: a rectangle that is sent as video
 * @dmabuf: a buffer of its size
 *
 * Gives the buffer to an encoder that takes dma-bufs. What the client is sent
 * remains as it is.
 */
void vnc_video_try(VncVideo *video, int index, VideoDmabuf *dmabuf);

/**
 * vnc_video_trial:
 * @video: a client's
 * @index: a rectangle for which something is being tried
 *
 * Returns: what has become of it.
 */
VncVideoTrial vnc_video_trial(const VncVideo *video, int index);

/**
 * vnc_video_end_trial:
 * @video: a client's
 * @index: a rectangle
 * @use: whether dma-bufs are used from now on, as they were tried
 */
void vnc_video_end_trial(VncVideo *video, int index, bool use);

#endif /* VNC_VIDEO_TRIAL_H */
