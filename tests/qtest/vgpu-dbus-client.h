/*
 * A D-Bus display client that implements Listener, and none of the newer
 * interfaces
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VGPU_DBUS_CLIENT_H
#define TESTS_QTEST_VGPU_DBUS_CLIENT_H

#include "ui/dbus-display1.h"
#include "vgpu-fixture.h"

typedef struct VGPUDBusClient {
    GDBusConnection *conn;
    GDBusConnection *listener;
    QemuDBusDisplay1Listener *skeleton;
} VGPUDBusClient;

/**
 * vgpu_dbus_client_open:
 * @client: a client of the machine's first console
 * @machine: it has "-display dbus,p2p=on"
 *
 * The signals of @client's skeleton are to be connected next.
 */
void vgpu_dbus_client_open(VGPUDBusClient *client, VGPUMachine *machine);

/*
 * The skeleton's signals come from now on, in the test's main loop. Returns
 * when QEMU has registered the client.
 */
void vgpu_dbus_client_listen(VGPUDBusClient *client);

void vgpu_dbus_client_close(VGPUDBusClient *client);

#endif /* TESTS_QTEST_VGPU_DBUS_CLIENT_H */
