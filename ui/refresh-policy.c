/*
 * How often a console asks its hardware for a new picture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/refresh-policy.h"

int64_t refresh_interval(bool watched, int64_t viewer_ns, int64_t quiet_ns)
{
    int64_t active = REFRESH_VIEWER_NS;

    if (!watched) {
        return REFRESH_NEVER;
    }
    if (viewer_ns > REFRESH_IDLE_NS) {
        return viewer_ns;
    }
    if (viewer_ns > 0) {
        active = MIN(active, viewer_ns);
    }
    if (quiet_ns < REFRESH_ACTIVE_NS) {
        return active;
    }
    /* in proportion to the time that nothing happened */
    if (quiet_ns / REFRESH_ACTIVE_NS >= REFRESH_IDLE_NS / active) {
        return REFRESH_IDLE_NS;
    }
    return MIN(REFRESH_IDLE_NS,
               active * (quiet_ns / 1000) / (REFRESH_ACTIVE_NS / 1000));
}

int64_t refresh_interval_notified(bool watched, int64_t viewer_ns)
{
    return watched ? MAX(viewer_ns, REFRESH_SAFETY_NS) : REFRESH_NEVER;
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

int64_t refresh_soonest(int64_t due, int64_t begun, int64_t interval,
                        int64_t now)
{
    return MAX(interval_after(due, begun, interval), now);
}
