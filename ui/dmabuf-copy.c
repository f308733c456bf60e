/*
 * A copy of a dma-buf for a renderer that must not meet what can vanish
 *
 * Copied with pwrite(), from the mapping to a memfd: where the kernel finds
 * memory gone it stops with an error, in whatever thread, and raises no
 * signal.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/memfd.h"
#include "ui/dmabuf-copy.h"
#include "ui/dmabuf-map.h"

struct DmaBufCopy {
    QemuDmaBuf *dmabuf; /* the memfd, with the original's layout */
    int from;           /* borrowed */
    DmaBufMap *map;
    uint64_t start;
    uint64_t end;
};

/* From the plane's first byte to its last row's end, gaps between rows too. */
static bool find_range(QemuDmaBuf *dmabuf, uint64_t *start, uint64_t *end,
                       Error **errp)
{
    uint64_t len = (uint64_t)qemu_dmabuf_get_stride(dmabuf) *
        qemu_dmabuf_get_backing_height(dmabuf);
    off_t size = lseek(qemu_dmabuf_get_fd(dmabuf), 0, SEEK_END);

    *start = qemu_dmabuf_get_offset(dmabuf);
    *end = *start + len;
    if (qemu_dmabuf_get_num_planes(dmabuf) != 1) {
        error_setg(errp, "OpenGL is done in software here and the buffer has "
                   "several planes");
        return false;
    }
    if (*end <= *start || size < 0 || *end > size) {
        error_setg(errp, "the buffer has %" PRId64 " of %" PRIu64 " bytes",
                   (int64_t)size, *end);
        return false;
    }
    return true;
}

static QemuDmaBuf *new_layout(QemuDmaBuf *dmabuf, int fd)
{
    QemuDmaBuf *copy =
        qemu_dmabuf_new_joint(qemu_dmabuf_get_width(dmabuf),
                              qemu_dmabuf_get_height(dmabuf),
                              qemu_dmabuf_get_stride(dmabuf),
                              qemu_dmabuf_get_x(dmabuf),
                              qemu_dmabuf_get_y(dmabuf),
                              qemu_dmabuf_get_backing_width(dmabuf),
                              qemu_dmabuf_get_backing_height(dmabuf),
                              qemu_dmabuf_get_fourcc(dmabuf),
                              qemu_dmabuf_get_modifier(dmabuf), fd, false,
                              qemu_dmabuf_get_y0_top(dmabuf));

    qemu_dmabuf_set_offset(copy, qemu_dmabuf_get_offset(dmabuf));
    return copy;
}

DmaBufCopy *dmabuf_copy_new(QemuDmaBuf *dmabuf, Error **errp)
{
    g_autoptr(DmaBufMap) map = NULL;
    uint64_t start, end;
    DmaBufCopy *copy;
    int fd;

    if (!find_range(dmabuf, &start, &end, errp)) {
        return NULL;
    }
    map = dmabuf_map_new(qemu_dmabuf_get_fd(dmabuf), end, errp);
    if (!map) {
        return NULL;
    }
    if (map->len < end) {
        error_setg(errp, "OpenGL is done in software here and the buffer "
                   "cannot be mapped whole");
        return NULL;
    }
    fd = qemu_memfd_create("dmabuf-copy", end, false, 0, 0, errp);
    if (fd < 0) {
        return NULL;
    }
    copy = g_new0(DmaBufCopy, 1);
    copy->dmabuf = new_layout(dmabuf, fd);
    copy->from = qemu_dmabuf_get_fd(dmabuf);
    copy->map = g_steal_pointer(&map);
    copy->start = start;
    copy->end = end;
    return copy;
}

void dmabuf_copy_free(DmaBufCopy *copy)
{
    if (!copy) {
        return;
    }
    dmabuf_map_free(copy->map);
    qemu_dmabuf_close(copy->dmabuf);
    qemu_dmabuf_free(copy->dmabuf);
    g_free(copy);
}

QemuDmaBuf *dmabuf_copy_get(DmaBufCopy *copy)
{
    return copy->dmabuf;
}

static bool copy_range(DmaBufCopy *copy, uint64_t at, uint64_t end,
                       Error **errp)
{
    int fd = qemu_dmabuf_get_fd(copy->dmabuf);

    while (at < end) {
        ssize_t done = pwrite(fd, copy->map->data + at, end - at, at);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            error_setg(errp, "the buffer went away while it was read");
            return false;
        }
        at += done;
    }
    return true;
}

bool dmabuf_copy_update(DmaBufCopy *copy, uint32_t first, uint32_t rows,
                        Error **errp)
{
    uint64_t stride = qemu_dmabuf_get_stride(copy->dmabuf);
    uint64_t at = copy->start +
        stride * (qemu_dmabuf_get_y(copy->dmabuf) + (uint64_t)first);
    uint64_t end = MIN(at + stride * rows, copy->end);
    bool synced = dmabuf_sync_read_begin(copy->from);
    bool done = copy_range(copy, at, end, errp);

    if (synced) {
        dmabuf_sync_read_end(copy->from);
    }
    return done;
}
