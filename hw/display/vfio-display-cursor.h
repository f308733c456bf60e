/*
 * vGPU display: the cursor plane
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_CURSOR_H
#define HW_DISPLAY_VFIO_DISPLAY_CURSOR_H

#include "vfio-display-buffers.h"
#include "vfio-display-screen.h"

typedef struct VFIODisplayCursor {
    VFIODisplaySource *source;
    VFIODisplayBuffers *buffers;
    VFIODisplayScreen *screen;
    MirrorLayer layer;      /* a copy of the image */
    VFIOPlane plane;        /* as it was shown last */
    VFIOPlaneHotspot hotspot; /* as viewers were told last */
    bool shown;             /* the console has it, and it is visible */
    bool answered;          /* the device has answered a query for it */
    int64_t silent_ns;      /* for vfio_display_is_silent() */
    VFIOPlaneBuffer *gl;    /* that viewers with OpenGL have, or NULL */
    bool redraw;            /* they have not drawn what changed of that */
    VFIOPlaneBuffer *above; /* for viewers that show planes, or NULL */
    VFIOPlane above_plane;  /* where that is */
    bool later;             /* the buffer is not known yet */
    uint64_t updates;       /* images that the console was given */
} VFIODisplayCursor;

/*
 * Queries the cursor and gives it to the viewers, if it or its place is another
 * one. @primary: the device's answer for the primary plane.
 */
void vfio_display_cursor_refresh(VFIODisplayCursor *cursor,
                                 const VFIOPlane *primary);

/*
 * Shows a cursor that came without a query: off, or checked, with its pixels in
 * @frame.
 */
void vfio_display_cursor_show(VFIODisplayCursor *cursor,
                              const VFIOPlane *plane,
                              const MirrorFrame *frame);

/*
 * The cursor for viewers that show it as a plane, if there is one. Returns how
 * many: 0 or 1.
 */
unsigned vfio_display_cursor_plane(const VFIODisplayCursor *cursor,
                                   DisplayPlane *plane);

/* The buffer is about to be closed: viewers with OpenGL let go of it. */
void vfio_display_cursor_closing(VFIODisplayCursor *cursor,
                                 const VFIOPlaneBuffer *buffer);

/* Takes the cursor off the viewers and lets go of its buffer. */
void vfio_display_cursor_drop(VFIODisplayCursor *cursor);

#endif /* HW_DISPLAY_VFIO_DISPLAY_CURSOR_H */
