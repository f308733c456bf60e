/*
 * The display of a device that renders where only its driver can see:
 * from the device's answer to the console's scanout
 *
 * At each refresh the device is asked what is on screen. Its dma-buf goes to
 * the viewers that take it; for those that take pixels, the mirror copies the
 * frame from the mapped dma-buf or from a region. Whatever the device gets
 * wrong, the last good frame stays and the next refresh tries again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/timer.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "trace.h"
#include "vfio-display-internal.h"

/*
 * Guests' mode changes turn the plane off for a while, or make the driver
 * fail its queries: up to about half a second with Linux, more with Windows.
 */
#define GRACE_NS (1 * NANOSECONDS_PER_SECOND)
/* A frame that nobody looked at for longer needs no grace. */
#define GRACE_MAX_AGE_NS (5 * NANOSECONDS_PER_SECOND)

static const char words_unmappable[] =
    "Neither CPU nor OpenGL can read the picture. QEMU's warning says why.";
static const char words_tiled[] =
    "The picture is tiled and OpenGL cannot read it. QEMU's warning says why.";
static const char words_hung[] =
    "OpenGL is to read the picture and does not work at the moment.";
static const char words_forced[] =
    "This vGPU's picture cannot take the way that x-display-path names.";

/* --- Buffers: what the hook attaches to those that the cache holds ------ */

static void vfio_display_attach(void *opaque, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = g_new0(VFIODisplayBuffer, 1);
    const VFIOPlane *plane = &buffer->plane;
    VFIODisplay *dpy = opaque;

    user->way = PIXEL_PATH__MAX;
    user->dmabuf = qemu_dmabuf_new(plane->width, plane->height, plane->stride,
                                   0, 0, plane->width, plane->height,
                                   plane->fourcc, plane->modifier, buffer->fd,
                                   false, false);
    qemu_dmabuf_set_offset(user->dmabuf, plane->offset);
    /* else viewers show the mirror's pixels, whose copy is guarded */
    qemu_dmabuf_set_gpu_only(user->dmabuf, !dpy->config.software_import);
    buffer->user = user;
    trace_vfio_display_buffer_open(dpy, plane->id, plane->width,
                                   plane->height, plane->fourcc,
                                   plane->modifier);
}

/*
 * No viewer may use the buffer any more. It is still on screen if its id now
 * has another layout: all show the mirror, unless another buffer follows at
 * once.
 */
static void vfio_display_take_off(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    if (buffer == dpy->primary) {
        dpy->primary = NULL;
        if (!dpy->replacing) {
            dpy_gfx_show_mirror(dpy->con);
        }
    }
    if (buffer == dpy->cursor.gl) {
        vfio_display_cursor_take_off(dpy);
    }
}

static void vfio_display_detach(void *opaque, VFIOPlaneBuffer *buffer)
{
    VFIODisplay *dpy = opaque;
    VFIODisplayBuffer *user = buffer->user;

    trace_vfio_display_buffer_close(opaque, buffer->plane.id);
    vfio_display_take_off(dpy, buffer);
    dpy_gl_release_dmabuf(dpy->con, user->dmabuf);
    vfio_display_gl_detach(user);
    dmabuf_map_free(user->map);
    qemu_dmabuf_free(user->dmabuf);
    g_free(user);
    buffer->user = NULL;
}

static int vfio_display_fetch(void *opaque, uint32_t id)
{
    VFIODisplay *dpy = opaque;

    /* some drivers cannot give the same buffer twice at a time */
    if (vfio_display_gl_is_closing(dpy)) {
        return -EAGAIN;
    }
    return dpy->ops->get_dmabuf(dpy->opaque, id);
}

const VFIOPlaneCacheOps vfio_display_cache_ops = {
    .fetch = vfio_display_fetch,
    .attach = vfio_display_attach,
    .detach = vfio_display_detach,
};

/* Every plane has been asked for: what nobody shows may go. */
void vfio_display_trim(VFIODisplay *dpy)
{
    VFIOPlaneBuffer *const on_screen[] = { dpy->primary, dpy->cursor.gl };

    vfio_plane_cache_trim(dpy->cache, on_screen, ARRAY_SIZE(on_screen));
}

static void vfio_display_map(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;
    Error *err = NULL;
    uint64_t end;

    if (user->map_tried || !vfio_plane_end(&buffer->plane, &end)) {
        return;
    }
    user->map_tried = true;
    user->map = dmabuf_map_new(buffer->fd, end, &err);
    if (!user->map) {
        trace_vfio_display_unmappable(dpy, buffer->plane.id,
                                      error_get_pretty(err));
        error_free(err);
    }
}

/* --- The way that pixels take ------------------------------------------- */

void vfio_display_set_way(VFIODisplay *dpy, PixelPath way)
{
    if (dpy->way != way) {
        dpy->way = way;
        trace_vfio_display_way(dpy, pixel_path_name(way));
    }
}

static PixelPath vfio_display_choose_way(VFIODisplay *dpy,
                                        VFIOPlaneBuffer *buffer)
{
    const VFIOPlane *plane = &buffer->plane;
    VFIODisplayBuffer *user = buffer->user;
    PixelPathFacts caps = {
        .dmabuf = true,
        .linear = plane->modifier == DRM_FORMAT_MOD_LINEAR,
        .cpu_format = ui_pixel_format_find(plane->fourcc) != NULL,
        .region = dpy->kinds[VFIO_PLANE_KIND_REGION],
    };

    if (caps.linear && caps.cpu_format) {
        vfio_display_map(dpy, buffer);
        caps.mappable = user->map != NULL;
    }
    /* not looked for without need: it is a module, and wants a thread */
    caps.gl_readback =
        (!caps.mappable || dpy->config.path == PIXEL_PATH_GL) &&
        vfio_display_gl_possible(dpy, buffer);
    return pixel_path_choose(&caps, dpy->config.path);
}

/* --- Placeholders and ramfb --------------------------------------------- */

static void vfio_display_show_words(VFIODisplay *dpy, const char *words,
                                    uint32_t width, uint32_t height)
{
    DisplaySurface *surface = qemu_console_surface(dpy->con);

    width = MAX(width, 640);
    height = MAX(height, 480);
    if (dpy->placeholder == words && surface &&
        surface_width(surface) == width && surface_height(surface) == height) {
        return;
    }
    dpy->placeholder = words;
    surface = qemu_create_placeholder_surface(width, height, words);
    /* SDL closes the window of a second console that has a placeholder */
    surface->flags &= ~QEMU_PLACEHOLDER_FLAG;
    dpy_gfx_replace_mirror(dpy->con, surface);
    dpy_gfx_update(dpy->con, 0, 0, width, height);
}

static void vfio_display_no_way(VFIODisplay *dpy, const VFIOPlane *plane,
                                Error *gl_error)
{
    const char *why = gl_error ? error_get_pretty(gl_error) : "";
    char fourcc[UI_FOURCC_STRLEN];
    const char *words;

    vfio_display_gl_supersede(dpy);
    if (dpy->config.path != PIXEL_PATH__MAX) {
        words = words_forced;
        if (gl_error) {
            vfio_display_fault(dpy, VFIO_PLANE_FAULT_MAP,
                               "OpenGL cannot read the buffer: %s", why);
        }
    } else if (plane->modifier != DRM_FORMAT_MOD_LINEAR) {
        words = words_tiled;
        vfio_display_fault(dpy, VFIO_PLANE_FAULT_MODIFIER,
                           "format %s with modifier 0x%016" PRIx64
                           " is not linear and OpenGL cannot read it: %s",
                           ui_fourcc_to_string(plane->fourcc, fourcc),
                           plane->modifier, why);
    } else {
        words = words_unmappable;
        vfio_display_fault(dpy, VFIO_PLANE_FAULT_MAP,
                           "the buffer cannot be mapped and OpenGL cannot "
                           "read it: %s", why);
    }
    vfio_display_show_words(dpy, words, plane->width, plane->height);
}

static void vfio_display_blank(VFIODisplay *dpy)
{
    trace_vfio_display_blank(dpy);
    vfio_display_forget_buffers(dpy);
    dpy->state = VFIO_DISPLAY_BLANK;
    dpy->way = PIXEL_PATH__MAX;
    dpy->placeholder = NULL;
    if (dpy->ramfb && ramfb_display_resume(dpy->ramfb)) {
        ramfb_display_update(dpy->con, dpy->ramfb);
    } else {
        dpy_gfx_replace_surface(dpy->con, NULL);
    }
}

/* The device shows nothing, or does not say what it shows. */
void vfio_display_gone(VFIODisplay *dpy)
{
    int64_t now = qemu_console_now(dpy->con);

    if (dpy->state == VFIO_DISPLAY_ON &&
        now - dpy->last_good_ns < GRACE_MAX_AGE_NS) {
        dpy->state = VFIO_DISPLAY_GRACE;
        dpy->off_since_ns = now;
        return;
    }
    if (dpy->state == VFIO_DISPLAY_GRACE &&
        now - dpy->off_since_ns < GRACE_NS) {
        return;
    }
    if (dpy->state != VFIO_DISPLAY_BLANK) {
        vfio_display_blank(dpy);
    }
}

void vfio_display_good(VFIODisplay *dpy, const VFIOPlane *plane)
{
    dpy->state = VFIO_DISPLAY_ON;
    dpy->last_good_ns = qemu_console_now(dpy->con);
    dpy->plane = *plane;
}

void vfio_display_forget_buffers(VFIODisplay *dpy)
{
    vfio_display_cursor_forget(dpy);
    vfio_display_overlays_forget(dpy);
    vfio_display_gl_supersede(dpy);
    if (dpy->primary) {
        dpy->primary = NULL;
        dpy_gl_scanout_disable(dpy->con);
    }
    vfio_plane_cache_clear(dpy->cache);
    if (dpy->region_open) {
        dpy->region_open = false;
        dpy->ops->close_region(dpy->opaque);
    }
}

/* --- What the device reports -------------------------------------------- */

int vfio_display_ask(VFIODisplay *dpy, VFIOPlane *plane)
{
    int ret = dpy->ops->query_plane(dpy->opaque, plane);

    trace_vfio_display_query(dpy, plane->type, plane->index, plane->kind, ret,
                             plane->id, plane->fourcc, plane->width,
                             plane->height, plane->stride);
    return ret;
}

bool vfio_display_is_silent(VFIODisplay *dpy, int64_t *since_ns)
{
    int64_t now = qemu_console_now(dpy->con);

    if (!*since_ns) {
        *since_ns = now;
    }
    return now - *since_ns >= GRACE_NS;
}

/*
 * The first query of a new mode may fail for no reason (mbochs: ENOMEM), so
 * it gets a second chance at once: a screendump does not come back later.
 */
static bool vfio_display_query(VFIODisplay *dpy, VFIOPlaneKind kind,
                               VFIOPlane *plane)
{
    int ret = 0;

    for (int i = 0; i < 2; i++) {
        *plane = (VFIOPlane) { .type = VFIO_PLANE_PRIMARY, .kind = kind };
        ret = vfio_display_ask(dpy, plane);
        if (ret >= 0) {
            vfio_display_damage_told(dpy, plane);
            return true;
        }
        if (i == 0) {
            /* counted, but nothing to bother the user with */
            dpy->faults[VFIO_PLANE_PRIMARY][VFIO_PLANE_FAULT_QUERY]++;
        }
    }
    vfio_display_fault(dpy, VFIO_PLANE_FAULT_QUERY,
                       "the device does not say what is on screen: %s",
                       strerror(-ret));
    return false;
}

void vfio_display_bad_plane(VFIODisplay *dpy, VFIOPlaneFault fault,
                            const VFIOPlane *plane, int err)
{
    static const char *const names[VFIO_DISPLAY_PLANE_TYPES] = {
        [VFIO_PLANE_OVERLAY] = "an overlay",
        [VFIO_PLANE_PRIMARY] = "a plane",
        [VFIO_PLANE_CURSOR] = "a cursor",
    };
    char fourcc[UI_FOURCC_STRLEN];

    vfio_display_plane_fault(dpy, plane->type, fault,
                             "the device reports %s that cannot be shown "
                             "(%s): %ux%u, stride %u, offset %" PRIu64
                             ", size %" PRIu64 ", format %s, modifier 0x%016"
                             PRIx64 ", id %u%s%s", names[plane->type],
                             vfio_plane_fault_name(fault),
                             plane->width, plane->height, plane->stride,
                             plane->offset, plane->size,
                             ui_fourcc_to_string(plane->fourcc, fourcc),
                             plane->modifier, plane->id, err ? ": " : "",
                             err ? strerror(err) : "");
}

/*
 * The one gate that each answer for the primary passes before anything is
 * made in its size: what comes later, words too, relies on this.
 */
static bool vfio_display_check(VFIODisplay *dpy, const VFIOPlane *plane)
{
    VFIOPlaneFault fault = vfio_plane_check(plane);

    if (fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(dpy, fault, plane, 0);
        return false;
    }
    return true;
}

/* --- Frames ------------------------------------------------------------- */

bool vfio_display_mirror(VFIODisplay *dpy, const MirrorFrame *frame)
{
    uint64_t bytes = console_mirror_stats(dpy->mirror).bytes_read;
    MirrorResult result = console_mirror_update(dpy->mirror, frame);

    if (!qemu_console_wants_pixels(dpy->con)) {
        bytes = console_mirror_stats(dpy->mirror).bytes_read - bytes;
        dpy->bytes_probed += bytes;
    }
    vfio_display_look_result(dpy, frame, result);
    switch (result) {
    case MIRROR_CHANGED:
        dpy->frames++;
        dpy->placeholder = NULL;
        return true;
    case MIRROR_UNCHANGED:
        return true;
    case MIRROR_BUSY:
        dpy->busy = true;
        return false;
    case MIRROR_VANISHED:
        vfio_display_fault(dpy, VFIO_PLANE_FAULT_VANISHED,
                           "the picture's memory went away while it was read");
        return false;
    }
    g_assert_not_reached();
}

MirrorFrame vfio_display_frame(const VFIOPlane *plane)
{
    return (MirrorFrame) {
        .format = vfio_plane_format(plane),
        .straight_alpha = plane->straight_alpha,
        .width = plane->width,
        .height = plane->height,
        .readable = plane->height,
        .stride = plane->stride,
        .offset = plane->offset,
        .fd = -1,
    };
}

static bool vfio_display_open_region(VFIODisplay *dpy, const VFIOPlane *plane)
{
    int ret;

    if (dpy->region_open && dpy->region_index == plane->id) {
        return true;
    }
    if (dpy->region_open) {
        dpy->region_open = false;
        dpy->ops->close_region(dpy->opaque);
    }
    ret = dpy->ops->open_region(dpy->opaque, plane->id, &dpy->region);
    if (ret < 0) {
        vfio_display_bad_plane(dpy, VFIO_PLANE_FAULT_REGION, plane, -ret);
        return false;
    }
    dpy->region_open = true;
    dpy->region_index = plane->id;
    /* it may be where another one was mapped before */
    vfio_display_look_anew(dpy);
    trace_vfio_display_region_open(dpy, plane->id, dpy->region.size,
                                   dpy->region.map != NULL);
    return true;
}

/* Shows a plane that lies in a region to the viewers that take pixels. */
static bool vfio_display_mirror_region(VFIODisplay *dpy,
                                       const VFIOPlane *plane)
{
    MirrorFrame frame;
    VFIOPlaneFault fault;

    if (!vfio_display_open_region(dpy, plane)) {
        return false;
    }
    fault = vfio_plane_check_bounds(plane, dpy->region.size);
    if (fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(dpy, fault, plane, 0);
        return false;
    }
    frame = vfio_display_frame(plane);
    if (vfio_plane_check_bounds(plane, dpy->region.map_len) ==
        VFIO_PLANE_FAULT_NONE) {
        frame.map = dpy->region.map;
    } else if (!dpy->region.readable) {
        vfio_display_bad_plane(dpy, VFIO_PLANE_FAULT_REGION, plane, EACCES);
        return false;
    }
    vfio_display_gl_supersede(dpy);
    frame.read = dpy->ops->read_region;
    frame.opaque = dpy->opaque;
    vfio_display_look_at(dpy, &frame);
    return vfio_display_mirror(dpy, &frame);
}

/* The frame in a buffer that is mapped. */
static MirrorFrame vfio_display_buffer_frame(const VFIOPlaneBuffer *buffer)
{
    const VFIODisplayBuffer *user = buffer->user;
    MirrorFrame frame = vfio_display_frame(&buffer->plane);

    frame.map = user->map->data;
    frame.fd = buffer->fd;
    frame.readable = vfio_plane_rows_within(&buffer->plane, user->map->len);
    return frame;
}

static bool vfio_display_mirror_dmabuf(VFIODisplay *dpy,
                                       const VFIOPlaneBuffer *buffer)
{
    MirrorFrame frame = vfio_display_buffer_frame(buffer);

    vfio_display_gl_supersede(dpy);
    vfio_display_look_at(dpy, &frame);
    return vfio_display_mirror(dpy, &frame);
}

VFIOPlaneFault vfio_display_fetch_plane(VFIODisplay *dpy,
                                        const VFIOPlane *plane,
                                        MirrorFrame *frame,
                                        VFIOPlaneBuffer **buffer, int *err)
{
    VFIOPlaneFault fault = vfio_plane_check(plane);
    VFIODisplayBuffer *user;

    if (fault == VFIO_PLANE_FAULT_NONE) {
        fault = vfio_plane_cache_get(dpy->cache, plane, buffer, err);
    }
    if (fault != VFIO_PLANE_FAULT_NONE) {
        return fault;
    }
    if (plane->modifier != DRM_FORMAT_MOD_LINEAR) {
        return VFIO_PLANE_FAULT_MODIFIER;
    }
    vfio_display_map(dpy, *buffer);
    user = (*buffer)->user;
    if (!user->map) {
        return VFIO_PLANE_FAULT_MAP;
    }
    *frame = vfio_display_buffer_frame(*buffer);
    return VFIO_PLANE_FAULT_NONE;
}

/* While OpenGL is away the last frame stays, or words if there was none. */
static bool vfio_display_gl_pixels(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    const VFIOPlane *plane = &buffer->plane;

    if (vfio_display_gl_request(dpy, buffer)) {
        return true;
    }
    if (vfio_display_gl_is_hung(dpy) && !dpy->frames) {
        vfio_display_show_words(dpy, words_hung, plane->width, plane->height);
    }
    return false;
}

/* Shows a dma-buf to the viewers that take pixels. */
static bool vfio_display_dmabuf_pixels(VFIODisplay *dpy,
                                       VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;
    VFIOPlane plane;

    vfio_display_overlays_show(dpy);
    switch (dpy->way) {
    case PIXEL_PATH_MMAP:
        return vfio_display_mirror_dmabuf(dpy, buffer);
    case PIXEL_PATH_REGION:
        return vfio_display_query(dpy, VFIO_PLANE_KIND_REGION, &plane) &&
            !vfio_plane_is_off(&plane) &&
            vfio_display_check(dpy, &plane) &&
            vfio_display_mirror_region(dpy, &plane);
    case PIXEL_PATH_GL:
        return vfio_display_gl_pixels(dpy, buffer);
    default:
        vfio_display_no_way(dpy, &buffer->plane, user->gl_error);
        return false;
    }
}

static void vfio_display_decide(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;

    if (user->way == PIXEL_PATH_PLACEHOLDER) {
        vfio_display_gl_retry(dpy, user);
    }
    if (user->way == PIXEL_PATH__MAX) {
        user->way = vfio_display_choose_way(dpy, buffer);
    }
    vfio_display_set_way(dpy, user->way);
}

/*
 * Do overlays lie over this buffer? All viewers show the mirror then, which is
 * composed by the CPU: there must be a way to get there.
 */
static bool vfio_display_is_composed(VFIODisplay *dpy,
                                     const VFIOPlaneBuffer *buffer)
{
    const VFIODisplayBuffer *user = buffer->user;

    return dpy->overlaid && user->way != PIXEL_PATH_PLACEHOLDER;
}

/*
 * Puts a buffer on screen that was not there before, or is there otherwise:
 * with overlays over it, or without.
 */
static void vfio_display_publish(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;

    vfio_display_damage_moved(dpy, dpy->primary, buffer);
    dpy->primary = buffer;
    vfio_display_look_anew(dpy);
    trace_vfio_display_publish(dpy, buffer->plane.id);
    dpy->composed = vfio_display_is_composed(dpy, buffer);
    if (dpy->composed) {
        dpy_gfx_show_mirror(dpy->con);
    } else {
        dpy_gl_scanout_dmabuf(dpy->con, user->dmabuf);
        dpy->redraw_due = true;
    }
}

/* Reads a dma-buf's pixels; the console knows then whether they changed. */
static bool vfio_display_probe(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    int64_t begun = qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
    bool shown = vfio_display_dmabuf_pixels(dpy, buffer);

    if (dpy->way != PIXEL_PATH_PLACEHOLDER) {
        vfio_display_probed(dpy, begun);
    }
    return shown;
}

static bool vfio_display_has_damage(const VFIOPlane *plane)
{
    pixman_box32_t box = vfio_plane_damage(plane);

    return plane->damage_known && box.x1 < box.x2 && box.y1 < box.y2;
}

/* Nobody wants pixels; is there something new to draw for the others? */
static void vfio_display_dmabuf_alone(VFIODisplay *dpy,
                                      VFIOPlaneBuffer *buffer, bool changed)
{
    /* what OpenGL reads is a probe's */
    if (changed || dpy->way != PIXEL_PATH_GL) {
        vfio_display_gl_supersede(dpy);
    }
    /* viewers of dma-bufs go by the surface's size, too */
    console_mirror_prepare(dpy->mirror, buffer->plane.width,
                           buffer->plane.height);
    dpy->placeholder = NULL;
    if (changed) {
        qemu_console_active(dpy->con);
    } else if (vfio_display_probe_is_due(dpy)) {
        vfio_display_probe(dpy, buffer);
    }
}

/* The cursor has been asked for as well: OpenGL may draw that, too. */
static void vfio_display_redraw(VFIODisplay *dpy)
{
    if (!dpy->primary || dpy->composed) {
        return;
    }
    dpy->redraw_due |= vfio_display_redraws(dpy);
    if (dpy->redraw_due && !qemu_console_is_gl_blocked(dpy->con)) {
        dpy->redraw_due = false;
        trace_vfio_display_redraw(dpy, dpy->primary->plane.id);
        dpy_gl_update(dpy->con, 0, 0, dpy->primary->plane.width,
                      dpy->primary->plane.height);
    }
}

/*
 * The primary's buffer, which is to be published next. If there is none and
 * the one on screen had to be closed for it, viewers are left with the mirror.
 */
static VFIOPlaneFault vfio_display_get_primary(VFIODisplay *dpy,
                                               const VFIOPlane *plane,
                                               VFIOPlaneBuffer **buffer,
                                               int *err)
{
    bool shown = dpy->primary != NULL;
    VFIOPlaneFault fault;

    dpy->replacing = true;
    fault = vfio_plane_cache_get(dpy->cache, plane, buffer, err);
    dpy->replacing = false;
    if (fault != VFIO_PLANE_FAULT_NONE && shown && !dpy->primary) {
        dpy_gfx_show_mirror(dpy->con);
    }
    return fault;
}

static bool vfio_display_show_dmabuf(VFIODisplay *dpy, const VFIOPlane *plane)
{
    bool changed = vfio_display_has_damage(plane);
    VFIOPlaneBuffer *buffer = NULL;
    VFIOPlaneFault fault;
    int err = 0;

    fault = vfio_display_get_primary(dpy, plane, &buffer, &err);
    if (fault == VFIO_PLANE_FAULT_DMABUF && err == EAGAIN) {
        return false;
    }
    if (fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(dpy, fault, plane, err);
        return false;
    }

    vfio_display_overlays_find(dpy, plane);
    vfio_display_decide(dpy, buffer);
    if (buffer != dpy->primary ||
        dpy->composed != vfio_display_is_composed(dpy, buffer)) {
        vfio_display_publish(dpy, buffer);
        changed = true;
    }
    vfio_display_good(dpy, plane);
    if (qemu_console_wants_pixels(dpy->con)) {
        if (changed && dpy->way == PIXEL_PATH_PLACEHOLDER) {
            qemu_console_active(dpy->con);
        }
        return vfio_display_probe(dpy, buffer);
    }
    vfio_display_dmabuf_alone(dpy, buffer, changed);
    return true;
}

static bool vfio_display_show_region(VFIODisplay *dpy, const VFIOPlane *plane)
{
    static const PixelPathFacts caps = { .region = true };
    PixelPath way = pixel_path_choose(&caps, dpy->config.path);

    if (way != PIXEL_PATH_REGION) {
        vfio_display_set_way(dpy, way);
        vfio_display_no_way(dpy, plane, NULL);
        return false;
    }
    vfio_display_overlays_find(dpy, plane);
    if (qemu_console_wants_pixels(dpy->con)) {
        vfio_display_overlays_show(dpy);
        if (!vfio_display_mirror_region(dpy, plane)) {
            return false;
        }
    }
    vfio_display_set_way(dpy, way);
    vfio_display_good(dpy, plane);
    return true;
}

void vfio_display_refresh(VFIODisplay *dpy)
{
    bool use_dmabuf = dpy->kinds[VFIO_PLANE_KIND_DMABUF] &&
        !(dpy->config.path == PIXEL_PATH_REGION &&
          dpy->kinds[VFIO_PLANE_KIND_REGION]);
    VFIOPlaneKind kind = use_dmabuf ? VFIO_PLANE_KIND_DMABUF
                                    : VFIO_PLANE_KIND_REGION;
    VFIOPlane plane;
    bool shown;

    if (!dpy->kinds[VFIO_PLANE_KIND_DMABUF] &&
        !dpy->kinds[VFIO_PLANE_KIND_REGION]) {
        /* it has a metadata page and nothing else, and does not answer */
        dpy->skipped++;
        return;
    }
    if (!vfio_display_query(dpy, kind, &plane)) {
        dpy->skipped++;
        vfio_display_gone(dpy);
        return;
    }
    if (vfio_plane_is_off(&plane)) {
        vfio_display_gone(dpy);
        return;
    }
    shown = vfio_display_check(dpy, &plane) &&
        (use_dmabuf ? vfio_display_show_dmabuf(dpy, &plane)
                    : vfio_display_show_region(dpy, &plane));
    if (!shown) {
        dpy->skipped++;
    }
    vfio_display_cursor_refresh(dpy, &plane);
    vfio_display_redraw(dpy);
    /* only now that everybody has been told of new ones */
    vfio_display_trim(dpy);
}
