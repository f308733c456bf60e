/*
 * Fuzzing a guest's connection to the host's compositor
 *
 * The guest submits, polls and picks up what it likes; the compositor is the
 * other end of a real socket. Whatever happens, an event is in a ring for each
 * poll that is answered, and nothing is left open at the end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "hw/display/cross-domain-channel.h"
#include "hw/display/cross-domain-context.h"
#include "hw/display/cross-domain-protocol.h"
#include "fuzz.h"

#define MAX_FDS 1024
#define RING_RESOURCES 4    /* 2 and 3 are rings, others are memory */

typedef struct Handler {
    IOHandler *readable;
    IOHandler *writable;
    void *opaque;
} Handler;

static Handler handlers[MAX_FDS];

typedef struct Guest {
    CrossDomainContext *context;
    uint8_t ring[CROSS_DOMAIN_RING_SIZE];
    int compositor;
    bool polled;
    bool has_rings;
    bool ended;
} Guest;

void qemu_set_fd_handler(int fd, IOHandler *readable, IOHandler *writable,
                         void *opaque)
{
    FUZZ_CHECK(fd >= 0 && fd < MAX_FDS);
    handlers[fd] = (Handler) { readable, writable, opaque };
}

/* One turn of the main loop: handlers may go while others are called. */
static void main_loop(void)
{
    for (int fd = 0; fd < MAX_FDS; fd++) {
        struct pollfd ready = {
            .fd = fd,
            .events = (handlers[fd].readable ? POLLIN : 0) |
                      (handlers[fd].writable ? POLLOUT : 0),
        };

        if (!ready.events || poll(&ready, 1, 0) <= 0) {
            continue;
        }
        if (ready.revents & (POLLIN | POLLHUP | POLLERR) &&
            handlers[fd].readable) {
            handlers[fd].readable(handlers[fd].opaque);
        }
        if (ready.revents & (POLLOUT | POLLHUP | POLLERR) &&
            handlers[fd].writable) {
            handlers[fd].writable(handlers[fd].opaque);
        }
    }
}

/* --- The device --------------------------------------------------------- */

static int op_connect(void *opaque, Error **errp)
{
    Guest *guest = opaque;
    int ends[2];

    FUZZ_CHECK(guest->compositor < 0);
    FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                           0, ends));
    guest->compositor = ends[1];
    return ends[0];
}

static size_t op_ring_size(void *opaque, uint32_t resource)
{
    Guest *guest = opaque;

    return guest->has_rings && resource < RING_RESOURCES ?
        CROSS_DOMAIN_RING_SIZE : 0;
}

static bool op_write_ring(void *opaque, uint32_t resource, const void *buf,
                          size_t len)
{
    Guest *guest = opaque;

    if (op_ring_size(opaque, resource) < len) {
        return false;
    }
    memcpy(guest->ring, buf, len);
    return true;
}

static int op_resource_fd(void *opaque, uint32_t resource)
{
    return resource < 16 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
}

static void op_event(void *opaque)
{
    Guest *guest = opaque;

    FUZZ_CHECK(guest->polled);
    guest->polled = false;
}

static void op_ended(void *opaque, const char *why)
{
    Guest *guest = opaque;

    FUZZ_CHECK(why && *why && !guest->ended);
    guest->ended = true;
}

static const CrossDomainOps ops = {
    .connect = op_connect,
    .ring_size = op_ring_size,
    .write_ring = op_write_ring,
    .resource_fd = op_resource_fd,
    .event = op_event,
    .ended = op_ended,
};

/* --- The compositor ----------------------------------------------------- */

static void say(Guest *guest, size_t len, const int *fds, unsigned n_fds)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(4 * CROSS_DOMAIN_CHANNEL_FDS)];
    } control = { .align = {
        .cmsg_level = SOL_SOCKET,
        .cmsg_type = SCM_RIGHTS,
        .cmsg_len = CMSG_LEN(4 * n_fds),
    } };
    uint8_t data[8 * 256] = { 0 };
    struct iovec iov = { data, MAX(8 * len, 8) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    data[6] = 8 * len;
    if (n_fds) {
        memcpy(CMSG_DATA(&control.align), fds, 4 * n_fds);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(4 * n_fds);
    }
    if (guest->compositor >= 0) {
        (void)!sendmsg(guest->compositor, &msg, MSG_NOSIGNAL);
    }
}

static void say_with(Guest *guest, unsigned n_fds, int fd)
{
    int fds[CROSS_DOMAIN_CHANNEL_FDS];

    n_fds = MIN(n_fds, CROSS_DOMAIN_CHANNEL_FDS);
    for (unsigned i = 0; i < n_fds; i++) {
        fds[i] = fd;
    }
    say(guest, n_fds, fds, n_fds);
    close(fd);
}

static void say_with_memory(Guest *guest, uint8_t arg)
{
    int fd = memfd_create("keymap", MFD_CLOEXEC);

    FUZZ_CHECK(!ftruncate(fd, arg % 16 * 1000));
    say_with(guest, arg / 16, fd);
}

static void say_with_pipe(Guest *guest, uint8_t arg)
{
    int ends[2];

    FUZZ_CHECK(!pipe2(ends, O_CLOEXEC));
    say_with(guest, arg / 2, ends[arg % 2]);
    close(ends[!(arg % 2)]);
}

/* Reads, and writes into each pipe that it is given. */
static void hear(Guest *guest)
{
    int fds[CROSS_DOMAIN_CHANNEL_FDS];
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(fds))];
    } control;
    char data[1000];
    struct iovec iov = { data, sizeof(data) };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof(control) };
    struct cmsghdr *header;

    if (guest->compositor < 0 ||
        recvmsg(guest->compositor, &msg, MSG_CMSG_CLOEXEC) <= 0) {
        return;
    }
    header = CMSG_FIRSTHDR(&msg);
    for (unsigned i = 0; header && CMSG_LEN(4 * i) < header->cmsg_len; i++) {
        memcpy(&fds[i], CMSG_DATA(header) + 4 * i, 4);
        (void)!write(fds[i], data, 100);
        close(fds[i]);
    }
}

/* --- The guest ---------------------------------------------------------- */

static void do_poll(Guest *guest)
{
    guest->polled = true;
    cross_domain_context_poll(guest->context);
    main_loop();
}

static void take(Guest *guest, uint8_t id)
{
    uint64_t size = 0;
    int fd = cross_domain_context_take(guest->context, id, &size);

    if (fd >= 0) {
        struct stat st;

        FUZZ_CHECK(!fstat(fd, &st) && size && st.st_size >= size);
        close(fd);
    }
}

static void step(Guest *guest, uint8_t what, uint8_t arg)
{
    switch (what % 11) {
    case 1:
        do_poll(guest);
        break;
    case 2:
        say(guest, arg, NULL, 0);
        break;
    case 3:
        say_with_memory(guest, arg);
        break;
    case 4:
        say_with_pipe(guest, arg);
        break;
    case 5:
        cross_domain_context_run(guest->context, arg % 2);
        break;
    case 6:
        hear(guest);
        break;
    case 7:
        take(guest, arg);
        break;
    case 8:
        guest->has_rings = arg % 2;
        break;
    case 9:
        if (guest->compositor >= 0) {
            shutdown(guest->compositor, SHUT_RDWR);
        }
        break;
    case 10:
        main_loop();
        break;
    }
}

static unsigned count_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Guest guest = { .compositor = -1, .has_rings = true };
    unsigned files = count_files();

    guest.context = cross_domain_context_new(&ops, &guest);
    while (size >= 2) {
        uint8_t what = data[0], arg = data[1];

        data += 2;
        size -= 2;
        if (what % 11) {
            step(&guest, what, arg);
        } else {
            size_t len = MIN(arg * (1 + what / 11), size);
            /* of its own, so that a byte too far is seen */
            g_autofree uint8_t *buf = g_memdup2(data, len);

            cross_domain_context_submit(guest.context, buf, len);
            data += len;
            size -= len;
        }
    }
    cross_domain_context_free(guest.context);
    if (guest.compositor >= 0) {
        close(guest.compositor);
    }
    FUZZ_CHECK(count_files() == files);
    return 0;
}
