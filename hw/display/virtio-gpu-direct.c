/*
 * Which of a virtio-gpu's resources are shown where the guest has them
 *
 * A transfer copies what the guest drew, and from then on it may draw what it
 * likes. Without that copy it must not, for as long as somebody looks: that is
 * so for a guest that flips between buffers and waits for its flushes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/virtio/virtio-gpu-direct.h"

const char *virtio_gpu_copied_because(const VirtIOGPUDirectFacts *facts)
{
    if (facts->off) {
        return "x-dmabuf-2d=off";
    }
    if (facts->no_buffer) {
        return "no dma-buf can be made of its memory";
    }
    if (facts->moved) {
        return "its pixels are elsewhere in its memory";
    }
    if (!facts->takes_dmabuf) {
        return "no viewer shows dma-bufs";
    }
    if (facts->wants_pixels) {
        /* they read whenever they like: the copy is what they need */
        return "a viewer shows pixels";
    }
    if (facts->front && !facts->always) {
        return "the guest draws into what is on screen";
    }
    if (!facts->fences && !facts->always) {
        return "the guest does not wait for its flushes";
    }
    return NULL;
}

bool virtio_gpu_pages_are_whole(const struct iovec *iov, unsigned count,
                                uint64_t size)
{
    uintptr_t page_mask = qemu_real_host_page_size() - 1;
    uint64_t total = 0;

    for (unsigned i = 0; i < count; i++) {
        if (((uintptr_t)iov[i].iov_base | iov[i].iov_len) & page_mask) {
            return false;
        }
        total += iov[i].iov_len;
    }
    return count && total >= size;
}
