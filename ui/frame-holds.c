/*
 * Which frames of a console viewers still read
 *
 * Frames are numbered. A viewer that goes on reading a frame when it returns
 * keeps it, and says later up to which frame it has done. A frame is consumed
 * when no viewer that is waited for reads it or an older one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/frame-holds.h"

static int64_t handed_at(const FrameHolds *holds, uint64_t frame)
{
    return holds->handed_ns[frame % FRAME_HOLDS_MAX];
}

/* @frame, the oldest that is waited for, was so until @now. */
static void note_held(FrameHolds *holds, uint64_t frame, int64_t now)
{
    int64_t time = now - handed_at(holds, frame);

    holds->held++;
    holds->held_ns += time;
    holds->longest_ns = MAX(holds->longest_ns, time);
}

uint64_t frame_holds_hand(FrameHolds *holds, int64_t now)
{
    if (holds->handed - holds->consumed == FRAME_HOLDS_MAX) {
        /* its time is about to be written over */
        frame_holds_give_up(holds, now);
    }
    holds->handed++;
    holds->handed_ns[holds->handed % FRAME_HOLDS_MAX] = now;
    return holds->handed;
}

bool frame_viewer_is_busy(const FrameViewer *viewer)
{
    return viewer->kept > viewer->done;
}

void frame_viewer_keep(FrameViewer *viewer, uint64_t frame)
{
    if (!frame_viewer_is_busy(viewer) && frame) {
        /* it has not kept those before */
        viewer->done = frame - 1;
    }
    viewer->kept = frame;
}

void frame_viewer_done(FrameViewer *viewer, const FrameHolds *holds,
                       uint64_t frame, int64_t now)
{
    uint64_t oldest = viewer->done + 1;

    frame = MIN(frame, viewer->kept);
    if (frame < oldest) {
        return;
    }
    viewer->done = frame;
    if (holds->handed - oldest < FRAME_HOLDS_MAX &&
        now - handed_at(holds, oldest) < FRAME_HOLD_NS) {
        viewer->missed = 0;
    }
}

static bool is_waited_for(const FrameViewer *viewer)
{
    return frame_viewer_is_busy(viewer) &&
        viewer->missed < FRAME_HOLD_MISSES;
}

uint64_t frame_viewer_limit(const FrameViewer *viewer, uint64_t limit)
{
    return is_waited_for(viewer) ? MIN(limit, viewer->done) : limit;
}

void frame_holds_consume(FrameHolds *holds, uint64_t limit, int64_t now)
{
    limit = MIN(limit, holds->handed);
    while (holds->consumed < limit) {
        holds->consumed++;
        if (now > handed_at(holds, holds->consumed)) {
            note_held(holds, holds->consumed, now);
        }
    }
}

int64_t frame_holds_deadline(const FrameHolds *holds)
{
    return holds->consumed == holds->handed
        ? INT64_MAX : handed_at(holds, holds->consumed + 1) + FRAME_HOLD_NS;
}

void frame_viewer_give_up(FrameViewer *viewer, const FrameHolds *holds)
{
    if (is_waited_for(viewer) && viewer->done <= holds->consumed) {
        viewer->missed++;
    }
}

void frame_holds_give_up(FrameHolds *holds, int64_t now)
{
    holds->consumed++;
    holds->given_up++;
    note_held(holds, holds->consumed, now);
}
