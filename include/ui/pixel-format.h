/*
 * Pixel formats that the CPU can read: DRM fourcc to pixman
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_PIXEL_FORMAT_H
#define UI_PIXEL_FORMAT_H

#include <pixman.h>

/* "XR24" and the terminating NUL, with room for "\xNN" per odd letter. */
#define UI_FOURCC_STRLEN (4 * 4 + 1)

/**
 * struct UIPixelFormat:
 * @fourcc: DRM_FORMAT_*, from drm_fourcc.h
 * @pixman: the pixman code for the same bytes in memory on this host
 * @cpp: bytes per pixel, of the first plane
 * @planes: 1; 2 for luma and, in half as many rows, pairs of U and V, which
 *          pixman has as three planes
 *
 * A linear format. DRM codes are little-endian, pixman's are in host order;
 * the table takes that into account.
 */
typedef struct UIPixelFormat {
    uint32_t fourcc;
    pixman_format_code_t pixman;
    uint8_t cpp;
    uint8_t planes;
} UIPixelFormat;

/**
 * struct UIPixels:
 * @data: the first row's first pixel
 * @stride: bytes from row to row
 * @fourcc: DRM_FORMAT_*
 * @width: pixels
 * @height: rows
 *
 * A frame in memory.
 */
typedef struct UIPixels {
    const uint8_t *data;
    uint32_t stride;
    uint32_t fourcc;
    uint32_t width;
    uint32_t height;
} UIPixels;

/**
 * ui_pixel_format_find:
 * @fourcc: DRM_FORMAT_*
 *
 * Returns: the format's constant description, or NULL for one that pixman
 * has no code for.
 */
const UIPixelFormat *ui_pixel_format_find(uint32_t fourcc);

/**
 * ui_pixel_format_find_yuv:
 * @fourcc: DRM_FORMAT_*
 *
 * The same for what video uses, BT.601 in limited range as pixman has it.
 * Viewers that take dma-bufs need not know these formats.
 *
 * Returns: the format's constant description, or NULL.
 */
const UIPixelFormat *ui_pixel_format_find_yuv(uint32_t fourcc);

/**
 * ui_pixel_format_row_bytes:
 * @format: a format
 * @width: pixels
 *
 * Returns: bytes that a row takes, in each plane. What is shared by two pixels
 * counts whole.
 */
uint64_t ui_pixel_format_row_bytes(const UIPixelFormat *format,
                                   uint32_t width);

/**
 * ui_pixel_format_rows:
 * @format: a format
 * @height: rows of pixels
 *
 * Returns: rows that a frame takes in memory, all planes together.
 */
uint64_t ui_pixel_format_rows(const UIPixelFormat *format, uint32_t height);

/**
 * ui_pixel_native_image:
 * @pixels: a frame in a format that ui_pixel_format_find() knows, with a
 *          stride that is a multiple of 4
 * @last_first: its first row is the picture's last
 *
 * Returns: a new image in x8r8g8b8 with those pixels.
 */
pixman_image_t *ui_pixel_native_image(const UIPixels *pixels, bool last_first);

/**
 * ui_fourcc_to_string:
 * @fourcc: any value, a device's word for it is enough
 * @buf: at least UI_FOURCC_STRLEN bytes
 *
 * Writes the four letters for a message; bytes that are not printable ASCII
 * (and the backslash) appear as \xNN.
 *
 * Returns: @buf
 */
const char *ui_fourcc_to_string(uint32_t fourcc, char *buf);

#endif /* UI_PIXEL_FORMAT_H */
