/*
 * What is still to be read of a frame, while reads are on their way
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_DAMAGE_LOG_H
#define UI_DAMAGE_LOG_H

#include <pixman.h>

/**
 * DOC: Damage log
 *
 * Where frames are read by somebody else, as OpenGL does, a read that was
 * asked for may come late, be overtaken by the next one, or fail. What
 * changed is pending until a read of it is submitted. Then it is in flight
 * until that read, or a later one, has completed, and every read that is
 * submitted until then brings it again.
 */
typedef struct DamageLog DamageLog;

/* A read has at most so many rectangles; more become one. */
#define DAMAGE_LOG_BOXES 16

/**
 * damage_log_new:
 *
 * Returns: a log in which everything has changed, to be freed with
 * damage_log_free().
 */
DamageLog *damage_log_new(void);

/**
 * damage_log_free:
 * @log: a log, or NULL
 */
void damage_log_free(DamageLog *log);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DamageLog, damage_log_free)

/**
 * damage_log_add:
 * @log: a log
 * @box: has changed, in the frame's pixels; may be empty
 */
void damage_log_add(DamageLog *log, const pixman_box32_t *box);

/**
 * damage_log_add_all:
 * @log: a log; everything has changed, or nothing is known of it
 */
void damage_log_add_all(DamageLog *log);

/**
 * damage_log_has_pending:
 * @log: a log
 *
 * Returns: true if something has changed since the last damage_log_submitted().
 */
bool damage_log_has_pending(const DamageLog *log);

/**
 * damage_log_is_empty:
 * @log: a log
 *
 * Returns: true if all that changed was shown.
 */
bool damage_log_is_empty(const DamageLog *log);

/**
 * damage_log_boxes:
 * @log: a log
 * @width: pixels of the frame
 * @height: its rows
 * @n: how many rectangles there are, at most %DAMAGE_LOG_BOXES
 *
 * What a read has to bring, in columns of whole tiles (damage-map.h), which is
 * how the mirror compares them; clipped to the frame, none overlapping
 * another, from the top to the bottom.
 *
 * Returns: the rectangles, valid until the next use of @log; NULL for the
 * whole frame.
 */
const pixman_box32_t *damage_log_boxes(DamageLog *log, uint32_t width,
                                       uint32_t height, size_t *n);

/**
 * damage_log_submitted:
 * @log: a log
 * @number: of a read of damage_log_boxes(), more than any before
 */
void damage_log_submitted(DamageLog *log, uint64_t number);

/**
 * damage_log_completed:
 * @log: a log
 * @number: of a read that has come and was shown
 */
void damage_log_completed(DamageLog *log, uint64_t number);

#endif /* UI_DAMAGE_LOG_H */
