/*
 * The cursor and the overlay.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "draw.h"
#include "hw/display/vgpu-sw.h"
#include "plane.h"

/* Counted from the end of video memory. */
#define CURSOR_FROM_END     (1 << 20)
#define OVERLAY_FROM_END    (2 << 20)
#define OVERLAY_MAX         512

#define CURSOR_SIZE         64
#define SHADOW_SHIFT        6

static uint32_t vram_offset(const struct gpu *gpu, uint32_t from_end)
{
    return 4 * gpu->fb_pixels - from_end;
}

static bool available(const struct gpu *gpu)
{
    return gpu->ops->plane && 4 * gpu->fb_pixels > OVERLAY_FROM_END;
}

static bool inside(int x, int y)
{
    return x >= 0 && x <= y && 7 * y <= 280 - 3 * x;
}

static uint32_t cursor_pixel(int x, int y)
{
    if (x >= 2 && x + 3 <= y && 7 * (y + 3) <= 280 - 3 * x) {
        return 0xffffffff;
    }
    if (inside(x, y)) {
        return 0xff000000;
    }
    return inside(x - SHADOW_SHIFT, y - SHADOW_SHIFT) ? 0x60000000 : 0;
}

bool plane_cursor(struct gpu *gpu, int32_t x, int32_t y)
{
    struct plane plane = {
        .index = VGPU_SW_CURSOR,
        .on = true,
        .alpha = true,
        .x = x,
        .y = y,
        .width = CURSOR_SIZE,
        .height = CURSOR_SIZE,
        .offset = vram_offset(gpu, CURSOR_FROM_END),
    };
    volatile uint32_t *image = gpu->fb + plane.offset / 4;
    int i;

    if (!available(gpu)) {
        return false;
    }
    for (i = 0; i < CURSOR_SIZE * CURSOR_SIZE; i++) {
        image[i] = cursor_pixel(i % CURSOR_SIZE, i / CURSOR_SIZE);
    }
    gpu->ops->plane(gpu, &plane);
    return true;
}

static bool plane_off(struct gpu *gpu, uint32_t index)
{
    struct plane plane = { .index = index };

    if (!available(gpu)) {
        return false;
    }
    gpu->ops->plane(gpu, &plane);
    return true;
}

bool plane_cursor_off(struct gpu *gpu)
{
    return plane_off(gpu, VGPU_SW_CURSOR);
}

bool plane_overlay(struct gpu *gpu, uint32_t size)
{
    struct gpu canvas = {
        .fb = gpu->fb + vram_offset(gpu, OVERLAY_FROM_END) / 4,
        .width = size,
        .height = size,
        .stride = size,
    };

    if (!available(gpu) || !size || size > OVERLAY_MAX || !gpu->width) {
        return false;
    }
    draw_pattern(&canvas, 0, PATTERN_RAMP, 0);
    plane_overlay_move(gpu, size, 0);
    return true;
}

void plane_overlay_move(struct gpu *gpu, uint32_t size, uint32_t n)
{
    struct plane plane = {
        .index = VGPU_SW_OVERLAY(0),
        .on = true,
        .x = (int32_t)(n * 7 % gpu->width) - (int32_t)size / 2,
        .y = (int32_t)(n * 5 % gpu->height) - (int32_t)size / 2,
        .width = size,
        .height = size,
        .offset = vram_offset(gpu, OVERLAY_FROM_END),
    };

    gpu->ops->plane(gpu, &plane);
}

bool plane_overlay_off(struct gpu *gpu)
{
    return plane_off(gpu, VGPU_SW_OVERLAY(0));
}
