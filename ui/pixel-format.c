/*
 * Pixel formats that the CPU can read: DRM fourcc to pixman
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/pixel-format.h"
#include "standard-headers/drm/drm_fourcc.h"

/*
 * A DRM code names the channels of a little-endian word from its highest bit
 * down, a pixman code those of a word in host order. On a big-endian host
 * the same bytes are the word with the channels the other way round; that
 * works out where every channel is a whole byte. For the others pixman has
 * no code there.
 */
#if HOST_BIG_ENDIAN
#define BYTES(drm, le, be, cpp) { DRM_FORMAT_ ## drm, PIXMAN_ ## be, cpp, 1 }
#else
#define BYTES(drm, le, be, cpp) { DRM_FORMAT_ ## drm, PIXMAN_ ## le, cpp, 1 }
#define BITS(drm, le, cpp) { DRM_FORMAT_ ## drm, PIXMAN_ ## le, cpp, 1 }
#endif

static const UIPixelFormat formats[] = {
    BYTES(XRGB8888, x8r8g8b8, b8g8r8x8, 4),
    BYTES(ARGB8888, a8r8g8b8, b8g8r8a8, 4),
    BYTES(XBGR8888, x8b8g8r8, r8g8b8x8, 4),
    BYTES(ABGR8888, a8b8g8r8, r8g8b8a8, 4),
    BYTES(RGBX8888, r8g8b8x8, x8b8g8r8, 4),
    BYTES(RGBA8888, r8g8b8a8, a8b8g8r8, 4),
    BYTES(BGRX8888, b8g8r8x8, x8r8g8b8, 4),
    BYTES(BGRA8888, b8g8r8a8, a8r8g8b8, 4),
    BYTES(RGB888, r8g8b8, b8g8r8, 3),
    BYTES(BGR888, b8g8r8, r8g8b8, 3),
#if !HOST_BIG_ENDIAN
    BITS(RGB565, r5g6b5, 2),
    BITS(BGR565, b5g6r5, 2),
    BITS(XRGB1555, x1r5g5b5, 2),
    BITS(ARGB1555, a1r5g5b5, 2),
    BITS(XBGR1555, x1b5g5r5, 2),
    BITS(ABGR1555, a1b5g5r5, 2),
    BITS(XRGB4444, x4r4g4b4, 2),
    BITS(ARGB4444, a4r4g4b4, 2),
    BITS(XBGR4444, x4b4g4r4, 2),
    BITS(ABGR4444, a4b4g4r4, 2),
    BITS(XRGB2101010, x2r10g10b10, 4),
    BITS(ARGB2101010, a2r10g10b10, 4),
    BITS(XBGR2101010, x2b10g10r10, 4),
    BITS(ABGR2101010, a2b10g10r10, 4),
#endif
};

/* Bytes, in any host's order. */
static const UIPixelFormat yuv_formats[] = {
    { DRM_FORMAT_YUYV, PIXMAN_yuy2, 2, 1 },
    { DRM_FORMAT_NV12, PIXMAN_yv12, 1, 2 },
};

static const UIPixelFormat *find(const UIPixelFormat *table, size_t n,
                                 uint32_t fourcc)
{
    for (size_t i = 0; i < n; i++) {
        if (table[i].fourcc == fourcc) {
            return &table[i];
        }
    }
    return NULL;
}

const UIPixelFormat *ui_pixel_format_find(uint32_t fourcc)
{
    return find(formats, ARRAY_SIZE(formats), fourcc);
}

const UIPixelFormat *ui_pixel_format_find_yuv(uint32_t fourcc)
{
    return find(yuv_formats, ARRAY_SIZE(yuv_formats), fourcc);
}

static bool is_yuv(const UIPixelFormat *format)
{
    return format->pixman == PIXMAN_yuy2 || format->pixman == PIXMAN_yv12;
}

uint64_t ui_pixel_format_row_bytes(const UIPixelFormat *format,
                                   uint32_t width)
{
    uint64_t pixels = width;

    if (is_yuv(format)) {
        pixels += width % 2;
    }
    return pixels * format->cpp;
}

uint64_t ui_pixel_format_rows(const UIPixelFormat *format, uint32_t height)
{
    return format->planes == 2 ? height + ((uint64_t)height + 1) / 2 : height;
}

pixman_image_t *ui_pixel_native_image(const UIPixels *pixels, bool last_first)
{
    int width = pixels->width, height = pixels->height;
    size_t top = last_first ? (size_t)pixels->stride * (height - 1) : 0;
    pixman_image_t *image = pixman_image_create_bits_no_clear(
        ui_pixel_format_find(pixels->fourcc)->pixman, width, height,
        (uint32_t *)(pixels->data + top),
        last_first ? -(int)pixels->stride : pixels->stride);
    pixman_image_t *native =
        pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height, NULL, 0);

    pixman_image_composite32(PIXMAN_OP_SRC, image, NULL, native,
                             0, 0, 0, 0, 0, 0, width, height);
    pixman_image_unref(image);
    return native;
}

const char *ui_fourcc_to_string(uint32_t fourcc, char *buf)
{
    char *p = buf;

    /*
     * The value is the device's: a control character must not reach a
     * terminal, and a backslash must not look like the start of an escape.
     */
    for (int shift = 0; shift < 32; shift += 8) {
        char c = (fourcc >> shift) & 0xff;

        if (g_ascii_isprint(c) && c != '\\') {
            *p++ = c;
        } else {
            p += snprintf(p, 5, "\\x%02x", (unsigned char)c);
        }
    }
    *p = '\0';
    return buf;
}
