/*
 * One plane's pixels: device memory copied into an image that QEMU owns
 *
 * A frame in the image's own layout is compared where it lies, so that a still
 * screen costs one read of the device's memory and no write.
 * Other formats, and memory that cannot be mapped, go through a bounce buffer
 * of a few rows that pixman then converts: pixman may hold memory of its own,
 * which guarded_read()'s jump would lose.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/dmabuf-map.h"
#include "ui/guarded-read.h"
#include "ui/mirror-layer.h"

/*
 * Rows that are bounced at a time: those of one row of damage tiles. Even, so
 * that each chroma row of NV12 is read once.
 */
#define BOUNCE_ROWS DAMAGE_TILE_HEIGHT
QEMU_BUILD_BUG_ON(BOUNCE_ROWS % 2);

/* What one pass works on; lives on the stack. */
typedef struct MirrorPass {
    const MirrorFrame *frame;
    MirrorLayer *layer;
    pixman_box32_t box; /* what is to be read */
    uint32_t y;
    uint32_t rows;
    uint32_t sampled; /* rows that were looked at first */
    uint8_t *bounce;
    size_t bounce_stride;
} MirrorPass;

static uint8_t *image_row(pixman_image_t *image, uint32_t y)
{
    return (uint8_t *)pixman_image_get_data(image) +
        (size_t)pixman_image_get_stride(image) * y;
}

static bool image_has_alpha(pixman_image_t *image)
{
    return PIXMAN_FORMAT_A(pixman_image_get_format(image)) != 0;
}

static bool frame_has_alpha(const MirrorFrame *frame)
{
    return PIXMAN_FORMAT_A(frame->format->pixman) != 0;
}

static size_t frame_row_bytes(const MirrorFrame *frame)
{
    return ui_pixel_format_row_bytes(frame->format, frame->width);
}

static const uint8_t *frame_row(const MirrorFrame *frame, uint32_t y)
{
    return frame->map + frame->offset + (uint64_t)frame->stride * y;
}

/* The bytes of the map that the frame's readable rows take. */
static size_t frame_map_len(const MirrorFrame *frame)
{
    uint64_t last = frame->readable - 1;

    if (frame->format->planes == 2) {
        last = frame->height + last / 2;
    }
    return frame->offset + frame->stride * last + frame_row_bytes(frame);
}

/* Has the buffer shrunk? Asking is cheap and keeps the last frame whole. */
static bool frame_is_there(const MirrorFrame *frame)
{
    off_t size;

    if (frame->fd < 0 || frame->readable == 0) {
        return true;
    }
    size = lseek(frame->fd, 0, SEEK_END);
    return size >= 0 && (uint64_t)size >= frame_map_len(frame);
}

/* Do colours have to be multiplied by alpha? An opaque image has none. */
static bool pass_multiplies(const MirrorPass *pass)
{
    return pass->frame->straight_alpha && frame_has_alpha(pass->frame) &&
        image_has_alpha(pass->layer->image);
}

/* Can the frame's bytes go into the image as they are? */
static bool pass_is_native(const MirrorPass *pass)
{
    pixman_format_code_t format = pass->frame->format->pixman;

    return (format == PIXMAN_x8r8g8b8 || format == PIXMAN_a8r8g8b8) &&
        !pass_multiplies(pass);
}

/* Runs inside guarded_read(). */
static void pass_compare(void *opaque)
{
    MirrorPass *pass = opaque;
    const MirrorFrame *frame = pass->frame;
    pixman_image_t *image = pass->layer->image;

    damage_map_copy_part(pass->layer->damage, image_row(image, pass->y),
                         pixman_image_get_stride(image),
                         frame_row(frame, pass->y), frame->stride,
                         pass->y, pass->rows,
                         pass->box.x1, pass->box.x2 - pass->box.x1);
}

/*
 * Runs inside guarded_read(). Chroma comes as pairs of U and V; pixman wants
 * planes: after the luma rows V, then U, both with half the stride.
 */
static void pass_fetch_chroma(const MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    size_t half = pass->bounce_stride / 2;
    uint8_t *v = pass->bounce + pass->bounce_stride * BOUNCE_ROWS;
    uint8_t *u = v + half * (BOUNCE_ROWS / 2);
    size_t pairs = DIV_ROUND_UP(frame->width, 2);

    for (uint32_t i = 0; i < DIV_ROUND_UP(pass->rows, 2); i++) {
        const uint8_t *row = frame_row(frame,
                                       frame->height + pass->y / 2 + i);

        for (size_t x = 0; x < pairs; x++) {
            u[i * half + x] = row[2 * x];
            v[i * half + x] = row[2 * x + 1];
        }
    }
}

/* Where the box's columns start in a row of the frame, and their bytes. */
static size_t pass_columns_at(const MirrorPass *pass)
{
    return ui_pixel_format_row_bytes(pass->frame->format, pass->box.x1);
}

static size_t pass_columns_len(const MirrorPass *pass)
{
    return ui_pixel_format_row_bytes(pass->frame->format,
                                     pass->box.x2 - pass->box.x1);
}

/* Runs inside guarded_read(). */
static void pass_fetch(void *opaque)
{
    MirrorPass *pass = opaque;
    size_t at = pass_columns_at(pass);
    size_t len = pass_columns_len(pass);

    for (uint32_t i = 0; i < pass->rows; i++) {
        memcpy(pass->bounce + i * pass->bounce_stride + at,
               frame_row(pass->frame, pass->y + i) + at, len);
    }
    if (pass->frame->format->planes == 2) {
        pass_fetch_chroma(pass);
    }
}

/* All of it, however little of it each call brings. */
static bool frame_read(const MirrorFrame *frame, uint8_t *buf, size_t len,
                       uint64_t offset)
{
    while (len) {
        ssize_t done = frame->read(frame->opaque, buf, len, offset);

        if (done <= 0 || (size_t)done > len) {
            return false;
        }
        buf += done;
        len -= done;
        offset += done;
    }
    return true;
}

/* Rows with what lies between them, if that is not more than they are. */
static bool pass_read_block(MirrorPass *pass, uint64_t offset, size_t len)
{
    const MirrorFrame *frame = pass->frame;
    MirrorLayer *layer = pass->layer;
    size_t size = (size_t)frame->stride * (pass->rows - 1) + len;
    size_t at = pass_columns_at(pass);

    if (layer->block_size < size) {
        layer->block = g_realloc(layer->block, size);
        layer->block_size = size;
    }
    if (!frame_read(frame, layer->block, size, offset)) {
        return false;
    }
    for (uint32_t i = 0; i < pass->rows; i++) {
        memcpy(pass->bounce + i * pass->bounce_stride + at,
               layer->block + (size_t)i * frame->stride, len);
    }
    return true;
}

/* A call of the device's read may cost more than many bytes that it brings. */
static bool pass_read(MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    size_t at = pass_columns_at(pass);
    size_t len = pass_columns_len(pass);
    uint64_t offset = frame->offset + (uint64_t)frame->stride * pass->y + at;

    assert(frame->format->planes == 1);
    if (frame->stride / 2 <= len) {
        return pass_read_block(pass, offset, len);
    }
    for (uint32_t i = 0; i < pass->rows; i++) {
        if (!frame_read(frame, pass->bounce + i * pass->bounce_stride + at,
                        len, offset + (uint64_t)frame->stride * i)) {
            return false;
        }
    }
    return true;
}

static void mirror_layer_forget_bounce(MirrorLayer *layer)
{
    g_clear_pointer(&layer->bounce, pixman_image_unref);
    g_clear_pointer(&layer->converted, pixman_image_unref);
    g_clear_pointer(&layer->multiplied, pixman_image_unref);
    g_clear_pointer(&layer->block, g_free);
    layer->block_size = 0;
}

static void free_bits(pixman_image_t *image, void *bits)
{
    g_free(bits);
}

/* Luma rows, then both planes of chroma, as pixman's yv12 has them. */
static pixman_image_t *new_yv12_image(uint32_t width)
{
    size_t stride = ROUND_UP(width, 8);
    uint32_t *bits = g_malloc0(stride * (BOUNCE_ROWS + BOUNCE_ROWS / 2));
    pixman_image_t *image = pixman_image_create_bits(PIXMAN_yv12, width,
                                                     BOUNCE_ROWS, bits,
                                                     stride);

    pixman_image_set_destroy_function(image, free_bits, bits);
    return image;
}

static pixman_image_t *new_rows(pixman_format_code_t format, uint32_t width)
{
    return pixman_image_create_bits(format, width, BOUNCE_ROWS, NULL, 0);
}

static void mirror_layer_ready_bounce(MirrorLayer *layer,
                                      const MirrorFrame *frame)
{
    pixman_format_code_t format = pixman_image_get_format(layer->image);

    if (layer->bounce &&
        pixman_image_get_format(layer->bounce) == frame->format->pixman &&
        pixman_image_get_width(layer->bounce) == frame->width &&
        pixman_image_get_format(layer->converted) == format) {
        return;
    }
    mirror_layer_forget_bounce(layer);
    layer->bounce = frame->format->planes == 2 ? new_yv12_image(frame->width)
        : new_rows(frame->format->pixman, frame->width);
    layer->converted = new_rows(format, frame->width);
}

/*
 * Colours times alpha: the rows without their alpha, through themselves as a
 * mask.
 */
static pixman_image_t *pass_multiply(MirrorPass *pass, pixman_image_t *rows)
{
    uint32_t width = pass->frame->width;
    pixman_image_t *opaque =
        pixman_image_create_bits(PIXMAN_x8r8g8b8, width, BOUNCE_ROWS,
                                 pixman_image_get_data(rows),
                                 pixman_image_get_stride(rows));

    if (!pass->layer->multiplied) {
        pass->layer->multiplied = new_rows(PIXMAN_a8r8g8b8, width);
    }
    pixman_image_composite32(PIXMAN_OP_SRC, opaque, rows,
                             pass->layer->multiplied, 0, 0, 0, 0, 0, 0,
                             width, pass->rows);
    pixman_image_unref(opaque);
    return pass->layer->multiplied;
}

/* The bounced rows as the image has its own. */
static pixman_image_t *pass_convert(MirrorPass *pass)
{
    MirrorLayer *layer = pass->layer;

    if (pass_is_native(pass)) {
        return layer->bounce;
    }
    pixman_image_composite32(PIXMAN_OP_SRC, layer->bounce, NULL,
                             layer->converted, 0, 0, 0, 0, 0, 0,
                             pass->frame->width, pass->rows);
    return pass_multiplies(pass) ? pass_multiply(pass, layer->converted)
                                 : layer->converted;
}

static bool pass_bounce(MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    MirrorLayer *layer = pass->layer;
    pixman_image_t *rows;

    mirror_layer_ready_bounce(layer, frame);
    pass->bounce = image_row(layer->bounce, 0);
    pass->bounce_stride = pixman_image_get_stride(layer->bounce);

    for (pass->y = pass->box.y1; pass->y < pass->box.y2;
         pass->y += pass->rows) {
        pass->rows = MIN(BOUNCE_ROWS, pass->box.y2 - pass->y);
        if (frame->map ? !guarded_read(frame->map, frame_map_len(frame),
                                       pass_fetch, pass)
                       : !pass_read(pass)) {
            return false;
        }
        rows = pass_convert(pass);
        damage_map_copy_part(layer->damage,
                             image_row(layer->image, pass->y),
                             pixman_image_get_stride(layer->image),
                             image_row(rows, 0),
                             pixman_image_get_stride(rows),
                             pass->y, pass->rows, pass->box.x1,
                             pass->box.x2 - pass->box.x1);
    }
    return true;
}

static uint64_t pass_box_bytes(const MirrorPass *pass)
{
    uint64_t rows = pass->box.y2 - pass->box.y1;

    if (pass->frame->format->planes == 2) {
        rows += DIV_ROUND_UP(rows, 2);
    }
    return rows * pass_columns_len(pass);
}

static bool pass_run_box(MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    bool in_place = frame->map && pass_is_native(pass);

    pass->layer->bytes_read += pass_box_bytes(pass);
    if (!in_place) {
        return pass_bounce(pass);
    }
    pass->y = pass->box.y1;
    pass->rows = pass->box.y2 - pass->box.y1;
    return guarded_read(frame->map, frame_map_len(frame), pass_compare, pass);
}

/*
 * The part of a box that can be read: whole tiles in width, which is also how
 * it is compared. Several planes go by whole rows, two by two.
 */
static bool pass_set_box(MirrorPass *pass, const pixman_box32_t *box)
{
    const MirrorFrame *frame = pass->frame;
    int32_t x1 = MAX(box->x1, 0), y1 = MAX(box->y1, 0);
    int64_t x2 = MIN(box->x2, (int64_t)frame->width);
    int64_t y2 = MIN(box->y2, (int64_t)frame->readable);

    if (x1 >= x2 || y1 >= y2) {
        return false;
    }
    if (frame->format->planes == 2) {
        x1 = 0;
        x2 = frame->width;
        y1 &= ~1;
    }
    pass->box.x1 = x1 - x1 % DAMAGE_TILE_WIDTH;
    pass->box.x2 = MIN(ROUND_UP(x2, DAMAGE_TILE_WIDTH),
                       (int64_t)frame->width);
    pass->box.y1 = y1;
    pass->box.y2 = y2;
    return true;
}

/* Runs inside guarded_read(). Returns: whether a row of the sample differs. */
static bool pass_sample(MirrorPass *pass)
{
    const uint32_t period = MIRROR_SAMPLE_ROWS * MIRROR_SAMPLES;
    const MirrorLayer *layer = pass->layer;
    uint32_t first = layer->samples % MIRROR_SAMPLES * MIRROR_SAMPLE_ROWS;

    for (; first < pass->frame->readable; first += period) {
        uint32_t end = MIN((uint64_t)first + MIRROR_SAMPLE_ROWS,
                           pass->frame->readable);

        for (uint32_t y = first; y < end; y++) {
            pass->sampled++;
            if (damage_map_row_differs(layer->damage, y,
                                       image_row(layer->image, y),
                                       frame_row(pass->frame, y))) {
                return true;
            }
        }
    }
    return false;
}

/* Runs inside guarded_read(). */
static void pass_sample_and_compare(void *opaque)
{
    MirrorPass *pass = opaque;

    if (pass_sample(pass)) {
        pass->rows = pass->box.y2;
        pass_compare(pass);
    }
}

static bool pass_run_sampled(MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    bool whole = guarded_read(frame->map, frame_map_len(frame),
                              pass_sample_and_compare, pass);

    pass->layer->samples++;
    pass->layer->bytes_read += (uint64_t)(pass->sampled + pass->rows) *
        frame_row_bytes(frame);
    return whole;
}

/* Where the frame begins: no row, no place, and any offset will do then. */
static const uint8_t *frame_pixels(const MirrorFrame *frame)
{
    return frame->map && frame->readable ? frame->map + frame->offset : NULL;
}

bool mirror_layer_saw(const MirrorLayer *layer, const MirrorFrame *frame)
{
    return layer->seen && layer->seen == frame_pixels(frame);
}

/* Was the frame read from this memory before, and is a sample enough? */
static bool pass_is_sampled(const MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;

    return frame->scan == MIRROR_SCAN_SAMPLED && !frame->damage &&
        frame->readable == pass->layer->readable &&
        mirror_layer_saw(pass->layer, frame) &&
        pass_is_native(pass);
}

/* A new image has none of the frame, whatever did not change. */
static bool pass_is_partial(const MirrorPass *pass)
{
    return pass->frame->damage &&
        pass->frame->readable == pass->layer->readable;
}

/* Is there memory to be read, and to be waited for? */
static bool pass_reads(const MirrorPass *pass)
{
    return !pass_is_partial(pass) || pass->frame->n_damage;
}

static bool pass_run(MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    pixman_box32_t all = { 0, 0, frame->width, frame->readable };
    bool partial = pass_is_partial(pass);
    const pixman_box32_t *boxes = partial ? frame->damage : &all;
    size_t n = partial ? frame->n_damage : 1;

    if (pass_is_sampled(pass)) {
        pass->box = all;
        return pass_run_sampled(pass);
    }
    for (size_t i = 0; i < n; i++) {
        if (pass_set_box(pass, &boxes[i]) && !pass_run_box(pass)) {
            return false;
        }
    }
    return true;
}

/* Rows that this frame lacks and the last one had are cleared. */
static void mirror_layer_clear_rest(MirrorLayer *layer, uint32_t readable)
{
    if (readable < layer->readable) {
        memset(image_row(layer->image, readable), 0,
               (size_t)pixman_image_get_stride(layer->image) *
               (layer->readable - readable));
        damage_map_mark_all(layer->damage);
        damage_map_forget(layer->damage);
    }
    layer->readable = readable;
}

/*
 * Is the frame to be read now? If so, and @synced, dmabuf_sync_read_end() has
 * to follow.
 */
static bool pass_begin(MirrorPass *pass, bool *synced)
{
    MirrorLayer *layer = pass->layer;
    int fd = pass->frame->fd;

    *synced = false;
    if (fd < 0) {
        layer->busy = 0;
        return true;
    }
    if (!pass_reads(pass)) {
        return true;
    }
    *synced = dmabuf_sync_read_begin(fd);
    if (*synced) {
        layer->busy = 0;
        return true;
    }
    layer->busy = MIN(layer->busy + 1, MIRROR_BUSY_READS + 1);
    return layer->busy > MIRROR_BUSY_READS;
}

MirrorResult mirror_layer_read(MirrorLayer *layer, const MirrorFrame *frame)
{
    MirrorPass pass = { .frame = frame, .layer = layer };
    bool synced, whole;

    assert(pixman_image_get_width(layer->image) == frame->width &&
           pixman_image_get_height(layer->image) == frame->height);
    assert(frame_has_alpha(frame) || !image_has_alpha(layer->image));
    if (!frame_is_there(frame)) {
        return MIRROR_VANISHED;
    }
    if (!pass_begin(&pass, &synced)) {
        return MIRROR_BUSY;
    }
    whole = pass_run(&pass);
    if (synced) {
        dmabuf_sync_read_end(frame->fd);
    }
    if (!whole) {
        return MIRROR_VANISHED;
    }
    layer->seen = frame_pixels(frame);
    mirror_layer_clear_rest(layer, frame->readable);
    return damage_map_is_empty(layer->damage) ? MIRROR_UNCHANGED
                                              : MIRROR_CHANGED;
}

void mirror_layer_set_image(MirrorLayer *layer, pixman_image_t *image)
{
    pixman_image_t *old = layer->image;

    layer->seen = NULL;
    layer->image = image ? pixman_image_ref(image) : NULL;
    if (!image || !old ||
        pixman_image_get_width(old) != pixman_image_get_width(image) ||
        pixman_image_get_height(old) != pixman_image_get_height(image)) {
        g_clear_pointer(&layer->damage, damage_map_free);
        layer->readable = 0;
    }
    if (layer->damage) {
        damage_map_forget(layer->damage);
    } else if (image) {
        layer->damage = damage_map_new(pixman_image_get_width(image),
                                       pixman_image_get_height(image));
    }
    if (old) {
        pixman_image_unref(old);
    }
}

bool mirror_layer_fit(MirrorLayer *layer, const MirrorFrame *frame)
{
    pixman_format_code_t format =
        frame_has_alpha(frame) ? PIXMAN_a8r8g8b8 : PIXMAN_x8r8g8b8;
    pixman_image_t *image = layer->image;

    if (image && pixman_image_get_format(image) == format &&
        pixman_image_get_width(image) == frame->width &&
        pixman_image_get_height(image) == frame->height) {
        return false;
    }
    mirror_layer_set_image(layer, NULL);
    image = pixman_image_create_bits(format, frame->width, frame->height,
                                     NULL, 0);
    mirror_layer_set_image(layer, image);
    pixman_image_unref(image);
    return true;
}

void mirror_layer_take_damage(MirrorLayer *layer, pixman_region32_t *region,
                              int32_t x, int32_t y)
{
    size_t n;
    const pixman_box32_t *box = damage_map_boxes(layer->damage, &n);
    pixman_region32_t damage;

    pixman_region32_init_rects(&damage, box, n);
    pixman_region32_translate(&damage, x, y);
    pixman_region32_union(region, region, &damage);
    pixman_region32_fini(&damage);
    damage_map_clear(layer->damage);
}

void mirror_layer_finish(MirrorLayer *layer)
{
    mirror_layer_set_image(layer, NULL);
    mirror_layer_forget_bounce(layer);
    layer->bytes_read = 0;
    layer->busy = 0;
}
