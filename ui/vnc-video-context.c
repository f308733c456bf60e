/*
 * A rectangle that one VNC client is sent as video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "trace.h"
#include "vnc.h"
#include "vnc-jobs.h"
#include "vnc-video-context.h"

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
}

static const VncVideoPath vnc_video_paths[] = {
    [VIDEO_PATH_NONE] = VNC_VIDEO_PATH_NONE,
    [VIDEO_PATH_DMABUF] = VNC_VIDEO_PATH_DMABUF,
    [VIDEO_PATH_SURFACE] = VNC_VIDEO_PATH_SURFACE,
};

/* --- A stream ------------------------------------------------------------ */

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

unsigned vnc_video_bitrate(const VncVideoContext *context)
{
    const VncVideo *video = context->video;
    VncDisplay *vd = video->vs->vd;
    int64_t screen = (int64_t)vd->true_width *
        pixman_image_get_height(vd->server);
    int64_t part = (int64_t)context->rect.w * context->rect.h;

    return MAX(video->bitrate * part / screen, VIDEO_BITRATE_MIN);
}

unsigned vnc_video_most(const VncVideo *video)
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

void vnc_video_open(VncVideo *video, VncVideoContext *context,
                    const VncMotionRect *rect)
{
    *context = (VncVideoContext) { .video = video, .rect = *rect };
    if (!video->bitrate) {
        video->bitrate = vnc_video_most(video);
        video->best_ms = INT64_MAX;
    }
    context->stream = vnc_video_stream_new(context, NULL);
}

void vnc_video_hold(VncVideoContext *context, bool hold)
{
    VncVideoShared *shared = context->video->shared;

    if (context->held != hold) {
        context->held = hold;
        shared->held += hold ? 1 : -1;
    }
    if (!hold && shared->frame && !shared->held) {
        dpy_frame_done(&context->video->vs->vd->dcl, shared->frame);
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

void vnc_video_close(VncVideoContext *context, const char *reason)
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
    vnc_video_hold(context, false);
    if (context->live) {
        context->live = false;
        vnc_set_area_dirty(vs->dirty, vs->vd, r->x, r->y, r->w, r->h);
        vs->has_dirty = 1;
    }
    vnc_video_ask_again(video);
}

/*
 * What a client got meanwhile is newer. The next one is to be a key frame, too,
 * which can be seen if the encoder says which are.
 */
static void vnc_video_drop_first(VncVideoContext *context, VideoStream *stream)
{
    VideoFrame frame;

    if (video_stream_take(stream, &frame)) {
        context->says_key = frame.key;
        g_byte_array_unref(frame.data);
    }
    context->key = true;
}

static void vnc_video_begin_context(VncVideoContext *context)
{
    const VncMotionRect *r = &context->rect;
    VncVideo *video = context->video;
    VideoStreamEncoder encoder = video_stream_encoder(context->stream);

    context->live = true;
    context->dirty = true;
    g_free(video->info.encoder);
    video->info.encoder = encoder.name;
    video->info.path = vnc_video_paths[encoder.path];
    trace_vnc_video_open(video->vs, encoder.name,
                         video_path_name(encoder.path), r->x, r->y, r->w,
                         r->h);
}

void vnc_video_start(VncVideoContext *context)
{
    vnc_video_drop_first(context, context->stream);
    vnc_video_begin_context(context);
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
    VideoStreamEncoder encoder = video_stream_encoder(stream);
    g_autofree char *name = encoder.name;
    VncVideo *video = context->video;
    VncVideoShared *shared = video->shared;
    bool first = stream == context->next || !context->frames;

    trace_vnc_video_fallback(video->vs, name ?: "none", why);
    if (encoder.index >= 0) {
        video->info.fallbacks++;
    }
    if (encoder.path == VIDEO_PATH_DMABUF) {
        shared->dmabuf_failed = true;
        return;
    }
    if (!shared->warned && (encoder.index >= 0 || shared->encoder)) {
        shared->warned = true;
        warn_report("VNC: no H.264 for now, an encoder fails: %s", why);
    }
    if (encoder.index >= 0 && first) {
        video_encoder_record_failed(&video->records[encoder.index],
                                    encoder.path, now_ms());
    } else {
        video->not_before_ms = now_ms() + video_backoff_ms(++video->failures);
    }
}

void vnc_video_fail(VncVideoContext *context, const char *why)
{
    g_autofree char *said = video_stream_error(context->stream);

    vnc_video_blame(context, context->stream, why ?: said);
    vnc_video_close(context, why ?: said);
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
    vnc_video_hold(context, false);
    context->stream = g_steal_pointer(&context->next);
    vnc_video_stop_trial(context);
    context->dmabuf = dmabuf;
    context->frames = 0;
    context->asked = false;
    vnc_video_ask_again(context->video);
    vnc_video_begin_context(context);
    context->video->vs->has_dirty = 1;
}

/* No encoder of dma-bufs: another one; no other one: so be it. */
static void vnc_video_trial_failed(VncVideoContext *context)
{
    g_autofree char *why = video_stream_error(context->next);
    VideoStreamEncoder encoder = video_stream_encoder(context->next);
    g_autofree char *name = encoder.name;

    if (!context->trial) {
        vnc_video_blame(context, context->next, why);
        vnc_video_close(context, why);
        return;
    }
    if (encoder.index >= 0) {
        trace_vnc_video_fallback(context->video->vs, name, why);
        context->in_vain[encoder.index] |= 1u << encoder.path;
        video_stream_free(context->next);
        context->next = vnc_video_stream_new(context, context->trial);
        return;
    }
    context->video->info.fallbacks++;
    context->result = VNC_VIDEO_REFUSED;
    vnc_video_stop_trial(context);
}

void vnc_video_leave_dmabufs(VncVideoContext *context)
{
    if (!context->next) {
        context->result = VNC_VIDEO_TRYING;
        context->next = vnc_video_stream_new(context, NULL);
    }
}

void vnc_video_follow_next(VncVideoContext *context)
{
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
        vnc_video_drop_first(context, context->next);
        context->result = VNC_VIDEO_TRIED;
        if (!context->trial) {
            vnc_video_switch(context);
        }
        break;
    default:
        break;
    }
}

bool vnc_video_may_take_dmabufs(const VncVideo *video, int index)
{
    const VncVideoContext *context = &video->contexts[index];
    VideoStreamEncoder encoder = { 0 };

    if (context->live) {
        encoder = video_stream_encoder(context->stream);
    }
    g_free(encoder.name);
    return encoder.some_dmabuf;
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
