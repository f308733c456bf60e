/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mediated virtual GPU without hardware
 *
 * One struct vgpu is one mediated device: a PCI display with 4 KiB of
 * registers in BAR 0 and video memory in BAR 2. What the registers mean is in
 * hw/display/vgpu-sw.h, and what the host is offered beyond linux/vfio.h in
 * hw/vfio/vfio-gfx-ext.h.
 *
 * Files call only those below them; the parts know nothing of struct vgpu:
 *
 *   main                      types, instances, sysfs
 *   vfio         debugfs      the device as vfio has it; faults on request
 *   region       query        its regions; its planes
 *   metadata     buffer       the parts
 *   migration    irq  plane  edid  config  regs  pages
 *
 * Locks, outer first:
 *
 *   migration.lock   the migration state and its stream; held while the stream
 *                    is copied from and to user space
 *   lock             all else; never held while user memory is touched, since
 *                    a page fault of a mapped region takes it
 *   irq.timers       whether timers run
 *   irq.lock         the eventfd alone, as timers signal it
 */
#ifndef VGPU_H
#define VGPU_H

#include "vgpu-buffer.h"
#include "vgpu-config.h"
#include "vgpu-edid.h"
#include "vgpu-irq.h"
#include "vgpu-metadata.h"
#include "vgpu-migration.h"
#include "vgpu-pages.h"
#include "vgpu-plane.h"
#include "vgpu-regs.h"
#include "vgpu-settings.h"

#define VGPU_NAME		"vgpu"

/* Drawn into the primary plane, and not told of in a query. */
struct vgpu_drawn {
	bool all;
	u32 x1;			/* nothing: the same as x2 */
	u32 y1;
	u32 x2;
	u32 y2;
};

struct vgpu {
	struct vfio_device vdev;
	struct mutex lock;
	struct dentry *debugfs;
	struct vgpu_settings settings;
	bool open;
	bool logging;
	struct vgpu_config config;
	struct vgpu_pages *vram;
	struct vgpu_regs regs;
	struct vgpu_drawn drawn;
	struct vgpu_buffers buffers;
	struct vgpu_edid edid;
	struct vgpu_irq irq;
	struct vgpu_metadata meta;
	struct vgpu_migration migration;
	struct vgpu_faults faults;
};

static inline struct vgpu *to_vgpu(struct vfio_device *vdev)
{
	return container_of(vdev, struct vgpu, vdev);
}

/* vgpu-vfio.c */
extern const struct vfio_device_ops vgpu_vfio_ops;

/* vgpu-region.c */
long vgpu_region_get_info(struct vgpu *vgpu, void __user *arg);
int vgpu_region_map(struct vfio_device *vdev, struct vm_area_struct *vma);
ssize_t vgpu_region_read(struct vfio_device *vdev, char __user *buf,
			 size_t len, loff_t *ppos);
ssize_t vgpu_region_write(struct vfio_device *vdev, const char __user *buf,
			  size_t len, loff_t *ppos);
/* Tells all parts what a write to the registers did, VGPU_CHANGED_*. */
void vgpu_regs_changed(struct vgpu *vgpu, u32 changes);

/* vgpu-query.c */
long vgpu_query(struct vgpu *vgpu, void __user *arg);
/* The guest drew into the primary plane; NULL: anywhere. */
void vgpu_query_damage(struct vgpu_drawn *drawn,
		       const struct vfio_gfx_meta_rect *rect);

/* vgpu-debugfs.c */
void vgpu_debugfs_init(void);
void vgpu_debugfs_exit(void);
void vgpu_debugfs_add(struct vgpu *vgpu);
void vgpu_debugfs_remove(struct vgpu *vgpu);

#endif /* VGPU_H */
