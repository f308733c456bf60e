/*
 * A D-Bus client that knows of no rectangles, and a virtio-gpu's head that is
 * one in a larger texture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/dbus.h"
#include "vgpu-dbus-client.h"
#include "virtio-gpu-driver.h"

typedef struct Client {
    VGPUDBusClient dbus;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    GVariant *pixels;   /* x8r8g8b8 */
} Client;

static gboolean on_scanout(QemuDBusDisplay1Listener *listener,
                           GDBusMethodInvocation *invocation,
                           guint width, guint height, guint stride,
                           guint format, GVariant *data, Client *client)
{
    client->width = width;
    client->height = height;
    client->stride = stride;
    g_clear_pointer(&client->pixels, g_variant_unref);
    client->pixels = g_variant_ref(data);
    qemu_dbus_display1_listener_complete_scanout(listener, invocation);
    return DBUS_METHOD_INVOCATION_HANDLED;
}

static void client_open(Client *client, VirtioGPU *gpu)
{
    vgpu_dbus_client_open(&client->dbus, gpu->machine);
    g_signal_connect(client->dbus.skeleton, "handle-scanout",
                     G_CALLBACK(on_scanout), client);
    vgpu_dbus_client_listen(&client->dbus);
}

static void client_close(Client *client)
{
    g_clear_pointer(&client->pixels, g_variant_unref);
    vgpu_dbus_client_close(&client->dbus);
}

/* Has the client the part of @picture that @rect is? */
static bool client_shows(const Client *client, const VGPUPicture *picture,
                         const struct virtio_gpu_rect *rect)
{
    const uint8_t *pixels;
    gsize size;

    if (!client->pixels || client->width != rect->width ||
        client->height != rect->height) {
        return false;
    }
    pixels = g_variant_get_fixed_array(client->pixels, &size, 1);
    g_assert_cmpuint(size, >=, (client->height - 1) * client->stride +
                     4 * client->width);
    for (uint32_t y = 0; y < rect->height; y++) {
        const uint8_t *want = picture->rgb +
            3 * ((rect->y + y) * picture->width + rect->x);
        const uint8_t *got = pixels + y * client->stride;

        for (uint32_t x = 0; x < rect->width; x++, want += 3, got += 4) {
            if (want[0] != got[2] || want[1] != got[1] || want[2] != got[0]) {
                return false;
            }
        }
    }
    return true;
}

static void test_rectangle(const void *flags)
{
    const struct virtio_gpu_rect rect = { 40, 30, 200, 100 };
    const struct virtio_gpu_rect all = { 0, 0, 320, 240 };
    VirtioGPU *gpu = virtio_gpu_start("virtio-gpu-gl-pci", "dbus,p2p=on,gl=on");
    VirtioGPUMemory memory =
        virtio_gpu_alloc(gpu, 4 * all.width * all.height, 1);
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    Client client = { 0 };

    client_open(&client, gpu);
    virtio_gpu_create_3d(gpu, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, all.width,
                         all.height, GPOINTER_TO_UINT(flags));
    virtio_gpu_attach_backing(gpu, 1, &memory);
    virtio_gpu_set_scanout(gpu, 1, rect);
    for (uint32_t seed = 1; seed < 4; seed++) {
        g_autoptr(VGPUPicture) picture =
            vgpu_picture_draw(all.width, all.height, seed);
        g_autofree uint8_t *packed =
            vgpu_picture_pack(picture, vgpu_format_find(DRM_FORMAT_XRGB8888),
                              4 * all.width);

        virtio_gpu_write(gpu, &memory, 0, packed, memory.size);
        virtio_gpu_transfer_3d(gpu, 1, all.width, all.height);
        virtio_gpu_flush(gpu, 1, rect);
        while (!client_shows(&client, picture, &rect)) {
            g_assert_cmpint(g_get_monotonic_time(), <, deadline);
            g_main_context_iteration(NULL, FALSE);
        }
    }
    client_close(&client);
    virtio_gpu_stop(gpu);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (g_getenv("VGPU_TEST_GL") && qtest_has_device("virtio-gpu-gl-pci")) {
        qtest_add_data_func("virtio-gpu/dbus/rectangle", NULL,
                            test_rectangle);
        qtest_add_data_func("virtio-gpu/dbus/rectangle-y0-top",
                            GUINT_TO_POINTER(VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP),
                            test_rectangle);
    }
    return g_test_run();
}
