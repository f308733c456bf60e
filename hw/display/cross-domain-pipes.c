/*
 * The pipes between programs of a guest and of its host: clipboards
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>
#include <sys/socket.h>
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/sockets.h"
#include "cross-domain-pipes.h"
#include "cross-domain-protocol.h"

#define MAX_PIPES 64

/* Of all pipes of a guest's program together: what is copied at a time. */
#define MAX_QUEUED (16 << 20)

typedef struct Pipe {
    CrossDomainPipes *owner;
    uint32_t id;
    int fd;
    bool guest_writes;
    bool hang_up;           /* what is queued is the last */
    GByteArray *queue;
    size_t at;              /* in the queue: before it all has been written */
} Pipe;

struct CrossDomainPipes {
    GHashTable *table;      /* by number */
    bool want_input;
    size_t queued;
    CrossDomainPipeInput *input;
    void *opaque;
};

static size_t pipe_left(const Pipe *pipe)
{
    return pipe->queue->len - pipe->at;
}

static void pipe_free(void *opaque)
{
    Pipe *pipe = opaque;

    qemu_set_fd_handler(pipe->fd, NULL, NULL, NULL);
    close(pipe->fd);
    pipe->owner->queued -= pipe_left(pipe);
    g_byte_array_unref(pipe->queue);
    g_free(pipe);
}

static void pipe_remove(Pipe *pipe)
{
    g_hash_table_remove(pipe->owner->table, GUINT_TO_POINTER(pipe->id));
}

/* --- The host writes, the guest reads ----------------------------------- */

static void pipe_readable(void *opaque)
{
    Pipe *pipe = opaque;
    CrossDomainPipes *pipes = pipe->owner;
    uint32_t id = pipe->id;
    uint8_t data[CROSS_DOMAIN_READ_ROOM];
    ssize_t len;

    if (!pipes->want_input) {
        return;
    }
    do {
        len = read(pipe->fd, data, sizeof(data));
    } while (len < 0 && errno == EINTR);
    if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return;
    }
    if (len <= 0) {
        pipe_remove(pipe);
    }
    pipes->input(pipes->opaque, id, len <= 0, data, MAX(len, 0));
}

/* --- The guest writes, the host reads ----------------------------------- */

/* As write(), and never waits, whatever is done to a socket's flags. */
static ssize_t put(int fd, const uint8_t *data, size_t len)
{
    ssize_t sent = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    return sent < 0 && errno == ENOTSOCK ? write(fd, data, len) : sent;
}

/* Each byte is moved once at most, on average. */
static void pipe_pass(Pipe *pipe, size_t written)
{
    pipe->owner->queued -= written;
    pipe->at += written;
    if (pipe->at > pipe->queue->len / 2) {
        g_byte_array_remove_range(pipe->queue, 0, pipe->at);
        pipe->at = 0;
    }
}

/* Returns false when the pipe is at its end, and has been removed. */
static bool pipe_flush(Pipe *pipe)
{
    ssize_t written = 0;

    while (pipe_left(pipe)) {
        written = put(pipe->fd, pipe->queue->data + pipe->at,
                      pipe_left(pipe));
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            break;
        }
        pipe_pass(pipe, written);
    }
    if (written < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        pipe_remove(pipe);
        return false;
    }
    if (!pipe_left(pipe) && pipe->hang_up) {
        pipe_remove(pipe);
        return false;
    }
    return true;
}

static void pipe_set_handler(Pipe *pipe);

static void pipe_writable(void *opaque)
{
    Pipe *pipe = opaque;

    if (pipe_flush(pipe)) {
        pipe_set_handler(pipe);
    }
}

static void pipe_set_handler(Pipe *pipe)
{
    if (pipe->guest_writes) {
        qemu_set_fd_handler(pipe->fd, NULL,
                            pipe_left(pipe) ? pipe_writable : NULL, pipe);
    } else {
        qemu_set_fd_handler(pipe->fd,
                            pipe->owner->want_input ? pipe_readable : NULL,
                            NULL, pipe);
    }
}

bool cross_domain_pipes_write(CrossDomainPipes *pipes, uint32_t id,
                              const uint8_t *data, size_t len, bool hang_up)
{
    Pipe *pipe = g_hash_table_lookup(pipes->table, GUINT_TO_POINTER(id));

    if (!pipe || !pipe->guest_writes || pipe->hang_up) {
        return true;
    }
    if (pipes->queued + len > MAX_QUEUED) {
        return false;
    }
    pipes->queued += len;
    g_byte_array_append(pipe->queue, data, len);
    pipe->hang_up = hang_up;
    if (pipe_flush(pipe)) {
        pipe_set_handler(pipe);
    }
    return true;
}

/* --- All of them -------------------------------------------------------- */

CrossDomainPipes *cross_domain_pipes_new(CrossDomainPipeInput *input,
                                         void *opaque)
{
    CrossDomainPipes *pipes = g_new0(CrossDomainPipes, 1);

    pipes->table = g_hash_table_new_full(NULL, NULL, NULL, pipe_free);
    pipes->input = input;
    pipes->opaque = opaque;
    return pipes;
}

void cross_domain_pipes_free(CrossDomainPipes *pipes)
{
    g_hash_table_unref(pipes->table);
    g_free(pipes);
}

void cross_domain_pipes_want(CrossDomainPipes *pipes, bool input)
{
    GHashTableIter iter;
    void *pipe;

    if (pipes->want_input == input) {
        return;
    }
    pipes->want_input = input;
    g_hash_table_iter_init(&iter, pipes->table);
    while (g_hash_table_iter_next(&iter, NULL, &pipe)) {
        pipe_set_handler(pipe);
    }
}

static bool has_room(CrossDomainPipes *pipes, uint32_t id)
{
    return g_hash_table_size(pipes->table) < MAX_PIPES &&
           !g_hash_table_contains(pipes->table, GUINT_TO_POINTER(id));
}

static void add(CrossDomainPipes *pipes, uint32_t id, int fd,
                bool guest_writes)
{
    Pipe *pipe = g_new0(Pipe, 1);

    pipe->owner = pipes;
    pipe->id = id;
    pipe->fd = fd;
    pipe->guest_writes = guest_writes;
    pipe->queue = g_byte_array_new();
    g_hash_table_insert(pipes->table, GUINT_TO_POINTER(id), pipe);
    pipe_set_handler(pipe);
}

int cross_domain_pipes_add_read(CrossDomainPipes *pipes, uint32_t id)
{
    int ends[2];

    if (!has_room(pipes, id) || !g_unix_open_pipe(ends, FD_CLOEXEC, NULL)) {
        return -1;
    }
    /* Only our end: the other one is given to who may not expect it. */
    g_unix_set_fd_nonblocking(ends[0], true, NULL);
    add(pipes, id, ends[0], false);
    return ends[1];
}

/*
 * Whether writing waits is a flag that all who have @fd share, and that each
 * can change at any time. So this opens the pipe anew.
 */
static int reopen(int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    if (own < 0) {
        warn_report_once("a program of the host's gets nothing pasted from "
                         "the guest: its pipe cannot be opened: %s",
                         strerror(errno));
    }
    close(fd);
    return own;
}

bool cross_domain_pipes_add_write(CrossDomainPipes *pipes, uint32_t id,
                                  int fd)
{
    if (!has_room(pipes, id)) {
        return false;
    }
    if (!fd_is_socket(fd)) {
        fd = reopen(fd);
    }
    if (fd >= 0) {
        add(pipes, id, fd, true);
    }
    return true;
}
