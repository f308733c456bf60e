/*
 * Video of a VNC server's screen from the guest's dma-bufs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/coroutine.h"
#include "qemu/error-report.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "trace.h"
#include "video-path.h"
#include "video-source.h"
#include "vnc-dmabuf.h"
#include "vnc-video-client.h"

struct VncDmabuf {
    VncDisplay *vd;
    VncVideoShared *shared;

    VideoSource source;
    int64_t since_ms;
    int64_t pause_ms;       /* before dma-bufs are asked for again */
    unsigned failures;      /* in a row */
    int index;              /* the rectangle, while there is one */

    VideoDmabuf *offered;   /* that is tried */
    VideoFormat format;     /* its kind */
    bool refused;           /* what was offered is nothing for video */
    bool taken;             /* the console counts on us */
    bool flipped;
    bool lost;
    uint64_t reads;         /* of the pixels, that were begun */
    uint64_t fresh;         /* the last of them that came to its end */
    GArray *warned;         /* kinds that the user has been told of */
};

static int64_t now_ms(void)
{
    return qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
}

/* --- What the console says ------------------------------------------------ */

bool vnc_dmabuf_wanted(const VncDmabuf *dmabuf)
{
    return dmabuf && (dmabuf->source == VIDEO_SOURCE_ASKED ||
                      dmabuf->source == VIDEO_SOURCE_TAKING ||
                      video_source_is_dmabuf(dmabuf->source));
}

bool vnc_dmabuf_is_stale(const VncDmabuf *dmabuf)
{
    return dmabuf && dmabuf->shared->stale;
}

static bool vnc_dmabuf_fits(const VncDmabuf *dmabuf, const VideoDmabuf *video)
{
    const VncDisplay *vd = dmabuf->vd;

    return video->width == vd->true_width &&
        video->height == pixman_image_get_height(vd->server);
}

/* It is no more than looked at: the encoders have not seen one yet. */
static void vnc_dmabuf_note(VncDmabuf *dmabuf, QemuDmaBuf *buffer)
{
    g_autoptr(Error) err = NULL;
    VideoDmabuf *video;

    if (dmabuf->offered || dmabuf->refused) {
        return;
    }
    video = video_dmabuf_new(buffer, &err);
    if (!video) {
        trace_vnc_dmabuf_refused(dmabuf->vd, error_get_pretty(err));
    }
    dmabuf->refused = !video || !vnc_dmabuf_fits(dmabuf, video);
    if (dmabuf->refused) {
        video_dmabuf_unref(video);
        return;
    }
    dmabuf->offered = video;
    dmabuf->format = video->format;
}

static bool vnc_dmabuf_take(VncDmabuf *dmabuf, QemuDmaBuf *buffer)
{
    VncVideoShared *shared = dmabuf->shared;
    VideoDmabuf *video = video_dmabuf_new(buffer, NULL);

    if (!video || !vnc_dmabuf_fits(dmabuf, video) ||
        !video_format_equal(&video->format, &dmabuf->format)) {
        video_dmabuf_unref(video);
        dmabuf->lost = true;
        return false;
    }
    dmabuf->flipped |= !shared->dmabuf ||
        shared->dmabuf->inode != video->inode;
    video_dmabuf_unref(shared->dmabuf);
    shared->dmabuf = video;
    shared->con = dmabuf->vd->dcl.con;
    shared->stale = true;
    dmabuf->taken = true;
    return true;
}

bool vnc_dmabuf_offer(VncDmabuf *dmabuf, QemuDmaBuf *buffer)
{
    /* without pixels beside it there is no way back */
    if (!qemu_console_surface(dmabuf->vd->dcl.con)) {
        dmabuf->refused = true;
        return false;
    }
    if (dmabuf->source == VIDEO_SOURCE_ASKED) {
        vnc_dmabuf_note(dmabuf, buffer);
        return false;
    }
    return vnc_dmabuf_take(dmabuf, buffer);
}

void vnc_dmabuf_keep(VncDmabuf *dmabuf)
{
    dmabuf->shared->frame = dpy_frame_keep(&dmabuf->vd->dcl);
}

void vnc_dmabuf_done(VncDmabuf *dmabuf)
{
    if (dmabuf && dmabuf->shared->frame && !dmabuf->shared->held) {
        dpy_frame_done(&dmabuf->vd->dcl, dmabuf->shared->frame);
    }
}

void vnc_dmabuf_lost(VncDmabuf *dmabuf)
{
    if (dmabuf) {
        dmabuf->lost = true;
    }
}

bool vnc_dmabuf_flipped(VncDmabuf *dmabuf)
{
    bool flipped = dmabuf->flipped;

    dmabuf->flipped = false;
    return flipped;
}

/* --- The pixels, once they are needed again ------------------------------- */

typedef struct VncDmabufRead {
    VncDmabuf *dmabuf;
    QemuConsole *con;
    uint64_t number;
} VncDmabufRead;

/* They are read for us as for a screendump, while we still have the buffer. */
static void coroutine_fn vnc_dmabuf_co_read(void *opaque)
{
    g_autofree VncDmabufRead *read = opaque;

    qemu_console_co_wait_update(read->con);
    read->dmabuf->fresh = MAX(read->dmabuf->fresh, read->number);
}

static void vnc_dmabuf_read_pixels(VncDmabuf *dmabuf)
{
    VncDmabufRead *read = g_new(VncDmabufRead, 1);

    *read = (VncDmabufRead) {
        dmabuf, dmabuf->vd->dcl.con, ++dmabuf->reads
    };
    qemu_coroutine_enter(qemu_coroutine_create(vnc_dmabuf_co_read, read));
}

/* --- From one refresh to the next ----------------------------------------- */

typedef bool VncDmabufAsk(const VncVideo *video, int index);

static bool vnc_dmabuf_all(VncDmabuf *dmabuf, VncDmabufAsk *ask)
{
    VncState *vs;

    if (dmabuf->index < 0) {
        return false;
    }
    QTAILQ_FOREACH(vs, &dmabuf->vd->clients, next) {
        if (!vs->video || !ask(vs->video, dmabuf->index)) {
            return false;
        }
    }
    return true;
}

static bool vnc_dmabuf_is_tried(const VncVideo *video, int index)
{
    return vnc_video_trial(video, index) == VNC_VIDEO_TRIED;
}

/* By the encoders of some client. */
static bool vnc_dmabuf_is_refused(VncDmabuf *dmabuf)
{
    VncState *vs;

    QTAILQ_FOREACH(vs, &dmabuf->vd->clients, next) {
        if (dmabuf->source == VIDEO_SOURCE_TRIED && dmabuf->index >= 0 &&
            vs->video && vnc_video_trial(vs->video, dmabuf->index) ==
            VNC_VIDEO_REFUSED) {
            return true;
        }
    }
    return false;
}

static VideoSourceFacts vnc_dmabuf_facts(VncDmabuf *dmabuf)
{
    bool on = video_source_is_dmabuf(dmabuf->source);

    return (VideoSourceFacts) {
        .wanted = vnc_dmabuf_all(dmabuf, on ? vnc_video_live
                                            : vnc_video_may_take_dmabufs),
        .offered = dmabuf->source == VIDEO_SOURCE_ASKED
            ? dmabuf->offered != NULL : dmabuf->taken,
        .tried = vnc_dmabuf_all(dmabuf, vnc_dmabuf_is_tried),
        .failed = dmabuf->shared->dmabuf_failed ||
            vnc_dmabuf_is_refused(dmabuf),
        .lost = dmabuf->lost || dmabuf->refused ||
            (dmabuf->taken && dmabuf->shared->con != dmabuf->vd->dcl.con),
        .fresh = dmabuf->fresh == dmabuf->reads,
        .ms = now_ms() - dmabuf->since_ms,
        .pause_ms = dmabuf->pause_ms,
    };
}

static void vnc_dmabuf_each(VncDmabuf *dmabuf, bool use)
{
    VncState *vs;

    QTAILQ_FOREACH(vs, &dmabuf->vd->clients, next) {
        for (int i = 0; vs->video && i < VNC_MOTION_RECTS; i++) {
            vnc_video_end_trial(vs->video, i, use && i == dmabuf->index);
        }
    }
    g_clear_pointer(&dmabuf->offered, video_dmabuf_unref);
}

static void vnc_dmabuf_try(VncDmabuf *dmabuf)
{
    VncState *vs;

    QTAILQ_FOREACH(vs, &dmabuf->vd->clients, next) {
        vnc_video_try(vs->video, dmabuf->index, dmabuf->offered);
    }
}

static void vnc_dmabuf_ask(VncDmabuf *dmabuf)
{
    dmabuf->refused = dmabuf->lost = false;
    dpy_gl_retry_scanout(&dmabuf->vd->dcl);
}

/* Once for each kind. */
static void vnc_dmabuf_warn(VncDmabuf *dmabuf)
{
    uint32_t fourcc = cpu_to_le32(dmabuf->format.fourcc);

    for (guint i = 0; i < dmabuf->warned->len; i++) {
        if (video_format_equal(&dmabuf->format, &g_array_index(
                dmabuf->warned, VideoFormat, i))) {
            return;
        }
    }
    g_array_append_val(dmabuf->warned, dmabuf->format);
    warn_report("VNC: no encoder works with the guest's buffers (%.4s, "
                "modifier 0x%" PRIx64 "): the CPU reads the pixels for it",
                (const char *)&fourcc, dmabuf->format.modifier);
}

/* Pixels again: the console goes on with them, and so does the server. */
static void vnc_dmabuf_give_up(VncDmabuf *dmabuf, VideoSource from,
                               const VideoSourceFacts *facts)
{
    /* there was none in time, or none that can be used */
    bool none = facts->wanted && !video_source_is_dmabuf(from);

    if (facts->failed) {
        vnc_dmabuf_warn(dmabuf);
    }
    if (facts->failed || none) {
        dmabuf->pause_ms = video_backoff_ms(++dmabuf->failures);
    } else {
        dmabuf->pause_ms = VIDEO_SOURCE_LOOK_MS;
        dmabuf->failures = 0;
    }
    vnc_dmabuf_each(dmabuf, false);
    if (dmabuf->taken) {
        dmabuf->taken = false;
        dpy_gl_retry_scanout(&dmabuf->vd->dcl);
    }
    g_clear_pointer(&dmabuf->shared->dmabuf, video_dmabuf_unref);
    dmabuf->shared->con = NULL;
    dmabuf->shared->dmabuf_failed = false;
}

static void vnc_dmabuf_enter(VncDmabuf *dmabuf, VideoSource source,
                             const VideoSourceFacts *facts)
{
    VideoSource from = dmabuf->source;

    trace_vnc_dmabuf_source(dmabuf->vd, from, source);
    dmabuf->source = source;
    dmabuf->since_ms = now_ms();
    switch (source) {
    case VIDEO_SOURCE_SURFACE:
        vnc_dmabuf_give_up(dmabuf, from, facts);
        break;
    case VIDEO_SOURCE_TRIED:
        vnc_dmabuf_try(dmabuf);
        break;
    case VIDEO_SOURCE_DMABUF:
        vnc_dmabuf_each(dmabuf, true);
        break;
    case VIDEO_SOURCE_LEAVING:
        vnc_dmabuf_read_pixels(dmabuf);
        break;
    case VIDEO_SOURCE_ASKED:
    case VIDEO_SOURCE_TAKING:
        vnc_dmabuf_ask(dmabuf);
        break;
    }
}

void vnc_dmabuf_follow(VncDmabuf *dmabuf, int index)
{
    VideoSourceFacts facts;
    VideoSource next;

    /* the pixels that the console went on with have been copied by now */
    dmabuf->shared->stale &= dmabuf->taken;
    dmabuf->index = index;
    facts = vnc_dmabuf_facts(dmabuf);
    next = video_source_next(dmabuf->source, &facts);
    if (next != dmabuf->source) {
        vnc_dmabuf_enter(dmabuf, next, &facts);
    }
}

void vnc_dmabuf_unwatched(VncDmabuf *dmabuf)
{
    static const VideoSourceFacts none;

    if (dmabuf && dmabuf->source != VIDEO_SOURCE_SURFACE) {
        vnc_dmabuf_enter(dmabuf, VIDEO_SOURCE_SURFACE, &none);
        dmabuf->shared->stale = false;
    }
}

void vnc_dmabuf_stop(VncDmabuf *dmabuf)
{
    dmabuf->failures = 0;
    dmabuf->pause_ms = VIDEO_SOURCE_LOOK_MS;
    dmabuf->lost |= dmabuf->taken;
}

/* --- Life ----------------------------------------------------------------- */

VncDmabuf *vnc_dmabuf_new(VncDisplay *vd, VncVideoShared *shared)
{
    VncDmabuf *dmabuf = g_new0(VncDmabuf, 1);

    dmabuf->vd = vd;
    dmabuf->shared = shared;
    dmabuf->index = -1;
    dmabuf->warned = g_array_new(FALSE, FALSE, sizeof(VideoFormat));
    return dmabuf;
}
