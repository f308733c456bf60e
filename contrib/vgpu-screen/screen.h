/*
 * What a guest's screen shows, between QEMU that tells it and an output that
 * shows it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_SCREEN_H
#define VGPU_SCREEN_SCREEN_H

#include <gio/gio.h>

#include "buffer.h"
#include "geometry.h"

/* How long QEMU, and the guest with it, waits for an update to be shown. */
#define SCREEN_HOLD_MS 100
/* Larger pictures are refused, as QEMU refuses them. */
#define SCREEN_MAX_SIZE 16384

/* The guest's planes; later ones are nearer to the viewer. */
enum {
    SCREEN_PICTURE,
    SCREEN_OVERLAY,
    SCREEN_CURSOR = SCREEN_OVERLAY + 4,
    SCREEN_PLANES,
};

typedef struct ScreenPlane {
    ScreenBuffer *buffer;       /* NULL: it shows nothing */
    ScreenRect view;            /* what is shown of it, y from its top */
    ScreenRect place;           /* where, in the picture's pixels */
} ScreenPlane;

/* As CursorDefine and MouseSet tell it. */
typedef struct ScreenCursor {
    ScreenPlane plane;
    int hot_x;                  /* where it points, from its corner */
    int hot_y;
    bool visible;
} ScreenCursor;

typedef struct ScreenStats {
    unsigned frames;            /* that the output has shown */
    unsigned planes;            /* that the last one took */
    unsigned late;              /* shown a refresh or more too late */
    unsigned held_too_long;     /* updates that were answered by the clock */
    uint64_t copied;            /* bytes of pixels that the CPU has copied */
} ScreenStats;

/* What an output does; all are called from the main loop. */
typedef struct ScreenOutputOps {
    /* There is another picture, or damage. */
    void (*picture_changed)(void *output);
    /* Another shape, place or visibility of the cursor. */
    void (*cursor_changed)(void *output);
    /* Whether it takes such a buffer as it is. */
    bool (*takes)(void *output, ScreenBuffer *buffer);
} ScreenOutputOps;

/* A frame that an output was given, and is not done with. */
typedef struct ScreenFrame {
    unsigned serial;
    ScreenBuffer *before[SCREEN_PLANES];    /* on screen until then, or NULL */
    bool shown;
    bool complete;
} ScreenFrame;

typedef struct ScreenHold ScreenHold;

typedef struct Screen {
    ScreenPlane planes[SCREEN_PLANES];
    pixman_region32_t damage;   /* in the picture, since the output took it */
    bool changed;               /* that, or planes over it, since then */
    int hot_x;                  /* of the cursor */
    int hot_y;
    ScreenStats stats;

    ScreenCursor cursor;        /* if there is none among the planes */
    bool has_plane_cursor;
    ScreenBuffer *recent[16];
    GQueue holds;
    guint late_update;
    const ScreenOutputOps *ops;
    void *output;
} Screen;

/* --- What QEMU says --- */

void screen_init(Screen *screen);

/**
 * screen_set_output:
 * @screen: the screen
 * @ops: what the output does, or NULL: there is none any more
 * @output: its argument
 */
void screen_set_output(Screen *screen, const ScreenOutputOps *ops,
                       void *output);

/**
 * screen_finish:
 * @screen: the screen
 *
 * Answers every update and lets go of all buffers. The output must be gone.
 */
void screen_finish(Screen *screen);

/**
 * screen_recent:
 * @screen: the screen
 * @like: a dma-buf as it came; consumed
 *
 * A guest that flips shows the same few buffers in turn. The output's import
 * of one is kept with it.
 *
 * Returns: a reference to the same dma-buf of the same layout if the guest has
 * shown it lately, else @like.
 */
ScreenBuffer *screen_recent(Screen *screen, ScreenBuffer *like);

/**
 * screen_show:
 * @screen: the screen
 * @buffer: what it shows from now on; consumed; NULL: nothing
 * @view: the picture's place in it
 * @await_update: whether an update is about to say that it is complete; if not,
 * no planes lie over it any more
 */
void screen_show(Screen *screen, ScreenBuffer *buffer, ScreenRect view,
                 bool await_update);

/**
 * screen_set_planes:
 * @screen: the screen
 * @planes: SCREEN_PLANES of them, the picture unused; the buffers are consumed
 * @hot_x: where the cursor points, from its corner
 * @hot_y: likewise
 *
 * The next update shows them.
 */
void screen_set_planes(Screen *screen, const ScreenPlane *planes,
                       int hot_x, int hot_y);

/* Whether a buffer over the picture can be shown, by a plane or by the CPU. */
bool screen_can_show(Screen *screen, ScreenBuffer *buffer);

/* Whether screen_damage() has anything to do */
bool screen_has(const Screen *screen, ScreenRect rect);

/**
 * screen_damage:
 * @screen: the screen
 * @rect: what has changed, in the picture's pixels; clipped to the picture;
 * empty: the planes over it
 */
void screen_damage(Screen *screen, ScreenRect rect);

/**
 * screen_hold:
 * @screen: the screen
 * @invocation: an update, which is answered when the output has shown it and is
 * done with what it showed before, and after SCREEN_HOLD_MS at the latest
 */
void screen_hold(Screen *screen, GDBusMethodInvocation *invocation);

/* @buffer: pixels; consumed */
void screen_set_cursor(Screen *screen, ScreenBuffer *buffer,
                       int hot_x, int hot_y);
void screen_move_cursor(Screen *screen, int x, int y, bool visible);

/* --- What an output says --- */

/**
 * screen_take:
 * @screen: the screen
 * @serial: the output's number for the frame that it is about to show
 * @damage: initialized; becomes what has changed since the last call
 */
void screen_take(Screen *screen, unsigned serial, pixman_region32_t *damage);

/**
 * screen_done:
 * @screen: the screen
 * @serial: a frame that is on screen, and the one before it free
 */
void screen_done(Screen *screen, unsigned serial);

/**
 * screen_complete_frames:
 * @screen: the screen
 * @frames: of ScreenFrame, the oldest first
 * @is_busy: whether a buffer may still be read from
 *
 * Completes those that are shown, with nothing before them busy, in order: the
 * guest may draw on.
 */
void screen_complete_frames(Screen *screen, GQueue *frames,
                            bool (*is_busy)(const ScreenBuffer *buffer));

#endif /* VGPU_SCREEN_SCREEN_H */
