/*
 * Copying what a guest's screen shows, where it cannot be shown as it is
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <math.h>

#include "paint.h"

static void paint_black(pixman_image_t *target, pixman_region32_t *where)
{
    static const pixman_color_t black = { 0, 0, 0, 0xffff };
    int count;
    pixman_box32_t *boxes = pixman_region32_rectangles(where, &count);

    pixman_image_fill_boxes(PIXMAN_OP_SRC, target, &black, count, boxes);
}

/* The target's pixels to the source's: of the picture, or of the cursor. */
static void set_transform(pixman_image_t *source, double scale_x,
                          double scale_y, double x, double y, bool flip,
                          int height)
{
    struct pixman_f_transform to_source;
    pixman_transform_t fixed;

    pixman_f_transform_init_identity(&to_source);
    pixman_f_transform_scale(&to_source, NULL, scale_x, scale_y);
    pixman_f_transform_translate(&to_source, NULL, x, y);
    if (flip) {
        pixman_f_transform_scale(&to_source, NULL, 1, -1);
        pixman_f_transform_translate(&to_source, NULL, 0, height);
    }
    pixman_transform_from_pixman_f_transform(&fixed, &to_source);
    pixman_image_set_transform(source, &fixed);
    pixman_image_set_filter(source, scale_x == 1 && scale_y == 1
                                    ? PIXMAN_FILTER_NEAREST
                                    : PIXMAN_FILTER_BILINEAR, NULL, 0);
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

static void paint_picture(Screen *screen, pixman_image_t *image,
                          pixman_image_t *target, ScreenRect fit)
{
    ScreenRect view = screen->view;

    set_transform(image, (double)view.width / fit.width,
                  (double)view.height / fit.height, view.x, view.y,
                  screen->buffer->bottom_up, screen->buffer->height);
    pixman_image_composite32(PIXMAN_OP_SRC, image, NULL, target, 0, 0, 0, 0,
                             fit.x, fit.y, fit.width, fit.height);
}

static void paint_cursor(Screen *screen, pixman_image_t *target,
                         ScreenRect fit)
{
    ScreenRect place = screen_cursor_on(screen, fit);
    pixman_image_t *image = screen->cursor.image;

    if (!place.width) {
        return;
    }
    set_transform(image,
                  (double)pixman_image_get_width(image) / place.width,
                  (double)pixman_image_get_height(image) / place.height,
                  0, 0, false, 0);
    pixman_image_composite32(PIXMAN_OP_OVER, image, NULL, target, 0, 0, 0, 0,
                             place.x, place.y, place.width, place.height);
}

bool screen_paint(Screen *screen, pixman_image_t *target, ScreenRect fit,
                  const pixman_region32_t *where, bool cursor)
{
    pixman_image_t *image =
        screen->buffer ? screen_buffer_image(screen->buffer) : NULL;
    pixman_region32_t on, beside;

    pixman_region32_init(&on);
    pixman_region32_init(&beside);
    pixman_region32_intersect_rect(&on, where, 0, 0,
                                   pixman_image_get_width(target),
                                   pixman_image_get_height(target));
    pixman_region32_copy(&beside, &on);
    if (image) {
        pixman_region32_t picture;

        pixman_region32_init_rect(&picture, fit.x, fit.y, fit.width,
                                  fit.height);
        pixman_region32_subtract(&beside, &on, &picture);
        pixman_region32_fini(&picture);
    }
    paint_black(target, &beside);
    if (image) {
        screen->stats.copied += region_area(&on) * 4;
        pixman_image_set_clip_region32(target, &on);
        paint_picture(screen, image, target, fit);
        if (cursor) {
            paint_cursor(screen, target, fit);
        }
        pixman_image_set_clip_region32(target, NULL);
    }
    pixman_region32_fini(&on);
    pixman_region32_fini(&beside);
    return image || !screen->buffer;
}

void screen_damage_on(const Screen *screen, pixman_region32_t *damage,
                      ScreenRect fit)
{
    ScreenRect view = screen->view;
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

ScreenRect screen_cursor_on(const Screen *screen, ScreenRect fit)
{
    const ScreenCursor *cursor = &screen->cursor;
    ScreenRect view = screen->view;
    double scale_x, scale_y;

    if (!screen->buffer || !cursor->visible || !cursor->image ||
        !view.width || !view.height) {
        return (ScreenRect) { };
    }
    scale_x = (double)fit.width / view.width;
    scale_y = (double)fit.height / view.height;
    return (ScreenRect) {
        fit.x + floor(cursor->x * scale_x),
        fit.y + floor(cursor->y * scale_y),
        MAX(pixman_image_get_width(cursor->image) * scale_x, 1),
        MAX(pixman_image_get_height(cursor->image) * scale_y, 1),
    };
}
