/*
 * vGPU display: requests for frames that the driver copies
 *
 *     idle --(changed)--> in flight --(done: a frame)--> shown at the next
 *      ^                    |                            refresh, which is now
 *      `--(done: as before)-'                            if viewers are ready
 *
 * A signal means "changed" or "done", which the metadata page tells apart.
 * Coalesced signals trigger one more request. A driver that is silent for a
 * second loses its turn to the next path that the display has, and gets
 * another one later.
 *
 * Values go in and a decision comes out: there is no clock, console or device
 * here. tests/unit/test-vfio-display-requests.c has the cases.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/refresh-policy.h"
#include "vfio-display-requests.h"

#define MORE_SIGNALS 2

void vfio_display_requests_start(VFIODisplayRequests *r)
{
    r->in_flight = false;
    r->unshown = false;
    r->stale = true;
    r->changed = true;
}

void vfio_display_requests_signalled(VFIODisplayRequests *r, unsigned n)
{
    r->signals = MIN(r->signals + n, MORE_SIGNALS);
    r->changed |= n && !r->in_flight;
}

uint32_t vfio_display_requests_submit(VFIODisplayRequests *r, int64_t now_ns)
{
    /* the one before may be done without having been seen, with its damage */
    r->stale |= r->in_flight;
    r->number = r->number == UINT32_MAX ? 1 : r->number + 1;
    r->in_flight = true;
    r->changed = false;
    r->signals = 0;
    r->requested_ns = now_ns;
    return r->number;
}

void vfio_display_requests_give_up(VFIODisplayRequests *r, int64_t now_ns)
{
    r->in_flight = false;
    r->unshown = false;
    /* the answer may still come, with damage that no later one names */
    r->stale = true;
    r->retry_ns = now_ns + VFIO_DISPLAY_RETRY_NS;
}

bool vfio_display_requests_is_late(const VFIODisplayRequests *r,
                                   int64_t now_ns)
{
    return r->in_flight && now_ns - r->requested_ns >= VFIO_DISPLAY_ANSWER_NS;
}

bool vfio_display_requests_is_ready(const VFIODisplayRequests *r,
                                    int64_t now_ns)
{
    return now_ns >= r->retry_ns;
}

bool vfio_display_requests_answered(VFIODisplayRequests *r, uint32_t number,
                                    bool same)
{
    if (!r->in_flight || number != r->number) {
        return false;
    }
    r->in_flight = false;
    r->unshown = r->stale || !same;
    /* the answer is one signal; another may be of a later change */
    r->changed |= r->signals >= MORE_SIGNALS;
    return true;
}

void vfio_display_requests_shown(VFIODisplayRequests *r, bool complete)
{
    r->unshown = false;
    r->stale = !complete;
}

bool vfio_display_requests_refresh(VFIODisplayRequests *r, bool dump,
                                   bool notifies, int64_t now_ns)
{
    if (dump && !r->dumping) {
        r->dumping = true;
        return true;
    }
    if (r->in_flight) {
        return false;
    }
    if (r->dumping) {
        /* what it waited for was shown */
        r->dumping = false;
        return false;
    }
    return r->changed || !notifies ||
        now_ns - r->requested_ns >= REFRESH_SAFETY_NS / 2;
}

int64_t vfio_display_requests_wake_ns(const VFIODisplayRequests *r,
                                      int64_t now_ns)
{
    if (!r->in_flight) {
        return INT64_MAX;
    }
    return r->dumping ? now_ns + VFIO_DISPLAY_PAUSE_NS
                      : r->requested_ns + VFIO_DISPLAY_ANSWER_NS;
}

/* At most twice per frame: one that comes early need not wait. */
static int64_t next_request(const VFIODisplayRequests *r, int64_t interval_ns)
{
    return r->requested_ns +
        (interval_ns == REFRESH_NEVER ? 0 : interval_ns / 2);
}

VFIODisplayRequestsNext
vfio_display_requests_next(VFIODisplayRequests *r, bool signalled,
                           bool notifies, bool watched, int64_t interval_ns,
                           int64_t now_ns)
{
    VFIODisplayRequestsNext next = { .listen = true, .wake_ns = INT64_MAX };

    if (r->in_flight) {
        /* "changed", or a storm */
        r->changed |= signalled;
        next.listen = !signalled;
        /*
         * The human monitor waits for a screendump in aio_poll(), which does
         * not watch the device's eventfd.
         */
        if (signalled || r->dumping || !notifies) {
            next.wake_ns = now_ns + VFIO_DISPLAY_PAUSE_NS;
        }
        next.wake_ns = MIN(next.wake_ns,
                           r->requested_ns + VFIO_DISPLAY_ANSWER_NS);
    } else if (r->unshown || !vfio_display_requests_is_ready(r, now_ns)) {
        next.refresh = true;
        next.listen = false;    /* the refresh will */
    } else if (r->changed && watched) {
        next.submit = next_request(r, interval_ns) <= now_ns;
        next.listen = next.submit;
        next.wake_ns = next.submit ? now_ns + VFIO_DISPLAY_ANSWER_NS
                                   : next_request(r, interval_ns);
    }
    return next;
}
