// SPDX-License-Identifier: GPL-2.0
/*
 * Migration (VFIO_DEVICE_FEATURE_MIGRATION)
 *
 * The stream is records of one size, each a page of video memory that the
 * other side does not have yet, and at the end one with the registers. While
 * the machine runs a page is sent as often as it is found changed; a copy of
 * what was sent tells. A page that never comes is all zeros.
 *
 * What comes in was written by anybody: it is checked before it is used, and
 * the registers say nothing that a guest could not have written.
 *
 * The device does no DMA, and knows the states in which peers do none.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vgpu-migration.h"

#define RECORD_MAGIC	0x4d495056	/* "VPIM" */
#define RECORD_VERSION	2
#define REGISTERS	U32_MAX		/* instead of a page's number */

struct vgpu_image {
	__le32 damage_reported;
	__le32 commits;
	__le32 flips;
	__le32 damage_rect[4];
	__le32 pending[VGPU_SHOWN_REGS];
	__le32 shown[VGPU_SHOWN_REGS];
};

struct vgpu_record {
	__le32 magic;
	__le32 version;
	__le32 vram_pages;	/* of all video memory */
	__le32 page;
	union {
		u8 data[PAGE_SIZE];
		struct vgpu_image image;
	};
};

#define HEAD_BYTES	offsetof(struct vgpu_record, data)

static_assert(sizeof(struct vgpu_record) == HEAD_BYTES + PAGE_SIZE);

/* All of it under migration.lock, but for the file's end. */
struct vgpu_stream {
	struct vgpu_migration *migration;
	struct vgpu_pages *vram;
	struct vgpu_pages *sent;	/* what the other side has; saving */
	struct file *file;	/* held as long as the device's state lasts */
	struct vgpu_record record;
	size_t pos;		/* in @record */
	u32 next;		/* the page to look at */
	bool initial;		/* no record, or no pass over all, is done */
	bool last;		/* @record has the registers */
	bool ended;
};

static bool is_pre_copy(enum vfio_device_mig_state state)
{
	return state == VFIO_DEVICE_STATE_PRE_COPY ||
	       state == VFIO_DEVICE_STATE_PRE_COPY_P2P;
}

static bool is_saving(enum vfio_device_mig_state state)
{
	return is_pre_copy(state) || state == VFIO_DEVICE_STATE_STOP_COPY;
}

/* Saving */

static bool page_to_send(const struct vgpu_stream *stream, u32 page)
{
	u64 at = (u64)page << PAGE_SHIFT;

	return vgpu_pages_differ(stream->vram, at, stream->sent, at, PAGE_SIZE);
}

static u64 bytes_to_send(const struct vgpu_stream *stream, u32 first, u32 end)
{
	u64 bytes = 0;

	for (; first < end; first++)
		if (page_to_send(stream, first))
			bytes += sizeof(struct vgpu_record);
	return bytes;
}

static void begin_record(struct vgpu_stream *stream, u32 page)
{
	struct vgpu_record *record = &stream->record;

	memset(record, 0, sizeof(*record));
	record->magic = cpu_to_le32(RECORD_MAGIC);
	record->version = cpu_to_le32(RECORD_VERSION);
	record->vram_pages = cpu_to_le32(stream->vram->count);
	record->page = cpu_to_le32(page);
	stream->pos = 0;
}

static void fill_image(const struct vgpu_regs *regs, struct vgpu_image *image)
{
	u32 i;

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

/* False: nothing is left, for now or for good. */
static bool next_page(struct vgpu_stream *stream)
{
	for (; stream->next < stream->vram->count; stream->next++) {
		u64 at = (u64)stream->next << PAGE_SHIFT;

		if (!page_to_send(stream, stream->next))
			continue;
		begin_record(stream, stream->next++);
		/* Sent is what was copied, whatever the guest draws now. */
		vgpu_pages_copy(stream->sent, at, stream->vram, at, PAGE_SIZE);
		memcpy(stream->record.data, vgpu_pages_at(stream->sent, at),
		       PAGE_SIZE);
		return true;
	}
	return false;
}

static bool next_record(struct vgpu_stream *stream)
{
	struct vgpu_migration *migration = stream->migration;

	if (stream->last)
		return false;
	if (next_page(stream))
		return true;
	stream->next = 0;
	stream->initial = false;
	if (is_pre_copy(migration->state))
		return false;
	begin_record(stream, REGISTERS);
	scoped_guard(mutex, migration->device_lock)
		fill_image(migration->regs, &stream->record.image);
	stream->last = true;
	return true;
}

static ssize_t save_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	struct vgpu_stream *stream = file->private_data;
	u8 *record = (u8 *)&stream->record;
	ssize_t done = 0;

	if (pos)
		return -ESPIPE;
	guard(mutex)(&stream->migration->lock);
	if (stream->ended)
		return -ENODEV;
	while (done < len) {
		size_t part;

		if (stream->pos == sizeof(stream->record) &&
		    !next_record(stream))
			break;
		part = min(len - done, sizeof(stream->record) - stream->pos);
		if (copy_to_user(buf + done, record + stream->pos, part))
			return done ?: -EFAULT;
		done += part;
		stream->pos += part;
	}
	if (!done && len && is_pre_copy(stream->migration->state))
		return -ENOMSG;
	return done;
}

/* What the first pass over all pages has not come to is initial. */
static long get_precopy_info(struct vgpu_stream *stream, void __user *arg)
{
	size_t size = offsetofend(struct vfio_precopy_info, dirty_bytes);
	struct vfio_precopy_info info;
	u32 split;

	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	guard(mutex)(&stream->migration->lock);
	if (stream->ended)
		return -ENODEV;
	if (!is_pre_copy(stream->migration->state))
		return -EINVAL;
	split = stream->initial ? stream->next : stream->vram->count;
	info.flags = 0;
	info.dirty_bytes = bytes_to_send(stream, 0, split);
	info.initial_bytes = bytes_to_send(stream, split, stream->vram->count);
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static long save_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	return get_precopy_info(file->private_data, (void __user *)arg);
}

/* Loading */

static int check_head(struct vgpu_stream *stream)
{
	const struct vgpu_record *record = &stream->record;
	u32 page = le32_to_cpu(record->page), i;

	if (le32_to_cpu(record->magic) != RECORD_MAGIC ||
	    le32_to_cpu(record->version) != RECORD_VERSION ||
	    le32_to_cpu(record->vram_pages) != stream->vram->count ||
	    (page >= stream->vram->count && page != REGISTERS))
		return -EINVAL;
	if (stream->initial)
		for (i = 0; i < stream->vram->count; i++)
			clear_page(vgpu_pages_at(stream->vram,
						 (u64)i << PAGE_SHIFT));
	stream->initial = false;
	return 0;
}

static void take_record(struct vgpu_stream *stream)
{
	u32 page = le32_to_cpu(stream->record.page);

	stream->pos = 0;
	if (page == REGISTERS)
		stream->last = true;
	else
		memcpy(vgpu_pages_at(stream->vram, (u64)page << PAGE_SHIFT),
		       stream->record.data, PAGE_SIZE);
}

/* The next bytes of a record; a head is checked before what follows it. */
static ssize_t load_part(struct vgpu_stream *stream, const char __user *buf,
			 size_t len)
{
	bool head = stream->pos < HEAD_BYTES;
	size_t end = head ? HEAD_BYTES : sizeof(stream->record);

	len = min(len, end - stream->pos);
	if (copy_from_user((u8 *)&stream->record + stream->pos, buf, len))
		return -EFAULT;
	stream->pos += len;
	if (stream->pos < end)
		return len;
	if (!head) {
		take_record(stream);
	} else if (check_head(stream)) {
		stream->ended = true;
		return -EINVAL;
	}
	return len;
}

static ssize_t load_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	struct vgpu_stream *stream = file->private_data;
	ssize_t done = 0, part;

	if (pos)
		return -ESPIPE;
	guard(mutex)(&stream->migration->lock);
	if (stream->ended)
		return -ENODEV;
	while (done < len) {
		if (stream->last)
			return done ?: -EFBIG;
		part = load_part(stream, buf + done, len - done);
		if (part < 0)
			return stream->ended ? part : done ?: part;
		done += part;
	}
	return done;
}

static int apply(struct vgpu_stream *stream)
{
	const struct vgpu_image *image = &stream->record.image;
	struct vgpu_migration *migration = stream->migration;
	struct vgpu_regs *regs = migration->regs;
	u32 i;

	if (stream->ended || !stream->last)
		return -EINVAL;
	guard(mutex)(migration->device_lock);
	memset(regs, 0, sizeof(*regs));
	for (i = 0; i < ARRAY_SIZE(regs->damage_rect); i++)
		regs->damage_rect[i] = le32_to_cpu(image->damage_rect[i]);
	for (i = 0; i < VGPU_SHOWN_REGS; i++) {
		regs->pending[i] = le32_to_cpu(image->pending[i]);
		regs->shown[i] = le32_to_cpu(image->shown[i]);
	}
	regs->commits = le32_to_cpu(image->commits);
	regs->flips = le32_to_cpu(image->flips);
	regs->damage_reported = le32_to_cpu(image->damage_reported) & 1;
	migration->loaded(migration->vdev);
	return 0;
}

/* Streams */

static void free_stream(struct vgpu_stream *stream)
{
	vgpu_pages_put(stream->sent);
	vgpu_pages_put(stream->vram);
	kvfree(stream);
}

static int stream_release(struct inode *inode, struct file *file)
{
	struct vgpu_stream *stream = file->private_data;
	struct vfio_device *vdev = stream->migration->vdev;

	free_stream(stream);
	vfio_put_device(vdev);
	return 0;
}

static const struct file_operations save_fops = {
	.owner = THIS_MODULE,
	.read = save_read,
	.unlocked_ioctl = save_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = stream_release,
};

static const struct file_operations load_fops = {
	.owner = THIS_MODULE,
	.write = load_write,
	.release = stream_release,
};

static struct vgpu_stream *new_stream(struct vgpu_migration *migration,
				      bool save)
{
	struct vgpu_stream *stream = kvzalloc(sizeof(*stream), GFP_KERNEL);

	if (!stream)
		return NULL;
	stream->migration = migration;
	stream->initial = true;
	stream->vram = migration->vram;
	vgpu_pages_get(stream->vram);
	if (!save)
		return stream;
	stream->pos = sizeof(stream->record);
	stream->sent = vgpu_pages_new((u64)stream->vram->count << PAGE_SHIFT);
	if (!stream->sent) {
		free_stream(stream);
		return NULL;
	}
	return stream;
}

/*
 * Once there is a file its release frees the stream. What was loaded counts
 * when the state is left, and the user may have closed the file by then.
 */
static struct file *open_stream(struct vgpu_migration *migration, bool save)
{
	struct vgpu_stream *stream = new_stream(migration, save);
	struct file *file;

	if (!stream)
		return ERR_PTR(-ENOMEM);
	file = anon_inode_getfile("vgpu-migration",
				  save ? &save_fops : &load_fops, stream,
				  save ? O_RDONLY : O_WRONLY);
	if (IS_ERR(file)) {
		free_stream(stream);
		return file;
	}
	stream_open(file_inode(file), file);
	get_device(&migration->vdev->device);
	stream->file = get_file(file);
	migration->stream = stream;
	return file;
}

static void end_stream(struct vgpu_migration *migration)
{
	struct vgpu_stream *stream = migration->stream;

	if (!stream)
		return;
	stream->ended = true;
	migration->stream = NULL;
	fput(stream->file);
}

static int finish_loading(struct vgpu_migration *migration)
{
	struct vgpu_stream *stream = migration->stream;
	int ret = stream ? apply(stream) : -EINVAL;

	end_stream(migration);
	return ret;
}

/* States: one arc of the core's state machine at a time */

static struct file *step(struct vgpu_migration *migration,
			 enum vfio_device_mig_state to)
{
	enum vfio_device_mig_state from = migration->state;

	if (is_saving(to) && !is_saving(from))
		return open_stream(migration, true);
	if (to == VFIO_DEVICE_STATE_RESUMING)
		return open_stream(migration, false);
	if (from == VFIO_DEVICE_STATE_RESUMING)
		return ERR_PTR(finish_loading(migration));
	if (is_saving(from) && !is_saving(to))
		end_stream(migration);
	else if (to == VFIO_DEVICE_STATE_STOP_COPY)
		migration->stream->next = 0;	/* what changed since */
	/* A device that does nothing on its own has nothing to stop. */
	return NULL;
}

struct file *vgpu_migration_set_state(struct vgpu_migration *migration,
				      enum vfio_device_mig_state wanted)
{
	struct file *file = NULL;

	guard(mutex)(&migration->lock);
	while (migration->state != wanted) {
		enum vfio_device_mig_state next;
		int ret = vfio_mig_get_next_state(migration->vdev,
						  migration->state, wanted,
						  &next);

		if (ret)
			return ERR_PTR(ret);
		file = step(migration, next);
		if (IS_ERR(file))
			return file;
		migration->state = next;
	}
	return file;
}

enum vfio_device_mig_state
vgpu_migration_get_state(struct vgpu_migration *migration)
{
	guard(mutex)(&migration->lock);
	return migration->state;
}

/* As of now: the guest may draw on until it is stopped. */
unsigned long vgpu_migration_data_size(struct vgpu_migration *migration)
{
	struct vgpu_pages *vram = migration->vram;
	unsigned long bytes = sizeof(struct vgpu_record);
	u64 i;

	guard(mutex)(&migration->lock);
	if (migration->stream && migration->stream->sent)
		return bytes + bytes_to_send(migration->stream, 0, vram->count);
	for (i = 0; i < vram->count; i++)
		if (memchr_inv(vgpu_pages_at(vram, i << PAGE_SHIFT), 0,
			       PAGE_SIZE))
			bytes += sizeof(struct vgpu_record);
	return bytes;
}

void vgpu_migration_init(struct vgpu_migration *migration)
{
	mutex_init(&migration->lock);
	migration->state = VFIO_DEVICE_STATE_RUNNING;
}

void vgpu_migration_reset(struct vgpu_migration *migration,
			  struct vgpu_pages *vram)
{
	guard(mutex)(&migration->lock);
	end_stream(migration);
	migration->vram = vram;
	migration->state = VFIO_DEVICE_STATE_RUNNING;
}
