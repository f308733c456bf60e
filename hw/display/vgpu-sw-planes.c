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
#include "standard-headers/drm/drm_fourcc.h"
#include "vgpu-sw-internal.h"
#include "trace.h"

#define PAGE 4096

/* Ids that the guest chooses are small numbers, as a rule. */
#define AUTO_FIRST 0x80000000

uint64_t vgpu_sw_shown_size(const VGPUSWState *s, unsigned plane)
{
    uint64_t stride = vgpu_sw_shown(s, plane, VGPU_SW_STRIDE);
    uint64_t rows = vgpu_sw_shown(s, plane, VGPU_SW_HEIGHT);

    if (vgpu_sw_shown(s, plane, VGPU_SW_FOURCC) == DRM_FORMAT_NV12) {
        /* then chroma, of half as many rows */
        rows += DIV_ROUND_UP(rows, 2);
    }
    return stride * rows;
}

void vgpu_sw_planes_reset(VGPUSWState *s)
{
    memset(s->pending, 0, sizeof(s->pending));
    memset(s->shown, 0, sizeof(s->shown));
    memset(&s->damage, 0, sizeof(s->damage));
    vgpu_sw_damage_add_all(s);
    s->commits = 0;
    s->flips = 0;
}

bool vgpu_sw_commits_cursor(const VGPUSWState *s)
{
    bool cursor = false;

    for (unsigned plane = 0; plane < VGPU_SW_PLANES; plane++) {
        if (!memcmp(s->shown[plane], s->pending[plane],
                    sizeof(s->shown[plane]))) {
            continue;
        }
        if (plane != VGPU_SW_CURSOR) {
            return false;
        }
        cursor = true;
    }
    return cursor && s->damage.reported;
}

void vgpu_sw_commit(VGPUSWState *s)
{
    const unsigned primary = VGPU_SW_PRIMARY;

    if (memcmp(s->shown[primary], s->pending[primary],
               sizeof(s->shown[primary]))) {
        vgpu_sw_damage_add_all(s);
    }
    memcpy(s->shown, s->pending, sizeof(s->shown));
    s->commits++;
    trace_vgpu_sw_commit(vgpu_sw_shown(s, primary, VGPU_SW_ENABLE),
                         vgpu_sw_shown(s, primary, VGPU_SW_ID),
                         vgpu_sw_shown(s, primary, VGPU_SW_WIDTH),
                         vgpu_sw_shown(s, primary, VGPU_SW_HEIGHT),
                         vgpu_sw_shown(s, primary, VGPU_SW_STRIDE),
                         vgpu_sw_shown(s, primary, VGPU_SW_FOURCC),
                         vgpu_sw_shown_offset(s, primary));
}

static void set_offset(uint32_t *registers, uint64_t offset)
{
    registers[(VGPU_SW_OFFSET_LO - VGPU_SW_PLANE) / 4] = offset;
    registers[(VGPU_SW_OFFSET_HI - VGPU_SW_PLANE) / 4] = offset >> 32;
}

void vgpu_sw_flip(VGPUSWState *s, uint32_t page)
{
    uint64_t offset = (uint64_t)page * PAGE;

    set_offset(s->pending[VGPU_SW_PRIMARY], offset);
    set_offset(s->shown[VGPU_SW_PRIMARY], offset);
    s->flips++;
    trace_vgpu_sw_flip(offset);
}

/* What tells one buffer from another, as far as a driver can see. */
static void auto_key(const VGPUSWState *s, unsigned plane, uint32_t key[8])
{
    static const uint32_t registers[8] = {
        VGPU_SW_WIDTH, VGPU_SW_HEIGHT, VGPU_SW_STRIDE, VGPU_SW_FOURCC,
        VGPU_SW_MODIFIER_LO, VGPU_SW_MODIFIER_HI,
        VGPU_SW_OFFSET_LO, VGPU_SW_OFFSET_HI,
    };

    for (int i = 0; i < 8; i++) {
        key[i] = vgpu_sw_shown(s, plane, registers[i]);
    }
}

/* The entry with that key, else the one that was not used for longest. */
static VGPUSWAutoId *auto_find(VGPUSWState *s, const uint32_t key[8])
{
    VGPUSWAutoId *oldest = &s->auto_ids[0];

    for (int i = 0; i < VGPU_SW_AUTO_IDS; i++) {
        VGPUSWAutoId *entry = &s->auto_ids[i];

        if (entry->id && !memcmp(entry->key, key, sizeof(entry->key))) {
            return entry;
        }
        if (entry->used < oldest->used) {
            oldest = entry;
        }
    }
    memcpy(oldest->key, key, sizeof(oldest->key));
    oldest->id = AUTO_FIRST | s->auto_next++;
    return oldest;
}

uint32_t vgpu_sw_plane_id(VGPUSWState *s, unsigned plane)
{
    uint32_t id = vgpu_sw_shown(s, plane, VGPU_SW_ID);
    VGPUSWAutoId *entry;
    uint32_t key[8];

    if (id) {
        return id;
    }
    auto_key(s, plane, key);
    entry = auto_find(s, key);
    entry->used = ++s->auto_clock;
    return entry->id;
}

void vgpu_sw_damage_add(VGPUSWState *s)
{
    const uint32_t *rect = s->damage.rect;

    for (int i = 0; i < VGPU_SW_ASKERS; i++) {
        uint32_t *count = &s->damage.drawn[i].count;

        if (*count >= VFIO_GFX_META_MAX_DAMAGE) {
            *count = VFIO_GFX_META_DAMAGE_ALL;
            continue;
        }
        s->damage.drawn[i].rects[(*count)++] = (struct vfio_gfx_meta_rect) {
            .x = rect[0],
            .y = rect[1],
            .width = rect[2],
            .height = rect[3],
        };
    }
}

void vgpu_sw_damage_add_all(VGPUSWState *s)
{
    for (int i = 0; i < VGPU_SW_ASKERS; i++) {
        s->damage.drawn[i].count = VFIO_GFX_META_DAMAGE_ALL;
    }
}

uint32_t vgpu_sw_damage_take(VGPUSWState *s, VGPUSWAsker asker,
                             struct vfio_gfx_meta_rect *rects)
{
    VGPUSWDamage *damage = &s->damage;
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
