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

/* The layer's image as the console wants it: a8r8g8b8, multiplied by alpha. */
static QEMUCursor *cursor_new(const MirrorLayer *layer, const VFIOPlane *plane,
                              VFIOPlaneHotspot hotspot)
{
    QEMUCursor *c = cursor_alloc(plane->width, plane->height);
    pixman_image_t *image =
        pixman_image_create_bits(PIXMAN_a8r8g8b8, plane->width, plane->height,
                                 c->data, plane->width * 4);

    /* an image without alpha is made opaque */
    pixman_image_composite32(PIXMAN_OP_SRC, layer->image, NULL, image,
                             0, 0, 0, 0, 0, 0, plane->width, plane->height);
    pixman_image_unref(image);
    c->hot_x = hotspot.x;
    c->hot_y = hotspot.y;
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

/*
 * Viewers with OpenGL draw the cursor over the picture, which has to be drawn
 * once more if it is as it was. A viewer that is busy draws at the refresh
 * that comes when it is ready.
 */
static void cursor_redraw(VFIODisplay *dpy)
{
    VFIODisplayCursor *cursor = &dpy->cursor;

    if (!cursor->redraw) {
        return;
    }
    qemu_console_active(dpy->con);
    if (qemu_console_is_gl_blocked(dpy->con)) {
        qemu_console_hurry(dpy->con);
        return;
    }
    cursor->redraw = false;
    if (dpy->primary && !dpy->composed) {
        dpy_gl_update(dpy->con, 0, 0, dpy->primary->plane.width,
                      dpy->primary->plane.height);
    }
}

void vfio_display_cursor_take_off(VFIODisplay *dpy)
{
    if (dpy->cursor.gl) {
        dpy->cursor.gl = NULL;
        dpy->cursor.redraw = true;
        dpy_gl_cursor_dmabuf(dpy->con, NULL, false, 0, 0);
    }
}

static void cursor_hide(VFIODisplay *dpy)
{
    VFIODisplayCursor *cursor = &dpy->cursor;

    vfio_display_cursor_take_off(dpy);
    if (!cursor->shown) {
        return;
    }
    cursor->shown = false;
    /* not every viewer knows of cursors that are off; VNC does not */
    cursor_define(dpy, cursor_builtin_hidden());
    dpy_mouse_set(dpy->con, cursor->plane.x, cursor->plane.y, false);
    qemu_console_active(dpy->con);
}

static void cursor_show(VFIODisplay *dpy, const VFIOPlane *plane, bool changed)
{
    VFIODisplayCursor *cursor = &dpy->cursor;
    VFIOPlaneHotspot hotspot = vfio_plane_hotspot(plane);
    bool moved = !cursor->shown || plane->x != cursor->plane.x ||
        plane->y != cursor->plane.y;

    if (changed || !cursor->shown ||
        !vfio_plane_same_hotspot(hotspot, cursor->hotspot)) {
        cursor_define(dpy, cursor_new(&cursor->layer, plane, hotspot));
        cursor->hotspot = hotspot;
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

    vfio_display_cursor_take_off(dpy);
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
    VFIODisplayCursor *cursor = &dpy->cursor;
    VFIODisplayBuffer *user = buffer->user;
    VFIOPlaneHotspot hotspot = vfio_plane_hotspot(plane);
    bool other = cursor->gl != buffer;

    if (cursor->shown) {
        cursor_hide(dpy);
    }
    if (other || !vfio_plane_same_hotspot(hotspot, cursor->hotspot)) {
        cursor->gl = buffer;
        cursor->hotspot = hotspot;
        cursor->redraw = true;
        dpy_gl_cursor_dmabuf(dpy->con, user->dmabuf, hotspot.known, hotspot.x,
                             hotspot.y);
    }
    if (other || plane->x != cursor->plane.x || plane->y != cursor->plane.y) {
        cursor->redraw = true;
        dpy_gl_cursor_position(dpy->con, plane->x, plane->y);
    }
    cursor->plane = *plane;
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
        if (vfio_display_is_silent(dpy, &dpy->cursor.silent_ns)) {
            cursor_hide(dpy);
        }
        return false;
    }
    dpy->cursor.answered = true;
    dpy->cursor.silent_ns = 0;
    return true;
}

static void cursor_refresh(VFIODisplay *dpy, const VFIOPlane *primary)
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

void vfio_display_cursor_refresh(VFIODisplay *dpy, const VFIOPlane *primary)
{
    cursor_refresh(dpy, primary);
    cursor_redraw(dpy);
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
