/*
 * Overlay planes over the console's mirror
 *
 * Each overlay has a copy of its own, so that one that merely moves is not
 * read for it, and the device cannot change what is being composed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/mirror-overlays.h"

/*
 * MirrorPlace:
 * @shown: is it anywhere?
 * @box: where, in the screen's pixels
 * @zpos: and how near
 */
typedef struct MirrorPlace {
    bool shown;
    pixman_box32_t box;
    uint32_t zpos;
} MirrorPlace;

typedef struct MirrorOverlay {
    MirrorLayer layer;
    MirrorPlace now;
    MirrorPlace drawn;  /* when the damage was last taken */
} MirrorOverlay;

struct MirrorOverlays {
    MirrorOverlay overlay[MIRROR_OVERLAYS];
};

MirrorOverlays *mirror_overlays_new(void)
{
    return g_new0(MirrorOverlays, 1);
}

void mirror_overlays_free(MirrorOverlays *overlays)
{
    if (!overlays) {
        return;
    }
    for (unsigned i = 0; i < MIRROR_OVERLAYS; i++) {
        mirror_layer_finish(&overlays->overlay[i].layer);
    }
    g_free(overlays);
}

static bool is_far(int32_t position)
{
    return position <= -MIRROR_OVERLAY_FAR || position >= MIRROR_OVERLAY_FAR;
}

static void mirror_overlays_place(MirrorOverlays *overlays, unsigned index,
                                  int32_t x, int32_t y, uint32_t zpos)
{
    MirrorOverlay *overlay = &overlays->overlay[index];
    pixman_image_t *image = overlay->layer.image;

    overlay->now = (MirrorPlace) { .zpos = zpos };
    if (!is_far(x) && !is_far(y)) {
        overlay->now.shown = true;
        overlay->now.box = (pixman_box32_t) {
            .x1 = x,
            .y1 = y,
            .x2 = x + pixman_image_get_width(image),
            .y2 = y + pixman_image_get_height(image),
        };
    }
}

MirrorResult mirror_overlays_show(MirrorOverlays *overlays, unsigned index,
                                  const MirrorFrame *frame,
                                  int32_t x, int32_t y, uint32_t zpos)
{
    MirrorOverlay *overlay = &overlays->overlay[index];
    bool fresh = mirror_layer_fit(&overlay->layer, frame);
    MirrorResult result = mirror_layer_read(&overlay->layer, frame);

    if (fresh) {
        /* whatever the old image had on screen is gone, pixel by pixel */
        damage_map_mark_all(overlay->layer.damage);
        if (result == MIRROR_BUSY || result == MIRROR_VANISHED) {
            mirror_layer_set_image(&overlay->layer, NULL);
        }
    }
    if (!overlay->layer.image) {
        mirror_overlays_hide(overlays, index);
    } else {
        mirror_overlays_place(overlays, index, x, y, zpos);
    }
    return result;
}

void mirror_overlays_hide(MirrorOverlays *overlays, unsigned index)
{
    overlays->overlay[index].now.shown = false;
}

bool mirror_overlays_any(const MirrorOverlays *overlays)
{
    for (unsigned i = 0; i < MIRROR_OVERLAYS; i++) {
        if (overlays->overlay[i].now.shown ||
            overlays->overlay[i].drawn.shown) {
            return true;
        }
    }
    return false;
}

static bool same_place(const MirrorPlace *a, const MirrorPlace *b)
{
    return a->shown == b->shown &&
        (!a->shown || (a->zpos == b->zpos &&
                       !memcmp(&a->box, &b->box, sizeof(a->box))));
}

static void add_place(pixman_region32_t *region, const MirrorPlace *place)
{
    const pixman_box32_t *box = &place->box;

    if (place->shown) {
        pixman_region32_union_rect(region, region, box->x1, box->y1,
                                   box->x2 - box->x1, box->y2 - box->y1);
    }
}

void mirror_overlays_take_damage(MirrorOverlays *overlays,
                                 pixman_region32_t *region)
{
    for (unsigned i = 0; i < MIRROR_OVERLAYS; i++) {
        MirrorOverlay *overlay = &overlays->overlay[i];

        if (!same_place(&overlay->now, &overlay->drawn)) {
            add_place(region, &overlay->drawn);
            add_place(region, &overlay->now);
        } else if (overlay->now.shown) {
            mirror_layer_take_damage(&overlay->layer, region,
                                     overlay->now.box.x1,
                                     overlay->now.box.y1);
        }
        overlay->drawn = overlay->now;
        if (!overlay->now.shown) {
            mirror_layer_set_image(&overlay->layer, NULL);
        } else {
            damage_map_clear(overlay->layer.damage);
        }
    }
}

static void draw_overlay(const MirrorOverlay *overlay, pixman_image_t *screen,
                         const pixman_box32_t *box)
{
    const pixman_box32_t *at = &overlay->now.box;
    int x1 = MAX(at->x1, box->x1), y1 = MAX(at->y1, box->y1);
    int x2 = MIN(at->x2, box->x2), y2 = MIN(at->y2, box->y2);

    if (!overlay->now.shown || x1 >= x2 || y1 >= y2) {
        return;
    }
    pixman_image_composite32(PIXMAN_OP_OVER, overlay->layer.image, NULL,
                             screen, x1 - at->x1, y1 - at->y1, 0, 0,
                             x1, y1, x2 - x1, y2 - y1);
}

static int compare_zpos(const void *a, const void *b)
{
    const MirrorOverlay *x = *(MirrorOverlay *const *)a;
    const MirrorOverlay *y = *(MirrorOverlay *const *)b;

    return x->now.zpos != y->now.zpos ? (x->now.zpos < y->now.zpos ? -1 : 1)
                                      : (x < y ? -1 : 1);
}

void mirror_overlays_draw(MirrorOverlays *overlays, pixman_image_t *screen,
                          const pixman_box32_t *box)
{
    MirrorOverlay *order[MIRROR_OVERLAYS];

    for (unsigned i = 0; i < MIRROR_OVERLAYS; i++) {
        order[i] = &overlays->overlay[i];
    }
    qsort(order, MIRROR_OVERLAYS, sizeof(order[0]), compare_zpos);
    for (unsigned i = 0; i < MIRROR_OVERLAYS; i++) {
        draw_overlay(order[i], screen, box);
    }
}
