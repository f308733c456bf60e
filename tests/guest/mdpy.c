/*
 * The kernel's mdpy sample (1b36:000f): BAR 0 is the framebuffer of one
 * fixed mode, which a vendor capability at 0x40 of configuration space
 * describes.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "gpu.h"
#include "pci.h"

#define MDPY_FORMAT     0x44
#define MDPY_WIDTH      0x48
#define MDPY_HEIGHT     0x4c

#define FOURCC_XR24     0x34325258

static bool init(struct gpu *gpu)
{
    uint32_t size;

    if (pci_read(gpu->slot, MDPY_FORMAT) != FOURCC_XR24) {
        return false;
    }
    gpu->fb = (volatile uint32_t *)pci_map_bar(gpu->slot, 0, &size);
    gpu->fb_pixels = size / 4;
    gpu->width = pci_read(gpu->slot, MDPY_WIDTH);
    gpu->height = pci_read(gpu->slot, MDPY_HEIGHT);
    gpu->stride = gpu->width;
    pci_enable(gpu->slot);
    return true;
}

static bool show(struct gpu *gpu)
{
    return gpu->width == pci_read(gpu->slot, MDPY_WIDTH) &&
           gpu->height == pci_read(gpu->slot, MDPY_HEIGHT) &&
           gpu->stride == gpu->width;
}

const struct gpu_ops mdpy_ops = {
    .name = "mdpy",
    .pci_id = 0x000f1b36,
    .init = init,
    .show = show,
};
