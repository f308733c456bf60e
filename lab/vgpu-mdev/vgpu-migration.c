// SPDX-License-Identifier: GPL-2.0
/*
 * Migration (VFIO_DEVICE_FEATURE_MIGRATION), while the machine is stopped
 *
 * The stream is a struct vgpu_image, the numbers of those pages of video
 * memory that are not all zeros, and those pages. What comes in was written by
 * anybody: it is checked before it is used, and the registers say nothing that
 * a guest could not have written.
 *
 * The device does no DMA. It answers that it tracks what it dirties, since
 * that is nothing, and knows the states in which peers do none.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vgpu.h"

#define IMAGE_MAGIC	0x4d495056	/* "VPIM" */
#define IMAGE_VERSION	1

struct vgpu_image {
	__le32 magic;
	__le32 version;
	__le64 vram_size;
	__le32 pages;
	__le32 damage_reported;
	__le32 commits;
	__le32 flips;
	__le32 damage_rect[4];
	__le32 pending[VGPU_SHOWN_REGS];
	__le32 shown[VGPU_SHOWN_REGS];
};

static_assert(sizeof(struct vgpu_image) == 48 + 8 * VGPU_SHOWN_REGS);

/* All of it under migration.lock, but for the file's end. */
struct vgpu_stream {
	struct vgpu *vgpu;
	struct vgpu_pages *vram;
	struct file *file;	/* held as long as the device's state lasts */
	struct vgpu_image image;
	__le32 *index;		/* image.pages of them */
	u64 pos;
	bool ended;
};

/* Where things are in the stream */

static u64 index_bytes(const struct vgpu_stream *stream)
{
	return (u64)le32_to_cpu(stream->image.pages) * sizeof(__le32);
}

static u64 head_bytes(const struct vgpu_stream *stream)
{
	return sizeof(stream->image) + index_bytes(stream);
}

static u64 stream_bytes(const struct vgpu_stream *stream)
{
	return head_bytes(stream) +
		(u64)le32_to_cpu(stream->image.pages) * PAGE_SIZE;
}

/* What is at the stream's position, and how much of it in one piece. */
static void *stream_at(struct vgpu_stream *stream, size_t *len)
{
	u64 pos = stream->pos, head = head_bytes(stream);
	u32 page;

	if (pos < sizeof(stream->image)) {
		*len = min(*len, sizeof(stream->image) - pos);
		return (u8 *)&stream->image + pos;
	}
	if (pos < head) {
		*len = min(*len, head - pos);
		return (u8 *)stream->index + pos - sizeof(stream->image);
	}
	pos -= head;
	page = le32_to_cpu(stream->index[pos >> PAGE_SHIFT]);
	*len = min(*len, PAGE_SIZE - offset_in_page(pos));
	return vgpu_pages_at(stream->vram,
			     ((u64)page << PAGE_SHIFT) + offset_in_page(pos));
}

/* Saving */

static void fill_image(struct vgpu *vgpu, struct vgpu_image *image)
{
	const struct vgpu_regs *regs = &vgpu->regs;
	u32 i;

	image->magic = cpu_to_le32(IMAGE_MAGIC);
	image->version = cpu_to_le32(IMAGE_VERSION);
	image->vram_size = cpu_to_le64(vgpu_vram_size(vgpu));
	image->damage_reported = cpu_to_le32(regs->damage_reported);
	image->commits = cpu_to_le32(regs->commits);
	image->flips = cpu_to_le32(regs->flips);
	for (i = 0; i < ARRAY_SIZE(regs->damage_rect); i++)
		image->damage_rect[i] = cpu_to_le32(regs->damage_rect[i]);
	for (i = 0; i < VGPU_SHOWN_REGS; i++) {
		image->pending[i] = cpu_to_le32(regs->pending[i]);
		image->shown[i] = cpu_to_le32(regs->shown[i]);
	}
}

static bool page_used(struct vgpu_pages *vram, u64 page)
{
	return memchr_inv(vgpu_pages_at(vram, page << PAGE_SHIFT), 0,
			  PAGE_SIZE);
}

static void list_pages(struct vgpu_stream *stream)
{
	u32 i, n = 0;

	for (i = 0; i < stream->vram->count; i++)
		if (page_used(stream->vram, i))
			stream->index[n++] = cpu_to_le32(i);
	stream->image.pages = cpu_to_le32(n);
}

static ssize_t save_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	struct vgpu_stream *stream = file->private_data;
	ssize_t done = 0;

	if (pos)
		return -ESPIPE;
	guard(mutex)(&stream->vgpu->migration.lock);
	if (stream->ended)
		return -ENODEV;
	while (len && stream->pos < stream_bytes(stream)) {
		size_t part = len;
		void *from = stream_at(stream, &part);

		if (copy_to_user(buf, from, part))
			return done ?: -EFAULT;
		buf += part;
		len -= part;
		done += part;
		stream->pos += part;
	}
	return done;
}

/* Loading */

static int check_image(struct vgpu_stream *stream)
{
	const struct vgpu_image *image = &stream->image;
	u32 pages = le32_to_cpu(image->pages);

	if (le32_to_cpu(image->magic) != IMAGE_MAGIC ||
	    le32_to_cpu(image->version) != IMAGE_VERSION ||
	    le64_to_cpu(image->vram_size) != vgpu_vram_size(stream->vgpu) ||
	    pages > stream->vram->count)
		return -EINVAL;
	return 0;
}

/* Ascending, so no page comes twice; those left out are all zeros. */
static int check_index(struct vgpu_stream *stream)
{
	u32 pages = le32_to_cpu(stream->image.pages), i, next = 0;

	for (i = 0; i < pages; i++) {
		u32 page = le32_to_cpu(stream->index[i]);

		if (page < next || page >= stream->vram->count)
			return -EINVAL;
		next = page + 1;
	}
	for (i = 0, next = 0; next < stream->vram->count; next++)
		if (i < pages && le32_to_cpu(stream->index[i]) == next)
			i++;
		else
			memset(vgpu_pages_at(stream->vram,
					     (u64)next << PAGE_SHIFT),
			       0, PAGE_SIZE);
	return 0;
}

/* What is whole is checked before anything that follows is taken. */
static int check_progress(struct vgpu_stream *stream)
{
	int ret = 0;

	if (stream->pos == sizeof(stream->image))
		ret = check_image(stream);
	if (!ret && stream->pos == head_bytes(stream))
		ret = check_index(stream);
	return ret;
}

static ssize_t load_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	struct vgpu_stream *stream = file->private_data;
	ssize_t done = 0;
	int ret;

	if (pos)
		return -ESPIPE;
	guard(mutex)(&stream->vgpu->migration.lock);
	if (stream->ended)
		return -ENODEV;
	while (len) {
		size_t part = len;
		void *to;

		if (stream->pos >= sizeof(stream->image) &&
		    stream->pos >= stream_bytes(stream))
			return done ?: -EFBIG;
		to = stream_at(stream, &part);
		if (copy_from_user(to, buf, part))
			return done ?: -EFAULT;
		buf += part;
		len -= part;
		done += part;
		stream->pos += part;
		ret = check_progress(stream);
		if (ret) {
			stream->ended = true;
			return ret;
		}
	}
	return done;
}

static int apply(struct vgpu_stream *stream)
{
	const struct vgpu_image *image = &stream->image;
	struct vgpu *vgpu = stream->vgpu;
	struct vgpu_regs *regs = &vgpu->regs;
	u32 i;

	if (stream->ended || stream->pos < sizeof(*image) ||
	    stream->pos != stream_bytes(stream))
		return -EINVAL;
	guard(mutex)(&vgpu->lock);
	vgpu_regs_reset(vgpu);
	for (i = 0; i < ARRAY_SIZE(regs->damage_rect); i++)
		regs->damage_rect[i] = le32_to_cpu(image->damage_rect[i]);
	for (i = 0; i < VGPU_SHOWN_REGS; i++) {
		regs->pending[i] = le32_to_cpu(image->pending[i]);
		regs->shown[i] = le32_to_cpu(image->shown[i]);
	}
	regs->commits = le32_to_cpu(image->commits);
	regs->flips = le32_to_cpu(image->flips);
	regs->damage_reported = le32_to_cpu(image->damage_reported) & 1;
	vgpu_frame_moved(vgpu);
	vgpu_irq_update_vblank(vgpu);
	return 0;
}

/* Streams */

static int stream_release(struct inode *inode, struct file *file)
{
	struct vgpu_stream *stream = file->private_data;
	struct vgpu *vgpu = stream->vgpu;

	vgpu_pages_put(stream->vram);
	kvfree(stream->index);
	kfree(stream);
	vfio_put_device(&vgpu->vdev);
	return 0;
}

static const struct file_operations save_fops = {
	.owner = THIS_MODULE,
	.read = save_read,
	.release = stream_release,
};

static const struct file_operations load_fops = {
	.owner = THIS_MODULE,
	.write = load_write,
	.release = stream_release,
};

static struct vgpu_stream *new_stream(struct vgpu *vgpu)
{
	struct vgpu_stream *stream = kzalloc(sizeof(*stream), GFP_KERNEL);

	if (!stream)
		return NULL;
	stream->index = kvcalloc(vgpu->vram->count, sizeof(__le32), GFP_KERNEL);
	if (!stream->index) {
		kfree(stream);
		return NULL;
	}
	stream->vgpu = vgpu;
	stream->vram = vgpu->vram;
	return stream;
}

/*
 * Once there is a file its release frees the stream. What was loaded counts
 * when the state is left, and the user may have closed the file by then.
 */
static struct file *open_stream(struct vgpu *vgpu, bool save)
{
	struct vgpu_stream *stream = new_stream(vgpu);
	struct file *file;

	if (!stream)
		return ERR_PTR(-ENOMEM);
	file = anon_inode_getfile("vgpu-migration",
				  save ? &save_fops : &load_fops, stream,
				  save ? O_RDONLY : O_WRONLY);
	if (IS_ERR(file)) {
		kvfree(stream->index);
		kfree(stream);
		return file;
	}
	stream_open(file_inode(file), file);
	get_device(&vgpu->vdev.device);
	vgpu_pages_get(stream->vram);
	stream->file = get_file(file);
	vgpu->migration.stream = stream;
	if (save) {
		scoped_guard(mutex, &vgpu->lock)
			fill_image(vgpu, &stream->image);
		list_pages(stream);
	}
	return file;
}

static void end_stream(struct vgpu *vgpu)
{
	struct vgpu_stream *stream = vgpu->migration.stream;

	if (!stream)
		return;
	stream->ended = true;
	vgpu->migration.stream = NULL;
	fput(stream->file);
}

static int finish_loading(struct vgpu *vgpu)
{
	struct vgpu_stream *stream = vgpu->migration.stream;
	int ret = stream ? apply(stream) : -EINVAL;

	end_stream(vgpu);
	return ret;
}

/* States: one arc of the core's state machine at a time */

static struct file *step(struct vgpu *vgpu, enum vfio_device_mig_state to)
{
	enum vfio_device_mig_state from = vgpu->migration.state;

	if (from == VFIO_DEVICE_STATE_STOP && to == VFIO_DEVICE_STATE_STOP_COPY)
		return open_stream(vgpu, true);
	if (from == VFIO_DEVICE_STATE_STOP && to == VFIO_DEVICE_STATE_RESUMING)
		return open_stream(vgpu, false);
	if (from == VFIO_DEVICE_STATE_STOP_COPY)
		end_stream(vgpu);
	if (from == VFIO_DEVICE_STATE_RESUMING)
		return ERR_PTR(finish_loading(vgpu));
	/* A device that does nothing on its own has nothing to stop. */
	return NULL;
}

static struct file *set_state(struct vfio_device *vdev,
			      enum vfio_device_mig_state wanted)
{
	struct vgpu *vgpu = to_vgpu(vdev);
	struct vgpu_migration *migration = &vgpu->migration;
	struct file *file = NULL;

	guard(mutex)(&migration->lock);
	while (migration->state != wanted) {
		enum vfio_device_mig_state next;
		int ret = vfio_mig_get_next_state(vdev, migration->state,
						  wanted, &next);

		if (ret)
			return ERR_PTR(ret);
		file = step(vgpu, next);
		if (IS_ERR(file))
			return file;
		migration->state = next;
	}
	return file;
}

static int get_state(struct vfio_device *vdev, enum vfio_device_mig_state *state)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	guard(mutex)(&vgpu->migration.lock);
	*state = vgpu->migration.state;
	return 0;
}

/* As of now: the guest may draw on until it is stopped. */
static int get_data_size(struct vfio_device *vdev, unsigned long *bytes)
{
	struct vgpu_pages *vram = to_vgpu(vdev)->vram;
	u64 i;

	*bytes = sizeof(struct vgpu_image);
	for (i = 0; i < vram->count; i++)
		if (page_used(vram, i))
			*bytes += sizeof(__le32) + PAGE_SIZE;
	return 0;
}

const struct vfio_migration_ops vgpu_migration_ops = {
	.migration_set_state = set_state,
	.migration_get_state = get_state,
	.migration_get_data_size = get_data_size,
};

void vgpu_migration_reset(struct vgpu *vgpu)
{
	guard(mutex)(&vgpu->migration.lock);
	end_stream(vgpu);
	vgpu->migration.state = VFIO_DEVICE_STATE_RUNNING;
	vgpu->migration.logging = false;
}

/* Dirty tracking of DMA that there is none of */

static int log_start(struct vfio_device *vdev, struct rb_root_cached *ranges,
		     u32 nodes, u64 *page_size)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	guard(mutex)(&vgpu->migration.lock);
	if (vgpu->migration.logging)
		return -EBUSY;
	vgpu->migration.logging = true;
	return 0;
}

static int log_stop(struct vfio_device *vdev)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	guard(mutex)(&vgpu->migration.lock);
	vgpu->migration.logging = false;
	return 0;
}

static int log_read_and_clear(struct vfio_device *vdev, unsigned long iova,
			      unsigned long length, struct iova_bitmap *dirty)
{
	struct vgpu *vgpu = to_vgpu(vdev);

	guard(mutex)(&vgpu->migration.lock);
	return vgpu->migration.logging ? 0 : -EINVAL;
}

const struct vfio_log_ops vgpu_log_ops = {
	.log_start = log_start,
	.log_stop = log_stop,
	.log_read_and_clear = log_read_and_clear,
};
