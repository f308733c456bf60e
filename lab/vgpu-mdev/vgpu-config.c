// SPDX-License-Identifier: GPL-2.0
/*
 * PCI configuration space: bytes, and which of their bits can be written.
 */
#include <linux/pci.h>
#include <linux/unaligned.h>

#include "hw/display/vgpu-sw.h"
#include "vgpu-config.h"

/* A BAR's address bits below its size read as 0, which tells the size. */
static void init_bar(struct vgpu_config *config, int bar, u32 size, u32 flags)
{
	int reg = PCI_BASE_ADDRESS_0 + 4 * bar;

	put_unaligned_le32(flags, &config->bytes[reg]);
	put_unaligned_le32(~(size - 1), &config->writable[reg]);
}

void vgpu_config_reset(struct vgpu_config *config, u32 vram_size)
{
	u8 *bytes = config->bytes, *writable = config->writable;

	memset(config, 0, sizeof(*config));
	put_unaligned_le16(VGPU_SW_PCI_VENDOR, &bytes[PCI_VENDOR_ID]);
	put_unaligned_le16(VGPU_SW_PCI_DEVICE, &bytes[PCI_DEVICE_ID]);
	put_unaligned_le16(VGPU_SW_PCI_VENDOR, &bytes[PCI_SUBSYSTEM_VENDOR_ID]);
	put_unaligned_le16(VGPU_SW_PCI_DEVICE, &bytes[PCI_SUBSYSTEM_ID]);
	put_unaligned_le16(PCI_CLASS_DISPLAY_OTHER, &bytes[PCI_CLASS_DEVICE]);
	bytes[PCI_CLASS_REVISION] = 1;
	put_unaligned_le16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
			   &writable[PCI_COMMAND]);
	writable[PCI_INTERRUPT_LINE] = 0xff;
	init_bar(config, VGPU_SW_BAR_REGS, VGPU_SW_BAR_REGS_SIZE,
		 PCI_BASE_ADDRESS_SPACE_MEMORY);
	init_bar(config, VGPU_SW_BAR_VRAM, vram_size,
		 PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_PREFETCH);
}

void vgpu_config_write(struct vgpu_config *config, u32 offset, const u8 *val,
		       u32 len)
{
	u32 i;

	for (i = 0; i < len; i++) {
		u8 mask = config->writable[offset + i];

		config->bytes[offset + i] &= ~mask;
		config->bytes[offset + i] |= val[i] & mask;
	}
}
