/*
 * Software vGPU: the display interrupt
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_IRQ_H
#define HW_DISPLAY_VGPU_SW_IRQ_H

#include "qemu/event_notifier.h"

/* Signals that come without a reason. */
typedef struct VGPUSWStorm VGPUSWStorm;

/**
 * VGPUSWIrq:
 * @notifier: the display's, or NULL
 * @storm: what signals without a reason, or NULL
 * @signals: so many there were since reset
 * @storm_rate: register: signals per second without a reason
 * @flags: register: VGPU_SW_IRQ_*
 */
typedef struct VGPUSWIrq {
    EventNotifier *notifier;
    VGPUSWStorm *storm;
    uint32_t signals;
    uint32_t storm_rate;
    uint32_t flags;
} VGPUSWIrq;

/**
 * vgpu_sw_irq_signal:
 * @irq: an interrupt
 * @what: VFIO_GFX_IRQ_PRIMARY, or VFIO_GFX_IRQ_CURSOR if nothing else changed
 *
 * Tells the display that the picture changed.
 */
void vgpu_sw_irq_signal(VGPUSWIrq *irq, uint64_t what);

/* @rate: signals per second without a reason, 0 for none */
void vgpu_sw_irq_set_storm(VGPUSWIrq *irq, uint32_t rate);

/* Signals @notifier, which the caller keeps, from now on; NULL: nobody. */
void vgpu_sw_irq_set_notifier(VGPUSWIrq *irq, EventNotifier *notifier);

/* Registers as they are at first; the notifier stays. */
void vgpu_sw_irq_reset(VGPUSWIrq *irq);

#endif /* HW_DISPLAY_VGPU_SW_IRQ_H */
