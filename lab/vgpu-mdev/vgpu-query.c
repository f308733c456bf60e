// SPDX-License-Identifier: GPL-2.0
/*
 * Queries: what the planes show, told to the host.
 */
#include <linux/uaccess.h>

#include "vgpu.h"

void vgpu_query_damage(struct vgpu_drawn *drawn,
		       const struct vfio_gfx_meta_rect *rect)
{
	u32 x2, y2;

	if (!rect) {
		drawn->all = true;
		return;
	}
	if (!rect->width || !rect->height)
		return;
	x2 = min_t(u64, (u64)rect->x + rect->width, U32_MAX);
	y2 = min_t(u64, (u64)rect->y + rect->height, U32_MAX);
	if (drawn->x1 == drawn->x2) {
		drawn->x1 = rect->x;
		drawn->y1 = rect->y;
	}
	drawn->x1 = min(drawn->x1, rect->x);
	drawn->y1 = min(drawn->y1, rect->y);
	drawn->x2 = max(drawn->x2, x2);
	drawn->y2 = max(drawn->y2, y2);
}

/* What was drawn is told once, by a guest that says what it draws. */
static void tell_drawn(struct vgpu *vgpu,
		       struct vfio_device_gfx_plane_info *info)
{
	struct vgpu_drawn drawn = vgpu->drawn;

	if (!vgpu->regs.damage_reported)
		return;
	memset(&vgpu->drawn, 0, sizeof(vgpu->drawn));
	if (drawn.all)
		return;
	info->reserved |= VFIO_GFX_PLANE_EXT_DAMAGE;
	info->x_pos = drawn.x1;
	info->y_pos = drawn.y1;
	info->x_hot = drawn.x2 - drawn.x1;
	info->y_hot = drawn.y2 - drawn.y1;
}

static void override(u32 *value, u32 with)
{
	if (with)
		*value = with;
}

/* What debugfs wants reported instead of the truth. */
static void distort(const struct vgpu_faults *faults,
		    struct vfio_device_gfx_plane_info *info)
{
	override(&info->stride, faults->stride);
	override(&info->width, faults->width);
	override(&info->height, faults->height);
	override(&info->size, faults->size);
	override(&info->drm_format, faults->format);
	if (faults->modifier)
		info->drm_format_mod = faults->modifier;
}

static void fill(struct vgpu *vgpu, struct vgpu_plane *plane,
		 struct vfio_device_gfx_plane_info *info)
{
	bool extended = info->flags & VFIO_GFX_PLANE_EXT;

	info->drm_format = plane->fourcc;
	info->drm_format_mod = plane->modifier;
	info->width = plane->width;
	info->height = plane->height;
	info->stride = plane->stride;
	info->size = PAGE_ALIGN(plane->size);
	info->x_pos = plane->x;
	info->y_pos = plane->y;
	info->x_hot = plane->hot_x;
	info->y_hot = plane->hot_y;
	if (extended)
		info->reserved = (plane->zpos & 0xff) |
			(plane->flags & VGPU_SW_PLANE_STRAIGHT ?
			 VFIO_GFX_PLANE_EXT_STRAIGHT : 0);
	if (info->flags & VFIO_GFX_PLANE_TYPE_REGION) {
		info->region_index = VGPU_REGION_FRAME;
		return;
	}
	override(&plane->id, vgpu->faults.id);
	info->dmabuf_id = vgpu_buffer_id(&vgpu->buffers, plane);
}

static void clear_answer(struct vfio_device_gfx_plane_info *info)
{
	size_t first = offsetof(struct vfio_device_gfx_plane_info, drm_format);

	memset((u8 *)info + first, 0, sizeof(*info) - first);
}

static int query_index(struct vgpu *vgpu, u32 index,
		       struct vfio_device_gfx_plane_info *info)
{
	struct vgpu_plane plane;
	int ret;

	vgpu->regs.queries++;
	ret = vgpu_injected(&vgpu->faults.query_count,
			    vgpu->faults.query_errno);
	if (ret)
		return ret;
	clear_answer(info);
	ret = vgpu_plane_get(&vgpu->regs, &vgpu->settings, index, &plane);
	if (ret || !plane.fourcc)
		return ret;
	fill(vgpu, &plane, info);
	distort(&vgpu->faults, info);
	if (!info->dmabuf_id)
		return -ENOMEM;
	if (index == VGPU_SW_PRIMARY && info->flags & VFIO_GFX_PLANE_EXT)
		tell_drawn(vgpu, info);
	return 0;
}

/* The plane that is asked for, or a negative errno. */
static int asked_plane(const struct vfio_device_gfx_plane_info *info)
{
	bool extended = info->flags & VFIO_GFX_PLANE_EXT;
	u32 index = extended ? info->reserved : 0;

	/* Of a region only the primary is asked, often with type 0. */
	if (info->flags & VFIO_GFX_PLANE_TYPE_REGION)
		return info->drm_plane_type == 2 ? -EINVAL : VGPU_SW_PRIMARY;
	switch (info->drm_plane_type) {
	case 0:
		return extended && index < VGPU_SW_OVERLAYS ?
			VGPU_SW_OVERLAY(index) : -EINVAL;
	case 1:
		return index ? -EINVAL : VGPU_SW_PRIMARY;
	case 2:
		return index ? -EINVAL : VGPU_SW_CURSOR;
	default:
		return -EINVAL;
	}
}

/* Exactly one kind, and one that there is; overlays are in dma-bufs alone. */
static bool kind_offered(const struct vgpu *vgpu, u32 flags)
{
	switch (flags & ~VFIO_GFX_PLANE_TYPE_PROBE) {
	case VFIO_GFX_PLANE_TYPE_DMABUF:
		return vgpu->settings.dmabuf;
	case VFIO_GFX_PLANE_TYPE_DMABUF | VFIO_GFX_PLANE_EXT:
		return vgpu->settings.dmabuf && vgpu->settings.overlays;
	case VFIO_GFX_PLANE_TYPE_REGION:
		return vgpu->settings.region;
	default:
		return false;
	}
}

long vgpu_query(struct vgpu *vgpu, void __user *arg)
{
	struct vfio_device_gfx_plane_info info = {};
	size_t size = offsetofend(struct vfio_device_gfx_plane_info,
				  region_index);
	int index;
	long ret = 0;

	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.flags & VFIO_GFX_PLANE_EXT)
		size = sizeof(info);
	if (info.argsz < size || !kind_offered(vgpu, info.flags))
		return -EINVAL;
	if (size == sizeof(info) && copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.flags & VFIO_GFX_PLANE_TYPE_PROBE) {
		info.reserved = VGPU_SW_OVERLAYS;
	} else {
		index = asked_plane(&info);
		if (index < 0)
			return index;
		guard(mutex)(&vgpu->lock);
		ret = query_index(vgpu, index, &info);
	}
	if (ret)
		return ret;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}
