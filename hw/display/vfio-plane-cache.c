/*
 * The dma-bufs that are held open for a device's planes
 *
 * The life of a buffer: vfio_plane_cache_get() fetches it when a plane names
 * it for the first time, and finds it from then on. It goes out of use when
 * its id comes back with another layout (it is then stale, no longer found)
 * or when others were used more recently. It is closed only in
 * vfio_plane_cache_trim(), after the viewers moved on, or when all are.
 *
 * There are a dozen buffers at most, so a list in order of use is searched
 * faster than any hash.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-plane-cache.h"

typedef struct Entry {
    VFIOPlaneBuffer buffer;
    bool stale;
} Entry;

struct VFIOPlaneCache {
    const VFIOPlaneCacheOps *ops;
    void *opaque;
    uint32_t max_buffers;
    uint64_t max_bytes;
    GQueue entries;         /* of Entry, the most recently used one first */
    VFIOPlaneCacheStats stats;
};

VFIOPlaneCache *vfio_plane_cache_new(const VFIOPlaneCacheOps *ops,
                                     void *opaque, uint32_t max_buffers,
                                     uint64_t max_bytes)
{
    VFIOPlaneCache *cache = g_new0(VFIOPlaneCache, 1);

    assert(ops->fetch && max_buffers >= 1);
    cache->ops = ops;
    cache->opaque = opaque;
    cache->max_buffers = max_buffers;
    cache->max_bytes = max_bytes;
    g_queue_init(&cache->entries);
    return cache;
}

void vfio_plane_cache_free(VFIOPlaneCache *cache)
{
    if (cache) {
        vfio_plane_cache_clear(cache);
        g_free(cache);
    }
}

static void close_entry(VFIOPlaneCache *cache, GList *link)
{
    Entry *entry = link->data;

    g_queue_delete_link(&cache->entries, link);
    cache->stats.buffers--;
    cache->stats.bytes -= entry->buffer.size;
    if (cache->ops->detach) {
        cache->ops->detach(cache->opaque, &entry->buffer);
    }
    close(entry->buffer.fd);
    g_free(entry);
}

static GList *find(VFIOPlaneCache *cache, const VFIOPlane *plane)
{
    for (GList *l = cache->entries.head; l; l = l->next) {
        Entry *entry = l->data;

        if (!entry->stale && entry->buffer.plane.type == plane->type &&
            entry->buffer.plane.id == plane->id) {
            return l;
        }
    }
    return NULL;
}

/* Opens the plane's buffer and checks what was given. */
static VFIOPlaneFault fetch(VFIOPlaneCache *cache, const VFIOPlane *plane,
                            Entry **new_entry, int *err)
{
    int fd = cache->ops->fetch(cache->opaque, plane->id);
    Entry *entry;
    off_t size;

    if (fd < 0) {
        *err = -fd;
        return VFIO_PLANE_FAULT_DMABUF;
    }

    /* A real dma-buf always tells its size; what does not is of none. */
    size = lseek(fd, 0, SEEK_END);
    if (size < 0 || vfio_plane_check_bounds(plane, size)) {
        close(fd);
        return VFIO_PLANE_FAULT_BOUNDS;
    }

    entry = g_new0(Entry, 1);
    entry->buffer.plane = *plane;
    entry->buffer.fd = fd;
    entry->buffer.size = size;
    *new_entry = entry;
    return VFIO_PLANE_FAULT_NONE;
}

VFIOPlaneFault vfio_plane_cache_get(VFIOPlaneCache *cache,
                                    const VFIOPlane *plane,
                                    VFIOPlaneBuffer **buffer, int *err)
{
    GList *link = find(cache, plane);
    Entry *entry = link ? link->data : NULL;
    VFIOPlaneFault fault;

    assert(plane->kind == VFIO_PLANE_KIND_DMABUF);
    if (entry && vfio_plane_same_buffer(&entry->buffer.plane, plane)) {
        cache->stats.hits++;
        g_queue_unlink(&cache->entries, link);
        g_queue_push_head_link(&cache->entries, link);
        entry->buffer.plane = *plane;
        *buffer = &entry->buffer;
        return VFIO_PLANE_FAULT_NONE;
    }

    /* The id means another buffer now, whether that can be had or not. */
    if (entry) {
        cache->stats.stale++;
        entry->stale = true;
    }
    cache->stats.misses++;
    fault = fetch(cache, plane, &entry, err);
    if (fault) {
        return fault;
    }
    g_queue_push_head(&cache->entries, entry);
    cache->stats.buffers++;
    cache->stats.bytes += entry->buffer.size;
    if (cache->ops->attach) {
        cache->ops->attach(cache->opaque, &entry->buffer);
    }
    *buffer = &entry->buffer;
    return VFIO_PLANE_FAULT_NONE;
}

static bool is_on_screen(const Entry *entry,
                         VFIOPlaneBuffer *const *on_screen, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (on_screen[i] == &entry->buffer) {
            return true;
        }
    }
    return false;
}

static bool too_much(const VFIOPlaneCache *cache)
{
    return cache->stats.buffers > cache->max_buffers ||
           cache->stats.bytes > cache->max_bytes;
}

void vfio_plane_cache_trim(VFIOPlaneCache *cache,
                           VFIOPlaneBuffer *const *on_screen,
                           size_t n_on_screen)
{
    GList *link, *prev;

    /* Stale ones first: they may be all that stands above the bounds. */
    for (link = cache->entries.tail; link; link = prev) {
        Entry *entry = link->data;

        prev = link->prev;
        if (entry->stale && !is_on_screen(entry, on_screen, n_on_screen)) {
            close_entry(cache, link);
        }
    }
    for (link = cache->entries.tail; link && too_much(cache); link = prev) {
        prev = link->prev;
        if (!is_on_screen(link->data, on_screen, n_on_screen)) {
            cache->stats.evictions++;
            close_entry(cache, link);
        }
    }
}

void vfio_plane_cache_clear(VFIOPlaneCache *cache)
{
    while (cache->entries.head) {
        close_entry(cache, cache->entries.head);
    }
}

VFIOPlaneCacheStats vfio_plane_cache_stats(const VFIOPlaneCache *cache)
{
    return cache->stats;
}
