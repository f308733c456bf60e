/*
 * One plane's pixels: device memory copied into an image that QEMU owns
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/dmabuf-map.h"
#include "ui/mirror-layer.h"

/* Two tiles and a bit each way, and odd. */
#define WIDTH (2 * DAMAGE_TILE_WIDTH + 5)
#define HEIGHT (2 * DAMAGE_TILE_HEIGHT + 3)
/* Rows of a frame of which a small part can be read. */
#define TALL 201

static bool busy;
static int begun;

/* In the place of ui/dmabuf-map.c, whose ioctls need a dma-buf. */
bool dmabuf_sync_read_begin(int fd)
{
    begun += !busy;
    return !busy;
}

void dmabuf_sync_read_end(int fd)
{
    begun--;
}

static uint32_t noise(uint32_t key)
{
    key = (key ^ (key >> 16)) * 0x45d9f3b;
    key = (key ^ (key >> 16)) * 0x45d9f3b;
    return key ^ (key >> 16);
}

static uint8_t *new_noise(size_t len, uint32_t seed)
{
    uint8_t *bytes = g_malloc(len);

    for (size_t i = 0; i < len; i++) {
        bytes[i] = noise(seed << 24 ^ i);
    }
    return bytes;
}

static const UIPixelFormat *find_format(uint32_t fourcc)
{
    return ui_pixel_format_find(fourcc) ?: ui_pixel_format_find_yuv(fourcc);
}

static MirrorFrame new_frame(uint32_t fourcc, const uint8_t *map)
{
    const UIPixelFormat *format = find_format(fourcc);

    return (MirrorFrame) {
        .format = format,
        .width = WIDTH,
        .height = HEIGHT,
        .readable = HEIGHT,
        .stride = ui_pixel_format_row_bytes(format, WIDTH) + 12,
        .offset = 24,
        .map = map,
        .fd = -1,
    };
}

static size_t frame_bytes(const MirrorFrame *frame)
{
    return frame->offset +
        frame->stride * ui_pixel_format_rows(frame->format, HEIGHT);
}

static uint32_t pixel_of(const MirrorLayer *layer, uint32_t x, uint32_t y)
{
    return pixman_image_get_data(layer->image)
        [y * pixman_image_get_stride(layer->image) / 4 + x];
}

static void clear_damage(MirrorLayer *layer)
{
    damage_map_clear(layer->damage);
}

/* Times alpha and back to 8 bits, rounded to the nearest. */
static uint32_t times(uint32_t colour, uint32_t alpha)
{
    return (2 * colour * alpha + 255) / (2 * 255);
}

/* What a pixel of ARGB8888 is in a layer with alpha. */
static uint32_t expected_argb(uint32_t pixel, bool straight)
{
    uint32_t alpha = pixel >> 24;

    if (!straight) {
        return pixel;
    }
    return alpha << 24 | times(pixel >> 16 & 0xff, alpha) << 16 |
        times(pixel >> 8 & 0xff, alpha) << 8 | times(pixel & 0xff, alpha);
}

static void test_argb(const void *data)
{
    bool straight = *(const char *)data == 's';
    MirrorFrame frame = new_frame(DRM_FORMAT_ARGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 1);
    MirrorLayer layer = { 0 };

    frame.map = memory;
    frame.straight_alpha = straight;
    g_assert_true(mirror_layer_fit(&layer, &frame));
    g_assert_false(mirror_layer_fit(&layer, &frame));
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        const uint8_t *row = memory + frame.offset + frame.stride * y;

        for (uint32_t x = 0; x < WIDTH; x++) {
            uint32_t pixel = row[4 * x] | row[4 * x + 1] << 8 |
                row[4 * x + 2] << 16 | (uint32_t)row[4 * x + 3] << 24;

            g_assert_cmphex(pixel_of(&layer, x, y), ==,
                            expected_argb(pixel, straight));
        }
    }
    clear_damage(&layer);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_UNCHANGED);
    g_assert_cmpuint(layer.bytes_read, ==, 2 * WIDTH * HEIGHT * 4);
    mirror_layer_finish(&layer);
    g_assert_null(layer.image);
}

/* A layer that knew alpha forgets it, and the other way round. */
static void test_fit(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_ARGB8888, NULL);
    MirrorLayer layer = { 0 };

    g_assert_true(mirror_layer_fit(&layer, &frame));
    frame.format = find_format(DRM_FORMAT_XRGB8888);
    g_assert_true(mirror_layer_fit(&layer, &frame));
    frame.format = find_format(DRM_FORMAT_RGB565);
    g_assert_false(mirror_layer_fit(&layer, &frame));
    frame.width++;
    g_assert_true(mirror_layer_fit(&layer, &frame));
    mirror_layer_finish(&layer);
}

/* BT.601, limited range, in floating point. */
static int clamp(double value)
{
    return value <= 0 ? 0 : value >= 255 ? 255 : (int)(value + 0.5);
}

static void assert_colour(uint32_t pixel, int y, int u, int v)
{
    double luma = 255.0 / 219 * (y - 16);
    int want[3] = {
        clamp(luma + 255.0 / 224 * 1.402 * (v - 128)),
        clamp(luma - 255.0 / 224 * 0.344136 * (u - 128)
                   - 255.0 / 224 * 0.714136 * (v - 128)),
        clamp(luma + 255.0 / 224 * 1.772 * (u - 128)),
    };

    for (int i = 0; i < 3; i++) {
        int got = pixel >> (16 - 8 * i) & 0xff;

        g_assert_cmpint(ABS(got - want[i]), <=, 2);
    }
}

static void check_yuv(uint32_t fourcc, const uint8_t *memory,
                      const MirrorFrame *frame, const MirrorLayer *layer)
{
    for (uint32_t y = 0; y < frame->readable; y++) {
        const uint8_t *row = memory + frame->offset + frame->stride * y;
        const uint8_t *chroma = memory + frame->offset +
            frame->stride * (HEIGHT + y / 2);

        for (uint32_t x = 0; x < WIDTH; x++) {
            if (fourcc == DRM_FORMAT_YUYV) {
                assert_colour(pixel_of(layer, x, y), row[2 * x],
                              row[x / 2 * 4 + 1], row[x / 2 * 4 + 3]);
            } else {
                assert_colour(pixel_of(layer, x, y), row[x],
                              chroma[x / 2 * 2], chroma[x / 2 * 2 + 1]);
            }
        }
    }
}

static void test_yuv(const void *data)
{
    uint32_t fourcc = *(const char *)data == 'Y' ? DRM_FORMAT_YUYV
                                                 : DRM_FORMAT_NV12;
    MirrorFrame frame = new_frame(fourcc, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 2);
    MirrorLayer layer = { 0 };

    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    check_yuv(fourcc, memory, &frame, &layer);

    clear_damage(&layer);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_UNCHANGED);

    /* rows that cannot be read any more are black */
    frame.readable = DAMAGE_TILE_HEIGHT + 1;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    check_yuv(fourcc, memory, &frame, &layer);
    g_assert_cmphex(pixel_of(&layer, 0, frame.readable), ==, 0);
    g_assert_cmphex(pixel_of(&layer, WIDTH - 1, HEIGHT - 1), ==, 0);
    mirror_layer_finish(&layer);
}

/* One pixel of another colour is one damaged tile. */
static void test_damage(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_ARGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 3);
    MirrorLayer layer = { 0 };
    const pixman_box32_t *box;
    size_t n;

    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    clear_damage(&layer);
    memory[frame.offset + frame.stride * (HEIGHT - 1) + 4 * (WIDTH - 1)] ^= 1;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    box = damage_map_boxes(layer.damage, &n);
    g_assert_cmpuint(n, ==, 1);
    g_assert_cmpint(box->x1, ==, 2 * DAMAGE_TILE_WIDTH);
    g_assert_cmpint(box->y1, ==, 2 * DAMAGE_TILE_HEIGHT);
    g_assert_cmpint(box->x2, ==, WIDTH);
    g_assert_cmpint(box->y2, ==, HEIGHT);
    mirror_layer_finish(&layer);
}

/* Of a frame without a row that can be read, nothing is believed. */
static void test_no_row(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 5);
    MirrorLayer layer = { 0 };

    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    g_assert_true(layer.seen == memory + frame.offset);
    frame.readable = 0;
    frame.offset = UINT64_MAX;
    mirror_layer_read(&layer, &frame);
    g_assert_null(layer.seen);
    g_assert_cmphex(pixel_of(&layer, 0, 0) & 0xffffff, ==, 0);
    mirror_layer_finish(&layer);
}

/* A file in the place of a dma-buf: fenced, then shrunken. */
static void test_busy_and_gone(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_ARGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 4);
    FILE *file = tmpfile();
    MirrorLayer layer = { 0 };

    g_assert_nonnull(file);
    frame.fd = fileno(file);
    frame.map = memory;
    g_assert_cmpint(ftruncate(frame.fd, frame_bytes(&frame)), ==, 0);
    mirror_layer_fit(&layer, &frame);

    busy = true;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_BUSY);
    g_assert_true(damage_map_is_empty(layer.damage));
    busy = false;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    g_assert_cmpint(begun, ==, 0);

    clear_damage(&layer);
    g_assert_cmpint(ftruncate(frame.fd, frame_bytes(&frame) / 2), ==, 0);
    memset(memory, 0, frame_bytes(&frame));
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_VANISHED);
    g_assert_true(damage_map_is_empty(layer.damage));
    g_assert_cmpint(begun, ==, 0);
    mirror_layer_finish(&layer);
    fclose(file);
}

/*
 * A file that ends with the frame's last row is all there, and one that is a
 * byte shorter is not, in each format. The memory ends there, too.
 */
static void test_exact(const void *data)
{
    MirrorFrame frame = new_frame(*(const uint32_t *)data, NULL);
    size_t len = frame.offset +
        frame.stride * (ui_pixel_format_rows(frame.format, HEIGHT) - 1) +
        ui_pixel_format_row_bytes(frame.format, WIDTH);
    g_autofree uint8_t *memory = new_noise(len, 11);
    FILE *file = tmpfile();
    MirrorLayer layer = { 0 };

    g_assert_nonnull(file);
    frame.fd = fileno(file);
    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    g_assert_cmpint(ftruncate(frame.fd, len - 1), ==, 0);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_VANISHED);
    g_assert_cmpint(ftruncate(frame.fd, len), ==, 0);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    g_assert_cmpint(begun, ==, 0);
    mirror_layer_finish(&layer);
    fclose(file);
}

/* Descriptor 0 is one like any other. */
static void test_descriptor_0(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 12);
    FILE *file = tmpfile();
    int old = dup(0);
    MirrorLayer layer = { 0 };

    g_assert_nonnull(file);
    g_assert_cmpint(dup2(fileno(file), 0), ==, 0);
    frame.fd = 0;
    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_VANISHED);
    g_assert_cmpint(ftruncate(0, frame_bytes(&frame)), ==, 0);
    busy = true;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_BUSY);
    busy = false;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    mirror_layer_finish(&layer);
    fclose(file);
    if (old >= 0) {
        dup2(old, 0);
        close(old);
    } else {
        close(0);
    }
}

static ssize_t read_memory(void *opaque, void *buf, size_t len,
                           uint64_t offset)
{
    memcpy(buf, (uint8_t *)opaque + offset, len);
    return len;
}

static void assert_same(const MirrorLayer *a, const MirrorLayer *b,
                        const MirrorFrame *frame)
{
    for (uint32_t y = 0; y < frame->height; y++) {
        for (uint32_t x = 0; x < frame->width; x++) {
            g_assert_cmphex(pixel_of(a, x, y), ==, pixel_of(b, x, y));
        }
    }
}

/* Frames of several formats and sizes in turn: each as if it were the first. */
static void test_in_turn(void)
{
    static const struct {
        uint32_t fourcc;
        uint32_t width;
        bool opaque;    /* into an image without alpha, whatever the format */
    } turns[] = {
        { DRM_FORMAT_RGB565, WIDTH - 70 },
        { DRM_FORMAT_RGB565, WIDTH },
        { DRM_FORMAT_YUYV, WIDTH },
        { DRM_FORMAT_RGB565, WIDTH },
        { DRM_FORMAT_RGB565, WIDTH - 70 },
        { DRM_FORMAT_RGB565, WIDTH },
        { DRM_FORMAT_ABGR8888, WIDTH, true },
        { DRM_FORMAT_ABGR8888, WIDTH },
        { DRM_FORMAT_ABGR8888, WIDTH, true },
        { DRM_FORMAT_ABGR8888, WIDTH },
        { DRM_FORMAT_NV12, WIDTH },
    };
    g_autofree uint8_t *memory = new_noise(WIDTH * 5 * HEIGHT * 2, 13);
    MirrorLayer layer = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
        MirrorFrame frame = new_frame(turns[i].fourcc, memory);
        MirrorFrame like = frame;
        MirrorLayer first = { 0 };

        frame.width = like.width = turns[i].width;
        if (turns[i].opaque) {
            like.format = find_format(DRM_FORMAT_XRGB8888);
        }
        mirror_layer_fit(&layer, &like);
        mirror_layer_fit(&first, &like);
        g_assert_cmpint(mirror_layer_read(&layer, &frame), ==,
                        MIRROR_CHANGED);
        mirror_layer_read(&first, &frame);
        assert_same(&layer, &first, &frame);
        mirror_layer_finish(&first);
    }
    mirror_layer_finish(&layer);
}

/* Another image: what is known of its damage goes by its size. */
static void test_set_image(void)
{
    static const struct {
        uint32_t width, height;
    } sizes[] = {
        { 64, 16 }, { 200, 16 }, { 200, 16 }, { 200, 80 }, { 64, 16 },
        { 64, 80 },
    };
    g_autofree uint8_t *memory = new_noise(200 * 80 * 4, 14);
    MirrorLayer layer = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, memory);
        pixman_image_t *image =
            pixman_image_create_bits(PIXMAN_x8r8g8b8, sizes[i].width,
                                     sizes[i].height, NULL, 0);
        bool same = i && sizes[i].width == sizes[i - 1].width &&
            sizes[i].height == sizes[i - 1].height;
        const pixman_box32_t *box;
        size_t n;

        mirror_layer_set_image(&layer, image);
        g_assert_cmpint(damage_map_is_empty(layer.damage), ==, !same);
        g_assert_cmpuint(layer.readable, ==, same ? sizes[i].height : 0);
        frame.width = sizes[i].width;
        frame.height = frame.readable = sizes[i].height;
        frame.stride = frame.width * 4;
        frame.offset = 0;
        g_assert_cmpint(mirror_layer_read(&layer, &frame), ==,
                        MIRROR_CHANGED);
        box = damage_map_boxes(layer.damage, &n);
        g_assert_cmpuint(n, ==, 1);
        g_assert_cmpint(box->x2, ==, sizes[i].width);
        g_assert_cmpint(box->y2, ==, sizes[i].height);
        pixman_image_unref(image);
    }
    mirror_layer_finish(&layer);
}

/* The place is what counts, whatever it is counted from. */
static void test_sampled_place(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    size_t size = frame_bytes(&frame);
    g_autofree uint8_t *memory = new_noise(size, 15);
    g_autofree uint8_t *elsewhere = g_memdup2(memory, size);
    MirrorLayer layer = { 0 };
    uint64_t whole;

    frame.scan = MIRROR_SCAN_SAMPLED;
    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    whole = layer.bytes_read;
    damage_map_clear(layer.damage);

    frame.map += 16;
    frame.offset -= 16;
    layer.bytes_read = 0;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_UNCHANGED);
    g_assert_cmpuint(layer.bytes_read, <, whole);

    frame.map = elsewhere + 16;
    layer.bytes_read = 0;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_UNCHANGED);
    g_assert_cmpuint(layer.bytes_read, ==, whole);
    mirror_layer_finish(&layer);
}

static ssize_t read_nothing(void *opaque, void *buf, size_t len,
                            uint64_t offset)
{
    return -EIO;
}

/* Does a sampled scan find something? */
static bool sample_finds(MirrorLayer *layer, MirrorFrame *frame)
{
    MirrorResult result;

    clear_damage(layer);
    frame->scan = MIRROR_SCAN_SAMPLED;
    result = mirror_layer_read(layer, frame);
    frame->scan = MIRROR_SCAN_FULL;
    if (result == MIRROR_UNCHANGED) {
        return false;
    }
    g_assert_cmpint(result, ==, MIRROR_CHANGED);
    return true;
}

static void assert_samples_find_nothing(MirrorLayer *layer,
                                        MirrorFrame *frame)
{
    uint64_t before = layer->bytes_read;

    for (int i = 0; i < MIRROR_SAMPLES; i++) {
        g_assert_false(sample_finds(layer, frame));
    }
    g_assert_cmpuint(layer->bytes_read - before, ==,
                     frame->width * frame->height * 4);
}

/* The image is the frame's, pixel by pixel. */
static void assert_shows_all(MirrorLayer *layer, const MirrorFrame *frame)
{
    for (uint32_t y = 0; y < frame->height; y++) {
        g_assert_cmpmem((uint8_t *)pixman_image_get_data(layer->image) +
                        y * pixman_image_get_stride(layer->image),
                        frame->width * 4,
                        frame->map + frame->offset + y * frame->stride,
                        frame->width * 4);
    }
    clear_damage(layer);
    g_assert_cmpint(mirror_layer_read(layer, frame), ==, MIRROR_UNCHANGED);
}

/* One row is found in time. */
static void test_sample_row(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 6);
    MirrorLayer layer = { 0 };

    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        uint32_t x = g_test_rand_int_range(0, WIDTH);
        int samples = 0;

        assert_samples_find_nothing(&layer, &frame);
        memory[frame.offset + frame.stride * y + 4 * x] ^= 1;
        do {
            g_assert_cmpint(++samples, <=, MIRROR_SAMPLES);
        } while (!sample_finds(&layer, &frame));
        assert_shows_all(&layer, &frame);
    }
    mirror_layer_finish(&layer);
}

/*
 * As many rows as a letter has are found at once, whichever they are, and with
 * them everything else that has changed: no frame is shown in parts.
 */
static void test_sample_rows(void)
{
    const uint32_t enough = MIRROR_SAMPLE_ROWS * (MIRROR_SAMPLES - 1) + 1;
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory =
        new_noise(frame.offset + frame.stride * TALL, 7);
    MirrorLayer layer = { 0 };

    frame.height = frame.readable = TALL;
    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    for (int i = 0; i < 500; i++) {
        uint32_t y1 = g_test_rand_int_range(0, TALL - enough + 1);
        uint32_t far = g_test_rand_int_range(0, TALL);

        assert_samples_find_nothing(&layer, &frame);
        for (uint32_t y = y1; y < y1 + enough; y++) {
            memory[frame.offset + frame.stride * y] ^= 1;
        }
        memory[frame.offset + frame.stride * far + 4] ^= 1;
        g_assert_true(sample_finds(&layer, &frame));
        assert_shows_all(&layer, &frame);
    }
    mirror_layer_finish(&layer);
}

/* Memory that was not read before, or lies elsewhere, is read in full. */
static void test_sample_elsewhere(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 8);
    g_autofree uint8_t *other = new_noise(frame_bytes(&frame), 9);
    const uint64_t whole = WIDTH * HEIGHT * 4;
    MirrorLayer layer = { 0 };

    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    g_assert_true(sample_finds(&layer, &frame));
    g_assert_cmpuint(layer.bytes_read, ==, whole);
    assert_shows_all(&layer, &frame);
    frame.map = other;
    g_assert_true(sample_finds(&layer, &frame));
    g_assert_cmpuint(layer.bytes_read, ==, 3 * whole);
    assert_shows_all(&layer, &frame);

    busy = true;
    frame.fd = 0;
    frame.scan = MIRROR_SCAN_SAMPLED;
    memset(other, 0, frame_bytes(&frame));
    g_assert_cmpint(mirror_layer_read(&layer, &frame), !=, MIRROR_CHANGED);
    busy = false;
    mirror_layer_finish(&layer);
}

static void invert(uint8_t *memory, const MirrorFrame *frame, uint32_t y,
                   uint32_t x, uint32_t width)
{
    uint8_t *row = memory + frame->offset + frame->stride * y + 4 * x;

    for (uint32_t i = 0; i < 4 * width; i++) {
        row[i] ^= 0xff;
    }
}

/*
 * A box moves, and now and then a single row changes: whatever was written
 * before a scan is in its image.
 */
static void assert_scans_are_whole(uint32_t height, unsigned scans)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory =
        new_noise(frame.offset + frame.stride * height, 17);
    const uint32_t stamps[] = { 0, height / 2, height - 1 };
    MirrorLayer layer = { 0 };

    frame.height = frame.readable = height;
    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    for (unsigned i = 0; i < scans; i++) {
        uint32_t x = 3 * i % (WIDTH - 20), y = 5 * i % (height - 10);

        /* each third scan finds nothing, and then some find a row only */
        for (uint32_t row = y; i % 40 < 20 && i % 3 && row < y + 10; row++) {
            invert(memory, &frame, row, x, 20);
        }
        if (i % 7 == 0) {
            invert(memory, &frame, stamps[i % 3], x, 1);
        }
        /* comes and goes, after some scans that found nothing */
        if (i % 40 > 35) {
            invert(memory, &frame, height / 3, 7, 1);
        }
        clear_damage(&layer);
        mirror_layer_read(&layer, &frame);
        assert_shows_all(&layer, &frame);
    }
    mirror_layer_finish(&layer);
}

/* What is known of one image says nothing of the next one. */
static void test_other_image(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 18);
    MirrorLayer layer = { 0 };
    pixman_image_t *other =
        pixman_image_create_bits(PIXMAN_x8r8g8b8, WIDTH, HEIGHT, NULL, 0);

    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    for (int i = 0; i < 20; i++) {
        mirror_layer_read(&layer, &frame);
        clear_damage(&layer);
    }
    mirror_layer_set_image(&layer, other);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    assert_shows_all(&layer, &frame);
    pixman_image_unref(other);
    mirror_layer_finish(&layer);
}

static void test_scans_are_whole(void)
{
    for (uint32_t rest = 0; rest < DAMAGE_TILE_HEIGHT; rest++) {
        assert_scans_are_whole(2 * DAMAGE_TILE_HEIGHT + rest, 625);
    }
}

/* What the device says is as it was is not waited for either. */
static void test_no_damage(void)
{
    static const pixman_box32_t nothing, pixel = { 3, 3, 4, 4 };
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 10);
    FILE *file = tmpfile();
    MirrorLayer layer = { 0 };
    uint64_t bytes;

    g_assert_nonnull(file);
    frame.map = memory;
    frame.fd = fileno(file);
    g_assert_cmpint(ftruncate(frame.fd, frame_bytes(&frame)), ==, 0);
    frame.damage = &nothing;
    mirror_layer_fit(&layer, &frame);
    /* the first frame is whole, whatever is said of it */
    busy = true;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_BUSY);
    busy = false;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    assert_shows_all(&layer, &frame);
    bytes = layer.bytes_read;

    busy = true;
    memset(memory, 0, frame_bytes(&frame));
    damage_map_clear(layer.damage);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_UNCHANGED);
    g_assert_cmpuint(layer.bytes_read, ==, bytes);
    frame.damage = &pixel;
    frame.n_damage = 1;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_BUSY);
    busy = false;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    g_assert_cmpint(begun, ==, 0);
    mirror_layer_finish(&layer);
    fclose(file);
}

/* A fence that is pending at each look, until it is not, and then again. */
static void test_always_busy(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 11);
    FILE *file = tmpfile();
    MirrorLayer layer = { 0 };

    g_assert_nonnull(file);
    frame.fd = fileno(file);
    frame.map = memory;
    g_assert_cmpint(ftruncate(frame.fd, frame_bytes(&frame)), ==, 0);
    mirror_layer_fit(&layer, &frame);

    for (unsigned round = 0; round < 3; round++) {
        busy = true;
        for (unsigned i = 0; i < MIRROR_BUSY_READS; i++) {
            g_assert_cmpint(mirror_layer_read(&layer, &frame), ==,
                            MIRROR_BUSY);
        }
        /* from then on at each look, and there is nothing to be ended */
        for (unsigned i = 0; i < 3; i++) {
            memory[frame.offset + i] ^= 1;
            clear_damage(&layer);
            g_assert_cmpint(mirror_layer_read(&layer, &frame), ==,
                            MIRROR_CHANGED);
            assert_shows_all(&layer, &frame);
            g_assert_cmpint(begun, ==, 0);
        }
        busy = false;
        clear_damage(&layer);
        g_assert_cmpint(mirror_layer_read(&layer, &frame), ==,
                        MIRROR_UNCHANGED);
        g_assert_cmpint(begun, ==, 0);
    }
    /* memory without fences ends that, too */
    busy = true;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_BUSY);
    g_assert_cmpuint(layer.busy, ==, 1);
    frame.fd = -1;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_UNCHANGED);
    g_assert_cmpuint(layer.busy, ==, 0);
    busy = false;
    mirror_layer_finish(&layer);
    fclose(file);
}

static void test_read_function(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_RGB565, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 5);
    const pixman_box32_t part = { DAMAGE_TILE_WIDTH + 1, 2, WIDTH, 20 };
    MirrorLayer mapped = { 0 }, read = { 0 };

    frame.map = memory;
    mirror_layer_fit(&mapped, &frame);
    mirror_layer_read(&mapped, &frame);

    frame.map = NULL;
    frame.read = read_memory;
    frame.opaque = memory;
    mirror_layer_fit(&read, &frame);
    g_assert_cmpint(mirror_layer_read(&read, &frame), ==, MIRROR_CHANGED);
    assert_same(&mapped, &read, &frame);

    /* a part of each row */
    for (size_t i = 0; i < frame_bytes(&frame); i++) {
        memory[i] = noise(i);
    }
    frame.damage = &part;
    frame.n_damage = 1;
    mirror_layer_read(&read, &frame);
    frame.map = memory;
    mirror_layer_read(&mapped, &frame);
    assert_same(&mapped, &read, &frame);

    frame.map = NULL;
    frame.damage = NULL;
    frame.read = read_nothing;
    g_assert_cmpint(mirror_layer_read(&read, &frame), ==, MIRROR_VANISHED);
    mirror_layer_finish(&mapped);
    mirror_layer_finish(&read);
}

/* A driver whose calls are counted, and bring so many bytes at most. */
typedef struct Reader {
    const uint8_t *memory;
    size_t size;
    size_t most;
    unsigned calls;
} Reader;

static ssize_t read_counted(void *opaque, void *buf, size_t len,
                            uint64_t offset)
{
    Reader *reader = opaque;

    reader->calls++;
    /* no byte past the frame's last pixel */
    g_assert_cmpuint(offset + len, <=, reader->size);
    len = MIN(len, reader->most);
    memcpy(buf, reader->memory + offset, len);
    return len;
}

typedef struct ReadCase {
    const char *name;
    uint32_t stride;
    size_t most;
    bool part;      /* one tile of it, not all */
    unsigned calls;
    const char *why;
} ReadCase;

#define BLOCKS DIV_ROUND_UP(HEIGHT, DAMAGE_TILE_HEIGHT)

static const ReadCase reads[] = {
    { "packed", WIDTH * 4, SIZE_MAX, false, BLOCKS, "rows come in blocks" },
    { "padded", WIDTH * 4 + 64, SIZE_MAX, false, BLOCKS,
      "what lies between the rows is read with them" },
    { "half", WIDTH * 8, SIZE_MAX, false, BLOCKS, "also if it is as much" },
    { "far", WIDTH * 16, SIZE_MAX, false, HEIGHT,
      "unless that is more than they are" },
    { "tile", WIDTH * 4, SIZE_MAX, true, DAMAGE_TILE_HEIGHT,
      "a narrow box of wide rows" },
    { "short", WIDTH * 4, WIDTH * 4, false, HEIGHT,
      "a driver that brings a row at a time" },
};

static void test_read_blocks(const void *data)
{
    static const pixman_box32_t tile = {
        0, 0, DAMAGE_TILE_WIDTH, DAMAGE_TILE_HEIGHT
    };
    const ReadCase *c = data;
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    MirrorLayer layer = { 0 };
    g_autofree uint8_t *memory = NULL;
    Reader reader = { .most = c->most };

    g_test_message("%s", c->why);
    frame.stride = c->stride;
    frame.offset = 24;
    reader.size = 24 + (size_t)frame.stride * (HEIGHT - 1) + WIDTH * 4;
    memory = new_noise(reader.size, 7);
    reader.memory = memory;
    frame.read = read_counted;
    frame.opaque = &reader;
    mirror_layer_fit(&layer, &frame);
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);
    if (c->part) {
        reader.calls = 0;
        frame.damage = &tile;
        frame.n_damage = 1;
        mirror_layer_read(&layer, &frame);
    }
    g_assert_cmpuint(reader.calls, ==, c->calls);
    for (uint32_t y = 0; y < HEIGHT; y++) {
        for (uint32_t x = 0; x < WIDTH; x++) {
            const uint8_t *p = memory + 24 + (size_t)y * frame.stride + x * 4;

            g_assert_cmphex(pixel_of(&layer, x, y) & 0xffffff, ==,
                            p[0] | p[1] << 8 | p[2] << 16);
        }
    }
    mirror_layer_finish(&layer);
}

/* A read function that says the same each time and reads nothing. */
static ssize_t read_odd(void *opaque, void *buf, size_t len, uint64_t offset)
{
    return *(const int *)opaque ? len + 1 : 0;
}

/* Of the end of a file, or of more than was asked for, nothing is believed. */
static void test_read_odd(void)
{
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    MirrorLayer layer = { 0 };
    int more;

    frame.read = read_odd;
    frame.opaque = &more;
    mirror_layer_fit(&layer, &frame);
    for (more = 0; more < 2; more++) {
        g_assert_cmpint(mirror_layer_read(&layer, &frame), ==,
                        MIRROR_VANISHED);
    }
    mirror_layer_finish(&layer);
}

/* The right part of rows, at least half of what lies from row to row. */
static void test_read_right_part(void)
{
    const pixman_box32_t part = { DAMAGE_TILE_WIDTH + 1, 2, WIDTH, 20 };
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 17);
    MirrorLayer part_of = { 0 }, whole = { 0 };

    frame.read = read_memory;
    frame.opaque = memory;
    mirror_layer_fit(&part_of, &frame);
    mirror_layer_fit(&whole, &frame);
    mirror_layer_read(&part_of, &frame);
    for (int32_t y = part.y1; y < part.y2; y++) {
        for (int32_t x = part.x1; x < part.x2; x++) {
            memory[frame.offset + frame.stride * y + 4 * x] ^= 0xff;
        }
    }
    mirror_layer_read(&whole, &frame);
    frame.damage = &part;
    frame.n_damage = 1;
    mirror_layer_read(&part_of, &frame);
    assert_same(&part_of, &whole, &frame);
    mirror_layer_finish(&part_of);
    mirror_layer_finish(&whole);
}

/*
 * What the device says did not change is not looked at; what it says did, is,
 * in each format and however odd the box.
 */
static void test_told_damage(const void *data)
{
    const uint32_t fourcc = *(const uint32_t *)data;
    static const pixman_box32_t boxes[] = {
        { 0, 0, 1, 1 },
        { WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT },
        { 0, 0, WIDTH, HEIGHT },
        { DAMAGE_TILE_WIDTH - 1, DAMAGE_TILE_HEIGHT - 1,
          DAMAGE_TILE_WIDTH + 1, DAMAGE_TILE_HEIGHT + 1 },
        { 3, 5, WIDTH - 3, 6 },
        { 7, 0, 8, HEIGHT },
        /* more than there is of it */
        { -5, -5, WIDTH + 5, HEIGHT + 5 },
    };
    MirrorFrame frame = new_frame(fourcc, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 1);
    g_autofree uint8_t *other = new_noise(frame_bytes(&frame), 2);
    MirrorLayer layer = { 0 }, whole = { 0 };

    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_fit(&whole, &frame);
    /* nothing is known of a new image: all of it is read */
    frame.damage = boxes;
    g_assert_cmpint(mirror_layer_read(&layer, &frame), ==, MIRROR_CHANGED);

    for (size_t i = 0; i < G_N_ELEMENTS(boxes); i++) {
        uint64_t bytes = layer.bytes_read;

        if (i % 2) {
            memcpy(memory, other, frame_bytes(&frame));
        }
        memory[frame_bytes(&frame) / 2] ^= 0xff;
        damage_map_clear(layer.damage);
        frame.damage = boxes;
        frame.n_damage = 0;
        g_assert_cmpint(mirror_layer_read(&layer, &frame), ==,
                        MIRROR_UNCHANGED);
        g_assert_cmpuint(layer.bytes_read, ==, bytes);

        frame.damage = &boxes[i];
        frame.n_damage = 1;
        mirror_layer_read(&layer, &frame);
        g_assert_cmpuint(layer.bytes_read, >, bytes);

        frame.damage = NULL;
        mirror_layer_read(&whole, &frame);
        for (int32_t y = MAX(boxes[i].y1, 0);
             y < MIN(boxes[i].y2, HEIGHT); y++) {
            for (int32_t x = MAX(boxes[i].x1, 0);
                 x < MIN(boxes[i].x2, WIDTH); x++) {
                g_assert_cmphex(pixel_of(&layer, x, y), ==,
                                pixel_of(&whole, x, y));
            }
        }
    }
    mirror_layer_finish(&layer);
    mirror_layer_finish(&whole);
}

/* Only the rectangles' tiles are read, and of these only the rows. */
static void test_told_bytes(const void *data)
{
    const uint32_t fourcc = *(const uint32_t *)data;
    const pixman_box32_t boxes[] = {
        { 2, 3, 12, 7 },
        { 20, 0, 21, 1 },
        { 5, 5, 5, 9 },     /* nothing */
        { 9, 9, 5, 10 },    /* less */
    };
    MirrorFrame frame = new_frame(fourcc, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 1);
    MirrorLayer layer = { 0 };
    uint64_t bytes;

    frame.map = memory;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    bytes = layer.bytes_read;
    frame.damage = boxes;
    frame.n_damage = G_N_ELEMENTS(boxes);
    mirror_layer_read(&layer, &frame);
    g_assert_cmpuint(layer.bytes_read - bytes, ==,
                     (4 + 1) * DAMAGE_TILE_WIDTH * frame.format->cpp);
    mirror_layer_finish(&layer);
}

/* It is counted what reading takes, at least so much for each byte read. */
static void test_meter(void)
{
    static const pixman_box32_t box = { 0, 0, 1, 1 };
    MirrorFrame frame = new_frame(DRM_FORMAT_XRGB8888, NULL);
    g_autofree uint8_t *memory = new_noise(frame_bytes(&frame), 1);
    MirrorMeter meter = { .slow_ns_per_kib = 100000 };
    MirrorLayer layer = { 0 };
    int64_t ns, begun = g_get_monotonic_time();

    frame.map = memory;
    frame.meter = &meter;
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    g_assert_cmpint(meter.ns, >=, layer.bytes_read * 100000 / 1024);
    g_assert_cmpint(meter.ns / 1000, <=, g_get_monotonic_time() - begun + 1);

    /* nothing is read, and costs nothing */
    ns = meter.ns;
    frame.damage = &box;
    mirror_layer_read(&layer, &frame);
    g_assert_cmpint(meter.ns, ==, ns);

    /* a part of it does, and a third with a sample */
    frame.n_damage = 1;
    mirror_layer_read(&layer, &frame);
    g_assert_cmpint(meter.ns, >, ns);
    ns = meter.ns;
    frame.damage = NULL;
    frame.scan = MIRROR_SCAN_SAMPLED;
    mirror_layer_read(&layer, &frame);
    g_assert_cmpint(meter.ns, >, ns);
    mirror_layer_finish(&layer);
}

int main(int argc, char *argv[])
{
    static const uint32_t told_formats[] = {
        DRM_FORMAT_XRGB8888, DRM_FORMAT_RGB565, DRM_FORMAT_YUYV,
        DRM_FORMAT_NV12,
    };

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/mirror-layer/argb/multiplied", "m", test_argb);
    g_test_add_data_func("/mirror-layer/argb/straight", "s", test_argb);
    g_test_add_data_func("/mirror-layer/yuyv", "Y", test_yuv);
    g_test_add_data_func("/mirror-layer/nv12", "N", test_yuv);
    g_test_add_data_func("/mirror-layer/told/xrgb8888",
                         &told_formats[0], test_told_damage);
    g_test_add_data_func("/mirror-layer/told/rgb565",
                         &told_formats[1], test_told_damage);
    g_test_add_data_func("/mirror-layer/told/yuyv",
                         &told_formats[2], test_told_damage);
    g_test_add_data_func("/mirror-layer/told/nv12",
                         &told_formats[3], test_told_damage);
    g_test_add_data_func("/mirror-layer/told/bytes/xrgb8888",
                         &told_formats[0], test_told_bytes);
    g_test_add_data_func("/mirror-layer/told/bytes/rgb565",
                         &told_formats[1], test_told_bytes);
    for (size_t i = 0; i < ARRAY_SIZE(told_formats); i++) {
        char name[UI_FOURCC_STRLEN];
        g_autofree char *path =
            g_strdup_printf("/mirror-layer/exact/%s",
                            ui_fourcc_to_string(told_formats[i], name));

        g_test_add_data_func(path, &told_formats[i], test_exact);
    }
    g_test_add_func("/mirror-layer/descriptor-0", test_descriptor_0);
    g_test_add_func("/mirror-layer/in-turn", test_in_turn);
    g_test_add_func("/mirror-layer/set-image", test_set_image);
    g_test_add_func("/mirror-layer/sampled-place", test_sampled_place);
    g_test_add_func("/mirror-layer/fit", test_fit);
    g_test_add_func("/mirror-layer/sample/row", test_sample_row);
    g_test_add_func("/mirror-layer/sample/rows", test_sample_rows);
    g_test_add_func("/mirror-layer/sample/elsewhere", test_sample_elsewhere);
    g_test_add_func("/mirror-layer/scans-are-whole", test_scans_are_whole);
    g_test_add_func("/mirror-layer/other-image", test_other_image);
    g_test_add_func("/mirror-layer/no-damage", test_no_damage);
    g_test_add_func("/mirror-layer/damage", test_damage);
    g_test_add_func("/mirror-layer/no-row", test_no_row);
    g_test_add_func("/mirror-layer/meter", test_meter);
    g_test_add_func("/mirror-layer/busy-and-gone", test_busy_and_gone);
    g_test_add_func("/mirror-layer/always-busy", test_always_busy);
    g_test_add_func("/mirror-layer/read-function", test_read_function);
    g_test_add_func("/mirror-layer/read-odd", test_read_odd);
    g_test_add_func("/mirror-layer/read-right-part", test_read_right_part);
    for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
        g_autofree char *path = g_strdup_printf("/mirror-layer/read/%s",
                                                reads[i].name);

        g_test_add_data_func(path, &reads[i], test_read_blocks);
    }
    return g_test_run();
}
