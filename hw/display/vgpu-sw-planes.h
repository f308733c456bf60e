/*
 * Software vGPU: what the plane registers do
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VGPU_SW_PLANES_H
#define HW_DISPLAY_VGPU_SW_PLANES_H

#include "hw/display/vgpu-sw.h"
#include "hw/vfio/vfio-gfx-ext.h"
#include "hw/vfio/vfio-plane.h"

#define VGPU_SW_PLANE_REGS ((VGPU_SW_PLANE_END - VGPU_SW_PLANE) / 4)

/* Who asks for damage. Each is told of all of it. */
typedef enum VGPUSWAsker {
    VGPU_SW_BY_PAGE,
    VGPU_SW_BY_QUERY,
    VGPU_SW_ASKERS,
} VGPUSWAsker;

typedef struct VGPUSWDamage {
    uint32_t rect[4];       /* registers: x, y, width, height */
    uint32_t reported;      /* register: the guest says all that it draws */
    struct {                /* since vgpu_sw_damage_take() */
        uint32_t count;     /* of @rects, or VFIO_GFX_META_DAMAGE_ALL */
        struct vfio_gfx_meta_rect rects[VFIO_GFX_META_MAX_DAMAGE];
    } drawn[VGPU_SW_ASKERS];
} VGPUSWDamage;

typedef struct VGPUSWPlanes {
    uint32_t pending[VGPU_SW_PLANES][VGPU_SW_PLANE_REGS]; /* as written */
    uint32_t shown[VGPU_SW_PLANES][VGPU_SW_PLANE_REGS]; /* and committed */
    uint32_t commits;
    uint32_t flips;
    VGPUSWDamage damage;
} VGPUSWPlanes;

/* One of @shown: vgpu_sw_shown(planes, VGPU_SW_CURSOR, VGPU_SW_WIDTH) */
static inline uint32_t vgpu_sw_shown(const VGPUSWPlanes *planes,
                                     unsigned plane, unsigned reg)
{
    return planes->shown[plane][(reg - VGPU_SW_PLANE) / 4];
}

/*
 * What the guest says of a plane: @offset is in VRAM, @size may be more than
 * there is; no id.
 */
VFIOPlane vgpu_sw_shown_plane(const VGPUSWPlanes *planes, unsigned index);

/*
 * Shows what the plane registers say. Returns true if that changed the cursor
 * plane alone, and the guest says what it draws elsewhere.
 */
bool vgpu_sw_commit(VGPUSWPlanes *planes);

/* Shows the primary plane from that page of the video memory. */
void vgpu_sw_flip(VGPUSWPlanes *planes, uint32_t page);

/*
 * The dma-buf id of what a plane shows: the guest's, or one that is the same as
 * long as the geometry is.
 */
uint32_t vgpu_sw_plane_id(const VGPUSWPlanes *planes, unsigned index);

/* Remembers the rectangle that is in the registers. */
void vgpu_sw_damage_add(VGPUSWDamage *damage);

/* All of the primary plane is another one. */
void vgpu_sw_damage_add_all(VGPUSWDamage *damage);

/*
 * Fills @rects, with room for VFIO_GFX_META_MAX_DAMAGE, with what was drawn
 * into the primary plane since @asker asked last, unclipped, as the guest has
 * it. Returns how many, or VFIO_GFX_META_DAMAGE_ALL.
 */
uint32_t vgpu_sw_damage_take(VGPUSWDamage *damage, VGPUSWAsker asker,
                             struct vfio_gfx_meta_rect *rects);

/* All planes off, all registers 0. */
void vgpu_sw_planes_reset(VGPUSWPlanes *planes);

#endif /* HW_DISPLAY_VGPU_SW_PLANES_H */
