/*
 * The display of a device that renders where only its driver can see
 *
 * This file is the display's life: probe, console, reset, end. What happens
 * at each refresh is in vfio-display-scanout.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "block/aio.h"
#include "hw/qdev-core.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "trace.h"
#include "vfio-display-internal.h"

VFIODisplayList vfio_displays = QLIST_HEAD_INITIALIZER(vfio_displays);

char *vfio_display_name(const VFIODisplay *dpy)
{
    return dpy->dev->id ? g_strdup(dpy->dev->id)
        : object_get_canonical_path(OBJECT(dpy->dev));
}

static void G_GNUC_PRINTF(4, 0)
vfio_display_vfault(VFIODisplay *dpy, VFIOPlaneType type,
                    VFIOPlaneFault fault, const char *fmt, va_list ap)
{
    g_autofree char *name = NULL;
    g_autofree char *what = NULL;

    dpy->faults[type][fault]++;
    trace_vfio_display_fault(dpy, type, vfio_plane_fault_name(fault),
                             dpy->faults[type][fault]);
    if (dpy->warned[type][fault]) {
        return;
    }
    dpy->warned[type][fault] = true;
    what = g_strdup_vprintf(fmt, ap);
    name = vfio_display_name(dpy);
    warn_report("vGPU display of %s: %s", name, what);
}

void vfio_display_fault(VFIODisplay *dpy, VFIOPlaneFault fault,
                        const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfio_display_vfault(dpy, VFIO_PLANE_PRIMARY, fault, fmt, ap);
    va_end(ap);
}

void vfio_display_plane_fault(VFIODisplay *dpy, VFIOPlaneType type,
                              VFIOPlaneFault fault, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfio_display_vfault(dpy, type, fault, fmt, ap);
    va_end(ap);
}

static void vfio_display_gfx_update(void *opaque)
{
    VFIODisplay *dpy = opaque;
    VFIODisplaySignals signals = vfio_display_notify_take(dpy->notify);

    dpy->refreshes++;
    if (dpy->ramfb && dpy->state == VFIO_DISPLAY_BLANK) {
        /* whatever the device says, and though it says nothing */
        ramfb_display_update(dpy->con, dpy->ramfb);
    }
    vfio_display_look_begin(dpy, signals);
    if (!vfio_display_metadata_refresh(dpy->metadata, signals)) {
        vfio_display_update(dpy);
        if (dpy->look.owed) {
            qemu_console_hurry(dpy->con);
        }
    } else if (!vfio_display_metadata_dumping(dpy->metadata)) {
        graphic_hw_update_done(dpy->con);
    }
    vfio_display_notify_follow(dpy->notify);
    vfio_display_notify_listen(dpy->notify);
}

static void vfio_display_look_again(void *opaque)
{
    VFIODisplay *dpy = opaque;

    graphic_hw_update(dpy->con);
}

static int vfio_display_get_flags(void *opaque)
{
    return GRAPHIC_FLAGS_PIXELS;
}

static void vfio_display_ui_info(void *opaque, uint32_t head,
                                 QemuUIInfo *info)
{
    VFIODisplay *dpy = opaque;

    vfio_display_edid_ui_info(dpy->edid, info);
}

static const GraphicHwOps vfio_display_hw_ops = {
    .get_flags = vfio_display_get_flags,
    .gfx_update = vfio_display_gfx_update,
    .gfx_update_async = true,
};

static const GraphicHwOps vfio_display_edid_hw_ops = {
    .get_flags = vfio_display_get_flags,
    .gfx_update = vfio_display_gfx_update,
    .gfx_update_async = true,
    .ui_info = vfio_display_ui_info,
};

/* An EDID that does not work costs the EDID, not the display. */
static void vfio_display_init_edid(VFIODisplay *dpy)
{
    g_autofree char *name = NULL;
    Error *err = NULL;

    if (!dpy->ops->has_edid || !dpy->ops->has_edid(dpy->opaque)) {
        return;
    }
    dpy->edid = vfio_display_edid_new(dpy, &err);
    if (!dpy->edid) {
        name = vfio_display_name(dpy);
        warn_reportf_err(err, "vGPU display of %s: no EDID: ", name);
        return;
    }
    graphic_console_set_hwops(dpy->con, &vfio_display_edid_hw_ops, dpy);
}

/* What does the source offer? */
static bool vfio_display_probe(VFIODisplay *dpy)
{
    bool dmabuf = dpy->ops->probe(dpy->opaque, VFIO_PLANE_KIND_DMABUF);
    bool region = dpy->ops->probe(dpy->opaque, VFIO_PLANE_KIND_REGION);

    trace_vfio_display_probe(dmabuf, region);
    dpy->kinds[VFIO_PLANE_KIND_DMABUF] = dmabuf;
    dpy->kinds[VFIO_PLANE_KIND_REGION] = region;
    if (dmabuf && dpy->ops->overlays) {
        dpy->n_overlays = MIN(dpy->ops->overlays(dpy->opaque,
                                                 VFIO_PLANE_KIND_DMABUF),
                              MIRROR_OVERLAYS);
    }
    trace_vfio_display_planes(dpy, dpy->n_overlays);
    dpy->metadata = vfio_display_metadata_new(dpy);
    return dmabuf || region || dpy->metadata;
}

VFIODisplay *vfio_display_new(DeviceState *dev, const VFIODisplayOps *ops,
                              void *opaque, const VFIODisplayConfig *config,
                              Error **errp)
{
    g_autofree VFIODisplay *dpy = g_new0(VFIODisplay, 1);

    dpy->dev = dev;
    dpy->ops = ops;
    dpy->opaque = opaque;
    dpy->config = *config;
    if (!vfio_display_probe(dpy)) {
        return NULL;
    }
    if (config->ramfb) {
        dpy->ramfb = ramfb_setup(dev, errp);
        if (!dpy->ramfb) {
            vfio_display_metadata_free(dpy->metadata);
            return NULL;
        }
    }

    dpy->way = PIXEL_PATH__MAX;
    dpy->cache = vfio_plane_cache_new(&vfio_display_cache_ops, dpy,
                                      VFIO_PLANE_CACHE_MAX_BUFFERS,
                                      VFIO_PLANE_CACHE_MAX_BYTES);
    dpy->con = graphic_console_init(dev, 0, &vfio_display_hw_ops, dpy);
    qemu_console_set_dump_cursor(dpy->con, config->screendump_cursor);
    dpy->mirror = console_mirror_new(dpy->con);
    dpy->damage = damage_log_new();
    /* not the main loop's own: the human monitor waits with aio_poll() */
    dpy->again = aio_timer_new(qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                               SCALE_NS, vfio_display_look_again, dpy);
    vfio_display_init_edid(dpy);
    dpy->notify = vfio_display_notify_new(dpy);
    QLIST_INSERT_HEAD(&vfio_displays, dpy, next);
    return g_steal_pointer(&dpy);
}

void vfio_display_free(VFIODisplay *dpy)
{
    if (!dpy) {
        return;
    }
    QLIST_REMOVE(dpy, next);
    vfio_display_notify_free(dpy->notify);
    vfio_display_metadata_free(dpy->metadata);
    dpy->metadata = NULL;
    vfio_display_forget_buffers(dpy);
    graphic_console_close(dpy->con);
    timer_free(dpy->again);
    graphic_hw_update_done(dpy->con);
    vfio_plane_cache_free(dpy->cache);
    gl_readback_free(dpy->gl);
    damage_log_free(dpy->damage);
    console_mirror_free(dpy->mirror);
    vfio_display_edid_free(dpy->edid);
    g_free(dpy);
}

void vfio_display_device_reset(VFIODisplay *dpy)
{
    if (!dpy) {
        return;
    }
    trace_vfio_display_device_reset(dpy);
    vfio_display_look_distrust(dpy);
    vfio_display_metadata_reset(dpy->metadata);
    vfio_display_forget_buffers(dpy);
    if (dpy->state != VFIO_DISPLAY_BLANK) {
        /* nothing will come back: no grace, firmware may use ramfb now */
        dpy->state = VFIO_DISPLAY_BLANK;
        dpy->placeholder = NULL;
        dpy->way = PIXEL_PATH__MAX;
        dpy_gfx_replace_surface(dpy->con, NULL);
        vfio_display_notify_follow(dpy->notify);
    }
}

bool vfio_display_has_edid(const VFIODisplay *dpy)
{
    return dpy && dpy->edid;
}

static bool vfio_display_ramfb_needed(void *opaque)
{
    VFIODisplay *dpy = opaque;

    return dpy->ramfb != NULL;
}

static int vfio_display_ramfb_pre_load(void *opaque)
{
    VFIODisplay *dpy = opaque;

    if (!dpy->ramfb) {
        error_report("vGPU display: the source has ramfb, this one has not");
        return -EINVAL;
    }
    return 0;
}

const VMStateDescription vmstate_vfio_display_ramfb = {
    .name = "VFIODisplay",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = vfio_display_ramfb_needed,
    .pre_load = vfio_display_ramfb_pre_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_POINTER(ramfb, VFIODisplay, ramfb_vmstate, RAMFBState),
        VMSTATE_END_OF_LIST()
    },
};
