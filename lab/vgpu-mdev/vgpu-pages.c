// SPDX-License-Identifier: GPL-2.0
/*
 * Memory: zeroed pages in as large pieces as there are, so that few mappings
 * describe them, but each with a reference count of its own, so that they can
 * be mapped one by one.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "vgpu-pages.h"

/*
 * How many pages a fault maps from the one that was touched on. Who touches one
 * reads or draws a picture, and a fault costs more than a page.
 */
#define FAULT_PAGES	512

/* 2 MiB: larger ones are rare on a machine that has run for a while. */
#define PIECE_ORDER	9

static unsigned int largest_order(unsigned long pages)
{
	return min_t(unsigned int, PIECE_ORDER, ilog2(pages));
}

/* Returns how many pages it added. */
static unsigned long add_piece(struct vgpu_pages *pages, unsigned long have,
			       unsigned int order)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO;
	struct page *piece;
	unsigned long i;

	if (order)
		gfp |= __GFP_NOWARN | __GFP_NORETRY;
	piece = alloc_pages(gfp, order);
	if (!piece)
		return order ? add_piece(pages, have, order - 1) : 0;
	split_page(piece, order);
	for (i = 0; i < 1ul << order; i++)
		pages->page[have + i] = piece + i;
	return 1ul << order;
}

static void free_first(struct vgpu_pages *pages, unsigned long count)
{
	while (count)
		__free_page(pages->page[--count]);
	kvfree(pages);
}

struct vgpu_pages *vgpu_pages_new(u64 bytes)
{
	unsigned long count = DIV_ROUND_UP(bytes, PAGE_SIZE);
	unsigned long have = 0, added;
	struct vgpu_pages *pages;

	pages = kvzalloc(struct_size(pages, page, count), GFP_KERNEL);
	if (!pages)
		return NULL;
	kref_init(&pages->ref);
	pages->count = count;
	while (have < count) {
		added = add_piece(pages, have, largest_order(count - have));
		if (!added) {
			free_first(pages, have);
			return NULL;
		}
		have += added;
	}
	return pages;
}

static void release(struct kref *ref)
{
	struct vgpu_pages *pages = container_of(ref, struct vgpu_pages, ref);

	free_first(pages, pages->count);
}

void vgpu_pages_get(struct vgpu_pages *pages)
{
	kref_get(&pages->ref);
}

void vgpu_pages_put(struct vgpu_pages *pages)
{
	if (pages)
		kref_put(&pages->ref, release);
}

/* Valid up to the page's end. */
void *vgpu_pages_at(struct vgpu_pages *pages, u64 offset)
{
	return page_address(pages->page[offset >> PAGE_SHIFT]) +
	       offset_in_page(offset);
}

void vgpu_pages_copy(struct vgpu_pages *to, u64 to_offset,
		     struct vgpu_pages *from, u64 from_offset, size_t len)
{
	while (len) {
		size_t part = min3(len, PAGE_SIZE - offset_in_page(to_offset),
				   PAGE_SIZE - offset_in_page(from_offset));

		memcpy(vgpu_pages_at(to, to_offset),
		       vgpu_pages_at(from, from_offset), part);
		to_offset += part;
		from_offset += part;
		len -= part;
	}
}

/*
 * As memcmp(), which tells the order as well and on some architectures looks
 * at one byte at a time for it: this is what comparing a frame takes long or
 * short by.
 */
static bool bytes_differ(const void *a, const void *b, size_t len)
{
	const u64 *p = a, *q = b;

	for (; len >= 4 * sizeof(*p); len -= 4 * sizeof(*p), p += 4, q += 4) {
		u64 differ = get_unaligned(p) ^ get_unaligned(q);

		differ |= get_unaligned(p + 1) ^ get_unaligned(q + 1);
		differ |= get_unaligned(p + 2) ^ get_unaligned(q + 2);
		differ |= get_unaligned(p + 3) ^ get_unaligned(q + 3);
		if (differ)
			return true;
	}
	return memcmp(p, q, len);
}

bool vgpu_pages_differ(struct vgpu_pages *a, u64 a_offset,
		       struct vgpu_pages *b, u64 b_offset, u64 len)
{
	while (len) {
		u64 part = min3(len, PAGE_SIZE - offset_in_page(a_offset),
				PAGE_SIZE - offset_in_page(b_offset));

		if (bytes_differ(vgpu_pages_at(a, a_offset),
				 vgpu_pages_at(b, b_offset), part))
			return true;
		a_offset += part;
		b_offset += part;
		len -= part;
	}
	return false;
}

int vgpu_pages_read_user(struct vgpu_pages *pages, char __user *buf,
			 size_t len, u64 offset)
{
	while (len) {
		size_t part = min(len, PAGE_SIZE - offset_in_page(offset));

		if (copy_to_user(buf, vgpu_pages_at(pages, offset), part))
			return -EFAULT;
		buf += part;
		offset += part;
		len -= part;
	}
	return 0;
}

int vgpu_pages_write_user(struct vgpu_pages *pages, const char __user *buf,
			  size_t len, u64 offset)
{
	while (len) {
		size_t part = min(len, PAGE_SIZE - offset_in_page(offset));

		if (copy_from_user(vgpu_pages_at(pages, offset), buf, part))
			return -EFAULT;
		buf += part;
		offset += part;
		len -= part;
	}
	return 0;
}

vm_fault_t vgpu_pages_fault(struct vgpu_pages *pages, struct vm_fault *vmf,
			    u64 first)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long n;
	int ret;

	if (first >= pages->count)
		return VM_FAULT_SIGBUS;
	n = min3(FAULT_PAGES, pages->count - first,
		 (vma->vm_end - vmf->address) >> PAGE_SHIFT);
	ret = vm_insert_pages(vma, vmf->address, &pages->page[first], &n);
	switch (ret) {
	case 0:
	case -EBUSY:		/* up to one that was there already */
		return VM_FAULT_NOPAGE;
	case -ENOMEM:
		return VM_FAULT_OOM;
	default:
		return VM_FAULT_SIGBUS;
	}
}
