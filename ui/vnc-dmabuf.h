/*
 * Video of a VNC server's screen from the guest's dma-bufs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VNC_DMABUF_H
#define VNC_DMABUF_H

#include "vnc.h"
#include "vnc-video-trial.h"

/**
 * DOC: dma-buf
 *
 * The console offers a dma-buf to who says that it takes one, and reads no
 * pixels for who does. A VNC server does that while all that its clients are
 * sent is one video, for which each has an encoder that takes dma-bufs: see
 * video-source.h. What moves is not known then, but that there is another
 * buffer on screen, which is a frame. Guests that draw into the buffer that is
 * on screen are left to the pixels.
 *
 * The server's surface is stale then. Nothing of it is sent until the pixels
 * have been read.
 *
 * Everything happens in the main loop.
 */
typedef struct VncDmabuf VncDmabuf;

/**
 * vnc_dmabuf_new:
 * @vd: a display
 * @shared: its clients', which gets the buffers
 *
 * Returns: one that takes no dma-buf yet. It stays as long as the display.
 */
VncDmabuf *vnc_dmabuf_new(VncDisplay *vd, VncVideoShared *shared);

/**
 * vnc_dmabuf_follow:
 * @dmabuf: a display's
 * @index: the rectangle that is all of the screen and video for all clients;
 *     -1: there is none
 *
 * Once in a refresh: decides what video is made of from now on.
 */
void vnc_dmabuf_follow(VncDmabuf *dmabuf, int index);

/**
 * vnc_dmabuf_flipped:
 * @dmabuf: a display's
 *
 * Returns: whether another buffer has come on screen since the last call.
 */
bool vnc_dmabuf_flipped(VncDmabuf *dmabuf);

/**
 * vnc_dmabuf_unwatched:
 * @dmabuf: the dma-bufs of a display that has no client any more, or NULL
 */
void vnc_dmabuf_unwatched(VncDmabuf *dmabuf);

/**
 * vnc_dmabuf_stop:
 * @dmabuf: a display's, whose screen becomes another one
 */
void vnc_dmabuf_stop(VncDmabuf *dmabuf);

/**
 * vnc_dmabuf_is_stale:
 * @dmabuf: a display's, or NULL
 *
 * Returns: whether the server's surface is not what is on screen, so that
 * nothing but video is to be sent.
 */
bool vnc_dmabuf_is_stale(const VncDmabuf *dmabuf);

/**
 * vnc_dmabuf_wanted:
 * @dmabuf: a display's, or NULL
 *
 * Returns: DisplayChangeListenerOps.dpy_has_dmabuf.
 */
bool vnc_dmabuf_wanted(const VncDmabuf *dmabuf);

/**
 * vnc_dmabuf_offer:
 * @dmabuf: a display's
 * @buffer: what is on screen
 *
 * Returns: DisplayChangeListenerOps.dpy_gl_scanout_dmabuf.
 */
bool vnc_dmabuf_offer(VncDmabuf *dmabuf, QemuDmaBuf *buffer);

/**
 * vnc_dmabuf_keep:
 * @dmabuf: a display's, whose dma-buf has a new frame
 *
 * The console keeps it until the clients' encoders have read it.
 */
void vnc_dmabuf_keep(VncDmabuf *dmabuf);

/**
 * vnc_dmabuf_done:
 * @dmabuf: a display's, or NULL
 *
 * All clients had their chance to begin with the frame that is kept.
 */
void vnc_dmabuf_done(VncDmabuf *dmabuf);

/**
 * vnc_dmabuf_lost:
 * @dmabuf: a display's, whose console shows no dma-buf any more, or NULL
 */
void vnc_dmabuf_lost(VncDmabuf *dmabuf);

#endif /* VNC_DMABUF_H */
