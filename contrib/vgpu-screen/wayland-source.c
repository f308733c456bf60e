/*
 * A Wayland connection in GLib's main loop
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "wayland-source.h"

typedef struct WaylandSource {
    GSource source;
    struct wl_display *display;
    gpointer tag;
    bool reading;
    void (*lost)(void *opaque);
    void *opaque;
} WaylandSource;

static gboolean wayland_prepare(GSource *source, gint *timeout)
{
    WaylandSource *ws = (WaylandSource *)source;

    *timeout = -1;
    if (!ws->reading) {
        if (wl_display_prepare_read(ws->display) < 0) {
            return TRUE;
        }
        ws->reading = true;
    }
    wl_display_flush(ws->display);
    return FALSE;
}

static gboolean wayland_check(GSource *source)
{
    WaylandSource *ws = (WaylandSource *)source;
    GIOCondition events = g_source_query_unix_fd(source, ws->tag);

    if (ws->reading) {
        ws->reading = false;
        if (events & G_IO_IN) {
            wl_display_read_events(ws->display);
        } else {
            wl_display_cancel_read(ws->display);
        }
    }
    return events != 0;
}

static gboolean wayland_dispatch(GSource *source, GSourceFunc callback,
                                 gpointer opaque)
{
    WaylandSource *ws = (WaylandSource *)source;

    if (wl_display_dispatch_pending(ws->display) < 0 ||
        wl_display_get_error(ws->display) ||
        g_source_query_unix_fd(source, ws->tag) & (G_IO_HUP | G_IO_ERR)) {
        ws->lost(ws->opaque);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static void wayland_finalize(GSource *source)
{
    WaylandSource *ws = (WaylandSource *)source;

    if (ws->reading) {
        wl_display_cancel_read(ws->display);
    }
}

static GSourceFuncs wayland_source_funcs = {
    .prepare = wayland_prepare,
    .check = wayland_check,
    .dispatch = wayland_dispatch,
    .finalize = wayland_finalize,
};

GSource *wayland_source_new(struct wl_display *display,
                            void (*lost)(void *opaque), void *opaque)
{
    GSource *source = g_source_new(&wayland_source_funcs,
                                   sizeof(WaylandSource));
    WaylandSource *ws = (WaylandSource *)source;

    ws->display = display;
    ws->lost = lost;
    ws->opaque = opaque;
    ws->tag = g_source_add_unix_fd(source, wl_display_get_fd(display),
                                   G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_attach(source, NULL);
    return source;
}
