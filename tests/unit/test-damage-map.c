/*
 * Copy what changed and remember where
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "ui/damage-map.h"
#include "ui/guarded-read.h"

/* Never written by the copy: it stands behind each row of the destination. */
#define PADDING 0xa5

typedef struct Frame {
    uint32_t width;
    uint32_t height;
    size_t src_stride;
    size_t dst_stride;
    uint8_t *src;
    uint8_t *dst;
    uint8_t *before;        /* dst as it was, the reference for damage */
    DamageMap *map;
} Frame;

static void frame_init(Frame *f, uint32_t width, uint32_t height)
{
    f->width = width;
    f->height = height;
    f->src_stride = width * 4 + 4 * g_test_rand_int_range(0, 20);
    f->dst_stride = width * 4 + 4 * g_test_rand_int_range(0, 20);
    f->src = g_malloc0(f->src_stride * height);
    f->dst = g_malloc(f->dst_stride * height);
    f->before = g_malloc(f->dst_stride * height);
    memset(f->dst, PADDING, f->dst_stride * height);
    for (uint32_t y = 0; y < height; y++) {
        memset(f->dst + y * f->dst_stride, 0, width * 4);
    }
    memcpy(f->before, f->dst, f->dst_stride * height);
    f->map = damage_map_new(width, height);
}

static void frame_finish(Frame *f)
{
    damage_map_free(f->map);
    g_free(f->src);
    g_free(f->dst);
    g_free(f->before);
}

static void frame_copy(Frame *f, uint32_t y, uint32_t rows)
{
    const pixman_box32_t box = { 0, y, f->width, y + rows };

    damage_map_copy(f->map, f->dst + y * f->dst_stride, f->dst_stride,
                    f->src + y * f->src_stride, f->src_stride, &box);
}

/* One byte of one pixel, any of its four. */
static void frame_edit(Frame *f, uint32_t x, uint32_t y)
{
    f->src[y * f->src_stride + x * 4 + g_test_rand_int_range(0, 4)] ^=
        g_test_rand_int_range(1, 256);
}

/* Pixel by pixel: the tiles in which dst is not what it was. */
static void reference_region(const Frame *f, pixman_region32_t *region)
{
    pixman_region32_t frame;

    for (uint32_t y = 0; y < f->height; y++) {
        for (uint32_t x = 0; x < f->width; x++) {
            size_t at = y * f->dst_stride + x * 4;

            if (memcmp(f->dst + at, f->before + at, 4)) {
                pixman_region32_union_rect(
                    region, region,
                    x / DAMAGE_TILE_WIDTH * DAMAGE_TILE_WIDTH,
                    y / DAMAGE_TILE_HEIGHT * DAMAGE_TILE_HEIGHT,
                    DAMAGE_TILE_WIDTH, DAMAGE_TILE_HEIGHT);
            }
        }
    }
    pixman_region32_init_rect(&frame, 0, 0, f->width, f->height);
    pixman_region32_intersect(region, region, &frame);
    pixman_region32_fini(&frame);
}

/* The rectangles as a region; returns how many, which do not overlap. */
static size_t map_region(DamageMap *map, pixman_region32_t *region)
{
    size_t n;
    const pixman_box32_t *boxes = damage_map_boxes(map, &n);

    for (size_t i = 0; i < n; i++) {
        uint32_t width = boxes[i].x2 - boxes[i].x1;
        uint32_t height = boxes[i].y2 - boxes[i].y1;

        g_assert_cmpint(pixman_region32_contains_rectangle(
                            region, (pixman_box32_t *)&boxes[i]),
                        ==, PIXMAN_REGION_OUT);
        pixman_region32_union_rect(region, region, boxes[i].x1, boxes[i].y1,
                                   width, height);
    }
    return n;
}

static void assert_damage_is_reference(const Frame *f)
{
    pixman_region32_t damage, reference;

    pixman_region32_init(&damage);
    pixman_region32_init(&reference);
    map_region(f->map, &damage);
    reference_region(f, &reference);
    g_assert_true(pixman_region32_equal(&damage, &reference));
    g_assert_cmpint(damage_map_is_empty(f->map), ==,
                    !pixman_region32_not_empty(&reference));
    pixman_region32_fini(&damage);
    pixman_region32_fini(&reference);
}

/* Rows [y, y + rows) are the source's, all else is as it was. */
static void assert_copied(const Frame *f, uint32_t y, uint32_t rows)
{
    for (uint32_t i = 0; i < f->height; i++) {
        const uint8_t *dst = f->dst + i * f->dst_stride;
        const uint8_t *want = i >= y && i - y < rows ?
            f->src + i * f->src_stride : f->before + i * f->dst_stride;

        g_assert_cmpmem(dst, f->width * 4, want, f->width * 4);
        for (size_t at = f->width * 4; at < f->dst_stride; at++) {
            g_assert_cmphex(dst[at], ==, PADDING);
        }
    }
}

static void random_round(Frame *f)
{
    uint32_t y = g_test_rand_int_range(0, f->height + 1);
    uint32_t rows = g_test_rand_int_range(0, f->height - y + 1);

    if (g_test_rand_bit()) {
        y = 0;
        rows = f->height;
    }
    for (int i = g_test_rand_int_range(0, 12); i > 0; i--) {
        frame_edit(f, g_test_rand_int_range(0, f->width),
                   g_test_rand_int_range(0, f->height));
    }
    memcpy(f->before, f->dst, f->dst_stride * f->height);
    damage_map_clear(f->map);
    frame_copy(f, y, rows);
    assert_copied(f, y, rows);
    assert_damage_is_reference(f);
}

static void test_random(void)
{
    for (int i = 0; i < 60; i++) {
        Frame f;

        frame_init(&f, g_test_rand_int_range(1, 400),
                   g_test_rand_int_range(1, 120));
        /* enough for most rows to be hashed */
        for (int round = 0; round < 40; round++) {
            random_round(&f);
        }
        frame_finish(&f);
    }
}

/* More copies of what stays the same than it takes to hash it. */
static void settle(Frame *f)
{
    for (int i = 0; i < 20; i++) {
        frame_copy(f, 0, f->height);
    }
    damage_map_clear(f->map);
}

static void assert_copies(Frame *f)
{
    damage_map_clear(f->map);
    frame_copy(f, 0, f->height);
    assert_copied(f, 0, f->height);
}

/* What comes back as it was once is another change. */
static void test_there_and_back(void)
{
    Frame f;

    frame_init(&f, 300, 40);
    settle(&f);
    for (uint32_t y = 0; y < f.height; y++) {
        uint8_t *pixel = f.src + y * f.src_stride + 4 * (7 * y);

        *pixel ^= 1;
        assert_copies(&f);
        *pixel ^= 1;
        assert_copies(&f);
    }
    frame_finish(&f);
}

/* The same if only a part of the row was copied in between. */
static void test_there_and_back_in_part(void)
{
    const pixman_box32_t part = {
        DAMAGE_TILE_WIDTH, 0, 2 * DAMAGE_TILE_WIDTH, 1
    };
    Frame f;

    frame_init(&f, 3 * DAMAGE_TILE_WIDTH, 1);
    settle(&f);
    f.src[4 * DAMAGE_TILE_WIDTH] ^= 1;
    damage_map_copy(f.map, f.dst, f.dst_stride, f.src, f.src_stride, &part);
    assert_copied(&f, 0, 1);
    f.src[4 * DAMAGE_TILE_WIDTH] ^= 1;
    assert_copies(&f);
    frame_finish(&f);
}

/* Somebody else has written to the destination. */
static void test_forget(void)
{
    Frame f;

    frame_init(&f, 300, 40);
    settle(&f);
    f.dst[5 * f.dst_stride] ^= 1;
    damage_map_forget(f.map);
    g_assert_true(damage_map_is_empty(f.map));
    g_assert_true(damage_map_row_differs(f.map, 5, f.dst + 5 * f.dst_stride,
                                         f.src + 5 * f.src_stride));
    assert_copies(&f);
    g_assert_false(damage_map_is_empty(f.map));
    frame_finish(&f);
}

static void test_row_differs(void)
{
    Frame f;

    frame_init(&f, 300, 40);
    for (int i = 0; i < 2; i++) {
        for (uint32_t y = 0; y < f.height; y++) {
            const uint8_t *dst = f.dst + y * f.dst_stride;
            uint8_t *src = f.src + y * f.src_stride;

            g_assert_false(damage_map_row_differs(f.map, y, dst, src));
            src[299 * 4] ^= 1;
            g_assert_true(damage_map_row_differs(f.map, y, dst, src));
            src[299 * 4] ^= 1;
        }
        g_assert_true(damage_map_is_empty(f.map));
        settle(&f);
    }
    frame_finish(&f);
}

#ifdef CONFIG_XXHASH
/* What has been still for a while costs no look at the destination. */
static void test_still_reads_source_only(void)
{
    const size_t size = 65536;
    Frame f;

    frame_init(&f, 64, 256);
    g_free(f.dst);
    f.dst_stride = f.width * 4;
    f.dst = mmap(NULL, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(f.dst != MAP_FAILED);
    settle(&f);
    g_assert_cmpint(mprotect(f.dst, size, PROT_NONE), ==, 0);
    frame_copy(&f, 0, f.height);
    g_assert_false(damage_map_row_differs(f.map, 9, f.dst + 9 * f.dst_stride,
                                          f.src + 9 * f.src_stride));
    g_assert_true(damage_map_is_empty(f.map));
    munmap(f.dst, size);
    f.dst = NULL;
    frame_finish(&f);
}
#endif

/* Damage of several copies adds up until it is cleared. */
static void test_accumulates(void)
{
    Frame f;

    frame_init(&f, 300, 100);
    frame_edit(&f, 299, 99);
    frame_copy(&f, 0, 100);
    frame_edit(&f, 0, 0);
    frame_copy(&f, 0, 100);
    frame_copy(&f, 0, 100);
    assert_damage_is_reference(&f);
    damage_map_clear(f.map);
    g_assert_true(damage_map_is_empty(f.map));
    frame_copy(&f, 0, 100);
    g_assert_true(damage_map_is_empty(f.map));
    frame_finish(&f);
}

typedef struct ShapeCase {
    const char *name;
    uint32_t width;
    uint32_t height;
    pixman_box32_t edit;        /* pixels that change */
    pixman_box32_t extents;     /* of the damage */
    int rects;
    const char *why;
} ShapeCase;

static const ShapeCase shapes[] = {
    { "pixel", 256, 64, { 70, 20, 71, 21 }, { 64, 16, 128, 32 }, 1,
      "the tile round it" },
    { "corner", 100, 50, { 99, 49, 100, 50 }, { 64, 48, 100, 50 }, 1,
      "cut at the frame's right and bottom edge" },
    { "right-edge", 65, 16, { 64, 0, 65, 1 }, { 64, 0, 65, 16 }, 1,
      "a tile one pixel wide" },
    { "bottom-edge", 64, 17, { 0, 16, 1, 17 }, { 0, 16, 64, 17 }, 1,
      "a tile one row high" },
    { "tiny", 1, 1, { 0, 0, 1, 1 }, { 0, 0, 1, 1 }, 1, "smaller than a tile" },
    { "row", 1920, 1080, { 0, 500, 1920, 501 }, { 0, 496, 1920, 512 }, 1,
      "a run is one rectangle" },
    { "column", 1920, 1080, { 100, 0, 101, 1080 }, { 64, 0, 128, 1080 }, 1,
      "lines with the same runs are one rectangle" },
    { "window", 1920, 1080, { 100, 100, 900, 700 }, { 64, 96, 960, 704 }, 1,
      "as both" },
    { "all", 1920, 1080, { 0, 0, 1920, 1080 }, { 0, 0, 1920, 1080 }, 1,
      "a whole frame is one rectangle" },
};

static void test_shape(const void *opaque)
{
    const ShapeCase *c = opaque;
    pixman_region32_t damage;
    pixman_box32_t *extents;
    Frame f;

    g_test_message("%s", c->why);
    frame_init(&f, c->width, c->height);
    for (int32_t y = c->edit.y1; y < c->edit.y2; y++) {
        for (int32_t x = c->edit.x1; x < c->edit.x2; x++) {
            frame_edit(&f, x, y);
        }
    }
    frame_copy(&f, 0, f.height);
    pixman_region32_init(&damage);
    g_assert_cmpint(map_region(f.map, &damage), ==, c->rects);
    extents = pixman_region32_extents(&damage);
    g_assert_cmpint(extents->x1, ==, c->extents.x1);
    g_assert_cmpint(extents->y1, ==, c->extents.y1);
    g_assert_cmpint(extents->x2, ==, c->extents.x2);
    g_assert_cmpint(extents->y2, ==, c->extents.y2);
    pixman_region32_fini(&damage);
    frame_finish(&f);
}

/* Most rectangles there can be: every other tile, both ways. */
static void test_checkerboard(void)
{
    Frame f;

    frame_init(&f, 7 * DAMAGE_TILE_WIDTH, 5 * DAMAGE_TILE_HEIGHT);
    for (uint32_t y = 0; y < f.height; y += DAMAGE_TILE_HEIGHT) {
        uint32_t x = y / DAMAGE_TILE_HEIGHT % 2 * DAMAGE_TILE_WIDTH;

        for (; x < f.width; x += 2 * DAMAGE_TILE_WIDTH) {
            frame_edit(&f, x, y);
        }
    }
    frame_copy(&f, 0, f.height);
    assert_damage_is_reference(&f);
    frame_finish(&f);
}

static void test_mark_all(void)
{
    DamageMap *map = damage_map_new(1000, 700);
    pixman_region32_t damage;

    g_assert_true(damage_map_is_empty(map));
    damage_map_mark_all(map);
    g_assert_false(damage_map_is_empty(map));
    pixman_region32_init(&damage);
    g_assert_cmpint(map_region(map, &damage), ==, 1);
    g_assert_cmpint(pixman_region32_extents(&damage)->x2, ==, 1000);
    g_assert_cmpint(pixman_region32_extents(&damage)->y2, ==, 700);
    damage_map_clear(map);
    g_assert_true(damage_map_is_empty(map));
    pixman_region32_fini(&damage);
    damage_map_free(map);
    damage_map_free(NULL);
}

/* The largest frame takes a byte for each of its tiles, and few more. */
static void test_largest(void)
{
    DamageMap *map = damage_map_new(16384, 16384);
    const pixman_box32_t *box;
    size_t n;

    damage_map_mark_all(map);
    box = damage_map_boxes(map, &n);
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpint(box->x2, ==, 16384);
    g_assert_cmpint(box->y2, ==, 16384);
    damage_map_free(map);
}

static void copy_all(void *opaque)
{
    Frame *f = opaque;

    frame_copy(f, 0, f->height);
}

/* A copy that is left by a jump has marked all that it had changed. */
static void test_source_vanishes(void)
{
    /* Whole pages on every host: the largest ones in use are of 64 KiB. */
    const size_t page = 65536;
    size_t size;
    uint8_t *mapped;
    Frame f;
    int fd;

    /* Rows of 1 1/4 pages: the last page that stays ends within a row. */
    frame_init(&f, page / 4 + page / 16, 20);
    g_free(f.src);
    f.src_stride = f.width * 4;
    size = f.src_stride * f.height;
    fd = memfd_create("source", MFD_CLOEXEC);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(mapped != MAP_FAILED);
    memset(mapped, 0x11, size);
    g_assert_cmpint(ftruncate(fd, 6 * page), ==, 0);

    f.src = mapped;
    g_assert_false(guarded_read(mapped, size, copy_all, &f));
    assert_damage_is_reference(&f);
    /* Rows 0 to 3 take 5 pages and are whole. */
    for (uint32_t y = 0; y < 4; y++) {
        g_assert_cmpmem(f.dst + y * f.dst_stride, f.src_stride,
                        mapped + y * f.src_stride, f.src_stride);
    }
    munmap(mapped, size);
    close(fd);
    f.src = NULL;
    frame_finish(&f);
}

/* Whichever rectangle is the outermost, and on which side. */
static void test_bound(void)
{
    static const pixman_box32_t boxes[] = {
        { 128, 16, 192, 32 }, { 64, 32, 128, 48 }, { 192, 0, 256, 16 },
        { 128, 32, 192, 64 },
    };
    static const pixman_box32_t bounds[] = {
        { 128, 16, 192, 32 }, { 64, 16, 192, 48 }, { 64, 0, 256, 48 },
        { 64, 0, 256, 64 },
    };

    for (size_t n = 1; n <= ARRAY_SIZE(boxes); n++) {
        pixman_box32_t box = damage_map_bound(boxes, n);

        g_assert_cmpmem(&box, sizeof(box), &bounds[n - 1], sizeof(box));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/damage-map/random", test_random);
    g_test_add_func("/damage-map/there-and-back", test_there_and_back);
    g_test_add_func("/damage-map/there-and-back-in-part",
                    test_there_and_back_in_part);
    g_test_add_func("/damage-map/forget", test_forget);
    g_test_add_func("/damage-map/row-differs", test_row_differs);
#ifdef CONFIG_XXHASH
    g_test_add_func("/damage-map/still-reads-source-only",
                    test_still_reads_source_only);
#endif
    g_test_add_func("/damage-map/accumulates", test_accumulates);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/damage-map/shape/%s",
                                                shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_shape);
    }
    g_test_add_func("/damage-map/checkerboard", test_checkerboard);
    g_test_add_func("/damage-map/bound", test_bound);
    g_test_add_func("/damage-map/mark-all", test_mark_all);
    g_test_add_func("/damage-map/largest", test_largest);
    g_test_add_func("/damage-map/source-vanishes", test_source_vanishes);
    return g_test_run();
}
