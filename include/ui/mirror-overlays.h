/*
 * Overlay planes over the console's mirror
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_MIRROR_OVERLAYS_H
#define UI_MIRROR_OVERLAYS_H

#include "ui/mirror-layer.h"

/* As many as a vGPU can have (VFIO_GFX_PLANE_EXT_MAX_OVERLAYS). */
#define MIRROR_OVERLAYS 4

/* Farther from the screen's corner nothing of a plane can be seen. */
#define MIRROR_OVERLAY_FAR 16384

/**
 * typedef MirrorOverlays:
 *
 * Copies of overlay planes, where they are on the screen, and where they were
 * when somebody last asked for the damage.
 */
typedef struct MirrorOverlays MirrorOverlays;

MirrorOverlays *mirror_overlays_new(void);

/**
 * mirror_overlays_free:
 * @overlays: overlays, or NULL
 */
void mirror_overlays_free(MirrorOverlays *overlays);

/**
 * mirror_overlays_show:
 * @overlays: overlays
 * @index: which one, below MIRROR_OVERLAYS
 * @frame: its pixels
 * @x: of its left edge on the screen, pixels
 * @y: of its top edge
 * @zpos: larger is nearer to the viewer; equal ones are stacked by index
 *
 * Shows an overlay, or shows it elsewhere or with other pixels. If those
 * cannot be read now, the ones that were read before go on, if there are any
 * of that size; else the overlay is hidden.
 *
 * Returns: what mirror_layer_read() made of it.
 */
MirrorResult mirror_overlays_show(MirrorOverlays *overlays, unsigned index,
                                  const MirrorFrame *frame,
                                  int32_t x, int32_t y, uint32_t zpos);

/**
 * mirror_overlays_hide:
 * @overlays: overlays
 * @index: which one, below MIRROR_OVERLAYS
 */
void mirror_overlays_hide(MirrorOverlays *overlays, unsigned index);

/**
 * mirror_overlays_any:
 * @overlays: overlays
 *
 * Returns: true if one is shown, or was when the damage was last asked for.
 */
bool mirror_overlays_any(const MirrorOverlays *overlays);

/**
 * mirror_overlays_take_damage:
 * @overlays: overlays
 * @region: is enlarged, in the screen's pixels and not clipped to it
 *
 * Adds where the screen has to be drawn anew since the last call: what changed
 * in an overlay, and all of one that was shown, moved, hidden or stacked
 * otherwise, here and there.
 */
void mirror_overlays_take_damage(MirrorOverlays *overlays,
                                 pixman_region32_t *region);

/**
 * mirror_overlays_draw:
 * @overlays: overlays
 * @screen: what they lie over
 * @box: the part to draw, within @screen
 */
void mirror_overlays_draw(MirrorOverlays *overlays, pixman_image_t *screen,
                          const pixman_box32_t *box);

#endif /* UI_MIRROR_OVERLAYS_H */
