/*
 * A copy of what is in a dma-buf
 *
 * For screendumps of consoles without a mirror, whose buffers otherwise only
 * viewers with OpenGL get to see.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "block/aio.h"
#include "qapi/error.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/dmabuf-map.h"
#include "ui/dmabuf-snapshot.h"
#include "ui/gl-readback.h"
#include "ui/mirror-layer.h"

/* In the buffer; the rectangle's place is the picture's. */
static uint64_t first_row(QemuDmaBuf *dmabuf)
{
    uint64_t y = qemu_dmabuf_get_y(dmabuf);

    return qemu_dmabuf_get_y0_top(dmabuf) ?
        qemu_dmabuf_get_backing_height(dmabuf) - y -
        qemu_dmabuf_get_height(dmabuf) : y;
}

/* Where the rectangle's last pixel ends, from the buffer's start. */
static bool snapshot_end(QemuDmaBuf *dmabuf, uint32_t cpp, uint64_t *start,
                         uint64_t *end)
{
    uint64_t stride = qemu_dmabuf_get_stride(dmabuf);
    uint64_t x = qemu_dmabuf_get_x(dmabuf);
    uint64_t y = first_row(dmabuf);
    uint64_t width = qemu_dmabuf_get_width(dmabuf);
    uint64_t height = qemu_dmabuf_get_height(dmabuf);

    *start = qemu_dmabuf_get_offset(dmabuf) + stride * y + x * cpp;
    *end = *start + stride * (height - 1) + width * cpp;
    return width && height && width <= INT16_MAX && height <= INT16_MAX &&
        y <= UINT32_MAX && (x + width) * cpp <= stride && *end >= *start &&
        qemu_dmabuf_get_offset(dmabuf) <= INT64_MAX / 2;
}

static pixman_image_t *copy_frame(const MirrorFrame *frame, bool last_first,
                                  Error **errp)
{
    /* it is read now, whether the device is drawing or not */
    MirrorLayer layer = { .busy = MIRROR_BUSY_READS };
    pixman_image_t *rows =
        pixman_image_create_bits(PIXMAN_x8r8g8b8, frame->width, frame->height,
                                 NULL, 0);
    UIPixels pixels = {
        /* x8r8g8b8, in memory */
        .fourcc = HOST_BIG_ENDIAN ? DRM_FORMAT_BGRX8888 : DRM_FORMAT_XRGB8888,
        .width = frame->width,
        .height = frame->height,
    };
    pixman_image_t *image = NULL;

    mirror_layer_set_image(&layer, rows);
    if (mirror_layer_read(&layer, frame) == MIRROR_VANISHED) {
        error_setg(errp, "the buffer went away while it was read");
    } else {
        pixels.data = (const uint8_t *)pixman_image_get_data(rows);
        pixels.stride = pixman_image_get_stride(rows);
        image = ui_pixel_native_image(&pixels, last_first);
    }
    mirror_layer_finish(&layer);
    pixman_image_unref(rows);
    return image;
}

pixman_image_t *dmabuf_snapshot_map(QemuDmaBuf *dmabuf, Error **errp)
{
    uint64_t modifier = qemu_dmabuf_get_modifier(dmabuf);
    MirrorFrame frame = {
        .format = ui_pixel_format_find(qemu_dmabuf_get_fourcc(dmabuf)),
        .width = qemu_dmabuf_get_width(dmabuf),
        .height = qemu_dmabuf_get_height(dmabuf),
        .readable = qemu_dmabuf_get_height(dmabuf),
        .stride = qemu_dmabuf_get_stride(dmabuf),
        .fd = qemu_dmabuf_get_fd(dmabuf),
    };
    g_autoptr(DmaBufMap) map = NULL;
    off_t size = lseek(frame.fd, 0, SEEK_END);
    uint64_t end;

    if (!frame.format || (modifier != DRM_FORMAT_MOD_LINEAR &&
                          modifier != DRM_FORMAT_MOD_INVALID)) {
        error_setg(errp, "the CPU cannot read this format or layout");
        return NULL;
    }
    if (!snapshot_end(dmabuf, frame.format->cpp, &frame.offset, &end) ||
        size < 0 || end > size) {
        error_setg(errp, "the picture does not lie in its buffer");
        return NULL;
    }
    map = dmabuf_map_new(frame.fd, end, errp);
    if (!map) {
        return NULL;
    }
    if (map->len < end) {
        error_setg(errp, "the buffer's last page cannot be mapped");
        return NULL;
    }
    frame.map = map->data;
    return copy_frame(&frame, qemu_dmabuf_get_y0_top(dmabuf), errp);
}

/* --- By OpenGL ---------------------------------------------------------- */

typedef struct Waiter {
    Coroutine *co;
    pixman_image_t *image;
    Error *error;
} Waiter;

/*
 * Nobody says how the buffer is laid out, and OpenGL cannot read it: most
 * buffers without a word about it are linear, and no picture is worse.
 */
static pixman_image_t *or_by_cpu(QemuDmaBuf *dmabuf, Error **errp)
{
    pixman_image_t *image = NULL;

    if (qemu_dmabuf_get_modifier(dmabuf) == DRM_FORMAT_MOD_INVALID) {
        image = dmabuf_snapshot_map(dmabuf, NULL);
    }
    if (image) {
        error_free(*errp);
        *errp = NULL;
    }
    return image;
}

static void on_done(void *opaque, const GLReadbackResult *result)
{
    Waiter *waiter = opaque;

    if (!result->buffer) {
        /* that one has been told already */
        return;
    }
    if (!result->pixels) {
        waiter->error = error_copy(result->error);
        waiter->image = or_by_cpu(result->dmabuf, &waiter->error);
    } else {
        waiter->image =
            ui_pixel_native_image(result->pixels,
                                  qemu_dmabuf_get_y0_top(result->dmabuf));
    }
    aio_co_wake(waiter->co);
}

static pixman_image_t *coroutine_fn dmabuf_co_read_gl(QemuDmaBuf *dmabuf,
                                                      Error **errp)
{
    ERRP_GUARD();
    const GLReadbackOps *ops = gl_readback_find_ops(errp);
    Waiter waiter = { .co = qemu_coroutine_self() };
    GLReadbackBuffer *buffer;
    GLReadback *rb;

    if (!ops) {
        return or_by_cpu(dmabuf, errp);
    }
    rb = gl_readback_new(ops, NULL, on_done, &waiter);
    buffer = gl_readback_buffer_new(rb, dmabuf, errp);
    if (buffer) {
        gl_readback_submit(buffer, NULL);
        qemu_coroutine_yield();
        gl_readback_buffer_free(buffer);
        error_propagate(errp, waiter.error);
    }
    gl_readback_free(rb);
    return waiter.image;
}

pixman_image_t *coroutine_fn dmabuf_co_snapshot(QemuDmaBuf *dmabuf,
                                                Error **errp)
{
    pixman_image_t *image = NULL;

    /* only the GPU's driver knows the layout of what it says nothing about */
    if (qemu_dmabuf_get_modifier(dmabuf) != DRM_FORMAT_MOD_INVALID) {
        image = dmabuf_snapshot_map(dmabuf, NULL);
    }
    return image ?: dmabuf_co_read_gl(dmabuf, errp);
}
