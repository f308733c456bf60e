/*
 * vGPU display: a device that says when its picture changes
 *
 * No test here depends on how fast the machine is: what is counted has an
 * upper bound that a slow one keeps, too.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vgpu-watched.h"

/* Refreshes per second while nothing changes, at most. */
#define STILL_RATE 2
/* And while everything does: the viewer's rate, with something to spare. */
#define VIEWER_RATE 160

#define WIDTH 320
#define HEIGHT 240
#define FRAME_BYTES (WIDTH * HEIGHT * 4)

static VGPUWatched *start(const char *options)
{
    g_autofree char *notifying = g_strdup_printf("irq=on,%s", options);

    return vgpu_watched_start(notifying);
}

/* Did it grow by no more than so many per second? */
static void expect_rate(VGPUWatched *w, const char *member, unsigned rate,
                        int64_t before, int64_t since)
{
    int64_t grown = vgpu_stat(w->vgpu, member) - before;
    int64_t us = g_get_monotonic_time() - since;

    g_test_message("%s: %" PRId64 " in %" PRId64 " us", member, grown, us);
    g_assert_cmpint(grown, <=, rate * (us / G_USEC_PER_SEC + 1) + 1);
}

/*
 * Nothing changes: nearly nothing happens. It is read after one second, two,
 * four and eight, to see whether the device tells of all.
 */
static void test_still(const void *data)
{
    VGPUWatched *w = start(data);
    int64_t since, refreshes, notifications, bytes;

    since = g_get_monotonic_time();
    refreshes = vgpu_stat(w->vgpu, "refreshes");
    notifications = vgpu_stat(w->vgpu, "notifications");
    g_assert_cmpint(notifications, >, 0);
    bytes = vgpu_stat(w->vgpu, "bytes-read");
    vgpu_watched_watch(w, 9 * G_USEC_PER_SEC);
    g_assert_cmpint(vgpu_stat(w->vgpu, "bytes-read") - bytes, <=,
                    4 * FRAME_BYTES);
    expect_rate(w, "refreshes", STILL_RATE, refreshes, since);
    g_assert_cmpint(vgpu_stat(w->vgpu, "notifications"), ==, notifications);

    vgpu_watched_stop(w);
}

/* It has stopped telling: who touches something sees what is there. */
static void test_touched(const void *data)
{
    VGPUWatched *w = start(data);
    int64_t refreshes, bytes;

    vgpu_watched_watch(w, 4 * G_USEC_PER_SEC);
    vgpu_write(w->vgpu, VGPU_SW_IRQ_FLAGS, VGPU_SW_IRQ_MUTE);
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    bytes = vgpu_stat(w->vgpu, "bytes-read");
    vgpu_viewer_move(w->viewer, 10, 10);
    vgpu_viewer_move(w->viewer, 20, 20);
    /* the first may have begun before that */
    refreshes = vgpu_stat(w->vgpu, "refreshes");
    while (vgpu_stat(w->vgpu, "refreshes") < refreshes + 3) {
        vgpu_viewer_update(w->viewer);
    }
    g_assert_cmpint(vgpu_stat(w->vgpu, "bytes-read"), >=, bytes + FRAME_BYTES);
    vgpu_watched_expect(w, w->seed);

    /* and what comes next */
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    vgpu_watched_expect(w, w->seed);
    vgpu_watched_stop(w);
}

/* Whatever is drawn last is seen, also if much is drawn before. */
static void test_changes(const void *data)
{
    VGPUWatched *w = start(data);

    for (unsigned i = 0; i < 60; i++) {
        for (unsigned j = 0; j <= i % 7; j++) {
            vgpu_watched_draw(w);
        }
        vgpu_watched_expect(w, w->seed);
    }
    g_assert_cmpint(vgpu_stat(w->vgpu, "notifications"), <=,
                    vgpu_read(w->vgpu, VGPU_SW_IRQ_SIGNALS));
    vgpu_watched_stop_clean(w);
}

/* A hundred thousand signals per second are as good as one per frame. */
static void test_storm(const void *data)
{
    VGPUWatched *w = start(data);
    int64_t since = g_get_monotonic_time();
    int64_t refreshes = vgpu_stat(w->vgpu, "refreshes");
    int64_t notifications = vgpu_stat(w->vgpu, "notifications");

    vgpu_write(w->vgpu, VGPU_SW_IRQ_STORM, 100000);
    g_assert_cmpuint(vgpu_read(w->vgpu, VGPU_SW_IRQ_STORM), ==, 100000);
    for (unsigned i = 0; i < 20; i++) {
        vgpu_watched_draw_and_expect(w);
    }
    vgpu_watched_watch(w, 2 * G_USEC_PER_SEC);
    expect_rate(w, "refreshes", VIEWER_RATE, refreshes, since);
    expect_rate(w, "notifications", 2 * VIEWER_RATE, notifications, since);
    g_assert_cmpint(vgpu_stat(w->vgpu, "notifications"), >, notifications);

    /* also while a machine is reset, and ended */
    qtest_system_reset(w->vgpu->machine->qts);
    vgpu_reopen(w->vgpu);
    g_assert_cmpuint(vgpu_read(w->vgpu, VGPU_SW_IRQ_STORM), ==, 0);
    vgpu_write(w->vgpu, VGPU_SW_IRQ_STORM, 100000);
    vgpu_watched_draw_and_expect(w);
    vgpu_watched_stop(w);
}

/* A device that falls silent is looked at all the same. */
static void test_mute(const void *data)
{
    VGPUWatched *w = start(data);
    uint32_t signals;

    vgpu_write(w->vgpu, VGPU_SW_IRQ_FLAGS, VGPU_SW_IRQ_MUTE);
    signals = vgpu_read(w->vgpu, VGPU_SW_IRQ_SIGNALS);
    for (unsigned i = 0; i < 3; i++) {
        vgpu_watched_draw_and_expect(w);
    }
    /* without a word, and without another buffer */
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    vgpu_watched_expect(w, w->seed);
    g_assert_cmpuint(vgpu_read(w->vgpu, VGPU_SW_IRQ_SIGNALS), ==, signals);

    vgpu_write(w->vgpu, VGPU_SW_IRQ_FLAGS, 0);
    vgpu_watched_draw_and_expect(w);
    vgpu_watched_stop(w);
}

/* Until QEMU has noticed that nobody is there. */
static void wait_for_silence(VGPUWatched *w)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    int64_t last, refreshes = -1;

    do {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        last = refreshes;
        g_usleep(1500 * 1000);
        refreshes = vgpu_stat(w->vgpu, "refreshes");
    } while (refreshes != last);
}

/* With nobody watching a signal wakes nobody up, and costs no refresh. */
static void test_unwatched(const void *data)
{
    VGPUWatched *w = start(data);
    int64_t refreshes, notifications;

    vgpu_watched_leave(w);
    wait_for_silence(w);
    refreshes = vgpu_stat(w->vgpu, "refreshes");
    notifications = vgpu_stat(w->vgpu, "notifications");
    for (unsigned i = 0; i < 20; i++) {
        vgpu_watched_draw(w);
        g_usleep(20 * 1000);
    }
    g_assert_cmpint(vgpu_stat(w->vgpu, "refreshes"), ==, refreshes);
    /* the first one, at most: it may have been listened for */
    g_assert_cmpint(vgpu_stat(w->vgpu, "notifications"), <=,
                    notifications + 1);

    /* a screendump needs no signal */
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    vgpu_expect_now(w->vgpu, &w->mode, w->seed);

    /* nor does somebody who comes later, and then they count again */
    w->viewer = vgpu_viewer_connect(w->socket);
    vgpu_watched_expect(w, w->seed);
    for (unsigned i = 0; i < 5; i++) {
        vgpu_watched_draw_and_expect(w);
    }
    g_assert_cmpint(vgpu_stat(w->vgpu, "notifications"), >,
                    notifications + 1);
    vgpu_watched_stop(w);
}

/* Firmware draws into guest memory, and nobody is told of that. */
static void draw_ramfb(VGPUWatched *w, const VGPUMode *mode, uint32_t seed)
{
    g_autoptr(VGPUPicture) picture = vgpu_picture_of(mode, seed);
    g_autofree uint8_t *packed =
        vgpu_picture_pack(picture, vgpu_format_find(mode->fourcc),
                          mode->stride);

    qtest_bufwrite(w->vgpu->machine->qts, mode->offset, packed,
                   (size_t)mode->stride * mode->height);
}

/*
 * While ramfb is on screen nothing signals. 20 frames would take 20 seconds
 * or more if the display waited for signals.
 */
static void expect_ramfb(VGPUWatched *w, const VGPUMode *mode)
{
    const VGPUMode plane = w->mode;
    int64_t since, us;

    w->mode = *mode;
    w->seed += 100;
    vgpu_paint_ramfb(w->vgpu->machine, mode, w->seed);
    vgpu_watched_expect(w, w->seed);
    since = g_get_monotonic_time();
    for (unsigned i = 0; i < 20; i++) {
        draw_ramfb(w, mode, ++w->seed);
        vgpu_watched_expect(w, w->seed);
    }
    us = g_get_monotonic_time() - since;
    g_test_message("20 frames of ramfb in %" PRId64 " us", us);
    g_assert_cmpint(us, <, 10 * G_USEC_PER_SEC);
    w->mode = plane;
}

/* After the plane went off, and after a reset. */
static void test_ramfb(const void *data)
{
    g_autofree char *options = g_strdup_printf("%s,ramfb=on",
                                               (const char *)data);
    VGPUWatched *w = start(options);
    VGPUMode ramfb = vgpu_mode(256, 192, 0);

    ramfb.offset = 64 * 1024 * 1024;
    vgpu_show_nothing(w->vgpu);
    expect_ramfb(w, &ramfb);
    vgpu_watched_draw_and_expect(w);
    qtest_system_reset(w->vgpu->machine->qts);
    expect_ramfb(w, &ramfb);
    vgpu_reopen(w->vgpu);
    vgpu_watched_draw_and_expect(w);
    vgpu_watched_stop(w);
}

static void begin_storm(VGPUWatched *w)
{
    vgpu_write(w->vgpu, VGPU_SW_IRQ_STORM, 100000);
    vgpu_watched_draw(w);
}

/* Unplugged with signals on their way, with somebody watching. */
static void test_unplug(const void *data)
{
    VGPUWatched *w = start(data);

    vgpu_watched_unplug(w, "both", begin_storm, vgpu_watched_draw_and_expect);
    vgpu_watched_stop(w);
}

static void test_stop_cont(const void *data)
{
    VGPUWatched *w = start(data);

    vgpu_watched_stop_cont(w, vgpu_watched_draw_and_expect);
    vgpu_watched_stop(w);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*func)(const void *);
    } tests[] = {
        { "still", test_still },
        { "touched", test_touched },
        { "changes", test_changes },
        { "storm", test_storm },
        { "mute", test_mute },
        { "unwatched", test_unwatched },
        { "stop-cont", test_stop_cont },
    };
    static const char *const kinds[] = { "x-kind=dmabuf", "x-kind=region" };
    static const char *const with_ramfb[] = {
        "x-kind=dmabuf", "x-kind=region", "x-kind=metadata", "x-kind=all",
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(tests); j++) {
            g_autofree char *path =
                g_strdup_printf("/vgpu/notify/%s/%s",
                                strchr(kinds[i], '=') + 1, tests[j].name);

            qtest_add_data_func(path, kinds[i], tests[j].func);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(with_ramfb); i++) {
        g_autofree char *path =
            g_strdup_printf("/vgpu/notify/%s/ramfb",
                            strchr(with_ramfb[i], '=') + 1);

        qtest_add_data_func(path, with_ramfb[i], test_ramfb);
    }
    qtest_add_data_func("/vgpu/notify/unplug", "x-kind=both", test_unplug);
    return g_test_run();
}
