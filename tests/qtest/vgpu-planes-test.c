/*
 * vGPU display: overlay planes, and planes of devices that lie
 *
 * What the display composes is compared with what pixman makes of the same
 * planes, pixel by pixel.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vgpu-planes.h"

/* --- Overlays ----------------------------------------------------------- */

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
    VGPUMode mode = planes_start(vgpu);
    Plane plane = plane_new(VGPU_SW_OVERLAY(1), c->fourcc, 61, 37, c->flags);

    for (size_t i = 0; i < PLANE_PLACES; i++) {
        plane.x = plane_places[i].x;
        plane.y = plane_places[i].y;
        plane_show(vgpu, &plane);
        plane_expect(vgpu, &mode, &plane);
        g_assert_cmpint(vgpu_plane_stat(vgpu, "overlay", 1, "x"), ==,
                        plane.x);
        g_assert_true(vgpu_plane_stat(vgpu, "overlay", 1, "visible"));
    }
    plane.x = plane.y = 10;
    for (uint32_t seed = 7; seed < 9; seed++) {
        plane_fill(&plane, seed);
        plane_show(vgpu, &plane);
        plane_expect(vgpu, &mode, &plane);
    }
    plane_hide(vgpu, &plane);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_false(vgpu_plane_stat(vgpu, "overlay", 1, "visible"));
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* All that the device has, over each other, in every order. */
static void test_stacking(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = planes_start(vgpu);
    Plane planes[VGPU_SW_OVERLAYS];
    const Plane *order[VGPU_SW_OVERLAYS];

    for (unsigned i = 0; i < VGPU_SW_OVERLAYS; i++) {
        planes[i] = plane_new(VGPU_SW_OVERLAY(i), DRM_FORMAT_ARGB8888,
                              80, 60, 0);
        planes[i].x = 50 + 20 * i;
        planes[i].y = 50 + 10 * i;
        plane_upload(vgpu, &planes[i]);
    }
    for (unsigned turn = 0; turn < VGPU_SW_OVERLAYS; turn++) {
        for (unsigned i = 0; i < VGPU_SW_OVERLAYS; i++) {
            unsigned place = (i + turn) % VGPU_SW_OVERLAYS;

            planes[i].zpos = 60 * place;
            order[place] = &planes[i];
            plane_program(vgpu, &planes[i]);
        }
        plane_commit(vgpu);
        planes_expect(vgpu, &mode, 1, order, VGPU_SW_OVERLAYS);
    }
    /* equal ones by index */
    for (unsigned i = 0; i < VGPU_SW_OVERLAYS; i++) {
        planes[i].zpos = 9;
        order[i] = &planes[i];
        plane_program(vgpu, &planes[i]);
    }
    plane_commit(vgpu);
    planes_expect(vgpu, &mode, 1, order, VGPU_SW_OVERLAYS);
    for (unsigned i = VGPU_SW_OVERLAYS; i-- > 0;) {
        plane_hide(vgpu, &planes[i]);
        planes_expect(vgpu, &mode, 1, order, i);
        g_free(planes[i].bytes);
    }
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* What lies under an overlay goes on: other pixels, buffers, modes. */
static void test_primary_changes(const void *options)
{
    VGPU *vgpu = vgpu_start(options);
    VGPUMode mode = planes_start(vgpu);
    Plane plane = plane_new(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                            100, 100, 0);
    const Plane *planes = &plane;

    plane.x = 33;
    plane.y = -20;
    plane_show(vgpu, &plane);
    plane_expect(vgpu, &mode, &plane);
    vgpu_paint(vgpu, &mode, 2);
    planes_expect(vgpu, &mode, 2, &planes, 1);

    mode.offset = 1024 * 1024;
    mode.id = 2;
    vgpu_paint(vgpu, &mode, 3);
    vgpu_show(vgpu, &mode);
    planes_expect(vgpu, &mode, 3, &planes, 1);

    mode = vgpu_mode(640, 400, 3);
    vgpu_paint(vgpu, &mode, 4);
    vgpu_show(vgpu, &mode);
    planes_expect(vgpu, &mode, 4, &planes, 1);

    qtest_qmp_assert_success(vgpu->machine->qts,
                             "{ 'execute': 'system_reset' }");
    qtest_qmp_eventwait(vgpu->machine->qts, "RESET");
    vgpu_reopen(vgpu);
    mode = vgpu_mode(320, 240, 1);
    vgpu_paint_show_expect(vgpu, &mode, 5);
    plane_show(vgpu, &plane);
    planes_expect(vgpu, &mode, 5, &planes, 1);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* A driver without the extension is not asked. */
static void test_no_extension(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf,overlays=0");
    VGPUMode mode = planes_start(vgpu);
    Plane plane = plane_new(VGPU_SW_OVERLAY(0), DRM_FORMAT_XRGB8888,
                            64, 64, 0);

    plane_show(vgpu, &plane);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* An overlay that does nothing costs its comparison and no frame. */
static void test_overlay_still(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = planes_start(vgpu);
    Plane plane = plane_new(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                            64, 64, 0);
    int64_t frames;

    plane_show(vgpu, &plane);
    plane_expect(vgpu, &mode, &plane);
    frames = vgpu_stat(vgpu, "frames");
    plane_expect(vgpu, &mode, &plane);
    g_assert_cmpint(vgpu_stat(vgpu, "frames"), ==, frames);
    plane.x++;
    plane_show(vgpu, &plane);
    plane_expect(vgpu, &mode, &plane);
    g_assert_cmpint(vgpu_stat(vgpu, "frames"), ==, frames + 1);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
}

/* Only what is announced reaches a viewer. */
static void test_overlay_watched(void)
{
    VGPUWatched *w = planes_watch("x-kind=dmabuf", VGPU_CURSOR_NONE);
    VGPUMode mode = planes_start(w->vgpu);
    Plane plane = plane_new(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                            90, 50, 0);
    const Plane *planes = &plane;
    g_autoptr(VGPUPicture) alone = vgpu_picture_of(&mode, 1);

    vgpu_watched_expect_picture(w, alone);
    for (int i = 0; i < 12; i++) {
        g_autoptr(VGPUPicture) want = NULL;

        plane.x = 40 * i - 80;
        plane.y = 25 * i - 40;
        plane_show(w->vgpu, &plane);
        want = planes_composed(&mode, 1, &planes, 1);
        vgpu_watched_expect_picture(w, want);
        if (i % 4 == 3) {
            plane_hide(w->vgpu, &plane);
            vgpu_watched_expect_picture(w, alone);
        }
    }
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 0);
    g_free(plane.bytes);
    vgpu_watched_stop(w);
}

/* Refused queries: the last image stays for a moment, then it goes. */
static void test_overlay_refused(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = planes_start(vgpu);
    Plane plane = plane_new(VGPU_SW_OVERLAY(1), DRM_FORMAT_XRGB8888,
                            50, 50, 0);

    plane_show(vgpu, &plane);
    plane_expect(vgpu, &mode, &plane);
    vgpu_write(vgpu, VGPU_SW_REFUSED, 1 << VGPU_SW_OVERLAY(1));
    vgpu_expect(vgpu, &mode, 1);
    vgpu_write(vgpu, VGPU_SW_REFUSED, 0);
    plane_expect(vgpu, &mode, &plane);
    g_free(plane.bytes);
    vgpu_stop(vgpu);
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
    VGPUMode mode = planes_start(vgpu);
    Plane plane = plane_new(c->number, DRM_FORMAT_ARGB8888, 32, 32, 0);
    Plane beside = plane_new(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                             50, 50, 0);

    plane_upload(vgpu, &plane);
    plane_program(vgpu, &plane);
    plane_set(vgpu, c->number, c->reg, c->value);
    plane_show(vgpu, &beside);
    vgpu_expect_faults(vgpu, c->fault, 3);
    /* the rest is shown, and what is mended is */
    plane_expect(vgpu, &mode, &beside);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);
    plane_set(vgpu, c->number, c->reg, 0);
    plane_show(vgpu, &plane);
    if (c->number == VGPU_SW_CURSOR) {
        plane_expect(vgpu, &mode, &beside);
    } else {
        const Plane *both[] = { &beside, &plane };

        planes_expect(vgpu, &mode, 1, both, 2);
    }
    g_assert_true(vgpu_plane_stat(vgpu, c->number == VGPU_SW_CURSOR
                                  ? "cursor" : "overlay",
                                  c->number == VGPU_SW_CURSOR ? 0 : 2,
                                  "visible"));
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);
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
        plane_set(vgpu, plane, VGPU_SW_ENABLE, 1);
        plane_set(vgpu, plane, VGPU_SW_WIDTH, mode.width);
        plane_set(vgpu, plane, VGPU_SW_HEIGHT, mode.height);
        plane_set(vgpu, plane, VGPU_SW_STRIDE, mode.stride);
        plane_set(vgpu, plane, VGPU_SW_FOURCC, mode.fourcc);
        plane_set(vgpu, plane, VGPU_SW_ID, mode.id);
        plane_set(vgpu, plane, VGPU_SW_X, 20);
    }
    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_expect_faults(vgpu, "cursor-alias", 2);
    vgpu_expect_faults(vgpu, "overlay-alias", 2);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_false(vgpu_plane_stat(vgpu, "cursor", 0, "visible"));
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 2);
    vgpu_stop(vgpu);
}

/* A cursor and an overlay that name the primary's buffer as another one. */
static void test_same_id(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = vgpu_mode(200, 100, 1);
    Plane cursor = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);
    Plane overlay = plane_new(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                              50, 50, 0);
    unsigned files;

    vgpu_paint_show_expect(vgpu, &mode, 1);
    files = vgpu_machine_open_files(vgpu->machine);
    cursor.id = mode.id;
    overlay.id = mode.id;
    plane_show(vgpu, &cursor);
    plane_show(vgpu, &overlay);
    vgpu_expect_faults(vgpu, "cursor-alias", 2);
    vgpu_expect_faults(vgpu, "overlay-alias", 2);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, 1);
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), ==, files);

    /* the primary moves on, and leaves its id to both, one after the other */
    plane_hide(vgpu, &overlay);
    mode.id = 2;
    vgpu_paint_show_expect(vgpu, &mode, 1);
    plane_expect_cursor(vgpu, "visible", 1);
    plane_hide(vgpu, &cursor);
    plane_show(vgpu, &overlay);
    plane_expect(vgpu, &mode, &overlay);
    g_assert_cmpint(vgpu_stat(vgpu, "buffers"), ==, 2);
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), ==, files + 1);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 2);
    g_free(cursor.bytes);
    g_free(overlay.bytes);
    vgpu_stop(vgpu);
}

/* What cannot be mapped is left out, and the rest goes on. */
static void test_unmappable(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = planes_start(vgpu);
    Plane cursor = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);
    Plane overlay = plane_new(VGPU_SW_OVERLAY(0), DRM_FORMAT_ARGB8888,
                              50, 50, 0);

    vgpu_write(vgpu, VGPU_SW_BUFFER_FLAGS, VGPU_SW_BUFFER_NO_MAP);
    plane_show(vgpu, &cursor);
    plane_show(vgpu, &overlay);
    vgpu_expect_faults(vgpu, "cursor-map", 2);
    vgpu_expect_faults(vgpu, "overlay-map", 2);
    vgpu_expect_now(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 2);

    vgpu_write(vgpu, VGPU_SW_BUFFER_FLAGS, 0);
    cursor.id = 100;
    overlay.id = 101;
    plane_show(vgpu, &cursor);
    plane_show(vgpu, &overlay);
    plane_expect(vgpu, &mode, &overlay);
    g_assert_true(vgpu_plane_stat(vgpu, "cursor", 0, "visible"));
    g_free(cursor.bytes);
    g_free(overlay.bytes);
    vgpu_stop(vgpu);
}

/* Nothing stays open of planes that came and went. */
static void test_files(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = planes_start(vgpu);
    Plane cursor = plane_new(VGPU_SW_CURSOR, DRM_FORMAT_ARGB8888, 32, 32, 0);
    Plane overlay = plane_new(VGPU_SW_OVERLAY(3), DRM_FORMAT_XRGB8888,
                              50, 50, 0);
    unsigned files = 0;

    for (unsigned i = 0; i < 60; i++) {
        cursor.id = 100 + i;
        overlay.id = 200 + i;
        plane_show(vgpu, &cursor);
        plane_show(vgpu, &overlay);
        plane_expect(vgpu, &mode, &overlay);
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
    qtest_add_func("vgpu/planes/overlay/refused", test_overlay_refused);
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
