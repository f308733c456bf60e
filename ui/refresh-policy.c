/*
 * How often a console asks its hardware for a new picture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/refresh-policy.h"

/* Viewers ask for so much or more if no monitor tells them a rate. */
#define REFRESH_UNKNOWN_NS 30000000ll

/* Slower and slower: with the third power of the quiet time. */
static int64_t decayed(int64_t interval, int64_t quiet_ns)
{
    int64_t permille = quiet_ns / (REFRESH_ACTIVE_NS / 1000);

    if (quiet_ns >= 8 * REFRESH_ACTIVE_NS) {
        return REFRESH_IDLE_NS;
    }
    return MIN(REFRESH_IDLE_NS, interval * permille * permille / 1000000 *
                                permille / 1000);
}

int64_t refresh_interval(bool watched, int64_t viewer_ns, int64_t quiet_ns)
{
    int64_t active = REFRESH_VIEWER_NS;
    int64_t seeking;

    if (!watched) {
        return REFRESH_NEVER;
    }
    if (viewer_ns > REFRESH_IDLE_NS) {
        return viewer_ns;
    }
    if (viewer_ns > 0) {
        active = MIN(active, viewer_ns);
    }
    /* The viewer has a new frame and takes no other before its time. */
    if (quiet_ns < active / 2) {
        return active;
    }
    /*
     * It has none: what comes next is seen sooner if it is looked for sooner.
     * With a guest of the viewer's own rate, this brings the refresh to just
     * behind the guest's drawing, and then every refresh finds a frame.
     */
    seeking = active - active / 4;
    return quiet_ns < REFRESH_ACTIVE_NS ? seeking : decayed(seeking, quiet_ns);
}

int64_t refresh_interval_notified(bool watched, int64_t viewer_ns,
                                  int64_t quiet_ns)
{
    int64_t safety = MIN(MAX(quiet_ns, REFRESH_SAFETY_NS),
                         REFRESH_SAFETY_MAX_NS);

    return watched ? MAX(viewer_ns, safety) : REFRESH_NEVER;
}

int64_t refresh_pace(bool watched, int64_t viewer_ns, bool notified)
{
    bool unknown = viewer_ns == 0 || viewer_ns >= REFRESH_UNKNOWN_NS;

    return watched && notified && unknown && viewer_ns <= REFRESH_IDLE_NS
        ? REFRESH_SIGNALLED_NS : refresh_interval(watched, viewer_ns, 0);
}

/* One interval after a refresh, counted from when it should have been. */
static int64_t interval_after(int64_t due, int64_t begun, int64_t interval)
{
    bool on_time = begun >= due && begun - due < interval;

    return (on_time ? due : begun) + interval;
}

int64_t refresh_next(int64_t due, int64_t begun, int64_t ended,
                     int64_t interval)
{
    return MAX(interval_after(due, begun, interval), ended + interval / 8);
}

int64_t refresh_paid(int64_t paid, int64_t begun, int64_t interval)
{
    return MIN(MAX(paid, begun), begun + interval / 2) +
        interval - interval / REFRESH_SLACK;
}

int64_t refresh_soonest(int64_t paid, int64_t interval, int64_t now)
{
    return MAX(paid - interval / 2, now);
}

int64_t refresh_rested(int64_t begun, int64_t read_ns)
{
    return begun + read_ns * REFRESH_READ_SHARE;
}

bool refresh_probe_is_due(int64_t quiet_ns, int64_t since_ns,
                          int64_t took_ns)
{
    /* refreshes are a bit off their time */
    int64_t interval = REFRESH_IDLE_NS - REFRESH_IDLE_NS / 8;

    return quiet_ns >= REFRESH_ACTIVE_NS / 2 &&
        since_ns >= MAX(interval, took_ns * REFRESH_PROBE_SHARE);
}

bool refresh_redraws(bool reported, int64_t quiet_ns, int64_t since_ns)
{
    return quiet_ns < REFRESH_ACTIVE_NS ||
        (!reported && since_ns >= REFRESH_IDLE_NS);
}

/* Returns: whether to check once more. */
static bool refresh_checked(RefreshChecks *checks, bool changed)
{
    unsigned gap;

    checks->made++;
    if (changed && checks->made < REFRESH_CHECKS) {
        return true;
    }
    /* the rest of a frame was found, and when the guest pauses */
    gap = !changed && checks->made > 1 ? 1 : MAX(checks->gap, 1);
    gap = MIN(2 * gap, checks->made * REFRESH_CHECKS_SHARE);
    *checks = (RefreshChecks) { .gap = gap, .left = gap };
    return false;
}

bool refresh_check(RefreshChecks *checks, bool changed)
{
    if (checks->checking) {
        return refresh_checked(checks, changed);
    }
    if (!changed) {
        return false;
    }
    if (checks->left > 1) {
        checks->left--;
        return false;
    }
    checks->checking = true;
    return true;
}

int64_t refresh_check_ns(const RefreshChecks *checks, int64_t interval)
{
    return checks->made ? interval / 8 : interval / 5;
}
