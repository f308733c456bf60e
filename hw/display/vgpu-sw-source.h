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

typedef struct VGPUSWSource {
    VGPUSWPlanes *planes;   /* the device's, as all that is a pointer */
    VGPUSWBuffers *buffers;
    VGPUSWEdid *edid;
    VGPUSWIrq *irq;
    VGPUSWMetadata *meta;
    uint32_t kinds;         /* VGPU_SW_KIND_* that it has */
    uint32_t calls[VGPU_SW_CALLS]; /* since reset */
    VGPUSWFault faults[VGPU_SW_CALLS]; /* registers: what is to fail */
    uint32_t refused;       /* register: planes whose queries fail */
    uint32_t region_index;  /* register: as reported */
    uint32_t region_flags;  /* register: VGPU_SW_REGION_* */
    uint32_t overlays;      /* property: overlay planes that it admits to */
    bool has_edid;          /* property */
} VGPUSWSource;

/* For vfio_display_new() with a VGPUSWSource. */
extern const VFIODisplayOps vgpu_sw_source_ops;

/* No faults, no calls yet. */
void vgpu_sw_source_reset(VGPUSWSource *source);

#endif /* HW_DISPLAY_VGPU_SW_SOURCE_H */
