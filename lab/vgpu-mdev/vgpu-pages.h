/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory in pages
 */
#ifndef VGPU_PAGES_H
#define VGPU_PAGES_H

#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/types.h>

/* Pages that outlive the device for as long as dma-bufs are made of them. */
struct vgpu_pages {
	struct kref ref;
	unsigned long count;
	struct page *page[] __counted_by(count);
};

struct vgpu_pages *vgpu_pages_new(u64 bytes);
void vgpu_pages_get(struct vgpu_pages *pages);
void vgpu_pages_put(struct vgpu_pages *pages);
void *vgpu_pages_at(struct vgpu_pages *pages, u64 offset);
void vgpu_pages_copy(struct vgpu_pages *to, u64 to_offset,
		     struct vgpu_pages *from, u64 from_offset, size_t len);
bool vgpu_pages_differ(struct vgpu_pages *a, u64 a_offset,
		       struct vgpu_pages *b, u64 b_offset, u64 len);
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

#endif /* VGPU_PAGES_H */
