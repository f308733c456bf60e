/*
 * A guest's planes on those of a display device
 *
 * libliftoff finds planes for layers: the guest's picture, its overlays and its
 * cursor. What is tried, in that order, is in the table of attempts: the
 * guest's own buffers, scaled to the screen by the planes; centred; and a copy
 * as large as the screen, into which only damage is painted, with the cursor
 * on a plane of its own or in the copy, too.
 *
 * What the driver takes is found out by commits that are tests only, when
 * buffers, sizes or the mode change.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <libliftoff.h>

#include "qemu/error-report.h"

#include "kms-planes.h"
#include "paint.h"

/* Two: one on screen, one to write to. */
#define COPIES 2
/* The kernel's numbers for "pixel blend mode". */
#define BLEND_PREMULTIPLIED 0
#define BLEND_COVERAGE 1
#define BLEND_NONE 2

typedef struct Attempt {
    bool centred;
    bool own_cursor;            /* the guest's buffer; else a copy of it */
    int composed;               /* how many planes are in the copy */
} Attempt;

static const Attempt attempts[] = {
    { false, true, 0 }, { false, false, 0 },
    { true, true, 0 }, { true, false, 0 },
    { true, true, SCREEN_CURSOR }, { true, false, SCREEN_CURSOR },
    { true, false, SCREEN_PLANES },
};

/* What a driver decides by; another one may be another matter. */
typedef struct Shape {
    uint64_t modifier;
    uint32_t fourcc;
    uint32_t alpha;
    int width;
    int height;
    int place_width;
    int place_height;
} Shape;

struct KmsPlanes {
    int fd;
    Screen *screen;
    int width;                  /* of the mode */
    int height;
    struct liftoff_device *liftoff;
    struct liftoff_output *output;
    struct liftoff_layer *layers[SCREEN_PLANES];
    bool has_coverage;          /* a plane may have been left with it */

    unsigned attempt;           /* that worked before */
    Shape shapes[SCREEN_PLANES];
    ScreenRect fit;             /* where the picture is */
    ScreenBuffer *shown[SCREEN_PLANES];     /* what the monitor shows */
    ScreenBuffer *next[SCREEN_PLANES];      /* and after the flip */

    KmsDumb *copies[COPIES];
    int copy;                   /* the one that was committed last */
    ScreenRect painted[SCREEN_PLANES];      /* where in it a plane is */

    KmsDumb *cursors[COPIES];
    int cursor;
    int cursor_width;           /* of a cursor's framebuffer */
    int cursor_height;
    ScreenBuffer *cursor_buffer;            /* of which one is a copy */
    ScreenRect cursor_drawn;                /* and its size there */
};

/* --- Layers --- */

static void layer_place(struct liftoff_layer *layer, uint32_t fb,
                        ScreenCrop source, ScreenRect place)
{
    const struct {
        const char *name;
        uint64_t value;
    } properties[] = {
        { "FB_ID", fb },
        { "SRC_X", source.x * 65536 },
        { "SRC_Y", source.y * 65536 },
        { "SRC_W", source.width * 65536 },
        { "SRC_H", source.height * 65536 },
        { "CRTC_X", place.x },
        { "CRTC_Y", place.y },
        { "CRTC_W", place.width },
        { "CRTC_H", place.height },
    };

    for (int i = 0; i < ARRAY_SIZE(properties); i++) {
        liftoff_layer_set_property(layer, properties[i].name,
                                   properties[i].value);
    }
}

static void layer_hide(struct liftoff_layer *layer)
{
    liftoff_layer_set_property(layer, "FB_ID", 0);
}

static unsigned buffer_blend(const ScreenBuffer *buffer)
{
    if (!screen_buffer_has_alpha(buffer)) {
        return BLEND_NONE;
    }
    return buffer->straight_alpha ? BLEND_COVERAGE : BLEND_PREMULTIPLIED;
}

/*
 * How the pixels are to be read. Without need nothing is said: a layer gets no
 * plane that lacks one of its properties.
 */
static void layer_describe(KmsPlanes *planes, struct liftoff_layer *layer,
                           unsigned blend, bool bottom_up)
{
    if (blend == BLEND_COVERAGE ||
        (blend == BLEND_PREMULTIPLIED && planes->has_coverage)) {
        liftoff_layer_set_property(layer, "pixel blend mode", blend);
    } else {
        liftoff_layer_unset_property(layer, "pixel blend mode");
    }
    if (bottom_up) {
        liftoff_layer_set_property(layer, "rotation", DRM_MODE_ROTATE_0 |
                                   DRM_MODE_REFLECT_Y);
    } else {
        liftoff_layer_unset_property(layer, "rotation");
    }
}

/* What of a plane is on the screen. Cursors are not cut: planes do that. */
static ScreenCrop plane_crop(const KmsPlanes *planes, int index,
                             ScreenRect *to)
{
    const ScreenPlane *plane = &planes->screen->planes[index];
    ScreenRect place = screen_plane_on(planes->screen, index, planes->fit);
    ScreenRect all = { 0, 0, planes->width, planes->height };
    bool seen = screen_rect_intersect(place, all).width;
    ScreenRect within = index != SCREEN_CURSOR ? planes->fit
                        : seen ? place : (ScreenRect) { };

    return screen_rect_crop(plane->view, place, within, to);
}

/* The guest's buffer in its layer; false: that cannot be. */
static bool place_buffer(KmsPlanes *planes, int index)
{
    ScreenBuffer *buffer = planes->screen->planes[index].buffer;
    ScreenRect place;
    ScreenCrop crop = plane_crop(planes, index, &place);
    uint32_t fb;

    if (!place.width) {
        return true;
    }
    fb = kms_import(planes->fd, buffer);
    if (!fb) {
        return false;
    }
    if (buffer->bottom_up) {
        crop.y = buffer->height - crop.y - crop.height;
    }
    layer_describe(planes, planes->layers[index], buffer_blend(buffer),
                   buffer->bottom_up);
    layer_place(planes->layers[index], fb, crop, place);
    return true;
}

/* --- The cursor's copy --- */

/* The cursor's pixels in its next framebuffer; false: there is none. */
static bool draw_cursor(KmsPlanes *planes, ScreenRect place)
{
    const ScreenPlane *plane = &planes->screen->planes[SCREEN_CURSOR];
    int next = (planes->cursor + 1) % COPIES;
    ScreenPlane scaled = *plane;
    KmsDumb *dumb;

    if (planes->cursors[planes->cursor] &&
        planes->cursor_buffer == plane->buffer && !plane->buffer->num_planes &&
        planes->cursor_drawn.width == place.width &&
        planes->cursor_drawn.height == place.height) {
        return true;
    }
    if (!planes->cursors[next]) {
        planes->cursors[next] = kms_dumb_new(
            planes->fd, planes->cursor_width, planes->cursor_height,
            DRM_FORMAT_ARGB8888);
    }
    dumb = planes->cursors[next];
    if (!dumb) {
        return false;
    }
    memset(dumb->memory, 0, dumb->size);
    scaled.place = (ScreenRect) { 0, 0, place.width, place.height };
    if (!screen_draw_plane(&scaled, dumb->image)) {
        return false;
    }
    planes->cursor = next;
    planes->cursor_drawn = place;
    screen_buffer_unref(planes->cursor_buffer);
    planes->cursor_buffer = screen_buffer_ref(plane->buffer);
    return true;
}

/* Cursor planes have a size of their own, which the copy has. */
static bool place_cursor_copy(KmsPlanes *planes)
{
    ScreenRect place;

    plane_crop(planes, SCREEN_CURSOR, &place);
    if (!place.width) {
        return true;
    }
    if (place.width > planes->cursor_width ||
        place.height > planes->cursor_height || !draw_cursor(planes, place)) {
        return false;
    }
    place.width = planes->cursor_width;
    place.height = planes->cursor_height;
    layer_describe(planes, planes->layers[SCREEN_CURSOR], BLEND_PREMULTIPLIED,
                   false);
    layer_place(planes->layers[SCREEN_CURSOR],
                planes->cursors[planes->cursor]->fb,
                (ScreenCrop) { 0, 0, place.width, place.height }, place);
    return true;
}

/* --- The copy --- */

static void stale_copies(KmsPlanes *planes, const pixman_region32_t *damage)
{
    pixman_region32_t all;

    pixman_region32_init_rect(&all, 0, 0, planes->width, planes->height);
    for (int i = 0; i < COPIES; i++) {
        if (planes->copies[i]) {
            pixman_region32_union(&planes->copies[i]->stale,
                                  &planes->copies[i]->stale, damage ?: &all);
        }
    }
    pixman_region32_fini(&all);
}

static bool place_copy(KmsPlanes *planes)
{
    ScreenRect all = { 0, 0, planes->width, planes->height };
    int next = (planes->copy + 1) % COPIES;

    if (!planes->copies[next]) {
        planes->copies[next] = kms_dumb_new(planes->fd, all.width, all.height,
                                            DRM_FORMAT_XRGB8888);
    }
    if (!planes->copies[next]) {
        return false;
    }
    layer_describe(planes, planes->layers[SCREEN_PICTURE], BLEND_NONE, false);
    layer_place(planes->layers[SCREEN_PICTURE], planes->copies[next]->fb,
                (ScreenCrop) { 0, 0, all.width, all.height }, all);
    return true;
}

/* What the copy that is about to be shown lacks; false: keep the last one. */
static bool write_copy(KmsPlanes *planes, pixman_region32_t *damage)
{
    int composed = attempts[planes->attempt].composed;
    int next = (planes->copy + 1) % COPIES;
    KmsDumb *copy = planes->copies[next];

    screen_damage_on(planes->screen, damage, planes->fit);
    for (int i = SCREEN_OVERLAY; i < SCREEN_PLANES; i++) {
        ScreenRect was = planes->painted[i];
        ScreenRect is = i < composed
            ? screen_plane_on(planes->screen, i, planes->fit)
            : (ScreenRect) { };

        pixman_region32_union_rect(damage, damage, was.x, was.y, was.width,
                                   was.height);
        pixman_region32_union_rect(damage, damage, is.x, is.y, is.width,
                                   is.height);
        planes->painted[i] = is;
    }
    stale_copies(planes, damage);
    if (!screen_paint(planes->screen, copy->image, planes->fit, &copy->stale,
                      composed)) {
        int code = errno;

        warn_report_once("What the guest shows can be shown neither by the "
                         "display device nor by the CPU (%s); without gl=on "
                         "QEMU sends pixels", strerror(code));
        if (code == EFAULT) {
            stale_copies(planes, NULL);
            errno = code;
            return false;
        }
    }
    pixman_region32_clear(&copy->stale);
    planes->copy = next;
    return true;
}

/* --- Attempts --- */

static void fit_picture(KmsPlanes *planes, bool centred)
{
    ScreenRect view = planes->screen->planes[SCREEN_PICTURE].view;

    planes->fit = (ScreenRect) { };
    if (centred) {
        planes->fit = screen_fit_centred(view.width, view.height,
                                         planes->width, planes->height);
    }
    /* A copy is scaled where there is no room to centre it. */
    if (!planes->fit.width) {
        planes->fit = screen_fit_scaled(view.width, view.height,
                                        planes->width, planes->height);
    }
}

static bool place_layers(KmsPlanes *planes, const Attempt *attempt)
{
    bool placed;

    for (int i = 0; i < SCREEN_PLANES; i++) {
        layer_hide(planes->layers[i]);
    }
    fit_picture(planes, attempt->centred);
    placed = attempt->composed ? place_copy(planes)
             : planes->fit.width && place_buffer(planes, SCREEN_PICTURE);
    for (int i = MAX(attempt->composed, SCREEN_OVERLAY);
         placed && i < SCREEN_PLANES; i++) {
        placed = i == SCREEN_CURSOR && !attempt->own_cursor
            ? place_cursor_copy(planes) : place_buffer(planes, i);
    }
    return placed;
}

static bool try_attempt(KmsPlanes *planes, const Attempt *attempt,
                        drmModeAtomicReq *req, uint32_t flags)
{
    int start = drmModeAtomicGetCursor(req);
    bool taken = place_layers(planes, attempt);

#ifdef LIFTOFF_APPLY_OPTIONS
    taken = taken &&
        liftoff_output_apply(planes->output, req, flags, NULL) == 0;
#else
    taken = taken && liftoff_output_apply(planes->output, req, flags) == 0;
#endif
    for (int i = 0; taken && i < SCREEN_PLANES; i++) {
        taken = !liftoff_layer_needs_composition(planes->layers[i]);
    }
    if (!taken) {
        drmModeAtomicSetCursor(req, start);
    }
    return taken;
}

/* Whether that is another picture than the last attempts were made for. */
static bool look_at_shapes(KmsPlanes *planes)
{
    Shape shapes[SCREEN_PLANES];
    bool changed;

    memset(shapes, 0, sizeof(shapes));
    fit_picture(planes, attempts[planes->attempt].centred);
    for (int i = 0; i < SCREEN_PLANES; i++) {
        const ScreenBuffer *buffer = planes->screen->planes[i].buffer;
        ScreenRect place;

        plane_crop(planes, i, &place);
        if (buffer && place.width) {
            shapes[i].modifier = buffer->modifier;
            shapes[i].fourcc = buffer->fourcc;
            shapes[i].alpha = buffer->straight_alpha | buffer->bottom_up << 1;
            shapes[i].width = buffer->width;
            shapes[i].height = buffer->height;
            shapes[i].place_width = place.width;
            shapes[i].place_height = place.height;
        }
    }
    changed = memcmp(shapes, planes->shapes, sizeof(shapes)) != 0;
    memcpy(planes->shapes, shapes, sizeof(shapes));
    return changed;
}

bool kms_planes_place(KmsPlanes *planes, drmModeAtomicReq *req, uint32_t flags,
                      pixman_region32_t *damage)
{
    if (look_at_shapes(planes)) {
        planes->attempt = 0;
    }
    for (; planes->attempt < ARRAY_SIZE(attempts); planes->attempt++) {
        const Attempt *attempt = &attempts[planes->attempt];

        if (try_attempt(planes, attempt, req, flags)) {
            if (attempt->composed) {
                return write_copy(planes, damage);
            }
            stale_copies(planes, NULL);
            return true;
        }
    }
    planes->attempt = 0;
    errno = EINVAL;
    return false;
}

bool kms_planes_refused(KmsPlanes *planes)
{
    bool worth = false;

    /* Some buffers are found out only when they are to be shown. */
    for (int i = attempts[planes->attempt].composed; i < SCREEN_PLANES; i++) {
        ScreenBuffer *buffer = planes->screen->planes[i].buffer;

        if (buffer && buffer->num_planes && buffer != planes->shown[i]) {
            worth |= kms_refuse(buffer);
        }
    }
    kms_planes_forget(planes);
    return worth;
}

void kms_planes_forget(KmsPlanes *planes)
{
    planes->attempt = 0;
    stale_copies(planes, NULL);
}

static bool is_direct(const KmsPlanes *planes, int index)
{
    const Attempt *attempt = &attempts[planes->attempt];

    return index >= attempt->composed &&
           (index != SCREEN_CURSOR || attempt->own_cursor) &&
           liftoff_layer_get_plane(planes->layers[index]);
}

void kms_planes_committed(KmsPlanes *planes)
{
    unsigned used = 0;

    for (int i = 0; i < SCREEN_PLANES; i++) {
        ScreenBuffer *buffer = planes->screen->planes[i].buffer;

        screen_buffer_unref(planes->next[i]);
        planes->next[i] = buffer && is_direct(planes, i)
            ? screen_buffer_ref(buffer) : NULL;
        planes->has_coverage |= planes->next[i] &&
                                buffer_blend(buffer) == BLEND_COVERAGE;
        used += liftoff_layer_get_plane(planes->layers[i]) != NULL;
    }
    planes->screen->stats.planes =
        used - (attempts[planes->attempt].composed != 0);
}

void kms_planes_flipped(KmsPlanes *planes)
{
    for (int i = 0; i < SCREEN_PLANES; i++) {
        screen_buffer_unref(planes->shown[i]);
        planes->shown[i] = g_steal_pointer(&planes->next[i]);
    }
}

ScreenRect kms_planes_fit(const KmsPlanes *planes)
{
    return planes->fit;
}

bool kms_planes_copy(const KmsPlanes *planes)
{
    for (int i = 0; i < attempts[planes->attempt].composed; i++) {
        const ScreenBuffer *buffer = planes->screen->planes[i].buffer;

        if (buffer && buffer->num_planes) {
            return true;
        }
    }
    return false;
}

/* --- Life --- */

void kms_planes_resize(KmsPlanes *planes, int width, int height)
{
    if (planes->width != width || planes->height != height) {
        for (int i = 0; i < COPIES; i++) {
            g_clear_pointer(&planes->copies[i], kms_dumb_free);
        }
    }
    planes->width = width;
    planes->height = height;
    kms_planes_forget(planes);
}

KmsPlanes *kms_planes_new(int fd, uint32_t crtc, Screen *screen)
{
    KmsPlanes *planes = g_new0(KmsPlanes, 1);
    uint64_t width = 64, height = 64;

    planes->fd = fd;
    planes->screen = screen;
    drmGetCap(fd, DRM_CAP_CURSOR_WIDTH, &width);
    drmGetCap(fd, DRM_CAP_CURSOR_HEIGHT, &height);
    planes->cursor_width = width;
    planes->cursor_height = height;
    planes->liftoff = liftoff_device_create(fd);
    if (!planes->liftoff ||
        liftoff_device_register_all_planes(planes->liftoff) < 0) {
        kms_planes_free(planes);
        return NULL;
    }
    planes->output = liftoff_output_create(planes->liftoff, crtc);
    for (int i = 0; i < SCREEN_PLANES; i++) {
        planes->layers[i] = liftoff_layer_create(planes->output);
        liftoff_layer_set_property(planes->layers[i], "zpos", i);
    }
    return planes;
}

void kms_planes_free(KmsPlanes *planes)
{
    if (!planes) {
        return;
    }
    for (int i = 0; i < SCREEN_PLANES; i++) {
        screen_buffer_unref(planes->shown[i]);
        screen_buffer_unref(planes->next[i]);
        g_clear_pointer(&planes->layers[i], liftoff_layer_destroy);
    }
    screen_buffer_unref(planes->cursor_buffer);
    for (int i = 0; i < COPIES; i++) {
        kms_dumb_free(planes->copies[i]);
        kms_dumb_free(planes->cursors[i]);
    }
    g_clear_pointer(&planes->output, liftoff_output_destroy);
    g_clear_pointer(&planes->liftoff, liftoff_device_destroy);
    g_free(planes);
}
