/*
 * The display of a device that renders where only its driver can see:
 * how closely a refresh looks at mapped pixels, and whether it does
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "trace.h"
#include "ui/refresh-policy.h"
#include "vfio-display-internal.h"

/* The longest that a still picture goes unread. */
#define READ_MAX_NS (30 * NANOSECONDS_PER_SECOND)
/* The same if the device has kept its promises, so often at least. */
#define READ_TRUSTED_NS (60 * NANOSECONDS_PER_SECOND)
#define PROMISES_KEPT 2

/*
 * A display that is polled at its viewers' rate is looked at again, so that a
 * glance will do, and so is one that notifies, once more after its last
 * signal. A screendump is not, and at the slow rate of a still screen the
 * eighth glance would come so late that people notice.
 */
static MirrorScan choose_look(VFIODisplay *dpy, VFIODisplaySignals signals,
                              bool owed)
{
    if (qemu_console_dump_waits(dpy->con)) {
        return MIRROR_SCAN_FULL;
    }
    if (!dpy->notify) {
        return qemu_console_quiet_ns(dpy->con) < REFRESH_ACTIVE_NS
            ? MIRROR_SCAN_SAMPLED : MIRROR_SCAN_FULL;
    }
    if (owed || signals == VFIO_DISPLAY_NO_SIGNAL) {
        return MIRROR_SCAN_FULL;
    }
    return vfio_display_notify_cursor_alone(dpy->notify) ? MIRROR_SCAN_NONE
                                                         : MIRROR_SCAN_SAMPLED;
}

/*
 * A device that notifies need not be read while it says nothing. It is all
 * the same, after a second, two, four and so on without a change or input, in
 * case that it does not tell of every change, or has stopped telling. One that
 * has told of changes, and did not change otherwise, is taken at its word:
 * it is read after input, since somebody who sees an old picture will touch
 * something, and else once a minute.
 */
static bool is_read_due(VFIODisplay *dpy)
{
    const VFIODisplayLook *look = &dpy->look;
    int64_t quiet_ns = qemu_console_quiet_ns(dpy->con);
    int64_t since_ns = qemu_console_now(dpy->con) - look->read_ns;

    if (look->tells && look->kept >= PROMISES_KEPT) {
        return quiet_ns < since_ns || since_ns >= READ_TRUSTED_NS;
    }
    /* refreshes are a bit off the second */
    return since_ns + REFRESH_SAFETY_NS / 8 >=
        MIN(MAX(quiet_ns / 2, REFRESH_SAFETY_NS / 2), READ_MAX_NS);
}

bool vfio_display_look_is_due(VFIODisplay *dpy)
{
    return qemu_console_quiet_ns(dpy->con) >=
        REFRESH_SAFETY_NS - REFRESH_SAFETY_NS / 8 && is_read_due(dpy);
}

/* Would the device, or its guest, have said that the picture changed? */
static bool change_is_told(VFIODisplay *dpy)
{
    return (dpy->notify || dpy->damage_known) &&
        !vfio_display_look_is_due(dpy);
}

bool vfio_display_probe_is_due(VFIODisplay *dpy)
{
    const VFIODisplayLook *look = &dpy->look;

    return dpy->way != PIXEL_PATH_PLACEHOLDER && !change_is_told(dpy) &&
        refresh_probe_is_due(qemu_console_quiet_ns(dpy->con),
                             qemu_console_now(dpy->con) - look->probe_ns,
                             look->probe_took_ns);
}

void vfio_display_probed(VFIODisplay *dpy, int64_t begun_ns)
{
    dpy->look.probe_ns = qemu_console_now(dpy->con);
    dpy->look.probe_took_ns =
        qemu_clock_get_ns(QEMU_CLOCK_REALTIME) - begun_ns;
}

bool vfio_display_redraws(VFIODisplay *dpy)
{
    return refresh_redraws(change_is_told(dpy),
                           qemu_console_quiet_ns(dpy->con),
                           qemu_console_now(dpy->con) - dpy->look.probe_ns);
}

void vfio_display_look_begin(VFIODisplay *dpy, VFIODisplaySignals signals)
{
    VFIODisplayLook *look = &dpy->look;
    bool owed;

    look->signalled = signals != VFIO_DISPLAY_NO_SIGNAL &&
        !vfio_display_notify_cursor_alone(dpy->notify);
    owed = look->owed && !look->signalled;
    if (signals != VFIO_DISPLAY_NO_SIGNAL ||
        !qemu_console_wants_pixels(dpy->con)) {
        look->mirrored = (MirrorFrame) { 0 };
    }
    look->how = choose_look(dpy, signals, owed);
    look->owed = look->signalled && look->how == MIRROR_SCAN_SAMPLED;
    look->silent = dpy->notify && !owed && !qemu_console_dump_waits(dpy->con);
    look->quiet = look->silent && !is_read_due(dpy);
    look->untold = look->quiet && !look->signalled;
    look->unasked = false;
    look->complete = false;
}

void vfio_display_look_anew(VFIODisplay *dpy)
{
    dpy->look.mirrored = (MirrorFrame) { 0 };
    dpy->look.how = MIRROR_SCAN_FULL;
}

static bool same_memory(const MirrorFrame *a, const MirrorFrame *b)
{
    return a->format == b->format && a->width == b->width &&
        a->height == b->height && a->readable == b->readable &&
        a->stride == b->stride && a->offset == b->offset &&
        a->map == b->map && a->fd == b->fd && a->read == b->read;
}

/* The device says what to read, so that there is nothing to find out. */
static bool look_is_told(VFIODisplay *dpy, MirrorFrame *frame)
{
    VFIODisplayLook *look = &dpy->look;

    if (!vfio_display_damage_limit(dpy, frame)) {
        return false;
    }
    look->unasked = false;
    look->owed = false;
    look->complete = true;
    frame->scan = MIRROR_SCAN_FULL;
    return true;
}

/*
 * What the device promises to be as it was is not read: another frame, or one
 * that was signalled, is. A frame that the driver copied comes with a promise
 * of its own.
 */
void vfio_display_look_at(VFIODisplay *dpy, MirrorFrame *frame)
{
    static const pixman_box32_t nothing;
    VFIODisplayLook *look = &dpy->look;
    bool same = same_memory(&look->mirrored, frame);

    if (look_is_told(dpy, frame)) {
        return;
    }
    /* from then on it is of use that the device says what differs */
    frame->scan = dpy->damage_known ? MIRROR_SCAN_FULL : look->how;
    look->unasked = look->silent && same && !look->quiet;
    if (look->quiet && same) {
        frame->damage = &nothing;
        frame->n_damage = 0;
    } else if (frame->scan != MIRROR_SCAN_NONE) {
        look->read_ns = qemu_console_now(dpy->con);
        look->complete = frame->scan == MIRROR_SCAN_FULL;
    }
}

void vfio_display_look_distrust(VFIODisplay *dpy)
{
    dpy->look.tells = false;
    dpy->look.kept = 0;
}

/* Has the device kept what its silence promised? */
static void look_judge(VFIODisplay *dpy, bool changed)
{
    VFIODisplayLook *look = &dpy->look;

    if (look->unasked) {
        trace_vfio_display_look_unasked(dpy, changed, look->kept);
    }
    if (look->unasked && changed) {
        vfio_display_look_distrust(dpy);
    } else if (look->unasked) {
        look->kept += look->tells;
    } else if (look->signalled) {
        look->tells |= changed;
    }
}

void vfio_display_look_result(VFIODisplay *dpy, const MirrorFrame *frame,
                              MirrorResult result)
{
    VFIODisplayLook *look = &dpy->look;
    bool complete = look->complete;

    look->complete = false;
    look->mirrored = (MirrorFrame) { 0 };
    if (result == MIRROR_BUSY || console_mirror_is_half_drawn(dpy->mirror)) {
        /* the signal was for this frame; none will come when it is done */
        look->owed = dpy->notify != NULL;
        return;
    }
    switch (result) {
    case MIRROR_CHANGED:
    case MIRROR_UNCHANGED:
        if (complete) {
            vfio_display_damage_shown(dpy, frame);
        }
        look->mirrored = *frame;
        look_judge(dpy, result == MIRROR_CHANGED);
        break;
    case MIRROR_BUSY:
    case MIRROR_VANISHED:
        break;
    }
}
