/*
 * A seat that a test takes away and gives back
 *
 * Preloaded into a client of libseat's. Each byte that is read from the FIFO
 * VGPU_FAKE_SEAT is an order: "-" another session takes the seat, and with it
 * the right to set modes, "+" it comes back. What was done is written to
 * VGPU_FAKE_SEAT with ".done" after it, a byte each.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <libseat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

static const struct libseat_seat_listener *listener;
static void *listener_data;
static int orders = -1, answers = -1, card = -1;
static int enabled;

static int open_beside(const char *suffix, int flags)
{
    char path[512];

    snprintf(path, sizeof(path), "%s%s", getenv("VGPU_FAKE_SEAT"), suffix);
    return open(path, flags | O_CLOEXEC);
}

struct libseat *libseat_open_seat(const struct libseat_seat_listener *of,
                                  void *data)
{
    listener = of;
    listener_data = data;
    orders = open_beside("", O_RDWR | O_NONBLOCK);
    answers = open_beside(".done", O_WRONLY | O_APPEND);
    if (orders < 0 || answers < 0) {
        return NULL;
    }
    return (struct libseat *)&listener;
}

int libseat_close_seat(struct libseat *seat)
{
    close(orders);
    close(answers);
    return 0;
}

int libseat_open_device(struct libseat *seat, const char *path, int *fd)
{
    *fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (*fd >= 0 && strstr(path, "/dri/card")) {
        card = *fd;
    }
    return *fd < 0 ? -1 : *fd;
}

int libseat_close_device(struct libseat *seat, int device)
{
    if (device == card) {
        card = -1;
    }
    return 0;
}

int libseat_disable_seat(struct libseat *seat)
{
    return 0;
}

const char *libseat_seat_name(struct libseat *seat)
{
    return "seat0";
}

int libseat_switch_session(struct libseat *seat, int session)
{
    return 0;
}

int libseat_get_fd(struct libseat *seat)
{
    return orders;
}

int libseat_dispatch(struct libseat *seat, int timeout)
{
    char order;

    if (!enabled) {
        enabled = 1;
        listener->enable_seat(seat, listener_data);
        return 1;
    }
    if (read(orders, &order, 1) != 1) {
        return 0;
    }
    if (order == '-') {
        /* As a session's manager does: whether or not the client is ready. */
        drmDropMaster(card);
        listener->disable_seat(seat, listener_data);
    } else {
        drmSetMaster(card);
        listener->enable_seat(seat, listener_data);
    }
    return write(answers, &order, 1);
}
