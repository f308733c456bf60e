/*
 * vGPU display: overlay planes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_OVERLAY_H
#define HW_DISPLAY_VFIO_DISPLAY_OVERLAY_H

#include "ui/mirror-overlays.h"
#include "vfio-display-buffers.h"
#include "vfio-display-screen.h"

typedef struct VFIODisplayOverlay {
    VFIOPlane plane;        /* the last good answer of the device */
    int64_t silent_ns;      /* for vfio_display_is_silent() */
    bool visible;           /* @plane can be shown */
    VFIOPlaneBuffer *buffer; /* for viewers that show planes, or NULL */
    MirrorFrame frame;      /* for one refresh; map NULL: as it was */
} VFIODisplayOverlay;

typedef struct VFIODisplayOverlays {
    VFIODisplaySource *source;
    VFIODisplayBuffers *buffers;
    VFIODisplayScreen *screen;
    VFIODisplayOverlay overlay[MIRROR_OVERLAYS];
    bool visible;           /* some are */
    bool later;             /* of some the buffer is not known yet */
} VFIODisplayOverlays;

/* Queries the overlays. @primary: the device's answer for the primary plane. */
void vfio_display_overlays_query(VFIODisplayOverlays *overlays,
                                 const VFIOPlane *primary);

/* Gives the mirror what was found, for its next update. */
void vfio_display_overlays_show(VFIODisplayOverlays *overlays);

/*
 * Those that viewers show as planes, the nearest one last. Returns how many,
 * up to MIRROR_OVERLAYS.
 */
unsigned vfio_display_overlays_planes(const VFIODisplayOverlays *overlays,
                                      DisplayPlane *planes);

/* The buffer is about to be closed. */
void vfio_display_overlays_closing(VFIODisplayOverlays *overlays,
                                   const VFIOPlaneBuffer *buffer);

/* None is visible any more. */
void vfio_display_overlays_drop(VFIODisplayOverlays *overlays);

#endif /* HW_DISPLAY_VFIO_DISPLAY_OVERLAY_H */
