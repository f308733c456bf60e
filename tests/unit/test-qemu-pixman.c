/*
 * Images in memory that can be shared
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/memfd.h"
#include "qemu/units.h"
#include "ui/qemu-pixman.h"

/* More bytes than 32 bits count; few of them are touched. */
static void test_large(void)
{
    const int height = 16 * KiB, stride = 256 * KiB + 4;
    const size_t size = (size_t)height * stride;
    pixman_image_t *image = NULL;
    uint8_t *last;
    struct stat st;
    void *probe;
    int fd = -1;

    probe = sizeof(size_t) < 8 ? NULL
        : qemu_memfd_alloc("probe", size, 0, &fd, NULL);
    if (!probe) {
        g_test_skip("this host gives nobody so much memory");
        return;
    }
    qemu_memfd_free(probe, size, fd);

    g_assert_true(qemu_pixman_image_new_shareable(&image, &fd, "test",
                                                  PIXMAN_x8r8g8b8, 1, height,
                                                  stride, &error_abort));
    g_assert_cmpint(fstat(fd, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, size);
    last = (uint8_t *)pixman_image_get_data(image) + size - stride;
    *last = 1;
    g_assert_cmpint(*last, ==, 1);
    qemu_pixman_image_unref(image);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu-pixman/large", test_large);
    return g_test_run();
}
