/*
 * PCI configuration space. A slot's number is that of its bus times 32, plus
 * that of the device on it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_PCI_H
#define GUEST_PCI_H

#include <stdint.h>

/* Firmware numbers the buses from 0 on: this is one for each root port. */
#define PCI_SLOTS   (32 * 32)

uint32_t pci_read(int slot, int reg);
void pci_write(int slot, int reg, uint32_t val);

/* Vendor in the low half, device in the high one; 0xffffffff: empty slot. */
uint32_t pci_id(int slot);

/*
 * Address of a 32-bit memory BAR, its size in *@size. A BAR without an
 * address (the device was plugged in after the firmware ran) is given one;
 * begin with a device's first BAR.
 */
uint32_t pci_map_bar(int slot, int bar, uint32_t *size);

/* Memory decoding on. */
void pci_enable(int slot);

/* What an operating system does when the machine asks to take a slot out. */
void pci_eject(int slot);

#endif /* GUEST_PCI_H */
