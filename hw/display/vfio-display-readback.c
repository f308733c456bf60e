/*
 * vGPU display: frames that OpenGL reads
 *
 * A refresh only requests a frame. Its pixels come later, and are shown unless
 * something newer was. A screendump completes with the first frame requested
 * after it.
 *
 * Where the device says what differs from the last frame, or that nothing does,
 * only that is read, and all that no frame has brought since. Else OpenGL's
 * thread finds out what differs. A screendump, and a viewer's first frame, are
 * read whole.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/timer.h"
#include "vfio-display-readback.h"

/* A buffer that OpenGL refuses is tried again after a second, 2, 4, ... 32. */
#define RETRY_NS (1 * NANOSECONDS_PER_SECOND)
#define MAX_RETRY_LOG2 5

static int64_t readback_now(const VFIODisplayReadback *rb)
{
    return qemu_console_now(rb->screen->con);
}

/* Of the buffer that is on screen, or NULL. */
static VFIODisplayBuffer *on_screen(const VFIODisplayReadback *rb)
{
    return rb->screen->primary ? rb->screen->primary->user : NULL;
}

/* --- Results -------------------------------------------------------------- */

void vfio_display_readback_supersede(VFIODisplayReadback *rb)
{
    rb->damage->readback_whole = true;
    if (rb->gl) {
        rb->oldest = gl_readback_next(rb->gl);
    }
}

/* The whole frame is to be requested: not all that is lacking is known. */
static void readback_restart(VFIODisplayReadback *rb)
{
    vfio_display_readback_supersede(rb);
    rb->again = true;
}

static MirrorFrame readback_frame(const GLReadbackResult *result)
{
    const UIPixels *pixels = result->pixels;
    static const pixman_box32_t nothing;
    const GLReadbackArea *area = result->area;
    bool whole = area->what == GL_READBACK_WHOLE && !result->copied;

    return (MirrorFrame) {
        .format = ui_pixel_format_find(pixels->fourcc),
        .width = pixels->width,
        .height = pixels->height,
        .readable = pixels->height,
        .stride = pixels->stride,
        .map = pixels->data,
        .fd = -1,
        .damage = whole ? NULL
            : area->n && !result->copied ? area->box : &nothing,
        .n_damage = result->copied ? 0 : area->n,
    };
}

/* In OpenGL's thread, with the BQL. */
static bool readback_copy(void *opaque, const GLReadbackResult *result)
{
    VFIODisplayReadback *rb = opaque;
    MirrorFrame frame = readback_frame(result);

    return result->number >= rb->oldest &&
        console_mirror_copy(rb->screen->mirror, &frame);
}

static void readback_show(VFIODisplayReadback *rb,
                          const GLReadbackResult *result)
{
    MirrorFrame frame = readback_frame(result);
    uint64_t frames = rb->screen->frames;
    VFIODisplayBuffer *user = on_screen(rb);

    if (frame.damage && !console_mirror_holds(rb->screen->mirror, frame.width,
                                              frame.height)) {
        readback_restart(rb);
        return;
    }
    rb->ops->show(rb->opaque, &frame);
    vfio_display_damage_completed(rb->damage, result->number);
    if (user) {
        user->gl_refusals = 0;
    }
    if (rb->screen->frames != frames) {
        qemu_console_refresh_on_change(rb->screen->con);
    }
}

/* The buffer takes another path until it is tried again. */
static void readback_refused(VFIODisplayReadback *rb, VFIODisplayBuffer *user)
{
    user->gl_retry_ns = readback_now(rb) +
        (RETRY_NS << MIN(user->gl_refusals, MAX_RETRY_LOG2));
    user->gl_refusals++;
    user->path = PIXEL_PATH__MAX;
}

static void readback_failed(VFIODisplayReadback *rb,
                            const GLReadbackResult *result)
{
    VFIODisplayBuffer *user = on_screen(rb);

    /* of another buffer it is told again when that is on screen */
    if (user && user->gl == result->buffer && !user->gl_error) {
        user->gl_error = error_copy(result->error);
        readback_refused(rb, user);
    }
    readback_restart(rb);
}

/* The last frame stays; another one is requested when OpenGL is back. */
static void readback_timed_out(VFIODisplayReadback *rb)
{
    vfio_display_fault(rb->source, VFIO_PLANE_FAULT_TIMEOUT,
                       "OpenGL does not answer; the last picture stays until "
                       "it does");
    readback_restart(rb);
}

static void readback_lost(VFIODisplayReadback *rb, const Error *error)
{
    vfio_display_fault(rb->source, VFIO_PLANE_FAULT_LOST,
                       "OpenGL has failed and is opened again; the last "
                       "picture stays until then: %s",
                       error_get_pretty(error));
    readback_restart(rb);
}

static void readback_done(void *opaque, const GLReadbackResult *result)
{
    VFIODisplayReadback *rb = opaque;

    if (result->timed_out) {
        readback_timed_out(rb);
    } else if (result->passing) {
        readback_lost(rb, result->error);
    } else if (result->error) {
        readback_failed(rb, result);
    } else if (result->pixels && result->number >= rb->oldest) {
        readback_show(rb, result);
    }

    if (rb->dump && result->number >= rb->dump &&
        (!result->error || result->timed_out || result->passing)) {
        rb->dump = 0;
        graphic_hw_update_done(rb->screen->con);
    }
    if (rb->again) {
        rb->ops->refresh(rb->opaque);
    }
}

/* --- Requests ------------------------------------------------------------- */

static void readback_await(VFIODisplayReadback *rb)
{
    rb->awaited = true;
    if (qemu_console_dump_waits(rb->screen->con) && !rb->dump) {
        rb->dump = gl_readback_next(rb->gl);
    }
}

bool vfio_display_readback_is_possible(VFIODisplayReadback *rb,
                                       VFIODisplayBuffer *user)
{
    const VFIODisplayOps *source = rb->source->ops;
    const GLReadbackOps *ops;
    g_autofree char *node = NULL;

    if (user->gl_error) {
        return false;
    }
    if (rb->gl) {
        return true;
    }
    ops = gl_readback_find_ops(&user->gl_error);
    if (!ops) {
        readback_refused(rb, user);
        return false;
    }
    node = source->render_node ? source->render_node(rb->source->opaque)
                               : NULL;
    rb->gl = gl_readback_new(ops, node, readback_done, rb);
    gl_readback_set_copy(rb->gl, readback_copy);
    rb->buffers->gl = rb->gl;
    return true;
}

void vfio_display_readback_retry(VFIODisplayReadback *rb,
                                 VFIODisplayBuffer *user)
{
    if (user->gl_error && readback_now(rb) >= user->gl_retry_ns) {
        g_clear_pointer(&user->gl_error, error_free);
        /* the readback remembers, too */
        g_clear_pointer(&user->gl, gl_readback_buffer_free);
        user->path = PIXEL_PATH__MAX;
    }
}

VFIODisplayReadbackRequest
vfio_display_readback_request(VFIODisplayReadback *rb,
                              VFIOPlaneBuffer *buffer)
{
    const VFIOPlane *plane = &buffer->plane;
    VFIODisplayBuffer *user = buffer->user;
    GLReadbackArea area;
    uint64_t number;
    bool held;

    if (!user->gl) {
        user->gl = gl_readback_buffer_new(rb->gl, user->dmabuf,
                                          &user->gl_error);
    }
    if (!user->gl) {
        readback_refused(rb, user);
        return VFIO_DISPLAY_READBACK_REFUSED;
    }
    if (gl_readback_is_hung(rb->gl)) {
        rb->again = true;
        return VFIO_DISPLAY_READBACK_HUNG;
    }
    held = console_mirror_holds(rb->screen->mirror, plane->width,
                                plane->height);
    switch (vfio_display_damage_plan_readback(rb->damage, plane, held,
                                              &area)) {
    case VFIO_DISPLAY_PLAN_NOTHING:
        return VFIO_DISPLAY_READBACK_SHOWN;
    case VFIO_DISPLAY_PLAN_WAIT:
        rb->awaited = true;
        return VFIO_DISPLAY_READBACK_COMING;
    case VFIO_DISPLAY_PLAN_READ:
        break;
    }
    readback_await(rb);
    number = gl_readback_submit(user->gl, &area);
    if (number) {
        vfio_display_damage_requested(rb->damage, number, &area);
    }
    rb->again = !number;
    return VFIO_DISPLAY_READBACK_COMING;
}

/* --- In a refresh --------------------------------------------------------- */

void vfio_display_readback_begin(VFIODisplayReadback *rb)
{
    rb->again = false;
    rb->awaited = false;
    rb->buffers->held = false;
}

bool vfio_display_readback_end(VFIODisplayReadback *rb)
{
    if (rb->buffers->held) {
        /* a buffer can be had when OpenGL has closed the one before */
        readback_await(rb);
        rb->again = true;
    }
    if (!rb->awaited) {
        /* what is on screen now is as new as can be */
        rb->dump = 0;
    }
    return rb->dump != 0;
}

void vfio_display_readback_finish(VFIODisplayReadback *rb)
{
    gl_readback_free(rb->gl);
}
