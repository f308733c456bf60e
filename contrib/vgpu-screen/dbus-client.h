/*
 * A client of QEMU's D-Bus display: one console's picture and its input
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_DBUS_CLIENT_H
#define VGPU_SCREEN_DBUS_CLIENT_H

#include "qapi/error.h"
#include "screen.h"

typedef struct DBusClient DBusClient;

/* As SendEvent of org.qemu.Display1.MultiTouch has them. */
typedef enum TouchKind {
    TOUCH_BEGIN,
    TOUCH_UPDATE,
    TOUCH_END,
    TOUCH_CANCEL,
} TouchKind;

/**
 * dbus_client_new:
 * @bus: a connection to the bus that QEMU is on, or to QEMU itself
 * @console: which of the VM's consoles
 * @gone: called once, from the main loop, when QEMU has left
 * @opaque: its argument
 * @errp: why there is none, and what to do
 *
 * Returns: the client, or NULL
 */
DBusClient *dbus_client_new(GDBusConnection *bus, unsigned console,
                            void (*gone)(void *opaque), void *opaque,
                            Error **errp);
void dbus_client_free(DBusClient *client);

/**
 * dbus_client_listen:
 * @client: the client
 * @screen: becomes what the console shows; outlives the client
 * @errp: why it does not
 *
 * QEMU asks the new listener what it can do, and the VM stands still until it
 * is answered, by the default main context: run it at once.
 *
 * Returns: whether it is listened to
 */
bool dbus_client_listen(DBusClient *client, Screen *screen, Error **errp);

/**
 * dbus_client_name:
 * @client: the client
 *
 * Returns: the VM's name, for people; the client's.
 */
const char *dbus_client_name(DBusClient *client);

/**
 * dbus_client_size:
 * @client: the client
 * @width: set to the console's width in pixels as QEMU said at first, or to 0
 * @height: likewise
 */
void dbus_client_size(DBusClient *client, int *width, int *height);

/**
 * dbus_client_wish:
 * @client: the client
 * @width_mm: of the monitor or window, in millimetres; 0: unknown
 * @height_mm: likewise
 * @width: in pixels
 * @height: in pixels
 * @refresh_mhz: in thousandths of a hertz; 0: unknown
 *
 * Tells the guest of a monitor of that size. It may do as it likes.
 */
void dbus_client_wish(DBusClient *client, int width_mm, int height_mm,
                      int width, int height, int refresh_mhz);

/* @keycode: a number of QEMU's ("qnum"). */
void dbus_client_key(DBusClient *client, unsigned keycode, bool down);

bool dbus_client_is_absolute(DBusClient *client);

/**
 * dbus_client_point:
 * @client: the client
 * @x: in the picture's pixels
 * @y: likewise
 *
 * Motion that is faster than QEMU answers is joined.
 */
void dbus_client_point(DBusClient *client, unsigned x, unsigned y);
void dbus_client_move(DBusClient *client, int dx, int dy);

/* @button: as org.qemu.Display1.Mouse numbers them. */
void dbus_client_button(DBusClient *client, unsigned button, bool down);
void dbus_client_touch(DBusClient *client, TouchKind kind, unsigned slot,
                       double x, double y);

#endif /* VGPU_SCREEN_DBUS_CLIENT_H */
