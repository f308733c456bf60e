/*
 * The console's mirror: device memory copied into a surface that QEMU owns
 *
 * A frame in the surface's own layout is compared with it where it lies, so
 * that a still screen costs one read of the device's memory and no write.
 * Other formats, and memory that cannot be mapped, go through a bounce buffer
 * of a few rows that pixman then converts: pixman may hold memory of its own,
 * which guarded_read()'s jump would lose.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "trace.h"
#include "ui/console-mirror.h"
#include "ui/damage-map.h"
#include "ui/dmabuf-map.h"
#include "ui/guarded-read.h"

/* Rows that are bounced at a time: those of one row of damage tiles. */
#define BOUNCE_ROWS DAMAGE_TILE_HEIGHT

struct ConsoleMirror {
    QemuConsole *con;
    /*
     * The surface's image, or NULL. The reference keeps its address from
     * being used again, so that comparing it with the console's tells
     * whether somebody else has put up a surface since.
     */
    pixman_image_t *image;
    DamageMap *damage;
    uint32_t readable; /* rows that the last frame filled */
    /* rows as the device has them, and as the surface does */
    pixman_image_t *bounce;
    pixman_image_t *converted;
    MirrorStats stats;
};

/* What one pass works on; lives on the stack. */
typedef struct MirrorPass {
    const MirrorFrame *frame;
    DamageMap *damage;
    pixman_image_t *dst;
    uint32_t y;
    uint32_t rows;
    uint8_t *bounce;
    size_t bounce_stride;
} MirrorPass;

ConsoleMirror *console_mirror_new(QemuConsole *con)
{
    ConsoleMirror *mirror = g_new0(ConsoleMirror, 1);

    mirror->con = con;
    return mirror;
}

static void console_mirror_forget_bounce(ConsoleMirror *mirror)
{
    g_clear_pointer(&mirror->bounce, qemu_pixman_image_unref);
    g_clear_pointer(&mirror->converted, qemu_pixman_image_unref);
}

static void console_mirror_forget_surface(ConsoleMirror *mirror)
{
    g_clear_pointer(&mirror->image, qemu_pixman_image_unref);
    g_clear_pointer(&mirror->damage, damage_map_free);
    mirror->readable = 0;
}

void console_mirror_free(ConsoleMirror *mirror)
{
    if (!mirror) {
        return;
    }
    console_mirror_forget_surface(mirror);
    console_mirror_forget_bounce(mirror);
    g_free(mirror);
}

/* Does the console still show this mirror's surface, in that size? */
static bool console_mirror_shown(ConsoleMirror *mirror, uint32_t width,
                                 uint32_t height)
{
    DisplaySurface *surface = qemu_console_surface(mirror->con);

    return surface && mirror->image && surface->image == mirror->image &&
        surface_width(surface) == width && surface_height(surface) == height;
}

static void console_mirror_adopt(ConsoleMirror *mirror,
                                 DisplaySurface *surface)
{
    console_mirror_forget_surface(mirror);
    mirror->image = pixman_image_ref(surface->image);
    mirror->damage = damage_map_new(surface_width(surface),
                                    surface_height(surface));
}

static uint8_t *image_row(pixman_image_t *image, uint32_t y)
{
    return (uint8_t *)pixman_image_get_data(image) +
        (size_t)pixman_image_get_stride(image) * y;
}

static const uint8_t *frame_row(const MirrorFrame *frame, uint32_t y)
{
    return frame->map + frame->offset + (uint64_t)frame->stride * y;
}

static bool format_is_native(const UIPixelFormat *format)
{
    return format->pixman == PIXMAN_x8r8g8b8 ||
        format->pixman == PIXMAN_a8r8g8b8;
}

/* Runs inside guarded_read(). */
static void pass_compare(void *opaque)
{
    MirrorPass *pass = opaque;
    const MirrorFrame *frame = pass->frame;

    damage_map_copy(pass->damage, image_row(pass->dst, pass->y),
                    pixman_image_get_stride(pass->dst),
                    frame_row(frame, pass->y), frame->stride,
                    pass->y, pass->rows);
}

/* Runs inside guarded_read(). */
static void pass_fetch(void *opaque)
{
    MirrorPass *pass = opaque;
    const MirrorFrame *frame = pass->frame;
    size_t len = (size_t)frame->width * frame->format->cpp;

    for (uint32_t i = 0; i < pass->rows; i++) {
        memcpy(pass->bounce + i * pass->bounce_stride,
               frame_row(frame, pass->y + i), len);
    }
}

static bool pass_read(MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    size_t len = (size_t)frame->width * frame->format->cpp;

    for (uint32_t i = 0; i < pass->rows; i++) {
        uint64_t offset = frame->offset +
            (uint64_t)frame->stride * (pass->y + i);

        if (frame->read(frame->opaque, pass->bounce + i * pass->bounce_stride,
                        len, offset) != len) {
            return false;
        }
    }
    return true;
}

/* The bytes of the map that the frame's readable rows take. */
static size_t frame_map_len(const MirrorFrame *frame)
{
    return frame->offset + (uint64_t)frame->stride * (frame->readable - 1) +
        (size_t)frame->width * frame->format->cpp;
}

static void console_mirror_ready_bounce(ConsoleMirror *mirror,
                                        const MirrorFrame *frame)
{
    if (mirror->bounce &&
        pixman_image_get_format(mirror->bounce) == frame->format->pixman &&
        pixman_image_get_width(mirror->bounce) == frame->width) {
        return;
    }
    console_mirror_forget_bounce(mirror);
    mirror->bounce = pixman_image_create_bits(frame->format->pixman,
                                              frame->width, BOUNCE_ROWS,
                                              NULL, 0);
    mirror->converted = pixman_image_create_bits(PIXMAN_x8r8g8b8,
                                                 frame->width, BOUNCE_ROWS,
                                                 NULL, 0);
}

static bool console_mirror_bounce(ConsoleMirror *mirror, MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    pixman_image_t *converted;

    console_mirror_ready_bounce(mirror, frame);
    pass->bounce = image_row(mirror->bounce, 0);
    pass->bounce_stride = pixman_image_get_stride(mirror->bounce);

    for (pass->y = 0; pass->y < frame->readable; pass->y += pass->rows) {
        pass->rows = MIN(BOUNCE_ROWS, frame->readable - pass->y);
        if (frame->map ? !guarded_read(frame->map, frame_map_len(frame),
                                       pass_fetch, pass)
                       : !pass_read(pass)) {
            return false;
        }
        converted = mirror->bounce;
        if (!format_is_native(frame->format)) {
            converted = mirror->converted;
            pixman_image_composite32(PIXMAN_OP_SRC, mirror->bounce, NULL,
                                     converted, 0, 0, 0, 0, 0, 0,
                                     frame->width, pass->rows);
        }
        damage_map_copy(pass->damage, image_row(pass->dst, pass->y),
                        pixman_image_get_stride(pass->dst),
                        image_row(converted, 0),
                        pixman_image_get_stride(converted),
                        pass->y, pass->rows);
    }
    return true;
}

/* Rows that this frame lacks and the last one had turn black. */
static void console_mirror_blacken(ConsoleMirror *mirror, MirrorPass *pass)
{
    uint32_t readable = pass->frame->readable;

    if (readable < mirror->readable) {
        memset(image_row(pass->dst, readable), 0,
               (size_t)pixman_image_get_stride(pass->dst) *
               (mirror->readable - readable));
        damage_map_mark_all(pass->damage);
    }
    mirror->readable = readable;
}

static bool console_mirror_read(ConsoleMirror *mirror, MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;

    if (frame->readable == 0) {
        return true;
    }
    mirror->stats.bytes_read +=
        (uint64_t)frame->width * frame->format->cpp * frame->readable;
    if (frame->map && format_is_native(frame->format)) {
        pass->y = 0;
        pass->rows = frame->readable;
        return guarded_read(frame->map, frame_map_len(frame), pass_compare,
                            pass);
    }
    return console_mirror_bounce(mirror, pass);
}

static MirrorResult console_mirror_pass(ConsoleMirror *mirror,
                                        MirrorPass *pass)
{
    const MirrorFrame *frame = pass->frame;
    bool whole;

    if (frame->fd < 0) {
        whole = console_mirror_read(mirror, pass);
    } else if (!dmabuf_sync_read_begin(frame->fd)) {
        return MIRROR_BUSY;
    } else {
        whole = console_mirror_read(mirror, pass);
        dmabuf_sync_read_end(frame->fd);
    }
    return whole ? MIRROR_UNCHANGED : MIRROR_VANISHED;
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

static void console_mirror_announce(ConsoleMirror *mirror)
{
    size_t n;
    const pixman_box32_t *box = damage_map_boxes(mirror->damage, &n);

    trace_console_mirror_damage(qemu_console_get_index(mirror->con), n);
    qemu_console_active(mirror->con);
    for (size_t i = 0; i < n; i++) {
        dpy_gfx_update(mirror->con, box[i].x1, box[i].y1,
                       box[i].x2 - box[i].x1, box[i].y2 - box[i].y1);
    }
    damage_map_clear(mirror->damage);
}

static MirrorResult console_mirror_refresh(ConsoleMirror *mirror,
                                           const MirrorFrame *frame)
{
    MirrorPass pass = {
        .frame = frame, .damage = mirror->damage, .dst = mirror->image,
    };
    MirrorResult result = console_mirror_pass(mirror, &pass);

    if (result == MIRROR_UNCHANGED) {
        console_mirror_blacken(mirror, &pass);
    }
    if (damage_map_is_empty(mirror->damage)) {
        return result;
    }
    console_mirror_announce(mirror);
    if (result != MIRROR_UNCHANGED) {
        return result;
    }
    mirror->stats.frames++;
    return MIRROR_CHANGED;
}

/* Fills a surface that nobody sees yet and publishes it once it is whole. */
static MirrorResult console_mirror_replace(ConsoleMirror *mirror,
                                           const MirrorFrame *frame)
{
    DisplaySurface *surface =
        qemu_create_displaysurface(frame->width, frame->height);
    g_autoptr(DamageMap) damage = damage_map_new(frame->width, frame->height);
    MirrorPass pass = {
        .frame = frame, .damage = damage, .dst = surface->image,
    };

    MirrorResult result = console_mirror_pass(mirror, &pass);

    if (result != MIRROR_UNCHANGED) {
        qemu_free_displaysurface(surface);
        return result;
    }
    trace_console_mirror_replace(qemu_console_get_index(mirror->con),
                                 frame->width, frame->height);
    console_mirror_adopt(mirror, surface);
    mirror->readable = frame->readable;
    qemu_console_active(mirror->con);
    dpy_gfx_replace_mirror(mirror->con, surface);
    dpy_gfx_update(mirror->con, 0, 0, frame->width, frame->height);
    mirror->stats.frames++;
    return MIRROR_CHANGED;
}

MirrorResult console_mirror_update(ConsoleMirror *mirror,
                                   const MirrorFrame *frame)
{
    if (!frame_is_there(frame)) {
        return MIRROR_VANISHED;
    }
    if (console_mirror_shown(mirror, frame->width, frame->height)) {
        return console_mirror_refresh(mirror, frame);
    }
    return console_mirror_replace(mirror, frame);
}

void console_mirror_prepare(ConsoleMirror *mirror, uint32_t width,
                            uint32_t height)
{
    DisplaySurface *surface;

    if (console_mirror_shown(mirror, width, height)) {
        return;
    }
    surface = qemu_create_displaysurface(width, height);
    console_mirror_adopt(mirror, surface);
    dpy_gfx_replace_mirror(mirror->con, surface);
}

MirrorStats console_mirror_stats(const ConsoleMirror *mirror)
{
    return mirror->stats;
}
