/*
 * vGPU display: cursor and overlay planes
 *
 * What the display composes is compared with what pixman makes of the same
 * planes here, pixel by pixel; the cursor with what a VNC client was given.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include <pixman.h>
#include "qemu/bswap.h"
#include "vgpu-fixture.h"
#include "vgpu-rfb.h"

/* Where the tests' planes are in video memory. */
#define PRIMARY_AT 0
#define CURSOR_AT (4 * 1024 * 1024)
#define OVERLAY_AT(i) ((8 + 4 * (i)) * 1024 * 1024)

#define UNKNOWN 0xffffffff

/* A plane as its registers say, and the bytes of its pixels. */
typedef struct Plane {
    unsigned number;        /* VGPU_SW_CURSOR, VGPU_SW_OVERLAY(i) */
    uint32_t fourcc;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t offset;
    uint32_t id;
    int32_t x;
    int32_t y;
    uint32_t hot_x;
    uint32_t hot_y;
    uint32_t zpos;
    uint32_t flags;
    uint8_t *bytes;
    size_t len;
} Plane;

static uint32_t noise(uint32_t key)
{
    key = (key ^ (key >> 16)) * 0x45d9f3b;
    key = (key ^ (key >> 16)) * 0x45d9f3b;
    return key ^ (key >> 16);
}

static bool has_alpha(uint32_t fourcc)
{
    return fourcc == DRM_FORMAT_ARGB8888 || fourcc == DRM_FORMAT_ABGR8888;
}

static uint32_t bytes_per_pixel(uint32_t fourcc)
{
    switch (fourcc) {
    case DRM_FORMAT_NV12:
        return 1;
    case DRM_FORMAT_YUYV:
    case DRM_FORMAT_RGB565:
        return 2;
    default:
        return 4;
    }
}

/*
 * Noise, in which no colour is more than its alpha: every alpha there is, with
 * many of the extremes.
 */
static void fill(Plane *plane, uint32_t seed)
{
    for (size_t i = 0; i < plane->len; i++) {
        plane->bytes[i] = noise(seed << 22 ^ i);
    }
    for (size_t i = 0; has_alpha(plane->fourcc) && i < plane->len; i += 4) {
        uint8_t *pixel = plane->bytes + i;

        if (pixel[3] % 4 == 0) {
            pixel[3] = pixel[3] & 4 ? 0 : 0xff;
        }
        for (int c = 0; c < 3 && !(plane->flags & VGPU_SW_PLANE_STRAIGHT);
             c++) {
            pixel[c] %= pixel[3] + 1;
        }
    }
}

static Plane new_plane(unsigned number, uint32_t fourcc, uint32_t width,
                       uint32_t height, uint32_t flags)
{
    uint32_t bpp = bytes_per_pixel(fourcc);
    uint32_t rows = fourcc == DRM_FORMAT_NV12 ? height + (height + 1) / 2
                                              : height;
    Plane plane = {
        .number = number,
        .fourcc = fourcc,
        .width = width,
        .height = height,
        .stride = ROUND_UP(width, 2) * bpp + 8,
        .offset = number == VGPU_SW_CURSOR ? CURSOR_AT
                                           : OVERLAY_AT(number - 2),
        .flags = flags,
    };

    plane.len = plane.stride * rows;
    plane.bytes = g_malloc(plane.len);
    fill(&plane, number);
    return plane;
}

static void set(VGPU *vgpu, unsigned plane, unsigned reg, uint32_t value)
{
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, reg), value);
}

static void upload(VGPU *vgpu, const Plane *plane)
{
    qtest_bufwrite(vgpu->machine->qts, vgpu->vram.addr + plane->offset,
                   plane->bytes, plane->len);
}

/* Sets the registers; a commit shows it. */
static void set_plane(VGPU *vgpu, const Plane *plane)
{
    set(vgpu, plane->number, VGPU_SW_ENABLE, 1);
    set(vgpu, plane->number, VGPU_SW_WIDTH, plane->width);
    set(vgpu, plane->number, VGPU_SW_HEIGHT, plane->height);
    set(vgpu, plane->number, VGPU_SW_STRIDE, plane->stride);
    set(vgpu, plane->number, VGPU_SW_FOURCC, plane->fourcc);
    set(vgpu, plane->number, VGPU_SW_OFFSET_LO, plane->offset);
    set(vgpu, plane->number, VGPU_SW_ID, plane->id);
    set(vgpu, plane->number, VGPU_SW_X, plane->x);
    set(vgpu, plane->number, VGPU_SW_Y, plane->y);
    set(vgpu, plane->number, VGPU_SW_HOT_X, plane->hot_x);
    set(vgpu, plane->number, VGPU_SW_HOT_Y, plane->hot_y);
    set(vgpu, plane->number, VGPU_SW_ZPOS, plane->zpos);
    set(vgpu, plane->number, VGPU_SW_PLANE_FLAGS, plane->flags);
}

static void commit(VGPU *vgpu)
{
    vgpu_write(vgpu, VGPU_SW_COMMIT, 1);
}

static void show(VGPU *vgpu, const Plane *plane)
{
    upload(vgpu, plane);
    set_plane(vgpu, plane);
    commit(vgpu);
}

static void hide(VGPU *vgpu, const Plane *plane)
{
    set(vgpu, plane->number, VGPU_SW_ENABLE, 0);
    commit(vgpu);
}

/* --- The reference ------------------------------------------------------ */

/* Bytes as pixman has them, in 32-bit words of their own. */
static pixman_image_t *image_of(pixman_format_code_t format, uint32_t width,
                                uint32_t height, const uint8_t *bytes,
                                size_t stride)
{
    pixman_image_t *image =
        pixman_image_create_bits(format, width, height, NULL, 0);
    uint8_t *data = (uint8_t *)pixman_image_get_data(image);
    size_t len = ROUND_UP(width, 2) * PIXMAN_FORMAT_BPP(format) / 8;

    for (uint32_t y = 0; y < height; y++) {
        size_t row = pixman_image_get_stride(image);

        memcpy(data + y * row, bytes + y * stride, MIN(len, row));
    }
    return image;
}

/* The same picture with its chroma between the luma. */
static uint8_t *yuyv_of_nv12(const Plane *plane, size_t stride)
{
    uint8_t *yuyv = g_malloc0(stride * plane->height);

    for (uint32_t y = 0; y < plane->height; y++) {
        const uint8_t *luma = plane->bytes + plane->stride * y;
        const uint8_t *chroma = plane->bytes +
            plane->stride * (plane->height + y / 2);

        for (uint32_t x = 0; x < plane->width; x++) {
            yuyv[y * stride + 2 * x] = luma[x];
            yuyv[y * stride + 2 * x + 1] = chroma[x / 2 * 2 + x % 2];
        }
        if (plane->width % 2) {
            yuyv[y * stride + 2 * plane->width + 1] = chroma[plane->width];
        }
    }
    return yuyv;
}

static uint32_t times(uint32_t colour, uint32_t alpha)
{
    return (2 * colour * alpha + 255) / (2 * 255);
}

static void multiply(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i + 3 < len; i += 4) {
        for (int c = 0; c < 3; c++) {
            bytes[i + c] = times(bytes[i + c], bytes[i + 3]);
        }
    }
}

static pixman_image_t *reference_image(const Plane *plane)
{
    g_autofree uint8_t *bytes = g_memdup2(plane->bytes, plane->len);
    pixman_format_code_t format = PIXMAN_x8r8g8b8;
    size_t stride = plane->stride;

    switch (plane->fourcc) {
    case DRM_FORMAT_ARGB8888:
        format = PIXMAN_a8r8g8b8;
        break;
    case DRM_FORMAT_ABGR8888:
        format = PIXMAN_a8b8g8r8;
        break;
    case DRM_FORMAT_RGB565:
        format = PIXMAN_r5g6b5;
        break;
    case DRM_FORMAT_NV12:
        stride = ROUND_UP(plane->width, 2) * 2;
        g_free(bytes);
        bytes = yuyv_of_nv12(plane, stride);
        format = PIXMAN_yuy2;
        break;
    case DRM_FORMAT_YUYV:
        format = PIXMAN_yuy2;
        break;
    }
    if (plane->flags & VGPU_SW_PLANE_STRAIGHT && has_alpha(plane->fourcc)) {
        multiply(bytes, plane->len);
    }
    return image_of(format, plane->width, plane->height, bytes, stride);
}

static pixman_image_t *screen_of(const VGPUPicture *picture)
{
    pixman_image_t *screen =
        pixman_image_create_bits(PIXMAN_x8r8g8b8, picture->width,
                                 picture->height, NULL, 0);
    const uint8_t *rgb = picture->rgb;

    for (uint32_t y = 0; y < picture->height; y++) {
        uint32_t *row = pixman_image_get_data(screen) +
            y * pixman_image_get_stride(screen) / 4;

        for (uint32_t x = 0; x < picture->width; x++, rgb += 3) {
            row[x] = rgb[0] << 16 | rgb[1] << 8 | rgb[2];
        }
    }
    return screen;
}

static void take_screen(VGPUPicture *picture, pixman_image_t *screen)
{
    uint8_t *rgb = picture->rgb;

    for (uint32_t y = 0; y < picture->height; y++) {
        const uint32_t *row = pixman_image_get_data(screen) +
            y * pixman_image_get_stride(screen) / 4;

        for (uint32_t x = 0; x < picture->width; x++, rgb += 3) {
            rgb[0] = row[x] >> 16;
            rgb[1] = row[x] >> 8;
            rgb[2] = row[x];
        }
    }
}

/* The primary's picture with the planes over it, the first one lowest. */
static VGPUPicture *composed(const VGPUMode *mode, uint32_t seed,
                             const Plane *const *planes, size_t n)
{
    VGPUPicture *picture = vgpu_picture_of(mode, seed);
    pixman_image_t *screen = screen_of(picture);

    for (size_t i = 0; i < n; i++) {
        pixman_image_t *image = reference_image(planes[i]);

        pixman_image_composite32(PIXMAN_OP_OVER, image, NULL, screen,
                                 0, 0, 0, 0, planes[i]->x, planes[i]->y,
                                 planes[i]->width, planes[i]->height);
        pixman_image_unref(image);
    }
    take_screen(picture, screen);
    pixman_image_unref(screen);
    return picture;
}

static void expect_composed(VGPU *vgpu, const VGPUMode *mode, uint32_t seed,
                            const Plane *const *planes, size_t n)
{
    g_autoptr(VGPUPicture) want = composed(mode, seed, planes, n);
    g_autoptr(VGPUPicture) got = vgpu_screendump(vgpu);
    g_autofree char *difference = vgpu_picture_differ(want, got);

    g_assert_cmpstr(difference, ==, NULL);
}

static void expect_one(VGPU *vgpu, const VGPUMode *mode, const Plane *plane)
{
    expect_composed(vgpu, mode, 1, &plane, 1);
}

/* --- Overlays ----------------------------------------------------------- */

static VGPUMode start_picture(VGPU *vgpu)
{
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint_show_expect(vgpu, &mode, 1);
    return mode;
}

static const struct {
    int32_t x, y;
} places[] = {
    { 100, 50 }, { 0, 0 }, { -30, -20 }, { 300, 230 }, { -60, 100 },
    { 319, 239 }, { -100, 0 }, { 320, 0 }, { 0, -50 }, { INT32_MIN, 0 },
    { INT32_MAX, INT32_MAX },
};

typedef struct FormatCase {
    const char *name;
    uint32_t fourcc;
    uint32_t flags;
} FormatCase;

static const FormatCase formats[] = {
    { "xrgb8888", DRM_FORMAT_XRGB8888, 0 },
    { "argb8888", DRM_FORMAT_ARGB8888, 0 },
    { "argb8888-straight", DRM_FORMAT_ARGB8888, VGPU_SW_PLANE_STRAIGHT },
    { "abgr8888", DRM_FORMAT_ABGR8888, 0 },
    { "rgb565", DRM_FORMAT_RGB565, 0 },
    { "yuyv", DRM_FORMAT_YUYV, 0 },
    { "nv12", DRM_FORMAT_NV12, 0 },
};

static void test_overlay_format(const void *data)
{
    const FormatCase *c = data;
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = start_picture(vgpu);
    Plane plane = new_plane(VGPU_SW_OVERLAY(1), c->fourcc, 61, 37, c->flags);

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        plane.x = places[i].x;
        plane.y = places[i].y;
        show(vgpu, &plane);
        expect_one(vgpu, &mode, &plane);
        g_assert_cmpint(vgpu_plane_stat(vgpu, "overlay", 1, "x"), ==,
                        plane.x);
        g_assert_true(vgpu_plane_stat(vgpu, "overlay", 1, "visible"));
    }
    plane.x = plane.y = 10;
    for (uint32_t seed = 7; seed < 9; seed++) {
        fill(&plane, seed);
        show(vgpu, &plane);
        expect_one(vgpu, &mode, &plane);
    }
    hide(vgpu, &plane);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_false(vgpu_plane_stat(vgpu, "overlay", 1, "visible"));
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* All that the device has, over each other, in every order. */
static void test_stacking(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = start_picture(vgpu);
    Plane planes[VGPU_SW_OVERLAYS];
    const Plane *order[VGPU_SW_OVERLAYS];

    for (unsigned i = 0; i < VGPU_SW_OVERLAYS; i++) {
        planes[i] = new_plane(VGPU_SW_OVERLAY(i), DRM_FORMAT_ARGB8888,
                              80, 60, 0);
        planes[i].x = 50 + 20 * i;
        planes[i].y = 50 + 10 * i;
        upload(vgpu, &planes[i]);
    }
    for (unsigned turn = 0; turn < VGPU_SW_OVERLAYS; turn++) {
        for (unsigned i = 0; i < VGPU_SW_OVERLAYS; i++) {
            unsigned place = (i + turn) % VGPU_SW_OVERLAYS;

            planes[i].zpos = 60 * place;
            order[place] = &planes[i];
            set_plane(vgpu, &planes[i]);
        }
        commit(vgpu);
        expect_composed(vgpu, &mode, 1, order, VGPU_SW_OVERLAYS);
    }
    /* equal ones by index */
    for (unsigned i = 0; i < VGPU_SW_OVERLAYS; i++) {
        planes[i].zpos = 9;
        order[i] = &planes[i];
        set_plane(vgpu, &planes[i]);
    }
    commit(vgpu);
    expect_composed(vgpu, &mode, 1, order, VGPU_SW_OVERLAYS);
    for (unsigned i = VGPU_SW_OVERLAYS; i-- > 0;) {
        hide(vgpu, &planes[i]);
        expect_composed(vgpu, &mode, 1, order, i);
        g_free(planes[i].bytes);
    }
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* What lies under an overlay goes on: other pixels, buffers, modes. */
static void test_primary_changes(const void *options)
{
    VGPU *vgpu = vgpu_start(options);
    VGPUMode mode = start_picture(vgpu);
    Plane plane = new_plane(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                            100, 100, 0);
    const Plane *planes = &plane;

    plane.x = 33;
    plane.y = -20;
    show(vgpu, &plane);
    expect_one(vgpu, &mode, &plane);
    vgpu_paint(vgpu, &mode, 2);
    expect_composed(vgpu, &mode, 2, &planes, 1);

    mode.offset = 1024 * 1024;
    mode.id = 2;
    vgpu_paint(vgpu, &mode, 3);
    vgpu_show(vgpu, &mode);
    expect_composed(vgpu, &mode, 3, &planes, 1);

    mode = vgpu_mode(640, 400, 3);
    vgpu_paint(vgpu, &mode, 4);
    vgpu_show(vgpu, &mode);
    expect_composed(vgpu, &mode, 4, &planes, 1);

    qtest_qmp_assert_success(vgpu->machine->qts,
                             "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vgpu->machine->qts, "RESET");
    vgpu_reopen(vgpu);
    mode = vgpu_mode(320, 240, 1);
    vgpu_paint_show_expect(vgpu, &mode, 5);
    show(vgpu, &plane);
    expect_composed(vgpu, &mode, 5, &planes, 1);
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* A driver without the extension is not asked. */
static void test_no_extension(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf,overlays=0");
    VGPUMode mode = start_picture(vgpu);
    Plane plane = new_plane(VGPU_SW_OVERLAY(0), DRM_FORMAT_XRGB8888,
                            64, 64, 0);

    show(vgpu, &plane);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* An overlay that does nothing costs its comparison and no frame. */
static void test_overlay_still(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = start_picture(vgpu);
    Plane plane = new_plane(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                            64, 64, 0);
    int64_t frames;

    show(vgpu, &plane);
    expect_one(vgpu, &mode, &plane);
    frames = vgpu_stat(vgpu, "frames");
    expect_one(vgpu, &mode, &plane);
    g_assert_cmpint(vgpu_stat(vgpu, "frames"), ==, frames);
    plane.x++;
    show(vgpu, &plane);
    expect_one(vgpu, &mode, &plane);
    g_assert_cmpint(vgpu_stat(vgpu, "frames"), ==, frames + 1);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* --- What a VNC client sees --------------------------------------------- */

typedef struct Watched {
    VGPU *vgpu;
    char *dir;
    char *socket;
    VGPUViewer *viewer;
} Watched;

static Watched *watch(const char *options, VGPUCursorKind kind)
{
    Watched *w = g_new0(Watched, 1);
    VGPUMachine *machine;

    w->dir = g_dir_make_tmp("vgpu-vnc-XXXXXX", NULL);
    g_assert_nonnull(w->dir);
    w->socket = g_build_filename(w->dir, "vnc", NULL);
    machine = vgpu_machine_start("-device " VGPU_DEVICE ",id=gpu,addr=4%s%s "
                                 "-vnc unix:%s", *options ? "," : "", options,
                                 w->socket);
    w->vgpu = vgpu_open(machine, "gpu", 4);
    w->viewer = vgpu_viewer_connect_cursor(w->socket, kind);
    return w;
}

static void unwatch(Watched *w)
{
    vgpu_viewer_close(w->viewer);
    vgpu_stop(w->vgpu);
    g_unlink(w->socket);
    g_rmdir(w->dir);
    g_free(w->socket);
    g_free(w->dir);
    g_free(w);
}

static void viewer_expect(Watched *w, const VGPUPicture *want)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    for (;;) {
        g_autofree char *difference =
            vgpu_picture_differ(want, vgpu_viewer_picture(w->viewer));

        if (!difference) {
            return;
        }
        if (g_get_monotonic_time() > deadline) {
            g_assert_cmpstr(difference, ==, NULL);
        }
        vgpu_viewer_update(w->viewer);
    }
}

/* Only what is announced reaches a viewer. */
static void test_overlay_watched(void)
{
    Watched *w = watch("x-kind=dmabuf", VGPU_CURSOR_NONE);
    VGPUMode mode = start_picture(w->vgpu);
    Plane plane = new_plane(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                            90, 50, 0);
    const Plane *planes = &plane;
    g_autoptr(VGPUPicture) alone = vgpu_picture_of(&mode, 1);

    viewer_expect(w, alone);
    for (int i = 0; i < 12; i++) {
        g_autoptr(VGPUPicture) want = NULL;

        plane.x = 40 * i - 80;
        plane.y = 25 * i - 40;
        show(w->vgpu, &plane);
        want = composed(&mode, 1, &planes, 1);
        viewer_expect(w, want);
        if (i % 4 == 3) {
            hide(w->vgpu, &plane);
            viewer_expect(w, alone);
        }
    }
    g_assert_cmpuint(vgpu_machine_complaints(w->vgpu->machine), ==, 0);
    g_free(plane.bytes);
    unwatch(w);
}

/* --- Cursor ------------------------------------------------------------- */

/* The planes' last report to x-query-vgpu-display; a refresh renews it. */
static void expect_stat(VGPU *vgpu, const char *member, int64_t value)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (vgpu_plane_stat(vgpu, "cursor", 0, member) != value) {
        g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);

        if (g_get_monotonic_time() > deadline) {
            g_assert_cmpint(vgpu_plane_stat(vgpu, "cursor", 0, member), ==,
                            value);
        }
    }
}

/* NULL if the viewer has it, else what is wrong. */
static char *cursor_differ(const Watched *w, const Plane *plane,
                           uint32_t hot_x, uint32_t hot_y)
{
    const VGPUCursor *c = vgpu_viewer_cursor(w->viewer);
    pixman_image_t *image = reference_image(plane);
    char *difference = NULL;

    if (!c->count || c->width != plane->width || c->height != plane->height ||
        c->hot_x != hot_x || c->hot_y != hot_y) {
        difference = g_strdup_printf("%u cursors, %ux%u, hotspot %u,%u",
                                     c->count, c->width, c->height, c->hot_x,
                                     c->hot_y);
    }
    for (uint32_t i = 0; !difference && i < c->width * c->height; i++) {
        uint32_t want = pixman_image_get_data(image)[i];

        if (!has_alpha(plane->fourcc)) {
            want |= 0xff000000;
        }
        if (c->argb[i] != want) {
            difference = g_strdup_printf("pixel %u is 0x%08x, not 0x%08x", i,
                                         c->argb[i], want);
        }
    }
    pixman_image_unref(image);
    return difference;
}

static void expect_cursor(Watched *w, const Plane *plane, uint32_t hot_x,
                          uint32_t hot_y)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    for (;;) {
        g_autofree char *difference = cursor_differ(w, plane, hot_x, hot_y);

        if (!difference) {
            return;
        }
        if (g_get_monotonic_time() > deadline) {
            g_assert_cmpstr(difference, ==, NULL);
        }
        vgpu_viewer_update(w->viewer);
    }
}

static bool is_invisible(const VGPUCursor *c)
{
    for (uint32_t i = 0; i < c->width * c->height; i++) {
        if (c->argb[i] >> 24) {
            return false;
        }
    }
    return true;
}

static void expect_no_cursor(Watched *w)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (!is_invisible(vgpu_viewer_cursor(w->viewer))) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        vgpu_viewer_update(w->viewer);
    }
}

typedef struct CursorCase {
    const char *name;
    uint32_t fourcc;
    uint32_t flags;
    uint32_t width;
    uint32_t height;
} CursorCase;

static const CursorCase cursors[] = {
    { "multiplied", DRM_FORMAT_ARGB8888, 0, 64, 64 },
    { "straight", DRM_FORMAT_ARGB8888, VGPU_SW_PLANE_STRAIGHT, 64, 64 },
    { "odd-size", DRM_FORMAT_ARGB8888, 0, 31, 17 },
    { "largest", DRM_FORMAT_ARGB8888, 0, 256, 256 },
    { "opaque", DRM_FORMAT_XRGB8888, 0, 32, 32 },
};

static void test_cursor_alpha(const void *data)
{
    const CursorCase *c = data;
    Watched *w = watch("x-kind=dmabuf", VGPU_CURSOR_ALPHA);
    VGPUMode mode = start_picture(w->vgpu);
    Plane plane = new_plane(VGPU_SW_CURSOR, c->fourcc, c->width, c->height,
                            c->flags);
    g_autoptr(VGPUPicture) alone = vgpu_picture_of(&mode, 1);

    plane.hot_x = 5;
    plane.hot_y = c->height - 1;
    show(w->vgpu, &plane);
    expect_cursor(w, &plane, 5, c->height - 1);
    /* another image in the same buffer */
    fill(&plane, 99);
    upload(w->vgpu, &plane);
    expect_cursor(w, &plane, 5, c->height - 1);
    /* and it is on no screendump */
    viewer_expect(w, alone);
    vgpu_expect_now(w->vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_machine_complaints(w->vgpu->machine), ==, 0);
    g_free(plane.bytes);
    unwatch(w);
}

/* With the option a screendump has it, clipped at every edge. */
static void test_cursor_screendump(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf,x-screendump-cursor=on");
    VGPUMode mode = start_picture(vgpu);
    Plane plane = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 64, 64, 0);

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        plane.x = places[i].x;
        plane.y = places[i].y;
        plane.hot_x = 3 * i;
        show(vgpu, &plane);
        expect_stat(vgpu, "x", plane.x);
        expect_one(vgpu, &mode, &plane);
    }
    hide(vgpu, &plane);
    expect_stat(vgpu, "visible", 0);
    vgpu_expect_now(vgpu, &mode, 1);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* A client without alpha gets what is at least half there. */
static void test_cursor_rich(void)
{
    Watched *w = watch("x-kind=dmabuf", VGPU_CURSOR_RICH);
    Plane plane = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 48, 40, 0);

    start_picture(w->vgpu);
    for (size_t i = 0; i < plane.len; i += 4) {
        if (plane.bytes[i + 3] < 0x80) {
            memset(plane.bytes + i, 0, 4);
        } else {
            plane.bytes[i + 3] = 0xff;
        }
    }
    show(w->vgpu, &plane);
    expect_cursor(w, &plane, 0, 0);
    g_free(plane.bytes);
    unwatch(w);
}

static void test_cursor_hotspot(void)
{
    static const struct {
        uint32_t hot_x, hot_y, want_x, want_y;
    } cases[] = {
        { 3, 4, 3, 4 },
        { UNKNOWN, UNKNOWN, 0, 0 },
        { 31, 31, 31, 31 },
        { 32, 0, 0, 0 },
        { 0x80000000, 7, 0, 0 },
        /* one part stays, and what viewers are told does not */
        { 3, 100, 0, 0 },
        { 3, 0, 3, 0 },
        { UNKNOWN, 5, 0, 0 },
        { 0, 5, 0, 5 },
    };
    Watched *w = watch("x-kind=dmabuf", VGPU_CURSOR_ALPHA);
    Plane plane = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);

    start_picture(w->vgpu);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        plane.hot_x = cases[i].hot_x;
        plane.hot_y = cases[i].hot_y;
        show(w->vgpu, &plane);
        expect_cursor(w, &plane, cases[i].want_x, cases[i].want_y);
    }
    g_assert_cmpuint(vgpu_machine_complaints(w->vgpu->machine), ==, 0);
    g_free(plane.bytes);
    unwatch(w);
}

/* Half off any edge, and farther; no image and no frame is copied for it. */
static void test_cursor_moves(const void *data)
{
    static const struct {
        int32_t x, y;
    } positions[] = {
        { 0, 0 }, { -16, 5 }, { 5, -31 }, { 319, 239 }, { -64, -64 },
        { INT32_MIN, INT32_MAX }, { 100, 100 },
    };
    Watched *w = watch(data, VGPU_CURSOR_ALPHA);
    VGPU *vgpu = w->vgpu;
    Plane plane = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);
    int64_t frames, updates;
    unsigned count;

    start_picture(vgpu);
    plane.x = 50;
    show(vgpu, &plane);
    expect_cursor(w, &plane, 0, 0);
    expect_stat(vgpu, "x", 50);
    frames = vgpu_stat(vgpu, "frames");
    updates = vgpu_stat(vgpu, "cursor-updates");
    count = vgpu_viewer_cursor(w->viewer)->count;
    for (size_t i = 0; i < ARRAY_SIZE(positions); i++) {
        plane.x = positions[i].x;
        plane.y = positions[i].y;
        set_plane(vgpu, &plane);
        commit(vgpu);
        expect_stat(vgpu, "x", plane.x);
        expect_stat(vgpu, "y", plane.y);
        g_assert_true(vgpu_plane_stat(vgpu, "cursor", 0, "visible"));
        vgpu_viewer_update(w->viewer);
    }
    g_assert_cmpint(vgpu_stat(vgpu, "frames"), ==, frames);
    g_assert_cmpint(vgpu_stat(vgpu, "cursor-updates"), ==, updates);
    g_assert_cmpuint(vgpu_viewer_cursor(w->viewer)->count, ==, count);
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 0);
    g_free(plane.bytes);
    unwatch(w);
}

static void test_cursor_hides(const void *data)
{
    Watched *w = watch(data, VGPU_CURSOR_ALPHA);
    VGPU *vgpu = w->vgpu;
    VGPUMode mode = start_picture(vgpu);
    Plane plane = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);

    for (int i = 0; i < 3; i++) {
        fill(&plane, 10 + i);
        show(vgpu, &plane);
        expect_cursor(w, &plane, 0, 0);
        expect_stat(vgpu, "visible", 1);
        if (i < 2) {
            hide(vgpu, &plane);
        } else {
            qtest_qmp_assert_success(vgpu->machine->qts,
                                     "{ 'execute': 'system_reset' }");
        }
        expect_no_cursor(w);
    }
    vgpu_reopen(vgpu);
    vgpu_paint_show_expect(vgpu, &mode, 2);
    show(vgpu, &plane);
    expect_cursor(w, &plane, 0, 0);
    g_free(plane.bytes);
    unwatch(w);
}

/* Refused queries: the last image stays for a moment, then it goes. */
static void test_cursor_refused(void)
{
    Watched *w = watch("x-kind=dmabuf", VGPU_CURSOR_ALPHA);
    Plane plane = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);

    start_picture(w->vgpu);
    for (int i = 0; i < 2; i++) {
        vgpu_write(w->vgpu, VGPU_SW_REFUSED, 0);
        show(w->vgpu, &plane);
        expect_cursor(w, &plane, 0, 0);
        vgpu_write(w->vgpu, VGPU_SW_REFUSED, 1 << VGPU_SW_CURSOR);
        vgpu_expect_faults(w->vgpu, "cursor-query", 2);
        expect_no_cursor(w);
        expect_stat(w->vgpu, "visible", 0);
    }
    g_assert_cmpuint(vgpu_machine_complaints(w->vgpu->machine), ==, 0);
    g_free(plane.bytes);
    unwatch(w);
}

/* The same of an overlay. */
static void test_overlay_refused(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = start_picture(vgpu);
    Plane plane = new_plane(VGPU_SW_OVERLAY(1), DRM_FORMAT_XRGB8888,
                            50, 50, 0);

    show(vgpu, &plane);
    expect_one(vgpu, &mode, &plane);
    vgpu_write(vgpu, VGPU_SW_REFUSED, 1 << VGPU_SW_OVERLAY(1));
    vgpu_expect(vgpu, &mode, 1);
    vgpu_write(vgpu, VGPU_SW_REFUSED, 0);
    expect_one(vgpu, &mode, &plane);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* Animated cursors step through some buffers, again and again. */
static void test_cursor_shapes(void)
{
    Watched *w = watch("x-kind=dmabuf", VGPU_CURSOR_ALPHA);
    VGPU *vgpu = w->vgpu;
    Plane planes[4];
    int64_t misses = 0;

    start_picture(vgpu);
    for (unsigned i = 0; i < 4; i++) {
        planes[i] = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 64, 64, 0);
        fill(&planes[i], 40 + i);
        planes[i].offset += i * 64 * 1024;
        upload(vgpu, &planes[i]);
    }
    for (unsigned i = 0; i < 12; i++) {
        set_plane(vgpu, &planes[i % 4]);
        commit(vgpu);
        expect_cursor(w, &planes[i % 4], 0, 0);
        if (i == 3) {
            misses = vgpu_stat(vgpu, "cache-misses");
        }
    }
    g_assert_cmpint(vgpu_stat(vgpu, "cache-misses"), ==, misses);
    for (unsigned i = 0; i < 4; i++) {
        g_free(planes[i].bytes);
    }
    unwatch(w);
}

/* --- Devices that lie --------------------------------------------------- */

typedef struct HostileCase {
    const char *name;
    const char *fault;
    unsigned number;
    unsigned reg;
    uint32_t value;
} HostileCase;

static const HostileCase hostile[] = {
    { "cursor/wide", "cursor-extent", VGPU_SW_CURSOR, VGPU_SW_WIDTH, 257 },
    { "cursor/high", "cursor-extent", VGPU_SW_CURSOR, VGPU_SW_HEIGHT,
      UINT32_MAX },
    { "cursor/stride", "cursor-stride", VGPU_SW_CURSOR, VGPU_SW_STRIDE, 127 },
    { "cursor/format", "cursor-format", VGPU_SW_CURSOR, VGPU_SW_FOURCC,
      0x1234 },
    { "cursor/bounds", "cursor-bounds", VGPU_SW_CURSOR, VGPU_SW_OFFSET_LO,
      VGPU_VRAM - 100 },
    { "cursor/far-bounds", "cursor-bounds", VGPU_SW_CURSOR,
      VGPU_SW_OFFSET_HI, UINT32_MAX },
    { "cursor/tiled", "cursor-modifier", VGPU_SW_CURSOR, VGPU_SW_MODIFIER_LO,
      1 },
    { "overlay/wide", "overlay-extent", VGPU_SW_OVERLAY(2), VGPU_SW_WIDTH,
      4097 },
    { "overlay/empty", "overlay-extent", VGPU_SW_OVERLAY(2), VGPU_SW_HEIGHT,
      0 },
    { "overlay/stride", "overlay-stride", VGPU_SW_OVERLAY(2), VGPU_SW_STRIDE,
      3 },
    { "overlay/format", "overlay-format", VGPU_SW_OVERLAY(2), VGPU_SW_FOURCC,
      DRM_FORMAT_P010 },
    { "overlay/bounds", "overlay-bounds", VGPU_SW_OVERLAY(2),
      VGPU_SW_OFFSET_LO, VGPU_VRAM - 100 },
    { "overlay/tiled", "overlay-modifier", VGPU_SW_OVERLAY(2),
      VGPU_SW_MODIFIER_HI, 0x01000000 },
};

static void test_hostile(const void *data)
{
    const HostileCase *c = data;
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = start_picture(vgpu);
    Plane plane = new_plane(c->number, DRM_FORMAT_ARGB8888, 32, 32, 0);
    Plane beside = new_plane(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                             50, 50, 0);

    upload(vgpu, &plane);
    set_plane(vgpu, &plane);
    set(vgpu, c->number, c->reg, c->value);
    show(vgpu, &beside);
    vgpu_expect_faults(vgpu, c->fault, 3);
    /* the rest is shown, and what is mended is */
    expect_one(vgpu, &mode, &beside);
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 1);
    set(vgpu, c->number, c->reg, 0);
    show(vgpu, &plane);
    if (c->number == VGPU_SW_CURSOR) {
        expect_one(vgpu, &mode, &beside);
    } else {
        const Plane *both[] = { &beside, &plane };

        expect_composed(vgpu, &mode, 1, both, 2);
    }
    g_assert_true(vgpu_plane_stat(vgpu, c->number == VGPU_SW_CURSOR
                                  ? "cursor" : "overlay",
                                  c->number == VGPU_SW_CURSOR ? 0 : 2,
                                  "visible"));
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 1);
    g_free(plane.bytes);
    g_free(beside.bytes);
    vgpu_stop(vgpu);
}

/* A driver that knows one plane and gives it for every other. */
static void test_alias(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = vgpu_mode(200, 100, 1);

    for (unsigned plane = VGPU_SW_CURSOR; plane < VGPU_SW_PLANES; plane++) {
        set(vgpu, plane, VGPU_SW_ENABLE, 1);
        set(vgpu, plane, VGPU_SW_WIDTH, mode.width);
        set(vgpu, plane, VGPU_SW_HEIGHT, mode.height);
        set(vgpu, plane, VGPU_SW_STRIDE, mode.stride);
        set(vgpu, plane, VGPU_SW_FOURCC, mode.fourcc);
        set(vgpu, plane, VGPU_SW_ID, mode.id);
        set(vgpu, plane, VGPU_SW_X, 20);
    }
    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_expect_faults(vgpu, "cursor-alias", 2);
    vgpu_expect_faults(vgpu, "overlay-alias", 2);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_false(vgpu_plane_stat(vgpu, "cursor", 0, "visible"));
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 2);
    vgpu_stop(vgpu);
}

/* A cursor and an overlay that name the primary's buffer as another one. */
static void test_same_id(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = vgpu_mode(200, 100, 1);
    Plane cursor = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);
    Plane overlay = new_plane(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                              50, 50, 0);
    unsigned files;

    vgpu_paint_show_expect(vgpu, &mode, 1);
    files = vgpu_machine_open_files(vgpu->machine);
    cursor.id = mode.id;
    overlay.id = mode.id;
    show(vgpu, &cursor);
    show(vgpu, &overlay);
    vgpu_expect_faults(vgpu, "cursor-alias", 2);
    vgpu_expect_faults(vgpu, "overlay-alias", 2);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, 1);
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), ==, files);

    /* the primary moves on, and leaves its id to both, one after the other */
    hide(vgpu, &overlay);
    mode.id = 2;
    vgpu_paint_show_expect(vgpu, &mode, 1);
    expect_stat(vgpu, "visible", 1);
    hide(vgpu, &cursor);
    show(vgpu, &overlay);
    expect_one(vgpu, &mode, &overlay);
    g_assert_cmpint(vgpu_stat(vgpu, "buffers"), ==, 2);
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), ==, files + 1);
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 2);
    g_free(cursor.bytes);
    g_free(overlay.bytes);
    vgpu_stop(vgpu);
}

/* What cannot be mapped is left out, and the rest goes on. */
static void test_unmappable(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = start_picture(vgpu);
    Plane cursor = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);
    Plane overlay = new_plane(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                              50, 50, 0);

    vgpu_write(vgpu, VGPU_SW_BUFFER_FLAGS, VGPU_SW_BUFFER_NO_MAP);
    show(vgpu, &cursor);
    show(vgpu, &overlay);
    vgpu_expect_faults(vgpu, "cursor-map", 2);
    vgpu_expect_faults(vgpu, "overlay-map", 2);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_machine_complaints(vgpu->machine), ==, 2);

    vgpu_write(vgpu, VGPU_SW_BUFFER_FLAGS, 0);
    cursor.id = 100;
    overlay.id = 101;
    show(vgpu, &cursor);
    show(vgpu, &overlay);
    expect_one(vgpu, &mode, &overlay);
    g_assert_true(vgpu_plane_stat(vgpu, "cursor", 0, "visible"));
    g_free(cursor.bytes);
    g_free(overlay.bytes);
    vgpu_stop(vgpu);
}

/* Nothing stays open of planes that came and went. */
static void test_files(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = start_picture(vgpu);
    Plane cursor = new_plane(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);
    Plane overlay = new_plane(VGPU_SW_OVERLAY(3), DRM_FORMAT_XRGB8888,
                              50, 50, 0);
    unsigned files = 0;

    for (unsigned i = 0; i < 60; i++) {
        cursor.id = 100 + i;
        overlay.id = 200 + i;
        show(vgpu, &cursor);
        show(vgpu, &overlay);
        expect_one(vgpu, &mode, &overlay);
        if (i == 30) {
            files = vgpu_machine_open_files(vgpu->machine);
        }
    }
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), ==, files);
    g_assert_cmpint(vgpu_stat(vgpu, "buffers"), <=, 16);
    g_free(cursor.bytes);
    g_free(overlay.bytes);
    vgpu_stop(vgpu);
}

/* The ways that a cursor can take to QEMU. */
static const struct {
    const char *name;
    const char *options;
} cursor_devices[] = {
    { "dmabuf", "x-kind=dmabuf" },
    { "metadata", "x-kind=metadata,irq=on" },
};

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        g_autofree char *path =
            g_strdup_printf("vgpu/planes/overlay/%s", formats[i].name);

        qtest_add_data_func(path, &formats[i], test_overlay_format);
    }
    qtest_add_func("vgpu/planes/overlay/stacking", test_stacking);
    qtest_add_data_func("vgpu/planes/overlay/primary-changes",
                        "x-kind=dmabuf", test_primary_changes);
    qtest_add_data_func("vgpu/planes/overlay/over-a-region",
                        "x-kind=both,x-display-path=region",
                        test_primary_changes);
    qtest_add_func("vgpu/planes/overlay/no-extension", test_no_extension);
    qtest_add_func("vgpu/planes/overlay/still", test_overlay_still);
    qtest_add_func("vgpu/planes/overlay/watched", test_overlay_watched);
    for (size_t i = 0; i < ARRAY_SIZE(cursors); i++) {
        g_autofree char *path =
            g_strdup_printf("vgpu/planes/cursor/%s", cursors[i].name);

        qtest_add_data_func(path, &cursors[i], test_cursor_alpha);
    }
    qtest_add_func("vgpu/planes/cursor/screendump", test_cursor_screendump);
    qtest_add_func("vgpu/planes/cursor/rich", test_cursor_rich);
    qtest_add_func("vgpu/planes/cursor/hotspot", test_cursor_hotspot);
    for (size_t i = 0; i < ARRAY_SIZE(cursor_devices); i++) {
        const char *options = cursor_devices[i].options;
        g_autofree char *moves =
            g_strdup_printf("vgpu/planes/cursor/moves/%s",
                            cursor_devices[i].name);
        g_autofree char *hides =
            g_strdup_printf("vgpu/planes/cursor/hides/%s",
                            cursor_devices[i].name);

        qtest_add_data_func(moves, options, test_cursor_moves);
        qtest_add_data_func(hides, options, test_cursor_hides);
    }
    qtest_add_func("vgpu/planes/cursor/refused", test_cursor_refused);
    qtest_add_func("vgpu/planes/overlay/refused", test_overlay_refused);
    qtest_add_func("vgpu/planes/cursor/shapes", test_cursor_shapes);
    for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
        g_autofree char *path =
            g_strdup_printf("vgpu/planes/hostile/%s", hostile[i].name);

        qtest_add_data_func(path, &hostile[i], test_hostile);
    }
    qtest_add_func("vgpu/planes/hostile/alias", test_alias);
    qtest_add_func("vgpu/planes/hostile/same-id", test_same_id);
    qtest_add_func("vgpu/planes/hostile/unmappable", test_unmappable);
    qtest_add_func("vgpu/planes/files", test_files);
    return g_test_run();
}
