/*
 * The software vGPU and the lab's own driver (1af4:10f0): BAR 0 holds the
 * registers of include/hw/display/vgpu-sw.h, BAR 2 is video memory.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "draw.h"
#include "gpu.h"
#include "hw/display/vgpu-sw.h"
#include "pci.h"
#include "plane.h"

#define FOURCC_XR24     0x34325258
#define FOURCC_AR24     0x34325241
#define FLIP_UNIT       4096

static void set(struct gpu *gpu, uint32_t reg, uint32_t val)
{
    *(volatile uint32_t *)(gpu->regs + reg) = val;
}

static uint32_t get(struct gpu *gpu, uint32_t reg)
{
    return *(volatile uint32_t *)(gpu->regs + reg);
}

static uint32_t start(struct gpu *gpu)
{
    return 4 * (gpu->y_offset * gpu->stride + gpu->x_offset);
}

static bool init(struct gpu *gpu)
{
    uint32_t size;

    gpu->regs = pci_map_bar(gpu->slot, VGPU_SW_BAR_REGS, &size);
    gpu->fb = (volatile uint32_t *)pci_map_bar(gpu->slot, VGPU_SW_BAR_VRAM,
                                               &size);
    gpu->fb_pixels = size / 4;
    pci_enable(gpu->slot);
    return get(gpu, VGPU_SW_MAGIC) == VGPU_SW_MAGIC_VALUE;
}

static bool show(struct gpu *gpu)
{
    set(gpu, VGPU_SW_WIDTH, gpu->width);
    set(gpu, VGPU_SW_HEIGHT, gpu->height);
    set(gpu, VGPU_SW_STRIDE, 4 * gpu->stride);
    set(gpu, VGPU_SW_FOURCC, FOURCC_XR24);
    set(gpu, VGPU_SW_MODIFIER_LO, 0);
    set(gpu, VGPU_SW_MODIFIER_HI, 0);
    set(gpu, VGPU_SW_OFFSET_LO, start(gpu));
    set(gpu, VGPU_SW_OFFSET_HI, 0);
    set(gpu, VGPU_SW_ID, 0);
    set(gpu, VGPU_SW_ENABLE, 1);
    set(gpu, VGPU_SW_COMMIT, 1);
    return true;
}

/* One register, where the page allows it. */
static void pan(struct gpu *gpu)
{
    if (start(gpu) % FLIP_UNIT) {
        show(gpu);
    } else {
        set(gpu, VGPU_SW_FLIP, start(gpu) / FLIP_UNIT);
    }
}

static void off(struct gpu *gpu)
{
    set(gpu, VGPU_SW_ENABLE, 0);
    set(gpu, VGPU_SW_COMMIT, 1);
}

static void report(struct gpu *gpu, bool on)
{
    set(gpu, VGPU_SW_DAMAGE_REPORTED, on);
}

static void damage(struct gpu *gpu, const struct rect *rect)
{
    set(gpu, VGPU_SW_DAMAGE_X, rect->x);
    set(gpu, VGPU_SW_DAMAGE_Y, rect->y);
    set(gpu, VGPU_SW_DAMAGE_WIDTH, rect->width);
    set(gpu, VGPU_SW_DAMAGE_HEIGHT, rect->height);
    set(gpu, VGPU_SW_DAMAGE_ADD, 1);
}

static void plane(struct gpu *gpu, const struct plane *plane)
{
#define REG(name) VGPU_SW_PLANE_REG(plane->index, VGPU_SW_##name)
    set(gpu, REG(WIDTH), plane->width);
    set(gpu, REG(HEIGHT), plane->height);
    set(gpu, REG(STRIDE), 4 * plane->width);
    set(gpu, REG(FOURCC), plane->alpha ? FOURCC_AR24 : FOURCC_XR24);
    set(gpu, REG(OFFSET_LO), plane->offset);
    set(gpu, REG(X), plane->x);
    set(gpu, REG(Y), plane->y);
    set(gpu, REG(ENABLE), plane->on);
    set(gpu, VGPU_SW_COMMIT, 1);
#undef REG
}

const struct gpu_ops vgpu_ops = {
    .name = "vgpu",
    .pci_id = VGPU_SW_PCI_DEVICE << 16 | VGPU_SW_PCI_VENDOR,
    .init = init,
    .show = show,
    .pan = pan,
    .off = off,
    .report = report,
    .damage = damage,
    .plane = plane,
};
