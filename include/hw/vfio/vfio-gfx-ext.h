/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-3-Clause */
/*
 * Extensions of the vfio display interface: overlay planes, the display
 * interrupt, and a framebuffer region with a metadata page
 *
 * Experimental: nobody has allocated these numbers. A kernel driver and a
 * virtual machine monitor include this same file, after their own headers
 * for uint32_t and offsetof(). It belongs to neither linux/vfio.h nor QEMU's
 * linux-headers. See docs/devel/vgpu-display-protocol.rst.
 */

#ifndef HW_VFIO_VFIO_GFX_EXT_H
#define HW_VFIO_VFIO_GFX_EXT_H

/*
 * Planes beyond the primary (VFIO_DEVICE_QUERY_GFX_PLANE)
 *
 * With this flag the struct's last word, "reserved", has a meaning. A driver
 * without the extension refuses a probe that carries it (EINVAL), since a
 * probe may only name one kind; without a probe that succeeded it must not
 * be used, since such a driver ignores the word and answers for the primary.
 *
 * - Probe (VFIO_GFX_PLANE_TYPE_PROBE, one kind and this flag): on success the
 *   word holds how many overlay planes can be asked for, 0 to
 *   VFIO_GFX_PLANE_EXT_MAX_OVERLAYS.
 * - Query (one kind and this flag): in, the word is the plane's index among
 *   those of its type. Out, it holds VFIO_GFX_PLANE_EXT_ZPOS, _STRAIGHT and
 *   _DAMAGE. An index that does not exist: EINVAL.
 *
 * x_pos and y_pos are the plane's top left corner on the screen and signed.
 * A plane of several memory planes (NV12) has them in one buffer, one after
 * the other and with the same stride: chroma starts at stride x height.
 */
#define VFIO_GFX_PLANE_EXT              (1u << 16)
#define VFIO_GFX_PLANE_EXT_MAX_OVERLAYS 4

/* Stacking order, larger is nearer to the viewer; equal: by index. */
#define VFIO_GFX_PLANE_EXT_ZPOS(word)   ((word) & 0xff)
/* Colours are not multiplied by alpha (DRM's "Coverage" blend mode). */
#define VFIO_GFX_PLANE_EXT_STRAIGHT     (1u << 8)
/*
 * Of the primary, which has no use for them otherwise: x_pos, y_pos, x_hot and
 * y_hot are the left edge, top edge, width and height of what differs, all of
 * it, from what was on screen at the last query that carried the extension and
 * succeeded, in whichever buffer that was; width or height 0 for nothing. A
 * driver that does not know leaves the bit clear, as it does after a change of
 * size or format, and so at the first query.
 */
#define VFIO_GFX_PLANE_EXT_DAMAGE       (1u << 9)

/*
 * The display interrupt (VFIO_DEVICE_GET_IRQ_INFO), after a proposal for
 * Linux of 2019 that was not merged
 *
 * It is one of the device-specific indexes, VFIO_PCI_NUM_IRQS and up. Its
 * vfio_irq_info has the flag below and, right after "count", a 32-bit offset
 * from its start to a chain of capabilities (struct vfio_info_cap_header).
 */
#define VFIO_GFX_IRQ_INFO_FLAG_CAPS     (1u << 4)
#define VFIO_GFX_IRQ_INFO_CAP_OFFSET    16      /* of the offset, bytes */

#define VFIO_GFX_IRQ_CAP_TYPE           1
#define VFIO_GFX_IRQ_TYPE_GFX           1
#define VFIO_GFX_IRQ_SUBTYPE_DISPLAY    1

/**
 * struct vfio_gfx_irq_cap_type:
 * @id: VFIO_GFX_IRQ_CAP_TYPE
 * @version: 1
 * @next: offset of the next capability from the info's start, or 0
 * @type: VFIO_GFX_IRQ_TYPE_GFX
 * @subtype: VFIO_GFX_IRQ_SUBTYPE_DISPLAY
 */
struct vfio_gfx_irq_cap_type {
    uint16_t id;
    uint16_t version;
    uint32_t next;
    uint32_t type;
    uint32_t subtype;
};

#define VFIO_GFX_IRQ_CAP_DISPLAY        2

/**
 * struct vfio_gfx_irq_cap_display:
 * @id: VFIO_GFX_IRQ_CAP_DISPLAY
 * @version: 1
 * @next: offset of the next capability from the info's start, or 0
 * @cursor: added to the eventfd when the cursor plane changed
 * @primary: added to the eventfd when any other plane changed, and when a
 *           metadata request was completed
 *
 * Signals that nobody read add up, so that one field may run over into the
 * other: any value means "at least look again".
 */
struct vfio_gfx_irq_cap_display {
    uint16_t id;
    uint16_t version;
    uint32_t next;
    uint64_t cursor;
    uint64_t primary;
};

#define VFIO_GFX_IRQ_CURSOR             (1ull << 48)
#define VFIO_GFX_IRQ_PRIMARY            (1ull << 56)

/*
 * A framebuffer region with a metadata page
 *
 * Region of type VFIO_REGION_TYPE_GFX with this subtype. From its start:
 *
 *     pixels     up to region size - 2 pages
 *     metadata   one page, struct vfio_gfx_meta and struct vfio_gfx_meta_vmm
 *     doorbell   one page, not mappable
 *
 * All but the doorbell can be mapped (VFIO_REGION_INFO_CAP_SPARSE_MMAP).
 * The monitor writes a request number, not 0 and another one than before, to
 * vfio_gfx_meta_vmm.request, then the same number with a 32-bit write to the
 * doorbell page's start. The driver copies the primary plane into the pixels,
 * linear, writes the metadata, last of all the generation, and signals the
 * display interrupt. A request that comes while one is worked on replaces
 * it. The driver writes pixels and metadata only while it works on a request.
 * All fields are little-endian.
 */
#define VFIO_GFX_REGION_SUBTYPE_META    0x4756
#define VFIO_GFX_META_PAGE              4096
#define VFIO_GFX_META_FROM_END          (2 * VFIO_GFX_META_PAGE)
#define VFIO_GFX_META_DOORBELL_FROM_END VFIO_GFX_META_PAGE
#define VFIO_GFX_META_VMM_OFFSET        2048    /* in the metadata page */

#define VFIO_GFX_META_MAGIC             0x4d475056  /* "VPGM" */
#define VFIO_GFX_META_VERSION           1
#define VFIO_GFX_META_MAX_DAMAGE        16

enum vfio_gfx_meta_status {
    VFIO_GFX_META_READY = 0,        /* the frame is in the pixels */
    VFIO_GFX_META_UNCHANGED = 1,    /* as it was at the request before */
    VFIO_GFX_META_ERROR = 2,        /* see "error"; nothing was copied */
};

/* Instead of a count of rectangles: the whole frame may have changed. */
#define VFIO_GFX_META_DAMAGE_ALL        0xffffffffu

struct vfio_gfx_meta_rect {
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
};

/**
 * struct vfio_gfx_meta_cursor:
 * @visible: 0 or 1
 * @x: of the image's left edge on the screen, pixels
 * @y: of its top edge
 * @hot_x: hotspot in the image, pixels, 0xffffffff if unknown
 * @hot_y: the same
 * @fourcc: DRM_FORMAT_ARGB8888
 * @width: pixels
 * @height: pixels
 * @stride: bytes
 * @serial: another number whenever the image changed
 * @offset: bytes from the region's start
 * @flags: VFIO_GFX_PLANE_EXT_STRAIGHT or 0
 * @pad: 0
 */
struct vfio_gfx_meta_cursor {
    uint32_t visible;
    int32_t x;
    int32_t y;
    uint32_t hot_x;
    uint32_t hot_y;
    uint32_t fourcc;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t serial;
    uint64_t offset;
    uint32_t flags;
    uint32_t pad;
};

/**
 * struct vfio_gfx_meta:
 * @magic: VFIO_GFX_META_MAGIC
 * @version: VFIO_GFX_META_VERSION; another one may have another layout
 * @header_size: bytes of this struct that the driver fills
 * @generation: odd while the driver writes, another even number afterwards
 * @fourcc: DRM_FORMAT_*; 0 while the plane is off
 * @width: pixels
 * @modifier: DRM_FORMAT_MOD_LINEAR
 * @height: rows
 * @stride: bytes
 * @offset: bytes from the region's start to the first pixel
 * @size: bytes of the frame from @offset
 * @frame: grows by at least one with each frame that differs
 * @time_ns: CLOCK_MONOTONIC when the copy began
 * @status: enum vfio_gfx_meta_status
 * @request: number of the last request that was completed
 * @error: errno (positive) with VFIO_GFX_META_ERROR
 * @damage_count: rectangles that changed since the last request that was
 *                completed: 0 to 16, or VFIO_GFX_META_DAMAGE_ALL
 * @damage: those, in the frame's pixels
 * @cursor: the cursor plane
 */
struct vfio_gfx_meta {
    uint32_t magic;
    uint32_t version;
    uint32_t header_size;
    uint32_t generation;
    uint32_t fourcc;
    uint32_t width;
    uint64_t modifier;
    uint32_t height;
    uint32_t stride;
    uint64_t offset;
    uint64_t size;
    uint64_t frame;
    uint64_t time_ns;
    uint32_t status;
    uint32_t request;
    uint32_t error;
    uint32_t damage_count;
    struct vfio_gfx_meta_rect damage[VFIO_GFX_META_MAX_DAMAGE];
    struct vfio_gfx_meta_cursor cursor;
};

/**
 * struct vfio_gfx_meta_vmm:
 * @request: what the monitor asks for, as rung at the doorbell
 * @rate_mhz: frames per 1000 s that its fastest viewer can show, 0 for unknown
 *
 * What the monitor writes, in a cache line of its own.
 */
struct vfio_gfx_meta_vmm {
    uint32_t request;
    uint32_t rate_mhz;
};

_Static_assert(sizeof(struct vfio_gfx_irq_cap_type) == 16, "irq type");
_Static_assert(sizeof(struct vfio_gfx_irq_cap_display) == 24, "irq display");
_Static_assert(offsetof(struct vfio_gfx_meta, generation) == 12, "generation");
_Static_assert(offsetof(struct vfio_gfx_meta, modifier) == 24, "modifier");
_Static_assert(offsetof(struct vfio_gfx_meta, offset) == 40, "offset");
_Static_assert(offsetof(struct vfio_gfx_meta, time_ns) == 64, "time");
_Static_assert(offsetof(struct vfio_gfx_meta, damage_count) == 84, "count");
_Static_assert(offsetof(struct vfio_gfx_meta, damage) == 88, "damage");
_Static_assert(offsetof(struct vfio_gfx_meta, cursor) == 344, "cursor");
_Static_assert(offsetof(struct vfio_gfx_meta_cursor, offset) == 40,
               "cursor offset");
_Static_assert(sizeof(struct vfio_gfx_meta_cursor) == 56, "cursor size");
_Static_assert(sizeof(struct vfio_gfx_meta) == 400, "metadata");
_Static_assert(VFIO_GFX_META_VMM_OFFSET % 64 == 0 &&
               VFIO_GFX_META_VMM_OFFSET >= sizeof(struct vfio_gfx_meta) &&
               VFIO_GFX_META_VMM_OFFSET + sizeof(struct vfio_gfx_meta_vmm) <=
               VFIO_GFX_META_PAGE, "the page's two parts");

#endif /* HW_VFIO_VFIO_GFX_EXT_H */
