/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The display interrupt
 */
#ifndef VGPU_IRQ_H
#define VGPU_IRQ_H

#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/vfio.h>

#include "hw/vfio/vfio-gfx-ext.h"

#define VGPU_IRQ_DISPLAY	VFIO_PCI_NUM_IRQS

struct eventfd_ctx;

struct vgpu_irq {
	struct mutex timers;	/* who starts and stops them */
	u32 vblank_hz;
	u32 storm;		/* signals per second */
	struct hrtimer vblank;
	struct hrtimer storm_timer;
	spinlock_t lock;	/* the eventfd alone, as timers signal it */
	struct eventfd_ctx *eventfd;
	u64 signals;
};

void vgpu_irq_init(struct vgpu_irq *irq);
/* Any context: @amount is VFIO_GFX_IRQ_CURSOR or VFIO_GFX_IRQ_PRIMARY. */
void vgpu_irq_signal(struct vgpu_irq *irq, u64 amount);
/*
 * Signals at each vertical blank, which stands in for a guest that does not
 * say what it draws; 0: no more.
 */
void vgpu_irq_set_vblank(struct vgpu_irq *irq, u32 hz);
void vgpu_irq_set_storm(struct vgpu_irq *irq, u32 signals_per_second);
/* Nothing is signalled afterwards. */
void vgpu_irq_stop(struct vgpu_irq *irq);
/* The ioctls of a device that has so many interrupts. */
long vgpu_irq_get_info(u32 num_irqs, void __user *arg);
long vgpu_irq_set(struct vgpu_irq *irq, u32 num_irqs, void __user *arg);

#endif /* VGPU_IRQ_H */
