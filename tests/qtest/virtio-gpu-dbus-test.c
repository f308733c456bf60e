/*
 * A D-Bus client that knows of no rectangles, and a virtio-gpu's head that is
 * one in a larger texture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/dbus.h"
#include "qemu/sockets.h"
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include "ui/dbus-display1.h"
#include "virtio-gpu-driver.h"

/* A client that implements Listener, and none of the newer interfaces. */
typedef struct Client {
    GDBusConnection *conn;
    GDBusConnection *listener;
    QemuDBusDisplay1Listener *skeleton;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    GVariant *pixels;   /* x8r8g8b8 */
} Client;

static GDBusConnection *connect_to(int fd, GDBusConnectionFlags flags)
{
    g_autoptr(GSocketConnection) stream = NULL;
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GError) err = NULL;
    GDBusConnection *conn;

    socket = g_socket_new_from_fd(fd, &err);
    g_assert_no_error(err);
    stream = g_socket_connection_factory_create_connection(socket);
    conn = g_dbus_connection_new_sync(
        G_IO_STREAM(stream), NULL,
        flags | G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
        G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING, NULL, NULL, &err);
    g_assert_no_error(err);
    return conn;
}

static gpointer connect_listener(gpointer fd)
{
    return connect_to(GPOINTER_TO_INT(fd), G_DBUS_CONNECTION_FLAGS_NONE);
}

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

static void client_listen(Client *client)
{
    QemuDBusDisplay1Console *console;
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    g_autoptr(GError) err = NULL;
    GThread *thread;
    int pair[2];

    g_assert_cmpint(qemu_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    thread = g_thread_new(NULL, connect_listener, GINT_TO_POINTER(pair[0]));
    console = qemu_dbus_display1_console_proxy_new_sync(
        client->conn, G_DBUS_PROXY_FLAGS_NONE, NULL,
        "/org/qemu/Display1/Console_0", NULL, &err);
    g_assert_no_error(err);
    g_unix_fd_list_append(fds, pair[1], &err);
    g_assert_no_error(err);
    close(pair[1]);
    qemu_dbus_display1_console_call_register_listener_sync(
        console, g_variant_new_handle(0), G_DBUS_CALL_FLAGS_NONE, -1, fds,
        NULL, NULL, &err);
    g_assert_no_error(err);
    g_object_unref(console);
    client->listener = g_thread_join(thread);
    client->skeleton = qemu_dbus_display1_listener_skeleton_new();
    g_signal_connect(client->skeleton, "handle-scanout",
                     G_CALLBACK(on_scanout), client);
    g_dbus_interface_skeleton_export(
        G_DBUS_INTERFACE_SKELETON(client->skeleton), client->listener,
        "/org/qemu/Display1/Listener", &err);
    g_assert_no_error(err);
    g_dbus_connection_start_message_processing(client->listener);
}

static void client_open(Client *client, VirtioGPU *gpu)
{
    int pair[2];

    g_assert_cmpint(qemu_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    qtest_qmp_add_client(gpu->machine->qts, "@dbus-display", pair[1]);
    client->conn = connect_to(pair[0], G_DBUS_CONNECTION_FLAGS_NONE);
    g_dbus_connection_start_message_processing(client->conn);
    client_listen(client);
}

static void client_close(Client *client)
{
    g_clear_pointer(&client->pixels, g_variant_unref);
    g_clear_object(&client->skeleton);
    g_clear_object(&client->listener);
    g_clear_object(&client->conn);
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
