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
#include "qemu/bswap.h"
#include "qemu/error-report.h"
#include "vgpu-sw-edid.h"

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

static struct vfio_region_gfx_edid edid_registers(const VGPUSWEdid *edid)
{
    return (struct vfio_region_gfx_edid) {
        .edid_offset = EDID_BLOB_OFFSET,
        .edid_max_size = sizeof(edid->blob),
        .edid_size = edid->size,
        .max_xres = edid->max_xres,
        .max_yres = edid->max_yres,
        .link_state = edid->link_up ? VFIO_DEVICE_GFX_LINK_STATE_UP :
            VFIO_DEVICE_GFX_LINK_STATE_DOWN,
    };
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
    struct vfio_region_gfx_edid registers = edid_registers(edid);

    if (is_register(offset, len)) {
        memcpy(buf, (uint8_t *)&registers + offset, len);
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

uint32_t vgpu_sw_edid_guest_read(const VGPUSWEdid *edid, uint32_t offset)
{
    return edid->link_up && offset < edid->size ? ldl_le_p(edid->blob + offset)
                                                : 0;
}

static int edid_post_load(void *opaque, int version_id)
{
    VGPUSWEdid *edid = opaque;

    if (edid->size > sizeof(edid->blob)) {
        error_report("vgpu-sw: an EDID of %" PRIu32 " bytes", edid->size);
        /* The device lives on if the user has it so. */
        edid->size = 0;
        edid->link_up = false;
        return -EINVAL;
    }
    edid->link_up = edid->link_up && edid->size;
    return 0;
}

const VMStateDescription vmstate_vgpu_sw_edid = {
    .name = "vgpu-sw/edid",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = edid_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_ARRAY(blob, VGPUSWEdid, VGPU_SW_EDID_MAX),
        VMSTATE_UINT32(size, VGPUSWEdid),
        VMSTATE_END_OF_LIST()
    },
};
