/*
 * A guest's screen on a monitor, by the kernel's mode setting
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_KMS_H
#define VGPU_SCREEN_KMS_H

#include "input.h"

typedef struct KmsOutput KmsOutput;

/**
 * kms_output_new:
 * @screen: what is shown; outlives the output, as the others do
 * @client: gets the monitor's own size as a wish
 * @input: gets the input of the seat
 * @connector: the monitor's, as kms_list() names it; NULL: the first one that
 * has a monitor
 * @closed: called once, from the main loop, when the user leaves, with NULL,
 * or when the seat or the device is lost, with why
 * @opaque: its argument
 * @errp: why there is no output, and what to do
 *
 * Returns: the output, or NULL
 */
KmsOutput *kms_output_new(Screen *screen, DBusClient *client,
                          ScreenInput *input, const char *connector,
                          void (*closed)(void *opaque, const char *why),
                          void *opaque, Error **errp);
void kms_output_free(KmsOutput *out);

/**
 * kms_list:
 * @errp: why nothing can be listed, and what to do
 *
 * Prints each connector with its modes and planes. Takes nothing from anybody.
 *
 * Returns: whether there is a device
 */
bool kms_list(Error **errp);

#endif /* VGPU_SCREEN_KMS_H */
