/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Migration
 */
#ifndef VGPU_MIGRATION_H
#define VGPU_MIGRATION_H

#include <linux/mutex.h>
#include <linux/vfio.h>

#include "vgpu-pages.h"
#include "vgpu-regs.h"

struct vgpu_stream;

struct vgpu_migration {
	struct vfio_device *vdev;
	struct mutex *device_lock;
	struct vgpu_regs *regs;
	/* New registers are there; under the device's lock. */
	void (*loaded)(struct vfio_device *vdev);
	struct mutex lock;
	struct vgpu_pages *vram;
	enum vfio_device_mig_state state;
	struct vgpu_stream *stream;
};

/* The first four fields are set. */
void vgpu_migration_init(struct vgpu_migration *migration);
/* Runs, as after a reset. @vram stays the caller's. */
void vgpu_migration_reset(struct vgpu_migration *migration,
			  struct vgpu_pages *vram);

/* As the calls of struct vfio_migration_ops. */
struct file *vgpu_migration_set_state(struct vgpu_migration *migration,
				      enum vfio_device_mig_state wanted);
enum vfio_device_mig_state
vgpu_migration_get_state(struct vgpu_migration *migration);
unsigned long vgpu_migration_data_size(struct vgpu_migration *migration);

#endif /* VGPU_MIGRATION_H */
