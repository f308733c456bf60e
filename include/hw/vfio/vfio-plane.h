/*
 * A display plane as a vfio device describes it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_VFIO_PLANE_H
#define HW_VFIO_VFIO_PLANE_H

/* Both hotspot fields hold this when the guest gave none (UAPI, vfio.h). */
#define VFIO_PLANE_NO_HOTSPOT UINT32_MAX

/* The values are DRM's (drm_plane_type in the UAPI struct). */
typedef enum VFIOPlaneType {
    VFIO_PLANE_OVERLAY = 0,
    VFIO_PLANE_PRIMARY = 1,
    VFIO_PLANE_CURSOR = 2,
} VFIOPlaneType;

/* Where the pixels are: VFIO_GFX_PLANE_TYPE_DMABUF or _REGION. */
typedef enum VFIOPlaneKind {
    VFIO_PLANE_KIND_DMABUF,
    VFIO_PLANE_KIND_REGION,
} VFIOPlaneKind;

/* A rectangle that nobody has checked, in the plane's pixels. */
typedef struct VFIOPlaneRect {
    uint32_t x;
    uint32_t y;
    uint32_t width;
    uint32_t height;
} VFIOPlaneRect;

/**
 * struct VFIOPlane:
 * @type: which plane
 * @index: which one of its type; 0 but for overlays
 * @kind: what @id names
 * @id: the dma-buf id, or the region's index
 * @fourcc: DRM_FORMAT_*; 0 while the plane is off
 * @modifier: DRM_FORMAT_MOD_*
 * @width: pixels
 * @height: pixels
 * @stride: bytes from one row to the next
 * @offset: bytes from the buffer's start to the first pixel (0 from the
 *          kernel, which has no such field)
 * @size: bytes that the device says the buffer has; 0 while the plane is off
 * @x: position on the screen, pixels, may be negative
 * @y: position on the screen, pixels, may be negative
 * @hot_x: hotspot in the plane, pixels, or VFIO_PLANE_NO_HOTSPOT
 * @hot_y: hotspot in the plane, pixels, or VFIO_PLANE_NO_HOTSPOT
 * @zpos: stacking order of overlays, larger is nearer to the viewer
 * @straight_alpha: colours are not multiplied by alpha (vfio-gfx-ext.h);
 *                  without the extension they are, as is DRM's default
 * @damage_known: of the primary: the device says what differs from the last
 *                successful answer's frame (VFIO_GFX_PLANE_EXT_DAMAGE)
 * @damage: that, as the device has it; vfio_plane_clip() says what counts
 *
 * One answer to VFIO_DEVICE_QUERY_GFX_PLANE, copied once. Nothing in it is
 * to be believed before vfio_plane_check() passed it.
 */
typedef struct VFIOPlane {
    VFIOPlaneType type;
    uint32_t index;
    VFIOPlaneKind kind;
    uint32_t id;
    uint32_t fourcc;
    uint64_t modifier;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint64_t offset;
    uint64_t size;
    int32_t x;
    int32_t y;
    uint32_t hot_x;
    uint32_t hot_y;
    uint8_t zpos;
    bool straight_alpha;
    bool damage_known;
    VFIOPlaneRect damage;
} VFIOPlane;

struct vfio_region_sparse_mmap_area;    /* linux/vfio.h */

/**
 * vfio_region_mappable:
 * @area: as the device has them, in any order and unchecked
 * @n: how many
 * @size: bytes of the region
 *
 * Returns: the bytes from the region's start on that lie in areas without a
 * gap, which is where a frame is.
 */
uint64_t vfio_region_mappable(const struct vfio_region_sparse_mmap_area *area,
                              size_t n, uint64_t size);

#endif /* HW_VFIO_VFIO_PLANE_H */
