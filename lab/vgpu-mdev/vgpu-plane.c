// SPDX-License-Identifier: GPL-2.0
/*
 * Planes: what the guest wrote, checked.
 */
#include <drm/drm_fourcc.h>
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/math.h>

#include "vgpu-plane.h"

/* Where a format can be shown. */
#define ON_PRIMARY	BIT(0)
#define ON_CURSOR	BIT(1)
#define ON_OVERLAY	BIT(2)

static const struct format {
	u32 fourcc;
	u8 bytes;		/* of a pixel in the first memory plane */
	u8 where;
} formats[] = {
	{ DRM_FORMAT_XRGB8888, 4, ON_PRIMARY | ON_OVERLAY },
	{ DRM_FORMAT_ARGB8888, 4, ON_PRIMARY | ON_OVERLAY | ON_CURSOR },
	{ DRM_FORMAT_XBGR8888, 4, ON_PRIMARY | ON_OVERLAY },
	{ DRM_FORMAT_ABGR8888, 4, ON_PRIMARY | ON_OVERLAY },
	{ DRM_FORMAT_XRGB2101010, 4, ON_PRIMARY },
	{ DRM_FORMAT_XBGR2101010, 4, ON_PRIMARY },
	{ DRM_FORMAT_RGB565, 2, ON_PRIMARY | ON_OVERLAY },
	{ DRM_FORMAT_YUYV, 2, ON_OVERLAY },
	{ DRM_FORMAT_NV12, 1, ON_OVERLAY },
};

static const struct format *find_format(u32 fourcc, u8 where)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].fourcc == fourcc && formats[i].where & where)
			return &formats[i];
	return NULL;
}

static u8 plane_place(u32 index)
{
	switch (index) {
	case VGPU_SW_PRIMARY:
		return ON_PRIMARY;
	case VGPU_SW_CURSOR:
		return ON_CURSOR;
	default:
		return ON_OVERLAY;
	}
}

static bool size_allowed(const struct vgpu_settings *settings, u32 index,
			 const struct vgpu_plane *plane)
{
	bool cursor = index == VGPU_SW_CURSOR;
	u32 max_width = cursor ? VGPU_CURSOR_MAX : settings->max_xres;
	u32 max_height = cursor ? VGPU_CURSOR_MAX : settings->max_yres;

	return plane->width && plane->width <= max_width &&
	       plane->height && plane->height <= max_height;
}

/* Fills in what follows from the registers. 0 or a negative errno. */
static int check(const struct vgpu_settings *settings, u32 index,
		 struct vgpu_plane *plane)
{
	const struct format *format = find_format(plane->fourcc,
						  plane_place(index));
	u64 rows = plane->height;

	if (!format || plane->modifier != DRM_FORMAT_MOD_LINEAR ||
	    !size_allowed(settings, index, plane))
		return -EINVAL;
	plane->row_bytes = ALIGN(plane->width, plane->fourcc ==
				 DRM_FORMAT_YUYV ? 2 : 1) * format->bytes;
	if (plane->fourcc == DRM_FORMAT_NV12) {
		plane->row_bytes = ALIGN(plane->width, 2);
		rows += DIV_ROUND_UP(plane->height, 2);
	}
	if (plane->stride < plane->row_bytes)
		return -EINVAL;
	plane->size = plane->stride * rows;
	if (plane->offset % PAGE_SIZE)
		return -EFAULT;
	if (plane->offset > vgpu_vram_size(settings) ||
	    plane->size > vgpu_vram_size(settings) - plane->offset)
		return -EFAULT;
	return 0;
}

int vgpu_plane_get(const struct vgpu_regs *regs,
		   const struct vgpu_settings *settings, u32 index,
		   struct vgpu_plane *plane)
{
#define REG(name) vgpu_shown(regs, index, VGPU_SW_##name)
	memset(plane, 0, sizeof(*plane));
	if (!REG(ENABLE))
		return 0;
	*plane = (struct vgpu_plane) {
		.fourcc = REG(FOURCC),
		.width = REG(WIDTH),
		.height = REG(HEIGHT),
		.stride = REG(STRIDE),
		.id = REG(ID),
		.hot_x = REG(HOT_X),
		.hot_y = REG(HOT_Y),
		.zpos = REG(ZPOS),
		.flags = REG(PLANE_FLAGS),
		.modifier = (u64)REG(MODIFIER_HI) << 32 | REG(MODIFIER_LO),
		.offset = vgpu_shown_offset(regs, index),
		.x = REG(X),
		.y = REG(Y),
	};
	return check(settings, index, plane);
#undef REG
}

bool vgpu_plane_same_layout(const struct vgpu_plane *a,
			    const struct vgpu_plane *b)
{
	return a->fourcc == b->fourcc && a->width == b->width &&
	       a->height == b->height && a->stride == b->stride;
}

bool vgpu_plane_same_buffer(const struct vgpu_plane *a,
			    const struct vgpu_plane *b)
{
	return vgpu_plane_same_layout(a, b) && a->modifier == b->modifier &&
	       a->offset == b->offset;
}
