/*
 * Reading the metadata page of a vfio framebuffer region
 *
 * The driver may write to the page at any time, and what it writes may be
 * anything. So the page is copied first, and only the copy is looked at.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "vfio-metadata.h"

/* A driver writes the page in less than a microsecond, once per frame. */
#define TRIES 8

static bool read_generation(VFIOMetadataRead *read, void *opaque,
                            uint32_t *generation)
{
    return read(opaque, generation, sizeof(*generation),
                offsetof(struct vfio_gfx_meta, generation));
}

bool vfio_metadata_copy(VFIOMetadataRead *read, void *opaque,
                        struct vfio_gfx_meta *raw)
{
    uint32_t before, after;

    for (int i = 0; i < TRIES; i++) {
        if (!read_generation(read, opaque, &before)) {
            return false;
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!read(opaque, raw, sizeof(*raw), 0)) {
            return false;
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!read_generation(read, opaque, &after)) {
            return false;
        }
        if (before == after && before == raw->generation &&
            GUINT32_FROM_LE(before) % 2 == 0) {
            /* empty until the driver has written it for the first time */
            return before || raw->magic;
        }
    }
    return false;
}

static VFIOPlaneFault check_frame(const VFIOPlane *plane, uint64_t pixels)
{
    VFIOPlaneFault fault = vfio_plane_check(plane);
    uint64_t end;

    if (fault != VFIO_PLANE_FAULT_NONE) {
        return fault;
    }
    if (plane->modifier != DRM_FORMAT_MOD_LINEAR) {
        return VFIO_PLANE_FAULT_MODIFIER;
    }
    /* the last: the driver's own idea of the frame's size */
    return !vfio_plane_end(plane, &end) || end > pixels ||
        end - plane->offset > plane->size ? VFIO_PLANE_FAULT_BOUNDS
                                          : VFIO_PLANE_FAULT_NONE;
}

static void parse_plane(const struct vfio_gfx_meta *raw, uint64_t pixels,
                        VFIOMetadata *meta)
{
    meta->plane = (VFIOPlane) {
        .type = VFIO_PLANE_PRIMARY,
        .kind = VFIO_PLANE_KIND_REGION,
        .fourcc = GUINT32_FROM_LE(raw->fourcc),
        .modifier = GUINT64_FROM_LE(raw->modifier),
        .width = GUINT32_FROM_LE(raw->width),
        .height = GUINT32_FROM_LE(raw->height),
        .stride = GUINT32_FROM_LE(raw->stride),
        .offset = GUINT64_FROM_LE(raw->offset),
        .size = GUINT64_FROM_LE(raw->size),
        .hot_x = VFIO_PLANE_NO_HOTSPOT,
        .hot_y = VFIO_PLANE_NO_HOTSPOT,
    };
    meta->fault = vfio_plane_is_off(&meta->plane)
        ? VFIO_PLANE_FAULT_NONE : check_frame(&meta->plane, pixels);
}

/* A count that makes no sense is as good as none. */
static void parse_damage(const struct vfio_gfx_meta *raw, VFIOMetadata *meta)
{
    uint32_t count = GUINT32_FROM_LE(raw->damage_count);

    meta->n_damage = 0;
    meta->damage_all = count > VFIO_GFX_META_MAX_DAMAGE;
    if (meta->damage_all || meta->fault != VFIO_PLANE_FAULT_NONE ||
        vfio_plane_is_off(&meta->plane)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        VFIOPlaneRect rect = {
            .x = GUINT32_FROM_LE(raw->damage[i].x),
            .y = GUINT32_FROM_LE(raw->damage[i].y),
            .width = GUINT32_FROM_LE(raw->damage[i].width),
            .height = GUINT32_FROM_LE(raw->damage[i].height),
        };
        pixman_box32_t box = vfio_plane_clip(&meta->plane, &rect);

        if (box.x2) {
            meta->damage[meta->n_damage++] = box;
        }
    }
}

/* A cursor that cannot be shown costs the cursor, not the frame. */
static void parse_cursor(const struct vfio_gfx_meta *raw, uint64_t pixels,
                         VFIOMetadata *meta)
{
    const struct vfio_gfx_meta_cursor *cursor = &raw->cursor;
    VFIOPlane *plane = &meta->cursor;
    uint64_t bytes;

    *plane = (VFIOPlane) { .type = VFIO_PLANE_CURSOR };
    meta->cursor_fault = VFIO_PLANE_FAULT_NONE;
    meta->cursor_serial = GUINT32_FROM_LE(cursor->serial);
    if (GUINT32_FROM_LE(raw->header_size) < sizeof(*raw) ||
        !GUINT32_FROM_LE(cursor->visible)) {
        return;
    }
    bytes = (uint64_t)GUINT32_FROM_LE(cursor->stride) *
        GUINT32_FROM_LE(cursor->height);
    *plane = (VFIOPlane) {
        .type = VFIO_PLANE_CURSOR,
        .kind = VFIO_PLANE_KIND_REGION,
        .fourcc = GUINT32_FROM_LE(cursor->fourcc),
        .modifier = DRM_FORMAT_MOD_LINEAR,
        .width = GUINT32_FROM_LE(cursor->width),
        .height = GUINT32_FROM_LE(cursor->height),
        .stride = GUINT32_FROM_LE(cursor->stride),
        .offset = GUINT64_FROM_LE(cursor->offset),
        .size = bytes ?: 1,
        .x = (int32_t)GUINT32_FROM_LE((uint32_t)cursor->x),
        .y = (int32_t)GUINT32_FROM_LE((uint32_t)cursor->y),
        .hot_x = GUINT32_FROM_LE(cursor->hot_x),
        .hot_y = GUINT32_FROM_LE(cursor->hot_y),
        .straight_alpha = GUINT32_FROM_LE(cursor->flags) &
            VFIO_GFX_PLANE_EXT_STRAIGHT,
    };
    meta->cursor_fault = plane->fourcc == DRM_FORMAT_ARGB8888
        ? check_frame(plane, pixels) : VFIO_PLANE_FAULT_FORMAT;
}

bool vfio_metadata_parse(const struct vfio_gfx_meta *raw, uint64_t pixels,
                         VFIOMetadata *meta)
{
    uint32_t header_size = GUINT32_FROM_LE(raw->header_size);
    uint32_t status = GUINT32_FROM_LE(raw->status);

    memset(meta, 0, sizeof(*meta));
    if (GUINT32_FROM_LE(raw->magic) != VFIO_GFX_META_MAGIC ||
        GUINT32_FROM_LE(raw->version) != VFIO_GFX_META_VERSION ||
        header_size < offsetof(struct vfio_gfx_meta, cursor) ||
        header_size > VFIO_GFX_META_VMM_OFFSET ||
        status > VFIO_GFX_META_ERROR) {
        return false;
    }
    meta->status = status;
    meta->request = GUINT32_FROM_LE(raw->request);
    meta->frame = GUINT64_FROM_LE(raw->frame);
    if (status == VFIO_GFX_META_ERROR) {
        /* nothing else was written */
        meta->error = GUINT32_FROM_LE(raw->error);
        if (meta->error == 0 || meta->error > INT_MAX) {
            meta->error = EIO;
        }
        return true;
    }
    parse_plane(raw, pixels, meta);
    parse_damage(raw, meta);
    parse_cursor(raw, pixels, meta);
    return true;
}
