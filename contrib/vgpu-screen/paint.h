/*
 * Copying what a guest's screen shows, where it cannot be shown as it is
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_PAINT_H
#define VGPU_SCREEN_PAINT_H

#include "screen.h"

/**
 * screen_paint:
 * @screen: what is shown; with a buffer that the CPU can read, or none
 * @target: where to
 * @fit: where in the target the picture is; the rest is black
 * @where: what to paint of the target; clipped to it
 * @cursor: whether the cursor is painted, too
 *
 * Counts the bytes that it copies.
 *
 * Returns: false, with errno set, if the picture cannot be read; the target
 * is black then.
 */
bool screen_paint(Screen *screen, pixman_image_t *target, ScreenRect fit,
                  const pixman_region32_t *where, bool cursor);

/**
 * screen_damage_on:
 * @screen: the screen
 * @damage: in the picture's pixels; becomes the same in the target's, no less
 * @fit: where in the target the picture is
 */
void screen_damage_on(const Screen *screen, pixman_region32_t *damage,
                      ScreenRect fit);

/**
 * screen_cursor_on:
 * @screen: the screen
 * @fit: where in the target the picture is
 *
 * Returns: the cursor's place in the target, which may be beyond its edges;
 * empty if there is no cursor.
 */
ScreenRect screen_cursor_on(const Screen *screen, ScreenRect fit);

#endif /* VGPU_SCREEN_PAINT_H */
