/*
 * Which frames of a console viewers still read
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_FRAME_HOLDS_H
#define UI_FRAME_HOLDS_H

/*
 * Hardware waits so long for a frame to be shown, in ns. Linux guests wait
 * 50 ms for the fence of a flush.
 */
#define FRAME_HOLD_NS 40000000ll
/* A viewer that takes longer so many times in a row is waited for no more. */
#define FRAME_HOLD_MISSES 3
/* At most so many frames are waited for; with one more, the oldest is not. */
#define FRAME_HOLDS_MAX 8

/*
 * FrameHolds:
 * @handed: number of the frame that viewers were given last; the first is 1
 * @consumed: frames up to this one are waited for no more
 * @handed_ns: when each of the last frames was given to viewers
 * @held: frames that were waited for
 * @given_up: those of them that took longer than FRAME_HOLD_NS
 * @held_ns: how long they were waited for, all together
 * @longest_ns: the longest of these times
 *
 * A console's frames, all zero at first. Times are in nanoseconds of one
 * clock.
 */
typedef struct FrameHolds {
    uint64_t handed;
    uint64_t consumed;
    int64_t handed_ns[FRAME_HOLDS_MAX];
    uint64_t held;
    uint64_t given_up;
    int64_t held_ns;
    int64_t longest_ns;
} FrameHolds;

/*
 * FrameViewer:
 * @kept: the newest frame that the viewer goes on reading
 * @done: it has done with the frames up to this one
 * @missed: frames in a row that it took too long for
 *
 * A viewer of these frames, all zero at first.
 */
typedef struct FrameViewer {
    uint64_t kept;
    uint64_t done;
    unsigned missed;
} FrameViewer;

/**
 * frame_holds_hand:
 * @holds: a console's frames
 * @now: the time
 *
 * A new frame is about to be given to viewers.
 *
 * Returns: its number.
 */
uint64_t frame_holds_hand(FrameHolds *holds, int64_t now);

/**
 * frame_viewer_is_busy:
 * @viewer: a viewer
 *
 * Returns: true if it reads a frame now.
 */
bool frame_viewer_is_busy(const FrameViewer *viewer);

/**
 * frame_viewer_keep:
 * @viewer: a viewer
 * @frame: the frame that it was given last
 *
 * The viewer reads @frame until frame_viewer_done(). One that does not call
 * this has done with the frame when it returns.
 */
void frame_viewer_keep(FrameViewer *viewer, uint64_t frame);

/**
 * frame_viewer_done:
 * @viewer: a viewer
 * @holds: its console's frames
 * @frame: the viewer has done with this frame and all before it
 * @now: the time, or INT64_MAX if it has not shown it
 *
 * An answer in time for the oldest frame that it kept makes up for those that
 * were missed. A late one does not, or a viewer that always is late would cost
 * guests three time-outs for each of its answers.
 */
void frame_viewer_done(FrameViewer *viewer, const FrameHolds *holds,
                       uint64_t frame, int64_t now);

/**
 * frame_viewer_limit:
 * @viewer: one of the console's viewers
 * @limit: UINT64_MAX, or what this returned for the viewer before
 *
 * Returns: frames up to this one have been consumed as far as these viewers
 * are concerned.
 */
uint64_t frame_viewer_limit(const FrameViewer *viewer, uint64_t limit);

/**
 * frame_holds_consume:
 * @holds: a console's frames
 * @limit: what frame_viewer_limit() returned for its last viewer
 * @now: the time
 *
 * Frames that no viewer is waited for with have been consumed.
 */
void frame_holds_consume(FrameHolds *holds, uint64_t limit, int64_t now);

/**
 * frame_holds_deadline:
 * @holds: a console's frames
 *
 * Returns: until when the oldest frame is waited for, INT64_MAX if none is.
 */
int64_t frame_holds_deadline(const FrameHolds *holds);

/**
 * frame_viewer_give_up:
 * @viewer: one of the console's viewers
 * @holds: the console's frames; frame_holds_deadline() has passed
 *
 * The oldest frame is not waited for any longer, which is a miss for those
 * that still read it. Called for each viewer, and then
 * frame_holds_give_up() once.
 */
void frame_viewer_give_up(FrameViewer *viewer, const FrameHolds *holds);

/**
 * frame_holds_give_up:
 * @holds: a console's frames, one of which is waited for
 * @now: the time
 *
 * The oldest frame counts as consumed.
 */
void frame_holds_give_up(FrameHolds *holds, int64_t now);

#endif /* UI_FRAME_HOLDS_H */
