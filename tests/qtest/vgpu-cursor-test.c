/*
 * vGPU display: the cursor plane
 *
 * It is compared with what a VNC client was given.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vgpu-planes.h"

/* NULL if the viewer has it, else what is wrong. */
static char *cursor_differ(const VGPUWatched *w, const Plane *plane,
                           uint32_t hot_x, uint32_t hot_y)
{
    const VGPUCursor *c = vgpu_viewer_cursor(w->viewer);
    pixman_image_t *image = plane_image(plane);
    char *difference = NULL;

    if (!c->count || c->width != plane->width || c->height != plane->height ||
        c->hot_x != hot_x || c->hot_y != hot_y) {
        difference = g_strdup_printf("%u cursors, %ux%u, hotspot %u,%u",
                                     c->count, c->width, c->height, c->hot_x,
                                     c->hot_y);
    }
    for (uint32_t i = 0; !difference && i < c->width * c->height; i++) {
        uint32_t want = pixman_image_get_data(image)[i];

        if (!plane_has_alpha(plane->fourcc)) {
            want |= 0xff000000;
        }
        if (c->argb[i] != want) {
            difference = g_strdup_printf("pixel %u is 0x%08x, not 0x%08x", i,
                                         c->argb[i], want);
        }
    }
    pixman_image_unref(image);
    return difference;
}

static void expect_cursor(VGPUWatched *w, const Plane *plane, uint32_t hot_x,
                          uint32_t hot_y)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    for (;;) {
        g_autofree char *difference = cursor_differ(w, plane, hot_x, hot_y);

        if (!difference) {
            return;
        }
        if (g_get_monotonic_time() > deadline) {
            g_assert_cmpstr(difference, ==, NULL);
        }
        vgpu_viewer_update(w->viewer);
    }
}

static bool is_invisible(const VGPUCursor *c)
{
    for (uint32_t i = 0; i < c->width * c->height; i++) {
        if (c->argb[i] >> 24) {
            return false;
        }
    }
    return true;
}

static void expect_no_cursor(VGPUWatched *w)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (!is_invisible(vgpu_viewer_cursor(w->viewer))) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        vgpu_viewer_update(w->viewer);
    }
}

typedef struct CursorCase {
    const char *name;
    uint32_t fourcc;
    uint32_t flags;
    uint32_t width;
    uint32_t height;
} CursorCase;

static const CursorCase cursors[] = {
    { "multiplied", DRM_FORMAT_ARGB8888, 0, 64, 64 },
    { "straight", DRM_FORMAT_ARGB8888, VGPU_SW_PLANE_STRAIGHT, 64, 64 },
    { "odd-size", DRM_FORMAT_ARGB8888, 0, 31, 17 },
    { "largest", DRM_FORMAT_ARGB8888, 0, 256, 256 },
    { "opaque", DRM_FORMAT_XRGB8888, 0, 32, 32 },
};

static void test_cursor_alpha(const void *data)
{
    const CursorCase *c = data;
    VGPUWatched *w = planes_watch("x-kind=dmabuf", VGPU_CURSOR_ALPHA);
    VGPUMode mode = planes_start(w->vgpu);
    Plane plane = plane_new(VGPU_SW_CURSOR, c->fourcc, c->width, c->height,
                            c->flags);
    g_autoptr(VGPUPicture) alone = vgpu_picture_of(&mode, 1);

    plane.hot_x = 5;
    plane.hot_y = c->height - 1;
    plane_show(w->vgpu, &plane);
    expect_cursor(w, &plane, 5, c->height - 1);
    /* another image in the same buffer */
    plane_fill(&plane, 99);
    plane_upload(w->vgpu, &plane);
    expect_cursor(w, &plane, 5, c->height - 1);
    /* and it is on no screendump */
    vgpu_watched_expect_picture(w, alone);
    vgpu_expect_now(w->vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_watched_stop(w);
}

/* With the option a screendump has it, clipped at every edge. */
static void test_cursor_screendump(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf,x-screendump-cursor=on");
    VGPUMode mode = planes_start(vgpu);
    Plane plane = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 64, 64, 0);

    for (size_t i = 0; i < PLANE_PLACES; i++) {
        plane.x = plane_places[i].x;
        plane.y = plane_places[i].y;
        plane.hot_x = 3 * i;
        plane_show(vgpu, &plane);
        plane_expect_cursor(vgpu, "x", plane.x);
        plane_expect(vgpu, &mode, &plane);
    }
    plane_hide(vgpu, &plane);
    plane_expect_cursor(vgpu, "visible", 0);
    vgpu_expect_now(vgpu, &mode, 1);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* A client without alpha gets what is at least half there. */
static void test_cursor_rich(void)
{
    VGPUWatched *w = planes_watch("x-kind=dmabuf", VGPU_CURSOR_RICH);
    Plane plane = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 48, 40, 0);

    planes_start(w->vgpu);
    for (size_t i = 0; i < plane.len; i += 4) {
        if (plane.bytes[i + 3] < 0x80) {
            memset(plane.bytes + i, 0, 4);
        } else {
            plane.bytes[i + 3] = 0xff;
        }
    }
    plane_show(w->vgpu, &plane);
    expect_cursor(w, &plane, 0, 0);
    g_free(plane.bytes);
    vgpu_watched_stop(w);
}

static void test_cursor_hotspot(void)
{
    static const struct {
        uint32_t hot_x, hot_y, want_x, want_y;
    } cases[] = {
        { 3, 4, 3, 4 },
        { UNKNOWN, UNKNOWN, 0, 0 },
        { 31, 31, 31, 31 },
        { 32, 0, 0, 0 },
        { 0x80000000, 7, 0, 0 },
        /* one part stays, and what viewers are told does not */
        { 3, 100, 0, 0 },
        { 3, 0, 3, 0 },
        { UNKNOWN, 5, 0, 0 },
        { 0, 5, 0, 5 },
    };
    VGPUWatched *w = planes_watch("x-kind=dmabuf", VGPU_CURSOR_ALPHA);
    Plane plane = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);

    planes_start(w->vgpu);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        plane.hot_x = cases[i].hot_x;
        plane.hot_y = cases[i].hot_y;
        plane_show(w->vgpu, &plane);
        expect_cursor(w, &plane, cases[i].want_x, cases[i].want_y);
    }
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_watched_stop(w);
}

/* Half off any edge, and farther; no image and no frame is copied for it. */
static void test_cursor_moves(const void *data)
{
    static const struct {
        int32_t x, y;
    } positions[] = {
        { 0, 0 }, { -16, 5 }, { 5, -31 }, { 319, 239 }, { -64, -64 },
        { INT32_MIN, INT32_MAX }, { 100, 100 },
    };
    VGPUWatched *w = planes_watch(data, VGPU_CURSOR_ALPHA);
    VGPU *vgpu = w->vgpu;
    Plane plane = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);
    int64_t frames, updates;
    unsigned count;

    planes_start(vgpu);
    plane.x = 50;
    plane_show(vgpu, &plane);
    expect_cursor(w, &plane, 0, 0);
    plane_expect_cursor(vgpu, "x", 50);
    frames = vgpu_stat(vgpu, "frames");
    updates = vgpu_stat(vgpu, "cursor-updates");
    count = vgpu_viewer_cursor(w->viewer)->count;
    for (size_t i = 0; i < ARRAY_SIZE(positions); i++) {
        plane.x = positions[i].x;
        plane.y = positions[i].y;
        plane_program(vgpu, &plane);
        plane_commit(vgpu);
        plane_expect_cursor(vgpu, "x", plane.x);
        plane_expect_cursor(vgpu, "y", plane.y);
        g_assert_true(vgpu_plane_stat(vgpu, "cursor", 0, "visible"));
        vgpu_viewer_update(w->viewer);
    }
    g_assert_cmpint(vgpu_stat(vgpu, "frames"), ==, frames);
    g_assert_cmpint(vgpu_stat(vgpu, "cursor-updates"), ==, updates);
    g_assert_cmpuint(vgpu_viewer_cursor(w->viewer)->count, ==, count);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_watched_stop(w);
}

static void test_cursor_hides(const void *data)
{
    VGPUWatched *w = planes_watch(data, VGPU_CURSOR_ALPHA);
    VGPU *vgpu = w->vgpu;
    VGPUMode mode = planes_start(vgpu);
    Plane plane = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);

    for (int i = 0; i < 3; i++) {
        plane_fill(&plane, 10 + i);
        plane_show(vgpu, &plane);
        expect_cursor(w, &plane, 0, 0);
        plane_expect_cursor(vgpu, "visible", 1);
        if (i < 2) {
            plane_hide(vgpu, &plane);
        } else {
            qtest_qmp_assert_success(vgpu->machine->qts,
                                     "{ 'execute': 'system_reset' }");
        }
        expect_no_cursor(w);
    }
    vgpu_reopen(vgpu);
    vgpu_paint_show_expect(vgpu, &mode, 2);
    plane_show(vgpu, &plane);
    expect_cursor(w, &plane, 0, 0);
    g_free(plane.bytes);
    vgpu_watched_stop(w);
}

/* Refused queries: the last image stays for a moment, then it goes. */
static void test_cursor_refused(void)
{
    VGPUWatched *w = planes_watch("x-kind=dmabuf", VGPU_CURSOR_ALPHA);
    Plane plane = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);

    planes_start(w->vgpu);
    for (int i = 0; i < 2; i++) {
        vgpu_write(w->vgpu, VGPU_SW_REFUSED, 0);
        plane_show(w->vgpu, &plane);
        expect_cursor(w, &plane, 0, 0);
        vgpu_write(w->vgpu, VGPU_SW_REFUSED, 1 << VGPU_SW_CURSOR);
        vgpu_expect_faults(w->vgpu, "cursor-query", 2);
        expect_no_cursor(w);
        plane_expect_cursor(w->vgpu, "visible", 0);
    }
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_watched_stop(w);
}

/* Animated cursors step through some buffers, again and again. */
static void test_cursor_shapes(void)
{
    VGPUWatched *w = planes_watch("x-kind=dmabuf", VGPU_CURSOR_ALPHA);
    VGPU *vgpu = w->vgpu;
    Plane planes[4];
    int64_t misses = 0;

    planes_start(vgpu);
    for (unsigned i = 0; i < 4; i++) {
        planes[i] = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 64, 64, 0);
        plane_fill(&planes[i], 40 + i);
        planes[i].offset += i * 64 * 1024;
        plane_upload(vgpu, &planes[i]);
    }
    for (unsigned i = 0; i < 12; i++) {
        plane_program(vgpu, &planes[i % 4]);
        plane_commit(vgpu);
        expect_cursor(w, &planes[i % 4], 0, 0);
        if (i == 3) {
            misses = vgpu_stat(vgpu, "cache-misses");
        }
    }
    g_assert_cmpint(vgpu_stat(vgpu, "cache-misses"), ==, misses);
    for (unsigned i = 0; i < 4; i++) {
        g_free(planes[i].bytes);
    }
    vgpu_watched_stop(w);
}

/* The ways that a cursor can take to QEMU. */
static const struct {
    const char *name;
    const char *options;
} cursor_devices[] = {
    { "dmabuf", "x-kind=dmabuf" },
    { "metadata", "x-kind=metadata,irq=on" },
};

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cursors); i++) {
        g_autofree char *path =
            g_strdup_printf("vgpu/planes/cursor/%s", cursors[i].name);

        qtest_add_data_func(path, &cursors[i], test_cursor_alpha);
    }
    qtest_add_func("vgpu/planes/cursor/screendump", test_cursor_screendump);
    qtest_add_func("vgpu/planes/cursor/rich", test_cursor_rich);
    qtest_add_func("vgpu/planes/cursor/hotspot", test_cursor_hotspot);
    for (size_t i = 0; i < ARRAY_SIZE(cursor_devices); i++) {
        const char *options = cursor_devices[i].options;
        g_autofree char *moves =
            g_strdup_printf("vgpu/planes/cursor/moves/%s",
                            cursor_devices[i].name);
        g_autofree char *hides =
            g_strdup_printf("vgpu/planes/cursor/hides/%s",
                            cursor_devices[i].name);

        qtest_add_data_func(moves, options, test_cursor_moves);
        qtest_add_data_func(hides, options, test_cursor_hides);
    }
    qtest_add_func("vgpu/planes/cursor/refused", test_cursor_refused);
    qtest_add_func("vgpu/planes/cursor/shapes", test_cursor_shapes);
    return g_test_run();
}
