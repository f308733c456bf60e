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

static void fill_plane(const VGPUSWState *s, VFIOPlane *plane)
{
    bool dmabuf = plane->kind == VFIO_PLANE_KIND_DMABUF;
    uint64_t size = vgpu_sw_shown_size(s);

    plane->id = dmabuf ? vgpu_sw_shown(s, VGPU_SW_ID) : s->region_index;
    plane->fourcc = vgpu_sw_shown(s, VGPU_SW_FOURCC);
    plane->modifier = (uint64_t)vgpu_sw_shown(s, VGPU_SW_MODIFIER_HI) << 32 |
        vgpu_sw_shown(s, VGPU_SW_MODIFIER_LO);
    plane->width = vgpu_sw_shown(s, VGPU_SW_WIDTH);
    plane->height = vgpu_sw_shown(s, VGPU_SW_HEIGHT);
    plane->stride = vgpu_sw_shown(s, VGPU_SW_STRIDE);
    plane->offset = dmabuf ? vgpu_sw_buffer_offset(s) :
        vgpu_sw_shown_offset(s);
    /* Whole pages, and at least one: 0 would say that the plane is off. */
    plane->size = MAX(ROUND_UP(size, 4096), 4096);
}

static int vgpu_sw_query_plane(void *opaque, VFIOPlane *plane)
{
    VGPUSWState *s = opaque;
    int ret = count_call(s, VGPU_SW_CALL_QUERY);

    if (ret == 0 && !vgpu_sw_probe(s, plane->kind)) {
        ret = -EINVAL;
    }
    if (ret == 0) {
        *plane = (VFIOPlane) {
            .type = plane->type,
            .kind = plane->kind,
            .hot_x = VFIO_PLANE_NO_HOTSPOT,
            .hot_y = VFIO_PLANE_NO_HOTSPOT,
        };
        if (plane->type == VFIO_PLANE_PRIMARY &&
            vgpu_sw_shown(s, VGPU_SW_ENABLE)) {
            fill_plane(s, plane);
        }
    }
    trace_vgpu_sw_query(plane->kind, plane->type, plane->id, ret);
    return ret;
}

static int vgpu_sw_get_dmabuf(void *opaque, uint32_t id)
{
    VGPUSWState *s = opaque;
    int ret = count_call(s, VGPU_SW_CALL_GET);

    if (ret == 0 && !(s->kinds & VGPU_SW_KIND_DMABUF)) {
        ret = -EINVAL;
    }
    if (ret == 0 && id != vgpu_sw_shown(s, VGPU_SW_ID)) {
        ret = -ENOENT;
    }
    if (ret == 0) {
        ret = vgpu_sw_buffer_get(s);
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
        *region = (VFIODisplayRegion) { .size = s->vram_size };
        if (!(s->region_flags & VGPU_SW_REGION_NO_MAP)) {
            region->map = memory_region_get_ram_ptr(&s->vram);
            region->map_len = s->vram_size;
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

    return vgpu_sw_edid_write(&s->edid, buf, len, offset);
}

const VFIODisplayOps vgpu_sw_source_ops = {
    .probe = vgpu_sw_probe,
    .query_plane = vgpu_sw_query_plane,
    .get_dmabuf = vgpu_sw_get_dmabuf,
    .open_region = vgpu_sw_open_region,
    .read_region = vgpu_sw_read_region,
    .close_region = vgpu_sw_close_region,
    .has_edid = vgpu_sw_has_edid,
    .edid_read = vgpu_sw_source_edid_read,
    .edid_write = vgpu_sw_source_edid_write,
};
