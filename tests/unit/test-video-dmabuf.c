/*
 * A guest's dma-buf on its way to a video encoder: a memfd stands for it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/memfd.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/video-dmabuf.h"

#define WIDTH 64
#define HEIGHT 48
#define STRIDE 256

typedef struct DmabufCase {
    const char *name;
    uint32_t x, width, backing_width, stride;
    uint64_t modifier, offset;
    size_t size;
    bool y0_top;
    bool taken;
} DmabufCase;

static const DmabufCase dmabuf_cases[] = {
    { "whole", 0, WIDTH, WIDTH, STRIDE, 0, 0, STRIDE * HEIGHT, false, true },
    { "larger", 0, WIDTH, WIDTH, STRIDE, 0, 0, 1 << 20, false, true },
    { "padded", 0, WIDTH, WIDTH, 512, 0, 0, 512 * HEIGHT, false, true },
    { "tiled", 0, WIDTH, WIDTH, STRIDE, I915_FORMAT_MOD_X_TILED, 0,
      STRIDE * HEIGHT, false, true },
    { "unknown-layout", 0, WIDTH, WIDTH, STRIDE, DRM_FORMAT_MOD_INVALID, 0,
      STRIDE * HEIGHT, false, false },
    { "a-part", 0, WIDTH, 2 * WIDTH, 512, 0, 0, 512 * HEIGHT, false, false },
    { "right-half", WIDTH, WIDTH, WIDTH, STRIDE, 0, 0, 1 << 20, false,
      false },
    { "offset", 0, WIDTH, WIDTH, STRIDE, 0, 4096, 1 << 20, false, false },
    { "upside-down", 0, WIDTH, WIDTH, STRIDE, 0, 0, 1 << 20, true, false },
    { "too-small", 0, WIDTH, WIDTH, STRIDE, 0, 0, STRIDE * (HEIGHT - 1),
      false, false },
};

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void check_taken(VideoDmabuf *video, const DmabufCase *c)
{
    int fd = video->fd;

    g_assert_cmpint(video->width, ==, WIDTH);
    g_assert_cmpint(video->height, ==, HEIGHT);
    g_assert_cmpuint(video->stride, ==, c->stride);
    g_assert_cmpuint(video->size, ==, c->size);
    g_assert_cmphex(video->format.modifier, ==, c->modifier);
    g_assert_true(video_dmabuf_ref(video) == video);
    video_dmabuf_unref(video);
    g_assert_true(is_open(fd));
    video_dmabuf_unref(video);
    g_assert_false(is_open(fd));
}

static void test_dmabuf(const void *opaque)
{
    const DmabufCase *c = opaque;
    int fd = qemu_memfd_create("buffer", c->size, false, 0, 0, &error_abort);
    QemuDmaBuf *buffer =
        qemu_dmabuf_new_joint(c->width, HEIGHT, c->stride, c->x, 0,
                              c->backing_width, HEIGHT, DRM_FORMAT_XRGB8888,
                              c->modifier, fd, false, c->y0_top);
    VideoDmabuf *video;
    Error *err = NULL;

    if (c->offset) {
        qemu_dmabuf_set_offset(buffer, c->offset);
    }
    video = video_dmabuf_new(buffer, &err);
    qemu_dmabuf_free(buffer);
    close(fd);
    g_assert_cmpint(video != NULL, ==, c->taken);
    if (video) {
        check_taken(video, c);
    } else {
        g_test_message("%s", error_get_pretty(err));
        error_free(err);
    }
}

/* Two descriptors of one buffer are the same; two buffers are not. */
static void test_inode(void)
{
    VideoDmabuf *video[3];
    int fd[2];

    for (int i = 0; i < 2; i++) {
        fd[i] = qemu_memfd_create("buffer", STRIDE * HEIGHT, false, 0, 0,
                                  &error_abort);
    }
    for (int i = 0; i < 3; i++) {
        QemuDmaBuf *buffer =
            qemu_dmabuf_new_joint(WIDTH, HEIGHT, STRIDE, 0, 0, WIDTH, HEIGHT,
                                  DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR,
                                  fd[i % 2], false, false);

        video[i] = video_dmabuf_new(buffer, &error_abort);
        qemu_dmabuf_free(buffer);
    }
    g_assert_cmpuint(video[0]->inode, ==, video[2]->inode);
    g_assert_cmpuint(video[0]->inode, !=, video[1]->inode);
    for (int i = 0; i < 3; i++) {
        video_dmabuf_unref(video[i]);
    }
    close(fd[0]);
    close(fd[1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(dmabuf_cases); i++) {
        g_autofree char *path = g_strdup_printf("/video-dmabuf/%s",
                                                dmabuf_cases[i].name);

        g_test_add_data_func(path, &dmabuf_cases[i], test_dmabuf);
    }
    g_test_add_func("/video-dmabuf/inode", test_inode);
    return g_test_run();
}
