/*
 * Copy what changed and remember where
 *
 * One flag per tile says that the destination differs from what viewers last
 * saw. A row that has not changed for a while has its hash taken, and is then
 * known to be the same by the source's hash alone: the destination, which is
 * in no cache any more, is not read. Other rows are compared, as a whole
 * first, and the row's part of each tile only if the whole differs.
 *
 * A tile that is marked is no longer compared: what viewers are told of is the
 * whole tile, so its other rows are copied as they are, together with those
 * of its neighbours. Where everything changes, one row in sixteen is compared.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/damage-map.h"
#ifdef CONFIG_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>
#elif defined(CONFIG_XXHASH)
#include <xxhash.h>
#endif

#define BYTES_PER_PIXEL 4
/* Bytes of a tile's row */
#define TILE_ROW ((size_t)DAMAGE_TILE_WIDTH * BYTES_PER_PIXEL)

/*
 * A row is hashed once it was found the same so many times in a row. Hashes of
 * rows that change often would be taken in vain.
 */
#define STILL_SCANS 8

struct DamageMap {
    uint32_t width;
    uint32_t height;
    uint32_t columns;
    uint32_t lines;
    bool any;
    bool *tiles;            /* columns x lines */
    /*
     * For each row of the destination its hash, or as long as that is less
     * than STILL_SCANS, how often the row was found the same.
     */
    uint64_t *hashes;
    /* Room for the most runs there can be: damage costs no allocation. */
    pixman_box32_t *boxes;
};

/*
 * The hash of a row, at least STILL_SCANS; 0 without libxxhash. Two rows that
 * differ have the same hash as seldom as memory fails, and no guest can look
 * for some that have: the key is this process's own.
 */
static uint64_t row_hash(const DamageMap *map, const uint8_t *row)
{
#ifdef CONFIG_XXHASH
    static uint32_t key[XXH3_SECRET_SIZE_MIN / sizeof(uint32_t)];
    static gsize once;

    if (g_once_init_enter(&once)) {
        for (size_t i = 0; i < ARRAY_SIZE(key); i++) {
            key[i] = g_random_int();
        }
        g_once_init_leave(&once, 1);
    }
    return XXH3_64bits_withSecret(row, (size_t)map->width * BYTES_PER_PIXEL,
                                  key, sizeof(key)) | STILL_SCANS;
#else
    return 0;
#endif
}

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
    map->hashes = g_new0(uint64_t, height);
    /* At most every other tile of a line starts a run. */
    map->boxes = g_new(pixman_box32_t,
                       ((size_t)map->columns + 1) / 2 * map->lines);
    return map;
}

void damage_map_free(DamageMap *map)
{
    if (map) {
        g_free(map->tiles);
        g_free(map->hashes);
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

void damage_map_forget(DamageMap *map)
{
    memset(map->hashes, 0, sizeof(map->hashes[0]) * map->height);
}

bool damage_map_is_empty(const DamageMap *map)
{
    return !map->any;
}

/*
 * A copy may be left by a jump out of a signal handler, of which the compiler
 * knows nothing: what is noted before the copy is to stay in front of it.
 */
static void before_copy(void)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void mark(DamageMap *map, bool *tile)
{
    *tile = true;
    map->any = true;
    before_copy();
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

/*
 * The tiles of a row from @column on, up to @end. Returns: whether something
 * was copied.
 */
static bool copy_tiles(DamageMap *map, bool *tiles, uint8_t *dst,
                       const uint8_t *src, uint32_t column, uint32_t end)
{
    const size_t row = (size_t)map->width * BYTES_PER_PIXEL;
    bool copied = false;

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
            copied = true;
        } else if (memcmp(dst + at, src + at, len)) {
            copy_unmarked(map, tiles + first, dst + at, src + at, len);
            copied = true;
        }
    }
    return copied;
}

static bool has_hash(const DamageMap *map, uint32_t y)
{
    return map->hashes[y] >= STILL_SCANS;
}

/* Nobody asks for the hash where rows above have changed already. */
static bool is_known_same(const DamageMap *map, uint32_t y,
                          const bool *tiles, const uint8_t *src)
{
    return has_hash(map, y) && !memchr(tiles, true, map->columns) &&
        row_hash(map, src) == map->hashes[y];
}

static void copy_row(DamageMap *map, uint32_t y, uint8_t *dst,
                     const uint8_t *src, uint32_t column, uint32_t end)
{
    bool *tiles = map->tiles +
        (size_t)(y / DAMAGE_TILE_HEIGHT) * map->columns;
    bool whole = column == 0 && end == map->columns;
    uint64_t known = map->hashes[y];

    if (whole && is_known_same(map, y, tiles, src)) {
        return;
    }
    map->hashes[y] = 0;
    before_copy();
    if (!copy_tiles(map, tiles, dst, src, column, end) && whole) {
        /* of the destination: the source may be another one by now */
        map->hashes[y] = known < STILL_SCANS - 1 ? known + 1
                                                 : row_hash(map, dst);
    }
}

bool damage_map_row_differs(const DamageMap *map, uint32_t y,
                            const uint8_t *dst, const uint8_t *src)
{
    assert(y < map->height);
    return has_hash(map, y) ? row_hash(map, src) != map->hashes[y]
        : memcmp(dst, src, (size_t)map->width * BYTES_PER_PIXEL) != 0;
}

void damage_map_copy(DamageMap *map, uint8_t *dst, size_t dst_stride,
                     const uint8_t *src, size_t src_stride,
                     const pixman_box32_t *box)
{
    uint32_t end;

    assert(box->x1 >= 0 && box->x1 < box->x2 && box->x2 <= map->width);
    assert(box->y1 >= 0 && box->y1 <= box->y2 && box->y2 <= map->height);
    end = (box->x2 - 1) / DAMAGE_TILE_WIDTH + 1;
    for (int32_t y = box->y1; y < box->y2; y++) {
        copy_row(map, y, dst, src, box->x1 / DAMAGE_TILE_WIDTH, end);
        dst += dst_stride;
        src += src_stride;
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

pixman_box32_t damage_map_bound(const pixman_box32_t *box, size_t n)
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
