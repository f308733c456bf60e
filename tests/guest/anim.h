/*
 * What moves: a box, stamps, page flips, a film, mode changes or an overlay,
 * one of them per device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_ANIM_H
#define GUEST_ANIM_H

#include <stdbool.h>
#include <stdint.h>

#define ANIM_HZ     60

/* Which device, by index; @every: steps happen at every so manieth tick. */
struct anim_pace {
    int index;
    uint32_t every;
};

/* The pattern that lies under what moves, already drawn on page 0. */
void anim_set_background(int index, uint32_t pattern, uint32_t frame);

/*
 * A square box over the background. In step n its left edge is at
 * (n * 7) % (width - size), its top at (n * 5) % (height - size) and its
 * colour is n.
 */
bool anim_box(struct anim_pace pace, uint32_t size);

/*
 * In step n, one for each tick, a square in the top left corner has colour n,
 * @block pixels each way, if that is not 0. When n is a multiple of @gap, a
 * stamp of that colour is drawn, 64 pixels wide and @rows high, at 128,
 * (n / gap * 37) % (height - rows), and stays.
 */
struct anim_stamp {
    uint32_t rows, gap, block;
};

bool anim_stamp(int index, const struct anim_stamp *stamp);

/*
 * Draws @pages pages, page p as frame p of the background's pattern, and
 * shows page n % pages in step n.
 */
bool anim_flip(struct anim_pace pace, uint32_t pages);

/*
 * Draws @pages pages, all of them the background with frame p of the pattern
 * film in a square of @size in the middle, or everywhere if @size is 0. The
 * first and the last square of FILM_MARK in it are gray, FILM_MARK_STEP * p.
 * Shows page n % pages in step n. If @burst is not 0, it rests for so many
 * ticks after each so manieth step.
 */
#define FILM_PAGES      8
#define FILM_MARK       32
#define FILM_MARK_STEP  28

struct anim_film {
    uint32_t pages, size, burst;
};

bool anim_film(struct anim_pace pace, const struct anim_film *arg);

/* Goes through a list of modes and draws frame n of the pattern in each. */
bool anim_cycle(struct anim_pace pace);

/* The overlay of plane.h, in step n where it is there in step n. */
bool anim_overlay(struct anim_pace pace, uint32_t size);

/* Everything stays as it is. Returns the number of steps done. */
uint32_t anim_stop(int index);
uint32_t anim_steps(int index);
void anim_stop_all(void);

/* Frames per second of all animation from now on. */
void anim_set_rate(uint32_t hz);

void anim_tick(void);

#endif /* GUEST_ANIM_H */
