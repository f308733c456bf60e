/*
 * vGPU display: memory that is slow to read
 *
 * As write-combined video memory is. No test here depends on how fast the
 * machine is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vgpu-watched.h"

/* A frame of 320x240 takes 15 ms: at 60 Hz there would be time for nothing. */
#define SLOW "x-read-ns-per-kib=50000,"
#define FRAME_NS (300 * 50000)

/* The part of the time that reading takes at most (refresh-policy.h). */
#define READ_SHARE 3

/*
 * The guest draws without a pause. However late this process is: each refresh
 * but the last is followed by all the time that it leaves to others.
 */
static void test_share(const void *data)
{
    VGPUWatched *w = vgpu_watched_start(data);
    int64_t begun = g_get_monotonic_time();
    int64_t first = vgpu_stat(w->vgpu, "scan-ns");
    int64_t scans = vgpu_stat(w->vgpu, "scans");
    int64_t frames = vgpu_stat(w->vgpu, "frames");
    int64_t before = first, last = first, us;

    while (vgpu_stat(w->vgpu, "scans") < scans + 12) {
        int64_t now;

        vgpu_watched_draw(w);
        vgpu_viewer_update(w->viewer);
        now = vgpu_stat(w->vgpu, "scan-ns");
        if (now != last) {
            before = last;
            last = now;
        }
    }
    us = g_get_monotonic_time() - begun;
    g_test_message("read for %" PRId64 " of %" PRId64 " us",
                   (last - first) / 1000, us);
    g_assert_cmpint(last - first, >=, FRAME_NS);
    g_assert_cmpint(READ_SHARE * (before - first), <=, us * 1000);
    g_assert_cmpint(vgpu_stat(w->vgpu, "frames"), >, frames);

    /* it stands still, and the last picture is seen */
    vgpu_watched_expect(w, w->seed);
    vgpu_watched_stop_clean(w);
}

/* The monitor tells what a scan costs. */
static void test_cost(void)
{
    VGPUWatched *w = vgpu_watched_start(SLOW "x-kind=dmabuf");
    g_autofree char *info = NULL;
    const char *line;
    double ms = 0;

    g_assert_cmpint(vgpu_stat(w->vgpu, "scan-ns"), >=,
                    vgpu_stat(w->vgpu, "bytes-read") / 1024 * 50000);
    info = qtest_hmp(w->vgpu->machine->qts, "info vgpu-display");
    line = strstr(info, "  scans: ");
    g_assert_nonnull(line);
    g_assert_cmpint(sscanf(line, "  scans: %*d, %lf ms each", &ms), ==, 1);
    g_assert_cmpfloat(ms, >, 0);
    vgpu_watched_stop_clean(w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/vgpu/slow/share/mmap",
                        SLOW "x-kind=dmabuf", test_share);
    qtest_add_data_func("/vgpu/slow/share/mmap-notified",
                        SLOW "x-kind=dmabuf,irq=on", test_share);
    qtest_add_data_func("/vgpu/slow/share/region",
                        SLOW "x-kind=region", test_share);
    qtest_add_data_func("/vgpu/slow/share/region-notified",
                        SLOW "x-kind=region,irq=on", test_share);
    qtest_add_data_func("/vgpu/slow/share/metadata",
                        SLOW "x-kind=metadata", test_share);
    qtest_add_data_func("/vgpu/slow/share/metadata-notified",
                        SLOW "x-kind=metadata,irq=on", test_share);
    qtest_add_func("/vgpu/slow/cost", test_cost);
    return g_test_run();
}
