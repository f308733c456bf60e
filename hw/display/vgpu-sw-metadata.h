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

/**
 * VGPUSWMetadata:
 * @planes: what is copied
 * @buffers: where from
 * @irq: signalled when an answer is there
 * @fd: the region's memory but for the doorbell, or -1
 * @map: the same, NULL while the display does not have it open
 * @bh: answers a request
 * @held: the last request is answered when VGPU_SW_META_SILENT goes
 * @generation: the page's, even
 * @frame: frames that were copied and differed
 * @request: the one to answer
 * @requests: so many there were since reset
 * @flags: register: VGPU_SW_META_*
 * @poke_offset: register
 * @poke_value: register
 * @mmap: property: the display may map the region
 */
typedef struct VGPUSWMetadata {
    VGPUSWPlanes *planes;
    const VGPUSWBuffers *buffers;
    VGPUSWIrq *irq;
    int fd;
    uint8_t *map;
    QEMUBH *bh;
    bool held;
    uint32_t generation;
    uint64_t frame;
    uint32_t request;
    uint32_t requests;
    uint32_t flags;
    uint32_t poke_offset;
    uint32_t poke_value;
    bool mmap;
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
