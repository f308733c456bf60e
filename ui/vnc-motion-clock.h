/*
 * The time by which motion is measured
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VNC_MOTION_CLOCK_H
#define VNC_MOTION_CLOCK_H

/* Who waits for so long misses a look at the screen. */
#define VNC_MOTION_CLOCK_WAIT_MS 30

/**
 * DOC: motion's clock
 *
 * A client's other encoding can keep a display locked for longer than motion is
 * waited for. What was not looked at is no rest, and what changed meanwhile is
 * seen as one change. So that time counts as one slot of motion at most.
 */

/**
 * struct VncMotionClock:
 * @ms: what the clock shows, in milliseconds
 * @looked_ms: when the screen was looked at last, in real time
 * @blocked: it could not be looked at since then
 *
 * All zero at first.
 */
typedef struct VncMotionClock {
    int64_t ms;
    int64_t looked_ms;
    bool blocked;
} VncMotionClock;

/**
 * vnc_motion_clock_block:
 * @clock: a clock
 *
 * The screen was to be looked at, and could not be.
 */
void vnc_motion_clock_block(VncMotionClock *clock);

/**
 * vnc_motion_clock_wait:
 * @clock: a clock
 * @ms: for so long nobody could look, and nobody tried
 */
void vnc_motion_clock_wait(VncMotionClock *clock, int64_t ms);

/**
 * vnc_motion_clock_look:
 * @clock: a clock, which goes on by this
 * @now_ms: real time, at which the screen is looked at
 */
void vnc_motion_clock_look(VncMotionClock *clock, int64_t now_ms);

#endif /* VNC_MOTION_CLOCK_H */
