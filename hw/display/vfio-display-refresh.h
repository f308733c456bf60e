/*
 * vGPU display: one refresh
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_REFRESH_H
#define HW_DISPLAY_VFIO_DISPLAY_REFRESH_H

#include "qemu/queue.h"
#include "vfio-display-buffers.h"
#include "vfio-display-damage.h"
#include "vfio-display-edid.h"
#include "vfio-display-metadata.h"
#include "vfio-display-notify.h"
#include "vfio-display-planes.h"
#include "vfio-display-readback.h"
#include "vfio-display-screen.h"
#include "vfio-display-source.h"

/*
 * The parts of a display. Only those who put them together see all of them:
 * vfio-display.c, vfio-display-refresh.c and vfio-display-info.c.
 */
struct VFIODisplay {
    VFIODisplaySource source; /* first: the same address in trace events */
    VFIODisplayBuffers buffers;
    VFIODisplayScreen screen;
    VFIODisplayDamage damage;
    VFIODisplayCursor cursor;
    VFIODisplayOverlays overlays;
    VFIODisplayReadback readback;
    VFIODisplayNotify *notify;     /* NULL if the device does not signal */
    VFIODisplayMetadata *metadata; /* NULL if its driver does not copy */
    VFIODisplayEdid *edid;         /* NULL if it takes none */
    RAMFBState *ramfb;      /* the screen's, for migration */
    PixelPath path;         /* the only one allowed, or PIXEL_PATH__MAX */
    bool dump_cursor;       /* screendumps include the cursor plane */
    bool takes_over;        /* the next frame that the driver copies does */
    bool busy;              /* this refresh found a frame being drawn */
    QEMUTimer *again;       /* a screendump waits until that is done */
    uint64_t refreshes;
    uint64_t skipped;       /* of which could not show what there is */
    QLIST_ENTRY(VFIODisplay) next;
};

/* Asks the device what is on screen and shows that. */
void vfio_display_refresh(VFIODisplay *dpy);

/* Gives viewers a frame. Returns true if those that take pixels have it now. */
bool vfio_display_show_frame(VFIODisplay *dpy, const MirrorFrame *frame);

/*
 * Takes the device's planes off the console and closes every buffer and region,
 * leaving no alias of them anywhere. The console keeps a copy of the last
 * frame, if viewers wanted one.
 */
void vfio_display_drop_buffers(VFIODisplay *dpy);

#endif /* HW_DISPLAY_VFIO_DISPLAY_REFRESH_H */
