/*
 * Software vGPU: its memory and the buffers it gives away
 *
 * VRAM is one memfd, which the guest has as a BAR. A buffer is, in this order:
 * a copy of VRAM in a memfd of its own, where the guest asked for that; a
 * dma-buf made by the kernel's udmabuf from VRAM's pages; or VRAM's memfd
 * itself, which reads and maps just like a dma-buf that the CPU can reach.
 *
 * VRAM is sealed against shrinking: udmabuf insists, and QEMU has it mapped
 * for the guest. So a buffer that can shrink must be a copy.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <sys/mman.h>
#include "qapi/error.h"
#include "qemu/log.h"
#include "qemu/memfd.h"
#include "standard-headers/linux/udmabuf.h"
#include "vgpu-sw-internal.h"

/* Makes a dma-buf from whole pages of VRAM; an fd or a negative errno. */
static int udmabuf_create(const VGPUSWState *s, uint64_t offset, uint64_t len)
{
    struct udmabuf_create create = {
        .memfd = s->fd,
        .flags = UDMABUF_FLAGS_CLOEXEC,
        .offset = offset,
        .size = len,
    };
    int fd = ioctl(s->udmabuf_fd, UDMABUF_CREATE, &create);

    return fd < 0 ? -errno : fd;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/*
 * Does this host make dma-bufs, and may we? One page tells. Not by
 * udmabuf_fd(), which warns where there are none: here that is normal.
 */
static void udmabuf_init(VGPUSWState *s)
{
    int fd;

    s->udmabuf_fd = qemu_open_old("/dev/udmabuf", O_RDWR);
    fd = s->udmabuf_fd < 0 ? -1 :
        udmabuf_create(s, 0, qemu_real_host_page_size());
    if (fd < 0) {
        close_fd(&s->udmabuf_fd);
        return;
    }
    close(fd);
}

bool vgpu_sw_buffer_init(VGPUSWState *s, Error **errp)
{
    int fd = qemu_memfd_create("vgpu-sw-vram", s->vram_size, false, 0,
                               F_SEAL_SHRINK, errp);

    if (fd < 0) {
        return false;
    }
    s->fd = qemu_dup(fd);
    if (s->fd < 0) {
        error_setg_errno(errp, errno, "cannot duplicate the VRAM's memfd");
        close(fd);
        return false;
    }
    if (!memory_region_init_ram_from_fd(&s->vram, OBJECT(s), "vgpu-sw-vram",
                                        s->vram_size, RAM_SHARED, fd, 0,
                                        errp)) {
        close(fd);
        return false;
    }
    if (s->udmabuf != ON_OFF_AUTO_OFF) {
        udmabuf_init(s);
    }
    if (s->udmabuf == ON_OFF_AUTO_ON && s->udmabuf_fd < 0) {
        error_setg(errp, "no dma-bufs can be made with /dev/udmabuf");
        return false;
    }
    return true;
}

void vgpu_sw_buffer_finish(VGPUSWState *s)
{
    close_fd(&s->copy_fd);
    close_fd(&s->udmabuf_fd);
    close_fd(&s->fd);
}

static bool next_is_udmabuf(const VGPUSWState *s)
{
    return s->udmabuf_fd >= 0 && !s->buffer_copy &&
        !(s->buffer_flags & VGPU_SW_BUFFER_NO_MAP);
}

uint64_t vgpu_sw_buffer_offset(const VGPUSWState *s, unsigned plane)
{
    uint64_t offset = vgpu_sw_shown_offset(s, plane);

    /* A udmabuf starts at the page that the plane starts in. */
    return next_is_udmabuf(s) ? offset % qemu_real_host_page_size() : offset;
}

static int get_udmabuf(const VGPUSWState *s, unsigned plane)
{
    uint64_t page = qemu_real_host_page_size();
    uint64_t start = QEMU_ALIGN_DOWN(vgpu_sw_shown_offset(s, plane), page);
    uint64_t len;

    if (start >= s->vram_size) {
        return -EINVAL;
    }
    len = vgpu_sw_buffer_offset(s, plane) + vgpu_sw_shown_size(s, plane);
    len = MIN(len, s->vram_size - start);
    return udmabuf_create(s, start, MAX(ROUND_UP(len, page), page));
}

/* A second fd for the same file that cannot be read and so not be mapped. */
static int get_write_only(int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int ret = qemu_open_old(path, O_WRONLY);

    return ret < 0 ? -errno : ret;
}

static int copy_vram(VGPUSWState *s, int fd, size_t len)
{
    const uint8_t *vram = memory_region_get_ram_ptr(&s->vram);
    size_t done = 0;
    ssize_t ret;

    while (done < len) {
        ret = RETRY_ON_EINTR(pwrite(fd, vram + done, len - done, done));
        if (ret < 0) {
            return -errno;
        }
        done += ret;
    }
    return 0;
}

/* Renews the copy; 0 or a negative errno. */
static int make_copy(VGPUSWState *s)
{
    int fd = memfd_create("vgpu-sw-copy", MFD_CLOEXEC);
    int ret;

    if (fd < 0) {
        return -errno;
    }
    ret = copy_vram(s, fd, MIN(s->buffer_copy, s->vram_size));
    if (ret < 0) {
        close(fd);
        return ret;
    }
    close_fd(&s->copy_fd);
    s->copy_fd = fd;
    return 0;
}

int vgpu_sw_buffer_get(VGPUSWState *s, unsigned plane)
{
    int fd = s->fd;
    int ret;

    if (next_is_udmabuf(s)) {
        return get_udmabuf(s, plane);
    }
    if (s->buffer_copy) {
        ret = make_copy(s);
        if (ret < 0) {
            return ret;
        }
        fd = s->copy_fd;
    }
    if (s->buffer_flags & VGPU_SW_BUFFER_NO_MAP) {
        return get_write_only(fd);
    }
    ret = qemu_dup(fd);
    return ret < 0 ? -errno : ret;
}

void vgpu_sw_buffer_cut(VGPUSWState *s, uint32_t len)
{
    if (s->copy_fd >= 0 && len <= s->vram_size) {
        /* Fails only if a later kernel has a reason; then nothing is cut. */
        if (ftruncate(s->copy_fd, len) < 0) {
            qemu_log_mask(LOG_UNIMP, "vgpu-sw: cannot cut a buffer: %s\n",
                          strerror(errno));
        }
    }
}
