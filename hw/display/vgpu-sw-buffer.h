/*
 * Software vGPU: its memory and the buffers it gives away
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_BUFFER_H
#define HW_DISPLAY_VGPU_SW_BUFFER_H

#include "exec/memory.h"
#include "hw/display/vgpu-sw.h"
#include "qapi/qapi-types-common.h"

/**
 * VGPUSWBuffers:
 * @vram: the guest's BAR
 * @fd: the VRAM's memfd, our own; sealed against shrinking
 * @udmabuf_fd: the device that makes dma-bufs, or -1 if there is none
 * @copy_fd: the last buffer that was a copy of VRAM, or -1
 * @flags: register: VGPU_SW_BUFFER_*
 * @copy: register: bytes that a buffer has copied, 0: it is VRAM itself
 * @vram_size: property
 * @udmabuf: property
 */
typedef struct VGPUSWBuffers {
    MemoryRegion vram;
    int fd;
    int udmabuf_fd;
    int copy_fd;
    uint32_t flags;
    uint32_t copy;
    uint64_t vram_size;
    OnOffAuto udmabuf;
} VGPUSWBuffers;

/* No memory yet. */
void vgpu_sw_buffers_init(VGPUSWBuffers *buffers);

/**
 * vgpu_sw_buffers_realize:
 * @buffers: those of a device whose properties are set
 * @owner: the device
 * @errp: error
 *
 * Makes the VRAM, with its memfd, and finds out if there are real dma-bufs.
 *
 * Returns: false with @errp set on failure.
 */
bool vgpu_sw_buffers_realize(VGPUSWBuffers *buffers, Object *owner,
                             Error **errp);

/* Closes the memfds; those that were given away live on. */
void vgpu_sw_buffers_finish(VGPUSWBuffers *buffers);

/* The VRAM's bytes. */
uint8_t *vgpu_sw_vram(const VGPUSWBuffers *buffers);

/**
 * vgpu_sw_buffer_offset:
 * @buffers: a device's
 * @offset: of a plane in VRAM
 *
 * Returns: where the plane starts in the buffer that vgpu_sw_buffer_get()
 * would give now.
 */
uint64_t vgpu_sw_buffer_offset(const VGPUSWBuffers *buffers, uint64_t offset);

/**
 * vgpu_sw_buffer_get:
 * @buffers: a device's
 * @offset: of a plane in VRAM; there may be nothing
 * @size: its bytes; may be more than there are
 *
 * Returns: a new fd with the plane's pixels, which the caller owns, or a
 * negative errno.
 */
int vgpu_sw_buffer_get(VGPUSWBuffers *buffers, uint64_t offset, uint64_t size);

/*
 * Sets the length of the last copy that was given, in bytes. Its pages past
 * that go away under whoever has it mapped.
 */
void vgpu_sw_buffer_cut(VGPUSWBuffers *buffers, uint32_t len);

#endif /* HW_DISPLAY_VGPU_SW_BUFFER_H */
