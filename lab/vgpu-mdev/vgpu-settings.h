/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device offers, and the faults that it is to have.
 */
#ifndef VGPU_SETTINGS_H
#define VGPU_SETTINGS_H

#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/vfio.h>

#define VGPU_MAX_WIDTH		3840
#define VGPU_MAX_HEIGHT		2160

/* Regions past those of every PCI device. */
enum {
	VGPU_REGION_FRAME = VFIO_PCI_NUM_REGIONS,	/* the primary plane */
	VGPU_REGION_META,
	VGPU_REGION_EDID,
	VGPU_NUM_REGIONS,
};

/* Where a region, or all dma-bufs together, are in the device's file. */
#define VGPU_REGION_SHIFT	40
#define VGPU_REGION_PGOFF(index) \
	((pgoff_t)(index) << (VGPU_REGION_SHIFT - PAGE_SHIFT))
#define VGPU_DMABUF_SPACE	32

/* The type's defaults, and sysfs while the device is closed. */
struct vgpu_settings {
	u32 vram_mb;
	u32 max_xres;
	u32 max_yres;
	u32 vblank_hz;
	u32 dmabuf;
	u32 region;
	u32 metadata;
	u32 overlays;
	u32 irq;
	u32 edid;
	u32 migration;
};

/* Set through debugfs. An override of 0 is none. */
struct vgpu_faults {
	u32 query_count;	/* so many queries fail */
	u32 query_errno;
	u32 get_count;
	u32 get_errno;
	u32 stride;
	u32 width;
	u32 height;
	u32 size;
	u32 format;
	u64 modifier;
	u32 id;
	bool refuse_mmap;
	u32 frame_pages;	/* of the framebuffer region can be mapped */
	bool frame_unreadable;
	bool sigbus;
	u32 stall_requests;	/* so many are never completed */
	bool odd_generation;
	u32 damage_count;
};

static inline u64 vgpu_vram_size(const struct vgpu_settings *settings)
{
	return (u64)settings->vram_mb << 20;
}

/* Of the next @count calls each fails; 0 or a negative errno. */
static inline int vgpu_injected(u32 *count, u32 err)
{
	if (!*count)
		return 0;
	--*count;
	return -(int)clamp(err, 1u, (u32)MAX_ERRNO);
}

#endif /* VGPU_SETTINGS_H */
