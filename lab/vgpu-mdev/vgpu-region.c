// SPDX-License-Identifier: GPL-2.0
/*
 * The device's regions: what there is, access and mappings.
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
		return vgpu_vram_size(&vgpu->settings);
	case VGPU_REGION_FRAME:
		return vgpu->settings.region ? vgpu_vram_size(&vgpu->settings) : 0;
	case VGPU_REGION_META:
		return vgpu_meta_region_size(&vgpu->settings);
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

long vgpu_region_get_info(struct vgpu *vgpu, void __user *arg)
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

/* Has every user of the region with the frame look it up anew. */
static void frame_moved(struct vgpu *vgpu)
{
	lockdep_assert_held(&vgpu->lock);
	if (vgpu->settings.region)
		unmap_mapping_range(vgpu->vdev.inode->i_mapping,
				    (loff_t)VGPU_REGION_FRAME <<
				    VGPU_REGION_SHIFT,
				    vgpu_vram_size(&vgpu->settings), 1);
}

/* Pages are inserted under the lock that whoever moves the frame holds. */
static vm_fault_t frame_fault(struct vm_fault *vmf)
{
	struct vgpu *vgpu = vmf->vma->vm_private_data;
	u64 page = vmf->pgoff - VGPU_REGION_PGOFF(VGPU_REGION_FRAME);

	guard(mutex)(&vgpu->lock);
	if (vgpu->faults.sigbus)
		return VM_FAULT_SIGBUS;
	page += vgpu_shown_offset(&vgpu->regs, VGPU_SW_PRIMARY) >> PAGE_SHIFT;
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

int vgpu_region_map(struct vfio_device *vdev, struct vm_area_struct *vma)
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

/* Registers */

static u32 kinds(const struct vgpu_settings *settings)
{
	return (settings->dmabuf ? VGPU_SW_KIND_DMABUF : 0) |
		(settings->region ? VGPU_SW_KIND_REGION : 0) |
		(settings->metadata ? VGPU_SW_KIND_METADATA : 0) |
		(settings->overlays ? VGPU_SW_KIND_OVERLAYS : 0) |
		(settings->irq ? VGPU_SW_KIND_IRQ : 0);
}

static u32 read_register(struct vgpu *vgpu, u32 offset)
{
	const struct vgpu_edid *edid = &vgpu->edid;

	if (offset >= VGPU_SW_EDID && offset < VGPU_SW_EDID + VGPU_SW_EDID_MAX)
		return vgpu_edid_guest_read(edid, offset - VGPU_SW_EDID);
	switch (offset) {
	case VGPU_SW_VRAM_SIZE:
		return vgpu_vram_size(&vgpu->settings);
	case VGPU_SW_KINDS:
		return kinds(&vgpu->settings);
	case VGPU_SW_IRQ_SIGNALS:
		return READ_ONCE(vgpu->irq.signals);
	case VGPU_SW_LINK:
		return edid->link_up;
	case VGPU_SW_EDID_SIZE:
		return edid->link_up ? edid->size : 0;
	default:
		return vgpu_regs_read(&vgpu->regs, offset);
	}
}

static void add_damage(struct vgpu *vgpu, const struct vfio_gfx_meta_rect *rect)
{
	vgpu_query_damage(&vgpu->drawn, rect);
	vgpu_meta_damage(&vgpu->meta, rect);
}

/* A guest that says what it draws needs no vertical blank. */
static u32 vblank_hz(const struct vgpu *vgpu)
{
	if (vgpu->regs.damage_reported ||
	    !vgpu_shown(&vgpu->regs, VGPU_SW_PRIMARY, VGPU_SW_ENABLE))
		return 0;
	return vgpu->settings.vblank_hz;
}

void vgpu_regs_changed(struct vgpu *vgpu, u32 changes)
{
	const u32 *rect = vgpu->regs.damage_rect;

	lockdep_assert_held(&vgpu->lock);
	if (changes & VGPU_CHANGED_ALL)
		add_damage(vgpu, NULL);
	if (changes & VGPU_CHANGED_RECT)
		add_damage(vgpu, &(struct vfio_gfx_meta_rect) {
			.x = rect[0],
			.y = rect[1],
			.width = rect[2],
			.height = rect[3],
		});
	if (changes & VGPU_CHANGED_FRAME)
		frame_moved(vgpu);
	if (changes)
		vgpu_irq_set_vblank(&vgpu->irq, vblank_hz(vgpu));
	if (changes & VGPU_CHANGED_CURSOR)
		vgpu_irq_signal(&vgpu->irq, VFIO_GFX_IRQ_CURSOR);
	if (changes & VGPU_CHANGED_PRIMARY)
		vgpu_irq_signal(&vgpu->irq, VFIO_GFX_IRQ_PRIMARY);
}

/* Access */

static int read_piece(struct vgpu *vgpu, u32 index, u32 offset, u8 *buf,
		      u32 len)
{
	u32 val = 0;

	switch (index) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		memcpy(buf, vgpu->config.bytes + offset, len);
		return 0;
	case VGPU_REGION_EDID:
		return vgpu_edid_read(&vgpu->edid, offset, buf, len);
	case VGPU_SW_BAR_REGS:
		/* Registers are accessed whole; all else is not there. */
		if (len == sizeof(val) && !(offset % sizeof(val)))
			val = read_register(vgpu, offset);
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
		vgpu_config_write(&vgpu->config, offset, buf, len);
		return 0;
	case VGPU_REGION_EDID:
		return vgpu_edid_write(&vgpu->edid, offset, buf, len);
	case VGPU_SW_BAR_REGS:
		if (len == sizeof(val) && !(offset % sizeof(val))) {
			memcpy(&val, buf, sizeof(val));
			vgpu_regs_changed(vgpu, vgpu_regs_write(&vgpu->regs,
								offset, val));
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
	u64 size = vgpu_vram_size(&vgpu->settings);

	if (write || vgpu->faults.frame_unreadable)
		return -EACCES;
	scoped_guard(mutex, &vgpu->lock) {
		vgpu->regs.reads++;
		if (vgpu->faults.sigbus)
			return -EIO;
		if (check_add_overflow(offset,
				       vgpu_shown_offset(&vgpu->regs,
							 VGPU_SW_PRIMARY),
				       &offset))
			return -EFAULT;
	}
	if (offset > size || len > size - offset)
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
	vgpu_meta_doorbell(&vgpu->meta, request);
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

ssize_t vgpu_region_read(struct vfio_device *vdev, char __user *buf,
			 size_t len, loff_t *ppos)
{
	return access_region(to_vgpu(vdev), buf, len, ppos, false);
}

ssize_t vgpu_region_write(struct vfio_device *vdev, const char __user *buf,
			  size_t len, loff_t *ppos)
{
	return access_region(to_vgpu(vdev), (char __user *)buf, len, ppos,
			     true);
}
