/*
 * Memory that a guest and a program of its host share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include "qapi/error.h"
#include "qemu/memfd.h"
#include "qemu/sockets.h"
#include "standard-headers/linux/udmabuf.h"
#include "cross-domain-memory.h"

/* One from pipe(): it has no name in a file system. */
static bool is_pipe(int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autofree char *name = g_file_read_link(path, NULL);

    return name && g_str_has_prefix(name, "pipe:");
}

/*
 * A file may be where a program or a network must be asked, which need not
 * answer. Only memory has seals; so nobody is asked about anything else.
 */
CrossDomainFdKind cross_domain_fd_kind(int fd, uint64_t *size)
{
    int flags = fcntl(fd, F_GETFL);
    struct stat st;

    if (fcntl(fd, F_GET_SEALS) >= 0) {
        *size = fstat(fd, &st) < 0 ? 0 : st.st_size;
        return *size > 0 && *size <= CROSS_DOMAIN_COPY_MAX ?
            CROSS_DOMAIN_FD_MEMORY : CROSS_DOMAIN_FD_OTHER;
    }
    if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY &&
        (is_pipe(fd) || fd_is_socket(fd))) {
        return CROSS_DOMAIN_FD_WRITE_PIPE;
    }
    return CROSS_DOMAIN_FD_OTHER;
}

int cross_domain_memory_new(uint64_t size, Error **errp)
{
    return qemu_memfd_create("cross-domain", size, false, 0,
                             F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL, errp);
}

int cross_domain_memory_copy(int fd, uint64_t size, Error **errp)
{
    g_autofree uint8_t *data = g_try_malloc(size);
    uint64_t len = 0;
    ssize_t got = 1;
    int copy;

    if (!data) {
        error_setg(errp, "no memory for a copy");
        return -1;
    }
    while (len < size && got > 0) {
        got = pread(fd, data + len, size - len, len);
        len += MAX(got, 0);
    }
    copy = cross_domain_memory_new(ROUND_UP(size, CROSS_DOMAIN_COPY_ALIGN),
                                   errp);
    if (copy < 0) {
        return -1;
    }
    if (pwrite(copy, data, len, 0) != len) {
        error_setg_errno(errp, errno, "no memory for a copy");
        close(copy);
        return -1;
    }
    return copy;
}

/* One page tells whether the kernel makes dma-bufs, and we may have them. */
int cross_domain_udmabuf_open(void)
{
    uint64_t size = qemu_real_host_page_size();
    int udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    int memfd = udmabuf < 0 ? -1 : cross_domain_memory_new(size, NULL);
    int dmabuf = memfd < 0 ? -1 :
        cross_domain_memory_dmabuf(udmabuf, memfd, size);

    if (memfd >= 0) {
        close(memfd);
    }
    if (dmabuf >= 0) {
        close(dmabuf);
    } else if (udmabuf >= 0) {
        close(udmabuf);
        udmabuf = -1;
    }
    return udmabuf;
}

int cross_domain_memory_dmabuf(int udmabuf, int memfd, uint64_t size)
{
    struct udmabuf_create create = {
        .memfd = memfd,
        .flags = UDMABUF_FLAGS_CLOEXEC,
        .size = size,
    };

    return ioctl(udmabuf, UDMABUF_CREATE, &create);
}
