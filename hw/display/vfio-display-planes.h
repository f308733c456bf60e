/*
 * vGPU display: planes for viewers that show them themselves
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_PLANES_H
#define HW_DISPLAY_VFIO_DISPLAY_PLANES_H

#include "vfio-display-cursor.h"
#include "vfio-display-overlay.h"

/*
 * Gives them the overlays and the cursor, as they were queried last, over the
 * dma-buf on screen. One whose buffer is not known yet leaves all as they were.
 */
void vfio_display_give_planes(VFIODisplayScreen *screen,
                              const VFIODisplayOverlays *overlays,
                              const VFIODisplayCursor *cursor);

#endif /* HW_DISPLAY_VFIO_DISPLAY_PLANES_H */
