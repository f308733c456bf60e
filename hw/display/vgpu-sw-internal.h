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
#include "hw/vfio/vfio-gfx-ext.h"
#include "qom/object.h"
#include "ui/pixel-format.h"

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

/* Geometries that had an automatic id: enough for some buffers per plane. */
#define VGPU_SW_AUTO_IDS 64

/**
 * VGPUSWAutoId:
 * @key: what makes the buffer another one, from the plane's registers
 * @id: its dma-buf id, 0 for a free entry
 * @used: the larger, the later it was last asked for
 */
typedef struct VGPUSWAutoId {
    uint32_t key[8];
    uint32_t id;
    uint64_t used;
} VGPUSWAutoId;

/* Who asks for damage. Each is told of all of it. */
typedef enum VGPUSWAsker {
    VGPU_SW_BY_PAGE,
    VGPU_SW_BY_QUERY,
    VGPU_SW_ASKERS,
} VGPUSWAsker;

/**
 * VGPUSWDamage:
 * @rect: registers: x, y, width, height
 * @reported: register: the guest says all that it draws
 * @drawn: since vgpu_sw_damage_take()
 * @count: rectangles in @rects, or VFIO_GFX_META_DAMAGE_ALL
 */
typedef struct VGPUSWDamage {
    uint32_t rect[4];
    uint32_t reported;
    struct {
        uint32_t count;
        struct vfio_gfx_meta_rect rects[VFIO_GFX_META_MAX_DAMAGE];
    } drawn[VGPU_SW_ASKERS];
} VGPUSWDamage;

/* Signals that come without a reason (vgpu-sw-irq.c). */
typedef struct VGPUSWStorm VGPUSWStorm;

/**
 * VGPUSWMetadata:
 * @fd: the region's memory but for the doorbell, or -1
 * @map: the same, NULL while the display does not have it open
 * @bh: answers a request
 * @held: the last request is answered when VGPU_SW_META_SILENT goes
 * @generation: the page's, even
 * @frame: frames that were copied and differed
 * @request: the one to answer
 * @rate: what came with it
 * @requests: so many there were since reset
 * @flags: register: VGPU_SW_META_*
 * @poke_offset: register
 * @poke_value: register
 * @mmap: property: the display may map the region
 */
typedef struct VGPUSWMetadata {
    int fd;
    uint8_t *map;
    QEMUBH *bh;
    bool held;
    uint32_t generation;
    uint64_t frame;
    uint32_t request;
    uint32_t rate;
    uint32_t requests;
    uint32_t flags;
    uint32_t poke_offset;
    uint32_t poke_value;
    bool mmap;
} VGPUSWMetadata;

/**
 * VGPUSWState:
 * @fd: the VRAM's memfd, our own; sealed against shrinking
 * @udmabuf_fd: the device that makes dma-bufs, or -1 if there is none
 * @copy_fd: the last buffer that was a copy of VRAM, or -1
 * @pending: plane registers as the guest writes them
 * @shown: plane registers as of the last commit
 * @overlays: overlay planes that the plane source admits to
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
    PixelPath forced_path;

    uint32_t pending[VGPU_SW_PLANES][VGPU_SW_PLANE_REGS];
    uint32_t shown[VGPU_SW_PLANES][VGPU_SW_PLANE_REGS];
    uint32_t commits;
    uint32_t flips;
    VGPUSWDamage damage;
    VGPUSWAutoId auto_ids[VGPU_SW_AUTO_IDS];
    uint64_t auto_clock;
    uint32_t auto_next;
    uint32_t calls[VGPU_SW_CALLS];
    VGPUSWFault faults[VGPU_SW_CALLS];
    uint32_t refused;
    uint32_t buffer_flags;
    uint32_t buffer_copy;
    uint32_t region_index;
    uint32_t region_flags;
    VGPUSWEdid edid;
    VGPUSWMetadata meta;
    EventNotifier *notifier; /* the display's, or NULL */
    VGPUSWStorm *storm;
    uint32_t signals;
    uint32_t irq_storm;
    uint32_t irq_flags;

    /* properties */
    uint64_t vram_size;
    uint32_t overlays;
    char *kind;
    char *path;
    OnOffAuto udmabuf;
    bool has_edid;
    bool has_irq;
    bool ramfb;
    bool screendump_cursor;
    bool software_import;
    uint32_t xres;
    uint32_t yres;
};

/* One of @shown: vgpu_sw_shown(s, VGPU_SW_CURSOR, VGPU_SW_WIDTH) */
static inline uint32_t vgpu_sw_shown(const VGPUSWState *s, unsigned plane,
                                     unsigned reg)
{
    return s->shown[plane][(reg - VGPU_SW_PLANE) / 4];
}

static inline uint64_t vgpu_sw_shown_offset(const VGPUSWState *s,
                                            unsigned plane)
{
    return (uint64_t)vgpu_sw_shown(s, plane, VGPU_SW_OFFSET_HI) << 32 |
        vgpu_sw_shown(s, plane, VGPU_SW_OFFSET_LO);
}

/**
 * vgpu_sw_shown_size:
 * @s: a device
 * @plane: one of its planes
 *
 * Returns: bytes that the device says the plane has; may be more than there
 * are.
 */
uint64_t vgpu_sw_shown_size(const VGPUSWState *s, unsigned plane);

/**
 * vgpu_sw_commits_cursor:
 * @s: a device
 *
 * Returns: true if vgpu_sw_commit() would change the cursor plane alone, and
 * the guest says what it draws elsewhere.
 */
bool vgpu_sw_commits_cursor(const VGPUSWState *s);

/**
 * vgpu_sw_commit:
 * @s: a device
 *
 * Shows what the plane registers say.
 */
void vgpu_sw_commit(VGPUSWState *s);

/**
 * vgpu_sw_flip:
 * @s: a device
 * @page: of the video memory
 *
 * Shows the primary plane from there.
 */
void vgpu_sw_flip(VGPUSWState *s, uint32_t page);

/**
 * vgpu_sw_plane_id:
 * @s: a device
 * @plane: one of its planes
 *
 * Returns: the dma-buf id of what the plane shows: the guest's, or one that is
 * the same as long as the geometry is.
 */
uint32_t vgpu_sw_plane_id(VGPUSWState *s, unsigned plane);

/**
 * vgpu_sw_damage_add:
 * @s: a device
 *
 * Remembers the rectangle that is in the registers.
 */
void vgpu_sw_damage_add(VGPUSWState *s);

/**
 * vgpu_sw_damage_add_all:
 * @s: a device
 *
 * All of the primary plane is another one.
 */
void vgpu_sw_damage_add_all(VGPUSWState *s);

/**
 * vgpu_sw_damage_take:
 * @s: a device
 * @asker: who asks
 * @rects: room for VFIO_GFX_META_MAX_DAMAGE
 *
 * Fills @rects with what was drawn into the primary plane since the last time,
 * unclipped, as the guest has it.
 *
 * Returns: how many, or VFIO_GFX_META_DAMAGE_ALL.
 */
uint32_t vgpu_sw_damage_take(VGPUSWState *s, VGPUSWAsker asker,
                             struct vfio_gfx_meta_rect *rects);

/**
 * vgpu_sw_planes_reset:
 * @s: a device
 *
 * All planes off, all registers 0.
 */
void vgpu_sw_planes_reset(VGPUSWState *s);

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
 * @plane: one of its planes
 *
 * Returns: where the shown plane starts in the buffer that
 * vgpu_sw_buffer_get() would give now.
 */
uint64_t vgpu_sw_buffer_offset(const VGPUSWState *s, unsigned plane);

/**
 * vgpu_sw_buffer_get:
 * @s: a device
 * @plane: one of its planes
 *
 * Returns: a new fd with the shown plane's pixels, which the caller owns, or
 * a negative errno.
 */
int vgpu_sw_buffer_get(VGPUSWState *s, unsigned plane);

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

/**
 * vgpu_sw_irq_signal:
 * @s: a device
 *
 * Tells the display that the picture changed.
 */
void vgpu_sw_irq_signal(VGPUSWState *s);

/**
 * vgpu_sw_irq_signal_cursor:
 * @s: a device
 *
 * Tells the display that the cursor changed and nothing else.
 */
void vgpu_sw_irq_signal_cursor(VGPUSWState *s);

/**
 * vgpu_sw_irq_set_storm:
 * @s: a device
 * @rate: signals per second without any reason, 0 for none
 */
void vgpu_sw_irq_set_storm(VGPUSWState *s, uint32_t rate);

/* The plane source's set_notifier. */
int vgpu_sw_set_notifier(void *opaque, EventNotifier *notifier);

/* The plane source's calls for the metadata region (vgpu-sw-metadata.c). */
int vgpu_sw_open_metadata(void *opaque, VFIODisplayRegion *region);
ssize_t vgpu_sw_read_metadata(void *opaque, void *buf, size_t len,
                              uint64_t offset);
int vgpu_sw_metadata_request(void *opaque, uint32_t request,
                             uint32_t rate_mhz);
void vgpu_sw_close_metadata(void *opaque);

/**
 * vgpu_sw_metadata_set_flags:
 * @s: a device
 * @flags: VGPU_SW_META_*
 */
void vgpu_sw_metadata_set_flags(VGPUSWState *s, uint32_t flags);

/**
 * vgpu_sw_metadata_reset:
 * @s: a device
 *
 * Registers as they are at first; what the display asked for stays asked.
 */
void vgpu_sw_metadata_reset(VGPUSWState *s);

#endif /* HW_DISPLAY_VGPU_SW_INTERNAL_H */
