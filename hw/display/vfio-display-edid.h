/*
 * vGPU display: the monitor that the guest sees
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_EDID_H
#define HW_DISPLAY_VFIO_DISPLAY_EDID_H

#include "vfio-display-source.h"

typedef struct VFIODisplayEdid VFIODisplayEdid;

/*
 * Writes an EDID that prefers @xres x @yres; 0: the device's largest. Returns
 * NULL if there is no EDID region; after a warning if it is of no use.
 */
VFIODisplayEdid *vfio_display_edid_new(VFIODisplaySource *source,
                                       uint32_t xres, uint32_t yres);
void vfio_display_edid_free(VFIODisplayEdid *edid);

/* What a viewer wants; a size of 0 unplugs the monitor. */
void vfio_display_edid_ui_info(VFIODisplayEdid *edid, const QemuUIInfo *info);

#endif /* HW_DISPLAY_VFIO_DISPLAY_EDID_H */
