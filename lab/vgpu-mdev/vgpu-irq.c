// SPDX-License-Identifier: GPL-2.0
/*
 * The display interrupt: an eventfd that is signalled when what is on screen
 * changed, and as fault a storm of signals.
 */
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vgpu-irq.h"

/* As often as timers are exact anywhere. */
#define STORM_PERIOD	(10 * NSEC_PER_MSEC)

/* What comes after the eight bytes that struct vfio_irq_info lacks. */
#define CAPS_OFFSET	ALIGN(VFIO_GFX_IRQ_INFO_CAP_OFFSET + 4, 8)

static_assert(VFIO_GFX_IRQ_INFO_CAP_OFFSET == sizeof(struct vfio_irq_info));

void vgpu_irq_signal(struct vgpu_irq *irq, u64 amount)
{
	guard(spinlock_irqsave)(&irq->lock);
	if (!irq->eventfd)
		return;
	irq->signals++;
	eventfd_signal_add(irq->eventfd, amount);
}

static enum hrtimer_restart vblank_fire(struct hrtimer *timer)
{
	struct vgpu_irq *irq = container_of(timer, struct vgpu_irq, vblank);

	vgpu_irq_signal(irq, VFIO_GFX_IRQ_PRIMARY);
	hrtimer_forward_now(timer, NSEC_PER_SEC / irq->vblank_hz);
	return HRTIMER_RESTART;
}

static enum hrtimer_restart storm_fire(struct hrtimer *timer)
{
	struct vgpu_irq *irq = container_of(timer, struct vgpu_irq,
					    storm_timer);
	u64 periods = hrtimer_forward_now(timer, STORM_PERIOD);
	u64 n = periods * READ_ONCE(irq->storm) / (NSEC_PER_SEC / STORM_PERIOD);

	while (n--)
		vgpu_irq_signal(irq, VFIO_GFX_IRQ_PRIMARY);
	return HRTIMER_RESTART;
}

void vgpu_irq_init(struct vgpu_irq *irq)
{
	mutex_init(&irq->timers);
	spin_lock_init(&irq->lock);
	hrtimer_init(&irq->vblank, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	irq->vblank.function = vblank_fire;
	hrtimer_init(&irq->storm_timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	irq->storm_timer.function = storm_fire;
}

static void run_timer(struct hrtimer *timer, bool run, u64 ns)
{
	if (!run)
		hrtimer_cancel(timer);
	else if (!hrtimer_active(timer))
		hrtimer_start(timer, ns, HRTIMER_MODE_REL);
}

static void update_timers(struct vgpu_irq *irq)
{
	lockdep_assert_held(&irq->timers);
	run_timer(&irq->vblank, irq->vblank_hz && irq->eventfd,
		  NSEC_PER_SEC / (irq->vblank_hz ?: 1));
	run_timer(&irq->storm_timer, irq->storm && irq->eventfd, STORM_PERIOD);
}

void vgpu_irq_set_vblank(struct vgpu_irq *irq, u32 hz)
{
	guard(mutex)(&irq->timers);
	/* The timer divides by the rate. */
	if (!hz)
		hrtimer_cancel(&irq->vblank);
	irq->vblank_hz = hz;
	update_timers(irq);
}

void vgpu_irq_set_storm(struct vgpu_irq *irq, u32 signals_per_second)
{
	guard(mutex)(&irq->timers);
	WRITE_ONCE(irq->storm, signals_per_second);
	update_timers(irq);
}

/* Takes over the reference that it is given; NULL: none. */
static void use_eventfd(struct vgpu_irq *irq, struct eventfd_ctx *eventfd)
{
	struct eventfd_ctx *old;

	guard(mutex)(&irq->timers);
	scoped_guard(spinlock_irqsave, &irq->lock) {
		old = irq->eventfd;
		irq->eventfd = eventfd;
	}
	if (old)
		eventfd_ctx_put(old);
	update_timers(irq);
}

void vgpu_irq_stop(struct vgpu_irq *irq)
{
	vgpu_irq_set_vblank(irq, 0);
	vgpu_irq_set_storm(irq, 0);
	use_eventfd(irq, NULL);
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

long vgpu_irq_get_info(u32 num_irqs, void __user *arg)
{
	struct vfio_info_cap caps = {};
	struct vfio_irq_info info;
	long ret;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.argsz < sizeof(info) || info.index >= num_irqs)
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

static long set_eventfd(struct vgpu_irq *irq, s32 fd)
{
	struct eventfd_ctx *eventfd = NULL;

	if (fd < -1)
		return -EINVAL;
	if (fd >= 0) {
		eventfd = eventfd_ctx_fdget(fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}
	use_eventfd(irq, eventfd);
	return 0;
}

static long trigger(struct vgpu_irq *irq, const struct vfio_irq_set *set,
		    void __user *data)
{
	s32 fd;
	u8 yes;

	switch (set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (copy_from_user(&fd, data, sizeof(fd)))
			return -EFAULT;
		return set_eventfd(irq, fd);
	case VFIO_IRQ_SET_DATA_BOOL:
		if (copy_from_user(&yes, data, sizeof(yes)))
			return -EFAULT;
		break;
	default:
		yes = 1;
		break;
	}
	if (yes)
		vgpu_irq_signal(irq, VFIO_GFX_IRQ_PRIMARY);
	return 0;
}

long vgpu_irq_set(struct vgpu_irq *irq, u32 num_irqs, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_set, count), data_size;
	struct vfio_irq_set set;
	long ret;

	if (copy_from_user(&set, arg, minsz))
		return -EFAULT;
	if (set.index != VGPU_IRQ_DISPLAY)
		return -EINVAL;
	ret = vfio_set_irqs_validate_and_prepare(&set, 1, num_irqs, &data_size);
	if (ret)
		return ret;
	if ((set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) !=
	    VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;
	if (!set.count) {
		/* How all of an index's interrupts are given up. */
		if (!(set.flags & VFIO_IRQ_SET_DATA_NONE))
			return -EINVAL;
		use_eventfd(irq, NULL);
		return 0;
	}
	return trigger(irq, &set, arg + minsz);
}
