/*
 * A guest's planes on those of a display device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_KMS_PLANES_H
#define VGPU_SCREEN_KMS_PLANES_H

#include "kms-device.h"

typedef struct KmsPlanes KmsPlanes;

/**
 * kms_planes_new:
 * @fd: of a device whose modes this program sets
 * @crtc: whose planes are used
 * @screen: what is shown; outlives the planes
 *
 * Returns: the planes, or NULL
 */
KmsPlanes *kms_planes_new(int fd, uint32_t crtc, Screen *screen);
void kms_planes_free(KmsPlanes *planes);

/* Another mode, in pixels; nothing has been shown in it yet. */
void kms_planes_resize(KmsPlanes *planes, int width, int height);

/* Whatever the driver did not take, it may now. */
void kms_planes_forget(KmsPlanes *planes);

/**
 * kms_planes_place:
 * @planes: the planes
 * @req: gets what they show
 * @flags: of the commit that follows
 * @damage: of the picture, in its pixels; changed
 *
 * Copies what the driver does not take.
 *
 * Returns: false, with errno set, if there is nothing to show
 */
bool kms_planes_place(KmsPlanes *planes, drmModeAtomicReq *req, uint32_t flags,
                      pixman_region32_t *damage);

/*
 * The commit failed. Returns whether it is worth another try, with the new
 * buffers copied.
 */
bool kms_planes_refused(KmsPlanes *planes);

/* The commit is under way. */
void kms_planes_committed(KmsPlanes *planes);

/* It is on screen: what was before is free. */
void kms_planes_flipped(KmsPlanes *planes);

/* Returns: where the picture is */
ScreenRect kms_planes_fit(const KmsPlanes *planes);

/* Returns: whether something that came as a dma-buf was copied */
bool kms_planes_copy(const KmsPlanes *planes);

#endif /* VGPU_SCREEN_KMS_PLANES_H */
