/*
 * What differs from the frame before
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/frame-shadow.h"

#define WIDTH 300
#define HEIGHT 100
#define ROW 310

static uint32_t pixels[HEIGHT][ROW], copy[HEIGHT][WIDTH];
static pixman_box32_t boxes[FRAME_SHADOW_BOXES];
static unsigned n;

static UIPixels frame(void)
{
    return (UIPixels) {
        (const uint8_t *)pixels, ROW * 4, 1, WIDTH, HEIGHT
    };
}

static bool update(FrameShadow *shadow)
{
    UIPixels f = frame();

    return frame_shadow_update(shadow, &f, boxes, &n);
}

static void fill(int x, int y, int width, int height)
{
    for (int i = 0; i < height; i++) {
        for (int j = 0; j < width; j++) {
            pixels[y + i][x + j] = g_test_rand_int();
        }
    }
}

static void test_first(void)
{
    g_autoptr(FrameShadow) shadow = frame_shadow_new();

    fill(0, 0, WIDTH, HEIGHT);
    g_assert_false(update(shadow));
    g_assert_true(update(shadow));
    g_assert_cmpuint(n, ==, 0);
    /* what lies between the rows is none of the picture */
    pixels[5][WIDTH] ^= 1;
    g_assert_true(update(shadow));
    g_assert_cmpuint(n, ==, 0);

    frame_shadow_forget(shadow);
    g_assert_false(update(shadow));
    g_assert_true(update(shadow));
}

static void test_others(void)
{
    g_autoptr(FrameShadow) shadow = frame_shadow_new();
    UIPixels f = frame();

    g_assert_false(frame_shadow_update(shadow, &f, boxes, &n));
    f.fourcc = 2;
    g_assert_false(frame_shadow_update(shadow, &f, boxes, &n));
    f.width--;
    g_assert_false(frame_shadow_update(shadow, &f, boxes, &n));
    f.height--;
    g_assert_false(frame_shadow_update(shadow, &f, boxes, &n));
    g_assert_true(frame_shadow_update(shadow, &f, boxes, &n));
}

/* Whatever is drawn lies in the rectangles, and the next one is like it. */
static void test_random(void)
{
    g_autoptr(FrameShadow) shadow = frame_shadow_new();

    update(shadow);
    for (int y = 0; y < HEIGHT; y++) {
        memcpy(copy[y], pixels[y], WIDTH * 4);
    }
    for (int turn = 0; turn < 2000; turn++) {
        for (int i = g_test_rand_int_range(0, 12); i > 0; i--) {
            fill(g_test_rand_int_range(0, WIDTH - 8),
                 g_test_rand_int_range(0, HEIGHT - 3), 8, 3);
        }
        if (!update(shadow)) {
            n = 1;
            boxes[0] = (pixman_box32_t) { 0, 0, WIDTH, HEIGHT };
        }
        g_assert_cmpuint(n, <=, FRAME_SHADOW_BOXES);
        for (unsigned i = 0; i < n; i++) {
            for (int y = boxes[i].y1; y < boxes[i].y2; y++) {
                memcpy(&copy[y][boxes[i].x1], &pixels[y][boxes[i].x1],
                       (boxes[i].x2 - boxes[i].x1) * 4);
            }
        }
        for (int y = 0; y < HEIGHT; y++) {
            g_assert_cmpmem(copy[y], WIDTH * 4, pixels[y], WIDTH * 4);
        }
    }
}

static void expect_box(int x1, int y1, int x2, int y2)
{
    g_assert_cmpint(boxes[0].x1, ==, x1);
    g_assert_cmpint(boxes[0].y1, ==, y1);
    g_assert_cmpint(boxes[0].x2, ==, x2);
    g_assert_cmpint(boxes[0].y2, ==, y2);
}

/* So many as there is room for, and one around all of one more. */
static void test_boxes(void)
{
    g_autoptr(FrameShadow) shadow = frame_shadow_new();
    /* a frame that is high enough for that */
    static uint32_t tall[640][320];
    UIPixels f = {
        (const uint8_t *)tall, sizeof(tall[0]), 1, 320, 640
    };

    g_assert_false(frame_shadow_update(shadow, &f, boxes, &n));
    for (int more = 0; more < 2; more++) {
        for (int i = 0; i < FRAME_SHADOW_BOXES + more; i++) {
            tall[48 + i / 2 * 32][64 + i % 2 * 128]++;
        }
        g_assert_true(frame_shadow_update(shadow, &f, boxes, &n));
        g_assert_cmpuint(n, ==, more ? 1 : FRAME_SHADOW_BOXES);
    }
    expect_box(64, 48, 256, 48 + FRAME_SHADOW_BOXES / 2 * 32 + 16);
    /* which box comes first or last makes no difference */
    for (int i = 0; i < FRAME_SHADOW_BOXES + 1; i++) {
        tall[592 - i / 2 * 32][64 + i % 2 * 128]++;
    }
    tall[48 + 16][0]++;
    g_assert_true(frame_shadow_update(shadow, &f, boxes, &n));
    g_assert_cmpuint(n, ==, 1);
    expect_box(0, 64, 256, 592 + 16 - 592 % 16);
}

/* Three quarters of a frame are no film, whatever differed before. */
static void test_nearly_film(void)
{
    g_autoptr(FrameShadow) shadow = frame_shadow_new();
    static uint32_t frame_of[64][256];
    UIPixels f = {
        (const uint8_t *)frame_of, sizeof(frame_of[0]), 1, 256, 64
    };

    g_assert_false(frame_shadow_update(shadow, &f, boxes, &n));
    for (int turn = 0; turn < 2; turn++) {
        /* two boxes first, of which the map may still know */
        for (int y = 0; y < 64; y += 16) {
            frame_of[y][turn ? 64 : 0]++;
            frame_of[y][128]++;
            if (turn) {
                frame_of[y][192]++;
            }
        }
        g_assert_true(frame_shadow_update(shadow, &f, boxes, &n));
        g_assert_cmpuint(n, ==, turn ? 1 : 2);
    }
    expect_box(64, 0, 256, 64);
    for (int y = 0; y < 64; y += 16) {
        for (int x = 64; x < 256; x += 64) {
            frame_of[y][x]++;
        }
    }
    frame_of[16][0]++;
    g_assert_false(frame_shadow_update(shadow, &f, boxes, &n));
}

/* Nearly all differs: no more looks for a while, and then again. */
static void test_film(void)
{
    g_autoptr(FrameShadow) shadow = frame_shadow_new();

    fill(0, 0, WIDTH, HEIGHT);
    g_assert_false(update(shadow));
    fill(0, 0, WIDTH, HEIGHT);
    for (unsigned i = 0; i < FRAME_SHADOW_REST + 2; i++) {
        g_assert_false(update(shadow));
    }
    g_assert_true(update(shadow));
    g_assert_cmpuint(n, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame-shadow/first", test_first);
    g_test_add_func("/frame-shadow/others", test_others);
    g_test_add_func("/frame-shadow/random", test_random);
    g_test_add_func("/frame-shadow/boxes", test_boxes);
    g_test_add_func("/frame-shadow/nearly-film", test_nearly_film);
    g_test_add_func("/frame-shadow/film", test_film);
    return g_test_run();
}
