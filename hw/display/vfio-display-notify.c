/*
 * vGPU display: the display interrupt
 *
 * The device counts up an eventfd when its picture changes. If it does so again
 * before the display was refreshed the fd is left alone until then, so that a
 * device that signals a hundred thousand times a second hardly wakes QEMU up
 * more often than its viewers want to see something new. One that signals once
 * or twice a frame is listened to all the time: to stop and to start takes more
 * system calls than all the rest. With nobody watching the fd stays as it is.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-gfx-ext.h"
#include "qemu/main-loop.h"
#include "trace.h"
#include "vfio-display-notify.h"

struct VFIODisplayNotify {
    VFIODisplaySource *source;
    QemuConsole *con;
    VFIODisplaySignalled *signalled;
    void *opaque;
    EventNotifier notifier;
    bool followed;      /* the console waits for signals */
    bool listening;
    bool paused;        /* one more signal, and then none */
    VFIODisplaySignals unseen; /* taken, but not by a refresh yet */
    bool others;        /* signals not about the cursor were read */
    bool cursor_only;   /* none were, the last time they were taken */
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

static VFIODisplaySignals notify_read(VFIODisplayNotify *notify)
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
        trace_vfio_display_notified(notify->source, value);
    }
    return signals;
}

static void notify_stop(VFIODisplayNotify *notify)
{
    if (notify->listening) {
        notify->listening = false;
        event_notifier_set_handler(&notify->notifier, NULL);
    }
}

static void notify_handler(EventNotifier *notifier)
{
    VFIODisplayNotify *notify = container_of(notifier, VFIODisplayNotify,
                                             notifier);
    VFIODisplaySignals signals;

    if (notify->paused || notify->unseen != VFIO_DISPLAY_NO_SIGNAL ||
        !qemu_console_watched(notify->con)) {
        notify_stop(notify);
    }
    signals = notify_read(notify);
    if (notify->signalled(notify->opaque, signals)) {
        return;
    }
    notify->unseen = MIN(notify->unseen + signals, VFIO_DISPLAY_MORE_SIGNALS);
    qemu_console_refresh_on_change(notify->con);
}

VFIODisplaySignals vfio_display_notify_take(VFIODisplayNotify *notify,
                                            bool count)
{
    VFIODisplaySignals signals;

    if (!notify) {
        return VFIO_DISPLAY_NO_SIGNAL;
    }
    signals = notify->unseen;
    if (signals == VFIO_DISPLAY_NO_SIGNAL || count) {
        signals += notify_read(notify);
    }
    notify->unseen = VFIO_DISPLAY_NO_SIGNAL;
    notify->cursor_only = signals != VFIO_DISPLAY_NO_SIGNAL &&
        !notify->others;
    notify->others = false;
    return MIN(signals, VFIO_DISPLAY_MORE_SIGNALS);
}

bool vfio_display_notify_cursor_only(const VFIODisplayNotify *notify)
{
    return notify && notify->cursor_only;
}

void vfio_display_notify_listen(VFIODisplayNotify *notify)
{
    if (!notify) {
        return;
    }
    notify->paused = false;
    if (!qemu_console_watched(notify->con) &&
        !qemu_console_dump_waits(notify->con)) {
        notify_stop(notify);
    } else if (!notify->listening) {
        notify->listening = true;
        event_notifier_set_handler(&notify->notifier, notify_handler);
    }
}

void vfio_display_notify_pause(VFIODisplayNotify *notify)
{
    if (notify) {
        notify->paused = true;
    }
}

void vfio_display_notify_follow(VFIODisplayNotify *notify, bool signals)
{
    if (notify && notify->followed != signals) {
        notify->followed = signals;
        qemu_console_set_notifies(notify->con, signals);
    }
}

uint64_t vfio_display_notify_count(const VFIODisplayNotify *notify)
{
    return notify ? notify->count : 0;
}

/* A device whose interrupt does not work is polled instead. */
VFIODisplayNotify *vfio_display_notify_new(VFIODisplaySource *source,
                                           QemuConsole *con,
                                           VFIODisplaySignalled *signalled,
                                           void *opaque)
{
    g_autofree VFIODisplayNotify *notify = NULL;
    int ret;

    if (!source->ops->set_notifier) {
        return NULL;
    }
    notify = g_new0(VFIODisplayNotify, 1);
    notify->source = source;
    notify->con = con;
    notify->signalled = signalled;
    notify->opaque = opaque;
    ret = event_notifier_init(&notify->notifier, false);
    if (ret == 0) {
        ret = source->ops->set_notifier(source->opaque, &notify->notifier);
        if (ret < 0) {
            event_notifier_cleanup(&notify->notifier);
        }
    }
    if (ret < 0) {
        if (ret != -ENOENT) {
            vfio_display_warn(source, "no display interrupt: %s",
                              strerror(-ret));
        }
        return NULL;
    }
    trace_vfio_display_notifier(source);
    return g_steal_pointer(&notify);
}

void vfio_display_notify_free(VFIODisplayNotify *notify)
{
    if (!notify) {
        return;
    }
    /* the device first, so that it never holds an fd that is closed */
    notify->source->ops->set_notifier(notify->source->opaque, NULL);
    notify_stop(notify);
    qemu_console_set_notifies(notify->con, false);
    event_notifier_cleanup(&notify->notifier);
    g_free(notify);
}
