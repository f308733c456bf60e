/*
 * Copy what changed and remember where
 *
 * One flag per tile says that the destination differs from what viewers last
 * saw. The copy looks at a whole row first, which is the fastest way to learn
 * that nothing happened, and at the row's part of each tile only if it did.
 * A tile that is marked is no longer compared: what viewers are told of is the
 * whole tile, so its other rows are copied as they are, together with those
 * of its neighbours. Where everything changes, one row in sixteen is compared.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/damage-map.h"

#define BYTES_PER_PIXEL 4
/* Bytes of a tile's row */
#define TILE_ROW ((size_t)DAMAGE_TILE_WIDTH * BYTES_PER_PIXEL)

struct DamageMap {
    uint32_t width;
    uint32_t height;
    uint32_t columns;
    uint32_t lines;
    bool any;
    bool *tiles;            /* columns x lines */
    /* Room for the most runs there can be: damage costs no allocation. */
    pixman_box32_t *boxes;
};

DamageMap *damage_map_new(uint32_t width, uint32_t height)
{
    DamageMap *map = g_new0(DamageMap, 1);

    assert(width >= 1 && width <= INT32_MAX);
    assert(height >= 1 && height <= INT32_MAX);
    map->width = width;
    map->height = height;
    map->columns = (width - 1) / DAMAGE_TILE_WIDTH + 1;
    map->lines = (height - 1) / DAMAGE_TILE_HEIGHT + 1;
    map->tiles = g_new0(bool, (size_t)map->columns * map->lines);
    /* At most every other tile of a line starts a run. */
    map->boxes = g_new(pixman_box32_t,
                       ((size_t)map->columns + 1) / 2 * map->lines);
    return map;
}

void damage_map_free(DamageMap *map)
{
    if (map) {
        g_free(map->tiles);
        g_free(map->boxes);
        g_free(map);
    }
}

void damage_map_clear(DamageMap *map)
{
    memset(map->tiles, 0, sizeof(bool) * map->columns * map->lines);
    map->any = false;
}

void damage_map_mark_all(DamageMap *map)
{
    memset(map->tiles, true, sizeof(bool) * map->columns * map->lines);
    map->any = true;
}

bool damage_map_is_empty(const DamageMap *map)
{
    return !map->any;
}

static void mark(DamageMap *map, bool *tile)
{
    *tile = true;
    map->any = true;
    /*
     * The copy that follows may be left by a jump out of a signal handler,
     * of which the compiler knows nothing: keep the mark in front of it.
     */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Tiles that nobody has marked: the parts that differ, copied and marked. */
static void copy_unmarked(DamageMap *map, bool *tiles, uint8_t *dst,
                          const uint8_t *src, size_t len)
{
    for (size_t at = 0; at < len; at += TILE_ROW) {
        size_t part = MIN(TILE_ROW, len - at);

        if (memcmp(dst + at, src + at, part)) {
            mark(map, &tiles[at / TILE_ROW]);
            memcpy(dst + at, src + at, part);
        }
    }
}

/* The tiles of a row from @column on, up to @end. */
static void copy_row(DamageMap *map, bool *tiles, uint8_t *dst,
                     const uint8_t *src, uint32_t column, uint32_t end)
{
    const size_t row = (size_t)map->width * BYTES_PER_PIXEL;

    while (column < end) {
        uint32_t first = column;
        bool marked = tiles[column];
        size_t at = first * TILE_ROW, len;

        do {
            column++;
        } while (column < end && tiles[column] == marked);
        len = MIN(column * TILE_ROW, row) - at;

        if (marked) {
            memcpy(dst + at, src + at, len);
        } else if (memcmp(dst + at, src + at, len)) {
            copy_unmarked(map, tiles + first, dst + at, src + at, len);
        }
    }
}

void damage_map_copy(DamageMap *map, uint8_t *dst, size_t dst_stride,
                     const uint8_t *src, size_t src_stride,
                     uint32_t y, uint32_t rows)
{
    damage_map_copy_part(map, dst, dst_stride, src, src_stride, y, rows,
                         0, map->width);
}

void damage_map_copy_part(DamageMap *map, uint8_t *dst, size_t dst_stride,
                          const uint8_t *src, size_t src_stride,
                          uint32_t y, uint32_t rows, uint32_t x,
                          uint32_t width)
{
    uint32_t first = x / DAMAGE_TILE_WIDTH;
    uint32_t end;

    assert(y <= map->height && rows <= map->height - y);
    assert(x < map->width && width >= 1 && width <= map->width - x);
    end = (x + width - 1) / DAMAGE_TILE_WIDTH + 1;
    for (uint32_t i = 0; i < rows; i++) {
        size_t line = (y + i) / DAMAGE_TILE_HEIGHT;

        copy_row(map, map->tiles + line * map->columns,
                 dst + i * dst_stride, src + i * src_stride, first, end);
    }
}

/* Adds a line's runs of damaged tiles to @boxes; returns how many. */
static size_t line_runs(const DamageMap *map, uint32_t line,
                        pixman_box32_t *boxes)
{
    const bool *tiles = map->tiles + (size_t)line * map->columns;
    int32_t y1 = line * DAMAGE_TILE_HEIGHT;
    int32_t y2 = MIN((uint64_t)y1 + DAMAGE_TILE_HEIGHT, map->height);
    uint32_t column = 0;
    size_t n = 0;

    while (column < map->columns) {
        uint32_t first = column;

        while (column < map->columns && tiles[column]) {
            column++;
        }
        if (column > first) {
            boxes[n++] = (pixman_box32_t) {
                .x1 = first * DAMAGE_TILE_WIDTH,
                .y1 = y1,
                .x2 = MIN((uint64_t)column * DAMAGE_TILE_WIDTH, map->width),
                .y2 = y2,
            };
        } else {
            column++;
        }
    }
    return n;
}

/* Do two lines of boxes cover the same columns? */
static bool same_columns(const pixman_box32_t *a, const pixman_box32_t *b,
                         size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (a[i].x1 != b[i].x1 || a[i].x2 != b[i].x2) {
            return false;
        }
    }
    return true;
}

const pixman_box32_t *damage_map_boxes(DamageMap *map, size_t *n)
{
    size_t above = 0; /* boxes of the line above, at the end of the list */

    *n = 0;
    for (uint32_t line = 0; map->any && line < map->lines; line++) {
        pixman_box32_t *boxes = map->boxes + *n;
        size_t runs = line_runs(map, line, boxes);

        if (runs && runs == above && same_columns(boxes - runs, boxes, runs)) {
            for (size_t i = 0; i < runs; i++) {
                (boxes - runs)[i].y2 = boxes[i].y2;
            }
            continue;
        }
        *n += runs;
        above = runs;
    }
    return map->boxes;
}

pixman_box32_t damage_map_next_box(const pixman_box32_t *box, size_t n,
                                   size_t *i, size_t most)
{
    pixman_box32_t next = box[(*i)++];

    while (n > most && *i < n && box[*i].y1 == next.y1) {
        next.x2 = box[*i].x2;
        next.y2 = MAX(next.y2, box[*i].y2);
        (*i)++;
    }
    return next;
}
