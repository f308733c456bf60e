// SPDX-License-Identifier: GPL-2.0
/*
 * The framebuffer region with a metadata page (hw/vfio/vfio-gfx-ext.h)
 *
 * On request a work item copies the primary plane and the cursor into the
 * region and says what changed: what the guest reported or, if it reports
 * nothing, the rows that differ from those copied before. The device's lock is
 * held throughout, so that no page flip comes in between.
 *
 * The page is mapped by user space, which may write anything there. It is
 * written here and never read.
 */
#include <drm/drm_fourcc.h>
#include <linux/string.h>

#include "vgpu-metadata.h"

/* Rows that are compared, and reported, together. */
#define BAND_ROWS	8

static u64 pixel_bytes(const struct vgpu_settings *settings)
{
	return PAGE_ALIGN((u64)settings->max_xres * settings->max_yres * 4);
}

/* Behind the pixels comes the cursor, then the page. */
static u64 page_offset_of_meta(const struct vgpu_settings *settings)
{
	return pixel_bytes(settings) + VGPU_CURSOR_BYTES;
}

/* With the doorbell's page, behind which there is no memory. */
u64 vgpu_meta_region_size(const struct vgpu_settings *settings)
{
	return settings->metadata ?
		page_offset_of_meta(settings) + VFIO_GFX_META_FROM_END : 0;
}

static struct vfio_gfx_meta *meta_page(struct vgpu_metadata *meta)
{
	return vgpu_pages_at(meta->pages, page_offset_of_meta(meta->settings));
}

/* Damage */

void vgpu_meta_damage(struct vgpu_metadata *meta,
		      const struct vfio_gfx_meta_rect *rect)
{
	struct vgpu_damage *damage = &meta->damage;

	lockdep_assert_held(meta->lock);
	if (!rect || damage->count == VFIO_GFX_META_MAX_DAMAGE)
		damage->all = true;
	else if (rect->width && rect->height)
		damage->rect[damage->count++] = *rect;
}

/* False: nothing of it is on the screen. */
static bool clip(struct vfio_gfx_meta_rect *rect,
		 const struct vgpu_plane *plane)
{
	if (rect->x >= plane->width || rect->y >= plane->height)
		return false;
	rect->width = min(rect->width, plane->width - rect->x);
	rect->height = min(rect->height, plane->height - rect->y);
	return true;
}

static void clip_all(struct vgpu_damage *damage,
		     const struct vgpu_plane *plane)
{
	u32 i, kept = 0;

	for (i = 0; i < damage->count; i++)
		if (clip(&damage->rect[i], plane))
			damage->rect[kept++] = damage->rect[i];
	damage->count = kept;
}

/* Copying */

/* Bytes from the first row's start to the last one's end. */
static u64 rows_bytes(const struct vgpu_plane *plane, u32 rows)
{
	return (u64)plane->stride * (rows - 1) + plane->row_bytes;
}

static void add_band(struct vgpu_damage *damage,
		     const struct vgpu_plane *plane, u32 y, u32 rows)
{
	struct vfio_gfx_meta_rect *last = damage->rect + damage->count - 1;

	if (damage->count &&
	    (last->y + last->height == y ||
	     damage->count == VFIO_GFX_META_MAX_DAMAGE)) {
		last->height = y + rows - last->y;
		return;
	}
	damage->rect[damage->count++] = (struct vfio_gfx_meta_rect) {
		.y = y,
		.width = plane->width,
		.height = rows,
	};
}

static void copy_all(struct vgpu_metadata *meta, const struct vgpu_plane *plane)
{
	vgpu_pages_copy(meta->pages, 0, meta->vram, plane->offset,
			rows_bytes(plane, plane->height));
}

static void copy_differing(struct vgpu_metadata *meta,
			   const struct vgpu_plane *plane,
			   struct vgpu_damage *damage)
{
	u32 y;

	damage->count = 0;
	for (y = 0; y < plane->height; y += BAND_ROWS) {
		u32 rows = min_t(u32, BAND_ROWS, plane->height - y);
		u64 at = (u64)plane->stride * y;
		u64 len = rows_bytes(plane, rows);

		if (!vgpu_pages_differ(meta->pages, at, meta->vram,
				       plane->offset + at, len))
			continue;
		vgpu_pages_copy(meta->pages, at, meta->vram,
				plane->offset + at, len);
		add_band(damage, plane, y, rows);
	}
}

static void copy_reported(struct vgpu_metadata *meta,
			  const struct vgpu_plane *plane,
			  struct vgpu_damage *damage)
{
	u32 bytes = plane->row_bytes / plane->width, i, y;

	clip_all(damage, plane);
	for (i = 0; i < damage->count; i++) {
		const struct vfio_gfx_meta_rect *rect = &damage->rect[i];

		for (y = rect->y; y < rect->y + rect->height; y++) {
			u64 at = (u64)plane->stride * y +
				(u64)rect->x * bytes;

			vgpu_pages_copy(meta->pages, at, meta->vram,
					plane->offset + at,
					(size_t)rect->width * bytes);
		}
	}
}

/* The copy's damage ends up in meta.damage. */
static void copy_frame(struct vgpu_metadata *meta,
		       const struct vgpu_plane *plane)
{
	bool reported = meta->regs->damage_reported;

	if (!vgpu_plane_same_layout(plane, &meta->last) ||
	    (reported && meta->damage.all)) {
		meta->damage.all = true;
		copy_all(meta, plane);
	} else if (reported) {
		copy_reported(meta, plane, &meta->damage);
	} else {
		meta->damage.all = false;
		copy_differing(meta, plane, &meta->damage);
	}
	meta->last = *plane;
}

static void describe_frame(struct vgpu_metadata *meta,
			   struct vfio_gfx_meta *out)
{
	struct vgpu_damage *damage = &meta->damage;
	struct vgpu_plane plane;
	int ret = vgpu_plane_get(meta->regs, meta->settings, VGPU_SW_PRIMARY,
				 &plane);

	/* A stride so wide that the rows do not fit into the region. */
	if (!ret && plane.fourcc &&
	    rows_bytes(&plane, plane.height) > pixel_bytes(meta->settings))
		ret = -EFBIG;
	if (ret) {
		out->status = VFIO_GFX_META_ERROR;
		out->error = -ret;
		damage->all = true;
		return;
	}
	if (!plane.fourcc) {
		if (meta->last.fourcc)
			damage->all = true;
		meta->last = plane;
		return;
	}
	copy_frame(meta, &plane);
	out->fourcc = plane.fourcc;
	out->width = plane.width;
	out->height = plane.height;
	out->stride = plane.stride;
	out->size = rows_bytes(&plane, plane.height);
}

/* What changed is told once; an error's is kept for the frame after it. */
static void describe_damage(struct vgpu_metadata *meta,
			    struct vfio_gfx_meta *out)
{
	struct vgpu_damage *damage = &meta->damage;

	if (out->status == VFIO_GFX_META_ERROR)
		return;
	if (damage->all) {
		out->damage_count = VFIO_GFX_META_DAMAGE_ALL;
	} else {
		out->damage_count = damage->count;
		memcpy(out->damage, damage->rect, sizeof(out->damage));
	}
	if (out->damage_count)
		meta->frame++;
	else
		out->status = VFIO_GFX_META_UNCHANGED;
	memset(damage, 0, sizeof(*damage));
}

/* Copied row by row; the serial changes when the image does. */
static void copy_cursor(struct vgpu_metadata *meta,
			const struct vgpu_plane *plane)
{
	bool changed = !vgpu_plane_same_layout(plane, &meta->last_cursor);
	u32 y;

	for (y = 0; y < plane->height; y++) {
		u64 to = pixel_bytes(meta->settings) +
			(u64)plane->row_bytes * y;
		u64 from = plane->offset + (u64)plane->stride * y;

		if (!vgpu_pages_differ(meta->pages, to, meta->vram, from,
				       plane->row_bytes))
			continue;
		vgpu_pages_copy(meta->pages, to, meta->vram, from,
				plane->row_bytes);
		changed = true;
	}
	meta->cursor_serial += changed;
	meta->last_cursor = *plane;
}

static void describe_cursor(struct vgpu_metadata *meta,
			    struct vfio_gfx_meta_cursor *out)
{
	struct vgpu_plane plane;

	if (vgpu_plane_get(meta->regs, meta->settings, VGPU_SW_CURSOR,
			   &plane) || !plane.fourcc)
		return;
	copy_cursor(meta, &plane);
	*out = (struct vfio_gfx_meta_cursor) {
		.visible = 1,
		.x = plane.x,
		.y = plane.y,
		.hot_x = plane.hot_x,
		.hot_y = plane.hot_y,
		.fourcc = plane.fourcc,
		.width = plane.width,
		.height = plane.height,
		.stride = plane.row_bytes,
		.serial = meta->cursor_serial,
		.offset = pixel_bytes(meta->settings),
		.flags = plane.flags & VGPU_SW_PLANE_STRAIGHT ?
			VFIO_GFX_PLANE_EXT_STRAIGHT : 0,
	};
}

/* What debugfs wants reported instead of the truth. */
static void distort(const struct vgpu_faults *faults, struct vfio_gfx_meta *out)
{
	if (!out->fourcc)
		return;
	out->stride = faults->stride ?: out->stride;
	out->width = faults->width ?: out->width;
	out->height = faults->height ?: out->height;
	out->size = faults->size ?: out->size;
	out->fourcc = faults->format ?: out->fourcc;
	out->modifier = faults->modifier ?: out->modifier;
	out->damage_count = faults->damage_count ?: out->damage_count;
}

static void complete_request(struct vgpu_metadata *meta, u32 request)
{
	struct vfio_gfx_meta *page = meta_page(meta);
	struct vfio_gfx_meta out = {
		.magic = VFIO_GFX_META_MAGIC,
		.version = VFIO_GFX_META_VERSION,
		.header_size = sizeof(out),
		.modifier = DRM_FORMAT_MOD_LINEAR,
		.time_ns = ktime_get_ns(),
		.request = request,
	};

	out.generation = ++meta->generation | 1;
	WRITE_ONCE(page->generation, out.generation);
	/* Whoever sees any of what follows sees the odd generation. */
	smp_wmb();
	describe_frame(meta, &out);
	describe_damage(meta, &out);
	describe_cursor(meta, &out.cursor);
	out.frame = meta->frame;
	distort(meta->faults, &out);
	memcpy(page, &out, sizeof(out));
	/* And who sees the even one sees all of it. */
	smp_wmb();
	meta->generation = out.generation + !meta->faults->odd_generation;
	WRITE_ONCE(page->generation, meta->generation);
	meta->completed++;
	vgpu_irq_signal(meta->irq, VFIO_GFX_IRQ_PRIMARY);
}

static void work(struct work_struct *item)
{
	struct vgpu_metadata *meta = container_of(item,
						  struct vgpu_metadata, work);
	u32 request;

	guard(mutex)(meta->lock);
	request = meta->request;
	meta->request = 0;
	if (!request || !meta->pages)
		return;
	if (meta->faults->stall_requests) {
		meta->faults->stall_requests--;
		return;
	}
	complete_request(meta, request);
}

void vgpu_meta_doorbell(struct vgpu_metadata *meta, u32 request)
{
	lockdep_assert_held(meta->lock);
	meta->request = request;
	if (request)
		schedule_work(&meta->work);
}

void vgpu_meta_init(struct vgpu_metadata *meta)
{
	INIT_WORK(&meta->work, work);
}

int vgpu_meta_open(struct vgpu_metadata *meta, struct vgpu_pages *vram)
{
	lockdep_assert_held(meta->lock);
	meta->vram = vram;
	meta->generation = 0;
	meta->frame = 0;
	meta->last = (struct vgpu_plane) {};
	meta->last_cursor = (struct vgpu_plane) {};
	if (!meta->settings->metadata)
		return 0;
	meta->pages = vgpu_pages_new(vgpu_meta_region_size(meta->settings) -
				     VFIO_GFX_META_PAGE);
	return meta->pages ? 0 : -ENOMEM;
}

void vgpu_meta_close(struct vgpu_metadata *meta)
{
	struct vgpu_pages *pages;

	scoped_guard(mutex, meta->lock) {
		pages = meta->pages;
		meta->pages = NULL;
		meta->request = 0;
	}
	cancel_work_sync(&meta->work);
	vgpu_pages_put(pages);
}
