/*
 * Exact patterns: every pixel is a function of x, y and a frame number, so
 * that whoever looks at the screen can compute what must be there. The same
 * functions stand in tests/lab/lib/oracle.py.
 *
 * With all arithmetic modulo 2^32:
 *
 *   mix(v): v ^= v >> 16; v *= 0x7feb352d; v ^= v >> 15;
 *           v *= 0x846ca68b; v ^= v >> 16
 *
 *   solid   mix(frame)
 *   ramp    (x + frame) & 0xff in red, y & 0xff in green,
 *           (x >> 8) * 16 + (y >> 8) in blue
 *   noise   mix(x + y * 0x10001 + frame * 0x9e3779b9)
 *   checks  mix((x >> 4) + (y >> 4) * 0x10001 + frame * 0x9e3779b9)
 *   film    with X = x + 8 * frame, Y = y + 5 * frame, wave(v) = v & 0xff, or
 *           0xff less that if v & 0x100, and grain = mix((X >> 4) +
 *           (Y >> 4) * 0x10001) & 0x1f: wave(X) / 2 + grain in red,
 *           wave(Y) / 2 + grain in green, wave(X + Y) / 2 + grain in blue;
 *           a picture that moves to the left and up, as a video might
 *
 * The low 24 bits are red, green, blue. The top byte, which no display may
 * look at, is FILLER.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_DRAW_H
#define GUEST_DRAW_H

#include <stdbool.h>
#include <stdint.h>
#include "gpu.h"

#define FILLER  0xa5000000u

enum {
    PATTERN_SOLID,
    PATTERN_RAMP,
    PATTERN_NOISE,
    PATTERN_CHECKS,
    PATTERN_FILM,
    PATTERN_MAX,
};

struct rect {
    uint32_t x, y, width, height;
};

uint32_t draw_mix(uint32_t v);

/* The whole of page number @page, which starts page * height rows down. */
void draw_pattern(struct gpu *gpu, uint32_t page, uint32_t pattern,
                  uint32_t frame);

/* A part of a page, which @rect must lie inside; draw_fill() of page 0. */
void draw_pattern_rect(struct gpu *gpu, uint32_t page, const struct rect *rect,
                       uint32_t pattern, uint32_t frame);
void draw_fill_page(struct gpu *gpu, uint32_t page, const struct rect *rect,
                    uint32_t color);
void draw_fill(struct gpu *gpu, const struct rect *rect, uint32_t color);

#endif /* GUEST_DRAW_H */
