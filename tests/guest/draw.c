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

static void draw_rows(struct gpu *gpu, volatile uint32_t *base,
                      const struct rect *rect, uint32_t pattern,
                      uint32_t frame)
{
    uint32_t x, y;

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
    uint32_t x, y;

    for (y = rect->y; y < rect->y + rect->height; y++) {
        for (x = rect->x; x < rect->x + rect->width; x++) {
            gpu->fb[y * gpu->stride + x] = (color & 0xffffff) | FILLER;
        }
    }
}
