// SPDX-License-Identifier: GPL-2.0
/*
 * The registers, as hw/display/vgpu-sw.h names them, that belong to no other
 * part. Those of the software vGPU that make faults are not there: here they
 * are made in debugfs.
 */
#include <linux/string.h>
#include <linux/wordpart.h>

#include "vgpu-regs.h"

#define PLANES_END	(VGPU_SW_PLANE + VGPU_SHOWN_REGS * 4)

static u32 *plane_reg(u32 *regs, u32 plane, u32 reg)
{
	return &regs[plane * VGPU_PLANE_REGS + (reg - VGPU_SW_PLANE) / 4];
}

/* The registers that read as they were written, or NULL. */
static u32 *plain_reg(struct vgpu_regs *regs, u32 offset)
{
	if (offset >= VGPU_SW_PLANE && offset < PLANES_END)
		return &regs->pending[(offset - VGPU_SW_PLANE) / 4];
	if (offset >= VGPU_SW_DAMAGE_X && offset <= VGPU_SW_DAMAGE_HEIGHT)
		return &regs->damage_rect[(offset - VGPU_SW_DAMAGE_X) / 4];
	return NULL;
}

u32 vgpu_regs_read(struct vgpu_regs *regs, u32 offset)
{
	u32 *plain = plain_reg(regs, offset);

	if (plain)
		return *plain;
	switch (offset) {
	case VGPU_SW_MAGIC:
		return VGPU_SW_MAGIC_VALUE;
	case VGPU_SW_COMMIT:
		return regs->commits;
	case VGPU_SW_FLIP:
		return regs->flips;
	case VGPU_SW_QUERIES:
		return regs->queries;
	case VGPU_SW_GETS:
		return regs->gets;
	case VGPU_SW_OPENS:
		return regs->opens;
	case VGPU_SW_READS:
		return regs->reads;
	case VGPU_SW_DAMAGE_REPORTED:
		return regs->damage_reported;
	default:
		return 0;
	}
}

static bool plane_changed(const struct vgpu_regs *regs, u32 plane)
{
	size_t first = plane * VGPU_PLANE_REGS;

	return memcmp(regs->shown + first, regs->pending + first,
		      VGPU_PLANE_REGS * sizeof(u32));
}

/*
 * A commit that changes no register says that what is shown was drawn into,
 * which may be any plane.
 */
static u32 commit(struct vgpu_regs *regs)
{
	bool primary = plane_changed(regs, VGPU_SW_PRIMARY);
	bool cursor = plane_changed(regs, VGPU_SW_CURSOR);
	bool others = false;
	u32 i;

	for (i = 0; i < VGPU_SW_OVERLAYS; i++)
		others |= plane_changed(regs, VGPU_SW_OVERLAY(i));
	memcpy(regs->shown, regs->pending, sizeof(regs->shown));
	regs->commits++;
	return (primary ? VGPU_CHANGED_FRAME | VGPU_CHANGED_ALL : 0) |
		(cursor ? VGPU_CHANGED_CURSOR : 0) |
		(primary || others || !cursor ? VGPU_CHANGED_PRIMARY : 0);
}

static void set_offset(u32 *regs, u64 offset)
{
	*plane_reg(regs, VGPU_SW_PRIMARY, VGPU_SW_OFFSET_LO) =
		lower_32_bits(offset);
	*plane_reg(regs, VGPU_SW_PRIMARY, VGPU_SW_OFFSET_HI) =
		upper_32_bits(offset);
}

u32 vgpu_regs_write(struct vgpu_regs *regs, u32 offset, u32 val)
{
	u32 *plain = plain_reg(regs, offset);

	if (plain) {
		*plain = val;
		return 0;
	}
	switch (offset) {
	case VGPU_SW_COMMIT:
		return commit(regs);
	case VGPU_SW_FLIP:
		set_offset(regs->shown, (u64)val * 4096);
		set_offset(regs->pending, (u64)val * 4096);
		regs->flips++;
		return VGPU_CHANGED_FRAME | VGPU_CHANGED_ALL |
			VGPU_CHANGED_PRIMARY;
	case VGPU_SW_DAMAGE_ADD:
		return VGPU_CHANGED_RECT | VGPU_CHANGED_PRIMARY;
	case VGPU_SW_DAMAGE_REPORTED:
		if (regs->damage_reported == (val & 1))
			return 0;
		/* What was drawn before is known to nobody. */
		regs->damage_reported = val & 1;
		return VGPU_CHANGED_ALL | VGPU_CHANGED_PRIMARY;
	default:
		return 0;
	}
}
