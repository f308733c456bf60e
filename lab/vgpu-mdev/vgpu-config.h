/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PCI configuration space, accessed by bytes
 */
#ifndef VGPU_CONFIG_H
#define VGPU_CONFIG_H

#include <linux/pci_regs.h>
#include <linux/types.h>

struct vgpu_config {
	u8 bytes[PCI_CFG_SPACE_SIZE];
	u8 writable[PCI_CFG_SPACE_SIZE];
};

void vgpu_config_reset(struct vgpu_config *config, u32 vram_size);
void vgpu_config_write(struct vgpu_config *config, u32 offset, const u8 *val,
		       u32 len);

#endif /* VGPU_CONFIG_H */
