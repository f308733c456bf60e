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
    UIPixels of;        /* what it is of, but for the memory */
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

static size_t row_bytes(const UIPixels *frame)
{
    return (size_t)frame->width * 4;
}

static bool is_like(const FrameShadow *shadow, const UIPixels *frame)
{
    return shadow->data && shadow->of.fourcc == frame->fourcc &&
        shadow->of.width == frame->width && shadow->of.height == frame->height;
}

static uint64_t area(const pixman_box32_t *box)
{
    return (uint64_t)(box->x2 - box->x1) * (box->y2 - box->y1);
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

bool frame_shadow_update(FrameShadow *shadow, const UIPixels *frame,
                         pixman_box32_t *boxes, unsigned *n)
{
    const pixman_box32_t all = { 0, 0, frame->width, frame->height };
    bool known = is_like(shadow, frame);
    const pixman_box32_t *differ;
    size_t count;

    if (shadow->rest) {
        shadow->rest--;
        return false;
    }
    if (!known) {
        frame_shadow_forget(shadow);
        shadow->of = *frame;
        shadow->data = g_malloc0(row_bytes(frame) * frame->height);
        shadow->damage = damage_map_new(frame->width, frame->height);
    }
    damage_map_clear(shadow->damage);
    damage_map_copy(shadow->damage, shadow->data, row_bytes(frame),
                    frame->data, frame->stride, &all);
    if (!known) {
        return false;
    }
    differ = damage_map_boxes(shadow->damage, &count);
    if (is_film(shadow, differ, count)) {
        shadow->rest = FRAME_SHADOW_REST;
        frame_shadow_forget(shadow);
        return false;
    }
    *n = count;
    if (count > FRAME_SHADOW_BOXES) {
        boxes[0] = damage_map_bound(differ, count);
        *n = 1;
    } else if (count) {
        memcpy(boxes, differ, count * sizeof(*boxes));
    }
    return true;
}
