/*
 * Patterns and boxes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "draw.h"

uint32_t draw_mix(uint32_t v)
{
    v ^= v >> 16;
    v *= 0x7feb352d;
    v ^= v >> 15;
    v *= 0x846ca68b;
    v ^= v >> 16;
    return v;
}

static uint32_t pixel(uint32_t pattern, uint32_t x, uint32_t y, uint32_t frame)
{
    switch (pattern) {
    case PATTERN_SOLID:
        return draw_mix(frame);
    case PATTERN_RAMP:
        return ((x + frame) & 0xff) << 16 | (y & 0xff) << 8 |
               (((x >> 8) * 16 + (y >> 8)) & 0xff);
    case PATTERN_NOISE:
        return draw_mix(x + y * 0x10001 + frame * 0x9e3779b9);
    default:
        return draw_mix((x >> 4) + (y >> 4) * 0x10001 + frame * 0x9e3779b9);
    }
}

/* One colour: as many pixels per second as an emulated CPU can store. */
static void fill_rows(volatile uint32_t *row, uint32_t stride,
                      const struct rect *rect, uint32_t color)
{
    uint32_t width = rect->width, height = rect->height, x;

    row += rect->y * stride + rect->x;
    color = (color & 0xffffff) | FILLER;
    for (; height; height--, row += stride) {
        for (x = 0; x < width; x++) {
            row[x] = color;
        }
    }
}

static void draw_rows(struct gpu *gpu, volatile uint32_t *base,
                      const struct rect *rect, uint32_t pattern,
                      uint32_t frame)
{
    uint32_t x, y;

    if (pattern == PATTERN_SOLID) {
        fill_rows(base, gpu->stride, rect, draw_mix(frame));
        return;
    }
    for (y = rect->y; y < rect->y + rect->height; y++) {
        volatile uint32_t *row = base + y * gpu->stride;

        for (x = rect->x; x < rect->x + rect->width; x++) {
            row[x] = (pixel(pattern, x, y, frame) & 0xffffff) | FILLER;
        }
    }
}

void draw_pattern(struct gpu *gpu, uint32_t page, uint32_t pattern,
                  uint32_t frame)
{
    struct rect all = { 0, 0, gpu->width, gpu->height };

    draw_rows(gpu, gpu->fb + page * gpu->stride * gpu->height, &all,
              pattern, frame);
}

void draw_pattern_rect(struct gpu *gpu, const struct rect *rect,
                       uint32_t pattern, uint32_t frame)
{
    draw_rows(gpu, gpu->fb, rect, pattern, frame);
}

void draw_fill(struct gpu *gpu, const struct rect *rect, uint32_t color)
{
    fill_rows(gpu->fb, gpu->stride, rect, color);
}
