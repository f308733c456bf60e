/*
 * Test pictures for vGPU displays: drawn, packed into a format, compared
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "vgpu-picture.h"

#define FORMAT_8888(name, r, g, b) \
    { #name, DRM_FORMAT_ ## name, 4, { 8, 8, 8 }, { r, g, b } }
#define FORMAT_888(name, r, g, b) \
    { #name, DRM_FORMAT_ ## name, 3, { 8, 8, 8 }, { r, g, b } }
#define FORMAT_565(name, r, g, b) \
    { #name, DRM_FORMAT_ ## name, 2, { 5, 6, 5 }, { r, g, b } }
#define FORMAT_1555(name, r, g, b) \
    { #name, DRM_FORMAT_ ## name, 2, { 5, 5, 5 }, { r, g, b } }
#define FORMAT_4444(name, r, g, b) \
    { #name, DRM_FORMAT_ ## name, 2, { 4, 4, 4 }, { r, g, b } }
#define FORMAT_2101010(name, r, g, b) \
    { #name, DRM_FORMAT_ ## name, 4, { 10, 10, 10 }, { r, g, b } }

const VGPUFormat vgpu_formats[] = {
    FORMAT_8888(XRGB8888, 16, 8, 0),
    FORMAT_8888(ARGB8888, 16, 8, 0),
    FORMAT_8888(XBGR8888, 0, 8, 16),
    FORMAT_8888(ABGR8888, 0, 8, 16),
    FORMAT_8888(RGBX8888, 24, 16, 8),
    FORMAT_8888(RGBA8888, 24, 16, 8),
    FORMAT_8888(BGRX8888, 8, 16, 24),
    FORMAT_8888(BGRA8888, 8, 16, 24),
    FORMAT_888(RGB888, 16, 8, 0),
    FORMAT_888(BGR888, 0, 8, 16),
    FORMAT_565(RGB565, 11, 5, 0),
    FORMAT_565(BGR565, 0, 5, 11),
    FORMAT_1555(XRGB1555, 10, 5, 0),
    FORMAT_1555(ARGB1555, 10, 5, 0),
    FORMAT_1555(XBGR1555, 0, 5, 10),
    FORMAT_1555(ABGR1555, 0, 5, 10),
    FORMAT_4444(XRGB4444, 8, 4, 0),
    FORMAT_4444(ARGB4444, 8, 4, 0),
    FORMAT_4444(XBGR4444, 0, 4, 8),
    FORMAT_4444(ABGR4444, 0, 4, 8),
    FORMAT_2101010(XRGB2101010, 20, 10, 0),
    FORMAT_2101010(ARGB2101010, 20, 10, 0),
    FORMAT_2101010(XBGR2101010, 0, 10, 20),
    FORMAT_2101010(ABGR2101010, 0, 10, 20),
};

const size_t vgpu_formats_count = ARRAY_SIZE(vgpu_formats);

const VGPUFormat *vgpu_format_find(uint32_t fourcc)
{
    for (size_t i = 0; i < vgpu_formats_count; i++) {
        if (vgpu_formats[i].fourcc == fourcc) {
            return &vgpu_formats[i];
        }
    }
    g_assert_not_reached();
}

static VGPUPicture *picture_new(uint32_t width, uint32_t height)
{
    VGPUPicture *picture = g_new(VGPUPicture, 1);

    picture->width = width;
    picture->height = height;
    picture->rgb = g_malloc((size_t)width * height * 3);
    return picture;
}

void vgpu_picture_free(VGPUPicture *picture)
{
    if (picture) {
        g_free(picture->rgb);
        g_free(picture);
    }
}

/* Spreads every bit of the key over the result (Knuth, Wang). */
static uint32_t scatter(uint32_t key)
{
    key = (key ^ (key >> 16)) * 0x45d9f3b;
    key = (key ^ (key >> 16)) * 0x45d9f3b;
    return key ^ (key >> 16);
}

VGPUPicture *vgpu_picture_draw(uint32_t width, uint32_t height, uint32_t seed)
{
    VGPUPicture *picture = picture_new(width, height);
    uint8_t *p = picture->rgb;

    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            uint32_t rgb = scatter(seed * 0x9e3779b9 ^ (y << 16 | x));

            *p++ = rgb >> 16;
            *p++ = rgb >> 8;
            *p++ = rgb;
        }
    }
    return picture;
}

VGPUPicture *vgpu_picture_load(const char *path)
{
    VGPUPicture *picture;
    g_autofree char *data = NULL;
    unsigned width, height;
    size_t len, pixels;
    int header = 0;

    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    g_assert_cmpint(sscanf(data, "P6 %u %u 255%n", &width, &height, &header),
                    ==, 2);
    header++;
    pixels = (size_t)width * height * 3;
    g_assert_cmpuint(len, ==, header + pixels);
    picture = picture_new(width, height);
    memcpy(picture->rgb, data + header, pixels);
    return picture;
}

/* A channel in more or fewer bits, as hardware does it: repeat from the top. */
static uint32_t widen(uint8_t value, unsigned bits)
{
    return bits <= 8 ? value >> (8 - bits) :
        (uint32_t)value << (bits - 8) | value >> (16 - bits);
}

uint8_t *vgpu_picture_pack(const VGPUPicture *picture,
                           const VGPUFormat *format, uint32_t stride)
{
    size_t len = (size_t)stride * picture->height;
    uint8_t *packed = g_malloc(len);
    const uint8_t *rgb = picture->rgb;

    memset(packed, 0xa5, len);
    for (uint32_t y = 0; y < picture->height; y++) {
        uint8_t *row = packed + (size_t)stride * y;

        for (uint32_t x = 0; x < picture->width; x++) {
            uint32_t pixel = scatter(x ^ y << 16);

            for (int c = 0; c < 3; c++) {
                pixel = deposit32(pixel, format->shift[c], format->bits[c],
                                  widen(*rgb++, format->bits[c]));
            }
            for (unsigned byte = 0; byte < format->cpp; byte++) {
                *row++ = pixel >> (8 * byte);
            }
        }
    }
    return packed;
}

void vgpu_picture_degrade(VGPUPicture *picture, const VGPUFormat *format)
{
    size_t len = (size_t)picture->width * picture->height * 3;

    for (size_t i = 0; i < len; i++) {
        unsigned bits = MIN(format->bits[i % 3], 8);
        uint8_t value = picture->rgb[i] >> (8 - bits);

        /* Full scale stays full scale, so 0xff comes back as 0xff. */
        picture->rgb[i] = value << (8 - bits) | value >> (2 * bits - 8);
    }
}

char *vgpu_picture_differ(const VGPUPicture *want, const VGPUPicture *got)
{
    size_t len = (size_t)want->width * want->height * 3;
    const uint8_t *a, *b;
    size_t at;

    if (want->width != got->width || want->height != got->height) {
        return g_strdup_printf("%ux%u instead of %ux%u", got->width,
                               got->height, want->width, want->height);
    }
    if (!memcmp(want->rgb, got->rgb, len)) {
        return NULL;
    }
    for (at = 0; want->rgb[at] == got->rgb[at]; at++) {
        /* the first byte that differs */
    }
    at /= 3;
    a = want->rgb + at * 3;
    b = got->rgb + at * 3;
    return g_strdup_printf("pixel %zu,%zu of %ux%u is %02x%02x%02x instead "
                           "of %02x%02x%02x", at % want->width,
                           at / want->width, want->width, want->height,
                           b[0], b[1], b[2], a[0], a[1], a[2]);
}
