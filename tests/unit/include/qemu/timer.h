/*
 * What the pure logic needs of QEMU's timers, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_TIMER_H
#define QEMU_TIMER_H

#include "qemu/main-loop.h"

#define QEMU_CLOCK_REALTIME 0
#define SCALE_MS 1000000

static inline int64_t qemu_clock_get_ms(int clock)
{
    return g_get_monotonic_time() / 1000;
}

static inline int64_t qemu_clock_get_ns(int clock)
{
    return g_get_monotonic_time() * 1000;
}

/* The earlier one of when it was due and now is. */
static inline void timer_mod_anticipate(QEMUTimer *timer, int64_t ms)
{
    int64_t due = g_source_get_ready_time(&timer->source);

    if (due < 0 || ms * 1000 < due) {
        g_source_set_ready_time(&timer->source, ms * 1000);
    }
}

static inline void timer_free(QEMUTimer *timer)
{
    main_loop_event_free(timer);
}

#endif /* QEMU_TIMER_H */
