/*
 * A guest's screen as a window of a Wayland compositor
 *
 * The window is black. On it lies the picture, a surface of its own with the
 * guest's shape, on that the guest's overlays, and above all the guest's cursor
 * where it is not the pointer's image. A compositor with free planes can scan
 * them out as they are.
 *
 * A frame is complete when the compositor has begun to show it and released
 * the buffers of the one before. That is when the guest may draw on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "paint.h"
#include "wayland-input.h"
#include "wayland-window.h"
#include "wayland.h"

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

    WaylandDisplay display;
    WaylandInput in;
    WaylandWindow window;
    WaylandSurface surfaces[SCREEN_PLANES];
    WaylandSurface pointer;             /* the cursor as the pointer's image */
    struct wl_callback *callback;

    int view_width;             /* of the picture that is on screen */
    int view_height;
    ScreenRect fit;             /* of it, in the window */
    bool cursor_waits;          /* for the compositor */
    int refresh_mhz;            /* of the monitor; 0: unknown */

    unsigned serial;            /* of the last frame */
    GQueue frames;              /* that are not complete yet */
};

static void wayland_show(WaylandOutput *out);

/* --- Which frames are complete --- */

static void frame_free(Frame *frame)
{
    g_clear_pointer(&frame->feedback, wp_presentation_feedback_destroy);
    for (int i = 0; i < SCREEN_PLANES; i++) {
        screen_buffer_unref(frame->frame.before[i]);
    }
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

    if (refresh_ns) {
        frame->out->refresh_mhz = 1000000000000 / refresh_ns;
        if (took_us * 1000 > 2 * (int64_t)refresh_ns) {
            frame->out->screen->stats.late++;
        }
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

static Frame *wayland_begin_frame(WaylandOutput *out)
{
    struct wl_surface *surface = out->surfaces[SCREEN_PICTURE].surface;
    Frame *frame = g_new0(Frame, 1);

    frame->out = out;
    frame->frame.serial = out->serial;
    frame->committed_us = g_get_monotonic_time();
    if (out->display.presentation) {
        frame->feedback =
            wp_presentation_feedback(out->display.presentation, surface);
        wp_presentation_feedback_add_listener(frame->feedback,
                                              &feedback_listener, frame);
    }
    g_queue_push_tail(&out->frames, frame);
    out->callback = wl_surface_frame(surface);
    wl_callback_add_listener(out->callback, &frame_listener, out);
    return frame;
}

/* --- The guest's planes --- */

/* What the surface shows until now is to be released. */
static void wayland_await_release(ScreenFrame *frame, int index,
                                  const WaylandSurface *surface,
                                  const ScreenPlane *plane)
{
    if (frame && !frame->before[index] && surface->direct &&
        surface->buffer != plane->buffer) {
        frame->before[index] = screen_buffer_ref(surface->buffer);
    }
}

/*
 * A plane other than the picture, in the coordinates of what it lies on.
 * frame: its content may be another one; NULL: it has but moved
 */
static void wayland_show_plane(WaylandOutput *out, int index,
                               WaylandSurface *surface, ScreenFrame *frame,
                               ScreenRect place, ScreenRect within)
{
    const ScreenPlane *plane = &out->screen->planes[index];
    bool seen = screen_rect_intersect(place, within).width;
    bool same = surface->buffer == plane->buffer &&
                !(frame && plane->buffer->num_planes);

    wayland_await_release(frame, index, surface, plane);
    if (!seen) {
        wayland_surface_hide(surface);
    } else if (same ||
               wayland_surface_attach(surface, out->screen, plane, NULL)) {
        wayland_surface_place(surface, plane, place, within);
    }
    wl_surface_commit(surface->surface);
}

/* Whether it is the pointer's image */
static bool wayland_points(WaylandOutput *out)
{
    return wayland_input_points(&out->in) &&
           out->screen->planes[SCREEN_CURSOR].buffer;
}

static void wayland_set_pointer(WaylandOutput *out, ScreenFrame *frame,
                                ScreenRect place)
{
    ScreenRect image = { 0, 0, place.width, place.height };

    if (place.width && wayland_points(out)) {
        wayland_input_set_image(
            &out->in, out->pointer.surface,
            out->screen->hot_x * out->fit.width / out->view_width,
            out->screen->hot_y * out->fit.height / out->view_height);
        wayland_show_plane(out, SCREEN_CURSOR, &out->pointer, frame, image,
                           image);
    } else {
        wayland_input_set_image(&out->in, NULL, 0, 0);
        wayland_surface_hide(&out->pointer);
    }
}

static void wayland_show_cursor(WaylandOutput *out, ScreenFrame *frame)
{
    const ScreenPlane *plane = &out->screen->planes[SCREEN_CURSOR];
    ScreenRect window = { 0, 0, out->window.width, out->window.height };
    ScreenRect place = screen_plane_on(out->screen, SCREEN_CURSOR, out->fit);
    bool points = wayland_points(out);
    WaylandSurface *surface = points ? &out->pointer
                                     : &out->surfaces[SCREEN_CURSOR];

    out->cursor_waits = place.width &&
                        (frame || surface->buffer != plane->buffer) &&
                        !wayland_surface_prepare(surface, plane);
    if (out->cursor_waits) {
        return;
    }
    wayland_show_plane(out, SCREEN_CURSOR, &out->surfaces[SCREEN_CURSOR],
                       frame, points ? (ScreenRect) { } : place, window);
    wayland_set_pointer(out, frame, place);
    /* Places above the window are part of its own state. */
    wl_surface_commit(out->window.surface.surface);
}

/* A frame may have another one, which nobody else tells of. */
static bool wayland_cursor_differs(const WaylandOutput *out)
{
    const ScreenBuffer *buffer = out->screen->planes[SCREEN_CURSOR].buffer;

    const ScreenBuffer *above = out->surfaces[SCREEN_CURSOR].buffer;

    return out->screen->has_plane_cursor ||
           (above ?: out->pointer.buffer) != buffer;
}

static void wayland_cursor_changed(void *opaque)
{
    WaylandOutput *out = opaque;

    if (out->window.configured && out->view_width) {
        wayland_show_cursor(out, NULL);
    }
}

static void wayland_buffers_changed(void *opaque)
{
    WaylandOutput *out = opaque;

    wayland_complete_frames(out);
    if (out->cursor_waits) {
        wayland_cursor_changed(out);
    }
    wayland_show(out);
}

/* They are shown with the picture, on which they lie. */
static void wayland_show_overlays(WaylandOutput *out, ScreenFrame *frame)
{
    ScreenRect on = { 0, 0, out->fit.width, out->fit.height };

    for (int i = SCREEN_OVERLAY; i < SCREEN_CURSOR; i++) {
        if (out->surfaces[i].buffer || out->screen->planes[i].buffer) {
            wayland_show_plane(out, i, &out->surfaces[i], frame,
                               screen_plane_on(out->screen, i, on), on);
        }
    }
}

/* --- The picture --- */

/* Its place in the window; the window is committed with it. */
static void wayland_lay_out(WaylandOutput *out)
{
    const ScreenPlane *picture = &out->screen->planes[SCREEN_PICTURE];
    WaylandSurface *surface = &out->surfaces[SCREEN_PICTURE];

    out->view_width = picture->view.width;
    out->view_height = picture->view.height;
    out->fit = wayland_window_lay_out(&out->window, out->view_width,
                                      out->view_height);
    if (out->fit.width) {
        wl_subsurface_set_position(surface->subsurface, out->fit.x,
                                   out->fit.y);
        wp_viewport_set_destination(surface->viewport, out->fit.width,
                                    out->fit.height);
    }
    wl_surface_commit(out->window.surface.surface);
}

/* The window has another size, and shows what it did. */
static void wayland_relay_out(WaylandOutput *out)
{
    wayland_lay_out(out);
    if (out->fit.width && out->surfaces[SCREEN_PICTURE].buffer) {
        wayland_show_overlays(out, NULL);
    }
    wl_surface_commit(out->surfaces[SCREEN_PICTURE].surface);
    wayland_show_cursor(out, NULL);
}

/* A compositor tells nothing more of a surface that it does not show. */
static void wayland_give_up_frames(WaylandOutput *out)
{
    g_clear_pointer(&out->callback, wl_callback_destroy);
    for (GList *l = out->frames.head; l; l = l->next) {
        ScreenFrame *frame = l->data;

        frame->shown = true;
        for (int i = 0; i < SCREEN_PLANES; i++) {
            g_clear_pointer(&frame->before[i], screen_buffer_unref);
        }
    }
    wayland_complete_frames(out);
}

static void wayland_show_off(WaylandOutput *out)
{
    /* The picture last: it takes the others along. */
    for (int i = SCREEN_CURSOR; i >= SCREEN_PICTURE; i--) {
        wayland_surface_hide(&out->surfaces[i]);
        wl_surface_commit(out->surfaces[i].surface);
    }
    wayland_give_up_frames(out);
    wayland_show_cursor(out, NULL);
}

static unsigned wayland_count_planes(const WaylandOutput *out)
{
    unsigned count = out->pointer.direct;

    for (int i = 0; i < SCREEN_PLANES; i++) {
        count += out->surfaces[i].direct;
    }
    return count;
}

static void wayland_show_picture(WaylandOutput *out, ScreenFrame *frame,
                                 pixman_region32_t *damage)
{
    const ScreenPlane *plane = &out->screen->planes[SCREEN_PICTURE];
    WaylandSurface *surface = &out->surfaces[SCREEN_PICTURE];

    wayland_await_release(frame, SCREEN_PICTURE, surface, plane);
    if ((surface->buffer != plane->buffer ||
         pixman_region32_not_empty(damage)) &&
        wayland_surface_attach(surface, out->screen, plane, damage)) {
        wayland_surface_place(surface, plane, out->fit, out->fit);
    }
}

/* Everything is prepared for that. */
static void wayland_show_frame(WaylandOutput *out)
{
    ScreenFrame *frame;
    pixman_region32_t damage;

    pixman_region32_init(&damage);
    screen_take(out->screen, ++out->serial, &damage);
    frame = &wayland_begin_frame(out)->frame;
    wayland_show_overlays(out, frame);
    wayland_show_picture(out, frame, &damage);
    wl_surface_commit(out->surfaces[SCREEN_PICTURE].surface);
    pixman_region32_fini(&damage);
    if (wayland_cursor_differs(out)) {
        wayland_show_cursor(out, frame);
    }
    out->screen->stats.frames++;
    out->screen->stats.planes = wayland_count_planes(out);
}

static void wayland_show(WaylandOutput *out)
{
    Screen *screen = out->screen;
    const ScreenPlane *picture = &screen->planes[SCREEN_PICTURE];

    if (!out->window.configured) {
        return;
    }
    if (!picture->buffer) {
        if (out->window.mapped) {
            wayland_show_off(out);
        }
        return;
    }
    if (out->callback || !screen->changed) {
        return;
    }
    for (int i = 0; i < SCREEN_CURSOR; i++) {
        if (screen->planes[i].buffer &&
            !wayland_surface_prepare(&out->surfaces[i], &screen->planes[i])) {
            return;
        }
    }
    if (!out->window.mapped || picture->view.width != out->view_width ||
        picture->view.height != out->view_height) {
        wayland_lay_out(out);
        wayland_show_cursor(out, NULL);
    }
    wayland_show_frame(out);
}

static void wayland_picture_changed(void *opaque)
{
    wayland_show(opaque);
}

static bool wayland_takes_buffer(void *opaque, ScreenBuffer *buffer)
{
    WaylandOutput *out = opaque;

    return wayland_takes(&out->display.dmabuf, buffer);
}

static const ScreenOutputOps wayland_output_ops = {
    .picture_changed = wayland_picture_changed,
    .cursor_changed = wayland_cursor_changed,
    .takes = wayland_takes_buffer,
};

/* --- The window --- */

/* The guest is told what its user has made of it. */
static void wayland_wish(WaylandOutput *out)
{
    ScreenRect view = out->screen->planes[SCREEN_PICTURE].view;
    int width = out->window.width * out->window.scale / WAYLAND_SCALE_ONE;
    int height = out->window.height * out->window.scale / WAYLAND_SCALE_ONE;

    if (width != view.width || height != view.height) {
        dbus_client_wish(out->client, 0, 0, width, height, out->refresh_mhz);
    }
}

static void wayland_resized(void *opaque)
{
    WaylandOutput *out = opaque;

    if (out->window.sized) {
        wayland_wish(out);
    }
    if (out->window.configured) {
        wayland_relay_out(out);
        wayland_show(out);
    }
}

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

static const WaylandWindowOps wayland_window_ops = {
    .ready = wayland_picture_changed,
    .resized = wayland_resized,
    .close = wayland_leave,
};

static bool wayland_make_window(WaylandOutput *out, bool fullscreen)
{
    g_autofree char *title = g_strdup_printf("%s - vgpu-screen",
                                             dbus_client_name(out->client));
    WaylandDisplay *d = &out->display;

    dbus_client_size(out->client, &out->window.width, &out->window.height);
    out->window.width = out->window.width ?: 640;
    out->window.height = out->window.height ?: 480;
    out->window.ops = &wayland_window_ops;
    out->window.opaque = out;
    if (!wayland_window_init(&out->window, d, title, fullscreen)) {
        return false;
    }
    wayland_surface_init(&out->pointer, d, NULL);
    for (int i = 0; i < SCREEN_PLANES; i++) {
        bool above = i != SCREEN_PICTURE && i != SCREEN_CURSOR;

        wayland_surface_init(&out->surfaces[i], d,
                             above ? out->surfaces[SCREEN_PICTURE].surface
                                   : out->window.surface.surface);
        if (!above) {
            wl_subsurface_set_desync(out->surfaces[i].subsurface);
        }
    }
    return true;
}

/* --- Beginning and end --- */

static void wayland_lost(void *opaque, const char *why)
{
    WaylandOutput *out = opaque;

    out->closed(out->opaque, why);
}

static bool wayland_begin(WaylandOutput *out, bool fullscreen, Error **errp)
{
    WaylandDisplay *d = &out->display;

    d->changed = wayland_buffers_changed;
    d->lost = wayland_lost;
    d->opaque = out;
    if (!wayland_display_open(d, errp)) {
        return false;
    }
    if (!wayland_make_window(out, fullscreen)) {
        error_setg_errno(errp, errno, "No shared memory");
        return false;
    }
    out->in.display = d;
    out->in.surface = out->window.surface.surface;
    wayland_input_init(&out->in);
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
    out->in.input = input;
    out->in.ops = &wayland_input_ops;
    out->in.opaque = out;
    g_queue_init(&out->frames);
    if (!wayland_begin(out, fullscreen, errp)) {
        wayland_output_free(out);
        return NULL;
    }
    screen_set_output(screen, &wayland_output_ops, out);
    return out;
}

void wayland_output_free(WaylandOutput *out)
{
    if (!out) {
        return;
    }
    screen_set_output(out->screen, NULL, NULL);
    g_queue_clear_full(&out->frames, (GDestroyNotify)frame_free);
    g_clear_pointer(&out->callback, wl_callback_destroy);
    for (int i = SCREEN_PLANES - 1; i >= 0; i--) {
        wayland_surface_finish(&out->surfaces[i]);
    }
    wayland_surface_finish(&out->pointer);
    wayland_window_finish(&out->window);
    wayland_input_finish(&out->in);
    /* The buffers' imports are the compositor's, too. */
    screen_show(out->screen, NULL, (ScreenRect) { }, false);
    wayland_display_close(&out->display);
    g_free(out);
}
