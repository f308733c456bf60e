/*
 * Reading dma-bufs back with OpenGL, without waiting for it
 *
 * Here is the thread and who has what when; what is done with OpenGL is in
 * gl-readback-egl.c. A slot goes round: free, queued by the main loop, begun
 * and awaited by the thread, ready, shown by the main loop, cleaned up by the
 * thread, free. The lock covers slots and lists; it is held neither while
 * OpenGL works nor while results are shown.
 *
 * A thread that hangs in OpenGL cannot be stopped. Its request gets a result
 * after a while and is given up: its slot stays what it is until the thread
 * comes back, which then shows nothing and cleans up. Time is counted in looks
 * of the main loop, so that a process that was stopped blames nobody.
 *
 * OpenGL may fail: a GPU is reset, its memory is full, it cannot be opened at
 * the moment. Every request on its way fails with it, and once all slots are
 * free the thread closes OpenGL. After a pause, twice as long each time, the
 * next request opens it again.
 *
 * The threads must be done with OpenGL before the process's exit takes its
 * libraries apart. Every thread is in a list, also that of a readback that was
 * freed; a handler of the exit lets each finish its step and begin no other.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "block/aio.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "trace.h"
#include "ui/frame-shadow.h"
#include "ui/gl-readback.h"
#include "ui/pixel-format.h"

QEMU_BUILD_BUG_ON(FRAME_SHADOW_BOXES > GL_READBACK_MAX_BOXES);

/* How long a request may wait for the thread to look at the queue again. */
#define WAIT_MS 4
/* At QEMU's end: for all threads together, as a GPU may hang. */
#define PARK_MS 1000
/* Between looks at the fence of a request that was given up. */
#define GIVEN_UP_WAIT_MS 100
/* Opening takes longer: libraries are loaded, devices found. */
#define OPENING_FACTOR 4
/* Pauses after failures: a look, 2, 4, ... this many. */
#define MAX_PAUSE_LOG2 6
/* After so many failures in a row OpenGL is not expected back soon. */
#define PASSING_FAILURES 5

typedef enum SlotState {
    SLOT_FREE,
    SLOT_QUEUED,  /* the thread's next */
    SLOT_READING, /* the GPU's */
    SLOT_READY,   /* the main loop's next */
    SLOT_SHOWING, /* the main loop's, just now */
    SLOT_SHOWN,   /* the thread's, to clean up */
} SlotState;

typedef struct Slot {
    SlotState state;
    uint64_t number;
    GLReadbackBuffer *buffer;
    GLReadbackArea area; /* asked for; what it turned out to be when read */
    bool compare;        /* asked for are changes */
    GLReadbackPixels pixels;
    Error *error;
    unsigned looks; /* of the main loop since it was queued, or OpenGL opened */
    bool given_up;  /* the result was told: it took too long */
    bool passing;   /* the error is OpenGL's and not expected to stay */
} Slot;

struct GLReadbackBuffer {
    GLReadback *rb;
    QemuDmaBuf *dmabuf; /* with its own fd */
    bool freed;         /* nobody wants its pixels */
    unsigned slots;     /* that use it */
    /* the thread's own */
    void *image;
    Error *error;       /* why there is none */
};

struct GLReadback {
    const GLReadbackOps *ops;
    char *render_node;
    GLReadbackDone *done;
    void *opaque;
    uint64_t next; /* the next request's number; the main loop's own */
    QEMUBH *bh;
    QEMUTimer *timer; /* looks while something is to be done by the thread */

    QemuMutex lock;
    QemuCond work; /* for the thread */
    QemuCond rest; /* the thread waits for work, or has ended */
    bool resting;
    bool parked;   /* QEMU ends: the thread begins nothing any more */
    bool orphaned; /* the main loop is done with this */
    GPtrArray *buffers;
    GQueue trash;  /* of freed buffers that no slot uses */
    unsigned closing; /* freed buffers, in use or not */
    unsigned closing_looks; /* since the last one was closed */
    bool eased;    /* all are closed, or nothing hangs: it is to be told */
    bool opened;   /* or it is known that OpenGL cannot be opened */
    bool was_open; /* at least once */
    bool lost;     /* what is open has failed, and is to be closed */
    unsigned failures; /* of OpenGL, in a row */
    unsigned pause;    /* looks until OpenGL is opened again, or 0 */
    bool passing;      /* so that it is worth waiting for */
    Slot slots[GL_READBACK_SLOTS];
    GLReadbackArea unshown; /* of results that were not told; the main loop's */

    /* the thread's own */
    FrameShadow *shadow;
    void *gl;
    Error *error; /* why there is none, until the pause is over */
};

static const GLReadbackOps *registered_ops;

/* Readbacks whose thread has not ended, and their lock, which is the outer. */
static GPtrArray *all_readbacks;
static QemuMutex all_lock;

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

/* --- The process's end -------------------------------------------------- */

static void park(GLReadback *rb, int64_t deadline_us)
{
    qemu_mutex_lock(&rb->lock);
    while (!rb->resting) {
        int64_t left_ms = (deadline_us - g_get_monotonic_time()) / 1000;

        if (left_ms <= 0) {
            break;
        }
        qemu_cond_timedwait(&rb->rest, &rb->lock, left_ms);
    }
    qemu_mutex_unlock(&rb->lock);
}

static void park_all(void)
{
    int64_t deadline_us = g_get_monotonic_time() + PARK_MS * 1000;
    static bool done;

    if (done) {
        return;
    }
    done = true;
    qemu_mutex_lock(&all_lock);
    for (unsigned i = 0; i < all_readbacks->len; i++) {
        GLReadback *rb = g_ptr_array_index(all_readbacks, i);

        qemu_mutex_lock(&rb->lock);
        rb->parked = true;
        qemu_mutex_unlock(&rb->lock);
    }
    for (unsigned i = 0; i < all_readbacks->len; i++) {
        park(g_ptr_array_index(all_readbacks, i), deadline_us);
    }
    qemu_mutex_unlock(&all_lock);
}

/*
 * The process's exit calls its handlers from the newest to the oldest. Ours
 * has to come before those that OpenGL's libraries set up when they are first
 * used for something.
 */
static void park_at_exit(gsize *once)
{
    if (g_once_init_enter(once)) {
        atexit(park_all);
        g_once_init_leave(once, 1);
    }
}

static void all_add(GLReadback *rb)
{
    static gsize once;

    if (!all_readbacks) {
        all_readbacks = g_ptr_array_new();
        qemu_mutex_init(&all_lock);
    }
    park_at_exit(&once);
    qemu_mutex_lock(&all_lock);
    g_ptr_array_add(all_readbacks, rb);
    qemu_mutex_unlock(&all_lock);
}

/* --- The thread --------------------------------------------------------- */

/* The oldest slot in that state, or NULL. */
static Slot *find_slot(GLReadback *rb, SlotState state)
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
        park_at_exit(&once);
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
    rb->pause = 1u << MIN(rb->failures, MAX_PAUSE_LOG2);
    rb->failures++;
    rb->passing = rb->was_open && rb->failures <= PASSING_FAILURES;
    rb->lost = rb->gl != NULL;
    if (!rb->error) {
        rb->error = error_copy(error);
    }
    trace_gl_readback_failed(rb, rb->failures, error_get_pretty(error));
}

/* What differs from the frame before, if that was asked about, too. */
static void slot_compare(GLReadback *rb, Slot *slot)
{
    const GLReadbackPixels *pixels = &slot->pixels;
    FrameShadowFrame frame = {
        .data = pixels->data,
        .stride = pixels->stride,
        .fourcc = pixels->fourcc,
        .width = qemu_dmabuf_get_width(slot->buffer->dmabuf),
        .height = qemu_dmabuf_get_height(slot->buffer->dmabuf),
    };
    GLReadbackArea *area = &slot->area;

    if (!slot->compare || ui_pixel_format_find(pixels->fourcc)->cpp != 4) {
        frame_shadow_forget(rb->shadow);
    } else if (frame_shadow_update(rb->shadow, &frame, area->box, &area->n)) {
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

        park_at_exit(&once);
        slot_compare(rb, slot);
    }
    return SLOT_READY;
}

static void buffer_close(GLReadback *rb, GLReadbackBuffer *buffer)
{
    if (buffer->image) {
        rb->ops->release(rb->gl, buffer->image);
    }
    error_free(buffer->error);
    qemu_dmabuf_close(buffer->dmabuf);
    qemu_dmabuf_free(buffer->dmabuf);
    g_free(buffer);
}

static void readback_notify(GLReadback *rb)
{
    if (!rb->orphaned) {
        qemu_bh_schedule(rb->bh);
    }
}

static unsigned patience(const GLReadback *rb)
{
    return GL_READBACK_TIMEOUT_TICKS * (rb->opened ? 1 : OPENING_FACTOR);
}

static bool is_hung(const GLReadback *rb)
{
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        if (rb->slots[i].given_up) {
            return true;
        }
    }
    return rb->closing && rb->closing_looks >= patience(rb);
}

/* OpenGL has failed and is tried again soon. */
static bool is_away(const GLReadback *rb)
{
    return (rb->pause || rb->lost) && rb->passing;
}

static void drop_buffer(GLReadback *rb, GLReadbackBuffer *buffer)
{
    if (buffer->freed && buffer->slots == 0) {
        g_queue_push_tail(&rb->trash, buffer);
    }
}

static void slot_clean(GLReadback *rb, Slot *slot)
{
    if (rb->gl) {
        qemu_mutex_unlock(&rb->lock);
        rb->ops->unmap(rb->gl, slot_index(rb, slot));
        qemu_mutex_lock(&rb->lock);
    }
    g_clear_pointer(&slot->error, error_free);
    slot->buffer->slots--;
    drop_buffer(rb, slot->buffer);
    slot->buffer = NULL;
    slot->state = SLOT_FREE;
    if (slot->given_up) {
        slot->given_up = false;
        rb->eased |= !is_hung(rb);
        readback_notify(rb);
    }
}

static void empty_trash(GLReadback *rb)
{
    GLReadbackBuffer *buffer = g_queue_pop_head(&rb->trash);

    g_ptr_array_remove_fast(rb->buffers, buffer);
    qemu_mutex_unlock(&rb->lock);
    buffer_close(rb, buffer);
    qemu_mutex_lock(&rb->lock);
    rb->closing--;
    rb->closing_looks = 0;
    rb->eased |= rb->closing == 0;
    readback_notify(rb);
}

/* Who waits for the first frame has waited for this as well. */
static void note_opened(GLReadback *rb)
{
    if (rb->opened || (!rb->gl && !rb->error)) {
        return;
    }
    rb->opened = true;
    rb->was_open |= rb->gl != NULL;
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        rb->slots[i].looks = 0;
    }
    rb->closing_looks = 0;
}

/* After a step that was made without the lock. */
static void slot_done(GLReadback *rb, Slot *slot, SlotState state, bool failed)
{
    if (failed) {
        slot->passing = rb->passing;
    } else if (state == SLOT_READY && !slot->error) {
        rb->failures = 0;
    }
    if (state == SLOT_READY && slot->given_up) {
        state = SLOT_SHOWN;
    }
    slot->state = state;
    if (state == SLOT_READY) {
        readback_notify(rb);
    }
}

static void slot_work(GLReadback *rb, Slot *slot)
{
    int wait_ms = slot->given_up ? GIVEN_UP_WAIT_MS : WAIT_MS;
    SlotState state = slot->state;
    bool known, failed;

    if (!rb->pause && rb->error) {
        g_clear_pointer(&rb->error, error_free);
        rb->opened = false;
    }
    known = rb->error != NULL;
    qemu_mutex_unlock(&rb->lock);
    state = state == SLOT_QUEUED ? slot_begin(rb, slot)
                                 : slot_wait(rb, slot, wait_ms);
    failed = slot->error && (!rb->gl || rb->ops->is_lost(rb->gl));
    qemu_mutex_lock(&rb->lock);
    note_opened(rb);
    if (failed && !known) {
        note_failure(rb, slot->error);
    }
    slot_done(rb, slot, state, failed);
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

            qemu_mutex_unlock(&rb->lock);
            rb->ops->release(rb->gl, image);
            qemu_mutex_lock(&rb->lock);
        }
        /* another context may take what this one has refused */
        g_clear_pointer(&buffer->error, error_free);
    }
}

/* OpenGL has failed: it is closed once nobody has anything of it. */
static bool lost_step(GLReadback *rb)
{
    void *gl = rb->gl;

    if (!fail_slots(rb)) {
        return find_slot(rb, SLOT_SHOWN) != NULL;
    }
    release_images(rb);
    rb->gl = NULL;
    qemu_mutex_unlock(&rb->lock);
    rb->ops->close(gl);
    qemu_mutex_lock(&rb->lock);
    rb->lost = false;
    readback_notify(rb);
    return true;
}

/* One step; false if there is nothing to do. */
static bool readback_step(GLReadback *rb)
{
    Slot *slot = find_slot(rb, SLOT_SHOWN);

    if (slot) {
        slot_clean(rb, slot);
        return true;
    }
    if (!g_queue_is_empty(&rb->trash)) {
        empty_trash(rb);
        return true;
    }
    if (rb->lost) {
        return lost_step(rb);
    }
    /* what can be begun goes first, so that more than one is on its way */
    slot = find_slot(rb, SLOT_QUEUED) ?: find_slot(rb, SLOT_READING);
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
    qemu_cond_destroy(&rb->rest);
    qemu_cond_destroy(&rb->work);
    qemu_mutex_destroy(&rb->lock);
    error_free(rb->error);
    g_free(rb->render_node);
    g_free(rb);
}

static void readback_rest(GLReadback *rb)
{
    rb->resting = true;
    qemu_cond_broadcast(&rb->rest);
    qemu_cond_wait(&rb->work, &rb->lock);
    rb->resting = false;
}

/* The thread has left OpenGL for good. */
static void readback_end(GLReadback *rb)
{
    qemu_mutex_lock(&rb->lock);
    rb->resting = true;
    qemu_cond_broadcast(&rb->rest);
    qemu_mutex_unlock(&rb->lock);

    qemu_mutex_lock(&all_lock);
    g_ptr_array_remove_fast(all_readbacks, rb);
    qemu_mutex_unlock(&all_lock);
    readback_destroy(rb);
}

static void *readback_thread(void *opaque)
{
    GLReadback *rb = opaque;

    qemu_mutex_lock(&rb->lock);
    while (rb->parked || !rb->orphaned || rb->buffers->len) {
        if (rb->orphaned) {
            discard_ready(rb);
        }
        if (rb->parked || !readback_step(rb)) {
            readback_rest(rb);
        }
    }
    qemu_mutex_unlock(&rb->lock);

    if (rb->gl) {
        rb->ops->close(rb->gl);
    }
    readback_end(rb);
    return NULL;
}

/* --- The main loop's side ----------------------------------------------- */

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

/*
 * Is there a newer frame than this one to show already? A failure is told
 * all the same.
 */
static bool is_outdated(GLReadback *rb, Slot *slot)
{
    if (slot->error) {
        return false;
    }
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        if (rb->slots[i].state == SLOT_READY && !rb->slots[i].error &&
            rb->slots[i].number > slot->number) {
            return true;
        }
    }
    return false;
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

    if (!buffer->freed) {
        result.buffer = buffer;
        result.dmabuf = buffer->dmabuf;
        result.pixels = error ? NULL : &slot->pixels;
        result.area = error ? NULL : &slot->area;
        result.error = error;
    }
    trace_gl_readback_done(rb, number, error ? error_get_pretty(error) : "");
    rb->done(rb->opaque, &result);
}

static void area_add(GLReadbackArea *area, const GLReadbackArea *other)
{
    if (other->what != GL_READBACK_BOXES) {
        area->what = other->what;
    }
    if (area->what != GL_READBACK_BOXES) {
        area->n = 0;
        return;
    }
    for (unsigned i = 0; i < other->n; i++) {
        pixman_box32_t *last = &area->box[GL_READBACK_MAX_BOXES - 1];
        const pixman_box32_t *box = &other->box[i];

        if (area->n < GL_READBACK_MAX_BOXES) {
            area->box[area->n++] = *box;
            continue;
        }
        *last = (pixman_box32_t) {
            MIN(last->x1, box->x1), MIN(last->y1, box->y1),
            MAX(last->x2, box->x2), MAX(last->y2, box->y2),
        };
    }
}

/*
 * Changes that one result was to tell of and does not are told by the next
 * one that does.
 */
static void slot_catch_up(GLReadback *rb, Slot *slot, bool shown)
{
    if (!slot->compare || slot->error) {
        return;
    }
    area_add(&rb->unshown, &slot->area);
    if (shown) {
        slot->area = rb->unshown;
        rb->unshown = (GLReadbackArea) { .what = GL_READBACK_BOXES };
    }
}

static void slot_show(GLReadback *rb, Slot *slot)
{
    bool outdated = is_outdated(rb, slot);

    slot_catch_up(rb, slot, !outdated && !slot->buffer->freed);
    if (!outdated) {
        slot->state = SLOT_SHOWING;
        qemu_mutex_unlock(&rb->lock);
        tell(rb, slot->number, slot->buffer, slot, slot->error, false);
        qemu_mutex_lock(&rb->lock);
    }
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
    buffer->slots++;
    qemu_mutex_unlock(&rb->lock);
    tell(rb, number, buffer, NULL, error, true);
    error_free(error);
    qemu_mutex_lock(&rb->lock);
    buffer->slots--;
    drop_buffer(rb, buffer);
    qemu_cond_signal(&rb->work);
}

/* There is something that the thread may hang in. */
static void watch(GLReadback *rb)
{
    timer_mod_anticipate(rb->timer, qemu_clock_get_ms(QEMU_CLOCK_REALTIME) +
                         rb->ops->tick_ms);
}

static void readback_deliver(GLReadback *rb)
{
    bool eased;
    Slot *slot;

    qemu_mutex_lock(&rb->lock);
    while (!rb->orphaned && (slot = next_pending(rb))) {
        if (slot->state == SLOT_READY) {
            slot_show(rb, slot);
        } else if (slot->looks >= patience(rb)) {
            slot_give_up(rb, slot);
        } else {
            break;
        }
    }
    if (!rb->orphaned && (next_pending(rb) || rb->pause ||
                          (rb->closing && !is_hung(rb)))) {
        watch(rb);
    }
    eased = rb->eased && !rb->orphaned;
    rb->eased = false;
    qemu_mutex_unlock(&rb->lock);

    if (eased) {
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
    if (rb->pause && !rb->lost && --rb->pause == 0) {
        rb->eased |= rb->passing;
    }
}

static void readback_look(void *opaque)
{
    GLReadback *rb = opaque;

    qemu_mutex_lock(&rb->lock);
    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        rb->slots[i].looks++;
    }
    if (rb->closing && ++rb->closing_looks == patience(rb)) {
        /* who waits for that does not any more */
        rb->eased = true;
    }
    count_pause(rb);
    qemu_mutex_unlock(&rb->lock);
    readback_deliver(rb);
}

GLReadback *gl_readback_new(const GLReadbackOps *ops, const char *render_node,
                            GLReadbackDone *done, void *opaque)
{
    GLReadback *rb = g_new0(GLReadback, 1);
    QemuThread thread;

    rb->ops = ops;
    rb->render_node = g_strdup(render_node);
    rb->done = done;
    rb->opaque = opaque;
    rb->next = 1;
    rb->unshown.what = GL_READBACK_BOXES;
    rb->shadow = frame_shadow_new();
    rb->bh = qemu_bh_new(readback_bh, rb);
    /* not the main loop's own: the human monitor waits with aio_poll() */
    rb->timer = aio_timer_new(qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                              SCALE_MS, readback_look, rb);
    rb->buffers = g_ptr_array_new();
    qemu_mutex_init(&rb->lock);
    qemu_cond_init(&rb->work);
    qemu_cond_init(&rb->rest);
    g_queue_init(&rb->trash);
    all_add(rb);
    qemu_thread_create(&thread, "gl-readback", readback_thread, rb,
                       QEMU_THREAD_DETACHED);
    return rb;
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
    const QemuDmaBufPlane *planes = qemu_dmabuf_get_planes(dmabuf);
    unsigned n = qemu_dmabuf_get_num_planes(dmabuf);
    QemuDmaBufPlane copies[QEMU_DMABUF_MAX_PLANES];
    QemuDmaBuf *copy;

    copy = qemu_dmabuf_new(qemu_dmabuf_get_width(dmabuf),
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
        copies[i] = planes[i];
        copies[i].fd = qemu_dup(planes[i].fd);
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
    buffer->freed = true;
    if (rb->closing++ == 0) {
        rb->closing_looks = 0;
    }
    drop_buffer(rb, buffer);
    watch(rb);
    qemu_cond_signal(&rb->work);
    qemu_mutex_unlock(&rb->lock);
}

bool gl_readback_is_closing(GLReadback *rb)
{
    bool closing;

    qemu_mutex_lock(&rb->lock);
    closing = rb->closing > 0 && !is_hung(rb);
    qemu_mutex_unlock(&rb->lock);
    return closing;
}

bool gl_readback_is_hung(GLReadback *rb)
{
    bool hung;

    qemu_mutex_lock(&rb->lock);
    hung = is_hung(rb) || is_away(rb);
    qemu_mutex_unlock(&rb->lock);
    return hung;
}

uint64_t gl_readback_submit(GLReadbackBuffer *buffer,
                            const GLReadbackArea *area)
{
    GLReadback *rb = buffer->rb;
    uint64_t number = 0;
    Slot *slot;

    assert(!buffer->freed);
    qemu_mutex_lock(&rb->lock);
    slot = is_hung(rb) || is_away(rb) ? NULL : find_slot(rb, SLOT_FREE);
    if (slot) {
        number = rb->next++;
        slot->number = number;
        slot->buffer = buffer;
        slot->area = area ? *area : (GLReadbackArea) { 0 };
        slot->compare = slot->area.what == GL_READBACK_CHANGES;
        slot->passing = false;
        slot->state = SLOT_QUEUED;
        slot->looks = 0;
        buffer->slots++;
        watch(rb);
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
