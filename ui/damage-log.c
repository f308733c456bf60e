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

/*
 * DamagePart:
 * @number: of the read that was the first to bring it
 * @all: everything, whatever @region is
 */
typedef struct DamagePart {
    uint64_t number;
    bool all;
    pixman_region32_t region;
} DamagePart;

struct DamageLog {
    DamagePart pending;          /* not submitted yet */
    DamagePart in_flight[READS]; /* from the oldest to the newest */
    unsigned n_in_flight;
    pixman_region32_t boxes;     /* what was last returned */
};

DamageLog *damage_log_new(void)
{
    DamageLog *log = g_new0(DamageLog, 1);

    pixman_region32_init(&log->boxes);
    pixman_region32_init(&log->pending.region);
    for (unsigned i = 0; i < READS; i++) {
        pixman_region32_init(&log->in_flight[i].region);
    }
    log->pending.all = true;
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
    pixman_region32_fini(&log->pending.region);
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

static void part_clear(DamagePart *part)
{
    part->all = false;
    region_clear(&part->region);
}

static void part_add(DamagePart *part, DamagePart *other)
{
    part->all |= other->all;
    pixman_region32_union(&part->region, &part->region, &other->region);
    limit(&part->region);
}

static bool part_is_empty(const DamagePart *part)
{
    /* older versions of pixman take no const */
    return !part->all &&
        !pixman_region32_not_empty((pixman_region32_t *)&part->region);
}

void damage_log_add(DamageLog *log, const pixman_box32_t *box)
{
    pixman_region32_t *region = &log->pending.region;

    if (box->x1 < box->x2 && box->y1 < box->y2) {
        pixman_region32_union_rect(region, region, box->x1, box->y1,
                                   box->x2 - box->x1, box->y2 - box->y1);
        limit(region);
    }
}

void damage_log_add_all(DamageLog *log)
{
    log->pending.all = true;
}

bool damage_log_has_pending(const DamageLog *log)
{
    return !part_is_empty(&log->pending);
}

bool damage_log_is_empty(const DamageLog *log)
{
    return log->n_in_flight == 0 && part_is_empty(&log->pending);
}

/* Adds what lies in the frame, in whole tiles. */
static void add_tiles(DamageLog *log, DamagePart *part, int32_t width,
                      int32_t height)
{
    int n;
    const pixman_box32_t *box = pixman_region32_rectangles(&part->region, &n);

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
    bool all = log->pending.all;
    const pixman_box32_t *boxes;
    int count;

    region_clear(&log->boxes);
    add_tiles(log, &log->pending, width, height);
    for (unsigned i = 0; i < log->n_in_flight; i++) {
        all |= log->in_flight[i].all;
        add_tiles(log, &log->in_flight[i], width, height);
    }
    limit(&log->boxes);
    boxes = pixman_region32_rectangles(&log->boxes, &count);
    *n = all ? 0 : count;
    return all ? NULL : boxes;
}

/* The first one's place is free afterwards, and the last one's. */
static void drop_first(DamageLog *log)
{
    DamagePart first = log->in_flight[0];

    log->n_in_flight--;
    memmove(&log->in_flight[0], &log->in_flight[1],
            log->n_in_flight * sizeof(log->in_flight[0]));
    log->in_flight[log->n_in_flight] = first;
    part_clear(&log->in_flight[log->n_in_flight]);
}

void damage_log_submitted(DamageLog *log, uint64_t number)
{
    DamagePart *part;

    if (log->n_in_flight == READS) {
        part_add(&log->in_flight[1], &log->in_flight[0]);
        drop_first(log);
    }
    part = &log->in_flight[log->n_in_flight++];
    part->number = number;
    part_add(part, &log->pending);
    part_clear(&log->pending);
}

void damage_log_completed(DamageLog *log, uint64_t number)
{
    while (log->n_in_flight && log->in_flight[0].number <= number) {
        drop_first(log);
    }
}
