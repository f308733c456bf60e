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
#include "buffer.h"

/* What the compositor takes as dma-bufs, and whom to tell of buffers. */
typedef struct WaylandDmabuf {
    struct zwp_linux_dmabuf_v1 *dmabuf;         /* NULL: it takes none */
    GArray *formats;
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
                         uint32_t name, void (*changed)(void *opaque),
                         void *opaque);
void wayland_dmabuf_finish(WaylandDmabuf *dmabuf);

/* Whether the compositor says that it takes such a buffer */
bool wayland_takes(const WaylandDmabuf *dmabuf, const ScreenBuffer *buffer);

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
    uint32_t format;
    bool busy;
    void (*released)(void *opaque);     /* it is free again */
    void *opaque;
} WaylandCopy;

/**
 * wayland_copy_new:
 * @shm: the compositor's
 * @format: WL_SHM_FORMAT_XRGB8888 or WL_SHM_FORMAT_ARGB8888
 * @width: in pixels
 * @height: likewise
 * @released: called when the compositor has done with it
 * @opaque: its argument
 *
 * Returns: a copy of which everything is stale, or NULL with errno set.
 */
WaylandCopy *wayland_copy_new(struct wl_shm *shm, uint32_t format,
                              int width, int height,
                              void (*released)(void *opaque), void *opaque);
void wayland_copy_free(WaylandCopy *copy);

#endif /* VGPU_SCREEN_WAYLAND_BUFFER_H */
