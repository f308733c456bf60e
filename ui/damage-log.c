/*
 * What is still to be read of a frame, while reads are on their way
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/damage-log.h"
#include "ui/damage-map.h"

/* As many reads as there are at a time; older ones share a part. */
#define READS 3

/* Whatever the frame's size. */
static const pixman_box32_t everything = { 0, 0, INT32_MAX, INT32_MAX };

/* What the read of that number was the first to bring; 0: of none. */
typedef struct DamagePart {
    uint64_t number;
    pixman_region32_t region;
} DamagePart;

struct DamageLog {
    pixman_region32_t pending;   /* not submitted yet */
    DamagePart in_flight[READS];
    pixman_region32_t boxes;     /* what was last returned */
};

DamageLog *damage_log_new(void)
{
    DamageLog *log = g_new0(DamageLog, 1);

    pixman_region32_init(&log->boxes);
    pixman_region32_init(&log->pending);
    for (unsigned i = 0; i < READS; i++) {
        pixman_region32_init(&log->in_flight[i].region);
    }
    damage_log_add_all(log);
    return log;
}

void damage_log_free(DamageLog *log)
{
    if (!log) {
        return;
    }
    for (unsigned i = 0; i < READS; i++) {
        pixman_region32_fini(&log->in_flight[i].region);
    }
    pixman_region32_fini(&log->pending);
    pixman_region32_fini(&log->boxes);
    g_free(log);
}

/* A device that has many rectangles is not to have us keep them all. */
static void limit(pixman_region32_t *region)
{
    pixman_box32_t extents = *pixman_region32_extents(region);

    if (pixman_region32_n_rects(region) > DAMAGE_LOG_BOXES) {
        pixman_region32_fini(region);
        pixman_region32_init_rect(region, extents.x1, extents.y1,
                                  extents.x2 - extents.x1,
                                  extents.y2 - extents.y1);
    }
}

static void region_clear(pixman_region32_t *region)
{
    pixman_region32_fini(region);
    pixman_region32_init(region);
}

static bool region_is_empty(const pixman_region32_t *region)
{
    /* older versions of pixman take no const */
    return !pixman_region32_not_empty((pixman_region32_t *)region);
}

void damage_log_add(DamageLog *log, const pixman_box32_t *box)
{
    if (box->x1 < box->x2 && box->y1 < box->y2) {
        pixman_region32_union_rect(&log->pending, &log->pending, box->x1,
                                   box->y1, box->x2 - box->x1,
                                   box->y2 - box->y1);
        limit(&log->pending);
    }
}

void damage_log_add_all(DamageLog *log)
{
    damage_log_add(log, &everything);
}

bool damage_log_has_pending(const DamageLog *log)
{
    return !region_is_empty(&log->pending);
}

bool damage_log_is_empty(const DamageLog *log)
{
    bool empty = region_is_empty(&log->pending);

    for (unsigned i = 0; i < READS; i++) {
        empty &= region_is_empty(&log->in_flight[i].region);
    }
    return empty;
}

/* Adds what lies in the frame, in whole tiles. */
static void add_tiles(DamageLog *log, pixman_region32_t *region, int32_t width,
                      int32_t height)
{
    int n;
    const pixman_box32_t *box = pixman_region32_rectangles(region, &n);

    for (int i = 0; i < n; i++) {
        int32_t x1 = MAX(box[i].x1, 0), y1 = MAX(box[i].y1, 0);
        int32_t x2 = MIN(box[i].x2, width), y2 = MIN(box[i].y2, height);

        if (x1 < x2 && y1 < y2) {
            x1 -= x1 % DAMAGE_TILE_WIDTH;
            x2 = MIN(ROUND_UP(x2, DAMAGE_TILE_WIDTH), width);
            pixman_region32_union_rect(&log->boxes, &log->boxes, x1, y1,
                                       x2 - x1, y2 - y1);
        }
    }
}

const pixman_box32_t *damage_log_boxes(DamageLog *log, uint32_t width,
                                       uint32_t height, size_t *n)
{
    const pixman_box32_t *boxes;
    int count;
    bool all;

    region_clear(&log->boxes);
    add_tiles(log, &log->pending, width, height);
    for (unsigned i = 0; i < READS; i++) {
        add_tiles(log, &log->in_flight[i].region, width, height);
    }
    limit(&log->boxes);
    boxes = pixman_region32_rectangles(&log->boxes, &count);
    all = count == 1 && boxes->x2 - boxes->x1 == width &&
        boxes->y2 - boxes->y1 == height;
    *n = all ? 0 : count;
    return all ? NULL : boxes;
}

void damage_log_submitted(DamageLog *log, uint64_t number)
{
    DamagePart *part = &log->in_flight[0];

    for (unsigned i = 1; i < READS; i++) {
        if (log->in_flight[i].number < part->number) {
            part = &log->in_flight[i];
        }
    }
    /* what the oldest one has not brought yet comes with this one, too */
    part->number = number;
    pixman_region32_union(&part->region, &part->region, &log->pending);
    limit(&part->region);
    region_clear(&log->pending);
}

void damage_log_completed(DamageLog *log, uint64_t number)
{
    for (unsigned i = 0; i < READS; i++) {
        DamagePart *part = &log->in_flight[i];

        if (part->number <= number) {
            part->number = 0;
            region_clear(&part->region);
        }
    }
}
