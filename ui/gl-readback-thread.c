/*
 * Reading dma-bufs back with OpenGL: the thread
 *
 * The lock is held wherever it is not said otherwise; it is let go while
 * OpenGL works.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "trace.h"
#include "gl-readback-internal.h"
#include "ui/pixel-format.h"

/* How long a request may wait for the thread to look at the queue again. */
#define WAIT_MS 4
/* At QEMU's end: for all threads together, as a GPU may hang. */
#define LEAVE_MS 1000
/* Between looks at the fence of a request that was given up. */
#define GIVEN_UP_WAIT_MS 100
/* Opening takes longer: libraries are loaded, devices found. */
#define OPENING_FACTOR 4
/* How long the BQL is waited for. */
#define BQL_TRIES 8
#define BQL_WAIT_US 500
/* Pauses after failures: a tick, 2, 4, ... this many. */
#define MAX_PAUSE_LOG2 6
/* After so many failures in a row OpenGL is not expected back soon. */
#define PASSING_FAILURES 5

/* --- In and out of OpenGL ------------------------------------------------- */

/*
 * All threads must be done with OpenGL before the process's exit takes its
 * libraries apart, also that of a readback that was freed: each finishes its
 * step, and none begins another.
 */
static struct {
    QemuMutex lock;
    QemuCond left;
    unsigned inside;
    bool closed;
} opengl;

static void __attribute__((constructor)) opengl_init(void)
{
    qemu_mutex_init(&opengl.lock);
    qemu_cond_init(&opengl.left);
}

/* Lets go of the readback's lock. Does not return once the process ends. */
static void opengl_enter(GLReadback *rb)
{
    qemu_mutex_unlock(&rb->lock);
    qemu_mutex_lock(&opengl.lock);
    while (opengl.closed) {
        qemu_cond_wait(&opengl.left, &opengl.lock);
    }
    opengl.inside++;
    qemu_mutex_unlock(&opengl.lock);
}

static void opengl_leave(GLReadback *rb)
{
    qemu_mutex_lock(&opengl.lock);
    opengl.inside--;
    qemu_cond_broadcast(&opengl.left);
    qemu_mutex_unlock(&opengl.lock);
    qemu_mutex_lock(&rb->lock);
}

static void close_opengl(void)
{
    int64_t now = g_get_monotonic_time(), end = now + LEAVE_MS * 1000;

    qemu_mutex_lock(&opengl.lock);
    if (!opengl.closed) {
        opengl.closed = true;
        for (; opengl.inside && now < end; now = g_get_monotonic_time()) {
            qemu_cond_timedwait(&opengl.left, &opengl.lock,
                                DIV_ROUND_UP(end - now, 1000));
        }
    }
    qemu_mutex_unlock(&opengl.lock);
}

/*
 * The process's exit calls its handlers from the newest to the oldest. Ours
 * has to come before those that OpenGL's libraries set up when they are first
 * used for something.
 */
static void close_opengl_at_exit(gsize *once)
{
    if (g_once_init_enter(once)) {
        atexit(close_opengl);
        g_once_init_leave(once, 1);
    }
}

/* --- Slots and buffers --------------------------------------------------- */

Slot *gl_readback_find_slot(GLReadback *rb, SlotState state)
{
    Slot *found = NULL;

    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        Slot *slot = &rb->slots[i];

        if (slot->state == state && (!found || slot->number < found->number)) {
            found = slot;
        }
    }
    return found;
}

static unsigned slot_index(GLReadback *rb, Slot *slot)
{
    return slot - rb->slots;
}

static void readback_open(GLReadback *rb)
{
    static gsize once;

    rb->gl = rb->ops->open(rb->render_node, &rb->error);
    if (rb->gl) {
        close_opengl_at_exit(&once);
    }
}

/* Opens and imports what was not yet. */
static bool buffer_prepare(GLReadback *rb, GLReadbackBuffer *buffer,
                           Error **errp)
{
    if (!rb->gl && !rb->error) {
        readback_open(rb);
    }
    if (!rb->gl) {
        error_propagate(errp, error_copy(rb->error));
        return false;
    }
    if (!buffer->image && !buffer->error) {
        buffer->image = rb->ops->import(rb->gl, buffer->dmabuf,
                                        &buffer->error);
    }
    if (buffer->error) {
        error_propagate(errp, error_copy(buffer->error));
    }
    return buffer->image != NULL;
}

static SlotState slot_begin(GLReadback *rb, Slot *slot)
{
    GLReadbackBuffer *buffer = slot->buffer;

    if (!buffer_prepare(rb, buffer, &slot->error)) {
        return SLOT_READY;
    }
    return rb->ops->begin(rb->gl, buffer->image, slot_index(rb, slot),
                          &slot->area, &slot->error) ? SLOT_READING
                                                     : SLOT_READY;
}

/* OpenGL's failure, not that of what it was asked for; with the lock held. */
static void note_failure(GLReadback *rb, const Error *error)
{
    rb->health.pause = 1u << MIN(rb->health.failures, MAX_PAUSE_LOG2);
    rb->health.failures++;
    rb->health.passing = rb->health.was_open &&
        rb->health.failures <= PASSING_FAILURES;
    rb->health.lost = rb->gl != NULL;
    if (!rb->error) {
        rb->error = error_copy(error);
    }
    trace_gl_readback_failed(rb, rb->health.failures, error_get_pretty(error));
}

/* What differs from the frame before, if that was asked about, too. */
static void slot_compare(GLReadback *rb, Slot *slot)
{
    const UIPixels *pixels = &slot->pixels;
    GLReadbackArea *area = &slot->area;

    if (!slot->compare || ui_pixel_format_find(pixels->fourcc)->cpp != 4) {
        frame_shadow_forget(rb->shadow);
    } else if (frame_shadow_update(rb->shadow, pixels, area->box, &area->n)) {
        area->what = GL_READBACK_BOXES;
    }
    if (area->what == GL_READBACK_CHANGES) {
        area->what = GL_READBACK_WHOLE;
    }
}

static SlotState slot_wait(GLReadback *rb, Slot *slot, int ms)
{
    unsigned i = slot_index(rb, slot);

    if (!rb->ops->wait(rb->gl, i, ms)) {
        return SLOT_READING;
    }
    if (rb->ops->map(rb->gl, i, &slot->pixels, &slot->error)) {
        static gsize once;

        close_opengl_at_exit(&once);
        slot->pixels.width = qemu_dmabuf_get_width(slot->buffer->dmabuf);
        slot->pixels.height = qemu_dmabuf_get_height(slot->buffer->dmabuf);
        slot_compare(rb, slot);
    }
    return SLOT_READY;
}

static void readback_notify(GLReadback *rb)
{
    if (!rb->orphaned) {
        qemu_bh_schedule(rb->bh);
    }
}

GLReadbackBuffer *gl_readback_find_freed(const GLReadback *rb, bool unused)
{
    for (unsigned i = 0; i < rb->buffers->len; i++) {
        GLReadbackBuffer *buffer = g_ptr_array_index(rb->buffers, i);

        if (buffer->freed && !(unused && buffer->users)) {
            return buffer;
        }
    }
    return NULL;
}

unsigned gl_readback_timeout_ticks(const GLReadback *rb)
{
    return GL_READBACK_TIMEOUT_TICKS * (rb->health.opened ? 1 : OPENING_FACTOR);
}

bool gl_readback_hangs(const GLReadback *rb)
{
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        if (rb->slots[i].given_up) {
            return true;
        }
    }
    return gl_readback_find_freed(rb, false) &&
        rb->closing_ticks >= gl_readback_timeout_ticks(rb);
}

bool gl_readback_is_away(const GLReadback *rb)
{
    return (rb->health.pause || rb->health.lost) && rb->health.passing;
}

static void slot_clean(GLReadback *rb, Slot *slot)
{
    if (rb->gl) {
        opengl_enter(rb);
        rb->ops->unmap(rb->gl, slot_index(rb, slot));
        opengl_leave(rb);
    }
    g_clear_pointer(&slot->error, error_free);
    slot->buffer->users--;
    slot->buffer = NULL;
    slot->state = SLOT_FREE;
    if (slot->given_up) {
        slot->given_up = false;
        rb->recovered |= !gl_readback_hangs(rb);
        readback_notify(rb);
    }
}

static void close_freed(GLReadback *rb, GLReadbackBuffer *buffer)
{
    opengl_enter(rb);
    if (buffer->image) {
        rb->ops->release(rb->gl, buffer->image);
    }
    qemu_dmabuf_close(buffer->dmabuf);
    opengl_leave(rb);
    g_ptr_array_remove_fast(rb->buffers, buffer);
    qemu_dmabuf_free(buffer->dmabuf);
    error_free(buffer->error);
    g_free(buffer);
    rb->closing_ticks = 0;
    rb->recovered |= !gl_readback_find_freed(rb, false);
    readback_notify(rb);
}

/* Who waits for the first frame has waited for this as well. */
static void note_opened(GLReadback *rb)
{
    if (rb->health.opened || (!rb->gl && !rb->error)) {
        return;
    }
    rb->health.opened = true;
    rb->health.was_open |= rb->gl != NULL;
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        rb->slots[i].ticks = 0;
    }
    rb->closing_ticks = 0;
}

/* After a step that was made without the lock. */
static void slot_done(GLReadback *rb, Slot *slot, SlotState state, bool failed)
{
    if (failed) {
        slot->passing = rb->health.passing;
    } else if (state == SLOT_READY && !slot->error) {
        rb->health.failures = 0;
    }
    if (state == SLOT_READY && slot->given_up) {
        state = SLOT_SHOWN;
    }
    slot->state = state;
    if (state == SLOT_READY) {
        readback_notify(rb);
    }
}

GLReadbackResult gl_readback_slot_result(const Slot *slot)
{
    return (GLReadbackResult) {
        .number = slot->number,
        .buffer = slot->buffer,
        .dmabuf = slot->buffer->dmabuf,
        .pixels = &slot->pixels,
        .area = &slot->area,
        .copied = slot->copied,
    };
}

/* Is an older frame left to the main loop? It would be copied over this one. */
static bool has_older(const GLReadback *rb)
{
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        const Slot *slot = &rb->slots[i];

        if ((slot->state == SLOT_READY || slot->state == SLOT_SHOWING) &&
            !slot->copied && !slot->error) {
            return true;
        }
    }
    return false;
}

/*
 * The main loop may wait for a frame and have the BQL, as the human monitor
 * does.
 */
static bool bql_lock_soon(void)
{
    for (int i = 0; i < BQL_TRIES; i++) {
        if (bql_trylock()) {
            return true;
        }
        g_usleep(BQL_WAIT_US);
    }
    return false;
}

/*
 * The main loop frees, and gives up, with the BQL: afterwards nothing is
 * copied. Returns: true if the BQL is held now.
 */
static bool slot_copy(GLReadback *rb, Slot *slot)
{
    GLReadbackResult result = gl_readback_slot_result(slot);
    bool locked = false;

    if (rb->copy && !has_older(rb)) {
        qemu_mutex_unlock(&rb->lock);
        locked = bql_lock_soon();
        if (locked && !rb->orphaned && !slot->buffer->freed &&
            !slot->given_up) {
            slot->copied = rb->copy(rb->opaque, &result);
        }
        qemu_mutex_lock(&rb->lock);
    }
    if (!slot->copied) {
        frame_shadow_forget(rb->shadow);
    }
    return locked;
}

static void slot_work(GLReadback *rb, Slot *slot)
{
    int wait_ms = slot->given_up ? GIVEN_UP_WAIT_MS : WAIT_MS;
    SlotState state = slot->state;
    bool known, failed, locked = false;

    if (!rb->health.pause && rb->error) {
        g_clear_pointer(&rb->error, error_free);
        rb->health.opened = false;
    }
    known = rb->error != NULL;
    opengl_enter(rb);
    state = state == SLOT_QUEUED ? slot_begin(rb, slot)
                                 : slot_wait(rb, slot, wait_ms);
    failed = slot->error && (!rb->gl || rb->ops->is_lost(rb->gl));
    opengl_leave(rb);
    if (state == SLOT_READY && !slot->error) {
        locked = slot_copy(rb, slot);
    }
    note_opened(rb);
    if (failed && !known) {
        note_failure(rb, slot->error);
    }
    slot_done(rb, slot, state, failed);
    if (locked) {
        /* not before the main loop knows that there is a result to be told */
        bql_unlock();
    }
}

/* What is on its way fails with OpenGL. False: who has results shows them. */
static bool fail_slots(GLReadback *rb)
{
    bool all_free = true;

    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        Slot *slot = &rb->slots[i];

        if (slot->state == SLOT_QUEUED || slot->state == SLOT_READING) {
            slot->error = error_copy(rb->error);
            slot_done(rb, slot, SLOT_READY, true);
        }
        all_free &= slot->state == SLOT_FREE;
    }
    return all_free;
}

static void release_images(GLReadback *rb)
{
    for (unsigned i = 0; i < rb->buffers->len; i++) {
        GLReadbackBuffer *buffer = g_ptr_array_index(rb->buffers, i);

        if (buffer->image) {
            void *image = g_steal_pointer(&buffer->image);

            opengl_enter(rb);
            rb->ops->release(rb->gl, image);
            opengl_leave(rb);
        }
        /* another context may take what this one has refused */
        g_clear_pointer(&buffer->error, error_free);
    }
}

static void close_gl(GLReadback *rb)
{
    if (rb->gl) {
        opengl_enter(rb);
        rb->ops->close(rb->gl);
        opengl_leave(rb);
        rb->gl = NULL;
    }
}

/* OpenGL has failed: it is closed once nobody has anything of it. */
static bool lost_step(GLReadback *rb)
{
    if (!fail_slots(rb)) {
        return gl_readback_find_slot(rb, SLOT_SHOWN) != NULL;
    }
    release_images(rb);
    close_gl(rb);
    rb->health.lost = false;
    readback_notify(rb);
    return true;
}

/* One step; false if there is nothing to do. */
static bool readback_step(GLReadback *rb)
{
    Slot *slot = gl_readback_find_slot(rb, SLOT_SHOWN);
    GLReadbackBuffer *buffer = gl_readback_find_freed(rb, true);

    if (slot) {
        slot_clean(rb, slot);
        return true;
    }
    if (buffer) {
        close_freed(rb, buffer);
        return true;
    }
    if (rb->health.lost) {
        return lost_step(rb);
    }
    /* what can be begun goes first, so that more than one is on its way */
    slot = gl_readback_find_slot(rb, SLOT_QUEUED) ?:
        gl_readback_find_slot(rb, SLOT_READING);
    if (!slot) {
        return false;
    }
    if (slot->state == SLOT_QUEUED && slot->given_up) {
        slot->state = SLOT_SHOWN;
        return true;
    }
    slot_work(rb, slot);
    return true;
}

/* After this nobody shows anything: what is ready is only cleaned up. */
static void discard_ready(GLReadback *rb)
{
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        if (rb->slots[i].state == SLOT_READY) {
            rb->slots[i].state = SLOT_SHOWN;
        }
    }
}

static void readback_destroy(GLReadback *rb)
{
    frame_shadow_free(rb->shadow);
    g_ptr_array_free(rb->buffers, true);
    qemu_cond_destroy(&rb->work);
    qemu_mutex_destroy(&rb->lock);
    error_free(rb->error);
    g_free(rb->render_node);
    g_free(rb);
}

static void *readback_thread(void *opaque)
{
    GLReadback *rb = opaque;

    qemu_mutex_lock(&rb->lock);
    while (!rb->orphaned || rb->buffers->len) {
        if (rb->orphaned) {
            discard_ready(rb);
        }
        if (!readback_step(rb)) {
            qemu_cond_wait(&rb->work, &rb->lock);
        }
    }
    close_gl(rb);
    qemu_mutex_unlock(&rb->lock);
    readback_destroy(rb);
    return NULL;
}

void gl_readback_start(GLReadback *rb)
{
    static gsize once;
    QemuThread thread;

    rb->shadow = frame_shadow_new();
    close_opengl_at_exit(&once);
    qemu_thread_create(&thread, "gl-readback", readback_thread, rb,
                       QEMU_THREAD_DETACHED);
}
