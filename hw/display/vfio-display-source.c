/*
 * vGPU display: the plane source and its faults
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/qdev-core.h"
#include "hw/vfio/vfio-gfx-ext.h"
#include "qemu/error-report.h"
#include "qemu/timer.h"
#include "trace.h"
#include "ui/mirror-overlays.h"
#include "ui/pixel-format.h"
#include "vfio-display-source.h"

/* --- What the source offers --------------------------------------------- */

static void open_metadata(VFIODisplaySource *source)
{
    VFIODisplayRegion region = { 0 };
    int ret;

    if (!source->ops->open_metadata) {
        return;
    }
    ret = source->ops->open_metadata(source->opaque, &region);
    if (ret == 0 && (region.size <= VFIO_GFX_META_FROM_END ||
                     region.size % VFIO_GFX_META_PAGE)) {
        source->ops->close_metadata(source->opaque);
        ret = -EINVAL;
    }
    if (ret == 0) {
        source->metadata = region;
        trace_vfio_display_metadata_open(source, region.size,
                                         region.map != NULL);
    } else if (ret != -ENOENT) {
        vfio_display_warn(source, "no framebuffer region with a metadata "
                          "page: %s", strerror(-ret));
    }
}

bool vfio_display_source_probe(VFIODisplaySource *source)
{
    const VFIODisplayOps *ops = source->ops;
    bool dmabuf = ops->probe(source->opaque, VFIO_PLANE_KIND_DMABUF);
    bool region = ops->probe(source->opaque, VFIO_PLANE_KIND_REGION);

    trace_vfio_display_probe(dmabuf, region);
    source->kinds[VFIO_PLANE_KIND_DMABUF] = dmabuf;
    source->kinds[VFIO_PLANE_KIND_REGION] = region;
    if (dmabuf && ops->overlays) {
        source->n_overlays = MIN(ops->overlays(source->opaque),
                                 MIRROR_OVERLAYS);
    }
    trace_vfio_display_planes(source, source->n_overlays);
    open_metadata(source);
    return dmabuf || region || source->metadata.size;
}

void vfio_display_source_close(VFIODisplaySource *source)
{
    if (source->metadata.size) {
        source->metadata.size = 0;
        source->ops->close_metadata(source->opaque);
    }
}

char *vfio_display_source_name(const VFIODisplaySource *source)
{
    return source->dev->id ? g_strdup(source->dev->id)
        : object_get_canonical_path(OBJECT(source->dev));
}

/* --- Queries -------------------------------------------------------------- */

int vfio_display_query_plane(VFIODisplaySource *source, VFIOPlane *plane)
{
    int ret = source->ops->query_plane(source->opaque, plane);

    trace_vfio_display_query(source, plane->type, plane->index, plane->kind,
                             ret, plane->id, plane->fourcc, plane->width,
                             plane->height, plane->stride);
    return ret;
}

MirrorFrame vfio_display_plane_frame(VFIODisplaySource *source,
                                     const VFIOPlane *plane)
{
    return (MirrorFrame) {
        .format = vfio_plane_format(plane),
        .straight_alpha = plane->straight_alpha,
        .width = plane->width,
        .height = plane->height,
        .readable = plane->height,
        .stride = plane->stride,
        .offset = plane->offset,
        .fd = -1,
        .meter = &source->meter,
    };
}

bool vfio_display_is_silent(int64_t now_ns, int64_t *since_ns)
{
    if (!*since_ns) {
        *since_ns = now_ns;
    }
    return now_ns - *since_ns >= VFIO_DISPLAY_GRACE_NS;
}

/* --- Faults --------------------------------------------------------------- */

static void display_warn(VFIODisplaySource *source, const char *what)
{
    g_autofree char *name = vfio_display_source_name(source);

    warn_report("vGPU display of %s: %s", name, what);
}

void vfio_display_warn(VFIODisplaySource *source, const char *fmt, ...)
{
    g_autofree char *what = NULL;
    va_list ap;

    va_start(ap, fmt);
    what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    display_warn(source, what);
}

void vfio_display_count_fault(VFIODisplaySource *source, VFIOPlaneType type,
                              VFIOPlaneFault fault)
{
    source->faults[type][fault]++;
    trace_vfio_display_fault(source, type, vfio_plane_fault_name(fault),
                             source->faults[type][fault]);
}

static void plane_fault(VFIODisplaySource *source, VFIOPlaneType type,
                        VFIOPlaneFault fault, const char *what)
{
    vfio_display_count_fault(source, type, fault);
    if (!source->warned[type][fault]) {
        source->warned[type][fault] = true;
        display_warn(source, what);
    }
}

void vfio_display_fault(VFIODisplaySource *source, VFIOPlaneFault fault,
                        const char *fmt, ...)
{
    g_autofree char *what = NULL;
    va_list ap;

    va_start(ap, fmt);
    what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    plane_fault(source, VFIO_PLANE_PRIMARY, fault, what);
}

void vfio_display_bad_plane(VFIODisplaySource *source, VFIOPlaneFault fault,
                            const VFIOPlane *plane, int err)
{
    static const char *const names[VFIO_DISPLAY_PLANE_TYPES] = {
        [VFIO_PLANE_OVERLAY] = "an overlay",
        [VFIO_PLANE_PRIMARY] = "a plane",
        [VFIO_PLANE_CURSOR] = "a cursor",
    };
    g_autofree char *what = NULL;
    char fourcc[UI_FOURCC_STRLEN];

    what = g_strdup_printf(
        "the device reports %s that cannot be shown (%s): %ux%u, stride %u, "
        "offset %" PRIu64 ", size %" PRIu64 ", format %s, modifier 0x%016"
        PRIx64 ", id %u%s%s", names[plane->type], vfio_plane_fault_name(fault),
        plane->width, plane->height, plane->stride, plane->offset, plane->size,
        ui_fourcc_to_string(plane->fourcc, fourcc), plane->modifier, plane->id,
        err ? ": " : "", err ? strerror(err) : "");
    plane_fault(source, plane->type, fault, what);
}

/* --- The primary plane ---------------------------------------------------- */

/*
 * The first query of a new mode may fail for no reason (mbochs: ENOMEM), so
 * there is a second one at once: a screendump does not come back later.
 */
bool vfio_display_query_primary(VFIODisplaySource *source, VFIOPlaneKind kind,
                                VFIOPlane *plane)
{
    int ret = 0;

    for (int i = 0; i < 2; i++) {
        *plane = (VFIOPlane) { .type = VFIO_PLANE_PRIMARY, .kind = kind };
        ret = vfio_display_query_plane(source, plane);
        if (ret >= 0) {
            return true;
        }
        if (i == 0) {
            vfio_display_count_fault(source, VFIO_PLANE_PRIMARY,
                                     VFIO_PLANE_FAULT_QUERY);
        }
    }
    vfio_display_fault(source, VFIO_PLANE_FAULT_QUERY,
                       "the device does not say what is on screen: %s",
                       strerror(-ret));
    return false;
}
