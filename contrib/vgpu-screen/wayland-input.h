/*
 * Keyboards, pointers and touch screens of a Wayland compositor
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_WAYLAND_INPUT_H
#define VGPU_SCREEN_WAYLAND_INPUT_H

#include "input.h"
#include "wayland-display.h"

/* What the window does for its input. */
typedef struct WaylandInputOps {
    /* A place in the window becomes one in the picture's pixels. */
    bool (*to_picture)(void *opaque, double *x, double *y);
    /* The pointer's image has to be set, or the guest's drawn. */
    void (*pointer_changed)(void *opaque);
    void (*leave)(void *opaque);
} WaylandInputOps;

typedef struct WaylandInput {
    ScreenInput *input;
    WaylandDisplay *display;
    struct wl_surface *surface;         /* the window's */
    const WaylandInputOps *ops;
    void *opaque;

    struct wl_seat *seat;
    struct wl_keyboard *keyboard;
    struct wl_pointer *pointer;
    struct wl_touch *touch;
    struct zwp_relative_pointer_v1 *relative;
    struct zwp_locked_pointer_v1 *lock;
    uint32_t enter_serial;
    bool inside;                        /* the pointer is over the window */
    bool locked;                        /* and moves nothing but the guest's */
    bool discrete;                      /* this frame's wheel came in steps */
    double axis;
} WaylandInput;

/* input, display, surface, ops and opaque are set. */
void wayland_input_init(WaylandInput *in);
void wayland_input_finish(WaylandInput *in);

/**
 * wayland_input_set_image:
 * @in: the input
 * @surface: what the pointer looks like over the window; NULL: nothing
 * @hot_x: from the image's left edge to where it points
 * @hot_y: from its top
 */
void wayland_input_set_image(WaylandInput *in, struct wl_surface *surface,
                             int hot_x, int hot_y);

/* Whether the compositor's pointer stands for the guest's. */
bool wayland_input_points(const WaylandInput *in);

#endif /* VGPU_SCREEN_WAYLAND_INPUT_H */
