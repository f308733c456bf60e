/*
 * A surface that shows one of the guest's planes
 *
 * As it is if the compositor takes the buffer, so that one with a free plane
 * can scan it out; else a copy.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"

#include "paint.h"
#include "wayland-surface.h"

void wayland_surface_init(WaylandSurface *s, WaylandDisplay *display,
                          struct wl_surface *below)
{
    s->display = display;
    s->surface = wl_compositor_create_surface(display->compositor);
    s->viewport = wp_viewporter_get_viewport(display->viewporter, s->surface);
    if (below) {
        struct wl_region *nowhere =
            wl_compositor_create_region(display->compositor);

        s->subsurface = wl_subcompositor_get_subsurface(
            display->subcompositor, s->surface, below);
        wl_surface_set_input_region(s->surface, nowhere);
        wl_region_destroy(nowhere);
    }
}

static void free_copies(WaylandSurface *s)
{
    for (int i = 0; i < WAYLAND_COPIES; i++) {
        g_clear_pointer(&s->copies[i], wayland_copy_free);
    }
}

void wayland_surface_finish(WaylandSurface *s)
{
    g_clear_pointer(&s->buffer, screen_buffer_unref);
    free_copies(s);
    g_clear_pointer(&s->viewport, wp_viewport_destroy);
    g_clear_pointer(&s->subsurface, wl_subsurface_destroy);
    g_clear_pointer(&s->surface, wl_surface_destroy);
}

/* --- Copies --- */

static uint32_t copy_format(const ScreenPlane *plane)
{
    return screen_buffer_has_alpha(plane->buffer) ? WL_SHM_FORMAT_ARGB8888
                                                  : WL_SHM_FORMAT_XRGB8888;
}

static bool copies_fit(const WaylandSurface *s, const ScreenPlane *plane)
{
    pixman_image_t *image = s->copies[0] ? s->copies[0]->image : NULL;

    return !image || (pixman_image_get_width(image) == plane->view.width &&
                      pixman_image_get_height(image) == plane->view.height &&
                      s->copies[0]->format == copy_format(plane));
}

/* One that the compositor does not read, or NULL */
static WaylandCopy *free_copy(WaylandSurface *s, const ScreenPlane *plane)
{
    if (!copies_fit(s, plane)) {
        free_copies(s);
    }
    for (int i = 0; i < WAYLAND_COPIES; i++) {
        if (!s->copies[i]) {
            s->copies[i] = wayland_copy_new(
                s->display->shm, copy_format(plane), plane->view.width,
                plane->view.height, s->display->changed, s->display->opaque);
        }
        if (s->copies[i] && !s->copies[i]->busy) {
            return s->copies[i];
        }
    }
    return NULL;
}

static void stale_copies(WaylandSurface *s, const pixman_region32_t *damage)
{
    for (int i = 0; i < WAYLAND_COPIES && s->copies[i]; i++) {
        pixman_region32_union(&s->copies[i]->stale, &s->copies[i]->stale,
                              damage);
    }
}

static void tell_of_copies(const ScreenBuffer *buffer)
{
    static bool told;

    if (!told && buffer->num_planes) {
        told = true;
        info_report("The compositor does not take the guest's buffer (%.4s, "
                    "modifier 0x%" PRIx64 "): it is copied",
                    (const char *)&buffer->fourcc, buffer->modifier);
    }
}

static struct wl_buffer *write_copy(WaylandSurface *s, Screen *screen,
                                    const ScreenPlane *plane,
                                    const pixman_region32_t *damage)
{
    WaylandCopy *copy = free_copy(s, plane);

    if (!copy) {
        return NULL;
    }
    tell_of_copies(plane->buffer);
    stale_copies(s, damage);
    if (!screen_paint_plane(screen, plane, copy->image, &copy->stale)) {
        int code = errno;

        warn_report_once("The guest's buffer can be shown neither by the "
                         "compositor nor by the CPU (%s); without gl=on QEMU "
                         "sends pixels", strerror(code));
        if (code == EFAULT) {
            pixman_region32_union_rect(&copy->stale, &copy->stale, 0, 0,
                                       plane->view.width, plane->view.height);
            return NULL;
        }
    }
    pixman_region32_clear(&copy->stale);
    copy->busy = true;
    return copy->wl_buffer;
}

/* --- What it shows --- */

bool wayland_surface_prepare(WaylandSurface *s, const ScreenPlane *plane)
{
    struct wl_buffer *wl_buffer;

    switch (wayland_import(&s->display->dmabuf, plane->buffer, &wl_buffer)) {
    case WAYLAND_IMPORT_PENDING:
        return false;
    case WAYLAND_IMPORT_REFUSED:
        return free_copy(s, plane);
    case WAYLAND_IMPORT_READY:
        return true;
    }
    g_assert_not_reached();
}

static void damage_buffer(WaylandSurface *s, pixman_region32_t *damage,
                          int x, int y)
{
    int count;
    pixman_box32_t *boxes = pixman_region32_rectangles(damage, &count);

    for (int i = 0; i < count; i++) {
        wl_surface_damage_buffer(s->surface, x + boxes[i].x1, y + boxes[i].y1,
                                 boxes[i].x2 - boxes[i].x1,
                                 boxes[i].y2 - boxes[i].y1);
    }
}

static bool attach(WaylandSurface *s, Screen *screen, const ScreenPlane *plane,
                   pixman_region32_t *damage)
{
    ScreenBuffer *buffer = plane->buffer;
    struct wl_buffer *wl_buffer = NULL;
    bool direct = wayland_import(&s->display->dmabuf, buffer, &wl_buffer) ==
                  WAYLAND_IMPORT_READY;
    bool flipped = direct && buffer->bottom_up;

    if (direct) {
        wayland_import_use(buffer);
    } else {
        wl_buffer = write_copy(s, screen, plane, damage);
    }
    if (!wl_buffer) {
        return false;
    }
    s->direct = direct;
    wl_surface_attach(s->surface, wl_buffer, 0, 0);
    wl_surface_set_buffer_transform(
        s->surface, flipped ? WL_OUTPUT_TRANSFORM_FLIPPED_180
                            : WL_OUTPUT_TRANSFORM_NORMAL);
    if (flipped) {
        wl_surface_damage_buffer(s->surface, 0, 0, INT32_MAX, INT32_MAX);
    } else {
        damage_buffer(s, damage, direct ? plane->view.x : 0,
                      direct ? plane->view.y : 0);
    }
    screen_buffer_ref(buffer);
    screen_buffer_unref(s->buffer);
    s->buffer = buffer;
    return true;
}

bool wayland_surface_attach(WaylandSurface *s, Screen *screen,
                            const ScreenPlane *plane,
                            pixman_region32_t *damage)
{
    pixman_region32_t all;
    bool attached;

    pixman_region32_init_rect(&all, 0, 0, plane->view.width,
                              plane->view.height);
    attached = attach(s, screen, plane, damage ?: &all);
    pixman_region32_fini(&all);
    return attached;
}

/* One that reaches beyond the buffer would be an error. */
static void set_source(WaylandSurface *s, const ScreenPlane *plane,
                       ScreenCrop crop)
{
    int left = s->direct ? 0 : plane->view.x;
    int top = s->direct ? 0 : plane->view.y;
    int right = s->direct ? plane->buffer->width : plane->view.width;
    int bottom = s->direct ? plane->buffer->height : plane->view.height;
    wl_fixed_t x = wl_fixed_from_double(crop.x - left);
    wl_fixed_t y = wl_fixed_from_double(crop.y - top);
    wl_fixed_t width = wl_fixed_from_double(crop.width);
    wl_fixed_t height = wl_fixed_from_double(crop.height);

    wp_viewport_set_source(
        s->viewport, x, y,
        CLAMP(width, 1, wl_fixed_from_int(right) - x),
        CLAMP(height, 1, wl_fixed_from_int(bottom) - y));
}

void wayland_surface_place(WaylandSurface *s, const ScreenPlane *plane,
                           ScreenRect place, ScreenRect within)
{
    ScreenRect to;
    ScreenCrop crop = screen_rect_crop(plane->view, place, within, &to);

    if (!to.width) {
        wl_surface_attach(s->surface, NULL, 0, 0);
        return;
    }
    set_source(s, plane, crop);
    wp_viewport_set_destination(s->viewport, to.width, to.height);
    if (s->subsurface) {
        wl_subsurface_set_position(s->subsurface, to.x, to.y);
    }
}

void wayland_surface_hide(WaylandSurface *s)
{
    wl_surface_attach(s->surface, NULL, 0, 0);
    g_clear_pointer(&s->buffer, screen_buffer_unref);
    s->direct = false;
}
