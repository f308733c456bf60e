/*
 * The programmable interval timer paces what is animated.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_PIT_H
#define GUEST_PIT_H

#include <stdbool.h>
#include <stdint.h>

/* 19 Hz is the slowest rate that the 16-bit divisor can give. */
#define PIT_MIN_HZ  19
#define PIT_MAX_HZ  1000

void pit_start(uint32_t hz);
void pit_stop(void);
void pit_tick(void);

/* True once after one or more ticks: late ticks are dropped, not queued. */
bool pit_take_tick(void);

/* Whether pit_take_tick() would return true. */
bool pit_ticked(void);

#endif /* GUEST_PIT_H */
