/*
 * Software vGPU: the framebuffer region with a metadata page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_METADATA_H
#define HW_DISPLAY_VGPU_SW_METADATA_H

#include "hw/vfio/vfio-display.h"
#include "vgpu-sw-buffer.h"
#include "vgpu-sw-irq.h"
#include "vgpu-sw-planes.h"

typedef struct VGPUSWMetadata {
    VGPUSWPlanes *planes;   /* what is copied */
    const VGPUSWBuffers *buffers; /* where from */
    VGPUSWIrq *irq;         /* signalled when an answer is there */
    int fd;                 /* the region but for the doorbell, or -1 */
    uint8_t *map;           /* the same, NULL while it is not open */
    QEMUBH *bh;             /* answers a request */
    bool held;              /* the last one, until META_SILENT goes */
    uint32_t generation;    /* the page's, even */
    uint64_t frame;         /* frames that were copied and differed */
    uint32_t request;       /* the one to answer */
    uint32_t requests;      /* since reset */
    uint32_t flags;         /* register: VGPU_SW_META_* */
    uint32_t poke_offset;   /* register */
    uint32_t poke_value;    /* register */
    bool mmap;              /* property: the display may map the region */
} VGPUSWMetadata;

/* Closed; all three stay the caller's. */
void vgpu_sw_metadata_init(VGPUSWMetadata *meta, VGPUSWPlanes *planes,
                           const VGPUSWBuffers *buffers, VGPUSWIrq *irq);

/* As the calls of VFIODisplayOps with these names. */
int vgpu_sw_metadata_open(VGPUSWMetadata *meta, VFIODisplayRegion *region);
ssize_t vgpu_sw_metadata_read(VGPUSWMetadata *meta, void *buf, size_t len,
                              uint64_t offset);
int vgpu_sw_metadata_request(VGPUSWMetadata *meta, uint32_t request,
                             uint32_t rate_mhz);
void vgpu_sw_metadata_close(VGPUSWMetadata *meta);

/* Sets the register, VGPU_SW_META_*, and does what that means. */
void vgpu_sw_metadata_set_flags(VGPUSWMetadata *meta, uint32_t flags);

/* Registers as they are at first; what the display asked for stays asked. */
void vgpu_sw_metadata_reset(VGPUSWMetadata *meta);

#endif /* HW_DISPLAY_VGPU_SW_METADATA_H */
