/*
 * Buffers that a Wayland compositor reads: dma-bufs, and copies in shared
 * memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_WAYLAND_BUFFER_H
#define VGPU_SCREEN_WAYLAND_BUFFER_H

#include <wayland-client.h>

#include "linux-dmabuf-unstable-v1-client-protocol.h"
#include "screen.h"

/* What the compositor takes as dma-bufs, and whom to tell of buffers. */
typedef struct WaylandDmabuf {
    struct zwp_linux_dmabuf_v1 *dmabuf;         /* NULL: it takes none */
    struct zwp_linux_dmabuf_feedback_v1 *feedback;
    GArray *formats;
    void *table;
    size_t table_size;
    /* A buffer was taken or refused, or is free. */
    void (*changed)(void *opaque);
    void *opaque;
} WaylandDmabuf;

typedef enum WaylandImport {
    WAYLAND_IMPORT_PENDING,     /* the compositor has not answered yet */
    WAYLAND_IMPORT_READY,
    WAYLAND_IMPORT_REFUSED,
} WaylandImport;

void wayland_dmabuf_init(WaylandDmabuf *dmabuf, struct wl_registry *registry,
                         uint32_t name, uint32_t version,
                         void (*changed)(void *opaque), void *opaque);
void wayland_dmabuf_finish(WaylandDmabuf *dmabuf);

/**
 * wayland_import:
 * @dmabuf: the compositor's
 * @buffer: any; the import stays with it
 * @wl_buffer: set if it is ready
 *
 * Returns: whether the compositor shows the buffer as it is.
 */
WaylandImport wayland_import(WaylandDmabuf *dmabuf, ScreenBuffer *buffer,
                             struct wl_buffer **wl_buffer);

/* The buffer is about to be committed. */
void wayland_import_use(ScreenBuffer *buffer);

/* Whether the compositor may still read from the buffer. */
bool wayland_import_is_busy(const ScreenBuffer *buffer);

/* One of a few copies that are shown in turn. */
typedef struct WaylandCopy {
    struct wl_buffer *wl_buffer;
    pixman_image_t *image;
    pixman_region32_t stale;    /* what has changed since it was written */
    void *memory;
    size_t size;
    bool busy;
    /* It is free again; NULL: nobody waits for that. */
    void (*released)(void *opaque);
    void *opaque;
} WaylandCopy;

/**
 * wayland_copy_new:
 * @shm: the compositor's
 * @format: WL_SHM_FORMAT_XRGB8888 or WL_SHM_FORMAT_ARGB8888
 * @width: in pixels
 * @height: likewise
 *
 * Returns: a copy of which everything is stale, or NULL with errno set.
 */
WaylandCopy *wayland_copy_new(struct wl_shm *shm, uint32_t format,
                              int width, int height);
void wayland_copy_free(WaylandCopy *copy);

#endif /* VGPU_SCREEN_WAYLAND_BUFFER_H */
