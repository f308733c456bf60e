/*
 * vGPU display: overlay planes
 *
 * They are queried one by one, with an extension that not every driver has
 * (vfio-gfx-ext.h), and composed over the picture by the console's mirror. One
 * that cannot be shown is left out; the others are shown.
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
    VFIOPlaneBuffer *buffer;
    VFIOPlaneFault fault;
    int err = 0;

    overlay->visible = false;
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
    } else if (fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(overlays->source, fault, &plane, err);
    } else {
        overlay->visible = true;
    }
}

void vfio_display_overlays_query(VFIODisplayOverlays *overlays,
                                 const VFIOPlane *primary)
{
    overlays->visible = false;
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

void vfio_display_overlays_drop(VFIODisplayOverlays *overlays)
{
    MirrorOverlays *shown = console_mirror_overlays(overlays->screen->mirror);

    for (uint32_t i = 0; i < overlays->source->n_overlays; i++) {
        overlays->overlay[i] = (VFIODisplayOverlay) { .visible = false };
        mirror_overlays_hide(shown, i);
    }
    overlays->visible = false;
}
