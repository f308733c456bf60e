/*
 * What moves on a VNC server's screen, as video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/timer.h"
#include "ui/qemu-spice-module.h"
#include "vnc-dmabuf.h"
#include "vnc-motion-clock.h"
#include "vnc-video.h"
#include "vnc-video-client.h"
#include "video-encoder-backend.h"
#ifdef CONFIG_GSTREAMER
#include "video-encoder-gst.h"
#endif

/* Somebody who copies a frame is done by then. */
#define RETRY_MS 2

struct VncVideoDisplay {
    VncVideoShared shared;
    bool off;               /* it was not, before it was set up anew */
    int listeners;          /* clients that list the encoding */
    VncMotion *motion;      /* while there is one; of the server's surface */
    VncMotionClock clock;
    bool moved[VNC_MOTION_RECTS];   /* in this refresh */
    bool noted[VNC_MOTION_RECTS];   /* where it was has been noted */
};

/* --- Options ------------------------------------------------------------- */

/* It may have been on, before it was set up anew. */
static void vnc_video_off(VncDisplay *vd)
{
    VncState *vs;

    if (!vd->video) {
        return;
    }
    vnc_dmabuf_unwatched(vd->dmabuf);
    QTAILQ_FOREACH(vs, &vd->clients, next) {
        vnc_video_client_free(vs);
    }
    vd->video->off = true;
}

bool vnc_video_setup(VncDisplay *vd, QemuOpts *opts, Error **errp)
{
    const char *mode = qemu_opt_get(opts, "h264") ?: "auto";
    const char *encoder = qemu_opt_get(opts, "h264-encoder");
    uint64_t bitrate = qemu_opt_get_number(opts, "h264-bitrate", 0);
    VideoFacts facts;

    if (bitrate > VIDEO_BITRATE_MAX) {
        error_setg(errp, "h264-bitrate: no more than %u kbit/s",
                   VIDEO_BITRATE_MAX);
        return false;
    }
    if (!strcmp(mode, "off")) {
        vnc_video_off(vd);
        return true;
    }
    if (strcmp(mode, "on") && strcmp(mode, "auto")) {
        error_setg(errp, "h264=%s: on, off or auto", mode);
        return false;
    }
#ifdef CONFIG_GSTREAMER
    video_encoder_set_backend(&video_encoder_gst);
    if (!using_spice) {
        /* SPICE may be using GStreamer as well. */
        video_encoder_gst_prepare();
    }
#endif
    encoder = encoder ? g_intern_string(encoder) : NULL;
    if (!strcmp(mode, "on") &&
        !video_encoder_find(encoder, NULL, &facts, errp)) {
        error_prepend(errp, "h264=on: ");
        return false;
    }
    if (!vd->video) {
        vd->video = g_new0(VncVideoDisplay, 1);
        vd->dmabuf = vnc_dmabuf_new(vd, &vd->video->shared);
    }
    vd->video->off = false;
    vd->video->shared.encoder = encoder;
    vd->video->shared.bitrate = bitrate;
    return true;
}

/* --- Changes of the screen ----------------------------------------------- */

static bool vnc_video_all_live(VncDisplay *vd, int index)
{
    VncState *vs;

    QTAILQ_FOREACH(vs, &vd->clients, next) {
        if (!vs->video || !vnc_video_live(vs->video, index)) {
            return false;
        }
    }
    return true;
}

static void vnc_video_note_row(VncDisplay *vd, int x, int y, int n,
                               const uint32_t *before, const uint32_t *after)
{
    const int step = VNC_DIRTY_PIXELS_PER_BIT;

    for (int i = 0; i < n; i += step) {
        int m = MIN(step, n - i);

        if (memcmp(before + i, after + i, m * sizeof(*before))) {
            vnc_motion_note(vd->video->motion, x + i, y, m, before + i,
                            after + i);
        }
    }
}

/*
 * Returns whether the rectangle has changed. Once that is known, rows need not
 * be compared unless it is of interest where.
 */
static bool vnc_video_copy_row(VncDisplay *vd, int index, int y,
                               const uint8_t *guest, bool changed)
{
    const VncMotionRect *r = vnc_motion_rect(vd->video->motion, index);
    bool look = vd->video->noted[index];
    size_t bytes = r->w * VNC_SERVER_FB_BYTES;
    void *server = vnc_server_fb_ptr(vd, r->x, y);

    guest += r->x * VNC_SERVER_FB_BYTES;
    if ((!changed || look) && !memcmp(server, guest, bytes)) {
        return changed;
    }
    if (look) {
        vnc_video_note_row(vd, r->x, y, r->w, server, (const void *)guest);
    }
    memcpy(server, guest, bytes);
    return true;
}

static bool vnc_video_copy_rect(VncDisplay *vd, int index,
                                const uint8_t *(*row)(void *opaque, int y),
                                void *opaque)
{
    const VncMotionRect *r = vnc_motion_rect(vd->video->motion, index);
    int first = r->x / VNC_DIRTY_PIXELS_PER_BIT;
    int end = DIV_ROUND_UP(r->x + r->w, VNC_DIRTY_PIXELS_PER_BIT);
    int inner = DIV_ROUND_UP(r->x, VNC_DIRTY_PIXELS_PER_BIT);
    int inner_end = (r->x + r->w) / VNC_DIRTY_PIXELS_PER_BIT;
    bool changed = false;

    for (int y = r->y; y < r->y + r->h; y++) {
        unsigned long *line = vnc_dirty_line(vd, vd->guest.dirty, y);

        if (find_next_bit(line, end, first) >= end) {
            continue;
        }
        changed = vnc_video_copy_row(vd, index, y, row(opaque, y), changed);
        bitmap_clear(line, inner, inner_end - inner);
    }
    return changed;
}

bool vnc_video_copy(VncDisplay *vd,
                    const uint8_t *(*row)(void *opaque, int y), void *opaque)
{
    VncVideoDisplay *display = vd->video;
    bool changed = false;

    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        display->moved[i] = display->noted[i] = false;
        if (vnc_motion_rect(display->motion, i)->w &&
            vnc_video_all_live(vd, i)) {
            display->noted[i] = vnc_motion_wants_notes(display->motion, i,
                                                       display->clock.ms);
            display->moved[i] = vnc_video_copy_rect(vd, i, row, opaque);
            changed |= display->moved[i];
        }
    }
    return changed;
}

bool vnc_video_look(VncDisplay *vd)
{
    VncVideoDisplay *display = vd->video;

    if (!display || !display->motion) {
        return false;
    }
    vnc_motion_clock_look(&display->clock,
                          qemu_clock_get_ms(QEMU_CLOCK_REALTIME));
    /* What differs from a stale surface did not change just now. */
    return !display->shared.stale;
}

int vnc_video_blocked(VncDisplay *vd)
{
    if (vd->video) {
        vnc_motion_clock_block(&vd->video->clock);
    }
    return vd->video && qatomic_read(&vd->video->shared.copying) ?
        RETRY_MS : GUI_REFRESH_INTERVAL_DEFAULT;
}

void vnc_video_waited(VncDisplay *vd, int64_t ms)
{
    if (vd->video) {
        vnc_motion_clock_wait(&vd->video->clock, ms);
    }
}

void vnc_video_note(VncDisplay *vd, int x, int y, int n,
                    const uint8_t *before, const uint8_t *after)
{
    VncVideoDisplay *display = vd->video;

    vnc_motion_note(display->motion, x, y, n, (const uint32_t *)before,
                    (const uint32_t *)after);
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        const VncMotionRect *r = vnc_motion_rect(display->motion, i);

        if (vnc_motion_rect_inside(r, x, y, n, 1)) {
            display->moved[i] = display->noted[i] = true;
        }
    }
}

/* --- From one refresh to the next ---------------------------------------- */

/* Once in a refresh, for what has changed in it. */
static void vnc_video_moved(VncDisplay *vd, int index)
{
    VncVideoDisplay *display = vd->video;
    VncState *vs;

    vnc_motion_moved(display->motion, index, display->noted[index],
                     display->clock.ms);
    QTAILQ_FOREACH(vs, &vd->clients, next) {
        if (vs->video) {
            vnc_video_mark(vs->video, index);
        }
    }
}

/* That which is all of the screen and video for everybody, or -1. */
static int vnc_video_whole(VncDisplay *vd)
{
    VncVideoDisplay *display = vd->video;

    for (int i = 0; display->motion && i < VNC_MOTION_RECTS; i++) {
        const VncMotionRect *r = vnc_motion_rect(display->motion, i);

        if (r->w == vd->true_width &&
            r->h == pixman_image_get_height(vd->server)) {
            return vnc_video_all_live(vd, i) ? i : -1;
        }
    }
    return -1;
}

/* Another of the guest's buffers is a change of all of the screen. */
static void vnc_video_follow_flips(VncDisplay *vd)
{
    VncVideoDisplay *display = vd->video;
    int whole = vnc_video_whole(vd);

    if (vnc_dmabuf_flipped(vd->dmabuf) && whole >= 0) {
        vnc_motion_note_all(display->motion, whole);
        display->moved[whole] = display->noted[whole] = true;
    }
}

/* Motion is looked for as long as somebody wants video. */
static void vnc_video_follow_motion(VncDisplay *vd)
{
    VncVideoDisplay *display = vd->video;
    int height = pixman_image_get_height(vd->server);

    if (display->motion &&
        (!display->listeners ||
         !vnc_motion_matches(display->motion, vd->true_width, height))) {
        g_clear_pointer(&display->motion, vnc_motion_free);
    }
    if (!display->motion && display->listeners) {
        display->motion = vnc_motion_new(vd->true_width, height);
    }
    if (!display->motion) {
        return;
    }
    vnc_video_follow_flips(vd);
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        if (display->moved[i]) {
            vnc_video_moved(vd, i);
            display->moved[i] = false;
        }
    }
    vnc_motion_update(display->motion, display->clock.ms);
}

bool vnc_video_refresh(VncDisplay *vd)
{
    VncVideoDisplay *display = vd->video;
    bool active = false;
    VncState *vs;

    if (!display || (!display->listeners && !display->motion &&
                     !display->shared.stale)) {
        return false;
    }
    active = display->shared.stale;
    vnc_video_follow_motion(vd);
    vnc_dmabuf_follow(vd->dmabuf, vnc_video_whole(vd));
    QTAILQ_FOREACH(vs, &vd->clients, next) {
        if (vs->video && !vs->disconnecting) {
            active |= vnc_video_follow(vs->video, display->motion);
        }
    }
    return active;
}

/* --- Clients ------------------------------------------------------------- */

void vnc_video_listed(VncState *vs, bool listed)
{
    VncVideoDisplay *display = vs->vd->video;

    if (!display || display->off ||
        listed == (vs->video && vnc_video_wanted(vs->video))) {
        return;
    }
    if (!vs->video) {
        vs->video = vnc_video_new(vs, &display->shared);
    }
    display->listeners += listed ? 1 : -1;
    vnc_video_want(vs->video, listed);
}

void vnc_video_client_free(VncState *vs)
{
    if (vs->video) {
        vnc_video_listed(vs, false);
        vnc_video_free(g_steal_pointer(&vs->video));
    }
}

void vnc_video_stop(VncDisplay *vd)
{
    VncState *vs;

    if (!vd->video) {
        return;
    }
    QTAILQ_FOREACH(vs, &vd->clients, next) {
        if (vs->video) {
            vnc_video_reset(vs->video);
        }
    }
    g_clear_pointer(&vd->video->motion, vnc_motion_free);
    vnc_dmabuf_stop(vd->dmabuf);
}
