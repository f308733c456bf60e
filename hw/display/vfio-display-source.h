/*
 * vGPU display: the plane source and its faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_SOURCE_H
#define HW_DISPLAY_VFIO_DISPLAY_SOURCE_H

#include "hw/vfio/vfio-display.h"
#include "ui/mirror-layer.h"
#include "vfio-plane.h"

#define VFIO_DISPLAY_PLANE_TYPES 3

/*
 * Guests' mode changes turn a plane off for a while, or make the driver fail
 * its queries: up to about half a second with Linux, more with Windows. The
 * last picture stays for so long.
 */
#define VFIO_DISPLAY_GRACE_NS (1 * NANOSECONDS_PER_SECOND)

/* Its address is the display's in trace events. */
typedef struct VFIODisplaySource {
    DeviceState *dev;
    const VFIODisplayOps *ops;
    void *opaque;               /* for @ops */
    bool kinds[2];              /* by VFIOPlaneKind: what it offers */
    uint32_t n_overlays;        /* overlay planes that it has */
    VFIODisplayRegion metadata; /* with the metadata page; size 0: none */
    MirrorMeter meter;          /* what it costs to read its memory */
    /* by VFIOPlaneType; what concerns no plane is the primary's */
    uint64_t faults[VFIO_DISPLAY_PLANE_TYPES][VFIO_PLANE_FAULT__MAX];
    bool warned[VFIO_DISPLAY_PLANE_TYPES][VFIO_PLANE_FAULT__MAX];
} VFIODisplaySource;

/*
 * Asks what the source offers and opens its metadata region, which
 * vfio_display_source_close() closes. Returns false if it offers nothing.
 */
bool vfio_display_source_probe(VFIODisplaySource *source);
void vfio_display_source_close(VFIODisplaySource *source);

/* Returns how users know the device: its id, else its QOM path; to be freed. */
char *vfio_display_source_name(const VFIODisplaySource *source);

/*
 * Asks for the plane that @plane names by type, index and kind, and fills in
 * the answer. Returns 0 or a negative errno.
 */
int vfio_display_query_plane(VFIODisplaySource *source, VFIOPlane *plane);

/* The frame of a checked plane, without its memory. */
MirrorFrame vfio_display_plane_frame(VFIODisplaySource *source,
                                     const VFIOPlane *plane);

/*
 * The same for the primary plane, of that kind. Returns false if there is no
 * answer, of which users have been told.
 */
bool vfio_display_query_primary(VFIODisplaySource *source, VFIOPlaneKind kind,
                                VFIOPlane *plane);

/*
 * A plane other than the primary could not be queried. @since_ns: since when
 * that is so; the caller sets it to 0 with each answer. Returns true if that is
 * longer than the grace, so that the plane's last picture is to go.
 */
bool vfio_display_is_silent(int64_t now_ns, int64_t *since_ns);

/* Says something once that is no fault of the kinds below. */
void vfio_display_warn(VFIODisplaySource *source, const char *fmt, ...)
    G_GNUC_PRINTF(2, 3);

/* Counts a fault that is nothing to bother the user with. */
void vfio_display_count_fault(VFIODisplaySource *source, VFIOPlaneType type,
                              VFIOPlaneFault fault);

/* Counts a fault of the primary plane; the first of its kind is a warning. */
void vfio_display_fault(VFIODisplaySource *source, VFIOPlaneFault fault,
                        const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/*
 * The same for @plane, an answer of the device that has the fault; the warning
 * has all that the device said. @err: an errno (positive) to add, or 0.
 */
void vfio_display_bad_plane(VFIODisplaySource *source, VFIOPlaneFault fault,
                            const VFIOPlane *plane, int err);

#endif /* HW_DISPLAY_VFIO_DISPLAY_SOURCE_H */
