/*
 * Which rectangles of a screen move like a video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VNC_MOTION_H
#define VNC_MOTION_H

/* So many rectangles at most: each one is an encoder of its own. */
#define VNC_MOTION_RECTS 4

/*
 * A rectangle has ended in which nothing has changed for three times as long
 * as usually, but no less and no more than this.
 */
#define VNC_MOTION_QUIET_LEAST_MS 100
#define VNC_MOTION_QUIET_MOST_MS 150

/* What changes is counted once in each slot of so many milliseconds. */
#define VNC_MOTION_SLOT_MS 50

typedef struct VncMotionRect {
    int x, y, w, h;     /* pixels; w == 0: none */
} VncMotionRect;

/**
 * DOC: motion
 *
 * A screen is looked at in tiles. A tile moves when it has changed in half of
 * the slots of the last half second, which a video of 10 frames/s does.
 * Neighbours that move are one rectangle: of exactly those pixels that
 * changed, so that text beside a video is no part of it, and of an even width
 * and height, as video encoders want.
 *
 * A rectangle stays as it is, as each change of it costs a key frame, until
 * nothing in it moves any more, or what moves has become larger, or less than
 * half of it. Everything is a function of what was reported and of the times
 * that were given: there is no clock in here. Whoever could not look at the
 * screen for a while lets the time stand still: what was not looked for was
 * not found. All numbers are pixels of the screen from its upper left corner
 * on, and milliseconds.
 */
typedef struct VncMotion VncMotion;

/**
 * vnc_motion_new:
 * @width: of the screen, at least 1
 * @height: of the screen, at least 1
 *
 * Returns: a screen on which nothing moves; free it with vnc_motion_free().
 */
VncMotion *vnc_motion_new(int width, int height);

/**
 * vnc_motion_free:
 * @motion: what vnc_motion_new() returned, or NULL
 */
void vnc_motion_free(VncMotion *motion);

/**
 * vnc_motion_matches:
 * @motion: a screen
 * @width: the width of one
 * @height: the height of one
 *
 * Returns: whether @motion is of a screen of that size.
 */
bool vnc_motion_matches(const VncMotion *motion, int width, int height);

/**
 * vnc_motion_note:
 * @motion: a screen
 * @x: where in row @y
 * @y: a row
 * @n: so many pixels, all of them within the screen
 * @before: the pixels that were there
 * @after: those that are there now, at least one of which differs
 *
 * Reports a change.
 */
void vnc_motion_note(VncMotion *motion, int x, int y, int n,
                     const uint32_t *before, const uint32_t *after);

/**
 * vnc_motion_note_all:
 * @motion: a screen
 * @index: one of its rectangles: all of it is reported to have changed
 */
void vnc_motion_note_all(VncMotion *motion, int index);

/**
 * vnc_motion_moved:
 * @motion: a screen
 * @index: one of its rectangles
 * @noted: it was noted where
 * @now_ms: a time
 *
 * Reports that something changed in a rectangle. That is needed with each
 * change, as the rectangle's end is measured by it; notes are needed now and
 * then only.
 */
void vnc_motion_moved(VncMotion *motion, int index, bool noted,
                      int64_t now_ms);

/**
 * vnc_motion_wants_notes:
 * @motion: a screen
 * @index: one of its rectangles
 * @now_ms: a time
 *
 * Returns: whether it is to be noted where in the rectangle the next change is:
 * that is so for one in a tenth of a second.
 */
bool vnc_motion_wants_notes(const VncMotion *motion, int index,
                            int64_t now_ms);

/**
 * vnc_motion_update:
 * @motion: a screen
 * @now_ms: a time, no earlier than that of the last call
 *
 * Decides which rectangles move. To be called with every refresh, after its
 * changes were reported; all but the first in a slot cost nothing.
 */
void vnc_motion_update(VncMotion *motion, int64_t now_ms);

/**
 * vnc_motion_rect:
 * @motion: a screen
 * @index: less than VNC_MOTION_RECTS
 *
 * Returns: the rectangle of that index, which keeps it as long as it is there;
 * its w is 0 if there is none. No two overlap.
 */
const VncMotionRect *vnc_motion_rect(const VncMotion *motion, int index);

/**
 * vnc_motion_rect_inside:
 * @r: a rectangle
 * @x: the left edge of another
 * @y: its upper edge
 * @w: its width
 * @h: its height
 *
 * Returns: whether that one is wholly inside of @r.
 */
bool vnc_motion_rect_inside(const VncMotionRect *r, int x, int y, int w, int h);

#endif /* VNC_MOTION_H */
