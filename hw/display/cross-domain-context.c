/*
 * One connection of a program in a guest to the host's compositor
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "cross-domain-channel.h"
#include "cross-domain-context.h"
#include "cross-domain-memory.h"
#include "cross-domain-pipes.h"
#include "cross-domain-protocol.h"

/* What the guest has been told of and does not pick up. */
#define MAX_ITEMS 64
#define MAX_ITEM_BYTES (32 << 20)

/* Memory from the compositor, which waits for the guest to ask for it. */
typedef struct Item {
    int fd;
    uint64_t size;
} Item;

struct CrossDomainContext {
    const CrossDomainOps *ops;
    void *opaque;

    CrossDomainInit init;
    bool initialized;
    bool running;
    bool polled;            /* the guest waits for an event */
    bool ended;
    bool error_told;
    bool end_told;
    char *why;              /* it has ended, in words for the guest's program */
    CrossDomainStream told;

    CrossDomainChannel *channel;
    CrossDomainPipes *pipes;
    GHashTable *items;      /* by number */
    uint64_t item_bytes;
    uint32_t next_id;       /* odd: even ones are images */

    /* What the compositor has said and the guest has not been told. */
    uint8_t data[CROSS_DOMAIN_RING_SIZE];
    size_t data_at, data_end;
    int fds[CROSS_DOMAIN_CHANNEL_FDS];
    unsigned fd_at, fd_end;
};

static void item_free(void *opaque)
{
    Item *item = opaque;

    close(item->fd);
    g_free(item);
}

static bool has_staged(const CrossDomainContext *context)
{
    return context->data_at < context->data_end ||
           context->fd_at < context->fd_end;
}

/* Input is read when the guest has asked for it: what waits is the host's. */
static void update_wants(CrossDomainContext *context)
{
    bool want = context->running && context->polled && !has_staged(context);

    if (context->channel) {
        cross_domain_channel_want(context->channel, want);
    }
    if (context->pipes) {
        cross_domain_pipes_want(context->pipes, want);
    }
}

/* --- The end ------------------------------------------------------------ */

static void close_all(CrossDomainContext *context)
{
    g_clear_pointer(&context->channel, cross_domain_channel_free);
    g_clear_pointer(&context->pipes, cross_domain_pipes_free);
    g_hash_table_remove_all(context->items);
    context->item_bytes = 0;
    while (context->fd_at < context->fd_end) {
        close(context->fds[context->fd_at++]);
    }
    context->data_at = context->data_end;
}

/*
 * A program takes the end for what it is, or its proxy does not pass it on. An
 * error in Wayland's own words reaches everybody.
 */
static size_t put_end(CrossDomainContext *context, uint8_t *ring)
{
    uint8_t error[CROSS_DOMAIN_ERROR_MAX];
    size_t len = 0;

    if (!context->error_told &&
        cross_domain_stream_is_between(&context->told)) {
        len = cross_domain_put_error(error, context->why);
    } else {
        context->end_told = true;
    }
    context->error_told = true;
    return cross_domain_put_receive(ring, context->init.max_ids, NULL, 0,
                                    error, len);
}

/* Whoever polls after that waits, lest a careless guest turns in circles. */
static void tell_end(CrossDomainContext *context)
{
    uint8_t ring[CROSS_DOMAIN_RING_SIZE];

    if (context->end_told || !context->polled || !context->running) {
        return;
    }
    context->polled = false;
    if (context->initialized) {
        size_t size = put_end(context, ring);

        context->ops->write_ring(context->opaque, context->init.channel_ring,
                                 ring, size);
    }
    context->ops->event(context->opaque);
}

void cross_domain_context_end(CrossDomainContext *context, const char *why)
{
    if (context->ended) {
        return;
    }
    context->ended = true;
    context->why = g_strdup(why ?: "the host's compositor has gone");
    close_all(context);
    if (why) {
        context->ops->ended(context->opaque, context->why);
    }
    tell_end(context);
}

/* --- Events ------------------------------------------------------------- */

static void put_event(CrossDomainContext *context, const uint8_t *ring,
                      size_t size)
{
    context->polled = false;
    if (!context->ops->write_ring(context->opaque, context->init.channel_ring,
                                  ring, size)) {
        cross_domain_context_end(context, "its ring is gone");
    }
    update_wants(context);
    context->ops->event(context->opaque);
}

static bool new_id(CrossDomainContext *context, uint32_t *id)
{
    if (context->next_id >= CROSS_DOMAIN_GUEST_PIPES) {
        return false;
    }
    *id = context->next_id;
    context->next_id += 2;
    return true;
}

static const char *number_memory(CrossDomainContext *context, int fd,
                                 CrossDomainId *id)
{
    Item *item;
    int copy;

    if (g_hash_table_size(context->items) >= MAX_ITEMS ||
        context->item_bytes + id->size > MAX_ITEM_BYTES) {
        return "it does not take the memory that the compositor has sent";
    }
    copy = cross_domain_memory_copy(fd, id->size, NULL);
    if (copy < 0) {
        return "there is no memory for a copy of the compositor's";
    }
    close(fd);
    item = g_new0(Item, 1);
    item->fd = copy;
    item->size = id->size;
    context->item_bytes += item->size;
    g_hash_table_insert(context->items, GUINT_TO_POINTER(id->id), item);
    return NULL;
}

/* Gives a descriptor that the compositor has sent a number. It is gone then. */
static const char *number_fd(CrossDomainContext *context, int fd,
                             CrossDomainId *id)
{
    uint64_t size = 0;

    if (!new_id(context, &id->id)) {
        return "there are no numbers left";
    }
    switch (cross_domain_fd_kind(fd, &size)) {
    case CROSS_DOMAIN_FD_MEMORY:
        id->type = CROSS_DOMAIN_ID_MEMORY;
        id->size = size;
        return number_memory(context, fd, id);
    case CROSS_DOMAIN_FD_WRITE_PIPE:
        id->type = CROSS_DOMAIN_ID_WRITE_PIPE;
        if (!cross_domain_pipes_add_write(context->pipes, id->id, fd)) {
            return "it has too many pipes open";
        }
        return NULL;
    default:
        return "the compositor has sent what is neither memory nor a pipe";
    }
}

/*
 * A descriptor has to be there before the last byte of its message. Where
 * there are more than fit, a few bytes go ahead with the first of them.
 */
static void deliver_staged(CrossDomainContext *context)
{
    unsigned max_ids = context->init.max_ids;
    size_t len = context->data_end - context->data_at;
    unsigned n_ids = MIN(context->fd_end - context->fd_at, max_ids);
    CrossDomainId ids[CROSS_DOMAIN_MAX_IDS] = { 0 };
    uint8_t ring[CROSS_DOMAIN_RING_SIZE];
    const char *why;
    size_t size;

    if (context->fd_end - context->fd_at > n_ids) {
        len = len > 4 ? 4 : 0;
    } else {
        len = MIN(len, cross_domain_receive_room(max_ids));
    }
    for (unsigned i = 0; i < n_ids; i++) {
        why = number_fd(context, context->fds[context->fd_at], &ids[i]);
        if (why) {
            cross_domain_context_end(context, why);
            return;
        }
        context->fd_at++;
    }
    size = cross_domain_put_receive(ring, max_ids, ids, n_ids,
                                    context->data + context->data_at, len);
    cross_domain_stream_pass(&context->told, context->data + context->data_at,
                             len);
    context->data_at += len;
    put_event(context, ring, size);
}

static void channel_readable(void *opaque)
{
    CrossDomainContext *context = opaque;
    size_t room = cross_domain_receive_room(context->init.max_ids);
    ssize_t len;

    len = cross_domain_channel_receive(context->channel, context->data,
                                       room, context->fds, &context->fd_end);
    if (len == -EAGAIN) {
        return;
    }
    context->fd_at = 0;
    context->data_at = 0;
    context->data_end = len;
    if (!len) {
        cross_domain_context_end(context, NULL);
        return;
    }
    deliver_staged(context);
}

static void pipe_input(void *opaque, uint32_t id, bool hang_up,
                       const uint8_t *data, size_t len)
{
    CrossDomainContext *context = opaque;
    uint8_t ring[CROSS_DOMAIN_RING_SIZE];

    put_event(context, ring, cross_domain_put_read(ring, id, hang_up, data,
                                                   len));
}

static void pump(CrossDomainContext *context)
{
    if (context->ended) {
        tell_end(context);
        return;
    }
    if (context->running && context->polled && has_staged(context)) {
        deliver_staged(context);
    }
    update_wants(context);
}

void cross_domain_context_poll(CrossDomainContext *context)
{
    context->polled = true;
    pump(context);
}

void cross_domain_context_run(CrossDomainContext *context, bool running)
{
    context->running = running;
    pump(context);
}

/* --- Commands ----------------------------------------------------------- */

static bool is_ring(CrossDomainContext *context, uint32_t resource)
{
    return context->ops->ring_size(context->opaque, resource) >=
           CROSS_DOMAIN_RING_SIZE;
}

/* Returns NULL, or what is wrong. Where that is the host's, it is told here. */
static const char *run_init(CrossDomainContext *context,
                            const CrossDomainInit *init)
{
    g_autoptr(Error) err = NULL;
    int fd;

    if (context->initialized) {
        return "a command INIT comes again";
    }
    if (!is_ring(context, init->query_ring) ||
        !is_ring(context, init->channel_ring)) {
        return "a command INIT has no rings";
    }
    context->init = *init;
    context->initialized = true;
    if (init->channel == CROSS_DOMAIN_CHANNEL_NONE) {
        return NULL;
    }
    fd = context->ops->connect(context->opaque, &err);
    if (fd < 0) {
        cross_domain_context_end(context, error_get_pretty(err));
        return NULL;
    }
    context->channel = cross_domain_channel_new(fd, channel_readable, context);
    context->pipes = cross_domain_pipes_new(pipe_input, context);
    update_wants(context);
    return NULL;
}

static const char *run_image(CrossDomainContext *context,
                             const CrossDomainImage *image)
{
    CrossDomainLayout layout = cross_domain_layout(image);
    uint8_t ring[CROSS_DOMAIN_RING_SIZE];
    size_t size = cross_domain_put_layout(ring, &layout);

    if (!context->initialized) {
        return "a command GET_IMAGE_REQUIREMENTS comes before INIT";
    }
    return context->ops->write_ring(context->opaque, context->init.query_ring,
                                    ring, size) ?
        NULL : "its ring is gone";
}

/* The descriptor that a number stands for, or -1. */
static int fd_of(CrossDomainContext *context, const CrossDomainId *id)
{
    switch (id->type) {
    case CROSS_DOMAIN_ID_MEMORY:
        return context->ops->resource_fd(context->opaque, id->id);
    case CROSS_DOMAIN_ID_READ_PIPE:
        return id->id < CROSS_DOMAIN_GUEST_PIPES ? -1 :
            cross_domain_pipes_add_read(context->pipes, id->id);
    default:
        return -1;
    }
}

static const char *run_send(CrossDomainContext *context,
                            const CrossDomainSend *send)
{
    int fds[CROSS_DOMAIN_MAX_IDS];

    QEMU_BUILD_BUG_ON(CROSS_DOMAIN_MAX_IDS > CROSS_DOMAIN_CHANNEL_FDS);
    if (!context->channel) {
        return "a command SEND has no channel";
    }
    for (unsigned i = 0; i < send->n_ids; i++) {
        fds[i] = fd_of(context, &send->ids[i]);
        if (fds[i] < 0) {
            while (i--) {
                close(fds[i]);
            }
            return "a command SEND names what cannot be sent";
        }
    }
    /* Clients speak first: nothing has been received in another layout. */
    context->init.max_ids = send->max_ids;
    if (!cross_domain_channel_send(context->channel, send->data, send->len,
                                   fds, send->n_ids)) {
        return "the compositor does not read what it sends";
    }
    return NULL;
}

static const char *run_write(CrossDomainContext *context,
                             const CrossDomainWrite *write)
{
    if (!context->pipes) {
        return "a command WRITE has no channel";
    }
    if (!cross_domain_pipes_write(context->pipes, write->pipe, write->data,
                                  write->len, write->hang_up)) {
        return "nobody reads what it writes into a pipe";
    }
    return NULL;
}

static const char *run_command(CrossDomainContext *context,
                               const CrossDomainCommand *command)
{
    switch (command->type) {
    case CROSS_DOMAIN_INIT:
        return run_init(context, &command->init);
    case CROSS_DOMAIN_IMAGE:
        return run_image(context, &command->image);
    case CROSS_DOMAIN_POLL:
        return context->initialized ? NULL : "a command POLL precedes INIT";
    case CROSS_DOMAIN_SEND:
        return run_send(context, &command->send);
    case CROSS_DOMAIN_WRITE:
        return run_write(context, &command->write);
    default:
        g_assert_not_reached();
    }
}

bool cross_domain_context_submit(CrossDomainContext *context,
                                 const uint8_t *buf, size_t len)
{
    while (len && !context->ended) {
        CrossDomainCommand command;
        const char *why = cross_domain_parse(buf, len, &command);

        if (why) {
            g_autofree char *words = g_strdup_printf("a command %s", why);

            cross_domain_context_end(context, words);
            break;
        }
        why = run_command(context, &command);
        if (why) {
            cross_domain_context_end(context, why);
            break;
        }
        buf += command.size;
        len -= command.size;
    }
    return !context->ended;
}

int cross_domain_context_take(CrossDomainContext *context, uint64_t id,
                              uint64_t *size)
{
    Item *item = id > UINT32_MAX ? NULL :
        g_hash_table_lookup(context->items, GUINT_TO_POINTER((uint32_t)id));
    int fd;

    if (!item) {
        return -1;
    }
    fd = item->fd;
    *size = item->size;
    context->item_bytes -= item->size;
    g_hash_table_steal(context->items, GUINT_TO_POINTER((uint32_t)id));
    g_free(item);
    return fd;
}

/* --- Life --------------------------------------------------------------- */

CrossDomainContext *cross_domain_context_new(const CrossDomainOps *ops,
                                             void *opaque)
{
    CrossDomainContext *context = g_new0(CrossDomainContext, 1);

    context->ops = ops;
    context->opaque = opaque;
    context->running = true;
    context->next_id = 1;
    context->init.max_ids = CROSS_DOMAIN_FEW_IDS;
    context->items = g_hash_table_new_full(NULL, NULL, NULL, item_free);
    return context;
}

void cross_domain_context_free(CrossDomainContext *context)
{
    close_all(context);
    g_hash_table_unref(context->items);
    g_free(context->why);
    g_free(context);
}
