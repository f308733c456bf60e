/*
 * GL readback with a real OpenGL
 *
 * "-m perf" measures what the main thread has to do for a frame.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/egl-helpers.h"
#include "ui/damage-map.h"
#include "ui/gl-readback.h"

/* What the files under test expect of the emulator. */
int display_opengl;

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

static bool drawn_copy(void *opaque, const GLReadbackResult *result)
{
    const UIPixels *pixels = result->pixels;
    GLReadbackArea all = { GL_READBACK_BOXES, 1, {
        { 0, 0, DRAWN_WIDTH, DRAWN_HEIGHT },
    } };
    const GLReadbackArea *area =
        result->area->what == GL_READBACK_BOXES ? result->area : &all;

    drawn.partly += area != &all;
    for (unsigned i = 0; i < area->n; i++) {
        const pixman_box32_t *box = &area->box[i];

        for (int y = box->y1; y < box->y2; y++) {
            memcpy(&drawn.screen[y][box->x1],
                   pixels->data + pixels->stride * y + box->x1 * 4,
                   (box->x2 - box->x1) * 4);
        }
    }
    return true;
}

static void drawn_done(void *opaque, const GLReadbackResult *result)
{
    drawn.failed |= !result->copied && result->number;
    drawn.frames += result->copied;
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
        qemu_dmabuf_new_joint(DRAWN_WIDTH, DRAWN_HEIGHT, row, DRAWN_X, DRAWN_Y,
                              DRAWN_ROW, height, DRM_FORMAT_ARGB8888, 0, fd,
                              false, false);
    const GLReadbackOps *ops = gl_readback_find_ops(&error_abort);
    GLReadback *rb = gl_readback_new(ops, NULL, drawn_done, NULL);
    GLReadbackBuffer *buffer =
        gl_readback_buffer_new(rb, dmabuf, &error_abort);

    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    drawn.buffer = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(drawn.buffer != MAP_FAILED);
    gl_readback_set_copy(rb, drawn_copy);
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

/* --- It fails ----------------------------------------------------------- */

static struct {
    PFNGLREADPIXELSPROC read_pixels; /* the real one */
    PFNGLGETERRORPROC get_error;
    int to_fail;    /* reads */
    int failed;     /* of which nobody was told */
    unsigned pixels, passing, recovered, refused;
} lost;

static void EPOXY_CALLSPEC lost_read_pixels(GLint x, GLint y, GLsizei width,
                                            GLsizei height, GLenum format,
                                            GLenum type, void *data)
{
    if (qatomic_read(&lost.to_fail)) {
        qatomic_dec(&lost.to_fail);
        qatomic_inc(&lost.failed);
    } else {
        lost.read_pixels(x, y, width, height, format, type, data);
    }
}

static GLenum EPOXY_CALLSPEC lost_get_error(void)
{
    if (qatomic_read(&lost.failed)) {
        qatomic_dec(&lost.failed);
        return GL_OUT_OF_MEMORY;
    }
    return lost.get_error();
}

static void lost_done(void *opaque, const GLReadbackResult *result)
{
    uint32_t pixel = 0;

    if (!result->number) {
        lost.recovered++;
    } else if (result->passing) {
        lost.passing++;
    } else if (!result->pixels) {
        lost.refused++;
    } else {
        memcpy(&pixel, result->pixels->data, sizeof(pixel));
        g_assert_cmphex(pixel & 0xffffff, ==, 0x123456);
        lost.pixels++;
    }
}

static void lost_read(GLReadbackBuffer *buffer)
{
    unsigned results = lost.pixels + lost.passing + lost.refused;

    g_assert_cmpuint(gl_readback_submit(buffer, NULL), >, 0);
    while (lost.pixels + lost.passing + lost.refused == results) {
        main_loop_wait(false);
    }
}

/* Its memory is full for a moment: it is opened again, and reads. */
static void test_lost(void)
{
    static uint32_t pixels[64 * 64];
    int fd = memfd_create("frame", MFD_CLOEXEC);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new_joint(64, 64, 256, 0, 0, 64, 64, DRM_FORMAT_XRGB8888, 0,
                              fd, false, false);
    GLReadback *rb = gl_readback_new(gl_readback_find_ops(&error_abort), NULL,
                                     lost_done, NULL);
    GLReadbackBuffer *buffer =
        gl_readback_buffer_new(rb, dmabuf, &error_abort);

    for (int i = 0; i < ARRAY_SIZE(pixels); i++) {
        pixels[i] = 0x123456;
    }
    g_assert_cmpint(write(fd, pixels, sizeof(pixels)), ==, sizeof(pixels));
    lost_read(buffer);
    if (lost.refused) {
        g_assert_null(g_getenv("VGPU_TEST_GL"));
        g_test_skip("OpenGL imports no memfd here");
    } else {
        /* which libepoxy has looked up by now */
        lost.read_pixels = epoxy_glReadPixels;
        lost.get_error = epoxy_glGetError;
        epoxy_glReadPixels = lost_read_pixels;
        epoxy_glGetError = lost_get_error;
        qatomic_set(&lost.to_fail, 1);
        lost_read(buffer);
        g_assert_cmpuint(lost.passing, ==, 1);
        g_assert_true(gl_readback_is_hung(rb));
        while (!lost.recovered) {
            main_loop_wait(false);
        }
        lost_read(buffer);
        g_assert_cmpuint(lost.pixels, ==, 2);
        epoxy_glReadPixels = lost.read_pixels;
        epoxy_glGetError = lost.get_error;
    }
    gl_readback_buffer_free(buffer);
    gl_readback_free(rb);
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
static void perf_copy_box(const UIPixels *pixels, const pixman_box32_t *box)
{
    damage_map_copy(perf.damage, perf.surface + box->y1 * PERF_WIDTH * 4,
                    PERF_WIDTH * 4,
                    pixels->data + (size_t)box->y1 * pixels->stride,
                    pixels->stride, box);
    damage_map_clear(perf.damage);
}

static bool perf_copy(void *opaque, const GLReadbackResult *result)
{
    static const pixman_box32_t all = { 0, 0, PERF_WIDTH, PERF_HEIGHT };

    if (result->area->what == GL_READBACK_WHOLE) {
        perf_copy_box(result->pixels, &all);
    }
    for (unsigned i = 0; i < result->area->n; i++) {
        perf_copy_box(result->pixels, &result->area->box[i]);
    }
    return true;
}

static void perf_done(void *opaque, const GLReadbackResult *result)
{
    perf.failed |= !result->pixels && result->number;
    g_assert_true(result->copied || !result->pixels);
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

/* The same buffer, read the way that waits, of which @cpu is used. */
static double perf_blocking(QemuDmaBuf *dmabuf, uint8_t *pixels,
                            PerfChange change, double *cpu)
{
    int64_t used = 0, used_cpu = 0, begun, begun_cpu;
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
        begun_cpu = thread_ns();
        glReadPixels(0, 0, PERF_WIDTH, PERF_HEIGHT, GL_BGRA, GL_UNSIGNED_BYTE,
                     perf.surface);
        used_cpu += thread_ns() - begun_cpu;
        used += g_get_monotonic_time() - begun;
    }
    *cpu = used_cpu / 1e6 / PERF_FRAMES;
    return used / 1e3 / PERF_FRAMES;
}

static void test_perf(void)
{
    size_t size = PERF_WIDTH * PERF_HEIGHT * 4;
    int fd = memfd_create("frame", MFD_CLOEXEC);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new_joint(PERF_WIDTH, PERF_HEIGHT, PERF_WIDTH * 4, 0, 0,
                              PERF_WIDTH, PERF_HEIGHT, DRM_FORMAT_XRGB8888, 0,
                              fd, false, false);
    GLReadback *rb =
        gl_readback_new(gl_readback_find_ops(&error_abort), NULL, perf_done,
                        NULL);
    GLReadbackBuffer *buffer =
        gl_readback_buffer_new(rb, dmabuf, &error_abort);
    uint8_t *pixels;

    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    gl_readback_set_copy(rb, perf_copy);
    perf.surface = g_malloc0(size);
    perf.damage = damage_map_new(PERF_WIDTH, PERF_HEIGHT);
    perf_frames(buffer, pixels, PERF_ALL);
    if (perf.failed) {
        g_test_skip("OpenGL imports no memfd here");
    } else {
        for (PerfChange change = 0; change < PERF__MAX; change++) {
            double readback = perf_frames(buffer, pixels, change);
            double cpu;
            double blocking = perf_blocking(dmabuf, pixels, change, &cpu);

            printf("# %dx%d, %s: main thread %.3f ms, glReadPixels() in it "
                   "%.3f ms (%.3f ms of CPU), %.0f %%\n", PERF_WIDTH,
                   PERF_HEIGHT, perf_names[change], readback, blocking, cpu,
                   100 * readback / blocking);
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

/* In a process of its own: EGL reads the environment when it is loaded. */
static void test_no_node(void)
{
    const GLReadbackOps *ops;
    Error *err = NULL;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        return;
    }
    g_setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/dev/null", true);
    ops = gl_readback_find_ops(&error_abort);
    g_assert_null(ops->open("/dev/dri/none", &err));
    g_test_message("%s", error_get_pretty(err));
    g_assert_nonnull(strstr(error_get_pretty(err), "/dev/dri/none: No such"));
    g_assert_nonnull(strstr(error_get_pretty(err), "; EGL has n"));
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_INIT_QOM);
    qemu_init_main_loop(&error_abort);

    g_test_add_func("/gl-readback-egl/drawn", test_drawn);
    g_test_add_func("/gl-readback-egl/lost", test_lost);
    g_test_add_func("/gl-readback-egl/no-node", test_no_node);
    if (g_test_perf()) {
        g_test_add_func("/gl-readback-egl/perf", test_perf);
    }
    return g_test_run();
}
