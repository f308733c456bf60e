/*
 * Software vGPU: the EDID region
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_EDID_H
#define HW_DISPLAY_VGPU_SW_EDID_H

#include "hw/display/vgpu-sw.h"
#include "migration/vmstate.h"

/**
 * VGPUSWEdid:
 * @blob: as the display wrote it
 * @size: bytes of it that count
 * @link_up: is the monitor there?
 * @downs: how often it was taken away
 * @max_xres: largest width that the device claims
 * @max_yres: largest height
 *
 * What stands behind the EDID region.
 */
typedef struct VGPUSWEdid {
    uint8_t blob[VGPU_SW_EDID_MAX];
    uint32_t size;
    bool link_up;
    uint32_t downs;
    uint32_t max_xres;
    uint32_t max_yres;
} VGPUSWEdid;

extern const VMStateDescription vmstate_vgpu_sw_edid;

/**
 * vgpu_sw_edid_read, vgpu_sw_edid_write:
 * @edid: an EDID
 * @buf: data
 * @len: bytes
 * @offset: in the EDID region (VFIO_REGION_SUBTYPE_GFX_EDID)
 *
 * As strict as the strictest driver: registers are 4 bytes and aligned, the
 * read-only ones refuse writes, and the blob ends at the size that was
 * written before it.
 *
 * Returns: 0 or a negative errno.
 */
int vgpu_sw_edid_read(const VGPUSWEdid *edid, void *buf, size_t len,
                      uint64_t offset);
int vgpu_sw_edid_write(VGPUSWEdid *edid, const void *buf, size_t len,
                       uint64_t offset);

/* The word at @offset that the guest sees, 0 while the link is down. */
uint32_t vgpu_sw_edid_guest_read(const VGPUSWEdid *edid, uint32_t offset);

#endif /* HW_DISPLAY_VGPU_SW_EDID_H */
