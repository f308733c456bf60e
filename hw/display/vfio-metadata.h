/*
 * Reading the metadata page of a vfio framebuffer region
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_METADATA_H
#define HW_DISPLAY_VFIO_METADATA_H

#include "hw/vfio/vfio-gfx-ext.h"
#include "vfio-plane.h"

/* A metadata page, copied and checked. */
typedef struct VFIOMetadata {
    enum vfio_gfx_meta_status status;
    uint32_t request;       /* the last one that was completed */
    uint32_t error;         /* errno, not 0, with VFIO_GFX_META_ERROR */
    uint64_t frame;         /* its number */
    VFIOPlaneFault fault;   /* of @plane, which must not be used then */
    VFIOPlane plane;        /* the frame, in the region: off, or checked */
    /* where it differs from the one before, all within the frame */
    pixman_box32_t damage[VFIO_GFX_META_MAX_DAMAGE];
    size_t n_damage;
    bool damage_all;        /* it may differ everywhere */
    VFIOPlaneFault cursor_fault;
    VFIOPlane cursor;       /* off, or checked */
    uint32_t cursor_serial; /* another number whenever its image changed */
} VFIOMetadata;

/*
 * Copies @len bytes at @offset of the page, both multiples of 4, in 32-bit
 * words that are each read once. Returns false if it cannot be read.
 */
typedef bool VFIOMetadataRead(void *opaque, void *buf, size_t len,
                              uint64_t offset);

/*
 * Copies the page to @raw while the driver does not write to it. That is tried
 * a few times and never waited for: the driver may have died in the middle.
 * Returns false if the page cannot be read, is being written, or never was.
 */
bool vfio_metadata_copy(VFIOMetadataRead *read, void *opaque,
                        struct vfio_gfx_meta *raw);

/*
 * Fills @meta from a copy of the page, of which nothing is believed. @pixels:
 * bytes of the region in front of the page. Returns false if this is no
 * metadata page that is known here, or its status is none.
 */
bool vfio_metadata_parse(const struct vfio_gfx_meta *raw, uint64_t pixels,
                         VFIOMetadata *meta);

#endif /* HW_DISPLAY_VFIO_METADATA_H */
