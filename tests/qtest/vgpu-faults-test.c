/*
 * vGPU display: bad input, of every kind that a driver can give
 *
 * Whatever the device says, QEMU lives on, reads nothing outside, shows the
 * last good frame or a placeholder, warns once for each kind of fault and
 * counts the rest, and recovers when the device does.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vgpu-fixture.h"

#define GOOD 1
#define BETTER 2

#define DMABUF "x-kind=dmabuf"
#define REGION "x-kind=region"

/**
 * Fault:
 * @name: the test's
 * @options: DMABUF or REGION, NULL if it is the same for both
 * @kind: of fault, as x-query-vgpu-display calls it
 * @mode: what the guest reports; the other fields of a good mode if 0
 * @no_width, @no_height, @no_stride: 0 it is
 * @call: fails with @err, if @err is not 0
 * @buffer_flags, @buffer_copy, @region_index: registers, if not 0
 */
typedef struct Fault {
    const char *name;
    const char *options;
    const char *kind;
    VGPUMode mode;
    bool no_width;
    bool no_height;
    bool no_stride;
    unsigned call;
    int err;
    uint32_t buffer_flags;
    uint32_t buffer_copy;
    uint32_t region_index;
} Fault;

static const Fault faults[] = {
    {
        .name = "zero-width", .kind = "extent", .no_width = true,
    }, {
        .name = "zero-height", .kind = "extent", .no_height = true,
    }, {
        .name = "wide", .kind = "extent",
        .mode = { .width = 16385, .stride = 65540 },
    }, {
        .name = "high", .kind = "extent", .mode = { .height = 16385 },
    }, {
        .name = "huge-width", .kind = "extent",
        .mode = { .width = 0xffffffff, .stride = 0xffffffff },
    }, {
        .name = "huge-height", .kind = "extent",
        .mode = { .height = 0xffffffff },
    }, {
        /* a row has 4 bytes in 32 bits */
        .name = "width-overflow", .kind = "extent",
        .mode = { .width = 0x40000001, .stride = 4 },
    }, {
        .name = "zero-stride", .kind = "stride", .no_stride = true,
    }, {
        .name = "small-stride", .kind = "stride",
        .mode = { .stride = 320 * 4 - 1 },
    }, {
        /* the frame has 3 KiB in 32 bits */
        .name = "stride-overflow", .kind = "bounds",
        .mode = { .height = 256, .stride = 0x0100000c },
    }, {
        /* rows go backwards in signed 32 bits */
        .name = "stride-negative", .kind = "bounds",
        .mode = { .stride = 0xfffffb00 },
    }, {
        .name = "offset-past-the-end", .kind = "bounds",
        .mode = { .offset = VGPU_VRAM },
    }, {
        /* 0 in 32 bits */
        .name = "offset-overflow-32", .kind = "bounds",
        .mode = { .offset = 0x100000000 },
    }, {
        /* the frame ends at 0 in 64 bits */
        .name = "offset-overflow-64", .kind = "bounds",
        .mode = { .offset = -(uint64_t)(320 * 240 * 4) },
    }, {
        .name = "offset-negative", .kind = "bounds",
        .mode = { .offset = -4096 },
    }, {
        .name = "one-row-too-many", .kind = "bounds",
        .mode = { .offset = VGPU_VRAM - 320 * 239 * 4 },
    }, {
        .name = "one-byte-too-many", .kind = "bounds",
        .mode = { .offset = VGPU_VRAM - 320 * 240 * 4 + 1 },
    }, {
        .name = "unknown-format", .kind = "format",
        .mode = { .fourcc = fourcc_code('N', 'O', 'N', 'E') },
    }, {
        .name = "planar-format", .kind = "format",
        .mode = { .fourcc = DRM_FORMAT_NV12 },
    }, {
        /* bytes that do not belong on a terminal */
        .name = "unprintable-format", .kind = "format",
        .mode = { .fourcc = fourcc_code('\x1b', '[', '2', 'J') },
    }, {
        .name = "query-fails", .kind = "query",
        .call = VGPU_SW_CALL_QUERY, .err = EIO,
    }, {
        .name = "tiled", .options = DMABUF, .kind = "modifier",
        .mode = { .modifier = I915_FORMAT_MOD_X_TILED },
    }, {
        .name = "unknown-modifier", .options = DMABUF, .kind = "modifier",
        .mode = { .modifier = 0x7f00000000000001ull },
    }, {
        .name = "get-fails", .options = DMABUF, .kind = "dmabuf",
        .call = VGPU_SW_CALL_GET, .err = ENOENT,
    }, {
        .name = "mmap-fails", .options = DMABUF, .kind = "map",
        .buffer_flags = VGPU_SW_BUFFER_NO_MAP,
    }, {
        .name = "buffer-too-small", .options = DMABUF, .kind = "bounds",
        .buffer_copy = 320 * 240 * 4 - 1,
    }, {
        .name = "buffer-of-one-byte", .options = DMABUF, .kind = "bounds",
        .buffer_copy = 1,
    }, {
        .name = "no-such-index", .options = REGION, .kind = "region",
        .region_index = 3,
    }, {
        .name = "index-is-minus-one", .options = REGION, .kind = "region",
        .region_index = 0xffffffff,
    },
};

/* A fault in a device that offers its plane in one way. */
typedef struct Case {
    const Fault *fault;
    const char *options;
} Case;

static VGPUMode good_mode(uint32_t id)
{
    return vgpu_mode(320, 240, id);
}

static VGPUMode bad_mode(const Fault *fault, uint32_t id)
{
    VGPUMode mode = good_mode(id);

    mode.width = fault->mode.width ?: mode.width;
    mode.height = fault->mode.height ?: mode.height;
    mode.stride = fault->mode.stride ?: mode.stride;
    mode.fourcc = fault->mode.fourcc ?: mode.fourcc;
    mode.modifier = fault->mode.modifier;
    mode.offset = fault->mode.offset;
    mode.width = fault->no_width ? 0 : mode.width;
    mode.height = fault->no_height ? 0 : mode.height;
    mode.stride = fault->no_stride ? 0 : mode.stride;
    return mode;
}

/* @id is new, so that no buffer that is open already helps the display out. */
static void break_it(VGPU *vgpu, const Fault *fault, uint32_t id)
{
    VGPUMode mode = bad_mode(fault, id);

    if (fault->err) {
        vgpu_fail(vgpu, fault->call, VGPU_SW_FOREVER, fault->err);
    }
    vgpu_write(vgpu, VGPU_SW_BUFFER_FLAGS, fault->buffer_flags);
    vgpu_write(vgpu, VGPU_SW_BUFFER_COPY, fault->buffer_copy);
    vgpu_write(vgpu, VGPU_SW_REGION_INDEX,
               fault->region_index ?: VGPU_SW_REGION);
    vgpu_show(vgpu, &mode);
}

static void repair_it(VGPU *vgpu)
{
    for (unsigned call = 0; call < VGPU_SW_CALLS; call++) {
        vgpu_fail(vgpu, call, 0, 0);
    }
    vgpu_write(vgpu, VGPU_SW_BUFFER_FLAGS, 0);
    vgpu_write(vgpu, VGPU_SW_BUFFER_COPY, 0);
    vgpu_write(vgpu, VGPU_SW_REGION_INDEX, VGPU_SW_REGION);
}

/* No viewer sees anything but the last good frame, or words. */
static void expect_last_frame_or_words(VGPU *vgpu, const VGPUMode *mode)
{
    g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);

    if (!vgpu_picture_is(picture, mode, GOOD)) {
        g_assert_true(vgpu_shows_words(vgpu));
    }
}

/* A good frame, bad ones, a good one. */
static void test_fault(const void *data)
{
    const Case *c = data;
    const Fault *fault = c->fault;
    VGPU *vgpu = vgpu_start(c->options);
    VGPUMode good = good_mode(1), better = good_mode(2);

    vgpu_paint_show_expect(vgpu, &good, GOOD);
    g_assert_cmpint(vgpu_fault_count(vgpu, fault->kind), ==, 0);

    break_it(vgpu, fault, 66);
    vgpu_expect_faults(vgpu, fault->kind, 5);
    expect_last_frame_or_words(vgpu, &good);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);

    repair_it(vgpu);
    better.offset = 0x200000;
    vgpu_paint_show_expect(vgpu, &better, BETTER);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);
    vgpu_stop(vgpu);
}

/* The same, with no good frame before. */
static void test_fault_first(const void *data)
{
    const Case *c = data;
    const Fault *fault = c->fault;
    VGPU *vgpu = vgpu_start(c->options);
    VGPUMode better = good_mode(2);
    g_autoptr(VGPUPicture) before = vgpu_screendump(vgpu);
    g_autoptr(VGPUPicture) after = NULL;
    g_autofree char *difference = NULL;

    break_it(vgpu, fault, 66);
    vgpu_expect_faults(vgpu, fault->kind, 5);
    after = vgpu_screendump(vgpu);
    difference = vgpu_picture_differ(before, after);
    if (!vgpu_shows_words(vgpu)) {
        /* then those of before */
        g_assert_cmpstr(difference, ==, NULL);
    }
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);

    repair_it(vgpu);
    better.offset = 0x200000;
    vgpu_paint_show_expect(vgpu, &better, BETTER);
    vgpu_stop(vgpu);
}

/* One fault after the other: one warning for each kind. */
static void test_all_in_turn(const void *data)
{
    const char *options = data;
    VGPU *vgpu = vgpu_start(options);
    g_autoptr(GHashTable) kinds = g_hash_table_new(g_str_hash, g_str_equal);
    VGPUMode good = good_mode(1);

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < ARRAY_SIZE(faults); i++) {
            const Fault *fault = &faults[i];

            if (fault->options && !g_str_equal(fault->options, options)) {
                continue;
            }
            g_hash_table_add(kinds, (gpointer)fault->kind);
            vgpu_paint_show_expect(vgpu, &good, GOOD);
            break_it(vgpu, fault, 100 + 100 * round + i);
            vgpu_expect_faults(vgpu, fault->kind,
                               vgpu_fault_count(vgpu, fault->kind) + 2);
            repair_it(vgpu);
        }
    }
    vgpu_paint_show_expect(vgpu, &good, GOOD);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==,
                     g_hash_table_size(kinds));
    vgpu_stop(vgpu);
}

/* A device that may take one path only, which it may not have at all. */
typedef struct Forced {
    const char *kind;
    const char *path;
} Forced;

/* Extents that no surface can have reach none, whatever path they are for. */
static void test_forced(const void *data)
{
    static const struct {
        uint32_t width, height;
    } extents[] = {
        { 0x80000000, 16 },
        { 16, 0x80000000 },
        { 40000, 40000 },       /* their bytes are more than 32 bits */
        { 0x8000, 0x8000 },     /* 0 in 32 bits */
        { 0xffffffff, 0xffffffff },
        { 16385, 16 },
        { 16, 16385 },
        { 0, 16 },
    };
    const Forced *forced = data;
    g_autofree char *options =
        g_strdup_printf("x-kind=%s,x-display-path=%s", forced->kind,
                        forced->path);
    VGPU *vgpu = vgpu_start(options);
    VGPUMode good = good_mode(1);

    for (unsigned i = 0; i < ARRAY_SIZE(extents); i++) {
        VGPUMode mode = vgpu_mode(extents[i].width, extents[i].height, 66 + i);
        g_autoptr(VGPUPicture) picture = NULL;

        mode.stride = MIN(4 * (uint64_t)mode.width, 0xfffffffc);
        vgpu_show(vgpu, &mode);
        vgpu_expect_faults(vgpu, "extent", 1 + i);
        picture = vgpu_screendump(vgpu);
        g_assert_cmpuint(picture->width, <=, 640);
        g_assert_cmpuint(picture->height, <=, 480);
    }
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);

    vgpu_paint(vgpu, &good, GOOD);
    vgpu_show(vgpu, &good);
    expect_last_frame_or_words(vgpu, &good);
    vgpu_stop(vgpu);
}

static void add_forced(void)
{
    static const Forced cases[] = {
        { "region", "mmap" },
        { "region", "gl" },
        { "region", "metadata" },
        { "region", "region" },
        { "dmabuf", "region" },
        { "dmabuf", "metadata" },
        { "dmabuf", "mmap" },
        { "both", "region" },
        { "both", "metadata" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *name =
            g_strdup_printf("/vgpu/faults/%s/forced/%s", cases[i].kind,
                            cases[i].path);

        qtest_add_data_func(name, &cases[i], test_forced);
    }
}

/* mbochs: the first query of each mode fails with ENOMEM, the next does not. */
static void test_query_fails_once(const void *data)
{
    VGPU *vgpu = vgpu_start(data);

    for (unsigned i = 0; i < 3; i++) {
        VGPUMode mode = vgpu_mode(320 + i, 240, 1 + i);

        vgpu_paint(vgpu, &mode, i);
        vgpu_fail(vgpu, VGPU_SW_CALL_QUERY, 1, ENOMEM);
        vgpu_show(vgpu, &mode);
        vgpu_expect_now(vgpu, &mode, i);
        g_assert_cmpint(vgpu_fault_count(vgpu, "query"), ==, 1 + i);
    }
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* A driver that will not give the buffer now may give it later. */
static void test_get_fails_once(void)
{
    VGPU *vgpu = vgpu_start(DMABUF);
    VGPUMode mode = good_mode(1);

    vgpu_paint(vgpu, &mode, GOOD);
    vgpu_fail(vgpu, VGPU_SW_CALL_GET, 1, ENOMEM);
    vgpu_show(vgpu, &mode);
    vgpu_expect(vgpu, &mode, GOOD);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, 2);
    g_assert_cmpint(vgpu_fault_count(vgpu, "dmabuf"), ==, 1);
    vgpu_stop(vgpu);
}

/*
 * An id that comes back with another layout is closed before it is fetched:
 * so it is closed also if it cannot be fetched.
 */
static void test_relayout_get_fails(void)
{
    VGPU *vgpu = vgpu_start(DMABUF);
    VGPUMode good = good_mode(1), other = vgpu_mode(200, 100, 1);
    unsigned files;

    vgpu_paint_show_expect(vgpu, &good, GOOD);
    files = vgpu_machine_open_files(vgpu->machine);
    vgpu_fail(vgpu, VGPU_SW_CALL_GET, VGPU_SW_FOREVER, ENOENT);
    vgpu_show(vgpu, &other);
    vgpu_expect_faults(vgpu, "dmabuf", 2);
    g_assert_cmpint(vgpu_stat(vgpu, "buffers"), ==, 0);
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), ==, files - 1);
    vgpu_expect_now(vgpu, &good, GOOD);

    vgpu_fail(vgpu, VGPU_SW_CALL_GET, 0, 0);
    other.offset = 0x200000;
    vgpu_paint_show_expect(vgpu, &other, BETTER);
    g_assert_cmpint(vgpu_stat(vgpu, "buffers"), ==, 1);
    g_assert_cmpuint(vgpu_machine_open_files(vgpu->machine), ==, files);
    vgpu_stop(vgpu);
}

static void test_open_fails_once(void)
{
    VGPU *vgpu = vgpu_start(REGION);
    VGPUMode mode = good_mode(1);

    vgpu_paint(vgpu, &mode, GOOD);
    vgpu_fail(vgpu, VGPU_SW_CALL_OPEN, 1, ENOMEM);
    vgpu_show(vgpu, &mode);
    vgpu_expect(vgpu, &mode, GOOD);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_OPENS), ==, 2);
    g_assert_cmpint(vgpu_fault_count(vgpu, "region"), ==, 1);
    vgpu_stop(vgpu);
}

/*
 * A region of which a part can be mapped: a frame in it is not read, and one
 * elsewhere is, if the region can be read at all.
 */
static void test_region_part(void)
{
    VGPU *vgpu = vgpu_start(REGION);
    VGPUMode near = good_mode(1), far = good_mode(1);

    far.offset = VGPU_SW_REGION_PART_BYTES - 4096;
    vgpu_write(vgpu, VGPU_SW_REGION_FLAGS, VGPU_SW_REGION_PART);
    vgpu_paint_show_expect(vgpu, &near, GOOD);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_READS), ==, 0);
    vgpu_paint_show_expect(vgpu, &far, BETTER);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_READS), >, 0);
    vgpu_stop(vgpu);

    vgpu = vgpu_start(REGION);
    vgpu_write(vgpu, VGPU_SW_REGION_FLAGS,
               VGPU_SW_REGION_PART | VGPU_SW_REGION_NO_READ);
    vgpu_paint_show_expect(vgpu, &near, GOOD);
    vgpu_paint(vgpu, &far, BETTER);
    vgpu_show(vgpu, &far);
    vgpu_expect_faults(vgpu, "region", 2);
    vgpu_expect_now(vgpu, &near, GOOD);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_READS), ==, 0);
    vgpu_paint_show_expect(vgpu, &near, GOOD);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);
    vgpu_stop(vgpu);
}

/* A region that can only be read, and then not even that. */
static void test_region_read_fails(void)
{
    VGPU *vgpu = vgpu_start(REGION);
    VGPUMode mode = good_mode(1);

    vgpu_write(vgpu, VGPU_SW_REGION_FLAGS, VGPU_SW_REGION_NO_MAP);
    vgpu_paint_show_expect(vgpu, &mode, GOOD);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_READS), >, 0);

    vgpu_fail(vgpu, VGPU_SW_CALL_READ, VGPU_SW_FOREVER, EIO);
    vgpu_paint(vgpu, &mode, BETTER);
    vgpu_expect_faults(vgpu, "vanished", 5);
    expect_last_frame_or_words(vgpu, &mode);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);

    repair_it(vgpu);
    vgpu_expect(vgpu, &mode, BETTER);
    vgpu_stop(vgpu);
}

/* What the dma-buf cannot do, the region can, where there are both. */
static void test_falls_back_to_region(void)
{
    VGPU *vgpu = vgpu_start("x-kind=both");
    VGPUMode mode = good_mode(1);

    vgpu_write(vgpu, VGPU_SW_BUFFER_FLAGS, VGPU_SW_BUFFER_NO_MAP);
    vgpu_paint_show_expect(vgpu, &mode, GOOD);
    vgpu_expect_path(vgpu, "region");

    repair_it(vgpu);
    mode.id = 2;
    vgpu_paint_show_expect(vgpu, &mode, BETTER);
    vgpu_expect_path(vgpu, "mmap");
    vgpu_stop(vgpu);
}

/*
 * A driver that names a dma-buf and does not give it away: the region is not
 * asked then, because it may have another picture. The last frame stays.
 */
static void test_get_fails_with_both(void)
{
    VGPU *vgpu = vgpu_start("x-kind=both");
    VGPUMode good = good_mode(1), better = good_mode(2);

    better.offset = 0x200000;
    vgpu_paint(vgpu, &better, BETTER);
    vgpu_paint_show_expect(vgpu, &good, GOOD);

    vgpu_fail(vgpu, VGPU_SW_CALL_GET, VGPU_SW_FOREVER, EIO);
    vgpu_show(vgpu, &better);
    vgpu_expect_faults(vgpu, "dmabuf", 5);
    vgpu_expect_now(vgpu, &good, GOOD);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_OPENS), ==, 0);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);

    repair_it(vgpu);
    vgpu_expect(vgpu, &better, BETTER);
    vgpu_expect_path(vgpu, "mmap");
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 1);
    vgpu_stop(vgpu);
}

/* Is this a picture whose first @rows rows are as drawn? */
static void expect_rows(const VGPUPicture *got, const VGPUMode *mode,
                        uint32_t seed, uint32_t rows)
{
    g_autoptr(VGPUPicture) want = vgpu_picture_of(mode, seed);

    g_assert_cmpuint(got->width, ==, mode->width);
    g_assert_cmpuint(got->height, ==, mode->height);
    g_assert_cmpint(memcmp(got->rgb, want->rgb,
                           (size_t)rows * mode->width * 3), ==, 0);
}

/* Pages go away under a mapping that was checked when they were there. */
static void test_shrinks(const void *data)
{
    uint32_t left = GPOINTER_TO_UINT(data);
    VGPU *vgpu = vgpu_start(DMABUF);
    VGPUMode mode = good_mode(1), better = good_mode(2);
    g_autoptr(VGPUPicture) picture = NULL;

    vgpu_write(vgpu, VGPU_SW_BUFFER_COPY, 320 * 240 * 4);
    vgpu_paint_show_expect(vgpu, &mode, GOOD);

    vgpu_write(vgpu, VGPU_SW_BUFFER_CUT, left);
    vgpu_expect_faults(vgpu, "vanished", 1);
    picture = vgpu_screendump(vgpu);
    if (!vgpu_shows_words(vgpu)) {
        /* Rows that are still there are still shown. */
        expect_rows(picture, &mode, GOOD, left / mode.stride);
    }
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), <=, 2);

    repair_it(vgpu);
    vgpu_paint_show_expect(vgpu, &better, BETTER);
    vgpu_stop(vgpu);
}

/* Away and back, again and again, at each size. */
static void test_shrinks_often(void)
{
    VGPU *vgpu = vgpu_start(DMABUF);

    for (unsigned i = 0; i < 50; i++) {
        VGPUMode mode = good_mode(1 + i);
        g_autoptr(VGPUPicture) picture = NULL;

        vgpu_write(vgpu, VGPU_SW_BUFFER_COPY, 320 * 240 * 4);
        vgpu_paint_show_expect(vgpu, &mode, i);
        vgpu_write(vgpu, VGPU_SW_BUFFER_CUT, i * 6143);
        picture = vgpu_screendump(vgpu);
    }
    repair_it(vgpu);
    vgpu_stop(vgpu);
}

/* Registers as a hostile guest writes them, the same on every run. */
static void test_random(const void *data)
{
    static const uint32_t corners[] = {
        0, 1, 2, 3, 4, 9, 16, 64, 320, 1280, 4096, 16384, 16385, 65536,
        VGPU_VRAM - 4, VGPU_VRAM, 0x7fffffff, 0x80000000, 0xfffffffc,
        0xffffffff, DRM_FORMAT_XRGB8888, DRM_FORMAT_RGB565,
        DRM_FORMAT_RGB888,
    };
    g_autoptr(GRand) rand = g_rand_new_with_seed(4711);
    VGPU *vgpu = vgpu_start(data);
    VGPUMode good = good_mode(1);

    for (unsigned i = 0; i < 300; i++) {
        g_autoptr(VGPUPicture) picture = NULL;

        vgpu_show(vgpu, &good);
        for (unsigned j = 0; j < 4; j++) {
            uint32_t reg = g_rand_int_range(rand, 0, 0x0d8 / 4) * 4;
            uint32_t value =
                corners[g_rand_int_range(rand, 0, ARRAY_SIZE(corners))];

            vgpu_write(vgpu, reg, value);
        }
        vgpu_write(vgpu, VGPU_SW_COMMIT, 1);
        picture = vgpu_screendump(vgpu);
    }
    repair_it(vgpu);
    vgpu_write(vgpu, VGPU_SW_REGION_FLAGS, 0);
    good.id = 4712;
    vgpu_paint_show_expect(vgpu, &good, GOOD);
    vgpu_stop(vgpu);
}

static void add_shrinks(uint32_t left)
{
    g_autofree char *path =
        g_strdup_printf("/vgpu/faults/dmabuf/shrinks-to/%u", left);

    qtest_add_data_func(path, GUINT_TO_POINTER(left), test_shrinks);
}

static void add_fault(const Fault *fault, const char *kind,
                      const char *options)
{
    g_autofree char *path = g_strdup_printf("/vgpu/faults/%s/%s", kind,
                                            fault->name);
    g_autofree char *first = g_strdup_printf("%s/first-frame", path);
    Case one = { fault, options };

    if (!fault->options || g_str_equal(fault->options, options)) {
        qtest_add_data_func_full(path, g_memdup2(&one, sizeof(one)),
                                 test_fault, g_free);
        qtest_add_data_func_full(first, g_memdup2(&one, sizeof(one)),
                                 test_fault_first, g_free);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    for (unsigned i = 0; i < ARRAY_SIZE(faults); i++) {
        add_fault(&faults[i], "dmabuf", DMABUF);
        add_fault(&faults[i], "region", REGION);
    }
    add_forced();
    qtest_add_data_func("/vgpu/faults/dmabuf/all-in-turn", DMABUF,
                        test_all_in_turn);
    qtest_add_data_func("/vgpu/faults/region/all-in-turn", REGION,
                        test_all_in_turn);
    qtest_add_data_func("/vgpu/faults/dmabuf/query-fails-once", DMABUF,
                        test_query_fails_once);
    qtest_add_data_func("/vgpu/faults/region/query-fails-once", REGION,
                        test_query_fails_once);
    qtest_add_data_func("/vgpu/faults/both/query-fails-once", "x-kind=both",
                        test_query_fails_once);
    qtest_add_func("/vgpu/faults/dmabuf/get-fails-once", test_get_fails_once);
    qtest_add_func("/vgpu/faults/dmabuf/relayout-get-fails",
                   test_relayout_get_fails);
    qtest_add_func("/vgpu/faults/region/open-fails-once",
                   test_open_fails_once);
    qtest_add_func("/vgpu/faults/region/part", test_region_part);
    qtest_add_func("/vgpu/faults/region/read-fails", test_region_read_fails);
    qtest_add_func("/vgpu/faults/both/falls-back-to-region",
                   test_falls_back_to_region);
    qtest_add_func("/vgpu/faults/both/get-fails", test_get_fails_with_both);
    add_shrinks(0);
    add_shrinks(1);
    add_shrinks(4096);
    add_shrinks(4097);
    add_shrinks(160 * 1024);
    add_shrinks(320 * 240 * 4 - 4096);
    qtest_add_func("/vgpu/faults/dmabuf/shrinks-often", test_shrinks_often);
    qtest_add_data_func("/vgpu/faults/dmabuf/random", DMABUF, test_random);
    qtest_add_data_func("/vgpu/faults/region/random", REGION, test_random);
    qtest_add_data_func("/vgpu/faults/both/random", "x-kind=both",
                        test_random);
    return g_test_run();
}
