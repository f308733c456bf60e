/*
 * vGPU display: where it is not built
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-display.h"
#include "hw/vfio/vfio-plane.h"
#include "migration/vmstate.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-ui.h"

static bool has_display(const VFIODisplayOps *ops, void *opaque)
{
    VFIODisplayRegion region;

    if (ops->probe(opaque, VFIO_PLANE_KIND_DMABUF) ||
        ops->probe(opaque, VFIO_PLANE_KIND_REGION)) {
        return true;
    }
    if (!ops->open_metadata || ops->open_metadata(opaque, &region) < 0) {
        return false;
    }
    ops->close_metadata(opaque);
    return true;
}

/* The device may have a display all the same: then it is not its fault. */
VFIODisplay *vfio_display_new(DeviceState *dev, const VFIODisplayOps *ops,
                              void *opaque, const VFIODisplayConfig *config,
                              Error **errp)
{
    if (has_display(ops, opaque)) {
        error_setg(errp, "the device has a display, but this QEMU was built "
                   "without pixman, which that needs");
    }
    return NULL;
}

void vfio_display_free(VFIODisplay *dpy)
{
    assert(!dpy);
}

void vfio_display_device_reset(VFIODisplay *dpy)
{
    assert(!dpy);
}

bool vfio_display_has_edid(const VFIODisplay *dpy)
{
    return false;
}

/* The metadata page that has_display() opens need not be mapped. */
uint64_t vfio_region_mappable(const struct vfio_region_sparse_mmap_area *area,
                              size_t n, uint64_t size)
{
    return 0;
}

/* Never sent: it needs a display with ramfb. */
const VMStateDescription vmstate_vfio_display_ramfb = {
    .name = "VFIODisplay",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_END_OF_LIST()
    },
};

VGPUDisplayInfoList *qmp_x_query_vgpu_display(Error **errp)
{
    return NULL;
}

void hmp_info_vgpu_display(Monitor *mon, const QDict *qdict)
{
    monitor_printf(mon, "No vGPU display.\n");
}
