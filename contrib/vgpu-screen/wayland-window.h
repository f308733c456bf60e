/*
 * The black window that a guest's screen is shown on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_WAYLAND_WINDOW_H
#define VGPU_SCREEN_WAYLAND_WINDOW_H

#include "wayland-surface.h"

/* Scales are in 120ths. */
#define WAYLAND_SCALE_ONE 120

typedef struct WaylandWindowOps {
    /* It may be shown from now on. */
    void (*ready)(void *opaque);
    /* It is to be laid out, as it has another size or scale, or no picture. */
    void (*resized)(void *opaque);
    void (*close)(void *opaque);
} WaylandWindowOps;

typedef struct WaylandWindow {
    WaylandSurface surface;
    WaylandCopy *black;
    struct xdg_surface *xdg;
    struct xdg_toplevel *toplevel;
    struct wp_fractional_scale_v1 *scale_object;
    const WaylandWindowOps *ops;
    void *opaque;

    bool configured;
    bool mapped;                /* it is there */
    bool sized;                 /* by the compositor or its user */
    guint first_picture;        /* how long it waits for a picture's size */
    int scale;                  /* WAYLAND_SCALE_ONE: a pixel for each unit */
    int width;                  /* in the compositor's units */
    int height;
    int asked_width;            /* by the configuration that is to come */
    int asked_height;
} WaylandWindow;

/**
 * wayland_window_init:
 * @window: has its size, ops and opaque; the rest is 0
 * @display: the compositor's
 * @title: for people
 * @fullscreen: whether it covers a monitor
 *
 * Returns: false with errno set if there is no memory to share
 */
bool wayland_window_init(WaylandWindow *window, WaylandDisplay *display,
                         const char *title, bool fullscreen);
void wayland_window_finish(WaylandWindow *window);

/**
 * wayland_window_lay_out:
 * @window: a window
 * @width: of the picture in pixels, or 0
 * @height: likewise
 *
 * Shows it, as large as the picture if nobody has sized it. The caller commits.
 *
 * Returns: where in it the picture is
 */
ScreenRect wayland_window_lay_out(WaylandWindow *window, int width,
                                  int height);

#endif /* VGPU_SCREEN_WAYLAND_WINDOW_H */
