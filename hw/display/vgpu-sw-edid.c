/*
 * Software vGPU: the EDID region
 *
 * What a vfio driver puts behind its EDID region: a few registers and the
 * blob. The display writes it, the guest reads it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include "vgpu-sw-internal.h"

/* Where the blob starts in the region; the registers end well before. */
#define EDID_BLOB_OFFSET 0x400

static bool is_register(uint64_t offset, size_t len)
{
    return len == 4 && offset % 4 == 0 &&
        offset < sizeof(struct vfio_region_gfx_edid);
}

static bool is_blob(uint64_t offset, size_t len, uint32_t size)
{
    return offset >= EDID_BLOB_OFFSET && len <= size &&
        offset - EDID_BLOB_OFFSET <= size - len;
}

static uint32_t edid_register_read(const VGPUSWEdid *edid, uint64_t offset)
{
    switch (offset) {
    case offsetof(struct vfio_region_gfx_edid, edid_offset):
        return EDID_BLOB_OFFSET;
    case offsetof(struct vfio_region_gfx_edid, edid_max_size):
        return sizeof(edid->blob);
    case offsetof(struct vfio_region_gfx_edid, edid_size):
        return edid->size;
    case offsetof(struct vfio_region_gfx_edid, max_xres):
        return edid->max_xres;
    case offsetof(struct vfio_region_gfx_edid, max_yres):
        return edid->max_yres;
    case offsetof(struct vfio_region_gfx_edid, link_state):
        return edid->link_up ? VFIO_DEVICE_GFX_LINK_STATE_UP :
            VFIO_DEVICE_GFX_LINK_STATE_DOWN;
    default:
        g_assert_not_reached();
    }
}

static int link_state_write(VGPUSWEdid *edid, uint32_t state)
{
    switch (state) {
    case VFIO_DEVICE_GFX_LINK_STATE_UP:
        if (!edid->size) {
            return -EINVAL;
        }
        edid->link_up = true;
        return 0;
    case VFIO_DEVICE_GFX_LINK_STATE_DOWN:
        edid->downs += edid->link_up;
        edid->link_up = false;
        return 0;
    default:
        return -EINVAL;
    }
}

static int edid_register_write(VGPUSWEdid *edid, uint64_t offset,
                               uint32_t value)
{
    switch (offset) {
    case offsetof(struct vfio_region_gfx_edid, edid_size):
        if (value > sizeof(edid->blob)) {
            return -EINVAL;
        }
        edid->size = value;
        return 0;
    case offsetof(struct vfio_region_gfx_edid, link_state):
        return link_state_write(edid, value);
    default:
        return -EPERM;
    }
}

int vgpu_sw_edid_read(const VGPUSWEdid *edid, void *buf, size_t len,
                      uint64_t offset)
{
    uint32_t value;

    if (is_register(offset, len)) {
        value = edid_register_read(edid, offset);
        memcpy(buf, &value, sizeof(value));
        return 0;
    }
    if (is_blob(offset, len, sizeof(edid->blob))) {
        memcpy(buf, edid->blob + (offset - EDID_BLOB_OFFSET), len);
        return 0;
    }
    return -EINVAL;
}

int vgpu_sw_edid_write(VGPUSWEdid *edid, const void *buf, size_t len,
                       uint64_t offset)
{
    uint32_t value;

    if (is_register(offset, len)) {
        memcpy(&value, buf, sizeof(value));
        return edid_register_write(edid, offset, value);
    }
    if (is_blob(offset, len, edid->size)) {
        memcpy(edid->blob + (offset - EDID_BLOB_OFFSET), buf, len);
        return 0;
    }
    return -EINVAL;
}

uint8_t vgpu_sw_edid_guest_read(const VGPUSWEdid *edid, uint32_t offset)
{
    return edid->link_up && offset < edid->size ? edid->blob[offset] : 0;
}
