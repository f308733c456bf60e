/*
 * A guest's screen as a window of a Wayland compositor
 *
 * The window is black. On it lies the picture, a surface of its own with the
 * guest's shape, so that a compositor with a free plane can scan it out as it
 * is, and above that the guest's cursor where it is not the pointer's image.
 *
 * A frame is complete when the compositor has begun to show it and released
 * the buffer of the one before. That is when the guest may draw on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"

#include "fractional-scale-v1-client-protocol.h"
#include "paint.h"
#include "presentation-time-client-protocol.h"
#include "viewporter-client-protocol.h"
#include "wayland-buffer.h"
#include "wayland-input.h"
#include "wayland-source.h"
#include "wayland.h"
#include "xdg-shell-client-protocol.h"

#define COPIES 3
/* A window opens with its guest's picture, and after that time without. */
#define FIRST_PICTURE_MS 500
/* Scales are in 120ths. */
#define SCALE_ONE 120

typedef struct Surface {
    struct wl_surface *surface;
    struct wl_subsurface *subsurface;
    struct wp_viewport *viewport;
} Surface;

typedef struct Frame {
    ScreenFrame frame;
    WaylandOutput *out;
    struct wp_presentation_feedback *feedback;  /* NULL: none is to come */
    int64_t committed_us;
} Frame;

struct WaylandOutput {
    Screen *screen;
    DBusClient *client;
    void (*closed)(void *opaque, const char *why);
    void *opaque;

    struct wl_display *display;
    struct wl_registry *registry;
    struct wl_compositor *compositor;
    struct wl_subcompositor *subcompositor;
    struct wl_shm *shm;
    struct xdg_wm_base *shell;
    struct wp_viewporter *viewporter;
    struct wp_presentation *presentation;               /* may be NULL */
    struct wp_fractional_scale_manager_v1 *scales;      /* likewise */
    WaylandDmabuf dmabuf;
    WaylandInput in;
    GSource *source;

    Surface window;
    Surface picture;
    Surface cursor;
    struct wl_surface *pointer;         /* the cursor as the pointer's image */
    struct wp_viewport *pointer_viewport;
    struct xdg_surface *xdg;
    struct xdg_toplevel *toplevel;
    struct wp_fractional_scale_v1 *scale_object;
    struct wl_callback *callback;
    WaylandCopy *black;
    WaylandCopy *copies[COPIES];
    WaylandCopy *cursor_copy;
    unsigned cursor_serial;

    bool configured;
    bool mapped;                /* there is a window */
    guint first_picture;        /* how long it waits for a picture's size */
    bool sized;                 /* by the compositor or its user */
    int scale;                  /* SCALE_ONE: a pixel for each unit */
    int width;                  /* of the window, in the compositor's units */
    int height;
    int asked_width;            /* by the configuration that is to come */
    int asked_height;
    int view_width;             /* of the picture that is on screen */
    int view_height;
    ScreenRect fit;             /* of it, in the window */

    unsigned serial;            /* of the last frame */
    GQueue frames;              /* that are not complete yet */
    ScreenBuffer *current;      /* the dma-buf of the last one, if it is one */
};

static void wayland_show(WaylandOutput *out);

static void surface_init(WaylandOutput *out, Surface *surface)
{
    surface->surface = wl_compositor_create_surface(out->compositor);
    surface->viewport = wp_viewporter_get_viewport(out->viewporter,
                                                   surface->surface);
}

/* One that lies on the window, and leaves it its input. */
static void surface_init_above(WaylandOutput *out, Surface *surface)
{
    struct wl_region *nowhere = wl_compositor_create_region(out->compositor);

    surface_init(out, surface);
    surface->subsurface = wl_subcompositor_get_subsurface(
        out->subcompositor, surface->surface, out->window.surface);
    wl_subsurface_set_desync(surface->subsurface);
    wl_surface_set_input_region(surface->surface, nowhere);
    wl_region_destroy(nowhere);
}

static void surface_finish(Surface *surface)
{
    g_clear_pointer(&surface->viewport, wp_viewport_destroy);
    g_clear_pointer(&surface->subsurface, wl_subsurface_destroy);
    g_clear_pointer(&surface->surface, wl_surface_destroy);
}

/* --- Which frames are complete --- */

static void frame_free(Frame *frame)
{
    g_clear_pointer(&frame->feedback, wp_presentation_feedback_destroy);
    screen_buffer_unref(frame->frame.before);
    g_free(frame);
}

/* Those that nothing more is to be heard of go. */
static void wayland_forget_frames(WaylandOutput *out)
{
    Frame *frame;

    while ((frame = g_queue_peek_head(&out->frames)) &&
           frame->frame.complete && !frame->feedback) {
        frame_free(g_queue_pop_head(&out->frames));
    }
}

static void wayland_complete_frames(WaylandOutput *out)
{
    screen_complete_frames(out->screen, &out->frames, wayland_import_is_busy);
    wayland_forget_frames(out);
}

static void feedback_output(void *opaque,
                            struct wp_presentation_feedback *feedback,
                            struct wl_output *output)
{
}

static void feedback_ended(Frame *frame)
{
    g_clear_pointer(&frame->feedback, wp_presentation_feedback_destroy);
    wayland_forget_frames(frame->out);
}

static void feedback_presented(void *opaque,
                               struct wp_presentation_feedback *feedback,
                               uint32_t sec_high, uint32_t sec_low,
                               uint32_t nsec, uint32_t refresh_ns,
                               uint32_t seq_high, uint32_t seq_low,
                               uint32_t flags)
{
    Frame *frame = opaque;
    int64_t took_us = g_get_monotonic_time() - frame->committed_us;

    if (refresh_ns && took_us * 1000 > 2 * (int64_t)refresh_ns) {
        frame->out->screen->stats.late++;
    }
    feedback_ended(frame);
}

/* Another frame came first. */
static void feedback_discarded(void *opaque,
                               struct wp_presentation_feedback *feedback)
{
    feedback_ended(opaque);
}

static const struct wp_presentation_feedback_listener feedback_listener = {
    .sync_output = feedback_output,
    .presented = feedback_presented,
    .discarded = feedback_discarded,
};

/*
 * The compositor has begun a refresh of the monitor with what was committed.
 * This comes early enough for the guest to draw its next picture for the next
 * refresh; that it is presented, too late.
 */
static void handle_frame(void *opaque, struct wl_callback *callback,
                         uint32_t time)
{
    WaylandOutput *out = opaque;

    g_clear_pointer(&out->callback, wl_callback_destroy);
    for (GList *l = out->frames.head; l; l = l->next) {
        ((ScreenFrame *)l->data)->shown = true;
    }
    wayland_complete_frames(out);
    wayland_show(out);
}

static const struct wl_callback_listener frame_listener = {
    .done = handle_frame,
};

static void wayland_buffers_changed(void *opaque)
{
    WaylandOutput *out = opaque;

    wayland_complete_frames(out);
    wayland_show(out);
}

/* before: the dma-buf that the compositor is to release, or NULL; consumed */
static void wayland_begin_frame(WaylandOutput *out, ScreenBuffer *before)
{
    Frame *frame = g_new0(Frame, 1);

    frame->out = out;
    frame->frame.serial = out->serial;
    frame->frame.before = before;
    frame->committed_us = g_get_monotonic_time();
    if (out->presentation) {
        frame->feedback = wp_presentation_feedback(out->presentation,
                                                   out->picture.surface);
        wp_presentation_feedback_add_listener(frame->feedback,
                                              &feedback_listener, frame);
    }
    g_queue_push_tail(&out->frames, frame);
    out->callback = wl_surface_frame(out->picture.surface);
    wl_callback_add_listener(out->callback, &frame_listener, out);
}

/* --- The cursor --- */

static bool wayland_refresh_cursor(WaylandOutput *out)
{
    ScreenCursor *cursor = &out->screen->cursor;
    int width, height;

    if (!cursor->image || !cursor->visible) {
        return false;
    }
    if (out->cursor_copy && out->cursor_serial == cursor->serial) {
        return true;
    }
    width = pixman_image_get_width(cursor->image);
    height = pixman_image_get_height(cursor->image);
    /* The one before may be read from: it goes with its last use. */
    wayland_copy_free(out->cursor_copy);
    out->cursor_copy = wayland_copy_new(out->shm, WL_SHM_FORMAT_ARGB8888,
                                        width, height);
    if (!out->cursor_copy) {
        return false;
    }
    pixman_image_set_transform(cursor->image, NULL);
    pixman_image_composite32(PIXMAN_OP_SRC, cursor->image, NULL,
                             out->cursor_copy->image, 0, 0, 0, 0, 0, 0,
                             width, height);
    out->cursor_serial = cursor->serial;
    return true;
}

static void wayland_attach_cursor(WaylandOutput *out,
                                  struct wl_surface *surface,
                                  struct wp_viewport *viewport, bool show)
{
    wl_surface_attach(surface, show ? out->cursor_copy->wl_buffer : NULL,
                      0, 0);
    if (show) {
        ScreenRect place = screen_cursor_on(out->screen, out->fit);

        wp_viewport_set_destination(viewport, place.width, place.height);
        wl_surface_damage_buffer(surface, 0, 0, INT32_MAX, INT32_MAX);
    }
    wl_surface_commit(surface);
}

static void wayland_show_cursor(WaylandOutput *out)
{
    ScreenCursor *cursor = &out->screen->cursor;
    ScreenRect place = screen_cursor_on(out->screen, out->fit);
    bool there = place.width && wayland_refresh_cursor(out);
    bool points = wayland_input_points(&out->in);
    bool above = there && !points;

    if (above) {
        wl_subsurface_set_position(out->cursor.subsurface, place.x, place.y);
    }
    wayland_attach_cursor(out, out->cursor.surface, out->cursor.viewport,
                          above);
    if (points && there) {
        double scale_x = (double)out->fit.width / out->view_width;
        double scale_y = (double)out->fit.height / out->view_height;

        wayland_input_set_image(&out->in, out->pointer,
                                cursor->hot_x * scale_x,
                                cursor->hot_y * scale_y);
        wayland_attach_cursor(out, out->pointer, out->pointer_viewport, true);
    } else {
        wayland_input_set_image(&out->in, NULL, 0, 0);
    }
    /* Places above the window are part of its own state. */
    wl_surface_commit(out->window.surface);
}

static void wayland_cursor_changed(void *opaque)
{
    WaylandOutput *out = opaque;

    if (out->configured && out->view_width) {
        wayland_show_cursor(out);
    }
}

/* --- The picture --- */

/* Its place in the window; the window is committed with it. */
static void wayland_lay_out(WaylandOutput *out)
{
    ScreenRect view = out->screen->view;

    out->mapped = true;
    out->view_width = view.width;
    out->view_height = view.height;
    if (!out->sized && view.width) {
        out->width = MAX(view.width * SCALE_ONE / out->scale, 1);
        out->height = MAX(view.height * SCALE_ONE / out->scale, 1);
    }
    out->fit = screen_fit_scaled(view.width, view.height, out->width,
                                 out->height);
    wp_viewport_set_destination(out->window.viewport, out->width, out->height);
    wl_surface_attach(out->window.surface, out->black->wl_buffer, 0, 0);
    wl_surface_damage_buffer(out->window.surface, 0, 0, 1, 1);
    if (out->fit.width) {
        wl_subsurface_set_position(out->picture.subsurface, out->fit.x,
                                   out->fit.y);
        wp_viewport_set_destination(out->picture.viewport, out->fit.width,
                                    out->fit.height);
    }
    wl_surface_commit(out->window.surface);
}

static void wayland_free_copies(WaylandOutput *out)
{
    for (int i = 0; i < COPIES; i++) {
        g_clear_pointer(&out->copies[i], wayland_copy_free);
    }
}

static WaylandCopy *wayland_new_copy(WaylandOutput *out)
{
    WaylandCopy *copy = wayland_copy_new(
        out->shm, WL_SHM_FORMAT_XRGB8888, out->screen->view.width,
        out->screen->view.height);

    if (copy) {
        copy->released = wayland_buffers_changed;
        copy->opaque = out;
    }
    return copy;
}

/* One that the compositor does not read, of the picture's size; or NULL */
static WaylandCopy *wayland_free_copy(WaylandOutput *out)
{
    ScreenRect view = out->screen->view;

    if (out->copies[0] &&
        (pixman_image_get_width(out->copies[0]->image) != view.width ||
         pixman_image_get_height(out->copies[0]->image) != view.height)) {
        wayland_free_copies(out);
    }
    for (int i = 0; i < COPIES; i++) {
        if (!out->copies[i]) {
            out->copies[i] = wayland_new_copy(out);
            return out->copies[i];
        }
        if (!out->copies[i]->busy) {
            return out->copies[i];
        }
    }
    return NULL;
}

static void wayland_damage_picture(WaylandOutput *out,
                                   pixman_region32_t *damage, int x, int y)
{
    int count;
    pixman_box32_t *boxes = pixman_region32_rectangles(damage, &count);

    for (int i = 0; i < count; i++) {
        wl_surface_damage_buffer(out->picture.surface, x + boxes[i].x1,
                                 y + boxes[i].y1, boxes[i].x2 - boxes[i].x1,
                                 boxes[i].y2 - boxes[i].y1);
    }
}

static void wayland_attach_import(WaylandOutput *out,
                                  struct wl_buffer *wl_buffer,
                                  pixman_region32_t *damage)
{
    ScreenBuffer *buffer = out->screen->buffer;
    ScreenRect view = out->screen->view;
    struct wl_surface *surface = out->picture.surface;

    wayland_import_use(buffer);
    wl_surface_attach(surface, wl_buffer, 0, 0);
    wl_surface_set_buffer_transform(
        surface, buffer->bottom_up ? WL_OUTPUT_TRANSFORM_FLIPPED_180
                                   : WL_OUTPUT_TRANSFORM_NORMAL);
    wp_viewport_set_source(
        out->picture.viewport, wl_fixed_from_int(view.x),
        wl_fixed_from_int(view.y), wl_fixed_from_int(view.width),
        wl_fixed_from_int(view.height));
    if (buffer->bottom_up) {
        wl_surface_damage_buffer(surface, 0, 0, INT32_MAX, INT32_MAX);
    } else {
        wayland_damage_picture(out, damage, view.x, view.y);
    }
}

static void wayland_attach_copy(WaylandOutput *out, WaylandCopy *copy,
                                pixman_region32_t *damage)
{
    ScreenRect all = { 0, 0, out->screen->view.width,
                       out->screen->view.height };

    for (int i = 0; i < COPIES && out->copies[i]; i++) {
        pixman_region32_union(&out->copies[i]->stale, &out->copies[i]->stale,
                              damage);
    }
    if (!screen_paint(out->screen, copy->image, all, &copy->stale, false)) {
        warn_report_once("The guest's buffer can be shown neither by the "
                         "compositor nor by the CPU (%s); without gl=on QEMU "
                         "sends pixels", strerror(errno));
    }
    pixman_region32_clear(&copy->stale);
    copy->busy = true;
    wl_surface_attach(out->picture.surface, copy->wl_buffer, 0, 0);
    wl_surface_set_buffer_transform(out->picture.surface,
                                    WL_OUTPUT_TRANSFORM_NORMAL);
    wp_viewport_set_source(out->picture.viewport, wl_fixed_from_int(0),
                           wl_fixed_from_int(0), wl_fixed_from_int(all.width),
                           wl_fixed_from_int(all.height));
    wayland_damage_picture(out, damage, 0, 0);
}

/* A compositor tells nothing more of a surface that it does not show. */
static void wayland_give_up_frames(WaylandOutput *out)
{
    g_clear_pointer(&out->callback, wl_callback_destroy);
    for (GList *l = out->frames.head; l; l = l->next) {
        ScreenFrame *frame = l->data;

        frame->shown = true;
        g_clear_pointer(&frame->before, screen_buffer_unref);
    }
    wayland_complete_frames(out);
}

static void wayland_show_off(WaylandOutput *out)
{
    wl_surface_attach(out->picture.surface, NULL, 0, 0);
    wl_surface_commit(out->picture.surface);
    wayland_give_up_frames(out);
    screen_buffer_unref(out->current);
    out->current = NULL;
    wayland_show_cursor(out);
}

/* The buffer, or a copy, is attached and the frame committed. */
static void wayland_show_picture(WaylandOutput *out,
                                 struct wl_buffer *wl_buffer,
                                 WaylandCopy *copy)
{
    ScreenBuffer *before = out->current;
    pixman_region32_t damage;

    out->current = wl_buffer ? screen_buffer_ref(out->screen->buffer) : NULL;
    if (before && before == out->current) {
        g_clear_pointer(&before, screen_buffer_unref);
    }
    pixman_region32_init(&damage);
    screen_take(out->screen, ++out->serial, &damage);
    if (wl_buffer) {
        wayland_attach_import(out, wl_buffer, &damage);
    } else {
        wayland_attach_copy(out, copy, &damage);
    }
    pixman_region32_fini(&damage);
    wayland_begin_frame(out, before);
    wl_surface_commit(out->picture.surface);
    out->screen->stats.frames++;
    out->screen->stats.planes = wl_buffer ? 1 : 0;
}

static void wayland_tell_of_copies(const ScreenBuffer *buffer)
{
    static bool told;

    if (!told && buffer->num_planes) {
        told = true;
        info_report("The compositor does not take the guest's buffer (%.4s, "
                    "modifier 0x%" PRIx64 "): it is copied",
                    (const char *)&buffer->fourcc, buffer->modifier);
    }
}

static void wayland_show(WaylandOutput *out)
{
    Screen *screen = out->screen;
    struct wl_buffer *wl_buffer = NULL;
    WaylandCopy *copy = NULL;

    if (!out->configured) {
        return;
    }
    if (!screen->buffer) {
        if (out->mapped) {
            wayland_show_off(out);
        }
        return;
    }
    if (out->callback || !pixman_region32_not_empty(&screen->damage)) {
        return;
    }
    switch (wayland_import(&out->dmabuf, screen->buffer, &wl_buffer)) {
    case WAYLAND_IMPORT_PENDING:
        return;
    case WAYLAND_IMPORT_REFUSED:
        wayland_tell_of_copies(screen->buffer);
        copy = wayland_free_copy(out);
        if (!copy) {
            return;             /* until one is released */
        }
        break;
    case WAYLAND_IMPORT_READY:
        break;
    }
    if (!out->mapped || screen->view.width != out->view_width ||
        screen->view.height != out->view_height) {
        wayland_lay_out(out);
        wayland_show_cursor(out);
    }
    wayland_show_picture(out, wl_buffer, copy);
}

static void wayland_picture_changed(void *opaque)
{
    wayland_show(opaque);
}

static const ScreenOutputOps wayland_output_ops = {
    .picture_changed = wayland_picture_changed,
    .cursor_changed = wayland_cursor_changed,
};

/* --- The window --- */

static void wayland_wish(WaylandOutput *out)
{
    int width = out->width * out->scale / SCALE_ONE;
    int height = out->height * out->scale / SCALE_ONE;

    if (width != out->screen->view.width ||
        height != out->screen->view.height) {
        dbus_client_wish(out->client, 0, 0, width, height);
    }
}

/* The guest shows nothing yet, or its screen is off. */
static gboolean wayland_map(gpointer opaque)
{
    WaylandOutput *out = opaque;

    out->first_picture = 0;
    if (!out->mapped) {
        wayland_lay_out(out);
        wayland_show(out);
    }
    return G_SOURCE_REMOVE;
}

static void xdg_configure(void *opaque, struct xdg_surface *xdg,
                          uint32_t serial)
{
    WaylandOutput *out = opaque;
    bool resized = out->asked_width && out->asked_height &&
                   (out->asked_width != out->width ||
                    out->asked_height != out->height);

    xdg_surface_ack_configure(xdg, serial);
    if (resized) {
        out->width = out->asked_width;
        out->height = out->asked_height;
        out->sized = true;
        wayland_wish(out);
    }
    if (!out->configured) {
        out->configured = true;
        out->first_picture = g_timeout_add(FIRST_PICTURE_MS, wayland_map, out);
        wayland_show(out);
    } else if (resized && out->mapped) {
        wayland_lay_out(out);
        /* The picture's new place is a state of its own surface. */
        wl_surface_commit(out->picture.surface);
        wayland_show_cursor(out);
    }
}

static const struct xdg_surface_listener xdg_listener = {
    .configure = xdg_configure,
};

static void toplevel_configure(void *opaque, struct xdg_toplevel *toplevel,
                               int32_t width, int32_t height,
                               struct wl_array *states)
{
    WaylandOutput *out = opaque;

    out->asked_width = width;
    out->asked_height = height;
    if (!width || !height) {
        out->sized = false;
    }
}

static void toplevel_close(void *opaque, struct xdg_toplevel *toplevel)
{
    WaylandOutput *out = opaque;

    out->closed(out->opaque, NULL);
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
    WaylandOutput *out = opaque;

    if (scale < SCALE_ONE / 4 || scale == out->scale) {
        return;
    }
    out->scale = scale;
    if (out->mapped) {
        wayland_lay_out(out);
        wl_surface_commit(out->picture.surface);
        wayland_show_cursor(out);
        if (out->sized) {
            wayland_wish(out);
        }
    }
}

static const struct wp_fractional_scale_v1_listener scale_listener = {
    .preferred_scale = preferred_scale,
};

static bool wayland_to_picture(void *opaque, double *x, double *y)
{
    WaylandOutput *out = opaque;

    return screen_to_picture(out->fit, out->view_width, out->view_height,
                             x, y);
}

static void wayland_leave(void *opaque)
{
    WaylandOutput *out = opaque;

    out->closed(out->opaque, NULL);
}

static const WaylandInputOps wayland_input_ops = {
    .to_picture = wayland_to_picture,
    .pointer_changed = wayland_cursor_changed,
    .leave = wayland_leave,
};

static void wayland_make_window(WaylandOutput *out, bool fullscreen)
{
    g_autofree char *title = g_strdup_printf("%s - vgpu-screen",
                                             dbus_client_name(out->client));

    surface_init(out, &out->window);
    surface_init_above(out, &out->picture);
    surface_init_above(out, &out->cursor);
    out->pointer = wl_compositor_create_surface(out->compositor);
    out->pointer_viewport = wp_viewporter_get_viewport(out->viewporter,
                                                       out->pointer);
    xdg_wm_base_add_listener(out->shell, &shell_listener, out);
    out->xdg = xdg_wm_base_get_xdg_surface(out->shell, out->window.surface);
    xdg_surface_add_listener(out->xdg, &xdg_listener, out);
    out->toplevel = xdg_surface_get_toplevel(out->xdg);
    xdg_toplevel_add_listener(out->toplevel, &toplevel_listener, out);
    xdg_toplevel_set_title(out->toplevel, title);
    xdg_toplevel_set_app_id(out->toplevel, "org.qemu.vgpu-screen");
    if (fullscreen) {
        xdg_toplevel_set_fullscreen(out->toplevel, NULL);
    }
    if (out->scales) {
        out->scale_object =
            wp_fractional_scale_manager_v1_get_fractional_scale(
                out->scales, out->window.surface);
        wp_fractional_scale_v1_add_listener(out->scale_object,
                                            &scale_listener, out);
    }
    wl_surface_commit(out->window.surface);
}

/* --- The compositor --- */

static void registry_global(void *opaque, struct wl_registry *registry,
                            uint32_t name, const char *interface,
                            uint32_t version)
{
    WaylandOutput *out = opaque;
    const struct {
        const struct wl_interface *interface;
        void **object;
        uint32_t version;       /* the newest that is known here */
    } globals[] = {
        { &wl_compositor_interface, (void **)&out->compositor, 4 },
        { &wl_subcompositor_interface, (void **)&out->subcompositor, 1 },
        { &wl_shm_interface, (void **)&out->shm, 1 },
        { &wl_seat_interface, (void **)&out->in.seat, 5 },
        { &xdg_wm_base_interface, (void **)&out->shell, 1 },
        { &wp_viewporter_interface, (void **)&out->viewporter, 1 },
        { &wp_presentation_interface, (void **)&out->presentation, 1 },
        { &wp_fractional_scale_manager_v1_interface,
          (void **)&out->scales, 1 },
        { &zwp_pointer_constraints_v1_interface,
          (void **)&out->in.constraints, 1 },
        { &zwp_relative_pointer_manager_v1_interface,
          (void **)&out->in.relative_manager, 1 },
    };

    for (int i = 0; i < ARRAY_SIZE(globals); i++) {
        if (!*globals[i].object &&
            !strcmp(interface, globals[i].interface->name)) {
            *globals[i].object = wl_registry_bind(
                registry, name, globals[i].interface,
                MIN(version, globals[i].version));
        }
    }
    if (!strcmp(interface, zwp_linux_dmabuf_v1_interface.name) &&
        version >= 3 && !out->dmabuf.dmabuf) {
        wayland_dmabuf_init(&out->dmabuf, registry, name, version,
                            wayland_buffers_changed, out);
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

static void wayland_lost(void *opaque)
{
    WaylandOutput *out = opaque;

    out->closed(out->opaque, strerror(wl_display_get_error(out->display)));
}

static bool wayland_connect(WaylandOutput *out, Error **errp)
{
    out->display = wl_display_connect(NULL);
    if (!out->display) {
        error_setg_errno(errp, errno, "No Wayland compositor answers");
        error_append_hint(errp, "WAYLAND_DISPLAY and XDG_RUNTIME_DIR of a "
                          "session name it; without one there is --kms.\n");
        return false;
    }
    out->registry = wl_display_get_registry(out->display);
    wl_registry_add_listener(out->registry, &registry_listener, out);
    /* Once for the globals, once for what they say of themselves. */
    if (wl_display_roundtrip(out->display) < 0 ||
        wl_display_roundtrip(out->display) < 0) {
        error_setg_errno(errp, errno, "The Wayland compositor has left");
        return false;
    }
    if (!out->compositor || wl_compositor_get_version(out->compositor) < 4 ||
        !out->subcompositor || !out->shm || !out->shell || !out->viewporter) {
        error_setg(errp, "The Wayland compositor is too old: wl_compositor 4, "
                   "wl_subcompositor, wl_shm, xdg_wm_base and wp_viewporter "
                   "are needed");
        return false;
    }
    return true;
}

WaylandOutput *wayland_output_new(Screen *screen, DBusClient *client,
                                  ScreenInput *input, bool fullscreen,
                                  void (*closed)(void *opaque,
                                                 const char *why),
                                  void *opaque, Error **errp)
{
    WaylandOutput *out = g_new0(WaylandOutput, 1);

    out->screen = screen;
    out->client = client;
    out->closed = closed;
    out->opaque = opaque;
    out->scale = SCALE_ONE;
    out->in.input = input;
    out->in.ops = &wayland_input_ops;
    out->in.opaque = out;
    g_queue_init(&out->frames);
    if (!wayland_connect(out, errp)) {
        wayland_output_free(out);
        return NULL;
    }
    out->black = wayland_copy_new(out->shm, WL_SHM_FORMAT_XRGB8888, 1, 1);
    if (!out->black) {
        error_setg_errno(errp, errno, "No shared memory");
        wayland_output_free(out);
        return NULL;
    }
    dbus_client_size(client, &out->width, &out->height);
    out->width = out->width ?: 640;
    out->height = out->height ?: 480;
    wayland_make_window(out, fullscreen);
    out->in.surface = out->window.surface;
    wayland_input_init(&out->in);
    out->source = wayland_source_new(out->display, wayland_lost, out);
    screen_set_output(screen, &wayland_output_ops, out);
    return out;
}

static void wayland_free_window(WaylandOutput *out)
{
    g_clear_handle_id(&out->first_picture, g_source_remove);
    g_clear_pointer(&out->callback, wl_callback_destroy);
    g_clear_pointer(&out->scale_object, wp_fractional_scale_v1_destroy);
    g_clear_pointer(&out->pointer_viewport, wp_viewport_destroy);
    g_clear_pointer(&out->pointer, wl_surface_destroy);
    surface_finish(&out->cursor);
    surface_finish(&out->picture);
    g_clear_pointer(&out->toplevel, xdg_toplevel_destroy);
    g_clear_pointer(&out->xdg, xdg_surface_destroy);
    surface_finish(&out->window);
    wayland_free_copies(out);
    g_clear_pointer(&out->cursor_copy, wayland_copy_free);
    g_clear_pointer(&out->black, wayland_copy_free);
}

static void wayland_free_globals(WaylandOutput *out)
{
    g_clear_pointer(&out->scales, wp_fractional_scale_manager_v1_destroy);
    g_clear_pointer(&out->presentation, wp_presentation_destroy);
    g_clear_pointer(&out->viewporter, wp_viewporter_destroy);
    g_clear_pointer(&out->shell, xdg_wm_base_destroy);
    g_clear_pointer(&out->shm, wl_shm_destroy);
    g_clear_pointer(&out->subcompositor, wl_subcompositor_destroy);
    g_clear_pointer(&out->compositor, wl_compositor_destroy);
    g_clear_pointer(&out->registry, wl_registry_destroy);
}

void wayland_output_free(WaylandOutput *out)
{
    if (!out) {
        return;
    }
    screen_set_output(out->screen, NULL, NULL);
    g_queue_clear_full(&out->frames, (GDestroyNotify)frame_free);
    screen_buffer_unref(out->current);
    /* The buffers' imports are the compositor's, too. */
    screen_show(out->screen, NULL, (ScreenRect) { }, false);
    wayland_free_window(out);
    wayland_input_finish(&out->in);
    wayland_dmabuf_finish(&out->dmabuf);
    wayland_free_globals(out);
    if (out->source) {
        g_source_destroy(out->source);
        g_source_unref(out->source);
    }
    if (out->display) {
        wl_display_flush(out->display);
        wl_display_disconnect(out->display);
    }
    g_free(out);
}
