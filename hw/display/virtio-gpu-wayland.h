/*
 * virtio-gpu with Wayland
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VIRTIO_GPU_WAYLAND_H
#define HW_DISPLAY_VIRTIO_GPU_WAYLAND_H

#include "hw/virtio/virtio-gpu.h"
#include "virtio-gpu-wayland-memory.h"

#define TYPE_VIRTIO_GPU_WAYLAND "virtio-gpu-wayland-device"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOGPUWayland, VIRTIO_GPU_WAYLAND)

struct VirtIOGPUWayland {
    VirtIOGPU parent_obj;

    char *path;             /* of the compositor's socket */
    OnOffAuto dmabuf;

    GHashTable *contexts;   /* WaylandContext by the guest's number */
    unsigned connections;   /* of those contexts, how many are cross-domain */
    QTAILQ_HEAD(, virtio_gpu_ctrl_command) answers; /* that are due */
    QEMUBH *answer_bh;
    GHashTable *blobs;      /* WaylandBlob by its resource's number */
    WaylandWindow window;
    int udmabuf;            /* -1: memory is shared as memfds */

    Error *blocker;         /* of migration, while it is blocked */
    bool warned;
    VMChangeStateEntry *vm_state;
};

/*
 * Commands of the guest's. Each returns 0 or VIRTIO_GPU_RESP_ERR_*, and the
 * numbers in them are the guest's: unchecked.
 */

/* virtio-gpu-wayland-context.c */
uint32_t wayland_context_create(VirtIOGPUWayland *w, uint32_t id,
                                uint32_t context_init);
uint32_t wayland_context_destroy(VirtIOGPUWayland *w, uint32_t id);
uint32_t wayland_context_attach(VirtIOGPUWayland *w, uint32_t id,
                                uint32_t resource);
uint32_t wayland_context_detach(VirtIOGPUWayland *w, uint32_t id,
                                uint32_t resource);
uint32_t wayland_context_submit(VirtIOGPUWayland *w, uint32_t id,
                                const uint8_t *buf, size_t len);

/**
 * wayland_context_hold:
 * @w: the device
 * @cmd: a command that has been run
 *
 * A command with a fence of a context's channel is answered when there is an
 * event in the ring, whatever became of the command.
 *
 * Returns: true if it is that, and has been taken for as long as that takes
 */
bool wayland_context_hold(VirtIOGPUWayland *w,
                          struct virtio_gpu_ctrl_command *cmd);

bool wayland_context_is_connection(VirtIOGPUWayland *w, uint32_t id);

/* As CrossDomainContext's, for a number that a connection was told; or -1. */
int wayland_context_take(VirtIOGPUWayland *w, uint32_t id, uint64_t blob_id,
                         uint64_t *size);

/* The resource is no more. */
void wayland_contexts_forget(VirtIOGPUWayland *w, uint32_t resource);
void wayland_contexts_run(VirtIOGPUWayland *w, bool running);

/* What @answer_bh does, with the device as @opaque: answers what is due. */
void wayland_contexts_answer(void *opaque);

/* All contexts end, and nothing that they hold is answered. */
void wayland_contexts_reset(VirtIOGPUWayland *w);

/* Migration goes on when no connections, memory or answers are left. */
void wayland_unblock_migration(VirtIOGPUWayland *w);

#endif /* HW_DISPLAY_VIRTIO_GPU_WAYLAND_H */
