/*
 * vGPU display: the dma-bufs and the region that are open
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "trace.h"
#include "vfio-display-buffers.h"

/* --- Dma-bufs: what is kept of those in the cache ------------------------ */

static int buffers_fetch(void *opaque, uint32_t id)
{
    VFIODisplayBuffers *b = opaque;

    if (b->gl && gl_readback_is_closing(b->gl)) {
        b->held = true;
        return -EAGAIN;
    }
    return b->source->ops->get_dmabuf(b->source->opaque, id);
}

static void buffers_attach(void *opaque, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = g_new0(VFIODisplayBuffer, 1);
    const VFIOPlane *plane = &buffer->plane;
    VFIODisplayBuffers *b = opaque;

    user->path = PIXEL_PATH__MAX;
    user->dmabuf = qemu_dmabuf_new_joint(plane->width, plane->height,
                                         plane->stride, 0, 0, plane->width,
                                         plane->height, plane->fourcc,
                                         plane->modifier, buffer->fd, false,
                                         false);
    qemu_dmabuf_set_offset(user->dmabuf, plane->offset);
    /* else viewers show the mirror's pixels, whose copy is guarded */
    qemu_dmabuf_set_gpu_only(user->dmabuf, !b->software_import);
    buffer->user = user;
    trace_vfio_display_buffer_open(b->source, plane->id, plane->width,
                                   plane->height, plane->fourcc,
                                   plane->modifier);
}

static void buffers_detach(void *opaque, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffers *b = opaque;
    VFIODisplayBuffer *user = buffer->user;

    trace_vfio_display_buffer_close(b->source, buffer->plane.id);
    b->closing(b->opaque, buffer);
    dpy_gl_release_dmabuf(b->con, user->dmabuf);
    gl_readback_buffer_free(user->gl);
    error_free(user->gl_error);
    dmabuf_map_free(user->map);
    qemu_dmabuf_free(user->dmabuf);
    g_free(user);
    buffer->user = NULL;
}

static const VFIOPlaneCacheOps cache_ops = {
    .fetch = buffers_fetch,
    .attach = buffers_attach,
    .detach = buffers_detach,
};

VFIOPlaneFault vfio_display_buffers_get(VFIODisplayBuffers *b,
                                        const VFIOPlane *plane,
                                        VFIOPlaneBuffer **buffer, int *err)
{
    VFIOPlaneFault fault = vfio_plane_cache_get(b->cache, plane, buffer, err);

    return fault == VFIO_PLANE_FAULT_DMABUF && *err == EAGAIN
        ? VFIO_PLANE_FAULT_LATER : fault;
}

bool vfio_display_buffers_map(VFIODisplayBuffers *b, VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;
    g_autoptr(Error) err = NULL;
    uint64_t end;

    if (!user->map_tried && vfio_plane_end(&buffer->plane, &end)) {
        user->map_tried = true;
        user->map = dmabuf_map_new(buffer->fd, end, &err);
        if (!user->map) {
            trace_vfio_display_unmappable(b->source, buffer->plane.id,
                                          error_get_pretty(err));
        }
    }
    return user->map != NULL;
}

MirrorFrame vfio_display_buffer_frame(VFIODisplayBuffers *b,
                                      const VFIOPlaneBuffer *buffer)
{
    const VFIODisplayBuffer *user = buffer->user;
    MirrorFrame frame = vfio_display_plane_frame(b->source, &buffer->plane);

    frame.map = user->map->data;
    frame.fd = buffer->fd;
    frame.readable = vfio_plane_rows_within(&buffer->plane, user->map->len);
    return frame;
}

VFIOPlaneFault vfio_display_buffers_get_mapped(VFIODisplayBuffers *b,
                                               const VFIOPlane *plane,
                                               const VFIOPlane *primary,
                                               MirrorFrame *frame,
                                               VFIOPlaneBuffer **buffer,
                                               int *err)
{
    VFIOPlaneFault fault = vfio_plane_same_buffer(plane, primary)
        ? VFIO_PLANE_FAULT_ALIAS : vfio_plane_check(plane);

    if (fault == VFIO_PLANE_FAULT_NONE) {
        fault = vfio_display_buffers_get(b, plane, buffer, err);
    }
    if (fault != VFIO_PLANE_FAULT_NONE) {
        return fault;
    }
    if (plane->modifier != DRM_FORMAT_MOD_LINEAR) {
        return VFIO_PLANE_FAULT_MODIFIER;
    }
    if (!vfio_display_buffers_map(b, *buffer)) {
        return VFIO_PLANE_FAULT_MAP;
    }
    *frame = vfio_display_buffer_frame(b, *buffer);
    return VFIO_PLANE_FAULT_NONE;
}

void vfio_display_buffers_trim(VFIODisplayBuffers *b,
                               VFIOPlaneBuffer *primary,
                               VFIOPlaneBuffer *cursor)
{
    VFIOPlaneBuffer *const on_screen[] = { primary, cursor };

    vfio_plane_cache_trim(b->cache, on_screen, ARRAY_SIZE(on_screen));
}

/* --- The region ---------------------------------------------------------- */

static void close_region(VFIODisplayBuffers *b)
{
    if (b->region_open) {
        b->region_open = false;
        b->source->ops->close_region(b->source->opaque);
    }
}

static bool open_region(VFIODisplayBuffers *b, const VFIOPlane *plane,
                        bool *opened)
{
    VFIODisplaySource *source = b->source;
    int ret;

    if (b->region_open && b->region_index == plane->id) {
        return true;
    }
    close_region(b);
    ret = source->ops->open_region(source->opaque, plane->id, &b->region);
    if (ret < 0) {
        vfio_display_bad_plane(source, VFIO_PLANE_FAULT_REGION, plane, -ret);
        return false;
    }
    b->region_open = true;
    b->region_index = plane->id;
    *opened = true;
    trace_vfio_display_region_open(source, plane->id, b->region.size,
                                   b->region.map != NULL);
    return true;
}

bool vfio_display_buffers_open_region(VFIODisplayBuffers *b,
                                      const VFIOPlane *plane,
                                      MirrorFrame *frame, bool *opened)
{
    VFIOPlaneFault fault;

    if (!open_region(b, plane, opened)) {
        return false;
    }
    fault = vfio_plane_check_bounds(plane, b->region.size);
    if (fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(b->source, fault, plane, 0);
        return false;
    }
    *frame = vfio_display_plane_frame(b->source, plane);
    frame->read = b->source->ops->read_region;
    frame->opaque = b->source->opaque;
    if (vfio_plane_check_bounds(plane, b->region.map_len) ==
        VFIO_PLANE_FAULT_NONE) {
        frame->map = b->region.map;
    } else if (!b->region.readable) {
        vfio_display_bad_plane(b->source, VFIO_PLANE_FAULT_REGION, plane,
                               EACCES);
        return false;
    }
    return true;
}

/* --- Life ---------------------------------------------------------------- */

void vfio_display_buffers_init(VFIODisplayBuffers *b)
{
    b->cache = vfio_plane_cache_new(&cache_ops, b,
                                    VFIO_PLANE_CACHE_MAX_BUFFERS,
                                    VFIO_PLANE_CACHE_MAX_BYTES);
}

void vfio_display_buffers_clear(VFIODisplayBuffers *b)
{
    vfio_plane_cache_clear(b->cache);
    close_region(b);
}

void vfio_display_buffers_finish(VFIODisplayBuffers *b)
{
    vfio_display_buffers_clear(b);
    vfio_plane_cache_free(b->cache);
}
