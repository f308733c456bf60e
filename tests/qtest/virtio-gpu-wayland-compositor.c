/*
 * A compositor's end of a connection, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/socket.h>
#include "qemu/bswap.h"
#include "virtio-gpu-wayland-compositor.h"

void say(int fd, const void *data, size_t len)
{
    g_assert_cmpint(send(fd, data, len, MSG_NOSIGNAL), ==, len);
}

void say_with_fds(int fd, const void *data, size_t len, const int *fds,
                         unsigned n_fds)
{
    g_autofree struct cmsghdr *header = g_malloc0(CMSG_SPACE(n_fds * 4));
    struct iovec iov = { (void *)data, len };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = header, .msg_controllen = CMSG_SPACE(n_fds * 4),
    };

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(n_fds * 4);
    memcpy(CMSG_DATA(header), fds, n_fds * 4);
    g_assert_cmpint(sendmsg(fd, &msg, MSG_NOSIGNAL), ==, len);
}

int hear(int fd, const char *expected)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int))];
    } control;
    char data[256];
    struct iovec iov = { data, strlen(expected) };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };
    struct cmsghdr *header;
    int got;

    g_assert_cmpuint(strlen(expected), <=, sizeof(data));
    g_assert_cmpint(recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL), ==,
                    strlen(expected));
    g_assert_cmpmem(data, strlen(expected), expected, strlen(expected));
    header = CMSG_FIRSTHDR(&msg);
    if (!header) {
        return -1;
    }
    memcpy(&got, CMSG_DATA(header), sizeof(got));
    return got;
}

void hear_end(int fd)
{
    char byte;

    g_assert_cmpint(recv(fd, &byte, 1, 0), ==, 0);
    close(fd);
}

int make_file(const void *data, size_t len)
{
    int fd = memfd_create("keymap", MFD_CLOEXEC);

    g_assert_cmpint(write(fd, data, len), ==, len);
    return fd;
}

void fill_message(uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = i * 7 + i / 256;
    }
    stl_le_p(data + 4, (uint32_t)len << 16);
}
