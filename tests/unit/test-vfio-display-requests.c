/*
 * vGPU display: requests for frames that the driver copies
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/display/vfio-display-requests.h"
#include "ui/refresh-policy.h"

#define MS 1000000ll
#define BEGIN (1000000 * MS)
/* From one refresh to the next. */
#define INTERVAL (16 * MS)

/* --- What happens to one request after the other -------------------------- */

typedef enum Event {
    END,
    SIGNAL,     /* one, outside of a refresh */
    DONE,       /* one, and the page has the last request, with a new frame */
    SAME,       /* the same, and nothing is new */
    TIMER,      /* a time without one, outside of a refresh */
    ANSWER,     /* the page has the last request, with a new frame */
    AS_BEFORE,  /* the page has it, and nothing is new */
    OTHER,      /* the page has another request */
    REFRESH,    /* shows what there is to show */
    DUMP,       /* a refresh, and a screendump waits */
    REFUSE,     /* the driver refuses the last request */
    START,      /* another path was in use */
} Event;

/* Expected: what is done then. */
#define NOTHING 0
#define SUBMITS 1   /* a request */
#define SHOWS 2     /* all of the frame */
#define SHOWS_DAMAGE 4 /* no more than what the answer names */
#define REFRESHES 8 /* the display is to be refreshed */
#define LISTENS 16  /* the next signal wakes QEMU up */
#define GIVES_UP 32
#define DUMPING 64  /* a screendump waits afterwards */

typedef struct Step {
    Event event;
    int at_ms;
    int done;       /* expected */
    int wake_ms;    /* expected outside of a refresh; 0: never */
} Step;

typedef struct Case {
    const char *name;
    const char *why;
    int requests;   /* expected: how many the driver got */
    bool polls;     /* the device does not signal */
    bool unwatched;
    Step step[12];
} Case;

static const Case cases[] = {
    { "frame", "a signal, a request, a signal, a frame", 3, .step = {
        { REFRESH, 0, SUBMITS },
        { DONE, 5, REFRESHES },
        { REFRESH, 6, SHOWS },
        { SIGNAL, 20, SUBMITS | LISTENS, 1020 },
        { DONE, 25, REFRESHES },
        { REFRESH, 26, SHOWS_DAMAGE },
        { REFRESH, 519, NOTHING },
        { REFRESH, 520, SUBMITS },
      } },
    { "as-before", "nothing to show, and nothing more to request", 1, .step = {
        { REFRESH, 0, SUBMITS },
        { ANSWER, 5 },
        { REFRESH, 6, SHOWS },
        { REFRESH, 16, NOTHING },
      } },
    { "still", "no frame is shown for an answer that has none", 2, .step = {
        { REFRESH, 0, SUBMITS },
        { ANSWER, 5 },
        { REFRESH, 6, SHOWS },
        { REFRESH, 600, SUBMITS },
        { SAME, 605, LISTENS },
      } },
    { "early", "at most two requests per frame", 2, .step = {
        { REFRESH, 0, SUBMITS },
        { ANSWER, 1 },
        { REFRESH, 2, SHOWS },
        { SIGNAL, 3, NOTHING, 8 },
        { TIMER, 8, SUBMITS | LISTENS, 1008 },
      } },
    { "coalesced", "the answer is one signal, the other means a change", 2,
      .step = {
        { REFRESH, 0, SUBMITS },
        { SIGNAL, 1, NOTHING, 3 },
        { SIGNAL, 2, NOTHING, 4 },
        { ANSWER, 5 },
        { REFRESH, 6, SHOWS | SUBMITS },
      } },
    { "storm", "signals while the driver works: 500 looks per second", 1,
      .step = {
        { REFRESH, 0, SUBMITS },
        { SIGNAL, 1, NOTHING, 3 },
        { TIMER, 3, LISTENS, 1000 },
        { SIGNAL, 3, NOTHING, 5 },
      } },
    { "polled", "no signal tells of the answer", 2, .polls = true, .step = {
        { REFRESH, 0, SUBMITS },
        { TIMER, 2, LISTENS, 4 },
        { ANSWER, 3 },
        { TIMER, 4, REFRESHES },
        { REFRESH, 16, SHOWS | SUBMITS },
      } },
    { "unwatched", "nobody wants another frame", 1, .unwatched = true,
      .step = {
        { REFRESH, 0, SUBMITS },
        { ANSWER, 5 },
        { REFRESH, 6, SHOWS },
        { SIGNAL, 20, LISTENS },
      } },
    { "late", "the driver is left alone for five seconds", 2, .step = {
        { REFRESH, 0, SUBMITS },
        { TIMER, 999, LISTENS, 1000 },
        { TIMER, 1000, GIVES_UP | REFRESHES },
        { START, 1001 },
        { TIMER, 5999, REFRESHES },
        { REFRESH, 6000, SUBMITS },
      } },
    { "late-answer", "its damage is named by no later answer", 3, .step = {
        { REFRESH, 0, SUBMITS },
        { ANSWER, 5 },
        { REFRESH, 6, SHOWS },
        { REFRESH, 600, SUBMITS },
        { TIMER, 1600, GIVES_UP | REFRESHES },
        { ANSWER, 1700, NOTHING },
        { REFRESH, 6600, SUBMITS },
        { AS_BEFORE, 6605 },
        { REFRESH, 6606, SHOWS },
      } },
    { "refused", "as if it were late", 1, .step = {
        { REFRESH, 0, SUBMITS },
        { REFUSE, 0, GIVES_UP },
        { TIMER, 100, REFRESHES },
      } },
    { "other-number", "the answer to a request before", 1, .step = {
        { REFRESH, 0, SUBMITS },
        { OTHER, 5 },
        { SIGNAL, 5, NOTHING, 7 },
      } },
    { "dump", "it waits for the first frame requested after it", 2, .step = {
        { REFRESH, 0, SUBMITS },
        { DUMP, 1, SUBMITS | DUMPING },
        { TIMER, 3, LISTENS | DUMPING, 5 },
        { OTHER, 4 },
        { TIMER, 5, LISTENS | DUMPING, 7 },
        { ANSWER, 6 },
        { DUMP, 7, SHOWS },
      } },
    { "dump-unwatched", "and leaves no request behind", 1, .unwatched = true,
      .step = {
        { DUMP, 0, SUBMITS | DUMPING },
        { ANSWER, 5 },
        { DUMP, 6, SHOWS },
        { SIGNAL, 7, LISTENS },
      } },
    { "dump-overtakes", "the mirror may lack what the one before would name",
      2, .step = {
        { REFRESH, 0, SUBMITS },
        { DUMP, 1, SUBMITS | DUMPING },
        { AS_BEFORE, 6 },
        { DUMP, 7, SHOWS },
      } },
    { "start", "another path was in use: all may differ", 2, .step = {
        { REFRESH, 0, SUBMITS },
        { ANSWER, 5 },
        { START, 5 },
        { REFRESH, 6, SUBMITS },
        { AS_BEFORE, 8 },
        { REFRESH, 16, SHOWS },
      } },
};

/* As vfio-display-metadata.c does. */
static int refresh(VFIODisplayRequests *r, const Case *c, bool dump,
                   int64_t now)
{
    int done = 0;

    if (r->unshown) {
        done |= r->stale ? SHOWS : SHOWS_DAMAGE;
        vfio_display_requests_shown(r, true);
    }
    if (vfio_display_requests_refresh(r, dump, !c->polls, now)) {
        vfio_display_requests_submit(r, now);
        done |= SUBMITS;
    }
    return done;
}

static int advance(VFIODisplayRequests *r, const Case *c, const Step *s,
                   int64_t now)
{
    VFIODisplayRequestsNext next;
    int done = 0;

    if (s->event != TIMER) {
        vfio_display_requests_signalled(r, 1);
    }
    if (s->event == DONE || s->event == SAME) {
        vfio_display_requests_answered(r, r->number, s->event == SAME);
    }
    if (vfio_display_requests_is_late(r, now)) {
        vfio_display_requests_give_up(r, now);
        done |= GIVES_UP;
    }
    next = vfio_display_requests_next(r, s->event != TIMER, !c->polls,
                                      !c->unwatched,
                                      c->unwatched ? INT64_MAX : INTERVAL,
                                      now);
    if (next.submit) {
        vfio_display_requests_submit(r, now);
    }
    g_assert_cmpint(next.wake_ns == INT64_MAX ? 0
                    : (next.wake_ns - BEGIN) / MS, ==, s->wake_ms);
    return done | (next.submit ? SUBMITS : 0) |
        (next.refresh ? REFRESHES : 0) | (next.listen ? LISTENS : 0);
}

static int happen(VFIODisplayRequests *r, const Case *c, const Step *s)
{
    int64_t now = BEGIN + s->at_ms * MS;

    switch (s->event) {
    case SIGNAL:
    case DONE:
    case SAME:
    case TIMER:
        return advance(r, c, s, now);
    case ANSWER:
    case AS_BEFORE:
        vfio_display_requests_answered(r, r->number, s->event == AS_BEFORE);
        return 0;
    case OTHER:
        g_assert_false(vfio_display_requests_answered(r, r->number - 1,
                                                      false));
        return 0;
    case REFRESH:
    case DUMP:
        return refresh(r, c, s->event == DUMP, now);
    case REFUSE:
        vfio_display_requests_give_up(r, now);
        return GIVES_UP;
    case START:
        vfio_display_requests_start(r);
        return 0;
    case END:
        break;
    }
    g_assert_not_reached();
}

static void test_case(const void *opaque)
{
    const Case *c = opaque;
    VFIODisplayRequests r = { 0 };

    g_test_message("%s", c->why);
    vfio_display_requests_start(&r);
    for (const Step *s = c->step; s->event != END; s++) {
        int done;

        g_test_message("step %d, after %d ms", (int)(s - c->step), s->at_ms);
        done = happen(&r, c, s) | (r.dumping ? DUMPING : 0);
        if (s->event >= ANSWER && s->event <= OTHER) {
            continue;
        }
        g_assert_cmphex(done, ==, s->done);
    }
    g_assert_cmpint(r.number, ==, c->requests);
}

/* One of two signals that a refresh finds together is the answer's. */
static void test_signals(void)
{
    for (unsigned n = 1; n <= 3; n++) {
        VFIODisplayRequests r = { 0 };

        vfio_display_requests_submit(&r, BEGIN);
        vfio_display_requests_signalled(&r, n);
        vfio_display_requests_answered(&r, r.number, false);
        g_assert_cmpint(r.changed, ==, n > 1);
    }
}

/* 0 is no request's number: the page has it before the first one. */
static void test_numbers(void)
{
    VFIODisplayRequests r = { .number = UINT32_MAX - 1 };

    g_assert_cmpuint(vfio_display_requests_submit(&r, BEGIN), ==, UINT32_MAX);
    g_assert_cmpuint(vfio_display_requests_submit(&r, BEGIN), ==, 1);
}

/* The page is looked at again after a refresh: when the answer is late. */
static void test_wake(void)
{
    VFIODisplayRequests r = { 0 };

    vfio_display_requests_start(&r);
    g_assert_cmpint(vfio_display_requests_wake_ns(&r, BEGIN), ==, INT64_MAX);
    vfio_display_requests_submit(&r, BEGIN);
    g_assert_cmpint(vfio_display_requests_wake_ns(&r, BEGIN + MS), ==,
                    BEGIN + VFIO_DISPLAY_ANSWER_NS);
    r.dumping = true;
    g_assert_cmpint(vfio_display_requests_wake_ns(&r, BEGIN + MS), ==,
                    BEGIN + MS + VFIO_DISPLAY_PAUSE_NS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path =
            g_strdup_printf("/vfio-display-requests/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/vfio-display-requests/signals", test_signals);
    g_test_add_func("/vfio-display-requests/numbers", test_numbers);
    g_test_add_func("/vfio-display-requests/wake", test_wake);
    return g_test_run();
}
