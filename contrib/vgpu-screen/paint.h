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
 * @screen: what is shown
 * @target: where to
 * @fit: where in the target the picture is; what is beside it is black
 * @where: what to paint of the target; clipped to it
 * @planes: how many of the screen's planes, from the picture on
 *
 * Counts the bytes that it copies.
 *
 * Returns: false, with errno set, if a plane cannot be read, and is left out.
 * EFAULT: its memory has gone, and the target is not to be shown.
 */
bool screen_paint(Screen *screen, pixman_image_t *target, ScreenRect fit,
                  const pixman_region32_t *where, int planes);

/**
 * screen_paint_plane:
 * @screen: counts the bytes
 * @plane: of the screen; with a buffer
 * @target: as large as the plane's view
 * @where: what to paint of it; clipped to it
 *
 * Returns: as above
 */
bool screen_paint_plane(Screen *screen, const ScreenPlane *plane,
                        pixman_image_t *target,
                        const pixman_region32_t *where);

/* Over the target, at the plane's place; returns as above */
bool screen_draw_plane(const ScreenPlane *plane, pixman_image_t *target);

/**
 * screen_damage_on:
 * @screen: the screen
 * @damage: in the picture's pixels; becomes the same in the target's, no less
 * @fit: where in the target the picture is
 */
void screen_damage_on(const Screen *screen, pixman_region32_t *damage,
                      ScreenRect fit);

/**
 * screen_plane_on:
 * @screen: the screen
 * @plane: the number of one of its planes
 * @fit: where in the target the picture is
 *
 * Returns: the plane's place in the target, which may be beyond its edges;
 * empty if it shows nothing.
 */
ScreenRect screen_plane_on(const Screen *screen, int plane, ScreenRect fit);

#endif /* VGPU_SCREEN_PAINT_H */
