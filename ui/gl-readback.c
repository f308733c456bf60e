/*
 * Reading dma-bufs back with OpenGL, without waiting for it
 *
 * Here is the main loop's part, in gl-readback-thread.c the thread's, and in
 * gl-readback-egl.c what is done with OpenGL. A slot goes round: free, queued
 * by the main loop, begun and awaited by the thread, ready, shown by the main
 * loop, cleaned up by the thread, free. The lock covers slots and lists; it is
 * held neither while OpenGL works nor while results are shown.
 *
 * A thread that hangs in OpenGL cannot be stopped. Its request gets a result
 * after a while and is given up: its slot stays what it is until the thread
 * comes back, which then shows nothing and cleans up. Timeouts count ticks of
 * the main loop, so that a process that was stopped expires nothing.
 *
 * OpenGL may fail: a GPU is reset, its memory is full, it cannot be opened at
 * the moment. Every request on its way fails with it, and once all slots are
 * free the thread closes OpenGL. After a pause, twice as long each time, the
 * next request opens it again.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "block/aio.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "trace.h"
#include "gl-readback-internal.h"

static const GLReadbackOps *registered_ops;

void gl_readback_register(const GLReadbackOps *ops)
{
    registered_ops = ops;
}

const GLReadbackOps *gl_readback_find_ops(Error **errp)
{
    if (!registered_ops && ui_module_load("opengl", errp) < 0) {
        return NULL;
    }
    if (!registered_ops) {
        error_setg(errp, "this QEMU was built without OpenGL");
    }
    return registered_ops;
}

/* The oldest request without a result: a later one may fail sooner. */
static Slot *next_pending(GLReadback *rb)
{
    Slot *found = NULL;

    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        Slot *slot = &rb->slots[i];

        if (slot->state >= SLOT_QUEUED && slot->state <= SLOT_READY &&
            !slot->given_up && (!found || slot->number < found->number)) {
            found = slot;
        }
    }
    return found;
}

/* The lock is not held; @slot gives pixels, unless there is an error. */
static void tell(GLReadback *rb, uint64_t number, GLReadbackBuffer *buffer,
                 const Slot *slot, const Error *error, bool timed_out)
{
    GLReadbackResult result = {
        .number = number,
        .timed_out = timed_out,
        .passing = !timed_out && error && slot->passing,
    };

    if (!buffer->freed && !error) {
        result = gl_readback_slot_result(slot);
    } else if (!buffer->freed) {
        result.buffer = buffer;
        result.dmabuf = buffer->dmabuf;
        result.error = error;
    }
    trace_gl_readback_done(rb, number, error ? error_get_pretty(error) : "");
    rb->done(rb->opaque, &result);
}

static void slot_show(GLReadback *rb, Slot *slot)
{
    slot->state = SLOT_SHOWING;
    qemu_mutex_unlock(&rb->lock);
    tell(rb, slot->number, slot->buffer, slot, slot->error, false);
    qemu_mutex_lock(&rb->lock);
    slot->state = SLOT_SHOWN;
    qemu_cond_signal(&rb->work);
}

static void slot_give_up(GLReadback *rb, Slot *slot)
{
    GLReadbackBuffer *buffer = slot->buffer;
    uint64_t number = slot->number;
    Error *error = NULL;

    error_setg(&error, "OpenGL does not answer");
    slot->given_up = true;
    /* the thread may come back at any time, and the buffer is in use here */
    buffer->users++;
    qemu_mutex_unlock(&rb->lock);
    tell(rb, number, buffer, NULL, error, true);
    error_free(error);
    qemu_mutex_lock(&rb->lock);
    buffer->users--;
    qemu_cond_signal(&rb->work);
}

/* There is something that the thread may hang in. */
static void need_ticks(GLReadback *rb)
{
    timer_mod_anticipate(rb->timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) +
                         rb->ops->tick_ms);
}

/* Is there something to wait for? */
static bool is_closing(GLReadback *rb)
{
    return gl_readback_find_freed(rb, false) && !gl_readback_hangs(rb);
}

static void readback_deliver(GLReadback *rb)
{
    bool recovered;
    Slot *slot;

    qemu_mutex_lock(&rb->lock);
    while (!rb->orphaned && (slot = next_pending(rb))) {
        if (slot->state == SLOT_READY) {
            slot_show(rb, slot);
        } else if (slot->ticks >= gl_readback_timeout_ticks(rb)) {
            slot_give_up(rb, slot);
        } else {
            break;
        }
    }
    if (!rb->orphaned &&
        (next_pending(rb) || rb->health.pause || is_closing(rb))) {
        need_ticks(rb);
    }
    recovered = rb->recovered && !rb->orphaned;
    rb->recovered = false;
    qemu_mutex_unlock(&rb->lock);

    if (recovered) {
        rb->done(rb->opaque, &(GLReadbackResult) { .number = 0 });
    }
}

static void readback_bh(void *opaque)
{
    readback_deliver(opaque);
}

/* With the pause over, whoever waits for OpenGL may ask it again. */
static void count_pause(GLReadback *rb)
{
    if (rb->health.pause && !rb->health.lost && --rb->health.pause == 0) {
        rb->recovered |= rb->health.passing;
    }
}

static void readback_tick(void *opaque)
{
    GLReadback *rb = opaque;

    qemu_mutex_lock(&rb->lock);
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        rb->slots[i].ticks++;
    }
    if (gl_readback_find_freed(rb, false) &&
        ++rb->closing_ticks == gl_readback_timeout_ticks(rb)) {
        /* who waits for that does not any more */
        rb->recovered = true;
    }
    count_pause(rb);
    qemu_mutex_unlock(&rb->lock);
    readback_deliver(rb);
}

GLReadback *gl_readback_new(const GLReadbackOps *ops, const char *render_node,
                            GLReadbackDone *done, void *opaque)
{
    GLReadback *rb = g_new0(GLReadback, 1);

    rb->ops = ops;
    rb->render_node = g_strdup(render_node);
    rb->done = done;
    rb->opaque = opaque;
    rb->next = 1;
    rb->bh = qemu_bh_new(readback_bh, rb);
    /* not the main loop's own: the human monitor waits with aio_poll() */
    rb->timer = aio_timer_new(qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                              SCALE_MS, readback_tick, rb);
    rb->buffers = g_ptr_array_new();
    qemu_mutex_init(&rb->lock);
    qemu_cond_init(&rb->work);
    gl_readback_start(rb);
    return rb;
}

void gl_readback_set_copy(GLReadback *rb, GLReadbackCopy *copy)
{
    rb->copy = copy;
}

void gl_readback_free(GLReadback *rb)
{
    if (!rb) {
        return;
    }
    qemu_mutex_lock(&rb->lock);
    qemu_bh_delete(rb->bh);
    timer_free(rb->timer);
    rb->orphaned = true;
    qemu_cond_signal(&rb->work);
    qemu_mutex_unlock(&rb->lock);
}

/* With fds of its own. */
static QemuDmaBuf *copy_dmabuf(QemuDmaBuf *dmabuf, Error **errp)
{
    unsigned n = qemu_dmabuf_get_num_planes(dmabuf);
    QemuDmaBufPlane copies[DMABUF_MAX_PLANES];
    QemuDmaBuf *copy;

    copy = qemu_dmabuf_new_joint(qemu_dmabuf_get_width(dmabuf),
                                 qemu_dmabuf_get_height(dmabuf),
                                 qemu_dmabuf_get_stride(dmabuf),
                                 qemu_dmabuf_get_x(dmabuf),
                                 qemu_dmabuf_get_y(dmabuf),
                                 qemu_dmabuf_get_backing_width(dmabuf),
                                 qemu_dmabuf_get_backing_height(dmabuf),
                                 qemu_dmabuf_get_fourcc(dmabuf),
                                 qemu_dmabuf_get_modifier(dmabuf), -1, false,
                                 qemu_dmabuf_get_y0_top(dmabuf));
    for (unsigned i = 0; i < n; i++) {
        copies[i] = qemu_dmabuf_get_plane(dmabuf, i);
        copies[i].fd = qemu_dup(copies[i].fd);
        if (copies[i].fd < 0) {
            error_setg_errno(errp, errno, "cannot duplicate the buffer's fd");
            n = i;
        }
    }
    qemu_dmabuf_set_planes(copy, copies, MAX(n, 1));
    if (n < qemu_dmabuf_get_num_planes(dmabuf)) {
        qemu_dmabuf_close(copy);
        qemu_dmabuf_free(copy);
        return NULL;
    }
    return copy;
}

GLReadbackBuffer *gl_readback_buffer_new(GLReadback *rb, QemuDmaBuf *dmabuf,
                                         Error **errp)
{
    QemuDmaBuf *copy = copy_dmabuf(dmabuf, errp);
    GLReadbackBuffer *buffer;

    if (!copy) {
        return NULL;
    }
    buffer = g_new0(GLReadbackBuffer, 1);
    buffer->rb = rb;
    buffer->dmabuf = copy;
    qemu_mutex_lock(&rb->lock);
    g_ptr_array_add(rb->buffers, buffer);
    qemu_mutex_unlock(&rb->lock);
    return buffer;
}

void gl_readback_buffer_free(GLReadbackBuffer *buffer)
{
    GLReadback *rb;

    if (!buffer) {
        return;
    }
    rb = buffer->rb;
    qemu_mutex_lock(&rb->lock);
    if (!gl_readback_find_freed(rb, false)) {
        rb->closing_ticks = 0;
    }
    buffer->freed = true;
    need_ticks(rb);
    qemu_cond_signal(&rb->work);
    qemu_mutex_unlock(&rb->lock);
}

bool gl_readback_is_closing(GLReadback *rb)
{
    bool closing;

    qemu_mutex_lock(&rb->lock);
    closing = is_closing(rb);
    qemu_mutex_unlock(&rb->lock);
    return closing;
}

bool gl_readback_is_hung(GLReadback *rb)
{
    bool hung;

    qemu_mutex_lock(&rb->lock);
    hung = gl_readback_hangs(rb) || gl_readback_is_away(rb);
    qemu_mutex_unlock(&rb->lock);
    return hung;
}

uint64_t gl_readback_submit(GLReadbackBuffer *buffer,
                            const GLReadbackArea *area)
{
    GLReadback *rb = buffer->rb;
    uint64_t number = 0;
    Slot *slot = NULL;

    assert(!buffer->freed);
    qemu_mutex_lock(&rb->lock);
    if (!gl_readback_hangs(rb) && !gl_readback_is_away(rb)) {
        slot = gl_readback_find_slot(rb, SLOT_FREE);
    }
    if (slot) {
        number = rb->next++;
        slot->number = number;
        slot->buffer = buffer;
        slot->area = area ? *area : (GLReadbackArea) { 0 };
        slot->compare = slot->area.what == GL_READBACK_CHANGES;
        slot->passing = false;
        slot->copied = false;
        slot->state = SLOT_QUEUED;
        slot->ticks = 0;
        buffer->users++;
        need_ticks(rb);
        qemu_cond_signal(&rb->work);
    }
    qemu_mutex_unlock(&rb->lock);
    trace_gl_readback_submit(rb, number, area ? area->what : GL_READBACK_WHOLE,
                             area ? area->n : 0);
    return number;
}

uint64_t gl_readback_next(const GLReadback *rb)
{
    return rb->next;
}
