/*
 * vGPU display: the dma-bufs and the region that are open
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_BUFFERS_H
#define HW_DISPLAY_VFIO_DISPLAY_BUFFERS_H

#include "ui/dmabuf-map.h"
#include "ui/gl-readback.h"
#include "vfio-display-source.h"
#include "vfio-plane-cache.h"

/* What is kept of a VFIOPlaneBuffer (its @user); dies with it. */
typedef struct VFIODisplayBuffer {
    QemuDmaBuf *dmabuf;     /* for viewers that take it; borrows the fd */
    DmaBufMap *map;         /* for the mirror, or NULL */
    bool map_tried;
    GLReadbackBuffer *gl;   /* for OpenGL to read; NULL until wanted */
    Error *gl_error;        /* why OpenGL cannot read it, or NULL */
    int64_t gl_retry_ns;    /* QEMU_CLOCK_REALTIME, when to ask it again */
    unsigned gl_refusals;   /* how often it could not, in a row */
    PixelPath path;         /* of its pixels, PIXEL_PATH__MAX until decided */
} VFIODisplayBuffer;

/* The buffer is about to be closed: no viewer may use it any more. */
typedef void VFIODisplayClosing(void *opaque, VFIOPlaneBuffer *buffer);

typedef struct VFIODisplayBuffers {
    VFIODisplaySource *source;
    QemuConsole *con;       /* its viewers may hold a buffer */
    VFIOPlaneCache *cache;
    bool software_import;   /* OpenGL in software may import them */
    VFIODisplayClosing *closing;
    void *opaque;           /* for @closing */
    /*
     * While OpenGL holds buffers that the cache has closed none is fetched:
     * some drivers cannot give one twice at a time.
     */
    GLReadback *gl;
    bool held;              /* a fetch waits for that */
    VFIODisplayRegion region;
    bool region_open;
    uint32_t region_index;
} VFIODisplayBuffers;

/* @buffers has @source, @con, @software_import and @closing. */
void vfio_display_buffers_init(VFIODisplayBuffers *buffers);
void vfio_display_buffers_finish(VFIODisplayBuffers *buffers);

/*
 * Finds or fetches the buffer of @plane, which passed vfio_plane_check(); it is
 * good for this refresh. @err: an errno (positive) if there is one to tell.
 * Returns what is wrong; VFIO_PLANE_FAULT_LATER is none to count.
 */
VFIOPlaneFault vfio_display_buffers_get(VFIODisplayBuffers *buffers,
                                        const VFIOPlane *plane,
                                        VFIOPlaneBuffer **buffer, int *err);

/*
 * The same for @plane as the device reports it, which has to be checked, linear
 * and not @primary once more; and @frame for a mirror layer to read. @buffer is
 * set also if the fault is the modifier, or a mapping that failed; else it is
 * untouched.
 */
VFIOPlaneFault vfio_display_buffers_get_mapped(VFIODisplayBuffers *buffers,
                                               const VFIOPlane *plane,
                                               const VFIOPlane *primary,
                                               MirrorFrame *frame,
                                               VFIOPlaneBuffer **buffer,
                                               int *err);

/* Maps a checked, linear buffer. Returns false if that cannot be done. */
bool vfio_display_buffers_map(VFIODisplayBuffers *buffers,
                              VFIOPlaneBuffer *buffer);

/* The frame of a checked plane in a mapped buffer. */
MirrorFrame vfio_display_buffer_frame(VFIODisplayBuffers *buffers,
                                      const VFIOPlaneBuffer *buffer);

/*
 * The frame of a checked plane of kind VFIO_PLANE_KIND_REGION. @opened: set if
 * the region is open anew, perhaps mapped where another was. Returns false
 * after a fault.
 */
bool vfio_display_buffers_open_region(VFIODisplayBuffers *buffers,
                                      const VFIOPlane *plane,
                                      MirrorFrame *frame, bool *opened);

/* Closes what is too much, but neither of those on screen (or NULL). */
void vfio_display_buffers_trim(VFIODisplayBuffers *buffers,
                               VFIOPlaneBuffer *primary,
                               VFIOPlaneBuffer *cursor);

/* Closes every buffer and the region. */
void vfio_display_buffers_clear(VFIODisplayBuffers *buffers);

#endif /* HW_DISPLAY_VFIO_DISPLAY_BUFFERS_H */
