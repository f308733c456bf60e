/*
 * A Wayland connection in GLib's main loop
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_WAYLAND_SOURCE_H
#define VGPU_SCREEN_WAYLAND_SOURCE_H

#include <glib.h>
#include <wayland-client.h>

/**
 * wayland_source_new:
 * @display: the connection, which outlives the source
 * @lost: called once when the connection has ended
 * @opaque: its argument
 *
 * Returns: a source of the default main context, which sends what is to be
 * sent and dispatches what has come. Nothing else may read from @display.
 */
GSource *wayland_source_new(struct wl_display *display,
                            void (*lost)(void *opaque), void *opaque);

#endif /* VGPU_SCREEN_WAYLAND_SOURCE_H */
