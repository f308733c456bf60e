/*
 * A display device of the kernel: its monitors and its memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_KMS_DEVICE_H
#define VGPU_SCREEN_KMS_DEVICE_H

#include <xf86drm.h>
#include <xf86drmMode.h>

#include "qapi/error.h"
#include "screen.h"

#define KMS_MAX_DEVICES 16

/* What is plugged into a device, as it was when it was looked at. */
typedef struct KmsConnector {
    uint32_t id;
    char name[32];              /* "HDMI-A-1" */
    bool connected;
    int width_mm;
    int height_mm;
    uint32_t crtcs;             /* those that can drive it, by index */
    uint32_t crtc;              /* the one that does, or 0 */
    GArray *modes;              /* of drmModeModeInfo */
} KmsConnector;

/* Pixels that the device scans out and the CPU writes. */
typedef struct KmsDumb {
    int fd;
    uint32_t handle;
    uint32_t fb;
    void *memory;
    size_t size;
    pixman_image_t *image;
    pixman_region32_t stale;    /* what has changed since it was written */
} KmsDumb;

char *kms_device_path(int number);

/* Modes are set and planes chosen by the caller from now on. */
bool kms_device_begin(int fd, Error **errp);

/**
 * kms_connectors:
 * @fd: of a device
 *
 * Returns: an array of KmsConnector, for the caller to free
 */
GArray *kms_connectors(int fd);

/**
 * kms_choose_connector:
 * @connectors: a device's
 * @name: the one that is wanted; NULL: the first that has a monitor
 *
 * Returns: one of them, or NULL
 */
const KmsConnector *kms_choose_connector(GArray *connectors, const char *name);

ScreenMode kms_mode(const drmModeModeInfo *info);

/* Returns: of an object of that type, or 0 if it has none of that name */
uint32_t kms_property(int fd, uint32_t object, uint32_t type,
                      const char *name);

/* Prints what --list does of a device. */
void kms_print(int fd, int number);

/**
 * kms_master:
 * @number: of a device
 *
 * Returns: who sets modes there, for people, or NULL if that cannot be known
 */
char *kms_master(int number);

/* Returns: NULL with errno set if there is no such memory; black */
KmsDumb *kms_dumb_new(int fd, int width, int height, uint32_t fourcc);
void kms_dumb_free(KmsDumb *dumb);

/**
 * kms_import:
 * @fd: of a device
 * @buffer: any; the import stays with it
 *
 * Returns: a framebuffer of the device, or 0 if it takes no such buffer
 */
uint32_t kms_import(int fd, ScreenBuffer *buffer);

/*
 * The buffer cannot be shown: kms_import() is 0 from now on. Returns whether it
 * was imported.
 */
bool kms_refuse(ScreenBuffer *buffer);

#endif /* VGPU_SCREEN_KMS_DEVICE_H */
