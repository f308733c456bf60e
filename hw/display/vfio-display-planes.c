/*
 * vGPU display: planes for viewers that show them themselves
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vfio-display-planes.h"

void vfio_display_give_planes(VFIODisplayScreen *screen,
                              const VFIODisplayOverlays *overlays,
                              const VFIODisplayCursor *cursor)
{
    DisplayPlane planes[DISPLAY_MAX_PLANES];
    unsigned n;

    QEMU_BUILD_BUG_ON(ARRAY_SIZE(planes) < MIRROR_OVERLAYS + 1);
    if (screen->primary && screen->planes && !overlays->later &&
        !cursor->later) {
        n = vfio_display_overlays_planes(overlays, planes);
        n += vfio_display_cursor_plane(cursor, &planes[n]);
        vfio_display_show_planes(screen, planes, n);
    }
}
