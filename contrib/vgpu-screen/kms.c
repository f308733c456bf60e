/*
 * A guest's screen on a monitor, by the kernel's mode setting
 *
 * Two layers are given to libliftoff, which finds planes for them: the picture
 * and the cursor. The picture is, in the order in which these are tried,
 *
 * - the guest's own buffer, scaled to the screen by the plane,
 * - the guest's own buffer, centred,
 * - a copy as large as the screen, into which only damage is copied.
 *
 * What the driver takes is found out by commits that are tests only, when
 * buffer, size or mode changes. A cursor that gets no plane is copied, too.
 *
 * One commit is under way at any time. When its page flip is done the buffer
 * before is free, and the guest may draw on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <glib-unix.h>
#include <libliftoff.h>

#include "qemu/error-report.h"

#include "kms-device.h"
#include "kms-session.h"
#include "kms.h"
#include "paint.h"

/* A flip that was under way when the machine was suspended never ends. */
#define FLIP_TIMEOUT_US 1000000
/* How often the right to set modes is asked for, and after how long again. */
#define MASTER_TRIES 10
#define MASTER_STEP_US 100000
/* Two: one on screen, one to write to. */
#define COPIES 2

typedef enum Path {
    PATH_SCALED,
    PATH_CENTRED,
    PATH_COPIED,
} Path;

typedef struct Properties {
    uint32_t connector_crtc;
    uint32_t crtc_mode;
    uint32_t crtc_active;
} Properties;

struct KmsOutput {
    Screen *screen;
    DBusClient *client;
    void (*closed)(void *opaque, const char *why);
    void *opaque;

    KmsSession *session;
    int number;                 /* of the device */
    int device;                 /* the session's number for it */
    int fd;
    guint source;
    char *wanted;               /* the connector's name; NULL: any */
    char name[32];              /* of the one that is used */
    uint32_t connector;
    uint32_t crtc;
    Properties properties;
    GArray *modes;              /* of drmModeModeInfo */
    int mode;                   /* which of them is set; -1: none */
    uint32_t mode_blob;
    int width;                  /* of that mode */
    int height;

    struct liftoff_device *liftoff;
    struct liftoff_output *planes;
    struct liftoff_layer *picture;
    struct liftoff_layer *cursor;
    KmsDumb *copies[COPIES];
    KmsDumb *cursors[COPIES];
    int copy;                   /* the one that was committed last */
    int cursor_copy;
    unsigned cursor_serial;     /* that the last one shows */
    ScreenRect cursor_drawn;    /* its size there */
    int cursor_width;           /* of a cursor's framebuffer */
    int cursor_height;

    bool active;                /* the session has the seat */
    bool connected;
    bool set_mode;              /* with the next commit */
    bool flipping;
    bool dirty;                 /* something waits for the flip */
    Path path;                  /* that worked for the picture before */
    unsigned tried_cursor;      /* its serial then */
    bool cursor_copied;         /* the cursor is part of the copy */
    ScreenRect cursor_place;    /* where it is in there */
    int view_width;
    int view_height;
    ScreenRect fit;
    unsigned serial;
    int64_t committed_us;
    ScreenBuffer *shown;        /* what the monitor shows */
    ScreenBuffer *next;         /* what it shows after the flip */
};

static void kms_show(KmsOutput *out);

static int kms_apply_planes(KmsOutput *out, drmModeAtomicReq *req,
                            uint32_t flags)
{
#ifdef LIFTOFF_APPLY_OPTIONS
    return liftoff_output_apply(out->planes, req, flags, NULL);
#else
    return liftoff_output_apply(out->planes, req, flags);
#endif
}

/* --- The picture --- */

static void layer_place(struct liftoff_layer *layer, uint32_t fb,
                        ScreenRect source, ScreenRect place)
{
    const struct {
        const char *name;
        uint64_t value;
    } properties[] = {
        { "FB_ID", fb },
        { "SRC_X", (uint64_t)source.x << 16 },
        { "SRC_Y", (uint64_t)source.y << 16 },
        { "SRC_W", (uint64_t)source.width << 16 },
        { "SRC_H", (uint64_t)source.height << 16 },
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

/* The guest's buffer in the picture's layer; false: that cannot be. */
static bool kms_place_buffer(KmsOutput *out, Path path)
{
    Screen *screen = out->screen;
    ScreenBuffer *buffer = screen->buffer;
    ScreenRect view = screen->view;
    uint32_t fb = buffer ? kms_import(out->fd, buffer) : 0;

    out->fit = path == PATH_SCALED
        ? screen_fit_scaled(view.width, view.height, out->width, out->height)
        : screen_fit_centred(view.width, view.height, out->width, out->height);
    if (!fb || !out->fit.width) {
        return false;
    }
    if (buffer->bottom_up) {
        view.y = buffer->height - view.y - view.height;
        liftoff_layer_set_property(out->picture, "rotation",
                                   DRM_MODE_ROTATE_0 | DRM_MODE_REFLECT_Y);
    } else {
        liftoff_layer_unset_property(out->picture, "rotation");
    }
    layer_place(out->picture, fb, view, out->fit);
    return true;
}

static KmsDumb *kms_next_copy(KmsOutput *out)
{
    int next = (out->copy + 1) % COPIES;

    if (!out->copies[next]) {
        out->copies[next] = kms_dumb_new(out->fd, out->width, out->height,
                                         DRM_FORMAT_XRGB8888);
    }
    return out->copies[next];
}

static bool kms_place_copy(KmsOutput *out)
{
    ScreenRect all = { 0, 0, out->width, out->height };
    ScreenRect view = out->screen->view;
    KmsDumb *copy = kms_next_copy(out);

    if (!copy) {
        return false;
    }
    out->fit = screen_fit_centred(view.width, view.height, out->width,
                                  out->height);
    if (!out->fit.width) {
        out->fit = screen_fit_scaled(view.width, view.height, out->width,
                                     out->height);
    }
    liftoff_layer_unset_property(out->picture, "rotation");
    layer_place(out->picture, copy->fb, all, all);
    return true;
}

/* --- The cursor --- */

/* The cursor's image in its next framebuffer; false: it is too large. */
static bool kms_draw_cursor(KmsOutput *out, ScreenRect place)
{
    ScreenCursor *cursor = &out->screen->cursor;
    int next = (out->cursor_copy + 1) % COPIES;
    pixman_transform_t to_image;
    pixman_image_t *image = cursor->image;

    if (place.width > out->cursor_width || place.height > out->cursor_height) {
        return false;
    }
    if (out->cursors[out->cursor_copy] &&
        out->cursor_serial == cursor->serial &&
        out->cursor_drawn.width == place.width &&
        out->cursor_drawn.height == place.height) {
        return true;
    }
    if (!out->cursors[next]) {
        out->cursors[next] = kms_dumb_new(out->fd, out->cursor_width,
                                          out->cursor_height,
                                          DRM_FORMAT_ARGB8888);
    }
    if (!out->cursors[next]) {
        return false;
    }
    pixman_transform_init_scale(
        &to_image,
        pixman_double_to_fixed((double)pixman_image_get_width(image) /
                               place.width),
        pixman_double_to_fixed((double)pixman_image_get_height(image) /
                               place.height));
    pixman_image_set_transform(image, &to_image);
    pixman_image_set_filter(image, PIXMAN_FILTER_NEAREST, NULL, 0);
    memset(out->cursors[next]->memory, 0, out->cursors[next]->size);
    pixman_image_composite32(PIXMAN_OP_SRC, image, NULL,
                             out->cursors[next]->image, 0, 0, 0, 0, 0, 0,
                             place.width, place.height);
    out->cursor_copy = next;
    out->cursor_serial = cursor->serial;
    out->cursor_drawn = place;
    return true;
}

/* Returns: whether the cursor is where it belongs, on a plane or off screen */
static bool kms_place_cursor(KmsOutput *out)
{
    ScreenRect all = { 0, 0, out->width, out->height };
    ScreenRect place = screen_cursor_on(out->screen, out->fit);
    ScreenRect source = { 0, 0, out->cursor_width, out->cursor_height };

    if (!screen_rect_intersect(place, all).width) {
        layer_hide(out->cursor);
        return true;
    }
    if (!kms_draw_cursor(out, place)) {
        layer_hide(out->cursor);
        return false;
    }
    place.width = source.width;
    place.height = source.height;
    layer_place(out->cursor, out->cursors[out->cursor_copy]->fb, source,
                place);
    return true;
}

/* --- Commits --- */

static void kms_add_mode(KmsOutput *out, drmModeAtomicReq *req)
{
    drmModeAtomicAddProperty(req, out->connector,
                             out->properties.connector_crtc, out->crtc);
    drmModeAtomicAddProperty(req, out->crtc, out->properties.crtc_mode,
                             out->mode_blob);
    drmModeAtomicAddProperty(req, out->crtc, out->properties.crtc_active, 1);
}

/* Finds planes; false: the driver does not take it that way. */
static bool kms_try(KmsOutput *out, drmModeAtomicReq *req, uint32_t flags,
                    Path path)
{
    int start = drmModeAtomicGetCursor(req);
    bool placed = path == PATH_COPIED ? kms_place_copy(out)
                                      : kms_place_buffer(out, path);
    bool cursor = placed && kms_place_cursor(out);

    /* Only a copy can have the cursor in it. */
    if (placed && (cursor || path == PATH_COPIED) &&
        kms_apply_planes(out, req, flags) == 0 &&
        !liftoff_layer_needs_composition(out->picture)) {
        out->cursor_copied =
            !cursor || liftoff_layer_needs_composition(out->cursor);
        if (!out->cursor_copied || path == PATH_COPIED) {
            out->path = path;
            return true;
        }
    }
    drmModeAtomicSetCursor(req, start);
    return false;
}

static bool kms_find_planes(KmsOutput *out, drmModeAtomicReq *req,
                            uint32_t flags)
{
    for (Path path = out->path; path < PATH_COPIED; path++) {
        if (kms_try(out, req, flags, path)) {
            return true;
        }
    }
    return kms_try(out, req, flags, PATH_COPIED);
}

/* What the copy that is about to be shown lacks */
static void kms_write_copy(KmsOutput *out, pixman_region32_t *damage)
{
    int next = (out->copy + 1) % COPIES;
    ScreenRect was = out->cursor_place;
    ScreenRect is = { 0 };

    screen_damage_on(out->screen, damage, out->fit);
    if (out->cursor_copied) {
        is = screen_cursor_on(out->screen, out->fit);
    }
    pixman_region32_union_rect(damage, damage, was.x, was.y, was.width,
                               was.height);
    pixman_region32_union_rect(damage, damage, is.x, is.y, is.width,
                               is.height);
    out->cursor_place = is;
    for (int i = 0; i < COPIES; i++) {
        if (out->copies[i]) {
            pixman_region32_union(&out->copies[i]->stale,
                                  &out->copies[i]->stale, damage);
        }
    }
    if (!screen_paint(out->screen, out->copies[next]->image, out->fit,
                      &out->copies[next]->stale, out->cursor_copied)) {
        warn_report_once("The guest's buffer can be shown neither by %s nor "
                         "by the CPU (%s); without gl=on QEMU sends pixels",
                         out->name, strerror(errno));
    }
    pixman_region32_clear(&out->copies[next]->stale);
    out->copy = next;
}

static void kms_commit_failed(KmsOutput *out, int code)
{
    if (code == EACCES || code == EPERM) {
        g_autofree char *who = kms_master(out->number);

        warn_report_once("%s shows what another program has set%s%s: end it, "
                         "or let it use another device", out->name,
                         who ? ", " : "", who ?: "");
        return;
    }
    if (code != EBUSY) {
        warn_report_once("%s does not show the picture: %s", out->name,
                         strerror(code));
    }
}

static void kms_tell_of_copies(KmsOutput *out)
{
    static bool told;

    if (!told && out->path == PATH_COPIED && out->screen->buffer &&
        out->screen->buffer->num_planes) {
        told = true;
        info_report("%s has no plane for the guest's buffer as it is: it is "
                    "copied", out->name);
    }
}

static unsigned kms_count_planes(KmsOutput *out)
{
    return (out->path != PATH_COPIED) +
           (liftoff_layer_get_plane(out->cursor) != NULL);
}

static void kms_committed(KmsOutput *out)
{
    bool direct = out->path != PATH_COPIED;

    out->flipping = true;
    out->set_mode = false;
    out->committed_us = g_get_monotonic_time();
    out->tried_cursor = out->screen->cursor.serial;
    screen_buffer_unref(out->next);
    out->next = direct ? screen_buffer_ref(out->screen->buffer) : NULL;
    out->screen->stats.planes = kms_count_planes(out);
}

static void kms_forget_copies(KmsOutput *out)
{
    for (int i = 0; i < COPIES; i++) {
        if (out->copies[i]) {
            pixman_region32_union_rect(&out->copies[i]->stale,
                                       &out->copies[i]->stale, 0, 0,
                                       out->width, out->height);
        }
    }
}

/* Everything is as if nothing had been shown yet. */
static void kms_forget_picture(KmsOutput *out)
{
    out->path = PATH_SCALED;
    kms_forget_copies(out);
}

/* Returns: 0, or what the driver says */
static int kms_commit_once(KmsOutput *out, pixman_region32_t *damage)
{
    uint32_t flags = DRM_MODE_PAGE_FLIP_EVENT;
    drmModeAtomicReq *req = drmModeAtomicAlloc();
    int code = EINVAL;

    if (out->set_mode) {
        flags |= DRM_MODE_ATOMIC_ALLOW_MODESET;
        kms_add_mode(out, req);
    } else {
        flags |= DRM_MODE_ATOMIC_NONBLOCK;
    }
    if (kms_find_planes(out, req, flags)) {
        if (out->path == PATH_COPIED) {
            kms_write_copy(out, damage);
        } else {
            kms_forget_copies(out);
        }
        code = drmModeAtomicCommit(out->fd, req, flags, out) < 0 ? errno : 0;
    }
    drmModeAtomicFree(req);
    return code;
}

static void kms_commit(KmsOutput *out)
{
    ScreenBuffer *buffer = out->screen->buffer;
    pixman_region32_t damage;
    int code;

    pixman_region32_init(&damage);
    screen_take(out->screen, ++out->serial, &damage);
    code = kms_commit_once(out, &damage);
    if (code && out->path != PATH_COPIED && buffer && code != EBUSY &&
        code != EACCES && code != EPERM) {
        /* Some buffers are found out only when they are to be shown. */
        kms_refuse(buffer);
        kms_forget_picture(out);
        code = kms_commit_once(out, &damage);
    }
    pixman_region32_fini(&damage);
    if (code) {
        kms_commit_failed(out, code);
        kms_forget_picture(out);
        return;
    }
    kms_committed(out);
    kms_tell_of_copies(out);
}

static void kms_flipped(int fd, unsigned sequence, unsigned sec, unsigned usec,
                        unsigned crtc, void *opaque)
{
    KmsOutput *out = opaque;
    Screen *screen = out->screen;
    int64_t took_us = g_get_monotonic_time() - out->committed_us;
    ScreenMode mode;

    if (!out->flipping) {
        return;                 /* it was given up */
    }
    mode = kms_mode(&g_array_index(out->modes, drmModeModeInfo, out->mode));
    out->flipping = false;
    screen->stats.frames++;
    if (mode.refresh_mhz && took_us > 2000000000ll / mode.refresh_mhz) {
        screen->stats.late++;
    }
    screen_buffer_unref(out->shown);
    out->shown = g_steal_pointer(&out->next);
    screen_done(screen, out->serial);
    if (out->dirty) {
        kms_show(out);
    }
}

static gboolean kms_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    drmEventContext context = {
        .version = 3,
        .page_flip_handler2 = kms_flipped,
    };
    KmsOutput *out = opaque;

    if (condition & (G_IO_HUP | G_IO_ERR) ||
        drmHandleEvent(fd, &context) < 0) {
        out->source = 0;
        out->closed(out->opaque, "the display device is gone");
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* --- Modes --- */

static void kms_free_copies(KmsOutput *out)
{
    for (int i = 0; i < COPIES; i++) {
        g_clear_pointer(&out->copies[i], kms_dumb_free);
    }
}

static void kms_set_mode(KmsOutput *out, int mode)
{
    const drmModeModeInfo *info =
        &g_array_index(out->modes, drmModeModeInfo, mode);

    if (out->mode_blob) {
        drmModeDestroyPropertyBlob(out->fd, out->mode_blob);
    }
    drmModeCreatePropertyBlob(out->fd, info, sizeof(*info), &out->mode_blob);
    if (out->width != info->hdisplay || out->height != info->vdisplay) {
        kms_free_copies(out);
    }
    out->mode = mode;
    out->width = info->hdisplay;
    out->height = info->vdisplay;
    out->set_mode = true;
    kms_forget_picture(out);
}

static void kms_choose_mode(KmsOutput *out)
{
    ScreenRect view = out->screen->view;
    g_autofree ScreenMode *modes = g_new(ScreenMode, out->modes->len);
    int mode;

    for (guint i = 0; i < out->modes->len; i++) {
        modes[i] = kms_mode(&g_array_index(out->modes, drmModeModeInfo, i));
    }
    mode = screen_mode_choose(modes, out->modes->len, view.width, view.height);
    if (mode != out->mode) {
        kms_set_mode(out, mode);
    }
}

/* What the last picture or cursor was not taken for may be another matter. */
static void kms_look_at_picture(KmsOutput *out)
{
    ScreenBuffer *buffer = out->screen->buffer;
    ScreenRect view = out->screen->view;

    if ((buffer && buffer->num_planes && !buffer->import) ||
        out->tried_cursor != out->screen->cursor.serial ||
        (out->cursor_copied &&
         !screen_cursor_on(out->screen, out->fit).width)) {
        out->path = PATH_SCALED;
    }
    if (view.width == out->view_width && view.height == out->view_height) {
        return;
    }
    out->view_width = view.width;
    out->view_height = view.height;
    /* A guest whose screen is off leaves the mode as it is. */
    if (view.width || out->mode < 0) {
        kms_choose_mode(out);
    }
    kms_forget_picture(out);
}

static void kms_show(KmsOutput *out)
{
    out->dirty = true;
    if (!out->active || !out->connected || out->flipping) {
        return;
    }
    out->dirty = false;
    kms_look_at_picture(out);
    kms_commit(out);
}

static void kms_changed(void *opaque)
{
    kms_show(opaque);
}

static const ScreenOutputOps kms_output_ops = {
    .picture_changed = kms_changed,
    .cursor_changed = kms_changed,
};

/* --- The monitor --- */

/* What it is like; false: it is not there. */
static bool kms_look_at_connector(KmsOutput *out)
{
    GArray *connectors = kms_connectors(out->fd);
    const KmsConnector *connector =
        kms_choose_connector(connectors, out->name);

    out->connected = connector && connector->connected;
    if (out->connected) {
        int preferred;
        const drmModeModeInfo *info;

        g_array_set_size(out->modes, 0);
        g_array_append_vals(out->modes, connector->modes->data,
                            connector->modes->len);
        out->mode = -1;
        kms_choose_mode(out);
        for (preferred = 0; preferred < out->modes->len; preferred++) {
            info = &g_array_index(out->modes, drmModeModeInfo, preferred);
            if (info->type & DRM_MODE_TYPE_PREFERRED) {
                break;
            }
        }
        info = &g_array_index(out->modes, drmModeModeInfo,
                              preferred % out->modes->len);
        dbus_client_wish(out->client, connector->width_mm,
                         connector->height_mm, info->hdisplay, info->vdisplay);
    }
    g_array_unref(connectors);
    return out->connected;
}

static void kms_hotplug(void *opaque)
{
    KmsOutput *out = opaque;
    bool was = out->connected;

    if (out->active && kms_look_at_connector(out) != was) {
        kms_show(out);
    }
}

static void kms_paused(void *opaque)
{
    KmsOutput *out = opaque;

    out->active = false;
}

static void kms_resumed(void *opaque)
{
    KmsOutput *out = opaque;

    /* Whoever was there meanwhile has left a mode of its own. */
    out->active = true;
    out->set_mode = true;
    if (g_get_monotonic_time() - out->committed_us > FLIP_TIMEOUT_US) {
        out->flipping = false;
    }
    kms_look_at_connector(out);
    kms_show(out);
}

static void kms_to_picture(void *opaque, double *x, double *y)
{
    KmsOutput *out = opaque;

    *x *= out->width;
    *y *= out->height;
    screen_to_picture(out->fit, out->view_width, out->view_height, x, y);
}

static void kms_leave(void *opaque, const char *why)
{
    KmsOutput *out = opaque;

    out->closed(out->opaque, why);
}

static const KmsSessionOps kms_session_ops = {
    .resumed = kms_resumed,
    .paused = kms_paused,
    .hotplug = kms_hotplug,
    .to_picture = kms_to_picture,
    .leave = kms_leave,
};

/* --- Beginning and end --- */

/* The CRTC that drives the connector, else one that drives none. */
static uint32_t find_crtc(int fd, const KmsConnector *connector)
{
    drmModeRes *resources = drmModeGetResources(fd);
    uint32_t idle = 0, any = 0;

    for (int i = 0; resources && i < resources->count_crtcs; i++) {
        drmModeCrtc *crtc = drmModeGetCrtc(fd, resources->crtcs[i]);

        if (crtc && connector->crtcs & 1u << i) {
            any = crtc->crtc_id;
            idle = idle || crtc->mode_valid ? idle : crtc->crtc_id;
        }
        drmModeFreeCrtc(crtc);
    }
    drmModeFreeResources(resources);
    return connector->crtc ?: idle ?: any;
}

/* Whether the open device has the connector that is wanted. */
static bool kms_find_connector(KmsOutput *out)
{
    GArray *connectors = kms_connectors(out->fd);
    const KmsConnector *connector =
        kms_choose_connector(connectors, out->wanted);

    if (connector) {
        g_strlcpy(out->name, connector->name, sizeof(out->name));
        out->connector = connector->id;
        out->crtc = find_crtc(out->fd, connector);
    }
    g_array_unref(connectors);
    return out->crtc != 0;
}

static void kms_close_device(KmsOutput *out)
{
    if (out->fd >= 0) {
        kms_session_close(out->session, out->device);
        close(out->fd);
        out->fd = -1;
    }
}

static bool kms_find_device(KmsOutput *out, Error **errp)
{
    int code = 0, found = 0;

    for (int i = 0; i < KMS_MAX_DEVICES; i++) {
        g_autofree char *path = kms_device_path(i);

        if (access(path, F_OK) < 0) {
            continue;
        }
        found++;
        out->number = i;
        out->device = kms_session_open(out->session, path, &out->fd);
        if (out->device < 0) {
            code = errno;
            out->fd = -1;
            continue;
        }
        if (kms_device_begin(out->fd, NULL) && kms_find_connector(out)) {
            return true;
        }
        kms_close_device(out);
    }
    if (!found) {
        error_setg(errp, "There is no display device");
        error_append_hint(errp, "/dev/dri has no card: no driver of the "
                          "kernel's sets modes here.\n");
    } else if (code) {
        error_setg_errno(errp, code, "The display device cannot be opened");
        error_append_hint(errp, "A seat's session may, and root.\n");
    } else if (out->wanted) {
        error_setg(errp, "There is no connector %s", out->wanted);
        error_append_hint(errp, "--list has their names.\n");
    } else {
        error_setg(errp, "No connector has a monitor");
        error_append_hint(errp, "--kms=CONNECTOR waits for one there; --list "
                          "has the names.\n");
    }
    return false;
}

/* Of a program that has just ended the seat's manager may know only soon. */
static bool kms_wait_for_master(KmsOutput *out)
{
    g_autofree char *path = kms_device_path(out->number);

    for (int i = 0; i < MASTER_TRIES && !drmIsMaster(out->fd); i++) {
        g_usleep(MASTER_STEP_US);
        kms_close_device(out);
        out->device = kms_session_open(out->session, path, &out->fd);
        if (out->device < 0) {
            out->fd = -1;
            return false;
        }
    }
    return drmIsMaster(out->fd) && kms_device_begin(out->fd, NULL);
}

static bool kms_take_device(KmsOutput *out, Error **errp)
{
    Properties *properties = &out->properties;
    uint64_t width = 64, height = 64;

    if (!kms_wait_for_master(out)) {
        g_autofree char *who = kms_master(out->number);

        error_setg(errp, "Another program sets the modes of card%d%s%s",
                   out->number, who ? ": " : "", who ?: "");
        error_append_hint(errp, "End that desktop or program, or switch to a "
                          "console of its own for this one.\n");
        return false;
    }
    properties->connector_crtc = kms_property(
        out->fd, out->connector, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID");
    properties->crtc_mode = kms_property(out->fd, out->crtc,
                                         DRM_MODE_OBJECT_CRTC, "MODE_ID");
    properties->crtc_active = kms_property(out->fd, out->crtc,
                                           DRM_MODE_OBJECT_CRTC, "ACTIVE");
    drmGetCap(out->fd, DRM_CAP_CURSOR_WIDTH, &width);
    drmGetCap(out->fd, DRM_CAP_CURSOR_HEIGHT, &height);
    out->cursor_width = width;
    out->cursor_height = height;
    out->liftoff = liftoff_device_create(out->fd);
    if (!out->liftoff ||
        liftoff_device_register_all_planes(out->liftoff) < 0) {
        error_setg(errp, "The planes of card%d cannot be used", out->number);
        return false;
    }
    out->planes = liftoff_output_create(out->liftoff, out->crtc);
    out->picture = liftoff_layer_create(out->planes);
    liftoff_layer_set_property(out->picture, "zpos", 0);
    out->cursor = liftoff_layer_create(out->planes);
    liftoff_layer_set_property(out->cursor, "zpos", 255);
    return true;
}

KmsOutput *kms_output_new(Screen *screen, DBusClient *client,
                          ScreenInput *input, const char *connector,
                          void (*closed)(void *opaque, const char *why),
                          void *opaque, Error **errp)
{
    KmsOutput *out = g_new0(KmsOutput, 1);

    out->screen = screen;
    out->client = client;
    out->closed = closed;
    out->opaque = opaque;
    out->wanted = g_strdup(connector);
    out->fd = -1;
    out->mode = -1;
    out->modes = g_array_new(FALSE, FALSE, sizeof(drmModeModeInfo));
    out->session = kms_session_new(input, &kms_session_ops, out, errp);
    if (!out->session || !kms_find_device(out, errp) ||
        !kms_take_device(out, errp)) {
        kms_output_free(out);
        return NULL;
    }
    out->active = true;
    out->source = g_unix_fd_add(out->fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
                                kms_readable, out);
    kms_look_at_connector(out);
    screen_set_output(screen, &kms_output_ops, out);
    kms_show(out);
    return out;
}

void kms_output_free(KmsOutput *out)
{
    if (!out) {
        return;
    }
    screen_set_output(out->screen, NULL, NULL);
    g_clear_handle_id(&out->source, g_source_remove);
    screen_buffer_unref(out->shown);
    screen_buffer_unref(out->next);
    /* The buffers' imports are the device's, too. */
    screen_show(out->screen, NULL, (ScreenRect) { }, false);
    kms_free_copies(out);
    for (int i = 0; i < COPIES; i++) {
        kms_dumb_free(out->cursors[i]);
    }
    if (out->planes) {
        liftoff_layer_destroy(out->cursor);
        liftoff_layer_destroy(out->picture);
        liftoff_output_destroy(out->planes);
    }
    if (out->liftoff) {
        liftoff_device_destroy(out->liftoff);
    }
    if (out->mode_blob) {
        drmModeDestroyPropertyBlob(out->fd, out->mode_blob);
    }
    kms_close_device(out);
    kms_session_free(out->session);
    g_array_unref(out->modes);
    g_free(out->wanted);
    g_free(out);
}

bool kms_list(Error **errp)
{
    int found = 0, code = 0;

    for (int i = 0; i < KMS_MAX_DEVICES; i++) {
        g_autofree char *path = kms_device_path(i);
        int fd = open(path, O_RDWR | O_CLOEXEC);

        if (fd < 0) {
            code = errno == ENOENT ? code : errno;
            continue;
        }
        /* Whoever opens a device that nobody uses sets its modes. */
        drmDropMaster(fd);
        if (kms_device_begin(fd, NULL)) {
            kms_print(fd, i);
            found++;
        }
        close(fd);
    }
    if (!found && code) {
        error_setg_errno(errp, code, "The display devices cannot be opened");
        error_append_hint(errp, "A seat's session may, the group video, and "
                          "root.\n");
    } else if (!found) {
        error_setg(errp, "There is no display device");
        error_append_hint(errp, "/dev/dri has no card that sets modes.\n");
    }
    return found;
}
