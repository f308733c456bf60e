/*
 * What moves on a VNC server's screen, as video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VNC_VIDEO_H
#define VNC_VIDEO_H

#include "qemu/option.h"
#include "vnc.h"

/* Milliseconds between two looks at the screen while something moves. */
#define VNC_VIDEO_REFRESH_MS 16

/**
 * DOC: video
 *
 * Clients that list encoding 50 are sent a rectangle in which there is motion
 * as H.264, and all that is around it as ever. Motion is found once for a
 * display. Each client has an encoder of its own for each rectangle, as it has
 * its own pace: it is sent one frame for each request. As encoding takes about
 * as long as decoding, the next frame is begun so that it will be ready when
 * the client is expected to ask for it. A slow client has one frame that waits
 * for it, and is sent the newest one after that.
 *
 * While a rectangle has an encoder that works, what is dirty in it is no
 * matter of the client's other encoding. When motion ends, or the encoder
 * fails, all of it becomes dirty for that.
 *
 * Everything but the copying of frames happens in the main loop.
 */

/* What a display has: the options, and the motion as long as it is of use. */
typedef struct VncVideoDisplay VncVideoDisplay;

/**
 * vnc_video_setup:
 * @vd: a display that is being opened
 * @opts: its options
 * @errp: what is wrong with them, or missing for h264=on
 *
 * Returns: whether the options can be obeyed.
 */
bool vnc_video_setup(VncDisplay *vd, QemuOpts *opts, Error **errp);

/**
 * vnc_video_listed:
 * @vs: a client
 * @listed: whether its list of encodings has H.264
 */
void vnc_video_listed(VncState *vs, bool listed);

/**
 * vnc_video_client_free:
 * @vs: a client that goes
 */
void vnc_video_client_free(VncState *vs);

/**
 * vnc_video_stop:
 * @vd: a display whose server surface is about to be another one
 *
 * Nobody reads it any more once this returns.
 */
void vnc_video_stop(VncDisplay *vd);

/**
 * vnc_video_copy:
 * @vd: a display, locked
 * @row: gets a row of the guest's surface as the server's pixels
 * @opaque: for @row
 *
 * Brings the server's surface up to date where all clients are sent video, row
 * by row, which costs little, and marks no such part of it as dirty.
 *
 * Returns: whether something has changed.
 */
bool vnc_video_copy(VncDisplay *vd,
                    const uint8_t *(*row)(void *opaque, int y), void *opaque);

/**
 * vnc_video_look:
 * @vd: a display whose guest's surface is about to be looked at
 *
 * Returns: whether changes are to be reported with vnc_video_note().
 */
bool vnc_video_look(VncDisplay *vd);

/**
 * vnc_video_blocked:
 * @vd: a display that was not looked at, as somebody else has locked it
 *
 * Returns: after how many milliseconds to try again.
 */
int vnc_video_blocked(VncDisplay *vd);

/**
 * vnc_video_waited:
 * @vd: a display
 * @ms: milliseconds for which the main loop has just waited for who had it
 *     locked, and did not look at it
 */
void vnc_video_waited(VncDisplay *vd, int64_t ms);

/**
 * vnc_video_note:
 * @vd: a display
 * @x: the first pixel, @y its row, of @n of which at least one has changed
 * @before: what they were
 * @after: what they are now
 */
void vnc_video_note(VncDisplay *vd, int x, int y, int n,
                    const uint8_t *before, const uint8_t *after);

/**
 * vnc_video_refresh:
 * @vd: a display that has been looked at; not locked
 *
 * Decides what is video from now on.
 *
 * Returns: whether something is.
 */
bool vnc_video_refresh(VncDisplay *vd);

#endif /* VNC_VIDEO_H */
