/*
 * The dma-bufs that are held open for a device's planes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_PLANE_CACHE_H
#define HW_DISPLAY_VFIO_PLANE_CACHE_H

#include "vfio-plane.h"

/*
 * A guest flips between 2 to 8 buffers, and a cursor may step through some 8
 * shapes: 16 lets both go round without a fetch. See docs/devel for the bytes.
 */
#define VFIO_PLANE_CACHE_MAX_BUFFERS 16
#define VFIO_PLANE_CACHE_MAX_BYTES (512ull * 1024 * 1024)

typedef struct VFIOPlaneCache VFIOPlaneCache;

/*
 * A buffer that is held open: until vfio_plane_cache_trim() at least. Later it
 * may be closed in any call that changes the cache, unless it is named there as
 * one on screen; VFIOPlaneCacheOps.detach tells.
 */
typedef struct VFIOPlaneBuffer {
    VFIOPlane plane;        /* what the device said, last */
    int fd;                 /* the dma-buf, which the cache closes */
    uint64_t size;          /* bytes that it really has, from lseek */
    void *user;             /* whatever VFIOPlaneCacheOps.attach made of it */
} VFIOPlaneBuffer;

/* All are called with the opaque of vfio_plane_cache_new(). */
typedef struct VFIOPlaneCacheOps {
    /* gives a new fd, which the cache then owns, or a negative errno */
    int (*fetch)(void *opaque, uint32_t id);
    /* optional: a buffer came in */
    void (*attach)(void *opaque, VFIOPlaneBuffer *buffer);
    /* optional: it is about to be closed and freed: drop every alias of it */
    void (*detach)(void *opaque, VFIOPlaneBuffer *buffer);
} VFIOPlaneCacheOps;

typedef struct VFIOPlaneCacheStats {
    uint64_t hits;          /* lookups that found the buffer open */
    uint64_t misses;        /* lookups that fetched */
    uint64_t evictions;     /* buffers closed to stay within the bounds */
    uint32_t buffers;       /* held open now */
    uint64_t bytes;         /* of these */
} VFIOPlaneCacheStats;

/* @ops: must outlive the cache. At least one buffer is held. */
VFIOPlaneCache *vfio_plane_cache_new(const VFIOPlaneCacheOps *ops,
                                     void *opaque, uint32_t max_buffers,
                                     uint64_t max_bytes);

/* Closes every buffer first. @cache may be NULL. */
void vfio_plane_cache_free(VFIOPlaneCache *cache);

/*
 * Finds the buffer of @plane, of kind VFIO_PLANE_KIND_DMABUF and checked, by
 * its id, which is one name space for planes of every type. One that is held
 * open with the same layout is returned as it is and never fetched twice; the
 * plane's type, position and hotspot are taken over. An id that comes back with
 * another layout is closed first, on screen or not, and then fetched anew,
 * since an id may not be open twice. Only if a plane has named it since the
 * last vfio_plane_cache_trim() it stays, and is not fetched: an id cannot have
 * two layouts at a time. A buffer too small for its plane is closed again.
 *
 * Returns VFIO_PLANE_FAULT_NONE with @buffer set, or with both untouched
 * VFIO_PLANE_FAULT_BOUNDS, VFIO_PLANE_FAULT_ALIAS, or VFIO_PLANE_FAULT_DMABUF
 * with the fetch's errno, positive, in @err.
 */
VFIOPlaneFault vfio_plane_cache_get(VFIOPlaneCache *cache,
                                    const VFIOPlane *plane,
                                    VFIOPlaneBuffer **buffer, int *err);

/*
 * Closes the least recently used buffers until both bounds hold, but never one
 * of @on_screen, whose entries may be NULL. To be called when every plane has
 * been asked for and the viewers were told of new buffers.
 */
void vfio_plane_cache_trim(VFIOPlaneCache *cache,
                           VFIOPlaneBuffer *const *on_screen,
                           size_t n_on_screen);

/* Closes every buffer; the counters stay. */
void vfio_plane_cache_clear(VFIOPlaneCache *cache);

VFIOPlaneCacheStats vfio_plane_cache_stats(const VFIOPlaneCache *cache);

#endif /* HW_DISPLAY_VFIO_PLANE_CACHE_H */
