/*
 * vGPU display: what the monitor tells of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-ui.h"
#include "vfio-display-refresh.h"

/* How users know planes and paths. */
static const VGPUDisplayPlaneType plane_types[VFIO_DISPLAY_PLANE_TYPES] = {
    [VFIO_PLANE_OVERLAY] = VGPU_DISPLAY_PLANE_TYPE_OVERLAY,
    [VFIO_PLANE_PRIMARY] = VGPU_DISPLAY_PLANE_TYPE_PRIMARY,
    [VFIO_PLANE_CURSOR] = VGPU_DISPLAY_PLANE_TYPE_CURSOR,
};

static const VGPUDisplayPath paths[PIXEL_PATH__MAX] = {
    [PIXEL_PATH_PLACEHOLDER] = VGPU_DISPLAY_PATH_PLACEHOLDER,
    [PIXEL_PATH_METADATA] = VGPU_DISPLAY_PATH_METADATA,
    [PIXEL_PATH_MMAP] = VGPU_DISPLAY_PATH_MMAP,
    [PIXEL_PATH_REGION] = VGPU_DISPLAY_PATH_REGION,
    [PIXEL_PATH_GL] = VGPU_DISPLAY_PATH_GL,
};

static void vfio_display_add_faults(const VFIODisplay *dpy, VFIOPlaneType type,
                                    VGPUDisplayFaultList **list)
{
    for (int i = VFIO_PLANE_FAULT__MAX - 1; i > VFIO_PLANE_FAULT_NONE; i--) {
        const char *kind = vfio_plane_fault_name(i);
        VGPUDisplayFault *fault;

        if (!dpy->source.faults[type][i]) {
            continue;
        }
        fault = g_new0(VGPUDisplayFault, 1);
        fault->kind = type == VFIO_PLANE_PRIMARY ? g_strdup(kind)
            : g_strdup_printf("%s-%s",
                              VGPUDisplayPlaneType_str(plane_types[type]),
                              kind);
        fault->count = dpy->source.faults[type][i];
        QAPI_LIST_PREPEND(*list, fault);
    }
}

static VGPUDisplayFaultList *vfio_display_query_faults(const VFIODisplay *dpy)
{
    VGPUDisplayFaultList *list = NULL;

    vfio_display_add_faults(dpy, VFIO_PLANE_OVERLAY, &list);
    vfio_display_add_faults(dpy, VFIO_PLANE_CURSOR, &list);
    vfio_display_add_faults(dpy, VFIO_PLANE_PRIMARY, &list);
    return list;
}

static void vfio_display_add_plane(VGPUDisplayPlaneList **list,
                                   VFIOPlaneType type, uint32_t index,
                                   bool visible, const VFIOPlane *plane)
{
    VGPUDisplayPlane *info = g_new0(VGPUDisplayPlane, 1);
    char fourcc[UI_FOURCC_STRLEN];

    info->type = plane_types[type];
    info->index = index;
    info->visible = visible;
    info->format = g_strdup(visible ? ui_fourcc_to_string(plane->fourcc, fourcc)
                                    : "");
    if (visible) {
        info->width = plane->width;
        info->height = plane->height;
    }
    /* drivers leave what they like in the primary's */
    if (visible && type != VFIO_PLANE_PRIMARY) {
        info->x = plane->x;
        info->y = plane->y;
    }
    QAPI_LIST_PREPEND(*list, info);
}

static VGPUDisplayPlaneList *vfio_display_query_planes(const VFIODisplay *dpy)
{
    const VFIODisplayOverlay *overlay = dpy->overlays.overlay;
    const VFIODisplayCursor *cursor = &dpy->cursor;
    VGPUDisplayPlaneList *list = NULL;

    for (uint32_t i = dpy->source.n_overlays; i-- > 0;) {
        vfio_display_add_plane(&list, VFIO_PLANE_OVERLAY, i,
                               overlay[i].visible || overlay[i].buffer,
                               &overlay[i].plane);
    }
    if (dpy->source.kinds[VFIO_PLANE_KIND_DMABUF] || dpy->metadata) {
        vfio_display_add_plane(&list, VFIO_PLANE_CURSOR, 0,
                               cursor->shown || cursor->gl || cursor->above,
                               cursor->above ? &cursor->above_plane
                                             : &cursor->plane);
    }
    vfio_display_add_plane(&list, VFIO_PLANE_PRIMARY, 0,
                           dpy->screen.state != VFIO_DISPLAY_BLANK,
                           &dpy->screen.plane);
    return list;
}

static VGPUDisplayViewerList *vfio_display_query_viewers(VFIODisplay *dpy)
{
    QemuConsole *con = dpy->screen.con;
    VGPUDisplayViewerList *list = NULL, **tail = &list;
    ViewerShows shows;
    const char *name;

    for (unsigned i = 0;
         (name = qemu_console_viewer(con, i, &shows)) != NULL; i++) {
        VGPUDisplayViewer *viewer = g_new0(VGPUDisplayViewer, 1);

        viewer->name = g_strdup(name);
        viewer->shows = shows;
        QAPI_LIST_APPEND(tail, viewer);
    }
    return list;
}

static VGPUDisplayPath vfio_display_query_path(const VFIODisplayScreen *screen)
{
    DisplaySurface *surface = qemu_console_surface(screen->con);

    if (screen->path != PIXEL_PATH__MAX) {
        /* while another path is tried, too, the placeholder text stays */
        return paths[screen->placeholder ? PIXEL_PATH_PLACEHOLDER
                                         : screen->path];
    }
    /* what is no placeholder while the device's plane is off is ramfb's */
    return screen->ramfb && surface && !surface_is_placeholder(surface)
        ? VGPU_DISPLAY_PATH_RAMFB : VGPU_DISPLAY_PATH_NONE;
}

static VGPUDisplayInfo *vfio_display_query_info(VFIODisplay *dpy)
{
    VGPUDisplayInfo *info = g_new0(VGPUDisplayInfo, 1);
    VFIOPlaneCacheStats cache = vfio_plane_cache_stats(dpy->buffers.cache);
    const VFIODisplayScreen *screen = &dpy->screen;
    char fourcc[UI_FOURCC_STRLEN];

    info->device = vfio_display_source_name(&dpy->source);
    info->console = qemu_console_get_index(screen->con);
    info->path = vfio_display_query_path(screen);
    info->active = screen->state != VFIO_DISPLAY_BLANK;
    if (info->active) {
        info->width = screen->plane.width;
        info->height = screen->plane.height;
        info->modifier = screen->plane.modifier;
        info->format = g_strdup(ui_fourcc_to_string(screen->plane.fourcc,
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
    info->frames = screen->frames;
    info->skipped = dpy->skipped;
    info->scans = dpy->source.meter.scans;
    info->scan_ns = dpy->source.meter.ns;
    info->bytes_probed = screen->bytes_probed;
    info->bytes_read = console_mirror_bytes_read(screen->mirror) -
        screen->bytes_probed;
    info->notifications = vfio_display_notify_count(dpy->notify);
    info->cursor_updates = dpy->cursor.updates;
    info->planes = vfio_display_query_planes(dpy);
    info->viewers = vfio_display_query_viewers(dpy);
    info->faults = vfio_display_query_faults(dpy);
    return info;
}

VGPUDisplayInfoList *qmp_x_query_vgpu_display(Error **errp)
{
    VGPUDisplayInfoList *list = NULL;
    VFIODisplay *dpy = NULL;

    while ((dpy = vfio_display_next(dpy)) != NULL) {
        QAPI_LIST_PREPEND(list, vfio_display_query_info(dpy));
    }
    return list;
}

/* All but the primary, which has a line of its own. */
static void hmp_print_plane(Monitor *mon, const VGPUDisplayPlane *plane)
{
    if (plane->visible && plane->type != VGPU_DISPLAY_PLANE_TYPE_PRIMARY) {
        monitor_printf(mon, "  %s %" PRIu32 ": %" PRIu32 "x%" PRIu32
                       " %s at %" PRId32 ",%" PRId32 "\n",
                       VGPUDisplayPlaneType_str(plane->type), plane->index,
                       plane->width, plane->height, plane->format, plane->x,
                       plane->y);
    }
}

static void hmp_print_viewers(Monitor *mon, const VGPUDisplayViewerList *list)
{
    bool first = true;

    for (; list; list = list->next) {
        monitor_printf(mon, "%s%s shows %s%s", first ? "  viewers: " : ", ",
                       list->value->name, ViewerShows_str(list->value->shows),
                       list->next ? "" : "\n");
        first = false;
    }
}

static void hmp_print_vgpu_display(Monitor *mon, const VGPUDisplayInfo *info)
{
    VGPUDisplayFaultList *fault;
    VGPUDisplayPlaneList *plane;

    monitor_printf(mon, "%s: console %" PRId64 ", path %s\n", info->device,
                   info->console, VGPUDisplayPath_str(info->path));
    if (info->active) {
        monitor_printf(mon, "  plane: %" PRIu32 "x%" PRIu32 " %s, modifier "
                       "0x%016" PRIx64 "\n", info->width, info->height,
                       info->format, info->modifier);
    } else {
        monitor_printf(mon, "  plane: off\n");
    }
    for (plane = info->planes; plane; plane = plane->next) {
        hmp_print_plane(mon, plane->value);
    }
    hmp_print_viewers(mon, info->viewers);
    monitor_printf(mon, "  buffers: %" PRIu32 " open, %" PRIu64 " bytes, %"
                   PRIu64 " hits, %" PRIu64 " misses, %" PRIu64
                   " evictions\n", info->buffers, info->buffer_bytes,
                   info->cache_hits, info->cache_misses,
                   info->cache_evictions);
    monitor_printf(mon, "  frames: %" PRIu64 " shown, %" PRIu64 " skipped, %"
                   PRIu64 " bytes read, %" PRIu64 " cursor images\n",
                   info->frames, info->skipped, info->bytes_read,
                   info->cursor_updates);
    monitor_printf(mon, "  scans: %" PRIu64 ", %.3f ms each\n", info->scans,
                   info->scans ? info->scan_ns / 1e6 / info->scans : 0.0);
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
