/*
 * vGPU display: a guest that says what it draws
 *
 * The device tells in its answer to the query, and that is read of the
 * picture, whichever way it comes to the viewers. See vgpu-gl-test.c for
 * OpenGL's, and for VGPU_TEST_GL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vgpu-watched.h"

#define FRAME_BYTES (320 * 240 * 4)

/*
 * VGPUSource:
 * @late: frames come after the refresh that asked for them: one that begins
 *        before another is done brings that one's rectangles, too
 */
typedef struct VGPUSource {
    const char *name;
    const char *options;
    const char *path;
    bool late;
} VGPUSource;

/* A guest that reports what it draws, of which all is on screen. */
static VGPUWatched *start_reporting(const VGPUSource *source)
{
    VGPUWatched *w = vgpu_watched_start(source->options);

    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_REPORTED, 1);
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    vgpu_watched_report(w, &(VGPURect) { 0, 0, 320, 240 });
    vgpu_watched_expect(w, w->seed);
    g_assert_cmpint(vgpu_stat(w->vgpu, "bytes-read"), >=, FRAME_BYTES);
    return w;
}

/* What is reported is read, and hardly anything else. */
static void test_reported(const void *data)
{
    static const VGPURect rects[] = {
        { 0, 0, 1, 1 },
        { 319, 239, 1, 1 },
        { 63, 15, 2, 2 },
        { 100, 7, 111, 1 },
        { 5, 5, 20, 30 },
    };
    const VGPUSource *source = data;
    VGPUWatched *w = start_reporting(source);
    int64_t bytes = vgpu_stat(w->vgpu, "bytes-read");
    int64_t begun = g_get_monotonic_time();
    int64_t told = 0, whole;

    for (unsigned i = 0; i < 8 * ARRAY_SIZE(rects); i++) {
        const VGPURect *rect = &rects[i % ARRAY_SIZE(rects)];

        vgpu_watched_paint_part(w, rect, 100 + i);
        vgpu_watched_report(w, rect);
        vgpu_watched_expect_part(w, rect, 100 + i);
        vgpu_paint(w->vgpu, &w->mode, w->seed);
        vgpu_watched_report(w, rect);
        vgpu_watched_expect(w, w->seed);
        told += 2 * vgpu_watched_part_bytes(w, rect);
    }
    bytes = vgpu_stat(w->vgpu, "bytes-read") - bytes;
    g_test_message("%" PRId64 " bytes reported, %" PRId64 " read", told,
                   bytes);
    g_assert_cmpint(bytes, >, 0);
    /*
     * The first one is whole, since what came before was not reported, and
     * so is one after each second without a change, on a slow machine.
     */
    whole = FRAME_BYTES * (1 + (g_get_monotonic_time() - begun) /
                               G_USEC_PER_SEC);
    g_assert_cmpint(bytes, <=, source->late ? 2 * told + 2 * whole
                                            : told + whole);
    g_assert_cmpstr(vgpu_path(w->vgpu), ==, source->path);
    vgpu_watched_stop_clean(w);
}

static bool is_shown(VGPUWatched *w, const VGPUPicture *want)
{
    g_autofree char *difference =
        vgpu_picture_differ(want, vgpu_viewer_picture(w->viewer));

    return !difference;
}

/* Before long the viewer has one of them. Returns: is it @a? */
static bool is_either(VGPUWatched *w, const VGPUPicture *a,
                      const VGPUPicture *b)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (!is_shown(w, a)) {
        if (is_shown(w, b)) {
            return false;
        }
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        vgpu_viewer_update(w->viewer);
    }
    return true;
}

/*
 * The guest draws elsewhere than it says. Viewers do not see that, unless all
 * is read because of what came before; a screendump has it, and so have they
 * from then on.
 */
static void test_unreported(const void *data)
{
    static const VGPURect told = { 10, 10, 20, 20 };
    static const VGPURect untold = { 200, 100, 9, 9 };
    VGPUWatched *w = start_reporting(data);
    g_autoptr(VGPUPicture) want = vgpu_picture_of(&w->mode, w->seed);
    g_autoptr(VGPUPicture) all = vgpu_picture_of(&w->mode, w->seed);
    g_autoptr(VGPUPicture) dump = NULL;
    g_autofree char *difference = NULL;
    unsigned seed = 100;

    for (;;) {
        g_assert_cmpuint(++seed, <, 120);
        vgpu_watched_paint_part(w, &untold, seed);
        vgpu_watched_paint_part(w, &told, seed);
        vgpu_watched_report(w, &told);
        vgpu_picture_patch(want, &told, seed);
        vgpu_picture_patch(all, &told, seed);
        vgpu_picture_patch(all, &untold, seed);
        if (is_either(w, want, all)) {
            break;
        }
        vgpu_picture_patch(want, &untold, seed);
    }

    dump = vgpu_screendump(w->vgpu);
    difference = vgpu_picture_differ(all, dump);
    g_assert_cmpstr(difference, ==, NULL);
    vgpu_watched_expect_picture(w, all);
    vgpu_watched_stop_clean(w);
}

/* The guest says nothing at all. That is found out, and goes on to be. */
static void test_silent(const void *data)
{
    VGPUWatched *w = start_reporting(data);

    for (int i = 0; i < 2; i++) {
        vgpu_paint(w->vgpu, &w->mode, ++w->seed);
        /* it may be taken at its word until somebody wonders */
        vgpu_viewer_move(w->viewer, 10 * i, 10);
        vgpu_watched_expect(w, w->seed);
    }
    vgpu_watched_stop_clean(w);
}

/* Much is drawn at once, here and there, and all of it is seen. */
static void test_random_damage(const void *data)
{
    VGPUWatched *w = start_reporting(data);
    g_autoptr(VGPUPicture) want = vgpu_picture_of(&w->mode, w->seed);
    unsigned seed = 1000;

    for (unsigned i = 0; i < 40; i++) {
        for (int n = g_test_rand_int_range(1, 25); n > 0; n--) {
            VGPURect rect = {
                g_test_rand_int_range(0, 320), g_test_rand_int_range(0, 240),
            };

            rect.width = g_test_rand_int_range(1, MIN(321 - rect.x, 90));
            rect.height = g_test_rand_int_range(1, MIN(241 - rect.y, 90));
            vgpu_watched_paint_part(w, &rect, ++seed);
            vgpu_picture_patch(want, &rect, seed);
            vgpu_watched_report(w, &rect);
            if (n % 4 == 0) {
                vgpu_viewer_update(w->viewer);
            }
        }
        vgpu_watched_expect_picture(w, want);
    }
    vgpu_watched_stop_clean(w);
}

/* Whatever the guest reports harms nobody. */
static void test_odd_damage(const void *data)
{
    static const VGPURect rects[] = {
        { 0, 0, 0, 0 },
        { 400, 0, 1, 1 },
        { 0, 240, 320, 1 },
        { 1, UINT32_MAX, 1, 1 },
        { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
        { 1, 1, UINT32_MAX, UINT32_MAX },
    };
    VGPUWatched *w = start_reporting(data);

    for (unsigned i = 0; i < ARRAY_SIZE(rects); i++) {
        vgpu_watched_report(w, &rects[i]);
        vgpu_watched_watch(w, 50 * 1000);
    }
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    vgpu_watched_report(w, &(VGPURect) { 0, 0, 320, 240 });
    vgpu_watched_expect(w, w->seed);
    vgpu_watched_stop_clean(w);
}

/* Nothing is reported: before long nothing is read any more. */
static void test_still(const void *data)
{
    VGPUWatched *w = start_reporting(data);
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    int64_t before, bytes = -1;

    do {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        before = bytes;
        vgpu_watched_watch(w, G_USEC_PER_SEC * 3 / 2);
        bytes = vgpu_stat(w->vgpu, "bytes-read");
    } while (bytes != before);

    /* a screendump is a frame of its own */
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    vgpu_expect_now(w->vgpu, &w->mode, w->seed);
    vgpu_watched_stop_clean(w);
}

/* Another mode, while it is said that nothing changes. */
static void test_damage_and_modes(const void *data)
{
    VGPUWatched *w = start_reporting(data);

    for (unsigned i = 0; i < 12; i++) {
        w->mode = vgpu_mode(200 + 40 * (i % 4), 200, 1 + i);
        w->mode.fourcc = i % 2 ? DRM_FORMAT_XBGR8888 : DRM_FORMAT_XRGB8888;
        vgpu_watched_draw_and_expect(w);
    }
    qtest_system_reset(w->vgpu->machine->qts);
    vgpu_reopen(w->vgpu);
    vgpu_watched_draw_and_expect(w);
    vgpu_watched_stop_clean(w);
}

/* --- Tests -------------------------------------------------------------- */

static const VGPUSource sources[] = {
    { "mmap", "x-kind=dmabuf", "mmap" },
    { "mmap-notified", "x-kind=dmabuf,irq=on", "mmap" },
    { "region", "x-kind=region", "region" },
    { "region-notified", "x-kind=region,irq=on", "region" },
    { "gl", "x-kind=dmabuf,x-display-path=gl", "gl", true },
    { "gl-notified", "x-kind=dmabuf,x-display-path=gl,irq=on", "gl", true },
};

static void test_skipped(const void *data)
{
    g_test_skip("VGPU_TEST_GL does not say that OpenGL imports dma-bufs");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(const void *data);
    } tests[] = {
        { "reported", test_reported },
        { "unreported", test_unreported },
        { "silent", test_silent },
        { "random", test_random_damage },
        { "odd", test_odd_damage },
        { "still", test_still },
        { "modes", test_damage_and_modes },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(sources); i++) {
        const VGPUSource *source = &sources[i];
        bool skip = !strcmp(source->path, "gl") && !g_getenv("VGPU_TEST_GL");

        for (unsigned j = 0; j < ARRAY_SIZE(tests); j++) {
            g_autofree char *path = g_strdup_printf("/vgpu/damage/%s/%s",
                                                    source->name,
                                                    tests[j].name);

            qtest_add_data_func(path, source,
                                skip ? test_skipped : tests[j].func);
        }
    }
    return g_test_run();
}
