/*
 * vGPU display: frames that the driver copies on request
 *
 * The driver has a region of pixels and a page about them (vfio-gfx-ext.h). It
 * is asked for a frame when it signalled a change, when a screendump wants one,
 * and now and then in case it forgot to signal. It signals when it is done:
 * then the page says what changed, and only that is read. Nothing here waits.
 * What is requested when is decided in vfio-display-requests.c.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "block/aio.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "trace.h"
#include "ui/guarded-read.h"
#include "ui/refresh-policy.h"
#include "vfio-display-buffers.h"
#include "vfio-display-metadata.h"
#include "vfio-display-requests.h"

struct VFIODisplayMetadata {
    VFIODisplaySource *source;
    QemuConsole *con;
    VFIODisplayNotify *notify;
    VFIODisplayMetadataDue *due;
    void *opaque;
    QEMUTimer *timer;
    VFIODisplayRequests requests;
    bool active;            /* frames come this way */
    bool cursor_known;      /* the image of @cursor_serial was shown */
    uint32_t cursor_serial;
    VFIOMetadata meta;      /* of the last answer */
};

static int64_t metadata_now(const VFIODisplayMetadata *m)
{
    return qemu_console_now(m->con);
}

/* --- The page ----------------------------------------------------------- */

static uint64_t page_offset(const VFIODisplayMetadata *m)
{
    return m->source->metadata.size - VFIO_GFX_META_FROM_END;
}

static bool read_region(void *opaque, void *buf, size_t len, uint64_t offset)
{
    VFIODisplayMetadata *m = opaque;

    return m->source->ops->read_metadata(m->source->opaque, buf, len,
                                         page_offset(m) + offset) == len;
}

static bool read_mapped(void *opaque, void *buf, size_t len, uint64_t offset)
{
    VFIODisplayMetadata *m = opaque;
    const void *at = m->source->metadata.map + page_offset(m) + offset;
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

static bool copy_page(VFIODisplayMetadata *m, struct vfio_gfx_meta *raw)
{
    const uint8_t *map = m->source->metadata.map;
    PageCopy copy = { .m = m, .raw = raw };

    if (!map) {
        return vfio_metadata_copy(read_region, m, raw);
    }
    return guarded_read(map + page_offset(m), VFIO_GFX_META_PAGE,
                        copy_mapped, &copy) && copy.done;
}

/* --- Requests ----------------------------------------------------------- */

static uint32_t metadata_rate_mhz(const VFIODisplayMetadata *m)
{
    int64_t interval = qemu_console_interval(m->con);

    return interval == REFRESH_NEVER ? 0
        : MIN(1000 * NANOSECONDS_PER_SECOND / MAX(interval, 1), UINT32_MAX);
}

static void metadata_give_up(VFIODisplayMetadata *m, const char *why)
{
    trace_vfio_display_metadata_give_up(m->source, m->requests.number, why);
    vfio_display_requests_give_up(&m->requests, metadata_now(m));
    vfio_display_fault(m->source, VFIO_PLANE_FAULT_REQUEST,
                       "the driver copies no frame when asked (%s); asking "
                       "again every %d s", why,
                       (int)(VFIO_DISPLAY_RETRY_NS / NANOSECONDS_PER_SECOND));
}

static void metadata_submit(VFIODisplayMetadata *m)
{
    uint32_t rate = metadata_rate_mhz(m);
    uint32_t number = vfio_display_requests_submit(&m->requests,
                                                   metadata_now(m));
    int ret = m->source->ops->metadata_request(m->source->opaque, number,
                                               rate);

    trace_vfio_display_metadata_request(m->source, number, rate, ret);
    if (ret < 0) {
        metadata_give_up(m, strerror(-ret));
    }
}

/* Is there nothing in @meta that was not shown before? */
static bool metadata_is_same(const VFIODisplayMetadata *m,
                             const VFIOMetadata *meta)
{
    /* the page says nothing of overlays */
    return meta->status == VFIO_GFX_META_UNCHANGED &&
        meta->cursor_serial == m->meta.cursor_serial &&
        !memcmp(&meta->cursor, &m->meta.cursor, sizeof(meta->cursor)) &&
        !m->source->n_overlays;
}

/* Takes the answer to the last request, if there is one. */
static void metadata_take(VFIODisplayMetadata *m)
{
    struct vfio_gfx_meta raw;
    VFIOMetadata meta;

    if (!m->requests.in_flight || !copy_page(m, &raw)) {
        return;
    }
    if (!vfio_metadata_parse(&raw, page_offset(m), &meta)) {
        metadata_give_up(m, "its metadata page makes no sense");
        return;
    }
    if (vfio_display_requests_answered(&m->requests, meta.request,
                                       metadata_is_same(m, &meta))) {
        m->meta = meta;
        trace_vfio_display_metadata_answer(m->source, meta.request,
                                           meta.status, meta.frame,
                                           meta.damage_all, meta.n_damage);
    }
}

static void metadata_set_timer(VFIODisplayMetadata *m, int64_t when)
{
    if (when == INT64_MAX) {
        timer_del(m->timer);
    } else {
        timer_mod_ns(m->timer, when);
    }
}

static void metadata_poll(VFIODisplayMetadata *m)
{
    metadata_take(m);
    if (vfio_display_requests_is_late(&m->requests, metadata_now(m))) {
        metadata_give_up(m, "no answer");
    }
}

/* After a signal, or a time without one: goes on as far as that is possible. */
static void metadata_advance(VFIODisplayMetadata *m, bool signalled)
{
    VFIODisplayRequestsNext next;

    metadata_poll(m);
    if (m->requests.dumping && !m->requests.in_flight) {
        m->due(m->opaque);
    }
    next = vfio_display_requests_next(&m->requests, signalled,
                                      m->notify != NULL,
                                      qemu_console_watched(m->con),
                                      qemu_console_interval(m->con),
                                      metadata_now(m));
    if (next.refresh) {
        qemu_console_refresh_on_change(m->con);
    }
    if (next.submit) {
        metadata_submit(m);
    }
    metadata_set_timer(m, next.submit && !m->requests.in_flight
                       ? INT64_MAX : next.wake_ns);
    if (next.listen) {
        vfio_display_notify_listen(m->notify);
    } else {
        vfio_display_notify_pause(m->notify);
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
    vfio_display_requests_signalled(&m->requests, signals);
    metadata_advance(m, true);
    return true;
}

/* --- In a refresh -------------------------------------------------------- */

void vfio_display_metadata_poll(VFIODisplayMetadata *m,
                                VFIODisplaySignals signals)
{
    if (m) {
        vfio_display_requests_signalled(&m->requests, signals);
        metadata_poll(m);
    }
}

bool vfio_display_metadata_is_ready(const VFIODisplayMetadata *m)
{
    return m && vfio_display_requests_is_ready(&m->requests, metadata_now(m));
}

bool vfio_display_metadata_activate(VFIODisplayMetadata *m, bool active)
{
    if (!m || m->active == active) {
        return false;
    }
    m->active = active;
    m->requests.dumping = false;
    m->cursor_known = false;
    vfio_display_requests_start(&m->requests);
    timer_del(m->timer);
    return active;
}

const VFIOMetadata *vfio_display_metadata_answer(const VFIODisplayMetadata *m)
{
    return m->requests.unshown ? &m->meta : NULL;
}

static MirrorFrame metadata_frame(const VFIODisplayMetadata *m,
                                  const VFIOPlane *plane)
{
    MirrorFrame frame = vfio_display_plane_frame(m->source, plane);

    frame.map = m->source->metadata.map;
    frame.read = m->source->ops->read_metadata;
    frame.opaque = m->source->opaque;
    return frame;
}

MirrorFrame vfio_display_metadata_frame(const VFIODisplayMetadata *m)
{
    const VFIOMetadata *meta = &m->meta;
    MirrorFrame frame = metadata_frame(m, &meta->plane);

    if (!m->requests.stale && !meta->damage_all) {
        frame.damage = meta->damage;
        frame.n_damage = meta->status == VFIO_GFX_META_UNCHANGED
            ? 0 : meta->n_damage;
    }
    return frame;
}

MirrorFrame vfio_display_metadata_cursor(VFIODisplayMetadata *m)
{
    MirrorFrame frame = metadata_frame(m, &m->meta.cursor);

    if (m->cursor_known && m->cursor_serial == m->meta.cursor_serial) {
        frame.damage = m->meta.damage;
        frame.n_damage = 0;
    }
    m->cursor_known = true;
    m->cursor_serial = m->meta.cursor_serial;
    return frame;
}

void vfio_display_metadata_shown(VFIODisplayMetadata *m, bool complete)
{
    vfio_display_requests_shown(&m->requests, complete);
}

void vfio_display_metadata_forget_cursor(VFIODisplayMetadata *m)
{
    if (m) {
        m->cursor_known = false;
    }
}

bool vfio_display_metadata_request(VFIODisplayMetadata *m)
{
    VFIODisplayRequests *r = &m->requests;

    if (vfio_display_requests_refresh(r, qemu_console_dump_waits(m->con),
                                      m->notify != NULL, metadata_now(m))) {
        metadata_submit(m);
    }
    if (!vfio_display_requests_is_ready(r, metadata_now(m))) {
        vfio_display_metadata_activate(m, false);
        return false;
    }
    metadata_set_timer(m, vfio_display_requests_wake_ns(r, metadata_now(m)));
    return true;
}

bool vfio_display_metadata_is_dumping(const VFIODisplayMetadata *m)
{
    return m && m->active && m->requests.dumping;
}

/* --- Life --------------------------------------------------------------- */

VFIODisplayMetadata *vfio_display_metadata_new(VFIODisplaySource *source,
                                               QemuConsole *con,
                                               VFIODisplayNotify *notify,
                                               VFIODisplayMetadataDue *due,
                                               void *opaque)
{
    VFIODisplayMetadata *m;

    if (!source->metadata.size) {
        return NULL;
    }
    m = g_new0(VFIODisplayMetadata, 1);
    m->source = source;
    m->con = con;
    m->notify = notify;
    m->due = due;
    m->opaque = opaque;
    vfio_display_requests_start(&m->requests);
    /* not the main loop's own: the human monitor waits with aio_poll() */
    m->timer = aio_timer_new(qemu_get_aio_context(), QEMU_CLOCK_REALTIME,
                             SCALE_NS, metadata_timer, m);
    return m;
}

bool vfio_display_metadata_reset(VFIODisplayMetadata *m)
{
    bool dumping = vfio_display_metadata_is_dumping(m);

    if (m) {
        vfio_display_metadata_activate(m, false);
        m->requests.retry_ns = 0;
    }
    return dumping;
}

void vfio_display_metadata_free(VFIODisplayMetadata *m)
{
    if (m) {
        timer_free(m->timer);
        g_free(m);
    }
}
