/*
 * A surface that shows one of the guest's planes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_WAYLAND_SURFACE_H
#define VGPU_SCREEN_WAYLAND_SURFACE_H

#include "screen.h"
#include "wayland-display.h"

/* One on screen, one to write to, and one that is late. */
#define WAYLAND_COPIES 3

typedef struct WaylandSurface {
    WaylandDisplay *display;
    struct wl_surface *surface;
    struct wl_subsurface *subsurface;   /* NULL: it lies on no other */
    struct wp_viewport *viewport;
    WaylandCopy *copies[WAYLAND_COPIES];
    ScreenBuffer *buffer;       /* that it shows, or NULL */
    bool direct;                /* as it is, and not a copy */
} WaylandSurface;

/* @below: what it lies on, and leaves the input to; NULL: nothing */
void wayland_surface_init(WaylandSurface *surface, WaylandDisplay *display,
                          struct wl_surface *below);
void wayland_surface_finish(WaylandSurface *surface);

/**
 * wayland_surface_prepare:
 * @surface: a surface
 * @plane: what it is about to show
 *
 * Returns: false if the compositor has to say something first: the display's
 * changed() is called then.
 */
bool wayland_surface_prepare(WaylandSurface *surface,
                             const ScreenPlane *plane);

/**
 * wayland_surface_attach:
 * @surface: a surface that is prepared for that
 * @screen: counts the bytes that are copied
 * @plane: what it shows
 * @damage: of it, in the view's pixels; NULL: all of it
 *
 * The caller commits.
 *
 * Returns: false if its memory has gone; it shows what it did.
 */
bool wayland_surface_attach(WaylandSurface *surface, Screen *screen,
                            const ScreenPlane *plane,
                            pixman_region32_t *damage);

/**
 * wayland_surface_place:
 * @surface: a surface
 * @plane: what it shows
 * @place: where that is; cut to @within, in the same coordinates
 * @within: of the surface that it lies on
 *
 * The caller commits that surface, too.
 */
void wayland_surface_place(WaylandSurface *surface, const ScreenPlane *plane,
                           ScreenRect place, ScreenRect within);

/* Shows nothing. The caller commits. */
void wayland_surface_hide(WaylandSurface *surface);

#endif /* VGPU_SCREEN_WAYLAND_SURFACE_H */
