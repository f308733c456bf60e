/*
 * Rows of a frame that have to be read or converted before they are compared
 *
 * Frames of other formats than the image's, and memory that cannot be mapped,
 * go through a buffer of a few rows that pixman converts: pixman may hold
 * memory of its own, which guarded_read()'s jump would lose.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "mirror-bounce.h"
#include "ui/guarded-read.h"

/* So that each chroma row of NV12 is read once. */
QEMU_BUILD_BUG_ON(MIRROR_BOUNCE_ROWS % 2);

/*
 * MirrorBounce:
 * @frame: what is read
 * @format: what it is converted to
 * @box: where of it, at most MIRROR_BOUNCE_ROWS high
 * @n_rows: the box's rows
 * @bits: first row of @rows
 * @stride: bytes from row to row of @rows
 * @rows: as the device has them
 * @converted: the same in @format
 * @multiplied: the same once more, multiplied by alpha
 * @block: room for rows as they come from MirrorFrame.read
 * @block_size: bytes of it
 */
struct MirrorBounce {
    const MirrorFrame *frame;
    pixman_format_code_t format;
    pixman_box32_t box;
    uint32_t n_rows;
    uint8_t *bits;
    size_t stride;
    pixman_image_t *rows;
    pixman_image_t *converted;
    pixman_image_t *multiplied;
    uint8_t *block;
    size_t block_size;
};

/* --- Frames --------------------------------------------------------------- */

bool mirror_frame_has_alpha(const MirrorFrame *frame)
{
    return PIXMAN_FORMAT_A(frame->format->pixman) != 0;
}

size_t mirror_frame_row_bytes(const MirrorFrame *frame)
{
    return ui_pixel_format_row_bytes(frame->format, frame->width);
}

const uint8_t *mirror_frame_row(const MirrorFrame *frame, uint32_t y)
{
    return frame->map + frame->offset + (uint64_t)frame->stride * y;
}

size_t mirror_frame_map_len(const MirrorFrame *frame)
{
    uint64_t last = frame->readable - 1;

    if (frame->format->planes == 2) {
        last = frame->height + last / 2;
    }
    return frame->offset + frame->stride * last +
        mirror_frame_row_bytes(frame);
}

/* Do colours have to be multiplied by alpha? An opaque image has none. */
static bool multiplies(const MirrorFrame *frame, pixman_format_code_t format)
{
    return frame->straight_alpha && mirror_frame_has_alpha(frame) &&
        PIXMAN_FORMAT_A(format) != 0;
}

bool mirror_frame_is_native(const MirrorFrame *frame,
                            pixman_format_code_t format)
{
    pixman_format_code_t own = frame->format->pixman;

    return (own == PIXMAN_x8r8g8b8 || own == PIXMAN_a8r8g8b8) &&
        !multiplies(frame, format);
}

/* --- Reading ------------------------------------------------------------- */

/*
 * Runs inside guarded_read(). Chroma comes as pairs of U and V; pixman wants
 * planes: after the luma rows V, then U, both with half the stride.
 */
static void fetch_chroma(const MirrorBounce *bounce)
{
    const MirrorFrame *frame = bounce->frame;
    size_t half = bounce->stride / 2;
    uint8_t *v = bounce->bits + bounce->stride * MIRROR_BOUNCE_ROWS;
    uint8_t *u = v + half * (MIRROR_BOUNCE_ROWS / 2);
    size_t pairs = DIV_ROUND_UP(frame->width, 2);

    for (uint32_t i = 0; i < DIV_ROUND_UP(bounce->n_rows, 2); i++) {
        uint32_t y = frame->height + bounce->box.y1 / 2 + i;
        const uint8_t *row = mirror_frame_row(frame, y);

        for (size_t x = 0; x < pairs; x++) {
            u[i * half + x] = row[2 * x];
            v[i * half + x] = row[2 * x + 1];
        }
    }
}

/* Where the box's columns start in a row of the frame, and their bytes. */
static size_t columns_at(const MirrorBounce *bounce)
{
    return ui_pixel_format_row_bytes(bounce->frame->format, bounce->box.x1);
}

static size_t columns_len(const MirrorBounce *bounce)
{
    return ui_pixel_format_row_bytes(bounce->frame->format,
                                     bounce->box.x2 - bounce->box.x1);
}

/* Runs inside guarded_read(). */
static void fetch_rows(void *opaque)
{
    MirrorBounce *bounce = opaque;
    size_t at = columns_at(bounce);
    size_t len = columns_len(bounce);

    for (uint32_t i = 0; i < bounce->n_rows; i++) {
        memcpy(bounce->bits + i * bounce->stride + at,
               mirror_frame_row(bounce->frame, bounce->box.y1 + i) + at, len);
    }
    if (bounce->frame->format->planes == 2) {
        fetch_chroma(bounce);
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
static bool read_block(MirrorBounce *bounce, uint64_t offset, size_t len)
{
    const MirrorFrame *frame = bounce->frame;
    size_t size = (size_t)frame->stride * (bounce->n_rows - 1) + len;
    size_t at = columns_at(bounce);

    if (bounce->block_size < size) {
        bounce->block = g_realloc(bounce->block, size);
        bounce->block_size = size;
    }
    if (!frame_read(frame, bounce->block, size, offset)) {
        return false;
    }
    for (uint32_t i = 0; i < bounce->n_rows; i++) {
        memcpy(bounce->bits + i * bounce->stride + at,
               bounce->block + (size_t)i * frame->stride, len);
    }
    return true;
}

/* A call of the device's read may cost more than many bytes that it brings. */
static bool read_rows(MirrorBounce *bounce)
{
    const MirrorFrame *frame = bounce->frame;
    size_t at = columns_at(bounce);
    size_t len = columns_len(bounce);
    uint64_t offset = frame->offset +
        (uint64_t)frame->stride * bounce->box.y1 + at;

    assert(frame->format->planes == 1);
    if (frame->stride / 2 <= len) {
        return read_block(bounce, offset, len);
    }
    for (uint32_t i = 0; i < bounce->n_rows; i++) {
        if (!frame_read(frame, bounce->bits + i * bounce->stride + at,
                        len, offset + (uint64_t)frame->stride * i)) {
            return false;
        }
    }
    return true;
}

/* --- Converting ---------------------------------------------------------- */

static void free_bits(pixman_image_t *image, void *bits)
{
    g_free(bits);
}

/* Luma rows, then both planes of chroma, as pixman's yv12 has them. */
static pixman_image_t *new_yv12_image(uint32_t width)
{
    size_t stride = ROUND_UP(width, 8);
    uint32_t *bits =
        g_malloc0(stride * (MIRROR_BOUNCE_ROWS + MIRROR_BOUNCE_ROWS / 2));
    pixman_image_t *image = pixman_image_create_bits(PIXMAN_yv12, width,
                                                     MIRROR_BOUNCE_ROWS, bits,
                                                     stride);

    pixman_image_set_destroy_function(image, free_bits, bits);
    return image;
}

static pixman_image_t *new_rows(pixman_format_code_t format, uint32_t width)
{
    return pixman_image_create_bits(format, width, MIRROR_BOUNCE_ROWS,
                                    NULL, 0);
}

static void free_images(MirrorBounce *bounce)
{
    g_clear_pointer(&bounce->rows, pixman_image_unref);
    g_clear_pointer(&bounce->converted, pixman_image_unref);
    g_clear_pointer(&bounce->multiplied, pixman_image_unref);
}

static void make_images(MirrorBounce *bounce)
{
    const UIPixelFormat *format = bounce->frame->format;
    uint32_t width = bounce->frame->width;

    if (!bounce->rows ||
        pixman_image_get_format(bounce->rows) != format->pixman ||
        pixman_image_get_width(bounce->rows) != width ||
        pixman_image_get_format(bounce->converted) != bounce->format) {
        free_images(bounce);
        bounce->rows = format->planes == 2 ? new_yv12_image(width)
                                           : new_rows(format->pixman, width);
        bounce->converted = new_rows(bounce->format, width);
    }
    bounce->bits = (uint8_t *)pixman_image_get_data(bounce->rows);
    bounce->stride = pixman_image_get_stride(bounce->rows);
}

/*
 * Colours times alpha: the rows without their alpha, through themselves as a
 * mask.
 */
static pixman_image_t *multiply(MirrorBounce *bounce, pixman_image_t *rows)
{
    uint32_t width = bounce->frame->width;
    pixman_image_t *opaque =
        pixman_image_create_bits(PIXMAN_x8r8g8b8, width, MIRROR_BOUNCE_ROWS,
                                 pixman_image_get_data(rows),
                                 pixman_image_get_stride(rows));

    if (!bounce->multiplied) {
        bounce->multiplied = new_rows(PIXMAN_a8r8g8b8, width);
    }
    pixman_image_composite32(PIXMAN_OP_SRC, opaque, rows,
                             bounce->multiplied, 0, 0, 0, 0, 0, 0,
                             width, bounce->n_rows);
    pixman_image_unref(opaque);
    return bounce->multiplied;
}

static pixman_image_t *convert(MirrorBounce *bounce)
{
    if (mirror_frame_is_native(bounce->frame, bounce->format)) {
        return bounce->rows;
    }
    pixman_image_composite32(PIXMAN_OP_SRC, bounce->rows, NULL,
                             bounce->converted, 0, 0, 0, 0, 0, 0,
                             bounce->frame->width, bounce->n_rows);
    return multiplies(bounce->frame, bounce->format)
        ? multiply(bounce, bounce->converted) : bounce->converted;
}

pixman_image_t *mirror_bounce_read(MirrorBounce *bounce,
                                   const MirrorFrame *frame,
                                   const pixman_box32_t *box,
                                   pixman_format_code_t format)
{
    bool whole;

    bounce->frame = frame;
    bounce->format = format;
    bounce->box = *box;
    bounce->n_rows = box->y2 - box->y1;
    assert(bounce->n_rows <= MIRROR_BOUNCE_ROWS);
    make_images(bounce);
    whole = frame->map ? guarded_read(frame->map, mirror_frame_map_len(frame),
                                      fetch_rows, bounce)
                       : read_rows(bounce);
    return whole ? convert(bounce) : NULL;
}

MirrorBounce *mirror_bounce_new(void)
{
    return g_new0(MirrorBounce, 1);
}

void mirror_bounce_free(MirrorBounce *bounce)
{
    if (bounce) {
        free_images(bounce);
        g_free(bounce->block);
        g_free(bounce);
    }
}
