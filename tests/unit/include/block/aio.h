/*
 * What the pure logic needs of QEMU's block/aio.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef BLOCK_AIO_H
#define BLOCK_AIO_H

#include "qemu/timer.h"

/* There is GLib's default main context alone. */
#define qemu_get_aio_context() NULL

static inline QEMUTimer *aio_timer_new(void *context, int clock, int scale,
                                       void (*callback)(void *opaque),
                                       void *opaque)
{
    assert(scale == SCALE_MS);
    return main_loop_event_new(callback, opaque);
}

#endif /* BLOCK_AIO_H */
