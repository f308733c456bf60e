/*
 * A connection to a Wayland compositor, and what it offers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_WAYLAND_DISPLAY_H
#define VGPU_SCREEN_WAYLAND_DISPLAY_H

#include "fractional-scale-v1-client-protocol.h"
#include "pointer-constraints-unstable-v1-client-protocol.h"
#include "presentation-time-client-protocol.h"
#include "qapi/error.h"
#include "relative-pointer-unstable-v1-client-protocol.h"
#include "viewporter-client-protocol.h"
#include "wayland-buffer.h"
#include "xdg-shell-client-protocol.h"

typedef struct WaylandDisplay {
    struct wl_display *display;
    struct wl_registry *registry;
    struct wl_compositor *compositor;
    struct wl_subcompositor *subcompositor;
    struct wl_shm *shm;
    struct xdg_wm_base *shell;
    struct wp_viewporter *viewporter;
    WaylandDmabuf dmabuf;               /* this and the rest may be missing */
    uint32_t seat;                      /* its name, for wl_registry_bind() */
    uint32_t seat_version;
    struct wp_presentation *presentation;
    struct wp_fractional_scale_manager_v1 *scales;
    struct zwp_pointer_constraints_v1 *constraints;
    struct zwp_relative_pointer_manager_v1 *relative_pointers;

    GSource *source;
    /* A dma-buf was taken or refused, or a buffer is free. */
    void (*changed)(void *opaque);
    /* It cannot be used any more; called once. */
    void (*lost)(void *opaque, const char *why);
    void *opaque;
} WaylandDisplay;

/**
 * wayland_display_open:
 * @display: has its functions; the rest is 0
 * @errp: why there is no compositor, and what to do
 *
 * Its events are dispatched by the default main context from now on.
 *
 * Returns: whether it has what is needed. wayland_display_close() is called in
 * any case.
 */
bool wayland_display_open(WaylandDisplay *display, Error **errp);

/* Everything that was made of it must be gone. */
void wayland_display_close(WaylandDisplay *display);

#endif /* VGPU_SCREEN_WAYLAND_DISPLAY_H */
