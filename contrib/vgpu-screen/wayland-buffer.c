/*
 * Buffers that a Wayland compositor reads: dma-bufs, and copies in shared
 * memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <sys/mman.h>

#include "wayland-buffer.h"

typedef struct Format {
    uint32_t fourcc;
    uint64_t modifier;
} Format;

typedef struct Import {
    WaylandDmabuf *dmabuf;
    WaylandImport state;
    struct zwp_linux_buffer_params_v1 *params;
    struct wl_buffer *wl_buffer;
    bool busy;
} Import;

/* The same without modifiers */
static void handle_format(void *opaque, struct zwp_linux_dmabuf_v1 *object,
                          uint32_t fourcc)
{
}

static void handle_modifier(void *opaque, struct zwp_linux_dmabuf_v1 *object,
                            uint32_t fourcc, uint32_t high, uint32_t low)
{
    WaylandDmabuf *dmabuf = opaque;
    Format format = { fourcc, (uint64_t)high << 32 | low };

    g_array_append_val(dmabuf->formats, format);
}

static const struct zwp_linux_dmabuf_v1_listener dmabuf_listener = {
    .format = handle_format,
    .modifier = handle_modifier,
};

void wayland_dmabuf_init(WaylandDmabuf *dmabuf, struct wl_registry *registry,
                         uint32_t name, void (*changed)(void *opaque),
                         void *opaque)
{
    dmabuf->changed = changed;
    dmabuf->opaque = opaque;
    dmabuf->formats = g_array_new(FALSE, FALSE, sizeof(Format));
    /* Later versions have feedback instead, for those who allocate buffers. */
    dmabuf->dmabuf = wl_registry_bind(registry, name,
                                      &zwp_linux_dmabuf_v1_interface, 3);
    zwp_linux_dmabuf_v1_add_listener(dmabuf->dmabuf, &dmabuf_listener, dmabuf);
}

void wayland_dmabuf_finish(WaylandDmabuf *dmabuf)
{
    if (dmabuf->dmabuf) {
        zwp_linux_dmabuf_v1_destroy(dmabuf->dmabuf);
        g_array_unref(dmabuf->formats);
    }
}

/*
 * Whether the picture ends within its memory: a compositor that looks ends the
 * connection if not. Planes but the first may have fewer rows.
 */
static bool is_whole(const ScreenBuffer *buffer)
{
    for (unsigned i = 0; i < buffer->num_planes; i++) {
        uint64_t rows = i ? 1 : buffer->height;
        uint64_t end = buffer->offsets[i] + buffer->strides[i] * rows;
        off_t size = lseek(buffer->fds[i], 0, SEEK_END);

        if (end > UINT32_MAX || (size >= 0 && end > size)) {
            return false;
        }
    }
    return true;
}

bool wayland_takes(const WaylandDmabuf *dmabuf, const ScreenBuffer *buffer)
{
    /* Compositors take colours as multiplied by alpha. */
    if (!dmabuf->dmabuf || !buffer->num_planes || !is_whole(buffer) ||
        (buffer->straight_alpha && screen_buffer_has_alpha(buffer))) {
        return false;
    }
    for (guint i = 0; i < dmabuf->formats->len; i++) {
        const Format *format = &g_array_index(dmabuf->formats, Format, i);

        if (format->fourcc == buffer->fourcc &&
            format->modifier == buffer->modifier) {
            return true;
        }
    }
    return false;
}

static void import_free(void *opaque)
{
    Import *import = opaque;

    if (import->params) {
        zwp_linux_buffer_params_v1_destroy(import->params);
    }
    if (import->wl_buffer) {
        wl_buffer_destroy(import->wl_buffer);
    }
    g_free(import);
}

static void import_released(void *opaque, struct wl_buffer *wl_buffer)
{
    Import *import = opaque;

    import->busy = false;
    import->dmabuf->changed(import->dmabuf->opaque);
}

static const struct wl_buffer_listener import_listener = {
    .release = import_released,
};

static void import_answered(Import *import, WaylandImport state)
{
    g_clear_pointer(&import->params, zwp_linux_buffer_params_v1_destroy);
    import->state = state;
    import->dmabuf->changed(import->dmabuf->opaque);
}

static void import_created(void *opaque,
                           struct zwp_linux_buffer_params_v1 *params,
                           struct wl_buffer *wl_buffer)
{
    Import *import = opaque;

    import->wl_buffer = wl_buffer;
    wl_buffer_add_listener(wl_buffer, &import_listener, import);
    import_answered(import, WAYLAND_IMPORT_READY);
}

static void import_failed(void *opaque,
                          struct zwp_linux_buffer_params_v1 *params)
{
    import_answered(opaque, WAYLAND_IMPORT_REFUSED);
}

static const struct zwp_linux_buffer_params_v1_listener params_listener = {
    .created = import_created,
    .failed = import_failed,
};

static Import *import_new(WaylandDmabuf *dmabuf, ScreenBuffer *buffer)
{
    Import *import = g_new0(Import, 1);

    import->dmabuf = dmabuf;
    if (!wayland_takes(dmabuf, buffer)) {
        import->state = WAYLAND_IMPORT_REFUSED;
        return import;
    }
    import->params = zwp_linux_dmabuf_v1_create_params(dmabuf->dmabuf);
    zwp_linux_buffer_params_v1_add_listener(import->params, &params_listener,
                                            import);
    for (unsigned i = 0; i < buffer->num_planes; i++) {
        zwp_linux_buffer_params_v1_add(
            import->params, buffer->fds[i], i, buffer->offsets[i],
            buffer->strides[i], buffer->modifier >> 32, buffer->modifier);
    }
    zwp_linux_buffer_params_v1_create(import->params, buffer->width,
                                      buffer->height, buffer->fourcc, 0);
    return import;
}

WaylandImport wayland_import(WaylandDmabuf *dmabuf, ScreenBuffer *buffer,
                             struct wl_buffer **wl_buffer)
{
    Import *import = buffer->import;

    if (!buffer->num_planes) {
        return WAYLAND_IMPORT_REFUSED;
    }
    if (!import) {
        import = buffer->import = import_new(dmabuf, buffer);
        buffer->import_free = import_free;
    }
    *wl_buffer = import->wl_buffer;
    return import->state;
}

void wayland_import_use(ScreenBuffer *buffer)
{
    Import *import = buffer->import;

    import->busy = true;
}

bool wayland_import_is_busy(const ScreenBuffer *buffer)
{
    const Import *import = buffer->import;

    return import && import->busy;
}

static void copy_released(void *opaque, struct wl_buffer *wl_buffer)
{
    WaylandCopy *copy = opaque;

    copy->busy = false;
    copy->released(copy->opaque);
}

static const struct wl_buffer_listener copy_listener = {
    .release = copy_released,
};

WaylandCopy *wayland_copy_new(struct wl_shm *shm, uint32_t format,
                              int width, int height,
                              void (*released)(void *opaque), void *opaque)
{
    WaylandCopy *copy;
    struct wl_shm_pool *pool;
    size_t stride = (size_t)width * 4;
    size_t size = stride * height;
    void *memory;
    int fd = memfd_create("vgpu-screen", MFD_CLOEXEC);

    if (size > INT32_MAX || fd < 0 || ftruncate(fd, size) < 0) {
        goto fail;
    }
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        goto fail;
    }
    copy = g_new0(WaylandCopy, 1);
    copy->memory = memory;
    copy->size = size;
    copy->format = format;
    copy->released = released;
    copy->opaque = opaque;
    copy->image = pixman_image_create_bits(
        format == WL_SHM_FORMAT_ARGB8888 ? PIXMAN_a8r8g8b8 : PIXMAN_x8r8g8b8,
        width, height, memory, stride);
    pixman_region32_init_rect(&copy->stale, 0, 0, width, height);
    pool = wl_shm_create_pool(shm, fd, size);
    copy->wl_buffer = wl_shm_pool_create_buffer(pool, 0, width, height,
                                                stride, format);
    wl_shm_pool_destroy(pool);
    wl_buffer_add_listener(copy->wl_buffer, &copy_listener, copy);
    close(fd);
    return copy;

fail:
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

void wayland_copy_free(WaylandCopy *copy)
{
    if (!copy) {
        return;
    }
    wl_buffer_destroy(copy->wl_buffer);
    pixman_image_unref(copy->image);
    pixman_region32_fini(&copy->stale);
    munmap(copy->memory, copy->size);
    g_free(copy);
}
