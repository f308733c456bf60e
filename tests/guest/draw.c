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

static uint32_t wave(uint32_t v)
{
    return (v & 0x100 ? 0xff - (v & 0xff) : v & 0xff) / 2;
}

static uint32_t film(uint32_t x, uint32_t y)
{
    uint32_t grain = draw_mix((x >> 4) + (y >> 4) * 0x10001) & 0x1f;

    return (wave(x) + grain) << 16 | (wave(y) + grain) << 8 |
           (wave(x + y) + grain);
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
    case PATTERN_FILM:
        return film(x + 8 * frame, y + 5 * frame);
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

static volatile uint32_t *page_base(struct gpu *gpu, uint32_t page)
{
    return gpu->fb + page * gpu->stride * gpu->height;
}

void draw_pattern(struct gpu *gpu, uint32_t page, uint32_t pattern,
                  uint32_t frame)
{
    struct rect all = { 0, 0, gpu->width, gpu->height };

    draw_pattern_rect(gpu, page, &all, pattern, frame);
}

void draw_pattern_rect(struct gpu *gpu, uint32_t page, const struct rect *rect,
                       uint32_t pattern, uint32_t frame)
{
    draw_rows(gpu, page_base(gpu, page), rect, pattern, frame);
}

void draw_fill_page(struct gpu *gpu, uint32_t page, const struct rect *rect,
                    uint32_t color)
{
    fill_rows(page_base(gpu, page), gpu->stride, rect, color);
}

void draw_fill(struct gpu *gpu, const struct rect *rect, uint32_t color)
{
    draw_fill_page(gpu, 0, rect, color);
}
