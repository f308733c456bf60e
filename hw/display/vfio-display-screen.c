/*
 * vGPU display: what is on the console
 *
 * The device's dma-buf, a copy of its pixels, text that says why there are
 * none, or ramfb. Nothing reaches a surface by another file.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "trace.h"
#include "vfio-display-screen.h"
#include "vfio-display-source.h"

/* A frame that nobody looked at for longer needs no grace. */
#define GRACE_MAX_AGE_NS (5 * NANOSECONDS_PER_SECOND)

/* --- Pixels -------------------------------------------------------------- */

/* The one gate: whatever a device says, no surface is larger. */
static bool is_showable(uint32_t width, uint32_t height)
{
    return width >= 1 && width <= VFIO_PLANE_MAX_EXTENT && height >= 1 &&
        height <= VFIO_PLANE_MAX_EXTENT;
}

MirrorResult vfio_display_show_pixels(VFIODisplayScreen *screen,
                                      const MirrorFrame *frame)
{
    uint64_t bytes = console_mirror_bytes_read(screen->mirror);
    MirrorResult result;

    if (!is_showable(frame->width, frame->height)) {
        return MIRROR_VANISHED;
    }
    result = console_mirror_update(screen->mirror, frame);
    if (!qemu_console_wants_pixels(screen->con)) {
        screen->bytes_probed +=
            console_mirror_bytes_read(screen->mirror) - bytes;
    }
    if (result == MIRROR_CHANGED) {
        screen->frames++;
        screen->placeholder = NULL;
    }
    return result;
}

void vfio_display_show_placeholder(VFIODisplayScreen *screen,
                                   const char *text, uint32_t width,
                                   uint32_t height)
{
    DisplaySurface *surface = qemu_console_surface(screen->con);

    if (!is_showable(width, height)) {
        return;
    }
    width = MAX(width, 640);
    height = MAX(height, 480);
    if (screen->placeholder == text && surface &&
        surface_width(surface) == width && surface_height(surface) == height) {
        return;
    }
    screen->placeholder = text;
    surface = qemu_create_placeholder_surface(width, height, text);
    /* SDL closes the window of a second console that has a placeholder */
    surface->flags &= ~QEMU_PLACEHOLDER_FLAG;
    dpy_gfx_replace_mirror(screen->con, surface);
    dpy_gfx_update(screen->con, 0, 0, width, height);
}

void vfio_display_prepare_surface(VFIODisplayScreen *screen,
                                  const VFIOPlane *plane)
{
    if (screen->composed &&
        console_mirror_holds(screen->mirror, plane->width, plane->height)) {
        return;     /* its overlays are what the next ones are compared with */
    }
    if (is_showable(plane->width, plane->height)) {
        console_mirror_prepare(screen->mirror, plane->width, plane->height);
        screen->placeholder = NULL;
    }
}

/* --- Dma-bufs ------------------------------------------------------------ */

void vfio_display_show_dmabuf(VFIODisplayScreen *screen,
                              VFIOPlaneBuffer *buffer, QemuDmaBuf *dmabuf,
                              bool composed, bool planes)
{
    trace_vfio_display_publish(screen->con, buffer->plane.id);
    screen->primary = buffer;
    screen->composed = composed;
    screen->planes = planes;
    screen->redraw_due = true;
    if (!composed) {
        dpy_gl_scanout_dmabuf(screen->con, dmabuf);
    } else if (planes) {
        dpy_gl_scanout_overlaid(screen->con, dmabuf);
    } else {
        dpy_gfx_show_mirror(screen->con);
        screen->redraw_due = false;
    }
}

void vfio_display_show_planes(VFIODisplayScreen *screen,
                              const DisplayPlane *planes, unsigned n)
{
    if (!qemu_console_is_gl_blocked(screen->con) &&
        dpy_gl_set_planes(screen->con, planes, n)) {
        screen->planes_due = true;
        qemu_console_note_activity(screen->con);
    }
}

void vfio_display_draw_dmabuf(VFIODisplayScreen *screen)
{
    const VFIOPlaneBuffer *primary = screen->primary;

    if (qemu_console_is_gl_blocked(screen->con)) {
        return;
    }
    if (screen->redraw_due) {
        trace_vfio_display_redraw(screen->con, primary->plane.id);
        dpy_gl_update(screen->con, 0, 0, primary->plane.width,
                      primary->plane.height);
    } else if (screen->planes_due) {
        dpy_gl_update_planes(screen->con);
    }
    screen->redraw_due = false;
    screen->planes_due = false;
}

void vfio_display_screen_closing(VFIODisplayScreen *screen,
                                 const VFIOPlaneBuffer *buffer)
{
    if (buffer == screen->primary) {
        screen->primary = NULL;
        if (!screen->replacing) {
            dpy_gfx_show_mirror(screen->con);
        }
    }
}

void vfio_display_screen_keep_frame(VFIODisplayScreen *screen)
{
    if (screen->primary) {
        screen->primary = NULL;
        dpy_gfx_show_mirror(screen->con);
    }
}

void vfio_display_screen_drop(VFIODisplayScreen *screen)
{
    screen->composed = false;
    if (screen->primary) {
        screen->primary = NULL;
        dpy_gl_scanout_disable(screen->con);
    }
}

/* --- State --------------------------------------------------------------- */

void vfio_display_set_path(VFIODisplayScreen *screen, PixelPath path)
{
    if (screen->path != path) {
        screen->path = path;
        trace_vfio_display_path(screen->con, pixel_path_name(path));
    }
}

void vfio_display_plane_shown(VFIODisplayScreen *screen,
                              const VFIOPlane *plane)
{
    screen->state = VFIO_DISPLAY_ON;
    screen->shown_ns = qemu_console_now(screen->con);
    screen->plane = *plane;
}

bool vfio_display_plane_off(VFIODisplayScreen *screen)
{
    int64_t now = qemu_console_now(screen->con);

    if (screen->state == VFIO_DISPLAY_ON &&
        now - screen->shown_ns < GRACE_MAX_AGE_NS) {
        screen->state = VFIO_DISPLAY_GRACE;
        screen->off_since_ns = now;
        return false;
    }
    if (screen->state == VFIO_DISPLAY_GRACE &&
        now - screen->off_since_ns < VFIO_DISPLAY_GRACE_NS) {
        return false;
    }
    return screen->state != VFIO_DISPLAY_BLANK;
}

void vfio_display_screen_blank(VFIODisplayScreen *screen, bool reset)
{
    trace_vfio_display_blank(screen->con);
    screen->state = VFIO_DISPLAY_BLANK;
    screen->path = PIXEL_PATH__MAX;
    screen->placeholder = NULL;
    if (!reset && screen->ramfb && ramfb_display_resume(screen->ramfb)) {
        ramfb_display_update(screen->con, screen->ramfb);
    } else {
        dpy_gfx_replace_surface(screen->con, NULL);
    }
}

void vfio_display_update_ramfb(VFIODisplayScreen *screen)
{
    if (screen->ramfb && screen->state == VFIO_DISPLAY_BLANK) {
        ramfb_display_update(screen->con, screen->ramfb);
    }
}

/*
 * ramfb is on screen while the plane is off and does not signal, and nothing
 * signals that the last frame's grace is over.
 */
bool vfio_display_screen_signals(const VFIODisplayScreen *screen)
{
    switch (screen->state) {
    case VFIO_DISPLAY_BLANK:
        return !screen->ramfb;
    case VFIO_DISPLAY_ON:
        return true;
    case VFIO_DISPLAY_GRACE:
        return false;
    }
    g_assert_not_reached();
}

/* --- Life ---------------------------------------------------------------- */

void vfio_display_screen_init(VFIODisplayScreen *screen, QemuConsole *con,
                              RAMFBState *ramfb)
{
    screen->con = con;
    screen->ramfb = ramfb;
    screen->path = PIXEL_PATH__MAX;
    screen->mirror = console_mirror_new(con);
}

void vfio_display_screen_finish(VFIODisplayScreen *screen)
{
    console_mirror_free(screen->mirror);
}
