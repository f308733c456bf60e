/*
 * A machine with a software vGPU and a viewer that watches it, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VGPU_WATCHED_H
#define TESTS_QTEST_VGPU_WATCHED_H

#include "vgpu-fixture.h"
#include "vgpu-rfb.h"

/**
 * VGPUWatched:
 * @viewer: a VNC client, or NULL
 * @mode: what vgpu_watched_draw() shows
 * @seed: of the picture that was drawn last
 * @socket: where clients connect to
 */
typedef struct VGPUWatched {
    VGPU *vgpu;
    VGPUViewer *viewer;
    VGPUMode mode;
    unsigned seed;
    char *dir;
    char *socket;
} VGPUWatched;

/* Before long the viewer has that picture, pixel by pixel. */
void vgpu_viewer_expect(VGPUViewer *viewer, const VGPUPicture *want);

/* A machine with a vGPU named "gpu" that has these options, and no viewer. */
VGPUWatched *vgpu_watched_new(const char *options);

/* The same, and a viewer that has got the first picture, 320x240. */
VGPUWatched *vgpu_watched_start(const char *options);

/* The viewer goes away. */
void vgpu_watched_leave(VGPUWatched *w);

/* The end of all that is there. */
void vgpu_watched_stop(VGPUWatched *w);

/* The same, and QEMU has warned of nothing. */
void vgpu_watched_stop_clean(VGPUWatched *w);

/* The guest draws another picture, and says so. */
void vgpu_watched_draw(VGPUWatched *w);

/* Before long the viewer has the picture of that seed, or this one. */
void vgpu_watched_expect(VGPUWatched *w, unsigned seed);
void vgpu_watched_expect_picture(VGPUWatched *w, const VGPUPicture *want);

/* What a test does again and again. */
typedef void VGPUWatchedStep(VGPUWatched *w);

/* The guest draws another picture, and before long the viewer has it. */
VGPUWatchedStep vgpu_watched_draw_and_expect;

/* A guest that stands still, and one that goes on, each drawing. */
void vgpu_watched_stop_cont(VGPUWatched *w, VGPUWatchedStep *draw);

/*
 * Unplugged, after @before, with somebody watching, and one of that x-kind
 * plugged in, which then does @after; five times. No file stays open.
 */
void vgpu_watched_unplug(VGPUWatched *w, const char *kind,
                         VGPUWatchedStep *before, VGPUWatchedStep *after);

/* The viewer takes in what comes, for that long. */
void vgpu_watched_watch(VGPUWatched *w, int64_t us);

/* A part of what a machine shows, in pixels of 4 bytes. */
typedef struct VGPURect {
    uint32_t x, y, width, height;
} VGPURect;

/* The guest draws the picture of that seed there, and says nothing of it. */
void vgpu_watched_paint_part(VGPUWatched *w, const VGPURect *rect,
                             uint32_t seed);

/* The same in @picture. */
void vgpu_picture_patch(VGPUPicture *picture, const VGPURect *rect,
                        uint32_t seed);

/* Before long the viewer has that, too, in the picture that was drawn last. */
void vgpu_watched_expect_part(VGPUWatched *w, const VGPURect *rect,
                              uint32_t seed);

/* The guest says that it drew there. */
void vgpu_watched_report(VGPUWatched *w, const VGPURect *rect);

/* What is read for that: its rows, in whole tiles. */
uint64_t vgpu_watched_part_bytes(const VGPUWatched *w, const VGPURect *rect);

#endif /* TESTS_QTEST_VGPU_WATCHED_H */
