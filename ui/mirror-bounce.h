/*
 * Rows of a frame that have to be read or converted before they are compared
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_MIRROR_BOUNCE_H
#define UI_MIRROR_BOUNCE_H

#include "ui/mirror-layer.h"

/* Rows that are read at a time: those of one row of damage tiles. */
#define MIRROR_BOUNCE_ROWS DAMAGE_TILE_HEIGHT

bool mirror_frame_has_alpha(const MirrorFrame *frame);

size_t mirror_frame_row_bytes(const MirrorFrame *frame);

/* Row @y of a frame that is mapped; chroma rows follow the luma ones. */
const uint8_t *mirror_frame_row(const MirrorFrame *frame, uint32_t y);

/* The bytes of the map that the frame's readable rows take. */
size_t mirror_frame_map_len(const MirrorFrame *frame);

/* Can the frame's bytes go into an image of @format as they are? */
bool mirror_frame_is_native(const MirrorFrame *frame,
                            pixman_format_code_t format);

MirrorBounce *mirror_bounce_new(void);

/**
 * mirror_bounce_free:
 * @bounce: a buffer, or NULL
 */
void mirror_bounce_free(MirrorBounce *bounce);

/**
 * mirror_bounce_read:
 * @bounce: a buffer
 * @frame: what is read
 * @box: where of it, at most MIRROR_BOUNCE_ROWS high
 * @format: of the image that the rows are for
 *
 * Returns: an image whose first row is the box's first and which is as wide as
 * the frame; only the box's columns count. It is the buffer's, until the next
 * call. NULL: memory is gone.
 */
pixman_image_t *mirror_bounce_read(MirrorBounce *bounce,
                                   const MirrorFrame *frame,
                                   const pixman_box32_t *box,
                                   pixman_format_code_t format);

#endif /* UI_MIRROR_BOUNCE_H */
