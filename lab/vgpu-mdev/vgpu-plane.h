/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Planes: what the guest wrote, checked
 */
#ifndef VGPU_PLANE_H
#define VGPU_PLANE_H

#include "vgpu-regs.h"
#include "vgpu-settings.h"

#define VGPU_CURSOR_MAX		256

/* A plane that is on screen, checked. */
struct vgpu_plane {
	u32 fourcc;		/* 0: the plane is off */
	u32 width;
	u32 height;
	u32 stride;
	u32 id;
	u32 hot_x;
	u32 hot_y;
	u32 zpos;
	u32 flags;		/* VGPU_SW_PLANE_* */
	u32 row_bytes;		/* of a row, less than stride */
	u64 modifier;
	u64 offset;		/* whole pages */
	u64 size;		/* bytes, not rounded */
	s32 x;
	s32 y;
};

/* What is shown. 0, or the negative errno that a query of it gives. */
int vgpu_plane_get(const struct vgpu_regs *regs,
		   const struct vgpu_settings *settings, u32 index,
		   struct vgpu_plane *plane);
bool vgpu_plane_same_layout(const struct vgpu_plane *a,
			    const struct vgpu_plane *b);
bool vgpu_plane_same_buffer(const struct vgpu_plane *a,
			    const struct vgpu_plane *b);

#endif /* VGPU_PLANE_H */
