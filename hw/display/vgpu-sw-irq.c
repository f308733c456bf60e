/*
 * Software vGPU: the display interrupt
 *
 * What a driver in the kernel does with an eventfd: counts it up when the
 * picture changes. A storm comes from a thread of its own, as a driver's does
 * from another CPU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/vfio/vfio-gfx-ext.h"
#include "qemu/atomic.h"
#include "qemu/thread.h"
#include "vgpu-sw-internal.h"
#include "trace.h"

/* Between two bursts of a storm: there are timers as fine on any host. */
#define BURST_US 100

struct VGPUSWStorm {
    QemuThread thread;
    EventNotifier notifier; /* shares the file, so that it stays open */
    unsigned burst;
    bool stop;
};

static void signal_value(VGPUSWState *s, uint64_t value)
{
    ssize_t ret;

    if (s->notifier && !(s->irq_flags & VGPU_SW_IRQ_MUTE)) {
        s->signals++;
        ret = RETRY_ON_EINTR(write(event_notifier_get_wfd(s->notifier),
                                   &value, sizeof(value)));
        /* An eventfd that is full says enough, as with a driver's. */
        assert(ret == sizeof(value) || errno == EAGAIN);
    }
    trace_vgpu_sw_signal(s->signals);
}

void vgpu_sw_irq_signal(VGPUSWState *s)
{
    signal_value(s, VFIO_GFX_IRQ_PRIMARY);
}

void vgpu_sw_irq_signal_cursor(VGPUSWState *s)
{
    signal_value(s, VFIO_GFX_IRQ_CURSOR);
}

static void *storm_thread(void *opaque)
{
    VGPUSWStorm *storm = opaque;

    while (!qatomic_read(&storm->stop)) {
        for (unsigned i = 0; i < storm->burst; i++) {
            event_notifier_set(&storm->notifier);
        }
        g_usleep(BURST_US);
    }
    return NULL;
}

static void storm_end(VGPUSWState *s)
{
    VGPUSWStorm *storm = s->storm;

    if (!storm) {
        return;
    }
    qatomic_set(&storm->stop, true);
    qemu_thread_join(&storm->thread);
    close(event_notifier_get_fd(&storm->notifier));
    g_free(storm);
    s->storm = NULL;
}

static void storm_begin(VGPUSWState *s)
{
    int fd = qemu_dup(event_notifier_get_fd(s->notifier));

    if (fd < 0) {
        return;
    }
    s->storm = g_new0(VGPUSWStorm, 1);
    event_notifier_init_fd(&s->storm->notifier, fd);
    s->storm->burst = MAX(s->irq_storm / (1000000 / BURST_US), 1);
    qemu_thread_create(&s->storm->thread, "vgpu-sw-storm", storm_thread,
                       s->storm, QEMU_THREAD_JOINABLE);
}

void vgpu_sw_irq_set_storm(VGPUSWState *s, uint32_t rate)
{
    storm_end(s);
    s->irq_storm = MIN(rate, VGPU_SW_IRQ_STORM_MAX);
    if (s->irq_storm && s->notifier) {
        storm_begin(s);
    }
}

int vgpu_sw_set_notifier(void *opaque, EventNotifier *notifier)
{
    VGPUSWState *s = opaque;

    if (!(s->kinds & VGPU_SW_KIND_IRQ)) {
        return -ENOENT;
    }
    storm_end(s);
    s->notifier = notifier;
    if (notifier) {
        vgpu_sw_irq_set_storm(s, s->irq_storm);
    }
    return 0;
}
