/*
 * vGPU display: overlay planes
 *
 * They are queried one by one, with an extension that not every driver has
 * (vfio-gfx-ext.h), and composed over the picture by the console's mirror, or
 * given to viewers that show planes themselves, who need not be able to map
 * them. One that cannot be shown is left out; the others are shown.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vfio-display-overlay.h"

static void overlay_query(VFIODisplayOverlays *overlays, uint32_t index,
                          const VFIOPlane *primary)
{
    VFIODisplayOverlay *overlay = &overlays->overlay[index];
    VFIOPlane plane = {
        .type = VFIO_PLANE_OVERLAY,
        .index = index,
        .kind = VFIO_PLANE_KIND_DMABUF,
    };
    bool was_visible = overlay->visible;
    VFIOPlaneBuffer *buffer = NULL;
    VFIOPlaneFault fault;
    int err = 0;

    overlay->visible = false;
    overlay->buffer = NULL;
    if (vfio_display_query_plane(overlays->source, &plane) < 0) {
        /* as with the primary: it may know again at the next refresh */
        vfio_display_count_fault(overlays->source, VFIO_PLANE_OVERLAY,
                                 VFIO_PLANE_FAULT_QUERY);
        if (vfio_display_is_silent(qemu_console_now(overlays->screen->con),
                                   &overlay->silent_ns)) {
            return;
        }
        plane = overlay->plane;
    } else {
        overlay->silent_ns = 0;
    }
    overlay->plane = plane;
    if (vfio_plane_is_off(&plane)) {
        return;
    }
    fault = vfio_display_buffers_get_mapped(overlays->buffers, &plane, primary,
                                            &overlay->frame, &buffer, &err);
    if (fault == VFIO_PLANE_FAULT_LATER) {
        overlay->visible = was_visible;
        overlay->frame.map = NULL;
        overlays->later = true;
        return;
    }
    /* set also if there is no more wrong than that it cannot be read */
    overlay->buffer = buffer;
    if (fault == VFIO_PLANE_FAULT_NONE) {
        overlay->visible = true;
    } else if (!buffer || !overlays->screen->planes) {
        vfio_display_bad_plane(overlays->source, fault, &plane, err);
    }
}

void vfio_display_overlays_query(VFIODisplayOverlays *overlays,
                                 const VFIOPlane *primary)
{
    overlays->visible = overlays->later = false;
    for (uint32_t i = 0; i < overlays->source->n_overlays; i++) {
        overlay_query(overlays, i, primary);
        overlays->visible |= overlays->overlay[i].visible;
    }
}

void vfio_display_overlays_show(VFIODisplayOverlays *overlays)
{
    MirrorOverlays *shown = console_mirror_overlays(overlays->screen->mirror);

    for (uint32_t i = 0; i < overlays->source->n_overlays; i++) {
        VFIODisplayOverlay *overlay = &overlays->overlay[i];
        const VFIOPlane *plane = &overlay->plane;

        if (!overlay->visible) {
            mirror_overlays_hide(shown, i);
        } else if (overlay->frame.map &&
                   mirror_overlays_show(shown, i, &overlay->frame, plane->x,
                                        plane->y, plane->zpos) ==
                   MIRROR_VANISHED) {
            vfio_display_bad_plane(overlays->source,
                                   VFIO_PLANE_FAULT_VANISHED, plane, 0);
        }
    }
}

/* Sorted into @order, farther ones first. */
static void add_by_zpos(const VFIODisplayOverlay **order, unsigned n,
                        const VFIODisplayOverlay *overlay)
{
    unsigned i = n;

    for (; i && order[i - 1]->plane.zpos > overlay->plane.zpos; i--) {
        order[i] = order[i - 1];
    }
    order[i] = overlay;
}

unsigned vfio_display_overlays_planes(const VFIODisplayOverlays *overlays,
                                      DisplayPlane *planes)
{
    const VFIODisplayOverlay *order[MIRROR_OVERLAYS];
    unsigned n = 0;

    for (uint32_t i = 0; i < overlays->source->n_overlays; i++) {
        if (overlays->overlay[i].buffer) {
            add_by_zpos(order, n++, &overlays->overlay[i]);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        const VFIODisplayBuffer *user = order[i]->buffer->user;

        planes[i] = (DisplayPlane) {
            .dmabuf = user->dmabuf,
            .x = order[i]->plane.x,
            .y = order[i]->plane.y,
            .straight_alpha = order[i]->plane.straight_alpha,
        };
    }
    return n;
}

void vfio_display_overlays_closing(VFIODisplayOverlays *overlays,
                                   const VFIOPlaneBuffer *buffer)
{
    for (unsigned i = 0; i < MIRROR_OVERLAYS; i++) {
        if (overlays->overlay[i].buffer == buffer) {
            overlays->overlay[i].buffer = NULL;
        }
    }
}

void vfio_display_overlays_drop(VFIODisplayOverlays *overlays)
{
    MirrorOverlays *shown = console_mirror_overlays(overlays->screen->mirror);

    for (uint32_t i = 0; i < overlays->source->n_overlays; i++) {
        overlays->overlay[i] = (VFIODisplayOverlay) { .visible = false };
        mirror_overlays_hide(shown, i);
    }
    overlays->visible = false;
}
