/*
 * A dma-buf mapped for reading by the CPU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <linux/dma-buf.h>
#include "qapi/error.h"
#include "ui/dmabuf-map.h"

#define SYNC_TRIES 16

static void *dmabuf_mmap(int fd, size_t len)
{
    return mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
}

DmaBufMap *dmabuf_map_new(int fd, uint64_t len, Error **errp)
{
    DmaBufMap *map;
    size_t mapped = len;
    void *data;

    if (len == 0 || len > SIZE_MAX) {
        error_setg(errp, "cannot map %" PRIu64 " bytes", len);
        return NULL;
    }

    data = dmabuf_mmap(fd, mapped);
    if (data == MAP_FAILED && errno == EINVAL) {
        /* perhaps only the page that the buffer ends in */
        mapped = QEMU_ALIGN_DOWN(len, qemu_real_host_page_size());
        data = mapped ? dmabuf_mmap(fd, mapped) : MAP_FAILED;
    }
    if (data == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot map the buffer");
        return NULL;
    }

    map = g_new0(DmaBufMap, 1);
    map->data = data;
    map->len = mapped;
    return map;
}

void dmabuf_map_free(DmaBufMap *map)
{
    if (!map) {
        return;
    }
    munmap((void *)map->data, map->len);
    g_free(map);
}

/*
 * The kernel says to call again after EAGAIN and EINTR. The main loop does so
 * a few times: a driver may say that for ever.
 *
 * An error is no reason to show nothing: a memfd knows no such ioctl, and what
 * a driver would have flushed is at worst seen one refresh later.
 */
static void dmabuf_sync(int fd, uint64_t flags)
{
    struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_READ };

    for (int i = 0; i < SYNC_TRIES; i++) {
        if (ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) == 0 ||
            (errno != EINTR && errno != EAGAIN)) {
            return;
        }
    }
}

bool dmabuf_sync_read_begin(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    if (poll(&pfd, 1, 0) == 0) {
        return false;
    }
    dmabuf_sync(fd, DMA_BUF_SYNC_START);
    return true;
}

void dmabuf_sync_read_end(int fd)
{
    dmabuf_sync(fd, DMA_BUF_SYNC_END);
}

/* Readable once all that was to be written by now is; -1 if there is none. */
static int dmabuf_export_write_fence(int fd)
{
#ifdef DMA_BUF_IOCTL_EXPORT_SYNC_FILE
    struct dma_buf_export_sync_file arg = {
        .flags = DMA_BUF_SYNC_READ, .fd = -1,
    };

    if (ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &arg) == 0) {
        return arg.fd;
    }
#endif
    return -1;
}

void dmabuf_wait_for_writers(int fd, int ms)
{
    int fence = dmabuf_export_write_fence(fd);
    struct pollfd pfd = { .fd = fence >= 0 ? fence : fd, .events = POLLIN };

    while (poll(&pfd, 1, ms) < 0 && errno == EINTR) {
        /* once more */
    }
    if (fence >= 0) {
        close(fence);
    }
}
