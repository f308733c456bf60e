/*
 * A socket that carries bytes and descriptors, and never waits
 *
 * What the other side does not take at once is queued, up to a limit.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_CROSS_DOMAIN_CHANNEL_H
#define HW_DISPLAY_CROSS_DOMAIN_CHANNEL_H

/* Wayland's libraries send no more at a time. */
#define CROSS_DOMAIN_CHANNEL_FDS 28

typedef struct CrossDomainChannel CrossDomainChannel;

/**
 * cross_domain_connect:
 * @path: of a socket
 * @errp: why there is nobody
 *
 * Returns: a connection, the caller's; -1 on an error
 */
int cross_domain_connect(const char *path, Error **errp);

/**
 * cross_domain_channel_new:
 * @fd: a connection, the channel's from now on
 * @readable: called in the main loop while input is wanted and there is some,
 *            or the end
 * @opaque: passed to it
 */
CrossDomainChannel *cross_domain_channel_new(int fd,
                                             void (*readable)(void *opaque),
                                             void *opaque);

/* Closes it; what is queued is lost. */
void cross_domain_channel_free(CrossDomainChannel *channel);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CrossDomainChannel, cross_domain_channel_free)

/* Is @readable to be called? Not at first. */
void cross_domain_channel_want(CrossDomainChannel *channel, bool input);

/**
 * cross_domain_channel_send:
 * @channel: a channel
 * @data: @len bytes, copied where need be
 * @fds: @n_fds descriptors, at most CROSS_DOMAIN_CHANNEL_FDS, that go with the
 *       first byte; the channel's from now on, whatever is returned
 *
 * Where the other side has closed it, nothing is sent, and that is no error:
 * its last words may be there to be read.
 *
 * Returns: false if it has too much queued
 */
bool cross_domain_channel_send(CrossDomainChannel *channel, const void *data,
                               size_t len, const int *fds, unsigned n_fds);

/**
 * cross_domain_channel_receive:
 * @channel: a channel
 * @buf: set to at most @size bytes
 * @fds: set to @n_fds descriptors, the caller's, of the size
 *       CROSS_DOMAIN_CHANNEL_FDS
 *
 * Returns: how many bytes; 0 at the end, for whatever reason; -EAGAIN if there
 * is nothing yet
 */
ssize_t cross_domain_channel_receive(CrossDomainChannel *channel, void *buf,
                                     size_t size, int *fds, unsigned *n_fds);

#endif /* HW_DISPLAY_CROSS_DOMAIN_CHANNEL_H */
