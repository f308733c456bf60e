/*
 * The checks that a plane must pass
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_PLANE_H
#define HW_DISPLAY_VFIO_PLANE_H

#include "hw/vfio/vfio-plane.h"
#include "ui/pixel-format.h"

/*
 * Larger than any display today (8K is 7680x4320), small enough that a frame
 * of them stays below 1 GiB and every pixel count fits 32 bits.
 */
#define VFIO_PLANE_MAX_EXTENT 16384

/* What hardware has at most, and less than viewers take (QEMUCursor: 512). */
#define VFIO_PLANE_MAX_CURSOR 256

/*
 * More than any video; QEMU has a copy of each overlay, and a guest is not to
 * make it hold more than 64 MiB for one.
 */
#define VFIO_PLANE_MAX_OVERLAY 4096

/* Kinds of faults: each is warned of once and counted each time. */
typedef enum VFIOPlaneFault {
    VFIO_PLANE_FAULT_NONE,
    VFIO_PLANE_FAULT_QUERY,     /* the device refused the query */
    VFIO_PLANE_FAULT_EXTENT,    /* 0, or past the limit for its type */
    VFIO_PLANE_FAULT_FORMAT,    /* no viewer can take this fourcc */
    VFIO_PLANE_FAULT_MODIFIER,  /* not linear, and no OpenGL reads it */
    VFIO_PLANE_FAULT_STRIDE,    /* a row does not fit */
    VFIO_PLANE_FAULT_BOUNDS,    /* it ends past the buffer or region */
    VFIO_PLANE_FAULT_DMABUF,    /* the device did not give what it named */
    VFIO_PLANE_FAULT_REGION,    /* there is none, or no reading it */
    VFIO_PLANE_FAULT_MAP,       /* the buffer cannot be mapped */
    VFIO_PLANE_FAULT_VANISHED,  /* memory went away while it was read */
    VFIO_PLANE_FAULT_REQUEST,   /* the device copied no frame when asked */
    VFIO_PLANE_FAULT_ALIAS,     /* the answer is of another plane */
    VFIO_PLANE_FAULT_TIMEOUT,   /* OpenGL was asked for a frame and hangs */
    VFIO_PLANE_FAULT_LOST,      /* OpenGL failed, as a GPU's reset makes it */
    /* none, and not counted: the one before it is still being closed */
    VFIO_PLANE_FAULT_LATER,
    VFIO_PLANE_FAULT__MAX
} VFIOPlaneFault;

/* Its name as users see it: "bounds" for VFIO_PLANE_FAULT_BOUNDS. */
const char *vfio_plane_fault_name(VFIOPlaneFault fault);

/* Does the device say that the plane shows nothing (zero format or size)? */
bool vfio_plane_is_off(const VFIOPlane *plane);

/* How the CPU reads it, or NULL. Overlays may have the formats of video. */
const UIPixelFormat *vfio_plane_format(const VFIOPlane *plane);

/*
 * The first fault of a plane that is not off, as far as that can be told
 * without its buffer: extent, format and stride.
 */
VFIOPlaneFault vfio_plane_check(const VFIOPlane *plane);

/* What of @rect, as VFIOPlane.damage, lies in any plane; all zeros: nothing. */
pixman_box32_t vfio_plane_clip(const VFIOPlane *plane,
                               const VFIOPlaneRect *rect);

/* Does the answer say that something differs from the last one's frame? */
bool vfio_plane_has_damage(const VFIOPlane *plane);

/* --- Of a plane that passed vfio_plane_check() ---------------------------- */

/*
 * Does it lie in @size bytes? That is what the buffer or region really has,
 * never the plane's word. If not: VFIO_PLANE_FAULT_BOUNDS.
 */
VFIOPlaneFault vfio_plane_check_bounds(const VFIOPlane *plane, uint64_t size);

/*
 * @end: bytes from the buffer's start to the end of the last row's pixels.
 * Returns false if that does not fit 64 bits.
 */
bool vfio_plane_end(const VFIOPlane *plane, uint64_t *end);

/* How many rows, from the top, lie whole in that many readable bytes? */
uint32_t vfio_plane_rows_within(const VFIOPlane *plane, uint64_t size);

/*
 * Do both name the same memory in the same layout? That says nothing about
 * unchanged pixels.
 */
bool vfio_plane_same_buffer(const VFIOPlane *a, const VFIOPlane *b);

/* What viewers are told of a cursor's hotspot. */
typedef struct VFIOPlaneHotspot {
    bool known;             /* the guest gave one that lies in the image */
    uint32_t x;             /* pixels in the image, 0 if it is not known: */
    uint32_t y;             /* most are arrows, whose point is there */
} VFIOPlaneHotspot;

VFIOPlaneHotspot vfio_plane_hotspot(const VFIOPlane *plane);
bool vfio_plane_same_hotspot(VFIOPlaneHotspot a, VFIOPlaneHotspot b);

#endif /* HW_DISPLAY_VFIO_PLANE_H */
