/*
 * Cursor and overlay planes for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VGPU_PLANES_H
#define TESTS_QTEST_VGPU_PLANES_H

#include <pixman.h>
#include "vgpu-watched.h"

/* Where the tests' planes are in video memory. */
#define PRIMARY_AT 0
#define CURSOR_AT (4 * 1024 * 1024)
#define OVERLAY_AT(i) ((8 + 4 * (i)) * 1024 * 1024)

/* A hotspot that is not known. */
#define UNKNOWN 0xffffffff

/* A plane as its registers say, and the bytes of its pixels. */
typedef struct Plane {
    unsigned number;        /* VGPU_SW_CURSOR, VGPU_SW_OVERLAY(i) */
    uint32_t fourcc;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t offset;
    uint32_t id;
    int32_t x;
    int32_t y;
    uint32_t hot_x;
    uint32_t hot_y;
    uint32_t zpos;
    uint32_t flags;
    uint8_t *bytes;
    size_t len;
} Plane;

/* On a screen of 320x240, off it, in part, and as far off as can be. */
#define PLANE_PLACES 11

typedef struct PlanePlace {
    int32_t x, y;
} PlanePlace;

extern const PlanePlace plane_places[PLANE_PLACES];

bool plane_has_alpha(uint32_t fourcc);

/* One with pixels of its own; its bytes are the caller's to free. */
Plane plane_new(unsigned number, uint32_t fourcc, uint32_t width,
                uint32_t height, uint32_t flags);

/* Other pixels, by that seed. */
void plane_fill(Plane *plane, uint32_t seed);

/* Its pixels, its registers, one of them, and what makes all of it count. */
void plane_upload(VGPU *vgpu, const Plane *plane);
void plane_program(VGPU *vgpu, const Plane *plane);
void plane_set(VGPU *vgpu, unsigned plane, unsigned reg, uint32_t value);
void plane_commit(VGPU *vgpu);

/* All of these; or the plane is off. */
void plane_show(VGPU *vgpu, const Plane *plane);
void plane_hide(VGPU *vgpu, const Plane *plane);

/* A primary plane of 320x240 is on screen: the picture of seed 1. */
VGPUMode planes_start(VGPU *vgpu);

/* What pixman makes of it, multiplied by alpha; the caller's to unref. */
pixman_image_t *plane_image(const Plane *plane);

/* The primary's picture with the planes over it, the first one lowest. */
VGPUPicture *planes_composed(const VGPUMode *mode, uint32_t seed,
                             const Plane *const *planes, size_t n);

/* A screendump has that at once; or one plane over the picture of seed 1. */
void planes_expect(VGPU *vgpu, const VGPUMode *mode, uint32_t seed,
                   const Plane *const *planes, size_t n);
void plane_expect(VGPU *vgpu, const VGPUMode *mode, const Plane *plane);

/* x-query-vgpu-display's answer about the cursor; a refresh renews it. */
void plane_expect_cursor(VGPU *vgpu, const char *member, int64_t value);

/* A vGPU and a VNC client that takes cursors of that kind. */
VGPUWatched *planes_watch(const char *options, VGPUCursorKind kind);

#endif
