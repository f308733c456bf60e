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
 * vgpu_viewer_connect:
 * @path: the UNIX socket of a VNC server that asks for no password
 *
 * Returns: a viewer that has said what it can take: raw pixels of 32 bits and
 * a desktop that changes its size.
 */
VGPUViewer *vgpu_viewer_connect(const char *path);

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
 * vgpu_viewer_picture:
 * @viewer: a viewer
 *
 * Returns: what the viewer shows; its own.
 */
const VGPUPicture *vgpu_viewer_picture(const VGPUViewer *viewer);

#endif /* TESTS_QTEST_VGPU_RFB_H */
