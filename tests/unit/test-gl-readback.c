/*
 * GL readback: who has what when
 *
 * A fake OpenGL, whose fences are signalled by hand, stands in for the real
 * one. "-m perf" measures with the real one what the main thread has to do for
 * a frame.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "system/system.h"
#include "ui/egl-helpers.h"
#include "ui/damage-map.h"
#include "ui/gl-readback.h"

/* What the files under test expect of the emulator. */
int display_opengl;

static NotifierList exit_notifiers = NOTIFIER_LIST_INITIALIZER(exit_notifiers);

void qemu_add_exit_notifier(Notifier *notify)
{
    notifier_list_add(&exit_notifiers, notify);
}

void qemu_remove_exit_notifier(Notifier *notify)
{
    notifier_remove(notify);
}

/* Only to end what hangs. */
#define PATIENCE_US (60 * G_USEC_PER_SEC)

/* --- A fake OpenGL ------------------------------------------------------ */

static struct {
    QemuMutex lock;
    bool no_open, no_import;
    unsigned bad_begin;      /* this call of begin fails, from 1 */
    bool signalled[GL_READBACK_SLOTS];
    bool always_signalled;
    bool stuck_begin, stuck_release; /* does not come back */
    unsigned opens, closes, imports, releases, begins, maps, unmaps;
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

static void stay_while(bool *stuck)
{
    bool stay = true;

    while (stay) {
        qemu_mutex_lock(&fake.lock);
        stay = *stuck;
        qemu_mutex_unlock(&fake.lock);
        if (stay) {
            g_usleep(1000);
        }
    }
}

static void set(bool *flag, bool value)
{
    qemu_mutex_lock(&fake.lock);
    *flag = value;
    qemu_mutex_unlock(&fake.lock);
}

static void *fake_open(const char *render_node, Error **errp)
{
    g_assert_cmpstr(render_node, ==, "node");
    count(&fake.opens);
    if (fake.no_open) {
        error_setg(errp, "no OpenGL");
        return NULL;
    }
    return &fake;
}

static void fake_close(void *gl)
{
    count(&fake.closes);
}

static void *fake_import(void *gl, QemuDmaBuf *dmabuf, Error **errp)
{
    /* its own fd, and a good one */
    g_assert_cmpint(fcntl(qemu_dmabuf_get_fd(dmabuf), F_GETFD), >=, 0);
    count(&fake.imports);
    if (fake.no_import) {
        error_setg(errp, "no import");
        return NULL;
    }
    return dmabuf;
}

static void fake_release(void *gl, void *image)
{
    stay_while(&fake.stuck_release);
    count(&fake.releases);
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
    stay_while(&fake.stuck_begin);
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

static bool fake_map(void *gl, unsigned slot, GLReadbackPixels *pixels,
                     Error **errp)
{
    count(&fake.maps);
    *pixels = (GLReadbackPixels) {
        (const uint8_t *)fake_pixels, sizeof(fake_pixels), DRM_FORMAT_XRGB8888,
    };
    return true;
}

static void fake_unmap(void *gl, unsigned slot)
{
    count(&fake.unmaps);
}

/* Nothing times out, unless a test says so. */
#define FAKE_LOOK_MS 20000

static GLReadbackOps fake_ops = {
    .look_ms = FAKE_LOOK_MS,
    .open = fake_open,
    .close = fake_close,
    .import = fake_import,
    .release = fake_release,
    .begin = fake_begin,
    .wait = fake_wait,
    .map = fake_map,
    .unmap = fake_unmap,
};

static void signal_all(void)
{
    set(&fake.always_signalled, true);
}

/* --- What came back ----------------------------------------------------- */

static struct {
    unsigned results, pixels, errors, timeouts, freed, closed;
    uint64_t last;
    GLReadbackArea area;
    bool covered[FAKE_WIDTH]; /* columns that changes were told of */
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
    if (!result->buffer) {
        g_assert_null(result->pixels);
        got.freed++;
    } else if (result->pixels) {
        g_assert_true((void *)result->pixels->data == fake_pixels);
        got.area = *result->area;
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
    fake_ops.look_ms = FAKE_LOOK_MS;
    return gl_readback_new(&fake_ops, "node", on_done, NULL);
}

static GLReadbackBuffer *new_buffer(GLReadback *rb)
{
    int fd = memfd_create("buffer", MFD_CLOEXEC);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new(FAKE_WIDTH, 1, sizeof(fake_pixels), 0, 0, FAKE_WIDTH,
                        1, DRM_FORMAT_XRGB8888, 0, fd, false, false);
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
    GLReadback *rb = start();
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

    /* the pixels of a buffer that was freed are shown by the next one */
    fake_pixels[130]++;
    gl_readback_submit(other, &changes);
    wait_blindly(&fake.maps, 6);
    gl_readback_buffer_free(other);
    wait_for_number(6);
    g_assert_cmpuint(got.freed, ==, 1);
    wait_until(&fake.unmaps, 6);
    wait_for_number(gl_readback_submit(buffer, &changes));
    expect_changes(128, 192);
    gl_readback_buffer_free(buffer);
    finish(rb);
}

/* Frames that nobody gets to see, as newer ones are there. */
static void test_changes_skipped(void)
{
    static const GLReadbackArea changes = { GL_READBACK_CHANGES };
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);

    signal_all();
    wait_for_number(gl_readback_submit(buffer, &changes));
    wait_until(&fake.unmaps, 1);
    for (unsigned i = 0; i < 2; i++) {
        fake_pixels[64 * i]++;
        gl_readback_submit(buffer, &changes);
        wait_blindly(&fake.maps, 2 + i);
    }
    gl_readback_submit(buffer, &changes);
    wait_blindly(&fake.maps, 4);
    wait_for_number(4);
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
    fake_ops.look_ms = 2;
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

    fake_ops.look_ms = FAKE_LOOK_MS;
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

    fake_ops.look_ms = FAKE_LOOK_MS;
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

/* QEMU ends: the thread begins nothing any more. */
static void test_exit(void)
{
    GLReadback *rb = start();
    GLReadbackBuffer *buffer = new_buffer(rb);
    unsigned begins;

    signal_all();
    wait_for_number(gl_readback_submit(buffer, NULL));
    notifier_list_notify(&exit_notifiers, NULL);
    begins = counted(&fake.begins);
    gl_readback_submit(buffer, NULL);
    g_usleep(20 * 1000);
    g_assert_cmpuint(counted(&fake.begins), ==, begins);
    /* the process ends with it, so nothing is freed */
}

/* --- With the real one --------------------------------------------------- */

/* Rows with a gap between them, and pixels around the frame. */
#define DRAWN_WIDTH 301
#define DRAWN_HEIGHT 97
#define DRAWN_X 3
#define DRAWN_Y 5
#define DRAWN_ROW 320
#define DRAWN_FRAMES 60

static struct {
    uint32_t (*buffer)[DRAWN_ROW];
    uint32_t screen[DRAWN_HEIGHT][DRAWN_WIDTH];
    unsigned frames;
    unsigned partly; /* of them, told to be rectangles */
    bool failed;
} drawn;

static void drawn_done(void *opaque, const GLReadbackResult *result)
{
    const GLReadbackPixels *pixels = result->pixels;
    GLReadbackArea all = { GL_READBACK_BOXES, 1, {
        { 0, 0, DRAWN_WIDTH, DRAWN_HEIGHT },
    } };
    const GLReadbackArea *area;

    drawn.failed |= !pixels && result->number;
    if (!pixels) {
        return;
    }
    area = result->area->what == GL_READBACK_BOXES ? result->area : &all;
    drawn.partly += area != &all;
    for (unsigned i = 0; i < area->n; i++) {
        const pixman_box32_t *box = &area->box[i];

        for (int y = box->y1; y < box->y2; y++) {
            memcpy(&drawn.screen[y][box->x1],
                   pixels->data + pixels->stride * y + box->x1 * 4,
                   (box->x2 - box->x1) * 4);
        }
    }
    drawn.frames++;
}

/* Draws some rectangles, none of which touches another's rows. */
static GLReadbackArea draw_some(void)
{
    GLReadbackArea area = {
        GL_READBACK_BOXES, g_test_rand_int_range(1, GL_READBACK_MAX_BOXES + 1),
    };
    unsigned each = DRAWN_HEIGHT / area.n;

    for (unsigned i = 0; i < area.n; i++) {
        pixman_box32_t *box = &area.box[i];

        box->x1 = g_test_rand_int_range(0, DRAWN_WIDTH);
        box->x2 = g_test_rand_int_range(box->x1 + 1, DRAWN_WIDTH + 1);
        box->y1 = i * each + g_test_rand_int_range(0, each);
        box->y2 = g_test_rand_int_range(box->y1 + 1, (i + 1) * each + 1);
        for (int y = box->y1; y < box->y2; y++) {
            for (int x = box->x1; x < box->x2; x++) {
                drawn.buffer[DRAWN_Y + y][DRAWN_X + x] =
                    g_test_rand_int() | 0xff000000u;
            }
        }
    }
    return area;
}

static void expect_drawn(void)
{
    for (int y = 0; y < DRAWN_HEIGHT; y++) {
        g_assert_cmpmem(drawn.screen[y], sizeof(drawn.screen[y]),
                        &drawn.buffer[DRAWN_Y + y][DRAWN_X],
                        DRAWN_WIDTH * 4);
    }
}

/*
 * Frames of which a part is read, one upon the other; or of which OpenGL's
 * thread finds out what differs.
 */
static void read_drawn(GLReadbackBuffer *buffer, bool compare)
{
    static const GLReadbackArea changes = { GL_READBACK_CHANGES };
    const GLReadbackArea *area = NULL;
    GLReadbackArea some;

    drawn.frames = drawn.partly = 0;
    draw_some();
    for (unsigned i = 0; i < DRAWN_FRAMES && !drawn.failed; i++) {
        uint64_t number = gl_readback_submit(buffer, area);

        while (!drawn.failed && drawn.frames <= i) {
            main_loop_wait(false);
            number = number ?: gl_readback_submit(buffer, area);
        }
        if (!drawn.failed) {
            expect_drawn();
        }
        some = draw_some();
        area = compare ? &changes : &some;
    }
}

static void test_drawn(void)
{
    size_t height = DRAWN_Y + DRAWN_HEIGHT + 2, row = DRAWN_ROW * 4;
    size_t size = height * row;
    int fd = memfd_create("frame", MFD_CLOEXEC);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new(DRAWN_WIDTH, DRAWN_HEIGHT, row, DRAWN_X, DRAWN_Y,
                        DRAWN_ROW, height, DRM_FORMAT_ARGB8888, 0, fd, false,
                        false);
    const GLReadbackOps *ops = gl_readback_find_ops(&error_abort);
    GLReadback *rb = gl_readback_new(ops, NULL, drawn_done, NULL);
    GLReadbackBuffer *buffer =
        gl_readback_buffer_new(rb, dmabuf, &error_abort);

    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    drawn.buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(drawn.buffer != MAP_FAILED);
    read_drawn(buffer, false);
    if (drawn.failed) {
        g_assert_null(g_getenv("VGPU_TEST_GL"));
        g_test_skip("OpenGL imports no memfd here");
    } else {
        g_assert_cmpuint(drawn.partly, ==, DRAWN_FRAMES - 1);
        read_drawn(buffer, true);
        g_assert_cmpuint(drawn.partly, >, 0);
    }
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
    munmap(drawn.buffer, size);
    close(fd);
}

/* --- How long it takes -------------------------------------------------- */

#define PERF_WIDTH 1920
#define PERF_HEIGHT 1080
#define PERF_FRAMES 200

static struct {
    DamageMap *damage;
    uint8_t *surface;
    unsigned shown;
    bool failed;
} perf;

static int64_t thread_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

/* As the mirror does. */
static void perf_copy(const GLReadbackPixels *pixels,
                      const pixman_box32_t *box)
{
    damage_map_copy_part(perf.damage,
                         perf.surface + box->y1 * PERF_WIDTH * 4,
                         PERF_WIDTH * 4,
                         pixels->data + (size_t)box->y1 * pixels->stride,
                         pixels->stride, box->y1, box->y2 - box->y1,
                         box->x1, box->x2 - box->x1);
    damage_map_clear(perf.damage);
}

static void perf_done(void *opaque, const GLReadbackResult *result)
{
    static const pixman_box32_t all = { 0, 0, PERF_WIDTH, PERF_HEIGHT };

    perf.failed |= !result->pixels && result->number;
    if (result->pixels && result->area->what == GL_READBACK_WHOLE) {
        perf_copy(result->pixels, &all);
    }
    for (unsigned i = 0; result->pixels && i < result->area->n; i++) {
        perf_copy(result->pixels, &result->area->box[i]);
    }
    perf.shown++;
}

typedef enum PerfChange {
    PERF_NOTHING,
    PERF_BOX,
    PERF_ALL,
    PERF__MAX,
} PerfChange;

static const char *const perf_names[PERF__MAX] = {
    "nothing changes", "a box of 64x64 changes", "all of it changes",
};

static void perf_draw(uint8_t *pixels, PerfChange change, unsigned i)
{
    const unsigned row = PERF_WIDTH * 4;

    if (change == PERF_ALL) {
        memset(pixels, i, row * PERF_HEIGHT);
    }
    for (unsigned y = 500; change == PERF_BOX && y < 564; y++) {
        memset(pixels + y * row + 3300, i, 64 * 4);
    }
}

/* One frame after the other; milliseconds of this thread for each. */
static double perf_frames(GLReadbackBuffer *buffer, uint8_t *pixels,
                          PerfChange change)
{
    static const GLReadbackArea changes = { GL_READBACK_CHANGES };
    int64_t used = 0, begun;

    for (unsigned i = 0; i < PERF_FRAMES && !perf.failed; i++) {
        unsigned shown = perf.shown;
        uint64_t number;

        perf_draw(pixels, change, i);
        begun = thread_ns();
        number = gl_readback_submit(buffer, &changes);
        used += thread_ns() - begun;
        while (!number || perf.shown == shown) {
            begun = thread_ns();
            main_loop_wait(!number);
            number = number ?: gl_readback_submit(buffer, &changes);
            used += thread_ns() - begun;
        }
    }
    return used / 1e6 / PERF_FRAMES;
}

/* The same buffer, read the way that waits. */
static double perf_blocking(QemuDmaBuf *dmabuf, uint8_t *pixels,
                            PerfChange change)
{
    int64_t used = 0, begun;
    egl_fb fb = EGL_FB_INIT;
    EGLDisplay display =
        eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA,
                                 EGL_DEFAULT_DISPLAY, NULL);
    EGLContext context;

    eglInitialize(display, NULL, NULL);
    eglBindAPI(EGL_OPENGL_API);
    context = eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT,
                               NULL);
    eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context);
    egl_dmabuf_import_texture(dmabuf, &error_abort);
    egl_fb_setup_for_tex(&fb, PERF_WIDTH, PERF_HEIGHT,
                         qemu_dmabuf_get_texture(dmabuf), false);
    for (unsigned i = 0; i < PERF_FRAMES; i++) {
        perf_draw(pixels, change, i);
        begun = g_get_monotonic_time();
        glReadPixels(0, 0, PERF_WIDTH, PERF_HEIGHT, GL_BGRA, GL_UNSIGNED_BYTE,
                     perf.surface);
        used += g_get_monotonic_time() - begun;
    }
    return used / 1e3 / PERF_FRAMES;
}

static void test_perf(void)
{
    size_t size = PERF_WIDTH * PERF_HEIGHT * 4;
    int fd = memfd_create("frame", MFD_CLOEXEC);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new(PERF_WIDTH, PERF_HEIGHT, PERF_WIDTH * 4, 0, 0,
                        PERF_WIDTH, PERF_HEIGHT, DRM_FORMAT_XRGB8888, 0, fd,
                        false, false);
    GLReadback *rb =
        gl_readback_new(gl_readback_find_ops(&error_abort), NULL, perf_done,
                        NULL);
    GLReadbackBuffer *buffer =
        gl_readback_buffer_new(rb, dmabuf, &error_abort);
    uint8_t *pixels;

    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    perf.surface = g_malloc0(size);
    perf.damage = damage_map_new(PERF_WIDTH, PERF_HEIGHT);
    perf_frames(buffer, pixels, PERF_ALL);
    if (perf.failed) {
        g_test_skip("OpenGL imports no memfd here");
    } else {
        for (PerfChange change = 0; change < PERF__MAX; change++) {
            double readback = perf_frames(buffer, pixels, change);
            double blocking = perf_blocking(dmabuf, pixels, change);

            printf("# %dx%d, %s: main thread %.3f ms, glReadPixels() in it "
                   "%.3f ms, %.0f %%\n", PERF_WIDTH, PERF_HEIGHT,
                   perf_names[change],
                   readback, blocking, 100 * readback / blocking);
            egl_dmabuf_release_texture(dmabuf);
        }
    }
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
    munmap(pixels, size);
    damage_map_free(perf.damage);
    g_free(perf.surface);
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_INIT_QOM);
    qemu_init_main_loop(&error_abort);

    g_test_add_func("/gl-readback/unused", test_unused);
    g_test_add_func("/gl-readback/bound", test_bound);
    g_test_add_func("/gl-readback/order", test_order);
    g_test_add_func("/gl-readback/area", test_area);
    g_test_add_func("/gl-readback/changes", test_changes);
    g_test_add_func("/gl-readback/changes-skipped", test_changes_skipped);
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
    g_test_add_func("/gl-readback/drawn", test_drawn);
    if (g_test_perf()) {
        g_test_add_func("/gl-readback/perf", test_perf);
    }
    /* last: its readback stays */
    g_test_add_func("/gl-readback/exit", test_exit);
    return g_test_run();
}
