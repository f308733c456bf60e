/*
 * Test pictures for vGPU displays: drawn, packed into a format, compared
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VGPU_PICTURE_H
#define TESTS_QTEST_VGPU_PICTURE_H

/**
 * VGPUFormat:
 * @name: for the test's name
 * @fourcc: DRM_FORMAT_*
 * @cpp: bytes per pixel
 * @bits: width of red, green, blue
 * @shift: lowest bit of red, green, blue in the little-endian pixel
 *
 * A format as drm_fourcc.h draws it, written down here a second time: a slip
 * in the display's own table must not be repeated by the test.
 */
typedef struct VGPUFormat {
    const char *name;
    uint32_t fourcc;
    unsigned cpp;
    unsigned bits[3];
    unsigned shift[3];
} VGPUFormat;

extern const VGPUFormat vgpu_formats[];
extern const size_t vgpu_formats_count;

/**
 * VGPUPicture:
 * @width: pixels
 * @height: pixels
 * @rgb: red, green and blue bytes of each pixel, rows without padding
 */
typedef struct VGPUPicture {
    uint32_t width;
    uint32_t height;
    uint8_t *rgb;
} VGPUPicture;

const VGPUFormat *vgpu_format_find(uint32_t fourcc);

/**
 * vgpu_picture_draw:
 * @width: pixels
 * @height: pixels
 * @seed: pictures of other seeds differ from this one in nearly every pixel
 *
 * Returns: a new picture, in which no row, column or channel looks like
 * another.
 */
VGPUPicture *vgpu_picture_draw(uint32_t width, uint32_t height,
                               uint32_t seed);

/**
 * vgpu_picture_load:
 * @path: a binary PPM, as screendump writes it
 *
 * Returns: a new picture; the test ends if that is no such file.
 */
VGPUPicture *vgpu_picture_load(const char *path);

void vgpu_picture_free(VGPUPicture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VGPUPicture, vgpu_picture_free)

/**
 * vgpu_picture_pack:
 * @picture: a picture
 * @format: the format
 * @stride: bytes per row
 *
 * Returns: stride * height new bytes with the picture in that format. Bits
 * that do not count (padding, alpha, x) hold noise.
 */
uint8_t *vgpu_picture_pack(const VGPUPicture *picture,
                           const VGPUFormat *format, uint32_t stride);

/**
 * vgpu_picture_degrade:
 * @picture: a picture, changed to what is left of it in @format
 * @format: the format
 */
void vgpu_picture_degrade(VGPUPicture *picture, const VGPUFormat *format);

/**
 * vgpu_picture_differ:
 * @want: a picture
 * @got: a picture
 *
 * Returns: NULL if both are equal, else a new text that says where they are
 * not.
 */
char *vgpu_picture_differ(const VGPUPicture *want, const VGPUPicture *got);

#endif /* TESTS_QTEST_VGPU_PICTURE_H */
