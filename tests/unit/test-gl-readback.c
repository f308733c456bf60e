/*
 * GL readback: who has what when
 *
 * A fake OpenGL, whose fences are signalled by hand, stands in for the real
 * one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/gl-readback.h"

/* Only to end what hangs. */
#define PATIENCE_US (60 * G_USEC_PER_SEC)

/* --- A fake OpenGL ------------------------------------------------------ */

static struct {
    QemuMutex lock;
    bool no_open, no_import;
    unsigned bad_begin;      /* this call of begin fails, from 1 */
    unsigned bad_map;        /* so does this one of map */
    bool broken;             /* that is OpenGL's fault, until it is closed */
    bool signalled[GL_READBACK_SLOTS];
    bool always_signalled;
    bool stuck_begin, stuck_release; /* does not come back */
    unsigned opens, closes, imports, releases, begins, maps, unmaps;
    unsigned refused;        /* imports; the thread's own */
    unsigned releasing;      /* calls of release that have begun */
    unsigned inside;         /* calls that have not come back */
    bool expect_left;        /* there are none when the process ends */
    GLReadbackArea area;     /* of the last begin */
} fake;

/* Four tiles in a row, of which one is told from the other by its first row. */
#define FAKE_WIDTH 256

static uint32_t fake_pixels[FAKE_WIDTH];

static unsigned counted(unsigned *counter)
{
    unsigned value;

    qemu_mutex_lock(&fake.lock);
    value = *counter;
    qemu_mutex_unlock(&fake.lock);
    return value;
}

static unsigned count(unsigned *counter)
{
    unsigned value;

    qemu_mutex_lock(&fake.lock);
    value = ++*counter;
    qemu_mutex_unlock(&fake.lock);
    return value;
}

static bool has(bool *flag)
{
    bool value;

    qemu_mutex_lock(&fake.lock);
    value = *flag;
    qemu_mutex_unlock(&fake.lock);
    return value;
}

static void stay_while(bool *stuck)
{
    while (has(stuck)) {
        g_usleep(1000);
    }
}

static void enter(void)
{
    count(&fake.inside);
}

static void leave(void)
{
    qemu_mutex_lock(&fake.lock);
    fake.inside--;
    qemu_mutex_unlock(&fake.lock);
}

static void set(bool *flag, bool value)
{
    qemu_mutex_lock(&fake.lock);
    *flag = value;
    qemu_mutex_unlock(&fake.lock);
}

/* As a library's that takes itself apart at the process's end. */
static void fake_exit(void)
{
    if (fake.expect_left && counted(&fake.inside)) {
        _exit(1);
    }
}

static void *fake_open(const char *render_node, Error **errp)
{
    g_assert_cmpstr(render_node, ==, "node");
    count(&fake.opens);
    if (has(&fake.no_open)) {
        error_setg(errp, "no OpenGL");
        return NULL;
    }
    atexit(fake_exit);
    return &fake;
}

static void fake_close(void *gl)
{
    /* nothing is left of what there was */
    g_assert_cmpuint(counted(&fake.releases) + fake.refused, ==,
                     counted(&fake.imports));
    set(&fake.broken, false);
    count(&fake.closes);
}

static void *fake_import(void *gl, QemuDmaBuf *dmabuf, Error **errp)
{
    /* its own fd, and a good one */
    g_assert_cmpint(fcntl(qemu_dmabuf_get_fd(dmabuf), F_GETFD), >=, 0);
    count(&fake.imports);
    if (fake.no_import) {
        fake.refused++;
        error_setg(errp, "no import");
        return NULL;
    }
    return dmabuf;
}

static void fake_release(void *gl, void *image)
{
    enter();
    count(&fake.releasing);
    stay_while(&fake.stuck_release);
    count(&fake.releases);
    leave();
}

static bool fake_begin(void *gl, void *image, unsigned slot,
                       const GLReadbackArea *area, Error **errp)
{
    qemu_mutex_lock(&fake.lock);
    fake.signalled[slot] = false;
    fake.area = *area;
    qemu_mutex_unlock(&fake.lock);
    if (count(&fake.begins) == fake.bad_begin) {
        error_setg(errp, "no read");
        return false;
    }
    enter();
    stay_while(&fake.stuck_begin);
    leave();
    return true;
}

static bool fake_wait(void *gl, unsigned slot, int ms)
{
    bool done;

    qemu_mutex_lock(&fake.lock);
    done = fake.signalled[slot] || fake.always_signalled;
    qemu_mutex_unlock(&fake.lock);
    if (!done) {
        g_usleep(1000);
    }
    return done;
}

static bool fake_map(void *gl, unsigned slot, UIPixels *pixels,
                     Error **errp)
{
    if (count(&fake.maps) == fake.bad_map) {
        error_setg(errp, "no map");
        return false;
    }
    *pixels = (UIPixels) {
        (const uint8_t *)fake_pixels, sizeof(fake_pixels), DRM_FORMAT_XRGB8888,
    };
    return true;
}

static void fake_unmap(void *gl, unsigned slot)
{
    count(&fake.unmaps);
}

static bool fake_is_lost(void *gl)
{
    return has(&fake.broken);
}

/* Nothing times out, unless a test says so. */
#define FAKE_TICK_MS 20000

static GLReadbackOps fake_ops = {
    .tick_ms = FAKE_TICK_MS,
    .open = fake_open,
    .close = fake_close,
    .import = fake_import,
    .release = fake_release,
    .begin = fake_begin,
    .wait = fake_wait,
    .map = fake_map,
    .unmap = fake_unmap,
    .is_lost = fake_is_lost,
};

static void signal_all(void)
{
    set(&fake.always_signalled, true);
}

/* --- What came back ----------------------------------------------------- */

static struct {
    unsigned results, pixels, errors, timeouts, passing, freed, closed;
    uint64_t last;
    GLReadbackArea area;
    bool covered[FAKE_WIDTH]; /* columns that changes were told of */
    bool copied;
    char *error;
} got;

static void on_done(void *opaque, const GLReadbackResult *result)
{
    if (!result->number) {
        got.closed++;
        return;
    }
    g_assert_cmpuint(result->number, >, got.last);
    got.last = result->number;
    got.results++;
    got.timeouts += result->timed_out;
    got.passing += result->passing;
    if (!result->buffer) {
        g_assert_null(result->pixels);
        got.freed++;
    } else if (result->pixels) {
        g_assert_true((void *)result->pixels->data == fake_pixels);
        got.area = *result->area;
        got.copied = result->copied;
        for (unsigned i = 0; i < got.area.n; i++) {
            for (int x = got.area.box[i].x1; x < got.area.box[i].x2; x++) {
                got.covered[x % FAKE_WIDTH] = true;
            }
        }
        got.pixels++;
    } else {
        g_free(got.error);
        got.error = g_strdup(error_get_pretty(result->error));
        got.errors++;
    }
}

static void wait_until(unsigned *counter, unsigned value)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;

    while (counted(counter) < value) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        main_loop_wait(true);
        g_usleep(500);
    }
}

static void wait_for_number(uint64_t number)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;

    while (got.last < number) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        main_loop_wait(true);
        g_usleep(500);
    }
}

static GLReadback *start(void)
{
    memset(&got, 0, sizeof(got));
    memset(&fake, 0, sizeof(fake));
    qemu_mutex_init(&fake.lock);
    fake_ops.tick_ms = FAKE_TICK_MS;
    return gl_readback_new(&fake_ops, "node", on_done, NULL);
}

static struct {
    bool refuses;
    unsigned calls;
    GLReadbackArea area;
} copier;

static bool on_copy(void *opaque, const GLReadbackResult *result)
{
    bool done;

    g_assert_true((void *)result->pixels->data == fake_pixels);
    g_assert_false(result->copied);
    qemu_mutex_lock(&fake.lock);
    copier.calls++;
    copier.area = *result->area;
    done = !copier.refuses;
    qemu_mutex_unlock(&fake.lock);
    return done;
}

static GLReadback *start_copying(void)
{
    GLReadback *rb = start();

    memset(&copier, 0, sizeof(copier));
    gl_readback_set_copy(rb, on_copy);
    return rb;
}

static GLReadbackBuffer *new_buffer(GLReadback *rb)
{
    int fd = memfd_create("buffer", MFD_CLOEXEC);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new_joint(FAKE_WIDTH, 1, sizeof(fake_pixels), 0, 0,
                              FAKE_WIDTH, 1, DRM_FORMAT_XRGB8888, 0, fd, false,
                              false);
    GLReadbackBuffer *buffer = gl_readback_buffer_new(rb, dmabuf,
                                                      &error_abort);

    /* what was handed over is not needed any more */
    close(fd);
    return buffer;
}

/* Everything that was made is gone. */
static void finish(GLReadback *rb)
{
    gl_readback_free(rb);
    if (fake.opens && !fake.no_open) {
        wait_until(&fake.closes, 1);
        g_assert_cmpuint(counted(&fake.releases), ==,
                         fake.no_import ? 0 : counted(&fake.imports));
    }
    g_clear_pointer(&got.error, g_free);
}

/* --- Tests -------------------------------------------------------------- */

static void test_unused(void)
{
    GLReadback *rb = start();

    g_assert_cmpuint(gl_readback_next(rb), ==, 1);
    finish(rb);
    g_assert_cmpuint(counted(&fake.opens), ==, 0);
}

/* All slots are on their way at once; with none left, there is no request. */
static void test_bound(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    for (unsigned i = 1; i <= GL_READBACK_SLOTS; i++) {
        g_assert_cmpuint(gl_readback_submit(buffer, NULL), ==, i);
    }
    g_assert_cmpuint(gl_readback_submit(buffer, NULL), ==, 0);
    wait_until(&fake.begins, GL_READBACK_SLOTS);
    g_assert_cmpuint(got.results, ==, 0);
    g_assert_cmpuint(gl_readback_submit(buffer, NULL), ==, 0);

    signal_all();
    wait_for_number(GL_READBACK_SLOTS);
    g_assert_cmpuint(got.errors, ==, 0);
    g_assert_cmpuint(got.pixels, >=, 1);
    wait_until(&fake.unmaps, GL_READBACK_SLOTS);
    g_assert_cmpuint(gl_readback_submit(buffer, NULL), ==,
                     GL_READBACK_SLOTS + 1);
    wait_for_number(GL_READBACK_SLOTS + 1);
    g_assert_cmpuint(counted(&fake.imports), ==, 1);
    gl_readback_buffer_free(buffer);
    finish(rb);
}

/* A later frame is done first: it waits for its turn. */
static void test_order(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    fake.bad_begin = 2;
    gl_readback_submit(buffer, NULL);
    gl_readback_submit(buffer, NULL);
    gl_readback_submit(buffer, NULL);
    wait_until(&fake.begins, 3);
    for (int i = 0; i < 20; i++) {
        main_loop_wait(true);
        g_usleep(1000);
    }
    g_assert_cmpuint(got.results, ==, 0);
    signal_all();
    wait_for_number(3);
    g_assert_cmpuint(got.errors, ==, 1);
    g_assert_cmpstr(got.error, ==, "no read");
    gl_readback_buffer_free(buffer);
    finish(rb);
}

/* What was asked for is what is read, and what the result is of. */
static void test_area(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);
    GLReadbackArea area = { GL_READBACK_BOXES, 2, {
        { 0, 1, 2, 3 }, { 4, 5, 6, 7 },
    } };
    GLReadbackArea kept = area;
    uint64_t number;

    signal_all();
    number = gl_readback_submit(buffer, &area);
    memset(&area, 0xff, sizeof(area));
    wait_for_number(number);
    g_assert_cmpmem(&fake.area, sizeof(area), &kept, sizeof(kept));
    g_assert_cmpmem(&got.area, sizeof(area), &kept, sizeof(kept));

    /* its slot has had an area before, perhaps */
    for (unsigned i = 0; i < GL_READBACK_SLOTS; i++) {
        wait_until(&fake.unmaps, 1 + i);
        wait_for_number(gl_readback_submit(buffer, NULL));
        g_assert_cmpint(fake.area.what, ==, GL_READBACK_WHOLE);
        g_assert_cmpint(got.area.what, ==, GL_READBACK_WHOLE);
    }
    gl_readback_buffer_free(buffer);
    finish(rb);
}

static void expect_changes(int x1, int x2)
{
    g_assert_cmpint(got.area.what, ==, GL_READBACK_BOXES);
    g_assert_cmpuint(got.area.n, ==, x1 < x2);
    if (x1 < x2) {
        g_assert_cmpint(got.area.box[0].x1, ==, x1);
        g_assert_cmpint(got.area.box[0].x2, ==, x2);
    }
}

/* The main loop does not look meanwhile. */
static void wait_blindly(unsigned *counter, unsigned value)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;

    while (counted(counter) < value) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(500);
    }
}

/* The thread finds out what differs from the frame before. */
static void test_changes(void)
{
    static const GLReadbackArea changes = { GL_READBACK_CHANGES };
    GLReadback *rb = start_copying();
    GLReadbackBuffer *buffer = new_buffer(rb), *other = new_buffer(rb);

    signal_all();
    wait_for_number(gl_readback_submit(buffer, &changes));
    g_assert_cmpint(got.area.what, ==, GL_READBACK_WHOLE);
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_changes(0, 0);
    wait_until(&fake.unmaps, 2);
    fake_pixels[70]++;
    wait_for_number(gl_readback_submit(other, &changes));
    expect_changes(64, 128);
    wait_until(&fake.unmaps, 3);

    /* what was read without being compared */
    wait_for_number(gl_readback_submit(buffer, NULL));
    g_assert_cmpint(got.area.what, ==, GL_READBACK_WHOLE);
    wait_until(&fake.unmaps, 4);
    wait_for_number(gl_readback_submit(buffer, &changes));
    g_assert_cmpint(got.area.what, ==, GL_READBACK_WHOLE);
    wait_until(&fake.unmaps, 5);

    /* a buffer is freed: what was copied of it is not copied again */
    fake_pixels[130]++;
    gl_readback_submit(other, &changes);
    wait_blindly(&copier.calls, 6);
    gl_readback_buffer_free(other);
    wait_for_number(6);
    g_assert_cmpuint(got.freed, ==, 1);
    wait_until(&fake.unmaps, 6);
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_changes(0, 0);
    gl_readback_buffer_free(buffer);
    finish(rb);
}

/* Several are there at once: all that differs is told of. */
static void test_changes_at_once(void)
{
    static const GLReadbackArea changes = { GL_READBACK_CHANGES };
    GLReadback *rb = start_copying();
    GLReadbackBuffer *buffer = new_buffer(rb);

    signal_all();
    wait_for_number(gl_readback_submit(buffer, &changes));
    wait_until(&fake.unmaps, 1);
    for (unsigned i = 0; i < 2; i++) {
        fake_pixels[64 * i]++;
        gl_readback_submit(buffer, &changes);
        wait_blindly(&copier.calls, 2 + i);
    }
    gl_readback_submit(buffer, &changes);
    wait_blindly(&copier.calls, 4);
    wait_for_number(4);
    g_assert_cmpuint(got.results, ==, 4);
    g_assert_cmpint(got.area.what, ==, GL_READBACK_BOXES);
    g_assert_true(got.covered[0]);
    g_assert_true(got.covered[64]);
    g_assert_false(got.covered[128]);
    wait_until(&fake.unmaps, 4);
    fake_pixels[200]++;
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_changes(192, 256);
    gl_readback_buffer_free(buffer);
    finish(rb);
}

static void test_no_opengl(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    fake.no_open = true;
    for (unsigned i = 1; i <= 5; i++) {
        wait_for_number(gl_readback_submit(buffer, NULL));
        g_assert_cmpuint(got.errors, ==, i);
        g_assert_cmpstr(got.error, ==, "no OpenGL");
    }
    g_assert_cmpuint(counted(&fake.opens), ==, 1);
    gl_readback_buffer_free(buffer);
    finish(rb);
}

/* One buffer is refused, and asked about once; the next is not. */
static void test_no_import(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb), *other;

    signal_all();
    fake.no_import = true;
    wait_for_number(gl_readback_submit(buffer, NULL));
    wait_for_number(gl_readback_submit(buffer, NULL));
    g_assert_cmpuint(got.errors, ==, 2);
    g_assert_cmpstr(got.error, ==, "no import");
    g_assert_cmpuint(counted(&fake.imports), ==, 1);

    fake.no_import = false;
    other = new_buffer(rb);
    wait_for_number(gl_readback_submit(other, NULL));
    g_assert_cmpuint(got.pixels, ==, 1);
    gl_readback_buffer_free(buffer);
    gl_readback_buffer_free(other);
    fake.no_import = true; /* nothing to release of the first */
    gl_readback_free(rb);
    wait_until(&fake.closes, 1);
    g_assert_cmpuint(counted(&fake.releases), ==, 1);
    g_clear_pointer(&got.error, g_free);
}

/* Nobody wants the pixels any more; the request still gets its result. */
static void test_buffer_freed_in_flight(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    gl_readback_submit(buffer, NULL);
    wait_until(&fake.begins, 1);
    g_assert_false(gl_readback_is_closing(rb));
    gl_readback_buffer_free(buffer);
    g_assert_true(gl_readback_is_closing(rb));
    g_assert_cmpuint(counted(&fake.releases), ==, 0);

    signal_all();
    wait_until(&got.closed, 1);
    g_assert_cmpuint(got.freed, ==, 1);
    g_assert_false(gl_readback_is_closing(rb));
    g_assert_cmpuint(counted(&fake.releases), ==, 1);
    finish(rb);
}

static void test_freed_in_flight(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    gl_readback_submit(buffer, NULL);
    gl_readback_submit(buffer, NULL);
    wait_until(&fake.begins, 2);
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
    signal_all();
    wait_until(&fake.closes, 1);
    g_assert_cmpuint(counted(&fake.releases), ==, 1);
    g_assert_cmpuint(got.results, ==, 0);
}

static GLReadbackBuffer *freed_by_result;

static void free_on_result(void *opaque, const GLReadbackResult *result)
{
    g_assert_nonnull(result->pixels);
    g_assert_nonnull(freed_by_result);
    gl_readback_buffer_free(freed_by_result);
    gl_readback_free(*(GLReadback **)opaque);
    freed_by_result = NULL;
    /* the result is there until this returns */
    g_usleep(20 * 1000);
    g_assert_cmpuint(counted(&fake.releases), ==, 0);
    g_assert_true((void *)result->pixels->data == fake_pixels);
    got.last = result->number;
}

/* Whoever wanted one frame is done when it comes. */
static void test_freed_by_result(void)
{
    GLReadback *rb = start();

    gl_readback_free(rb);
    rb = gl_readback_new(&fake_ops, "node", free_on_result, &rb);
    freed_by_result = new_buffer(rb);
    signal_all();
    gl_readback_submit(freed_by_result, NULL);
    gl_readback_submit(freed_by_result, NULL);
    wait_for_number(1);
    wait_until(&fake.closes, 1);
    g_assert_cmpuint(counted(&fake.releases), ==, 1);
}

/* From the next request on looks are often, and patience is short. */
static void lose_patience(void)
{
    fake_ops.tick_ms = 2;
}

/* Fences that are not signalled: the requests are given up, and come late. */
static void test_hung_fence(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    gl_readback_submit(buffer, NULL);
    gl_readback_submit(buffer, NULL);
    wait_until(&fake.begins, 2);
    g_assert_false(gl_readback_is_hung(rb));
    lose_patience();
    g_assert_cmpuint(gl_readback_submit(buffer, NULL), ==, 3);
    wait_for_number(3);
    g_assert_cmpuint(got.results, ==, 3);
    g_assert_cmpuint(got.timeouts, ==, 3);
    g_assert_cmpuint(got.errors, ==, 3);
    g_assert_cmpstr(got.error, ==, "OpenGL does not answer");
    g_assert_true(gl_readback_is_hung(rb));
    g_assert_cmpuint(gl_readback_submit(buffer, NULL), ==, 0);

    fake_ops.tick_ms = FAKE_TICK_MS;
    g_assert_cmpuint(got.closed, ==, 0);
    signal_all();
    wait_until(&got.closed, 1);
    g_assert_false(gl_readback_is_hung(rb));
    g_assert_cmpuint(got.results, ==, 3);
    g_assert_cmpuint(gl_readback_submit(buffer, NULL), ==, 4);
    wait_for_number(4);
    g_assert_cmpuint(got.pixels, ==, 1);
    g_assert_cmpuint(got.timeouts, ==, 3);
    gl_readback_buffer_free(buffer);
    finish(rb);
}

/* A call that does not return; and everything is freed in the meantime. */
static void test_hung_call(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    fake.stuck_begin = true;
    gl_readback_submit(buffer, NULL);
    wait_until(&fake.begins, 1);
    lose_patience();
    gl_readback_submit(buffer, NULL);
    wait_for_number(2);
    g_assert_cmpuint(got.timeouts, ==, 2);
    g_assert_true(gl_readback_is_hung(rb));

    gl_readback_buffer_free(buffer);
    g_assert_false(gl_readback_is_closing(rb));
    gl_readback_free(rb);
    signal_all();
    set(&fake.stuck_begin, false);
    wait_until(&fake.closes, 1);
    g_assert_cmpuint(counted(&fake.releases), ==, 1);
    /* what was queued behind it was not begun any more */
    g_assert_cmpuint(counted(&fake.begins), ==, 1);
    g_assert_cmpuint(got.results, ==, 2);
    g_clear_pointer(&got.error, g_free);
}

/* Who waits for buffers to be closed does not wait for ever either. */
static void test_hung_release(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb), *other = new_buffer(rb);

    signal_all();
    wait_for_number(gl_readback_submit(buffer, NULL));
    fake.stuck_release = true;
    lose_patience();
    gl_readback_buffer_free(buffer);
    g_assert_true(gl_readback_is_closing(rb));
    wait_until(&got.closed, 1);
    g_assert_false(gl_readback_is_closing(rb));
    g_assert_true(gl_readback_is_hung(rb));
    g_assert_cmpuint(gl_readback_submit(other, NULL), ==, 0);

    fake_ops.tick_ms = FAKE_TICK_MS;
    set(&fake.stuck_release, false);
    wait_until(&got.closed, 2);
    g_assert_false(gl_readback_is_hung(rb));
    wait_for_number(gl_readback_submit(other, NULL));
    g_assert_cmpuint(got.pixels, ==, 2);
    g_assert_cmpuint(got.timeouts, ==, 0);
    gl_readback_buffer_free(other);
    finish(rb);
}

/* Whoever wanted one frame is done when it times out, too. */
static void free_on_timeout(void *opaque, const GLReadbackResult *result)
{
    g_assert_true(result->timed_out);
    g_assert_nonnull(freed_by_result);
    gl_readback_buffer_free(freed_by_result);
    gl_readback_free(*(GLReadback **)opaque);
    freed_by_result = NULL;
    signal_all();
    /* what the thread does now is no business of the result's */
    g_usleep(20 * 1000);
    g_assert_cmpuint(counted(&fake.releases), ==, 0);
    g_assert_cmpint(fcntl(qemu_dmabuf_get_fd(result->dmabuf), F_GETFD), >=, 0);
    got.last = result->number;
}

static void test_freed_by_timeout(void)
{
    GLReadback *rb = start();

    gl_readback_free(rb);
    rb = gl_readback_new(&fake_ops, "node", free_on_timeout, &rb);
    freed_by_result = new_buffer(rb);
    gl_readback_submit(freed_by_result, NULL);
    wait_until(&fake.begins, 1);
    lose_patience();
    gl_readback_submit(freed_by_result, NULL);
    wait_for_number(1);
    wait_until(&fake.closes, 1);
    g_assert_cmpuint(counted(&fake.releases), ==, 1);
}

/* --- Copies in the thread ------------------------------------------------ */

static void expect_copy(unsigned calls, bool copied, GLReadbackWhat what)
{
    g_assert_cmpuint(counted(&copier.calls), ==, calls);
    g_assert_true(got.copied == copied);
    g_assert_cmpint(got.area.what, ==, what);
    g_assert_cmpint(copier.area.what, ==, what);
}

/* Each frame is copied before it is told of, or it is said that it was not. */
static void test_copy(void)
{
    static const GLReadbackArea changes = { GL_READBACK_CHANGES };
    GLReadback *rb = start_copying();
    GLReadbackBuffer *buffer = new_buffer(rb);

    signal_all();
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_copy(1, true, GL_READBACK_WHOLE);
    fake_pixels[70]++;
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_copy(2, true, GL_READBACK_BOXES);
    expect_changes(64, 128);
    set(&copier.refuses, true);
    fake_pixels[130]++;
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_copy(3, false, GL_READBACK_BOXES);
    set(&copier.refuses, false);
    /* where that was to go nobody knows */
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_copy(4, true, GL_READBACK_WHOLE);
    /* a slot that has had a copy */
    set(&copier.refuses, true);
    for (unsigned i = 0; i < GL_READBACK_SLOTS; i++) {
        wait_until(&fake.unmaps, 4 + i);
        wait_for_number(gl_readback_submit(buffer, NULL));
        expect_copy(5 + i, false, GL_READBACK_WHOLE);
    }
    gl_readback_buffer_free(buffer);
    finish(rb);
}

/* An older frame is not copied over a newer one. */
static void test_copy_in_order(void)
{
    GLReadback *rb = start_copying();
    GLReadbackBuffer *buffer = new_buffer(rb);

    signal_all();
    copier.refuses = true;
    gl_readback_submit(buffer, NULL);
    wait_blindly(&copier.calls, 1);
    set(&copier.refuses, false);
    gl_readback_submit(buffer, NULL);
    wait_blindly(&fake.maps, 2);
    gl_readback_submit(buffer, NULL);
    /* by now the second one has been dealt with */
    wait_blindly(&fake.begins, 3);
    g_assert_cmpuint(counted(&copier.calls), ==, 1);
    wait_for_number(3);
    wait_until(&fake.unmaps, 3);
    wait_for_number(gl_readback_submit(buffer, NULL));
    g_assert_true(got.copied);
    gl_readback_buffer_free(buffer);
    finish(rb);
}

/* Nobody wants it any more, or it is not there. */
static void test_not_copied(void)
{
    static const GLReadbackArea changes = { GL_READBACK_CHANGES };
    GLReadback *rb = start_copying();
    GLReadbackBuffer *buffer = new_buffer(rb), *other = new_buffer(rb);
    unsigned closed, begins;

    signal_all();
    wait_for_number(gl_readback_submit(buffer, &changes));
    set(&fake.always_signalled, false);
    gl_readback_submit(other, &changes);
    wait_until(&fake.begins, 2);
    gl_readback_buffer_free(other);
    signal_all();
    wait_for_number(2);
    g_assert_cmpuint(got.freed, ==, 1);
    g_assert_cmpuint(counted(&copier.calls), ==, 1);
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_copy(2, true, GL_READBACK_WHOLE);

    fake.bad_map = 4;
    wait_for_number(gl_readback_submit(buffer, &changes));
    g_assert_cmpuint(got.errors, ==, 1);
    g_assert_cmpuint(counted(&copier.calls), ==, 2);

    set(&fake.always_signalled, false);
    gl_readback_submit(buffer, &changes);
    wait_until(&fake.begins, 5);
    lose_patience();
    closed = got.closed;
    wait_for_number(gl_readback_submit(buffer, &changes));
    g_assert_cmpuint(got.timeouts, ==, 2);
    fake_ops.tick_ms = FAKE_TICK_MS;
    signal_all();
    wait_until(&got.closed, closed + 1);
    g_assert_cmpuint(counted(&copier.calls), ==, 2);

    set(&fake.always_signalled, false);
    begins = counted(&fake.begins);
    gl_readback_submit(buffer, &changes);
    wait_until(&fake.begins, begins + 1);
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
    signal_all();
    wait_until(&fake.closes, 1);
    g_assert_cmpuint(counted(&copier.calls), ==, 2);
    g_clear_pointer(&got.error, g_free);
}

/* --- OpenGL fails ------------------------------------------------------- */

/* One look of the main loop, now. */
static void look_once(GLReadback *rb)
{
    unsigned closed = got.closed;

    fake_ops.tick_ms = 0;
    gl_readback_buffer_free(new_buffer(rb));
    fake_ops.tick_ms = FAKE_TICK_MS;
    wait_until(&got.closed, closed + 1);
}

/* Nothing can be asked for that many looks, and nothing is opened. */
static void expect_pause(GLReadback *rb, GLReadbackBuffer *buffer,
                         unsigned looks)
{
    unsigned opens = counted(&fake.opens), n = 0;

    while (gl_readback_is_hung(rb)) {
        g_assert_cmpuint(gl_readback_submit(buffer, NULL), ==, 0);
        look_once(rb);
        n++;
    }
    g_assert_cmpuint(n, >=, looks);
    g_assert_cmpuint(counted(&fake.opens), ==, opens);
}

/* After an error there is a picture again. */
static void expect_recovery(GLReadback *rb, GLReadbackBuffer *buffer)
{
    unsigned opens = counted(&fake.opens), pixels = got.pixels;

    expect_pause(rb, buffer, 1);
    wait_for_number(gl_readback_submit(buffer, NULL));
    g_assert_cmpuint(got.pixels, ==, pixels + 1);
    g_assert_cmpuint(counted(&fake.opens), ==, opens + 1);
}

/* What was read is to be cleaned up, or it would not be told from this. */
static void wait_for_rest(void)
{
    wait_until(&fake.unmaps, counted(&fake.begins));
}

/* A read fails: OpenGL is closed, and opened again after a while. */
static void test_lost(void)
{
    static const struct {
        const char *what;
        unsigned bad_begin, bad_map;
    } cases[] = {
        { "a read", 2, 0 },
        { "its result", 0, 2 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        GLReadback *rb = start();
        GLReadbackBuffer *buffer = new_buffer(rb), *other = new_buffer(rb);

        g_test_message("%s", cases[i].what);
        signal_all();
        wait_for_number(gl_readback_submit(other, NULL));
        wait_for_rest();
        fake.bad_begin = cases[i].bad_begin;
        fake.bad_map = cases[i].bad_map;
        set(&fake.broken, true);
        wait_for_number(gl_readback_submit(buffer, NULL));
        g_assert_cmpuint(got.errors, ==, 1);
        g_assert_cmpuint(got.passing, ==, 1);
        expect_recovery(rb, buffer);
        wait_for_number(gl_readback_submit(other, NULL));
        g_assert_cmpuint(got.errors, ==, 1);
        g_assert_cmpuint(counted(&fake.opens), ==, 2);
        g_assert_cmpuint(counted(&fake.imports), ==, 4);
        gl_readback_buffer_free(buffer);
        gl_readback_buffer_free(other);
        gl_readback_free(rb);
        wait_until(&fake.closes, 2);
        g_clear_pointer(&got.error, g_free);
    }
}

/* Whatever is on its way gets a result. */
static void test_lost_in_flight(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    fake.bad_begin = 3;
    gl_readback_submit(buffer, NULL);
    gl_readback_submit(buffer, NULL);
    wait_until(&fake.begins, 2);
    set(&fake.broken, true);
    gl_readback_submit(buffer, NULL);
    wait_for_number(3);
    g_assert_cmpuint(got.errors, ==, 3);
    g_assert_cmpuint(got.passing, ==, 3);
    signal_all();
    expect_recovery(rb, buffer);
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
    wait_until(&fake.closes, 2);
    g_clear_pointer(&got.error, g_free);
}

/* What the main loop has of a slot is not taken away under it. */
static void test_lost_while_shown(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    signal_all();
    fake.bad_begin = 2;
    gl_readback_submit(buffer, NULL);
    wait_blindly(&fake.maps, 1);
    set(&fake.broken, true);
    gl_readback_submit(buffer, NULL);
    wait_blindly(&fake.begins, 2);
    g_usleep(20 * 1000);
    g_assert_cmpuint(counted(&fake.closes), ==, 0);
    wait_for_number(2);
    g_assert_cmpuint(got.pixels, ==, 1);
    g_assert_cmpuint(got.passing, ==, 1);
    wait_until(&fake.closes, 1);
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
    g_clear_pointer(&got.error, g_free);
}

/* It cannot be opened again: pauses grow, and in the end that is said. */
static void test_lost_for_long(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);
    unsigned opens;

    signal_all();
    wait_for_number(gl_readback_submit(buffer, NULL));
    wait_for_rest();
    fake.bad_begin = 2;
    set(&fake.broken, true);
    set(&fake.no_open, true);
    wait_for_number(gl_readback_submit(buffer, NULL));
    for (unsigned i = 0; gl_readback_is_hung(rb); i++) {
        g_assert_cmpuint(got.passing, ==, i + 1);
        expect_pause(rb, buffer, 1 << i);
        wait_for_number(gl_readback_submit(buffer, NULL));
    }
    g_assert_cmpuint(got.passing, ==, 5);
    g_assert_cmpuint(got.errors, ==, 6);
    g_assert_cmpstr(got.error, ==, "no OpenGL");
    /* who asks now gets an answer, and nothing is opened for it */
    opens = counted(&fake.opens);
    wait_for_number(gl_readback_submit(buffer, NULL));
    g_assert_cmpuint(got.errors, ==, 7);
    g_assert_cmpuint(counted(&fake.opens), ==, opens);

    /* one day it is back */
    set(&fake.no_open, false);
    for (unsigned i = 0; !gl_readback_is_hung(rb) && got.pixels < 2; i++) {
        g_assert_cmpuint(i, <=, 64);
        look_once(rb);
        wait_for_number(gl_readback_submit(buffer, NULL));
    }
    g_assert_cmpuint(got.pixels, ==, 2);
    g_assert_cmpuint(counted(&fake.opens), ==, opens + 1);
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
    wait_until(&fake.closes, 2);
    g_clear_pointer(&got.error, g_free);
}

/* Everything is freed while OpenGL is away. */
static void test_lost_and_freed(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    signal_all();
    fake.bad_begin = 1;
    set(&fake.broken, true);
    wait_for_number(gl_readback_submit(buffer, NULL));
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
    wait_until(&fake.closes, 1);
    g_assert_cmpuint(counted(&fake.releases), ==, 1);
    g_clear_pointer(&got.error, g_free);
}

/* --- The process's end -------------------------------------------------- */

typedef enum ExitWhile {
    EXIT_WHILE_READING,
    EXIT_WHILE_CLOSING,
    EXIT_WHILE_HUNG,
} ExitWhile;

/* What a GPU was at comes to its end. */
static void *finish_later(void *opaque)
{
    g_usleep(50 * 1000);
    set(&fake.stuck_begin, false);
    set(&fake.stuck_release, false);
    return NULL;
}

static void exit_now(ExitWhile what)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    fake.expect_left = what != EXIT_WHILE_HUNG;
    fake.stuck_begin = what != EXIT_WHILE_CLOSING;
    fake.stuck_release = true;
    signal_all();
    gl_readback_submit(buffer, NULL);
    if (what == EXIT_WHILE_CLOSING) {
        wait_for_number(1);
        gl_readback_buffer_free(buffer);
        gl_readback_free(rb);
        wait_until(&fake.releasing, 1);
    } else {
        wait_until(&fake.begins, 1);
    }
    if (what != EXIT_WHILE_HUNG) {
        g_thread_unref(g_thread_new("later", finish_later, NULL));
    }
    exit(0);
}

/*
 * When the exit takes OpenGL's libraries apart no thread is in them, and none
 * goes there afterwards; unless it hangs, which does not keep QEMU from ending.
 */
static void test_exit(const void *opaque)
{
    if (g_test_subprocess()) {
        exit_now(GPOINTER_TO_INT(opaque));
    }
    g_test_trap_subprocess(NULL, PATIENCE_US, 0);
    g_test_trap_assert_passed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);

    g_test_add_func("/gl-readback/unused", test_unused);
    g_test_add_func("/gl-readback/bound", test_bound);
    g_test_add_func("/gl-readback/order", test_order);
    g_test_add_func("/gl-readback/area", test_area);
    g_test_add_func("/gl-readback/changes", test_changes);
    g_test_add_func("/gl-readback/changes-at-once", test_changes_at_once);
    g_test_add_func("/gl-readback/no-opengl", test_no_opengl);
    g_test_add_func("/gl-readback/no-import", test_no_import);
    g_test_add_func("/gl-readback/buffer-freed-in-flight",
                    test_buffer_freed_in_flight);
    g_test_add_func("/gl-readback/freed-in-flight", test_freed_in_flight);
    g_test_add_func("/gl-readback/freed-by-result", test_freed_by_result);
    g_test_add_func("/gl-readback/hung-fence", test_hung_fence);
    g_test_add_func("/gl-readback/hung-call", test_hung_call);
    g_test_add_func("/gl-readback/hung-release", test_hung_release);
    g_test_add_func("/gl-readback/freed-by-timeout", test_freed_by_timeout);
    g_test_add_func("/gl-readback/copy", test_copy);
    g_test_add_func("/gl-readback/copy-in-order", test_copy_in_order);
    g_test_add_func("/gl-readback/not-copied", test_not_copied);
    g_test_add_func("/gl-readback/lost", test_lost);
    g_test_add_func("/gl-readback/lost-in-flight", test_lost_in_flight);
    g_test_add_func("/gl-readback/lost-while-shown", test_lost_while_shown);
    g_test_add_func("/gl-readback/lost-for-long", test_lost_for_long);
    g_test_add_func("/gl-readback/lost-and-freed", test_lost_and_freed);
    g_test_add_data_func("/gl-readback/exit/reading",
                         GINT_TO_POINTER(EXIT_WHILE_READING), test_exit);
    g_test_add_data_func("/gl-readback/exit/closing",
                         GINT_TO_POINTER(EXIT_WHILE_CLOSING), test_exit);
    g_test_add_data_func("/gl-readback/exit/hung",
                         GINT_TO_POINTER(EXIT_WHILE_HUNG), test_exit);
    return g_test_run();
}
