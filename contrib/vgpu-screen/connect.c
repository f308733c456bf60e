/*
 * Ways to a VM's D-Bus display
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <gio/gunixfdmessage.h>
#include <gio/gunixsocketaddress.h>
#include <sys/socket.h>

#include "connect.h"

GDBusConnection *screen_connect_address(const char *address, Error **errp)
{
    g_autoptr(GError) err = NULL;
    GDBusConnection *bus;

    if (address) {
        bus = g_dbus_connection_new_for_address_sync(
            address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
            G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &err);
    } else {
        bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &err);
    }
    if (!bus) {
        error_setg(errp, "No D-Bus answers at %s: %s",
                   address ?: "the session's address", err->message);
        error_append_hint(errp, "--dbus takes what QEMU's "
                          "-display dbus,addr= has.\n");
        return NULL;
    }
    g_dbus_connection_set_exit_on_close(bus, FALSE);
    return bus;
}

/* What virsh says of the domain, or NULL */
static char *virsh_dumpxml(const char *name, Error **errp)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GSubprocess) virsh = NULL;
    char *said = NULL;

    virsh = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, &err, "virsh",
                             "--quiet", "dumpxml", "--domain", name, NULL);
    if (!virsh || !g_subprocess_communicate_utf8(virsh, NULL, NULL, &said,
                                                 NULL, &err)) {
        error_setg(errp, "virsh cannot be run: %s", err->message);
        error_append_hint(errp, "--vm needs the package libvirt-clients.\n");
        return NULL;
    }
    if (!g_subprocess_get_successful(virsh)) {
        error_setg(errp, "virsh knows no such domain");
        error_append_hint(errp, "LIBVIRT_DEFAULT_URI says whose domains are "
                          "meant: qemu:///system or qemu:///session.\n");
        g_free(said);
        return NULL;
    }
    return said;
}

GDBusConnection *screen_connect_vm(const char *name, Error **errp)
{
    g_autofree char *xml = virsh_dumpxml(name, errp);
    g_autoptr(GRegex) regex = NULL;
    g_autoptr(GMatchInfo) match = NULL;
    g_autofree char *address = NULL;

    if (!xml) {
        return NULL;
    }
    regex = g_regex_new("<graphics type='dbus'[^>]* address='([^']*)'", 0, 0,
                        NULL);
    if (!g_regex_match(regex, xml, 0, &match)) {
        error_setg(errp, "The domain is not running, or has no D-Bus display");
        error_append_hint(errp, "Its XML needs <graphics type='dbus'/>, "
                          "without p2p.\n");
        return NULL;
    }
    address = g_match_info_fetch(match, 1);
    return screen_connect_address(address, errp);
}

/* Reads lines until one that answers a command; events are no answers. */
static bool qmp_answered(GDataInputStream *lines, GError **err)
{
    while (true) {
        g_autofree char *line = g_data_input_stream_read_line(
            lines, NULL, NULL, err);

        if (!line) {
            if (err && !*err) {
                g_set_error(err, G_IO_ERROR, G_IO_ERROR_CLOSED,
                            "QEMU closed the socket");
            }
            return false;
        }
        if (strstr(line, "\"error\"")) {
            g_set_error(err, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", line);
            return false;
        }
        if (strstr(line, "\"return\"") || strstr(line, "\"QMP\"")) {
            return true;
        }
    }
}

/* fd: goes along with it; -1: none */
static bool qmp_command(GSocket *socket, GDataInputStream *lines,
                        const char *command, int fd, GError **err)
{
    GOutputVector vector = { command, strlen(command) };
    g_autoptr(GSocketControlMessage) message = NULL;

    if (fd >= 0) {
        message = g_unix_fd_message_new();
        if (!g_unix_fd_message_append_fd(G_UNIX_FD_MESSAGE(message), fd,
                                         err)) {
            return false;
        }
    }
    return g_socket_send_message(socket, NULL, &vector, 1,
                                 message ? &message : NULL, message ? 1 : 0, 0,
                                 NULL, err) >= 0 &&
           qmp_answered(lines, err);
}

/* QEMU takes that end of a socket pair for its display. */
static bool qmp_add_client(const char *path, int fd, GError **err)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketConnection) connection = NULL;
    g_autoptr(GDataInputStream) lines = NULL;
    GSocket *socket;

    connection = g_socket_client_connect(
        client, G_SOCKET_CONNECTABLE(address), NULL, err);
    if (!connection) {
        return false;
    }
    socket = g_socket_connection_get_socket(connection);
    g_socket_set_timeout(socket, 10);
    lines = g_data_input_stream_new(
        g_io_stream_get_input_stream(G_IO_STREAM(connection)));
    return qmp_answered(lines, err) &&
           qmp_command(socket, lines,
                       "{\"execute\":\"qmp_capabilities\"}\n", -1, err) &&
           qmp_command(socket, lines,
                       "{\"execute\":\"getfd\",\"arguments\":"
                       "{\"fdname\":\"vgpu-screen\"}}\n", fd, err) &&
           qmp_command(socket, lines,
                       "{\"execute\":\"add_client\",\"arguments\":"
                       "{\"protocol\":\"@dbus-display\","
                       "\"fdname\":\"vgpu-screen\"}}\n", -1, err);
}

GDBusConnection *screen_connect_qmp(const char *path, Error **errp)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GSocketConnection) stream = NULL;
    GDBusConnection *qemu = NULL;
    int ends[2];
    bool taken;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        error_setg_errno(errp, errno, "No socket");
        return NULL;
    }
    taken = qmp_add_client(path, ends[1], &err);
    close(ends[1]);
    socket = taken ? g_socket_new_from_fd(ends[0], &err) : NULL;
    if (!socket) {
        close(ends[0]);
    } else {
        stream = g_socket_connection_factory_create_connection(socket);
        qemu = g_dbus_connection_new_sync(
            G_IO_STREAM(stream), NULL,
            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, &err);
    }
    if (!qemu) {
        error_setg(errp, "No VM shows itself through %s: %s", path,
                   err->message);
        error_append_hint(errp, "QEMU needs -display dbus,p2p=yes and -qmp "
                          "unix:PATH,server=on,wait=off, with nobody else on "
                          "that socket.\n");
    }
    return qemu;
}
