/*
 * Software vGPU: the plane source
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_SOURCE_H
#define HW_DISPLAY_VGPU_SW_SOURCE_H

#include "vgpu-sw-edid.h"
#include "vgpu-sw-metadata.h"

/* Calls of one kind that fail. */
typedef struct VGPUSWFault {
    uint32_t count;
    uint32_t err;
} VGPUSWFault;

/**
 * VGPUSWSource:
 * @planes: the device's, as all that is a pointer
 * @kinds: VGPU_SW_KIND_* that it has
 * @calls: so many there were since reset
 * @faults: registers: those that are to fail
 * @refused: register: planes whose queries fail
 * @region_index: register: as reported
 * @region_flags: register: VGPU_SW_REGION_*
 * @overlays: property: overlay planes that it admits to
 * @has_edid: property
 */
typedef struct VGPUSWSource {
    VGPUSWPlanes *planes;
    VGPUSWBuffers *buffers;
    VGPUSWEdid *edid;
    VGPUSWIrq *irq;
    VGPUSWMetadata *meta;
    uint32_t kinds;
    uint32_t calls[VGPU_SW_CALLS];
    VGPUSWFault faults[VGPU_SW_CALLS];
    uint32_t refused;
    uint32_t region_index;
    uint32_t region_flags;
    uint32_t overlays;
    bool has_edid;
} VGPUSWSource;

/* For vfio_display_new() with a VGPUSWSource. */
extern const VFIODisplayOps vgpu_sw_source_ops;

/* No faults, no calls yet. */
void vgpu_sw_source_reset(VGPUSWSource *source);

#endif /* HW_DISPLAY_VGPU_SW_SOURCE_H */
