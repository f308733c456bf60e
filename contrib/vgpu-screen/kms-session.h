/*
 * The seat: its devices, its input, and whose turn it is
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_KMS_SESSION_H
#define VGPU_SCREEN_KMS_SESSION_H

#include "input.h"

typedef struct KmsSession KmsSession;

/* All are called from the main loop. */
typedef struct KmsSessionOps {
    /* Devices work again, after another session had the seat. */
    void (*resumed)(void *opaque);
    /* Another session takes the seat: devices are not to be used. */
    void (*paused)(void *opaque);
    /* A monitor may have come or gone. */
    void (*hotplug)(void *opaque);
    /* A place on the screen, in parts of it, becomes one in the picture. */
    void (*to_picture)(void *opaque, double *x, double *y);
    /* The user leaves (why is NULL), or the seat is lost. */
    void (*leave)(void *opaque, const char *why);
} KmsSessionOps;

/**
 * kms_session_new:
 * @input: gets the seat's input; outlives the session
 * @ops: what its owner does
 * @opaque: the argument of those
 * @errp: why there is no seat, and what to do
 *
 * Returns: a session that is active, or NULL
 */
KmsSession *kms_session_new(ScreenInput *input, const KmsSessionOps *ops,
                            void *opaque, Error **errp);
void kms_session_free(KmsSession *session);

/**
 * kms_session_open:
 * @session: the session
 * @path: of a device
 * @fd: set; the session's
 *
 * Returns: a number for kms_session_close(), or -1 with errno set
 */
int kms_session_open(KmsSession *session, const char *path, int *fd);
void kms_session_close(KmsSession *session, int device);

#endif /* VGPU_SCREEN_KMS_SESSION_H */
