/*
 * What differs from the frame before
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/damage-map.h"
#include "ui/frame-shadow.h"

struct FrameShadow {
    uint8_t *data;      /* rows without gaps; NULL: of no frame */
    FrameShadowFrame of; /* what it is of, but for the memory */
    DamageMap *damage;
    unsigned rest;      /* so many frames are not compared */
};

FrameShadow *frame_shadow_new(void)
{
    return g_new0(FrameShadow, 1);
}

void frame_shadow_forget(FrameShadow *shadow)
{
    g_clear_pointer(&shadow->data, g_free);
    g_clear_pointer(&shadow->damage, damage_map_free);
}

void frame_shadow_free(FrameShadow *shadow)
{
    if (!shadow) {
        return;
    }
    frame_shadow_forget(shadow);
    g_free(shadow);
}

static size_t row_bytes(const FrameShadowFrame *frame)
{
    return (size_t)frame->width * 4;
}

static bool is_like(const FrameShadow *shadow, const FrameShadowFrame *frame)
{
    return shadow->data && shadow->of.fourcc == frame->fourcc &&
        shadow->of.width == frame->width && shadow->of.height == frame->height;
}

static void begin(FrameShadow *shadow, const FrameShadowFrame *frame)
{
    size_t row = row_bytes(frame);

    frame_shadow_forget(shadow);
    shadow->of = *frame;
    shadow->of.data = NULL;
    shadow->data = g_malloc(row * frame->height);
    shadow->damage = damage_map_new(frame->width, frame->height);
    for (uint32_t y = 0; y < frame->height; y++) {
        memcpy(shadow->data + row * y,
               frame->data + (size_t)frame->stride * y, row);
    }
}

static uint64_t area(const pixman_box32_t *box)
{
    return (uint64_t)(box->x2 - box->x1) * (box->y2 - box->y1);
}

/* One around all. */
static pixman_box32_t bound(const pixman_box32_t *box, size_t n)
{
    pixman_box32_t all = box[0];

    for (size_t i = 1; i < n; i++) {
        all.x1 = MIN(all.x1, box[i].x1);
        all.y1 = MIN(all.y1, box[i].y1);
        all.x2 = MAX(all.x2, box[i].x2);
        all.y2 = MAX(all.y2, box[i].y2);
    }
    return all;
}

/* Does most of the frame differ? */
static bool is_film(const FrameShadow *shadow, const pixman_box32_t *box,
                    size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += area(&box[i]);
    }
    return sum > (uint64_t)shadow->of.width * shadow->of.height / 4 * 3;
}

bool frame_shadow_update(FrameShadow *shadow, const FrameShadowFrame *frame,
                         pixman_box32_t *boxes, unsigned *n)
{
    const pixman_box32_t all = { 0, 0, frame->width, frame->height };
    const pixman_box32_t *differ;
    size_t count;

    if (shadow->rest) {
        shadow->rest--;
        return false;
    }
    if (!is_like(shadow, frame)) {
        begin(shadow, frame);
        return false;
    }
    damage_map_clear(shadow->damage);
    damage_map_copy(shadow->damage, shadow->data, row_bytes(frame),
                    frame->data, frame->stride, &all);
    differ = damage_map_boxes(shadow->damage, &count);
    if (is_film(shadow, differ, count)) {
        shadow->rest = FRAME_SHADOW_REST;
        frame_shadow_forget(shadow);
        return false;
    }
    *n = count;
    if (count > FRAME_SHADOW_BOXES) {
        boxes[0] = bound(differ, count);
        *n = 1;
    } else if (count) {
        memcpy(boxes, differ, count * sizeof(*boxes));
    }
    return true;
}
