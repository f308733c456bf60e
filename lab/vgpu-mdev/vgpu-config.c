// SPDX-License-Identifier: GPL-2.0
/*
 * PCI configuration space: bytes, and which of their bits can be written.
 */
#include <linux/pci.h>
#include <linux/unaligned.h>

#include "vgpu.h"

/* A BAR's address bits below its size read as 0, which tells the size. */
static void init_bar(struct vgpu *vgpu, int bar, u32 size, u32 flags)
{
	int reg = PCI_BASE_ADDRESS_0 + 4 * bar;

	put_unaligned_le32(flags, &vgpu->config[reg]);
	put_unaligned_le32(~(size - 1), &vgpu->config_writable[reg]);
}

void vgpu_config_reset(struct vgpu *vgpu)
{
	u8 *config = vgpu->config, *writable = vgpu->config_writable;

	memset(config, 0, sizeof(vgpu->config));
	memset(writable, 0, sizeof(vgpu->config_writable));
	put_unaligned_le16(VGPU_SW_PCI_VENDOR, &config[PCI_VENDOR_ID]);
	put_unaligned_le16(VGPU_SW_PCI_DEVICE, &config[PCI_DEVICE_ID]);
	put_unaligned_le16(VGPU_SW_PCI_VENDOR, &config[PCI_SUBSYSTEM_VENDOR_ID]);
	put_unaligned_le16(VGPU_SW_PCI_DEVICE, &config[PCI_SUBSYSTEM_ID]);
	put_unaligned_le16(PCI_CLASS_DISPLAY_OTHER, &config[PCI_CLASS_DEVICE]);
	config[PCI_CLASS_REVISION] = 1;
	put_unaligned_le16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
			   &writable[PCI_COMMAND]);
	writable[PCI_INTERRUPT_LINE] = 0xff;
	init_bar(vgpu, VGPU_SW_BAR_REGS, VGPU_SW_BAR_REGS_SIZE,
		 PCI_BASE_ADDRESS_SPACE_MEMORY);
	init_bar(vgpu, VGPU_SW_BAR_VRAM, vgpu_vram_size(vgpu),
		 PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH);
}

void vgpu_config_write(struct vgpu *vgpu, u32 offset, const u8 *val, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++) {
		u8 mask = vgpu->config_writable[offset + i];

		vgpu->config[offset + i] &= ~mask;
		vgpu->config[offset + i] |= val[i] & mask;
	}
}
