/*
 * PCI configuration space by ports 0xcf8/0xcfc, and ACPI slot ejection as
 * QEMU's "pc" machine has it (docs/specs/acpi_pci_hotplug.rst).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "io.h"
#include "pci.h"

#define PCI_ADDR        0xcf8
#define PCI_DATA        0xcfc
#define PCI_COMMAND     0x04
#define PCI_COMMAND_MEM 0x02
#define PCI_BAR0        0x10
#define BAR_MEM_MASK    0xfffffff0u

#define HOTPLUG_EJECT   0xae08
#define HOTPLUG_BUS     0xae10

/* Above the RAM of any machine the tests use, below the firmware's BARs. */
#define FREE_WINDOW     0xc0000000u

uint32_t pci_read(int slot, int reg)
{
    outl(PCI_ADDR, 0x80000000u | slot << 11 | (reg & 0xfc));
    return inl(PCI_DATA);
}

void pci_write(int slot, int reg, uint32_t val)
{
    outl(PCI_ADDR, 0x80000000u | slot << 11 | (reg & 0xfc));
    outl(PCI_DATA, val);
}

uint32_t pci_id(int slot)
{
    return pci_read(slot, 0);
}

static uint32_t take_address(uint32_t size)
{
    static uint32_t next = FREE_WINDOW;
    uint32_t addr = (next + size - 1) & ~(size - 1);

    next = addr + size;
    return addr;
}

uint32_t pci_map_bar(int slot, int bar, uint32_t *size)
{
    int reg = PCI_BAR0 + bar * 4;
    uint32_t command = pci_read(slot, PCI_COMMAND);
    uint32_t addr = pci_read(slot, reg) & BAR_MEM_MASK;

    /* Decoding is off while the BAR holds ones, as the PCI rules ask. */
    pci_write(slot, PCI_COMMAND, command & ~PCI_COMMAND_MEM);
    pci_write(slot, reg, 0xffffffff);
    *size = ~(pci_read(slot, reg) & BAR_MEM_MASK) + 1;
    if (!addr) {
        addr = take_address(*size);
    }
    pci_write(slot, reg, addr);
    pci_write(slot, PCI_COMMAND, command);
    return addr;
}

void pci_enable(int slot)
{
    pci_write(slot, PCI_COMMAND, pci_read(slot, PCI_COMMAND) | PCI_COMMAND_MEM);
}

void pci_eject(int slot)
{
    outl(HOTPLUG_BUS, 0);
    outl(HOTPLUG_EJECT, 1u << slot);
}
