// SPDX-License-Identifier: GPL-2.0
/*
 * Faults on request, and what a test wants counted: a folder for each
 * instance, named as the mediated device, in debugfs/vgpu-mdev.
 */
#include <linux/debugfs.h>

#include "vgpu.h"

static struct dentry *root;

static int sigbus_get(void *data, u64 *val)
{
	struct vgpu *vgpu = data;

	guard(mutex)(&vgpu->lock);
	*val = vgpu->faults.sigbus;
	return 0;
}

/* What is mapped already goes as well. */
static int sigbus_set(void *data, u64 val)
{
	struct vgpu *vgpu = data;

	guard(mutex)(&vgpu->lock);
	vgpu->faults.sigbus = val;
	vgpu_buffers_unmap(&vgpu->buffers);
	unmap_mapping_range(vgpu->vdev.inode->i_mapping,
			    (loff_t)VGPU_REGION_FRAME << VGPU_REGION_SHIFT,
			    2ull << VGPU_REGION_SHIFT, 1);
	return 0;
}

static_assert(VGPU_REGION_META == VGPU_REGION_FRAME + 1);
DEFINE_DEBUGFS_ATTRIBUTE(sigbus_fops, sigbus_get, sigbus_set, "%llu\n");

static int storm_get(void *data, u64 *val)
{
	struct vgpu *vgpu = data;

	*val = READ_ONCE(vgpu->irq.storm);
	return 0;
}

/* A million signals a second is all that the timer is asked to make. */
static int storm_set(void *data, u64 val)
{
	struct vgpu *vgpu = data;

	if (val > 1000000)
		return -EINVAL;
	vgpu_irq_set_storm(&vgpu->irq, val);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(storm_fops, storm_get, storm_set, "%llu\n");

static void add_faults(struct vgpu *vgpu, struct dentry *dir)
{
	struct vgpu_faults *faults = &vgpu->faults;

	debugfs_create_u32("query_count", 0600, dir, &faults->query_count);
	debugfs_create_u32("query_errno", 0600, dir, &faults->query_errno);
	debugfs_create_u32("get_count", 0600, dir, &faults->get_count);
	debugfs_create_u32("get_errno", 0600, dir, &faults->get_errno);
	debugfs_create_u32("stride", 0600, dir, &faults->stride);
	debugfs_create_u32("width", 0600, dir, &faults->width);
	debugfs_create_u32("height", 0600, dir, &faults->height);
	debugfs_create_u32("size", 0600, dir, &faults->size);
	debugfs_create_x32("format", 0600, dir, &faults->format);
	debugfs_create_x64("modifier", 0600, dir, &faults->modifier);
	debugfs_create_u32("id", 0600, dir, &faults->id);
	debugfs_create_bool("refuse_mmap", 0600, dir, &faults->refuse_mmap);
	debugfs_create_u32("frame_pages", 0600, dir, &faults->frame_pages);
	debugfs_create_bool("frame_unreadable", 0600, dir,
			    &faults->frame_unreadable);
	debugfs_create_file_unsafe("sigbus", 0600, dir, vgpu, &sigbus_fops);
	debugfs_create_u32("stall_requests", 0600, dir,
			   &faults->stall_requests);
	debugfs_create_bool("odd_generation", 0600, dir,
			    &faults->odd_generation);
	debugfs_create_x32("damage_count", 0600, dir, &faults->damage_count);
	debugfs_create_file_unsafe("irq_storm", 0600, dir, vgpu, &storm_fops);
}

static void add_counters(struct vgpu *vgpu, struct dentry *dir)
{
	debugfs_create_u32("queries", 0400, dir, &vgpu->regs.queries);
	debugfs_create_u32("gets", 0400, dir, &vgpu->regs.gets);
	debugfs_create_u32("reads", 0400, dir, &vgpu->regs.reads);
	debugfs_create_u32("live_buffers", 0400, dir, &vgpu->buffers.live);
	debugfs_create_u32("completed", 0400, dir, &vgpu->meta.completed);
	debugfs_create_bool("link_up", 0400, dir, &vgpu->edid.link_up);
	debugfs_create_u64("signals", 0400, dir, &vgpu->irq.signals);
}

void vgpu_debugfs_init(void)
{
	root = debugfs_create_dir("vgpu-mdev", NULL);
}

void vgpu_debugfs_exit(void)
{
	debugfs_remove_recursive(root);
}

void vgpu_debugfs_add(struct vgpu *vgpu)
{
	vgpu->debugfs = debugfs_create_dir(dev_name(vgpu->vdev.dev), root);
	add_faults(vgpu, vgpu->debugfs);
	add_counters(vgpu, vgpu->debugfs);
}

void vgpu_debugfs_remove(struct vgpu *vgpu)
{
	debugfs_remove_recursive(vgpu->debugfs);
}
