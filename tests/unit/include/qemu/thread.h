/*
 * What the pure logic needs of QEMU's qemu/thread.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_THREAD_H
#define QEMU_THREAD_H

#include <pthread.h>
#include <time.h>
#include "qemu/osdep.h"

/* Not GLib's, which thread sanitizers know nothing of. */
typedef pthread_mutex_t QemuMutex;
typedef pthread_cond_t QemuCond;
typedef pthread_t QemuThread;

#define QEMU_THREAD_DETACHED 1

static inline void qemu_mutex_init(QemuMutex *mutex)
{
    pthread_mutex_init(mutex, NULL);
}

static inline void qemu_mutex_destroy(QemuMutex *mutex)
{
    pthread_mutex_destroy(mutex);
}

static inline void qemu_mutex_lock(QemuMutex *mutex)
{
    pthread_mutex_lock(mutex);
}

static inline void qemu_mutex_unlock(QemuMutex *mutex)
{
    pthread_mutex_unlock(mutex);
}

static inline void qemu_cond_init(QemuCond *cond)
{
    pthread_cond_init(cond, NULL);
}

static inline void qemu_cond_destroy(QemuCond *cond)
{
    pthread_cond_destroy(cond);
}

static inline void qemu_cond_signal(QemuCond *cond)
{
    pthread_cond_signal(cond);
}

static inline void qemu_cond_broadcast(QemuCond *cond)
{
    pthread_cond_broadcast(cond);
}

static inline void qemu_cond_wait(QemuCond *cond, QemuMutex *mutex)
{
    pthread_cond_wait(cond, mutex);
}

static inline bool qemu_cond_timedwait(QemuCond *cond, QemuMutex *mutex,
                                       int ms)
{
    struct timespec until;
    int64_t ns;

    clock_gettime(CLOCK_REALTIME, &until);
    ns = until.tv_nsec + ms * INT64_C(1000000);
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return pthread_cond_timedwait(cond, mutex, &until) == 0;
}

static inline void qemu_thread_create(QemuThread *thread, const char *name,
                                      void *(*start)(void *), void *opaque,
                                      int mode)
{
    int ret = pthread_create(thread, NULL, start, opaque);

    assert(ret == 0 && mode == QEMU_THREAD_DETACHED);
    pthread_detach(*thread);
}

#endif /* QEMU_THREAD_H */
