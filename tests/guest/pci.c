/*
 * PCI configuration space by ports 0xcf8/0xcfc, and ACPI slot ejection as
 * QEMU's "pc" and "q35" machines have it (docs/specs/acpi_pci_hotplug.rst).
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
#define PCI_HEADER      0x0c
#define HEADER_TYPE     0x007f0000u
#define HEADER_BRIDGE   0x00010000u
#define BRIDGE_BUSES    0x18
#define BRIDGE_MEM      0x20
#define BRIDGE_UNIT     0x100000u

/* The registers' place on each machine, which its host bridge tells. */
#define Q35_HOST        0x29c08086u
#define HOTPLUG_PC      0xae00
#define HOTPLUG_Q35     0x0cc0
#define HOTPLUG_DOWN    0x04
#define HOTPLUG_EJECT   0x08
#define HOTPLUG_BUS     0x10
#define HOTPLUG_BUSES   64

/* Above the RAM of any machine the tests use, below the firmware's BARs. */
#define FREE_WINDOW     0xc0000000u

/* A function's number is its slot's times 8, plus its own. */
static uint32_t read_function(int function, int reg)
{
    outl(PCI_ADDR, 0x80000000u | function << 8 | (reg & 0xfc));
    return inl(PCI_DATA);
}

static void write_function(int function, int reg, uint32_t val)
{
    outl(PCI_ADDR, 0x80000000u | function << 8 | (reg & 0xfc));
    outl(PCI_DATA, val);
}

uint32_t pci_read(int slot, int reg)
{
    return read_function(8 * slot, reg);
}

void pci_write(int slot, int reg, uint32_t val)
{
    write_function(8 * slot, reg, val);
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

/* The function on bus 0 that leads to another bus, or -1. */
static int find_bridge(int bus)
{
    int function;

    for (function = 0; function < 8 * 32; function++) {
        if (read_function(function, 0) != 0xffffffff &&
            (read_function(function, PCI_HEADER) & HEADER_TYPE) ==
            HEADER_BRIDGE &&
            (read_function(function, BRIDGE_BUSES) >> 8 & 0xff) ==
            (uint32_t)bus) {
            return function;
        }
    }
    return -1;
}

/*
 * An address of that size that reaches the slot. Behind a port that is what
 * the port's window covers: it begins with a device's first BAR.
 */
static uint32_t take_address_for(int slot, uint32_t size, bool first)
{
    int bridge = slot < 32 ? -1 : find_bridge(slot / 32);
    uint32_t addr, base;

    if (bridge < 0) {
        return take_address(size);
    }
    addr = take_address(size < BRIDGE_UNIT ? BRIDGE_UNIT : size);
    base = first ? addr >> 16 : read_function(bridge, BRIDGE_MEM) & 0xfff0;
    write_function(bridge, BRIDGE_MEM,
                   ((addr + size - 1) & ~(BRIDGE_UNIT - 1)) | base);
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
        addr = take_address_for(slot, *size, bar == 0);
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
    uint16_t port = pci_id(0) == Q35_HOST ? HOTPLUG_Q35 : HOTPLUG_PC;
    uint32_t bit = 1u << (slot % 32);
    int bus;

    /* The machine numbers buses in its own way; one of them waits for it. */
    for (bus = 0; bus < HOTPLUG_BUSES; bus++) {
        outl(port + HOTPLUG_BUS, bus);
        if (inl(port + HOTPLUG_DOWN) & bit) {
            outl(port + HOTPLUG_EJECT, bit);
        }
    }
}
