/*
 * What the pure logic needs of QEMU's main loop: GLib's
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_MAIN_LOOP_H
#define QEMU_MAIN_LOOP_H

#include "qemu/osdep.h"

/* Threads take it for themselves; these main loops are without. */
extern GMutex main_loop_bql;
__attribute__((weak)) GMutex main_loop_bql;

static inline bool bql_trylock(void)
{
    return g_mutex_trylock(&main_loop_bql);
}

static inline void bql_unlock(void)
{
    g_mutex_unlock(&main_loop_bql);
}

/* A bottom half or a timer: a source that is ready from a moment on. */
typedef struct MainLoopEvent {
    GSource source;
    void (*callback)(void *opaque);
    void *opaque;
} MainLoopEvent;

typedef MainLoopEvent QEMUBH;
typedef MainLoopEvent QEMUTimer;

static inline gboolean main_loop_event_dispatch(GSource *source,
                                                GSourceFunc unused, void *data)
{
    MainLoopEvent *event = (MainLoopEvent *)source;

    g_source_set_ready_time(source, -1);
    event->callback(event->opaque);
    return G_SOURCE_CONTINUE;
}

static inline MainLoopEvent *main_loop_event_new(void (*callback)(void *opaque),
                                                 void *opaque)
{
    static GSourceFuncs funcs = { .dispatch = main_loop_event_dispatch };
    GSource *source = g_source_new(&funcs, sizeof(MainLoopEvent));
    MainLoopEvent *event = (MainLoopEvent *)source;

    event->callback = callback;
    event->opaque = opaque;
    g_source_attach(source, NULL);
    return event;
}

static inline void main_loop_event_free(MainLoopEvent *event)
{
    g_source_destroy(&event->source);
    g_source_unref(&event->source);
}

static inline QEMUBH *qemu_bh_new(void (*callback)(void *opaque), void *opaque)
{
    return main_loop_event_new(callback, opaque);
}

static inline void qemu_bh_schedule(QEMUBH *bh)
{
    g_source_set_ready_time(&bh->source, 0);
}

static inline void qemu_bh_delete(QEMUBH *bh)
{
    main_loop_event_free(bh);
}

/* A program that links what uses it has its own. */
typedef void IOHandler(void *opaque);
void qemu_set_fd_handler(int fd, IOHandler *readable, IOHandler *writable,
                         void *opaque);

static inline void qemu_init_main_loop(Error **errp)
{
}

static inline void main_loop_wait(int nonblocking)
{
    g_main_context_iteration(NULL, !nonblocking);
}

#endif /* QEMU_MAIN_LOOP_H */
