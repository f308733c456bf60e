/*
 * Software vGPU: what its parts know of each other
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_INTERNAL_H
#define HW_DISPLAY_VGPU_SW_INTERNAL_H

#include "hw/display/vgpu-sw.h"
#include "hw/pci/pci_device.h"
#include "hw/vfio/vfio-display.h"
#include "qom/object.h"

#define TYPE_VGPU_SW "vgpu-sw"
OBJECT_DECLARE_SIMPLE_TYPE(VGPUSWState, VGPU_SW)

#define VGPU_SW_PLANE_REGS ((VGPU_SW_PLANE_END - VGPU_SW_PLANE) / 4)

/* Calls of one kind that fail. */
typedef struct VGPUSWFault {
    uint32_t count;
    uint32_t err;
} VGPUSWFault;

/**
 * VGPUSWEdid:
 * @blob: as the display wrote it
 * @size: bytes of it that count
 * @link_up: is the monitor there?
 * @max_xres: largest width that the device claims
 * @max_yres: largest height
 *
 * What stands behind the EDID region.
 */
typedef struct VGPUSWEdid {
    uint8_t blob[VGPU_SW_EDID_MAX];
    uint32_t size;
    bool link_up;
    uint32_t max_xres;
    uint32_t max_yres;
} VGPUSWEdid;

/**
 * VGPUSWState:
 * @fd: the VRAM's memfd, our own; sealed against shrinking
 * @udmabuf_fd: the device that makes dma-bufs, or -1 if there is none
 * @copy_fd: the last buffer that was a copy of VRAM, or -1
 * @pending: plane registers as the guest writes them
 * @shown: plane registers as of the last commit
 */
struct VGPUSWState {
    PCIDevice pci;

    MemoryRegion regs;
    MemoryRegion vram;
    VFIODisplay *dpy;
    int fd;
    int udmabuf_fd;
    int copy_fd;
    uint32_t kinds;
    PixelWay way;

    uint32_t pending[VGPU_SW_PLANE_REGS];
    uint32_t shown[VGPU_SW_PLANE_REGS];
    uint32_t commits;
    uint32_t calls[VGPU_SW_CALLS];
    VGPUSWFault faults[VGPU_SW_CALLS];
    uint32_t buffer_flags;
    uint32_t buffer_copy;
    uint32_t region_index;
    uint32_t region_flags;
    VGPUSWEdid edid;

    /* properties */
    uint64_t vram_size;
    char *kind;
    char *path;
    OnOffAuto udmabuf;
    bool has_edid;
    bool ramfb;
    uint32_t xres;
    uint32_t yres;
};

/* One of @shown: vgpu_sw_shown(s, VGPU_SW_WIDTH) */
static inline uint32_t vgpu_sw_shown(const VGPUSWState *s, unsigned reg)
{
    return s->shown[(reg - VGPU_SW_PLANE) / 4];
}

static inline uint64_t vgpu_sw_shown_offset(const VGPUSWState *s)
{
    return (uint64_t)vgpu_sw_shown(s, VGPU_SW_OFFSET_HI) << 32 |
        vgpu_sw_shown(s, VGPU_SW_OFFSET_LO);
}

/* Bytes that the device says the plane has; may be more than there is. */
static inline uint64_t vgpu_sw_shown_size(const VGPUSWState *s)
{
    return (uint64_t)vgpu_sw_shown(s, VGPU_SW_STRIDE) *
        vgpu_sw_shown(s, VGPU_SW_HEIGHT);
}

/* The plane source, for vfio_display_new() with a VGPUSWState. */
extern const VFIODisplayOps vgpu_sw_source_ops;

/* What migrates (vgpu-sw-vmstate.c). */
extern const VMStateDescription vmstate_vgpu_sw;

/**
 * vgpu_sw_buffer_init:
 * @s: a device whose @vram_size and @udmabuf are set
 * @errp: error
 *
 * Makes the VRAM, with its memfd, and finds out if there are real dma-bufs.
 *
 * Returns: false with @errp set on failure.
 */
bool vgpu_sw_buffer_init(VGPUSWState *s, Error **errp);

/**
 * vgpu_sw_buffer_finish:
 * @s: a device
 *
 * Closes the memfds; those that were given away live on.
 */
void vgpu_sw_buffer_finish(VGPUSWState *s);

/**
 * vgpu_sw_buffer_offset:
 * @s: a device
 *
 * Returns: where the shown plane starts in the buffer that
 * vgpu_sw_buffer_get() would give now.
 */
uint64_t vgpu_sw_buffer_offset(const VGPUSWState *s);

/**
 * vgpu_sw_buffer_get:
 * @s: a device
 *
 * Returns: a new fd with the shown plane's pixels, which the caller owns, or
 * a negative errno.
 */
int vgpu_sw_buffer_get(VGPUSWState *s);

/**
 * vgpu_sw_buffer_cut:
 * @s: a device
 * @len: bytes
 *
 * Sets the length of the last copy that was given. Its pages past that go
 * away under whoever has it mapped.
 */
void vgpu_sw_buffer_cut(VGPUSWState *s, uint32_t len);

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

/**
 * vgpu_sw_edid_guest_read:
 * @edid: an EDID
 * @offset: in the guest's window of the blob
 *
 * Returns: the byte that the guest sees, 0 while the link is down.
 */
uint8_t vgpu_sw_edid_guest_read(const VGPUSWEdid *edid, uint32_t offset);

#endif /* HW_DISPLAY_VGPU_SW_INTERNAL_H */
