/*
 * What the display core has around it in the emulator, for the fuzzer
 *
 * The console, its timers and the main loop are QEMU's own. Here is what they
 * rest on: a clock that goes on when the fuzzer says so, OpenGL's thread as
 * far as the main loop sees it, a ramfb, and nothing where the rest of the
 * emulator would be.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/display/ramfb.h"
#include "hw/qdev-core.h"
#include "hw/sysbus.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "ui/console-priv.h"
#include "ui/dmabuf-snapshot.h"
#include "ui/gl-readback.h"
#include "ui/input.h"
#include "display-fakes.h"

/* --- The input ----------------------------------------------------------- */

uint8_t fuzz_u8(FuzzInput *in)
{
    if (!in->len) {
        return 0;
    }
    in->len--;
    return *in->data++;
}

uint32_t fuzz_u32(FuzzInput *in)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        value = value << 8 | fuzz_u8(in);
    }
    return value;
}

unsigned fuzz_below(FuzzInput *in, unsigned n)
{
    return fuzz_u8(in) % n;
}

int fuzz_errno(FuzzInput *in)
{
    static const int errnos[] = {
        EAGAIN, ENOMEM, EINVAL, ENODEV, EINTR, EMFILE, EIO,
    };

    return errnos[fuzz_below(in, ARRAY_SIZE(errnos))];
}

/* --- Descriptors --------------------------------------------------------- */

unsigned fuzz_count_fds(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < FUZZ_MAX_FDS; fd++) {
        n += fcntl(fd, F_GETFD) >= 0;
    }
    return n;
}

bool fuzz_inode_is_open(uint64_t inode)
{
    struct stat status;

    for (int fd = 0; fd < FUZZ_MAX_FDS; fd++) {
        if (fstat(fd, &status) == 0 && status.st_ino == inode &&
            S_ISREG(status.st_mode)) {
            return true;
        }
    }
    return false;
}

/* --- The clock ----------------------------------------------------------- */

static int64_t now_ns = 1000 * NANOSECONDS_PER_SECOND;

/* Each look takes some time, or what waits for time to go on never ends. */
int fuzz_clock_gettime(clockid_t id, struct timespec *now)
{
    now_ns += 100;
    now->tv_sec = now_ns / NANOSECONDS_PER_SECOND;
    now->tv_nsec = now_ns % NANOSECONDS_PER_SECOND;
    return 0;
}

/* More often a display need not wake QEMU up in a second. */
#define MAX_WAKE_UPS 3000

void fuzz_pass_time(int64_t ns)
{
    int64_t end = now_ns + ns;
    int64_t most = 100 + MAX_WAKE_UPS * ns / NANOSECONDS_PER_SECOND;

    do {
        int64_t next = timerlistgroup_deadline_ns(&main_loop_tlg);

        now_ns = next < 0 ? end : MIN(end, now_ns + next);
        main_loop_wait(true);
        FUZZ_CHECK(most-- > 0);
    } while (now_ns < end);
}

/* --- OpenGL's thread, as the main loop sees it ---------------------------- */

#define GL_MAX_PIXELS (1u << 18)

FuzzGLMode fuzz_gl_mode;
int64_t fuzz_gl_ns;

typedef struct GLRequest {
    uint64_t number;
    GLReadbackBuffer *buffer; /* NULL if it was freed */
    GLReadbackArea area;
    FuzzGLMode mode;
} GLRequest;

struct GLReadback {
    GLReadbackDone *done;
    GLReadbackCopy *copy;
    void *opaque;
    QEMUTimer *timer;
    uint64_t next;
    GLRequest requests[GL_READBACK_SLOTS - 1];
    unsigned n_requests;
    GSList *closing;    /* descriptors */
    bool refused;       /* one more result is owed */
    bool hung;
    unsigned calls;     /* of done */
    bool freed;
    unsigned n_buffers;
};

struct GLReadbackBuffer {
    GLReadback *rb;
    QemuDmaBuf *dmabuf;
    int fd;
};

static bool gl_is_busy(GLReadback *rb)
{
    return rb->n_requests || rb->closing || rb->refused || rb->hung;
}

static void gl_set_timer(GLReadback *rb)
{
    if (gl_is_busy(rb) && !timer_pending(rb->timer)) {
        timer_mod_ns(rb->timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) +
                     fuzz_gl_ns);
    }
}

static void gl_destroy(GLReadback *rb)
{
    timer_free(rb->timer);
    g_free(rb);
}

static void gl_call(GLReadback *rb, const GLReadbackResult *result)
{
    rb->calls++;
    if (!rb->freed) {
        rb->done(rb->opaque, result);
    }
    rb->calls--;
}

static void gl_call_read(GLReadback *rb, const GLRequest *request)
{
    QemuDmaBuf *dmabuf = request->buffer->dmabuf;
    uint32_t stride = qemu_dmabuf_get_width(dmabuf) * 4;
    g_autofree uint8_t *data =
        g_malloc0((size_t)stride * qemu_dmabuf_get_height(dmabuf));
    UIPixels pixels = {
        .data = data, .stride = stride,
        .fourcc = 0x34325258, /* XR24 */
        .width = qemu_dmabuf_get_width(dmabuf),
        .height = qemu_dmabuf_get_height(dmabuf),
    };
    GLReadbackArea area = request->area;
    GLReadbackResult result;

    if (area.what == GL_READBACK_CHANGES &&
        request->mode == FUZZ_GL_READS_CHANGES) {
        area.n = 1;
        area.box[0] = (pixman_box32_t) { 0, 0, 1, 1 };
    } else if (area.what == GL_READBACK_CHANGES) {
        area.what = GL_READBACK_WHOLE;
    }
    result = (GLReadbackResult) {
        .number = request->number, .buffer = request->buffer,
        .dmabuf = dmabuf, .pixels = &pixels, .area = &area,
    };
    result.copied = !rb->freed && rb->copy(rb->opaque, &result);
    gl_call(rb, &result);
}

static void gl_call_failed(GLReadback *rb, const GLRequest *request)
{
    Error *err = NULL;

    /* OpenGL as a whole: it is opened again, and until then as if it hung */
    rb->hung = request->mode == FUZZ_GL_LOST;
    error_setg(&err, "OpenGL failed");
    gl_call(rb, &(GLReadbackResult) {
        .number = request->number, .buffer = request->buffer,
        .dmabuf = request->buffer->dmabuf, .area = &request->area,
        .error = err, .passing = rb->hung,
    });
    error_free(err);
}

/* Of a thread that hangs nobody can wait for a descriptor to be closed. */
static void gl_close_buffers(GLReadback *rb)
{
    GSList *closing = g_steal_pointer(&rb->closing);

    for (GSList *at = closing; at; at = at->next) {
        close(GPOINTER_TO_INT(at->data));
    }
    g_slist_free(closing);
}

static void gl_call_timed_out(GLReadback *rb, const GLRequest *request)
{
    Error *err = NULL;

    rb->hung = true;
    gl_close_buffers(rb);
    error_setg(&err, "OpenGL does not answer");
    gl_call(rb, &(GLReadbackResult) {
        .number = request->number, .buffer = request->buffer,
        .dmabuf = request->buffer ? request->buffer->dmabuf : NULL,
        .area = &request->area, .error = err, .timed_out = true,
    });
    error_free(err);
}

static bool gl_fits(const GLRequest *request)
{
    return (uint64_t)qemu_dmabuf_get_width(request->buffer->dmabuf) *
        qemu_dmabuf_get_height(request->buffer->dmabuf) <= GL_MAX_PIXELS;
}

static void gl_answer(GLReadback *rb)
{
    GLRequest request = rb->requests[0];

    rb->n_requests--;
    memmove(rb->requests, rb->requests + 1,
            rb->n_requests * sizeof(request));
    if (request.mode == FUZZ_GL_HANGS) {
        gl_call_timed_out(rb, &request);
    } else if (!request.buffer) {
        gl_call(rb, &(GLReadbackResult) { .number = request.number });
    } else if (request.mode == FUZZ_GL_FAILS ||
               request.mode == FUZZ_GL_LOST || !gl_fits(&request)) {
        gl_call_failed(rb, &request);
    } else {
        gl_call_read(rb, &request);
    }
}

static void gl_timer(void *opaque)
{
    GLReadback *rb = opaque;

    rb->calls++;
    if (rb->n_requests && !rb->hung) {
        gl_answer(rb);
    } else {
        rb->hung = false;
        rb->refused = false;
        gl_close_buffers(rb);
        gl_call(rb, &(GLReadbackResult) { .number = 0 });
    }
    rb->calls--;
    if (rb->freed && !gl_is_busy(rb)) {
        gl_destroy(rb);
    } else {
        gl_set_timer(rb);
    }
}

static GLReadbackOps gl_ops;

const GLReadbackOps *gl_readback_find_ops(Error **errp)
{
    if (fuzz_gl_mode == FUZZ_GL_ABSENT) {
        error_setg(errp, "no OpenGL");
        return NULL;
    }
    return &gl_ops;
}

GLReadback *gl_readback_new(const GLReadbackOps *ops, const char *render_node,
                            GLReadbackDone *done, void *opaque)
{
    GLReadback *rb = g_new0(GLReadback, 1);

    rb->done = done;
    rb->opaque = opaque;
    rb->next = 1;
    rb->timer = timer_new_ns(QEMU_CLOCK_REALTIME, gl_timer, rb);
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
    FUZZ_CHECK(!rb->n_buffers);
    rb->freed = true;
    if (!gl_is_busy(rb) && !rb->calls) {
        gl_destroy(rb);
    }
}

GLReadbackBuffer *gl_readback_buffer_new(GLReadback *rb, QemuDmaBuf *dmabuf,
                                         Error **errp)
{
    GLReadbackBuffer *buffer = g_new0(GLReadbackBuffer, 1);

    buffer->rb = rb;
    buffer->fd = dup(qemu_dmabuf_get_fd(dmabuf));
    FUZZ_CHECK(buffer->fd >= 0);
    buffer->dmabuf =
        qemu_dmabuf_new_joint(qemu_dmabuf_get_width(dmabuf),
                              qemu_dmabuf_get_height(dmabuf),
                              qemu_dmabuf_get_stride(dmabuf), 0, 0,
                              qemu_dmabuf_get_width(dmabuf),
                              qemu_dmabuf_get_height(dmabuf),
                              qemu_dmabuf_get_fourcc(dmabuf),
                              qemu_dmabuf_get_modifier(dmabuf),
                              buffer->fd, false, false);
    rb->n_buffers++;
    return buffer;
}

void gl_readback_buffer_free(GLReadbackBuffer *buffer)
{
    GLReadback *rb;

    if (!buffer) {
        return;
    }
    rb = buffer->rb;
    for (unsigned i = 0; i < rb->n_requests; i++) {
        if (rb->requests[i].buffer == buffer) {
            rb->requests[i].buffer = NULL;
        }
    }
    rb->closing = g_slist_prepend(rb->closing, GINT_TO_POINTER(buffer->fd));
    rb->n_buffers--;
    if (rb->hung) {
        gl_close_buffers(rb);
    }
    gl_set_timer(rb);
    qemu_dmabuf_free(buffer->dmabuf);
    g_free(buffer);
}

bool gl_readback_is_closing(GLReadback *rb)
{
    return rb->closing != NULL;
}

bool gl_readback_is_hung(GLReadback *rb)
{
    return rb->hung;
}

uint64_t gl_readback_submit(GLReadbackBuffer *buffer,
                            const GLReadbackArea *area)
{
    GLReadback *rb = buffer->rb;

    gl_set_timer(rb);
    if (rb->hung) {
        return 0;
    }
    if (rb->n_requests == ARRAY_SIZE(rb->requests)) {
        rb->refused = true;
        return 0;
    }
    rb->requests[rb->n_requests++] = (GLRequest) {
        .number = rb->next, .buffer = buffer, .mode = fuzz_gl_mode,
        .area = area ? *area : (GLReadbackArea) { GL_READBACK_WHOLE },
    };
    gl_set_timer(rb);
    return rb->next++;
}

uint64_t gl_readback_next(const GLReadback *rb)
{
    return rb->next;
}

/* --- ramfb --------------------------------------------------------------- */

struct RAMFBState {
    bool shown;
};

bool fuzz_ramfb_configured;
const VMStateDescription ramfb_vmstate;

RAMFBState *ramfb_setup(DeviceState *dev, Error **errp)
{
    static RAMFBState ramfb;

    ramfb = (RAMFBState) { 0 };
    return &ramfb;
}

bool ramfb_display_resume(RAMFBState *s)
{
    s->shown = false;
    return fuzz_ramfb_configured;
}

void ramfb_display_update(QemuConsole *con, RAMFBState *s)
{
    if (!fuzz_ramfb_configured) {
        return;
    }
    if (!s->shown) {
        s->shown = true;
        dpy_gfx_replace_surface(con, qemu_create_displaysurface(32, 24));
    }
    dpy_gfx_update_full(con);
}

/* --- What is not there --------------------------------------------------- */

/* What users are warned of is none of the fuzzer's business. */
int error_vprintf(const char *fmt, va_list ap)
{
    return 0;
}

pixman_image_t *coroutine_fn dmabuf_co_snapshot(QemuDmaBuf *dmabuf,
                                                Error **errp)
{
    error_setg(errp, "no snapshots");
    return NULL;
}

bool phase_check(MachineInitPhase phase)
{
    return true;
}

DeviceState *qdev_find_recursive(BusState *bus, const char *id)
{
    return NULL;
}

BusState *sysbus_get_default(void)
{
    return NULL;
}

void qemu_input_event_sync(void)
{
}

void qemu_input_queue_btn(QemuConsole *src, InputButton btn, bool down)
{
}

void qemu_input_queue_mtt(QemuConsole *src, InputMultiTouchType type,
                          int slot, int tracking_id)
{
}

void qemu_input_queue_mtt_abs(QemuConsole *src, InputAxis axis, int value,
                              int min_in, int max_in, int slot,
                              int tracking_id)
{
}

const char *qemu_text_console_get_label(QemuTextConsole *c)
{
    return NULL;
}

void qemu_text_console_handle_keysym(QemuTextConsole *s, int keysym)
{
}

void qemu_text_console_update_cursor(void)
{
}

void qemu_text_console_update_size(QemuTextConsole *c)
{
}
