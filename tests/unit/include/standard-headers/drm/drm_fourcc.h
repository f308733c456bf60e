/*
 * The system's DRM formats, where QEMU has its own copy
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DRM_FOURCC_STAND_IN_H
#define DRM_FOURCC_STAND_IN_H

#include <drm_fourcc.h>

#endif /* DRM_FOURCC_STAND_IN_H */
