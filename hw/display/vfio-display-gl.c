/*
 * The display of a device that renders where only its driver can see:
 * frames that OpenGL reads
 *
 * A refresh only asks for a frame. Its pixels come later, and are shown unless
 * something newer was. Who waits for a screendump waits until a frame was
 * shown that was asked for after the screendump was.
 *
 * Where the device says what differs from the last frame, or that nothing
 * does, only that is read, and all that no frame has brought since it was
 * said. Else OpenGL's thread finds out what differs. A screendump, and a
 * viewer's first frame, are read whole.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/timer.h"
#include "ui/refresh-policy.h"
#include "vfio-display-internal.h"

QEMU_BUILD_BUG_ON(DAMAGE_LOG_BOXES > GL_READBACK_MAX_BOXES);

/* A buffer that OpenGL refuses is tried again after a second, 2, 4, ... 32. */
#define RETRY_NS (1 * NANOSECONDS_PER_SECOND)
#define MAX_RETRY_LOG2 5

/* --- Frames ------------------------------------------------------------- */

/* The whole frame is to be asked for: not all that is lacking is known. */
static void vfio_display_gl_anew(VFIODisplay *dpy)
{
    vfio_display_gl_supersede(dpy);
    dpy->gl_again = true;
}

static void vfio_display_gl_show(VFIODisplay *dpy,
                                 const GLReadbackResult *result)
{
    const GLReadbackPixels *pixels = result->pixels;
    static const pixman_box32_t nothing;
    const GLReadbackArea *area = result->area;
    bool whole = area->what == GL_READBACK_WHOLE;
    uint32_t height = qemu_dmabuf_get_height(result->dmabuf);
    uint64_t frames = dpy->frames;
    MirrorFrame frame = {
        .format = ui_pixel_format_find(pixels->fourcc),
        .width = qemu_dmabuf_get_width(result->dmabuf),
        .height = height,
        .readable = height,
        .stride = pixels->stride,
        .map = pixels->data,
        .fd = -1,
        .damage = whole ? NULL : area->n ? area->box : &nothing,
        .n_damage = area->n,
    };

    if (!whole && !console_mirror_holds(dpy->mirror, frame.width, height)) {
        vfio_display_gl_anew(dpy);
        return;
    }
    vfio_display_mirror(dpy, &frame);
    damage_log_completed(dpy->damage, result->number);
    if (dpy->primary) {
        ((VFIODisplayBuffer *)dpy->primary->user)->gl_refusals = 0;
    }
    if (dpy->frames != frames) {
        qemu_console_changed(dpy->con);
    }
}

/* All is on screen, but overlays may be elsewhere than they were. */
static void vfio_display_gl_recompose(VFIODisplay *dpy, const VFIOPlane *plane)
{
    static const pixman_box32_t nothing;
    MirrorFrame frame = vfio_display_frame(plane);

    frame.damage = &nothing;
    vfio_display_mirror(dpy, &frame);
}

/* The buffer goes another way, if only to words, until it is tried again. */
static void vfio_display_gl_refused(VFIODisplay *dpy, VFIODisplayBuffer *user)
{
    user->gl_retry_ns = qemu_console_now(dpy->con) +
        (RETRY_NS << MIN(user->gl_refusals, MAX_RETRY_LOG2));
    user->gl_refusals++;
    user->way = PIXEL_PATH__MAX;
}

void vfio_display_gl_retry(VFIODisplay *dpy, VFIODisplayBuffer *user)
{
    if (!user->gl_error || qemu_console_now(dpy->con) < user->gl_retry_ns) {
        return;
    }
    g_clear_pointer(&user->gl_error, error_free);
    /* the readback remembers, too */
    g_clear_pointer(&user->gl, gl_readback_buffer_free);
    user->way = PIXEL_PATH__MAX;
}

static void vfio_display_gl_failed(VFIODisplay *dpy,
                                   const GLReadbackResult *result)
{
    VFIODisplayBuffer *user =
        dpy->primary ? dpy->primary->user : NULL;

    /* of another one it is told again when that is on screen */
    if (user && user->gl == result->buffer && !user->gl_error) {
        user->gl_error = error_copy(result->error);
        vfio_display_gl_refused(dpy, user);
    }
    vfio_display_gl_anew(dpy);
}

/* The last frame stays; another one is asked for when OpenGL is back. */
static void vfio_display_gl_timed_out(VFIODisplay *dpy)
{
    vfio_display_fault(dpy, VFIO_PLANE_FAULT_TIMEOUT,
                       "OpenGL does not answer; the last picture stays until "
                       "it does");
    vfio_display_gl_anew(dpy);
}

static void vfio_display_gl_lost(VFIODisplay *dpy, const Error *error)
{
    vfio_display_fault(dpy, VFIO_PLANE_FAULT_LOST,
                       "OpenGL has failed and is opened again; the last "
                       "picture stays until then: %s",
                       error_get_pretty(error));
    vfio_display_gl_anew(dpy);
}

static void vfio_display_gl_done(void *opaque, const GLReadbackResult *result)
{
    VFIODisplay *dpy = opaque;

    if (result->timed_out) {
        vfio_display_gl_timed_out(dpy);
    } else if (result->passing) {
        vfio_display_gl_lost(dpy, result->error);
    } else if (result->error) {
        vfio_display_gl_failed(dpy, result);
    } else if (result->pixels && result->number >= dpy->gl_oldest) {
        vfio_display_gl_show(dpy, result);
    }

    if (dpy->gl_dump && result->number >= dpy->gl_dump &&
        (!result->error || result->timed_out || result->passing)) {
        dpy->gl_dump = 0;
        graphic_hw_update_done(dpy->con);
    }
    if (dpy->gl_again) {
        vfio_display_update(dpy);
    }
}

static void vfio_display_gl_await(VFIODisplay *dpy)
{
    dpy->gl_awaited = true;
    if (qemu_console_dump_waits(dpy->con) && !dpy->gl_dump) {
        dpy->gl_dump = gl_readback_next(dpy->gl);
    }
}

bool vfio_display_gl_possible(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;
    const GLReadbackOps *ops;

    if (user->gl_error) {
        return false;
    }
    if (dpy->gl) {
        return true;
    }
    ops = gl_readback_find_ops(&user->gl_error);
    if (!ops) {
        vfio_display_gl_refused(dpy, user);
    } else {
        g_autofree char *node = dpy->ops->render_node ?
            dpy->ops->render_node(dpy->opaque) : NULL;

        dpy->gl = gl_readback_new(ops, node, vfio_display_gl_done, dpy);
    }
    return ops != NULL;
}

bool vfio_display_gl_is_hung(VFIODisplay *dpy)
{
    return dpy->gl && gl_readback_is_hung(dpy->gl);
}

/* What there is to be read; false: nothing that was not asked for. */
static bool vfio_display_gl_area(VFIODisplay *dpy, const VFIOPlane *plane,
                                 GLReadbackArea *area)
{
    const pixman_box32_t *boxes;
    size_t n;

    if (qemu_console_dump_waits(dpy->con) ||
        !console_mirror_holds(dpy->mirror, plane->width, plane->height)) {
        dpy->gl_whole = true;
    }
    if (dpy->gl_whole) {
        damage_log_add_all(dpy->damage);
    }
    if (!damage_log_has_pending(dpy->damage)) {
        return false;
    }
    boxes = damage_log_boxes(dpy->damage, plane->width, plane->height, &n);
    if (!boxes || !n) {
        area->what = dpy->gl_whole ? GL_READBACK_WHOLE : GL_READBACK_CHANGES;
        area->n = 0;
        dpy->look.read_ns = qemu_console_now(dpy->con);
        return true;
    }
    area->what = GL_READBACK_BOXES;
    area->n = n;
    for (size_t i = 0; i < n; i++) {
        area->box[i] = boxes[i];
    }
    return true;
}

static void vfio_display_gl_submit(VFIODisplay *dpy, VFIODisplayBuffer *user,
                                   const GLReadbackArea *area)
{
    uint64_t number = gl_readback_submit(user->gl, area);

    if (number) {
        damage_log_submitted(dpy->damage, number);
        dpy->gl_whole &= area->what != GL_READBACK_WHOLE;
    }
    dpy->gl_again = !number;
}

bool vfio_display_gl_request(VFIODisplay *dpy, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;
    GLReadbackArea area;

    if (!user->gl) {
        user->gl = gl_readback_buffer_new(dpy->gl, user->dmabuf,
                                          &user->gl_error);
    }
    if (!user->gl) {
        vfio_display_gl_refused(dpy, user);
        return false;
    }
    if (vfio_display_gl_is_hung(dpy)) {
        dpy->gl_again = true;
        return false;
    }
    /* what OpenGL reads it reads closely */
    dpy->look.owed = false;
    if (vfio_display_gl_area(dpy, &buffer->plane, &area)) {
        vfio_display_gl_await(dpy);
        vfio_display_gl_submit(dpy, user, &area);
    } else if (damage_log_is_empty(dpy->damage)) {
        vfio_display_gl_recompose(dpy, &buffer->plane);
    } else {
        /* it is on its way */
        dpy->gl_awaited = true;
    }
    return true;
}

bool vfio_display_gl_is_closing(VFIODisplay *dpy)
{
    if (!dpy->gl || !gl_readback_is_closing(dpy->gl)) {
        return false;
    }
    vfio_display_gl_await(dpy);
    dpy->gl_again = true;
    return true;
}

void vfio_display_gl_supersede(VFIODisplay *dpy)
{
    dpy->gl_whole = true;
    if (dpy->gl) {
        dpy->gl_oldest = gl_readback_next(dpy->gl);
    }
}

/*
 * Until the device has drawn the frame, or the mirror takes it half drawn
 * (MIRROR_BUSY_READS).
 */
static bool vfio_display_awaits_device(VFIODisplay *dpy)
{
    if (!dpy->busy || !qemu_console_dump_waits(dpy->con)) {
        return false;
    }
    timer_mod_ns(dpy->again, qemu_console_now(dpy->con) + REFRESH_VIEWER_NS);
    return true;
}

void vfio_display_update(VFIODisplay *dpy)
{
    dpy->gl_again = false;
    dpy->gl_awaited = false;
    dpy->busy = false;
    vfio_display_refresh(dpy);
    if (!dpy->gl_awaited) {
        /* what is on screen now is as new as can be */
        dpy->gl_dump = 0;
    }
    if (!dpy->gl_dump && !vfio_display_awaits_device(dpy)) {
        graphic_hw_update_done(dpy->con);
    }
}

void vfio_display_gl_detach(VFIODisplayBuffer *user)
{
    gl_readback_buffer_free(user->gl);
    error_free(user->gl_error);
}
