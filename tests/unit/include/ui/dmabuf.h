/*
 * What the pure logic needs of QEMU's ui/dmabuf.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_DMABUF_H
#define UI_DMABUF_H

#include "qemu/osdep.h"

#define DMABUF_MAX_PLANES 4

typedef struct QemuDmaBufPlane {
    int fd;
    uint32_t stride;
    uint64_t offset;
} QemuDmaBufPlane;

/* The files under test give it one plane, or those of another one. */
typedef struct QemuDmaBuf {
    QemuDmaBufPlane planes[DMABUF_MAX_PLANES];
    unsigned num_planes;
    uint32_t width, height, x, y, backing_width, backing_height;
    uint32_t fourcc;
    uint64_t modifier;
    bool y0_top;
} QemuDmaBuf;

static inline QemuDmaBuf *
qemu_dmabuf_new_joint(uint32_t width, uint32_t height, uint32_t stride,
                      uint32_t x, uint32_t y, uint32_t backing_width,
                      uint32_t backing_height, uint32_t fourcc,
                      uint64_t modifier, int fd, bool allow_fences,
                      bool y0_top)
{
    QemuDmaBuf *dmabuf = g_new0(QemuDmaBuf, 1);

    *dmabuf = (QemuDmaBuf) {
        .planes[0] = { .fd = fd, .stride = stride },
        .num_planes = 1,
        .width = width, .height = height, .x = x, .y = y,
        .backing_width = backing_width, .backing_height = backing_height,
        .fourcc = fourcc, .modifier = modifier, .y0_top = y0_top,
    };
    return dmabuf;
}

static inline void qemu_dmabuf_free(QemuDmaBuf *dmabuf)
{
    g_free(dmabuf);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuDmaBuf, qemu_dmabuf_free)

/* Planes that share an fd have it closed once. */
static inline void qemu_dmabuf_close(QemuDmaBuf *dmabuf)
{
    for (unsigned i = 0; i < dmabuf->num_planes; i++) {
        int fd = dmabuf->planes[i].fd;

        for (unsigned j = i; j < dmabuf->num_planes; j++) {
            if (dmabuf->planes[j].fd == fd) {
                dmabuf->planes[j].fd = -1;
            }
        }
        if (fd >= 0) {
            close(fd);
        }
    }
}

#define QEMU_DMABUF_GETTER(type, name, value)                    \
    static inline type qemu_dmabuf_get_##name(QemuDmaBuf *dmabuf) \
    {                                                            \
        return dmabuf->value;                                    \
    }

QEMU_DMABUF_GETTER(int, fd, planes[0].fd)
QEMU_DMABUF_GETTER(uint32_t, stride, planes[0].stride)
QEMU_DMABUF_GETTER(uint64_t, offset, planes[0].offset)
QEMU_DMABUF_GETTER(unsigned, num_planes, num_planes)
QEMU_DMABUF_GETTER(uint32_t, width, width)
QEMU_DMABUF_GETTER(uint32_t, height, height)
QEMU_DMABUF_GETTER(uint32_t, x, x)
QEMU_DMABUF_GETTER(uint32_t, y, y)
QEMU_DMABUF_GETTER(uint32_t, backing_width, backing_width)
QEMU_DMABUF_GETTER(uint32_t, backing_height, backing_height)
QEMU_DMABUF_GETTER(uint32_t, fourcc, fourcc)
QEMU_DMABUF_GETTER(uint64_t, modifier, modifier)
QEMU_DMABUF_GETTER(bool, y0_top, y0_top)

#undef QEMU_DMABUF_GETTER

static inline QemuDmaBufPlane qemu_dmabuf_get_plane(QemuDmaBuf *dmabuf,
                                                    unsigned index)
{
    return dmabuf->planes[index];
}

static inline int qemu_dmabuf_dup_fd(QemuDmaBuf *dmabuf)
{
    return dup(dmabuf->planes[0].fd);
}

static inline uint64_t qemu_dmabuf_get_plane_end(QemuDmaBuf *dmabuf,
                                                 unsigned index)
{
    const QemuDmaBufPlane *plane = &dmabuf->planes[index];

    return plane->offset + (uint64_t)plane->stride * dmabuf->backing_height;
}

static inline void qemu_dmabuf_set_offset(QemuDmaBuf *dmabuf, uint64_t offset)
{
    dmabuf->planes[0].offset = offset;
}

static inline void qemu_dmabuf_set_planes(QemuDmaBuf *dmabuf,
                                          const QemuDmaBufPlane *planes,
                                          unsigned num_planes)
{
    assert(num_planes >= 1 && num_planes <= DMABUF_MAX_PLANES);
    memcpy(dmabuf->planes, planes, num_planes * sizeof(*planes));
    dmabuf->num_planes = num_planes;
}

#endif /* UI_DMABUF_H */
