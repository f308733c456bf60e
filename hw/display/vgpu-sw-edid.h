/*
 * Software vGPU: the EDID region
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_EDID_H
#define HW_DISPLAY_VGPU_SW_EDID_H

#include "hw/display/vgpu-sw.h"
#include "migration/vmstate.h"

typedef struct VGPUSWEdid {
    uint8_t blob[VGPU_SW_EDID_MAX]; /* as the display wrote it */
    uint32_t size;          /* bytes of it that count */
    bool link_up;           /* is the monitor there? */
    uint32_t downs;         /* how often it was taken away */
    uint32_t max_xres;      /* properties: what the device claims */
    uint32_t max_yres;
} VGPUSWEdid;

extern const VMStateDescription vmstate_vgpu_sw_edid;

/*
 * Access to the EDID region (VFIO_REGION_SUBTYPE_GFX_EDID), as strict as the
 * strictest driver: registers are 4 bytes and aligned, the read-only ones
 * refuse writes, and the blob ends at the size that was written before it.
 * Returns 0 or a negative errno.
 */
int vgpu_sw_edid_read(const VGPUSWEdid *edid, void *buf, size_t len,
                      uint64_t offset);
int vgpu_sw_edid_write(VGPUSWEdid *edid, const void *buf, size_t len,
                       uint64_t offset);

/* The word at @offset that the guest sees, 0 while the link is down. */
uint32_t vgpu_sw_edid_guest_read(const VGPUSWEdid *edid, uint32_t offset);

#endif /* HW_DISPLAY_VGPU_SW_EDID_H */
