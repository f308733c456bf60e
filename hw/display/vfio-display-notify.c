/*
 * The display of a device that renders where only its driver can see:
 * the display interrupt
 *
 * The device counts up an eventfd when its picture changes. If it does so again
 * before the display was refreshed the fd is left alone until then, so that a
 * device that signals a hundred thousand times a second wakes QEMU up hardly
 * oftener than its viewers want to see something new. One that signals once or
 * twice a frame is listened to all the time: to stop and to start takes more
 * system calls than all the rest. With nobody watching the fd stays as it is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-gfx-ext.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "trace.h"
#include "vfio-display-internal.h"

struct VFIODisplayNotify {
    VFIODisplay *dpy;
    EventNotifier notifier;
    bool followed;      /* the console waits for signals */
    bool listening;
    bool paused;        /* one more signal, and then none */
    VFIODisplaySignals unseen; /* taken, but not by a refresh yet */
    bool others;        /* signals not about the cursor were read */
    bool cursor_alone;  /* none were, the last time they were taken */
    uint64_t count;
};

/*
 * One signal adds one, or what the device's capability says it does. Anything
 * else is more than one, or cannot be told from that.
 */
static VFIODisplaySignals count_signals(uint64_t value)
{
    switch (value) {
    case 0:
        return VFIO_DISPLAY_NO_SIGNAL;
    case 1:
    case VFIO_GFX_IRQ_CURSOR:
    case VFIO_GFX_IRQ_PRIMARY:
        return VFIO_DISPLAY_ONE_SIGNAL;
    default:
        return VFIO_DISPLAY_MORE_SIGNALS;
    }
}

/* 256 of the cursor's add up to one of the others', which does no harm. */
static bool is_cursor(uint64_t value)
{
    return value < VFIO_GFX_IRQ_PRIMARY && value % VFIO_GFX_IRQ_CURSOR == 0;
}

static VFIODisplaySignals vfio_display_notify_read(VFIODisplayNotify *notify)
{
    VFIODisplaySignals signals;
    uint64_t value = 0;
    ssize_t ret;

    ret = RETRY_ON_EINTR(read(event_notifier_get_fd(&notify->notifier),
                              &value, sizeof(value)));
    signals = count_signals(ret == sizeof(value) ? value : 0);
    if (signals != VFIO_DISPLAY_NO_SIGNAL) {
        notify->count++;
        notify->others |= !is_cursor(value);
        trace_vfio_display_notified(notify->dpy, value);
    }
    return signals;
}

static void vfio_display_notify_stop(VFIODisplayNotify *notify)
{
    if (notify->listening) {
        notify->listening = false;
        event_notifier_set_handler(&notify->notifier, NULL);
    }
}

static void vfio_display_notify_handler(EventNotifier *notifier)
{
    VFIODisplayNotify *notify = container_of(notifier, VFIODisplayNotify,
                                             notifier);
    VFIODisplay *dpy = notify->dpy;
    VFIODisplaySignals signals;

    if (notify->paused || notify->unseen != VFIO_DISPLAY_NO_SIGNAL ||
        !qemu_console_watched(dpy->con)) {
        vfio_display_notify_stop(notify);
    }
    signals = vfio_display_notify_read(notify);
    if (vfio_display_metadata_signalled(dpy->metadata, signals)) {
        return;
    }
    notify->unseen = MIN(notify->unseen + signals, VFIO_DISPLAY_MORE_SIGNALS);
    qemu_console_changed(dpy->con);
}

VFIODisplaySignals vfio_display_notify_take(VFIODisplayNotify *notify)
{
    VFIODisplaySignals signals;

    if (!notify) {
        return VFIO_DISPLAY_NO_SIGNAL;
    }
    signals = notify->unseen;
    if (signals == VFIO_DISPLAY_NO_SIGNAL || notify->dpy->metadata) {
        signals += vfio_display_notify_read(notify);
    }
    notify->unseen = VFIO_DISPLAY_NO_SIGNAL;
    notify->cursor_alone = signals != VFIO_DISPLAY_NO_SIGNAL &&
        !notify->others;
    notify->others = false;
    return MIN(signals, VFIO_DISPLAY_MORE_SIGNALS);
}

bool vfio_display_notify_cursor_alone(const VFIODisplayNotify *notify)
{
    return notify && notify->cursor_alone;
}

void vfio_display_notify_listen(VFIODisplayNotify *notify)
{
    QemuConsole *con;

    if (!notify) {
        return;
    }
    notify->paused = false;
    if (notify->listening) {
        return;
    }
    con = notify->dpy->con;
    if (!qemu_console_watched(con) && !qemu_console_dump_waits(con)) {
        return;
    }
    notify->listening = true;
    event_notifier_set_handler(&notify->notifier,
                               vfio_display_notify_handler);
}

void vfio_display_notify_pause(VFIODisplayNotify *notify)
{
    if (notify) {
        notify->paused = true;
    }
}

/*
 * ramfb is on screen while the plane is off and does not signal, and nothing
 * signals that the last frame's grace is over.
 */
static bool vfio_display_shows_what_signals(const VFIODisplay *dpy)
{
    switch (dpy->state) {
    case VFIO_DISPLAY_BLANK:
        return !dpy->ramfb;
    case VFIO_DISPLAY_ON:
        return true;
    case VFIO_DISPLAY_GRACE:
        return false;
    }
    g_assert_not_reached();
}

void vfio_display_notify_follow(VFIODisplayNotify *notify)
{
    bool follow;

    if (!notify) {
        return;
    }
    follow = vfio_display_shows_what_signals(notify->dpy);
    if (notify->followed != follow) {
        notify->followed = follow;
        qemu_console_set_notifies(notify->dpy->con, follow);
    }
}

uint64_t vfio_display_notify_count(const VFIODisplayNotify *notify)
{
    return notify ? notify->count : 0;
}

/* A device that has an interrupt which does not work is polled instead. */
VFIODisplayNotify *vfio_display_notify_new(VFIODisplay *dpy)
{
    g_autofree VFIODisplayNotify *notify = NULL;
    g_autofree char *name = NULL;
    int ret;

    if (!dpy->ops->set_notifier) {
        return NULL;
    }
    notify = g_new0(VFIODisplayNotify, 1);
    notify->dpy = dpy;
    ret = event_notifier_init(&notify->notifier, false);
    if (ret == 0) {
        ret = dpy->ops->set_notifier(dpy->opaque, &notify->notifier);
        if (ret < 0) {
            event_notifier_cleanup(&notify->notifier);
        }
    }
    if (ret < 0) {
        if (ret != -ENOENT) {
            name = vfio_display_name(dpy);
            warn_report("vGPU display of %s: no display interrupt: %s", name,
                        strerror(-ret));
        }
        return NULL;
    }
    trace_vfio_display_notifier(dpy);
    vfio_display_notify_follow(notify);
    return g_steal_pointer(&notify);
}

void vfio_display_notify_free(VFIODisplayNotify *notify)
{
    if (!notify) {
        return;
    }
    /* the device first, so that it never holds an fd that is closed */
    notify->dpy->ops->set_notifier(notify->dpy->opaque, NULL);
    vfio_display_notify_stop(notify);
    qemu_console_set_notifies(notify->dpy->con, false);
    event_notifier_cleanup(&notify->notifier);
    g_free(notify);
}
