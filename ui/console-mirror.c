/*
 * The console's mirror: device memory copied into a surface that QEMU owns
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "trace.h"
#include "ui/console-mirror.h"

struct ConsoleMirror {
    QemuConsole *con;
    /*
     * The surface's image, or NULL. The reference keeps its address from
     * being used again, so that comparing it with the console's tells
     * whether somebody else has put up a surface since.
     */
    pixman_image_t *image;
    /*
     * Where frames are read to: the same image, or one of its own while there
     * are overlays over it.
     */
    MirrorLayer layer;
    MirrorOverlays *overlays;
};

ConsoleMirror *console_mirror_new(QemuConsole *con)
{
    ConsoleMirror *mirror = g_new0(ConsoleMirror, 1);

    mirror->con = con;
    mirror->overlays = mirror_overlays_new();
    return mirror;
}

static void console_mirror_forget_surface(ConsoleMirror *mirror)
{
    g_clear_pointer(&mirror->image, qemu_pixman_image_unref);
    mirror_layer_set_image(&mirror->layer, NULL);
}

void console_mirror_free(ConsoleMirror *mirror)
{
    if (!mirror) {
        return;
    }
    console_mirror_forget_surface(mirror);
    mirror_layer_finish(&mirror->layer);
    mirror_overlays_free(mirror->overlays);
    g_free(mirror);
}

/* Does the console still show this mirror's surface, in that size? */
static bool console_mirror_shown(const ConsoleMirror *mirror, uint32_t width,
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
    mirror_layer_set_image(&mirror->layer, mirror->image);
}

/* --- Overlays ----------------------------------------------------------- */

static bool console_mirror_is_split(const ConsoleMirror *mirror)
{
    return mirror->layer.image != mirror->image;
}

/* From now on frames are kept apart from what is shown. */
static void console_mirror_split(ConsoleMirror *mirror)
{
    int width = pixman_image_get_width(mirror->image);
    int height = pixman_image_get_height(mirror->image);
    pixman_image_t *apart =
        pixman_image_create_bits(PIXMAN_x8r8g8b8, width, height, NULL, 0);

    pixman_image_composite32(PIXMAN_OP_SRC, mirror->image, NULL, apart,
                             0, 0, 0, 0, 0, 0, width, height);
    mirror_layer_set_image(&mirror->layer, apart);
    pixman_image_unref(apart);
}

/* The last overlay is off the surface, which shows the frame as it is. */
static void console_mirror_join(ConsoleMirror *mirror)
{
    mirror_layer_set_image(&mirror->layer, mirror->image);
}

/* Composes a part of the surface. */
static void console_mirror_compose(ConsoleMirror *mirror,
                                   const pixman_box32_t *box)
{
    pixman_image_composite32(PIXMAN_OP_SRC, mirror->layer.image, NULL,
                             mirror->image, box->x1, box->y1, 0, 0,
                             box->x1, box->y1,
                             box->x2 - box->x1, box->y2 - box->y1);
    mirror_overlays_draw(mirror->overlays, mirror->image, box);
}

/* What has to be composed anew: below the overlays and in them. */
static void console_mirror_take_damage(ConsoleMirror *mirror,
                                       pixman_region32_t *region)
{
    mirror_layer_take_damage(&mirror->layer, region, 0, 0);
    mirror_overlays_take_damage(mirror->overlays, region);
    pixman_region32_intersect_rect(region, region, 0, 0,
                                   pixman_image_get_width(mirror->image),
                                   pixman_image_get_height(mirror->image));
}

/* --- What viewers are told ---------------------------------------------- */

/*
 * Each update costs viewers something: a message on D-Bus, with GTK a union
 * with those before. No desktop has as many in a frame; a guest could.
 */
#define MAX_UPDATES 1024

static void console_mirror_announce(ConsoleMirror *mirror,
                                    const pixman_box32_t *box, size_t n)
{
    pixman_box32_t all;

    trace_console_mirror_damage(qemu_console_get_index(mirror->con), n);
    qemu_console_note_activity(mirror->con);
    if (n > MAX_UPDATES) {
        all = damage_map_bound(box, n);
        box = &all;
        n = 1;
    }
    for (size_t i = 0; i < n; i++) {
        dpy_gfx_update(mirror->con, box[i].x1, box[i].y1,
                       box[i].x2 - box[i].x1, box[i].y2 - box[i].y1);
    }
}

/* Brings the surface up to date, and viewers; was there anything to do? */
static bool console_mirror_show_damage(ConsoleMirror *mirror)
{
    bool split = console_mirror_is_split(mirror);
    pixman_region32_t region;
    const pixman_box32_t *box;
    int n;

    pixman_region32_init(&region);
    console_mirror_take_damage(mirror, &region);
    box = pixman_region32_rectangles(&region, &n);
    for (int i = 0; split && i < n; i++) {
        console_mirror_compose(mirror, &box[i]);
    }
    if (n) {
        console_mirror_announce(mirror, box, n);
    }
    pixman_region32_fini(&region);
    if (split && !mirror_overlays_any(mirror->overlays)) {
        console_mirror_join(mirror);
    }
    return n > 0;
}

/* --- Frames ------------------------------------------------------------- */

static MirrorResult console_mirror_refresh(ConsoleMirror *mirror,
                                           const MirrorFrame *frame)
{
    MirrorResult result;
    bool changed;

    if (mirror_overlays_any(mirror->overlays) &&
        !console_mirror_is_split(mirror)) {
        console_mirror_split(mirror);
    }
    result = mirror_layer_read(&mirror->layer, frame);
    changed = console_mirror_show_damage(mirror);
    if (result == MIRROR_BUSY || result == MIRROR_VANISHED) {
        return result;
    }
    return changed ? MIRROR_CHANGED : MIRROR_UNCHANGED;
}

/* The surface is new: overlays are drawn wherever they are. */
static void console_mirror_compose_all(ConsoleMirror *mirror)
{
    pixman_box32_t all = {
        .x2 = pixman_image_get_width(mirror->image),
        .y2 = pixman_image_get_height(mirror->image),
    };
    pixman_region32_t region;

    pixman_region32_init(&region);
    console_mirror_take_damage(mirror, &region);
    pixman_region32_fini(&region);
    if (mirror_overlays_any(mirror->overlays)) {
        console_mirror_split(mirror);
        console_mirror_compose(mirror, &all);
    }
}

/* Fills a surface that nobody sees yet and publishes it once it is whole. */
static MirrorResult console_mirror_replace(ConsoleMirror *mirror,
                                           const MirrorFrame *frame)
{
    DisplaySurface *surface =
        qemu_create_displaysurface(frame->width, frame->height);
    MirrorResult result;

    console_mirror_adopt(mirror, surface);
    result = mirror_layer_read(&mirror->layer, frame);
    if (result == MIRROR_BUSY || result == MIRROR_VANISHED) {
        console_mirror_forget_surface(mirror);
        qemu_free_displaysurface(surface);
        return result;
    }
    trace_console_mirror_replace(qemu_console_get_index(mirror->con),
                                 frame->width, frame->height);
    console_mirror_compose_all(mirror);
    qemu_console_note_activity(mirror->con);
    dpy_gfx_replace_mirror(mirror->con, surface);
    dpy_gfx_update(mirror->con, 0, 0, frame->width, frame->height);
    return MIRROR_CHANGED;
}

MirrorResult console_mirror_update(ConsoleMirror *mirror,
                                   const MirrorFrame *frame)
{
    if (console_mirror_shown(mirror, frame->width, frame->height)) {
        return console_mirror_refresh(mirror, frame);
    }
    return console_mirror_replace(mirror, frame);
}

bool console_mirror_holds(const ConsoleMirror *mirror, uint32_t width,
                          uint32_t height)
{
    return console_mirror_shown(mirror, width, height) &&
        mirror->layer.readable == height;
}

bool console_mirror_copy(ConsoleMirror *mirror, const MirrorFrame *frame)
{
    return console_mirror_holds(mirror, frame->width, frame->height) &&
        mirror_layer_read(&mirror->layer, frame) != MIRROR_VANISHED;
}

bool console_mirror_is_half_drawn(const ConsoleMirror *mirror)
{
    return mirror->layer.busy > MIRROR_BUSY_READS;
}

MirrorOverlays *console_mirror_overlays(const ConsoleMirror *mirror)
{
    return mirror->overlays;
}

void console_mirror_prepare(ConsoleMirror *mirror, uint32_t width,
                            uint32_t height)
{
    DisplaySurface *surface;

    mirror_overlays_free(mirror->overlays);
    mirror->overlays = mirror_overlays_new();
    if (console_mirror_shown(mirror, width, height)) {
        /* and from then on what is in the surface is compared again */
        console_mirror_join(mirror);
        return;
    }
    surface = qemu_create_displaysurface(width, height);
    console_mirror_adopt(mirror, surface);
    dpy_gfx_replace_mirror(mirror->con, surface);
}

uint64_t console_mirror_bytes_read(const ConsoleMirror *mirror)
{
    return mirror->layer.bytes_read;
}
