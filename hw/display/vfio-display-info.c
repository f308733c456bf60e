/*
 * The display of a device that renders where only its driver can see:
 * what the monitor tells of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-ui.h"
#include "vfio-display-internal.h"

static const char *vfio_display_path_name(const VFIODisplay *dpy)
{
    DisplaySurface *surface = qemu_console_surface(dpy->con);

    if (dpy->way != PIXEL_WAY__MAX) {
        return pixel_way_name(dpy->way);
    }
    /* what is no placeholder while the device's plane is off is ramfb's */
    return dpy->ramfb && surface && !surface_is_placeholder(surface) ? "ramfb"
                                                                     : "none";
}

static VGPUDisplayFaultList *vfio_display_query_faults(const VFIODisplay *dpy)
{
    VGPUDisplayFaultList *list = NULL;
    VGPUDisplayFault *fault;

    for (int i = VFIO_PLANE_FAULT__MAX - 1; i > VFIO_PLANE_FAULT_NONE; i--) {
        if (dpy->faults[i]) {
            fault = g_new0(VGPUDisplayFault, 1);
            fault->kind = g_strdup(vfio_plane_fault_name(i));
            fault->count = dpy->faults[i];
            QAPI_LIST_PREPEND(list, fault);
        }
    }
    return list;
}

static VGPUDisplayInfo *vfio_display_query_info(const VFIODisplay *dpy)
{
    VGPUDisplayInfo *info = g_new0(VGPUDisplayInfo, 1);
    VFIOPlaneCacheStats cache = vfio_plane_cache_stats(dpy->cache);
    char fourcc[UI_FOURCC_STRLEN];

    info->device = vfio_display_name(dpy);
    info->console = qemu_console_get_index(dpy->con);
    info->path = g_strdup(vfio_display_path_name(dpy));
    info->active = dpy->state != VFIO_DISPLAY_BLANK;
    if (info->active) {
        info->width = dpy->plane.width;
        info->height = dpy->plane.height;
        info->modifier = dpy->plane.modifier;
        info->format = g_strdup(ui_fourcc_to_string(dpy->plane.fourcc,
                                                    fourcc));
    } else {
        info->format = g_strdup("");
    }
    info->buffers = cache.buffers;
    info->buffer_bytes = cache.bytes;
    info->cache_hits = cache.hits;
    info->cache_misses = cache.misses;
    info->cache_evictions = cache.evictions;
    info->refreshes = dpy->refreshes;
    info->frames = dpy->frames;
    info->skipped = dpy->skipped;
    info->bytes_read = console_mirror_stats(dpy->mirror).bytes_read;
    info->notifications = vfio_display_notify_count(dpy->notify);
    info->faults = vfio_display_query_faults(dpy);
    return info;
}

VGPUDisplayInfoList *qmp_x_query_vgpu_display(Error **errp)
{
    VGPUDisplayInfoList *list = NULL;
    VFIODisplay *dpy;

    QLIST_FOREACH(dpy, &vfio_displays, next) {
        QAPI_LIST_PREPEND(list, vfio_display_query_info(dpy));
    }
    return list;
}

static void hmp_print_vgpu_display(Monitor *mon, const VGPUDisplayInfo *info)
{
    VGPUDisplayFaultList *fault;

    monitor_printf(mon, "%s: console %" PRId64 ", path %s\n", info->device,
                   info->console, info->path);
    if (info->active) {
        monitor_printf(mon, "  plane: %" PRIu32 "x%" PRIu32 " %s, modifier "
                       "0x%016" PRIx64 "\n", info->width, info->height,
                       info->format, info->modifier);
    } else {
        monitor_printf(mon, "  plane: off\n");
    }
    monitor_printf(mon, "  buffers: %" PRIu32 " open, %" PRIu64 " bytes, %"
                   PRIu64 " hits, %" PRIu64 " misses, %" PRIu64
                   " evictions\n", info->buffers, info->buffer_bytes,
                   info->cache_hits, info->cache_misses,
                   info->cache_evictions);
    monitor_printf(mon, "  frames: %" PRIu64 " shown, %" PRIu64 " skipped, %"
                   PRIu64 " bytes read\n", info->frames, info->skipped,
                   info->bytes_read);
    monitor_printf(mon, "  refreshes: %" PRIu64 ", notifications: %" PRIu64
                   "\n", info->refreshes, info->notifications);
    for (fault = info->faults; fault; fault = fault->next) {
        monitor_printf(mon, "  fault: %s, %" PRIu64 " times\n",
                       fault->value->kind, fault->value->count);
    }
}

void hmp_info_vgpu_display(Monitor *mon, const QDict *qdict)
{
    g_autoptr(VGPUDisplayInfoList) list = qmp_x_query_vgpu_display(NULL);
    VGPUDisplayInfoList *item;

    if (!list) {
        monitor_printf(mon, "No vGPU display.\n");
    }
    for (item = list; item; item = item->next) {
        hmp_print_vgpu_display(mon, item->value);
    }
}
