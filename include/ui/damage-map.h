/*
 * Copy what changed and remember where
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_DAMAGE_MAP_H
#define UI_DAMAGE_MAP_H

#include <pixman.h>

/* Damage is found in tiles of this many pixels: 4 cache lines by 16 rows. */
#define DAMAGE_TILE_WIDTH 64
#define DAMAGE_TILE_HEIGHT 16

typedef struct DamageMap DamageMap;

/**
 * damage_map_new:
 * @width: pixels, at least 1
 * @height: pixels, at least 1
 *
 * Returns: a map of a @width x @height frame with nothing damaged; free it
 * with damage_map_free().
 */
DamageMap *damage_map_new(uint32_t width, uint32_t height);

/**
 * damage_map_free:
 * @map: a map, or NULL
 */
void damage_map_free(DamageMap *map);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DamageMap, damage_map_free)

/**
 * damage_map_clear:
 * @map: a map; nothing is damaged afterwards
 */
void damage_map_clear(DamageMap *map);

/**
 * damage_map_mark_all:
 * @map: a map; all of the frame is damaged afterwards
 */
void damage_map_mark_all(DamageMap *map);

/**
 * damage_map_forget:
 * @map: a map
 *
 * The destination is another one, or something else has written to it: from
 * now on it is compared again. What is damaged stays so.
 */
void damage_map_forget(DamageMap *map);

/**
 * damage_map_is_empty:
 * @map: a map
 *
 * Returns: true if nothing is damaged.
 */
bool damage_map_is_empty(const DamageMap *map);

/**
 * damage_map_copy:
 * @map: a map of the destination's frame
 * @dst: the destination's pixel (0, @box->y1), 4 bytes a pixel; always of the
 *       same frame, to which only this map's copies write (damage_map_forget())
 * @dst_stride: bytes from row to row
 * @src: the source's pixel (0, @box->y1), 4 bytes a pixel in the same layout
 * @src_stride: bytes from row to row
 * @box: what to compare, within the frame; rounded outwards to whole tiles in
 *       width
 *
 * Copies the tiles' parts that differ and marks their tiles. Where nothing has
 * changed for some calls, and @box is as wide as the frame, reads @src once and
 * @dst not at all. Allocates nothing and holds nothing, so that guarded_read()
 * may jump out of it at any point: what was copied until then is marked (the
 * mark is made before the copy).
 */
void damage_map_copy(DamageMap *map, uint8_t *dst, size_t dst_stride,
                     const uint8_t *src, size_t src_stride,
                     const pixman_box32_t *box);

/**
 * damage_map_row_differs:
 * @map: a map of the destination's frame
 * @y: a row of it
 * @dst: the destination's pixel (0, @y)
 * @src: the source's pixel (0, @y)
 *
 * As damage_map_copy() would find out, but nothing is copied or marked.
 *
 * Returns: true if the rows differ.
 */
bool damage_map_row_differs(const DamageMap *map, uint32_t y,
                            const uint8_t *dst, const uint8_t *src);

/**
 * damage_map_boxes:
 * @map: a map
 * @n: how many rectangles there are
 *
 * Costs no allocation: a frame has at most as many rectangles as every other
 * tile of it.
 *
 * Returns: rectangles that cover the damaged tiles, clipped to the frame and
 * merged where tiles or whole lines of them join, none overlapping another.
 * Pixels of the frame. Owned by @map, valid until its next use.
 */
const pixman_box32_t *damage_map_boxes(DamageMap *map, size_t *n);

/**
 * damage_map_bound:
 * @box: rectangles
 * @n: how many, at least 1
 *
 * Returns: one around all, for where there are too many to tell each.
 */
pixman_box32_t damage_map_bound(const pixman_box32_t *box, size_t n);

#endif /* UI_DAMAGE_MAP_H */
