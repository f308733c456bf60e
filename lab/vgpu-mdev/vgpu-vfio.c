// SPDX-License-Identifier: GPL-2.0
/*
 * The device as vfio shows it: regions, their access and mappings, ioctls.
 */
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vgpu.h"

#define OFFSET_MASK	((1ull << VGPU_REGION_SHIFT) - 1)

/* Registers are copied in pieces of that many bytes. */
#define PIECE		64

/* Regions */

static u64 region_size(const struct vgpu *vgpu, u32 index)
{
	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return PCI_CFG_SPACE_SIZE;
	case VGPU_SW_BAR_REGS:
		return VGPU_SW_BAR_REGS_SIZE;
	case VGPU_SW_BAR_VRAM:
		return vgpu_vram_size(vgpu);
	case VGPU_REGION_FRAME:
		return vgpu->settings.region ? vgpu_vram_size(vgpu) : 0;
	case VGPU_REGION_META:
		return vgpu_meta_region_size(vgpu);
	case VGPU_REGION_EDID:
		return vgpu->settings.edid ? VGPU_EDID_REGION_SIZE : 0;
	default:
		return 0;
	}
}

static u32 region_flags(const struct vgpu *vgpu, u32 index)
{
	const u32 rw = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;

	switch (index) {
	case VGPU_SW_BAR_VRAM:
	case VGPU_REGION_META:
		return rw | VFIO_REGION_INFO_FLAG_MMAP;
	case VGPU_REGION_FRAME:
		return VFIO_REGION_INFO_FLAG_MMAP |
			(vgpu->faults.frame_unreadable ?
			 0 : VFIO_REGION_INFO_FLAG_READ);
	default:
		return rw;
	}
}

/* How much of a region can be mapped. */
static u64 mappable_size(const struct vgpu *vgpu, u32 index)
{
	u64 size = region_size(vgpu, index);

	if (!(region_flags(vgpu, index) & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	if (index == VGPU_REGION_FRAME && vgpu->faults.frame_pages)
		return min(size, (u64)vgpu->faults.frame_pages << PAGE_SHIFT);
	if (size && index == VGPU_REGION_META)
		size -= VFIO_GFX_META_DOORBELL_FROM_END;
	return size;
}

static int add_type(struct vfio_info_cap *caps, u32 subtype)
{
	struct vfio_region_info_cap_type type = {
		.header.id = VFIO_REGION_INFO_CAP_TYPE,
		.header.version = 1,
		.type = VFIO_REGION_TYPE_GFX,
		.subtype = subtype,
	};

	return vfio_info_add_capability(caps, &type.header, sizeof(type));
}

static int add_sparse_mmap(struct vfio_info_cap *caps, u64 size)
{
	DEFINE_RAW_FLEX(struct vfio_region_info_cap_sparse_mmap, sparse,
			areas, 1);

	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = 1;
	sparse->areas[0].size = size;
	return vfio_info_add_capability(caps, &sparse->header,
					struct_size(sparse, areas, 1));
}

static int region_caps(const struct vgpu *vgpu, u32 index,
		       struct vfio_info_cap *caps)
{
	int ret;

	switch (index) {
	case VGPU_REGION_EDID:
		return add_type(caps, VFIO_REGION_SUBTYPE_GFX_EDID);
	case VGPU_REGION_META:
		ret = add_type(caps, VFIO_GFX_REGION_SUBTYPE_META);
		if (ret)
			return ret;
		return add_sparse_mmap(caps, mappable_size(vgpu, index));
	case VGPU_REGION_FRAME:
		if (!vgpu->faults.frame_pages)
			return 0;
		return add_sparse_mmap(caps, mappable_size(vgpu, index));
	default:
		return 0;
	}
}

static long put_region_info(struct vfio_region_info *info,
			    struct vfio_info_cap *caps, void __user *arg)
{
	if (caps->size) {
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (info->argsz < sizeof(*info) + caps->size) {
			info->argsz = sizeof(*info) + caps->size;
		} else {
			vfio_info_cap_shift(caps, sizeof(*info));
			info->cap_offset = sizeof(*info);
			if (copy_to_user(arg + sizeof(*info), caps->buf,
					 caps->size))
				return -EFAULT;
		}
	}
	return copy_to_user(arg, info, sizeof(*info)) ? -EFAULT : 0;
}

static long get_region_info(struct vgpu *vgpu, void __user *arg)
{
	struct vfio_region_info info;
	struct vfio_info_cap caps = {};
	long ret = 0;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.argsz < sizeof(info) || info.index >= VGPU_NUM_REGIONS)
		return -EINVAL;
	info.cap_offset = 0;
	info.offset = (u64)info.index << VGPU_REGION_SHIFT;
	info.size = region_size(vgpu, info.index);
	info.flags = info.size ? region_flags(vgpu, info.index) : 0;
	if (info.size)
		ret = region_caps(vgpu, info.index, &caps);
	if (!ret)
		ret = put_region_info(&info, &caps, arg);
	kfree(caps.buf);
	return ret;
}

/* Mappings */

/* The frame's first page in video memory, whatever is in its plane. */
static u64 frame_offset(const struct vgpu *vgpu)
{
	return (u64)vgpu_shown(vgpu, VGPU_SW_PRIMARY, VGPU_SW_OFFSET_HI) << 32 |
		vgpu_shown(vgpu, VGPU_SW_PRIMARY, VGPU_SW_OFFSET_LO);
}

void vgpu_frame_moved(struct vgpu *vgpu)
{
	lockdep_assert_held(&vgpu->lock);
	if (vgpu->settings.region)
		unmap_mapping_range(vgpu->vdev.inode->i_mapping,
				    (loff_t)VGPU_REGION_FRAME <<
				    VGPU_REGION_SHIFT,
				    vgpu_vram_size(vgpu), 1);
}

/* Pages are inserted under the lock that whoever moves the frame holds. */
static vm_fault_t frame_fault(struct vm_fault *vmf)
{
	struct vgpu *vgpu = vmf->vma->vm_private_data;
	u64 page = vmf->pgoff - VGPU_REGION_PGOFF(VGPU_REGION_FRAME);

	guard(mutex)(&vgpu->lock);
	if (vgpu->faults.sigbus)
		return VM_FAULT_SIGBUS;
	page += frame_offset(vgpu) >> PAGE_SHIFT;
	return vgpu_pages_fault(vgpu->vram, vmf, page);
}

static const struct vm_operations_struct frame_vm_ops = {
	.fault = frame_fault,
};

static u64 region_page(const struct vm_fault *vmf)
{
	return vmf->pgoff & (VGPU_REGION_PGOFF(1) - 1);
}

/* Both stay while the device's file is open, which the mapping holds. */
static vm_fault_t vram_fault(struct vm_fault *vmf)
{
	struct vgpu *vgpu = vmf->vma->vm_private_data;

	return vgpu_pages_fault(vgpu->vram, vmf, region_page(vmf));
}

static vm_fault_t meta_fault(struct vm_fault *vmf)
{
	struct vgpu *vgpu = vmf->vma->vm_private_data;

	guard(mutex)(&vgpu->lock);
	if (vgpu->faults.sigbus)
		return VM_FAULT_SIGBUS;
	return vgpu_pages_fault(vgpu->meta.pages, vmf, region_page(vmf));
}

static const struct vm_operations_struct vram_vm_ops = {
	.fault = vram_fault,
};

static const struct vm_operations_struct meta_vm_ops = {
	.fault = meta_fault,
};

static const struct vm_operations_struct *region_vm_ops(u32 index)
{
	switch (index) {
	case VGPU_REGION_FRAME:
		return &frame_vm_ops;
	case VGPU_REGION_META:
		return &meta_vm_ops;
	default:
		return &vram_vm_ops;
	}
}

static int map_region(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct vgpu *vgpu = to_vgpu(vdev);
	u32 index = vma->vm_pgoff >> (VGPU_REGION_SHIFT - PAGE_SHIFT);
	u64 first = vma->vm_pgoff & (VGPU_REGION_PGOFF(1) - 1);
	u64 size = mappable_size(vgpu, index) >> PAGE_SHIFT;

	if (!(vma->vm_flags & VM_SHARED) || first >= size ||
	    vma_pages(vma) > size - first)
		return -EINVAL;
	if (index == VGPU_REGION_FRAME) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
		scoped_guard(mutex, &vgpu->lock)
			vgpu->regs.opens++;
	}
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = vgpu;
	vma->vm_ops = region_vm_ops(index);
	return 0;
}

/* Access */

static int read_piece(struct vgpu *vgpu, u32 index, u32 offset, u8 *buf,
		      u32 len)
{
	u32 val = 0;

	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		memcpy(buf, vgpu->config + offset, len);
		return 0;
	case VGPU_REGION_EDID:
		return vgpu_edid_read(vgpu, offset, buf, len);
	case VGPU_SW_BAR_REGS:
		/* Registers are accessed whole; all else is not there. */
		if (len == sizeof(val) && !(offset % sizeof(val)))
			val = vgpu_regs_read(vgpu, offset);
		memset(buf, 0, len);
		memcpy(buf, &val, min_t(u32, len, sizeof(val)));
		return 0;
	default:
		return -EINVAL;
	}
}

static int write_piece(struct vgpu *vgpu, u32 index, u32 offset,
		       const u8 *buf, u32 len)
{
	u32 val;

	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		vgpu_config_write(vgpu, offset, buf, len);
		return 0;
	case VGPU_REGION_EDID:
		return vgpu_edid_write(vgpu, offset, buf, len);
	case VGPU_SW_BAR_REGS:
		if (len == sizeof(val) && !(offset % sizeof(val))) {
			memcpy(&val, buf, sizeof(val));
			vgpu_regs_write(vgpu, offset, val);
		}
		return 0;
	default:
		return -EINVAL;
	}
}

/* What is not memory, under the lock and without touching user memory. */
static int access_registers(struct vgpu *vgpu, u32 index, u64 offset,
			    char __user *buf, size_t len, bool write)
{
	u8 piece[PIECE];
	int ret;

	while (len) {
		u32 part = min_t(size_t, len, sizeof(piece));

		if (write && copy_from_user(piece, buf, part))
			return -EFAULT;
		scoped_guard(mutex, &vgpu->lock)
			ret = write ?
				write_piece(vgpu, index, offset, piece, part) :
				read_piece(vgpu, index, offset, piece, part);
		if (ret)
			return ret;
		if (!write && copy_to_user(buf, piece, part))
			return -EFAULT;
		buf += part;
		offset += part;
		len -= part;
	}
	return 0;
}

static int access_pages(struct vgpu_pages *pages, u64 offset,
			char __user *buf, size_t len, bool write)
{
	return write ? vgpu_pages_write_user(pages, buf, len, offset) :
		vgpu_pages_read_user(pages, buf, len, offset);
}

static int read_frame(struct vgpu *vgpu, u64 offset, char __user *buf,
		      size_t len, bool write)
{
	if (write || vgpu->faults.frame_unreadable)
		return -EACCES;
	scoped_guard(mutex, &vgpu->lock) {
		vgpu->regs.reads++;
		if (vgpu->faults.sigbus)
			return -EIO;
		if (check_add_overflow(offset, frame_offset(vgpu), &offset))
			return -EFAULT;
	}
	if (offset > vgpu_vram_size(vgpu) ||
	    len > vgpu_vram_size(vgpu) - offset)
		return -EFAULT;
	return vgpu_pages_read_user(vgpu->vram, buf, len, offset);
}

static int access_meta(struct vgpu *vgpu, u64 offset, char __user *buf,
		       size_t len, bool write)
{
	u64 bell = region_size(vgpu, VGPU_REGION_META) -
		VFIO_GFX_META_DOORBELL_FROM_END;
	u32 request;

	if (offset < bell && len <= bell - offset)
		return access_pages(vgpu->meta.pages, offset, buf, len, write);
	if (!write || offset != bell || len != sizeof(request))
		return -EINVAL;
	if (copy_from_user(&request, buf, sizeof(request)))
		return -EFAULT;
	guard(mutex)(&vgpu->lock);
	vgpu_meta_doorbell(vgpu, request);
	return 0;
}

static ssize_t access_region(struct vgpu *vgpu, char __user *buf, size_t len,
			     loff_t *ppos, bool write)
{
	u32 index = *ppos >> VGPU_REGION_SHIFT;
	u64 offset = *ppos & OFFSET_MASK;
	u64 size = region_size(vgpu, index);
	int ret;

	if (offset >= size)
		return -EINVAL;
	len = min(len, size - offset);
	switch (index) {
	case VGPU_SW_BAR_VRAM:
		ret = access_pages(vgpu->vram, offset, buf, len, write);
		break;
	case VGPU_REGION_FRAME:
		ret = read_frame(vgpu, offset, buf, len, write);
		break;
	case VGPU_REGION_META:
		ret = access_meta(vgpu, offset, buf, len, write);
		break;
	default:
		ret = access_registers(vgpu, index, offset, buf, len, write);
		break;
	}
	if (ret)
		return ret;
	*ppos += len;
	return len;
}

static ssize_t read_region(struct vfio_device *vdev, char __user *buf,
			   size_t len, loff_t *ppos)
{
	return access_region(to_vgpu(vdev), buf, len, ppos, false);
}

static ssize_t write_region(struct vfio_device *vdev, const char __user *buf,
			    size_t len, loff_t *ppos)
{
	return access_region(to_vgpu(vdev), (char __user *)buf, len, ppos,
			     true);
}

/* The device */

static void reset(struct vgpu *vgpu)
{
	vgpu_migration_reset(vgpu);
	guard(mutex)(&vgpu->lock);
	vgpu_config_reset(vgpu);
	vgpu_regs_reset(vgpu);
	vgpu_buffer_forget(vgpu);
}

static int open_device(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);
	int ret = -ENOMEM;

	scoped_guard(mutex, &vgpu->lock) {
		vgpu->vram = vgpu_pages_new(vgpu_vram_size(vgpu));
		if (vgpu->vram)
			ret = vgpu_meta_open(vgpu);
		if (ret) {
			vgpu_pages_put(vgpu->vram);
			vgpu->vram = NULL;
			return ret;
		}
		vgpu_edid_reset(vgpu);
		vgpu->open = true;
	}
	/* The core looks at these only on behalf of who has it open. */
	vdev->mig_ops = vgpu->settings.migration ? &vgpu_migration_ops : NULL;
	vdev->log_ops = vgpu->settings.migration ? &vgpu_log_ops : NULL;
	reset(vgpu);
	return 0;
}

static void close_device(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	vgpu_irq_stop(vgpu);
	vgpu_meta_close(vgpu);
	reset(vgpu);
	guard(mutex)(&vgpu->lock);
	vgpu->open = false;
	vgpu_pages_put(vgpu->vram);
	vgpu->vram = NULL;
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
	info.num_irqs = VFIO_PCI_NUM_IRQS + !!vgpu->settings.irq;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static long get_dmabuf(struct vgpu *vgpu, void __user *arg)
{
	u32 id;

	if (!vgpu->settings.dmabuf)
		return -ENOTTY;
	if (copy_from_user(&id, arg, sizeof(id)))
		return -EFAULT;
	return vgpu_buffer_export(vgpu, id);
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
		return get_region_info(vgpu, arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return vgpu_irq_get_info(vgpu, arg);
	case VFIO_DEVICE_SET_IRQS:
		return vgpu_irq_set(vgpu, arg);
	case VFIO_DEVICE_QUERY_GFX_PLANE:
		return vgpu_plane_query(vgpu, arg);
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
	mutex_init(&vgpu->migration.lock);
	INIT_LIST_HEAD(&vgpu->buffers);
	vgpu->migration.state = VFIO_DEVICE_STATE_RUNNING;
	vgpu_irq_init(vgpu);
	vgpu_meta_init(vgpu);
	vdev->migration_flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P;
	vdev->mig_ops = &vgpu_migration_ops;
	vdev->log_ops = &vgpu_log_ops;
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
	.read = read_region,
	.write = write_region,
	.ioctl = device_ioctl,
	.mmap = map_region,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
};
