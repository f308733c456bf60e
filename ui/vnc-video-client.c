/*
 * What one VNC client is sent of what moves, as video
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "qapi/clone-visitor.h"
#include "qapi/qapi-visit-ui.h"
#include "vnc.h"
#include "vnc-enc-h264.h"
#include "vnc-jobs.h"
#include "vnc-video-context.h"
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

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
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
    VideoStreamEncoder encoder = video_stream_encoder(context->stream);

    g_free(encoder.name);
    video->records[encoder.index].failures[encoder.path] = 0;
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
        vnc_video_fail(context, "it made no key frame");
    } else {
        vnc_video_send(context, &frame);
    }
    g_byte_array_unref(frame.data);
}

static void vnc_video_look_at(VncVideoContext *context)
{
    VideoStreamState state = video_stream_state(context->stream);

    if (state == VIDEO_STREAM_FAILED) {
        vnc_video_fail(context, NULL);
        return;
    }
    if (!context->live && state == VIDEO_STREAM_READY) {
        vnc_video_start(context);
        context->video->vs->has_dirty = 1;
    } else if (context->live) {
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
        vnc_video_look_at(context);
        if (context->stream &&
            video_stream_state(context->stream) != VIDEO_STREAM_BUSY) {
            vnc_video_hold(context, false);
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
        vnc_video_hold(context, true);
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

static void vnc_video_close_all(VncVideo *video, const char *reason)
{
    for (int i = 0; i < VNC_MOTION_RECTS; i++) {
        vnc_video_close(&video->contexts[i], reason);
    }
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
            vnc_video_fail(context, NULL);
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
    if (context->stream && context->dmabuf && !video->shared->dmabuf &&
        !video->shared->stale) {
        vnc_video_leave_dmabufs(context);
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
