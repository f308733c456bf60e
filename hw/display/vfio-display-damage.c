/*
 * The display of a device that renders where only its driver can see:
 * what the device says that differs
 *
 * Some say in the answer to each query what differs from the last one. It
 * stays in a log until the mirror has it, since a frame may come late, or not
 * at all, and is what is read of the next one. A guest that draws without
 * saying so is found out when it has been quiet for a while.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vfio-display-internal.h"

void vfio_display_damage_told(VFIODisplay *dpy, const VFIOPlane *plane)
{
    pixman_box32_t box;

    dpy->damage_known = plane->damage_known && !vfio_plane_is_off(plane);
    if (dpy->damage_known) {
        box = vfio_plane_damage(plane);
        damage_log_add(dpy->damage, &box);
        if (!damage_log_has_pending(dpy->damage) &&
            vfio_display_look_is_due(dpy)) {
            damage_log_add_all(dpy->damage);
        }
    } else if (!dpy->look.untold) {
        damage_log_add_all(dpy->damage);
    }
}

void vfio_display_damage_moved(VFIODisplay *dpy, const VFIOPlaneBuffer *from,
                               const VFIOPlaneBuffer *to)
{
    if (!dpy->damage_known || !from ||
        from->plane.fourcc != to->plane.fourcc) {
        damage_log_add_all(dpy->damage);
    }
}

bool vfio_display_damage_limit(VFIODisplay *dpy, MirrorFrame *frame)
{
    static const pixman_box32_t nothing;
    const pixman_box32_t *boxes;
    size_t n;

    /* a screendump is to be right, whatever the device says */
    if (!dpy->damage_known || qemu_console_dump_waits(dpy->con) ||
        dpy->damage_format != frame->format ||
        !console_mirror_holds(dpy->mirror, frame->width, frame->height)) {
        return false;
    }
    boxes = damage_log_boxes(dpy->damage, frame->width, frame->height, &n);
    if (!boxes) {
        return false;
    }
    frame->damage = n ? boxes : &nothing;
    frame->n_damage = n;
    return true;
}

void vfio_display_damage_shown(VFIODisplay *dpy, const MirrorFrame *frame)
{
    dpy->damage_format = frame->format;
    damage_log_submitted(dpy->damage, UINT64_MAX);
    damage_log_completed(dpy->damage, UINT64_MAX);
}
