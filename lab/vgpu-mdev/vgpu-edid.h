/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The monitor
 */
#ifndef VGPU_EDID_H
#define VGPU_EDID_H

#include <linux/mm.h>
#include <linux/types.h>

#define VGPU_EDID_MAX		1024
#define VGPU_EDID_REGION_SIZE	PAGE_SIZE
#define VGPU_EDID_BLOB_OFFSET	(PAGE_SIZE / 2)

struct vgpu_edid {
	u32 max_xres;
	u32 max_yres;
	u32 size;
	bool link_up;
	u8 blob[VGPU_EDID_MAX];
};

/* 0 or a negative errno; @offset is in the region */
int vgpu_edid_read(const struct vgpu_edid *edid, u32 offset, void *buf,
		   u32 len);
int vgpu_edid_write(struct vgpu_edid *edid, u32 offset, const void *buf,
		    u32 len);
u32 vgpu_edid_guest_read(const struct vgpu_edid *edid, u32 offset);
void vgpu_edid_reset(struct vgpu_edid *edid, u32 max_xres, u32 max_yres);

#endif /* VGPU_EDID_H */
