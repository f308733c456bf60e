/*
 * What the main loop and the thread of a GL readback share
 *
 * The main loop's part, gl-readback.c, uses what gl-readback-thread.c has to
 * offer; the thread only schedules the main loop's bottom half.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_GL_READBACK_INTERNAL_H
#define UI_GL_READBACK_INTERNAL_H

#include "qemu/main-loop.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "ui/frame-shadow.h"
#include "ui/gl-readback.h"

QEMU_BUILD_BUG_ON(FRAME_SHADOW_BOXES > GL_READBACK_MAX_BOXES);

typedef enum SlotState {
    SLOT_FREE,
    SLOT_QUEUED,  /* the thread's next */
    SLOT_READING, /* the GPU's */
    SLOT_READY,   /* the main loop's next */
    SLOT_SHOWING, /* the main loop's, just now */
    SLOT_SHOWN,   /* the thread's, to clean up */
} SlotState;

typedef struct Slot {
    SlotState state;
    uint64_t number;
    GLReadbackBuffer *buffer;
    GLReadbackArea area; /* asked for; what it turned out to be when read */
    bool compare;        /* asked for are changes */
    UIPixels pixels;
    bool copied;         /* by whoever asked, in the thread */
    Error *error;
    unsigned ticks; /* since it was queued, or OpenGL was opened */
    bool given_up;  /* the result was told: it took too long */
    bool passing;   /* the error is OpenGL's and not expected to stay */
} Slot;

struct GLReadbackBuffer {
    GLReadback *rb;
    QemuDmaBuf *dmabuf; /* with its own fd */
    bool freed;         /* nobody wants its pixels */
    unsigned users;     /* slots, and who is told of a timeout */
    /* the thread's own */
    void *image;
    Error *error;       /* why there is none */
};

/*
 * GLReadbackHealth:
 * @opened: OpenGL is open, or it is known that it cannot be opened
 * @was_open: it was, at least once
 * @lost: what is open has failed, and is to be closed
 * @failures: of OpenGL, in a row
 * @pause: ticks until OpenGL is opened again, or 0
 * @passing: it is worth waiting for that
 */
typedef struct GLReadbackHealth {
    bool opened;
    bool was_open;
    bool lost;
    unsigned failures;
    unsigned pause;
    bool passing;
} GLReadbackHealth;

struct GLReadback {
    const GLReadbackOps *ops;
    char *render_node;
    GLReadbackDone *done;
    GLReadbackCopy *copy; /* or NULL */
    void *opaque;

    /* the main loop's own */
    uint64_t next;          /* the next request's number */
    QEMUTimer *timer;       /* ticks while the thread has something to do */

    QEMUBH *bh;
    QemuMutex lock; /* of what follows */
    QemuCond work;  /* there is something for the thread to do */
    bool orphaned;  /* the main loop is done with the readback */
    GPtrArray *buffers;     /* all that are not closed yet */
    unsigned closing_ticks; /* since one that was freed was last closed */
    GLReadbackHealth health;
    bool recovered; /* all are closed, or nothing hangs: it is to be told */
    Slot slots[GL_READBACK_SLOTS];

    /* the thread's own */
    FrameShadow *shadow;
    void *gl;
    Error *error; /* why there is none, until the pause is over */
};

/* Starts the thread, which frees @rb once it is orphaned. */
void gl_readback_start(GLReadback *rb);

/* Returns: a result with the slot's pixels. */
GLReadbackResult gl_readback_slot_result(const Slot *slot);

/* The following are called with the lock held. */

/* Returns: the oldest slot in that state, or NULL. */
Slot *gl_readback_find_slot(GLReadback *rb, SlotState state);

/* Returns: a buffer that was freed and is still open, or NULL. */
GLReadbackBuffer *gl_readback_find_freed(const GLReadback *rb, bool unused);

/* Returns: after how many ticks a request is given up. */
unsigned gl_readback_timeout_ticks(const GLReadback *rb);

/* Returns: true if the thread does not come back from OpenGL. */
bool gl_readback_hangs(const GLReadback *rb);

/* Returns: true if OpenGL has failed and is tried again soon. */
bool gl_readback_is_away(const GLReadback *rb);

#endif /* UI_GL_READBACK_INTERNAL_H */
