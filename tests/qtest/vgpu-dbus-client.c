/*
 * A D-Bus display client that implements Listener, and none of the newer
 * interfaces
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/dbus.h"
#include "qemu/sockets.h"
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include "vgpu-dbus-client.h"

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

static void register_listener(VGPUDBusClient *client)
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
}

void vgpu_dbus_client_open(VGPUDBusClient *client, VGPUMachine *machine)
{
    int pair[2];

    g_assert_cmpint(qemu_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    qtest_qmp_add_client(machine->qts, "@dbus-display", pair[1]);
    client->conn = connect_to(pair[0], G_DBUS_CONNECTION_FLAGS_NONE);
    g_dbus_connection_start_message_processing(client->conn);
    register_listener(client);
    client->skeleton = qemu_dbus_display1_listener_skeleton_new();
}

/* In the connection's own thread */
static GDBusMessage *note_call(GDBusConnection *conn, GDBusMessage *message,
                               gboolean incoming, gpointer opaque)
{
    const char *interface = g_dbus_message_get_interface(message);

    if (incoming && !g_strcmp0(interface, "org.qemu.Display1.Listener")) {
        g_atomic_int_set((int *)opaque, true);
    }
    return message;
}

void vgpu_dbus_client_listen(VGPUDBusClient *client)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    g_autoptr(GError) err = NULL;
    int called = false;
    guint filter;

    g_dbus_interface_skeleton_export(
        G_DBUS_INTERFACE_SKELETON(client->skeleton), client->listener,
        "/org/qemu/Display1/Listener", &err);
    g_assert_no_error(err);
    filter = g_dbus_connection_add_filter(client->listener, note_call,
                                          &called, NULL);
    g_dbus_connection_start_message_processing(client->listener);
    /* QEMU's main loop waits for answers before it shows something */
    while (!g_atomic_int_get(&called)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_main_context_iteration(g_main_context_get_thread_default(), FALSE);
    }
    g_dbus_connection_remove_filter(client->listener, filter);
}

void vgpu_dbus_client_close(VGPUDBusClient *client)
{
    g_clear_object(&client->skeleton);
    g_clear_object(&client->listener);
    g_clear_object(&client->conn);
}
