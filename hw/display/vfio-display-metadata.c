/*
 * The display of a device that renders where only its driver can see:
 * frames that the driver copies on request
 *
 * The driver has a region of pixels and a page about them (vfio-gfx-ext.h).
 * It is asked for a frame when it signalled a change, when a screendump
 * wants one, and now and then in case it forgot to signal. It signals when
 * it is done: then the page says what changed, and only that is read.
 *
 *     idle --(changed)--> asked --(done: a frame)--> shown at the next
 *      ^                    |                        refresh, which is now
 *      `--(done: as before)-'                        if the viewers are ready
 *
 * A signal says "changed" or "done", which the page tells apart. Both may
 * have come together: then there is another request. Nothing here waits. A
 * driver that is silent for a second loses its turn to the next way that the
 * display has, and gets another one later.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "block/aio.h"
#include "hw/vfio/vfio-metadata.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "trace.h"
#include "ui/guarded-read.h"
#include "ui/refresh-policy.h"
#include "vfio-display-internal.h"

/* So long a driver has for a frame, and is left alone if it needs more. */
#define ANSWER_NS (1 * NANOSECONDS_PER_SECOND)
#define RETRY_NS (5 * NANOSECONDS_PER_SECOND)
/*
 * After a signal that brought no answer the fd is not looked at for so long:
 * a storm while the driver works costs 500 looks per second. Where no signal
 * can be waited for the page is looked at as often.
 */
#define PAUSE_NS (2 * SCALE_MS)

struct VFIODisplayMetadata {
    VFIODisplay *dpy;
    VFIODisplayRegion region;
    QEMUTimer *timer;
    uint32_t request;       /* the last one's number */
    bool asked;             /* it has not been answered yet */
    bool active;            /* this way is in use */
    bool changed;           /* there is a reason for another request */
    bool fresh;             /* @meta is of a frame that was not shown yet */
    bool stale;             /* the mirror lacks what @meta does not mention */
    bool dumping;           /* a screendump waits for @request */
    VFIODisplaySignals signals; /* since the last request */
    int64_t asked_ns;       /* QEMU_CLOCK_REALTIME */
    int64_t retry_ns;       /* no requests before that */
    bool cursor_known;      /* the image of @cursor_serial was shown */
    uint32_t cursor_serial;
    VFIOMetadata meta;      /* of the last answer */
};

/* --- The page ----------------------------------------------------------- */

static uint64_t page_offset(const VFIODisplayMetadata *m)
{
    return m->region.size - VFIO_GFX_META_FROM_END;
}

static bool read_region(void *opaque, void *buf, size_t len, uint64_t offset)
{
    VFIODisplayMetadata *m = opaque;

    return m->dpy->ops->read_metadata(m->dpy->opaque, buf, len,
                                      page_offset(m) + offset) == len;
}

static bool read_mapped(void *opaque, void *buf, size_t len, uint64_t offset)
{
    VFIODisplayMetadata *m = opaque;
    const void *at = m->region.map + page_offset(m) + offset;
    const uint32_t *word = at;
    uint32_t *copy = buf;

    for (size_t i = 0; i < len / sizeof(*word); i++) {
        copy[i] = qatomic_read(&word[i]);
    }
    return true;
}

typedef struct PageCopy {
    VFIODisplayMetadata *m;
    struct vfio_gfx_meta *raw;
    bool done;
} PageCopy;

/* Runs inside guarded_read(): one guard for all of the page's parts. */
static void copy_mapped(void *opaque)
{
    PageCopy *copy = opaque;

    copy->done = vfio_metadata_copy(read_mapped, copy->m, copy->raw);
}

static bool metadata_copy(VFIODisplayMetadata *m, struct vfio_gfx_meta *raw)
{
    PageCopy copy = { .m = m, .raw = raw };

    if (!m->region.map) {
        return vfio_metadata_copy(read_region, m, raw);
    }
    return guarded_read(m->region.map + page_offset(m), VFIO_GFX_META_PAGE,
                        copy_mapped, &copy) && copy.done;
}

/* --- Requests ----------------------------------------------------------- */

static int64_t metadata_now(const VFIODisplayMetadata *m)
{
    return qemu_console_now(m->dpy->con);
}

static uint32_t metadata_rate_mhz(VFIODisplay *dpy)
{
    int64_t interval = qemu_console_interval(dpy->con);

    return interval == REFRESH_NEVER ? 0
        : MIN(1000 * NANOSECONDS_PER_SECOND / MAX(interval, 1), UINT32_MAX);
}

static void metadata_give_up(VFIODisplayMetadata *m, const char *why)
{
    trace_vfio_display_metadata_give_up(m->dpy, m->request, why);
    m->asked = false;
    m->fresh = false;
    /* the answer may still come, with damage that no later one mentions */
    m->stale = true;
    m->retry_ns = metadata_now(m) + RETRY_NS;
    vfio_display_fault(m->dpy, VFIO_PLANE_FAULT_REQUEST,
                       "the driver copies no frame when asked (%s); asking "
                       "again every %d s", why,
                       (int)(RETRY_NS / NANOSECONDS_PER_SECOND));
}

static void metadata_ask(VFIODisplayMetadata *m)
{
    VFIODisplay *dpy = m->dpy;
    uint32_t rate = metadata_rate_mhz(dpy);
    int ret;

    if (m->asked) {
        /* it may be done without having been seen, with its damage */
        m->stale = true;
    }
    m->request = m->request == UINT32_MAX ? 1 : m->request + 1;
    m->asked = true;
    m->changed = false;
    m->signals = VFIO_DISPLAY_NO_SIGNAL;
    m->asked_ns = metadata_now(m);
    ret = dpy->ops->metadata_request(dpy->opaque, m->request, rate);
    trace_vfio_display_metadata_request(dpy, m->request, rate, ret);
    if (ret < 0) {
        metadata_give_up(m, strerror(-ret));
    }
}

/* Takes the answer to the last request, if there is one. */
static void metadata_look(VFIODisplayMetadata *m)
{
    struct vfio_gfx_meta raw;
    VFIOMetadata meta;
    bool moved;

    if (!m->asked || !metadata_copy(m, &raw)) {
        return;
    }
    if (!vfio_metadata_parse(&raw, page_offset(m), &meta)) {
        metadata_give_up(m, "its metadata page makes no sense");
        return;
    }
    if (meta.request != m->request) {
        return;
    }
    m->asked = false;
    moved = meta.cursor_serial != m->meta.cursor_serial ||
        memcmp(&meta.cursor, &m->meta.cursor, sizeof(meta.cursor));
    m->meta = meta;
    /* the answer is one signal; what is more may be of a later change */
    m->changed |= m->signals == VFIO_DISPLAY_MORE_SIGNALS;
    /* overlays come another way, of which the page says nothing */
    m->fresh = m->stale || moved || m->dpy->n_overlays ||
        meta.status != VFIO_GFX_META_UNCHANGED;
    trace_vfio_display_metadata_answer(m->dpy, meta.request, meta.status,
                                       meta.frame, meta.damage_all,
                                       meta.n_damage);
}

/* --- Frames ------------------------------------------------------------- */

static bool metadata_show_frame(VFIODisplayMetadata *m)
{
    VFIODisplay *dpy = m->dpy;
    const VFIOMetadata *meta = &m->meta;
    MirrorFrame frame;

    if (meta->status == VFIO_GFX_META_ERROR) {
        vfio_display_fault(dpy, VFIO_PLANE_FAULT_REQUEST,
                           "the driver could not copy the frame: %s",
                           strerror(meta->error));
        return false;
    }
    if (meta->fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(dpy, meta->fault, &meta->plane, 0);
        return false;
    }
    if (vfio_plane_is_off(&meta->plane)) {
        vfio_display_gone(dpy);
        return false;
    }
    frame = vfio_display_frame(&meta->plane);
    frame.map = m->region.map;
    frame.read = dpy->ops->read_metadata;
    frame.opaque = dpy->opaque;
    if (!m->stale && !meta->damage_all) {
        frame.damage = meta->damage;
        frame.n_damage = meta->status == VFIO_GFX_META_UNCHANGED
            ? 0 : meta->n_damage;
    }
    if (dpy->n_overlays) {
        vfio_display_overlays_find(dpy, &meta->plane);
        vfio_display_overlays_show(dpy);
    }
    if (!vfio_display_mirror(dpy, &frame)) {
        return false;
    }
    vfio_display_set_way(dpy, PIXEL_PATH_METADATA);
    vfio_display_good(dpy, &meta->plane);
    return true;
}

/* Its image is looked at only when the driver says that it is another. */
static void metadata_show_cursor(VFIODisplayMetadata *m)
{
    VFIODisplay *dpy = m->dpy;
    const VFIOPlane *plane = &m->meta.cursor;
    MirrorFrame frame;

    if (m->meta.cursor_fault != VFIO_PLANE_FAULT_NONE) {
        vfio_display_bad_plane(dpy, m->meta.cursor_fault, plane, 0);
        return;
    }
    if (vfio_plane_is_off(plane)) {
        vfio_display_cursor_show(dpy, plane, NULL);
        return;
    }
    frame = vfio_display_frame(plane);
    frame.map = m->region.map;
    frame.read = dpy->ops->read_metadata;
    frame.opaque = dpy->opaque;
    if (m->cursor_known && m->cursor_serial == m->meta.cursor_serial) {
        frame.damage = m->meta.damage;
        frame.n_damage = 0;
    }
    m->cursor_known = true;
    m->cursor_serial = m->meta.cursor_serial;
    vfio_display_cursor_show(dpy, plane, &frame);
}

/* The last good frame stays if this one is none. */
static void metadata_show(VFIODisplayMetadata *m)
{
    m->fresh = false;
    m->stale = !metadata_show_frame(m);
    if (m->meta.status != VFIO_GFX_META_ERROR) {
        metadata_show_cursor(m);
    }
    vfio_display_trim(m->dpy);
    if (m->stale && !vfio_plane_is_off(&m->meta.plane)) {
        m->dpy->skipped++;
    }
}

static void metadata_end_dump(VFIODisplayMetadata *m)
{
    if (!m->dumping || m->asked) {
        return;
    }
    m->dumping = false;
    if (metadata_now(m) < m->retry_ns) {
        /* by the next way, at once */
        graphic_hw_update(m->dpy->con);
        return;
    }
    if (m->fresh) {
        metadata_show(m);
    }
    graphic_hw_update_done(m->dpy->con);
}

/* --- What happens when --------------------------------------------------- */

/* No oftener than twice per frame: one that comes early need not wait. */
static int64_t metadata_next_ask(VFIODisplayMetadata *m)
{
    int64_t interval = qemu_console_interval(m->dpy->con);

    return m->asked_ns + (interval == REFRESH_NEVER ? 0 : interval / 2);
}

/*
 * Can an answer come without a signal that wakes somebody up? The human
 * monitor waits for a screendump in aio_poll(), which watches the block
 * layer's files alone and not the device's.
 */
static bool metadata_polls(const VFIODisplayMetadata *m)
{
    return m->dumping || !m->dpy->notify;
}

static void metadata_set_timer(VFIODisplayMetadata *m, int64_t when)
{
    if (m->asked) {
        when = MIN(when, m->asked_ns + ANSWER_NS);
    }
    if (when == INT64_MAX) {
        timer_del(m->timer);
    } else {
        timer_mod_ns(m->timer, when);
    }
}

/* After a signal, or a time without one: goes on as far as that is possible. */
static void metadata_advance(VFIODisplayMetadata *m, bool signalled)
{
    VFIODisplay *dpy = m->dpy;
    int64_t now = metadata_now(m);
    int64_t when = INT64_MAX;
    bool listen = true;

    metadata_look(m);
    if (m->asked && now - m->asked_ns >= ANSWER_NS) {
        metadata_give_up(m, "no answer");
    }
    metadata_end_dump(m);
    if (m->asked) {
        /* "changed", or a storm */
        m->changed |= signalled;
        listen = !signalled;
        when = signalled || metadata_polls(m) ? now + PAUSE_NS : INT64_MAX;
    } else if (m->fresh || now < m->retry_ns) {
        listen = false;     /* the refresh will */
        qemu_console_changed(dpy->con);
    } else if (m->changed && qemu_console_watched(dpy->con)) {
        when = metadata_next_ask(m);
        listen = when <= now;
        if (listen) {
            metadata_ask(m);
            when = INT64_MAX;
        }
    }
    metadata_set_timer(m, when);
    if (listen) {
        vfio_display_notify_listen(dpy->notify);
    } else {
        vfio_display_notify_pause(dpy->notify);
    }
}

static void metadata_timer(void *opaque)
{
    metadata_advance(opaque, false);
}

bool vfio_display_metadata_signalled(VFIODisplayMetadata *m,
                                     VFIODisplaySignals signals)
{
    if (!m || !m->active) {
        return false;
    }
    m->signals = MIN(m->signals + signals, VFIO_DISPLAY_MORE_SIGNALS);
    m->changed |= !m->asked;
    metadata_advance(m, true);
    return true;
}

/*
 * While a viewer shows the dma-buf the others show the same one; the driver's
 * copy would be of another moment.
 */
static bool metadata_is_best(VFIODisplayMetadata *m)
{
    VFIODisplay *dpy = m->dpy;
    PixelPathFacts caps = {
        .metadata = metadata_now(m) >= m->retry_ns,
        .dmabuf = dpy->kinds[VFIO_PLANE_KIND_DMABUF],
        .dmabuf_viewer = qemu_console_has_dmabuf_viewer(dpy->con),
        .region = dpy->kinds[VFIO_PLANE_KIND_REGION],
    };

    return pixel_path_choose(&caps, dpy->config.path) == PIXEL_PATH_METADATA;
}

static void metadata_set_active(VFIODisplayMetadata *m, bool active)
{
    if (m->active == active) {
        return;
    }
    m->active = active;
    m->asked = false;
    m->fresh = false;
    m->stale = true;
    m->changed = true;
    m->cursor_known = false;
    timer_del(m->timer);
    if (active) {
        /* nobody shows the dma-buf, if there is one */
        vfio_display_forget_buffers(m->dpy);
    }
}

/* Is there a reason to ask, in a refresh? */
static bool metadata_wants(VFIODisplayMetadata *m)
{
    return m->changed || !m->dpy->notify ||
        metadata_now(m) - m->asked_ns >= REFRESH_SAFETY_NS / 2;
}

bool vfio_display_metadata_refresh(VFIODisplayMetadata *m,
                                   VFIODisplaySignals signals)
{
    if (!m) {
        return false;
    }
    m->signals = MIN(m->signals + signals, VFIO_DISPLAY_MORE_SIGNALS);
    m->changed |= signals != VFIO_DISPLAY_NO_SIGNAL && !m->asked;
    metadata_look(m);
    if (m->asked && metadata_now(m) - m->asked_ns >= ANSWER_NS) {
        metadata_give_up(m, "no answer");
    }
    metadata_set_active(m, metadata_is_best(m));
    if (!m->active) {
        m->dumping = false;
        return false;
    }
    if (m->fresh) {
        metadata_show(m);
    }
    if (qemu_console_dump_waits(m->dpy->con) && !m->dumping) {
        m->dumping = true;
        metadata_ask(m);
    } else if (!m->asked && metadata_wants(m)) {
        metadata_ask(m);
    }
    if (metadata_now(m) < m->retry_ns) {
        /* refused */
        metadata_set_active(m, false);
        m->dumping = false;
        return false;
    }
    metadata_set_timer(m, m->dumping ? metadata_now(m) + PAUSE_NS
                                     : INT64_MAX);
    return true;
}

bool vfio_display_metadata_dumping(const VFIODisplayMetadata *m)
{
    return m && m->active && m->dumping;
}

/* --- Life --------------------------------------------------------------- */

VFIODisplayMetadata *vfio_display_metadata_new(VFIODisplay *dpy)
{
    g_autofree VFIODisplayMetadata *m = NULL;
    int ret;

    if (!dpy->ops->open_metadata) {
        return NULL;
    }
    m = g_new0(VFIODisplayMetadata, 1);
    ret = dpy->ops->open_metadata(dpy->opaque, &m->region);
    if (ret == 0 && (m->region.size <= VFIO_GFX_META_FROM_END ||
                     m->region.size % VFIO_GFX_META_PAGE)) {
        dpy->ops->close_metadata(dpy->opaque);
        ret = -EINVAL;
    }
    if (ret < 0) {
        if (ret != -ENOENT) {
            g_autofree char *name = vfio_display_name(dpy);

            warn_report("vGPU display of %s: no framebuffer region with a "
                        "metadata page: %s", name, strerror(-ret));
        }
        return NULL;
    }
    trace_vfio_display_metadata_open(dpy, m->region.size,
                                     m->region.map != NULL);
    m->dpy = dpy;
    m->stale = true;
    m->changed = true;
    /* not the main loop's own: the human monitor waits with aio_poll() */
    m->timer = aio_timer_new(qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                             SCALE_NS, metadata_timer, m);
    return g_steal_pointer(&m);
}

void vfio_display_metadata_reset(VFIODisplayMetadata *m)
{
    if (m) {
        metadata_set_active(m, false);
        m->retry_ns = 0;
        if (m->dumping) {
            m->dumping = false;
            graphic_hw_update_done(m->dpy->con);
        }
    }
}

void vfio_display_metadata_free(VFIODisplayMetadata *m)
{
    if (!m) {
        return;
    }
    timer_free(m->timer);
    m->dpy->ops->close_metadata(m->dpy->opaque);
    g_free(m);
}
