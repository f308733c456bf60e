/*
 * Software vGPU: its memory and the buffers it gives away
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_BUFFER_H
#define HW_DISPLAY_VGPU_SW_BUFFER_H

#include "hw/pci/pci.h"
#include "hw/display/vgpu-sw.h"
#include "qapi/qapi-types-common.h"

typedef struct VGPUSWBuffers {
    MemoryRegion vram;      /* the guest's BAR */
    int fd;                 /* its memfd, our own; sealed against shrinking */
    int udmabuf_fd;         /* what makes dma-bufs, or -1 if there is none */
    int copy_fd;            /* the last buffer that was a copy, or -1 */
    uint32_t flags;         /* register: VGPU_SW_BUFFER_* */
    uint32_t copy;          /* register: bytes that a buffer has copied */
    uint64_t vram_size;     /* property */
    OnOffAuto udmabuf;      /* property */
} VGPUSWBuffers;

/* No memory yet. */
void vgpu_sw_buffers_init(VGPUSWBuffers *buffers);

/*
 * Makes the VRAM of a device whose properties are set, with its memfd, and
 * finds out if there are real dma-bufs. Returns false where that fails, with
 * @errp set.
 */
bool vgpu_sw_buffers_realize(VGPUSWBuffers *buffers, Object *owner,
                             Error **errp);

/* Closes the memfds; those that were given away live on. */
void vgpu_sw_buffers_finish(VGPUSWBuffers *buffers);

uint8_t *vgpu_sw_vram(const VGPUSWBuffers *buffers);

/*
 * Where a plane that is at @offset in VRAM starts in the buffer that
 * vgpu_sw_buffer_get() would give now.
 */
uint64_t vgpu_sw_buffer_offset(const VGPUSWBuffers *buffers, uint64_t offset);

/*
 * Returns a new fd, which the caller owns, with the pixels of a plane in VRAM,
 * or a negative errno. There may be nothing at @offset, or less than @size.
 */
int vgpu_sw_buffer_get(VGPUSWBuffers *buffers, uint64_t offset, uint64_t size);

/*
 * Sets the length of the last copy that was given, in bytes. Its pages past
 * that go away under whoever has it mapped.
 */
void vgpu_sw_buffer_cut(VGPUSWBuffers *buffers, uint32_t len);

#endif /* HW_DISPLAY_VGPU_SW_BUFFER_H */
