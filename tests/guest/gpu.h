/*
 * A display device: a linear 32-bit framebuffer and, where the device can,
 * modes. One file per kind of device fills in a struct gpu_ops.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_GPU_H
#define GUEST_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPU_MAX     4

struct gpu;
struct plane;
struct rect;

struct gpu_ops {
    const char *name;
    uint32_t pci_id;                /* as pci_id() returns it */
    bool (*init)(struct gpu *gpu);
    /*
     * Show what lies at gpu->x_offset, gpu->y_offset in the mode of
     * gpu->width, height, stride. False: not possible.
     */
    bool (*show)(struct gpu *gpu);
    /* Only the offsets changed. NULL: the device cannot pan. */
    void (*pan)(struct gpu *gpu);
    /* NULL: the device is always on. */
    void (*off)(struct gpu *gpu);
    /*
     * Whether damage() is called with all that is drawn from now on. NULL:
     * nobody wants to know what was drawn.
     */
    void (*report)(struct gpu *gpu, bool on);
    void (*damage)(struct gpu *gpu, const struct rect *rect);
    /* NULL: the device has the framebuffer and nothing else. */
    void (*plane)(struct gpu *gpu, const struct plane *plane);
};

struct gpu {
    const struct gpu_ops *ops;
    int slot;
    volatile uint32_t *fb;
    uint32_t fb_pixels;
    uint32_t regs;                  /* address of the register BAR */
    uint32_t width;
    uint32_t height;
    uint32_t stride;                /* in pixels */
    uint32_t x_offset;
    uint32_t y_offset;
    bool reports;
};

/* Find every display device on bus 0; returns how many. */
int gpu_scan(void);
struct gpu *gpu_get(int index);

/* Whole pages of height rows that fit. */
uint32_t gpu_pages(const struct gpu *gpu);

bool gpu_set_mode(struct gpu *gpu, uint32_t width, uint32_t height,
                  uint32_t stride);
bool gpu_pan(struct gpu *gpu, uint32_t x, uint32_t y);

/* Whether the device is told what is drawn. False: it does not want to know. */
bool gpu_report(struct gpu *gpu, bool on);

/* @rect of the screen was drawn. */
void gpu_damage(struct gpu *gpu, const struct rect *rect);

extern const struct gpu_ops dispi_ops, mdpy_ops, vgpu_ops;

#endif /* GUEST_GPU_H */
