/*
 * The display of a device that renders where only its driver can see:
 * the cursor plane
 *
 * Viewers get the cursor as the console's own: an image when it changes, a
 * position when it moves. So a cursor that moves costs no frame, and a viewer
 * over a slow line can move it by itself. The image is read through a mirror
 * layer at each refresh, since a guest may draw another one into the same
 * buffer; that compares 16 to 256 KiB and copies what differs.
 *
 * Where the CPU cannot read the image, viewers with GL get its dma-buf.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "trace.h"
#include "vfio-display-internal.h"

/*
 * Guests that do not know their hotspot mostly show an arrow, whose point is
 * in that corner.
 */
#define HOTSPOT_UNKNOWN 0

static uint32_t hotspot(uint32_t reported, uint32_t extent)
{
    return reported < extent ? reported : HOTSPOT_UNKNOWN;
}

static bool has_hotspot(const VFIOPlane *plane)
{
    return plane->hot_x < plane->width && plane->hot_y < plane->height;
}

/* The layer's image as the console wants it: a8r8g8b8, multiplied by alpha. */
static QEMUCursor *cursor_new(const MirrorLayer *layer, const VFIOPlane *plane)
{
    QEMUCursor *c = cursor_alloc(plane->width, plane->height);
    pixman_image_t *image =
        pixman_image_create_bits(PIXMAN_a8r8g8b8, plane->width, plane->height,
                                 c->data, plane->width * 4);

    /* an image without alpha is made opaque */
    pixman_image_composite32(PIXMAN_OP_SRC, layer->image, NULL, image,
                             0, 0, 0, 0, 0, 0, plane->width, plane->height);
    pixman_image_unref(image);
    if (has_hotspot(plane)) {
        c->hot_x = plane->hot_x;
        c->hot_y = plane->hot_y;
    }
    return c;
}

static void cursor_define(VFIODisplay *dpy, QEMUCursor *c)
{
    trace_vfio_display_cursor_define(dpy, c->width, c->height, c->hot_x,
                                     c->hot_y);
    dpy_cursor_define(dpy->con, c);
    cursor_unref(c);
}

/* dpy_mouse_set() takes the image's corner: SPICE adds the hotspot itself. */
static void cursor_move(VFIODisplay *dpy, const VFIOPlane *plane)
{
    trace_vfio_display_cursor_move(dpy, plane->x, plane->y);
    dpy_mouse_set(dpy->con, plane->x, plane->y, true);
}

static void cursor_forget_gl(VFIODisplay *dpy)
{
    if (dpy->cursor.gl) {
        dpy->cursor.gl = NULL;
        dpy_gl_cursor_dmabuf(dpy->con, NULL, false, 0, 0);
    }
}

static void cursor_hide(VFIODisplay *dpy)
{
    VFIODisplayCursor *cursor = &dpy->cursor;

    cursor_forget_gl(dpy);
    if (!cursor->shown) {
        return;
    }
    cursor->shown = false;
    /* not every viewer knows of cursors that are off; VNC does not */
    cursor_define(dpy, cursor_builtin_hidden());
    dpy_mouse_set(dpy->con, cursor->plane.x, cursor->plane.y, false);
    qemu_console_active(dpy->con);
}

static bool cursor_same_hotspot(const VFIOPlane *a, const VFIOPlane *b)
{
    return hotspot(a->hot_x, a->width) == hotspot(b->hot_x, b->width) &&
        hotspot(a->hot_y, a->height) == hotspot(b->hot_y, b->height);
}

static void cursor_show(VFIODisplay *dpy, const VFIOPlane *plane, bool changed)
{
    VFIODisplayCursor *cursor = &dpy->cursor;
    bool moved = !cursor->shown || plane->x != cursor->plane.x ||
        plane->y != cursor->plane.y;

    if (changed || !cursor->shown ||
        !cursor_same_hotspot(plane, &cursor->plane)) {
        cursor_define(dpy, cursor_new(&cursor->layer, plane));
        cursor->updates++;
        changed = true;
    }
    if (moved) {
        cursor_move(dpy, plane);
    }
    if (changed || moved) {
        qemu_console_active(dpy->con);
    }
    cursor->shown = true;
    cursor->plane = *plane;
}

/* Reads the image, and shows it if there is one to show. */
static void cursor_mirror(VFIODisplay *dpy, const VFIOPlane *plane,
                          const MirrorFrame *frame)
{
    MirrorLayer *layer = &dpy->cursor.layer;
    bool fresh = mirror_layer_fit(layer, frame);

    cursor_forget_gl(dpy);
    switch (mirror_layer_read(layer, frame)) {
    case MIRROR_UNCHANGED:
        cursor_show(dpy, plane, fresh);
        break;
    case MIRROR_CHANGED:
        cursor_show(dpy, plane, true);
        break;
    case MIRROR_BUSY:
        if (fresh) {
            mirror_layer_set_image(layer, NULL);
        }
        break;
    case MIRROR_VANISHED:
        /* viewers keep the last image, and this copy is half of another */
        mirror_layer_set_image(layer, NULL);
        vfio_display_bad_plane(dpy, VFIO_PLANE_FAULT_VANISHED, plane, 0);
        break;
    }
    if (layer->damage) {
        damage_map_clear(layer->damage);
    }
}

/* Gives viewers with GL a buffer that the CPU cannot read. */
static void cursor_hand_over(VFIODisplay *dpy, const VFIOPlane *plane,
                             VFIOPlaneBuffer *buffer)
{
    VFIODisplayBuffer *user = buffer->user;
    bool known = has_hotspot(plane);

    if (dpy->cursor.shown) {
        cursor_hide(dpy);
    }
    if (dpy->cursor.gl != buffer) {
        dpy->cursor.gl = buffer;
        dpy_gl_cursor_dmabuf(dpy->con, user->dmabuf, known,
                             known ? plane->hot_x : HOTSPOT_UNKNOWN,
                             known ? plane->hot_y : HOTSPOT_UNKNOWN);
    }
    dpy_gl_cursor_position(dpy->con, plane->x, plane->y);
    dpy->cursor.plane = *plane;
}

static bool cursor_ask(VFIODisplay *dpy, VFIOPlane *plane)
{
    *plane = (VFIOPlane) {
        .type = VFIO_PLANE_CURSOR,
        .kind = VFIO_PLANE_KIND_DMABUF,
    };
    if (vfio_display_ask(dpy, plane) < 0) {
        /* a driver that never answers has no cursor: that is no fault */
        if (dpy->cursor.answered) {
            dpy->faults[VFIO_PLANE_CURSOR][VFIO_PLANE_FAULT_QUERY]++;
        }
        return false;
    }
    dpy->cursor.answered = true;
    return true;
}

void vfio_display_cursor_refresh(VFIODisplay *dpy, const VFIOPlane *primary)
{
    VFIOPlaneBuffer *buffer = NULL;
    VFIOPlaneFault fault;
    MirrorFrame frame;
    VFIOPlane plane;
    int err = 0;

    /* drivers with a region may answer for the primary, and not say so */
    if (!dpy->kinds[VFIO_PLANE_KIND_DMABUF] || !cursor_ask(dpy, &plane)) {
        return;
    }
    if (vfio_plane_is_off(&plane)) {
        cursor_hide(dpy);
        return;
    }
    fault = vfio_plane_same_buffer(&plane, primary) ? VFIO_PLANE_FAULT_ALIAS
        : vfio_display_fetch_plane(dpy, &plane, &frame, &buffer, &err);
    if (fault == VFIO_PLANE_FAULT_NONE) {
        cursor_mirror(dpy, &plane, &frame);
        return;
    }
    if (fault == VFIO_PLANE_FAULT_DMABUF && err == EAGAIN) {
        return;
    }
    vfio_display_bad_plane(dpy, fault, &plane, err);
    if (buffer) {
        cursor_hand_over(dpy, &plane, buffer);
    }
}

void vfio_display_cursor_show(VFIODisplay *dpy, const VFIOPlane *plane,
                              const MirrorFrame *frame)
{
    if (vfio_plane_is_off(plane)) {
        cursor_hide(dpy);
    } else {
        cursor_mirror(dpy, plane, frame);
    }
}

void vfio_display_cursor_forget(VFIODisplay *dpy)
{
    cursor_hide(dpy);
    mirror_layer_set_image(&dpy->cursor.layer, NULL);
    mirror_layer_finish(&dpy->cursor.layer);
}
