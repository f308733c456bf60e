/*
 * virtio-gpu with Wayland: memory of the host's that guests map
 *
 * All of it goes through one window, a BAR of the device. The window is one
 * piece of RAM for good, and what the guest maps takes the place of pages in
 * it: so nothing of the VM's memory layout changes, and what is not mapped is
 * memory of no use to anybody, and no fault.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VIRTIO_GPU_WAYLAND_MEMORY_H
#define HW_DISPLAY_VIRTIO_GPU_WAYLAND_MEMORY_H

#include "hw/virtio/virtio-gpu.h"

typedef struct WaylandWindow {
    MemoryRegion mr;
    uint8_t *ptr;
    uint64_t size;
} WaylandWindow;

/**
 * WaylandBlob:
 * @size: in bytes, whole pages
 * @memfd: the memory
 * @dmabuf: the same as a dma-buf; -1 if there is none
 * @offset: where in the window it is
 * @mapped: it is there
 *
 * Memory that a guest has allocated, or that a compositor has sent it.
 */
typedef struct WaylandBlob {
    uint64_t size;
    int memfd;
    int dmabuf;
    uint64_t offset;
    bool mapped;
} WaylandBlob;

/**
 * wayland_window_init:
 * @window: to be initialized
 * @owner: the device
 * @bar: the region that it fills
 * @errp: why there is none
 *
 * Returns: false on an error
 */
bool wayland_window_init(WaylandWindow *window, Object *owner,
                         MemoryRegion *bar, Error **errp);
void wayland_window_fini(WaylandWindow *window, MemoryRegion *bar);

/**
 * wayland_window_map:
 * @window: the window
 * @blob: memory that is not mapped
 * @offset: where the guest wants it
 *
 * Returns: NULL, or what is wrong, in words
 */
const char *wayland_window_map(WaylandWindow *window, WaylandBlob *blob,
                               uint64_t offset);
void wayland_window_unmap(WaylandWindow *window, WaylandBlob *blob);

/**
 * wayland_blob_new:
 * @memfd: memory of at least one byte and at most @size, the blob's now
 * @size: in whole pages
 * @udmabuf: what makes dma-bufs; -1 if nothing does
 */
WaylandBlob *wayland_blob_new(int memfd, uint64_t size, int udmabuf);

/* It must not be mapped. */
void wayland_blob_free(WaylandBlob *blob);

/* A new descriptor for a compositor; -1 on an error. */
int wayland_blob_dup(const WaylandBlob *blob);

#endif /* HW_DISPLAY_VIRTIO_GPU_WAYLAND_MEMORY_H */
