/*
 * Planes beside the framebuffer: a cursor, and an overlay that moves. Their
 * pixels lie at the end of video memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_PLANE_H
#define GUEST_PLANE_H

#include <stdbool.h>
#include <stdint.h>
#include "gpu.h"

struct plane {
    uint32_t index;                 /* as the device counts */
    bool on;
    bool alpha;                     /* ARGB, multiplied; else XRGB */
    int32_t x, y;                   /* of the top left corner */
    uint32_t width, height;
    uint32_t offset;                /* bytes into video memory */
};

/*
 * An arrow of 64x64 pixels whose tip, the hotspot, is at @x, @y. With the
 * origin at the tip, x to the right and y down, a point lies in the arrow if
 *
 *     inside(x, y): 0 <= x <= y and 7 * y <= 280 - 3 * x
 *
 * It is white if it lies inside of the border as well,
 *
 *     x >= 2 and x + 3 <= y and 7 * (y + 3) <= 280 - 3 * x
 *
 * and else black. Behind it, where inside(x - 6, y - 6), is its shadow:
 * black with an alpha of 96.
 */
bool plane_cursor(struct gpu *gpu, int32_t x, int32_t y);
bool plane_cursor_off(struct gpu *gpu);

/*
 * A square overlay, XRGB, with frame 0 of the ramp pattern of that size.
 * plane_overlay_move() puts it where it is in step @n: its left edge at
 * n * 7 % width - size / 2, its top at n * 5 % height - size / 2.
 */
bool plane_overlay(struct gpu *gpu, uint32_t size);
void plane_overlay_move(struct gpu *gpu, uint32_t size, uint32_t n);
bool plane_overlay_off(struct gpu *gpu);

#endif /* GUEST_PLANE_H */
