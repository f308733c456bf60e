/*
 * A display plane as a vfio device describes it, and the checks it must pass
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include "hw/display/vfio-plane.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/pixel-format.h"

#define XR24 DRM_FORMAT_XRGB8888

typedef struct CheckCase {
    const char *name;
    uint32_t fourcc;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    VFIOPlaneFault expected;
    const char *why;
} CheckCase;

static const CheckCase checks[] = {
    { "good", XR24, 1024, 768, 4096, VFIO_PLANE_FAULT_NONE, "mbochs" },
    { "padded", XR24, 1366, 768, 5504, VFIO_PLANE_FAULT_NONE,
      "GPUs align rows" },
    { "huge-stride", XR24, 64, 64, UINT32_MAX, VFIO_PLANE_FAULT_NONE,
      "only the bounds can tell" },
    { "one-pixel", XR24, 1, 1, 4, VFIO_PLANE_FAULT_NONE, "the smallest" },
    { "largest", XR24, 16384, 16384, 65536, VFIO_PLANE_FAULT_NONE,
      "the limit is allowed" },
    { "three-bytes", DRM_FORMAT_RGB888, 5, 5, 15, VFIO_PLANE_FAULT_NONE,
      "rows count in the format's own bytes" },

    { "no-width", XR24, 0, 768, 4096, VFIO_PLANE_FAULT_EXTENT, "empty" },
    { "no-height", XR24, 1024, 0, 4096, VFIO_PLANE_FAULT_EXTENT,
      "height - 1 would wrap" },
    { "wide", XR24, 16385, 1, UINT32_MAX, VFIO_PLANE_FAULT_EXTENT,
      "one past the limit" },
    { "high", XR24, 1, 16385, 4, VFIO_PLANE_FAULT_EXTENT,
      "one past the limit" },
    { "wide-wraps", XR24, 0x40000001, 1, 4, VFIO_PLANE_FAULT_EXTENT,
      "width x 4 is 4 in 32 bits" },
    { "all-ones", XR24, UINT32_MAX, UINT32_MAX, UINT32_MAX,
      VFIO_PLANE_FAULT_EXTENT, "what a dead device reads as" },

    { "unknown-format", 0x31323334, 1024, 768, 4096, VFIO_PLANE_FAULT_FORMAT,
      "nobody can tell where a pixel ends" },
    { "planar-format", DRM_FORMAT_NV12, 1024, 768, 4096,
      VFIO_PLANE_FAULT_FORMAT, "more planes than the UAPI can name" },

    { "short-stride", XR24, 1024, 768, 4095, VFIO_PLANE_FAULT_STRIDE,
      "one byte less than a row" },
    { "no-stride", XR24, 1024, 768, 0, VFIO_PLANE_FAULT_STRIDE,
      "rows_within divides by it" },
    { "stride-in-pixels", XR24, 1024, 768, 1024, VFIO_PLANE_FAULT_STRIDE,
      "a driver that mixed up the unit" },
    { "short-stride-24", DRM_FORMAT_RGB888, 5, 5, 14,
      VFIO_PLANE_FAULT_STRIDE, "rows count in the format's own bytes" },
};

static const CheckCase cursor_checks[] = {
    { "largest", DRM_FORMAT_ARGB8888, 256, 256, 1024, VFIO_PLANE_FAULT_NONE,
      "the limit is allowed" },
    { "wide", DRM_FORMAT_ARGB8888, 257, 1, 2048, VFIO_PLANE_FAULT_EXTENT,
      "one past the limit" },
    { "high", DRM_FORMAT_ARGB8888, 1, 257, 4, VFIO_PLANE_FAULT_EXTENT,
      "one past the limit" },
    { "primary-size", XR24, 1024, 768, 4096, VFIO_PLANE_FAULT_EXTENT,
      "a driver that knows one plane only" },
    { "video", DRM_FORMAT_YUYV, 64, 64, 128, VFIO_PLANE_FAULT_FORMAT,
      "no alpha, no cursor" },
};

static const CheckCase overlay_checks[] = {
    { "largest", XR24, 4096, 4096, 16384, VFIO_PLANE_FAULT_NONE,
      "the limit is allowed" },
    { "wide", XR24, 4097, 1, 32768, VFIO_PLANE_FAULT_EXTENT,
      "one past the limit" },
    { "yuyv", DRM_FORMAT_YUYV, 720, 576, 1440, VFIO_PLANE_FAULT_NONE,
      "video" },
    { "yuyv-odd", DRM_FORMAT_YUYV, 5, 5, 12, VFIO_PLANE_FAULT_NONE,
      "the last pair is whole" },
    { "yuyv-short", DRM_FORMAT_YUYV, 5, 5, 11, VFIO_PLANE_FAULT_STRIDE,
      "the last pair is not" },
    { "nv12", DRM_FORMAT_NV12, 720, 576, 720, VFIO_PLANE_FAULT_NONE,
      "video" },
    { "nv12-odd", DRM_FORMAT_NV12, 5, 5, 6, VFIO_PLANE_FAULT_NONE,
      "chroma has three pairs" },
    { "nv12-short", DRM_FORMAT_NV12, 5, 5, 5, VFIO_PLANE_FAULT_STRIDE,
      "the third pair lacks its V" },
    { "p010", DRM_FORMAT_P010, 720, 576, 1440, VFIO_PLANE_FAULT_FORMAT,
      "not one that is read here" },
};

static void check(const CheckCase *c, VFIOPlaneType type)
{
    VFIOPlane plane = { .type = type, .fourcc = c->fourcc, .width = c->width,
                        .height = c->height, .stride = c->stride };

    g_test_message("%s", c->why);
    g_assert_cmpstr(vfio_plane_fault_name(vfio_plane_check(&plane)), ==,
                    vfio_plane_fault_name(c->expected));
}

static void test_check(const void *opaque)
{
    check(opaque, VFIO_PLANE_PRIMARY);
}

static void test_check_cursor(const void *opaque)
{
    check(opaque, VFIO_PLANE_CURSOR);
}

static void test_check_overlay(const void *opaque)
{
    check(opaque, VFIO_PLANE_OVERLAY);
}

static void add_checks(const char *group, const CheckCase *cases, size_t n,
                       GTestDataFunc test)
{
    for (size_t i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/vfio-plane/%s/%s", group,
                                                cases[i].name);

        g_test_add_data_func(path, &cases[i], test);
    }
}

/* Luma rows, then half as many of chroma; all have to be there. */
static void test_nv12_bounds(void)
{
    const VFIOPlane plane = {
        .type = VFIO_PLANE_OVERLAY, .fourcc = DRM_FORMAT_NV12,
        .width = 16, .height = 5, .stride = 32, .offset = 64,
    };
    const uint64_t whole = 64 + 32 * (5 + 3 - 1) + 16;
    uint64_t end;

    g_assert_cmpint(vfio_plane_check(&plane), ==, VFIO_PLANE_FAULT_NONE);
    g_assert_true(vfio_plane_end(&plane, &end));
    g_assert_cmpuint(end, ==, whole);
    g_assert_cmpint(vfio_plane_check_bounds(&plane, whole), ==,
                    VFIO_PLANE_FAULT_NONE);
    g_assert_cmpint(vfio_plane_check_bounds(&plane, whole - 1), ==,
                    VFIO_PLANE_FAULT_BOUNDS);

    g_assert_cmpuint(vfio_plane_rows_within(&plane, whole), ==, 5);
    g_assert_cmpuint(vfio_plane_rows_within(&plane, whole - 1), ==, 4);
    g_assert_cmpuint(vfio_plane_rows_within(&plane, whole - 33), ==, 2);
    g_assert_cmpuint(vfio_plane_rows_within(&plane, 64 + 32 * 5 + 16), ==, 2);
    g_assert_cmpuint(vfio_plane_rows_within(&plane, 64 + 32 * 5 + 15), ==, 0);
    g_assert_cmpuint(vfio_plane_rows_within(&plane, 64 + 32 * 2), ==, 0);
    g_assert_cmpuint(vfio_plane_rows_within(&plane, 0), ==, 0);
}

typedef struct BoundsCase {
    const char *name;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint64_t offset;
    uint64_t size;
    bool within;
    uint32_t rows;
    const char *why;
} BoundsCase;

/* All XRGB8888. */
static const BoundsCase bounds[] = {
    { "exact", 1024, 768, 4096, 0, 3145728, true, 768, "no slack" },
    { "byte-short", 1024, 768, 4096, 0, 3145727, false, 767,
      "the last pixel is cut" },
    { "no-tail", 100, 10, 512, 0, 9 * 512 + 400, true, 10,
      "padding behind the last row need not be there" },
    { "no-tail-short", 100, 10, 512, 0, 9 * 512 + 399, false, 9,
      "its pixels must" },
    { "svga-page", 800, 600, 3200, 0, 468 * 4096, false, 599,
      "mbochs at 800x600: the last page cannot be mapped" },
    { "offset", 1024, 768, 4096, 4096, 3145728 + 4096, true, 768,
      "it counts from the buffer's start" },
    { "offset-short", 1024, 768, 4096, 4096, 3145728, false, 767,
      "it counts from the buffer's start" },
    { "offset-at-end", 16, 16, 64, 1024, 1024, false, 0, "nothing left" },
    { "offset-past-end", 16, 16, 64, 4096, 1024, false, 0,
      "size - offset would wrap" },
    { "offset-wraps", 16, 16, 64, UINT64_MAX - 63, UINT64_MAX, false, 0,
      "the end is past 64 bits and small if wrapped" },
    { "offset-just-fits", 16, 16, 64, UINT64_MAX - 1024, UINT64_MAX, true, 16,
      "the last sum that fits" },
    { "offset-just-wraps", 16, 16, 64, UINT64_MAX - 1023, UINT64_MAX, false,
      15, "the first that does not" },
    { "stride-wraps-32", 16, 16384, 0x40000, 0, 0x40000, false, 1,
      "stride x height is 0 in 32 bits" },
    { "stride-over-32", 16, 16384, UINT32_MAX, 0, 1ull << 46, true, 16384,
      "stride x height needs 46 bits" },
    { "stride-over-32-short", 16, 16384, UINT32_MAX, 0, 1ull << 32, false, 1,
      "stride x height needs 46 bits" },
    { "empty", 16, 16, 64, 0, 0, false, 0, "a memfd that shrank to nothing" },
    { "one-row", 16, 1, 64, 0, 64, true, 1, "no stride counted" },
};

static void test_bounds(const void *opaque)
{
    const BoundsCase *c = opaque;
    VFIOPlane plane = { .type = VFIO_PLANE_PRIMARY,
                        .fourcc = XR24, .width = c->width,
                        .height = c->height, .stride = c->stride,
                        .offset = c->offset,
                        /* The device's word, which counts for nothing. */
                        .size = UINT64_MAX };
    VFIOPlaneFault expected = c->within ? VFIO_PLANE_FAULT_NONE
                                        : VFIO_PLANE_FAULT_BOUNDS;

    g_test_message("%s", c->why);
    g_assert_cmpint(vfio_plane_check(&plane), ==, VFIO_PLANE_FAULT_NONE);
    g_assert_cmpstr(
        vfio_plane_fault_name(vfio_plane_check_bounds(&plane, c->size)), ==,
        vfio_plane_fault_name(expected));
    g_assert_cmpuint(vfio_plane_rows_within(&plane, c->size), ==, c->rows);
}

static void test_end(void)
{
    VFIOPlane plane = { .fourcc = XR24, .width = 100, .height = 10,
                        .stride = 512, .offset = 64 };
    uint64_t end;

    g_assert_true(vfio_plane_end(&plane, &end));
    g_assert_cmpuint(end, ==, 64 + 9 * 512 + 400);
    plane.offset = UINT64_MAX - (9 * 512 + 400);
    g_assert_true(vfio_plane_end(&plane, &end));
    g_assert_cmpuint(end, ==, UINT64_MAX);
    plane.offset++;
    g_assert_false(vfio_plane_end(&plane, &end));
}

/* The two ways to count must agree on random planes and sizes. */
static void test_rows_agree(void)
{
    for (int i = 0; i < 20000; i++) {
        uint32_t width = g_test_rand_int_range(1, 200);
        VFIOPlane plane = {
            .fourcc = XR24, .width = width,
            .height = g_test_rand_int_range(1, 40),
            .stride = width * 4 + g_test_rand_int_range(0, 70),
            .offset = g_test_rand_int_range(0, 5000),
        };
        uint64_t size = g_test_rand_int_range(0, 40000);
        uint32_t rows = 0;

        while (rows < plane.height &&
               plane.offset + (uint64_t)rows * plane.stride + width * 4 <=
               size) {
            rows++;
        }
        g_assert_cmpuint(vfio_plane_rows_within(&plane, size), ==, rows);
        g_assert_cmpint(vfio_plane_check_bounds(&plane, size) ==
                        VFIO_PLANE_FAULT_NONE, ==, rows == plane.height);
    }
}

static void test_off(void)
{
    VFIOPlane plane = { .fourcc = XR24, .size = 4096 };

    g_assert_false(vfio_plane_is_off(&plane));
    plane.size = 0;
    g_assert_true(vfio_plane_is_off(&plane));
    plane = (VFIOPlane) { .size = 4096 };
    g_assert_true(vfio_plane_is_off(&plane));
    /* Width and height say nothing: on with 0 pixels is a fault. */
    plane = (VFIOPlane) { .fourcc = XR24, .size = 4096 };
    g_assert_false(vfio_plane_is_off(&plane));
    g_assert_cmpint(vfio_plane_check(&plane), ==, VFIO_PLANE_FAULT_EXTENT);
}

static void test_same_buffer(void)
{
    const VFIOPlane a = {
        .type = VFIO_PLANE_PRIMARY, .kind = VFIO_PLANE_KIND_DMABUF, .id = 7,
        .fourcc = XR24, .width = 640, .height = 480, .stride = 2560,
        .size = 1228800,
    };
    VFIOPlane b = a;

#define DIFFERS(field, value)                           \
    do {                                                \
        b = a;                                          \
        b.field = (value);                              \
        g_assert_false(vfio_plane_same_buffer(&a, &b)); \
        g_assert_false(vfio_plane_same_buffer(&b, &a)); \
    } while (0)

    g_assert_true(vfio_plane_same_buffer(&a, &b));
    DIFFERS(kind, VFIO_PLANE_KIND_REGION);
    DIFFERS(id, 8);
    DIFFERS(fourcc, DRM_FORMAT_XBGR8888);
    DIFFERS(modifier, I915_FORMAT_MOD_X_TILED);
    DIFFERS(width, 639);
    DIFFERS(height, 479);
    DIFFERS(stride, 2561);
    DIFFERS(offset, 64);
    DIFFERS(size, 1228801);
#undef DIFFERS

    /* A cursor that moves keeps its buffer. */
    b = a;
    b.x = -5;
    b.y = 6;
    b.hot_x = 1;
    b.hot_y = VFIO_PLANE_NO_HOTSPOT;
    g_assert_true(vfio_plane_same_buffer(&a, &b));
}

/* Whatever the device says, what counts lies in the plane. */
static void test_damage(void)
{
    static const struct {
        VFIOPlaneRect rect;
        pixman_box32_t want;
    } cases[] = {
        { { 0, 0, 640, 480 }, { 0, 0, 640, 480 } },
        { { 10, 20, 30, 40 }, { 10, 20, 40, 60 } },
        { { 639, 479, 1, 1 }, { 639, 479, 640, 480 } },
        { { 600, 400, 100, 100 }, { 600, 400, 640, 480 } },
        { { 1, 1, UINT32_MAX, UINT32_MAX }, { 1, 1, 640, 480 } },
        { { 640, 0, 10, 10 } },
        { { 0, 480, 10, 10 } },
        { { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX } },
        { { 10, 10, 0, 10 } },
        { { 10, 10, 10, 0 } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        VFIOPlane plane = {
            .width = 640, .height = 480, .damage_known = true,
            .damage = cases[i].rect,
        };
        pixman_box32_t got = vfio_plane_clip(&plane, &plane.damage);

        g_assert_cmpmem(&got, sizeof(got), &cases[i].want, sizeof(got));
        plane.width = UINT32_MAX;
        plane.height = UINT32_MAX;
        got = vfio_plane_clip(&plane, &plane.damage);
        g_assert_cmpint(got.x2, <=, VFIO_PLANE_MAX_EXTENT);
        g_assert_cmpint(got.y2, <=, VFIO_PLANE_MAX_EXTENT);
        plane.width = 0;
        got = vfio_plane_clip(&plane, &plane.damage);
        g_assert_cmpint(got.x2, ==, 0);
    }
}

/* Every fault has a name, and no two the same: they key the warnings. */
static void test_fault_names(void)
{
    g_assert_cmpstr(vfio_plane_fault_name(VFIO_PLANE_FAULT_BOUNDS), ==,
                    "bounds");
    for (int i = 0; i < VFIO_PLANE_FAULT__MAX; i++) {
        g_assert_nonnull(vfio_plane_fault_name(i));
        for (int j = 0; j < i; j++) {
            g_assert_cmpstr(vfio_plane_fault_name(i), !=,
                            vfio_plane_fault_name(j));
        }
    }
}

typedef struct HotspotCase {
    const char *name;
    uint32_t hot_x, hot_y;
    VFIOPlaneHotspot want;
    const char *why;
} HotspotCase;

/* Of an image of 32 by 24 pixels. */
static const HotspotCase hotspots[] = {
    { "inside", 3, 4, { true, 3, 4 }, "as given" },
    { "corner", 0, 0, { true, 0, 0 }, "known to be there" },
    { "last", 31, 23, { true, 31, 23 }, "still a pixel of the image" },
    { "none", VFIO_PLANE_NO_HOTSPOT, VFIO_PLANE_NO_HOTSPOT, { false, 0, 0 },
      "the guest gave none" },
    { "right-of", 32, 0, { false, 0, 0 }, "no pixel of the image" },
    { "below", 3, 24, { false, 0, 0 }, "one half of it says nothing" },
    { "half", VFIO_PLANE_NO_HOTSPOT, 5, { false, 0, 0 },
      "one half of it says nothing" },
};

static void test_hotspot(const void *data)
{
    const HotspotCase *c = data;
    VFIOPlane plane = {
        .width = 32, .height = 24, .hot_x = c->hot_x, .hot_y = c->hot_y,
    };
    VFIOPlaneHotspot got = vfio_plane_hotspot(&plane);

    g_test_message("%s", c->why);
    g_assert_true(vfio_plane_same_hotspot(got, c->want));
    /* a difference in what viewers are told is one in each part of it */
    got.x++;
    g_assert_false(vfio_plane_same_hotspot(got, c->want));
    got = c->want;
    got.y++;
    g_assert_false(vfio_plane_same_hotspot(got, c->want));
    got = c->want;
    got.known = !got.known;
    g_assert_false(vfio_plane_same_hotspot(got, c->want));
}

#define PAGES(n) ((uint64_t)(n) * 4096)

typedef struct AreasCase {
    const char *name;
    struct vfio_region_sparse_mmap_area area[3];
    size_t n;
    uint64_t want;
    const char *why;
} AreasCase;

/* Of a region of 16 pages. */
static const AreasCase areas[] = {
    { "none", {}, 0, 0, "a capability without areas" },
    { "whole", { { 0, PAGES(16) } }, 1, PAGES(16), "a frame anywhere" },
    { "first", { { 0, PAGES(15) } }, 1, PAGES(15), "all but a doorbell" },
    { "not-first", { { PAGES(1), PAGES(15) } }, 1, 0,
      "the frame's first row is not in it" },
    { "neighbours", { { PAGES(4), PAGES(4) }, { 0, PAGES(4) } }, 2, PAGES(8),
      "in any order" },
    { "gap", { { 0, PAGES(4) }, { PAGES(5), PAGES(4) } }, 2, PAGES(4),
      "up to what lies between" },
    { "overlap", { { 0, PAGES(8) }, { PAGES(2), PAGES(2) },
                   { PAGES(7), PAGES(2) } }, 3, PAGES(9),
      "one within another takes nothing away" },
    { "too-long", { { 0, PAGES(17) } }, 1, PAGES(16), "no farther than it is" },
    { "wraps", { { 0, PAGES(4) }, { PAGES(4), UINT64_MAX } }, 2, PAGES(16),
      "offset + size is small in 64 bits" },
    { "outside", { { PAGES(20), PAGES(4) } }, 1, 0, "past the region" },
};

static void test_areas(const void *data)
{
    const AreasCase *c = data;

    g_test_message("%s", c->why);
    g_assert_cmpuint(vfio_region_mappable(c->area, c->n, PAGES(16)), ==,
                     c->want);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_checks("check", checks, ARRAY_SIZE(checks), test_check);
    add_checks("cursor", cursor_checks, ARRAY_SIZE(cursor_checks),
               test_check_cursor);
    add_checks("overlay", overlay_checks, ARRAY_SIZE(overlay_checks),
               test_check_overlay);
    g_test_add_func("/vfio-plane/nv12-bounds", test_nv12_bounds);
    for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
        g_autofree char *path = g_strdup_printf("/vfio-plane/bounds/%s",
                                                bounds[i].name);

        g_test_add_data_func(path, &bounds[i], test_bounds);
    }
    g_test_add_func("/vfio-plane/end", test_end);
    g_test_add_func("/vfio-plane/rows-agree", test_rows_agree);
    g_test_add_func("/vfio-plane/off", test_off);
    g_test_add_func("/vfio-plane/same-buffer", test_same_buffer);
    g_test_add_func("/vfio-plane/damage", test_damage);
    for (size_t i = 0; i < ARRAY_SIZE(hotspots); i++) {
        g_autofree char *path = g_strdup_printf("/vfio-plane/hotspot/%s",
                                                hotspots[i].name);

        g_test_add_data_func(path, &hotspots[i], test_hotspot);
    }
    for (size_t i = 0; i < ARRAY_SIZE(areas); i++) {
        g_autofree char *path = g_strdup_printf("/vfio-plane/areas/%s",
                                                areas[i].name);

        g_test_add_data_func(path, &areas[i], test_areas);
    }
    g_test_add_func("/vfio-plane/fault-names", test_fault_names);
    return g_test_run();
}
