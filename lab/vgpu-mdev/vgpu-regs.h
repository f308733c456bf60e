/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The registers that belong to no other part
 */
#ifndef VGPU_REGS_H
#define VGPU_REGS_H

#include <linux/bits.h>
#include <linux/types.h>

#include "hw/display/vgpu-sw.h"

#define VGPU_PLANE_REGS		((VGPU_SW_PLANE_END - VGPU_SW_PLANE) / 4)
#define VGPU_SHOWN_REGS		(VGPU_SW_PLANES * VGPU_PLANE_REGS)

struct vgpu_regs {
	u32 pending[VGPU_SHOWN_REGS];
	u32 shown[VGPU_SHOWN_REGS];
	u32 commits;
	u32 flips;
	u32 queries;		/* this and the next three: counted by others */
	u32 gets;
	u32 opens;
	u32 reads;
	u32 damage_rect[4];
	u32 damage_reported;
};

/* What a write did, for those whom it concerns. */
#define VGPU_CHANGED_FRAME	BIT(0)	/* the primary plane is elsewhere */
#define VGPU_CHANGED_ALL	BIT(1)	/* all of it has to be looked at */
#define VGPU_CHANGED_RECT	BIT(2)	/* damage_rect of it does */
#define VGPU_CHANGED_PRIMARY	BIT(3)	/* signal that */
#define VGPU_CHANGED_CURSOR	BIT(4)	/* signal that */

static inline u32 vgpu_shown(const struct vgpu_regs *regs, u32 plane, u32 reg)
{
	return regs->shown[plane * VGPU_PLANE_REGS + (reg - VGPU_SW_PLANE) / 4];
}

/* The plane's first byte in video memory, whatever is in it. */
static inline u64 vgpu_shown_offset(const struct vgpu_regs *regs, u32 plane)
{
	return (u64)vgpu_shown(regs, plane, VGPU_SW_OFFSET_HI) << 32 |
		vgpu_shown(regs, plane, VGPU_SW_OFFSET_LO);
}

/* BAR 0; @offset is a multiple of 4. */
u32 vgpu_regs_read(struct vgpu_regs *regs, u32 offset);
/* Returns VGPU_CHANGED_*. */
u32 vgpu_regs_write(struct vgpu_regs *regs, u32 offset, u32 val);

#endif /* VGPU_REGS_H */
