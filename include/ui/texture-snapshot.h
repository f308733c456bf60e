/*
 * A copy of what is in a scanout's texture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_TEXTURE_SNAPSHOT_H
#define UI_TEXTURE_SNAPSHOT_H

#include "ui/console.h"

/**
 * texture_snapshot:
 * @con: a console whose display has OpenGL
 * @texture: what it scans out, a texture of that display's contexts
 * @errp: error
 *
 * Reads the rectangle that is scanned out, in a context of its own that shares
 * the display's textures, and waits for the GPU. The context that was current
 * is so again afterwards. Main loop only.
 *
 * Returns: a new image in x8r8g8b8, the picture's top row first, or NULL.
 */
typedef pixman_image_t *TextureSnapshot(QemuConsole *con,
                                        const ScanoutTexture *texture,
                                        Error **errp);
TextureSnapshot texture_snapshot;

/**
 * texture_snapshot_register:
 * @snapshot: what screendumps use
 *
 * OpenGL may be in a module, which the console is not.
 */
void texture_snapshot_register(TextureSnapshot *snapshot);

#endif /* UI_TEXTURE_SNAPSHOT_H */
