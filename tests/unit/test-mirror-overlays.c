/*
 * Overlay planes over the console's mirror
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/dmabuf-map.h"
#include "ui/mirror-overlays.h"

#define SCREEN_WIDTH 200
#define SCREEN_HEIGHT 100
#define WIDTH 70
#define HEIGHT 40

static bool busy;

/* In the place of ui/dmabuf-map.c, whose ioctls need a dma-buf. */
bool dmabuf_sync_read_begin(int fd)
{
    return !busy;
}

void dmabuf_sync_read_end(int fd)
{
}

/* An overlay of one colour, as its device has it. */
typedef struct Plane {
    uint32_t pixels[HEIGHT * WIDTH];
    MirrorFrame frame;
} Plane;

static void init_plane(Plane *plane, uint32_t fourcc, uint32_t colour)
{
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        plane->pixels[i] = colour;
    }
    plane->frame = (MirrorFrame) {
        .format = ui_pixel_format_find(fourcc),
        .width = WIDTH,
        .height = HEIGHT,
        .readable = HEIGHT,
        .stride = WIDTH * 4,
        .map = (uint8_t *)plane->pixels,
        .fd = -1,
    };
}

static pixman_image_t *new_screen(void)
{
    pixman_image_t *screen =
        pixman_image_create_bits(PIXMAN_x8r8g8b8, SCREEN_WIDTH, SCREEN_HEIGHT,
                                 NULL, 0);

    memset(pixman_image_get_data(screen), 0x40,
           pixman_image_get_stride(screen) * SCREEN_HEIGHT);
    return screen;
}

#define BACKGROUND 0x404040

static uint32_t pixel_of(pixman_image_t *screen, int x, int y)
{
    return pixman_image_get_data(screen)
        [y * pixman_image_get_stride(screen) / 4 + x] & 0xffffff;
}

static void draw(MirrorOverlays *overlays, pixman_image_t *screen)
{
    const pixman_box32_t all = { .x2 = SCREEN_WIDTH, .y2 = SCREEN_HEIGHT };

    mirror_overlays_draw(overlays, screen, &all);
}

static void assert_damage(MirrorOverlays *overlays, const pixman_box32_t *want,
                          int n)
{
    pixman_region32_t got, expected;

    pixman_region32_init(&got);
    pixman_region32_init_rects(&expected, want, n);
    mirror_overlays_take_damage(overlays, &got);
    g_assert_true(pixman_region32_equal(&got, &expected));
    pixman_region32_fini(&got);
    pixman_region32_fini(&expected);
}

typedef struct PositionCase {
    const char *name;
    int32_t x;
    int32_t y;
} PositionCase;

static const PositionCase positions[] = {
    { "inside", 50, 20 },
    { "left-edge", -35, 20 },
    { "top-edge", 50, -39 },
    { "right-edge", SCREEN_WIDTH - 1, 20 },
    { "bottom-right-corner", SCREEN_WIDTH - 10, SCREEN_HEIGHT - 10 },
    { "off-left", -WIDTH, 0 },
    { "off-bottom", 0, SCREEN_HEIGHT },
    { "farthest-left", INT32_MIN, 0 },
    { "farthest-right", INT32_MAX, INT32_MAX },
};

static void test_position(const void *data)
{
    const PositionCase *c = data;
    MirrorOverlays *overlays = mirror_overlays_new();
    pixman_image_t *screen = new_screen();
    Plane plane;

    init_plane(&plane, DRM_FORMAT_XRGB8888, 0x123456);
    mirror_overlays_show(overlays, 1, &plane.frame, c->x, c->y, 0);
    draw(overlays, screen);
    for (int y = 0; y < SCREEN_HEIGHT; y++) {
        for (int x = 0; x < SCREEN_WIDTH; x++) {
            bool inside = x >= c->x && x - (int64_t)c->x < WIDTH &&
                y >= c->y && y - (int64_t)c->y < HEIGHT;

            g_assert_cmphex(pixel_of(screen, x, y), ==,
                            inside ? 0x123456 : BACKGROUND);
        }
    }
    pixman_image_unref(screen);
    mirror_overlays_free(overlays);
}

/* Only the part that is asked for is drawn. */
static void test_part(void)
{
    const pixman_box32_t box = { 10, 10, 20, 20 };
    MirrorOverlays *overlays = mirror_overlays_new();
    pixman_image_t *screen = new_screen();
    Plane plane;

    init_plane(&plane, DRM_FORMAT_XRGB8888, 0xffffff);
    mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0);
    mirror_overlays_draw(overlays, screen, &box);
    g_assert_cmphex(pixel_of(screen, 9, 10), ==, BACKGROUND);
    g_assert_cmphex(pixel_of(screen, 10, 9), ==, BACKGROUND);
    g_assert_cmphex(pixel_of(screen, 10, 10), ==, 0xffffff);
    g_assert_cmphex(pixel_of(screen, 19, 19), ==, 0xffffff);
    g_assert_cmphex(pixel_of(screen, 20, 19), ==, BACKGROUND);
    g_assert_cmphex(pixel_of(screen, 19, 20), ==, BACKGROUND);
    pixman_image_unref(screen);
    mirror_overlays_free(overlays);
}

/* So far away that it can be nowhere on a screen: as good as hidden. */
static void test_far(void)
{
    static const struct {
        int32_t x, y;
        bool shown;
    } cases[] = {
        { MIRROR_OVERLAY_FAR - 1, 0, true },
        { 1 - MIRROR_OVERLAY_FAR, 0, true },
        { 0, MIRROR_OVERLAY_FAR - 1, true },
        { MIRROR_OVERLAY_FAR, 0, false },
        { -MIRROR_OVERLAY_FAR, 0, false },
        { 0, MIRROR_OVERLAY_FAR, false },
        { 0, INT32_MIN, false },
        { INT32_MAX, INT32_MAX, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        MirrorOverlays *overlays = mirror_overlays_new();
        Plane plane;

        init_plane(&plane, DRM_FORMAT_XRGB8888, 0xffffff);
        mirror_overlays_show(overlays, 0, &plane.frame, cases[i].x,
                             cases[i].y, 0);
        g_assert_cmpint(mirror_overlays_any(overlays), ==, cases[i].shown);
        mirror_overlays_free(overlays);
    }
}

static uint32_t top(MirrorOverlays *overlays)
{
    pixman_image_t *screen = new_screen();
    uint32_t pixel;

    draw(overlays, screen);
    pixel = pixel_of(screen, 0, 0);
    pixman_image_unref(screen);
    return pixel;
}

static void test_stacking(void)
{
    MirrorOverlays *overlays = mirror_overlays_new();
    Plane plane[3];

    for (int i = 0; i < 3; i++) {
        init_plane(&plane[i], DRM_FORMAT_XRGB8888, i + 1);
        mirror_overlays_show(overlays, i, &plane[i].frame, 0, 0, 7);
    }
    g_assert_cmphex(top(overlays), ==, 3);
    mirror_overlays_show(overlays, 1, &plane[1].frame, 0, 0, 8);
    g_assert_cmphex(top(overlays), ==, 2);
    mirror_overlays_show(overlays, 0, &plane[0].frame, 0, 0, 255);
    g_assert_cmphex(top(overlays), ==, 1);
    mirror_overlays_hide(overlays, 0);
    g_assert_cmphex(top(overlays), ==, 2);
    mirror_overlays_free(overlays);
}

/* Half of it shines through, whichever way it is said. */
static void test_alpha(void)
{
    MirrorOverlays *overlays = mirror_overlays_new();
    Plane plane;

    init_plane(&plane, DRM_FORMAT_ARGB8888, 0x80800000);
    mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0);
    g_assert_cmphex(top(overlays), ==, 0xa02020);

    init_plane(&plane, DRM_FORMAT_ARGB8888, 0x80ff0000);
    plane.frame.straight_alpha = true;
    mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0);
    g_assert_cmphex(top(overlays), ==, 0xa02020);

    /* bits that do not count */
    init_plane(&plane, DRM_FORMAT_XRGB8888, 0x00112233);
    mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0);
    g_assert_cmphex(top(overlays), ==, 0x112233);
    mirror_overlays_free(overlays);
}

static void test_damage(void)
{
    const pixman_box32_t at_origin = { 0, 0, WIDTH, HEIGHT };
    const pixman_box32_t both[2] = {
        { 0, 0, WIDTH, HEIGHT },
        { 100, -5, 100 + WIDTH, -5 + HEIGHT },
    };
    const pixman_box32_t tile = {
        100 + DAMAGE_TILE_WIDTH, -5 + 2 * DAMAGE_TILE_HEIGHT,
        100 + WIDTH, -5 + HEIGHT,
    };
    const pixman_box32_t tiles[2] = {
        { 100, -5, 100 + DAMAGE_TILE_WIDTH, -5 + DAMAGE_TILE_HEIGHT },
        { 100, -5 + 2 * DAMAGE_TILE_HEIGHT, 100 + DAMAGE_TILE_WIDTH,
          -5 + HEIGHT },
    };
    MirrorOverlays *overlays = mirror_overlays_new();
    Plane plane;

    init_plane(&plane, DRM_FORMAT_ARGB8888, 0xff00ff00);
    g_assert_false(mirror_overlays_any(overlays));
    mirror_overlays_show(overlays, 2, &plane.frame, 0, 0, 0);
    g_assert_true(mirror_overlays_any(overlays));
    assert_damage(overlays, &at_origin, 1);

    /* as it was */
    mirror_overlays_show(overlays, 2, &plane.frame, 0, 0, 0);
    assert_damage(overlays, NULL, 0);

    mirror_overlays_show(overlays, 2, &plane.frame, 100, -5, 0);
    assert_damage(overlays, &both[0], 2);

    plane.pixels[HEIGHT * WIDTH - 1] = 0;
    mirror_overlays_show(overlays, 2, &plane.frame, 100, -5, 0);
    assert_damage(overlays, &tile, 1);

    /* each tile that differs, and none that did before */
    plane.pixels[0] = 0;
    plane.pixels[WIDTH * (HEIGHT - 1)] = 0;
    mirror_overlays_show(overlays, 2, &plane.frame, 100, -5, 0);
    assert_damage(overlays, tiles, 2);
    plane.pixels[0] = 1;
    mirror_overlays_show(overlays, 2, &plane.frame, 100, -5, 0);
    assert_damage(overlays, tiles, 1);

    /* another place in the stack, another kind of pixels */
    mirror_overlays_show(overlays, 2, &plane.frame, 100, -5, 1);
    assert_damage(overlays, &both[1], 1);
    plane.frame.format = ui_pixel_format_find(DRM_FORMAT_XRGB8888);
    mirror_overlays_show(overlays, 2, &plane.frame, 100, -5, 1);
    assert_damage(overlays, &both[1], 1);

    mirror_overlays_hide(overlays, 2);
    g_assert_true(mirror_overlays_any(overlays));
    assert_damage(overlays, &both[1], 1);
    g_assert_false(mirror_overlays_any(overlays));
    assert_damage(overlays, NULL, 0);

    /* shown and hidden before anybody looked */
    mirror_overlays_show(overlays, 2, &plane.frame, 0, 0, 0);
    mirror_overlays_hide(overlays, 2);
    assert_damage(overlays, NULL, 0);
    mirror_overlays_free(overlays);
}

/* What cannot be read now keeps its last picture, or has none. */
static void test_busy(void)
{
    MirrorOverlays *overlays = mirror_overlays_new();
    FILE *file = tmpfile();
    Plane plane;

    init_plane(&plane, DRM_FORMAT_XRGB8888, 0x111111);
    plane.frame.fd = fileno(file);
    g_assert_cmpint(ftruncate(plane.frame.fd, sizeof(plane.pixels)), ==, 0);

    busy = true;
    g_assert_cmpint(mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0),
                    ==, MIRROR_BUSY);
    g_assert_cmphex(top(overlays), ==, BACKGROUND);
    g_assert_false(mirror_overlays_any(overlays));
    busy = false;
    mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0);
    g_assert_cmphex(top(overlays), ==, 0x111111);

    plane.pixels[0] = 0x222222;
    busy = true;
    mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0);
    g_assert_cmphex(top(overlays), ==, 0x111111);
    busy = false;
    mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0);
    g_assert_cmphex(top(overlays), ==, 0x222222);

    g_assert_cmpint(ftruncate(plane.frame.fd, 1), ==, 0);
    plane.frame.width--;
    g_assert_cmpint(mirror_overlays_show(overlays, 0, &plane.frame, 0, 0, 0),
                    ==, MIRROR_VANISHED);
    g_assert_cmphex(top(overlays), ==, BACKGROUND);
    fclose(file);
    mirror_overlays_free(overlays);
}

static void test_none(void)
{
    MirrorOverlays *overlays = mirror_overlays_new();

    mirror_overlays_hide(overlays, 0);
    g_assert_false(mirror_overlays_any(overlays));
    assert_damage(overlays, NULL, 0);
    draw(overlays, NULL);
    mirror_overlays_free(overlays);
    mirror_overlays_free(NULL);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(positions); i++) {
        g_autofree char *path =
            g_strdup_printf("/mirror-overlays/position/%s", positions[i].name);

        g_test_add_data_func(path, &positions[i], test_position);
    }
    g_test_add_func("/mirror-overlays/part", test_part);
    g_test_add_func("/mirror-overlays/far", test_far);
    g_test_add_func("/mirror-overlays/stacking", test_stacking);
    g_test_add_func("/mirror-overlays/alpha", test_alpha);
    g_test_add_func("/mirror-overlays/damage", test_damage);
    g_test_add_func("/mirror-overlays/busy", test_busy);
    g_test_add_func("/mirror-overlays/none", test_none);
    return g_test_run();
}
