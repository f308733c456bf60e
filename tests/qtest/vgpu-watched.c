/*
 * A machine with a software vGPU and a viewer that watches it, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "libqos/pci-pc.h"
#include "vgpu-watched.h"

/* Columns that are compared together (damage-map.h). */
#define TILE 64

void vgpu_viewer_expect(VGPUViewer *viewer, const VGPUPicture *want)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    for (;;) {
        g_autofree char *difference =
            vgpu_picture_differ(want, vgpu_viewer_picture(viewer));

        if (!difference) {
            return;
        }
        if (g_get_monotonic_time() > deadline) {
            g_assert_cmpstr(difference, ==, NULL);
        }
        vgpu_viewer_update(viewer);
    }
}

VGPUWatched *vgpu_watched_new(const char *options)
{
    VGPUWatched *w = g_new0(VGPUWatched, 1);
    VGPUMachine *machine;

    w->dir = g_dir_make_tmp("vgpu-watched-XXXXXX", NULL);
    g_assert_nonnull(w->dir);
    w->socket = g_build_filename(w->dir, "vnc", NULL);
    w->mode = vgpu_mode(320, 240, 1);
    machine = vgpu_machine_start("-device " VGPU_DEVICE ",id=gpu,addr=4%s%s "
                                 "-vnc unix:%s", *options ? "," : "", options,
                                 w->socket);
    w->vgpu = vgpu_open(machine, "gpu", 4);
    return w;
}

VGPUWatched *vgpu_watched_start(const char *options)
{
    VGPUWatched *w = vgpu_watched_new(options);

    w->viewer = vgpu_viewer_connect(w->socket);
    vgpu_watched_draw(w);
    vgpu_watched_expect(w, w->seed);
    return w;
}

void vgpu_watched_leave(VGPUWatched *w)
{
    vgpu_viewer_close(w->viewer);
    w->viewer = NULL;
}

void vgpu_watched_stop(VGPUWatched *w)
{
    if (w->viewer) {
        vgpu_watched_leave(w);
    }
    if (w->vgpu) {
        vgpu_stop(w->vgpu);
    }
    g_unlink(w->socket);
    g_rmdir(w->dir);
    g_free(w->socket);
    g_free(w->dir);
    g_free(w);
}

void vgpu_watched_stop_clean(VGPUWatched *w)
{
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 0);
    vgpu_watched_stop(w);
}

void vgpu_watched_draw(VGPUWatched *w)
{
    vgpu_paint(w->vgpu, &w->mode, ++w->seed);
    vgpu_show(w->vgpu, &w->mode);
}

void vgpu_watched_expect(VGPUWatched *w, unsigned seed)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (!vgpu_picture_is(vgpu_viewer_picture(w->viewer), &w->mode, seed)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        vgpu_viewer_update(w->viewer);
    }
}

void vgpu_watched_draw_and_expect(VGPUWatched *w)
{
    vgpu_watched_draw(w);
    vgpu_watched_expect(w, w->seed);
}

void vgpu_watched_stop_cont(VGPUWatched *w, VGPUWatchedStep *draw)
{
    QTestState *qts = w->vgpu->machine->qts;

    for (unsigned i = 0; i < 3; i++) {
        qtest_qmp_assert_success(qts, "{ 'execute': 'stop' }");
        draw(w);
        qtest_qmp_assert_success(qts, "{ 'execute': 'cont' }");
        draw(w);
    }
}

void vgpu_watched_unplug(VGPUWatched *w, const char *kind,
                         VGPUWatchedStep *before, VGPUWatchedStep *after)
{
    VGPUMachine *machine = w->vgpu->machine;
    unsigned files = 0;

    for (unsigned i = 0; i < 5; i++) {
        before(w);
        qpci_unplug_acpi_device_test(machine->qts, "gpu", 4);
        vgpu_close(w->vgpu);
        vgpu_viewer_update(w->viewer);
        qtest_qmp_assert_success(machine->qts, "{ 'execute': 'device_add', "
                                 "'arguments': { 'driver': 'vgpu-sw', "
                                 "'vram': %u, 'udmabuf': 'off', 'irq': true, "
                                 "'x-kind': %s, 'id': 'gpu', 'addr': '4' } }",
                                 VGPU_VRAM, kind);
        w->vgpu = vgpu_open(machine, "gpu", 4);
        after(w);
        if (i == 1) {
            files = vgpu_machine_open_files(machine);
        }
    }
    vgpu_machine_expect_files(machine, files);
}

void vgpu_watched_watch(VGPUWatched *w, int64_t us)
{
    int64_t end = g_get_monotonic_time() + us;

    while (g_get_monotonic_time() < end) {
        vgpu_viewer_update(w->viewer);
    }
}

static VGPUMode part_mode(const VGPUWatched *w, const VGPURect *rect)
{
    VGPUMode part = vgpu_mode(rect->width, rect->height, 0);

    part.stride = w->mode.stride;
    part.offset = w->mode.offset + (uint64_t)rect->y * part.stride +
        rect->x * 4;
    return part;
}

void vgpu_watched_paint_part(VGPUWatched *w, const VGPURect *rect,
                             uint32_t seed)
{
    VGPUMode part = part_mode(w, rect);

    vgpu_paint_rows(w->vgpu, &part, seed);
}

void vgpu_picture_patch(VGPUPicture *picture, const VGPURect *rect,
                        uint32_t seed)
{
    g_autoptr(VGPUPicture) patch =
        vgpu_picture_draw(rect->width, rect->height, seed);

    for (uint32_t y = 0; y < patch->height; y++) {
        memcpy(picture->rgb + ((size_t)(rect->y + y) * picture->width +
                               rect->x) * 3,
               patch->rgb + (size_t)y * patch->width * 3, patch->width * 3);
    }
}

void vgpu_watched_expect_picture(VGPUWatched *w, const VGPUPicture *want)
{
    vgpu_viewer_expect(w->viewer, want);
}

void vgpu_watched_expect_part(VGPUWatched *w, const VGPURect *rect,
                              uint32_t seed)
{
    g_autoptr(VGPUPicture) want = vgpu_picture_of(&w->mode, w->seed);

    vgpu_picture_patch(want, rect, seed);
    vgpu_watched_expect_picture(w, want);
}

void vgpu_watched_report(VGPUWatched *w, const VGPURect *rect)
{
    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_X, rect->x);
    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_Y, rect->y);
    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_WIDTH, rect->width);
    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_HEIGHT, rect->height);
    vgpu_write(w->vgpu, VGPU_SW_DAMAGE_ADD, 1);
}

uint64_t vgpu_watched_part_bytes(const VGPUWatched *w, const VGPURect *rect)
{
    uint32_t first = QEMU_ALIGN_DOWN(rect->x, TILE);
    uint32_t end = MIN(ROUND_UP(rect->x + rect->width, TILE), w->mode.width);

    return (uint64_t)(end - first) * rect->height * 4;
}
