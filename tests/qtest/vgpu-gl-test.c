/*
 * vGPU display: pictures that OpenGL reads
 *
 * Software OpenGL stands in for a GPU: x-display-path=gl has it read what the
 * CPU could as well. Mesa imports dma-bufs in software from version 25 on, and
 * takes a memfd for one; VGPU_TEST_GL says that there is such a Mesa, so that
 * a display that does not work is a failure, and not a host without OpenGL.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include "vgpu-fixture.h"
#include "vgpu-rfb.h"

#define GL "x-kind=dmabuf,x-display-path=gl"

static VGPU *start(void)
{
    return vgpu_start(GL);
}

static void stop(VGPU *vgpu)
{
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* Each screendump has the frame of the moment, though reading takes time. */
static void test_sizes(void)
{
    static const struct {
        uint32_t width, height, padding;
        uint64_t offset;
    } cases[] = {
        { 1024, 768 },
        { 800, 600 },
        { 641, 479 },
        { 333, 77, 52 },            /* rows with a gap between them */
        { 640, 480, 0, 0x7000 },    /* starts at a page */
        { 640, 480, 256, 0x7044 },  /* starts within one */
        { 1, 1 },
        { 1, 257, 60 },
        { 257, 1 },
        { 16384, 16 },
        { 16, 16384 },
        { 1920, 1080 },
    };
    VGPU *vgpu = start();

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        VGPUMode mode = vgpu_mode(cases[i].width, cases[i].height, 1 + i);

        mode.stride += cases[i].padding;
        mode.offset = cases[i].offset;
        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_expect_now(vgpu, &mode, i);
        vgpu_paint(vgpu, &mode, 100 + i);
        vgpu_expect_now(vgpu, &mode, 100 + i);
    }
    g_assert_cmpstr(vgpu_path(vgpu), ==, "gl");
    stop(vgpu);
}

/* The same pixels as by CPU, whatever the size of a channel. */
static void test_formats(void)
{
    static const uint32_t formats[] = {
        DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888, DRM_FORMAT_XBGR8888,
        DRM_FORMAT_ABGR8888, DRM_FORMAT_RGB565, DRM_FORMAT_XRGB2101010,
        DRM_FORMAT_ARGB2101010, DRM_FORMAT_XBGR2101010,
        DRM_FORMAT_ABGR2101010,
    };
    VGPU *vgpu = start();

    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        VGPUMode mode = vgpu_mode(129, 65, 1 + i);

        mode.fourcc = formats[i];
        mode.stride = 129 * vgpu_format_find(formats[i])->cpp + 2;
        mode.stride = ROUND_UP(mode.stride, 4);
        g_test_message("%s", vgpu_format_find(formats[i])->name);
        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_expect_now(vgpu, &mode, i);
    }
    stop(vgpu);
}

/* Modes come and go faster than frames are read. */
static void test_resize_in_flight(void)
{
    VGPU *vgpu = start();
    VGPUMode mode;

    for (unsigned i = 0; i < 40; i++) {
        mode = vgpu_mode(200 + i * 7, 300 - i * 5, 1 + i);
        mode.offset = i * 0x80000;
        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        if (i % 5 == 0) {
            vgpu_expect_now(vgpu, &mode, i);
        }
    }
    vgpu_expect_now(vgpu, &mode, 39);
    stop(vgpu);
}

/* A guest with a new buffer for each frame does not fill the host. */
static void test_many_buffers(void)
{
    VGPU *vgpu = start();
    unsigned files = 0;

    for (unsigned i = 0; i < 100; i++) {
        VGPUMode mode = vgpu_mode(64, 32, 1000 + i);

        mode.offset = i * 0x3000;
        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_expect_now(vgpu, &mode, i);
        if (i == 50) {
            files = vgpu_machine_open_files(vgpu->machine);
        }
    }
    /* what was evicted last may still be on its way out */
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), <=, files + 2);
    g_assert_cmpint(vgpu_stat(vgpu, "cache-evictions"), >, 50);
    stop(vgpu);
}

/* Every buffer once, each brighter than the one before. */
static void flip(VGPU *vgpu, unsigned frame)
{
    VGPUMode mode = vgpu_mode(64, 64, 1 + frame);

    mode.offset = frame * 0x4000;
    qtest_memset(vgpu->machine->qts, vgpu->vram.addr + mode.offset, frame,
                 0x4000);
    vgpu_show(vgpu, &mode);
}

static VGPUMachine *start_watched(char **dir, char **socket)
{
    *dir = g_dir_make_tmp("vgpu-vnc-XXXXXX", NULL);
    g_assert_nonnull(*dir);
    *socket = g_build_filename(*dir, "vnc", NULL);
    return vgpu_machine_start("-device " VGPU_DEVICE ",id=gpu,addr=4," GL
                              " -vnc unix:%s", *socket);
}

static void stop_watched(char *dir, char *socket)
{
    g_unlink(socket);
    g_rmdir(dir);
    g_free(socket);
    g_free(dir);
}

/* No viewer sees an older frame after a newer one; and it sees the last. */
static void test_order(void)
{
    char *dir, *socket;
    VGPUMachine *machine = start_watched(&dir, &socket);
    VGPU *vgpu = vgpu_open(machine, "gpu", 4);
    VGPUViewer *viewer = vgpu_viewer_connect(socket);
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    unsigned frame = 1, seen = 0;

    flip(vgpu, frame);
    while (seen < 200) {
        const VGPUPicture *picture;

        vgpu_viewer_update(viewer);
        picture = vgpu_viewer_picture(viewer);
        if (picture->width == 64) {
            g_assert_cmpuint(picture->rgb[0], >=, seen);
            g_assert_cmpuint(picture->rgb[0], <=, frame);
            seen = picture->rgb[0];
        }
        for (unsigned i = 0; i < 3 && frame < 200; i++) {
            flip(vgpu, ++frame);
        }
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    vgpu_viewer_close(viewer);
    stop(vgpu);
    stop_watched(dir, socket);
}

/* The device's buffers go away while they are read. */
static void test_reset_in_flight(void)
{
    char *dir, *socket;
    VGPUMachine *machine = start_watched(&dir, &socket);
    VGPU *vgpu = vgpu_open(machine, "gpu", 4);
    VGPUViewer *viewer = vgpu_viewer_connect(socket);
    VGPUMode mode = vgpu_mode(800, 600, 1);

    for (unsigned i = 0; i < 20; i++) {
        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_viewer_update(viewer);
        qtest_system_reset(machine->qts);
        vgpu_reopen(vgpu);
    }
    vgpu_paint(vgpu, &mode, 77);
    vgpu_show(vgpu, &mode);
    vgpu_expect_now(vgpu, &mode, 77);
    vgpu_viewer_close(viewer);
    stop(vgpu);
    stop_watched(dir, socket);
}

static void test_unplug_in_flight(void)
{
    char *dir, *socket;
    VGPUMachine *machine = start_watched(&dir, &socket);
    VGPUViewer *viewer = vgpu_viewer_connect(socket);
    VGPUMode mode = vgpu_mode(800, 600, 1);

    for (unsigned i = 0; i < 5; i++) {
        VGPU *vgpu = vgpu_open(machine, "gpu", 4);

        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_viewer_update(viewer);
        qtest_qmp_device_del_send(machine->qts, "gpu");
        qtest_system_reset(machine->qts);
        qtest_qmp_eventwait(machine->qts, "DEVICE_DELETED");
        vgpu_close(vgpu);
        qtest_qmp_assert_success(machine->qts,
                                 "{ 'execute': 'device_add', 'arguments': "
                                 "{ 'driver': 'vgpu-sw', 'id': 'gpu', "
                                 "'vram': %u, 'udmabuf': 'off', "
                                 "'x-kind': 'dmabuf', 'x-display-path': 'gl', "
                                 "'addr': '4' } }", VGPU_VRAM);
    }
    vgpu_viewer_close(viewer);
    g_assert_cmpuint(vgpu_machine_complaints(machine), ==, 0);
    vgpu_machine_stop(machine);
    stop_watched(dir, socket);
}

/*
 * Buffers shrink under a renderer that reads them by CPU; there are words,
 * and the next buffer is shown.
 */
static void test_shrinks(void)
{
    VGPU *vgpu = start();

    for (unsigned i = 0; i < 8; i++) {
        VGPUMode mode = vgpu_mode(320, 240, 1 + i);

        vgpu_write(vgpu, VGPU_SW_BUFFER_COPY, 320 * 240 * 4);
        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_expect_now(vgpu, &mode, i);
        vgpu_write(vgpu, VGPU_SW_BUFFER_CUT, i * 0xa000);
        vgpu_expect_faults(vgpu, "map", i + 1);
        g_assert_true(vgpu_shows_words(vgpu));
    }
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 1);
    vgpu_stop(vgpu);
}

/* The thread that OpenGL works in, by name. */
static pid_t find_gl_thread(VGPUMachine *machine)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task",
                                            qtest_pid(machine->qts));
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *comm = g_build_filename(path, name, "comm", NULL);
        g_autofree char *text = NULL;

        if (g_file_get_contents(comm, &text, NULL, NULL) &&
            !strcmp(text, "gl-readback\n")) {
            return atoi(name);
        }
    }
    g_assert_not_reached();
}

/* Stops one thread, as a driver does that waits for a GPU. */
static bool stop_thread(pid_t thread)
{
    int status;

    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) < 0) {
        return false;
    }
    g_assert_cmpint(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), ==, 0);
    g_assert_cmpint(waitpid(thread, &status, __WALL), ==, thread);
    return true;
}

/* In the human monitor this is done with the main loop's timers at rest. */
static void expect_by_hmp(VGPU *vgpu, const VGPUMode *mode, uint32_t seed)
{
    VGPUMachine *machine = vgpu->machine;
    g_autofree char *answer = qtest_hmp(machine->qts, "screendump %s gpu",
                                        machine->dump);
    g_autoptr(VGPUPicture) picture = vgpu_picture_load(machine->dump);

    g_assert_cmpstr(answer, ==, "");
    g_assert_true(vgpu_picture_is(picture, mode, seed));
}

/* OpenGL hangs: the last frame stays, nobody waits; then it is back. */
static void test_hung(void)
{
    VGPUMachine *machine = vgpu_machine_start("-name gpu,debug-threads=on "
                                              "-device " VGPU_DEVICE
                                              ",id=gpu,addr=4," GL);
    VGPU *vgpu = vgpu_open(machine, "gpu", 4);
    VGPUMode mode = vgpu_mode(320, 240, 1), next = vgpu_mode(320, 240, 2);
    pid_t thread;

    vgpu_paint(vgpu, &mode, 1);
    vgpu_show(vgpu, &mode);
    vgpu_expect_now(vgpu, &mode, 1);
    thread = find_gl_thread(machine);
    if (!stop_thread(thread)) {
        g_test_skip("this host lets nobody stop a thread of another process");
        vgpu_stop(vgpu);
        return;
    }

    next.offset = 0x80000;
    vgpu_paint(vgpu, &next, 2);
    vgpu_show(vgpu, &next);
    expect_by_hmp(vgpu, &mode, 1);
    for (unsigned i = 0; i < 3; i++) {
        vgpu_expect_now(vgpu, &mode, 1);
    }
    g_assert_cmpint(vgpu_fault_count(vgpu, "timeout"), >=, 1);
    g_assert_cmpuint(vgpu_machine_complaints(machine), ==, 1);

    g_assert_cmpint(ptrace(PTRACE_DETACH, thread, NULL, NULL), ==, 0);
    vgpu_expect(vgpu, &next, 2);
    vgpu_paint(vgpu, &next, 3);
    vgpu_expect(vgpu, &next, 3);
    g_assert_cmpuint(vgpu_machine_complaints(machine), ==, 1);
    vgpu_stop(vgpu);
}

/* A buffer that OpenGL cannot import, and the next one. */
static void test_refused(void)
{
    VGPU *vgpu = start();
    VGPUMode mode = vgpu_mode(320, 240, 1), bad = vgpu_mode(320, 240, 2);

    vgpu_paint(vgpu, &mode, 1);
    vgpu_show(vgpu, &mode);
    vgpu_expect_now(vgpu, &mode, 1);

    bad.modifier = I915_FORMAT_MOD_X_TILED;
    vgpu_show(vgpu, &bad);
    vgpu_expect_faults(vgpu, "map", 3);
    g_assert_true(vgpu_shows_words(vgpu));
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 1);

    vgpu_show(vgpu, &mode);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 1);
    vgpu_stop(vgpu);
}

/* No OpenGL at all, for want of a library, is words and one warning. */
static void test_no_opengl(void)
{
    VGPUMode mode = vgpu_mode(320, 240, 1);
    VGPU *vgpu;

    g_setenv("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent", true);
    vgpu = start();
    vgpu_paint(vgpu, &mode, 1);
    vgpu_show(vgpu, &mode);
    vgpu_expect_faults(vgpu, "map", 3);
    g_assert_true(vgpu_shows_words(vgpu));
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 1);
    vgpu_stop(vgpu);
    g_unsetenv("__EGL_VENDOR_LIBRARY_FILENAMES");
}

static void test_skipped(void)
{
    g_test_skip("VGPU_TEST_GL does not say that OpenGL imports dma-bufs");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(void);
    } tests[] = {
        { "/vgpu/gl/sizes", test_sizes },
        { "/vgpu/gl/formats", test_formats },
        { "/vgpu/gl/resize-in-flight", test_resize_in_flight },
        { "/vgpu/gl/many-buffers", test_many_buffers },
        { "/vgpu/gl/order", test_order },
        { "/vgpu/gl/reset-in-flight", test_reset_in_flight },
        { "/vgpu/gl/unplug-in-flight", test_unplug_in_flight },
        { "/vgpu/gl/shrinks", test_shrinks },
        { "/vgpu/gl/hung", test_hung },
        { "/vgpu/gl/refused", test_refused },
    };
    bool have_gl;

    g_test_init(&argc, &argv, NULL);

    have_gl = g_getenv("VGPU_TEST_GL") != NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        qtest_add_func(tests[i].path, have_gl ? tests[i].func : test_skipped);
    }
    qtest_add_func("/vgpu/gl/no-opengl", test_no_opengl);
    return g_test_run();
}
