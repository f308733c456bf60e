/*
 * Pixel formats that the CPU can read: DRM fourcc to pixman
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/pixel-format.h"
#include "standard-headers/drm/drm_fourcc.h"

/*
 * What drm_fourcc.h says of each format, written down anew: the channels'
 * places in the little-endian word.
 */
typedef struct FormatCase {
    const char *letters;
    uint32_t fourcc;
    uint8_t cpp;
    uint32_t red;
    uint32_t green;
    uint32_t blue;
} FormatCase;

static const FormatCase cases[] = {
    { "XR24", DRM_FORMAT_XRGB8888, 4, 0x00ff0000, 0x0000ff00, 0x000000ff },
    { "AR24", DRM_FORMAT_ARGB8888, 4, 0x00ff0000, 0x0000ff00, 0x000000ff },
    { "XB24", DRM_FORMAT_XBGR8888, 4, 0x000000ff, 0x0000ff00, 0x00ff0000 },
    { "AB24", DRM_FORMAT_ABGR8888, 4, 0x000000ff, 0x0000ff00, 0x00ff0000 },
    { "RX24", DRM_FORMAT_RGBX8888, 4, 0xff000000, 0x00ff0000, 0x0000ff00 },
    { "RA24", DRM_FORMAT_RGBA8888, 4, 0xff000000, 0x00ff0000, 0x0000ff00 },
    { "BX24", DRM_FORMAT_BGRX8888, 4, 0x0000ff00, 0x00ff0000, 0xff000000 },
    { "BA24", DRM_FORMAT_BGRA8888, 4, 0x0000ff00, 0x00ff0000, 0xff000000 },
    { "RG24", DRM_FORMAT_RGB888, 3, 0xff0000, 0x00ff00, 0x0000ff },
    { "BG24", DRM_FORMAT_BGR888, 3, 0x0000ff, 0x00ff00, 0xff0000 },
#if !HOST_BIG_ENDIAN
    { "RG16", DRM_FORMAT_RGB565, 2, 0xf800, 0x07e0, 0x001f },
    { "BG16", DRM_FORMAT_BGR565, 2, 0x001f, 0x07e0, 0xf800 },
    { "XR15", DRM_FORMAT_XRGB1555, 2, 0x7c00, 0x03e0, 0x001f },
    { "AR15", DRM_FORMAT_ARGB1555, 2, 0x7c00, 0x03e0, 0x001f },
    { "XB15", DRM_FORMAT_XBGR1555, 2, 0x001f, 0x03e0, 0x7c00 },
    { "AB15", DRM_FORMAT_ABGR1555, 2, 0x001f, 0x03e0, 0x7c00 },
    { "XR12", DRM_FORMAT_XRGB4444, 2, 0x0f00, 0x00f0, 0x000f },
    { "AR12", DRM_FORMAT_ARGB4444, 2, 0x0f00, 0x00f0, 0x000f },
    { "XB12", DRM_FORMAT_XBGR4444, 2, 0x000f, 0x00f0, 0x0f00 },
    { "AB12", DRM_FORMAT_ABGR4444, 2, 0x000f, 0x00f0, 0x0f00 },
    { "XR30", DRM_FORMAT_XRGB2101010, 4, 0x3ff00000, 0x000ffc00, 0x000003ff },
    { "AR30", DRM_FORMAT_ARGB2101010, 4, 0x3ff00000, 0x000ffc00, 0x000003ff },
    { "XB30", DRM_FORMAT_XBGR2101010, 4, 0x000003ff, 0x000ffc00, 0x3ff00000 },
    { "AB30", DRM_FORMAT_ABGR2101010, 4, 0x000003ff, 0x000ffc00, 0x3ff00000 },
#endif
};

/* What pixman reads in x8r8g8b8 from @word, stored as a device stores it. */
static uint32_t convert(const UIPixelFormat *format, uint32_t word)
{
    uint32_t in[1] = { 0 }, out[1] = { 0 };
    pixman_image_t *src, *dst;

    for (int i = 0; i < format->cpp; i++) {
        ((uint8_t *)in)[i] = word >> (8 * i);
    }
    src = pixman_image_create_bits(format->pixman, 1, 1, in, sizeof(in));
    dst = pixman_image_create_bits(PIXMAN_x8r8g8b8, 1, 1, out, sizeof(out));
    g_assert_nonnull(src);
    g_assert_nonnull(dst);
    pixman_image_composite32(PIXMAN_OP_SRC, src, NULL, dst,
                             0, 0, 0, 0, 0, 0, 1, 1);
    pixman_image_unref(src);
    pixman_image_unref(dst);
    return out[0] & 0xffffff;
}

static void test_convert(const void *opaque)
{
    const FormatCase *c = opaque;
    const UIPixelFormat *format = ui_pixel_format_find(c->fourcc);
    /* Alpha or padding, whose value must not matter. */
    uint32_t rest = ~(c->red | c->green | c->blue);

    g_assert_nonnull(format);
    g_assert_cmphex(format->fourcc, ==, c->fourcc);
    g_assert_cmpuint(format->cpp, ==, c->cpp);
    g_assert_cmpuint(PIXMAN_FORMAT_BPP(format->pixman), ==, c->cpp * 8);

    /* Each alone: an exchanged channel or a wrong width shows. */
    g_assert_cmphex(convert(format, c->red | rest), ==, 0xff0000);
    g_assert_cmphex(convert(format, c->green | rest), ==, 0x00ff00);
    g_assert_cmphex(convert(format, c->blue | rest), ==, 0x0000ff);
    g_assert_cmphex(convert(format, c->red | c->blue), ==, 0xff00ff);
    g_assert_cmphex(convert(format, rest), ==, 0);
}

static void test_unknown(void)
{
    static const struct {
        uint32_t fourcc;
        const char *why;
    } unknown[] = {
        { 0, "what a plane that is off reports" },
        { UINT32_MAX, "what a broken device may report" },
        { DRM_FORMAT_NV12, "two planes" },
        { DRM_FORMAT_RGBX5551, "packed RGB that pixman has no code for" },
        { DRM_FORMAT_XRGB16161616F, "wider than pixman's integer formats" },
        { DRM_FORMAT_XRGB8888 | DRM_FORMAT_BIG_ENDIAN, "the other order" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        g_test_message("%s", unknown[i].why);
        g_assert_null(ui_pixel_format_find(unknown[i].fourcc));
    }
}

static void test_letters(void)
{
    static const struct {
        uint32_t fourcc;
        const char *letters;
        const char *why;
    } names[] = {
        { 0, "\\x00\\x00\\x00\\x00", "the longest there is" },
        { UINT32_MAX, "\\xff\\xff\\xff\\xff", "no negative characters" },
        { 0x20384352, "RC8 ", "a blank is a letter here: R8 and C8 have two" },
        { 0x5c1b0a41, "A\\x0a\\x1b\\x5c",
          "newline, escape and backslash reach no terminal" },
        { 0x7f7e2041, "A ~\\x7f", "both ends of what can be printed" },
    };
    char buf[UI_FOURCC_STRLEN];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        g_test_message("%s", names[i].why);
        g_assert_cmpstr(ui_fourcc_to_string(names[i].fourcc, buf), ==,
                        names[i].letters);
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_assert_cmpstr(ui_fourcc_to_string(cases[i].fourcc, buf), ==,
                        cases[i].letters);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strdup_printf("/pixel-format/convert/%s",
                                                cases[i].letters);

        g_test_add_data_func(path, &cases[i], test_convert);
    }
    g_test_add_func("/pixel-format/unknown", test_unknown);
    g_test_add_func("/pixel-format/letters", test_letters);
    return g_test_run();
}
