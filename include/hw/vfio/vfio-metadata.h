/*
 * Reading the metadata page of a vfio framebuffer region
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_VFIO_METADATA_H
#define HW_VFIO_VFIO_METADATA_H

#include <pixman.h>
#include "hw/vfio/vfio-gfx-ext.h"
#include "hw/vfio/vfio-plane.h"

/**
 * struct VFIOMetadata:
 * @status: what became of the request
 * @request: the last one that was completed
 * @error: positive errno with VFIO_GFX_META_ERROR, never 0 then
 * @frame: the frame's number
 * @fault: what is wrong with @plane, which must not be used then
 * @plane: the frame, in the region; off (vfio_plane_is_off()) or checked
 * @damage: where it differs from the one before, all within the frame
 * @n_damage: boxes in @damage
 * @damage_all: it may differ everywhere
 * @cursor_fault: what is wrong with @cursor
 * @cursor: the cursor plane; off, or checked
 * @cursor_serial: another number whenever its image changed
 *
 * A metadata page, copied and checked.
 */
typedef struct VFIOMetadata {
    enum vfio_gfx_meta_status status;
    uint32_t request;
    uint32_t error;
    uint64_t frame;
    VFIOPlaneFault fault;
    VFIOPlane plane;
    pixman_box32_t damage[VFIO_GFX_META_MAX_DAMAGE];
    size_t n_damage;
    bool damage_all;
    VFIOPlaneFault cursor_fault;
    VFIOPlane cursor;
    uint32_t cursor_serial;
} VFIOMetadata;

/**
 * VFIOMetadataRead:
 * @opaque: the caller's
 * @buf: where the bytes go
 * @len: how many, a multiple of 4
 * @offset: bytes from the page's start, a multiple of 4
 *
 * Copies a part of the page, in 32-bit words that are each read once.
 *
 * Returns: false if it cannot be read.
 */
typedef bool VFIOMetadataRead(void *opaque, void *buf, size_t len,
                              uint64_t offset);

/**
 * vfio_metadata_copy:
 * @read: how to read the page
 * @opaque: for @read
 * @raw: where the copy goes, as the driver wrote it
 *
 * Copies the page while the driver does not write to it. That is tried a few
 * times and never waited for: the driver may have died in the middle.
 *
 * Returns: false if the page cannot be read, is being written, or never was.
 */
bool vfio_metadata_copy(VFIOMetadataRead *read, void *opaque,
                        struct vfio_gfx_meta *raw);

/**
 * vfio_metadata_parse:
 * @raw: a copy of the page, of which nothing is believed
 * @pixels: bytes of the region in front of the page
 * @meta: filled
 *
 * Returns: false if this is no metadata page that is known here, or its
 * status is none.
 */
bool vfio_metadata_parse(const struct vfio_gfx_meta *raw, uint64_t pixels,
                         VFIOMetadata *meta);

#endif /* HW_VFIO_VFIO_METADATA_H */
