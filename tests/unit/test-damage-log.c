/*
 * What is still to be read of a frame, while reads are on their way
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/damage-log.h"
#include "ui/damage-map.h"

static pixman_box32_t box(int x, int y, int width, int height)
{
    return (pixman_box32_t) { x, y, x + width, y + height };
}

static void add(DamageLog *log, int x, int y, int width, int height)
{
    pixman_box32_t b = box(x, y, width, height);

    damage_log_add(log, &b);
}

static void expect(DamageLog *log, int x1, int y1, int x2, int y2)
{
    size_t n;
    const pixman_box32_t *got = damage_log_boxes(log, 1000, 700, &n);

    g_assert_nonnull(got);
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpint(got->x1, ==, x1);
    g_assert_cmpint(got->y1, ==, y1);
    g_assert_cmpint(got->x2, ==, x2);
    g_assert_cmpint(got->y2, ==, y2);
}

static void expect_none(DamageLog *log)
{
    size_t n;

    g_assert_nonnull(damage_log_boxes(log, 1000, 700, &n));
    g_assert_cmpuint(n, ==, 0);
}

static void expect_all(DamageLog *log)
{
    size_t n;

    g_assert_null(damage_log_boxes(log, 1000, 700, &n));
}

/* A log of which all was shown. */
static DamageLog *shown_log(void)
{
    DamageLog *log = damage_log_new();

    damage_log_submitted(log, 1);
    damage_log_completed(log, 1);
    return log;
}

static void test_first(void)
{
    g_autoptr(DamageLog) log = damage_log_new();

    g_assert_true(damage_log_has_pending(log));
    g_assert_false(damage_log_is_empty(log));
    expect_all(log);
    damage_log_submitted(log, 1);
    g_assert_false(damage_log_has_pending(log));
    g_assert_false(damage_log_is_empty(log));
    damage_log_completed(log, 1);
    g_assert_true(damage_log_is_empty(log));
    expect_none(log);
}

/* Whole tiles in width, as it is in height, and nothing outside the frame. */
static void test_tiles(void)
{
    static const struct {
        int x, y, width, height;
        pixman_box32_t want;
    } cases[] = {
        { 0, 0, 1, 1, { 0, 0, 64, 1 } },
        { 63, 5, 2, 3, { 0, 5, 128, 8 } },
        { 64, 699, 64, 1, { 64, 699, 128, 700 } },
        { 990, 600, 100, 200, { 960, 600, 1000, 700 } },
        { -5, -5, 10, 10, { 0, 0, 64, 5 } },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(DamageLog) log = shown_log();
        const pixman_box32_t *want = &cases[i].want;

        add(log, cases[i].x, cases[i].y, cases[i].width, cases[i].height);
        expect(log, want->x1, want->y1, want->x2, want->y2);
    }
}

static void test_nothing(void)
{
    g_autoptr(DamageLog) log = shown_log();

    add(log, 10, 10, 0, 10);
    add(log, 10, 10, 10, 0);
    g_assert_false(damage_log_has_pending(log));
    add(log, 1000, 0, 10, 10);
    expect_none(log);
}

/* A read that is overtaken, and one that never comes. */
static void test_dropped(void)
{
    g_autoptr(DamageLog) log = shown_log();

    add(log, 0, 0, 64, 10);
    damage_log_submitted(log, 2);
    add(log, 64, 0, 64, 10);
    expect(log, 0, 0, 128, 10);
    damage_log_submitted(log, 3);
    damage_log_completed(log, 2);
    expect(log, 64, 0, 128, 10);
    add(log, 128, 0, 64, 10);
    damage_log_submitted(log, 7);
    damage_log_completed(log, 7);
    g_assert_true(damage_log_is_empty(log));

    add(log, 0, 0, 64, 10);
    for (unsigned number = 8; number < 50; number++) {
        damage_log_submitted(log, number);
    }
    expect(log, 0, 0, 64, 10);
    damage_log_completed(log, 49);
    g_assert_true(damage_log_is_empty(log));
}

static void test_all(void)
{
    g_autoptr(DamageLog) log = shown_log();

    add(log, 0, 0, 64, 10);
    damage_log_submitted(log, 2);
    damage_log_add_all(log);
    damage_log_submitted(log, 3);
    add(log, 0, 0, 64, 10);
    damage_log_submitted(log, 4);
    damage_log_completed(log, 2);
    expect_all(log);
    damage_log_completed(log, 3);
    expect(log, 0, 0, 64, 10);
    damage_log_completed(log, 4);
    g_assert_true(damage_log_is_empty(log));
}

static bool covers(const pixman_box32_t *boxes, size_t n, int x, int y)
{
    for (size_t i = 0; i < n; i++) {
        if (x >= boxes[i].x1 && x < boxes[i].x2 &&
            y >= boxes[i].y1 && y < boxes[i].y2) {
            return true;
        }
    }
    return false;
}

/* More rectangles than there is room for become fewer, and none is lost. */
static void test_many(void)
{
    g_autoptr(DamageLog) log = shown_log();

    for (int i = 0; i < 350; i++) {
        const pixman_box32_t *boxes;
        size_t n;

        add(log, (i % 2) * 500, i * 2, 1, 1);
        boxes = damage_log_boxes(log, 1000, 700, &n);
        g_assert_cmpuint(n, <=, DAMAGE_LOG_BOXES);
        for (int j = 0; j <= i; j++) {
            g_assert_true(covers(boxes, n, (j % 2) * 500, j * 2));
        }
    }
}

/* The last that are kept apart, and one around all of one more. */
static void test_just_too_many(void)
{
    g_autoptr(DamageLog) log = shown_log();
    size_t n;

    for (int i = 0; i < DAMAGE_LOG_BOXES; i++) {
        add(log, 128, 100 + i * 3, 1, 1);
    }
    damage_log_boxes(log, 1000, 700, &n);
    g_assert_cmpuint(n, ==, DAMAGE_LOG_BOXES);
    add(log, 320, 500, 1, 1);
    expect(log, 128, 100, 384, 501);
}

/* Each read that is on its way has what was asked for with it, and no more. */
static void test_several(void)
{
    DamageLog *log = shown_log();
    size_t n;

    for (unsigned number = 2; number < 5; number++) {
        for (int i = 0; i < 2; i++) {
            add(log, 640, number * 100 + i * 30, 1, 1);
        }
        damage_log_submitted(log, number);
    }
    damage_log_boxes(log, 1000, 700, &n);
    g_assert_cmpuint(n, ==, 6);
    damage_log_completed(log, 3);
    for (int i = 0; i < DAMAGE_LOG_BOXES; i++) {
        add(log, 640, 500 + i * 3, 1, 1);
    }
    expect(log, 640, 400, 704, 546);
    /* with two reads on their way */
    damage_log_submitted(log, 5);
    damage_log_free(log);
}

/* An empty place takes part in nothing: as many as fit stay apart. */
static void test_second_full(void)
{
    g_autoptr(DamageLog) log = shown_log();
    size_t n;

    add(log, 640, 400, 1, 1);
    damage_log_submitted(log, 2);
    for (int i = 0; i < DAMAGE_LOG_BOXES; i++) {
        add(log, 640, 500 + i * 3, 1, 1);
    }
    damage_log_submitted(log, 3);
    damage_log_completed(log, 2);
    damage_log_boxes(log, 1000, 700, &n);
    g_assert_cmpuint(n, ==, DAMAGE_LOG_BOXES);
}

/* --- Against a screen that is drawn into at random ---------------------- */

#define WIDTH 300
#define HEIGHT 90
#define TURNS 20000

typedef struct Read {
    uint64_t number; /* 0: free */
    uint8_t pixels[HEIGHT][WIDTH];
    bool all;
    size_t n;
    pixman_box32_t boxes[DAMAGE_LOG_BOXES];
} Read;

static uint8_t screen[HEIGHT][WIDTH], mirror[HEIGHT][WIDTH];

static void draw(DamageLog *log)
{
    int x = g_test_rand_int_range(0, WIDTH);
    int y = g_test_rand_int_range(0, HEIGHT);
    int width = g_test_rand_int_range(1, WIDTH - x + 1);
    int height = g_test_rand_int_range(1, HEIGHT - y + 1);

    for (int i = 0; i < height; i++) {
        memset(&screen[y + i][x], g_test_rand_int_range(0, 256), width);
    }
    add(log, x, y, width, height);
}

/* Pixels that were not asked for are whatever they are. */
static void begin_read(DamageLog *log, Read *read, uint64_t number)
{
    const pixman_box32_t *boxes = damage_log_boxes(log, WIDTH, HEIGHT,
                                                   &read->n);

    memset(read->pixels, 0xee, sizeof(read->pixels));
    read->number = number;
    read->all = !boxes;
    if (!boxes) {
        read->n = 1;
        read->boxes[0] = box(0, 0, WIDTH, HEIGHT);
    } else if (read->n) {
        memcpy(read->boxes, boxes, read->n * sizeof(*boxes));
    }
    for (size_t i = 0; i < read->n; i++) {
        const pixman_box32_t *b = &read->boxes[i];

        for (int y = b->y1; y < b->y2; y++) {
            memcpy(&read->pixels[y][b->x1], &screen[y][b->x1],
                   b->x2 - b->x1);
        }
    }
    damage_log_submitted(log, number);
}

static void show_read(DamageLog *log, Read *read)
{
    for (size_t i = 0; i < read->n; i++) {
        const pixman_box32_t *b = &read->boxes[i];

        for (int y = b->y1; y < b->y2; y++) {
            memcpy(&mirror[y][b->x1], &read->pixels[y][b->x1],
                   b->x2 - b->x1);
        }
    }
    damage_log_completed(log, read->number);
}

static int oldest(const Read *reads, unsigned n)
{
    int found = -1;

    for (unsigned i = 0; i < n; i++) {
        if (reads[i].number &&
            (found < 0 || reads[i].number < reads[found].number)) {
            found = i;
        }
    }
    return found;
}

/* Nothing is lost, whichever reads are dropped. */
static void test_random(void)
{
    g_autoptr(DamageLog) log = damage_log_new();
    g_autofree Read *reads = g_new0(Read, 3);
    uint64_t number = 0;
    unsigned whole = 0, dropped = 0, matched = 0;

    for (unsigned turn = 0; turn < TURNS; turn++) {
        Read *read = &reads[g_test_rand_int_range(0, 3)];
        int next = oldest(reads, 3);

        if (g_test_rand_int_range(0, 3) == 0) {
            draw(log);
        }
        if (!read->number && damage_log_has_pending(log)) {
            begin_read(log, read, ++number);
            whole += read->all;
        }
        if (next >= 0 && g_test_rand_int_range(0, 3) == 0) {
            /* one in four is dropped, but not the last one of all */
            if (g_test_rand_int_range(0, 4) || reads[next].number == number) {
                show_read(log, &reads[next]);
            } else {
                dropped += reads[next].all;
            }
            reads[next].number = 0;
        }
        if (damage_log_is_empty(log)) {
            g_assert_cmpmem(screen, sizeof(screen), mirror, sizeof(mirror));
            matched++;
        }
    }
    g_assert_cmpuint(matched, >, 0);
    /*
     * The first, and those requested while that is on its way: as many as there
     * are reads at a time. The same again for each of these that is dropped.
     */
    g_assert_cmpuint(whole, <=, 3 * (1 + dropped));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/damage-log/first", test_first);
    g_test_add_func("/damage-log/tiles", test_tiles);
    g_test_add_func("/damage-log/nothing", test_nothing);
    g_test_add_func("/damage-log/dropped", test_dropped);
    g_test_add_func("/damage-log/all", test_all);
    g_test_add_func("/damage-log/many", test_many);
    g_test_add_func("/damage-log/just-too-many", test_just_too_many);
    g_test_add_func("/damage-log/several", test_several);
    g_test_add_func("/damage-log/second-full", test_second_full);
    g_test_add_func("/damage-log/random", test_random);
    return g_test_run();
}
