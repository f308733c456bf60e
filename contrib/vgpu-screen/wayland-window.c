/*
 * The black window that a guest's screen is shown on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "wayland-window.h"

/* It opens with its guest's picture, and after that time without. */
#define FIRST_PICTURE_MS 500

ScreenRect wayland_window_lay_out(WaylandWindow *window, int width, int height)
{
    window->mapped = true;
    if (!window->sized && width) {
        window->width = MAX(width * WAYLAND_SCALE_ONE / window->scale, 1);
        window->height = MAX(height * WAYLAND_SCALE_ONE / window->scale, 1);
    }
    wp_viewport_set_destination(window->surface.viewport, window->width,
                                window->height);
    wl_surface_attach(window->surface.surface, window->black->wl_buffer, 0, 0);
    wl_surface_damage_buffer(window->surface.surface, 0, 0, 1, 1);
    return screen_fit_scaled(width, height, window->width, window->height);
}

/* The guest shows nothing yet, or its screen is off. */
static gboolean window_map(gpointer opaque)
{
    WaylandWindow *window = opaque;

    window->first_picture = 0;
    if (!window->mapped) {
        window->ops->resized(window->opaque);
    }
    return G_SOURCE_REMOVE;
}

static void xdg_configure(void *opaque, struct xdg_surface *xdg,
                          uint32_t serial)
{
    WaylandWindow *window = opaque;

    xdg_surface_ack_configure(xdg, serial);
    if (window->asked_width && window->asked_height &&
        (window->asked_width != window->width ||
         window->asked_height != window->height)) {
        window->width = window->asked_width;
        window->height = window->asked_height;
        window->sized = true;
        window->ops->resized(window->opaque);
    }
    if (!window->configured) {
        window->configured = true;
        window->first_picture = g_timeout_add(FIRST_PICTURE_MS, window_map,
                                              window);
        window->ops->ready(window->opaque);
    }
}

static const struct xdg_surface_listener xdg_listener = {
    .configure = xdg_configure,
};

static void toplevel_configure(void *opaque, struct xdg_toplevel *toplevel,
                               int32_t width, int32_t height,
                               struct wl_array *states)
{
    WaylandWindow *window = opaque;

    window->asked_width = width;
    window->asked_height = height;
    window->sized &= width && height;
}

static void toplevel_close(void *opaque, struct xdg_toplevel *toplevel)
{
    WaylandWindow *window = opaque;

    window->ops->close(window->opaque);
}

static const struct xdg_toplevel_listener toplevel_listener = {
    .configure = toplevel_configure,
    .close = toplevel_close,
};

static void shell_ping(void *opaque, struct xdg_wm_base *shell,
                       uint32_t serial)
{
    xdg_wm_base_pong(shell, serial);
}

static const struct xdg_wm_base_listener shell_listener = {
    .ping = shell_ping,
};

static void preferred_scale(void *opaque, struct wp_fractional_scale_v1 *object,
                            uint32_t scale)
{
    WaylandWindow *window = opaque;

    if (scale >= WAYLAND_SCALE_ONE / 4 && scale != window->scale) {
        window->scale = scale;
        window->ops->resized(window->opaque);
    }
}

static const struct wp_fractional_scale_v1_listener scale_listener = {
    .preferred_scale = preferred_scale,
};

bool wayland_window_init(WaylandWindow *window, WaylandDisplay *d,
                         const char *title, bool fullscreen)
{
    wayland_surface_init(&window->surface, d, NULL);
    window->scale = WAYLAND_SCALE_ONE;
    window->black = wayland_copy_new(d->shm, WL_SHM_FORMAT_XRGB8888, 1, 1,
                                     d->changed, d->opaque);
    if (!window->black) {
        return false;
    }
    xdg_wm_base_add_listener(d->shell, &shell_listener, window);
    window->xdg = xdg_wm_base_get_xdg_surface(d->shell,
                                              window->surface.surface);
    xdg_surface_add_listener(window->xdg, &xdg_listener, window);
    window->toplevel = xdg_surface_get_toplevel(window->xdg);
    xdg_toplevel_add_listener(window->toplevel, &toplevel_listener, window);
    xdg_toplevel_set_title(window->toplevel, title);
    xdg_toplevel_set_app_id(window->toplevel, "org.qemu.vgpu-screen");
    if (fullscreen) {
        xdg_toplevel_set_fullscreen(window->toplevel, NULL);
    }
    if (d->scales) {
        window->scale_object =
            wp_fractional_scale_manager_v1_get_fractional_scale(
                d->scales, window->surface.surface);
        wp_fractional_scale_v1_add_listener(window->scale_object,
                                            &scale_listener, window);
    }
    wl_surface_commit(window->surface.surface);
    return true;
}

void wayland_window_finish(WaylandWindow *window)
{
    g_clear_handle_id(&window->first_picture, g_source_remove);
    g_clear_pointer(&window->scale_object, wp_fractional_scale_v1_destroy);
    g_clear_pointer(&window->toplevel, xdg_toplevel_destroy);
    g_clear_pointer(&window->xdg, xdg_surface_destroy);
    wayland_surface_finish(&window->surface);
    g_clear_pointer(&window->black, wayland_copy_free);
}
