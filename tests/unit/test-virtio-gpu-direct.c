/*
 * Which of a virtio-gpu's resources are shown where the guest has them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu-direct.h"

/* What is needed, and one fact that differs */
#define GOOD .fences = true, .takes_dmabuf = true

static const struct {
    const char *name;
    VirtIOGPUDirectFacts facts;
    const char *why; /* the first words; NULL: direct */
} cases[] = {
    { "flips-and-waits", { GOOD }, NULL },
    { "off", { GOOD, .off = true }, "x-dmabuf-2d=off" },
    /* what a Linux guest does: flips, and does not wait */
    { "no-fences", { .takes_dmabuf = true }, "the guest does not wait" },
    { "front-buffer", { GOOD, .front = true }, "the guest draws" },
    { "always", { .takes_dmabuf = true, .always = true }, NULL },
    { "always-in-front", { .takes_dmabuf = true, .always = true,
                           .front = true }, NULL },
    { "ram-not-shared", { GOOD, .no_buffer = true }, "no dma-buf" },
    { "always-not-shared", { GOOD, .always = true, .no_buffer = true },
      "no dma-buf" },
    { "moved", { GOOD, .moved = true }, "its pixels" },
    { "always-moved", { GOOD, .always = true, .moved = true }, "its pixels" },
    { "nobody", { .fences = true }, "no viewer" },
    { "vnc-only", { .fences = true, .wants_pixels = true }, "no viewer" },
    { "vnc-beside", { GOOD, .wants_pixels = true }, "a viewer shows pixels" },
    { "always-vnc", { GOOD, .always = true, .wants_pixels = true },
      "a viewer shows pixels" },
};

static void test_why(gconstpointer opaque)
{
    unsigned i = GPOINTER_TO_UINT(opaque);
    const char *why = virtio_gpu_copied_because(&cases[i].facts);

    g_assert_cmpint(why == NULL, ==, cases[i].why == NULL);
    if (why) {
        g_assert_true(g_str_has_prefix(why, cases[i].why));
    }
}

static void test_pages(void)
{
    uintptr_t page = qemu_real_host_page_size();
#define PART(start, len) { (void *)(page * (start)), page * (len) }
    struct iovec whole[] = { PART(7, 1), PART(3, 4) };
    struct iovec late[] = { PART(7, 1), { (void *)(page * 3 + 8), page } };
    struct iovec cut[] = { PART(7, 1), { (void *)(page * 3), page - 8 } };
    struct iovec empty[] = { PART(7, 0) };

    g_assert_true(virtio_gpu_pages_are_whole(whole, 2, 5 * page));
    g_assert_true(virtio_gpu_pages_are_whole(whole, 2, 4 * page + 1));
    g_assert_false(virtio_gpu_pages_are_whole(whole, 2, 5 * page + 1));
    g_assert_false(virtio_gpu_pages_are_whole(whole, 2, UINT64_MAX));
    g_assert_false(virtio_gpu_pages_are_whole(late, 2, page));
    g_assert_false(virtio_gpu_pages_are_whole(cut, 2, page));
    g_assert_false(virtio_gpu_pages_are_whole(empty, 1, 1));
    g_assert_false(virtio_gpu_pages_are_whole(NULL, 0, 0));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path =
            g_strdup_printf("/virtio-gpu-direct/%s", cases[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_why);
    }
    g_test_add_func("/virtio-gpu-direct/pages", test_pages);
    return g_test_run();
}
