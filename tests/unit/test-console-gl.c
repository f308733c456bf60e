/*
 * Surfaces as OpenGL's textures
 *
 * With real OpenGL, drawn by CPU if need be. Skipped where there is none.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/console.h"
#include "ui/egl-helpers.h"

/* What ui/egl-helpers.c expects of the emulator. */
int display_opengl;

#define WIDTH 13
#define HEIGHT 7

static char *no_gl;
static QemuGLShader *shader;

static const pixman_format_code_t formats[] = {
    PIXMAN_x8r8g8b8, PIXMAN_a8r8g8b8, PIXMAN_x8b8g8r8, PIXMAN_a8b8g8r8,
    PIXMAN_r8g8b8x8, PIXMAN_r8g8b8a8, PIXMAN_b8g8r8x8, PIXMAN_b8g8r8a8,
    PIXMAN_r8g8b8, PIXMAN_b8g8r8, PIXMAN_r5g6b5, PIXMAN_b5g6r5,
    PIXMAN_x1r5g5b5, PIXMAN_x2r10g10b10,
};

static uint32_t colour_of(int x, int y, int seed)
{
    return (x * 19 + seed) << 16 | (y * 37 + 2 * seed) << 8 | (x ^ y) * 5;
}

/* Each pixel in the surface's own format, by pixman. */
static void paint(pixman_image_t *image, int left, int top, int width,
                  int height, int seed)
{
    for (int y = top; y < top + height; y++) {
        for (int x = left; x < left + width; x++) {
            uint32_t colour = colour_of(x, y, seed) & 0xffffff;
            pixman_color_t c = {
                (colour >> 16) * 0x101, (colour >> 8 & 0xff) * 0x101,
                (colour & 0xff) * 0x101, 0xffff,
            };
            pixman_rectangle16_t rect = { x, y, 1, 1 };

            pixman_image_fill_rectangles(PIXMAN_OP_SRC, image, &c, 1, &rect);
        }
    }
}

/* What pixman makes of the surface, and OpenGL of its texture. */
static void expect_same(DisplaySurface *surface)
{
    uint32_t want[WIDTH * HEIGHT], got[WIDTH * HEIGHT];
    pixman_image_t *image = pixman_image_create_bits(
        PIXMAN_BE_b8g8r8x8, WIDTH, HEIGHT, want, WIDTH * 4);
    egl_fb fb = EGL_FB_INIT;
    int off_by = surface_bytes_per_pixel(surface) == 2 ? 8 : 1;

    pixman_image_composite(PIXMAN_OP_SRC, surface->image, NULL, image, 0, 0,
                           0, 0, 0, 0, WIDTH, HEIGHT);
    pixman_image_unref(image);
    egl_fb_setup_for_tex(&fb, WIDTH, HEIGHT, surface->texture, false);
    glReadPixels(0, 0, WIDTH, HEIGHT, GL_BGRA, GL_UNSIGNED_BYTE, got);
    g_assert_cmphex(glGetError(), ==, GL_NO_ERROR);
    egl_fb_destroy(&fb);
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        const uint8_t *a = (uint8_t *)&want[i], *b = (uint8_t *)&got[i];

        for (int channel = 0; channel < 3; channel++) {
            g_assert_cmpint(ABS(a[channel] - b[channel]), <, off_by);
        }
    }
}

static void test_format(const void *opaque)
{
    const pixman_format_code_t *format = opaque;
    DisplaySurface surface = { 0 };
    /* rows with a gap between them */
    int stride = ROUND_UP(WIDTH * PIXMAN_FORMAT_BPP(*format) / 8, 4) + 24;
    g_autofree uint32_t *data = g_malloc0(stride * HEIGHT);

    if (no_gl) {
        g_test_skip(no_gl);
        return;
    }
    surface.image = pixman_image_create_bits(*format, WIDTH, HEIGHT, data,
                                             stride);
    paint(surface.image, 0, 0, WIDTH, HEIGHT, 1);
    surface_gl_create_texture(shader, &surface);
    expect_same(&surface);

    paint(surface.image, 3, 2, 5, 4, 99);
    surface_gl_update_texture(shader, &surface, 3, 2, 5, 4);
    expect_same(&surface);

    /* what was not told of is not there yet */
    paint(surface.image, 0, 0, WIDTH, HEIGHT, 50);
    surface_gl_update_texture(shader, &surface, 0, 0, 0, 0);
    surface_gl_update_texture(shader, &surface, 0, 0, WIDTH, HEIGHT);
    expect_same(&surface);

    surface_gl_destroy_texture(shader, &surface);
    g_assert_cmpint(surface.texture, ==, 0);
    pixman_image_unref(surface.image);
}

int main(int argc, char **argv)
{
    Error *err = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    if (egl_init(NULL, DISPLAY_GL_MODE_ON, &err)) {
        shader = qemu_gl_init_shader();
    } else {
        no_gl = g_strdup(error_get_pretty(err));
        error_free(err);
    }

    for (int i = 0; i < ARRAY_SIZE(formats); i++) {
        g_autofree char *path = g_strdup_printf("/console-gl/format/%08x",
                                                formats[i]);

        g_test_add_data_func(path, &formats[i], test_format);
    }
    status = g_test_run();
    g_free(no_gl);
    return status;
}
