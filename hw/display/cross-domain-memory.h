/*
 * Memory that a guest and a program of its host share
 *
 * It is always of our own making, and cannot shrink: so that nobody who has it
 * mapped can be hurt by somebody who has its descriptor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_CROSS_DOMAIN_MEMORY_H
#define HW_DISPLAY_CROSS_DOMAIN_MEMORY_H

/* A compositor's keyboard maps and tables of formats are far smaller. */
#define CROSS_DOMAIN_COPY_MAX (16 << 20)

/* Copies end at a multiple of this, whatever size a guest's pages are. */
#define CROSS_DOMAIN_COPY_ALIGN (64 << 10)

typedef enum CrossDomainFdKind {
    CROSS_DOMAIN_FD_MEMORY,
    CROSS_DOMAIN_FD_WRITE_PIPE,
    CROSS_DOMAIN_FD_OTHER,
} CrossDomainFdKind;

/**
 * cross_domain_fd_kind:
 * @fd: a descriptor from a program of the host
 * @size: set to the bytes of memory, at most CROSS_DOMAIN_COPY_MAX
 *
 * Never waits. Memory is a memfd, or a file of a tmpfs.
 *
 * Returns: what a guest can do with it. Dma-bufs, and files that are elsewhere,
 * are OTHER.
 */
CrossDomainFdKind cross_domain_fd_kind(int fd, uint64_t *size);

/**
 * cross_domain_memory_new:
 * @size: in bytes, not 0
 * @errp: why there is none
 *
 * Returns: a memfd, the caller's; -1 on an error
 */
int cross_domain_memory_new(uint64_t size, Error **errp);

/**
 * cross_domain_memory_copy:
 * @fd: memory of at least @size bytes, or less: the rest is 0
 *
 * Returns: as cross_domain_memory_new(), with a copy of it, and room up to the
 * next multiple of CROSS_DOMAIN_COPY_ALIGN
 */
int cross_domain_memory_copy(int fd, uint64_t size, Error **errp);

/**
 * cross_domain_udmabuf_open:
 *
 * Returns: what makes dma-bufs of memory on this host, the caller's; -1 if
 * nothing does
 */
int cross_domain_udmabuf_open(void);

/**
 * cross_domain_memory_dmabuf:
 * @udmabuf: from cross_domain_udmabuf_open()
 * @memfd: from cross_domain_memory_new()
 * @size: its size, in whole pages
 *
 * Returns: a dma-buf of the same memory, the caller's; -1 if there is none
 */
int cross_domain_memory_dmabuf(int udmabuf, int memfd, uint64_t size);

#endif /* HW_DISPLAY_CROSS_DOMAIN_MEMORY_H */
