/*
 * What a guest's screen shows, between QEMU that tells it and an output that
 * shows it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_SCREEN_H
#define VGPU_SCREEN_SCREEN_H

#include <gio/gio.h>
#include <pixman.h>
#include <sys/types.h>

#include "geometry.h"

#define SCREEN_MAX_PLANES 4
/* How long QEMU, and the guest with it, waits for an update to be shown. */
#define SCREEN_HOLD_MS 100
/* Larger pictures are refused, as QEMU refuses them. */
#define SCREEN_MAX_SIZE 16384

/*
 * Memory that a picture lies in: a dma-buf, or pixels. Counted, as an output
 * may still read from it after the guest shows another one.
 */
typedef struct ScreenBuffer {
    unsigned refs;
    int width;
    int height;
    bool bottom_up;             /* its first row is the picture's last */

    unsigned num_planes;        /* 0: pixels */
    uint32_t fourcc;
    uint64_t modifier;
    int fds[SCREEN_MAX_PLANES];
    uint32_t offsets[SCREEN_MAX_PLANES];
    uint32_t strides[SCREEN_MAX_PLANES];
    dev_t device;               /* with the inode: which dma-buf it is */
    ino_t inode;

    pixman_image_t *image;      /* pixels; of a dma-buf, once mapped */
    void *map;
    size_t map_size;

    void *import;               /* the output's, which frees it */
    void (*import_free)(void *import);
} ScreenBuffer;

typedef struct ScreenCursor {
    pixman_image_t *image;      /* a8r8g8b8, multiplied by alpha; or NULL */
    int hot_x;                  /* where it points, from its corner */
    int hot_y;
    int x;                      /* of its corner, in the picture's pixels, */
    int y;                      /* which is what most devices tell */
    bool visible;
    unsigned serial;            /* another one means another image */
} ScreenCursor;

typedef struct ScreenStats {
    unsigned frames;            /* that the output has shown */
    unsigned planes;            /* that the last one took */
    unsigned late;              /* shown a refresh or more too late */
    unsigned held_too_long;     /* updates that were answered by the clock */
    uint64_t copied;            /* bytes of pixels that the CPU has copied */
} ScreenStats;

/* What an output does; both are called from the main loop. */
typedef struct ScreenOutputOps {
    /* There is another picture, or damage. */
    void (*picture_changed)(void *output);
    /* Another shape, place or visibility of the cursor. */
    void (*cursor_changed)(void *output);
} ScreenOutputOps;

/* A frame that an output was given, and is not done with. */
typedef struct ScreenFrame {
    unsigned serial;
    ScreenBuffer *before;       /* on screen until then; NULL: none to await */
    bool shown;
    bool complete;
} ScreenFrame;

typedef struct ScreenHold ScreenHold;

typedef struct Screen {
    ScreenBuffer *buffer;       /* NULL: the guest's screen is off */
    ScreenRect view;            /* the picture's place in it, y from its top */
    pixman_region32_t damage;   /* in the view, since the output took it */
    ScreenCursor cursor;
    ScreenStats stats;

    ScreenBuffer *recent[SCREEN_MAX_PLANES];
    GQueue holds;
    guint late_update;
    const ScreenOutputOps *ops;
    void *output;
} Screen;

/* --- Buffers --- */

/**
 * screen_buffer_new:
 *
 * Returns: one reference to a buffer without any memory, for the caller to
 * fill. Its descriptors are closed with the last reference.
 */
ScreenBuffer *screen_buffer_new(void);
ScreenBuffer *screen_buffer_ref(ScreenBuffer *buffer);
void screen_buffer_unref(ScreenBuffer *buffer);

/**
 * screen_buffer_image:
 * @buffer: a dma-buf or pixels
 *
 * Maps a dma-buf on its first call.
 *
 * Returns: the buffer's memory as an image, which the buffer owns, or NULL with
 * errno set if the CPU cannot read it.
 */
pixman_image_t *screen_buffer_image(ScreenBuffer *buffer);

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
 * @like: a dma-buf as it came
 *
 * A guest that flips shows the same few buffers in turn. The output's import
 * of one is kept with it.
 *
 * Returns: a new reference to the same dma-buf of the same layout if the guest
 * has shown it lately, else to @like.
 */
ScreenBuffer *screen_recent(Screen *screen, ScreenBuffer *like);

/**
 * screen_show:
 * @screen: the screen
 * @buffer: what it shows from now on; consumed; NULL: nothing
 * @view: the picture's place in it
 * @await_update: whether an update is about to say that it is complete
 */
void screen_show(Screen *screen, ScreenBuffer *buffer, ScreenRect view,
                 bool await_update);

/**
 * screen_damage:
 * @screen: the screen
 * @rect: what has changed, in the picture's pixels; clipped to the picture
 */
void screen_damage(Screen *screen, ScreenRect rect);

/**
 * screen_hold:
 * @screen: the screen
 * @invocation: an update, which is answered when the output has shown it and is
 * done with what it showed before, and after SCREEN_HOLD_MS at the latest
 */
void screen_hold(Screen *screen, GDBusMethodInvocation *invocation);

void screen_set_cursor(Screen *screen, pixman_image_t *image,
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
