/*
 * A viewer for tests: an RFB client that keeps the picture it is sent
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VGPU_RFB_H
#define TESTS_QTEST_VGPU_RFB_H

#include "vgpu-picture.h"

typedef struct VGPUViewer VGPUViewer;

/**
 * VGPUCursorKind:
 * @VGPU_CURSOR_NONE: the server draws it, if anybody
 * @VGPU_CURSOR_RICH: pixels that are there or not
 * @VGPU_CURSOR_ALPHA: pixels with alpha
 *
 * What a viewer takes for a cursor.
 */
typedef enum VGPUCursorKind {
    VGPU_CURSOR_NONE,
    VGPU_CURSOR_RICH,
    VGPU_CURSOR_ALPHA,
} VGPUCursorKind;

/**
 * VGPUCursor:
 * @count: how many came so far
 * @width: pixels
 * @height: pixels
 * @hot_x: hotspot
 * @hot_y: hotspot
 * @argb: pixels, colours multiplied by alpha
 *
 * The cursor that a viewer was given last.
 */
typedef struct VGPUCursor {
    unsigned count;
    uint32_t width;
    uint32_t height;
    uint32_t hot_x;
    uint32_t hot_y;
    uint32_t *argb;
} VGPUCursor;

/**
 * vgpu_viewer_connect:
 * @path: the UNIX socket of a VNC server that asks for no password
 *
 * Returns: a viewer that has said what it can take: raw pixels of 32 bits and
 * a desktop that changes its size.
 */
VGPUViewer *vgpu_viewer_connect(const char *path);

/* The same, with a cursor of its own. */
VGPUViewer *vgpu_viewer_connect_cursor(const char *path, VGPUCursorKind kind);

void vgpu_viewer_close(VGPUViewer *viewer);

/**
 * vgpu_viewer_update:
 * @viewer: a viewer
 *
 * Asks for what has changed since the last time, and takes in what has come
 * so far; waits a little for something to come.
 */
void vgpu_viewer_update(VGPUViewer *viewer);

/**
 * vgpu_viewer_move:
 * @viewer: a viewer
 * @x: pixels from the left
 * @y: pixels from the top
 *
 * The person in front of it moves the mouse there.
 */
void vgpu_viewer_move(VGPUViewer *viewer, unsigned x, unsigned y);

/**
 * vgpu_viewer_wish:
 * @viewer: a viewer
 * @width: pixels
 * @height: rows
 *
 * The person in front of it gives the window another size.
 */
void vgpu_viewer_wish(VGPUViewer *viewer, unsigned width, unsigned height);

/**
 * vgpu_viewer_picture:
 * @viewer: a viewer
 *
 * Returns: what the viewer shows; its own.
 */
const VGPUPicture *vgpu_viewer_picture(const VGPUViewer *viewer);

/**
 * vgpu_viewer_cursor:
 * @viewer: a viewer
 *
 * Returns: the cursor that it has; its own.
 */
const VGPUCursor *vgpu_viewer_cursor(const VGPUViewer *viewer);

#endif /* TESTS_QTEST_VGPU_RFB_H */
