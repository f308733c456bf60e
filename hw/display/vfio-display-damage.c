/*
 * vGPU display: scan policy
 *
 * Which pixels a refresh reads. Three things tell what changed:
 *
 * - the answer to a query may name the damage since the last answer. It stays
 *   in a log until the mirror has it, since a frame may come late or not at
 *   all.
 * - the device may signal changes. While it is silent nothing is read, but for
 *   audits now and then.
 * - a scan compares memory with the mirror: a full one, or a sampled one if
 *   nothing has changed for a while.
 *
 * Values go in and a decision comes out: there is no clock, console or device
 * here. tests/unit/test-vfio-display-damage.c has the cases.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/refresh-policy.h"
#include "vfio-display-damage.h"

QEMU_BUILD_BUG_ON(DAMAGE_LOG_BOXES > GL_READBACK_MAX_BOXES);

static const pixman_box32_t nothing;

/* --- Audits of a device that signals ------------------------------------- */

/* The longest that a still picture goes unread. */
#define AUDIT_MAX_NS 30000000000ll

/*
 * A device that signals is audited after 1, 2, 4, 8, 16 and 32 seconds without
 * a change or input, and then each 30: it may not signal each change, or have
 * stopped.
 */
static bool audit_is_due(const VFIODisplayDamage *d, int64_t quiet_ns)
{
    int64_t since_ns = d->facts.now_ns - d->read_ns;

    /* refreshes are a bit off the second */
    return since_ns + REFRESH_SAFETY_NS / 8 >=
        MIN(MAX(quiet_ns / 2, REFRESH_SAFETY_NS / 2), AUDIT_MAX_NS);
}

/* Nothing has changed for a while, and it is time to see whether that is so. */
static bool is_doubtful(const VFIODisplayDamage *d, int64_t quiet_ns)
{
    return quiet_ns >= REFRESH_SAFETY_NS - REFRESH_SAFETY_NS / 8 &&
        audit_is_due(d, quiet_ns);
}

/* --- Scans of mapped memory ----------------------------------------------- */

/*
 * While something moves, each scan is full: what is on screen is one moment's
 * frame. A still screen is polled for ever, and a sampled scan finds out
 * whether there is anything to scan.
 */
static MirrorScan choose_scan(const VFIODisplayFacts *facts)
{
    return !facts->notifies && !facts->dump &&
        facts->quiet_ns >= REFRESH_ACTIVE_NS ? MIRROR_SCAN_SAMPLED
                                             : MIRROR_SCAN_FULL;
}

void vfio_display_damage_begin(VFIODisplayDamage *d,
                               const VFIODisplayFacts *facts)
{
    bool pending = d->full_scan_pending && !facts->signalled;

    d->facts = *facts;
    if (facts->signalled || !facts->wants_pixels) {
        d->mirrored = (MirrorFrame) { 0 };
    }
    d->scan = choose_scan(facts);
    d->full_scan_pending = false;
    d->complete = false;
    d->silent = facts->notifies && !facts->signalled && !pending &&
        !facts->dump && (facts->cursor_only ||
                         !audit_is_due(d, facts->quiet_ns));
}

static void forget_mirrored(VFIODisplayDamage *d)
{
    d->mirrored = (MirrorFrame) { 0 };
    d->scan = MIRROR_SCAN_FULL;
}

void vfio_display_damage_rescan(VFIODisplayDamage *d)
{
    damage_log_add_all(d->log);
    forget_mirrored(d);
}

static bool same_memory(const MirrorFrame *a, const MirrorFrame *b)
{
    return a->format == b->format && a->width == b->width &&
        a->height == b->height && a->readable == b->readable &&
        a->stride == b->stride && a->offset == b->offset &&
        a->map == b->map && a->fd == b->fd && a->read == b->read;
}

/* The device has named the damage: then that is all there is to read. */
static bool plan_damage(VFIODisplayDamage *d, MirrorFrame *frame, bool held)
{
    const pixman_box32_t *boxes;
    size_t n;

    /* a screendump is to be right, whatever the device says */
    if (!d->known || d->facts.dump || d->format != frame->format || !held) {
        return false;
    }
    boxes = damage_log_boxes(d->log, frame->width, frame->height, &n);
    if (!boxes) {
        return false;
    }
    frame->damage = n ? boxes : &nothing;
    frame->n_damage = n;
    frame->scan = MIRROR_SCAN_FULL;
    return true;
}

void vfio_display_damage_plan(VFIODisplayDamage *d, MirrorFrame *frame,
                              bool held)
{
    if (plan_damage(d, frame, held)) {
        d->complete = true;
        return;
    }
    /* after a full scan the damage that the device names is of use */
    frame->scan = d->known ? MIRROR_SCAN_FULL : d->scan;
    if (d->silent && same_memory(&d->mirrored, frame)) {
        frame->damage = &nothing;
        frame->n_damage = 0;
    } else {
        d->read_ns = d->facts.now_ns;
        d->complete = frame->scan == MIRROR_SCAN_FULL;
    }
}

void vfio_display_damage_done(VFIODisplayDamage *d, const MirrorFrame *frame,
                              MirrorResult result, bool half_drawn)
{
    bool complete = d->complete;

    d->complete = false;
    d->mirrored = (MirrorFrame) { 0 };
    if (result == MIRROR_BUSY || half_drawn) {
        /* the signal was for this frame; none comes when it is done */
        d->full_scan_pending = d->facts.notifies;
        return;
    }
    if (result == MIRROR_VANISHED) {
        return;
    }
    if (complete) {
        d->format = frame->format;
        damage_log_submitted(d->log, UINT64_MAX);
        damage_log_completed(d->log, UINT64_MAX);
    }
    d->mirrored = *frame;
}

/* --- Damage that the device names ----------------------------------------- */

void vfio_display_damage_report(VFIODisplayDamage *d, const VFIOPlane *plane)
{
    pixman_box32_t box;

    d->known = plane->damage_known && !vfio_plane_is_off(plane);
    if (d->known) {
        box = vfio_plane_clip(plane, &plane->damage);
        damage_log_add(d->log, &box);
        if (!damage_log_has_pending(d->log) &&
            is_doubtful(d, d->facts.quiet_ns)) {
            /* its guest may draw without saying so */
            damage_log_add_all(d->log);
        }
    } else if (!d->silent) {
        damage_log_add_all(d->log);
    }
}

void vfio_display_damage_flip(VFIODisplayDamage *d, const VFIOPlane *from,
                              const VFIOPlane *to)
{
    if (!d->known || !from || from->fourcc != to->fourcc) {
        damage_log_add_all(d->log);
    }
    forget_mirrored(d);
}

/* --- Readbacks ------------------------------------------------------------ */

VFIODisplayReadbackPlan
vfio_display_damage_plan_readback(VFIODisplayDamage *d, const VFIOPlane *plane,
                                  bool held, GLReadbackArea *area)
{
    const pixman_box32_t *boxes;
    size_t n;

    d->readback_whole |= d->facts.dump || !held;
    if (d->readback_whole) {
        damage_log_add_all(d->log);
    }
    if (!damage_log_has_pending(d->log)) {
        return damage_log_is_empty(d->log) ? VFIO_DISPLAY_PLAN_NOTHING
                                           : VFIO_DISPLAY_PLAN_WAIT;
    }
    boxes = damage_log_boxes(d->log, plane->width, plane->height, &n);
    if (!boxes || !n) {
        area->what = d->readback_whole ? GL_READBACK_WHOLE
                                       : GL_READBACK_CHANGES;
        area->n = 0;
        d->read_ns = d->facts.now_ns;
        return VFIO_DISPLAY_PLAN_READ;
    }
    area->what = GL_READBACK_BOXES;
    area->n = n;
    for (size_t i = 0; i < n; i++) {
        area->box[i] = boxes[i];
    }
    return VFIO_DISPLAY_PLAN_READ;
}

void vfio_display_damage_requested(VFIODisplayDamage *d, uint64_t number,
                                   const GLReadbackArea *area)
{
    damage_log_submitted(d->log, number);
    d->readback_whole &= area->what != GL_READBACK_WHOLE;
}

void vfio_display_damage_completed(VFIODisplayDamage *d, uint64_t number)
{
    damage_log_completed(d->log, number);
}

/* --- Dma-bufs that viewers draw themselves -------------------------------- */

/* Would the device, or its guest, have said that the picture changed? */
static bool change_is_reported(const VFIODisplayDamage *d, int64_t quiet_ns)
{
    return (d->facts.notifies || d->known) && !is_doubtful(d, quiet_ns);
}

bool vfio_display_damage_probes(const VFIODisplayDamage *d, int64_t quiet_ns)
{
    return !change_is_reported(d, quiet_ns) &&
        refresh_probe_is_due(quiet_ns, d->facts.now_ns - d->probe_ns,
                             d->probe_took_ns);
}

void vfio_display_damage_probed(VFIODisplayDamage *d, int64_t took_ns)
{
    d->probe_ns = d->facts.now_ns;
    d->probe_took_ns = took_ns;
}

bool vfio_display_damage_redraws(const VFIODisplayDamage *d, int64_t quiet_ns)
{
    return refresh_redraws(change_is_reported(d, quiet_ns), quiet_ns,
                           d->facts.now_ns - d->probe_ns);
}

/* --- Life ----------------------------------------------------------------- */

void vfio_display_damage_init(VFIODisplayDamage *d)
{
    d->log = damage_log_new();
}

void vfio_display_damage_finish(VFIODisplayDamage *d)
{
    damage_log_free(d->log);
}
