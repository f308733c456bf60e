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
#include "hw/display/vgpu-sw.h"
#include "qemu/atomic.h"
#include "qemu/thread.h"
#include "vgpu-sw-irq.h"
#include "trace.h"

/* Between two bursts of a storm: there are timers as fine on any host. */
#define BURST_US 100

struct VGPUSWStorm {
    QemuThread thread;
    EventNotifier notifier; /* shares the file, so that it stays open */
    unsigned burst;
    bool stop;
};

void vgpu_sw_irq_signal(VGPUSWIrq *irq, uint64_t what)
{
    ssize_t ret;

    if (irq->notifier && !(irq->flags & VGPU_SW_IRQ_MUTE)) {
        irq->signals++;
        ret = RETRY_ON_EINTR(write(event_notifier_get_wfd(irq->notifier),
                                   &what, sizeof(what)));
        /* An eventfd that is full says enough, as with a driver's. */
        assert(ret == sizeof(what) || errno == EAGAIN);
    }
    trace_vgpu_sw_signal(irq->signals);
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

static void storm_end(VGPUSWIrq *irq)
{
    VGPUSWStorm *storm = irq->storm;

    if (!storm) {
        return;
    }
    qatomic_set(&storm->stop, true);
    qemu_thread_join(&storm->thread);
    close(event_notifier_get_fd(&storm->notifier));
    g_free(storm);
    irq->storm = NULL;
}

static void storm_begin(VGPUSWIrq *irq)
{
    int fd = qemu_dup(event_notifier_get_fd(irq->notifier));

    if (fd < 0) {
        return;
    }
    irq->storm = g_new0(VGPUSWStorm, 1);
    event_notifier_init_fd(&irq->storm->notifier, fd);
    irq->storm->burst = MAX(irq->storm_rate / (1000000 / BURST_US), 1);
    qemu_thread_create(&irq->storm->thread, "vgpu-sw-storm", storm_thread,
                       irq->storm, QEMU_THREAD_JOINABLE);
}

void vgpu_sw_irq_set_storm(VGPUSWIrq *irq, uint32_t rate)
{
    storm_end(irq);
    irq->storm_rate = MIN(rate, VGPU_SW_IRQ_STORM_MAX);
    if (irq->storm_rate && irq->notifier) {
        storm_begin(irq);
    }
}

void vgpu_sw_irq_set_notifier(VGPUSWIrq *irq, EventNotifier *notifier)
{
    irq->notifier = notifier;
    vgpu_sw_irq_set_storm(irq, irq->storm_rate);
}

void vgpu_sw_irq_reset(VGPUSWIrq *irq)
{
    irq->flags = 0;
    irq->signals = 0;
    vgpu_sw_irq_set_storm(irq, 0);
}
