/*
 * What moves on a VNC server's screen, as video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "ui/qemu-spice-module.h"
#include "vnc.h"
#include "vnc-enc-h264.h"
#include "vnc-jobs.h"
#include "vnc-motion.h"
#include "vnc-video.h"
#include "video-stream.h"
#ifdef CONFIG_GSTREAMER
#include "video-encoder-gst.h"
#endif
#include "trace.h"
#ifdef CONFIG_LINUX
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif

/* A line that takes so much longer than at its best is too slow. */
#define LATE_MS 40

/* Somebody who copies a frame is done by then. */
#define RETRY_MS 2

/* How often the bitrate is thought about. */
#define BITRATE_MS 250

/* So many frames without a failure, and the earlier ones are forgotten. */
#define RECOVERED_FRAMES 60

/* A client that turns the encoding off and on gets an encoder so often. */
#define RELIST_MS 500

struct VncVideoDisplay {
    const char *encoder;    /* the only one to use, or NULL; never freed */
    unsigned bitrate;       /* the most for a client, in kbit/s, or 0 */
    int listeners;          /* clients that list the encoding */
    VncMotion *motion;      /* while there is one; of the server's surface */
    int64_t clock_ms;       /* the motion's */
    int64_t looked_ms;
    bool blocked;           /* the screen was not looked at since then */
    bool moved[VNC_MOTION_RECTS];   /* in this refresh */
    bool noted[VNC_MOTION_RECTS];   /* where it was has been noted */
    bool copying;           /* atomic: a stream has the display's lock */
    bool warned;
};

/* A rectangle of one client. */
typedef struct VncVideoContext {
    VncVideo *video;
    VncMotionRect rect;
    VideoStream *stream;    /* NULL: there is none */
    bool live;              /* the encoder is there: what is dirty is ours */
    bool dirty;
    bool key;               /* the next frame is to be a key frame */
    bool asked;             /* the frame on its way answers a request */
    uint64_t frames;
    int64_t encode_ms;      /* a frame takes so long, four times that */
} VncVideoContext;

struct VncVideo {
    VncState *vs;
    bool listed;
    bool owes;              /* frames were begun in answer to a request */
    int64_t sent_ms;        /* when the last frame was, or 0: it has asked */
    int64_t client_ms;      /* to the next request, four times that */
    int64_t best_ms;        /* the shortest such time */
    QEMUBH *bh;
    VncVideoContext contexts[VNC_MOTION_RECTS];

    unsigned refused[VIDEO_ENCODERS_MAX];
    unsigned failures;      /* in a row */
    int64_t not_before_ms;

    unsigned bitrate;       /* for all of the screen */
    int64_t bitrate_ms;
    unsigned begun, late;   /* since then */

    /* For query-vnc. */
    char *encoder;
    VideoPath path;
    uint64_t frames, key_frames, bytes, dropped, fallbacks;
    uint64_t bytes_read;    /* atomic: the streams' threads count it */
};

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
}

/* --- Options ------------------------------------------------------------- */

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
    if (!strcmp(mode, "on") && !video_encoder_find(encoder, &facts, errp)) {
        error_prepend(errp, "h264=on: ");
        return false;
    }
    if (!vd->video) {
        vd->video = g_new0(VncVideoDisplay, 1);
    }
    vd->video->encoder = encoder;
    vd->video->bitrate = bitrate;
    return true;
}

/* --- Contexts ------------------------------------------------------------ */

static bool vnc_video_fill(void *opaque, void *pixels, size_t stride)
{
    VncVideoContext *context = opaque;
    const VncMotionRect *r = &context->rect;
    VncDisplay *vd = context->video->vs->vd;

    vnc_lock_display(vd);
    qatomic_set(&vd->video->copying, true);
    for (int y = 0; y < r->h; y++) {
        memcpy(pixels + y * stride, vnc_server_fb_ptr(vd, r->x, r->y + y),
               r->w * VNC_SERVER_FB_BYTES);
    }
    qatomic_set(&vd->video->copying, false);
    vnc_unlock_display(vd);
    qatomic_add(&context->video->bytes_read,
                (uint64_t)r->w * r->h * VNC_SERVER_FB_BYTES);
    trace_vnc_video_feed(context->video->vs, r->x, r->y, r->w, r->h);
    return true;
}

static void vnc_video_changed(void *opaque)
{
    VncVideoContext *context = opaque;

    qemu_bh_schedule(context->video->bh);
}

static const VideoStreamOps stream_ops = {
    .fill = vnc_video_fill,
    .changed = vnc_video_changed,
};

/* A rectangle's part of what all of the screen may take. */
static unsigned vnc_video_bitrate(const VncVideoContext *context)
{
    const VncVideo *video = context->video;
    VncDisplay *vd = video->vs->vd;
    int64_t screen = (int64_t)vd->true_width *
        pixman_image_get_height(vd->server);
    int64_t part = (int64_t)context->rect.w * context->rect.h;

    return MAX(video->bitrate * part / screen, VIDEO_BITRATE_MIN);
}

static unsigned vnc_video_most(const VncVideo *video)
{
    VncDisplay *vd = video->vs->vd;

    return vd->video->bitrate ?:
        video_bitrate_default(vd->true_width,
                              pixman_image_get_height(vd->server));
}

static void vnc_video_open(VncVideo *video, VncVideoContext *context,
                           const VncMotionRect *rect)
{
    VideoStreamConfig config = {
        .wanted = video->vs->vd->video->encoder,
        .width = rect->w,
        .height = rect->h,
    };

    *context = (VncVideoContext) { .video = video, .rect = *rect };
    if (!video->bitrate) {
        video->bitrate = vnc_video_most(video);
        video->best_ms = INT64_MAX;
    }
    config.bitrate = vnc_video_bitrate(context);
    memcpy(config.refused, video->refused, sizeof(config.refused));
    context->stream = video_stream_new(&config, &stream_ops, context);
}

/* What was asked for and will not come that way is still to be sent. */
static void vnc_video_close(VncVideoContext *context, const char *reason)
{
    const VncMotionRect *r = &context->rect;
    VncVideo *video = context->video;
    VncState *vs = video->vs;

    if (!context->stream) {
        return;
    }
    trace_vnc_video_close(vs, r->x, r->y, r->w, r->h, reason);
    video_stream_free(g_steal_pointer(&context->stream));
    if (context->live) {
        context->live = false;
        vnc_set_area_dirty(vs->dirty, vs->vd, r->x, r->y, r->w, r->h);
        vs->has_dirty = 1;
    }
    if (video->owes && vs->update == VNC_STATE_UPDATE_NONE) {
        vs->update = VNC_STATE_UPDATE_INCREMENTAL;
    }
    video->owes = false;
}

static void vnc_video_close_all(VncVideo *video, const char *reason)
{
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        vnc_video_close(&video->contexts[i], reason);
    }
}

/* The encoder is there: from now on, the rectangle is a matter of its own. */
static void vnc_video_begin_context(VncVideoContext *context)
{
    const VncMotionRect *r = &context->rect;
    VncVideo *video = context->video;
    int index;

    context->live = true;
    context->dirty = true;
    g_free(video->encoder);
    video->encoder = video_stream_encoder(context->stream, &video->path,
                                          &index);
    trace_vnc_video_open(video->vs, video->encoder,
                         video_path_name(video->path),
                         r->x, r->y, r->w, r->h);
}

/*
 * An encoder that never gave a frame refuses them, and another one is tried at
 * once. One that worked, and the last one, are tried again later.
 */
static void vnc_video_fail(VncVideoContext *context)
{
    g_autofree char *why = video_stream_error(context->stream);
    g_autofree char *name = NULL;
    VncVideo *video = context->video;
    VncVideoDisplay *display = video->vs->vd->video;
    VideoPath path;
    int index;

    name = video_stream_encoder(context->stream, &path, &index);
    trace_vnc_video_fallback(video->vs, name ?: "none", why);
    if (!display->warned && (index >= 0 || display->encoder)) {
        display->warned = true;
        warn_report("VNC: no H.264 for now, an encoder fails: %s", why);
    }
    if (index >= 0) {
        video->fallbacks++;
    }
    if (index >= 0 && !context->frames) {
        video->refused[index] |= 1u << path;
    } else {
        memset(video->refused, 0, sizeof(video->refused));
        video->not_before_ms = now_ms() + video_backoff_ms(++video->failures);
    }
    vnc_video_close(context, why);
}

/* --- Frames -------------------------------------------------------------- */

static bool vnc_video_has_others(const VncVideoContext *context)
{
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        const VncVideoContext *other = &context->video->contexts[i];

        if (other != context && other->live && other->frames) {
            return true;
        }
    }
    return false;
}

static void vnc_video_send(VncVideoContext *context, const VideoFrame *frame)
{
    uint32_t flags = vnc_h264_flags(!context->frames,
                                    vnc_video_has_others(context));
    const VncMotionRect *r = &context->rect;
    VncVideo *video = context->video;
    uint8_t header[VNC_H264_HEADER_BYTES];
    VncState *vs = video->vs;

    vnc_h264_header(header, r->x, r->y, r->w, r->h, flags, frame->data->len);
    vnc_lock_output(vs);
    vnc_write(vs, header, sizeof(header));
    vnc_write(vs, frame->data->data, frame->data->len);
    vnc_unlock_output(vs);
    vnc_flush(vs);

    trace_vnc_video_frame(vs, r->x, r->y, r->w, r->h, frame->data->len, flags,
                          frame->us);
    context->encode_ms += frame->us / 1000 - context->encode_ms / 4;
    video->sent_ms = now_ms();
    video->owes = false;
    vs->updated = true;
    video->frames++;
    video->key_frames += frame->key;
    video->bytes += frame->data->len;
    if (++context->frames == RECOVERED_FRAMES) {
        video->failures = 0;
    }
}

/* One frame that was begun early is as good as an update. */
static void vnc_video_take(VncVideoContext *context)
{
    VncState *vs = context->video->vs;
    VideoFrame frame;

    if (!context->asked && vs->update == VNC_STATE_UPDATE_NONE) {
        return;
    }
    if (!video_stream_take(context->stream, &frame)) {
        return;
    }
    if (!context->asked && vs->update == VNC_STATE_UPDATE_INCREMENTAL) {
        vs->update = VNC_STATE_UPDATE_NONE;
    }
    vnc_video_send(context, &frame);
    g_byte_array_unref(frame.data);
}

/* What the streams have to say; then the next frames. */
static void vnc_video_bh(void *opaque)
{
    VncVideo *video = opaque;
    VncState *vs = video->vs;

    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        VncVideoContext *context = &video->contexts[i];

        if (!context->stream) {
            continue;
        }
        if (video_stream_state(context->stream) == VIDEO_STREAM_FAILED) {
            vnc_video_fail(context);
        } else if (context->live) {
            vnc_video_take(context);
        }
    }
    if (vs->has_dirty) {
        /* vs might be freed here */
        vnc_update_client(vs, 0);
    }
}

/* Bytes that were sent and have not arrived yet. */
static size_t vnc_video_queue(const VncState *vs)
{
    int unsent = 0;

#ifdef SIOCOUTQ
    if (ioctl(vs->sioc->fd, SIOCOUTQ, &unsent) < 0) {
        unsent = 0;
    }
#endif
    return vs->output.offset + unsent;
}

static void vnc_video_begin(VncVideoContext *context, bool asked)
{
    VncVideo *video = context->video;
    int64_t since = now_ms() - video->sent_ms;

    if (!video_stream_begin(context->stream, context->key,
                            vnc_video_bitrate(context))) {
        return;
    }
    video->begun++;
    video->late += video->best_ms != INT64_MAX &&
        since > video->best_ms + LATE_MS && vnc_video_queue(video->vs);
    context->asked = asked;
    context->dirty = false;
    context->key = false;
}

/* So that it is ready when the client will ask for it. */
static void vnc_video_begin_early(VncVideoContext *context)
{
    VncVideo *video = context->video;
    VncState *vs = video->vs;

    if (context->dirty && vs->update == VNC_STATE_UPDATE_NONE &&
        video->sent_ms && !vs->output.offset &&
        now_ms() >= video->sent_ms +
        (video->client_ms - context->encode_ms) / 4) {
        vnc_video_begin(context, false);
    }
}

/* Takes what lies within the rectangle out of the client's dirty bitmap. */
static bool vnc_video_mask(VncState *vs, const VncMotionRect *r)
{
    int first = DIV_ROUND_UP(r->x, VNC_DIRTY_PIXELS_PER_BIT);
    int end = (r->x + r->w) / VNC_DIRTY_PIXELS_PER_BIT;
    bool dirty = false;

    for (int y = r->y; y < r->y + r->h; y++) {
        unsigned long *line = vnc_dirty_line(vs->vd, vs->dirty, y);

        if (find_next_bit(line, end, first) < end) {
            bitmap_clear(line, first, end - first);
            dirty = true;
        }
    }
    return dirty;
}

VncVideoUpdate vnc_video_update(VncState *vs)
{
    VncVideoUpdate update = { 0 };
    VncVideo *video = vs->video;

    for (int i = 0; video && i < VNC_MOTION_RECTS; i++) {
        VncVideoContext *context = &video->contexts[i];

        if (!context->live) {
            continue;
        }
        context->dirty |= vnc_video_mask(vs, &context->rect);
        if (!context->dirty) {
            continue;
        }
        context->key |= vs->update == VNC_STATE_UPDATE_FORCE;
        if (!vs->output.offset) {
            vnc_video_begin(context, true);
        }
        update.begun |= !context->dirty;
        update.waiting |= context->dirty;
    }
    if (update.begun) {
        video->owes = true;
        vs->updated = true;
    }
    return update;
}

void vnc_video_answered(VncState *vs)
{
    if (vs->video) {
        vs->video->owes = false;
    }
}

void vnc_video_requested(VncState *vs)
{
    VncVideo *video = vs->video;
    int64_t took;

    if (!video) {
        return;
    }
    if (video->sent_ms) {
        took = now_ms() - video->sent_ms;
        video->client_ms += took - video->client_ms / 4;
        video->best_ms = MIN(video->best_ms, took);
        video->sent_ms = 0;
    }
    qemu_bh_schedule(video->bh);
}

/* --- Changes of the screen ----------------------------------------------- */

static bool vnc_video_all_live(VncDisplay *vd, int index)
{
    VncState *vs;

    QTAILQ_FOREACH(vs, &vd->clients, next) {
        if (!vs->video || !vs->video->contexts[index].live) {
            return false;
        }
    }
    return true;
}

/* Once in a refresh, for what has changed in it. */
static void vnc_video_mark(VncDisplay *vd, int index)
{
    VncState *vs;

    vnc_motion_moved(vd->video->motion, index, vd->video->noted[index],
                     vd->video->clock_ms);
    QTAILQ_FOREACH(vs, &vd->clients, next) {
        VncVideoContext *context;

        if (!vs->video || !vs->video->contexts[index].live) {
            continue;
        }
        context = &vs->video->contexts[index];
        vs->video->dropped += context->dirty;
        context->dirty = true;
        vs->has_dirty = 1;
    }
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
                                                       display->clock_ms);
            display->moved[i] = vnc_video_copy_rect(vd, i, row, opaque);
            changed |= display->moved[i];
        }
    }
    return changed;
}

/*
 * A client's other encoding can keep the screen locked for longer than motion
 * is waited for. What changed meanwhile is seen as one change, so that is to
 * be one slot.
 */
bool vnc_video_look(VncDisplay *vd)
{
    VncVideoDisplay *display = vd->video;
    int64_t now = now_ms(), step;

    if (!display || !display->motion) {
        return false;
    }
    step = now - display->looked_ms;
    display->clock_ms += display->blocked ? MIN(step, VNC_MOTION_SLOT_MS)
                                          : step;
    display->looked_ms = now;
    display->blocked = false;
    return true;
}

int vnc_video_blocked(VncDisplay *vd)
{
    if (vd->video) {
        vd->video->blocked = true;
    }
    return vd->video && qatomic_read(&vd->video->copying) ?
        RETRY_MS : GUI_REFRESH_INTERVAL_DEFAULT;
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
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        if (display->moved[i]) {
            vnc_video_mark(vd, i);
            display->moved[i] = false;
        }
    }
    vnc_motion_update(display->motion, display->clock_ms);
}

/* Can this client be sent video at all? */
static bool vnc_video_possible(const VncVideo *video, const VncMotionRect *r)
{
    const VncState *vs = video->vs;

    return video->listed && vs->client_pf.bytes_per_pixel == 4 &&
        r->x + r->w <= vs->client_width && r->y + r->h <= vs->client_height;
}

static bool same_rect(const VncMotionRect *a, const VncMotionRect *b)
{
    return a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h;
}

/* Returns whether there is video in the rectangle. */
static bool vnc_video_follow_rect(VncVideo *video, VncVideoContext *context,
                                  const VncMotionRect *r)
{
    if (context->stream) {
        video_stream_check(context->stream);
        if (video_stream_state(context->stream) == VIDEO_STREAM_FAILED) {
            vnc_video_fail(context);
        } else if (!r->w || !same_rect(r, &context->rect)) {
            vnc_video_close(context, r->w ? "it moved" : "it ended");
        } else if (!vnc_video_possible(video, r)) {
            vnc_video_close(context, "the client");
        }
    }
    if (!r->w || !vnc_video_possible(video, r)) {
        return false;
    }
    if (!context->stream && now_ms() >= video->not_before_ms) {
        vnc_video_open(video, context, r);
    }
    if (context->stream && !context->live &&
        video_stream_state(context->stream) == VIDEO_STREAM_IDLE) {
        vnc_video_begin_context(context);
        video->vs->has_dirty = 1;
    }
    if (context->live) {
        vnc_video_begin_early(context);
    }
    return context->stream;
}

static void vnc_video_follow_bitrate(VncVideo *video)
{
    unsigned next;

    if (!video->bitrate || now_ms() - video->bitrate_ms < BITRATE_MS) {
        return;
    }
    next = video_bitrate_next(video->bitrate, vnc_video_most(video),
                              video->begun, video->late);
    if (next != video->bitrate) {
        trace_vnc_video_bitrate(video->vs, next);
    }
    video->bitrate = next;
    video->bitrate_ms = now_ms();
    video->begun = video->late = 0;
}

bool vnc_video_refresh(VncDisplay *vd)
{
    VncVideoDisplay *display = vd->video;
    bool active = false;
    VncState *vs;

    if (!display || (!display->listeners && !display->motion)) {
        return false;
    }
    vnc_video_follow_motion(vd);
    QTAILQ_FOREACH(vs, &vd->clients, next) {
        if (!vs->video || vs->disconnecting) {
            continue;
        }
        for (int i = 0; display->motion && i < VNC_MOTION_RECTS; i++) {
            active |= vnc_video_follow_rect(vs->video,
                                            &vs->video->contexts[i],
                                            vnc_motion_rect(display->motion,
                                                            i));
        }
        vnc_video_follow_bitrate(vs->video);
    }
    return active;
}

/* --- Clients ------------------------------------------------------------- */

static VncVideo *vnc_video_new(VncState *vs)
{
    VncVideo *video = g_new0(VncVideo, 1);

    video->vs = vs;
    video->bh = qemu_bh_new(vnc_video_bh, video);
    return video;
}

void vnc_video_listed(VncState *vs, bool listed)
{
    VncVideoDisplay *display = vs->vd->video;

    if (!display || listed == (vs->video && vs->video->listed)) {
        return;
    }
    if (!vs->video) {
        vs->video = vnc_video_new(vs);
    }
    vs->video->listed = listed;
    display->listeners += listed ? 1 : -1;
    if (!listed) {
        vnc_video_close_all(vs->video, "the client's encodings");
        vs->video->not_before_ms = MAX(vs->video->not_before_ms,
                                       now_ms() + RELIST_MS);
    }
}

void vnc_video_client_free(VncState *vs)
{
    VncVideo *video = vs->video;

    if (!video) {
        return;
    }
    vnc_video_listed(vs, false);
    vs->video = NULL;
    qemu_bh_delete(video->bh);
    g_free(video->encoder);
    g_free(video);
}

void vnc_video_stop(VncDisplay *vd)
{
    VncState *vs;

    if (!vd->video) {
        return;
    }
    QTAILQ_FOREACH(vs, &vd->clients, next) {
        if (vs->video) {
            vnc_video_close_all(vs->video, "the screen");
            memset(vs->video->refused, 0, sizeof(vs->video->refused));
            vs->video->bitrate = 0;
        }
    }
    g_clear_pointer(&vd->video->motion, vnc_motion_free);
}

static const VncVideoPath vnc_video_paths[] = {
    [VIDEO_PATH_NONE] = VNC_VIDEO_PATH_NONE,
    [VIDEO_PATH_DMABUF] = VNC_VIDEO_PATH_DMABUF,
    [VIDEO_PATH_SURFACE] = VNC_VIDEO_PATH_SURFACE,
};

VncClientVideo *vnc_video_query(const VncState *vs)
{
    const VncVideo *video = vs->video;
    VncClientVideo *info;

    if (!video || !video->listed) {
        return NULL;
    }
    info = g_new0(VncClientVideo, 1);
    info->encoder = g_strdup(video->encoder);
    info->path = vnc_video_paths[video->path];
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        info->contexts += video->contexts[i].live;
    }
    info->frames = video->frames;
    info->key_frames = video->key_frames;
    info->bytes = video->bytes;
    info->dropped = video->dropped;
    info->fallbacks = video->fallbacks;
    info->bitrate = video->bitrate;
    info->bytes_read = qatomic_read(&video->bytes_read);
    return info;
}
