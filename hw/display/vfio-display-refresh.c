/*
 * vGPU display: one refresh
 *
 * A frame's way, from the query of the device to the viewers, from the top of
 * this file to its end. This is the only file that calls all the others, which
 * do not call one another but downwards: see docs/devel/vgpu-display.rst.
 *
 * Whatever the device gets wrong, the last good frame stays and the next
 * refresh tries again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/timer.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/refresh-policy.h"
#include "vfio-display-refresh.h"

static const char text_unmappable[] =
    "Neither CPU nor OpenGL can read the picture. QEMU's warning says why.";
static const char text_tiled[] =
    "The picture is tiled and OpenGL cannot read it. QEMU's warning says why.";
static const char text_hung[] =
    "OpenGL is to read the picture and does not work at the moment.";
static const char text_forced[] =
    "This vGPU's picture cannot take the path that x-display-path names.";

/* --- 1. What does the device show? --------------------------------------- */

static bool query_primary(VFIODisplay *dpy, VFIOPlaneKind kind,
                          VFIOPlane *plane)
{
    bool answered = vfio_display_query_primary(&dpy->source, kind, plane);

    if (answered) {
        vfio_display_damage_report(&dpy->damage, plane);
    }
    return answered;
}

static bool check_primary(VFIODisplay *dpy, const VFIOPlane *plane)
{
    VFIOPlaneFault fault = vfio_plane_check(plane);

    if (fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(&dpy->source, fault, plane, 0);
    }
    return fault == VFIO_PLANE_FAULT_NONE;
}

void vfio_display_drop_buffers(VFIODisplay *dpy)
{
    vfio_display_cursor_drop(&dpy->cursor);
    vfio_display_metadata_forget_cursor(dpy->metadata);
    vfio_display_overlays_drop(&dpy->overlays);
    vfio_display_readback_supersede(&dpy->readback);
    vfio_display_screen_drop(&dpy->screen);
    vfio_display_buffers_clear(&dpy->buffers);
}

/* --- 2. Its buffer -------------------------------------------------------- */

/*
 * If there is none, and the one on screen had to be closed for it, viewers are
 * left with the mirror. Else it is to be published next.
 */
static VFIOPlaneFault get_primary(VFIODisplay *dpy, const VFIOPlane *plane,
                                  VFIOPlaneBuffer **buffer, int *err)
{
    VFIODisplayScreen *screen = &dpy->screen;
    bool shown = screen->primary != NULL;
    VFIOPlaneFault fault;

    screen->replacing = true;
    fault = vfio_display_buffers_get(&dpy->buffers, plane, buffer, err);
    screen->replacing = false;
    if (fault != VFIO_PLANE_FAULT_NONE && shown && !screen->primary) {
        dpy_gfx_show_mirror(screen->con);
    }
    return fault;
}

/* --- 3. The path of its pixels -------------------------------------------- */

static void add_buffer_facts(VFIODisplay *dpy, VFIOPlaneBuffer *buffer,
                             PixelPathFacts *facts)
{
    const VFIOPlane *plane = &buffer->plane;

    facts->linear = plane->modifier == DRM_FORMAT_MOD_LINEAR;
    facts->cpu_format = ui_pixel_format_find(plane->fourcc) != NULL;
    facts->mappable = facts->linear && facts->cpu_format &&
        vfio_display_buffers_map(&dpy->buffers, buffer);
    /* not looked for without need: it is a module, and wants a thread */
    facts->gl_readback = (!facts->mappable || dpy->path == PIXEL_PATH_GL) &&
        vfio_display_readback_is_possible(&dpy->readback, buffer->user);
}

/* @buffer: NULL before the device was queried. */
static PixelPath choose_path(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    PixelPathFacts facts = {
        /* a screendump that waits for OpenGL is not made to begin anew */
        .metadata = vfio_display_metadata_is_ready(dpy->metadata) &&
            !dpy->readback.dump,
        .dmabuf = dpy->source.kinds[VFIO_PLANE_KIND_DMABUF],
        .dmabuf_viewer = qemu_console_has_dmabuf_viewer(dpy->screen.con),
        .region = dpy->source.kinds[VFIO_PLANE_KIND_REGION],
    };

    if (buffer) {
        add_buffer_facts(dpy, buffer, &facts);
    }
    return pixel_path_choose(&facts, dpy->path);
}

/* Chosen once for each buffer, and again when OpenGL may read it after all. */
static void choose_buffer_path(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;

    if (user->path == PIXEL_PATH_PLACEHOLDER) {
        vfio_display_readback_retry(&dpy->readback, user);
    }
    if (user->path == PIXEL_PATH__MAX) {
        user->path = choose_path(dpy, buffer);
    }
    vfio_display_set_path(&dpy->screen, user->path);
}

static void no_path(VFIODisplay *dpy, const VFIOPlane *plane, Error *gl_error)
{
    bool forced = dpy->path != PIXEL_PATH__MAX;
    bool tiled = plane->modifier != DRM_FORMAT_MOD_LINEAR;
    const char *why = gl_error ? error_get_pretty(gl_error) : "";
    const char *text = text_unmappable;
    char fourcc[UI_FOURCC_STRLEN];

    vfio_display_readback_supersede(&dpy->readback);
    if (forced) {
        text = text_forced;
        if (gl_error) {
            vfio_display_fault(&dpy->source, VFIO_PLANE_FAULT_MAP,
                               "OpenGL cannot read the buffer: %s", why);
        }
    } else if (tiled) {
        text = text_tiled;
        vfio_display_fault(&dpy->source, VFIO_PLANE_FAULT_MODIFIER,
                           "format %s with modifier 0x%016" PRIx64
                           " is not linear and OpenGL cannot read it: %s",
                           ui_fourcc_to_string(plane->fourcc, fourcc),
                           plane->modifier, why);
    } else {
        vfio_display_fault(&dpy->source, VFIO_PLANE_FAULT_MAP,
                           "the buffer cannot be mapped and OpenGL cannot "
                           "read it: %s", why);
    }
    vfio_display_show_placeholder(&dpy->screen, text, plane->width,
                                  plane->height);
}

/* --- 4. To the viewers that take pixels ----------------------------------- */

bool vfio_display_show_frame(VFIODisplay *dpy, const MirrorFrame *frame)
{
    MirrorResult result = vfio_display_show_pixels(&dpy->screen, frame);

    vfio_display_damage_done(&dpy->damage, frame, result,
                             console_mirror_is_half_drawn(dpy->screen.mirror));
    dpy->busy |= result == MIRROR_BUSY;
    if (result == MIRROR_VANISHED) {
        vfio_display_fault(&dpy->source, VFIO_PLANE_FAULT_VANISHED,
                           "the picture's memory went away while it was read");
    }
    return result == MIRROR_CHANGED || result == MIRROR_UNCHANGED;
}

/* By the CPU. */
static bool scan_frame(VFIODisplay *dpy, MirrorFrame *frame)
{
    bool held = console_mirror_holds(dpy->screen.mirror, frame->width,
                                     frame->height);

    vfio_display_readback_supersede(&dpy->readback);
    vfio_display_damage_plan(&dpy->damage, frame, held);
    return vfio_display_show_frame(dpy, frame);
}

static bool scan_region(VFIODisplay *dpy, const VFIOPlane *plane)
{
    bool open, opened = false;
    MirrorFrame frame;

    open = vfio_display_buffers_open_region(&dpy->buffers, plane, &frame,
                                            &opened);
    if (opened) {
        vfio_display_damage_rescan(&dpy->damage);
    }
    return open && scan_frame(dpy, &frame);
}

/* By OpenGL. While that is away the last frame stays, if there is one. */
static bool request_readback(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    static const pixman_box32_t nothing;
    MirrorFrame frame;

    switch (vfio_display_readback_request(&dpy->readback, buffer)) {
    case VFIO_DISPLAY_READBACK_SHOWN:
        /* but overlays may be elsewhere than they were */
        frame = vfio_display_plane_frame(&dpy->source, &buffer->plane);
        frame.damage = &nothing;
        vfio_display_show_frame(dpy, &frame);
        return true;
    case VFIO_DISPLAY_READBACK_COMING:
        return true;
    case VFIO_DISPLAY_READBACK_HUNG:
        if (!dpy->screen.frames) {
            vfio_display_show_placeholder(&dpy->screen, text_hung,
                                          buffer->plane.width,
                                          buffer->plane.height);
        }
        return false;
    case VFIO_DISPLAY_READBACK_REFUSED:
        return false;
    }
    g_assert_not_reached();
}

static bool show_buffer_pixels(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;
    MirrorFrame frame;
    VFIOPlane plane;

    switch (user->path) {
    case PIXEL_PATH_MMAP:
        frame = vfio_display_buffer_frame(&dpy->buffers, buffer);
        return scan_frame(dpy, &frame);
    case PIXEL_PATH_REGION:
        return query_primary(dpy, VFIO_PLANE_KIND_REGION, &plane) &&
            !vfio_plane_is_off(&plane) && check_primary(dpy, &plane) &&
            scan_region(dpy, &plane);
    case PIXEL_PATH_GL:
        return request_readback(dpy, buffer);
    default:
        no_path(dpy, &buffer->plane, user->gl_error);
        return false;
    }
}

/* The console knows then whether they changed. */
static bool read_buffer(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    int64_t read_ns = dpy->source.meter.ns;
    bool shown = show_buffer_pixels(dpy, buffer);

    read_ns = dpy->source.meter.ns - read_ns;
    if (dpy->screen.path != PIXEL_PATH_PLACEHOLDER) {
        vfio_display_damage_probed(&dpy->damage, read_ns);
    }
    dpy->screen.unread &= !shown;
    return shown;
}

/* The last good frame stays, with overlays as copied: their buffers may go. */
static void read_last_frame(VFIODisplay *dpy)
{
    if (dpy->screen.primary && dpy->screen.unread) {
        /* the damage in the device's answer is that of a frame yet to come */
        vfio_display_damage_rescan(&dpy->damage);
        read_buffer(dpy, dpy->screen.primary);
        vfio_display_damage_rescan(&dpy->damage);
    }
}

/* --- 5. To the viewers that take dma-bufs --------------------------------- */

/*
 * Do overlays lie over this buffer? Viewers that show no planes show the mirror
 * then, which is composed by the CPU: there must be a path for its pixels.
 */
static bool is_composed(const VFIODisplay *dpy, const VFIOPlaneBuffer *buffer)
{
    const VFIODisplayBuffer *user = buffer->user;

    return dpy->overlays.visible && user->path != PIXEL_PATH_PLACEHOLDER;
}

/* Returns true if the buffer was not there before, or otherwise. */
static bool publish(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    VFIODisplayScreen *screen = &dpy->screen;
    bool composed = is_composed(dpy, buffer);
    bool planes = qemu_console_has_planes_viewer(screen->con);
    VFIODisplayBuffer *user = buffer->user;

    if (buffer == screen->primary && composed == screen->composed &&
        planes == screen->planes) {
        return false;
    }
    vfio_display_damage_flip(&dpy->damage,
                             screen->primary ? &screen->primary->plane : NULL,
                             &buffer->plane);
    vfio_display_show_dmabuf(screen, buffer, user->dmabuf, composed, planes);
    return true;
}

/* Nobody wants pixels: is there something new to draw for the others? */
static void probe_buffer(VFIODisplay *dpy, VFIOPlaneBuffer *buffer,
                         bool changed)
{
    VFIODisplayScreen *screen = &dpy->screen;

    /* what OpenGL reads was requested by a probe */
    if (changed || screen->path != PIXEL_PATH_GL) {
        vfio_display_readback_supersede(&dpy->readback);
    }
    vfio_display_prepare_surface(screen, &buffer->plane);
    if (changed) {
        qemu_console_note_activity(screen->con);
    } else if (screen->path != PIXEL_PATH_PLACEHOLDER &&
               vfio_display_damage_probes(&dpy->damage,
                                          qemu_console_quiet_ns(screen->con))) {
        vfio_display_overlays_show(&dpy->overlays);
        read_buffer(dpy, buffer);
    }
}

/* The cursor has been queried as well: OpenGL may draw that, too. */
static void draw(VFIODisplay *dpy)
{
    VFIODisplayScreen *screen = &dpy->screen;

    vfio_display_give_planes(screen, &dpy->overlays, &dpy->cursor);
    if (screen->primary && (!screen->composed || screen->planes)) {
        screen->redraw_due |=
            vfio_display_damage_redraws(&dpy->damage,
                                        qemu_console_quiet_ns(screen->con));
        vfio_display_draw_dmabuf(screen);
    }
}

/* --- 6. The refresh ------------------------------------------------------- */

/* Nothing, or it does not say. */
static void plane_off(VFIODisplay *dpy)
{
    if (vfio_display_plane_off(&dpy->screen)) {
        vfio_display_drop_buffers(dpy);
        vfio_display_screen_blank(&dpy->screen, false);
    } else {
        read_last_frame(dpy);
    }
}

static bool show_dmabuf(VFIODisplay *dpy, const VFIOPlane *plane)
{
    VFIOPlaneBuffer *buffer = NULL, *primary = dpy->screen.primary;
    bool changed = vfio_plane_has_damage(plane);
    VFIOPlaneFault fault;
    int err = 0;

    if (primary && primary->plane.id == plane->id &&
        !vfio_plane_same_buffer(&primary->plane, plane)) {
        /* it is closed before another one of that id, which may not come */
        read_last_frame(dpy);
    }
    fault = get_primary(dpy, plane, &buffer, &err);
    if (fault == VFIO_PLANE_FAULT_LATER) {
        return false;
    }
    if (fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(&dpy->source, fault, plane, err);
        return false;
    }
    vfio_display_overlays_query(&dpy->overlays, plane);
    choose_buffer_path(dpy, buffer);
    changed |= publish(dpy, buffer);
    vfio_display_plane_shown(&dpy->screen, plane);
    if (!qemu_console_wants_pixels(dpy->screen.con)) {
        probe_buffer(dpy, buffer, changed);
        dpy->screen.unread = true;
        return true;
    }
    if (changed && dpy->screen.path == PIXEL_PATH_PLACEHOLDER) {
        qemu_console_note_activity(dpy->screen.con);
    }
    vfio_display_overlays_show(&dpy->overlays);
    return read_buffer(dpy, buffer);
}

static bool show_region(VFIODisplay *dpy, const VFIOPlane *plane)
{
    PixelPath path = choose_path(dpy, NULL);

    if (path != PIXEL_PATH_REGION) {
        vfio_display_set_path(&dpy->screen, path);
        no_path(dpy, plane, NULL);
        return false;
    }
    vfio_display_overlays_query(&dpy->overlays, plane);
    if (qemu_console_wants_pixels(dpy->screen.con)) {
        vfio_display_overlays_show(&dpy->overlays);
        if (!scan_region(dpy, plane)) {
            return false;
        }
    }
    vfio_display_set_path(&dpy->screen, path);
    vfio_display_plane_shown(&dpy->screen, plane);
    return true;
}

/* The planes that queries tell of. */
static void refresh_queried(VFIODisplay *dpy)
{
    const bool *kinds = dpy->source.kinds;
    bool dmabuf = kinds[VFIO_PLANE_KIND_DMABUF] &&
        !(dpy->path == PIXEL_PATH_REGION && kinds[VFIO_PLANE_KIND_REGION]);
    VFIOPlane plane;

    if (!kinds[VFIO_PLANE_KIND_DMABUF] && !kinds[VFIO_PLANE_KIND_REGION]) {
        /* it has a metadata page and nothing else, and does not answer */
        dpy->skipped++;
        return;
    }
    if (!query_primary(dpy, dmabuf ? VFIO_PLANE_KIND_DMABUF
                                   : VFIO_PLANE_KIND_REGION, &plane)) {
        dpy->skipped++;
        plane_off(dpy);
        return;
    }
    if (vfio_plane_is_off(&plane)) {
        plane_off(dpy);
        return;
    }
    if (!check_primary(dpy, &plane) ||
        !(dmabuf ? show_dmabuf(dpy, &plane) : show_region(dpy, &plane))) {
        dpy->skipped++;
        read_last_frame(dpy);
    }
    vfio_display_cursor_refresh(&dpy->cursor, &plane);
    draw(dpy);
    /* only now that everybody has been told of new ones */
    vfio_display_buffers_trim(&dpy->buffers, dpy->screen.primary,
                              dpy->cursor.gl);
}

/* Returns true if viewers have the frame of the driver's answer. */
static bool show_copied_frame(VFIODisplay *dpy, const VFIOMetadata *meta)
{
    MirrorFrame frame;

    if (meta->status == VFIO_GFX_META_ERROR) {
        vfio_display_fault(&dpy->source, VFIO_PLANE_FAULT_REQUEST,
                           "the driver could not copy the frame: %s",
                           strerror(meta->error));
        return false;
    }
    if (meta->fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(&dpy->source, meta->fault, &meta->plane, 0);
        return false;
    }
    if (vfio_plane_is_off(&meta->plane)) {
        plane_off(dpy);
        return false;
    }
    if (dpy->takes_over) {
        /* the dma-buf stayed as long as the driver had nothing better */
        dpy->takes_over = false;
        vfio_display_screen_keep_frame(&dpy->screen);
        vfio_display_drop_buffers(dpy);
    }
    frame = vfio_display_metadata_frame(dpy->metadata);
    if (dpy->source.n_overlays) {
        vfio_display_overlays_query(&dpy->overlays, &meta->plane);
        vfio_display_overlays_show(&dpy->overlays);
    }
    if (!vfio_display_show_frame(dpy, &frame)) {
        return false;
    }
    vfio_display_set_path(&dpy->screen, PIXEL_PATH_METADATA);
    vfio_display_plane_shown(&dpy->screen, &meta->plane);
    return true;
}

static void show_copied_cursor(VFIODisplay *dpy, const VFIOMetadata *meta)
{
    const VFIOPlane *plane = &meta->cursor;
    MirrorFrame frame;

    if (meta->cursor_fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(&dpy->source, meta->cursor_fault, plane, 0);
    } else if (vfio_plane_is_off(plane)) {
        vfio_display_cursor_show(&dpy->cursor, plane, NULL);
    } else {
        frame = vfio_display_metadata_cursor(dpy->metadata);
        vfio_display_cursor_show(&dpy->cursor, plane, &frame);
    }
}

/*
 * The planes that the driver copied. Returns false if it does not copy, so that
 * they have to be queried.
 */
static bool refresh_copied(VFIODisplay *dpy)
{
    bool active = choose_path(dpy, NULL) == PIXEL_PATH_METADATA;
    const VFIOMetadata *meta;

    dpy->takes_over |= vfio_display_metadata_activate(dpy->metadata, active);
    if (!active) {
        return false;
    }
    meta = vfio_display_metadata_answer(dpy->metadata);
    if (meta) {
        bool error = meta->status == VFIO_GFX_META_ERROR;
        bool off = !error && vfio_plane_is_off(&meta->plane);
        bool shown = show_copied_frame(dpy, meta);

        vfio_display_metadata_shown(dpy->metadata, shown);
        if (!error && !off) {
            show_copied_cursor(dpy, meta);
        }
        if (!shown && !off) {
            read_last_frame(dpy);
        }
        vfio_display_buffers_trim(&dpy->buffers, dpy->screen.primary,
                                  dpy->cursor.gl);
        dpy->skipped += !shown && !off;
    }
    return vfio_display_metadata_request(dpy->metadata);
}

/* Does a screendump wait for what is not there yet? */
static bool dump_waits(VFIODisplay *dpy, bool copied)
{
    bool readback = vfio_display_readback_end(&dpy->readback);

    if (copied) {
        return vfio_display_metadata_is_dumping(dpy->metadata);
    }
    if (!readback && dpy->busy && qemu_console_dump_waits(dpy->screen.con)) {
        /* until the device has drawn the frame, or MIRROR_BUSY_READS */
        timer_mod_ns(dpy->again, qemu_console_now(dpy->screen.con) +
                     REFRESH_VIEWER_NS);
        return true;
    }
    return readback;
}

static void begin(VFIODisplay *dpy, VFIODisplaySignals signals)
{
    QemuConsole *con = dpy->screen.con;
    bool cursor_only = vfio_display_notify_cursor_only(dpy->notify);
    VFIODisplayFacts facts = {
        .notifies = dpy->notify != NULL,
        .signalled = signals != VFIO_DISPLAY_NO_SIGNAL && !cursor_only,
        .cursor_only = cursor_only,
        .dump = qemu_console_dump_waits(con),
        .wants_pixels = qemu_console_wants_pixels(con),
        .quiet_ns = qemu_console_quiet_ns(con),
        .now_ns = qemu_console_now(con),
    };

    dpy->busy = false;
    vfio_display_damage_begin(&dpy->damage, &facts);
    vfio_display_readback_begin(&dpy->readback);
    vfio_display_metadata_poll(dpy->metadata, signals);
}

void vfio_display_refresh(VFIODisplay *dpy)
{
    VFIODisplaySignals signals =
        vfio_display_notify_take(dpy->notify, dpy->metadata != NULL);
    int64_t read_ns = dpy->source.meter.ns;
    bool copied;

    dpy->refreshes++;
    vfio_display_update_ramfb(&dpy->screen);
    begin(dpy, signals);
    copied = refresh_copied(dpy);
    if (!copied) {
        refresh_queried(dpy);
    }
    /* so that it leaves time for others */
    qemu_console_note_cost(dpy->screen.con, dpy->source.meter.ns - read_ns);
    if (!dump_waits(dpy, copied)) {
        graphic_hw_update_done(dpy->screen.con);
    }
    if (!copied && dpy->damage.full_scan_pending) {
        qemu_console_refresh_soon(dpy->screen.con);
    }
    vfio_display_notify_follow(dpy->notify,
                               vfio_display_screen_signals(&dpy->screen));
    vfio_display_notify_listen(dpy->notify);
}
