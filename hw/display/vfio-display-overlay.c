/*
 * The display of a device that renders where only its driver can see:
 * overlay planes
 *
 * They are asked for one by one, with an extension of the query that not every
 * driver has (vfio-gfx-ext.h), and composed over the picture by the console's
 * mirror. One that cannot be shown is left out; the others are shown.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vfio-display-internal.h"

/* Has the device given the primary plane for an answer? */
static bool is_alias(const VFIOPlane *plane, const VFIOPlane *primary)
{
    return vfio_plane_same_buffer(plane, primary);
}

static void overlay_find(VFIODisplay *dpy, VFIODisplayOverlay *overlay,
                         uint32_t index, const VFIOPlane *primary)
{
    VFIOPlane plane = {
        .type = VFIO_PLANE_OVERLAY,
        .index = index,
        .kind = VFIO_PLANE_KIND_DMABUF,
    };
    VFIOPlaneBuffer *buffer;
    bool was_visible = overlay->visible;
    VFIOPlaneFault fault;
    int err = 0;

    overlay->visible = false;
    if (vfio_display_ask(dpy, &plane) < 0) {
        /* as with the primary: it may know again at the next refresh */
        dpy->faults[VFIO_PLANE_OVERLAY][VFIO_PLANE_FAULT_QUERY]++;
        if (vfio_display_is_silent(dpy, &overlay->silent_ns)) {
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
    fault = is_alias(&plane, primary) ? VFIO_PLANE_FAULT_ALIAS
        : vfio_display_fetch_plane(dpy, &plane, &overlay->frame, &buffer,
                                   &err);
    if (fault == VFIO_PLANE_FAULT_DMABUF && err == EAGAIN) {
        /* as it was: its buffer can be had at the next refresh */
        overlay->visible = was_visible;
        overlay->frame.map = NULL;
        return;
    }
    if (fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(dpy, fault, &plane, err);
        return;
    }
    overlay->visible = true;
}

void vfio_display_overlays_find(VFIODisplay *dpy, const VFIOPlane *primary)
{
    dpy->overlaid = false;
    for (uint32_t i = 0; i < dpy->n_overlays; i++) {
        overlay_find(dpy, &dpy->overlays[i], i, primary);
        dpy->overlaid |= dpy->overlays[i].visible;
    }
}

void vfio_display_overlays_show(VFIODisplay *dpy)
{
    for (uint32_t i = 0; i < dpy->n_overlays; i++) {
        VFIODisplayOverlay *overlay = &dpy->overlays[i];
        const VFIOPlane *plane = &overlay->plane;

        if (!overlay->visible) {
            console_mirror_hide_overlay(dpy->mirror, i);
        } else if (overlay->frame.map &&
                   console_mirror_show_overlay(dpy->mirror, i,
                                               &overlay->frame, plane->x,
                                               plane->y, plane->zpos) ==
                   MIRROR_VANISHED) {
            vfio_display_bad_plane(dpy, VFIO_PLANE_FAULT_VANISHED, plane, 0);
        }
    }
}

void vfio_display_overlays_forget(VFIODisplay *dpy)
{
    for (uint32_t i = 0; i < dpy->n_overlays; i++) {
        dpy->overlays[i] = (VFIODisplayOverlay) { .visible = false };
        console_mirror_hide_overlay(dpy->mirror, i);
    }
    dpy->overlaid = false;
    dpy->composed = false;
}
