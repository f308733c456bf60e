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
#include "vgpu-sw-source.h"
#include "trace.h"

/* Counts a call; 0, or the negative errno that it is to fail with. */
static int count_call(VGPUSWSource *source, unsigned call)
{
    VGPUSWFault *fault = &source->faults[call];

    source->calls[call]++;
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
    VGPUSWSource *source = opaque;

    return (kind == VFIO_PLANE_KIND_DMABUF &&
            source->kinds & VGPU_SW_KIND_DMABUF) ||
           (kind == VFIO_PLANE_KIND_REGION &&
            source->kinds & VGPU_SW_KIND_REGION);
}

static uint32_t vgpu_sw_overlays(void *opaque)
{
    VGPUSWSource *source = opaque;

    return source->overlays;
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
static void fill_damage(VGPUSWPlanes *planes, VFIOPlane *plane)
{
    struct vfio_gfx_meta_rect rects[VFIO_GFX_META_MAX_DAMAGE];
    uint32_t count = vgpu_sw_damage_take(&planes->damage, VGPU_SW_BY_QUERY,
                                         rects);

    if (count <= VFIO_GFX_META_MAX_DAMAGE) {
        plane->damage_known = true;
        plane->damage = bound(rects, count);
    }
}

static VFIOPlane shown_plane(VGPUSWSource *source, unsigned index,
                             VFIOPlaneKind kind)
{
    VFIOPlane plane = vgpu_sw_shown_plane(source->planes, index);

    plane.kind = kind;
    if (kind == VFIO_PLANE_KIND_DMABUF) {
        plane.id = vgpu_sw_plane_id(source->planes, index);
        plane.offset = vgpu_sw_buffer_offset(source->buffers, plane.offset);
    } else {
        plane.id = source->region_index;
    }
    /* Whole pages, and at least one: 0 would say that the plane is off. */
    plane.size = MAX(ROUND_UP(plane.size, 4096), 4096);
    if (!source->overlays) {
        /* it lacks the extension */
        plane.zpos = 0;
        plane.straight_alpha = false;
    } else if (index == VGPU_SW_PRIMARY) {
        fill_damage(source->planes, &plane);
    }
    return plane;
}

/* The plane's registers; -EINVAL if there is no such plane. */
static int plane_index(const VGPUSWSource *source, const VFIOPlane *plane)
{
    switch (plane->type) {
    case VFIO_PLANE_PRIMARY:
        return plane->index ? -EINVAL : VGPU_SW_PRIMARY;
    case VFIO_PLANE_CURSOR:
        return plane->index ? -EINVAL : VGPU_SW_CURSOR;
    case VFIO_PLANE_OVERLAY:
        return plane->index < source->overlays ?
            VGPU_SW_OVERLAY(plane->index) : -EINVAL;
    default:
        return -EINVAL;
    }
}

static int vgpu_sw_query_plane(void *opaque, VFIOPlane *plane)
{
    VGPUSWSource *source = opaque;
    int ret = count_call(source, VGPU_SW_CALL_QUERY);
    int index = plane_index(source, plane);

    if (ret == 0 && !vgpu_sw_probe(source, plane->kind)) {
        ret = -EINVAL;
    }
    if (ret == 0 && index < 0) {
        ret = index;
    }
    if (ret == 0 && source->refused & 1u << index) {
        ret = -EIO;
    }
    if (ret == 0 && vgpu_sw_shown(source->planes, index, VGPU_SW_ENABLE)) {
        *plane = shown_plane(source, index, plane->kind);
    } else if (ret == 0) {
        *plane = (VFIOPlane) {
            .type = plane->type,
            .index = plane->index,
            .kind = plane->kind,
            .hot_x = VFIO_PLANE_NO_HOTSPOT,
            .hot_y = VFIO_PLANE_NO_HOTSPOT,
        };
    }
    trace_vgpu_sw_query(plane->kind, plane->type, plane->id, ret);
    return ret;
}

/* The plane that shows the buffer; the first one if it has several. */
static int find_buffer(VGPUSWPlanes *planes, uint32_t id)
{
    for (int i = 0; i < VGPU_SW_PLANES; i++) {
        if (vgpu_sw_shown(planes, i, VGPU_SW_ENABLE) &&
            vgpu_sw_plane_id(planes, i) == id) {
            return i;
        }
    }
    return -ENOENT;
}

static int vgpu_sw_get_dmabuf(void *opaque, uint32_t id)
{
    VGPUSWSource *source = opaque;
    int ret = count_call(source, VGPU_SW_CALL_GET);
    VFIOPlane plane;

    if (ret == 0 && !(source->kinds & VGPU_SW_KIND_DMABUF)) {
        ret = -EINVAL;
    }
    if (ret == 0) {
        ret = find_buffer(source->planes, id);
    }
    if (ret >= 0) {
        plane = vgpu_sw_shown_plane(source->planes, ret);
        ret = vgpu_sw_buffer_get(source->buffers, plane.offset, plane.size);
    }
    trace_vgpu_sw_get(id, ret);
    return ret;
}

static int vgpu_sw_open_region(void *opaque, uint32_t index,
                               VFIODisplayRegion *region)
{
    VGPUSWSource *source = opaque;
    int ret = count_call(source, VGPU_SW_CALL_OPEN);

    if (ret == 0 && (index != VGPU_SW_REGION ||
                     !(source->kinds & VGPU_SW_KIND_REGION))) {
        ret = -EINVAL;
    }
    if (ret == 0) {
        *region = (VFIODisplayRegion) {
            .size = source->buffers->vram_size,
            .readable = !(source->region_flags & VGPU_SW_REGION_NO_READ),
        };
        if (!(source->region_flags & VGPU_SW_REGION_NO_MAP)) {
            region->map = vgpu_sw_vram(source->buffers);
            region->map_len = source->region_flags & VGPU_SW_REGION_PART
                ? VGPU_SW_REGION_PART_BYTES : source->buffers->vram_size;
        }
    }
    trace_vgpu_sw_open(index, ret);
    return ret;
}

static ssize_t vgpu_sw_read_region(void *opaque, void *buf, size_t len,
                                   uint64_t offset)
{
    VGPUSWSource *source = opaque;
    const uint8_t *vram = vgpu_sw_vram(source->buffers);
    int ret = count_call(source, VGPU_SW_CALL_READ);

    if (ret < 0) {
        return ret;
    }
    if (offset > source->buffers->vram_size) {
        return -EINVAL;
    }
    len = MIN(len, source->buffers->vram_size - offset);
    memcpy(buf, vram + offset, len);
    return len;
}

static void vgpu_sw_close_region(void *opaque)
{
    /* The region is VRAM, which stays. */
}

static bool vgpu_sw_has_edid(void *opaque)
{
    VGPUSWSource *source = opaque;

    return source->has_edid;
}

static int vgpu_sw_source_edid_read(void *opaque, void *buf, size_t len,
                                    uint64_t offset)
{
    VGPUSWSource *source = opaque;

    return vgpu_sw_edid_read(source->edid, buf, len, offset);
}

static int vgpu_sw_source_edid_write(void *opaque, const void *buf, size_t len,
                                     uint64_t offset)
{
    VGPUSWSource *source = opaque;
    bool blob = offset >= sizeof(struct vfio_region_gfx_edid);
    int ret = blob ? count_call(source, VGPU_SW_CALL_EDID) : 0;

    return ret < 0 ? ret : vgpu_sw_edid_write(source->edid, buf, len, offset);
}

static int vgpu_sw_set_notifier(void *opaque, EventNotifier *notifier)
{
    VGPUSWSource *source = opaque;

    if (!(source->kinds & VGPU_SW_KIND_IRQ)) {
        return -ENOENT;
    }
    vgpu_sw_irq_set_notifier(source->irq, notifier);
    return 0;
}

static int vgpu_sw_open_metadata(void *opaque, VFIODisplayRegion *region)
{
    VGPUSWSource *source = opaque;

    return source->kinds & VGPU_SW_KIND_METADATA ?
        vgpu_sw_metadata_open(source->meta, region) : -ENOENT;
}

static ssize_t vgpu_sw_read_metadata(void *opaque, void *buf, size_t len,
                                     uint64_t offset)
{
    VGPUSWSource *source = opaque;

    return vgpu_sw_metadata_read(source->meta, buf, len, offset);
}

static int vgpu_sw_request(void *opaque, uint32_t request, uint32_t rate_mhz)
{
    VGPUSWSource *source = opaque;

    return vgpu_sw_metadata_request(source->meta, request, rate_mhz);
}

static void vgpu_sw_close_metadata(void *opaque)
{
    VGPUSWSource *source = opaque;

    vgpu_sw_metadata_close(source->meta);
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
    .metadata_request = vgpu_sw_request,
    .close_metadata = vgpu_sw_close_metadata,
};

void vgpu_sw_source_reset(VGPUSWSource *source)
{
    memset(source->calls, 0, sizeof(source->calls));
    memset(source->faults, 0, sizeof(source->faults));
    source->refused = 0;
    source->region_index = VGPU_SW_REGION;
    source->region_flags = 0;
}
