/*
 * GL framebuffers to surfaces, and from one to the other
 *
 * With real OpenGL, drawn by CPU if need be, on Mesa's surfaceless platform:
 * no screen and no GPU take part. Skipped where there is no such platform.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/console.h"
#include "ui/egl-helpers.h"

/* What ui/egl-helpers.c expects of the emulator. */
int display_opengl;

/* Bytes that no test writes otherwise. */
#define UNTOUCHED 0xa5

static char *no_gl;

static char *open_gl(void)
{
    static const EGLint wanted[] = {
        EGL_SURFACE_TYPE, 0,
        EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT,
        EGL_NONE,
    };
    EGLint major, minor, count;

    if (!epoxy_has_egl_extension(NULL, "EGL_MESA_platform_surfaceless")) {
        return g_strdup("EGL has no surfaceless platform");
    }
    qemu_egl_display = eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA,
                                                EGL_DEFAULT_DISPLAY, NULL);
    if (!eglInitialize(qemu_egl_display, &major, &minor) ||
        !eglBindAPI(EGL_OPENGL_API)) {
        return g_strdup_printf("EGL does not start: %s",
                               qemu_egl_get_error_string());
    }
    qemu_egl_mode = DISPLAY_GL_MODE_CORE;
    if (!eglChooseConfig(qemu_egl_display, wanted, &qemu_egl_config, 1,
                         &count) || count != 1) {
        return g_strdup("EGL has no configuration for OpenGL");
    }
    if (!qemu_egl_init_ctx()) {
        return g_strdup("EGL makes no OpenGL context");
    }
    return NULL;
}

static bool skipped(void)
{
    if (no_gl) {
        g_test_skip(no_gl);
    }
    return no_gl;
}

/* Opaque, and another value for each texel. */
static uint32_t texel(int x, int y)
{
    return 0xff000000 | (x * 7 + 1) << 16 | (y * 5 + 2) << 8 | (x ^ y);
}

static void setup_painted(egl_fb *fb, int width, int height)
{
    g_autofree uint32_t *texels = g_new(uint32_t, width * height);

    for (int i = 0; i < width * height; i++) {
        texels[i] = texel(i % width, i / width);
    }
    egl_fb_setup_new_tex(fb, width, height);
    glBindTexture(GL_TEXTURE_2D, fb->texture);
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, GL_BGRA,
                    GL_UNSIGNED_BYTE, texels);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
}

/* With @padding bytes after each row. */
static DisplaySurface *surface_new(int width, int height, int padding)
{
    DisplaySurface *surface = g_new0(DisplaySurface, 1);
    int stride = width * 4 + padding;
    uint32_t *data = g_malloc(stride * height);

    memset(data, UNTOUCHED, stride * height);
    surface->image = pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height,
                                              data, stride);
    return surface;
}

static void surface_free(DisplaySurface *surface)
{
    g_free(surface_data(surface));
    pixman_image_unref(surface->image);
    g_free(surface);
}

static const uint8_t *surface_row(DisplaySurface *surface, int y)
{
    return (uint8_t *)surface_data(surface) + y * surface_stride(surface);
}

static uint32_t surface_pixel(DisplaySurface *surface, int x, int y)
{
    return ((const uint32_t *)surface_row(surface, y))[x] & 0xffffff;
}

/* The rectangle has its texels; all else, padding included, is as it was. */
static void expect_rect(DisplaySurface *surface, int left, int top,
                        int width, int height)
{
    for (int y = 0; y < surface_height(surface); y++) {
        const uint8_t *row = surface_row(surface, y);

        for (int x = 0; x < surface_stride(surface) / 4; x++) {
            bool inside = x >= left && x < left + width &&
                y >= top && y < top + height;
            uint32_t want = inside ? texel(x, y) : 0x01010101u * UNTOUCHED;

            g_assert_cmphex(((const uint32_t *)row)[x] & 0xffffff, ==,
                            want & 0xffffff);
        }
    }
}

static const int paddings[] = { 0, 4, 64 };

static void test_read(void)
{
    egl_fb fb = EGL_FB_INIT;

    if (skipped()) {
        return;
    }
    setup_painted(&fb, 13, 11);
    for (size_t i = 0; i < G_N_ELEMENTS(paddings); i++) {
        DisplaySurface *surface = surface_new(13, 11, paddings[i]);

        egl_fb_read(surface, &fb);
        expect_rect(surface, 0, 0, 13, 11);
        surface_free(surface);
    }
    egl_fb_destroy(&fb);
}

/* A surface of another size gets what both have. */
static void test_read_other_size(void)
{
    egl_fb fb = EGL_FB_INIT;
    DisplaySurface *larger, *smaller;

    if (skipped()) {
        return;
    }
    setup_painted(&fb, 13, 11);
    larger = surface_new(20, 17, 8);
    egl_fb_read(larger, &fb);
    expect_rect(larger, 0, 0, 13, 11);
    surface_free(larger);
    smaller = surface_new(6, 5, 8);
    egl_fb_read(smaller, &fb);
    expect_rect(smaller, 0, 0, 6, 5);
    surface_free(smaller);
    egl_fb_destroy(&fb);
}

static void test_read_rect(void)
{
    static const struct {
        int x, y, w, h;
    } cases[] = {
        { 0, 0, 13, 11 },
        { 0, 10, 13, 1 },       /* rows below the first */
        { 12, 0, 1, 1 },
        { 12, 10, 1, 1 },
        { 3, 4, 5, 6 },
    };
    egl_fb fb = EGL_FB_INIT;

    if (skipped()) {
        return;
    }
    setup_painted(&fb, 13, 11);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS(paddings); j++) {
            DisplaySurface *surface = surface_new(13, 11, paddings[j]);

            egl_fb_read_rect(surface, &fb, cases[i].x, cases[i].y,
                             cases[i].w, cases[i].h);
            expect_rect(surface, cases[i].x, cases[i].y,
                        cases[i].w, cases[i].h);
            surface_free(surface);
        }
    }
    egl_fb_destroy(&fb);
}

/* What became of the view, drawn into a framebuffer of its size */
static void expect_view(egl_fb *fb, int left, int top, int width, int height,
                        bool flip)
{
    DisplaySurface *surface = surface_new(width, height, 0);

    egl_fb_read(surface, fb);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int row = top + (flip ? height - 1 - y : y);

            g_assert_cmphex(surface_pixel(surface, x, y), ==,
                            texel(left + x, row) & 0xffffff);
        }
    }
    surface_free(surface);
}

/* Of 13 by 11 texels */
static const struct {
    uint32_t x, y, width, height;       /* as a device has it */
    int left, top, right, bottom;       /* as it is shown */
} views[] = {
    { 0, 0, 13, 11, 0, 0, 13, 11 },
    { 0, 0, 5, 4, 0, 0, 5, 4 },
    { 3, 2, 5, 4, 3, 2, 8, 6 },
    { 8, 7, 5, 4, 8, 7, 13, 11 },
    /* clipped */
    { 8, 7, 6, 5, 8, 7, 13, 11 },
    { 8, 7, UINT32_MAX, UINT32_MAX, 8, 7, 13, 11 },
    /* nothing there: all of it */
    { 13, 0, 1, 1, 0, 0, 13, 11 },
    { 0, 11, 1, 1, 0, 0, 13, 11 },
    { UINT32_MAX, UINT32_MAX, 2, 2, 0, 0, 13, 11 },
    { 1, 1, 0, 4, 0, 0, 13, 11 },
    { 1, 1, 4, 0, 0, 0, 13, 11 },
};

static void test_blit(void)
{
    egl_fb from = EGL_FB_INIT, to = EGL_FB_INIT;

    if (skipped()) {
        return;
    }
    setup_painted(&from, 13, 11);
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(views); i++) {
        int width = views[i / 2].right - views[i / 2].left;
        int height = views[i / 2].bottom - views[i / 2].top;

        egl_fb_set_view(&from, views[i / 2].x, views[i / 2].y,
                        views[i / 2].width, views[i / 2].height);
        egl_fb_setup_new_tex(&to, width, height);
        egl_fb_blit(&to, &from, i % 2);
        expect_view(&to, views[i / 2].left, views[i / 2].top, width, height,
                    i % 2);
        egl_fb_destroy(&to);
    }
    egl_fb_destroy(&from);
}

/* As it is drawn below a cursor; "flip" is the other way round there. */
static void test_texture_blit(void)
{
    egl_fb from = EGL_FB_INIT, to = EGL_FB_INIT;
    QemuGLShader *shader;

    if (skipped()) {
        return;
    }
    shader = qemu_gl_init_shader();
    setup_painted(&from, 13, 11);
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(views); i++) {
        int width = views[i / 2].right - views[i / 2].left;
        int height = views[i / 2].bottom - views[i / 2].top;

        egl_fb_set_view(&from, views[i / 2].x, views[i / 2].y,
                        views[i / 2].width, views[i / 2].height);
        egl_fb_setup_new_tex(&to, width, height);
        egl_texture_blit(shader, &to, &from, i % 2 == 0);
        expect_view(&to, views[i / 2].left, views[i / 2].top, width, height,
                    i % 2);
        egl_fb_destroy(&to);
    }
    egl_fb_destroy(&from);
    qemu_gl_fini_shader(shader);
}

/* One colour for all of it */
static void setup_filled(egl_fb *fb, int width, int height, uint32_t colour)
{
    g_autofree uint32_t *texels = g_new(uint32_t, width * height);

    for (int i = 0; i < width * height; i++) {
        texels[i] = colour;
    }
    egl_fb_setup_new_tex(fb, width, height);
    glBindTexture(GL_TEXTURE_2D, fb->texture);
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, GL_BGRA,
                    GL_UNSIGNED_BYTE, texels);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
}

static void expect_near(uint32_t got, uint32_t want)
{
    for (int shift = 0; shift < 24; shift += 8) {
        int a = got >> shift & 0xff, b = want >> shift & 0xff;

        g_assert_cmpint(ABS(a - b), <=, 1);
    }
}

/* A cursor over a picture: its colours are multiplied by alpha already. */
static void test_texture_blend(void)
{
    static const struct {
        uint32_t cursor;
        uint32_t want;
    } cases[] = {
        { 0xff1020f0, 0x1020f0 },       /* opaque */
        { 0x00000000, 0x406080 },       /* nothing */
        { 0x80402010, 0x605050 },       /* half of it shines through */
        { 0x00402010, 0x808090 },       /* all of it does: light */
    };
    QemuGLShader *shader;

    if (skipped()) {
        return;
    }
    shader = qemu_gl_init_shader();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        egl_fb screen = EGL_FB_INIT, cursor = EGL_FB_INIT;
        DisplaySurface *surface = surface_new(13, 11, 0);

        setup_filled(&screen, 13, 11, 0xff406080);
        setup_filled(&cursor, 4, 3, cases[i].cursor);
        egl_texture_blend(shader, &screen, &cursor, true, 5, 6, 1.0, 1.0);
        egl_fb_read(surface, &screen);
        for (int y = 0; y < 11; y++) {
            for (int x = 0; x < 13; x++) {
                uint32_t want = 0x406080;

                if (x >= 5 && x < 9 && y >= 6 && y < 9) {
                    want = cases[i].want;
                }
                expect_near(surface_pixel(surface, x, y), want);
            }
        }
        surface_free(surface);
        egl_fb_destroy(&cursor);
        egl_fb_destroy(&screen);
    }
    qemu_gl_fini_shader(shader);
}

/* The next picture in the same framebuffer has no view of its own yet. */
static void test_view_ends(void)
{
    egl_fb fb = EGL_FB_INIT;

    if (skipped()) {
        return;
    }
    setup_painted(&fb, 13, 11);
    egl_fb_set_view(&fb, 3, 2, 5, 4);
    g_assert_cmpint(fb.view_x, ==, 3);
    setup_painted(&fb, 20, 10);
    g_assert_cmpint(fb.view_x, ==, 0);
    g_assert_cmpint(fb.view_y, ==, 0);
    g_assert_cmpint(fb.view_width, ==, 20);
    g_assert_cmpint(fb.view_height, ==, 10);
    egl_fb_destroy(&fb);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    no_gl = open_gl();

    g_test_add_func("/egl-fb/read", test_read);
    g_test_add_func("/egl-fb/read-other-size", test_read_other_size);
    g_test_add_func("/egl-fb/read-rect", test_read_rect);
    g_test_add_func("/egl-fb/blit", test_blit);
    g_test_add_func("/egl-fb/texture-blit", test_texture_blit);
    g_test_add_func("/egl-fb/texture-blend", test_texture_blend);
    g_test_add_func("/egl-fb/view-ends", test_view_ends);
    status = g_test_run();
    g_free(no_gl);
    return status;
}
