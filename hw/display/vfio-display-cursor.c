/*
 * vGPU display: the cursor plane
 *
 * Viewers get the cursor as the console's own: an image when it changes, a
 * position when it moves. So a cursor that moves costs no frame, and a viewer
 * over a slow line can move it by itself. The image is read through a mirror
 * layer at each refresh, since a guest may draw another one into the same
 * buffer; that compares 16 to 256 KiB and copies what differs.
 *
 * Where the CPU cannot read the image, viewers with OpenGL get its dma-buf.
 * Viewers that show planes get that in any case, and if there are no others
 * nobody reads the image.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "trace.h"
#include "vfio-display-cursor.h"

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

static QemuConsole *cursor_console(const VFIODisplayCursor *cursor)
{
    return cursor->screen->con;
}

static void cursor_define(VFIODisplayCursor *cursor, QEMUCursor *c)
{
    trace_vfio_display_cursor_define(cursor->source, c->width, c->height,
                                     c->hot_x, c->hot_y);
    dpy_cursor_define(cursor_console(cursor), c);
    cursor_unref(c);
}

/* dpy_mouse_set() takes the image's corner: SPICE adds the hotspot itself. */
static void cursor_move(VFIODisplayCursor *cursor, const VFIOPlane *plane)
{
    trace_vfio_display_cursor_move(cursor->source, plane->x, plane->y);
    dpy_mouse_set(cursor_console(cursor), plane->x, plane->y, true);
}

/*
 * Viewers with OpenGL draw the cursor over the picture, which has to be drawn
 * once more if it is as it was. A viewer that is busy draws at the refresh
 * that comes when it is ready.
 */
static void cursor_redraw(VFIODisplayCursor *cursor)
{
    QemuConsole *con = cursor_console(cursor);
    const VFIOPlaneBuffer *primary = cursor->screen->primary;

    if (!cursor->redraw) {
        return;
    }
    qemu_console_note_activity(con);
    if (qemu_console_is_gl_blocked(con)) {
        qemu_console_refresh_soon(con);
        return;
    }
    cursor->redraw = false;
    if (primary && !cursor->screen->composed) {
        dpy_gl_update(con, 0, 0, primary->plane.width, primary->plane.height);
    }
}

static void cursor_take_off(VFIODisplayCursor *cursor)
{
    if (cursor->gl) {
        cursor->gl = NULL;
        cursor->redraw = true;
        dpy_gl_cursor_dmabuf(cursor_console(cursor), NULL, false, 0, 0);
    }
}

void vfio_display_cursor_closing(VFIODisplayCursor *cursor,
                                 const VFIOPlaneBuffer *buffer)
{
    if (cursor->above == buffer) {
        cursor->above = NULL;
    }
    if (cursor->gl == buffer) {
        cursor_take_off(cursor);
    }
}

static void cursor_hide(VFIODisplayCursor *cursor)
{
    QemuConsole *con = cursor_console(cursor);

    cursor_take_off(cursor);
    if (!cursor->shown) {
        return;
    }
    cursor->shown = false;
    /* not every viewer knows of cursors that are off; VNC does not */
    cursor_define(cursor, cursor_builtin_hidden());
    dpy_mouse_set(con, cursor->plane.x, cursor->plane.y, false);
    qemu_console_note_activity(con);
}

static void cursor_show(VFIODisplayCursor *cursor, const VFIOPlane *plane,
                        bool changed)
{
    VFIOPlaneHotspot hotspot = vfio_plane_hotspot(plane);
    bool moved = !cursor->shown || plane->x != cursor->plane.x ||
        plane->y != cursor->plane.y;

    if (changed || !cursor->shown ||
        !vfio_plane_same_hotspot(hotspot, cursor->hotspot)) {
        cursor_define(cursor, cursor_new(&cursor->layer, plane, hotspot));
        cursor->hotspot = hotspot;
        cursor->updates++;
        changed = true;
    }
    if (moved) {
        cursor_move(cursor, plane);
    }
    if (changed || moved) {
        qemu_console_note_activity(cursor_console(cursor));
    }
    cursor->shown = true;
    cursor->plane = *plane;
}

/* Reads the image, and shows it if there is one to show. */
static void cursor_mirror(VFIODisplayCursor *cursor, const VFIOPlane *plane,
                          const MirrorFrame *frame)
{
    MirrorLayer *layer = &cursor->layer;
    bool fresh = mirror_layer_fit(layer, frame);

    cursor_take_off(cursor);
    switch (mirror_layer_read(layer, frame)) {
    case MIRROR_UNCHANGED:
        cursor_show(cursor, plane, fresh);
        break;
    case MIRROR_CHANGED:
        cursor_show(cursor, plane, true);
        break;
    case MIRROR_BUSY:
        if (fresh) {
            mirror_layer_set_image(layer, NULL);
        }
        break;
    case MIRROR_VANISHED:
        /* viewers keep the last image, and this copy is half of another */
        mirror_layer_set_image(layer, NULL);
        vfio_display_bad_plane(cursor->source, VFIO_PLANE_FAULT_VANISHED,
                               plane, 0);
        break;
    }
    if (layer->damage) {
        damage_map_clear(layer->damage);
    }
}

/* Gives viewers with OpenGL a buffer that the CPU cannot read. */
static void cursor_hand_over(VFIODisplayCursor *cursor,
                             const VFIOPlane *plane, VFIOPlaneBuffer *buffer)
{
    QemuConsole *con = cursor_console(cursor);
    VFIODisplayBuffer *user = buffer->user;
    VFIOPlaneHotspot hotspot = vfio_plane_hotspot(plane);
    bool other = cursor->gl != buffer;

    if (cursor->shown) {
        cursor_hide(cursor);
    }
    if (other || !vfio_plane_same_hotspot(hotspot, cursor->hotspot)) {
        cursor->gl = buffer;
        cursor->hotspot = hotspot;
        cursor->redraw = true;
        dpy_gl_cursor_dmabuf(con, user->dmabuf, hotspot.known, hotspot.x,
                             hotspot.y);
    }
    if (other || plane->x != cursor->plane.x || plane->y != cursor->plane.y) {
        cursor->redraw = true;
        dpy_gl_cursor_position(con, plane->x, plane->y);
    }
    cursor->plane = *plane;
}

static bool cursor_query(VFIODisplayCursor *cursor, VFIOPlane *plane)
{
    *plane = (VFIOPlane) {
        .type = VFIO_PLANE_CURSOR,
        .kind = VFIO_PLANE_KIND_DMABUF,
    };
    if (vfio_display_query_plane(cursor->source, plane) < 0) {
        /* a driver that never answers has no cursor: that is no fault */
        if (cursor->answered) {
            vfio_display_count_fault(cursor->source, VFIO_PLANE_CURSOR,
                                     VFIO_PLANE_FAULT_QUERY);
        }
        if (vfio_display_is_silent(qemu_console_now(cursor_console(cursor)),
                                   &cursor->silent_ns)) {
            cursor->above = NULL;
            cursor_hide(cursor);
        }
        return false;
    }
    cursor->answered = true;
    cursor->silent_ns = 0;
    return true;
}

unsigned vfio_display_cursor_plane(const VFIODisplayCursor *cursor,
                                   DisplayPlane *plane)
{
    VFIOPlaneHotspot hotspot = vfio_plane_hotspot(&cursor->above_plane);
    const VFIODisplayBuffer *user;

    if (!cursor->above) {
        return 0;
    }
    user = cursor->above->user;
    *plane = (DisplayPlane) {
        .dmabuf = user->dmabuf,
        .x = cursor->above_plane.x,
        .y = cursor->above_plane.y,
        .straight_alpha = cursor->above_plane.straight_alpha,
        .cursor = true,
        .hot_x = hotspot.x,
        .hot_y = hotspot.y,
    };
    return 1;
}

static void cursor_update(VFIODisplayCursor *cursor, const VFIOPlane *primary)
{
    VFIOPlaneBuffer *buffer = NULL;
    VFIOPlaneFault fault;
    MirrorFrame frame;
    VFIOPlane plane;
    int err = 0;
    bool planes_only;

    cursor->later = false;
    /* drivers with a region may answer for the primary, and not say so */
    if (!cursor->source->kinds[VFIO_PLANE_KIND_DMABUF] ||
        !cursor_query(cursor, &plane)) {
        return;
    }
    if (vfio_plane_is_off(&plane)) {
        cursor->above = NULL;
        cursor_hide(cursor);
        return;
    }
    fault = vfio_display_buffers_get_mapped(cursor->buffers, &plane, primary,
                                            &frame, &buffer, &err);
    if (fault == VFIO_PLANE_FAULT_LATER) {
        cursor->later = true;
        return;
    }
    cursor->above = cursor->screen->planes ? buffer : NULL;
    cursor->above_plane = plane;
    planes_only = cursor->above &&
        !qemu_console_wants_cursor(cursor_console(cursor));
    if (planes_only) {
        cursor_hide(cursor);
    } else if (fault == VFIO_PLANE_FAULT_NONE) {
        cursor_mirror(cursor, &plane, &frame);
    } else {
        vfio_display_bad_plane(cursor->source, fault, &plane, err);
        if (buffer) {
            cursor_hand_over(cursor, &plane, buffer);
        }
    }
}

void vfio_display_cursor_refresh(VFIODisplayCursor *cursor,
                                 const VFIOPlane *primary)
{
    cursor_update(cursor, primary);
    cursor_redraw(cursor);
}

void vfio_display_cursor_show(VFIODisplayCursor *cursor,
                              const VFIOPlane *plane,
                              const MirrorFrame *frame)
{
    if (vfio_plane_is_off(plane)) {
        cursor_hide(cursor);
    } else {
        cursor_mirror(cursor, plane, frame);
    }
}

void vfio_display_cursor_drop(VFIODisplayCursor *cursor)
{
    cursor->above = NULL;
    cursor_hide(cursor);
    mirror_layer_set_image(&cursor->layer, NULL);
    mirror_layer_finish(&cursor->layer);
}
