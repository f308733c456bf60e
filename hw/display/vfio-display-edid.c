/*
 * vGPU display: the monitor that the guest sees
 *
 * struct vfio_region_gfx_edid in linux/vfio.h has the EDID region's registers
 * and the sequence: link down, size, blob, link up. What drivers make of it:
 * GVT-g takes only aligned accesses of four bytes to the registers, bounds blob
 * writes by the size that was written before, and reports a region size that
 * does not cover the blob, so nothing here is checked against that size.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include "hw/display/edid.h"
#include "qemu/timer.h"
#include "trace.h"
#include "vfio-display-edid.h"

/*
 * Guest drivers poll for a hotplug; one that is down for less may be missed.
 */
#define LINK_DOWN_MS 100

/*
 * A window whose edge is dragged has another size with each event, and a guest
 * driver that sees a hotplug for each of them hangs: wait until it stays.
 */
#define SETTLE_MS 300

/*
 * A driver that refuses an EDID is asked again after 1, 2, 4, 8 and 16 s, and
 * then no more before another size is wanted: each try is a hotplug to guests.
 */
#define RETRY_MS 1000
#define RETRIES 5

/* What is preferred if neither the user nor the device says; as elsewhere. */
#define DEFAULT_XRES 1280
#define DEFAULT_YRES 800

/* A base block and one extension; more than QEMU generates is no use. */
#define EDID_BLOCK 128
#define EDID_MAX_SIZE 1024

struct VFIODisplayEdid {
    VFIODisplaySource *source;
    uint32_t offset;    /* of the blob in the region */
    uint32_t max_xres;
    uint32_t max_yres;
    size_t blob_size;   /* bytes there are for the blob */
    uint8_t accepted[EDID_MAX_SIZE]; /* by the driver, the last one */
    size_t accepted_size; /* 0 if there was none yet */
    QEMUTimer *link_up_timer;
    QEMUTimer *settle_timer; /* also for the next try after a refusal */
    bool refused;       /* a part of what is wanted */
    unsigned refusals;  /* tries of that which failed */
    bool warned;
    QemuUIInfo wanted;
    QemuUIInfo written; /* what the guest was told of last */
};

static bool edid_read_reg(VFIODisplayEdid *edid, size_t offset,
                          uint32_t *value)
{
    return edid->source->ops->edid_read(edid->source->opaque, value,
                                        sizeof(*value), offset) == 0;
}

static bool edid_write_reg(VFIODisplayEdid *edid, size_t offset,
                           uint32_t value)
{
    int ret = edid->source->ops->edid_write(edid->source->opaque, &value,
                                            sizeof(value), offset);

    if (ret < 0) {
        trace_vfio_display_edid_refused(edid->source, offset, value, ret);
    }
    return ret == 0;
}

static bool edid_set_link(VFIODisplayEdid *edid, uint32_t state)
{
    return edid_write_reg(edid, offsetof(struct vfio_region_gfx_edid,
                                         link_state), state);
}

/* Writes an EDID; the link is down before and after. */
static bool edid_write(VFIODisplayEdid *edid, const uint8_t *blob, size_t size)
{
    return edid_write_reg(edid, offsetof(struct vfio_region_gfx_edid,
                                         edid_size), size) &&
        edid->source->ops->edid_write(edid->source->opaque, blob, size,
                                      edid->offset) == 0;
}

/* Makes the EDID for a mode and writes it. */
static bool edid_write_mode(VFIODisplayEdid *edid, const QemuUIInfo *info)
{
    qemu_edid_info generate = {
        .maxx = edid->max_xres,
        .maxy = edid->max_yres,
        .prefx = info->width,
        .prefy = info->height,
        .width_mm = info->width_mm,
        .height_mm = info->height_mm,
        .refresh_rate = info->refresh_rate,
    };
    uint8_t blob[EDID_MAX_SIZE] = {};
    size_t size;

    if (edid->max_xres) {
        generate.prefx = MIN(generate.prefx, edid->max_xres);
    }
    if (edid->max_yres) {
        generate.prefy = MIN(generate.prefy, edid->max_yres);
    }
    qemu_edid_generate(blob, edid->blob_size, &generate);
    size = qemu_edid_size(blob);
    trace_vfio_display_edid_mode(edid->source, generate.prefx, generate.prefy,
                                 size);
    if (!edid_write(edid, blob, size)) {
        return false;
    }
    memcpy(edid->accepted, blob, size);
    edid->accepted_size = size;
    return true;
}

/* The driver refused a part of it: the guest is told again later. */
static void edid_refused(VFIODisplayEdid *edid, const char *what)
{
    if (!edid->warned) {
        edid->warned = true;
        vfio_display_warn(edid->source, "the driver refuses %s for a monitor "
                          "of %ux%u; the guest sees the one before, if any",
                          what, edid->wanted.width, edid->wanted.height);
    }
    edid->refused = true;
    if (edid->refusals < RETRIES) {
        timer_mod(edid->settle_timer,
                  qemu_clock_get_ms(QEMU_CLOCK_REALTIME) +
                  (RETRY_MS << edid->refusals));
        edid->refusals++;
    }
}

static void edid_link_up(void *opaque)
{
    VFIODisplayEdid *edid = opaque;

    if (edid_set_link(edid, VFIO_DEVICE_GFX_LINK_STATE_UP)) {
        trace_vfio_display_edid_link(edid->source, "up");
    } else if (!edid->refused) {
        edid_refused(edid, "the link going up");
    }
}

/*
 * Shows the guest the monitor that is wanted. If the driver refuses its EDID
 * the last one that it took is written again, and the link goes up again.
 */
static void edid_plug(VFIODisplayEdid *edid)
{
    const QemuUIInfo *info = &edid->wanted;

    timer_del(edid->link_up_timer);
    edid->refused = false;
    if (!edid_set_link(edid, VFIO_DEVICE_GFX_LINK_STATE_DOWN)) {
        edid_refused(edid, "the link going down");
        return;
    }
    trace_vfio_display_edid_link(edid->source, "down");

    edid->written = *info;
    if (!info->width || !info->height) {
        return;
    }
    if (!edid_write_mode(edid, info)) {
        edid_refused(edid, "the EDID");
        if (edid->accepted_size) {
            edid_write(edid, edid->accepted, edid->accepted_size);
        }
    }
    timer_mod(edid->link_up_timer,
              qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + LINK_DOWN_MS);
}

/* Where the window is, is nothing to the guest. */
static bool same_monitor(const QemuUIInfo *a, const QemuUIInfo *b)
{
    return a->width == b->width && a->height == b->height &&
        a->width_mm == b->width_mm && a->height_mm == b->height_mm &&
        a->refresh_rate == b->refresh_rate;
}

static void edid_settled(void *opaque)
{
    VFIODisplayEdid *edid = opaque;

    if (edid->refused || !same_monitor(&edid->wanted, &edid->written)) {
        edid_plug(edid);
    }
}

void vfio_display_edid_ui_info(VFIODisplayEdid *edid, const QemuUIInfo *info)
{
    if (info->size_is_guests) {
        edid->wanted.refresh_rate = info->refresh_rate;
    } else {
        edid->wanted = *info;
    }
    edid->refusals = 0;
    timer_mod(edid->settle_timer,
              qemu_clock_get_ms(QEMU_CLOCK_REALTIME) + SETTLE_MS);
}

static bool edid_read_limits(VFIODisplayEdid *edid)
{
    VFIODisplaySource *source = edid->source;
    uint32_t max_size;

    if (!edid_read_reg(edid, offsetof(struct vfio_region_gfx_edid,
                                      edid_offset), &edid->offset) ||
        !edid_read_reg(edid, offsetof(struct vfio_region_gfx_edid,
                                      edid_max_size), &max_size) ||
        !edid_read_reg(edid, offsetof(struct vfio_region_gfx_edid,
                                      max_xres), &edid->max_xres) ||
        !edid_read_reg(edid, offsetof(struct vfio_region_gfx_edid,
                                      max_yres), &edid->max_yres)) {
        vfio_display_warn(source, "no EDID: the EDID region cannot be read");
        return false;
    }
    if (max_size < EDID_BLOCK ||
        edid->offset < sizeof(struct vfio_region_gfx_edid)) {
        vfio_display_warn(source, "no EDID: the EDID region has room for %u "
                          "bytes at %u", max_size, edid->offset);
        return false;
    }
    edid->blob_size = MIN(max_size, EDID_MAX_SIZE);
    return true;
}

VFIODisplayEdid *vfio_display_edid_new(VFIODisplaySource *source,
                                       uint32_t xres, uint32_t yres)
{
    g_autofree VFIODisplayEdid *edid = g_new0(VFIODisplayEdid, 1);

    if (!source->ops->has_edid || !source->ops->has_edid(source->opaque)) {
        return NULL;
    }
    edid->source = source;
    if (!edid_read_limits(edid)) {
        return NULL;
    }
    trace_vfio_display_edid_region(source, edid->max_xres, edid->max_yres,
                                   edid->blob_size);
    edid->link_up_timer = timer_new_ms(QEMU_CLOCK_REALTIME, edid_link_up,
                                       edid);
    edid->settle_timer = timer_new_ms(QEMU_CLOCK_REALTIME, edid_settled,
                                      edid);
    /* a size of 0 would leave the link down; a limit of 0 is none */
    edid->wanted.width = xres ?: edid->max_xres ?: DEFAULT_XRES;
    edid->wanted.height = yres ?: edid->max_yres ?: DEFAULT_YRES;
    edid_plug(edid);
    if (timer_pending(edid->link_up_timer)) {
        /*
         * No guest has seen the link yet, so none can miss that it was down,
         * and one that is running looks at once.
         */
        timer_del(edid->link_up_timer);
        edid_link_up(edid);
    }
    return g_steal_pointer(&edid);
}

void vfio_display_edid_free(VFIODisplayEdid *edid)
{
    if (!edid) {
        return;
    }
    timer_free(edid->settle_timer);
    timer_free(edid->link_up_timer);
    g_free(edid);
}
