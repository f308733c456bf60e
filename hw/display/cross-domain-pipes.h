/*
 * The pipes between programs of a guest and of its host: clipboards
 *
 * Each has a number. A program of the guest reads from some, and writes into
 * others; the host's ends are here.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_CROSS_DOMAIN_PIPES_H
#define HW_DISPLAY_CROSS_DOMAIN_PIPES_H

typedef struct CrossDomainPipes CrossDomainPipes;

/**
 * CrossDomainPipeInput:
 * @opaque: passed to cross_domain_pipes_new()
 * @id: of a pipe that the guest reads
 * @hang_up: it has ended, and is no more
 * @data: @len bytes, at most CROSS_DOMAIN_READ_ROOM
 *
 * Called in the main loop while input is wanted; not again before it is wanted
 * again.
 */
typedef void CrossDomainPipeInput(void *opaque, uint32_t id, bool hang_up,
                                  const uint8_t *data, size_t len);

CrossDomainPipes *cross_domain_pipes_new(CrossDomainPipeInput *input,
                                         void *opaque);
void cross_domain_pipes_free(CrossDomainPipes *pipes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CrossDomainPipes, cross_domain_pipes_free)

void cross_domain_pipes_want(CrossDomainPipes *pipes, bool input);

/**
 * cross_domain_pipes_add_read:
 * @pipes: the pipes
 * @id: a number that the guest has chosen
 *
 * Returns: the end to write into, the caller's; -1 if there is such a number,
 * or there are too many pipes
 */
int cross_domain_pipes_add_read(CrossDomainPipes *pipes, uint32_t id);

/**
 * cross_domain_pipes_add_write:
 * @pipes: the pipes
 * @id: a new number
 * @fd: the end that the guest writes into, of a pipe() or a socket; @pipes'
 *      where it is taken
 *
 * A pipe that QEMU may not open, as it is another user's, is closed: the host's
 * program reads the end of it, and what the guest writes is lost.
 *
 * Returns: false if there are too many pipes
 */
bool cross_domain_pipes_add_write(CrossDomainPipes *pipes, uint32_t id,
                                  int fd);

/**
 * cross_domain_pipes_write:
 * @pipes: the pipes
 * @id: one that the guest writes into; with any other nothing is done, as it
 *      may be one that nobody reads any more
 * @data: @len bytes
 * @hang_up: these are the last
 *
 * Returns: false if too much is queued
 */
bool cross_domain_pipes_write(CrossDomainPipes *pipes, uint32_t id,
                              const uint8_t *data, size_t len, bool hang_up);

#endif /* HW_DISPLAY_CROSS_DOMAIN_PIPES_H */
