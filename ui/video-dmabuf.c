/*
 * A guest's dma-buf on its way to a video encoder
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "video-dmabuf.h"

static bool is_one_picture(QemuDmaBuf *dmabuf)
{
    return qemu_dmabuf_get_num_planes(dmabuf) == 1 &&
        !qemu_dmabuf_get_offset(dmabuf) && !qemu_dmabuf_get_y0_top(dmabuf) &&
        !qemu_dmabuf_get_x(dmabuf) && !qemu_dmabuf_get_y(dmabuf) &&
        qemu_dmabuf_get_backing_width(dmabuf) ==
        qemu_dmabuf_get_width(dmabuf) &&
        qemu_dmabuf_get_backing_height(dmabuf) ==
        qemu_dmabuf_get_height(dmabuf);
}

/* Its size as the kernel says, which not every exporter does. */
static bool has_all_rows(QemuDmaBuf *dmabuf, int fd, uint64_t *size)
{
    uint64_t end = qemu_dmabuf_get_plane_end(dmabuf, 0);
    off_t real = lseek(fd, 0, SEEK_END);

    *size = real > 0 ? real : end;
    return end && end <= *size;
}

VideoDmabuf *video_dmabuf_new(QemuDmaBuf *dmabuf, Error **errp)
{
    VideoDmabuf *video;
    struct stat info;
    uint64_t size;
    int fd;

    if (!is_one_picture(dmabuf)) {
        error_setg(errp, "the buffer is not one picture from its start on");
        return NULL;
    }
    if (qemu_dmabuf_get_modifier(dmabuf) == DRM_FORMAT_MOD_INVALID) {
        error_setg(errp, "nobody knows how the buffer is laid out");
        return NULL;
    }
    fd = dup(qemu_dmabuf_get_fd(dmabuf));
    if (fd >= 0) {
        qemu_set_cloexec(fd);
    }
    if (fd < 0 || fstat(fd, &info) < 0 || !has_all_rows(dmabuf, fd, &size)) {
        error_setg(errp, "the buffer ends before the picture does, or no "
                   "descriptor is left for it");
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    video = g_new0(VideoDmabuf, 1);
    video->refs = 1;
    video->fd = fd;
    video->inode = info.st_ino;
    video->format.fourcc = qemu_dmabuf_get_fourcc(dmabuf);
    video->format.modifier = qemu_dmabuf_get_modifier(dmabuf);
    video->width = qemu_dmabuf_get_width(dmabuf);
    video->height = qemu_dmabuf_get_height(dmabuf);
    video->stride = qemu_dmabuf_get_stride(dmabuf);
    video->size = size;
    return video;
}

VideoDmabuf *video_dmabuf_ref(VideoDmabuf *dmabuf)
{
    if (dmabuf) {
        g_atomic_int_inc(&dmabuf->refs);
    }
    return dmabuf;
}

void video_dmabuf_unref(VideoDmabuf *dmabuf)
{
    if (dmabuf && g_atomic_int_dec_and_test(&dmabuf->refs)) {
        close(dmabuf->fd);
        g_free(dmabuf);
    }
}

bool video_format_equal(const VideoFormat *a, const VideoFormat *b)
{
    return a->fourcc == b->fourcc && a->modifier == b->modifier;
}
