/*
 * The dma-bufs that are held open for a device's planes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_VFIO_PLANE_CACHE_H
#define HW_VFIO_VFIO_PLANE_CACHE_H

#include "hw/vfio/vfio-plane.h"

/*
 * A guest flips between 2 to 8 buffers, and a cursor may step through some 8
 * shapes: 16 lets both go round without a fetch. See docs/devel for the bytes.
 */
#define VFIO_PLANE_CACHE_MAX_BUFFERS 16
#define VFIO_PLANE_CACHE_MAX_BYTES (512ull * 1024 * 1024)

typedef struct VFIOPlaneCache VFIOPlaneCache;

/**
 * struct VFIOPlaneBuffer:
 * @plane: what the device said when the buffer was fetched
 * @fd: the dma-buf; the cache owns and closes it
 * @size: bytes it really has, from lseek
 * @user: whatever VFIOPlaneCacheOps.attach made of it
 *
 * A buffer that is held open. One that vfio_plane_cache_get() gave is valid
 * until vfio_plane_cache_trim() at least. Later it may be closed in any call
 * that changes the cache, unless it is named there as one on screen;
 * VFIOPlaneCacheOps.detach tells.
 */
typedef struct VFIOPlaneBuffer {
    VFIOPlane plane;
    int fd;
    uint64_t size;
    void *user;
} VFIOPlaneBuffer;

/**
 * struct VFIOPlaneCacheOps:
 * @fetch: gives a new fd for a plane's id, which the cache then owns, or a
 *         negative errno
 * @attach: a buffer came in: make what the consumer needs (textures,
 *          mappings) and put it in @user; optional
 * @detach: the buffer is about to be closed and freed: drop every alias of
 *          it; optional
 *
 * All are called with the opaque of vfio_plane_cache_new().
 */
typedef struct VFIOPlaneCacheOps {
    int (*fetch)(void *opaque, uint32_t id);
    void (*attach)(void *opaque, VFIOPlaneBuffer *buffer);
    void (*detach)(void *opaque, VFIOPlaneBuffer *buffer);
} VFIOPlaneCacheOps;

/**
 * struct VFIOPlaneCacheStats:
 * @hits: lookups that found the buffer open
 * @misses: lookups that fetched
 * @evictions: buffers closed to stay within the bounds
 * @buffers: held open now
 * @bytes: of these
 */
typedef struct VFIOPlaneCacheStats {
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
    uint32_t buffers;
    uint64_t bytes;
} VFIOPlaneCacheStats;

/**
 * vfio_plane_cache_new:
 * @ops: kept by reference, must outlive the cache
 * @opaque: for @ops
 * @max_buffers: bound in count, at least 1
 * @max_bytes: bound in bytes
 *
 * Returns: a new cache; free it with vfio_plane_cache_free().
 */
VFIOPlaneCache *vfio_plane_cache_new(const VFIOPlaneCacheOps *ops,
                                     void *opaque, uint32_t max_buffers,
                                     uint64_t max_bytes);

/**
 * vfio_plane_cache_free:
 * @cache: a cache, or NULL
 *
 * Detaches and closes every buffer, then frees the cache.
 */
void vfio_plane_cache_free(VFIOPlaneCache *cache);

/**
 * vfio_plane_cache_get:
 * @cache: a cache
 * @plane: a plane of kind VFIO_PLANE_KIND_DMABUF that passed
 *         vfio_plane_check()
 * @buffer: where the buffer goes; the cache owns it
 * @err: where the errno of a failed fetch goes
 *
 * Finds the plane's buffer by its id, which is one name space for planes of
 * every type. One that is held open with the same layout is returned as it is
 * and never fetched twice; the plane's type, position and hotspot are taken
 * over. An id that comes back with another layout is closed first, on screen
 * or not, and then fetched anew, since an id may not be open twice. Only if a
 * plane has named it since the last vfio_plane_cache_trim() it stays, and is
 * not fetched: an id cannot have two layouts at a time.
 * A buffer too small for its plane is closed again.
 *
 * Returns: VFIO_PLANE_FAULT_NONE, VFIO_PLANE_FAULT_DMABUF if the fetch
 * failed (@err, untouched otherwise, then holds the positive errno),
 * VFIO_PLANE_FAULT_BOUNDS or VFIO_PLANE_FAULT_ALIAS. @buffer is set in the
 * first case only.
 */
VFIOPlaneFault vfio_plane_cache_get(VFIOPlaneCache *cache,
                                    const VFIOPlane *plane,
                                    VFIOPlaneBuffer **buffer, int *err);

/**
 * vfio_plane_cache_trim:
 * @cache: a cache
 * @on_screen: buffers that must stay, NULL entries allowed
 * @n_on_screen: how many
 *
 * Closes the least recently used buffers until both bounds hold, but never one
 * of @on_screen. Call it when every plane has been asked for and the viewers
 * were told of new buffers.
 */
void vfio_plane_cache_trim(VFIOPlaneCache *cache,
                           VFIOPlaneBuffer *const *on_screen,
                           size_t n_on_screen);

/**
 * vfio_plane_cache_clear:
 * @cache: a cache
 *
 * Detaches and closes every buffer; the statistics of the past stay.
 */
void vfio_plane_cache_clear(VFIOPlaneCache *cache);

/**
 * vfio_plane_cache_stats:
 * @cache: a cache
 *
 * Returns: the counters.
 */
VFIOPlaneCacheStats vfio_plane_cache_stats(const VFIOPlaneCache *cache);

#endif /* HW_VFIO_VFIO_PLANE_CACHE_H */
