/*
 * What the pure logic needs of QEMU's qemu/memfd.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_MEMFD_H
#define QEMU_MEMFD_H

#include "qapi/error.h"

static inline int qemu_memfd_create(const char *name, size_t size,
                                    bool hugetlb, uint64_t hugetlbsize,
                                    unsigned seals, Error **errp)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, size) < 0) {
        error_setg_errno(errp, errno, "no memfd");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

#endif /* QEMU_MEMFD_H */
