/*
 * What the pure logic needs of QEMU's qemu/sockets.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_SOCKETS_H
#define QEMU_SOCKETS_H

#include <sys/socket.h>

static inline bool fd_is_socket(int fd)
{
    int type;
    socklen_t len = sizeof(type);

    return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
}

#endif /* QEMU_SOCKETS_H */
