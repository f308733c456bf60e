/*
 * The display of a device that renders where only its driver can see:
 * what the hook's files share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_INTERNAL_H
#define HW_DISPLAY_VFIO_DISPLAY_INTERNAL_H

#include "hw/display/ramfb.h"
#include "hw/vfio/vfio-display.h"
#include "hw/vfio/vfio-plane-cache.h"
#include "qemu/queue.h"
#include "ui/console-mirror.h"
#include "ui/dmabuf-map.h"

typedef struct VFIODisplayEdid VFIODisplayEdid;

/*
 * VFIODisplayState:
 * @VFIO_DISPLAY_BLANK: the console shows a placeholder or ramfb
 * @VFIO_DISPLAY_ON: the console shows the device's plane
 * @VFIO_DISPLAY_GRACE: the plane went off a moment ago; its last frame stays
 */
typedef enum VFIODisplayState {
    VFIO_DISPLAY_BLANK,
    VFIO_DISPLAY_ON,
    VFIO_DISPLAY_GRACE,
} VFIODisplayState;

/*
 * VFIODisplayBuffer:
 * @dmabuf: for viewers that take it; borrows the cache's fd
 * @map: for the mirror; NULL until wanted or if it cannot be had
 * @map_tried: an attempt to map was made
 * @way: how its pixels travel, PIXEL_WAY__MAX until decided
 *
 * What the hook makes of a VFIOPlaneBuffer (its @user); dies with it.
 */
typedef struct VFIODisplayBuffer {
    QemuDmaBuf *dmabuf;
    DmaBufMap *map;
    bool map_tried;
    PixelWay way;
} VFIODisplayBuffer;

struct VFIODisplay {
    DeviceState *dev;
    const VFIODisplayOps *ops;
    void *opaque;
    VFIODisplayConfig config;
    bool kinds[2]; /* by VFIOPlaneKind: what the source offers */

    QemuConsole *con;
    RAMFBState *ramfb;
    VFIODisplayEdid *edid;

    VFIOPlaneCache *cache;
    VFIOPlaneBuffer *primary; /* on screen, or NULL */
    ConsoleMirror *mirror;

    VFIODisplayRegion region;
    bool region_open;
    uint32_t region_index;

    VFIODisplayState state;
    int64_t off_since_ns;   /* QEMU_CLOCK_REALTIME, in VFIO_DISPLAY_GRACE */
    int64_t last_good_ns;   /* QEMU_CLOCK_REALTIME */
    const char *placeholder; /* the words that are on screen, or NULL */
    VFIOPlane plane;        /* the last good one */
    PixelWay way;           /* of the last frame */

    uint64_t faults[VFIO_PLANE_FAULT__MAX];
    bool warned[VFIO_PLANE_FAULT__MAX];
    uint64_t frames;
    uint64_t skipped;

    QLIST_ENTRY(VFIODisplay) next;
};

/* Every display, for the monitor's commands (vfio-display.c). */
typedef QLIST_HEAD(VFIODisplayList, VFIODisplay) VFIODisplayList;
extern VFIODisplayList vfio_displays;

/**
 * vfio_display_name:
 * @dpy: a display
 *
 * Returns: how users know the device: its id, else its QOM path; to be freed.
 */
char *vfio_display_name(const VFIODisplay *dpy);

/**
 * vfio_display_fault:
 * @dpy: a display
 * @fault: a kind of fault
 * @fmt: what happened, for the first of its kind
 *
 * Counts the fault and warns of it if it is the first of its kind.
 */
void vfio_display_fault(VFIODisplay *dpy, VFIOPlaneFault fault,
                        const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/**
 * vfio_display_refresh:
 * @dpy: a display
 *
 * Asks the device what is on screen and shows that (vfio-display-scanout.c).
 */
void vfio_display_refresh(VFIODisplay *dpy);

/**
 * vfio_display_forget_buffers:
 * @dpy: a display
 *
 * Takes the device's plane off the console and closes every buffer and
 * region, leaving no alias of them anywhere. The console keeps a copy of the
 * last frame, if viewers wanted one.
 */
void vfio_display_forget_buffers(VFIODisplay *dpy);

/* The cache's callbacks (vfio-display-scanout.c). */
extern const VFIOPlaneCacheOps vfio_display_cache_ops;

/**
 * vfio_display_edid_new:
 * @dpy: a display whose source has an EDID region
 * @errp: error
 *
 * Returns: the EDID side of the display, which has been given the preferred
 * mode of @dpy's configuration; NULL if the region is of no use.
 */
VFIODisplayEdid *vfio_display_edid_new(VFIODisplay *dpy, Error **errp);

/**
 * vfio_display_edid_free:
 * @edid: what vfio_display_edid_new() gave, or NULL
 */
void vfio_display_edid_free(VFIODisplayEdid *edid);

/**
 * vfio_display_edid_ui_info:
 * @edid: the EDID side
 * @info: what a viewer wants; a size of 0 unplugs the monitor
 */
void vfio_display_edid_ui_info(VFIODisplayEdid *edid, const QemuUIInfo *info);

#endif /* HW_DISPLAY_VFIO_DISPLAY_INTERNAL_H */
