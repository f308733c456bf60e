/*
 * vGPU display: requests for frames that the driver copies
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_REQUESTS_H
#define HW_DISPLAY_VFIO_DISPLAY_REQUESTS_H

/* Time that a driver has for a frame, and is left alone if it needs more. */
#define VFIO_DISPLAY_ANSWER_NS 1000000000ll
#define VFIO_DISPLAY_RETRY_NS 5000000000ll

/*
 * After a signal that brought no answer the fd is not looked at for so long: a
 * storm of signals while the driver works wakes QEMU up 500 times per second.
 * Where no signal can be waited for the page is looked at as often.
 */
#define VFIO_DISPLAY_PAUSE_NS 2000000ll

typedef struct VFIODisplayRequests {
    uint32_t number;        /* of the last one */
    bool in_flight;         /* it has not been answered yet */
    bool changed;           /* there is a reason for another one */
    bool unshown;           /* the last answer is to be shown */
    bool stale;             /* the mirror lacks what no answer will name */
    bool dumping;           /* a screendump waits for the last one */
    unsigned signals;       /* since then, at most 2 */
    int64_t requested_ns;   /* QEMU_CLOCK_REALTIME */
    int64_t retry_ns;       /* no requests before that */
} VFIODisplayRequests;

/* Another path was in use, or nothing: all that was requested is forgotten. */
void vfio_display_requests_start(VFIODisplayRequests *r);

/* The device has signalled, @n times or more if that is 2. */
void vfio_display_requests_signalled(VFIODisplayRequests *r, unsigned n);

/* Makes a request. Returns its number, never 0. */
uint32_t vfio_display_requests_submit(VFIODisplayRequests *r, int64_t now_ns);

/* It was refused, or is late, or the answer makes no sense. */
void vfio_display_requests_give_up(VFIODisplayRequests *r, int64_t now_ns);

/* Returns true if the answer is late. */
bool vfio_display_requests_is_late(const VFIODisplayRequests *r,
                                   int64_t now_ns);

/* Returns true unless the driver is left alone. */
bool vfio_display_requests_is_ready(const VFIODisplayRequests *r,
                                    int64_t now_ns);

/*
 * The page answers request @number. @same: there is nothing in it that was not
 * shown before. Returns false if that is not the one in flight.
 */
bool vfio_display_requests_answered(VFIODisplayRequests *r, uint32_t number,
                                    bool same);

/* The answer was shown. @complete: and the mirror has all of it. */
void vfio_display_requests_shown(VFIODisplayRequests *r, bool complete);

/*
 * The last answer was shown, if there was one. @dump: a screendump waits.
 * @notifies: the device signals. Returns true if this refresh is to request a
 * frame.
 */
bool vfio_display_requests_refresh(VFIODisplayRequests *r, bool dump,
                                   bool notifies, int64_t now_ns);

/* Returns when to look at the page again after that; INT64_MAX: never. */
int64_t vfio_display_requests_wake_ns(const VFIODisplayRequests *r,
                                      int64_t now_ns);

typedef struct VFIODisplayRequestsNext {
    bool refresh;           /* the display */
    bool submit;            /* a request */
    bool listen;            /* wake up at the next signal */
    int64_t wake_ns;        /* look at the page then; INT64_MAX: never */
} VFIODisplayRequestsNext;

/*
 * After a signal (@signalled), or a time without one, outside of a refresh.
 * @notifies: the device signals. @watched: somebody watches. @interval_ns: from
 * one refresh to the next, INT64_MAX if there is none.
 */
VFIODisplayRequestsNext
vfio_display_requests_next(VFIODisplayRequests *r, bool signalled,
                           bool notifies, bool watched, int64_t interval_ns,
                           int64_t now_ns);

#endif /* HW_DISPLAY_VFIO_DISPLAY_REQUESTS_H */
