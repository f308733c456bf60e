/*
 * The listener of QEMU's D-Bus display: what a console shows
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_DBUS_LISTENER_H
#define VGPU_SCREEN_DBUS_LISTENER_H

#include "qapi/error.h"
#include "screen.h"

typedef struct DBusListener DBusListener;

/**
 * dbus_listener_new:
 * @fd: the socket whose other end QEMU has; consumed
 * @screen: becomes what the console shows
 * @closed: called from the main loop when QEMU has closed it
 * @opaque: its argument
 * @errp: why there is none
 *
 * Returns: the listener, or NULL
 */
DBusListener *dbus_listener_new(int fd, Screen *screen,
                                void (*closed)(void *opaque), void *opaque,
                                Error **errp);
void dbus_listener_free(DBusListener *listener);

#endif /* VGPU_SCREEN_DBUS_LISTENER_H */
