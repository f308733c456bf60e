/*
 * What one VNC client is sent of what moves, as video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qapi/clone-visitor.h"
#include "qapi/qapi-visit-ui.h"
#include "vnc.h"
#include "vnc-enc-h264.h"
#include "vnc-jobs.h"
#include "vnc-video-client.h"
#include "video-stream.h"
#include "trace.h"
#ifdef CONFIG_LINUX
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif

/* A line that takes so much longer than at its best is too slow. */
#define LATE_MS 40

/* How often the bitrate is thought about. */
#define BITRATE_MS 250

/* So many frames without a failure, and the earlier ones are forgotten. */
#define RECOVERED_FRAMES 60

/* A client that turns the encoding off and on gets an encoder so often. */
#define RELIST_MS 500

/* A rectangle of one client. */
typedef struct VncVideoContext {
    VncVideo *video;
    VncMotionRect rect;
    VideoStream *stream;    /* NULL: there is none */
    bool dmabuf;            /* it is given dma-bufs */
    QemuConsole *held;      /* whose dma-buf the encoder has, or NULL */
    VideoStream *next;      /* is to take its place, or is tried; or NULL */
    VideoDmabuf *trial;     /* what it is tried with; NULL: with pixels */
    VncVideoTrial result;
    bool says_key;          /* the encoder says which frames are key frames */
    unsigned in_vain[VIDEO_ENCODERS_MAX];   /* for whom it is no use */
    bool live;              /* the encoder is there: what is dirty is ours */
    bool dirty;
    bool key;               /* the next frame is to be a key frame */
    bool asked;             /* the frame on its way answers a request */
    uint64_t frames;
    int64_t encode_ms;      /* a frame takes so long, four times that */
} VncVideoContext;

struct VncVideo {
    VncState *vs;
    VncVideoShared *shared;
    bool listed;
    bool owes;              /* frames were begun in answer to a request */
    int64_t sent_ms;        /* when the last frame was, or 0: it has asked */
    int64_t client_ms;      /* to the next request, four times that */
    int64_t best_ms;        /* the shortest such time */
    QEMUBH *bh;
    VncVideoContext contexts[VNC_MOTION_RECTS];

    VideoEncoderRecord records[VIDEO_ENCODERS_MAX];
    unsigned failures;      /* in a row */
    int64_t not_before_ms;

    unsigned bitrate;       /* for all of the screen */
    int64_t bitrate_ms;
    unsigned begun, late;   /* since then */

    VncClientVideo info;    /* what is counted, and the encoder */
    uint64_t bytes_read;    /* atomic: the streams' threads count it */
};

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
}

static const VncVideoPath vnc_video_paths[] = {
    [VIDEO_PATH_NONE] = VNC_VIDEO_PATH_NONE,
    [VIDEO_PATH_DMABUF] = VNC_VIDEO_PATH_DMABUF,
    [VIDEO_PATH_SURFACE] = VNC_VIDEO_PATH_SURFACE,
};

/* --- Contexts ------------------------------------------------------------ */

static bool vnc_video_fill(void *opaque, void *pixels, size_t stride)
{
    VncVideoContext *context = opaque;
    const VncMotionRect *r = &context->rect;
    VncDisplay *vd = context->video->vs->vd;

    vnc_lock_display(vd);
    qatomic_set(&context->video->shared->copying, true);
    for (int y = 0; y < r->h; y++) {
        memcpy(pixels + y * stride, vnc_server_fb_ptr(vd, r->x, r->y + y),
               r->w * VNC_SERVER_FB_BYTES);
    }
    qatomic_set(&context->video->shared->copying, false);
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

    return video->shared->bitrate ?:
        video_bitrate_default(vd->true_width,
                              pixman_image_get_height(vd->server));
}

/* Of pixels, or if there is such a buffer, of dma-bufs. */
static VideoStream *vnc_video_stream_new(VncVideoContext *context,
                                         const VideoDmabuf *dmabuf)
{
    VncVideo *video = context->video;
    VideoStreamConfig config = {
        .wanted = video->shared->encoder,
        .width = context->rect.w,
        .height = context->rect.h,
        .bitrate = vnc_video_bitrate(context),
    };

    if (dmabuf) {
        config.dmabuf = true;
        config.format = dmabuf->format;
        memcpy(config.refused, context->in_vain, sizeof(config.refused));
    } else {
        for (int i = 0; i < VIDEO_ENCODERS_MAX; i++) {
            config.refused[i] =
                video_encoder_record_refused(&video->records[i], now_ms());
        }
    }
    return video_stream_new(&config, &stream_ops, context);
}

static void vnc_video_open(VncVideo *video, VncVideoContext *context,
                           const VncMotionRect *rect)
{
    *context = (VncVideoContext) { .video = video, .rect = *rect };
    if (!video->bitrate) {
        video->bitrate = vnc_video_most(video);
        video->best_ms = INT64_MAX;
    }
    context->stream = vnc_video_stream_new(context, NULL);
}

/* Somebody who draws the same buffer waits as long as the encoder has it. */
static void vnc_video_hold(VncVideoContext *context, QemuConsole *con)
{
    if (context->held) {
        graphic_hw_gl_block(context->held, false);
    }
    context->held = con;
    if (con) {
        graphic_hw_gl_block(con, true);
    }
}

static void vnc_video_stop_trial(VncVideoContext *context)
{
    g_clear_pointer(&context->next, video_stream_free);
    g_clear_pointer(&context->trial, video_dmabuf_unref);
}

/* What was asked for and will not come that way is still to be sent. */
static void vnc_video_ask_again(VncVideo *video)
{
    VncState *vs = video->vs;

    if (video->owes && vs->update == VNC_STATE_UPDATE_NONE) {
        vs->update = VNC_STATE_UPDATE_INCREMENTAL;
    }
    video->owes = false;
}

static void vnc_video_close(VncVideoContext *context, const char *reason)
{
    const VncMotionRect *r = &context->rect;
    VncVideo *video = context->video;
    VncState *vs = video->vs;

    if (!context->stream) {
        return;
    }
    trace_vnc_video_close(vs, r->x, r->y, r->w, r->h, reason);
    vnc_video_stop_trial(context);
    video_stream_free(g_steal_pointer(&context->stream));
    vnc_video_hold(context, NULL);
    if (context->live) {
        context->live = false;
        vnc_set_area_dirty(vs->dirty, vs->vd, r->x, r->y, r->w, r->h);
        vs->has_dirty = 1;
    }
    vnc_video_ask_again(video);
}

static void vnc_video_close_all(VncVideo *video, const char *reason)
{
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        vnc_video_close(&video->contexts[i], reason);
    }
}

static void vnc_video_begin_context(VncVideoContext *context)
{
    const VncMotionRect *r = &context->rect;
    VncVideo *video = context->video;
    VideoPath path;
    int index;

    context->live = true;
    context->dirty = true;
    g_free(video->info.encoder);
    video->info.encoder = video_stream_encoder(context->stream, &path, &index);
    video->info.path = vnc_video_paths[path];
    trace_vnc_video_open(video->vs, video->info.encoder, video_path_name(path),
                         r->x, r->y, r->w, r->h);
}

/*
 * An encoder that never gave a frame is left alone for a while, and another one
 * is tried at once. Once one has failed that worked, or there is none left,
 * there is no video for a while. One that was given dma-bufs may still take
 * pixels.
 */
static void vnc_video_blame(VncVideoContext *context, VideoStream *stream,
                            const char *why)
{
    g_autofree char *name = NULL;
    VncVideo *video = context->video;
    VncVideoShared *shared = video->shared;
    VideoPath path;
    int index;

    name = video_stream_encoder(stream, &path, &index);
    trace_vnc_video_fallback(video->vs, name ?: "none", why);
    if (path != VIDEO_PATH_DMABUF && !shared->warned &&
        (index >= 0 || shared->encoder)) {
        shared->warned = true;
        warn_report("VNC: no H.264 for now, an encoder fails: %s", why);
    }
    if (index >= 0) {
        video->info.fallbacks++;
    }
    if (path == VIDEO_PATH_DMABUF) {
        shared->dmabuf_failed = true;
    } else if (index >= 0 && (stream == context->next || !context->frames)) {
        video_encoder_record_failed(&video->records[index], path, now_ms());
    } else {
        video->not_before_ms = now_ms() + video_backoff_ms(++video->failures);
    }
}

static void vnc_video_fail_because(VncVideoContext *context, const char *why)
{
    vnc_video_blame(context, context->stream, why);
    vnc_video_close(context, why);
}

static void vnc_video_fail(VncVideoContext *context)
{
    g_autofree char *why = video_stream_error(context->stream);

    vnc_video_fail_because(context, why);
}

/* --- From pixels to dma-bufs, and back ------------------------------------ */

/* A client notices no more of it than a key frame. */
static void vnc_video_switch(VncVideoContext *context)
{
    bool dmabuf = context->trial != NULL;

    trace_vnc_video_close(context->video->vs, context->rect.x, context->rect.y,
                          context->rect.w, context->rect.h,
                          dmabuf ? "dma-bufs" : "pixels");
    video_stream_free(context->stream);
    vnc_video_hold(context, NULL);
    context->stream = g_steal_pointer(&context->next);
    vnc_video_stop_trial(context);
    context->dmabuf = dmabuf;
    context->frames = 0;
    context->asked = false;
    context->says_key &= dmabuf;
    /* the first frame was made of what was tried; that of pixels is sent */
    context->key = dmabuf;
    vnc_video_ask_again(context->video);
    vnc_video_begin_context(context);
    context->video->vs->has_dirty = 1;
}

/* No encoder of dma-bufs: another one; no other one: so be it. */
static void vnc_video_trial_failed(VncVideoContext *context)
{
    g_autofree char *why = video_stream_error(context->next);
    VideoPath path;
    int index;

    g_free(video_stream_encoder(context->next, &path, &index));
    if (!context->trial) {
        vnc_video_blame(context, context->next, why);
        vnc_video_close(context, why);
        return;
    }
    if (index >= 0) {
        trace_vnc_video_fallback(context->video->vs, "dma-buf", why);
        context->in_vain[index] |= 1u << path;
        video_stream_free(context->next);
        context->next = vnc_video_stream_new(context, context->trial);
        return;
    }
    context->video->info.fallbacks++;
    context->result = VNC_VIDEO_REFUSED;
    vnc_video_stop_trial(context);
}

static void vnc_video_follow_next(VncVideoContext *context)
{
    VideoFrame frame;

    video_stream_check(context->next);
    switch (video_stream_state(context->next)) {
    case VIDEO_STREAM_FAILED:
        vnc_video_trial_failed(context);
        break;
    case VIDEO_STREAM_IDLE:
        if (context->result == VNC_VIDEO_TRYING) {
            video_stream_begin(context->next, context->trial, true,
                               vnc_video_bitrate(context));
        }
        break;
    case VIDEO_STREAM_READY:
        if (!context->trial) {
            vnc_video_switch(context);
        } else if (video_stream_take(context->next, &frame)) {
            g_byte_array_unref(frame.data);
            context->says_key = frame.key;
            context->result = VNC_VIDEO_TRIED;
        }
        break;
    default:
        break;
    }
}

bool vnc_video_may_take_dmabufs(const VncVideo *video, int index)
{
    const VncVideoContext *context = &video->contexts[index];

    return context->live &&
        video_stream_may_take_dmabufs(context->stream);
}

void vnc_video_try(VncVideo *video, int index, VideoDmabuf *dmabuf)
{
    VncVideoContext *context = &video->contexts[index];

    vnc_video_stop_trial(context);
    memset(context->in_vain, 0, sizeof(context->in_vain));
    context->result = VNC_VIDEO_TRYING;
    context->trial = video_dmabuf_ref(dmabuf);
    context->next = vnc_video_stream_new(context, dmabuf);
}

VncVideoTrial vnc_video_trial(const VncVideo *video, int index)
{
    return video->contexts[index].result;
}

void vnc_video_end_trial(VncVideo *video, int index, bool use)
{
    VncVideoContext *context = &video->contexts[index];

    if (use && context->next && context->live) {
        vnc_video_switch(context);
    } else {
        vnc_video_stop_trial(context);
    }
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

/* What this encoder refused or did not answer before is forgotten. */
static void vnc_video_recovered(VncVideoContext *context)
{
    VncVideo *video = context->video;
    VideoPath path;
    int index;

    g_free(video_stream_encoder(context->stream, &path, &index));
    video->records[index].failures[path] = 0;
    video->failures = 0;
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
    video->info.frames++;
    video->info.key_frames += frame->key;
    video->info.bytes += frame->data->len;
    if (++context->frames == RECOVERED_FRAMES) {
        vnc_video_recovered(context);
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
    if (!context->frames && context->says_key && !frame.key) {
        /* the client cannot begin with it */
        vnc_video_fail_because(context, "it made no key frame");
    } else {
        vnc_video_send(context, &frame);
    }
    g_byte_array_unref(frame.data);
}

/* From its first frame on, the rectangle is a matter of its own. */
static void vnc_video_look_at(VncVideoContext *context)
{
    VideoStreamState state = video_stream_state(context->stream);

    if (state == VIDEO_STREAM_FAILED) {
        vnc_video_fail(context);
        return;
    }
    if (!context->live && state == VIDEO_STREAM_READY) {
        vnc_video_begin_context(context);
        context->video->vs->has_dirty = 1;
    }
    if (context->live) {
        vnc_video_take(context);
    }
}

/* What the streams have to say; then the next frames. */
static void vnc_video_bh(void *opaque)
{
    VncVideo *video = opaque;
    VncState *vs = video->vs;

    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        VncVideoContext *context = &video->contexts[i];

        if (context->next) {
            vnc_video_follow_next(context);
        }
        if (!context->stream) {
            continue;
        }
        if (video_stream_state(context->stream) != VIDEO_STREAM_BUSY) {
            vnc_video_hold(context, NULL);
        }
        vnc_video_look_at(context);
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
    VncVideoShared *shared = video->shared;
    int64_t since = now_ms() - video->sent_ms;
    VideoDmabuf *dmabuf = context->dmabuf ? shared->dmabuf : NULL;

    /* the last dma-buf was sent, and what came after it are pixels */
    if ((context->dmabuf && !dmabuf) ||
        !video_stream_begin(context->stream, dmabuf, context->key,
                            vnc_video_bitrate(context))) {
        return;
    }
    if (dmabuf) {
        vnc_video_hold(context, shared->con);
        trace_vnc_video_feed(video->vs, context->rect.x, context->rect.y,
                             context->rect.w, context->rect.h);
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
        update.live = true;
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

/* --- From one refresh to the next ---------------------------------------- */

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
    if (!context->stream && now_ms() >= video->not_before_ms &&
        !video->shared->stale) {
        vnc_video_open(video, context, r);
    }
    if (context->dmabuf && !context->next && !video->shared->dmabuf &&
        !video->shared->stale && context->stream) {
        context->result = VNC_VIDEO_TRYING;
        context->next = vnc_video_stream_new(context, NULL);
    }
    if (context->next) {
        vnc_video_follow_next(context);
    }
    if (context->stream && !context->live) {
        /* an encoder may take its time for the first frame: nobody waits */
        video_stream_begin(context->stream, NULL, false,
                           vnc_video_bitrate(context));
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

bool vnc_video_follow(VncVideo *video, const VncMotion *motion)
{
    bool active = false;

    for (int i = 0; motion && i < VNC_MOTION_RECTS; i++) {
        active |= vnc_video_follow_rect(video, &video->contexts[i],
                                        vnc_motion_rect(motion, i));
    }
    vnc_video_follow_bitrate(video);
    return active;
}

bool vnc_video_live(const VncVideo *video, int index)
{
    return video->contexts[index].live;
}

void vnc_video_mark(VncVideo *video, int index)
{
    VncVideoContext *context = &video->contexts[index];

    if (!context->live) {
        return;
    }
    video->info.dropped += context->dirty;
    context->dirty = true;
    video->vs->has_dirty = 1;
}

void vnc_video_reset(VncVideo *video)
{
    vnc_video_close_all(video, "the screen");
    memset(video->records, 0, sizeof(video->records));
    video->bitrate = 0;
}

/* --- Clients ------------------------------------------------------------- */

VncVideo *vnc_video_new(VncState *vs, VncVideoShared *shared)
{
    VncVideo *video = g_new0(VncVideo, 1);

    video->vs = vs;
    video->shared = shared;
    video->bh = qemu_bh_new(vnc_video_bh, video);
    return video;
}

void vnc_video_free(VncVideo *video)
{
    vnc_video_close_all(video, "the client");
    qemu_bh_delete(video->bh);
    g_free(video->info.encoder);
    g_free(video);
}

bool vnc_video_wanted(const VncVideo *video)
{
    return video->listed;
}

void vnc_video_want(VncVideo *video, bool listed)
{
    video->listed = listed;
    if (!listed) {
        vnc_video_close_all(video, "the client's encodings");
        video->not_before_ms = MAX(video->not_before_ms,
                                   now_ms() + RELIST_MS);
    }
}

VncClientVideo *vnc_video_query(const VncState *vs)
{
    const VncVideo *video = vs->video;
    VncClientVideo *info;

    if (!video || !video->listed) {
        return NULL;
    }
    info = QAPI_CLONE(VncClientVideo, &video->info);
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        info->contexts += vnc_video_live(video, i);
    }
    info->bitrate = video->bitrate;
    info->bytes_read = qatomic_read(&video->bytes_read);
    return info;
}
