/*
 * A virtio-gpu as its guest's driver has it, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VIRTIO_GPU_DRIVER_H
#define TESTS_QTEST_VIRTIO_GPU_DRIVER_H

#include "libqos/virtio-pci.h"
#include "standard-headers/linux/virtio_gpu.h"
#include "vgpu-fixture.h"

typedef struct VirtioGPU {
    VGPUMachine *machine;
    QGuestAllocator alloc;
    QVirtioPCIDevice *pci;
    QVirtQueue *queue;
    QVirtQueue *cursor_queue;
    uint64_t request;
    uint64_t response;
    uint64_t posts;       /* what the commands in flight are made of */
    unsigned posted;      /* since there was none in flight */
    unsigned answered;    /* of those */
} VirtioGPU;

/**
 * VirtioGPUMemory:
 * @addr: where the guest has it
 * @size: bytes of each part
 * @parts: number of parts, in the guest's memory the last one first
 *
 * What a resource is made of, as if it were one piece.
 */
typedef struct VirtioGPUMemory {
    uint64_t addr;
    uint32_t size;
    unsigned parts;
} VirtioGPUMemory;

/**
 * virtio_gpu_start:
 * @device: QEMU's name of it and its options
 * @display: what follows "-display"
 *
 * Returns: the only device of a new machine, whose driver is ready.
 */
VirtioGPU *virtio_gpu_start(const char *device, const char *display);
void virtio_gpu_stop(VirtioGPU *gpu);

/* At least @size bytes, in whole pages. */
VirtioGPUMemory virtio_gpu_alloc(VirtioGPU *gpu, uint64_t size,
                                 unsigned parts);
void virtio_gpu_free(VirtioGPU *gpu, const VirtioGPUMemory *memory);
void virtio_gpu_write(VirtioGPU *gpu, const VirtioGPUMemory *memory,
                      uint64_t offset, const uint8_t *data, size_t len);

/*
 * Commands: VIRTIO_GPU_CMD_*. Nothing is checked, for tests that get it wrong
 * on purpose. Each waits for the device and returns VIRTIO_GPU_RESP_*.
 */
uint32_t virtio_gpu_create_blob(VirtioGPU *gpu, uint32_t id,
                                const VirtioGPUMemory *memory, uint64_t size);
uint32_t virtio_gpu_create_2d(VirtioGPU *gpu, uint32_t id, uint32_t format,
                              uint32_t width, uint32_t height);
uint32_t virtio_gpu_create_3d(VirtioGPU *gpu, uint32_t id, uint32_t format,
                              uint32_t width, uint32_t height,
                              uint32_t flags);
uint32_t virtio_gpu_attach_backing(VirtioGPU *gpu, uint32_t id,
                                   const VirtioGPUMemory *memory);
uint32_t virtio_gpu_detach_backing(VirtioGPU *gpu, uint32_t id);
uint32_t virtio_gpu_transfer_2d(VirtioGPU *gpu, uint32_t id, uint32_t width,
                                uint32_t height);
uint32_t virtio_gpu_transfer_3d(VirtioGPU *gpu, uint32_t id, uint32_t width,
                                uint32_t height);
uint32_t virtio_gpu_unref(VirtioGPU *gpu, uint32_t id);
uint32_t virtio_gpu_set_scanout(VirtioGPU *gpu, uint32_t id,
                                struct virtio_gpu_rect rect);
uint32_t virtio_gpu_flush(VirtioGPU *gpu, uint32_t id,
                          struct virtio_gpu_rect rect);

/**
 * virtio_gpu_set_scanout_blob:
 * @gpu: the device
 * @scanout: the command, in the host's byte order; its header is filled in
 */
uint32_t virtio_gpu_set_scanout_blob(
    VirtioGPU *gpu, const struct virtio_gpu_set_scanout_blob *scanout);

/*
 * Commands that are not waited for. They are in the queue until
 * virtio_gpu_kick() tells the device of them, and @fence is 0 for none. At most
 * VIRTIO_GPU_MAX_POSTS may be in flight.
 */
#define VIRTIO_GPU_MAX_POSTS 16
void virtio_gpu_post_flush(VirtioGPU *gpu, uint32_t id,
                           struct virtio_gpu_rect rect, uint64_t fence);
void virtio_gpu_post_create_2d(VirtioGPU *gpu, uint32_t id, uint32_t width,
                               uint32_t height, uint64_t fence);
void virtio_gpu_kick(VirtioGPU *gpu);

/**
 * virtio_gpu_take_answer:
 * @gpu: the device
 * @post: which of the commands has been answered, counted from 0 since there
 *        was none in flight
 * @response: VIRTIO_GPU_RESP_*
 *
 * Returns: false if there is no answer yet, or no other one.
 */
bool virtio_gpu_take_answer(VirtioGPU *gpu, unsigned *post,
                            uint32_t *response);

/* Moves the cursor, and waits until the device has done it. */
void virtio_gpu_move_cursor(VirtioGPU *gpu, uint32_t x, uint32_t y);

/* The driver resets the device, whatever is in flight, and sets it up again. */
void virtio_gpu_reset(VirtioGPU *gpu);

/* A screendump; always a whole one. */
VGPUPicture *virtio_gpu_screendump(VirtioGPU *gpu);

#endif /* TESTS_QTEST_VIRTIO_GPU_DRIVER_H */
