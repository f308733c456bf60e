/*
 * A connection to a Wayland compositor, and what it offers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "wayland-display.h"

/* --- In GLib's main loop --- */

typedef struct WaylandSource {
    GSource source;
    WaylandDisplay *display;
    gpointer tag;
} WaylandSource;

static gboolean source_prepare(GSource *source, gint *timeout)
{
    *timeout = -1;
    wl_display_flush(((WaylandSource *)source)->display->display);
    return FALSE;
}

static gboolean source_check(GSource *source)
{
    return g_source_query_unix_fd(source, ((WaylandSource *)source)->tag) != 0;
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback,
                                gpointer opaque)
{
    WaylandSource *ws = (WaylandSource *)source;
    WaylandDisplay *d = ws->display;

    if (g_source_query_unix_fd(source, ws->tag) & (G_IO_HUP | G_IO_ERR) ||
        wl_display_dispatch(d->display) < 0) {
        d->lost(d->opaque, strerror(wl_display_get_error(d->display) ?: EPIPE));
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

static void display_begin(WaylandDisplay *d)
{
    WaylandSource *ws;

    d->source = g_source_new(&source_funcs, sizeof(WaylandSource));
    ws = (WaylandSource *)d->source;
    ws->display = d;
    ws->tag = g_source_add_unix_fd(d->source, wl_display_get_fd(d->display),
                                   G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_attach(d->source, NULL);
}

/* --- What there is --- */

typedef struct Global {
    const struct wl_interface *interface;
    size_t object;              /* where in WaylandDisplay */
    uint32_t version;           /* the newest that is known here */
} Global;

#define GLOBAL(interface, member, version) \
    { &interface##_interface, offsetof(WaylandDisplay, member), version }

static const Global globals[] = {
    GLOBAL(wl_compositor, compositor, 4),
    GLOBAL(wl_subcompositor, subcompositor, 1),
    GLOBAL(wl_shm, shm, 1),
    GLOBAL(xdg_wm_base, shell, 1),
    GLOBAL(wp_viewporter, viewporter, 1),
    GLOBAL(wp_presentation, presentation, 1),
    GLOBAL(wp_fractional_scale_manager_v1, scales, 1),
    GLOBAL(zwp_pointer_constraints_v1, constraints, 1),
    GLOBAL(zwp_relative_pointer_manager_v1, relative_pointers, 1),
};

static struct wl_proxy **global_of(WaylandDisplay *d, int i)
{
    return (struct wl_proxy **)((char *)d + globals[i].object);
}

static void registry_global(void *opaque, struct wl_registry *registry,
                            uint32_t name, const char *interface,
                            uint32_t version)
{
    WaylandDisplay *d = opaque;

    for (int i = 0; i < ARRAY_SIZE(globals); i++) {
        if (!*global_of(d, i) &&
            !strcmp(interface, globals[i].interface->name)) {
            *global_of(d, i) = wl_registry_bind(
                registry, name, globals[i].interface,
                MIN(version, globals[i].version));
        }
    }
    if (!d->seat && !strcmp(interface, wl_seat_interface.name)) {
        d->seat = name;
        d->seat_version = version;
    }
    if (!strcmp(interface, zwp_linux_dmabuf_v1_interface.name) &&
        version >= 3 && !d->dmabuf.dmabuf) {
        wayland_dmabuf_init(&d->dmabuf, registry, name, d->changed,
                            d->opaque);
    }
}

static void registry_remove(void *opaque, struct wl_registry *registry,
                            uint32_t name)
{
}

static const struct wl_registry_listener registry_listener = {
    .global = registry_global,
    .global_remove = registry_remove,
};

bool wayland_display_open(WaylandDisplay *d, Error **errp)
{
    d->display = wl_display_connect(NULL);
    if (!d->display) {
        error_setg_errno(errp, errno, "No Wayland compositor answers");
        error_append_hint(errp, "WAYLAND_DISPLAY and XDG_RUNTIME_DIR of a "
                          "session name it; without one there is --kms.\n");
        return false;
    }
    d->registry = wl_display_get_registry(d->display);
    wl_registry_add_listener(d->registry, &registry_listener, d);
    /* Once for the globals, once for what they say of themselves. */
    if (wl_display_roundtrip(d->display) < 0 ||
        wl_display_roundtrip(d->display) < 0) {
        error_setg_errno(errp, errno, "The Wayland compositor has left");
        return false;
    }
    if (!d->compositor || wl_compositor_get_version(d->compositor) < 4 ||
        !d->subcompositor || !d->shm || !d->shell || !d->viewporter) {
        error_setg(errp, "The Wayland compositor is too old: wl_compositor 4, "
                   "wl_subcompositor, wl_shm, xdg_wm_base and wp_viewporter "
                   "are needed");
        return false;
    }
    display_begin(d);
    return true;
}

void wayland_display_close(WaylandDisplay *d)
{
    if (!d->display) {
        return;
    }
    if (d->source) {
        g_source_destroy(d->source);
        g_source_unref(d->source);
    }
    wayland_dmabuf_finish(&d->dmabuf);
    /* The compositor forgets them with the connection. */
    for (int i = 0; i < ARRAY_SIZE(globals); i++) {
        g_clear_pointer(global_of(d, i), wl_proxy_destroy);
    }
    wl_registry_destroy(d->registry);
    wl_display_flush(d->display);
    wl_display_disconnect(d->display);
}
