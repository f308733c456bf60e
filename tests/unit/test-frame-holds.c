/*
 * Which frames of a console viewers still read
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/frame-holds.h"

#define MS 1000000ll
#define VIEWERS 2

typedef enum Action {
    END,
    HAND,  /* a frame, which the viewers in the mask keep */
    DONE,  /* the viewer has done with the frames up to @frame */
    DROP,  /* and it did not show them */
    LEAVE, /* the viewer goes */
    TICK,  /* the timer looks at the deadline */
} Action;

/* At @ms @action happens; then the frames up to @consumed are. */
typedef struct Step {
    int ms;
    Action action;
    unsigned viewer;
    uint64_t frame;
    uint64_t consumed;
} Step;

typedef struct Case {
    const char *name;
    Step steps[20];
    uint64_t held;
    uint64_t given_up;
    int longest_ms;
} Case;

#define A 1
#define B 2
#define BOTH (A | B)

static const Case cases[] = {
    { "nobody-keeps-it", {
        { 0, HAND, 0, 1, 1 }, { 16, HAND, 0, 2, 2 } }, 0, 0, 0 },
    { "until-it-is-shown", {
        { 0, HAND, A, 1, 0 }, { 9, TICK, 0, 0, 0 }, { 10, DONE, A, 1, 1 },
        { 16, HAND, A, 2, 1 }, { 18, DONE, A, 2, 2 } }, 2, 0, 10 },
    { "the-slower-of-two", {
        { 0, HAND, BOTH, 1, 0 }, { 5, DONE, B, 1, 0 }, { 9, DONE, A, 1, 1 }
        }, 1, 0, 9 },
    /* one draws at once, the other later */
    { "one-of-two-keeps-it", {
        { 0, HAND, B, 1, 0 }, { 20, DONE, B, 1, 1 } }, 1, 0, 20 },
    { "no-longer-than-the-bound", {
        { 0, HAND, A, 1, 0 }, { 39, TICK, 0, 0, 0 }, { 40, TICK, 0, 0, 1 },
        { 60, DONE, A, 1, 1 } }, 1, 1, 40 },
    /* a viewer that stops costs three times the bound */
    { "three-misses", {
        { 0, HAND, A, 1, 0 }, { 40, TICK, 0, 0, 1 },
        { 50, HAND, A, 2, 1 }, { 90, TICK, 0, 0, 2 },
        { 100, HAND, A, 3, 2 }, { 140, TICK, 0, 0, 3 },
        { 150, HAND, A, 4, 4 }, { 160, HAND, A, 5, 5 } }, 3, 3, 40 },
    { "others-are-waited-for", {
        { 0, HAND, A, 1, 0 }, { 40, TICK, 0, 0, 1 },
        { 50, HAND, A, 2, 1 }, { 90, TICK, 0, 0, 2 },
        { 100, HAND, A, 3, 2 }, { 140, TICK, 0, 0, 3 },
        { 150, HAND, BOTH, 4, 3 }, { 160, DONE, B, 4, 4 } }, 4, 3, 40 },
    /* it goes on, and is as fast as before */
    { "back-with-an-answer-in-time", {
        { 0, HAND, A, 1, 0 }, { 40, TICK, 0, 0, 1 },
        { 50, HAND, A, 2, 1 }, { 90, TICK, 0, 0, 2 },
        { 100, HAND, A, 3, 2 }, { 140, TICK, 0, 0, 3 },
        { 150, HAND, A, 4, 4 }, { 155, DONE, A, 4, 4 },
        { 160, HAND, A, 5, 5 }, { 165, DONE, A, 5, 5 },
        { 170, HAND, A, 6, 5 }, { 180, DONE, A, 6, 6 } }, 4, 3, 40 },
    /* as a hidden window does when the guest flips */
    { "not-back-with-what-it-drops", {
        { 0, HAND, A, 1, 0 }, { 40, TICK, 0, 0, 1 },
        { 50, HAND, A, 2, 1 }, { 90, TICK, 0, 0, 2 },
        { 100, HAND, A, 3, 2 }, { 140, TICK, 0, 0, 3 },
        { 150, HAND, A, 4, 4 }, { 155, DROP, A, 4, 4 },
        { 160, HAND, A, 5, 5 }, { 165, DROP, A, 5, 5 },
        { 170, HAND, A, 6, 6 }, { 180, DROP, A, 6, 6 } }, 3, 3, 40 },
    { "not-back-with-a-late-one", {
        { 0, HAND, A, 1, 0 }, { 40, TICK, 0, 0, 1 },
        { 50, HAND, A, 2, 1 }, { 90, TICK, 0, 0, 2 },
        { 100, HAND, A, 3, 2 }, { 140, TICK, 0, 0, 3 },
        { 150, HAND, A, 4, 4 }, { 160, DONE, A, 3, 4 },
        { 170, HAND, A, 5, 5 } }, 3, 3, 40 },
    { "two-misses-are-forgiven", {
        { 0, HAND, A, 1, 0 }, { 40, TICK, 0, 0, 1 },
        { 50, HAND, A, 2, 1 }, { 90, TICK, 0, 0, 2 },
        { 100, HAND, A, 3, 2 }, { 110, DONE, A, 2, 2 }, { 115, DONE, A, 3, 3 },
        { 150, HAND, A, 4, 3 }, { 190, TICK, 0, 0, 4 },
        { 200, HAND, A, 5, 4 }, { 240, TICK, 0, 0, 5 },
        { 250, HAND, A, 6, 5 } }, 5, 4, 40 },
    /* several frames at a time: each has its own deadline */
    { "two-in-flight", {
        { 0, HAND, A, 1, 0 }, { 16, HAND, A, 2, 0 }, { 20, DONE, A, 1, 1 },
        { 41, TICK, 0, 0, 1 }, { 56, TICK, 0, 0, 2 } }, 2, 1, 40 },
    { "the-newest-answers-for-all", {
        { 0, HAND, A, 1, 0 }, { 16, HAND, A, 2, 0 }, { 20, HAND, A, 3, 0 },
        { 30, DONE, A, 3, 3 } }, 3, 0, 30 },
    { "more-than-are-counted", {
        { 0, HAND, A, 1, 0 }, { 1, HAND, A, 2, 0 }, { 2, HAND, A, 3, 0 },
        { 3, HAND, A, 4, 0 }, { 4, HAND, A, 5, 0 }, { 5, HAND, A, 6, 0 },
        { 6, HAND, A, 7, 0 }, { 7, HAND, A, 8, 0 }, { 8, HAND, A, 9, 1 },
        { 9, DONE, A, 9, 9 } }, 9, 1, 8 },
    { "it-leaves", {
        { 0, HAND, BOTH, 1, 0 }, { 1, LEAVE, A, 0, 0 }, { 2, DONE, B, 1, 1 },
        { 3, HAND, B, 2, 1 }, { 4, LEAVE, B, 0, 2 } }, 2, 0, 2 },
    /* what a viewer says that never was */
    { "done-with-nothing", {
        { 0, DONE, A, 7, 0 }, { 1, HAND, A, 1, 0 }, { 2, DONE, B, 1, 0 },
        { 3, DONE, A, UINT64_MAX, 1 }, { 4, HAND, A, 2, 1 },
        { 5, DONE, A, 1, 1 }, { 6, DONE, A, 2, 2 } }, 2, 0, 2 },
};

static void hand(FrameHolds *holds, FrameViewer *viewers, const Step *step,
                 int64_t now)
{
    uint64_t frame = frame_holds_hand(holds, now);

    g_assert_cmpuint(frame, ==, step->frame);
    for (unsigned i = 0; i < VIEWERS; i++) {
        if (step->viewer & (1u << i)) {
            frame_viewer_keep(&viewers[i], frame);
            g_assert_true(frame_viewer_is_busy(&viewers[i]));
        }
    }
}

static void tick(FrameHolds *holds, FrameViewer *viewers, int64_t now)
{
    if (frame_holds_deadline(holds) <= now) {
        for (unsigned i = 0; i < VIEWERS; i++) {
            frame_viewer_give_up(&viewers[i], holds);
        }
        frame_holds_give_up(holds, now);
    }
}

static void take(FrameHolds *holds, FrameViewer *viewers, const Step *step)
{
    FrameViewer *viewer = &viewers[step->viewer == B];
    uint64_t limit = UINT64_MAX;
    int64_t now = step->ms * MS;

    switch (step->action) {
    case HAND:
        hand(holds, viewers, step, now);
        break;
    case DONE:
        frame_viewer_done(viewer, holds, step->frame, now);
        break;
    case DROP:
        frame_viewer_done(viewer, holds, step->frame, INT64_MAX);
        break;
    case LEAVE:
        *viewer = (FrameViewer) { 0 };
        break;
    default:
        tick(holds, viewers, now);
    }
    for (unsigned i = 0; i < VIEWERS; i++) {
        limit = frame_viewer_limit(&viewers[i], limit);
    }
    frame_holds_consume(holds, limit, now);
}

static void test_case(gconstpointer data)
{
    const Case *c = data;
    FrameViewer viewers[VIEWERS] = {};
    FrameHolds holds = {};

    for (const Step *step = c->steps; step->action != END; step++) {
        g_test_message("at %d ms", step->ms);
        take(&holds, viewers, step);
        g_assert_cmpuint(holds.consumed, ==, step->consumed);
        g_assert_cmpint(frame_holds_deadline(&holds) == INT64_MAX, ==,
                        holds.consumed == holds.handed);
    }
    g_assert_cmpuint(holds.held, ==, c->held);
    g_assert_cmpuint(holds.given_up, ==, c->given_up);
    g_assert_cmpint(holds.longest_ns, ==, c->longest_ms * MS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path =
            g_strdup_printf("/frame-holds/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
