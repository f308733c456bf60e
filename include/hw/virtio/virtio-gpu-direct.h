/*
 * Which of a virtio-gpu's resources are shown where the guest has them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GPU_DIRECT_H
#define HW_VIRTIO_GPU_DIRECT_H

/*
 * VirtIOGPUDirectFacts:
 * @off: the user wants copies
 * @always: the user wants none, whatever the guest does
 * @fences: the guest waits for its flushes
 * @front: it drew into this resource while that was on screen
 * @moved: its transfers do not leave pixels at their place
 * @no_buffer: there is no dma-buf of its memory
 * @takes_dmabuf: some viewer shows dma-bufs
 * @wants_pixels: some viewer shows pixels
 *
 * What is known of a resource and those who look at it.
 */
typedef struct VirtIOGPUDirectFacts {
    bool off;
    bool always;
    bool fences;
    bool front;
    bool moved;
    bool no_buffer;
    bool takes_dmabuf;
    bool wants_pixels;
} VirtIOGPUDirectFacts;

/**
 * virtio_gpu_copied_because:
 * @facts: what is known
 *
 * Returns: why the resource is copied, in English; NULL if viewers get the
 * guest's own memory.
 */
const char *virtio_gpu_copied_because(const VirtIOGPUDirectFacts *facts);

/**
 * virtio_gpu_pages_are_whole:
 * @iov: where the guest's memory is
 * @count: its parts
 * @size: bytes that are to be shown
 *
 * Returns: true if the parts are whole pages, and enough of them.
 */
bool virtio_gpu_pages_are_whole(const struct iovec *iov, unsigned count,
                                uint64_t size);

#endif /* HW_VIRTIO_GPU_DIRECT_H */
