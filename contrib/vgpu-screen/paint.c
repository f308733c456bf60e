/*
 * Copying what a guest's screen shows, where it cannot be shown as it is
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "paint.h"

static void paint_black(pixman_image_t *target, pixman_region32_t *where)
{
    static const pixman_color_t black = { 0, 0, 0, 0xffff };
    int count;
    pixman_box32_t *boxes = pixman_region32_rectangles(where, &count);

    pixman_image_fill_boxes(PIXMAN_OP_SRC, target, &black, count, boxes);
}

static uint64_t region_area(pixman_region32_t *region)
{
    int count;
    pixman_box32_t *boxes = pixman_region32_rectangles(region, &count);
    uint64_t area = 0;

    for (int i = 0; i < count; i++) {
        area += (uint64_t)(boxes[i].x2 - boxes[i].x1) *
                (boxes[i].y2 - boxes[i].y1);
    }
    return area;
}

/* The target's pixels to those of the plane's buffer. */
static void set_transform(pixman_image_t *image, const ScreenPlane *plane,
                          ScreenRect place)
{
    double scale_x = (double)plane->view.width / place.width;
    double scale_y = (double)plane->view.height / place.height;
    struct pixman_f_transform to_source;
    pixman_transform_t fixed;

    pixman_f_transform_init_identity(&to_source);
    pixman_f_transform_scale(&to_source, NULL, scale_x, scale_y);
    pixman_f_transform_translate(&to_source, NULL, plane->view.x,
                                 plane->view.y);
    if (plane->buffer->bottom_up) {
        pixman_f_transform_scale(&to_source, NULL, 1, -1);
        pixman_f_transform_translate(&to_source, NULL, 0,
                                     plane->buffer->height);
    }
    pixman_transform_from_pixman_f_transform(&fixed, &to_source);
    pixman_image_set_transform(image, &fixed);
    pixman_image_set_filter(image, scale_x == 1 && scale_y == 1
                                   ? PIXMAN_FILTER_NEAREST
                                   : PIXMAN_FILTER_BILINEAR, NULL, 0);
}

static bool draw_plane(const ScreenPlane *plane, pixman_image_t *target,
                       ScreenRect place, pixman_op_t op)
{
    pixman_image_t *image = screen_buffer_image(plane->buffer);
    pixman_image_t *alpha = plane->buffer->alpha;

    if (!image) {
        return false;
    }
    set_transform(image, plane, place);
    if (alpha) {
        set_transform(alpha, plane, place);
    }
    pixman_image_composite32(op, image, alpha, target, 0, 0, 0, 0,
                             place.x, place.y, place.width, place.height);
    if (screen_buffer_is_lost(plane->buffer)) {
        errno = EFAULT;
        return false;
    }
    return true;
}

bool screen_draw_plane(const ScreenPlane *plane, pixman_image_t *target)
{
    return draw_plane(plane, target, plane->place, PIXMAN_OP_OVER);
}

bool screen_paint_plane(Screen *screen, const ScreenPlane *plane,
                        pixman_image_t *target,
                        const pixman_region32_t *where)
{
    ScreenRect all = { 0, 0, plane->view.width, plane->view.height };
    pixman_region32_t on;
    bool drawn;

    pixman_region32_init(&on);
    pixman_region32_intersect_rect(&on, where, 0, 0, all.width, all.height);
    screen->stats.copied += region_area(&on) * 4;
    pixman_image_set_clip_region32(target, &on);
    drawn = draw_plane(plane, target, all, PIXMAN_OP_SRC);
    if (!drawn && errno != EFAULT) {
        paint_black(target, &on);
    }
    pixman_image_set_clip_region32(target, NULL);
    pixman_region32_fini(&on);
    return drawn;
}

/* Beside the picture, and below it if it has none. */
static void paint_beside(pixman_image_t *target, pixman_region32_t *on,
                         ScreenRect picture)
{
    pixman_region32_t beside;

    pixman_region32_init_rect(&beside, picture.x, picture.y, picture.width,
                              picture.height);
    pixman_region32_subtract(&beside, on, &beside);
    paint_black(target, &beside);
    pixman_region32_fini(&beside);
}

bool screen_paint(Screen *screen, pixman_image_t *target, ScreenRect fit,
                  const pixman_region32_t *where, int planes)
{
    ScreenBuffer *picture = screen->planes[SCREEN_PICTURE].buffer;
    bool readable = picture && screen_buffer_image(picture);
    pixman_region32_t on;
    int code = 0;

    pixman_region32_init(&on);
    pixman_region32_intersect_rect(&on, where, 0, 0,
                                   pixman_image_get_width(target),
                                   pixman_image_get_height(target));
    paint_beside(target, &on, readable ? fit : (ScreenRect) { });
    pixman_image_set_clip_region32(target, &on);
    for (int i = 0; picture && i < planes; i++) {
        ScreenRect place = screen_plane_on(screen, i, fit);

        if (place.width &&
            !draw_plane(&screen->planes[i], target, place,
                        i == SCREEN_PICTURE ? PIXMAN_OP_SRC
                                            : PIXMAN_OP_OVER)) {
            code = code == EFAULT ? code : errno;
        }
    }
    pixman_image_set_clip_region32(target, NULL);
    if (readable) {
        screen->stats.copied += region_area(&on) * 4;
    }
    pixman_region32_fini(&on);
    errno = code;
    return !code;
}

void screen_damage_on(const Screen *screen, pixman_region32_t *damage,
                      ScreenRect fit)
{
    ScreenRect view = screen->planes[SCREEN_PICTURE].view;
    pixman_region32_t scaled;
    pixman_box32_t *boxes;
    int count;

    if (!view.width || !view.height) {
        pixman_region32_clear(damage);
        return;
    }
    if (fit.width == view.width && fit.height == view.height) {
        pixman_region32_translate(damage, fit.x, fit.y);
        return;
    }
    pixman_region32_init(&scaled);
    boxes = pixman_region32_rectangles(damage, &count);
    for (int i = 0; i < count; i++) {
        /* A filter reads one pixel to each side. */
        int64_t left = (int64_t)(boxes[i].x1 - 1) * fit.width / view.width;
        int64_t top = (int64_t)(boxes[i].y1 - 1) * fit.height / view.height;
        int64_t right = (int64_t)(boxes[i].x2 + 1) * fit.width / view.width;
        int64_t bottom = (int64_t)(boxes[i].y2 + 1) * fit.height / view.height;

        pixman_region32_union_rect(&scaled, &scaled, fit.x + left - 1,
                                   fit.y + top - 1, right - left + 3,
                                   bottom - top + 3);
    }
    pixman_region32_intersect_rect(damage, &scaled, fit.x, fit.y, fit.width,
                                   fit.height);
    pixman_region32_fini(&scaled);
}

ScreenRect screen_plane_on(const Screen *screen, int plane, ScreenRect fit)
{
    const ScreenPlane *picture = &screen->planes[SCREEN_PICTURE];

    if (!picture->buffer || !screen->planes[plane].buffer) {
        return (ScreenRect) { };
    }
    return screen_rect_scaled(screen->planes[plane].place,
                              picture->view.width, picture->view.height, fit);
}
