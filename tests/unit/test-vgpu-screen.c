/*
 * vgpu-screen: where a picture is, what of it is painted, and when the guest
 * may draw on
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <sys/mman.h>
#include "contrib/vgpu-screen/paint.h"

/* --- Geometry --- */

static void test_fit(void)
{
    static const struct {
        const char *why;
        int width, height, screen_width, screen_height;
        ScreenRect scaled, centred;
    } cases[] = {
        { "the same size", 800, 600, 800, 600,
          { 0, 0, 800, 600 }, { 0, 0, 800, 600 } },
        { "a wider screen", 800, 600, 1920, 1080,
          { 240, 0, 1440, 1080 }, { 560, 240, 800, 600 } },
        { "a higher screen", 800, 600, 1080, 1920,
          { 0, 555, 1080, 810 }, { 140, 660, 800, 600 } },
        { "too small for it", 1920, 1080, 1024, 768,
          { 0, 96, 1024, 576 }, { 0, 0, 0, 0 } },
        { "too small one way", 1024, 800, 1280, 768,
          { 148, 0, 983, 768 }, { 0, 0, 0, 0 } },
        { "no picture", 0, 0, 1280, 768, { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
        { "no screen", 800, 600, 0, 0, { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
        { "a line", 16384, 1, 100, 100, { 0, 49, 100, 1 }, { 0, 0, 0, 0 } },
        { "beyond 32 bits", 16384, 16383, 16383, 16384,
          { 0, 1, 16383, 16382 }, { 0, 0, 0, 0 } },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        ScreenRect scaled = screen_fit_scaled(
            cases[i].width, cases[i].height, cases[i].screen_width,
            cases[i].screen_height);
        ScreenRect centred = screen_fit_centred(
            cases[i].width, cases[i].height, cases[i].screen_width,
            cases[i].screen_height);

        g_test_message("%s: %d,%d %dx%d", cases[i].why, scaled.x, scaled.y,
                       scaled.width, scaled.height);
        g_assert_cmpmem(&scaled, sizeof(scaled), &cases[i].scaled,
                        sizeof(cases[i].scaled));
        g_assert_cmpmem(&centred, sizeof(centred), &cases[i].centred,
                        sizeof(cases[i].centred));
    }
}

static void test_intersect(void)
{
    static const struct {
        const char *why;
        ScreenRect a, b, both;
    } cases[] = {
        { "within", { 0, 0, 9, 9 }, { 2, 3, 4, 5 }, { 2, 3, 4, 5 } },
        { "over an edge", { 0, 0, 9, 9 }, { -2, 7, 4, 5 }, { 0, 7, 2, 2 } },
        { "beside", { 0, 0, 9, 9 }, { 9, 0, 4, 5 }, { 0, 0, 0, 0 } },
        { "an end that overflows", { 0, 0, 9, 9 },
          { 5, 5, INT_MAX, INT_MAX }, { 5, 5, 4, 4 } },
        { "negative", { 0, 0, 9, 9 }, { 0, 0, -1, 4 }, { 0, 0, 0, 0 } },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        ScreenRect both = screen_rect_intersect(cases[i].a, cases[i].b);

        g_test_message("%s", cases[i].why);
        g_assert_cmpmem(&both, sizeof(both), &cases[i].both, sizeof(both));
    }
}

static void test_mode(void)
{
    static const ScreenMode panel[] = {
        { 1920, 1080, 60000, true }, { 1920, 1080, 144000, false },
        { 1280, 1024, 60020, false }, { 1280, 1024, 75025, false },
        { 1024, 768, 60004, false }, { 800, 600, 60317, false },
        { 1280, 720, 60000, false },
    };
    static const struct {
        const char *why;
        int count, width, height, mode;
    } cases[] = {
        { "the guest's, as the panel likes it", 7, 1920, 1080, 0 },
        { "the guest's, the fastest", 7, 1280, 1024, 3 },
        { "the smallest that holds it", 7, 1000, 700, 4 },
        { "by area, not by width", 7, 1100, 700, 6 },
        { "none holds it: the panel's own", 7, 2560, 1440, 0 },
        { "no picture: the panel's own", 7, 0, 0, 0 },
        { "one way too large", 7, 800, 1000, 3 },
        { "no modes", 0, 800, 600, -1 },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("%s", cases[i].why);
        g_assert_cmpint(screen_mode_choose(panel, cases[i].count,
                                           cases[i].width, cases[i].height),
                        ==, cases[i].mode);
    }
    /* Nothing is preferred: the largest. */
    g_assert_cmpint(screen_mode_choose(panel + 2, 5, 0, 0), ==, 1);
}

static void test_to_picture(void)
{
    static const struct {
        const char *why;
        ScreenRect fit;
        double x, y, to_x, to_y;
        bool inside;
    } cases[] = {
        { "the first pixel", { 0, 0, 100, 50 }, 0, 0, 0, 0, true },
        { "the last pixel", { 0, 0, 100, 50 }, 99.9, 49.9, 99, 49, true },
        { "enlarged", { 10, 20, 200, 100 }, 110, 70, 50, 25, true },
        { "reduced", { 10, 20, 50, 25 }, 35, 32.5, 50, 25, true },
        { "to the left", { 10, 20, 100, 50 }, 0, 30, 0, 10, false },
        { "below", { 10, 20, 100, 50 }, 20, 100, 10, 49, false },
    };
    double x = 3, y = 4;

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        x = cases[i].x;
        y = cases[i].y;
        g_test_message("%s", cases[i].why);
        g_assert_cmpint(screen_to_picture(cases[i].fit, 100, 50, &x, &y), ==,
                        cases[i].inside);
        g_assert_cmpfloat(x, ==, cases[i].to_x);
        g_assert_cmpfloat(y, ==, cases[i].to_y);
    }
    g_assert_false(screen_to_picture((ScreenRect) { }, 0, 0, &x, &y));
}

/* --- Painting --- */

static ScreenBuffer *new_pixels(int width, int height)
{
    ScreenBuffer *buffer = screen_buffer_new();
    uint32_t *pixels;

    buffer->width = width;
    buffer->height = height;
    buffer->image = pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height,
                                             NULL, 0);
    pixels = pixman_image_get_data(buffer->image);
    for (int i = 0; i < width * height; i++) {
        pixels[i] = 0x010000 * (i / width + 1) + i % width + 1;
    }
    return buffer;
}

static ScreenRect whole(const ScreenBuffer *buffer)
{
    return (ScreenRect) { 0, 0, buffer->width, buffer->height };
}

static uint32_t pixel_at(pixman_image_t *image, int x, int y)
{
    return pixman_image_get_data(image)[
        y * pixman_image_get_stride(image) / 4 + x] & 0xffffff;
}

/* Paints all of an 8x8 target, and returns it. */
static pixman_image_t *paint(Screen *screen, ScreenRect fit, int planes)
{
    pixman_image_t *target = pixman_image_create_bits(PIXMAN_x8r8g8b8, 8, 8,
                                                      NULL, 0);
    pixman_region32_t all;

    memset(pixman_image_get_data(target), 0x55, 8 * 8 * 4);
    pixman_region32_init_rect(&all, -5, -5, 100, 100);
    g_assert_true(screen_paint(screen, target, fit, &all, planes));
    pixman_region32_fini(&all);
    return target;
}

static void test_paint(void)
{
    Screen screen;
    ScreenBuffer *buffer = new_pixels(4, 4);
    pixman_image_t *target;

    screen_init(&screen);
    screen_show(&screen, buffer, whole(buffer), false);
    target = paint(&screen, (ScreenRect) { 2, 1, 4, 4 }, 1);
    for (int y = 0; y < 8; y++) {
        for (int x = 0; x < 8; x++) {
            bool on = x >= 2 && x < 6 && y >= 1 && y < 5;

            g_assert_cmphex(pixel_at(target, x, y), ==,
                            on ? pixel_at(buffer->image, x - 2, y - 1) : 0);
        }
    }
    pixman_image_unref(target);

    /* A part of a buffer whose rows come the other way round. */
    buffer->bottom_up = true;
    screen.planes[SCREEN_PICTURE].view = (ScreenRect) { 1, 1, 2, 3 };
    screen.planes[SCREEN_PICTURE].place = (ScreenRect) { 0, 0, 2, 3 };
    target = paint(&screen, (ScreenRect) { 0, 0, 2, 3 }, 1);
    for (int y = 0; y < 3; y++) {
        g_assert_cmphex(pixel_at(target, 0, y), ==,
                        pixel_at(buffer->image, 1, 2 - y));
        g_assert_cmphex(pixel_at(target, 1, y), ==,
                        pixel_at(buffer->image, 2, 2 - y));
    }
    pixman_image_unref(target);

    /* Nothing is shown: black. */
    screen_show(&screen, NULL, (ScreenRect) { }, false);
    target = paint(&screen, (ScreenRect) { }, SCREEN_PLANES);
    g_assert_cmphex(pixel_at(target, 3, 3), ==, 0);
    pixman_image_unref(target);
    screen_finish(&screen);
}

/* Opaque, nothing, half black and white; multiplied by alpha. */
static ScreenBuffer *new_cursor(void)
{
    ScreenBuffer *buffer = screen_buffer_new();
    static const uint32_t pixels[] = {
        0xff00ff00, 0, 0x80000000, 0xffffffff,
    };

    buffer->width = buffer->height = 2;
    buffer->image = pixman_image_create_bits(PIXMAN_a8r8g8b8, 2, 2, NULL, 0);
    memcpy(pixman_image_get_data(buffer->image), pixels, sizeof(pixels));
    return buffer;
}

static void test_paint_cursor(void)
{
    Screen screen;
    ScreenBuffer *buffer = new_pixels(4, 4);
    pixman_image_t *target;

    screen_init(&screen);
    screen_show(&screen, buffer, whole(buffer), false);
    screen_set_cursor(&screen, new_cursor(), 1, 0);
    screen_move_cursor(&screen, 1, 3, true);
    target = paint(&screen, (ScreenRect) { 2, 2, 4, 4 }, SCREEN_PLANES);
    g_assert_cmphex(pixel_at(target, 3, 5), ==, 0x00ff00);
    g_assert_cmphex(pixel_at(target, 4, 5), ==,
                    pixel_at(buffer->image, 2, 3));
    /* Over the picture's edge there is black under it. */
    g_assert_cmphex(pixel_at(target, 3, 6), ==, 0);
    g_assert_cmphex(pixel_at(target, 4, 6), ==, 0xffffff);
    pixman_image_unref(target);

    screen_move_cursor(&screen, 1, 3, false);
    target = paint(&screen, (ScreenRect) { 2, 2, 4, 4 }, SCREEN_PLANES);
    g_assert_cmphex(pixel_at(target, 3, 5), ==,
                    pixel_at(buffer->image, 1, 3));
    pixman_image_unref(target);
    screen_finish(&screen);
}

/* A dma-buf of two pixels */
static ScreenBuffer *new_overlay(uint32_t fourcc, uint32_t a, uint32_t b)
{
    ScreenBuffer *buffer = screen_buffer_new();
    uint32_t pixels[] = { a, b };

    buffer->fds[0] = memfd_create("buffer", 0);
    g_assert_cmpint(ftruncate(buffer->fds[0], 4096), ==, 0);
    g_assert_cmpint(pwrite(buffer->fds[0], pixels, 8, 0), ==, 8);
    buffer->width = 2;
    buffer->height = 1;
    buffer->num_planes = 1;
    buffer->strides[0] = 8;
    buffer->fourcc = fourcc;
    return buffer;
}

/* Planes lie over the picture in their order, each as its alpha is meant. */
static void test_paint_planes(void)
{
    ScreenBuffer *buffer = new_pixels(4, 4);
    ScreenPlane planes[SCREEN_PLANES] = {
        [SCREEN_OVERLAY] = {
            new_overlay(DRM_FORMAT_XRGB8888, 0x00112233, 0x00445566),
            { 0, 0, 2, 1 }, { -1, 0, 2, 1 },
        },
        [SCREEN_OVERLAY + 1] = {
            new_overlay(DRM_FORMAT_ARGB8888, 0x80ff0000, 0xff0000ff),
            { 0, 0, 2, 1 }, { 0, 0, 2, 1 },
        },
    };
    Screen screen;
    pixman_image_t *target;

    planes[SCREEN_OVERLAY + 1].buffer->straight_alpha = true;
    screen_init(&screen);
    screen_show(&screen, buffer, whole(buffer), true);
    screen_set_planes(&screen, planes, 0, 0);
    target = paint(&screen, (ScreenRect) { 2, 2, 4, 4 }, SCREEN_PLANES);
    g_assert_cmphex(pixel_at(target, 1, 2), ==, 0x112233);
    /* Half red over 0x445566 */
    g_assert_cmphex(pixel_at(target, 2, 2), ==, 0xa22a33);
    g_assert_cmphex(pixel_at(target, 3, 2), ==, 0x0000ff);
    g_assert_cmphex(pixel_at(target, 4, 2), ==,
                    pixel_at(buffer->image, 2, 0));
    pixman_image_unref(target);
    /* Pixels have no planes over them. */
    screen_show(&screen, new_pixels(4, 4), whole(buffer), false);
    g_assert_null(screen.planes[SCREEN_OVERLAY].buffer);
    screen_finish(&screen);
}

/* Memory that goes while it is read is no picture, and no end either. */
static void test_lost(void)
{
    ScreenBuffer *buffer = new_overlay(DRM_FORMAT_XRGB8888, 0x112233, 0);
    pixman_image_t *target = pixman_image_create_bits(PIXMAN_x8r8g8b8, 2, 1,
                                                      NULL, 0);
    ScreenPlane plane = { buffer, { 0, 0, 2, 1 }, { 0, 0, 2, 1 } };
    pixman_region32_t all;
    Screen screen;

    screen_init(&screen);
    pixman_region32_init_rect(&all, 0, 0, 2, 1);
    g_assert_true(screen_paint_plane(&screen, &plane, target, &all));
    g_assert_cmphex(pixel_at(target, 0, 0), ==, 0x112233);
    g_assert_cmpint(ftruncate(buffer->fds[0], 0), ==, 0);
    for (int i = 0; i < 2; i++) {
        errno = 0;
        g_assert_false(screen_paint_plane(&screen, &plane, target, &all));
        g_assert_cmpint(errno, ==, EFAULT);
    }
    pixman_region32_fini(&all);
    pixman_image_unref(target);
    screen_buffer_unref(buffer);
    screen_finish(&screen);
}

static void test_crop(void)
{
    static const struct {
        const char *why;
        ScreenRect view, place, within, to;
        ScreenCrop crop;
    } cases[] = {
        { "all of it", { 0, 0, 10, 20 }, { 5, 6, 10, 20 }, { 0, 0, 99, 99 },
          { 5, 6, 10, 20 }, { 0, 0, 10, 20 } },
        { "over the top left", { 0, 0, 10, 20 }, { -3, -4, 10, 20 },
          { 0, 0, 99, 99 }, { 0, 0, 7, 16 }, { 3, 4, 7, 16 } },
        { "over the bottom right", { 1, 2, 10, 20 }, { 95, 90, 10, 20 },
          { 0, 0, 99, 99 }, { 95, 90, 4, 9 }, { 1, 2, 4, 9 } },
        { "twice as large", { 0, 0, 10, 10 }, { -10, 0, 20, 20 },
          { 0, 0, 99, 99 }, { 0, 0, 10, 20 }, { 5, 0, 5, 10 } },
        { "beside it", { 0, 0, 10, 20 }, { 99, 0, 10, 20 }, { 0, 0, 99, 99 },
          { 0, 0, 0, 0 }, { 0, 0, 0, 0 } },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        ScreenRect to;
        ScreenCrop crop = screen_rect_crop(cases[i].view, cases[i].place,
                                           cases[i].within, &to);

        g_test_message("%s", cases[i].why);
        g_assert_cmpmem(&to, sizeof(to), &cases[i].to, sizeof(to));
        g_assert_cmpfloat(crop.width, ==, cases[i].crop.width);
        g_assert_cmpfloat(crop.height, ==, cases[i].crop.height);
        if (to.width) {
            g_assert_cmpfloat(crop.x, ==, cases[i].crop.x);
            g_assert_cmpfloat(crop.y, ==, cases[i].crop.y);
        }
    }
}

static void test_damage_scaled(void)
{
    Screen screen;
    ScreenBuffer *buffer = new_pixels(100, 100);
    pixman_region32_t damage;
    pixman_box32_t *box;

    screen_init(&screen);
    screen_show(&screen, buffer, whole(buffer), false);
    pixman_region32_init_rect(&damage, 10, 20, 1, 1);
    screen_damage_on(&screen, &damage, (ScreenRect) { 5, 6, 100, 100 });
    box = pixman_region32_extents(&damage);
    g_assert_cmpint(box->x1, ==, 15);
    g_assert_cmpint(box->y2, ==, 27);
    pixman_region32_fini(&damage);

    /* No less than the filter reads, and nothing beside the picture. */
    pixman_region32_init_rect(&damage, 0, 50, 1, 1);
    screen_damage_on(&screen, &damage, (ScreenRect) { 5, 6, 150, 150 });
    box = pixman_region32_extents(&damage);
    g_assert_cmpint(box->x1, ==, 5);
    g_assert_cmpint(box->x2, >=, 5 + 3);
    g_assert_cmpint(box->y1, <=, 6 + 74);
    g_assert_cmpint(box->y2, >=, 6 + 78);
    pixman_region32_fini(&damage);
    screen_finish(&screen);
}

/* --- Updates, and when they are answered --- */

static GPtrArray *answered;

/* GIO's is not called: these invocations are only told apart. */
void g_dbus_method_invocation_return_value(GDBusMethodInvocation *invocation,
                                           GVariant *parameters)
{
    g_ptr_array_add(answered, invocation);
}

static int first, second;
#define FIRST ((GDBusMethodInvocation *)&first)
#define SECOND ((GDBusMethodInvocation *)&second)

typedef struct Output {
    Screen screen;
    int changes;
} Output;

static void output_changed(void *opaque)
{
    ((Output *)opaque)->changes++;
}

static bool output_takes(void *opaque, ScreenBuffer *buffer)
{
    return false;
}

static const ScreenOutputOps output_ops = {
    .picture_changed = output_changed,
    .cursor_changed = output_changed,
    .takes = output_takes,
};

static void output_init(Output *output)
{
    ScreenBuffer *buffer = new_pixels(4, 4);

    answered = g_ptr_array_new();
    output->changes = 0;
    screen_init(&output->screen);
    screen_set_output(&output->screen, &output_ops, output);
    screen_show(&output->screen, buffer, whole(buffer), false);
    g_assert_cmpint(output->changes, ==, 1);
}

static void output_finish(Output *output)
{
    screen_set_output(&output->screen, NULL, NULL);
    screen_finish(&output->screen);
    g_ptr_array_unref(answered);
}

static void take(Screen *screen, unsigned serial)
{
    pixman_region32_t damage;

    pixman_region32_init(&damage);
    screen_take(screen, serial, &damage);
    pixman_region32_fini(&damage);
}

static void test_hold(void)
{
    Output output;

    output_init(&output);
    screen_hold(&output.screen, FIRST);
    screen_damage(&output.screen, (ScreenRect) { 0, 0, 1, 1 });
    /* An older frame is done; this update is in none yet. */
    screen_done(&output.screen, 7);
    g_assert_cmpuint(answered->len, ==, 0);
    take(&output.screen, 8);
    screen_hold(&output.screen, SECOND);
    screen_done(&output.screen, 8);
    g_assert_cmpuint(answered->len, ==, 1);
    g_assert_true(answered->pdata[0] == FIRST);
    take(&output.screen, 9);
    screen_done(&output.screen, 9);
    g_assert_cmpuint(answered->len, ==, 2);
    g_assert_true(answered->pdata[1] == SECOND);
    g_assert_cmpuint(output.screen.stats.held_too_long, ==, 0);
    output_finish(&output);
}

static void test_hold_serial_wraps(void)
{
    Output output;

    output_init(&output);
    screen_hold(&output.screen, FIRST);
    take(&output.screen, UINT_MAX);
    screen_done(&output.screen, 0);
    g_assert_cmpuint(answered->len, ==, 1);
    output_finish(&output);
}

static void test_hold_ends(void)
{
    Output output;

    output_init(&output);
    screen_hold(&output.screen, FIRST);
    take(&output.screen, 1);
    /* An output that never says that it is shown does not stop the guest. */
    while (!answered->len) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_assert_cmpuint(output.screen.stats.held_too_long, ==, 1);
    screen_done(&output.screen, 1);
    g_assert_cmpuint(answered->len, ==, 1);
    /* Nor does one that ends. */
    screen_hold(&output.screen, SECOND);
    screen_finish(&output.screen);
    g_assert_cmpuint(answered->len, ==, 2);
    g_ptr_array_unref(answered);
}

static bool is_bottom_up(const ScreenBuffer *buffer)
{
    return buffer->bottom_up;
}

static void test_frames(void)
{
    Output output;
    Screen *screen = &output.screen;
    /* Upside down: the output still reads from it. */
    ScreenBuffer a = { .bottom_up = true }, b = { .bottom_up = true };
    ScreenFrame first_frame = { .serial = 1 };
    ScreenFrame second_frame = { .serial = 2, .before[1] = &a };
    ScreenFrame third_frame = { .serial = 3, .before[0] = &b };
    GQueue frames = G_QUEUE_INIT;

    output_init(&output);
    screen_hold(screen, FIRST);
    take(screen, 1);
    g_queue_push_tail(&frames, &first_frame);
    screen_complete_frames(screen, &frames, is_bottom_up);
    g_assert_cmpuint(answered->len, ==, 0);
    first_frame.shown = true;
    screen_complete_frames(screen, &frames, is_bottom_up);
    g_assert_cmpuint(answered->len, ==, 1);

    /* The second is shown, and the first one's buffer is still read from. */
    screen_hold(screen, SECOND);
    take(screen, 2);
    g_queue_push_tail(&frames, &second_frame);
    second_frame.shown = true;
    screen_complete_frames(screen, &frames, is_bottom_up);
    g_assert_cmpuint(answered->len, ==, 1);
    /* A third does not overtake it. */
    screen_hold(screen, FIRST);
    take(screen, 3);
    g_queue_push_tail(&frames, &third_frame);
    third_frame.shown = true;
    b.bottom_up = false;
    screen_complete_frames(screen, &frames, is_bottom_up);
    g_assert_cmpuint(answered->len, ==, 1);
    a.bottom_up = false;
    screen_complete_frames(screen, &frames, is_bottom_up);
    g_assert_cmpuint(answered->len, ==, 3);
    g_assert_true(answered->pdata[1] == SECOND);
    g_queue_clear(&frames);
    output_finish(&output);
}

static void test_await_update(void)
{
    Output output;
    ScreenBuffer *buffer = new_pixels(4, 4);

    output_init(&output);
    /* A frame without its update would cost the next one a refresh. */
    screen_show(&output.screen, buffer, whole(buffer), true);
    g_assert_cmpint(output.changes, ==, 1);
    screen_damage(&output.screen, (ScreenRect) { 0, 0, 4, 4 });
    g_assert_cmpint(output.changes, ==, 2);
    /* It is shown without one, too. */
    buffer = new_pixels(4, 4);
    screen_show(&output.screen, buffer, whole(buffer), true);
    while (output.changes < 3) {
        g_main_context_iteration(NULL, TRUE);
    }
    output_finish(&output);
}

static void test_damage(void)
{
    Output output;
    pixman_region32_t damage;

    output_init(&output);
    take(&output.screen, 1);
    screen_damage(&output.screen, (ScreenRect) { 3, 3, 100, 100 });
    screen_damage(&output.screen, (ScreenRect) { -5, 0, 6, 1 });
    screen_damage(&output.screen, (ScreenRect) { 4, 0, 1, 1 });
    g_assert_cmpint(output.changes, ==, 3);
    pixman_region32_init(&damage);
    screen_take(&output.screen, 2, &damage);
    g_assert_true(pixman_region32_contains_point(&damage, 3, 3, NULL));
    g_assert_true(pixman_region32_contains_point(&damage, 0, 0, NULL));
    g_assert_false(pixman_region32_contains_point(&damage, 1, 1, NULL));
    g_assert_false(pixman_region32_contains_point(&damage, 4, 0, NULL));
    g_assert_false(pixman_region32_not_empty(&output.screen.damage));
    pixman_region32_fini(&damage);
    output_finish(&output);
}

/* --- Buffers that come again --- */

static int freed;

static void count_free(void *import)
{
    freed++;
}

/* A dma-buf that nobody reads, as it comes with a message */
static ScreenBuffer *new_dmabuf(ino_t inode, int width, uint32_t offset)
{
    ScreenBuffer *buffer = screen_buffer_new();

    buffer->width = buffer->height = width;
    buffer->num_planes = 1;
    buffer->inode = inode;
    buffer->offsets[0] = offset;
    buffer->import_free = count_free;
    return buffer;
}

static ScreenBuffer *show(Screen *screen, ScreenBuffer *buffer)
{
    ScreenBuffer *known = screen_recent(screen, buffer);

    screen_show(screen, known, whole(known), true);
    return known;
}

static void test_recent(void)
{
    Screen screen;
    ScreenBuffer *a, *b;

    freed = 0;
    screen_init(&screen);
    a = show(&screen, new_dmabuf(1, 4, 0));
    b = show(&screen, new_dmabuf(2, 4, 0));
    g_assert_true(show(&screen, new_dmabuf(1, 4, 0)) == a);
    g_assert_true(show(&screen, new_dmabuf(2, 4, 0)) == b);
    g_assert_cmpint(freed, ==, 2);
    /* Another place in it is another picture. */
    g_assert_true(show(&screen, new_dmabuf(2, 4, 64)) != b);
    /* No more are kept than a guest flips between. */
    for (int i = 3; i < 19; i++) {
        show(&screen, new_dmabuf(i, 4, 0));
    }
    g_assert_cmpint(freed, ==, 5);
    g_assert_true(show(&screen, new_dmabuf(3, 4, 0)));
    g_assert_cmpint(freed, ==, 6);
    /* None of another mode, but what is on screen. */
    a = show(&screen, new_dmabuf(1, 8, 0));
    g_assert_cmpint(freed, ==, 22);
    g_assert_true(show(&screen, new_dmabuf(1, 8, 0)) == a);
    g_assert_cmpint(freed, ==, 23);
    screen_show(&screen, NULL, (ScreenRect) { }, false);
    g_assert_cmpint(freed, ==, 24);
    screen_finish(&screen);
}

/* The CPU reads no row that ends outside of the buffer's memory. */
static void test_stride(void)
{
    static const struct {
        uint32_t stride;
        bool mapped;
    } cases[] = {
        { 4096, true }, { 4100, true }, { 4095, false }, { 4092, false },
        { 4, false }, { 0x80000000, false }, { 0xfffffffc, false },
    };

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        ScreenBuffer *buffer = screen_buffer_new();

        buffer->fds[0] = memfd_create("buffer", 0);
        g_assert_cmpint(ftruncate(buffer->fds[0], 3 * 4096), ==, 0);
        buffer->width = 1024;
        buffer->height = 3;
        buffer->num_planes = 1;
        buffer->strides[0] = cases[i].stride;
        buffer->fourcc = DRM_FORMAT_XRGB8888;
        g_test_message("%u", cases[i].stride);
        g_assert_cmpint(screen_buffer_image(buffer) != NULL, ==,
                        cases[i].mapped);
        screen_buffer_unref(buffer);
    }
}

/* Pixman reckons in int: it gets no more rows than that. */
static void test_stride_and_rows(void)
{
    ScreenBuffer *buffer = screen_buffer_new();

    buffer->fds[0] = memfd_create("buffer", 0);
    g_assert_cmpint(ftruncate(buffer->fds[0], 16ll << 30), ==, 0);
    buffer->width = 4;
    buffer->height = 5;
    buffer->num_planes = 1;
    buffer->strides[0] = 0x7ffffffc;
    buffer->fourcc = DRM_FORMAT_XRGB8888;
    g_assert_nonnull(screen_buffer_image(buffer));
    g_assert_cmpint(pixman_image_get_height(buffer->image), ==, 1);
    screen_buffer_unref(buffer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vgpu-screen/fit", test_fit);
    g_test_add_func("/vgpu-screen/intersect", test_intersect);
    g_test_add_func("/vgpu-screen/mode", test_mode);
    g_test_add_func("/vgpu-screen/to-picture", test_to_picture);
    g_test_add_func("/vgpu-screen/paint", test_paint);
    g_test_add_func("/vgpu-screen/paint-cursor", test_paint_cursor);
    g_test_add_func("/vgpu-screen/paint-planes", test_paint_planes);
    g_test_add_func("/vgpu-screen/lost", test_lost);
    g_test_add_func("/vgpu-screen/crop", test_crop);
    g_test_add_func("/vgpu-screen/damage-scaled", test_damage_scaled);
    g_test_add_func("/vgpu-screen/hold", test_hold);
    g_test_add_func("/vgpu-screen/hold-serial-wraps", test_hold_serial_wraps);
    g_test_add_func("/vgpu-screen/hold-ends", test_hold_ends);
    g_test_add_func("/vgpu-screen/frames", test_frames);
    g_test_add_func("/vgpu-screen/await-update", test_await_update);
    g_test_add_func("/vgpu-screen/damage", test_damage);
    g_test_add_func("/vgpu-screen/recent", test_recent);
    g_test_add_func("/vgpu-screen/stride", test_stride);
    g_test_add_func("/vgpu-screen/stride-and-rows", test_stride_and_rows);
    return g_test_run();
}
