/*
 * A display plane as a vfio device describes it, and the checks it must pass
 *
 * All sums are made in 64 bits: the extent's limit keeps stride x rows
 * below 2^47, so only the offset can make one overflow.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include "vfio-plane.h"

bool vfio_plane_is_off(const VFIOPlane *plane)
{
    return plane->fourcc == 0 || plane->size == 0;
}

static bool extent_ok(uint32_t extent, uint32_t max)
{
    return extent >= 1 && extent <= max;
}

const UIPixelFormat *vfio_plane_format(const VFIOPlane *plane)
{
    const UIPixelFormat *format = ui_pixel_format_find(plane->fourcc);

    if (!format && plane->type == VFIO_PLANE_OVERLAY) {
        format = ui_pixel_format_find_yuv(plane->fourcc);
    }
    return format;
}

/* What the extents of a plane of that type may be. */
static uint32_t max_extent(VFIOPlaneType type)
{
    switch (type) {
    case VFIO_PLANE_CURSOR:
        return VFIO_PLANE_MAX_CURSOR;
    case VFIO_PLANE_OVERLAY:
        return VFIO_PLANE_MAX_OVERLAY;
    default:
        return VFIO_PLANE_MAX_EXTENT;
    }
}

VFIOPlaneFault vfio_plane_check(const VFIOPlane *plane)
{
    const UIPixelFormat *format = vfio_plane_format(plane);
    uint32_t max = max_extent(plane->type);

    if (!extent_ok(plane->width, max) || !extent_ok(plane->height, max)) {
        return VFIO_PLANE_FAULT_EXTENT;
    }
    if (!format) {
        return VFIO_PLANE_FAULT_FORMAT;
    }
    if (plane->stride < ui_pixel_format_row_bytes(format, plane->width)) {
        return VFIO_PLANE_FAULT_STRIDE;
    }
    return VFIO_PLANE_FAULT_NONE;
}

pixman_box32_t vfio_plane_clip(const VFIOPlane *plane,
                               const VFIOPlaneRect *rect)
{
    const uint64_t width = MIN(plane->width, VFIO_PLANE_MAX_EXTENT);
    const uint64_t height = MIN(plane->height, VFIO_PLANE_MAX_EXTENT);

    if (rect->x >= width || rect->y >= height || !rect->width ||
        !rect->height) {
        return (pixman_box32_t) { 0 };
    }
    return (pixman_box32_t) {
        .x1 = rect->x,
        .y1 = rect->y,
        .x2 = MIN((uint64_t)rect->x + rect->width, width),
        .y2 = MIN((uint64_t)rect->y + rect->height, height),
    };
}

bool vfio_plane_has_damage(const VFIOPlane *plane)
{
    pixman_box32_t box = vfio_plane_clip(plane, &plane->damage);

    return plane->damage_known && box.x1 < box.x2 && box.y1 < box.y2;
}

/* Bytes of a row's pixels: no more than the stride, if checked. */
static uint64_t row_bytes(const VFIOPlane *plane)
{
    return ui_pixel_format_row_bytes(vfio_plane_format(plane), plane->width);
}

bool vfio_plane_end(const VFIOPlane *plane, uint64_t *end)
{
    uint64_t rows = ui_pixel_format_rows(vfio_plane_format(plane),
                                         plane->height);
    uint64_t bytes = plane->stride * (rows - 1) + row_bytes(plane);

    return !__builtin_add_overflow(plane->offset, bytes, end);
}

VFIOPlaneFault vfio_plane_check_bounds(const VFIOPlane *plane, uint64_t size)
{
    uint64_t end;

    if (!vfio_plane_end(plane, &end) || end > size) {
        return VFIO_PLANE_FAULT_BOUNDS;
    }
    return VFIO_PLANE_FAULT_NONE;
}

uint32_t vfio_plane_rows_within(const VFIOPlane *plane, uint64_t size)
{
    uint64_t row = row_bytes(plane);
    uint64_t rows;

    if (size < plane->offset || size - plane->offset < row) {
        return 0;
    }
    rows = (size - plane->offset - row) / plane->stride + 1;
    if (vfio_plane_format(plane)->planes == 2) {
        /* two rows of pixels need one of chroma, behind all luma */
        rows = rows > plane->height ? 2 * (rows - plane->height) : 0;
    }
    return MIN(rows, plane->height);
}

bool vfio_plane_same_buffer(const VFIOPlane *a, const VFIOPlane *b)
{
    return a->kind == b->kind && a->id == b->id &&
           a->fourcc == b->fourcc && a->modifier == b->modifier &&
           a->width == b->width && a->height == b->height &&
           a->stride == b->stride && a->offset == b->offset &&
           a->size == b->size;
}

VFIOPlaneHotspot vfio_plane_hotspot(const VFIOPlane *plane)
{
    if (plane->hot_x >= plane->width || plane->hot_y >= plane->height) {
        return (VFIOPlaneHotspot) { .known = false };
    }
    return (VFIOPlaneHotspot) {
        .known = true,
        .x = plane->hot_x,
        .y = plane->hot_y,
    };
}

bool vfio_plane_same_hotspot(VFIOPlaneHotspot a, VFIOPlaneHotspot b)
{
    return a.known == b.known && a.x == b.x && a.y == b.y;
}

typedef struct vfio_region_sparse_mmap_area Area;

static int compare_areas(const void *a, const void *b, void *opaque)
{
    uint64_t i = ((const Area *)a)->offset, j = ((const Area *)b)->offset;

    return i < j ? -1 : i > j;
}

uint64_t vfio_region_mappable(const Area *area, size_t n, uint64_t size)
{
    g_autofree Area *sorted = g_memdup2(area, n * sizeof(*area));
    uint64_t end = 0;

    g_qsort_with_data(sorted, n, sizeof(*sorted), compare_areas, NULL);
    for (size_t i = 0; i < n && sorted[i].offset <= end; i++) {
        /* an area that would wrap ends with the region, as all do */
        end = MAX(end, sorted[i].offset +
                  MIN(sorted[i].size, size - sorted[i].offset));
    }
    return end;
}

const char *vfio_plane_fault_name(VFIOPlaneFault fault)
{
    static const char *const names[VFIO_PLANE_FAULT__MAX] = {
        [VFIO_PLANE_FAULT_NONE] = "none",
        [VFIO_PLANE_FAULT_QUERY] = "query",
        [VFIO_PLANE_FAULT_EXTENT] = "extent",
        [VFIO_PLANE_FAULT_FORMAT] = "format",
        [VFIO_PLANE_FAULT_MODIFIER] = "modifier",
        [VFIO_PLANE_FAULT_STRIDE] = "stride",
        [VFIO_PLANE_FAULT_BOUNDS] = "bounds",
        [VFIO_PLANE_FAULT_DMABUF] = "dmabuf",
        [VFIO_PLANE_FAULT_REGION] = "region",
        [VFIO_PLANE_FAULT_MAP] = "map",
        [VFIO_PLANE_FAULT_VANISHED] = "vanished",
        [VFIO_PLANE_FAULT_REQUEST] = "request",
        [VFIO_PLANE_FAULT_ALIAS] = "alias",
        [VFIO_PLANE_FAULT_TIMEOUT] = "timeout",
        [VFIO_PLANE_FAULT_LOST] = "lost",
        [VFIO_PLANE_FAULT_LATER] = "later",
    };

    assert((unsigned)fault < VFIO_PLANE_FAULT__MAX);
    return names[fault];
}
