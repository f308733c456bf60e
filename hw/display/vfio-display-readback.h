/*
 * vGPU display: frames that OpenGL reads
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_READBACK_H
#define HW_DISPLAY_VFIO_DISPLAY_READBACK_H

#include "vfio-display-buffers.h"
#include "vfio-display-damage.h"
#include "vfio-display-screen.h"

/* What comes of a request, later. */
typedef struct VFIODisplayReadbackOps {
    void (*show)(void *opaque, const MirrorFrame *frame);
    void (*refresh)(void *opaque);
} VFIODisplayReadbackOps;

typedef struct VFIODisplayReadback {
    VFIODisplaySource *source;
    VFIODisplayBuffers *buffers;
    VFIODisplayScreen *screen;
    VFIODisplayDamage *damage;
    const VFIODisplayReadbackOps *ops;
    void *opaque;           /* for @ops */
    GLReadback *gl;         /* NULL until wanted */
    uint64_t oldest;        /* requests before that were superseded */
    uint64_t dump;          /* what a screendump waits for, or 0 */
    bool awaited;           /* the last refresh left its frame to OpenGL */
    bool again;             /* refresh once more after the next result */
} VFIODisplayReadback;

/* All buffers are closed. */
void vfio_display_readback_finish(VFIODisplayReadback *rb);

/* A refresh begins. */
void vfio_display_readback_begin(VFIODisplayReadback *rb);

/* It ends. Returns true if a screendump waits for a request. */
bool vfio_display_readback_end(VFIODisplayReadback *rb);

/* Returns false if it is known that OpenGL cannot read the buffer. */
bool vfio_display_readback_is_possible(VFIODisplayReadback *rb,
                                       VFIODisplayBuffer *user);

/*
 * Forgets after a while that OpenGL could not read the buffer: what stood in
 * the way may be gone.
 */
void vfio_display_readback_retry(VFIODisplayReadback *rb,
                                 VFIODisplayBuffer *user);

/*
 * The frame is shown when it comes. If OpenGL cannot read it, or answers again,
 * the display is refreshed.
 */
typedef enum VFIODisplayReadbackRequest {
    VFIO_DISPLAY_READBACK_REFUSED,  /* it cannot, which is known now */
    VFIO_DISPLAY_READBACK_HUNG,     /* it does not answer, or is reopened */
    VFIO_DISPLAY_READBACK_COMING,
    VFIO_DISPLAY_READBACK_SHOWN,    /* all is on screen */
} VFIODisplayReadbackRequest;

/* Requests the frame of a buffer that OpenGL may be able to read. */
VFIODisplayReadbackRequest
vfio_display_readback_request(VFIODisplayReadback *rb,
                              VFIOPlaneBuffer *buffer);

/* Something else is on screen: frames that were requested are not shown. */
void vfio_display_readback_supersede(VFIODisplayReadback *rb);

#endif /* HW_DISPLAY_VFIO_DISPLAY_READBACK_H */
