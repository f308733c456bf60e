/*
 * Cursor and overlay planes for tests: how they are shown, and what they look
 * like, as pixman composes them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vgpu-planes.h"

const PlanePlace plane_places[PLANE_PLACES] = {
    { 100, 50 }, { 0, 0 }, { -30, -20 }, { 300, 230 }, { -60, 100 },
    { 319, 239 }, { -100, 0 }, { 320, 0 }, { 0, -50 }, { INT32_MIN, 0 },
    { INT32_MAX, INT32_MAX },
};

static uint32_t noise(uint32_t key)
{
    key = (key ^ (key >> 16)) * 0x45d9f3b;
    key = (key ^ (key >> 16)) * 0x45d9f3b;
    return key ^ (key >> 16);
}

bool plane_has_alpha(uint32_t fourcc)
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
void plane_fill(Plane *plane, uint32_t seed)
{
    for (size_t i = 0; i < plane->len; i++) {
        plane->bytes[i] = noise(seed << 22 ^ i);
    }
    if (!plane_has_alpha(plane->fourcc)) {
        return;
    }
    for (size_t i = 0; i < plane->len; i += 4) {
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

Plane plane_new(unsigned number, uint32_t fourcc, uint32_t width,
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
    plane_fill(&plane, number);
    return plane;
}

void plane_set(VGPU *vgpu, unsigned plane, unsigned reg, uint32_t value)
{
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, reg), value);
}

void plane_upload(VGPU *vgpu, const Plane *plane)
{
    qtest_bufwrite(vgpu->machine->qts, vgpu->vram.addr + plane->offset,
                   plane->bytes, plane->len);
}

void plane_program(VGPU *vgpu, const Plane *plane)
{
    plane_set(vgpu, plane->number, VGPU_SW_ENABLE, 1);
    plane_set(vgpu, plane->number, VGPU_SW_WIDTH, plane->width);
    plane_set(vgpu, plane->number, VGPU_SW_HEIGHT, plane->height);
    plane_set(vgpu, plane->number, VGPU_SW_STRIDE, plane->stride);
    plane_set(vgpu, plane->number, VGPU_SW_FOURCC, plane->fourcc);
    plane_set(vgpu, plane->number, VGPU_SW_OFFSET_LO, plane->offset);
    plane_set(vgpu, plane->number, VGPU_SW_ID, plane->id);
    plane_set(vgpu, plane->number, VGPU_SW_X, plane->x);
    plane_set(vgpu, plane->number, VGPU_SW_Y, plane->y);
    plane_set(vgpu, plane->number, VGPU_SW_HOT_X, plane->hot_x);
    plane_set(vgpu, plane->number, VGPU_SW_HOT_Y, plane->hot_y);
    plane_set(vgpu, plane->number, VGPU_SW_ZPOS, plane->zpos);
    plane_set(vgpu, plane->number, VGPU_SW_PLANE_FLAGS, plane->flags);
}

void plane_commit(VGPU *vgpu)
{
    vgpu_write(vgpu, VGPU_SW_COMMIT, 1);
}

void plane_show(VGPU *vgpu, const Plane *plane)
{
    plane_upload(vgpu, plane);
    plane_program(vgpu, plane);
    plane_commit(vgpu);
}

void plane_hide(VGPU *vgpu, const Plane *plane)
{
    plane_set(vgpu, plane->number, VGPU_SW_ENABLE, 0);
    plane_commit(vgpu);
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

pixman_image_t *plane_image(const Plane *plane)
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
    if (plane->flags & VGPU_SW_PLANE_STRAIGHT &&
        plane_has_alpha(plane->fourcc)) {
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

VGPUPicture *planes_composed(const VGPUMode *mode, uint32_t seed,
                             const Plane *const *planes, size_t n)
{
    VGPUPicture *picture = vgpu_picture_of(mode, seed);
    pixman_image_t *screen = screen_of(picture);

    for (size_t i = 0; i < n; i++) {
        pixman_image_t *image = plane_image(planes[i]);

        pixman_image_composite32(PIXMAN_OP_OVER, image, NULL, screen,
                                 0, 0, 0, 0, planes[i]->x, planes[i]->y,
                                 planes[i]->width, planes[i]->height);
        pixman_image_unref(image);
    }
    take_screen(picture, screen);
    pixman_image_unref(screen);
    return picture;
}

void planes_expect(VGPU *vgpu, const VGPUMode *mode, uint32_t seed,
                   const Plane *const *planes, size_t n)
{
    g_autoptr(VGPUPicture) want = planes_composed(mode, seed, planes, n);
    g_autoptr(VGPUPicture) got = vgpu_screendump(vgpu);
    g_autofree char *difference = vgpu_picture_differ(want, got);

    g_assert_cmpstr(difference, ==, NULL);
}

void plane_expect(VGPU *vgpu, const VGPUMode *mode, const Plane *plane)
{
    planes_expect(vgpu, mode, 1, &plane, 1);
}

VGPUMode planes_start(VGPU *vgpu)
{
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint_show_expect(vgpu, &mode, 1);
    return mode;
}

/* --- What a VNC client sees --------------------------------------------- */

VGPUWatched *planes_watch(const char *options, VGPUCursorKind kind)
{
    VGPUWatched *w = vgpu_watched_new(options);

    w->viewer = vgpu_viewer_connect_cursor(w->socket, kind);
    return w;
}

void plane_expect_cursor(VGPU *vgpu, const char *member, int64_t value)
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
