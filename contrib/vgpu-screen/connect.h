/*
 * Ways to a VM's D-Bus display
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_CONNECT_H
#define VGPU_SCREEN_CONNECT_H

#include <gio/gio.h>

#include "qapi/error.h"

/**
 * screen_connect_address:
 * @address: of a bus that QEMU is on; NULL: the session's
 * @errp: why there is none, and what to do
 *
 * Returns: a connection, or NULL
 */
GDBusConnection *screen_connect_address(const char *address, Error **errp);

/**
 * screen_connect_vm:
 * @name: a domain of libvirt's, as virsh names it
 * @errp: why there is none, and what to do
 *
 * Returns: a connection to the bus that libvirt made for it, or NULL
 */
GDBusConnection *screen_connect_vm(const char *name, Error **errp);

/**
 * screen_connect_qmp:
 * @path: of a QMP socket of QEMU's with -display dbus,p2p=yes
 * @errp: why there is none, and what to do
 *
 * Returns: a connection to QEMU itself, or NULL
 */
GDBusConnection *screen_connect_qmp(const char *path, Error **errp);

#endif /* VGPU_SCREEN_CONNECT_H */
