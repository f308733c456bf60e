/*
 * vGPU display: life
 *
 * Probe, console, reset, end. What happens at each refresh is in
 * vfio-display-refresh.c.
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
#include "vfio-display-refresh.h"

static QLIST_HEAD(, VFIODisplay) displays = QLIST_HEAD_INITIALIZER(displays);

VFIODisplay *vfio_display_next(VFIODisplay *dpy)
{
    return dpy ? QLIST_NEXT(dpy, next) : QLIST_FIRST(&displays);
}

/* --- What comes from below ------------------------------------------------ */

static int display_get_flags(void *opaque)
{
    const VFIODisplay *dpy = opaque;

    return GRAPHIC_FLAGS_PIXELS |
        (dpy->dump_cursor ? GRAPHIC_FLAGS_DUMP_CURSOR : 0);
}

static void display_refresh(void *opaque)
{
    vfio_display_refresh(opaque);
}

static void display_refresh_again(void *opaque)
{
    VFIODisplay *dpy = opaque;

    graphic_hw_update(dpy->screen.con);
}

static void display_ui_info(void *opaque, uint32_t head, QemuUIInfo *info)
{
    VFIODisplay *dpy = opaque;

    vfio_display_edid_ui_info(dpy->edid, info);
}

static const GraphicHwOps display_hw_ops = {
    .get_flags = display_get_flags,
    .gfx_update = display_refresh,
    .gfx_update_async = true,
};

static const GraphicHwOps display_edid_hw_ops = {
    .get_flags = display_get_flags,
    .gfx_update = display_refresh,
    .gfx_update_async = true,
    .ui_info = display_ui_info,
};

static void display_buffer_closing(void *opaque, VFIOPlaneBuffer *buffer)
{
    VFIODisplay *dpy = opaque;

    vfio_display_screen_closing(&dpy->screen, buffer);
    vfio_display_cursor_closing(&dpy->cursor, buffer);
    vfio_display_overlays_closing(&dpy->overlays, buffer);
}

static void display_show_frame(void *opaque, const MirrorFrame *frame)
{
    vfio_display_show_frame(opaque, frame);
}

static const VFIODisplayReadbackOps display_readback_ops = {
    .show = display_show_frame,
    .refresh = display_refresh,
};

static bool display_signalled(void *opaque, VFIODisplaySignals signals)
{
    VFIODisplay *dpy = opaque;

    return vfio_display_metadata_signalled(dpy->metadata, signals);
}

/* --- Life ----------------------------------------------------------------- */

static void display_open_console(VFIODisplay *dpy,
                                 const VFIODisplayConfig *config)
{
    QemuConsole *con = graphic_console_init(dpy->source.dev, 0,
                                            &display_hw_ops, dpy);

    vfio_display_screen_init(&dpy->screen, con, dpy->ramfb);
    /* not the main loop's own: the human monitor waits with aio_poll() */
    dpy->again = aio_timer_new(qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                               SCALE_NS, display_refresh_again, dpy);
    dpy->edid = vfio_display_edid_new(&dpy->source, config->xres,
                                      config->yres);
    if (dpy->edid) {
        graphic_console_set_hwops(con, &display_edid_hw_ops, dpy);
    }
}

static void display_connect_parts(VFIODisplay *dpy,
                                  const VFIODisplayConfig *config)
{
    VFIODisplaySource *source = &dpy->source;
    VFIODisplayBuffers *buffers = &dpy->buffers;
    VFIODisplayScreen *screen = &dpy->screen;

    *buffers = (VFIODisplayBuffers) {
        .source = source, .con = screen->con,
        .software_import = config->software_import,
        .closing = display_buffer_closing, .opaque = dpy,
    };
    vfio_display_buffers_init(buffers);
    vfio_display_damage_init(&dpy->damage);
    dpy->notify = vfio_display_notify_new(source, screen->con,
                                          display_signalled, dpy);
    vfio_display_notify_follow(dpy->notify,
                               vfio_display_screen_signals(screen));
    dpy->cursor = (VFIODisplayCursor) {
        .source = source, .buffers = buffers, .screen = screen,
    };
    dpy->overlays = (VFIODisplayOverlays) {
        .source = source, .buffers = buffers, .screen = screen,
    };
    dpy->readback = (VFIODisplayReadback) {
        .source = source, .buffers = buffers, .screen = screen,
        .damage = &dpy->damage, .ops = &display_readback_ops, .opaque = dpy,
    };
    dpy->metadata = vfio_display_metadata_new(source, screen->con, dpy->notify,
                                              display_refresh, dpy);
}

VFIODisplay *vfio_display_new(DeviceState *dev, const VFIODisplayOps *ops,
                              void *opaque, const VFIODisplayConfig *config,
                              Error **errp)
{
    g_autofree VFIODisplay *dpy = g_new0(VFIODisplay, 1);

    dpy->source.dev = dev;
    dpy->source.ops = ops;
    dpy->source.opaque = opaque;
    dpy->source.meter.slow_ns_per_kib = config->slow_ns_per_kib;
    dpy->path = config->path;
    dpy->dump_cursor = config->screendump_cursor;
    if (!vfio_display_source_probe(&dpy->source)) {
        return NULL;
    }
    if (config->ramfb) {
        dpy->ramfb = ramfb_setup(dev, errp);
        if (!dpy->ramfb) {
            vfio_display_source_close(&dpy->source);
            return NULL;
        }
    }
    display_open_console(dpy, config);
    display_connect_parts(dpy, config);
    QLIST_INSERT_HEAD(&displays, dpy, next);
    return g_steal_pointer(&dpy);
}

void vfio_display_free(VFIODisplay *dpy)
{
    QemuConsole *con;

    if (!dpy) {
        return;
    }
    con = dpy->screen.con;
    QLIST_REMOVE(dpy, next);
    g_clear_pointer(&dpy->notify, vfio_display_notify_free);
    g_clear_pointer(&dpy->metadata, vfio_display_metadata_free);
    vfio_display_source_close(&dpy->source);
    vfio_display_drop_buffers(dpy);
    graphic_console_close(con);
    timer_free(dpy->again);
    graphic_hw_update_done(con);
    vfio_display_buffers_finish(&dpy->buffers);
    vfio_display_readback_finish(&dpy->readback);
    vfio_display_damage_finish(&dpy->damage);
    vfio_display_screen_finish(&dpy->screen);
    vfio_display_edid_free(dpy->edid);
    g_free(dpy);
}

void vfio_display_device_reset(VFIODisplay *dpy)
{
    if (!dpy) {
        return;
    }
    trace_vfio_display_device_reset(dpy);
    if (vfio_display_metadata_reset(dpy->metadata)) {
        graphic_hw_update_done(dpy->screen.con);
    }
    vfio_display_drop_buffers(dpy);
    if (dpy->screen.state != VFIO_DISPLAY_BLANK) {
        /* nothing will come back: no grace, firmware may use ramfb now */
        vfio_display_screen_blank(&dpy->screen, true);
        vfio_display_notify_follow(dpy->notify,
                                   vfio_display_screen_signals(&dpy->screen));
    }
}

bool vfio_display_has_edid(const VFIODisplay *dpy)
{
    return dpy && dpy->edid;
}

/* --- Migration ------------------------------------------------------------ */

static bool display_ramfb_needed(void *opaque)
{
    VFIODisplay *dpy = opaque;

    return dpy->ramfb != NULL;
}

static int display_ramfb_pre_load(void *opaque)
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
    .needed = display_ramfb_needed,
    .pre_load = display_ramfb_pre_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_POINTER(ramfb, VFIODisplay, ramfb_vmstate, RAMFBState),
        VMSTATE_END_OF_LIST()
    },
};
