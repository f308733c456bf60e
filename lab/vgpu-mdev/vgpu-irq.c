// SPDX-License-Identifier: GPL-2.0
/*
 * The display interrupt: an eventfd that is signalled when what is on screen
 * changed, and as fault a storm of signals.
 */
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vgpu.h"

/* As often as timers are exact anywhere. */
#define STORM_PERIOD	(10 * NSEC_PER_MSEC)

/* What comes after the eight bytes that struct vfio_irq_info lacks. */
#define CAPS_OFFSET	ALIGN(VFIO_GFX_IRQ_INFO_CAP_OFFSET + 4, 8)

static_assert(VFIO_GFX_IRQ_INFO_CAP_OFFSET == sizeof(struct vfio_irq_info));

void vgpu_irq_signal(struct vgpu *vgpu, u64 amount)
{
	struct vgpu_irq *irq = &vgpu->irq;

	guard(spinlock_irqsave)(&irq->lock);
	if (!irq->eventfd)
		return;
	irq->signals++;
	eventfd_signal_add(irq->eventfd, amount);
}

static enum hrtimer_restart vblank_fire(struct hrtimer *timer)
{
	struct vgpu *vgpu = container_of(timer, struct vgpu, irq.vblank);

	vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_PRIMARY);
	hrtimer_forward_now(timer, NSEC_PER_SEC / vgpu->settings.vblank_hz);
	return HRTIMER_RESTART;
}

static enum hrtimer_restart storm_fire(struct hrtimer *timer)
{
	struct vgpu *vgpu = container_of(timer, struct vgpu, irq.storm_timer);
	u64 periods = hrtimer_forward_now(timer, STORM_PERIOD);
	u64 n = periods * READ_ONCE(vgpu->irq.storm) /
		(NSEC_PER_SEC / STORM_PERIOD);

	while (n--)
		vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_PRIMARY);
	return HRTIMER_RESTART;
}

void vgpu_irq_init(struct vgpu *vgpu)
{
	spin_lock_init(&vgpu->irq.lock);
	hrtimer_init(&vgpu->irq.vblank, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	vgpu->irq.vblank.function = vblank_fire;
	hrtimer_init(&vgpu->irq.storm_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	vgpu->irq.storm_timer.function = storm_fire;
}

void vgpu_irq_update_vblank(struct vgpu *vgpu)
{
	bool wanted;

	lockdep_assert_held(&vgpu->lock);
	wanted = vgpu->irq.eventfd && vgpu->settings.vblank_hz &&
		!vgpu->regs.damage_reported &&
		vgpu_shown(vgpu, VGPU_SW_PRIMARY, VGPU_SW_ENABLE);
	if (!wanted)
		hrtimer_cancel(&vgpu->irq.vblank);
	else if (!hrtimer_active(&vgpu->irq.vblank))
		hrtimer_start(&vgpu->irq.vblank,
			      NSEC_PER_SEC / vgpu->settings.vblank_hz,
			      HRTIMER_MODE_REL);
}

void vgpu_irq_set_storm(struct vgpu *vgpu, u32 signals_per_second)
{
	lockdep_assert_held(&vgpu->lock);
	WRITE_ONCE(vgpu->irq.storm, signals_per_second);
	if (!signals_per_second || !vgpu->open)
		hrtimer_cancel(&vgpu->irq.storm_timer);
	else if (!hrtimer_active(&vgpu->irq.storm_timer))
		hrtimer_start(&vgpu->irq.storm_timer, STORM_PERIOD,
			      HRTIMER_MODE_REL);
}

void vgpu_irq_set_eventfd(struct vgpu *vgpu, struct eventfd_ctx *eventfd)
{
	struct eventfd_ctx *old;

	scoped_guard(spinlock_irqsave, &vgpu->irq.lock) {
		old = vgpu->irq.eventfd;
		vgpu->irq.eventfd = eventfd;
	}
	if (old)
		eventfd_ctx_put(old);
	guard(mutex)(&vgpu->lock);
	vgpu_irq_update_vblank(vgpu);
}

void vgpu_irq_stop(struct vgpu *vgpu)
{
	scoped_guard(mutex, &vgpu->lock)
		vgpu_irq_set_storm(vgpu, 0);
	vgpu_irq_set_eventfd(vgpu, NULL);
}

static int display_caps(struct vfio_info_cap *caps)
{
	struct vfio_gfx_irq_cap_type type = {
		.id = VFIO_GFX_IRQ_CAP_TYPE,
		.version = 1,
		.type = VFIO_GFX_IRQ_TYPE_GFX,
		.subtype = VFIO_GFX_IRQ_SUBTYPE_DISPLAY,
	};
	struct vfio_gfx_irq_cap_display display = {
		.id = VFIO_GFX_IRQ_CAP_DISPLAY,
		.version = 1,
		.cursor = VFIO_GFX_IRQ_CURSOR,
		.primary = VFIO_GFX_IRQ_PRIMARY,
	};
	int ret;

	ret = vfio_info_add_capability(caps, (void *)&type, sizeof(type));
	if (ret)
		return ret;
	return vfio_info_add_capability(caps, (void *)&display,
					sizeof(display));
}

/* The info with its capabilities, or as in regions how long it would be. */
static long put_info(struct vfio_irq_info *info, struct vfio_info_cap *caps,
		     void __user *arg)
{
	u32 argsz = info->argsz, cap_offset = 0;

	info->flags |= VFIO_GFX_IRQ_INFO_FLAG_CAPS;
	if (argsz < CAPS_OFFSET + caps->size) {
		info->argsz = CAPS_OFFSET + caps->size;
	} else {
		vfio_info_cap_shift(caps, CAPS_OFFSET);
		cap_offset = CAPS_OFFSET;
		if (copy_to_user(arg + CAPS_OFFSET, caps->buf, caps->size))
			return -EFAULT;
	}
	if (argsz >= VFIO_GFX_IRQ_INFO_CAP_OFFSET + sizeof(cap_offset) &&
	    copy_to_user(arg + VFIO_GFX_IRQ_INFO_CAP_OFFSET, &cap_offset,
			 sizeof(cap_offset)))
		return -EFAULT;
	return copy_to_user(arg, info, sizeof(*info)) ? -EFAULT : 0;
}

long vgpu_irq_get_info(struct vgpu *vgpu, void __user *arg)
{
	struct vfio_info_cap caps = {};
	struct vfio_irq_info info;
	long ret;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.argsz < sizeof(info) ||
	    info.index >= VFIO_PCI_NUM_IRQS + !!vgpu->settings.irq)
		return -EINVAL;
	info.flags = 0;
	info.count = 0;
	if (info.index != VGPU_IRQ_DISPLAY)
		return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;

	info.flags = VFIO_IRQ_INFO_EVENTFD;
	info.count = 1;
	ret = display_caps(&caps);
	if (!ret)
		ret = put_info(&info, &caps, arg);
	kfree(caps.buf);
	return ret;
}

static long set_eventfd(struct vgpu *vgpu, s32 fd)
{
	struct eventfd_ctx *eventfd = NULL;

	if (fd < -1)
		return -EINVAL;
	if (fd >= 0) {
		eventfd = eventfd_ctx_fdget(fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}
	vgpu_irq_set_eventfd(vgpu, eventfd);
	return 0;
}

static long trigger(struct vgpu *vgpu, const struct vfio_irq_set *set,
		    void __user *data)
{
	s32 fd;
	u8 yes;

	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (copy_from_user(&fd, data, sizeof(fd)))
			return -EFAULT;
		return set_eventfd(vgpu, fd);
	case VFIO_IRQ_SET_DATA_BOOL:
		if (copy_from_user(&yes, data, sizeof(yes)))
			return -EFAULT;
		break;
	default:
		yes = 1;
		break;
	}
	if (yes)
		vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_PRIMARY);
	return 0;
}

long vgpu_irq_set(struct vgpu *vgpu, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_set, count), data_size;
	struct vfio_irq_set set;
	long ret;

	if (copy_from_user(&set, arg, minsz))
		return -EFAULT;
	if (set.index != VGPU_IRQ_DISPLAY)
		return -EINVAL;
	ret = vfio_set_irqs_validate_and_prepare(&set, 1,
			VFIO_PCI_NUM_IRQS + !!vgpu->settings.irq, &data_size);
	if (ret)
		return ret;
	if ((set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) !=
	    VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;
	if (!set.count) {
		/* How all of an index's interrupts are given up. */
		if (!(set.flags & VFIO_IRQ_SET_DATA_NONE))
			return -EINVAL;
		vgpu_irq_set_eventfd(vgpu, NULL);
		return 0;
	}
	return trigger(vgpu, &set, arg + minsz);
}
