/*
 * Tests of how often a console asks its hardware for a new picture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/refresh-policy.h"

#define MS 1000000ll
#define S (1000 * MS)

typedef struct IntervalCase {
    const char *name;
    bool watched;
    int64_t viewer_ns;
    int64_t quiet_ns;
    int64_t expected;
} IntervalCase;

static const IntervalCase interval_cases[] = {
    /* nobody watching costs nothing, however much happens */
    { "unwatched", false, 16 * MS, 0, REFRESH_NEVER },
    { "unwatched-quiet", false, 0, 3600 * S, REFRESH_NEVER },
    /* VNC asks for 30 ms and more: a 60 Hz guest would lose half its frames */
    { "slow-viewer", true, 30 * MS, 0, REFRESH_VIEWER_NS },
    { "silent-viewer", true, 0, 0, REFRESH_VIEWER_NS },
    /* a 144 Hz monitor */
    { "fast-viewer", true, 7 * MS, 0, 7 * MS },
    /* SDL's hidden window */
    { "hidden-viewer", true, 500 * MS, 0, 500 * MS },
    { "slowest-viewer", true, REFRESH_IDLE_NS, 0, REFRESH_VIEWER_NS },
    { "slower-than-idle", true, REFRESH_IDLE_NS + 1, 0, REFRESH_IDLE_NS + 1 },
    { "new-frame", true, 8 * MS, 4 * MS - 1, 8 * MS },
    /* no new frame this time: look for it a bit sooner */
    { "seeking", true, 8 * MS, 4 * MS, 6 * MS },
    { "just-active", true, 8 * MS, REFRESH_ACTIVE_NS - 1, 6 * MS },
    /* no jump where the decay begins */
    { "decay-begins", true, 8 * MS, REFRESH_ACTIVE_NS, 6 * MS },
    { "decay", true, 8 * MS, 2 * REFRESH_ACTIVE_NS, 48 * MS },
    { "decay-ends", true, 8 * MS, 3 * REFRESH_ACTIVE_NS, REFRESH_IDLE_NS },
    /* a VM that was left alone for a year */
    { "long-quiet", true, 0, 365 * 86400 * S, REFRESH_IDLE_NS },
    /* a viewer that takes whatever there is: the decay alone is too slow */
    { "endless-rate", true, 1, 8 * REFRESH_ACTIVE_NS, REFRESH_IDLE_NS },
    { "longest-quiet", true, 1, INT64_MAX, REFRESH_IDLE_NS },
};

typedef struct PaceCase {
    const char *name;
    int64_t viewer_ns;
    bool notified;
    int64_t expected;
} PaceCase;

static const PaceCase pace_cases[] = {
    /* a guest at 144 Hz, and a VNC client that takes each frame */
    { "vnc", 30 * MS, true, REFRESH_SIGNALLED_NS },
    { "slow-vnc", REFRESH_IDLE_NS, true, REFRESH_SIGNALLED_NS },
    { "silent", 0, true, REFRESH_SIGNALLED_NS },
    /* its window shows no more than the monitor does */
    { "monitor", 16 * MS, true, 16 * MS },
    { "slow-monitor", 20 * MS, true, REFRESH_VIEWER_NS },
    { "fast-monitor", 4 * MS, true, 4 * MS },
    { "hidden", 500 * MS, true, 500 * MS },
    /* looking 144 times a second for what may be there costs too much */
    { "polled-vnc", 30 * MS, false, REFRESH_VIEWER_NS },
    { "polled-monitor", 7 * MS, false, 7 * MS },
};

static void test_pace(gconstpointer data)
{
    const PaceCase *c = data;

    g_assert_cmpint(refresh_pace(true, c->viewer_ns, c->notified), ==,
                    c->expected);
    g_assert_cmpint(refresh_pace(false, c->viewer_ns, c->notified), ==,
                    REFRESH_NEVER);
}

static void test_interval(gconstpointer data)
{
    const IntervalCase *c = data;

    g_assert_cmpint(refresh_interval(c->watched, c->viewer_ns, c->quiet_ns),
                    ==, c->expected);
}

/* Never slower than idle, and with no new frame never faster later. */
static void test_interval_monotonic(void)
{
    int64_t last = 0;

    for (int64_t quiet = 4 * MS; quiet < 60 * S; quiet += 7 * MS) {
        int64_t interval = refresh_interval(true, 7 * MS, quiet);

        g_assert_cmpint(interval, >=, last);
        g_assert_cmpint(interval, <=, REFRESH_IDLE_NS);
        last = interval;
    }
    g_assert_cmpint(last, ==, REFRESH_IDLE_NS);
}

/* A thousand ticks that all begin late end where they should. */
static void test_no_drift(void)
{
    int64_t interval = REFRESH_VIEWER_NS;
    int64_t due = 5 * S;

    for (int i = 0; i < 1000; i++) {
        due = refresh_next(due, due + i % 3 * MS, due + 4 * MS, interval);
    }
    g_assert_cmpint(due, ==, 5 * S + 1000 * interval);
}

/* One that is late by a whole interval has lost it, by less it has not. */
static void test_late(void)
{
    g_assert_cmpint(refresh_next(S, S + 16 * MS - 1, S + 16 * MS, 16 * MS), ==,
                    S + 18 * MS);
    g_assert_cmpint(refresh_next(S, S + 16 * MS, S + 16 * MS, 16 * MS), ==,
                    S + 32 * MS);
}

/* The machine slept, or the VM was stopped in a debugger: no burst. */
static void test_no_burst(void)
{
    int64_t due = 1 * S;
    int64_t begun = 61 * S;

    g_assert_cmpint(refresh_next(due, begun, begun + MS, 16 * MS), ==,
                    begun + 16 * MS);
}

/* A refresh that takes longer than its interval leaves time for the guest. */
static void test_pause(void)
{
    g_assert_cmpint(refresh_next(0, 0, 50 * MS, 16 * MS), ==, 52 * MS);
}

/* One that was pulled forward, by input, counts from when it began. */
static void test_early(void)
{
    g_assert_cmpint(refresh_next(100 * MS, 40 * MS, 41 * MS, 16 * MS), ==,
                    56 * MS);
}

/* Hardware that tells is asked now and then, and not at all unwatched. */
static void test_notified(void)
{
    g_assert_cmpint(refresh_interval_notified(false, 0, 0), ==,
                    REFRESH_NEVER);
    g_assert_cmpint(refresh_interval_notified(false, 7 * MS, 3600 * S), ==,
                    REFRESH_NEVER);
    g_assert_cmpint(refresh_interval_notified(true, 0, 0), ==,
                    REFRESH_SAFETY_NS);
    g_assert_cmpint(refresh_interval_notified(true, 7 * MS, 0), ==,
                    REFRESH_SAFETY_NS);
    g_assert_cmpint(refresh_interval_notified(true, 5 * S, 0), ==, 5 * S);
    g_assert_cmpint(refresh_interval_notified(true, 0, 4 * S), ==, 4 * S);
    g_assert_cmpint(refresh_interval_notified(true, 7 * S, 4 * S), ==, 7 * S);
    g_assert_cmpint(refresh_interval_notified(true, 7 * MS, INT64_MAX), ==,
                    REFRESH_SAFETY_MAX_NS);
}

/* After a pause at once, else when the viewer is ready for the next frame. */
static void test_soonest(void)
{
    const int64_t begun = 5 * S, interval = 16 * MS;
    const int64_t paid = refresh_paid(0, begun, interval);

    g_assert_cmpint(refresh_soonest(0, interval, begun), ==, begun);
    g_assert_cmpint(refresh_soonest(paid, interval, begun + S), ==,
                    begun + S);
    g_assert_cmpint(refresh_soonest(paid, interval, begun + 16 * MS), ==,
                    begun + 16 * MS);
    /* early by up to half an interval: at once */
    g_assert_cmpint(refresh_soonest(paid, interval, begun + 9 * MS), ==,
                    begun + 9 * MS);
    g_assert_cmpint(refresh_soonest(paid, interval, begun + 3 * MS), ==,
                    begun + 7 * MS);
}

/* What came early is made up for, and no credit is saved up. */
static void test_paid(void)
{
    const int64_t begun = 5 * S, interval = 16 * MS;
    int64_t paid = refresh_paid(0, begun, interval);

    paid = refresh_paid(paid, begun + 8 * MS, interval);
    g_assert_cmpint(refresh_soonest(paid, interval, begun + 9 * MS), ==,
                    begun + 22 * MS);
    paid = refresh_paid(paid, begun + S, interval);
    g_assert_cmpint(refresh_soonest(paid, interval, begun + S), ==,
                    begun + S + 7 * MS);
    /* a refresh for other reasons, much too early, or with another clock */
    paid = refresh_paid(paid + 3600 * S, begun + S, interval);
    g_assert_cmpint(refresh_soonest(paid, interval, begun + S), ==,
                    begun + S + 15 * MS);
}

/* A guest of the viewer's rate is shown at once, also after a late frame. */
static void test_soonest_same_rate(void)
{
    const int64_t interval = REFRESH_VIEWER_NS;
    int64_t paid = 0, late = 0;

    for (int i = 0; i < 1000; i++) {
        int64_t changed = 5 * S + i * interval;
        int64_t begun = refresh_soonest(paid, interval, changed);

        late = begun - changed;
        if (i == 500) {
            begun += 7 * MS;
        }
        paid = refresh_paid(paid, begun, interval);
    }
    g_assert_cmpint(late, ==, 0);
}

/* So it is if it is a bit faster, as "60 Hz" often are. */
static void test_soonest_bit_faster(void)
{
    const int64_t interval = REFRESH_VIEWER_NS;
    int64_t paid = 0, late = 0;

    for (int i = 0; i < 1000; i++) {
        int64_t changed = 5 * S + i * (interval - interval / 20);
        int64_t begun = refresh_soonest(paid, interval, changed);

        late = begun - changed;
        paid = refresh_paid(paid, begun, interval);
    }
    g_assert_cmpint(late, ==, 0);
}

/* However many changes there are, there is one refresh per interval. */
static void test_soonest_storm(void)
{
    const int64_t interval = 16 * MS;
    int64_t paid = 0;
    int refreshes = 0;

    for (int64_t now = 5 * S; now < 6 * S; now += S / 100000) {
        if (refresh_soonest(paid, interval, now) <= now) {
            paid = refresh_paid(paid, now, interval);
            refreshes++;
        }
    }
    g_assert_cmpint(refreshes, <=,
                    S / (interval - interval / REFRESH_SLACK) + 2);
    g_assert_cmpint(refreshes, >=, S / interval - 1);
}

/* A console that is refreshed as often as it may be, for ten seconds. */
typedef struct SlowCase {
    const char *name;
    int64_t read_ns;        /* of each refresh, from the third second on */
    int64_t interval;       /* of the viewer */
    int64_t apart;          /* from one refresh to the next then */
} SlowCase;

static const SlowCase slow_cases[] = {
    { "nothing-read", 0, 16 * MS, 16 * MS },
    { "1080p-in-ram", 300000, 16 * MS, 16 * MS },
    { "a-third", 5 * MS, 15 * MS, 15 * MS },
    { "a-bit-more", 6 * MS, 15 * MS, 18 * MS },
    { "200-mb/s", 41 * MS, 16 * MS, 123 * MS },
    { "20-mb/s", 415 * MS, 16 * MS, 1245 * MS },
    { "idle-viewer", 20 * MS, 3 * S, 3 * S },
};

static void test_slow(gconstpointer data)
{
    const SlowCase *c = data;
    int64_t due = S, read_total = 0;

    while (due < 11 * S) {
        bool slow = due >= 3 * S && due < 8 * S;
        int64_t read_ns = slow ? c->read_ns : 1;
        int64_t next = refresh_next(due, due, due + read_ns + MS, c->interval);

        next = MAX(next, refresh_rested(due, read_ns));
        /* however cheap or dear the one before was */
        g_assert_cmpint(next - due, ==, slow ? c->apart : c->interval);
        read_total += read_ns;
        due = next;
        g_assert_cmpint(REFRESH_READ_SHARE * read_total, <=, due - S);
    }
}

/* What a refresh sees of a guest that draws for a while in each interval. */
typedef struct Drawing {
    int64_t interval;
    int64_t busy;   /* nanoseconds from the first pixel to the last */
    int64_t stall;  /* so long after a look the guest does not get a CPU */
    int64_t looked; /* when the last look was */
    int64_t lost;   /* up to then, by looks in the same interval */
    int64_t seen;   /* up to where the picture was seen, in drawing time */
} Drawing;

/* What looks have cost the guest since the interval of @now began. */
static int64_t lost_at(const Drawing *d, int64_t now)
{
    return d->looked < now - now % d->interval
        ? 0 : d->lost + MIN(now - d->looked, d->stall);
}

/* Drawing time at a moment: it goes on while the guest draws. */
static int64_t drawn_at(const Drawing *d, int64_t now)
{
    return now / d->interval * d->busy +
        MIN(now % d->interval - lost_at(d, now), d->busy);
}

static bool drawing_look(Drawing *d, int64_t now)
{
    int64_t drawn = drawn_at(d, now);
    bool changed = drawn != d->seen;

    d->lost = lost_at(d, now);
    d->looked = now;
    d->seen = drawn;
    return changed;
}

static bool is_whole(const Drawing *d)
{
    return d->seen % d->busy == 0;
}

/* A frame's refresh and the checks after it; @now moves on to the next one. */
static unsigned refresh_frame(Drawing *d, RefreshChecks *checks, int64_t *now)
{
    int64_t found = *now;
    int64_t at = *now;
    unsigned refreshes = 1;

    while (refresh_check(checks, drawing_look(d, at))) {
        at += refresh_check_ns(checks, d->interval);
        found = drawn_at(d, at) != d->seen ? at : found;
        refreshes++;
    }
    *now = found + d->interval;
    return refreshes;
}

static void checks_each_phase(int64_t busy_max, int64_t stall,
                              unsigned torn_max)
{
    for (int64_t busy = 1 * MS; busy <= busy_max; busy += MS) {
        for (int64_t phase = 0; phase < 16 * MS; phase += MS / 2) {
            Drawing d = { .interval = 16 * MS, .busy = busy, .stall = stall };
            RefreshChecks checks = { 0 };
            unsigned refreshes = 0, torn = 0;
            int64_t now = S + phase;

            for (unsigned i = 0; i < 600; i++) {
                refreshes += refresh_frame(&d, &checks, &now);
                torn += !is_whole(&d);
            }
            g_assert_cmpuint(torn, <=, torn_max);
            /* the first check may miss a short pause, and find a new frame */
            g_assert_cmpuint(refreshes, <,
                             600 + 600 / (busy > 10 * MS ? 9 : 12));
        }
    }
}

/* Wherever the refresh falls first, it does not stay in the guest's way. */
static void test_checks(void)
{
    checks_each_phase(12 * MS, 0, 1);
}

/* After a look the viewer, which shows it, may have the guest's CPU. */
static void test_checks_one_cpu(void)
{
    checks_each_phase(6 * MS, 3 * MS, 5);
}

/* A guest whose clock is a bit off meets the refresh again and again. */
static void test_checks_drift(void)
{
    Drawing d = { .interval = 16 * MS, .busy = 3 * MS };
    RefreshChecks checks = { 0 };
    unsigned torn = 0;
    int64_t now = S;

    for (unsigned i = 0; i < 60000; i++) {
        refresh_frame(&d, &checks, &now);
        torn += !is_whole(&d);
        now -= 4000;
    }
    /* every fifth would be without */
    g_assert_cmpuint(torn, <, 60000 / 12);
}

/* One that always draws is not waited for. */
static void test_checks_restless(void)
{
    RefreshChecks checks = { 0 };
    unsigned checked = 0;

    for (unsigned i = 0; i < 6400; i++) {
        while (refresh_check(&checks, true)) {
            checked++;
        }
    }
    g_assert_cmpuint(checked, >, 0);
    /* the gap doubles until it is the longest */
    g_assert_cmpuint(checked, <=, 6400 / REFRESH_CHECKS_SHARE +
                     8 * REFRESH_CHECKS);
}

/* One that did not pause for its first frames is caught soon after them. */
static void test_checks_restless_start(void)
{
    RefreshChecks checks = { 0 };
    unsigned checked = 0;

    while (refresh_check(&checks, true)) {
        checked++;
    }
    g_assert_cmpuint(checked, ==, REFRESH_CHECKS);
    g_assert_false(refresh_check(&checks, true));
    g_assert_true(refresh_check(&checks, true));
    g_assert_true(refresh_check(&checks, true));
    g_assert_false(refresh_check(&checks, false));
    /* where that took it is checked soon, too */
    g_assert_false(refresh_check(&checks, true));
    g_assert_true(refresh_check(&checks, true));
}

/* One check in vain, and the second frame after that one is checked again. */
static void test_checks_gap(void)
{
    RefreshChecks checks = { 0 };

    g_assert_true(refresh_check(&checks, true));
    g_assert_false(refresh_check(&checks, false));
    g_assert_false(refresh_check(&checks, true));
    g_assert_true(refresh_check(&checks, true));
}

/* While nothing is new there is nothing to check. */
static void test_checks_still(void)
{
    RefreshChecks checks = { 0 };

    for (unsigned i = 0; i < 1000; i++) {
        g_assert_false(refresh_check(&checks, false));
    }
    g_assert_true(refresh_check(&checks, true));
}

typedef struct ProbeCase {
    const char *name;
    int64_t quiet_ns;
    int64_t since_ns;
    int64_t took_ns;
    bool expected;
} ProbeCase;

static const ProbeCase probe_cases[] = {
    { "just-changed", 0, S, 0, false },
    /* a guest that flips is not read at all */
    { "changes-are-told", S / 2 - 1, S, 0, false },
    /* before the picture counts as still, so that a moving one never does */
    { "quiet", S / 2, S, 0, true },
    { "quiet-for-long", 3600 * S, 100 * MS, 0, true },
    { "never-probed", INT64_MAX, INT64_MAX, 0, true },
    /* at each refresh of the slow rate, also if that comes a bit early */
    { "early-refresh", 5 * S, 90 * MS, MS, true },
    /* at the viewer's rate, not at each refresh */
    { "too-soon", S, 80 * MS, 0, false },
    /* memory that is slow to read: a twentieth of the main loop's time */
    { "slow-memory", 5 * S, 100 * MS, 10 * MS, false },
    { "slow-memory-due", 5 * S, 200 * MS, 10 * MS, true },
};

static void test_probe(gconstpointer data)
{
    const ProbeCase *c = data;

    g_assert_cmpint(refresh_probe_is_due(c->quiet_ns, c->since_ns,
                                         c->took_ns), ==, c->expected);
}

typedef struct RedrawCase {
    const char *name;
    bool told;
    int64_t quiet_ns;
    int64_t since_ns;
    bool expected;
} RedrawCase;

static const RedrawCase redraw_cases[] = {
    { "changed", false, 0, 0, true },
    /* what a probe is too coarse to find is drawn as well */
    { "active", false, S - 1, 0, true },
    { "still-and-probed", false, S, 0, false },
    { "probed-a-moment-ago", false, 3 * S, 99 * MS, false },
    /* nobody knows: at the slow rate */
    { "unknown", false, S, 100 * MS, true },
    { "never-probed", false, INT64_MAX, INT64_MAX, true },
    /* the hardware would have said so */
    { "told-active", true, S - 1, INT64_MAX, true },
    { "told-still", true, S, INT64_MAX, false },
};

static void test_redraw(gconstpointer data)
{
    const RedrawCase *c = data;

    g_assert_cmpint(refresh_redraws(c->told, c->quiet_ns, c->since_ns), ==,
                    c->expected);
}

static void add_dmabuf_cases(void)
{
    for (int i = 0; i < G_N_ELEMENTS(probe_cases); i++) {
        g_autofree char *path = g_strdup_printf("/refresh-policy/probe/%s",
                                                probe_cases[i].name);

        g_test_add_data_func(path, &probe_cases[i], test_probe);
    }
    for (int i = 0; i < G_N_ELEMENTS(redraw_cases); i++) {
        g_autofree char *path = g_strdup_printf("/refresh-policy/redraw/%s",
                                                redraw_cases[i].name);

        g_test_add_data_func(path, &redraw_cases[i], test_redraw);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (int i = 0; i < G_N_ELEMENTS(interval_cases); i++) {
        g_autofree char *path = g_strdup_printf("/refresh-policy/interval/%s",
                                                interval_cases[i].name);

        g_test_add_data_func(path, &interval_cases[i], test_interval);
    }
    for (int i = 0; i < G_N_ELEMENTS(pace_cases); i++) {
        g_autofree char *path = g_strdup_printf("/refresh-policy/pace/%s",
                                                pace_cases[i].name);

        g_test_add_data_func(path, &pace_cases[i], test_pace);
    }
    add_dmabuf_cases();
    g_test_add_func("/refresh-policy/monotonic", test_interval_monotonic);
    g_test_add_func("/refresh-policy/no-drift", test_no_drift);
    g_test_add_func("/refresh-policy/late", test_late);
    g_test_add_func("/refresh-policy/no-burst", test_no_burst);
    g_test_add_func("/refresh-policy/pause", test_pause);
    g_test_add_func("/refresh-policy/early", test_early);
    g_test_add_func("/refresh-policy/notified", test_notified);
    g_test_add_func("/refresh-policy/soonest", test_soonest);
    g_test_add_func("/refresh-policy/paid", test_paid);
    g_test_add_func("/refresh-policy/soonest-same-rate",
                    test_soonest_same_rate);
    g_test_add_func("/refresh-policy/soonest-bit-faster",
                    test_soonest_bit_faster);
    g_test_add_func("/refresh-policy/storm", test_soonest_storm);
    for (size_t i = 0; i < G_N_ELEMENTS(slow_cases); i++) {
        g_autofree char *path = g_strdup_printf("/refresh-policy/slow/%s",
                                                slow_cases[i].name);

        g_test_add_data_func(path, &slow_cases[i], test_slow);
    }
    g_test_add_func("/refresh-policy/checks", test_checks);
    g_test_add_func("/refresh-policy/checks-drift", test_checks_drift);
    g_test_add_func("/refresh-policy/checks-restless", test_checks_restless);
    g_test_add_func("/refresh-policy/checks-restless-start",
                    test_checks_restless_start);
    g_test_add_func("/refresh-policy/checks-one-cpu", test_checks_one_cpu);
    g_test_add_func("/refresh-policy/checks-gap", test_checks_gap);
    g_test_add_func("/refresh-policy/checks-still", test_checks_still);
    return g_test_run();
}
