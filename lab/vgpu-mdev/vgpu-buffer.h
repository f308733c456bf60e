/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffer ids and dma-bufs
 */
#ifndef VGPU_BUFFER_H
#define VGPU_BUFFER_H

#include <linux/list.h>
#include <linux/mutex.h>

#include "vgpu-pages.h"
#include "vgpu-plane.h"

struct dma_buf;

/* All under @lock, the device's, but for what never changes. */
struct vgpu_buffers {
	struct vfio_device *vdev;
	struct mutex *lock;
	const struct vgpu_regs *regs;
	const struct vgpu_settings *settings;
	struct vgpu_faults *faults;
	struct list_head list;
	u32 live;
};

/* The other fields are set. */
void vgpu_buffers_init(struct vgpu_buffers *buffers);
/* @plane's id, which it keeps while its geometry is the same; 0: no memory */
u32 vgpu_buffer_id(struct vgpu_buffers *buffers,
		   const struct vgpu_plane *plane);
/* A new dma-buf of @vram, as the buffer of that id is. */
struct dma_buf *vgpu_buffer_export(struct vgpu_buffers *buffers,
				   struct vgpu_pages *vram, u32 id);
/* Forgets all ids that no dma-buf holds. */
void vgpu_buffers_forget(struct vgpu_buffers *buffers);
/* Every mapping of a dma-buf is looked up anew. */
void vgpu_buffers_unmap(struct vgpu_buffers *buffers);

#endif /* VGPU_BUFFER_H */
