/*
 * Copies of what is in a dma-buf
 *
 * A memfd stands in for it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/dmabuf-snapshot.h"
#include "ui/gl-readback.h"

/* Every byte is what its place says. */
static uint8_t byte_at(size_t place)
{
    return place * 7 + place / 251;
}

static int new_memfd(size_t size)
{
    g_autofree uint8_t *data = g_malloc(size);
    int fd = memfd_create("buffer", MFD_CLOEXEC);

    for (size_t i = 0; i < size; i++) {
        data[i] = byte_at(i);
    }
    g_assert_cmpint(write(fd, data, size), ==, size);
    return fd;
}

static void expect_pixels(pixman_image_t *image, size_t start,
                          ptrdiff_t stride, int width, int height)
{
    uint32_t *data = pixman_image_get_data(image);

    g_assert_cmpint(pixman_image_get_format(image), ==, PIXMAN_x8r8g8b8);
    g_assert_cmpint(pixman_image_get_width(image), ==, width);
    g_assert_cmpint(pixman_image_get_height(image), ==, height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            size_t at = start + y * stride + x * 4;
            uint32_t want = byte_at(at) | byte_at(at + 1) << 8 |
                byte_at(at + 2) << 16;

            g_assert_cmphex(data[x] & 0xffffff, ==, want);
        }
        data += pixman_image_get_stride(image) / 4;
    }
}

/* What is scanned out may be a part of the buffer, and begin anywhere. */
static void test_rectangle(void)
{
    int fd = new_memfd(16384);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new_joint(21, 13, 204, 5, 7, 50, 40, DRM_FORMAT_XRGB8888,
                              DRM_FORMAT_MOD_LINEAR, fd, false, false);
    pixman_image_t *image;

    qemu_dmabuf_set_offset(dmabuf, 36);
    image = dmabuf_snapshot_map(dmabuf, &error_abort);
    expect_pixels(image, 36 + 7 * 204 + 5 * 4, 204, 21, 13);
    pixman_image_unref(image);
    close(fd);
}

/*
 * A buffer whose last row is the picture's first: the rectangle's place is the
 * picture's, and so is the order of the copy's rows.
 */
static void test_upside_down(void)
{
    int fd = new_memfd(16384);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new_joint(21, 13, 204, 5, 7, 50, 40, DRM_FORMAT_XRGB8888,
                              DRM_FORMAT_MOD_LINEAR, fd, false, true);
    g_autoptr(QemuDmaBuf) outside =
        qemu_dmabuf_new_joint(21, 13, 204, 5, 28, 50, 40, DRM_FORMAT_XRGB8888,
                              DRM_FORMAT_MOD_LINEAR, fd, false, true);
    pixman_image_t *image;
    Error *err = NULL;

    qemu_dmabuf_set_offset(dmabuf, 36);
    image = dmabuf_snapshot_map(dmabuf, &error_abort);
    expect_pixels(image, 36 + (39 - 7) * 204 + 5 * 4, -204, 21, 13);
    pixman_image_unref(image);

    g_assert_null(dmabuf_snapshot_map(outside, &err));
    error_free_or_abort(&err);
    close(fd);
}

/* Other formats are converted. */
static void test_format(void)
{
    static const uint16_t pixels[] = { 0xf800, 0x07e0, 0x001f, 0xffff };
    int fd = memfd_create("buffer", MFD_CLOEXEC);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new_joint(4, 1, 8, 0, 0, 4, 1, DRM_FORMAT_RGB565,
                              DRM_FORMAT_MOD_LINEAR, fd, false, false);
    pixman_image_t *image;
    uint32_t *data;

    g_assert_cmpint(write(fd, pixels, sizeof(pixels)), ==, sizeof(pixels));
    image = dmabuf_snapshot_map(dmabuf, &error_abort);
    data = pixman_image_get_data(image);
    g_assert_cmphex(data[0] & 0xffffff, ==, 0xff0000);
    g_assert_cmphex(data[1] & 0xffffff, ==, 0x00ff00);
    g_assert_cmphex(data[2] & 0xffffff, ==, 0x0000ff);
    g_assert_cmphex(data[3] & 0xffffff, ==, 0xffffff);
    pixman_image_unref(image);
    close(fd);
}

/* What a guest can get wrong, and what the CPU cannot read. */
static void test_refused(void)
{
    static const struct {
        uint32_t width, height, stride, x, y, fourcc;
        uint64_t modifier, offset;
    } cases[] = {
        { 32, 33, 128, 0, 0, DRM_FORMAT_XRGB8888 },
        { 32, 32, 128, 0, 1, DRM_FORMAT_XRGB8888 },
        { 32, 32, 128, 1, 0, DRM_FORMAT_XRGB8888 },
        { 32, 32, 127, 0, 0, DRM_FORMAT_XRGB8888 },
        { 32, 32, 128, 0, 0, DRM_FORMAT_XRGB8888, 0, 1 },
        { 32, 32, 128, 0, 0, DRM_FORMAT_XRGB8888, 0, -4096 },
        { 0, 32, 128, 0, 0, DRM_FORMAT_XRGB8888 },
        { 32, 0, 128, 0, 0, DRM_FORMAT_XRGB8888 },
        { 32, 32, 0xffffffff, 0, 0, DRM_FORMAT_XRGB8888 },
        { 32, 32, 128, 0xffffffff, 0, DRM_FORMAT_XRGB8888 },
        { 32, 32, 128, 0, 0xffffffff, DRM_FORMAT_XRGB8888 },
        { 32, 32, 128, 0, 0, DRM_FORMAT_XRGB8888, I915_FORMAT_MOD_X_TILED },
        { 32, 32, 128, 0, 0, DRM_FORMAT_NV12 },
        { 32, 32, 128, 0, 0, 0 },
    };
    int fd = new_memfd(4096);

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(QemuDmaBuf) dmabuf =
            qemu_dmabuf_new_joint(cases[i].width, cases[i].height,
                                  cases[i].stride, cases[i].x, cases[i].y,
                                  cases[i].width, cases[i].height,
                                  cases[i].fourcc, cases[i].modifier, fd, false,
                                  false);
        Error *err = NULL;

        qemu_dmabuf_set_offset(dmabuf, cases[i].offset);
        g_assert_null(dmabuf_snapshot_map(dmabuf, &err));
        error_free_or_abort(&err);
    }
    close(fd);
}

/* --- By OpenGL: a fake one ---------------------------------------------- */

#define PATIENCE_US (60 * G_USEC_PER_SEC)

static const uint32_t gl_pixels[] = {
    0xff112233, 0xff445566, 0, 0xff778899, 0xffaabbcc, 0,
};
static bool gl_refuses, gl_hangs; /* atomic */
static int gl_closes;             /* atomic */

static void *gl_open(const char *render_node, Error **errp)
{
    return &gl_closes;
}

static void gl_close(void *gl)
{
    qatomic_inc(&gl_closes);
}

static void *gl_import(void *gl, QemuDmaBuf *dmabuf, Error **errp)
{
    if (qatomic_read(&gl_refuses)) {
        error_setg(errp, "refused");
        return NULL;
    }
    return dmabuf;
}

static void gl_release(void *gl, void *image)
{
}

static bool gl_begin(void *gl, void *image, unsigned slot,
                     const GLReadbackArea *area, Error **errp)
{
    return true;
}

static bool gl_wait(void *gl, unsigned slot, int ms)
{
    if (qatomic_read(&gl_hangs)) {
        g_usleep(1000);
        return false;
    }
    return true;
}

static bool gl_map(void *gl, unsigned slot, UIPixels *pixels,
                   Error **errp)
{
    *pixels = (UIPixels) {
        (const uint8_t *)gl_pixels, 12, DRM_FORMAT_ARGB8888,
    };
    return true;
}

static void gl_unmap(void *gl, unsigned slot)
{
}

static bool gl_is_lost(void *gl)
{
    return false;
}

static GLReadbackOps gl_ops = {
    .open = gl_open,
    .close = gl_close,
    .import = gl_import,
    .release = gl_release,
    .begin = gl_begin,
    .wait = gl_wait,
    .map = gl_map,
    .unmap = gl_unmap,
    .is_lost = gl_is_lost,
};

typedef struct Snapshot {
    QemuDmaBuf *dmabuf;
    pixman_image_t *image;
    Error *error;
    bool done;
} Snapshot;

static void coroutine_fn take_snapshot(void *opaque)
{
    Snapshot *snapshot = opaque;

    snapshot->image = dmabuf_co_snapshot(snapshot->dmabuf, &snapshot->error);
    snapshot->done = true;
}

static Snapshot snapshot_of(uint64_t modifier, bool upside_down)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;
    int fd = new_memfd(4096);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new_joint(2, 2, 128, 0, 0, 2, 2, DRM_FORMAT_XRGB8888,
                              modifier, fd, false, upside_down);
    Snapshot snapshot = { .dmabuf = dmabuf };

    qemu_coroutine_enter(qemu_coroutine_create(take_snapshot, &snapshot));
    while (!snapshot.done) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        main_loop_wait(true);
        g_usleep(500);
    }
    close(fd);
    return snapshot;
}

/* Of a tiled buffer, which the CPU leaves alone. */
static Snapshot snapshot_tiled(bool upside_down)
{
    return snapshot_of(I915_FORMAT_MOD_X_TILED, upside_down);
}

static void wait_for_close(int closes)
{
    int64_t deadline = g_get_monotonic_time() + PATIENCE_US;

    while (qatomic_read(&gl_closes) < closes) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(500);
    }
}

static void expect_gl_pixels(uint64_t modifier, bool upside_down)
{
    int closes = qatomic_read(&gl_closes);
    Snapshot snapshot;
    uint32_t *data;
    int stride;

    gl_ops.tick_ms = 20000;
    snapshot = snapshot_of(modifier, upside_down);
    g_assert_null(snapshot.error);
    data = pixman_image_get_data(snapshot.image);
    stride = pixman_image_get_stride(snapshot.image) / 4;
    g_assert_cmpint(pixman_image_get_format(snapshot.image), ==,
                    PIXMAN_x8r8g8b8);
    if (upside_down) {
        data += stride;
        stride = -stride;
    }
    g_assert_cmphex(data[0] & 0xffffff, ==, 0x112233);
    g_assert_cmphex(data[1] & 0xffffff, ==, 0x445566);
    g_assert_cmphex(data[stride] & 0xffffff, ==, 0x778899);
    g_assert_cmphex(data[stride + 1] & 0xffffff, ==, 0xaabbcc);
    pixman_image_unref(snapshot.image);
    wait_for_close(closes + 1);
}

static void test_gl(void)
{
    expect_gl_pixels(I915_FORMAT_MOD_X_TILED, false);
}

/* Nothing is known of the layout: it may be tiled, so OpenGL comes first. */
static void test_unknown_layout(void)
{
    expect_gl_pixels(DRM_FORMAT_MOD_INVALID, false);
}

/* OpenGL does not read it: then it is taken for linear. */
static void test_unknown_layout_refused(void)
{
    int closes = qatomic_read(&gl_closes);
    Snapshot snapshot;

    gl_ops.tick_ms = 20000;
    qatomic_set(&gl_refuses, true);
    snapshot = snapshot_of(DRM_FORMAT_MOD_INVALID, false);
    qatomic_set(&gl_refuses, false);
    g_assert_null(snapshot.error);
    expect_pixels(snapshot.image, 0, 128, 2, 2);
    pixman_image_unref(snapshot.image);
    wait_for_close(closes + 1);
}

static void test_gl_upside_down(void)
{
    expect_gl_pixels(I915_FORMAT_MOD_X_TILED, true);
}

static void test_gl_refused(void)
{
    int closes = qatomic_read(&gl_closes);
    Snapshot snapshot;

    gl_ops.tick_ms = 20000;
    qatomic_set(&gl_refuses, true);
    snapshot = snapshot_tiled(false);
    qatomic_set(&gl_refuses, false);
    g_assert_null(snapshot.image);
    g_assert_cmpstr(error_get_pretty(snapshot.error), ==, "refused");
    error_free(snapshot.error);
    wait_for_close(closes + 1);
}

/* A screendump does not wait for ever for a GPU that hangs. */
static void test_gl_hung(void)
{
    int closes = qatomic_read(&gl_closes);
    Snapshot snapshot;

    gl_ops.tick_ms = 2;
    qatomic_set(&gl_hangs, true);
    snapshot = snapshot_tiled(false);
    g_assert_null(snapshot.image);
    g_assert_cmpstr(error_get_pretty(snapshot.error), ==,
                    "OpenGL does not answer");
    error_free(snapshot.error);
    qatomic_set(&gl_hangs, false);
    wait_for_close(closes + 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qemu_init_main_loop(&error_abort);
    gl_readback_register(&gl_ops);

    g_test_add_func("/dmabuf-snapshot/rectangle", test_rectangle);
    g_test_add_func("/dmabuf-snapshot/upside-down", test_upside_down);
    g_test_add_func("/dmabuf-snapshot/format", test_format);
    g_test_add_func("/dmabuf-snapshot/refused", test_refused);
    g_test_add_func("/dmabuf-snapshot/gl", test_gl);
    g_test_add_func("/dmabuf-snapshot/unknown-layout", test_unknown_layout);
    g_test_add_func("/dmabuf-snapshot/unknown-layout-refused",
                    test_unknown_layout_refused);
    g_test_add_func("/dmabuf-snapshot/gl-upside-down", test_gl_upside_down);
    g_test_add_func("/dmabuf-snapshot/gl-refused", test_gl_refused);
    g_test_add_func("/dmabuf-snapshot/gl-hung", test_gl_hung);
    return g_test_run();
}
