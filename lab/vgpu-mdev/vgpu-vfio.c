// SPDX-License-Identifier: GPL-2.0
/*
 * The device as vfio has it: its life, its ioctls, its migration.
 */
#include <linux/dma-buf.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "vgpu.h"

#define ALL_CHANGED	(VGPU_CHANGED_FRAME | VGPU_CHANGED_ALL | \
			 VGPU_CHANGED_CURSOR | VGPU_CHANGED_PRIMARY)

/* Migration */

static void migration_loaded(struct vfio_device *vdev)
{
	vgpu_regs_changed(to_vgpu(vdev), ALL_CHANGED);
}

static struct file *set_state(struct vfio_device *vdev,
			      enum vfio_device_mig_state wanted)
{
	return vgpu_migration_set_state(&to_vgpu(vdev)->migration, wanted);
}

static int get_state(struct vfio_device *vdev, enum vfio_device_mig_state *state)
{
	*state = vgpu_migration_get_state(&to_vgpu(vdev)->migration);
	return 0;
}

static int get_data_size(struct vfio_device *vdev, unsigned long *bytes)
{
	*bytes = vgpu_migration_data_size(&to_vgpu(vdev)->migration);
	return 0;
}

static const struct vfio_migration_ops migration_ops = {
	.migration_set_state = set_state,
	.migration_get_state = get_state,
	.migration_get_data_size = get_data_size,
};

/* Dirty tracking of DMA that there is none of */

static int log_start(struct vfio_device *vdev, struct rb_root_cached *ranges,
		     u32 nodes, u64 *page_size)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	guard(mutex)(&vgpu->lock);
	if (vgpu->logging)
		return -EBUSY;
	vgpu->logging = true;
	return 0;
}

static int log_stop(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	guard(mutex)(&vgpu->lock);
	vgpu->logging = false;
	return 0;
}

static int log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
			      unsigned long length, struct iova_bitmap *dirty)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	guard(mutex)(&vgpu->lock);
	return vgpu->logging ? 0 : -EINVAL;
}

static const struct vfio_log_ops log_ops = {
	.log_start = log_start,
	.log_stop = log_stop,
	.log_read_and_clear = log_read_and_clear,
};

/* The device */

static void reset(struct vgpu *vgpu)
{
	vgpu_migration_reset(&vgpu->migration, vgpu->vram);
	guard(mutex)(&vgpu->lock);
	vgpu->logging = false;
	vgpu_config_reset(&vgpu->config, vgpu_vram_size(&vgpu->settings));
	memset(&vgpu->regs, 0, sizeof(vgpu->regs));
	vgpu_regs_changed(vgpu, ALL_CHANGED);
	vgpu_buffers_forget(&vgpu->buffers);
}

static int open_device(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);
	int ret = -ENOMEM;

	scoped_guard(mutex, &vgpu->lock) {
		vgpu->vram = vgpu_pages_new(vgpu_vram_size(&vgpu->settings));
		if (vgpu->vram)
			ret = vgpu_meta_open(&vgpu->meta, vgpu->vram);
		if (ret) {
			vgpu_pages_put(vgpu->vram);
			vgpu->vram = NULL;
			return ret;
		}
		vgpu_edid_reset(&vgpu->edid, vgpu->settings.max_xres,
				vgpu->settings.max_yres);
		vgpu->open = true;
	}
	/* The core looks at these only on behalf of who has it open. */
	vdev->mig_ops = vgpu->settings.migration ? &migration_ops : NULL;
	vdev->log_ops = vgpu->settings.migration ? &log_ops : NULL;
	reset(vgpu);
	return 0;
}

static void close_device(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	vgpu_irq_stop(&vgpu->irq);
	vgpu_meta_close(&vgpu->meta);
	reset(vgpu);
	guard(mutex)(&vgpu->lock);
	vgpu->open = false;
	vgpu_pages_put(vgpu->vram);
	vgpu->vram = NULL;
}

static u32 num_irqs(const struct vgpu *vgpu)
{
	return VFIO_PCI_NUM_IRQS + !!vgpu->settings.irq;
}

static long get_info(struct vgpu *vgpu, void __user *arg)
{
	size_t size = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VGPU_NUM_REGIONS;
	info.num_irqs = num_irqs(vgpu);
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

/* A dma-buf is given back without the lock: that takes it. */
static long get_dmabuf(struct vgpu *vgpu, void __user *arg)
{
	struct dma_buf *buf;
	u32 id;
	int fd;

	if (!vgpu->settings.dmabuf)
		return -ENOTTY;
	if (copy_from_user(&id, arg, sizeof(id)))
		return -EFAULT;
	scoped_guard(mutex, &vgpu->lock) {
		vgpu->regs.gets++;
		fd = vgpu_injected(&vgpu->faults.get_count,
				   vgpu->faults.get_errno);
		if (fd)
			return fd;
		buf = vgpu_buffer_export(&vgpu->buffers, vgpu->vram, id);
	}
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	fd = dma_buf_fd(buf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(buf);
	return fd;
}

static long device_ioctl(struct vfio_device *vdev, unsigned int cmd,
			 unsigned long argument)
{
	struct vgpu *vgpu = to_vgpu(vdev);
	void __user *arg = (void __user *)argument;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return get_info(vgpu, arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return vgpu_region_get_info(vgpu, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vgpu_irq_get_info(num_irqs(vgpu), arg);
	case VFIO_DEVICE_SET_IRQS:
		return vgpu_irq_set(&vgpu->irq, num_irqs(vgpu), arg);
	case VFIO_DEVICE_QUERY_GFX_PLANE:
		return vgpu_query(vgpu, arg);
	case VFIO_DEVICE_GET_GFX_DMABUF:
		return get_dmabuf(vgpu, arg);
	case VFIO_DEVICE_RESET:
		reset(vgpu);
		return 0;
	default:
		return -ENOTTY;
	}
}

static int init_device(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	mutex_init(&vgpu->lock);
	vgpu->buffers = (struct vgpu_buffers) {
		.vdev = vdev,
		.lock = &vgpu->lock,
		.regs = &vgpu->regs,
		.settings = &vgpu->settings,
		.faults = &vgpu->faults,
	};
	vgpu_buffers_init(&vgpu->buffers);
	vgpu_irq_init(&vgpu->irq);
	vgpu->meta = (struct vgpu_metadata) {
		.lock = &vgpu->lock,
		.regs = &vgpu->regs,
		.settings = &vgpu->settings,
		.faults = &vgpu->faults,
		.irq = &vgpu->irq,
	};
	vgpu_meta_init(&vgpu->meta);
	vgpu->migration = (struct vgpu_migration) {
		.vdev = vdev,
		.device_lock = &vgpu->lock,
		.regs = &vgpu->regs,
		.loaded = migration_loaded,
	};
	vgpu_migration_init(&vgpu->migration);
	vdev->migration_flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
		VFIO_MIGRATION_PRE_COPY;
	vdev->mig_ops = &migration_ops;
	vdev->log_ops = &log_ops;
	return 0;
}

static void release_device(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	mutex_destroy(&vgpu->migration.lock);
	mutex_destroy(&vgpu->lock);
}

const struct vfio_device_ops vgpu_vfio_ops = {
	.name = VGPU_NAME,
	.init = init_device,
	.release = release_device,
	.open_device = open_device,
	.close_device = close_device,
	.read = vgpu_region_read,
	.write = vgpu_region_write,
	.ioctl = device_ioctl,
	.mmap = vgpu_region_map,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
};
