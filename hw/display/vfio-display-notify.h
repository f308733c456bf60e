/*
 * vGPU display: the display interrupt
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_NOTIFY_H
#define HW_DISPLAY_VFIO_DISPLAY_NOTIFY_H

#include "vfio-display-source.h"

/* All of these take NULL for a device that does not signal. */
typedef struct VFIODisplayNotify VFIODisplayNotify;

/* How often the device has signalled, as far as that can be told. */
typedef enum VFIODisplaySignals {
    VFIO_DISPLAY_NO_SIGNAL,
    VFIO_DISPLAY_ONE_SIGNAL,
    VFIO_DISPLAY_MORE_SIGNALS,
} VFIODisplaySignals;

/*
 * The device has signalled. Returns true if that is dealt with; else the
 * console is refreshed.
 */
typedef bool VFIODisplaySignalled(void *opaque, VFIODisplaySignals signals);

/*
 * Has the device signal changes, and the console wait for that. Returns NULL if
 * the device cannot; after a warning if it should.
 */
VFIODisplayNotify *vfio_display_notify_new(VFIODisplaySource *source,
                                           QemuConsole *con,
                                           VFIODisplaySignalled *signalled,
                                           void *opaque);

/* To be called while the console is open. */
void vfio_display_notify_free(VFIODisplayNotify *notify);

/*
 * To be called first in a refresh: what is signalled from now on is of a
 * picture that the refresh may not have seen. @count: more than one signal is
 * to be told from one. Returns the signals since the last time.
 */
VFIODisplaySignals vfio_display_notify_take(VFIODisplayNotify *notify,
                                            bool count);

/* Returns true if those last ones were about the cursor only. */
bool vfio_display_notify_cursor_only(const VFIODisplayNotify *notify);

/*
 * To be called last in a refresh: lets the next signal wake QEMU up, if
 * somebody watches.
 */
void vfio_display_notify_listen(VFIODisplayNotify *notify);

/*
 * What comes next is known to be of no use until vfio_display_notify_listen():
 * one more signal wakes QEMU up, and then no other. A device that signals a few
 * times for each frame costs no change of the watch that way.
 */
void vfio_display_notify_pause(VFIODisplayNotify *notify);

/*
 * The console waits for signals while it shows what signals (@signals), and is
 * polled while it shows something else.
 */
void vfio_display_notify_follow(VFIODisplayNotify *notify, bool signals);

/* Returns how often signals were seen; those that came together count once. */
uint64_t vfio_display_notify_count(const VFIODisplayNotify *notify);

#endif /* HW_DISPLAY_VFIO_DISPLAY_NOTIFY_H */
