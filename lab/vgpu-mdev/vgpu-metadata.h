/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The framebuffer region with a metadata page
 */
#ifndef VGPU_METADATA_H
#define VGPU_METADATA_H

#include <linux/workqueue.h>

#include "hw/vfio/vfio-gfx-ext.h"
#include "vgpu-irq.h"
#include "vgpu-pages.h"
#include "vgpu-plane.h"

#define VGPU_CURSOR_BYTES	(VGPU_CURSOR_MAX * VGPU_CURSOR_MAX * 4)

struct vgpu_damage {
	bool all;
	u32 count;
	struct vfio_gfx_meta_rect rect[VFIO_GFX_META_MAX_DAMAGE];
};

/* All under @lock, the device's, but for what never changes. */
struct vgpu_metadata {
	struct mutex *lock;
	const struct vgpu_regs *regs;
	const struct vgpu_settings *settings;
	struct vgpu_faults *faults;
	struct vgpu_irq *irq;
	struct vgpu_pages *vram;
	struct vgpu_pages *pages;
	struct work_struct work;
	u32 request;		/* to be worked on, 0: none */
	u32 completed;
	u32 generation;
	u64 frame;
	struct vgpu_plane last;	/* what lies in the pixels */
	struct vgpu_damage damage;
	struct vgpu_plane last_cursor;
	u32 cursor_serial;
};

/* The first five fields are set. */
void vgpu_meta_init(struct vgpu_metadata *meta);
u64 vgpu_meta_region_size(const struct vgpu_settings *settings);
/* @vram stays the caller's, until vgpu_meta_close(). */
int vgpu_meta_open(struct vgpu_metadata *meta, struct vgpu_pages *vram);
void vgpu_meta_close(struct vgpu_metadata *meta);
/* The guest drew into the primary plane; NULL: anywhere. */
void vgpu_meta_damage(struct vgpu_metadata *meta,
		      const struct vfio_gfx_meta_rect *rect);
void vgpu_meta_doorbell(struct vgpu_metadata *meta, u32 request);

#endif /* VGPU_METADATA_H */
