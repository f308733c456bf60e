/*
 * The time by which motion is measured
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vnc-motion.h"
#include "vnc-motion-clock.h"

void vnc_motion_clock_block(VncMotionClock *clock)
{
    clock->blocked = true;
}

void vnc_motion_clock_wait(VncMotionClock *clock, int64_t ms)
{
    clock->blocked |= ms >= VNC_MOTION_CLOCK_WAIT_MS;
}

void vnc_motion_clock_look(VncMotionClock *clock, int64_t now_ms)
{
    int64_t passed = now_ms - clock->looked_ms;

    clock->ms += clock->blocked ? MIN(passed, VNC_MOTION_SLOT_MS) : passed;
    clock->looked_ms = now_ms;
    clock->blocked = false;
}
