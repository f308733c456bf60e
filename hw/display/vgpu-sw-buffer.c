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
#include "vgpu-sw-buffer.h"

/* Makes a dma-buf from whole pages of VRAM; an fd or a negative errno. */
static int udmabuf_create(const VGPUSWBuffers *buffers, uint64_t offset,
                          uint64_t len)
{
    struct udmabuf_create create = {
        .memfd = buffers->fd,
        .flags = UDMABUF_FLAGS_CLOEXEC,
        .offset = offset,
        .size = len,
    };
    int fd = ioctl(buffers->udmabuf_fd, UDMABUF_CREATE, &create);

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
static void udmabuf_init(VGPUSWBuffers *buffers)
{
    int fd;

    buffers->udmabuf_fd = qemu_open_old("/dev/udmabuf", O_RDWR);
    fd = buffers->udmabuf_fd < 0 ? -1 :
        udmabuf_create(buffers, 0, qemu_real_host_page_size());
    if (fd < 0) {
        close_fd(&buffers->udmabuf_fd);
    }
    close_fd(&fd);
}

void vgpu_sw_buffers_init(VGPUSWBuffers *buffers)
{
    buffers->fd = -1;
    buffers->udmabuf_fd = -1;
    buffers->copy_fd = -1;
}

bool vgpu_sw_buffers_realize(VGPUSWBuffers *buffers, Object *owner,
                             Error **errp)
{
    int fd = qemu_memfd_create("vgpu-sw-vram", buffers->vram_size, false, 0,
                               F_SEAL_SHRINK, errp);

    if (fd < 0) {
        return false;
    }
    buffers->fd = qemu_dup(fd);
    if (buffers->fd < 0) {
        error_setg_errno(errp, errno, "cannot duplicate the VRAM's memfd");
        close(fd);
        return false;
    }
    if (!memory_region_init_ram_from_fd(&buffers->vram, owner, "vgpu-sw-vram",
                                        buffers->vram_size, RAM_SHARED, fd, 0,
                                        errp)) {
        close(fd);
        return false;
    }
    if (buffers->udmabuf != ON_OFF_AUTO_OFF) {
        udmabuf_init(buffers);
    }
    if (buffers->udmabuf == ON_OFF_AUTO_ON && buffers->udmabuf_fd < 0) {
        error_setg(errp, "no dma-bufs can be made with /dev/udmabuf");
        return false;
    }
    return true;
}

void vgpu_sw_buffers_finish(VGPUSWBuffers *buffers)
{
    close_fd(&buffers->copy_fd);
    close_fd(&buffers->udmabuf_fd);
    close_fd(&buffers->fd);
}

static bool next_is_udmabuf(const VGPUSWBuffers *buffers)
{
    return buffers->udmabuf_fd >= 0 && !buffers->copy &&
        !(buffers->flags & VGPU_SW_BUFFER_NO_MAP);
}

uint8_t *vgpu_sw_vram(const VGPUSWBuffers *buffers)
{
    return memory_region_get_ram_ptr((MemoryRegion *)&buffers->vram);
}

uint64_t vgpu_sw_buffer_offset(const VGPUSWBuffers *buffers, uint64_t offset)
{
    /* A udmabuf starts at the page that the plane starts in. */
    return next_is_udmabuf(buffers) ? offset % qemu_real_host_page_size()
                                    : offset;
}

static int get_udmabuf(const VGPUSWBuffers *buffers, uint64_t offset,
                       uint64_t size)
{
    uint64_t page = qemu_real_host_page_size();
    uint64_t start = QEMU_ALIGN_DOWN(offset, page);
    uint64_t len;

    if (start >= buffers->vram_size) {
        return -EINVAL;
    }
    len = MIN(offset - start + size, buffers->vram_size - start);
    return udmabuf_create(buffers, start, MAX(ROUND_UP(len, page), page));
}

/* A second fd for the same file that cannot be read and so not be mapped. */
static int get_write_only(int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int ret = qemu_open_old(path, O_WRONLY);

    return ret < 0 ? -errno : ret;
}

/* Renews the copy; 0 or a negative errno. */
static int make_copy(VGPUSWBuffers *buffers)
{
    size_t len = MIN(buffers->copy, buffers->vram_size);
    int fd = memfd_create("vgpu-sw-copy", MFD_CLOEXEC);
    int ret;

    if (fd < 0) {
        return -errno;
    }
    if (qemu_write_full(fd, vgpu_sw_vram(buffers), len) != len) {
        ret = -errno;
        close(fd);
        return ret;
    }
    close_fd(&buffers->copy_fd);
    buffers->copy_fd = fd;
    return 0;
}

int vgpu_sw_buffer_get(VGPUSWBuffers *buffers, uint64_t offset, uint64_t size)
{
    int fd = buffers->fd;
    int ret;

    if (next_is_udmabuf(buffers)) {
        return get_udmabuf(buffers, offset, size);
    }
    if (buffers->copy) {
        ret = make_copy(buffers);
        if (ret < 0) {
            return ret;
        }
        fd = buffers->copy_fd;
    }
    if (buffers->flags & VGPU_SW_BUFFER_NO_MAP) {
        return get_write_only(fd);
    }
    ret = qemu_dup(fd);
    return ret < 0 ? -errno : ret;
}

void vgpu_sw_buffer_cut(VGPUSWBuffers *buffers, uint32_t len)
{
    if (buffers->copy_fd >= 0 && len <= buffers->vram_size) {
        /* Fails only if a later kernel has a reason; then nothing is cut. */
        if (ftruncate(buffers->copy_fd, len) < 0) {
            qemu_log_mask(LOG_UNIMP, "vgpu-sw: cannot cut a buffer: %s\n",
                          strerror(errno));
        }
    }
}
