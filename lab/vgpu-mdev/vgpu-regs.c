// SPDX-License-Identifier: GPL-2.0
/*
 * The registers, as hw/display/vgpu-sw.h names them. Those of the software
 * vGPU that make faults are not there: here they are made in debugfs.
 */
#include <linux/string.h>

#include "vgpu.h"

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

u32 vgpu_regs_read(struct vgpu *vgpu, u32 offset)
{
	struct vgpu_regs *regs = &vgpu->regs;
	u32 *plain = plain_reg(regs, offset);

	if (plain)
		return *plain;
	if (offset >= VGPU_SW_EDID && offset < VGPU_SW_EDID + VGPU_SW_EDID_MAX)
		return vgpu_edid_guest_read(vgpu, offset - VGPU_SW_EDID);

	switch (offset) {
	case VGPU_SW_MAGIC:
		return VGPU_SW_MAGIC_VALUE;
	case VGPU_SW_VRAM_SIZE:
		return vgpu_vram_size(vgpu);
	case VGPU_SW_KINDS:
		return vgpu_kinds(vgpu);
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
	case VGPU_SW_IRQ_SIGNALS:
		return READ_ONCE(vgpu->irq.signals);
	case VGPU_SW_LINK:
		return vgpu->edid.link_up;
	case VGPU_SW_EDID_SIZE:
		return vgpu->edid.link_up ? vgpu->edid.size : 0;
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
static void commit(struct vgpu *vgpu)
{
	struct vgpu_regs *regs = &vgpu->regs;
	bool primary = plane_changed(regs, VGPU_SW_PRIMARY);
	bool cursor = plane_changed(regs, VGPU_SW_CURSOR);
	bool others = false;
	u32 i;

	for (i = 0; i < VGPU_SW_OVERLAYS; i++)
		others |= plane_changed(regs, VGPU_SW_OVERLAY(i));
	memcpy(regs->shown, regs->pending, sizeof(regs->shown));
	regs->commits++;
	if (primary) {
		vgpu_meta_damage(vgpu, NULL);
		vgpu_frame_moved(vgpu);
	}
	vgpu_irq_update_vblank(vgpu);
	if (cursor)
		vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_CURSOR);
	if (primary || others || !cursor)
		vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_PRIMARY);
}

static void set_offset(u32 *regs, u64 offset)
{
	*plane_reg(regs, VGPU_SW_PRIMARY, VGPU_SW_OFFSET_LO) =
		lower_32_bits(offset);
	*plane_reg(regs, VGPU_SW_PRIMARY, VGPU_SW_OFFSET_HI) =
		upper_32_bits(offset);
}

static void flip(struct vgpu *vgpu, u32 page)
{
	struct vgpu_regs *regs = &vgpu->regs;

	set_offset(regs->shown, (u64)page * 4096);
	set_offset(regs->pending, (u64)page * 4096);
	regs->flips++;
	vgpu_meta_damage(vgpu, NULL);
	vgpu_frame_moved(vgpu);
	vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_PRIMARY);
}

static void add_damage(struct vgpu *vgpu)
{
	const u32 *rect = vgpu->regs.damage_rect;

	vgpu_meta_damage(vgpu, &(struct vfio_gfx_meta_rect) {
		.x = rect[0],
		.y = rect[1],
		.width = rect[2],
		.height = rect[3],
	});
	vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_PRIMARY);
}

/* What was drawn before is known to nobody. */
static void set_damage_reported(struct vgpu *vgpu, bool reported)
{
	if (reported == vgpu->regs.damage_reported)
		return;
	vgpu->regs.damage_reported = reported;
	vgpu_meta_damage(vgpu, NULL);
	vgpu_irq_update_vblank(vgpu);
	vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_PRIMARY);
}

void vgpu_regs_write(struct vgpu *vgpu, u32 offset, u32 val)
{
	u32 *plain = plain_reg(&vgpu->regs, offset);

	if (plain) {
		*plain = val;
		return;
	}
	switch (offset) {
	case VGPU_SW_COMMIT:
		commit(vgpu);
		break;
	case VGPU_SW_FLIP:
		flip(vgpu, val);
		break;
	case VGPU_SW_DAMAGE_ADD:
		add_damage(vgpu);
		break;
	case VGPU_SW_DAMAGE_REPORTED:
		set_damage_reported(vgpu, val & 1);
		break;
	}
}

void vgpu_regs_reset(struct vgpu *vgpu)
{
	memset(&vgpu->regs, 0, sizeof(vgpu->regs));
	vgpu_meta_damage(vgpu, NULL);
	vgpu_frame_moved(vgpu);
	vgpu_irq_update_vblank(vgpu);
	vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_CURSOR);
	vgpu_irq_signal(vgpu, VFIO_GFX_IRQ_PRIMARY);
}
