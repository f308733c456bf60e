/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mediated virtual GPU without hardware
 *
 * One struct vgpu is one mediated device: a PCI display with 4 KiB of
 * registers in BAR 0 and video memory in BAR 2. What the registers mean is in
 * hw/display/vgpu-sw.h, and what the host is offered beyond linux/vfio.h in
 * hw/vfio/vfio-gfx-ext.h.
 *
 * Locks, outer first:
 *
 *   migration.lock   the migration state and its stream; held while the stream
 *                    is copied from and to user space
 *   lock             all else; never held while user memory is touched, since
 *                    a page fault of a mapped region takes it
 *   irq.lock         the eventfd alone, as timers signal it
 */
#ifndef VGPU_H
#define VGPU_H

#include <linux/bits.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci_regs.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>

#include "hw/display/vgpu-sw.h"
#include "hw/vfio/vfio-gfx-ext.h"

#define VGPU_NAME		"vgpu"

#define VGPU_MAX_WIDTH		3840
#define VGPU_MAX_HEIGHT		2160
#define VGPU_CURSOR_MAX		256
#define VGPU_CURSOR_BYTES	(VGPU_CURSOR_MAX * VGPU_CURSOR_MAX * 4)

/* Regions and interrupts past those of every PCI device. */
enum {
	VGPU_REGION_FRAME = VFIO_PCI_NUM_REGIONS,	/* the primary plane */
	VGPU_REGION_META,
	VGPU_REGION_EDID,
	VGPU_NUM_REGIONS,
};

#define VGPU_IRQ_DISPLAY	VFIO_PCI_NUM_IRQS

/* Where a region, or all dma-bufs together, are in the device's file. */
#define VGPU_REGION_SHIFT	40
#define VGPU_REGION_PGOFF(index) \
	((pgoff_t)(index) << (VGPU_REGION_SHIFT - PAGE_SHIFT))
#define VGPU_DMABUF_SPACE	32

/* What a device offers; the type's defaults, and sysfs while it is closed. */
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

/* Pages that outlive the device for as long as dma-bufs are made of them. */
struct vgpu_pages {
	struct kref ref;
	unsigned long count;
	struct page *page[] __counted_by(count);
};

#define VGPU_PLANE_REGS		((VGPU_SW_PLANE_END - VGPU_SW_PLANE) / 4)
#define VGPU_SHOWN_REGS		(VGPU_SW_PLANES * VGPU_PLANE_REGS)

struct vgpu_regs {
	u32 pending[VGPU_SHOWN_REGS];
	u32 shown[VGPU_SHOWN_REGS];
	u32 commits;
	u32 flips;
	u32 queries;
	u32 gets;
	u32 opens;
	u32 reads;
	u32 damage_rect[4];
	u32 damage_reported;
};

/* A plane that is on screen, checked. */
struct vgpu_plane {
	u32 fourcc;		/* 0: the plane is off */
	u32 width;
	u32 height;
	u32 stride;
	u32 id;
	u32 hot_x;
	u32 hot_y;
	u32 zpos;
	u32 flags;		/* VGPU_SW_PLANE_* */
	u32 row_bytes;		/* of a row, less than stride */
	u64 modifier;
	u64 offset;		/* whole pages */
	u64 size;		/* bytes, not rounded */
	s32 x;
	s32 y;
};

/* Drawn into the primary plane, and not told of in a query. */
struct vgpu_drawn {
	bool all;
	u32 x1;			/* nothing: the same as x2 */
	u32 y1;
	u32 x2;
	u32 y2;
};

#define VGPU_EDID_MAX		1024

struct vgpu_edid {
	u32 size;
	bool link_up;
	u8 blob[VGPU_EDID_MAX];
};

struct vgpu_irq {
	spinlock_t lock;
	struct eventfd_ctx *eventfd;
	u64 signals;
	u32 storm;		/* signals per second */
	struct hrtimer vblank;
	struct hrtimer storm_timer;
};

struct vgpu_metadata {
	struct vgpu_pages *pages;
	struct work_struct work;
	u32 request;		/* to be worked on, 0: none */
	u32 completed;
	u32 generation;
	u64 frame;
	struct vgpu_plane last;	/* what lies in the pixels */
	struct vgpu_meta_damage {
		bool all;
		u32 count;
		struct vfio_gfx_meta_rect rect[VFIO_GFX_META_MAX_DAMAGE];
	} damage;
	struct vgpu_plane last_cursor;
	u32 cursor_serial;
};

struct vgpu_migration {
	struct mutex lock;
	enum vfio_device_mig_state state;
	struct vgpu_stream *stream;
	bool logging;
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

struct vgpu {
	struct vfio_device vdev;
	struct mutex lock;
	struct dentry *debugfs;
	struct vgpu_settings settings;
	bool open;
	u8 config[PCI_CFG_SPACE_SIZE];
	u8 config_writable[PCI_CFG_SPACE_SIZE];
	struct vgpu_pages *vram;
	struct vgpu_regs regs;
	struct vgpu_drawn drawn;
	struct list_head buffers;
	u32 live_buffers;
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

static inline u64 vgpu_vram_size(const struct vgpu *vgpu)
{
	return (u64)vgpu->settings.vram_mb << 20;
}

static inline u32 vgpu_shown(const struct vgpu *vgpu, u32 plane, u32 reg)
{
	return vgpu->regs.shown[plane * VGPU_PLANE_REGS +
				(reg - VGPU_SW_PLANE) / 4];
}

/* vgpu-main.c: what @vgpu's registers say that it offers, VGPU_SW_KIND_* */
u32 vgpu_kinds(const struct vgpu *vgpu);

/* vgpu-vfio.c */
extern const struct vfio_device_ops vgpu_vfio_ops;

/* Has every user of the region with the frame look it up anew. */
void vgpu_frame_moved(struct vgpu *vgpu);

/* vgpu-config.c: configuration space, accessed by bytes */
void vgpu_config_reset(struct vgpu *vgpu);
void vgpu_config_write(struct vgpu *vgpu, u32 offset, const u8 *val, u32 len);

/* vgpu-regs.c: BAR 0; @offset a multiple of 4, and @vgpu's lock held */
u32 vgpu_regs_read(struct vgpu *vgpu, u32 offset);
void vgpu_regs_write(struct vgpu *vgpu, u32 offset, u32 val);
void vgpu_regs_reset(struct vgpu *vgpu);

/* vgpu-plane.c */
/* What is shown. 0, or the negative errno that a query of it gives. */
int vgpu_plane_get(struct vgpu *vgpu, u32 index, struct vgpu_plane *plane);
bool vgpu_plane_same_buffer(const struct vgpu_plane *a,
			    const struct vgpu_plane *b);
long vgpu_plane_query(struct vgpu *vgpu, void __user *arg);
/* As vgpu_meta_damage(), which calls it. */
void vgpu_plane_drawn(struct vgpu *vgpu, const struct vfio_gfx_meta_rect *rect);

/* vgpu-buffer.c: ids and dma-bufs */
/* @plane's id, which it keeps while its geometry is the same; 0: no memory */
u32 vgpu_buffer_id(struct vgpu *vgpu, const struct vgpu_plane *plane);
/* A new file descriptor for the buffer of that id. */
long vgpu_buffer_export(struct vgpu *vgpu, u32 id);
/* Forgets all ids that no dma-buf holds. */
void vgpu_buffer_forget(struct vgpu *vgpu);
/* Every mapping of a dma-buf is looked up anew. */
void vgpu_buffer_unmap_all(struct vgpu *vgpu);

/* vgpu-pages.c */
struct vgpu_pages *vgpu_pages_new(u64 bytes);
void vgpu_pages_get(struct vgpu_pages *pages);
void vgpu_pages_put(struct vgpu_pages *pages);
void *vgpu_pages_at(struct vgpu_pages *pages, u64 offset);
void vgpu_pages_copy(struct vgpu_pages *to, u64 to_offset,
		     struct vgpu_pages *from, u64 from_offset, size_t len);
int vgpu_pages_read_user(struct vgpu_pages *pages, char __user *buf,
			 size_t len, u64 offset);
int vgpu_pages_write_user(struct vgpu_pages *pages, const char __user *buf,
			  size_t len, u64 offset);

/*
 * Maps what was touched, page number @first, and some of what follows. The
 * mapping must have VM_MIXEDMAP.
 */
vm_fault_t vgpu_pages_fault(struct vgpu_pages *pages, struct vm_fault *vmf,
			    u64 first);

/* vgpu-edid.c: 0 or a negative errno */
#define VGPU_EDID_REGION_SIZE	PAGE_SIZE
#define VGPU_EDID_BLOB_OFFSET	(PAGE_SIZE / 2)
int vgpu_edid_read(struct vgpu *vgpu, u32 offset, void *buf, u32 len);
int vgpu_edid_write(struct vgpu *vgpu, u32 offset, const void *buf, u32 len);
u32 vgpu_edid_guest_read(const struct vgpu *vgpu, u32 offset);
void vgpu_edid_reset(struct vgpu *vgpu);

/* vgpu-irq.c: the display interrupt */
void vgpu_irq_init(struct vgpu *vgpu);
/* Takes over the reference that it is given; NULL: none. */
void vgpu_irq_set_eventfd(struct vgpu *vgpu, struct eventfd_ctx *eventfd);
/* Any context: @amount is VFIO_GFX_IRQ_CURSOR or VFIO_GFX_IRQ_PRIMARY. */
void vgpu_irq_signal(struct vgpu *vgpu, u64 amount);
/*
 * Starts or ends the signal at each vertical blank, which stands in for a
 * guest that does not say what it draws.
 */
void vgpu_irq_update_vblank(struct vgpu *vgpu);
void vgpu_irq_set_storm(struct vgpu *vgpu, u32 signals_per_second);
void vgpu_irq_stop(struct vgpu *vgpu);
long vgpu_irq_get_info(struct vgpu *vgpu, void __user *arg);
long vgpu_irq_set(struct vgpu *vgpu, void __user *arg);

/* vgpu-metadata.c: the framebuffer region with a metadata page */
u64 vgpu_meta_region_size(const struct vgpu *vgpu);
int vgpu_meta_open(struct vgpu *vgpu);
void vgpu_meta_close(struct vgpu *vgpu);
void vgpu_meta_init(struct vgpu *vgpu);
/* The guest drew into the primary plane; NULL: anywhere. */
void vgpu_meta_damage(struct vgpu *vgpu, const struct vfio_gfx_meta_rect *rect);
void vgpu_meta_doorbell(struct vgpu *vgpu, u32 request);

/* vgpu-migration.c */
extern const struct vfio_migration_ops vgpu_migration_ops;
extern const struct vfio_log_ops vgpu_log_ops;
void vgpu_migration_reset(struct vgpu *vgpu);

/* vgpu-debugfs.c */
void vgpu_debugfs_init(void);
void vgpu_debugfs_exit(void);
void vgpu_debugfs_add(struct vgpu *vgpu);
void vgpu_debugfs_remove(struct vgpu *vgpu);

#endif /* VGPU_H */
