/*
 * A display plane as a vfio device describes it, and the checks it must pass
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_VFIO_PLANE_H
#define HW_VFIO_VFIO_PLANE_H

/* Named here and defined there: a plane source is built without pixman, too. */
typedef struct UIPixelFormat UIPixelFormat; /* ui/pixel-format.h */
struct pixman_box32;                        /* pixman.h */

/*
 * Larger than any display today (8K is 7680x4320), small enough that a frame
 * of them stays below 1 GiB and every pixel count fits 32 bits.
 */
#define VFIO_PLANE_MAX_EXTENT 16384

/* What hardware has at most, and less than viewers take (QEMUCursor: 512). */
#define VFIO_PLANE_MAX_CURSOR 256

/*
 * More than any video; QEMU has a copy of each overlay, and a guest is not to
 * make it hold more than 64 MiB for one.
 */
#define VFIO_PLANE_MAX_OVERLAY 4096

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

/**
 * enum VFIOPlaneFault:
 * @VFIO_PLANE_FAULT_NONE: all is well
 * @VFIO_PLANE_FAULT_QUERY: the device refused the query
 * @VFIO_PLANE_FAULT_EXTENT: width or height is 0 or past the limit for planes
 *                           of that type
 * @VFIO_PLANE_FAULT_FORMAT: no viewer can take this fourcc
 * @VFIO_PLANE_FAULT_MODIFIER: not linear, and there is no GL to read it
 * @VFIO_PLANE_FAULT_STRIDE: a row does not fit the stride
 * @VFIO_PLANE_FAULT_BOUNDS: the last row ends past the buffer or region
 * @VFIO_PLANE_FAULT_DMABUF: the device did not give the dma-buf it named
 * @VFIO_PLANE_FAULT_REGION: there is no such region, or no reading it
 * @VFIO_PLANE_FAULT_MAP: the buffer cannot be mapped
 * @VFIO_PLANE_FAULT_VANISHED: memory went away while it was read
 * @VFIO_PLANE_FAULT_REQUEST: the device copied no frame when it was asked
 * @VFIO_PLANE_FAULT_ALIAS: the device answers for another plane than the one
 *                          that it was asked for
 * @VFIO_PLANE_FAULT_TIMEOUT: OpenGL was asked for a frame and hangs
 * @VFIO_PLANE_FAULT_LOST: OpenGL was asked for a frame and failed, as a reset
 *                         of the GPU makes it
 * @VFIO_PLANE_FAULT_LATER: none: the buffer can be had at the next refresh, as
 *                          one before it is still being closed; not counted
 * @VFIO_PLANE_FAULT__MAX: how many kinds there are
 *
 * Kinds of faults: each is warned of once and counted each time.
 */
typedef enum VFIOPlaneFault {
    VFIO_PLANE_FAULT_NONE,
    VFIO_PLANE_FAULT_QUERY,
    VFIO_PLANE_FAULT_EXTENT,
    VFIO_PLANE_FAULT_FORMAT,
    VFIO_PLANE_FAULT_MODIFIER,
    VFIO_PLANE_FAULT_STRIDE,
    VFIO_PLANE_FAULT_BOUNDS,
    VFIO_PLANE_FAULT_DMABUF,
    VFIO_PLANE_FAULT_REGION,
    VFIO_PLANE_FAULT_MAP,
    VFIO_PLANE_FAULT_VANISHED,
    VFIO_PLANE_FAULT_REQUEST,
    VFIO_PLANE_FAULT_ALIAS,
    VFIO_PLANE_FAULT_TIMEOUT,
    VFIO_PLANE_FAULT_LOST,
    VFIO_PLANE_FAULT_LATER,
    VFIO_PLANE_FAULT__MAX
} VFIOPlaneFault;

/**
 * vfio_plane_is_off:
 * @plane: an answer of the device
 *
 * Returns: true if the device says that the plane shows nothing (UAPI: zero
 * format or size).
 */
bool vfio_plane_is_off(const VFIOPlane *plane);

/**
 * struct VFIOPlaneHotspot:
 * @known: the guest gave one that lies in the image
 * @x: pixels from the image's left edge
 * @y: pixels from the image's top edge
 *
 * What viewers are told of a cursor's hotspot.
 */
typedef struct VFIOPlaneHotspot {
    bool known;
    uint32_t x;
    uint32_t y;
} VFIOPlaneHotspot;

/**
 * vfio_plane_hotspot:
 * @plane: a cursor, checked
 *
 * Returns: its hotspot; one that is not known is 0,0, since guests that do not
 * know theirs mostly show an arrow, whose point is in that corner.
 */
VFIOPlaneHotspot vfio_plane_hotspot(const VFIOPlane *plane);

/**
 * vfio_plane_same_hotspot:
 * @a: a hotspot
 * @b: another one
 *
 * Returns: true if viewers are told the same of both.
 */
bool vfio_plane_same_hotspot(VFIOPlaneHotspot a, VFIOPlaneHotspot b);

/**
 * vfio_plane_format:
 * @plane: an answer of the device
 *
 * Returns: how the CPU reads it, or NULL. Overlays may have the formats of
 * video.
 */
const UIPixelFormat *vfio_plane_format(const VFIOPlane *plane);

/**
 * vfio_plane_check:
 * @plane: an answer of the device that is not off
 *
 * Checks extent, format and stride, all that needs no knowledge of the
 * buffer behind it. Formats that pixman has no code for fail here.
 *
 * Returns: VFIO_PLANE_FAULT_NONE or the first fault.
 */
VFIOPlaneFault vfio_plane_check(const VFIOPlane *plane);

/**
 * vfio_plane_check_bounds:
 * @plane: a plane that passed vfio_plane_check()
 * @size: bytes that the buffer or region really has (lseek or region info,
 *        never @plane's word)
 *
 * Returns: VFIO_PLANE_FAULT_NONE, or VFIO_PLANE_FAULT_BOUNDS if offset,
 * stride and height reach past @size.
 */
VFIOPlaneFault vfio_plane_check_bounds(const VFIOPlane *plane, uint64_t size);

/**
 * vfio_plane_clip:
 * @plane: an answer of the device, which nobody need have checked
 * @rect: a rectangle in it, as @damage
 *
 * Returns: what of the rectangle lies in the plane; all zeros if nothing does.
 */
struct pixman_box32 vfio_plane_clip(const VFIOPlane *plane,
                                    const VFIOPlaneRect *rect);

/**
 * vfio_plane_end:
 * @plane: a plane that passed vfio_plane_check()
 * @end: bytes from the buffer's start to the end of the last row's pixels
 *
 * Returns: false if that number does not fit 64 bits.
 */
bool vfio_plane_end(const VFIOPlane *plane, uint64_t *end);

/**
 * vfio_plane_rows_within:
 * @plane: a plane that passed vfio_plane_check()
 * @size: readable bytes from the buffer's start
 *
 * Returns: how many of the plane's rows, from the top, lie whole in @size.
 */
uint32_t vfio_plane_rows_within(const VFIOPlane *plane, uint64_t size);

/**
 * vfio_plane_same_buffer:
 * @a: a plane
 * @b: a plane
 *
 * Returns: true if both name the same memory in the same layout. Position,
 * hotspot and content are not looked at: the same id says nothing about
 * unchanged pixels.
 */
bool vfio_plane_same_buffer(const VFIOPlane *a, const VFIOPlane *b);

/**
 * struct VFIORegionArea:
 * @offset: bytes from the region's start
 * @size: bytes
 *
 * A part of a region that can be mapped (struct vfio_region_sparse_mmap_area).
 */
typedef struct VFIORegionArea {
    uint64_t offset;
    uint64_t size;
} VFIORegionArea;

/**
 * vfio_region_mappable:
 * @area: as the device has them, in any order and unchecked
 * @n: how many
 * @size: bytes of the region
 *
 * Returns: the bytes from the region's start on that lie in areas without a
 * gap, which is where a frame is.
 */
uint64_t vfio_region_mappable(const VFIORegionArea *area, size_t n,
                              uint64_t size);

/**
 * vfio_plane_fault_name:
 * @fault: a kind of fault
 *
 * Returns: its constant name as users see it, "bounds" for
 * VFIO_PLANE_FAULT_BOUNDS.
 */
const char *vfio_plane_fault_name(VFIOPlaneFault fault);

#endif /* HW_VFIO_VFIO_PLANE_H */
