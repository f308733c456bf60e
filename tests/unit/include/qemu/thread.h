/*
 * What the pure logic needs of QEMU's qemu/thread.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_THREAD_H
#define QEMU_THREAD_H

#include "qemu/osdep.h"

typedef GMutex QemuMutex;
typedef GCond QemuCond;
typedef GThread *QemuThread;

#define QEMU_THREAD_DETACHED 1

#define qemu_mutex_init(mutex) g_mutex_init(mutex)
#define qemu_mutex_destroy(mutex) g_mutex_clear(mutex)
#define qemu_mutex_lock(mutex) g_mutex_lock(mutex)
#define qemu_mutex_unlock(mutex) g_mutex_unlock(mutex)
#define qemu_cond_init(cond) g_cond_init(cond)
#define qemu_cond_destroy(cond) g_cond_clear(cond)
#define qemu_cond_signal(cond) g_cond_signal(cond)
#define qemu_cond_broadcast(cond) g_cond_broadcast(cond)
#define qemu_cond_wait(cond, mutex) g_cond_wait(cond, mutex)

static inline bool qemu_cond_timedwait(QemuCond *cond, QemuMutex *mutex,
                                       int ms)
{
    return g_cond_wait_until(cond, mutex, g_get_monotonic_time() + ms * 1000);
}

static inline void qemu_thread_create(QemuThread *thread, const char *name,
                                      void *(*start)(void *), void *opaque,
                                      int mode)
{
    assert(mode == QEMU_THREAD_DETACHED);
    *thread = g_thread_new(name, start, opaque);
    g_thread_unref(*thread);
}

#endif /* QEMU_THREAD_H */
