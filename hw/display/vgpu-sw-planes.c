/*
 * Software vGPU: what the plane registers do
 *
 * The guest writes to registers that nobody looks at; a commit shows all of
 * them at once, a flip only another part of the video memory. Nothing is
 * checked: the display has to.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/xxhash.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "vgpu-sw-planes.h"
#include "trace.h"

/* Ids that the guest chooses are small numbers, as a rule. */
#define AUTO_BIT 0x80000000

VFIOPlane vgpu_sw_shown_plane(const VGPUSWPlanes *planes, unsigned index)
{
#define REG(name) vgpu_sw_shown(planes, index, VGPU_SW_##name)
    uint64_t rows = REG(HEIGHT);

    if (REG(FOURCC) == DRM_FORMAT_NV12) {
        /* then chroma, of half as many rows */
        rows += DIV_ROUND_UP(rows, 2);
    }
    return (VFIOPlane) {
        .type = index == VGPU_SW_PRIMARY ? VFIO_PLANE_PRIMARY :
            index == VGPU_SW_CURSOR ? VFIO_PLANE_CURSOR : VFIO_PLANE_OVERLAY,
        .index = index > VGPU_SW_CURSOR ? index - VGPU_SW_OVERLAY(0) : 0,
        .fourcc = REG(FOURCC),
        .modifier = (uint64_t)REG(MODIFIER_HI) << 32 | REG(MODIFIER_LO),
        .width = REG(WIDTH),
        .height = REG(HEIGHT),
        .stride = REG(STRIDE),
        .offset = (uint64_t)REG(OFFSET_HI) << 32 | REG(OFFSET_LO),
        .size = rows * REG(STRIDE),
        .x = REG(X),
        .y = REG(Y),
        .hot_x = REG(HOT_X),
        .hot_y = REG(HOT_Y),
        .zpos = REG(ZPOS),
        .straight_alpha = REG(PLANE_FLAGS) & VGPU_SW_PLANE_STRAIGHT,
    };
#undef REG
}

void vgpu_sw_planes_reset(VGPUSWPlanes *planes)
{
    memset(planes->pending, 0, sizeof(planes->pending));
    memset(planes->shown, 0, sizeof(planes->shown));
    memset(&planes->damage, 0, sizeof(planes->damage));
    vgpu_sw_damage_add_all(&planes->damage);
    planes->commits = 0;
    planes->flips = 0;
}

static bool plane_changes(const VGPUSWPlanes *planes, unsigned plane)
{
    return memcmp(planes->shown[plane], planes->pending[plane],
                  sizeof(planes->shown[plane]));
}

static bool only_cursor_changes(const VGPUSWPlanes *planes)
{
    for (unsigned plane = 0; plane < VGPU_SW_PLANES; plane++) {
        if (plane != VGPU_SW_CURSOR && plane_changes(planes, plane)) {
            return false;
        }
    }
    return plane_changes(planes, VGPU_SW_CURSOR);
}

bool vgpu_sw_commit(VGPUSWPlanes *planes)
{
    bool cursor = only_cursor_changes(planes) && planes->damage.reported;
    VFIOPlane primary;

    if (plane_changes(planes, VGPU_SW_PRIMARY)) {
        vgpu_sw_damage_add_all(&planes->damage);
    }
    memcpy(planes->shown, planes->pending, sizeof(planes->shown));
    planes->commits++;
    primary = vgpu_sw_shown_plane(planes, VGPU_SW_PRIMARY);
    trace_vgpu_sw_commit(vgpu_sw_shown(planes, VGPU_SW_PRIMARY,
                                       VGPU_SW_ENABLE),
                         vgpu_sw_shown(planes, VGPU_SW_PRIMARY, VGPU_SW_ID),
                         primary.width, primary.height, primary.stride,
                         primary.fourcc, primary.offset);
    return cursor;
}

static void set_offset(uint32_t *registers, uint64_t offset)
{
    registers[(VGPU_SW_OFFSET_LO - VGPU_SW_PLANE) / 4] = offset;
    registers[(VGPU_SW_OFFSET_HI - VGPU_SW_PLANE) / 4] = offset >> 32;
}

void vgpu_sw_flip(VGPUSWPlanes *planes, uint32_t page)
{
    uint64_t offset = (uint64_t)page * 4096;

    set_offset(planes->pending[VGPU_SW_PRIMARY], offset);
    set_offset(planes->shown[VGPU_SW_PRIMARY], offset);
    planes->flips++;
    trace_vgpu_sw_flip(offset);
}

uint32_t vgpu_sw_plane_id(const VGPUSWPlanes *planes, unsigned index)
{
    uint32_t id = vgpu_sw_shown(planes, index, VGPU_SW_ID);
    VFIOPlane plane = vgpu_sw_shown_plane(planes, index);

    /* What tells one buffer from another, as far as a driver can see. */
    return id ?: AUTO_BIT | qemu_xxhash8(
        (uint64_t)plane.width << 32 | plane.height, plane.modifier,
        plane.offset, plane.stride, plane.fourcc);
}

void vgpu_sw_damage_add(VGPUSWDamage *damage)
{
    const uint32_t *rect = damage->rect;

    for (int i = 0; i < VGPU_SW_ASKERS; i++) {
        uint32_t *count = &damage->drawn[i].count;

        if (*count >= VFIO_GFX_META_MAX_DAMAGE) {
            *count = VFIO_GFX_META_DAMAGE_ALL;
            continue;
        }
        damage->drawn[i].rects[(*count)++] = (struct vfio_gfx_meta_rect) {
            .x = rect[0],
            .y = rect[1],
            .width = rect[2],
            .height = rect[3],
        };
    }
}

void vgpu_sw_damage_add_all(VGPUSWDamage *damage)
{
    for (int i = 0; i < VGPU_SW_ASKERS; i++) {
        damage->drawn[i].count = VFIO_GFX_META_DAMAGE_ALL;
    }
}

uint32_t vgpu_sw_damage_take(VGPUSWDamage *damage, VGPUSWAsker asker,
                             struct vfio_gfx_meta_rect *rects)
{
    uint32_t count = damage->reported ? damage->drawn[asker].count
                                      : VFIO_GFX_META_DAMAGE_ALL;

    if (count <= VFIO_GFX_META_MAX_DAMAGE) {
        memcpy(rects, damage->drawn[asker].rects, count * sizeof(*rects));
    }
    if (asker == VGPU_SW_BY_PAGE || damage->reported) {
        damage->drawn[asker].count = 0;
    } else {
        /* what is drawn before the guest begins to report is told by nobody */
        damage->drawn[asker].count = VFIO_GFX_META_DAMAGE_ALL;
    }
    return count;
}
