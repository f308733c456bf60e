/*
 * Bochs display (1234:1111), which the kernel's mbochs sample implements:
 * BAR 0 is video memory, BAR 2 holds the dispi registers at 0x500, 16 bits
 * each (docs/specs/standard-vga.rst).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "gpu.h"
#include "pci.h"

enum {
    DISPI_XRES = 1,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
};

#define ENABLE_ON       0x01
#define ENABLE_LFB      0x40
#define ENABLE_NOCLEAR  0x80

static void set(struct gpu *gpu, int index, uint16_t val)
{
    *(volatile uint16_t *)(gpu->regs + 0x500 + index * 2) = val;
}

static bool init(struct gpu *gpu)
{
    uint32_t size;

    gpu->fb = (volatile uint32_t *)pci_map_bar(gpu->slot, 0, &size);
    gpu->fb_pixels = size / 4;
    gpu->regs = pci_map_bar(gpu->slot, 2, &size);
    pci_enable(gpu->slot);
    return true;
}

static void pan(struct gpu *gpu)
{
    set(gpu, DISPI_X_OFFSET, gpu->x_offset);
    set(gpu, DISPI_Y_OFFSET, gpu->y_offset);
}

static void off(struct gpu *gpu)
{
    set(gpu, DISPI_ENABLE, 0);
}

static bool show(struct gpu *gpu)
{
    off(gpu);
    set(gpu, DISPI_XRES, gpu->width);
    set(gpu, DISPI_YRES, gpu->height);
    set(gpu, DISPI_BPP, 32);
    set(gpu, DISPI_VIRT_WIDTH, gpu->stride);
    set(gpu, DISPI_VIRT_HEIGHT, gpu->height);
    pan(gpu);
    set(gpu, DISPI_ENABLE, ENABLE_ON | ENABLE_LFB | ENABLE_NOCLEAR);
    return true;
}

const struct gpu_ops dispi_ops = {
    .name = "dispi",
    .pci_id = 0x11111234,
    .init = init,
    .show = show,
    .pan = pan,
    .off = off,
};
