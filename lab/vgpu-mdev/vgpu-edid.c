// SPDX-License-Identifier: GPL-2.0
/*
 * The monitor: the host writes an EDID through a region of linux/vfio.h's
 * layout, the guest reads it in registers.
 */
#include <linux/string.h>
#include <linux/unaligned.h>
#include <linux/vfio.h>

#include "vgpu-edid.h"

#define EDID_BLOCK	128

static const u8 edid_header[8] = { 0, 255, 255, 255, 255, 255, 255, 0 };

static struct vfio_region_gfx_edid edid_regs(const struct vgpu_edid *edid)
{
	return (struct vfio_region_gfx_edid) {
		.edid_offset = VGPU_EDID_BLOB_OFFSET,
		.edid_max_size = VGPU_EDID_MAX,
		.edid_size = edid->size,
		.max_xres = edid->max_xres,
		.max_yres = edid->max_yres,
		.link_state = edid->link_up ?
			VFIO_DEVICE_GFX_LINK_STATE_UP :
			VFIO_DEVICE_GFX_LINK_STATE_DOWN,
	};
}

static bool edid_valid(const struct vgpu_edid *edid)
{
	u32 block, i;

	if (!edid->size || memcmp(edid->blob, edid_header, sizeof(edid_header)))
		return false;
	for (block = 0; block < edid->size; block += EDID_BLOCK) {
		u8 sum = 0;

		for (i = 0; i < EDID_BLOCK; i++)
			sum += edid->blob[block + i];
		if (sum)
			return false;
	}
	return true;
}

static int set_link(struct vgpu_edid *edid, u32 state)
{
	switch (state) {
	case VFIO_DEVICE_GFX_LINK_STATE_UP:
		if (!edid_valid(edid))
			return -EINVAL;
		edid->link_up = true;
		return 0;
	case VFIO_DEVICE_GFX_LINK_STATE_DOWN:
		edid->link_up = false;
		return 0;
	default:
		return -EINVAL;
	}
}

/* As with a cable: while the link is up nobody changes what it carries. */
static int write_register(struct vgpu_edid *edid, u32 offset, u32 val)
{
	switch (offset) {
	case offsetof(struct vfio_region_gfx_edid, link_state):
		return set_link(edid, val);
	case offsetof(struct vfio_region_gfx_edid, edid_size):
		if (edid->link_up)
			return -EBUSY;
		if (val > VGPU_EDID_MAX || val % EDID_BLOCK)
			return -EINVAL;
		edid->size = val;
		return 0;
	default:
		return -EPERM;
	}
}

int vgpu_edid_read(const struct vgpu_edid *edid, u32 offset, void *buf,
		   u32 len)
{
	struct vfio_region_gfx_edid regs = edid_regs(edid);

	if (offset < sizeof(regs)) {
		if (len > sizeof(regs) - offset)
			return -EINVAL;
		memcpy(buf, (u8 *)&regs + offset, len);
		return 0;
	}
	if (offset < VGPU_EDID_BLOB_OFFSET ||
	    offset - VGPU_EDID_BLOB_OFFSET + len > VGPU_EDID_MAX)
		return -EINVAL;
	memcpy(buf, edid->blob + offset - VGPU_EDID_BLOB_OFFSET, len);
	return 0;
}

/* The blob is limited by the size that was written before. */
int vgpu_edid_write(struct vgpu_edid *edid, u32 offset, const void *buf,
		    u32 len)
{
	if (offset < sizeof(struct vfio_region_gfx_edid)) {
		if (len != 4 || offset % 4)
			return -EINVAL;
		return write_register(edid, offset, get_unaligned((u32 *)buf));
	}
	if (edid->link_up)
		return -EBUSY;
	if (offset < VGPU_EDID_BLOB_OFFSET ||
	    offset - VGPU_EDID_BLOB_OFFSET + len > edid->size)
		return -EINVAL;
	memcpy(edid->blob + offset - VGPU_EDID_BLOB_OFFSET, buf, len);
	return 0;
}

u32 vgpu_edid_guest_read(const struct vgpu_edid *edid, u32 offset)
{
	if (!edid->link_up || offset >= edid->size)
		return 0;
	return get_unaligned_le32(edid->blob + offset);
}

void vgpu_edid_reset(struct vgpu_edid *edid, u32 max_xres, u32 max_yres)
{
	*edid = (struct vgpu_edid) {
		.max_xres = max_xres,
		.max_yres = max_yres,
	};
}
