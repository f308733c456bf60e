/*
 * Copies of dma-bufs for renderers that must not meet what can vanish
 *
 * A memfd stands in for the dma-buf. A SIGBUS would end the test.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/dma-buf.h>
#include "qapi/error.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/dmabuf-copy.h"
#include "ui/dmabuf-map.h"

#define PAGES 5

static size_t page;
/* What the kernel says to DMA_BUF_IOCTL_SYNC, and how often it was called. */
static int sync_error = ENOTTY;
static unsigned syncs;

/* In the place of the C library's: files here are no dma-bufs. */
int ioctl(int fd, unsigned long request, ...)
{
    errno = ENOTTY;
    if (request == DMA_BUF_IOCTL_SYNC) {
        syncs++;
        errno = sync_error;
    }
    return -1;
}

static uint8_t byte_at(size_t place, unsigned frame)
{
    return place * 7 + place / 251 + frame * 13;
}

static void fill(int fd, size_t size, unsigned frame)
{
    g_autofree uint8_t *data = g_malloc(size);

    for (size_t i = 0; i < size; i++) {
        data[i] = byte_at(i, frame);
    }
    g_assert_cmpint(pwrite(fd, data, size, 0), ==, size);
}

static int new_memfd(size_t size)
{
    int fd = memfd_create("buffer", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    fill(fd, size, 0);
    return fd;
}

/* One row for each page, from the second page on; the last ones are shown. */
#define FIRST_ROW 2
#define ROWS (PAGES - 1 - FIRST_ROW)

static QemuDmaBuf *new_dmabuf(int fd)
{
    QemuDmaBuf *dmabuf =
        qemu_dmabuf_new_joint(page / 4, ROWS, page, 1, FIRST_ROW, page / 4,
                              PAGES - 1, DRM_FORMAT_RGB565,
                              DRM_FORMAT_MOD_LINEAR, fd, false, true);

    qemu_dmabuf_set_offset(dmabuf, page);
    return dmabuf;
}

static void expect_row(DmaBufCopy *copy, unsigned row, unsigned frame)
{
    int fd = qemu_dmabuf_get_fd(dmabuf_copy_get(copy));
    g_autofree uint8_t *data = g_malloc(page);
    size_t at = (1 + FIRST_ROW + row) * page;

    g_assert_cmpint(pread(fd, data, page, at), ==, page);
    for (size_t i = 0; i < page; i++) {
        g_assert_cmpint(data[i], ==, byte_at(at + i, frame));
    }
}

static void expect_frame(DmaBufCopy *copy, unsigned frame)
{
    for (unsigned row = 0; row < ROWS; row++) {
        expect_row(copy, row, frame);
    }
}

static void test_frames(void)
{
    int fd = new_memfd(PAGES * page);
    g_autoptr(QemuDmaBuf) dmabuf = new_dmabuf(fd);
    DmaBufCopy *copy = dmabuf_copy_new(dmabuf, &error_abort);
    QemuDmaBuf *got = dmabuf_copy_get(copy);

    g_assert_cmpint(qemu_dmabuf_get_fd(got), !=, fd);
    g_assert_cmpint(qemu_dmabuf_get_width(got), ==, page / 4);
    g_assert_cmpint(qemu_dmabuf_get_height(got), ==, ROWS);
    g_assert_cmpint(qemu_dmabuf_get_backing_height(got), ==, PAGES - 1);
    g_assert_cmpint(qemu_dmabuf_get_stride(got), ==, page);
    g_assert_cmpint(qemu_dmabuf_get_offset(got), ==, page);
    g_assert_cmpint(qemu_dmabuf_get_x(got), ==, 1);
    g_assert_cmpint(qemu_dmabuf_get_y(got), ==, FIRST_ROW);
    g_assert_cmpint(qemu_dmabuf_get_fourcc(got), ==, DRM_FORMAT_RGB565);
    g_assert_true(qemu_dmabuf_get_y0_top(got));

    for (unsigned frame = 1; frame < 4; frame++) {
        fill(fd, PAGES * page, frame);
        g_assert_true(dmabuf_copy_update(copy, 0, ROWS, &error_abort));
        expect_frame(copy, frame);
    }
    dmabuf_copy_free(copy);
    close(fd);
}

/* Some rows, and not a byte more: the rest may be gone. */
static void test_rows(void)
{
    int fd = new_memfd(PAGES * page);
    g_autoptr(QemuDmaBuf) dmabuf = new_dmabuf(fd);
    DmaBufCopy *copy = dmabuf_copy_new(dmabuf, &error_abort);
    Error *err = NULL;

    g_assert_true(dmabuf_copy_update(copy, 0, ROWS, &error_abort));
    fill(fd, PAGES * page, 1);
    g_assert_true(dmabuf_copy_update(copy, 1, 1, &error_abort));
    expect_row(copy, 0, 0);
    expect_row(copy, 1, 1);

    fill(fd, PAGES * page, 2);
    g_assert_cmpint(ftruncate(fd, (PAGES - 1) * page), ==, 0);
    g_assert_true(dmabuf_copy_update(copy, 0, 1, &error_abort));
    expect_row(copy, 0, 2);
    expect_row(copy, 1, 1);
    g_assert_false(dmabuf_copy_update(copy, 1, 1, &err));
    error_free_or_abort(&err);
    dmabuf_copy_free(copy);
    close(fd);
}

/* The buffer shrinks after it was checked; and is whole again. */
static void test_vanishes(void)
{
    int fd = new_memfd(PAGES * page);
    g_autoptr(QemuDmaBuf) dmabuf = new_dmabuf(fd);
    DmaBufCopy *copy = dmabuf_copy_new(dmabuf, &error_abort);

    for (int pages = 0; pages < PAGES; pages++) {
        Error *err = NULL;

        g_assert_cmpint(ftruncate(fd, pages * page), ==, 0);
        g_assert_false(dmabuf_copy_update(copy, 0, ROWS, &err));
        g_assert_cmpstr(error_get_pretty(err), ==,
                        "the buffer went away while it was read");
        error_free(err);
    }
    fill(fd, PAGES * page, 9);
    g_assert_true(dmabuf_copy_update(copy, 0, ROWS, &error_abort));
    expect_frame(copy, 9);
    dmabuf_copy_free(copy);
    close(fd);
}

static void test_refused(void)
{
    int fd = new_memfd(PAGES * page - 1);
    g_autoptr(QemuDmaBuf) dmabuf = new_dmabuf(fd);
    Error *err = NULL;

    g_assert_null(dmabuf_copy_new(dmabuf, &err));
    error_free_or_abort(&err);
    qemu_dmabuf_set_offset(dmabuf, UINT64_MAX - page);
    g_assert_null(dmabuf_copy_new(dmabuf, &err));
    error_free_or_abort(&err);
    close(fd);
}

/*
 * A pipe stands in for a buffer with a fence that may never be signalled: both
 * are readable when there is something. Nothing here may wait for that, or
 * the test does not end.
 */
static void test_fence(void)
{
    int fds[2];
    char byte = 0;

    g_assert_cmpint(pipe(fds), ==, 0);
    g_assert_false(dmabuf_sync_read_begin(fds[0]));
    dmabuf_wait_for_writers(fds[0], 1);
    g_assert_false(dmabuf_sync_read_begin(fds[0]));

    g_assert_cmpint(write(fds[1], &byte, 1), ==, 1);
    dmabuf_wait_for_writers(fds[0], -1);
    g_assert_true(dmabuf_sync_read_begin(fds[0]));
    dmabuf_sync_read_end(fds[0]);
    close(fds[0]);
    close(fds[1]);
}

/* A driver that says for ever to ask again: the buffer is read all the same. */
static void test_sync_again(void)
{
    static const int errors[] = { EAGAIN, EINTR };
    int fd = new_memfd(page);

    for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
        sync_error = errors[i];
        syncs = 0;
        g_assert_true(dmabuf_sync_read_begin(fd));
        g_assert_cmpuint(syncs, >, 1);
        syncs = 0;
        dmabuf_sync_read_end(fd);
        g_assert_cmpuint(syncs, >, 1);
    }
    sync_error = ENOTTY;
    syncs = 0;
    g_assert_true(dmabuf_sync_read_begin(fd));
    g_assert_cmpuint(syncs, ==, 1);
    dmabuf_sync_read_end(fd);
    close(fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    page = qemu_real_host_page_size();
    g_test_add_func("/dmabuf-copy/frames", test_frames);
    g_test_add_func("/dmabuf-copy/rows", test_rows);
    g_test_add_func("/dmabuf-copy/vanishes", test_vanishes);
    g_test_add_func("/dmabuf-copy/refused", test_refused);
    g_test_add_func("/dmabuf-copy/fence", test_fence);
    g_test_add_func("/dmabuf-copy/sync-again", test_sync_again);
    return g_test_run();
}
