/*
 * Software vGPU: the plane source
 *
 * Answers what the kernel's ioctls answer for a vfio device, from registers
 * that the guest writes. Nothing that the guest says about its plane is
 * checked here: a driver may report anything, and the display must cope.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include "vgpu-sw-internal.h"
#include "trace.h"

/* Counts a call; 0, or the negative errno that it is to fail with. */
static int count_call(VGPUSWState *s, unsigned call)
{
    VGPUSWFault *fault = &s->faults[call];

    s->calls[call]++;
    if (!fault->count) {
        return 0;
    }
    if (fault->count != VGPU_SW_FOREVER) {
        fault->count--;
    }
    /* What the kernel has as errno; the guest may have written anything. */
    return fault->err > 0 && fault->err < 4096 ? -(int)fault->err : -EIO;
}

static bool vgpu_sw_probe(void *opaque, VFIOPlaneKind kind)
{
    VGPUSWState *s = opaque;

    switch (kind) {
    case VFIO_PLANE_KIND_DMABUF:
        return s->kinds & VGPU_SW_KIND_DMABUF;
    case VFIO_PLANE_KIND_REGION:
        return s->kinds & VGPU_SW_KIND_REGION;
    default:
        return false;
    }
}

static uint32_t vgpu_sw_overlays(void *opaque, VFIOPlaneKind kind)
{
    VGPUSWState *s = opaque;

    return kind == VFIO_PLANE_KIND_DMABUF ? s->overlays : 0;
}

/* One rectangle around all that the guest reported. */
static VFIOPlaneRect bound(const struct vfio_gfx_meta_rect *rects,
                           uint32_t count)
{
    uint64_t x1 = UINT32_MAX, y1 = UINT32_MAX, x2 = 0, y2 = 0;

    for (uint32_t i = 0; i < count; i++) {
        x1 = MIN(x1, rects[i].x);
        y1 = MIN(y1, rects[i].y);
        x2 = MAX(x2, (uint64_t)rects[i].x + rects[i].width);
        y2 = MAX(y2, (uint64_t)rects[i].y + rects[i].height);
    }
    return (VFIOPlaneRect) {
        .x = x1,
        .y = y1,
        .width = x2 > x1 ? MIN(x2 - x1, UINT32_MAX) : 0,
        .height = y2 > y1 ? MIN(y2 - y1, UINT32_MAX) : 0,
    };
}

/* As a driver: what was drawn before the guest began to report is not known. */
static void fill_damage(VGPUSWState *s, VFIOPlane *plane)
{
    struct vfio_gfx_meta_rect rects[VFIO_GFX_META_MAX_DAMAGE];
    uint32_t count = vgpu_sw_damage_take(s, VGPU_SW_BY_QUERY, rects);

    if (count <= VFIO_GFX_META_MAX_DAMAGE) {
        plane->damage_known = true;
        plane->damage = bound(rects, count);
    }
}

static void fill_plane(VGPUSWState *s, unsigned index, VFIOPlane *plane)
{
    bool dmabuf = plane->kind == VFIO_PLANE_KIND_DMABUF;
    uint64_t size = vgpu_sw_shown_size(s, index);

    plane->id = dmabuf ? vgpu_sw_plane_id(s, index) : s->region_index;
    plane->fourcc = vgpu_sw_shown(s, index, VGPU_SW_FOURCC);
    plane->modifier =
        (uint64_t)vgpu_sw_shown(s, index, VGPU_SW_MODIFIER_HI) << 32 |
        vgpu_sw_shown(s, index, VGPU_SW_MODIFIER_LO);
    plane->width = vgpu_sw_shown(s, index, VGPU_SW_WIDTH);
    plane->height = vgpu_sw_shown(s, index, VGPU_SW_HEIGHT);
    plane->stride = vgpu_sw_shown(s, index, VGPU_SW_STRIDE);
    plane->offset = dmabuf ? vgpu_sw_buffer_offset(s, index) :
        vgpu_sw_shown_offset(s, index);
    /* Whole pages, and at least one: 0 would say that the plane is off. */
    plane->size = MAX(ROUND_UP(size, 4096), 4096);
    plane->x = vgpu_sw_shown(s, index, VGPU_SW_X);
    plane->y = vgpu_sw_shown(s, index, VGPU_SW_Y);
    plane->hot_x = vgpu_sw_shown(s, index, VGPU_SW_HOT_X);
    plane->hot_y = vgpu_sw_shown(s, index, VGPU_SW_HOT_Y);
    if (s->overlays) {
        /* it has the extension */
        plane->zpos = vgpu_sw_shown(s, index, VGPU_SW_ZPOS);
        plane->straight_alpha = vgpu_sw_shown(s, index, VGPU_SW_PLANE_FLAGS) &
            VGPU_SW_PLANE_STRAIGHT;
        if (index == VGPU_SW_PRIMARY) {
            fill_damage(s, plane);
        }
    }
}

/* The plane's registers; -EINVAL if there is no such plane. */
static int plane_index(const VGPUSWState *s, const VFIOPlane *plane)
{
    switch (plane->type) {
    case VFIO_PLANE_PRIMARY:
        return plane->index ? -EINVAL : VGPU_SW_PRIMARY;
    case VFIO_PLANE_CURSOR:
        return plane->index ? -EINVAL : VGPU_SW_CURSOR;
    case VFIO_PLANE_OVERLAY:
        return plane->index < s->overlays ? VGPU_SW_OVERLAY(plane->index)
                                          : -EINVAL;
    default:
        return -EINVAL;
    }
}

static int vgpu_sw_query_plane(void *opaque, VFIOPlane *plane)
{
    VGPUSWState *s = opaque;
    int ret = count_call(s, VGPU_SW_CALL_QUERY);
    int index = plane_index(s, plane);

    if (ret == 0 && !vgpu_sw_probe(s, plane->kind)) {
        ret = -EINVAL;
    }
    if (ret == 0 && index < 0) {
        ret = index;
    }
    if (ret == 0 && s->refused & 1u << index) {
        ret = -EIO;
    }
    if (ret == 0) {
        *plane = (VFIOPlane) {
            .type = plane->type,
            .index = plane->index,
            .kind = plane->kind,
            .hot_x = VFIO_PLANE_NO_HOTSPOT,
            .hot_y = VFIO_PLANE_NO_HOTSPOT,
        };
        if (vgpu_sw_shown(s, index, VGPU_SW_ENABLE)) {
            fill_plane(s, index, plane);
        }
    }
    trace_vgpu_sw_query(plane->kind, plane->type, plane->id, ret);
    return ret;
}

/* The plane that shows the buffer; the first one if it has several. */
static int find_buffer(VGPUSWState *s, uint32_t id)
{
    for (int i = 0; i < VGPU_SW_PLANES; i++) {
        if (vgpu_sw_shown(s, i, VGPU_SW_ENABLE) &&
            vgpu_sw_plane_id(s, i) == id) {
            return i;
        }
    }
    return -ENOENT;
}

static int vgpu_sw_get_dmabuf(void *opaque, uint32_t id)
{
    VGPUSWState *s = opaque;
    int ret = count_call(s, VGPU_SW_CALL_GET);

    if (ret == 0 && !(s->kinds & VGPU_SW_KIND_DMABUF)) {
        ret = -EINVAL;
    }
    if (ret == 0) {
        ret = find_buffer(s, id);
    }
    if (ret >= 0) {
        ret = vgpu_sw_buffer_get(s, ret);
    }
    trace_vgpu_sw_get(id, ret);
    return ret;
}

static int vgpu_sw_open_region(void *opaque, uint32_t index,
                               VFIODisplayRegion *region)
{
    VGPUSWState *s = opaque;
    int ret = count_call(s, VGPU_SW_CALL_OPEN);

    if (ret == 0 && (index != VGPU_SW_REGION ||
                     !(s->kinds & VGPU_SW_KIND_REGION))) {
        ret = -EINVAL;
    }
    if (ret == 0) {
        *region = (VFIODisplayRegion) {
            .size = s->vram_size,
            .readable = !(s->region_flags & VGPU_SW_REGION_NO_READ),
        };
        if (!(s->region_flags & VGPU_SW_REGION_NO_MAP)) {
            region->map = memory_region_get_ram_ptr(&s->vram);
            region->map_len = s->region_flags & VGPU_SW_REGION_PART
                ? VGPU_SW_REGION_PART_BYTES : s->vram_size;
        }
    }
    trace_vgpu_sw_open(index, ret);
    return ret;
}

static ssize_t vgpu_sw_read_region(void *opaque, void *buf, size_t len,
                                   uint64_t offset)
{
    VGPUSWState *s = opaque;
    const uint8_t *vram = memory_region_get_ram_ptr(&s->vram);
    int ret = count_call(s, VGPU_SW_CALL_READ);

    if (ret < 0) {
        return ret;
    }
    if (offset > s->vram_size) {
        return -EINVAL;
    }
    len = MIN(len, s->vram_size - offset);
    memcpy(buf, vram + offset, len);
    return len;
}

static void vgpu_sw_close_region(void *opaque)
{
    /* The region is VRAM, which stays. */
}

static bool vgpu_sw_has_edid(void *opaque)
{
    VGPUSWState *s = opaque;

    return s->has_edid;
}

static int vgpu_sw_source_edid_read(void *opaque, void *buf, size_t len,
                                    uint64_t offset)
{
    VGPUSWState *s = opaque;

    return vgpu_sw_edid_read(&s->edid, buf, len, offset);
}

static int vgpu_sw_source_edid_write(void *opaque, const void *buf, size_t len,
                                     uint64_t offset)
{
    VGPUSWState *s = opaque;
    bool blob = offset >= sizeof(struct vfio_region_gfx_edid);
    int ret = blob ? count_call(s, VGPU_SW_CALL_EDID) : 0;

    return ret < 0 ? ret : vgpu_sw_edid_write(&s->edid, buf, len, offset);
}

const VFIODisplayOps vgpu_sw_source_ops = {
    .probe = vgpu_sw_probe,
    .overlays = vgpu_sw_overlays,
    .query_plane = vgpu_sw_query_plane,
    .get_dmabuf = vgpu_sw_get_dmabuf,
    .open_region = vgpu_sw_open_region,
    .read_region = vgpu_sw_read_region,
    .close_region = vgpu_sw_close_region,
    .has_edid = vgpu_sw_has_edid,
    .edid_read = vgpu_sw_source_edid_read,
    .edid_write = vgpu_sw_source_edid_write,
    .set_notifier = vgpu_sw_set_notifier,
    .open_metadata = vgpu_sw_open_metadata,
    .read_metadata = vgpu_sw_read_metadata,
    .metadata_request = vgpu_sw_metadata_request,
    .close_metadata = vgpu_sw_close_metadata,
};
