/*
 * One plane's pixels: device memory copied into an image that QEMU owns
 *
 * A frame in the image's own layout is compared where it lies, so that a still
 * screen costs one read of the device's memory and no write. Other formats, and
 * memory that cannot be mapped, go through mirror-bounce.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "mirror-bounce.h"
#include "qemu/timer.h"
#include "ui/dmabuf-map.h"
#include "ui/guarded-read.h"
#include "ui/mirror-layer.h"

/* What one pass works on; lives on the stack. */
typedef struct MirrorPass {
    const MirrorFrame *frame;
    MirrorLayer *layer;
    pixman_box32_t box; /* what is to be read */
    uint32_t rows;      /* that were read for a sample */
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

/* Has the buffer shrunk? Asking is cheap and keeps the last frame whole. */
static bool frame_is_there(const MirrorFrame *frame)
{
    off_t size;

    if (frame->fd < 0 || frame->readable == 0) {
        return true;
    }
    size = lseek(frame->fd, 0, SEEK_END);
    return size >= 0 && (uint64_t)size >= mirror_frame_map_len(frame);
}

/* Copies what differs in a part of the box, whose first row @src is. */
static void pass_copy(MirrorPass *pass, const pixman_box32_t *box,
                      const uint8_t *src, size_t stride)
{
    pixman_image_t *image = pass->layer->image;

    damage_map_copy(pass->layer->damage, image_row(image, box->y1),
                    pixman_image_get_stride(image), src, stride, box);
}

/* Runs inside guarded_read(). */
static void pass_compare(void *opaque)
{
    MirrorPass *pass = opaque;

    pass_copy(pass, &pass->box, mirror_frame_row(pass->frame, pass->box.y1),
              pass->frame->stride);
}

static bool pass_bounce(MirrorPass *pass)
{
    MirrorLayer *layer = pass->layer;
    pixman_format_code_t format = pixman_image_get_format(layer->image);
    pixman_box32_t box = pass->box;
    pixman_image_t *rows;

    if (!layer->bounce) {
        layer->bounce = mirror_bounce_new();
    }
    for (; box.y1 < pass->box.y2; box.y1 = box.y2) {
        box.y2 = MIN(box.y1 + MIRROR_BOUNCE_ROWS, pass->box.y2);
        rows = mirror_bounce_read(layer->bounce, pass->frame, &box, format);
        if (!rows) {
            return false;
        }
        pass_copy(pass, &box, image_row(rows, 0),
                  pixman_image_get_stride(rows));
    }
    return true;
}

static bool pass_is_native(const MirrorPass *pass)
{
    return mirror_frame_is_native(pass->frame,
                                  pixman_image_get_format(pass->layer->image));
}

static uint64_t pass_box_bytes(const MirrorPass *pass)
{
    const UIPixelFormat *format = pass->frame->format;

    return ui_pixel_format_rows(format, pass->box.y2 - pass->box.y1) *
        ui_pixel_format_row_bytes(format, pass->box.x2 - pass->box.x1);
}

static bool pass_run_box(MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    bool in_place = frame->map && pass_is_native(pass);

    pass->layer->bytes_read += pass_box_bytes(pass);
    if (!in_place) {
        return pass_bounce(pass);
    }
    return guarded_read(frame->map, mirror_frame_map_len(frame), pass_compare,
                        pass);
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
            pass->rows++;
            if (damage_map_row_differs(layer->damage, y,
                                       image_row(layer->image, y),
                                       mirror_frame_row(pass->frame, y))) {
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
        pass->rows += pass->box.y2;
        pass_compare(pass);
    }
}

static bool pass_run_sampled(MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    bool whole = guarded_read(frame->map, mirror_frame_map_len(frame),
                              pass_sample_and_compare, pass);

    pass->layer->samples++;
    pass->layer->bytes_read +=
        (uint64_t)pass->rows * mirror_frame_row_bytes(frame);
    return whole;
}

/* Where the frame begins: no row, no place, and any offset will do then. */
static const uint8_t *frame_pixels(const MirrorFrame *frame)
{
    return frame->map && frame->readable ? frame->map + frame->offset : NULL;
}

/* Was the frame read from this memory before, and is a sample enough? */
static bool pass_is_sampled(const MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;

    return frame->scan == MIRROR_SCAN_SAMPLED && !frame->damage &&
        frame->readable == pass->layer->readable && pass->layer->seen &&
        pass->layer->seen == frame_pixels(frame) && pass_is_native(pass);
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

/* The time that costs are counted in: the host's, in nanoseconds. */
static int64_t meter_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
}

/*
 * The same, and what it costs. A wait keeps the CPU busy, as it is while it
 * waits for memory that is slow by itself.
 */
static bool pass_run_metered(MirrorPass *pass)
{
    uint64_t bytes = pass->layer->bytes_read;
    MirrorMeter *meter = pass->frame->meter;
    int64_t begun, now;
    bool whole;

    if (!meter || !pass_reads(pass)) {
        return pass_run(pass);
    }
    begun = meter_now();
    whole = pass_run(pass);
    bytes = pass->layer->bytes_read - bytes;
    do {
        now = meter_now();
    } while (now - begun < bytes * meter->slow_ns_per_kib / 1024);
    meter->scans++;
    meter->ns += now - begun;
    return whole;
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
    assert(mirror_frame_has_alpha(frame) || !image_has_alpha(layer->image));
    if (!frame_is_there(frame)) {
        return MIRROR_VANISHED;
    }
    if (!pass_begin(&pass, &synced)) {
        return MIRROR_BUSY;
    }
    whole = pass_run_metered(&pass);
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
        mirror_frame_has_alpha(frame) ? PIXMAN_a8r8g8b8 : PIXMAN_x8r8g8b8;
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
    g_clear_pointer(&layer->bounce, mirror_bounce_free);
    layer->bytes_read = 0;
    layer->busy = 0;
}
