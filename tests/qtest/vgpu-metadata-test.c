/*
 * vGPU display: frames that the driver copies on request
 *
 * The region with the metadata page: what is read, what is not, and all that
 * a driver can do wrong with it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-gfx-ext.h"
#include "vgpu-watched.h"

/* Shown by this way, and no other. */
static void draw_and_expect(VGPUWatched *w)
{
    vgpu_watched_draw_and_expect(w);
    vgpu_expect_path(w->vgpu, "metadata");
}

static VGPUWatched *start(const char *options)
{
    VGPUWatched *w = vgpu_watched_start(options);

    vgpu_expect_path(w->vgpu, "metadata");
    return w;
}

static void test_modes(const void *data)
{
    static const struct {
        uint32_t width, height, padding;
        uint64_t offset;
    } cases[] = {
        { 640, 480 },
        { 641, 479 },
        { 333, 77, 52, 0x1044 },
        { 64, 64 },
        { 1024, 768 },
    };
    VGPUWatched *w = start(data);

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        w->mode = vgpu_mode(cases[i].width, cases[i].height, 1 + i);
        w->mode.stride += cases[i].padding;
        w->mode.offset = cases[i].offset;
        draw_and_expect(w);
    }
    for (size_t i = 0; i < vgpu_formats_count; i++) {
        w->mode = vgpu_mode(129, 65, 1 + i);
        w->mode.fourcc = vgpu_formats[i].fourcc;
        w->mode.stride = 129 * vgpu_formats[i].cpp + 12;
        draw_and_expect(w);
    }
    vgpu_watched_stop_clean(w);
}

static void test_changes(const void *data)
{
    VGPUWatched *w = start(data);

    for (unsigned i = 0; i < 60; i++) {
        for (unsigned j = 0; j <= i % 7; j++) {
            vgpu_watched_draw(w);
        }
        vgpu_watched_expect(w, w->seed);
    }
    vgpu_expect_path(w->vgpu, "metadata");
    vgpu_watched_stop_clean(w);
}

/*
 * A guest that does not say what it draws: each frame that was asked for is
 * read, all of it, whatever was signalled and when the last one was.
 */
static void test_unreported(const void *data)
{
    VGPUWatched *w = start(data);
    int64_t bytes = vgpu_stat(w->vgpu, "bytes-read");
    int64_t requests = vgpu_read(w->vgpu, VGPU_SW_META_REQUESTS);

    for (unsigned i = 0; i < 10; i++) {
        draw_and_expect(w);
    }
    requests = vgpu_read(w->vgpu, VGPU_SW_META_REQUESTS) - requests;
    bytes = vgpu_stat(w->vgpu, "bytes-read") - bytes;
    /* one may be on its way */
    g_assert_cmpint(bytes, >=,
                    (requests - 1) * 320 * 240 * 4);
    vgpu_watched_stop(w);
}

/* A guest that says what it draws: that is read, and nothing else. */
static void test_damage(const void *data)
{
    static const VGPURect rects[] = {
        { 0, 0, 1, 1 },
        { 319, 239, 1, 1 },
        { 63, 15, 2, 2 },
        { 100, 7, 111, 1 },
        { 5, 5, 20, 230 },
    };
    VGPUWatched *w = start(data);
    uint64_t told = 0;
    int64_t bytes;

    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_REPORTED, 1);
    vgpu_watched_watch(w, 100 * 1000);
    bytes = vgpu_stat(w->vgpu, "bytes-read");
    for (unsigned i = 0; i < ARRAY_SIZE(rects); i++) {
        vgpu_watched_paint_part(w, &rects[i], 100 + i);
        vgpu_watched_report(w, &rects[i]);
        vgpu_watched_expect_part(w, &rects[i], 100 + i);
        /* back to what it was, for the next */
        vgpu_paint(w->vgpu, &w->mode, w->seed);
        vgpu_watched_report(w, &rects[i]);
        vgpu_watched_expect(w, w->seed);
        told += 2 * vgpu_watched_part_bytes(w, &rects[i]);
    }
    g_assert_cmpint(vgpu_stat(w->vgpu, "bytes-read") - bytes, ==, told);
    vgpu_watched_stop(w);
}

/* Damage that lies outside, wholly or in part, harms nobody. */
static void test_odd_damage(const void *data)
{
    static const VGPURect rects[] = {
        { 0, 0, 0, 0 },
        { 400, 0, 1, 1 },
        { 0, 240, 320, 1 },
        { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
        { 1, 1, UINT32_MAX, UINT32_MAX },
    };
    VGPUWatched *w = start(data);

    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_REPORTED, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(rects); i++) {
        vgpu_watched_report(w, &rects[i]);
        vgpu_watched_watch(w, 50 * 1000);
    }
    /* and more rectangles than there is room for */
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    for (unsigned i = 0; i < 40; i++) {
        vgpu_watched_report(w, &(VGPURect) { i, i, 1, 1 });
    }
    vgpu_watched_draw(w);
    vgpu_watched_report(w, &(VGPURect) { 0, 0, 320, 240 });
    vgpu_watched_expect(w, w->seed);
    vgpu_expect_path(w->vgpu, "metadata");
    vgpu_watched_stop_clean(w);
}

/* The driver says that all is as it was: not a byte is read. */
static void test_still(const void *data)
{
    VGPUWatched *w = start(data);
    int64_t since, bytes, refreshes, us;

    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_REPORTED, 1);
    vgpu_watched_watch(w, G_USEC_PER_SEC / 2);
    since = g_get_monotonic_time();
    bytes = vgpu_stat(w->vgpu, "bytes-read");
    refreshes = vgpu_stat(w->vgpu, "refreshes");
    vgpu_watched_watch(w, 3 * G_USEC_PER_SEC);
    refreshes = vgpu_stat(w->vgpu, "refreshes") - refreshes;
    us = g_get_monotonic_time() - since;
    g_assert_cmpint(vgpu_stat(w->vgpu, "bytes-read"), ==, bytes);
    if (vgpu_read(w->vgpu, VGPU_SW_KINDS) & VGPU_SW_KIND_IRQ) {
        g_assert_cmpint(refreshes, <=, 2 * (us / G_USEC_PER_SEC + 1) + 1);
    }
    vgpu_watched_stop(w);
}

/* With nobody there a screendump gets a frame of its own. */
static void test_screendump(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);

    for (unsigned i = 0; i < 10; i++) {
        uint32_t requests = vgpu_read(vgpu, VGPU_SW_META_REQUESTS);

        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_expect_now(vgpu, &mode, i);
        g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_META_REQUESTS), >,
                         requests);
    }
    vgpu_expect_path(vgpu, "metadata");
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/*
 * A driver that answers no more: the next way, and this one again when the
 * driver is well.
 */
static void test_fault(const void *data, uint32_t flags)
{
    VGPUWatched *w = start(data);
    bool fallback =
        vgpu_read(w->vgpu, VGPU_SW_KINDS) & VGPU_SW_KIND_DMABUF;

    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, flags);
    vgpu_watched_draw(w);
    vgpu_expect_faults(w->vgpu, "request", 1);
    if (fallback) {
        vgpu_watched_expect(w, w->seed);
        vgpu_expect_path(w->vgpu, "mmap");
    }
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, 0);
    draw_and_expect(w);
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), >=, 1);
    vgpu_watched_stop(w);
}

static void test_silent(const void *data)
{
    test_fault(data, VGPU_SW_META_SILENT);
}

static void test_odd(const void *data)
{
    test_fault(data, VGPU_SW_META_ODD);
}

static void test_gone(const void *data)
{
    test_fault(data, VGPU_SW_META_CUT);
}

/* Its pages come back empty: the driver copies more than the guest reports. */
static void test_gone_for_a_while(const void *data)
{
    VGPUWatched *w = start(data);

    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_REPORTED, 1);
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, VGPU_SW_META_CUT);
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    vgpu_watched_report(w, &(VGPURect) { 0, 0, 1, 1 });
    vgpu_expect_faults(w->vgpu, "request", 1);
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, 0);
    vgpu_watched_expect(w, w->seed);
    vgpu_expect_path(w->vgpu, "metadata");
    vgpu_watched_stop(w);
}

static void test_refuse(const void *data)
{
    test_fault(data, VGPU_SW_META_REFUSE);
}

/*
 * A request that is given up while nobody watches, and answered after that,
 * with damage that the next answer does not tell again.
 */
static void test_late(const void *data)
{
    /* what the display leaves such a driver alone for, and a bit */
    const unsigned retry_us = 5500 * 1000;
    const VGPURect rect = { 40, 30, 100, 50 };
    VGPUWatched *w = start(data);
    uint32_t requests;

    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_REPORTED, 1);
    vgpu_watched_watch(w, 100 * 1000);
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, VGPU_SW_META_SILENT);
    requests = vgpu_read(w->vgpu, VGPU_SW_META_REQUESTS);
    vgpu_watched_paint_part(w, &rect, 100);
    vgpu_watched_report(w, &rect);
    while (vgpu_read(w->vgpu, VGPU_SW_META_REQUESTS) == requests) {
        vgpu_viewer_update(w->viewer);
    }
    vgpu_watched_leave(w);
    while (!vgpu_fault_count(w->vgpu, "request")) {
        g_usleep(10 * 1000);
    }
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, 0);
    g_usleep(retry_us);

    w->viewer = vgpu_viewer_connect(w->socket);
    vgpu_watched_expect_part(w, &rect, 100);
    vgpu_expect_path(w->vgpu, "metadata");
    vgpu_watched_stop(w);
}

/* A screendump gets the old frame or the next way's, but it does end. */
static void test_silent_screendump(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    g_autoptr(VGPUPicture) picture = NULL;

    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_write(vgpu, VGPU_SW_META_FLAGS, VGPU_SW_META_SILENT);
    vgpu_paint(vgpu, &mode, 2);
    vgpu_show(vgpu, &mode);
    picture = vgpu_screendump(vgpu);
    if (vgpu_read(vgpu, VGPU_SW_KINDS) & VGPU_SW_KIND_DMABUF) {
        g_assert_true(vgpu_picture_is(picture, &mode, 2));
    }
    vgpu_write(vgpu, VGPU_SW_META_FLAGS, 0);
    vgpu_expect(vgpu, &mode, 2);
    vgpu_stop(vgpu);
}

/* Every word of the page, with something in it that does not belong there. */
static void test_hostile(const void *data)
{
    static const uint32_t values[] = { 0, 1, 0x7fffffff, 0xffffffff };
    VGPUWatched *w = start(data);

    for (uint32_t at = 0; at < sizeof(struct vfio_gfx_meta); at += 4) {
        vgpu_write(w->vgpu, VGPU_SW_META_POKE_OFFSET, at);
        vgpu_write(w->vgpu, VGPU_SW_META_POKE_VALUE,
                   values[at / 4 % ARRAY_SIZE(values)]);
        vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, VGPU_SW_META_POKE);
        vgpu_watched_draw(w);
        vgpu_viewer_update(w->viewer);
    }
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, 0);
    draw_and_expect(w);
    vgpu_watched_stop(w);
}

/* What makes no sense keeps the last good frame and is counted by its kind. */
static void test_kinds(const void *data)
{
    static const struct {
        size_t at;
        uint32_t value;
        const char *kind;
    } cases[] = {
        { offsetof(struct vfio_gfx_meta, width), 0, "extent" },
        { offsetof(struct vfio_gfx_meta, fourcc), 0x20202020, "format" },
        { offsetof(struct vfio_gfx_meta, modifier), 1, "modifier" },
        { offsetof(struct vfio_gfx_meta, stride), 1, "stride" },
        { offsetof(struct vfio_gfx_meta, offset) + 4, 1, "bounds" },
        { offsetof(struct vfio_gfx_meta, size), 1, "bounds" },
        { offsetof(struct vfio_gfx_meta, status), VFIO_GFX_META_ERROR,
          "request" },
    };
    VGPUWatched *w = start(data);

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
        int64_t before = vgpu_fault_count(w->vgpu, cases[i].kind);
        unsigned good = w->seed;

        vgpu_write(w->vgpu, VGPU_SW_META_POKE_OFFSET, cases[i].at);
        vgpu_write(w->vgpu, VGPU_SW_META_POKE_VALUE, cases[i].value);
        vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, VGPU_SW_META_POKE);
        vgpu_watched_draw(w);
        while (vgpu_fault_count(w->vgpu, cases[i].kind) == before) {
            g_assert_cmpint(g_get_monotonic_time(), <, deadline);
            vgpu_viewer_update(w->viewer);
        }
        g_assert_true(vgpu_picture_is(vgpu_viewer_picture(w->viewer),
                                      &w->mode, good));
        vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, 0);
        draw_and_expect(w);
    }
    vgpu_watched_stop(w);
}

static void test_storm(const void *data)
{
    VGPUWatched *w = start(data);
    int64_t since = g_get_monotonic_time();
    int64_t refreshes = vgpu_stat(w->vgpu, "refreshes"), us;

    vgpu_write(w->vgpu, VGPU_SW_IRQ_STORM, 100000);
    for (unsigned i = 0; i < 10; i++) {
        draw_and_expect(w);
    }
    refreshes = vgpu_stat(w->vgpu, "refreshes") - refreshes;
    us = g_get_monotonic_time() - since;
    g_assert_cmpint(refreshes, <=, 75 * (us / G_USEC_PER_SEC + 1) + 1);

    /* and a driver that does not answer, but signals all the time */
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, VGPU_SW_META_SILENT);
    vgpu_watched_draw(w);
    vgpu_expect_faults(w->vgpu, "request", 1);
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, 0);
    draw_and_expect(w);
    vgpu_watched_stop(w);
}

/* Off and on, reset, and a reset while a request waits. */
static void test_reset(const void *data)
{
    VGPUWatched *w = start(data);

    for (unsigned i = 0; i < 3; i++) {
        if (i == 1) {
            vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, VGPU_SW_META_SILENT);
            vgpu_watched_draw(w);
        }
        qtest_system_reset(w->vgpu->machine->qts);
        vgpu_reopen(w->vgpu);
        draw_and_expect(w);
        vgpu_show_nothing(w->vgpu);
        vgpu_watched_watch(w, 100 * 1000);
        draw_and_expect(w);
    }
    vgpu_watched_stop(w);
}

static void let_request_wait(VGPUWatched *w)
{
    vgpu_write(w->vgpu, VGPU_SW_META_FLAGS, VGPU_SW_META_SILENT);
    vgpu_watched_draw(w);
    vgpu_viewer_update(w->viewer);
}

/* Unplugged while a request waits, with somebody watching. */
static void test_unplug(const void *data)
{
    VGPUWatched *w = start(data);

    vgpu_watched_unplug(w, "metadata", let_request_wait, draw_and_expect);
    vgpu_watched_stop(w);
}

static void test_stop_cont(const void *data)
{
    VGPUWatched *w = start(data);

    vgpu_watched_stop_cont(w, draw_and_expect);
    vgpu_watched_stop(w);
}

/* Of the tests that wait for a driver each runs on one device only. */
#define ALONE (1 << 0)
#define ALL (1 << 1)
#define POLLED (1 << 2)
#define UNMAPPED (1 << 3)
#define EVERY (ALONE | ALL | POLLED | UNMAPPED)

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(const void *);
        unsigned quick; /* devices */
        unsigned full;  /* with VGPU_TEST_FULL */
    } tests[] = {
        { "modes", test_modes, EVERY, EVERY },
        { "changes", test_changes, EVERY, EVERY },
        { "unreported", test_unreported, EVERY, EVERY },
        { "damage", test_damage, EVERY, EVERY },
        { "odd-damage", test_odd_damage, ALONE, EVERY },
        { "still", test_still, ALONE | POLLED, EVERY },
        { "screendump", test_screendump, EVERY, EVERY },
        { "silent", test_silent, ALL, EVERY },
        { "odd", test_odd, ALONE, EVERY },
        { "gone", test_gone, UNMAPPED, EVERY },
        { "gone-for-a-while", test_gone_for_a_while, ALONE, ALONE | UNMAPPED },
        { "refuse", test_refuse, POLLED, EVERY },
        { "late", test_late, ALONE, ALONE | UNMAPPED },
        { "silent-screendump", test_silent_screendump, ALONE | ALL, EVERY },
        { "hostile", test_hostile, ALONE, EVERY },
        { "kinds", test_kinds, ALONE, EVERY },
        { "storm", test_storm, ALONE, ALONE | ALL | UNMAPPED },
        { "reset", test_reset, ALL, EVERY },
        { "stop-cont", test_stop_cont, ALONE, EVERY },
    };
    static const struct {
        const char *name, *options;
    } devices[] = {
        { "alone", "x-kind=metadata,irq=on" },
        { "all", "x-kind=all,irq=on" },
        { "polled", "x-kind=all" },
        { "unmapped", "x-kind=all,irq=on,x-metadata-mmap=off" },
    };
    bool full = g_strcmp0(g_getenv("VGPU_TEST_FULL"), "1") == 0;

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(tests); j++) {
            g_autofree char *path =
                g_strdup_printf("/vgpu/metadata/%s/%s", devices[i].name,
                                tests[j].name);

            if ((full ? tests[j].full : tests[j].quick) & (1 << i)) {
                qtest_add_data_func(path, devices[i].options, tests[j].func);
            }
        }
    }
    qtest_add_data_func("/vgpu/metadata/unplug", "x-kind=metadata,irq=on",
                        test_unplug);
    return g_test_run();
}
