/*
 * A client of QEMU's D-Bus display: one console's picture and its input
 *
 * The picture comes by a connection of its own, on which this side implements
 * org.qemu.Display1.Listener (dbus-listener.c).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <gio/gunixfdlist.h>
#include <sys/socket.h>

#include "ui/dbus-display1.h"

#include "dbus-client.h"
#include "dbus-listener.h"

#define ROOT "/org/qemu/Display1"
#define NAME "org.qemu"

struct DBusClient {
    QemuDBusDisplay1VM *vm;
    QemuDBusDisplay1Console *console;
    QemuDBusDisplay1Keyboard *keyboard;
    QemuDBusDisplay1Mouse *mouse;
    QemuDBusDisplay1MultiTouch *touch;
    DBusListener *listener;
    void (*gone)(void *opaque);
    void *opaque;

    GCancellable *calls;        /* those whose answer is of interest */
    bool in_motion;             /* QEMU has not answered the last one yet */
    bool point_pending;
    unsigned x;
    unsigned y;
    int dx;
    int dy;
};

static void dbus_client_gone(void *opaque)
{
    DBusClient *client = opaque;

    client->gone(client->opaque);
}

static bool dbus_client_find(DBusClient *client, GDBusConnection *bus,
                             unsigned console, Error **errp)
{
    const char *name = g_dbus_connection_get_unique_name(bus) ? NAME : NULL;
    g_autofree char *path = g_strdup_printf(ROOT "/Console_%u", console);
    g_autoptr(GError) err = NULL;

    client->vm = qemu_dbus_display1_vm_proxy_new_sync(
        bus, G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START, name, ROOT "/VM", NULL,
        &err);
    if (!client->vm || !qemu_dbus_display1_vm_get_name(client->vm)) {
        error_setg(errp, "No VM is shown there%s%s", err ? ": " : "",
                   err ? err->message : "");
        error_append_hint(errp, "QEMU needs -display dbus, with addr=ADDRESS "
                          "if not on the session's bus.\n");
        return false;
    }
    client->console = qemu_dbus_display1_console_proxy_new_sync(
        bus, G_DBUS_PROXY_FLAGS_NONE, name, path, NULL, NULL);
    client->keyboard = qemu_dbus_display1_keyboard_proxy_new_sync(
        bus, G_DBUS_PROXY_FLAGS_NONE, name, path, NULL, NULL);
    client->mouse = qemu_dbus_display1_mouse_proxy_new_sync(
        bus, G_DBUS_PROXY_FLAGS_NONE, name, path, NULL, NULL);
    client->touch = qemu_dbus_display1_multi_touch_proxy_new_sync(
        bus, G_DBUS_PROXY_FLAGS_NONE, name, path, NULL, NULL);
    if (!client->console || !client->keyboard || !client->mouse ||
        !client->touch ||
        !qemu_dbus_display1_console_get_type_(client->console)) {
        error_setg(errp, "The VM has no console %u", console);
        error_append_hint(errp, "--console takes 0 for the first one.\n");
        return false;
    }
    return true;
}

bool dbus_client_listen(DBusClient *client, Screen *screen, Error **errp)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    g_autoptr(GError) err = NULL;
    int ends[2];
    bool registered;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        error_setg_errno(errp, errno, "No socket for the picture");
        return false;
    }
    g_unix_fd_list_append(fds, ends[1], NULL);
    close(ends[1]);
    registered = qemu_dbus_display1_console_call_register_listener_sync(
        client->console, g_variant_new_handle(0), G_DBUS_CALL_FLAGS_NONE, -1,
        fds, NULL, NULL, &err);
    if (!registered) {
        error_setg(errp, "QEMU takes no listener: %s", err->message);
        close(ends[0]);
        return false;
    }
    client->listener = dbus_listener_new(ends[0], screen, dbus_client_gone,
                                         client, errp);
    return client->listener != NULL;
}

DBusClient *dbus_client_new(GDBusConnection *bus, unsigned console,
                            void (*gone)(void *opaque), void *opaque,
                            Error **errp)
{
    DBusClient *client = g_new0(DBusClient, 1);

    client->gone = gone;
    client->opaque = opaque;
    client->calls = g_cancellable_new();
    if (!dbus_client_find(client, bus, console, errp)) {
        dbus_client_free(client);
        return NULL;
    }
    return client;
}

void dbus_client_free(DBusClient *client)
{
    if (!client) {
        return;
    }
    g_cancellable_cancel(client->calls);
    g_clear_object(&client->calls);
    dbus_listener_free(client->listener);
    g_clear_object(&client->touch);
    g_clear_object(&client->mouse);
    g_clear_object(&client->keyboard);
    g_clear_object(&client->console);
    g_clear_object(&client->vm);
    g_free(client);
}

const char *dbus_client_name(DBusClient *client)
{
    return qemu_dbus_display1_vm_get_name(client->vm);
}

void dbus_client_size(DBusClient *client, int *width, int *height)
{
    guint w = qemu_dbus_display1_console_get_width(client->console);
    guint h = qemu_dbus_display1_console_get_height(client->console);

    *width = MIN(w, SCREEN_MAX_SIZE);
    *height = MIN(h, SCREEN_MAX_SIZE);
}

/* Nobody waits for the answer; a QEMU that has no such method says so. */
static void tell(void *proxy, const char *method, GVariant *arguments)
{
    g_dbus_proxy_call(G_DBUS_PROXY(proxy), method, arguments,
                      G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
}

void dbus_client_wish(DBusClient *client, int width_mm, int height_mm,
                      int width, int height, int refresh_mhz)
{
    tell(client->console, "SetRefreshRate", g_variant_new("(u)", refresh_mhz));
    tell(client->console, "SetUIInfo",
         g_variant_new("(qqiiuu)", CLAMP(width_mm, 0, UINT16_MAX),
                       CLAMP(height_mm, 0, UINT16_MAX), 0, 0, width, height));
}

static void dbus_client_send_motion(DBusClient *client);

static void dbus_client_motion_answered(GObject *source, GAsyncResult *res,
                                        gpointer opaque)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_proxy_call_finish(G_DBUS_PROXY(source), res, &err);
    DBusClient *client = opaque;

    if (g_error_matches(err, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        return;                 /* and the client is gone */
    }
    client->in_motion = false;
    dbus_client_send_motion(client);
}

static void dbus_client_send_motion(DBusClient *client)
{
    const char *method;
    GVariant *arguments;

    if (client->in_motion) {
        return;
    }
    if (client->point_pending) {
        client->point_pending = false;
        method = "SetAbsPosition";
        arguments = g_variant_new("(uu)", client->x, client->y);
    } else if (client->dx || client->dy) {
        method = "RelMotion";
        arguments = g_variant_new("(ii)", client->dx, client->dy);
        client->dx = client->dy = 0;
    } else {
        return;
    }
    client->in_motion = true;
    g_dbus_proxy_call(G_DBUS_PROXY(client->mouse), method, arguments,
                      G_DBUS_CALL_FLAGS_NONE, -1, client->calls,
                      dbus_client_motion_answered, client);
}

/* Before a button: QEMU gets what is sent in that order. */
static void dbus_client_flush_motion(DBusClient *client)
{
    client->in_motion = false;
    dbus_client_send_motion(client);
}

void dbus_client_key(DBusClient *client, unsigned keycode, bool down)
{
    tell(client->keyboard, down ? "Press" : "Release",
         g_variant_new("(u)", keycode));
}

bool dbus_client_is_absolute(DBusClient *client)
{
    return qemu_dbus_display1_mouse_get_is_absolute(client->mouse);
}

void dbus_client_point(DBusClient *client, unsigned x, unsigned y)
{
    client->point_pending = true;
    client->x = x;
    client->y = y;
    dbus_client_send_motion(client);
}

void dbus_client_move(DBusClient *client, int dx, int dy)
{
    client->dx += dx;
    client->dy += dy;
    dbus_client_send_motion(client);
}

void dbus_client_button(DBusClient *client, unsigned button, bool down)
{
    dbus_client_flush_motion(client);
    tell(client->mouse, down ? "Press" : "Release",
         g_variant_new("(u)", button));
}

void dbus_client_touch(DBusClient *client, TouchKind kind, unsigned slot,
                       double x, double y)
{
    tell(client->touch, "SendEvent",
         g_variant_new("(utdd)", kind, (guint64)slot, x, y));
}
