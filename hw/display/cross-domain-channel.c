/*
 * A socket that carries bytes and descriptors, and never waits
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/socket.h>
#include <sys/un.h>
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "cross-domain-channel.h"

/* What a compositor leaves unread for longer than a hiccup. */
#define MAX_QUEUED (1 << 20)
#define MAX_QUEUED_FDS 256

/* What a packet costs beside its bytes. */
#define PACKET_COST 64

typedef struct Packet {
    uint8_t *data;
    size_t len;
    size_t sent;
    unsigned n_fds;
    int fds[CROSS_DOMAIN_CHANNEL_FDS];
} Packet;

struct CrossDomainChannel {
    int fd;
    bool want_input;
    bool deaf;              /* the other side takes nothing any more */
    GQueue packets;
    size_t queued;
    unsigned queued_fds;
    void (*readable)(void *opaque);
    void *opaque;
};

int cross_domain_connect(const char *path, Error **errp)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        error_setg(errp, "the path of a socket has at most %zu characters",
                   sizeof(addr.sun_path) - 1);
        return -1;
    }
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        error_setg_errno(errp, errno, "cannot connect to %s", path);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static void close_fds(const int *fds, unsigned n_fds)
{
    for (unsigned i = 0; i < n_fds; i++) {
        close(fds[i]);
    }
}

/* --- What is sent ------------------------------------------------------- */

static void packet_free(CrossDomainChannel *channel, Packet *packet)
{
    channel->queued -= packet->len + PACKET_COST;
    channel->queued_fds -= packet->n_fds;
    close_fds(packet->fds, packet->n_fds);
    g_free(packet->data);
    g_free(packet);
}

static void drop_packets(CrossDomainChannel *channel)
{
    Packet *packet;

    while ((packet = g_queue_pop_head(&channel->packets))) {
        packet_free(channel, packet);
    }
}

/* As send(): with the descriptors, if there are any. */
static ssize_t send_some(int fd, const uint8_t *data, size_t len,
                         const int *fds, unsigned n_fds)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int) * CROSS_DOMAIN_CHANNEL_FDS)];
    } control;
    struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t sent;

    if (n_fds) {
        struct cmsghdr *header = &control.align;

        memset(&control, 0, sizeof(control));
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * n_fds);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
    }
    do {
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

/* Returns false when nothing more goes for now, or ever. */
static bool send_packet(CrossDomainChannel *channel, Packet *packet)
{
    ssize_t sent = send_some(channel->fd, packet->data + packet->sent,
                             packet->len - packet->sent, packet->fds,
                             packet->n_fds);

    if (sent < 0) {
        channel->deaf = errno != EAGAIN && errno != EWOULDBLOCK;
        return false;
    }
    /* They went with the first byte. */
    close_fds(packet->fds, packet->n_fds);
    channel->queued_fds -= packet->n_fds;
    packet->n_fds = 0;
    packet->sent += sent;
    return packet->sent == packet->len;
}

static void flush_packets(CrossDomainChannel *channel)
{
    Packet *packet;

    while ((packet = g_queue_peek_head(&channel->packets)) &&
           send_packet(channel, packet)) {
        g_queue_pop_head(&channel->packets);
        packet_free(channel, packet);
    }
    if (channel->deaf) {
        drop_packets(channel);
    }
}

/* --- When the socket is ready ------------------------------------------- */

static void set_handlers(CrossDomainChannel *channel);

static void channel_writable(void *opaque)
{
    CrossDomainChannel *channel = opaque;

    flush_packets(channel);
    set_handlers(channel);
}

static void channel_readable(void *opaque)
{
    CrossDomainChannel *channel = opaque;

    if (channel->want_input) {
        channel->readable(channel->opaque);
    }
}

static void set_handlers(CrossDomainChannel *channel)
{
    qemu_set_fd_handler(channel->fd,
                        channel->want_input ? channel_readable : NULL,
                        g_queue_is_empty(&channel->packets) ?
                        NULL : channel_writable, channel);
}

CrossDomainChannel *cross_domain_channel_new(int fd,
                                             void (*readable)(void *opaque),
                                             void *opaque)
{
    CrossDomainChannel *channel = g_new0(CrossDomainChannel, 1);

    channel->fd = fd;
    channel->readable = readable;
    channel->opaque = opaque;
    g_queue_init(&channel->packets);
    return channel;
}

void cross_domain_channel_free(CrossDomainChannel *channel)
{
    qemu_set_fd_handler(channel->fd, NULL, NULL, NULL);
    drop_packets(channel);
    close(channel->fd);
    g_free(channel);
}

void cross_domain_channel_want(CrossDomainChannel *channel, bool input)
{
    if (channel->want_input != input) {
        channel->want_input = input;
        set_handlers(channel);
    }
}

bool cross_domain_channel_send(CrossDomainChannel *channel, const void *data,
                               size_t len, const int *fds, unsigned n_fds)
{
    Packet *packet;

    assert(n_fds <= CROSS_DOMAIN_CHANNEL_FDS);
    if (channel->deaf || !len) {
        close_fds(fds, n_fds);
        return true;
    }
    if (channel->queued + len + PACKET_COST > MAX_QUEUED ||
        channel->queued_fds + n_fds > MAX_QUEUED_FDS) {
        close_fds(fds, n_fds);
        return false;
    }
    packet = g_new0(Packet, 1);
    packet->data = g_memdup2(data, len);
    packet->len = len;
    packet->n_fds = n_fds;
    for (unsigned i = 0; i < n_fds; i++) {
        packet->fds[i] = fds[i];
    }
    channel->queued += len + PACKET_COST;
    channel->queued_fds += n_fds;
    g_queue_push_tail(&channel->packets, packet);
    flush_packets(channel);
    set_handlers(channel);
    return true;
}

/* --- What is received --------------------------------------------------- */

static void take_fds(struct msghdr *msg, int *fds, unsigned *n_fds)
{
    for (struct cmsghdr *header = CMSG_FIRSTHDR(msg); header;
         header = CMSG_NXTHDR(msg, header)) {
        unsigned n;

        if (header->cmsg_level != SOL_SOCKET ||
            header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        assert(*n_fds + n <= CROSS_DOMAIN_CHANNEL_FDS);
        memcpy(fds + *n_fds, CMSG_DATA(header), n * sizeof(int));
        *n_fds += n;
    }
}

ssize_t cross_domain_channel_receive(CrossDomainChannel *channel, void *buf,
                                     size_t size, int *fds, unsigned *n_fds)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int) * CROSS_DOMAIN_CHANNEL_FDS)];
    } control;
    struct iovec iov = { .iov_base = buf, .iov_len = size };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof(control),
    };
    ssize_t received;

    *n_fds = 0;
    do {
        received = recvmsg(channel->fd, &msg,
                           MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? -EAGAIN : 0;
    }
    take_fds(&msg, fds, n_fds);
    return received;
}
