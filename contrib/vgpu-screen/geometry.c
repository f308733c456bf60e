/*
 * Where on a screen a guest's picture is, and in which mode
 *
 * Pure functions of values: no file, no state.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <math.h>
#include "geometry.h"

ScreenRect screen_rect_intersect(ScreenRect a, ScreenRect b)
{
    int64_t left = MAX(a.x, b.x);
    int64_t top = MAX(a.y, b.y);
    int64_t right = MIN((int64_t)a.x + a.width, (int64_t)b.x + b.width);
    int64_t bottom = MIN((int64_t)a.y + a.height, (int64_t)b.y + b.height);

    if (right <= left || bottom <= top) {
        return (ScreenRect) { };
    }
    return (ScreenRect) { left, top, right - left, bottom - top };
}

ScreenCrop screen_rect_crop(ScreenRect view, ScreenRect place,
                            ScreenRect within, ScreenRect *to)
{
    double scale_x = place.width ? (double)view.width / place.width : 0;
    double scale_y = place.height ? (double)view.height / place.height : 0;

    *to = screen_rect_intersect(place, within);
    return (ScreenCrop) {
        view.x + (to->x - place.x) * scale_x,
        view.y + (to->y - place.y) * scale_y,
        to->width * scale_x, to->height * scale_y,
    };
}

ScreenRect screen_rect_scaled(ScreenRect rect, int width, int height,
                              ScreenRect fit)
{
    return (ScreenRect) {
        fit.x + floor((double)rect.x * fit.width / width),
        fit.y + floor((double)rect.y * fit.height / height),
        MAX((int64_t)rect.width * fit.width / width, 1),
        MAX((int64_t)rect.height * fit.height / height, 1),
    };
}

static ScreenRect rect_in_the_middle(int width, int height,
                                     int screen_width, int screen_height)
{
    return (ScreenRect) {
        (screen_width - width) / 2, (screen_height - height) / 2,
        width, height,
    };
}

ScreenRect screen_fit_scaled(int width, int height,
                             int screen_width, int screen_height)
{
    int64_t fit_width, fit_height;

    if (width <= 0 || height <= 0 || screen_width <= 0 || screen_height <= 0) {
        return (ScreenRect) { };
    }
    if ((int64_t)width * screen_height > (int64_t)height * screen_width) {
        fit_width = screen_width;
        fit_height = ((int64_t)height * screen_width + width / 2) / width;
    } else {
        fit_width = ((int64_t)width * screen_height + height / 2) / height;
        fit_height = screen_height;
    }
    return rect_in_the_middle(MAX(fit_width, 1), MAX(fit_height, 1),
                              screen_width, screen_height);
}

ScreenRect screen_fit_centred(int width, int height,
                              int screen_width, int screen_height)
{
    if (width <= 0 || height <= 0 ||
        width > screen_width || height > screen_height) {
        return (ScreenRect) { };
    }
    return rect_in_the_middle(width, height, screen_width, screen_height);
}

bool screen_to_picture(ScreenRect fit, int width, int height,
                       double *x, double *y)
{
    bool inside = *x >= fit.x && *x < (double)fit.x + fit.width &&
                  *y >= fit.y && *y < (double)fit.y + fit.height;

    if (fit.width <= 0 || fit.height <= 0 || width <= 0 || height <= 0) {
        return false;
    }
    *x = CLAMP((*x - fit.x) * width / fit.width, 0, width - 1);
    *y = CLAMP((*y - fit.y) * height / fit.height, 0, height - 1);
    return inside;
}

/* How well a mode serves a picture of that size; more is better. */
static int mode_class(const ScreenMode *mode, int width, int height)
{
    if (mode->width == width && mode->height == height) {
        return 3;
    }
    if (width > 0 && height > 0 &&
        mode->width >= width && mode->height >= height) {
        return 2;
    }
    return mode->preferred ? 1 : 0;
}

static int64_t mode_area(const ScreenMode *mode)
{
    return (int64_t)mode->width * mode->height;
}

static bool mode_is_better(const ScreenMode *a, const ScreenMode *b,
                           int width, int height)
{
    int class_a = mode_class(a, width, height);
    int class_b = mode_class(b, width, height);

    if (class_a != class_b) {
        return class_a > class_b;
    }
    if (mode_area(a) != mode_area(b)) {
        /* The smallest that holds the picture, or the largest. */
        return (class_a == 2) == (mode_area(a) < mode_area(b));
    }
    if (a->preferred != b->preferred) {
        return a->preferred;
    }
    return a->refresh_mhz > b->refresh_mhz;
}

int screen_mode_choose(const ScreenMode *modes, int count,
                       int width, int height)
{
    int best = -1;

    for (int i = 0; i < count; i++) {
        if (best < 0 ||
            mode_is_better(&modes[i], &modes[best], width, height)) {
            best = i;
        }
    }
    return best;
}
