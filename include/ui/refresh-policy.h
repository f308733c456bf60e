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
/* The same where hardware says of each frame that it is there. */
#define REFRESH_SIGNALLED_NS (1000000000ll / 144)
/* So long after a change or an input event the rate is kept. */
#define REFRESH_ACTIVE_NS (1000000000ll)
/* The slowest that a watched console is looked at: people feel lag. */
#define REFRESH_IDLE_NS (100000000ll)
/* Hardware that notifies is asked so often, should it fail to. */
#define REFRESH_SAFETY_NS (1000000000ll)
/* The same long after the last change or input event. */
#define REFRESH_SAFETY_MAX_NS (10000000000ll)

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
 * @quiet_ns: as for refresh_interval()
 *
 * The rate of a console whose hardware tells when the picture changes, apart
 * from the refreshes that follow a change (refresh_soonest()). They are for
 * hardware that has stopped telling: after a second without a change or input,
 * two, four and eight, then each ten seconds, and less often for a viewer that
 * wants less.
 *
 * Returns: nanoseconds from one refresh to the next, or REFRESH_NEVER.
 */
int64_t refresh_interval_notified(bool watched, int64_t viewer_ns,
                                  int64_t quiet_ns);

/**
 * refresh_pace:
 * @watched: somebody looks at the viewer
 * @viewer_ns: as for refresh_interval()
 * @notified: the hardware tells when the picture changes
 *
 * How soon a frame may follow another one. A monitor's rate is the viewer's.
 * Others ask for 30 ms and more for want of one, and show each frame that they
 * get: they set the limit by how fast they take them. Polled hardware is looked
 * at no more than 60 times per second for them.
 *
 * Returns: nanoseconds, or REFRESH_NEVER.
 */
int64_t refresh_pace(bool watched, int64_t viewer_ns, bool notified);

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

/* Guests may be faster than the viewers by one frame in so many. */
#define REFRESH_SLACK 16

/**
 * refresh_paid:
 * @paid: what this returned at the refresh before, or 0
 * @begun: when this refresh began, nanoseconds
 * @interval: nanoseconds between two frames of the fastest viewer, not
 *            REFRESH_NEVER
 *
 * Refreshes that follow changes keep to the viewers' rate on average, or a bit
 * more: a guest whose clock is a little faster than ours would have each frame
 * wait for nearly an interval, and lose one now and then. One may come up to
 * half an interval before its time, which the next ones make up for. Without
 * that a guest of just the viewer's rate, once a frame was late, would stay as
 * late for as long as both keep to their rates.
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

/* Reading pixels takes no more than one part in so many of the time. */
#define REFRESH_READ_SHARE 3

/**
 * refresh_rested:
 * @begun: when a refresh began, nanoseconds
 * @read_ns: how long the main loop read pixels in it
 *
 * Video memory may be so slow to read that the main loop would do nothing
 * else. Then refreshes become as rare as it takes to leave two thirds of the
 * time to guests, monitor and viewers. Each counts for itself, so that the rate
 * is back with the first one that is cheap.
 *
 * Returns: when the next refresh may begin; in most cases before it is due.
 */
int64_t refresh_rested(int64_t begun, int64_t read_ns);

/* A probe takes no more than one part in so many of the time. */
#define REFRESH_PROBE_SHARE 20

/**
 * refresh_probe_is_due:
 * @quiet_ns: as for refresh_interval()
 * @since_ns: nanoseconds since the last probe
 * @took_ns: how long that one took
 *
 * Viewers that draw a dma-buf need no pixels. Where neither the hardware nor
 * the guest says that there is something new to draw, a probe finds out: the
 * pixels are compared with those of the probe before. None is needed for half
 * a second after a change or input. Then there are ten per second, or fewer
 * where a probe takes long.
 *
 * Returns: true if this refresh is to probe.
 */
bool refresh_probe_is_due(int64_t quiet_ns, int64_t since_ns,
                          int64_t took_ns);

/**
 * refresh_redraws:
 * @reported: hardware or guest would have said that the picture changed
 * @quiet_ns: as for refresh_interval(), after this refresh's probe
 * @since_ns: nanoseconds since the last probe
 *
 * A dma-buf is drawn for a second after a change or input. After that it is
 * known to be the same if that is reported, or was found out by a probe within
 * the last tenth of a second. Else it is drawn, at the slow rate.
 *
 * Returns: true if viewers are to draw the dma-buf in this refresh.
 */
bool refresh_redraws(bool reported, int64_t quiet_ns, int64_t since_ns);

/* So many checks in a row, and the guest never pauses. */
#define REFRESH_CHECKS 8
/* In the long run one frame in so many is followed by a check. */
#define REFRESH_CHECKS_SHARE 16

/*
 * Which new frames are looked at again soon: all zero at first.
 * @gap: frames from one that is checked to the next
 * @left: frames until the next one
 * @made: checks of this frame
 * @checking: the next refresh is one
 */
typedef struct RefreshChecks {
    unsigned gap;
    unsigned left;
    unsigned made;
    bool checking;
} RefreshChecks;

/**
 * refresh_check:
 * @checks: of these refreshes
 * @changed: this refresh found something new
 *
 * Called once in each refresh of a console that is polled. A guest that draws
 * at the viewers' rate may be in the middle of it at each refresh, and then
 * every frame is shown half drawn. So now and then a refresh that found a
 * frame is followed by others shortly after it, until there is nothing new:
 * what they find is the rest of the frame. The next frame's refresh is to be
 * counted from the last one that found something, which takes it out of the
 * guest's way. The longer the checks of a frame find nothing, or find something
 * each time, as with a guest that never pauses, the fewer frames are checked. A
 * guest may only seem never to pause: its first frames take it longer.
 *
 * Returns: true if the next refresh is to come after refresh_check_ns().
 */
bool refresh_check(RefreshChecks *checks, bool changed);

/**
 * refresh_check_ns:
 * @checks: refresh_check() has just returned true for them
 * @interval: nanoseconds between two frames of a viewer
 *
 * The guest may wait for a CPU while the viewer shows what it got: the first
 * check comes when it has gone on. The others are close enough together to find
 * a pause of a quarter of @interval.
 *
 * Returns: nanoseconds until the same frame is looked at again.
 */
int64_t refresh_check_ns(const RefreshChecks *checks, int64_t interval);

#endif /* UI_REFRESH_POLICY_H */
