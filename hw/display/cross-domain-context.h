/*
 * One connection of a program in a guest to the host's compositor
 *
 * The guest submits commands and polls; each poll is answered by one event in
 * the ring: what the compositor said, what came out of a pipe, or the end. A
 * mistake of the guest's ends this connection, and nothing else.
 *
 * All of it happens in the main loop.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_CROSS_DOMAIN_CONTEXT_H
#define HW_DISPLAY_CROSS_DOMAIN_CONTEXT_H

/**
 * CrossDomainOps:
 * @connect: returns a new connection to the compositor, or -1
 * @ring_size: how many bytes of that resource the host can write; 0 if this
 *             connection's guest program does not have it
 * @write_ring: writes to the start of it; false if that cannot be done
 * @resource_fd: returns a new descriptor of that resource's memory; -1 if this
 *               connection's guest program does not have it, or it has none
 * @event: the event that the guest polls for is in the ring
 * @ended: the connection was ended since @why
 *
 * What the device does for a connection.
 */
typedef struct CrossDomainOps {
    int (*connect)(void *opaque, Error **errp);
    size_t (*ring_size)(void *opaque, uint32_t resource);
    bool (*write_ring)(void *opaque, uint32_t resource, const void *buf,
                       size_t len);
    int (*resource_fd)(void *opaque, uint32_t resource);
    void (*event)(void *opaque);
    void (*ended)(void *opaque, const char *why);
} CrossDomainOps;

typedef struct CrossDomainContext CrossDomainContext;

/* A context that is not connected yet, and runs. */
CrossDomainContext *cross_domain_context_new(const CrossDomainOps *ops,
                                             void *opaque);
void cross_domain_context_free(CrossDomainContext *context);

/**
 * cross_domain_context_submit:
 * @context: a context
 * @buf: @len bytes of commands, which nobody else can change
 *
 * Returns: false if they were refused; the connection has been ended, now or
 * before
 */
bool cross_domain_context_submit(CrossDomainContext *context,
                                 const uint8_t *buf, size_t len);

/*
 * The guest waits for an event. @event is called when there is one, maybe at
 * once, and once for all that have waited since.
 */
void cross_domain_context_poll(CrossDomainContext *context);

/* A stopped guest gets no events. */
void cross_domain_context_run(CrossDomainContext *context, bool running);

/**
 * cross_domain_context_end:
 * @context: a context
 * @why: what the guest did, in words; NULL if the compositor has gone
 *
 * Ends the connection. The guest's program gets an error of Wayland's, and then
 * an event without bytes, as by read() at the end of a file.
 */
void cross_domain_context_end(CrossDomainContext *context, const char *why);

/**
 * cross_domain_context_take:
 * @context: a context
 * @id: a number that a message to the guest had for memory
 * @size: set to the bytes of it
 *
 * Returns: a memfd, the caller's: the number is of no further use; -1 if there
 * is no such number
 */
int cross_domain_context_take(CrossDomainContext *context, uint64_t id,
                              uint64_t *size);

#endif /* HW_DISPLAY_CROSS_DOMAIN_CONTEXT_H */
