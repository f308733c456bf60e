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
#include "standard-headers/drm/drm_fourcc.h"
#include "system/system.h"
#include "ui/dmabuf-snapshot.h"

/* What the files under test expect of the emulator. */
void qemu_add_exit_notifier(Notifier *notify)
{
}

void qemu_remove_exit_notifier(Notifier *notify)
{
}

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

static void expect_pixels(pixman_image_t *image, size_t start, size_t stride,
                          int width, int height)
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
        qemu_dmabuf_new(21, 13, 204, 5, 7, 50, 40, DRM_FORMAT_XRGB8888,
                        DRM_FORMAT_MOD_LINEAR, fd, false, false);
    pixman_image_t *image;

    qemu_dmabuf_set_offset(dmabuf, 36);
    image = dmabuf_snapshot_map(dmabuf, &error_abort);
    expect_pixels(image, 36 + 7 * 204 + 5 * 4, 204, 21, 13);
    pixman_image_unref(image);
    close(fd);
}

/* Other formats are converted. */
static void test_format(void)
{
    static const uint16_t pixels[] = { 0xf800, 0x07e0, 0x001f, 0xffff };
    int fd = memfd_create("buffer", MFD_CLOEXEC);
    g_autoptr(QemuDmaBuf) dmabuf =
        qemu_dmabuf_new(4, 1, 8, 0, 0, 4, 1, DRM_FORMAT_RGB565,
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
            qemu_dmabuf_new(cases[i].width, cases[i].height, cases[i].stride,
                            cases[i].x, cases[i].y, cases[i].width,
                            cases[i].height, cases[i].fourcc,
                            cases[i].modifier, fd, false, false);
        Error *err = NULL;

        qemu_dmabuf_set_offset(dmabuf, cases[i].offset);
        g_assert_null(dmabuf_snapshot_map(dmabuf, &err));
        error_free_or_abort(&err);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dmabuf-snapshot/rectangle", test_rectangle);
    g_test_add_func("/dmabuf-snapshot/format", test_format);
    g_test_add_func("/dmabuf-snapshot/refused", test_refused);
    return g_test_run();
}
