/*
 * Which rectangles of a screen move like a video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/vnc-motion.h"
#include "ui/vnc-motion-clock.h"

#define WIDTH 640
#define HEIGHT 480
#define TICK_MS 16
#define CHUNK 16

/* Pixels that all change, every so many milliseconds. */
typedef struct Change {
    VncMotionRect where;
    int every_ms;
    int from_ms, until_ms;  /* 0: always */
} Change;

typedef struct MotionCase {
    const char *name;
    Change changes[8];
    int at_ms;
    VncMotionRect expected[2];
    const char *why;
} MotionCase;

static const MotionCase cases[] = {
    { "nothing", { { { 0 } } }, 1000, { { 0 } }, "a screen that stands still" },
    { "box", { { { 101, 77, 160, 144 }, 16 } }, 500,
      { { 101, 77, 160, 144 } }, "exactly what moves, wherever it is" },
    { "odd", { { { 101, 77, 161, 145 }, 16 } }, 500,
      { { 101, 77, 160, 144 } }, "encoders want even sizes" },
    { "early", { { { 101, 77, 160, 144 }, 16 } }, 150,
      { { 0 } }, "a window that opens is no video" },
    { "short", { { { 101, 77, 160, 144 }, 16, 0, 150 } }, 400,
      { { 0 } }, "a menu that folds out" },
    { "30-per-second", { { { 0, 0, 320, 240 }, 33 } }, 500,
      { { 0, 0, 320, 240 } }, "the usual video" },
    { "10-per-second", { { { 0, 0, 320, 240 }, 100 } }, 700,
      { { 0, 0, 320, 240 } }, "the slowest that is one" },
    { "5-per-second", { { { 0, 0, 320, 240 }, 200 } }, 3000,
      { { 0 } }, "each of them is worth being exact" },
    { "small", { { { 64, 64, 100, 100 }, 16 } }, 1000,
      { { 0 } }, "an icon costs little as it is" },
    { "narrow", { { { 64, 64, 600, 48 }, 16 } }, 1000,
      { { 0 } }, "a line of text that runs" },
    { "whole-screen", { { { 0, 0, WIDTH, HEIGHT }, 16 } }, 500,
      { { 0, 0, WIDTH, HEIGHT } }, "just the largest rectangle" },
    { "two", { { { 8, 8, 200, 200 }, 16 },
               { { 400, 200, 160, 160 }, 33 } }, 500,
      { { 8, 8, 200, 200 }, { 400, 200, 160, 160 } }, "one for each" },
    { "neighbours", { { { 0, 0, 200, 200 }, 16 },
                      { { 232, 0, 200, 200 }, 16 } }, 500,
      { { 0, 0, 200, 200 }, { 232, 0, 200, 200 } },
      "in tiles side by side, but apart" },
    { "halves", { { { 0, 0, 200, 200 }, 16 },
                  { { 200, 0, 200, 200 }, 33 } }, 1200,
      { { 0, 0, 400, 200 } }, "what touches is one" },
    { "clock", { { { 100, 100, 200, 200 }, 16 },
                 { { 304, 100, 64, 16 }, 500 } }, 3000,
      { { 100, 100, 200, 200 } }, "text beside it that changes now and then" },
    { "stairs", { { { 0, 0, 64, 64 }, 16 },
                  { { 64, 64, 64, 64 }, 16 },
                  { { 128, 128, 64, 64 }, 16 },
                  { { 192, 192, 64, 64 }, 16 } }, 1000,
      { { 0 } }, "most of the rectangle around them stands still" },
    { "still-there", { { { 101, 77, 160, 144 }, 16, 0, 500 } }, 580,
      { { 101, 77, 160, 144 } }, "it may go on" },
    { "slow-still-there", { { { 101, 77, 160, 144 }, 100, 0, 1000 } }, 1040,
      { { 101, 77, 160, 144 } }, "one of 10 frames/s is 28 ms late" },
    { "ended", { { { 101, 77, 160, 144 }, 16, 0, 500 } }, 624,
      { { 0 } }, "the last frame is to be exact soon" },
    { "slow-ended", { { { 101, 77, 160, 144 }, 100, 0, 1000 } }, 1100,
      { { 0 } }, "the last frame is to be exact soon" },
    { "paused", { { { 101, 77, 160, 144 }, 16, 0, 500 },
                  { { 101, 77, 160, 144 }, 16, 580, 1000 } }, 800,
      { { 101, 77, 160, 144 } }, "a frame or two were late" },
    { "grown", { { { 100, 100, 160, 160 }, 16, 0, 1000 },
                 { { 100, 100, 320, 320 }, 16, 1000, 3000 } }, 2000,
      { { 100, 100, 320, 320 } }, "the player was made larger" },
    { "grown-late", { { { 100, 100, 160, 160 }, 16 },
                      { { 98, 100, 2, 160 }, 16, 250, 3000 } }, 600,
      { { 100, 100, 160, 160 } }, "a new shape costs a key frame" },
    { "shrunk", { { { 100, 100, 320, 320 }, 16, 0, 1000 },
                  { { 100, 100, 160, 160 }, 16, 1000, 9000 } }, 4000,
      { { 100, 100, 160, 160 } }, "text around it is exact again" },
    { "not-shrunk", { { { 100, 100, 320, 320 }, 16, 0, 1000 },
                      { { 100, 100, 160, 160 }, 16, 1000, 9000 } }, 1900,
      { { 100, 100, 320, 320 } }, "a quiet second of a film" },
    { "slower", { { { 100, 100, 320, 320 }, 16, 0, 1000 },
                  { { 100, 100, 320, 320 }, 120, 1000, 9000 } }, 4000,
      { { 100, 100, 320, 320 } }, "fewer frames will do to go on" },
};

/* What the server finds in one row of what changed. */
static void note_row(VncMotion *motion, const VncMotionRect *r, int y)
{
    static const uint32_t before[CHUNK];

    for (int x = r->x / CHUNK * CHUNK; x < r->x + r->w; x += CHUNK) {
        uint32_t after[CHUNK] = { 0 };

        for (int i = 0; i < CHUNK; i++) {
            after[i] = x + i >= r->x && x + i < r->x + r->w;
        }
        vnc_motion_note(motion, x, y, CHUNK, before, after);
    }
}

/*
 * As the server reports it: not always where, within a rectangle that is there
 * already.
 */
static void report(VncMotion *motion, const VncMotionRect *r, int now_ms)
{
    bool note = true;

    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        if (vnc_motion_rect_inside(vnc_motion_rect(motion, i), r->x, r->y,
                                   r->w, r->h)) {
            note = vnc_motion_wants_notes(motion, i, now_ms);
            vnc_motion_moved(motion, i, note, now_ms);
        }
    }
    for (int y = r->y; note && y < r->y + r->h; y++) {
        note_row(motion, r, y);
    }
}

static void step(VncMotion *motion, const MotionCase *c, int now_ms)
{
    for (size_t i = 0; i < ARRAY_SIZE(c->changes); i++) {
        const Change *change = &c->changes[i];

        if (change->every_ms && now_ms >= change->from_ms &&
            (!change->until_ms || now_ms < change->until_ms) &&
            now_ms / change->every_ms !=
            (now_ms - TICK_MS) / change->every_ms) {
            report(motion, &change->where, now_ms);
        }
    }
    vnc_motion_update(motion, now_ms);
}

static bool is_there(VncMotion *motion, const VncMotionRect *r)
{
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        const VncMotionRect *found = vnc_motion_rect(motion, i);

        if (found->x == r->x && found->y == r->y && found->w == r->w &&
            found->h == r->h) {
            return true;
        }
    }
    return false;
}

static void test_case(const void *opaque)
{
    const MotionCase *c = opaque;
    VncMotion *motion = vnc_motion_new(WIDTH, HEIGHT);
    int found = 0, expected = 0;

    g_test_message("%s", c->why);
    for (int now_ms = 0; now_ms <= c->at_ms; now_ms += TICK_MS) {
        step(motion, c, now_ms);
    }
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        const VncMotionRect *r = vnc_motion_rect(motion, i);

        if (r->w) {
            g_test_message("%dx%d at %d,%d", r->w, r->h, r->x, r->y);
            found++;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(c->expected); i++) {
        if (c->expected[i].w) {
            g_assert_true(is_there(motion, &c->expected[i]));
            expected++;
        }
    }
    g_assert_cmpint(found, ==, expected);
    vnc_motion_free(motion);
}

/* One that goes on keeps its rectangle all the time: each is a key frame. */
static void test_steady(gconstpointer opaque)
{
    const VncMotionRect box = { 101, 77, 160, 144 };
    int every_ms = GPOINTER_TO_INT(opaque);
    VncMotion *motion = vnc_motion_new(WIDTH, HEIGHT);
    bool begun = false;

    for (int now_ms = 0; now_ms <= 20000; now_ms += TICK_MS) {
        if (now_ms / every_ms != (now_ms - TICK_MS) / every_ms) {
            report(motion, &box, now_ms);
        }
        vnc_motion_update(motion, now_ms);
        g_assert_true(!begun || is_there(motion, &box));
        begun |= is_there(motion, &box);
    }
    g_assert_true(begun);
    vnc_motion_free(motion);
}

/* More than there can be: the largest are taken. */
static void test_many(void)
{
    static const VncMotionRect boxes[] = {
        { 0, 0, 128, 128 }, { 160, 0, 128, 128 }, { 320, 0, 144, 128 },
        { 480, 0, 144, 128 }, { 0, 160, 144, 128 }, { 160, 160, 144, 128 },
    };
    VncMotion *motion = vnc_motion_new(WIDTH, HEIGHT);

    for (int now_ms = 0; now_ms <= 600; now_ms += TICK_MS) {
        for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
            report(motion, &boxes[i], now_ms);
        }
        vnc_motion_update(motion, now_ms);
    }
    g_assert_false(is_there(motion, &boxes[0]));
    g_assert_false(is_there(motion, &boxes[1]));
    for (size_t i = 2; i < ARRAY_SIZE(boxes); i++) {
        g_assert_true(is_there(motion, &boxes[i]));
    }
    vnc_motion_free(motion);
}

/* A dot that runs over the screen leaves nothing that moves behind. */
static void test_dot(void)
{
    VncMotion *motion = vnc_motion_new(WIDTH, HEIGHT);

    for (int now_ms = 0; now_ms <= 3000; now_ms += TICK_MS) {
        VncMotionRect dot = { now_ms / 5 % 600, now_ms / 7 % 440, 24, 24 };

        report(motion, &dot, now_ms);
        vnc_motion_update(motion, now_ms);
        for (int i = 0; i < VNC_MOTION_RECTS; i++) {
            g_assert_cmpint(vnc_motion_rect(motion, i)->w, ==, 0);
        }
    }
    vnc_motion_free(motion);
}

static void test_edges(void)
{
    const VncMotionRect corner = { 97, 33, 129, 129 };
    VncMotion *motion = vnc_motion_new(226, 162);

    g_assert_true(vnc_motion_matches(motion, 226, 162));
    g_assert_false(vnc_motion_matches(motion, 226, 163));
    for (int now_ms = 0; now_ms <= 600; now_ms += TICK_MS) {
        for (int y = corner.y; y < corner.y + corner.h; y++) {
            static const uint32_t before[129];
            uint32_t after[129];

            memset(after, 1, sizeof(after));
            vnc_motion_note(motion, corner.x, y, corner.w, before, after);
        }
        vnc_motion_moved(motion, 0, true, now_ms);
        vnc_motion_update(motion, now_ms);
    }
    g_assert_true(is_there(motion, &(VncMotionRect) { 97, 33, 128, 128 }));
    vnc_motion_free(motion);
}

/* What happens between two looks at the screen. */
typedef struct ClockCase {
    const char *name;
    int passed_ms;      /* since the last look */
    int waited_ms;      /* of these the main loop waited, at least once */
    bool blocked;       /* a refresh came, and found it locked */
    int shows_ms;       /* by so much the clock goes on */
    const char *why;
} ClockCase;

static const ClockCase clock_cases[] = {
    { "refresh", 16, 0, false, 16, "as ever" },
    { "idle", 3000, 0, false, 3000, "it was looked for: nothing moved" },
    { "blocked", 400, 0, true, VNC_MOTION_SLOT_MS, "Tight had the lock" },
    { "blocked-briefly", 20, 0, true, 20, "never more than has passed" },
    { "waited", 400, 390, false, VNC_MOTION_SLOT_MS,
      "a flip waited for Tight, and no refresh came meanwhile" },
    { "waited-briefly", 400, 5, false, 400, "no look was missed by that" },
    { "waited-and-blocked", 400, 5, true, VNC_MOTION_SLOT_MS,
      "either will do" },
};

static void test_clock(gconstpointer opaque)
{
    const ClockCase *c = opaque;
    VncMotionClock clock = { 0 };

    g_test_message("%s", c->why);
    vnc_motion_clock_look(&clock, 1000);
    g_assert_cmpint(clock.ms, ==, 1000);
    vnc_motion_clock_wait(&clock, c->waited_ms);
    vnc_motion_clock_wait(&clock, 0);
    if (c->blocked) {
        vnc_motion_clock_block(&clock);
    }
    vnc_motion_clock_look(&clock, 1000 + c->passed_ms);
    g_assert_cmpint(clock.ms, ==, 1000 + c->shows_ms);

    /* That was that: the next look is one as ever. */
    vnc_motion_clock_look(&clock, 2000 + c->passed_ms);
    g_assert_cmpint(clock.ms, ==, 2000 + c->shows_ms);
}

/*
 * A film of a whole screen, each change of which the client's other encoding
 * takes @opaque milliseconds for, with the screen locked: it is to start, and
 * then to stay.
 */
static void test_slow_encoding(gconstpointer opaque)
{
    const VncMotionRect screen = { 0, 0, WIDTH, HEIGHT };
    int takes_ms = GPOINTER_TO_INT(opaque);
    VncMotion *motion = vnc_motion_new(WIDTH, HEIGHT);
    VncMotionClock clock = { 0 };
    bool begun = false;

    for (int now_ms = 0; now_ms <= 20 * takes_ms; now_ms += takes_ms) {
        vnc_motion_clock_wait(&clock, takes_ms - TICK_MS);
        vnc_motion_clock_look(&clock, now_ms);
        report(motion, &screen, clock.ms);
        vnc_motion_update(motion, clock.ms);
        g_assert_true(!begun || is_there(motion, &screen));
        begun |= is_there(motion, &screen);
    }
    g_assert_true(begun);
    vnc_motion_free(motion);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strdup_printf("/vnc-motion/%s",
                                                cases[i].name);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    for (int every_ms = 16; every_ms <= 100; every_ms += 7) {
        g_autofree char *path = g_strdup_printf("/vnc-motion/steady/%d",
                                                every_ms);

        g_test_add_data_func(path, GINT_TO_POINTER(every_ms), test_steady);
    }
    for (size_t i = 0; i < ARRAY_SIZE(clock_cases); i++) {
        g_autofree char *path = g_strdup_printf("/vnc-motion/clock/%s",
                                                clock_cases[i].name);

        g_test_add_data_func(path, &clock_cases[i], test_clock);
    }
    for (int takes_ms = 100; takes_ms <= 500; takes_ms += 100) {
        g_autofree char *path = g_strdup_printf("/vnc-motion/slow-encoding/%d",
                                                takes_ms);

        g_test_add_data_func(path, GINT_TO_POINTER(takes_ms),
                             test_slow_encoding);
    }
    g_test_add_func("/vnc-motion/many", test_many);
    g_test_add_func("/vnc-motion/dot", test_dot);
    g_test_add_func("/vnc-motion/edges", test_edges);
    return g_test_run();
}
