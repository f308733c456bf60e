/*
 * Screendumps of virtio-gpu's scanouts, whoever watches them
 *
 * Blobs need /dev/udmabuf, and displays with OpenGL one that imports dma-bufs,
 * by CPU if need be (see vgpu-gl-test.c): VGPU_TEST_GL says that it is there.
 * Windows need an X server as well.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "virtio-gpu-driver.h"

#define BLOB "virtio-gpu-pci,blob=on"
#define COPIED "virtio-gpu-pci"
#define TEXTURE "virtio-gpu-gl-pci"

/* What a display is given, and what has to be there for it. */
typedef struct Display {
    const char *name;
    const char *option;
    bool gl;
    bool window;
} Display;

static const Display displays[] = {
    { "none", "none" },
    { "egl-headless", "egl-headless", true },
    { "dbus", "dbus,p2p=on,gl=on", true },
    { "gtk", "gtk,gl=on", true, true },
    { "sdl", "sdl,gl=on", true, true },
};

static const struct {
    uint32_t format;
    uint32_t fourcc;
} formats[] = {
    { VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, DRM_FORMAT_ARGB8888 },
    { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, DRM_FORMAT_XRGB8888 },
    { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, DRM_FORMAT_BGRA8888 },
    { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, DRM_FORMAT_BGRX8888 },
    { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, DRM_FORMAT_ABGR8888 },
    { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, DRM_FORMAT_RGBX8888 },
    { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, DRM_FORMAT_RGBA8888 },
    { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, DRM_FORMAT_XBGR8888 },
};

static uint32_t fourcc_of(uint32_t format)
{
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].format == format) {
            return formats[i].fourcc;
        }
    }
    g_assert_not_reached();
}

/* --- A picture, and the part of it that is scanned out ------------------ */

typedef struct Frame {
    uint32_t id;
    uint32_t format;
    uint32_t width, height;
    struct virtio_gpu_rect rect; /* no width: the whole */
    uint32_t padding;            /* bytes between two rows */
    uint32_t offset;
    unsigned parts;              /* in the guest's memory; 0: one */
    VirtioGPUMemory memory;      /* made by show_blob(), show_2d() */
} Frame;

static Frame frame_of(uint32_t id, uint32_t width, uint32_t height)
{
    return (Frame) {
        .id = id,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .width = width,
        .height = height,
    };
}

static struct virtio_gpu_rect rect_of(const Frame *frame)
{
    if (frame->rect.width) {
        return frame->rect;
    }
    return (struct virtio_gpu_rect) { 0, 0, frame->width, frame->height };
}

static uint32_t stride_of(const Frame *frame)
{
    return frame->width * 4 + frame->padding;
}

static uint64_t size_of(const Frame *frame)
{
    return frame->offset + (uint64_t)stride_of(frame) * frame->height;
}

static void paint(VirtioGPU *gpu, const Frame *frame, uint32_t seed)
{
    g_autoptr(VGPUPicture) picture =
        vgpu_picture_draw(frame->width, frame->height, seed);
    g_autofree uint8_t *packed =
        vgpu_picture_pack(picture, vgpu_format_find(fourcc_of(frame->format)),
                          stride_of(frame));

    virtio_gpu_write(gpu, &frame->memory, frame->offset, packed,
                     (size_t)stride_of(frame) * frame->height);
}

static VGPUPicture *seen_of(const Frame *frame, uint32_t seed)
{
    VGPUPicture *picture =
        vgpu_picture_draw(frame->width, frame->height, seed);
    struct virtio_gpu_rect rect = rect_of(frame);

    for (uint32_t y = 0; y < rect.height; y++) {
        memmove(picture->rgb + (size_t)y * rect.width * 3,
                picture->rgb + ((size_t)(rect.y + y) * frame->width +
                                rect.x) * 3, rect.width * 3);
    }
    picture->width = rect.width;
    picture->height = rect.height;
    return picture;
}

static void expect(VirtioGPU *gpu, const Frame *frame, uint32_t seed)
{
    g_autoptr(VGPUPicture) want = seen_of(frame, seed);
    g_autoptr(VGPUPicture) got = virtio_gpu_screendump(gpu);
    g_autofree char *difference = vgpu_picture_differ(want, got);

    g_assert_cmpstr(difference, ==, NULL);
}

/*
 * The end of a machine whose guest did nothing wrong. Where it is known that
 * the display cannot import dma-bufs, that was said once.
 */
static void stop(VirtioGPU *gpu)
{
    unsigned warnings = g_getenv("VGPU_TEST_REFUSES") ? 1 : 0;

    g_assert_cmpuint(vgpu_machine_warnings(gpu->machine), ==, warnings);
    virtio_gpu_stop(gpu);
}

static void expect_ok(uint32_t response)
{
    g_assert_cmphex(response, ==, VIRTIO_GPU_RESP_OK_NODATA);
}

/* --- Blobs -------------------------------------------------------------- */

static struct virtio_gpu_set_scanout_blob scanout_of(const Frame *frame)
{
    return (struct virtio_gpu_set_scanout_blob) {
        .r = rect_of(frame),
        .resource_id = frame->id,
        .width = frame->width,
        .height = frame->height,
        .format = frame->format,
        .strides[0] = stride_of(frame),
        .offsets[0] = frame->offset,
    };
}

static void create_blob(VirtioGPU *gpu, Frame *frame)
{
    frame->memory = virtio_gpu_alloc(gpu, size_of(frame),
                                     MAX(frame->parts, 1));
    expect_ok(virtio_gpu_create_blob(gpu, frame->id, &frame->memory,
                                     size_of(frame)));
}

static void show_blob(VirtioGPU *gpu, Frame *frame, uint32_t seed)
{
    struct virtio_gpu_set_scanout_blob scanout = scanout_of(frame);

    create_blob(gpu, frame);
    paint(gpu, frame, seed);
    expect_ok(virtio_gpu_set_scanout_blob(gpu, &scanout));
    expect_ok(virtio_gpu_flush(gpu, frame->id, rect_of(frame)));
}

static void drop(VirtioGPU *gpu, Frame *frame)
{
    expect_ok(virtio_gpu_unref(gpu, frame->id));
    virtio_gpu_free(gpu, &frame->memory);
}

static void show_change_drop(VirtioGPU *gpu, Frame *frame, uint32_t seed)
{
    show_blob(gpu, frame, seed);
    expect(gpu, frame, seed);
    for (unsigned change = 1; change <= 2; change++) {
        paint(gpu, frame, seed + 1000 * change);
        expect_ok(virtio_gpu_flush(gpu, frame->id, rect_of(frame)));
        expect(gpu, frame, seed + 1000 * change);
    }
    drop(gpu, frame);
}

static void test_blob_shapes(const void *opaque)
{
    static const Frame shapes[] = {
        { .width = 640, .height = 480 },
        { .width = 16, .height = 64 },
        { .width = 400, .height = 300, .parts = 16 },
        { .width = 333, .height = 77, .padding = 52 },
        { .width = 320, .height = 200, .offset = 0x3000 },
        { .width = 320, .height = 200, .offset = 0x1044, .padding = 256 },
        { .width = 320, .height = 240, .rect = { 16, 24, 160, 100 } },
        { .width = 320, .height = 240, .rect = { 160, 0, 160, 240 } },
        { .width = 321, .height = 241, .rect = { 1, 225, 320, 16 },
          .offset = 0x2004, .padding = 12, .parts = 3 },
    };
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(BLOB, display->option);

    for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
        Frame frame = shapes[i];

        frame.id = 1 + i;
        frame.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM;
        g_test_message("shape %u", i);
        show_change_drop(gpu, &frame, i);
    }
    stop(gpu);
}

static void test_blob_formats(const void *opaque)
{
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(BLOB, display->option);

    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        Frame frame = frame_of(1 + i, 129, 65);

        frame.format = formats[i].format;
        g_test_message("format %u", frame.format);
        show_change_drop(gpu, &frame, i);
    }
    virtio_gpu_stop(gpu);
}

/* From one to the other and back, of one size and of several. */
static void test_blob_flips(const void *opaque)
{
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(BLOB, display->option);
    Frame frames[] = {
        frame_of(1, 320, 240), frame_of(2, 320, 240), frame_of(3, 400, 300),
    };

    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        create_blob(gpu, &frames[i]);
    }
    for (unsigned i = 0; i < 12; i++) {
        Frame *frame = &frames[i % ARRAY_SIZE(frames)];
        struct virtio_gpu_set_scanout_blob scanout = scanout_of(frame);

        paint(gpu, frame, i);
        expect_ok(virtio_gpu_set_scanout_blob(gpu, &scanout));
        expect_ok(virtio_gpu_flush(gpu, frame->id, rect_of(frame)));
        expect(gpu, frame, i);
    }
    /* the last one was on screen; nobody must miss it */
    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        drop(gpu, &frames[i]);
    }
    vgpu_picture_free(virtio_gpu_screendump(gpu));
    show_change_drop(gpu, &frames[0], 77);
    stop(gpu);
}

/* What the guest gets wrong changes nothing, and the next frame is shown. */
static void test_blob_wrong(const void *opaque)
{
    static const struct {
        struct virtio_gpu_set_scanout_blob scanout;
        uint32_t response;
    } cases[] = {
#define CASE(error, ...) \
        { { .resource_id = 1, .width = 320, .height = 240, \
            .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, .strides = { 1280 }, \
            .r = { 0, 0, 320, 240 }, __VA_ARGS__ }, \
          VIRTIO_GPU_RESP_ERR_ ## error }
        CASE(INVALID_PARAMETER, .strides = { 0 }),
        CASE(INVALID_PARAMETER, .strides = { 1279 }),
        CASE(INVALID_PARAMETER, .strides = { 0x80000000 }),
        CASE(INVALID_PARAMETER, .strides = { 0xffffffff }),
        CASE(INVALID_PARAMETER, .offsets = { 4 }),
        CASE(INVALID_PARAMETER, .offsets = { 0x10000000 }),
        CASE(INVALID_PARAMETER, .offsets = { 0xffffffff }),
        CASE(INVALID_PARAMETER, .format = 0),
        CASE(INVALID_PARAMETER, .format = 0xffffffff),
        CASE(INVALID_PARAMETER, .width = 0xffffffff),
        CASE(INVALID_PARAMETER, .width = 0x40000000),
        CASE(INVALID_PARAMETER, .width = 0),
        CASE(INVALID_PARAMETER, .height = 0),
        CASE(INVALID_PARAMETER, .r = { 0, 0, 0, 0 }),
        CASE(INVALID_PARAMETER, .r = { 0, 0, 15, 240 }),
        CASE(INVALID_PARAMETER, .r = { 1, 0, 320, 240 }),
        CASE(INVALID_PARAMETER, .r = { 0xffffffff, 0, 320, 240 }),
        CASE(INVALID_PARAMETER, .r = { 0, 0xffffffff, 320, 240 }),
        CASE(INVALID_PARAMETER, .r = { 0, 1, 320, 240 }, .height = 241),
        CASE(INVALID_PARAMETER, .r = { 0, 0, 320, 0xffffffff },
             .height = 0xffffffff),
        CASE(INVALID_SCANOUT_ID, .scanout_id = 16),
        CASE(INVALID_SCANOUT_ID, .scanout_id = 0xffffffff),
        CASE(INVALID_RESOURCE_ID, .resource_id = 99),
#undef CASE
    };
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(BLOB, display->option);
    Frame frame = frame_of(1, 320, 240), next = frame_of(2, 400, 300);

    show_blob(gpu, &frame, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("case %u", i);
        g_assert_cmphex(virtio_gpu_set_scanout_blob(gpu, &cases[i].scanout),
                        ==, cases[i].response);
        expect(gpu, &frame, 1);
    }
    paint(gpu, &frame, 2);
    expect_ok(virtio_gpu_flush(gpu, frame.id, rect_of(&frame)));
    expect(gpu, &frame, 2);
    show_change_drop(gpu, &next, 3);
    virtio_gpu_stop(gpu);
}

/* Buffers that are not what the guest says. */
static void test_blob_wrong_memory(const void *opaque)
{
    static const struct {
        VirtioGPUMemory memory;
        uint64_t size;
        bool made;
    } cases[] = {
        { { 0x1000000, 0x1000, 1 }, 0x1001 },
        { { 0x1000000, 0x1000, 4 }, UINT64_MAX },
        { { 0x1000000, 0, 1 }, 0x1000 },
        { { 0xffffffff00000000, 0x100000, 1 }, 0x100000 },
        /* a resource, and none that could be shown */
        { { 0x1000000, 0, 0 }, 0x100000, true },
        { { 0x1000000, 0, 0 }, UINT64_MAX, true },
        { { 0x1000010, 0x100000, 1 }, 0x100000, true },
        { { 0x1000000, 0xffff0, 1 }, 0xffff0, true },
        { { 0x1000000, 0x1000, 1 }, 0, true },
    };
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(BLOB, display->option);
    Frame frame = frame_of(1, 320, 240), next = frame_of(2, 400, 300);
    struct virtio_gpu_set_scanout_blob scanout = scanout_of(&frame);

    show_blob(gpu, &frame, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t response = virtio_gpu_create_blob(gpu, 100 + i,
                                                   &cases[i].memory,
                                                   cases[i].size);

        g_test_message("case %u", i);
        g_assert_cmpint(response == VIRTIO_GPU_RESP_OK_NODATA, ==,
                        cases[i].made);
        scanout.resource_id = 100 + i;
        g_assert_cmphex(virtio_gpu_set_scanout_blob(gpu, &scanout), !=,
                        VIRTIO_GPU_RESP_OK_NODATA);
        expect(gpu, &frame, 1);
        g_assert_cmphex(virtio_gpu_flush(gpu, 100 + i, scanout.r), !=,
                        VIRTIO_GPU_RESP_OK_NODATA);
        g_assert_cmpint(virtio_gpu_unref(gpu, 100 + i) ==
                        VIRTIO_GPU_RESP_OK_NODATA, ==, cases[i].made);
        expect(gpu, &frame, 1);
    }
    show_change_drop(gpu, &next, 3);
    virtio_gpu_stop(gpu);
}

/* More rows are promised than there are: what is scanned out, is there. */
static void test_blob_short(const void *opaque)
{
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(BLOB, display->option);
    Frame frame = frame_of(1, 320, 240), next = frame_of(2, 400, 300);
    struct virtio_gpu_set_scanout_blob scanout = scanout_of(&frame);

    create_blob(gpu, &frame);
    scanout.height = 0xffffffff;
    paint(gpu, &frame, 1);
    expect_ok(virtio_gpu_set_scanout_blob(gpu, &scanout));
    expect_ok(virtio_gpu_flush(gpu, frame.id, rect_of(&frame)));
    expect(gpu, &frame, 1);
    paint(gpu, &frame, 2);
    expect_ok(virtio_gpu_flush(gpu, frame.id, rect_of(&frame)));
    expect(gpu, &frame, 2);
    show_change_drop(gpu, &next, 3);
    virtio_gpu_stop(gpu);
}

/* --- Resources that the device copies ----------------------------------- */

static void transfer(VirtioGPU *gpu, const Frame *frame, uint32_t seed)
{
    paint(gpu, frame, seed);
    expect_ok(virtio_gpu_transfer_2d(gpu, frame->id, frame->width,
                                     frame->height));
}

static void show_2d(VirtioGPU *gpu, Frame *frame, uint32_t seed)
{
    frame->memory = virtio_gpu_alloc(gpu, size_of(frame),
                                     MAX(frame->parts, 1));
    expect_ok(virtio_gpu_create_2d(gpu, frame->id, frame->format,
                                   frame->width, frame->height));
    expect_ok(virtio_gpu_attach_backing(gpu, frame->id, &frame->memory));
    transfer(gpu, frame, seed);
    expect_ok(virtio_gpu_set_scanout(gpu, frame->id, rect_of(frame)));
    expect_ok(virtio_gpu_flush(gpu, frame->id, rect_of(frame)));
}

static void show_2d_change(VirtioGPU *gpu, Frame *frame, uint32_t seed)
{
    show_2d(gpu, frame, seed);
    expect(gpu, frame, seed);
    for (unsigned change = 1; change <= 2; change++) {
        transfer(gpu, frame, seed + 1000 * change);
        expect_ok(virtio_gpu_flush(gpu, frame->id, rect_of(frame)));
        expect(gpu, frame, seed + 1000 * change);
    }
}

/* The display may have to upload them. */
static void test_copied_formats(const void *opaque)
{
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(COPIED, display->option);

    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        Frame frame = frame_of(1 + i, 129, 65);

        frame.format = formats[i].format;
        g_test_message("format %u", frame.format);
        show_2d_change(gpu, &frame, i);
        drop(gpu, &frame);
    }
    stop(gpu);
}

/* A console that shows both kinds in turn */
static void test_blob_and_2d(const void *opaque)
{
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(BLOB, display->option);

    for (unsigned i = 0; i < 3; i++) {
        Frame copied = frame_of(1, 320, 240), blob = frame_of(2, 320, 240);

        show_2d_change(gpu, &copied, 10 * i);
        show_change_drop(gpu, &blob, 10 * i + 1);
        drop(gpu, &copied);
    }
    stop(gpu);
}

/* --- Textures, which virtio-gpu-gl makes of them ------------------------ */

/* Its renderer prints which OpenGL it found, so no word is no condition. */

static void test_texture_shapes(const void *opaque)
{
    static const Frame shapes[] = {
        { .width = 640, .height = 480 },
        { .width = 333, .height = 77, .parts = 5 },
        { .width = 320, .height = 240, .rect = { 16, 24, 160, 100 } },
        { .width = 320, .height = 240, .rect = { 160, 0, 160, 240 } },
        { .width = 321, .height = 241, .rect = { 1, 225, 320, 16 } },
    };
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(TEXTURE, display->option);

    for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++) {
        Frame frame = shapes[i];

        frame.id = 1 + i;
        frame.format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM;
        g_test_message("shape %u", i);
        show_2d_change(gpu, &frame, i);
        drop(gpu, &frame);
    }
    virtio_gpu_stop(gpu);
}

static void test_texture_formats(const void *opaque)
{
    static const uint32_t rendered[] = {
        VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM,
    };
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(TEXTURE, display->option);

    for (unsigned i = 0; i < ARRAY_SIZE(rendered); i++) {
        Frame frame = frame_of(1 + i, 129, 65);

        frame.format = rendered[i];
        g_test_message("format %u", frame.format);
        show_2d_change(gpu, &frame, i);
        drop(gpu, &frame);
    }
    virtio_gpu_stop(gpu);
}

/* OpenGL's rows count from below or from above, as the guest likes it. */
static void test_texture_directions(const void *opaque)
{
    static const uint32_t flags[] = { 0, VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP };
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(TEXTURE, display->option);

    for (unsigned i = 0; i < 2 * ARRAY_SIZE(flags); i++) {
        Frame frame = frame_of(1 + i, 320, 240);

        if (i >= ARRAY_SIZE(flags)) {
            frame.rect = (struct virtio_gpu_rect) { 40, 30, 200, 100 };
        }
        frame.memory = virtio_gpu_alloc(gpu, size_of(&frame), 1);
        expect_ok(virtio_gpu_create_3d(gpu, frame.id, frame.format,
                                       frame.width, frame.height,
                                       flags[i % ARRAY_SIZE(flags)]));
        expect_ok(virtio_gpu_attach_backing(gpu, frame.id, &frame.memory));
        expect_ok(virtio_gpu_set_scanout(gpu, frame.id, rect_of(&frame)));
        for (unsigned change = 0; change < 2; change++) {
            paint(gpu, &frame, 10 * i + change);
            expect_ok(virtio_gpu_transfer_3d(gpu, frame.id, frame.width,
                                             frame.height));
            expect_ok(virtio_gpu_flush(gpu, frame.id, rect_of(&frame)));
            expect(gpu, &frame, 10 * i + change);
        }
        drop(gpu, &frame);
    }
    virtio_gpu_stop(gpu);
}

/* A texture goes while it is on screen, and a screendump is taken then. */
static void test_texture_gone(const void *opaque)
{
    const Display *display = opaque;
    VirtioGPU *gpu = virtio_gpu_start(TEXTURE, display->option);

    for (unsigned i = 0; i < 4; i++) {
        Frame frame = frame_of(1, 320 - 32 * i, 200 + 16 * i);

        show_2d_change(gpu, &frame, i);
        drop(gpu, &frame);
        qobject_unref(qtest_qmp(gpu->machine->qts,
                                "{ 'execute': 'screendump', 'arguments': "
                                "{ 'filename': %s } }", gpu->machine->dump));
    }
    virtio_gpu_stop(gpu);
}

/* VNC takes pixels, and the guest need not wait until it has sent them. */
static void check_texture_beside_vnc(const char *vnc)
{
    g_autofree char *option = g_strdup_printf("egl-headless -vnc %s", vnc);
    VirtioGPU *gpu = virtio_gpu_start(TEXTURE, option);
    Frame frame = frame_of(1, 320, 240);
    g_autoptr(QDict) info = NULL;

    show_2d_change(gpu, &frame, 1);
    info = qtest_qmp_assert_success_ref(
        gpu->machine->qts, "{ 'execute': 'x-query-frame-holds' }");
    g_assert_null(strstr(qdict_get_str(info, "human-readable-text"),
                         "  vnc: busy"));
    g_assert_nonnull(strstr(qdict_get_str(info, "human-readable-text"),
                            "given up: 0"));
    drop(gpu, &frame);
    virtio_gpu_stop(gpu);
}

static void test_texture_beside_vnc(void)
{
    g_autofree char *folder = g_dir_make_tmp("vgpu-vnc-XXXXXX", NULL);
    g_autofree char *server = g_strdup_printf("unix:%s/vnc", folder);

    check_texture_beside_vnc("none");
    check_texture_beside_vnc(server);
    rmdir(folder);
}

/* --- Which of them can run here ----------------------------------------- */

static void test_skipped(const void *reason)
{
    g_test_skip(reason);
}

static const char *display_is_missing(const Display *display)
{
    if (display->gl && !g_getenv("VGPU_TEST_GL")) {
        return "VGPU_TEST_GL does not say that there is OpenGL";
    }
    if (display->window && !g_getenv("DISPLAY")) {
        return "no X server";
    }
    return NULL;
}

static const char *copies_are_missing(void)
{
    return qtest_has_device(COPIED) ? NULL : "no virtio-gpu";
}

static const char *blobs_are_missing(void)
{
    if (copies_are_missing()) {
        return copies_are_missing();
    }
    return access("/dev/udmabuf", R_OK | W_OK) < 0 ? "no /dev/udmabuf" : NULL;
}

static const char *textures_are_missing(void)
{
    return qtest_has_device(TEXTURE) ? NULL : "no virtio-gpu-gl";
}

typedef struct Test {
    const char *name;
    void (*func)(const void *display);
} Test;

static void add_tests(const char *kind, const Display *display,
                      const Test *tests, size_t count)
{
    const char *missing = display_is_missing(display);

    if (missing) {
        g_autofree char *path = g_strdup_printf("virtio-gpu/%s/%s", kind,
                                                display->name);

        qtest_add_data_func(path, missing, test_skipped);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("virtio-gpu/%s/%s/%s", kind,
                                                display->name, tests[i].name);

        qtest_add_data_func(path, display, tests[i].func);
    }
}

/* One case says why if none of them can run. */
static void add_kind(const char *kind, const char *missing, bool without_gl,
                     const Test *tests, size_t count)
{
    if (missing) {
        g_autofree char *path = g_strdup_printf("virtio-gpu/%s", kind);

        qtest_add_data_func(path, missing, test_skipped);
        return;
    }
    for (unsigned i = 0; i < ARRAY_SIZE(displays); i++) {
        if (displays[i].gl || without_gl) {
            add_tests(kind, &displays[i], tests, count);
        }
    }
}

int main(int argc, char **argv)
{
    static const Test blob_tests[] = {
        { "shapes", test_blob_shapes },
        { "formats", test_blob_formats },
        { "flips", test_blob_flips },
        { "wrong", test_blob_wrong },
        { "wrong-memory", test_blob_wrong_memory },
        { "short", test_blob_short },
        { "and-2d", test_blob_and_2d },
    };
    static const Test copied_tests[] = {
        { "formats", test_copied_formats },
    };
    static const Test texture_tests[] = {
        { "shapes", test_texture_shapes },
        { "formats", test_texture_formats },
        { "directions", test_texture_directions },
        { "gone", test_texture_gone },
    };

    g_test_init(&argc, &argv, NULL);

    add_kind("blob", blobs_are_missing(), true, blob_tests,
             ARRAY_SIZE(blob_tests));
    add_kind("copied", copies_are_missing(), true, copied_tests,
             ARRAY_SIZE(copied_tests));
    add_kind("texture", textures_are_missing(), false, texture_tests,
             ARRAY_SIZE(texture_tests));
    if (!textures_are_missing() && g_getenv("VGPU_TEST_GL")) {
        qtest_add_func("virtio-gpu/texture/beside-vnc",
                       test_texture_beside_vnc);
    }
    return g_test_run();
}
