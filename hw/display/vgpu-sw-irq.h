/*
 * Software vGPU: the display interrupt
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_IRQ_H
#define HW_DISPLAY_VGPU_SW_IRQ_H

#include "qemu/event_notifier.h"

typedef struct VGPUSWStorm VGPUSWStorm;

typedef struct VGPUSWIrq {
    EventNotifier *notifier; /* the display's, or NULL */
    VGPUSWStorm *storm;     /* what signals without a reason, or NULL */
    uint32_t signals;       /* since reset */
    uint32_t storm_rate;    /* register: signals per second from @storm */
    uint32_t flags;         /* register: VGPU_SW_IRQ_* */
} VGPUSWIrq;

/*
 * Tells the display what changed: VFIO_GFX_IRQ_CURSOR if that is all, else
 * VFIO_GFX_IRQ_PRIMARY.
 */
void vgpu_sw_irq_signal(VGPUSWIrq *irq, uint64_t what);

/* @rate: signals per second without a reason, 0 for none */
void vgpu_sw_irq_set_storm(VGPUSWIrq *irq, uint32_t rate);

/* Signals @notifier, which the caller keeps, from now on; NULL: nobody. */
void vgpu_sw_irq_set_notifier(VGPUSWIrq *irq, EventNotifier *notifier);

/* Registers as they are at first; the notifier stays. */
void vgpu_sw_irq_reset(VGPUSWIrq *irq);

#endif /* HW_DISPLAY_VGPU_SW_IRQ_H */
