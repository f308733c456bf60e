/*
 * The dma-bufs that are held open for a device's planes
 *
 * The life of a buffer: vfio_plane_cache_get() fetches it when a plane names
 * its id for the first time, and finds it from then on. It is closed when its
 * id comes back with another layout, before that one is fetched; when others
 * were used more recently, in vfio_plane_cache_trim(), after the viewers moved
 * on; or when all are.
 *
 * An id is never fetched while a descriptor for it is open, whatever planes
 * name it: some drivers free what both share when the first one is closed.
 *
 * There are a dozen buffers at most, so a list in order of use is searched
 * faster than any hash.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vfio-plane-cache.h"

typedef struct Entry {
    VFIOPlaneBuffer buffer;
    bool named; /* by a plane, since the last vfio_plane_cache_trim() */
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

static GList *find(VFIOPlaneCache *cache, uint32_t id)
{
    for (GList *l = cache->entries.head; l; l = l->next) {
        Entry *entry = l->data;

        if (entry->buffer.plane.id == id) {
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
    entry->named = true;
    *new_entry = entry;
    return VFIO_PLANE_FAULT_NONE;
}

VFIOPlaneFault vfio_plane_cache_get(VFIOPlaneCache *cache,
                                    const VFIOPlane *plane,
                                    VFIOPlaneBuffer **buffer, int *err)
{
    GList *link = find(cache, plane->id);
    Entry *entry = link ? link->data : NULL;
    VFIOPlaneFault fault;

    assert(plane->kind == VFIO_PLANE_KIND_DMABUF);
    if (entry && vfio_plane_same_buffer(&entry->buffer.plane, plane)) {
        cache->stats.hits++;
        g_queue_unlink(&cache->entries, link);
        g_queue_push_head_link(&cache->entries, link);
        entry->buffer.plane = *plane;
        entry->named = true;
        *buffer = &entry->buffer;
        return VFIO_PLANE_FAULT_NONE;
    }
    if (entry && entry->named) {
        return VFIO_PLANE_FAULT_ALIAS;
    }

    /* The id means another buffer now, whether that can be had or not. */
    if (entry) {
        close_entry(cache, link);
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

    for (link = cache->entries.head; link; link = link->next) {
        ((Entry *)link->data)->named = false;
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
