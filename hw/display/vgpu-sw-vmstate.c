/*
 * Software vGPU: migration
 *
 * What the guest wrote goes along, video memory as a block of RAM. What the
 * host has stays: buffers are made anew from that memory, and the monitor's
 * link is made by the display that runs there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "migration/vmstate.h"
#include "vgpu-sw-internal.h"

static const VMStateDescription vmstate_vgpu_sw_fault = {
    .name = "vgpu-sw/fault",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(count, VGPUSWFault),
        VMSTATE_UINT32(err, VGPUSWFault),
        VMSTATE_END_OF_LIST()
    },
};

static int edid_post_load(void *opaque, int version_id)
{
    VGPUSWEdid *edid = opaque;

    if (edid->size > sizeof(edid->blob)) {
        error_report("vgpu-sw: an EDID of %" PRIu32 " bytes", edid->size);
        /* The device lives on if the user has it so. */
        edid->size = 0;
        edid->link_up = false;
        return -EINVAL;
    }
    edid->link_up = edid->link_up && edid->size;
    return 0;
}

static const VMStateDescription vmstate_vgpu_sw_edid = {
    .name = "vgpu-sw/edid",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = edid_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8_ARRAY(blob, VGPUSWEdid, VGPU_SW_EDID_MAX),
        VMSTATE_UINT32(size, VGPUSWEdid),
        VMSTATE_END_OF_LIST()
    },
};

static bool display_needed(void *opaque)
{
    VGPUSWState *s = opaque;

    return s->ramfb;
}

static const VMStateDescription vmstate_vgpu_sw_display = {
    .name = "vgpu-sw/display",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = display_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_POINTER(dpy, VGPUSWState, vmstate_vfio_display_ramfb,
                               VFIODisplay),
        VMSTATE_END_OF_LIST()
    },
};

/*
 * The planes are not checked here, no more than when the guest writes them:
 * the display has to.
 */
static int vgpu_sw_post_load(void *opaque, int version_id)
{
    VGPUSWState *s = opaque;
    uint32_t meta_flags = s->meta.flags;

    /* An id that the display knows may be that of another buffer now. */
    vfio_display_device_reset(s->dpy);
    vgpu_sw_damage_add_all(s);
    s->meta.flags = 0;
    vgpu_sw_metadata_set_flags(s, meta_flags);
    vgpu_sw_irq_set_storm(s, s->irq_storm);
    vgpu_sw_irq_signal(s);
    return 0;
}

/* What is cut now is whole again, until the stream says otherwise. */
static int vgpu_sw_pre_load(void *opaque)
{
    VGPUSWState *s = opaque;

    vgpu_sw_metadata_set_flags(s, 0);
    return 0;
}

const VMStateDescription vmstate_vgpu_sw = {
    .name = "vgpu-sw",
    .version_id = 3,            /* 2 had no faults of the EDID */
    .minimum_version_id = 3,
    .pre_load = vgpu_sw_pre_load,
    .post_load = vgpu_sw_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_PCI_DEVICE(pci, VGPUSWState),
        VMSTATE_UINT32_EQUAL(kinds, VGPUSWState,
                             "x-kind must be what it is at the source"),
        VMSTATE_UINT32_2DARRAY(pending, VGPUSWState, VGPU_SW_PLANES,
                               VGPU_SW_PLANE_REGS),
        VMSTATE_UINT32_2DARRAY(shown, VGPUSWState, VGPU_SW_PLANES,
                               VGPU_SW_PLANE_REGS),
        VMSTATE_UINT32(commits, VGPUSWState),
        VMSTATE_UINT32(flips, VGPUSWState),
        VMSTATE_UINT32_ARRAY(damage.rect, VGPUSWState, 4),
        VMSTATE_UINT32(damage.reported, VGPUSWState),
        VMSTATE_UINT32_ARRAY(calls, VGPUSWState, VGPU_SW_CALLS),
        VMSTATE_STRUCT_ARRAY(faults, VGPUSWState, VGPU_SW_CALLS, 1,
                             vmstate_vgpu_sw_fault, VGPUSWFault),
        VMSTATE_UINT32(refused, VGPUSWState),
        VMSTATE_UINT32(buffer_flags, VGPUSWState),
        VMSTATE_UINT32(buffer_copy, VGPUSWState),
        VMSTATE_UINT32(region_index, VGPUSWState),
        VMSTATE_UINT32(region_flags, VGPUSWState),
        VMSTATE_UINT32(signals, VGPUSWState),
        VMSTATE_UINT32(irq_storm, VGPUSWState),
        VMSTATE_UINT32(irq_flags, VGPUSWState),
        VMSTATE_UINT32(meta.flags, VGPUSWState),
        VMSTATE_UINT32(meta.poke_offset, VGPUSWState),
        VMSTATE_UINT32(meta.poke_value, VGPUSWState),
        VMSTATE_UINT32(meta.requests, VGPUSWState),
        VMSTATE_STRUCT(edid, VGPUSWState, 1, vmstate_vgpu_sw_edid,
                       VGPUSWEdid),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_vgpu_sw_display,
        NULL
    },
};
