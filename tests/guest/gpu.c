/*
 * The list of display devices, and the checks common to all of them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "gpu.h"
#include "pci.h"
#include "string.h"

static const struct gpu_ops *const all_ops[] = {
    &dispi_ops, &mdpy_ops, &vgpu_ops,
};

static struct gpu gpus[GPU_MAX];
static int n_gpus;

static void try_slot(int slot)
{
    uint32_t id = pci_id(slot);
    struct gpu *gpu = &gpus[n_gpus];
    unsigned i;

    for (i = 0; i < sizeof(all_ops) / sizeof(all_ops[0]); i++) {
        if (id == all_ops[i]->pci_id && n_gpus < GPU_MAX) {
            memset(gpu, 0, sizeof(*gpu));
            gpu->ops = all_ops[i];
            gpu->slot = slot;
            if (gpu->ops->init(gpu)) {
                n_gpus++;
            }
        }
    }
}

int gpu_scan(void)
{
    int slot;

    n_gpus = 0;
    for (slot = 0; slot < PCI_SLOTS; slot++) {
        try_slot(slot);
    }
    return n_gpus;
}

struct gpu *gpu_get(int index)
{
    return index >= 0 && index < n_gpus ? &gpus[index] : NULL;
}

uint32_t gpu_pages(const struct gpu *gpu)
{
    uint32_t page = gpu->stride * gpu->height;

    return page ? gpu->fb_pixels / page : 0;
}

bool gpu_set_mode(struct gpu *gpu, uint32_t width, uint32_t height,
                  uint32_t stride)
{
    if (!width || width > 16384 || !height || height > 16384 ||
        stride < width || stride > 16384 ||
        stride * height > gpu->fb_pixels) {
        return false;
    }
    gpu->width = width;
    gpu->height = height;
    gpu->stride = stride;
    gpu->x_offset = 0;
    gpu->y_offset = 0;
    return gpu->ops->show(gpu);
}

bool gpu_pan(struct gpu *gpu, uint32_t x, uint32_t y)
{
    if (!gpu->ops->pan) {
        return false;
    }
    gpu->x_offset = x;
    gpu->y_offset = y;
    gpu->ops->pan(gpu);
    return true;
}

bool gpu_report(struct gpu *gpu, bool on)
{
    if (!gpu->ops->report) {
        return false;
    }
    gpu->ops->report(gpu, on);
    gpu->reports = on;
    return true;
}

void gpu_damage(struct gpu *gpu, const struct rect *rect)
{
    if (gpu->reports) {
        gpu->ops->damage(gpu, rect);
    }
}
