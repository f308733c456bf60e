/*
 * Where on a screen a guest's picture is, and in which mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_GEOMETRY_H
#define VGPU_SCREEN_GEOMETRY_H

typedef struct ScreenRect {
    int x;
    int y;
    int width;
    int height;
} ScreenRect;

/* A part of a buffer, in its pixels and parts of them. */
typedef struct ScreenCrop {
    double x;
    double y;
    double width;
    double height;
} ScreenCrop;

/* A mode of a monitor. refresh_mhz: in thousandths of a hertz. */
typedef struct ScreenMode {
    int width;
    int height;
    int refresh_mhz;
    bool preferred;
} ScreenMode;

/**
 * screen_rect_intersect:
 * @a: a rectangle
 * @b: another, in the same coordinates
 *
 * Returns: what is in both; width and height are 0 if nothing is.
 */
ScreenRect screen_rect_intersect(ScreenRect a, ScreenRect b);

/**
 * screen_rect_crop:
 * @view: what is shown of a buffer, in its pixels
 * @place: where that is on a screen
 * @within: what of the screen it may cover
 * @to: set to where it is on the screen without what sticks out; empty if that
 * is nothing
 *
 * Returns: what of the buffer is shown there.
 */
ScreenCrop screen_rect_crop(ScreenRect view, ScreenRect place,
                            ScreenRect within, ScreenRect *to);

/**
 * screen_rect_scaled:
 * @rect: in a picture of that size
 * @width: of the picture, in pixels; not 0
 * @height: likewise
 * @fit: where on a screen the picture is
 *
 * Returns: where on the screen the rectangle is, which may be beyond @fit; not
 * less than a pixel.
 */
ScreenRect screen_rect_scaled(ScreenRect rect, int width, int height,
                              ScreenRect fit);

/**
 * screen_fit_scaled:
 * @width: of the picture, in pixels
 * @height: of the picture
 * @screen_width: in pixels
 * @screen_height: in pixels
 *
 * Returns: the largest place in the middle of the screen that has the
 * picture's shape; empty if either is.
 */
ScreenRect screen_fit_scaled(int width, int height,
                             int screen_width, int screen_height);

/**
 * screen_fit_centred:
 * @width: of the picture, in pixels
 * @height: of the picture
 * @screen_width: in pixels
 * @screen_height: in pixels
 *
 * Returns: the place in the middle of the screen where the picture is shown
 * pixel by pixel; empty if the screen is too small for that.
 */
ScreenRect screen_fit_centred(int width, int height,
                              int screen_width, int screen_height);

/**
 * screen_to_picture:
 * @fit: where on the screen the picture is
 * @width: of the picture, in pixels
 * @height: of the picture
 * @x: a place on the screen; becomes the pixel of the picture there
 * @y: likewise
 *
 * A place beside the picture becomes the nearest pixel of it.
 *
 * Returns: whether there is a picture, and the place was on it.
 */
bool screen_to_picture(ScreenRect fit, int width, int height,
                       double *x, double *y);

/**
 * screen_mode_choose:
 * @modes: the monitor's
 * @count: how many
 * @width: of the picture, in pixels; 0: there is none
 * @height: of the picture
 *
 * The mode of the picture's size if there is one, else the smallest that it
 * fits into, else the one that the monitor prefers, else the largest. Among
 * equals the preferred one, then the fastest.
 *
 * Returns: an index, or -1 if there is no mode.
 */
int screen_mode_choose(const ScreenMode *modes, int count,
                       int width, int height);

#endif /* VGPU_SCREEN_GEOMETRY_H */
