// SPDX-License-Identifier: GPL-2.0
/*
 * Buffer ids, and the dma-bufs made of them
 *
 * A buffer is a geometry with an id. It is kept while a dma-buf of it is
 * open, while a plane shows it, and from a query to the request for its
 * dma-buf. After that its id is given to the next one: as with real drivers,
 * an id says nothing about a buffer that nobody holds.
 *
 * A dma-buf is pages of the video memory. It counts on the pages and on the
 * device's structure, not on the device being open.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/vmalloc.h>

#include "vgpu-buffer.h"

/* More than any monitor leaves unfetched; ids that are queried cost memory. */
#define MAX_QUERIED	16

struct vgpu_buffer {
	struct list_head list;
	struct vgpu_plane plane;
	u32 id;
	u32 dmabufs;
	bool queried;
};

struct vgpu_dmabuf {
	struct vgpu_buffers *buffers;
	struct vgpu_buffer *buffer;
	struct vgpu_pages *vram;
	pgoff_t first;
	unsigned long count;
	bool refuse_mmap;
};

/* Ids */

static bool on_screen(struct vgpu_buffers *buffers, const struct vgpu_buffer *buffer)
{
	struct vgpu_plane plane;
	u32 i;

	for (i = 0; i < VGPU_SW_PLANES; i++)
		if (!vgpu_plane_get(buffers->regs, buffers->settings, i, &plane) && plane.fourcc &&
		    vgpu_plane_same_buffer(&plane, &buffer->plane))
			return true;
	return false;
}

static void free_buffer(struct vgpu_buffer *buffer)
{
	list_del(&buffer->list);
	kfree(buffer);
}

/* Frees what nobody can ask for any more. */
static void collect(struct vgpu_buffers *buffers)
{
	struct vgpu_buffer *buffer, *next;
	u32 queried = 0;

	list_for_each_entry_safe_reverse(buffer, next, &buffers->list, list) {
		if (buffer->dmabufs)
			continue;
		if (buffer->queried && queried++ < MAX_QUERIED)
			continue;
		if (!on_screen(buffers, buffer))
			free_buffer(buffer);
	}
}

void vgpu_buffers_forget(struct vgpu_buffers *buffers)
{
	struct vgpu_buffer *buffer, *next;

	list_for_each_entry_safe(buffer, next, &buffers->list, list)
		if (!buffer->dmabufs)
			free_buffer(buffer);
}

static struct vgpu_buffer *find_id(struct vgpu_buffers *buffers, u32 id)
{
	struct vgpu_buffer *buffer;

	list_for_each_entry(buffer, &buffers->list, list)
		if (buffer->id == id)
			return buffer;
	return NULL;
}

static struct vgpu_buffer *find_plane(struct vgpu_buffers *buffers,
				      const struct vgpu_plane *plane)
{
	struct vgpu_buffer *buffer;

	list_for_each_entry(buffer, &buffers->list, list)
		if (vgpu_plane_same_buffer(&buffer->plane, plane))
			return buffer;
	return NULL;
}

static u32 lowest_free_id(struct vgpu_buffers *buffers)
{
	u32 id = 1;

	while (find_id(buffers, id))
		id++;
	return id;
}

static struct vgpu_buffer *new_buffer(struct vgpu_buffers *buffers, u32 id)
{
	struct vgpu_buffer *buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);

	if (buffer) {
		buffer->id = id;
		list_add_tail(&buffer->list, &buffers->list);
	}
	return buffer;
}

/* A guest that chooses the id itself may give another buffer the same. */
u32 vgpu_buffer_id(struct vgpu_buffers *buffers, const struct vgpu_plane *plane)
{
	struct vgpu_buffer *buffer;

	lockdep_assert_held(buffers->lock);
	buffer = plane->id ? find_id(buffers, plane->id) :
		find_plane(buffers, plane);
	if (!buffer) {
		collect(buffers);
		buffer = new_buffer(buffers, plane->id ?: lowest_free_id(buffers));
		if (!buffer)
			return 0;
	}
	buffer->plane = *plane;
	buffer->queried = true;
	return buffer->id;
}

/* dma-bufs */

static struct sg_table *map_dma_buf(struct dma_buf_attachment *attachment,
				    enum dma_data_direction direction)
{
	struct vgpu_dmabuf *dmabuf = attachment->dmabuf->priv;
	struct sg_table *table;
	int ret;

	if (attachment->priv)
		return ERR_PTR(-EBUSY);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages(table,
					dmabuf->vram->page + dmabuf->first,
					dmabuf->count, 0,
					dmabuf->count << PAGE_SHIFT,
					GFP_KERNEL);
	if (ret)
		goto free_table;
	ret = dma_map_sgtable(attachment->dev, table, direction, 0);
	if (ret)
		goto free_entries;
	attachment->priv = table;
	return table;

free_entries:
	sg_free_table(table);
free_table:
	kfree(table);
	return ERR_PTR(ret);
}

static void unmap_dma_buf(struct dma_buf_attachment *attachment,
			  struct sg_table *table,
			  enum dma_data_direction direction)
{
	attachment->priv = NULL;
	dma_unmap_sgtable(attachment->dev, table, direction, 0);
	sg_free_table(table);
	kfree(table);
}

/* Attachments come and go under the reservation's lock, which dma-buf takes. */
static int sync_attachments(struct dma_buf *buf,
			    enum dma_data_direction direction,
			    void (*sync)(struct device *, struct sg_table *,
					 enum dma_data_direction))
{
	struct dma_buf_attachment *attachment;
	int ret = dma_resv_lock_interruptible(buf->resv, NULL);

	if (ret)
		return ret;
	list_for_each_entry(attachment, &buf->attachments, node)
		if (attachment->priv)
			sync(attachment->dev, attachment->priv, direction);
	dma_resv_unlock(buf->resv);
	return 0;
}

static int begin_cpu_access(struct dma_buf *buf,
			    enum dma_data_direction direction)
{
	return sync_attachments(buf, direction, dma_sync_sgtable_for_cpu);
}

static int end_cpu_access(struct dma_buf *buf,
			  enum dma_data_direction direction)
{
	return sync_attachments(buf, direction, dma_sync_sgtable_for_device);
}

static vm_fault_t dmabuf_fault(struct vm_fault *vmf)
{
	struct vgpu_dmabuf *dmabuf = vmf->vma->vm_private_data;
	pgoff_t page = vmf->pgoff - VGPU_REGION_PGOFF(VGPU_DMABUF_SPACE);

	guard(mutex)(dmabuf->buffers->lock);
	if (page >= dmabuf->count || dmabuf->buffers->faults->sigbus)
		return VM_FAULT_SIGBUS;
	return vgpu_pages_fault(dmabuf->vram, vmf, dmabuf->first + page);
}

static const struct vm_operations_struct dmabuf_vm_ops = {
	.fault = dmabuf_fault,
};

static int dmabuf_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct vgpu_dmabuf *dmabuf = buf->priv;

	if (dmabuf->refuse_mmap)
		return -ENODEV;
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vma->vm_pgoff += VGPU_REGION_PGOFF(VGPU_DMABUF_SPACE);
	vma->vm_private_data = dmabuf;
	vma->vm_ops = &dmabuf_vm_ops;
	vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static int dmabuf_vmap(struct dma_buf *buf, struct iosys_map *map)
{
	struct vgpu_dmabuf *dmabuf = buf->priv;
	void *address = vmap(dmabuf->vram->page + dmabuf->first, dmabuf->count,
			     VM_MAP, PAGE_KERNEL);

	if (!address)
		return -ENOMEM;
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void dmabuf_vunmap(struct dma_buf *buf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static void dmabuf_release(struct dma_buf *buf)
{
	struct vgpu_dmabuf *dmabuf = buf->priv;
	struct vgpu_buffers *buffers = dmabuf->buffers;

	scoped_guard(mutex, buffers->lock) {
		dmabuf->buffer->dmabufs--;
		buffers->live--;
		collect(buffers);
	}
	vgpu_pages_put(dmabuf->vram);
	kfree(dmabuf);
	vfio_put_device(buffers->vdev);
}

static const struct dma_buf_ops vgpu_dmabuf_ops = {
	.map_dma_buf = map_dma_buf,
	.unmap_dma_buf = unmap_dma_buf,
	.begin_cpu_access = begin_cpu_access,
	.end_cpu_access = end_cpu_access,
	.mmap = dmabuf_mmap,
	.vmap = dmabuf_vmap,
	.vunmap = dmabuf_vunmap,
	.release = dmabuf_release,
};

/* The dma-buf; its maps are the device's, so that all can be undone at once. */
static struct dma_buf *make_dmabuf(struct vgpu_buffers *buffers,
				   struct vgpu_pages *vram,
				   struct vgpu_buffer *buffer)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct vgpu_dmabuf *dmabuf = kzalloc(sizeof(*dmabuf), GFP_KERNEL);
	struct dma_buf *buf;

	if (!dmabuf)
		return ERR_PTR(-ENOMEM);
	dmabuf->buffers = buffers;
	dmabuf->buffer = buffer;
	dmabuf->vram = vram;
	dmabuf->first = buffer->plane.offset >> PAGE_SHIFT;
	dmabuf->count = DIV_ROUND_UP(buffer->plane.size, PAGE_SIZE);
	dmabuf->refuse_mmap = buffers->faults->refuse_mmap;
	info.ops = &vgpu_dmabuf_ops;
	info.size = (size_t)dmabuf->count << PAGE_SHIFT;
	info.flags = O_RDWR;
	info.priv = dmabuf;
	buf = dma_buf_export(&info);
	if (IS_ERR(buf)) {
		kfree(dmabuf);
		return buf;
	}
	buf->file->f_mapping = buffers->vdev->inode->i_mapping;
	get_device(&buffers->vdev->device);
	vgpu_pages_get(vram);
	buffer->dmabufs++;
	buffer->queried = false;
	buffers->live++;
	return buf;
}

/* The caller gives it back without the lock: that takes it. */
struct dma_buf *vgpu_buffer_export(struct vgpu_buffers *buffers,
				   struct vgpu_pages *vram, u32 id)
{
	struct vgpu_buffer *buffer = find_id(buffers, id);

	lockdep_assert_held(buffers->lock);
	return buffer ? make_dmabuf(buffers, vram, buffer) : ERR_PTR(-EINVAL);
}

void vgpu_buffers_unmap(struct vgpu_buffers *buffers)
{
	unmap_mapping_range(buffers->vdev->inode->i_mapping,
			    (loff_t)VGPU_DMABUF_SPACE << VGPU_REGION_SHIFT,
			    1ull << VGPU_REGION_SHIFT, 1);
}

void vgpu_buffers_init(struct vgpu_buffers *buffers)
{
	INIT_LIST_HEAD(&buffers->list);
}
