/*
 * What viewers are told of the dma-bufs of virtio-gpu's blobs
 *
 * A fake console stands in for the viewers, so that neither a GPU nor
 * /dev/udmabuf is needed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/console.h"
#include "ui/dmabuf.h"

/* --- A fake console, and no memory of a guest's -------------------------- */

static QemuDmaBuf *shown;

void qemu_console_resize(QemuConsole *con, int width, int height)
{
}

void dpy_gl_scanout_dmabuf(QemuConsole *con, QemuDmaBuf *dmabuf)
{
    shown = dmabuf;
}

void dpy_gl_release_dmabuf(QemuConsole *con, QemuDmaBuf *dmabuf)
{
    g_assert_true(dmabuf != shown);
}

int udmabuf_fd(void)
{
    return -1;
}

RAMBlock *qemu_ram_block_from_host(void *ptr, bool round_offset,
                                   ram_addr_t *offset)
{
    g_assert_not_reached();
}

bool qemu_ram_is_shared(RAMBlock *rb)
{
    g_assert_not_reached();
}

/* --- Tests ---------------------------------------------------------------- */

/* Linear where it is the guest's memory; else its GPU's driver knows. */
static void test_modifier(void)
{
    static const struct {
        const char *what;
        bool guest_memory;
        uint64_t modifier;
    } cases[] = {
        { "the guest's memory", true, DRM_FORMAT_MOD_LINEAR },
        { "a buffer of the GPU's driver", false, DRM_FORMAT_MOD_INVALID },
        { "the guest's memory again", true, DRM_FORMAT_MOD_LINEAR },
    };
    g_autofree VirtIOGPU *g = g_new0(VirtIOGPU, 1);
    struct virtio_gpu_framebuffer fb = {
        .format = PIXMAN_x8r8g8b8,
        .width = 64,
        .height = 32,
        .stride = 256,
    };
    struct virtio_gpu_rect rect = { .width = 64, .height = 32 };
    uint8_t memory;

    QTAILQ_INIT(&g->dmabuf.bufs);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        struct virtio_gpu_simple_resource res = { .dmabuf_fd = 0 };

        if (cases[i].guest_memory) {
            res.remapped = &memory;
        }
        g_test_message("%s", cases[i].what);
        g_assert_cmpint(virtio_gpu_update_dmabuf(g, 0, &res, &fb, &rect),
                        ==, 0);
        g_assert_cmphex(qemu_dmabuf_get_modifier(shown), ==,
                        cases[i].modifier);
    }
    qemu_dmabuf_free(shown);
    g_free(g->dmabuf.primary[0]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-gpu-dmabuf/modifier", test_modifier);
    return g_test_run();
}
