/*
 * How often a console asks its hardware for a new picture
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_REFRESH_POLICY_H
#define UI_REFRESH_POLICY_H

/* No refresh is wanted at all. */
#define REFRESH_NEVER INT64_MAX

/* Viewers whose own rate is not known, such as VNC's, get 60 per second. */
#define REFRESH_VIEWER_NS (1000000000ll / 60)
/* So long after a change or an input event the rate is kept. */
#define REFRESH_ACTIVE_NS (2000000000ll)
/* The slowest that a watched console is looked at: people feel lag. */
#define REFRESH_IDLE_NS (100000000ll)
/* Hardware that notifies is asked so often, should it fail to. */
#define REFRESH_SAFETY_NS (1000000000ll)

/**
 * refresh_interval:
 * @watched: somebody looks at the viewer
 * @viewer_ns: nanoseconds between two frames that the viewer asks for, or 0
 *             if it does not say
 * @quiet_ns: nanoseconds since the picture changed or a viewer sent input
 *
 * The rate of a console whose hardware cannot tell when the picture changes:
 * the viewer's after each new frame, a third more while there should be one,
 * then slower and slower, down to ten per second. A viewer that asks for less
 * than that, as one whose window is hidden, gets what it asks for.
 *
 * Returns: nanoseconds from one refresh to the next, or REFRESH_NEVER.
 */
int64_t refresh_interval(bool watched, int64_t viewer_ns, int64_t quiet_ns);

/**
 * refresh_interval_notified:
 * @watched: somebody looks at the viewer
 * @viewer_ns: as for refresh_interval()
 *
 * The rate of a console whose hardware tells when the picture changes, apart
 * from the refreshes that follow a change (refresh_soonest()): one second, for
 * hardware that has stopped telling, and less for a viewer that wants less.
 *
 * Returns: nanoseconds from one refresh to the next, or REFRESH_NEVER.
 */
int64_t refresh_interval_notified(bool watched, int64_t viewer_ns);

/**
 * refresh_next:
 * @due: when this refresh was due, nanoseconds
 * @begun: when it began
 * @ended: when it was done
 * @interval: nanoseconds from one refresh to the next, not REFRESH_NEVER
 *
 * A refresh that begins a little late does not delay the ones after it, so
 * that the rate does not drift; one that is late by a whole interval or more
 * is not made up for, and there is always a pause for other work.
 *
 * Returns: when the next refresh is due.
 */
int64_t refresh_next(int64_t due, int64_t begun, int64_t ended,
                     int64_t interval);

/**
 * refresh_paid:
 * @paid: what this returned at the refresh before, or 0
 * @begun: when this refresh began, nanoseconds
 * @interval: nanoseconds between two frames of the fastest viewer, not
 *            REFRESH_NEVER
 *
 * Refreshes that follow changes keep to the viewers' rate on average. One may
 * come up to half an interval before its time, which the next ones make up
 * for. Without that a guest of just the viewer's rate, once a frame was late,
 * would stay as late for as long as both keep to their rates.
 *
 * Returns: until when the refreshes so far use up the viewer's rate.
 */
int64_t refresh_paid(int64_t paid, int64_t begun, int64_t interval);

/**
 * refresh_soonest:
 * @paid: what refresh_paid() returned at the last refresh
 * @interval: nanoseconds between two frames of the fastest viewer, not
 *            REFRESH_NEVER
 * @now: the time
 *
 * A change is shown at once if the viewers have had their time for the
 * frames before, or else as soon as they have.
 *
 * Returns: when a change that is known now is due, @now or later.
 */
int64_t refresh_soonest(int64_t paid, int64_t interval, int64_t now);

#endif /* UI_REFRESH_POLICY_H */
