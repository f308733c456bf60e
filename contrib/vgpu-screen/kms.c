/*
 * A guest's screen on a monitor, by the kernel's mode setting
 *
 * One commit is under way at any time. When its page flip is done the buffers
 * before are free, and the guest may draw on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>

#include "qemu/error-report.h"

#include "kms-planes.h"
#include "kms-session.h"
#include "kms.h"

/* A flip that was under way when the machine was suspended never ends. */
#define FLIP_TIMEOUT_US 1000000
/* How often the right to set modes is asked for, and after how long again. */
#define MASTER_TRIES 10
#define MASTER_STEP_US 100000

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
    GArray *modes;              /* of drmModeModeInfo */
    int mode;                   /* which of them is set; -1: none */
    uint32_t mode_blob;
    int width;                  /* of that mode */
    int height;
    KmsPlanes *planes;

    bool active;                /* the session has the seat */
    bool connected;
    bool set_mode;              /* with the next commit */
    bool flipping;
    bool dirty;                 /* something waits for the flip */
    int view_width;             /* of the picture that the mode is for */
    int view_height;
    unsigned serial;
    int64_t committed_us;
};

static void kms_show(KmsOutput *out);

/* --- Commits --- */

static void kms_add_mode(KmsOutput *out, drmModeAtomicReq *req)
{
    const struct {
        uint32_t object;
        uint32_t type;
        const char *name;
        uint64_t value;
    } properties[] = {
        { out->connector, DRM_MODE_OBJECT_CONNECTOR, "CRTC_ID", out->crtc },
        { out->crtc, DRM_MODE_OBJECT_CRTC, "MODE_ID", out->mode_blob },
        { out->crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE", 1 },
    };

    for (int i = 0; i < ARRAY_SIZE(properties); i++) {
        drmModeAtomicAddProperty(
            req, properties[i].object,
            kms_property(out->fd, properties[i].object, properties[i].type,
                         properties[i].name), properties[i].value);
    }
}

static void kms_commit_failed(KmsOutput *out, int code)
{
    if (code == EACCES || code == EPERM) {
        g_autofree char *who = kms_master(out->number);

        warn_report_once("%s shows what another program has set%s%s: end it, "
                         "or let it use another device", out->name,
                         who ? ", " : "", who ?: "");
    } else if (code != EBUSY && code != EFAULT) {
        warn_report_once("%s does not show the picture: %s", out->name,
                         strerror(code));
    }
    kms_planes_forget(out->planes);
    if (code == EFAULT) {
        /* The last good picture stays, and the guest goes on. */
        screen_done(out->screen, out->serial);
    }
}

static void kms_committed(KmsOutput *out)
{
    static bool told;

    out->flipping = true;
    out->set_mode = false;
    out->committed_us = g_get_monotonic_time();
    kms_planes_committed(out->planes);
    if (!told && kms_planes_copy(out->planes)) {
        told = true;
        info_report("%s has no planes for what the guest shows as it is: it "
                    "is copied", out->name);
    }
}

/* Returns: 0, or what the driver says */
static int kms_commit_once(KmsOutput *out, pixman_region32_t *damage)
{
    uint32_t flags = DRM_MODE_PAGE_FLIP_EVENT;
    drmModeAtomicReq *req = drmModeAtomicAlloc();
    bool done;
    int code;

    if (out->set_mode) {
        flags |= DRM_MODE_ATOMIC_ALLOW_MODESET;
        kms_add_mode(out, req);
    } else {
        flags |= DRM_MODE_ATOMIC_NONBLOCK;
    }
    done = kms_planes_place(out->planes, req, flags, damage) &&
           drmModeAtomicCommit(out->fd, req, flags, out) == 0;
    code = done ? 0 : errno;
    drmModeAtomicFree(req);
    return code;
}

static void kms_commit(KmsOutput *out)
{
    pixman_region32_t damage;
    int code;

    pixman_region32_init(&damage);
    screen_take(out->screen, ++out->serial, &damage);
    code = kms_commit_once(out, &damage);
    if (code && code != EBUSY && code != EACCES && code != EPERM &&
        code != EFAULT && kms_planes_refused(out->planes)) {
        code = kms_commit_once(out, &damage);
    }
    pixman_region32_fini(&damage);
    if (code) {
        kms_commit_failed(out, code);
    } else {
        kms_committed(out);
    }
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
    kms_planes_flipped(out->planes);
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

static void kms_set_mode(KmsOutput *out, int mode)
{
    const drmModeModeInfo *info =
        &g_array_index(out->modes, drmModeModeInfo, mode);

    if (out->mode_blob) {
        drmModeDestroyPropertyBlob(out->fd, out->mode_blob);
    }
    drmModeCreatePropertyBlob(out->fd, info, sizeof(*info), &out->mode_blob);
    out->mode = mode;
    out->width = info->hdisplay;
    out->height = info->vdisplay;
    out->set_mode = true;
    kms_planes_resize(out->planes, out->width, out->height);
}

/* The best one for a picture of that size; 0: without any */
static int kms_find_mode(KmsOutput *out, int width, int height)
{
    g_autofree ScreenMode *modes = g_new(ScreenMode, out->modes->len);

    for (guint i = 0; i < out->modes->len; i++) {
        modes[i] = kms_mode(&g_array_index(out->modes, drmModeModeInfo, i));
    }
    return screen_mode_choose(modes, out->modes->len, width, height);
}

static void kms_choose_mode(KmsOutput *out)
{
    int mode = kms_find_mode(out, out->view_width, out->view_height);

    if (mode != out->mode) {
        kms_set_mode(out, mode);
    }
}

static void kms_look_at_picture(KmsOutput *out)
{
    ScreenRect view = out->screen->planes[SCREEN_PICTURE].view;

    if (view.width != out->view_width || view.height != out->view_height) {
        out->view_width = view.width;
        out->view_height = view.height;
        /* A guest whose screen is off leaves the mode as it is. */
        if (view.width || out->mode < 0) {
            kms_choose_mode(out);
        }
    }
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

static bool kms_takes(void *opaque, ScreenBuffer *buffer)
{
    KmsOutput *out = opaque;

    return kms_import(out->fd, buffer);
}

static const ScreenOutputOps kms_output_ops = {
    .picture_changed = kms_changed,
    .cursor_changed = kms_changed,
    .takes = kms_takes,
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
        ScreenMode mode;

        g_array_set_size(out->modes, 0);
        g_array_append_vals(out->modes, connector->modes->data,
                            connector->modes->len);
        out->mode = -1;
        kms_choose_mode(out);
        mode = kms_mode(&g_array_index(out->modes, drmModeModeInfo,
                                       kms_find_mode(out, 0, 0)));
        dbus_client_wish(out->client, connector->width_mm,
                         connector->height_mm, mode.width, mode.height,
                         mode.refresh_mhz);
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
    screen_to_picture(kms_planes_fit(out->planes), out->view_width,
                      out->view_height, x, y);
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
    if (!kms_wait_for_master(out)) {
        g_autofree char *who = kms_master(out->number);

        error_setg(errp, "Another program sets the modes of card%d%s%s",
                   out->number, who ? ": " : "", who ?: "");
        error_append_hint(errp, "End that desktop or program, or switch to a "
                          "console of its own for this one.\n");
        return false;
    }
    out->planes = kms_planes_new(out->fd, out->crtc, out->screen);
    if (!out->planes) {
        error_setg(errp, "The planes of card%d cannot be used", out->number);
        return false;
    }
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
    kms_planes_free(out->planes);
    /* The buffers' imports are the device's, too. */
    screen_show(out->screen, NULL, (ScreenRect) { }, false);
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
