/*
 * What differs from the frame before
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_FRAME_SHADOW_H
#define UI_FRAME_SHADOW_H

#include "ui/pixel-format.h"

/**
 * DOC: Frame shadow
 *
 * A copy of the last frame, to find out what of the next one differs where
 * that costs the main loop nothing: in the thread that frames come from.
 *
 * A film is not compared, as all of it differs: after such a frame the next
 * ones are taken to be the like, and now and then there is another look.
 */
typedef struct FrameShadow FrameShadow;

/* So many rectangles at most; more become one. */
#define FRAME_SHADOW_BOXES 16

/* So many frames are not compared after one of which most differs. */
#define FRAME_SHADOW_REST 30

/**
 * frame_shadow_new:
 *
 * Returns: a shadow of no frame, to be freed with frame_shadow_free().
 */
FrameShadow *frame_shadow_new(void);

/**
 * frame_shadow_free:
 * @shadow: a shadow, or NULL
 */
void frame_shadow_free(FrameShadow *shadow);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FrameShadow, frame_shadow_free)

/**
 * frame_shadow_forget:
 * @shadow: a shadow; of no frame afterwards
 */
void frame_shadow_forget(FrameShadow *shadow);

/**
 * frame_shadow_update:
 * @shadow: a shadow; of @frame afterwards, unless it rests
 * @frame: a frame with 4 bytes for a pixel
 * @boxes: room for %FRAME_SHADOW_BOXES
 * @n: how many of them differ from the frame of the last call, in whole tiles
 *     (damage-map.h); may be 0
 *
 * Returns: false if that is not known, as all may differ.
 */
bool frame_shadow_update(FrameShadow *shadow, const UIPixels *frame,
                         pixman_box32_t *boxes, unsigned *n);

#endif /* UI_FRAME_SHADOW_H */
