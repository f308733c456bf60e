/*
 * vGPU display: modes, formats and page flips, compared pixel by pixel
 *
 * A software vGPU shows pictures in every layout that is valid, and QMP's
 * screendump must give them back.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vgpu-fixture.h"

/* How a plane is offered and read; each runs all tests in this file. */
typedef struct Way {
    const char *name;
    const char *options;
    uint32_t region_flags;
} Way;

static const Way ways[] = {
    { "dmabuf", "x-kind=dmabuf" },
    { "region", "x-kind=region" },
    { "region-read", "x-kind=region", VGPU_SW_REGION_NO_MAP },
    { "both", "x-kind=both" },
};

static VGPU *start(const Way *way)
{
    VGPU *vgpu = vgpu_start(way->options);

    vgpu_write(vgpu, VGPU_SW_REGION_FLAGS, way->region_flags);
    return vgpu;
}

/* A good display has nothing to say. */
static void stop(VGPU *vgpu)
{
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

static void test_sizes(const void *data)
{
    static const struct {
        uint32_t width, height, padding;
        uint64_t offset;
    } cases[] = {
        { 1024, 768 },
        { 800, 600 },
        { 641, 479 },               /* odd, so rows start at odd words */
        { 333, 77, 52 },            /* rows with a gap between them */
        { 333, 77, 3 },             /* and one that is no whole pixel */
        { 640, 480, 0, 0x7000 },    /* starts at a page */
        { 640, 480, 256, 0x7044 },  /* starts within one */
        { 1, 1 },
        { 1, 257, 60 },
        { 257, 1 },
        { 64, 64 },
        { 16384, 16 },              /* as wide as allowed */
        { 16, 16384 },              /* as high as allowed */
        { 1920, 1080 },
    };
    VGPU *vgpu = start(data);

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        VGPUMode mode = vgpu_mode(cases[i].width, cases[i].height, 1 + i);

        mode.stride += cases[i].padding;
        mode.offset = cases[i].offset;
        vgpu_paint_show_expect(vgpu, &mode, i);
    }
    stop(vgpu);
}

/* A 4K frame takes seconds to draw through qtest. */
static void test_4k(const void *data)
{
    VGPU *vgpu = start(data);
    VGPUMode mode = vgpu_mode(3840, 2160, 1);

    mode.fourcc = DRM_FORMAT_RGB565;
    mode.stride = mode.width * 2;
    vgpu_paint_show_expect(vgpu, &mode, 1);
    stop(vgpu);
}

static void test_formats(const void *data)
{
    VGPU *vgpu = start(data);

    for (size_t i = 0; i < vgpu_formats_count; i++) {
        VGPUMode mode = vgpu_mode(129, 65, 1 + i);

        g_test_message("%s", vgpu_formats[i].name);
        mode.fourcc = vgpu_formats[i].fourcc;
        mode.stride = 129 * vgpu_formats[i].cpp + 12;
        vgpu_paint_show_expect(vgpu, &mode, i);
    }
    stop(vgpu);
}

/* The last pixel is the last that there is; the stride goes past it. */
static void test_end_of_memory(const void *data)
{
    VGPU *vgpu = start(data);
    VGPUMode mode = vgpu_mode(100, 50, 1);

    mode.stride += 96;
    mode.offset = VGPU_VRAM - (uint64_t)mode.stride * 49 - 400;
    vgpu_paint_show_expect(vgpu, &mode, 1);
    stop(vgpu);
}

/* What screendump gives is what is there, not what was there. */
static void test_screendump_is_current(const void *data)
{
    VGPU *vgpu = start(data);
    VGPUMode mode = vgpu_mode(320, 200, 1);

    vgpu_paint(vgpu, &mode, 1);
    vgpu_show(vgpu, &mode);
    vgpu_expect_now(vgpu, &mode, 1);
    for (uint32_t seed = 2; seed < 10; seed++) {
        vgpu_paint(vgpu, &mode, seed);
        vgpu_expect_now(vgpu, &mode, seed);
    }
    stop(vgpu);
}

/* One pixel in a buffer that stays on screen. */
static void test_one_pixel(const void *data)
{
    VGPU *vgpu = start(data);
    VGPUMode mode = vgpu_mode(640, 480, 1);
    uint32_t x = 639, y = 479;

    vgpu_paint_show_expect(vgpu, &mode, 1);
    for (int i = 0; i < 4; i++, x /= 2, y /= 3) {
        g_autoptr(VGPUPicture) want = vgpu_picture_of(&mode, 1);
        g_autoptr(VGPUPicture) got = NULL;
        g_autofree char *difference = NULL;
        uint8_t *rgb = want->rgb + ((size_t)y * mode.width + x) * 3;
        uint64_t at = vgpu->vram.addr + y * mode.stride + x * 4;
        uint32_t old = qtest_readl(vgpu->machine->qts, at);

        qtest_writel(vgpu->machine->qts, at, old ^ 0x010203);
        rgb[0] ^= 0x01;
        rgb[1] ^= 0x02;
        rgb[2] ^= 0x03;
        got = vgpu_screendump(vgpu);
        difference = vgpu_picture_differ(want, got);
        g_assert_cmpstr(difference, ==, NULL);
        qtest_writel(vgpu->machine->qts, at, old);
        vgpu_expect_now(vgpu, &mode, 1);
    }
    stop(vgpu);
}

/* A mode keeps its buffer's id: the display must not believe it. */
static void test_same_id_new_layout(const void *data)
{
    VGPU *vgpu = start(data);
    VGPUMode mode = vgpu_mode(640, 480, 7);

    vgpu_paint_show_expect(vgpu, &mode, 1);
    mode.stride += 64;
    vgpu_paint_show_expect(vgpu, &mode, 2);
    mode = vgpu_mode(480, 640, 7);
    vgpu_paint_show_expect(vgpu, &mode, 3);
    mode.fourcc = DRM_FORMAT_BGRX8888;
    vgpu_paint_show_expect(vgpu, &mode, 4);
    mode.offset = 0x100000;
    vgpu_paint_show_expect(vgpu, &mode, 5);
    mode = vgpu_mode(640, 480, 7);
    vgpu_paint_show_expect(vgpu, &mode, 6);
    stop(vgpu);
}

/* A guest that flips fetches each buffer once and opens the region once. */
static void test_flips(const void *data)
{
    const Way *way = data;

    for (unsigned buffers = 2; buffers <= 8; buffers++) {
        VGPU *vgpu = start(way);
        VGPUMode modes[8];

        for (unsigned i = 0; i < buffers; i++) {
            modes[i] = vgpu_mode(320, 240, 100 + i);
            modes[i].offset = i * 0x60000;
            vgpu_paint(vgpu, &modes[i], i);
        }
        for (unsigned i = 0; i < 4 * buffers; i++) {
            vgpu_show(vgpu, &modes[i % buffers]);
            vgpu_expect_now(vgpu, &modes[i % buffers], i % buffers);
        }
        if (g_str_equal(way->options, "x-kind=region")) {
            g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_OPENS), ==, 1);
        } else {
            g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, buffers);
            g_assert_cmpint(vgpu_stat(vgpu, "cache-misses"), ==, buffers);
            g_assert_cmpint(vgpu_stat(vgpu, "buffers"), ==, buffers);
            g_assert_cmpint(vgpu_stat(vgpu, "cache-evictions"), ==, 0);
            g_assert_cmpint(vgpu_stat(vgpu, "cache-hits"), >=, 3 * buffers);
        }
        stop(vgpu);
    }
}

/* A guest with a new buffer for each frame does not fill the host. */
static void test_many_buffers(const void *data)
{
    VGPU *vgpu = start(data);
    unsigned files = 0;

    for (unsigned i = 0; i < 100; i++) {
        VGPUMode mode = vgpu_mode(64, 32, 1000 + i);

        mode.offset = i * 0x3000;
        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_expect_now(vgpu, &mode, i);
        if (i == 50) {
            files = vgpu_machine_open_files(vgpu->machine);
        }
    }
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), ==, files);
    stop(vgpu);
}

/* Which way the pixels take, of those that there are. */
static void test_forced_path(void)
{
    static const struct {
        const char *options, *path;
        unsigned gets, opens;
    } cases[] = {
        { "x-kind=both,x-display-path=auto", "mmap", 1, 0 },
        { "x-kind=both,x-display-path=mmap", "mmap", 1, 0 },
        { "x-kind=dmabuf,x-display-path=mmap", "mmap", 1, 0 },
        { "x-kind=both,x-display-path=region", "region", 0, 1 },
        { "x-kind=region,x-display-path=region", "region", 0, 1 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        VGPU *vgpu = vgpu_start(cases[i].options);
        VGPUMode mode = vgpu_mode(320, 240, 1);

        g_test_message("%s", cases[i].options);
        vgpu_paint_show_expect(vgpu, &mode, i);
        vgpu_expect_path(vgpu, cases[i].path);
        g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), <=, cases[i].gets);
        g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_OPENS), <=, cases[i].opens);
        stop(vgpu);
    }
}

/* A way that is asked for and not there: words, never another way's pixels. */
static void test_forced_path_impossible(void)
{
    static const char *const options[] = {
        "x-kind=region,x-display-path=mmap",
        "x-kind=dmabuf,x-display-path=region",
        "x-kind=both,x-display-path=metadata",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
        VGPU *vgpu = vgpu_start(options[i]);
        VGPUMode mode = vgpu_mode(320, 240, 1);
        g_autoptr(VGPUPicture) picture = NULL;

        g_test_message("%s", options[i]);
        vgpu_paint(vgpu, &mode, i);
        vgpu_show(vgpu, &mode);
        vgpu_expect_path(vgpu, "placeholder");
        picture = vgpu_screendump(vgpu);
        g_assert_false(vgpu_picture_is(picture, &mode, i));
        vgpu_stop(vgpu);
    }
}

/* The same facts for people. */
static void test_hmp(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = vgpu_mode(320, 240, 1);
    g_autofree char *off = qtest_hmp(vgpu->machine->qts,
                                     "info vgpu-display");
    g_autofree char *on = NULL;

    g_assert_nonnull(strstr(off, "gpu: console "));
    g_assert_nonnull(strstr(off, "plane: off"));
    vgpu_paint_show_expect(vgpu, &mode, 1);
    on = qtest_hmp(vgpu->machine->qts, "info vgpu-display");
    g_assert_nonnull(strstr(on, "path mmap"));
    g_assert_nonnull(strstr(on, "320x240 XR24"));
    g_assert_null(strstr(on, "fault"));
    stop(vgpu);
}

/* Buffers that the host's kernel made dma-bufs of. */
static void test_udmabuf(void)
{
    VGPUMachine *machine;
    VGPU *vgpu;
    VGPUMode mode;

    if (access("/dev/udmabuf", R_OK | W_OK)) {
        g_test_skip("/dev/udmabuf is not there or not ours");
        return;
    }
    machine = vgpu_machine_start("-device vgpu-sw,vram=32M,udmabuf=on,"
                                 "x-kind=dmabuf,id=gpu,addr=4");
    vgpu = vgpu_open(machine, "gpu", 4);
    mode = vgpu_mode(801, 601, 1);
    vgpu_paint_show_expect(vgpu, &mode, 1);
    mode.id = 2;
    mode.offset = 0x5000;
    vgpu_paint_show_expect(vgpu, &mode, 2);
    mode.id = 3;
    mode.offset = 0x5004;
    vgpu_paint_show_expect(vgpu, &mode, 3);
    stop(vgpu);
}

static void add(const char *name, const Way *way, void (*func)(const void *))
{
    g_autofree char *path = g_strdup_printf("/vgpu/modes/%s/%s", way->name,
                                            name);

    qtest_add_data_func(path, way, func);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
        add("sizes", &ways[i], test_sizes);
        add("formats", &ways[i], test_formats);
        add("end-of-memory", &ways[i], test_end_of_memory);
        add("screendump-is-current", &ways[i], test_screendump_is_current);
        add("one-pixel", &ways[i], test_one_pixel);
        add("same-id-new-layout", &ways[i], test_same_id_new_layout);
        add("flips", &ways[i], test_flips);
        add("many-buffers", &ways[i], test_many_buffers);
        if (g_test_slow() || g_getenv("VGPU_TEST_FULL")) {
            add("4k", &ways[i], test_4k);
        }
    }
    qtest_add_func("/vgpu/modes/forced-path", test_forced_path);
    qtest_add_func("/vgpu/modes/forced-path-impossible",
                   test_forced_path_impossible);
    qtest_add_func("/vgpu/modes/hmp", test_hmp);
    qtest_add_func("/vgpu/modes/udmabuf", test_udmabuf);
    return g_test_run();
}
