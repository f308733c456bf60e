/*
 * vGPU display: what is on the console
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_SCREEN_H
#define HW_DISPLAY_VFIO_DISPLAY_SCREEN_H

#include "hw/display/ramfb.h"
#include "ui/console-mirror.h"
#include "ui/pixel-path.h"
#include "vfio-plane-cache.h"

typedef enum VFIODisplayState {
    VFIO_DISPLAY_BLANK,     /* the console shows a placeholder or ramfb */
    VFIO_DISPLAY_ON,        /* it shows the device's plane */
    VFIO_DISPLAY_GRACE,     /* that went off; its last frame stays a while */
} VFIODisplayState;

typedef struct VFIODisplayScreen {
    QemuConsole *con;
    RAMFBState *ramfb;      /* shown while the plane is off, or NULL */
    ConsoleMirror *mirror;  /* copies frames into the console's surface */
    VFIODisplayState state;
    int64_t off_since_ns;   /* QEMU_CLOCK_REALTIME, in VFIO_DISPLAY_GRACE */
    int64_t shown_ns;       /* QEMU_CLOCK_REALTIME, the plane was last */
    VFIOPlane plane;        /* as it was then */
    PixelPath path;         /* of the last frame, or PIXEL_PATH__MAX */
    const char *placeholder; /* the text that is on screen, or NULL */
    VFIOPlaneBuffer *primary; /* that viewers with OpenGL have, or NULL */
    bool replacing;         /* another follows; they see no more of it */
    bool unread;            /* it changed unseen by those who take pixels */
    bool composed;          /* overlays over it: viewers show the mirror ... */
    bool planes;            /* ... but for those that show planes themselves */
    bool planes_due;        /* which are to draw them */
    bool redraw_due;        /* viewers of the dma-buf are to draw it */
    uint64_t frames;        /* that changed something */
    uint64_t bytes_probed;  /* read though no viewer wanted pixels */
} VFIODisplayScreen;

void vfio_display_screen_init(VFIODisplayScreen *screen, QemuConsole *con,
                              RAMFBState *ramfb);
void vfio_display_screen_finish(VFIODisplayScreen *screen);

/* Every extent below is within the limits, or nothing is shown. */

/* Gives @frame to the viewers that take pixels. */
MirrorResult vfio_display_show_pixels(VFIODisplayScreen *screen,
                                      const MirrorFrame *frame);

/* Shows them a constant @text in the place of a picture of that size. */
void vfio_display_show_placeholder(VFIODisplayScreen *screen,
                                   const char *text, uint32_t width,
                                   uint32_t height);

/*
 * Nobody takes pixels. Viewers of dma-bufs go by the surface's size all the
 * same.
 */
void vfio_display_prepare_surface(VFIODisplayScreen *screen,
                                  const VFIOPlane *plane);

/*
 * Shows viewers with OpenGL another buffer, or the same with or without
 * overlays over it (@composed). @planes: some of them show overlays themselves.
 */
void vfio_display_show_dmabuf(VFIODisplayScreen *screen,
                              VFIOPlaneBuffer *buffer, QemuDmaBuf *dmabuf,
                              bool composed, bool planes);

/*
 * Gives viewers that show planes those over the buffer, the nearest one last.
 * If they are busy the next refresh does.
 */
void vfio_display_show_planes(VFIODisplayScreen *screen,
                              const DisplayPlane *planes, unsigned n);

/* Has them draw what is due, unless they are busy. */
void vfio_display_draw_dmabuf(VFIODisplayScreen *screen);

/* The buffer is about to be closed: if it is the primary's it goes. */
void vfio_display_screen_closing(VFIODisplayScreen *screen,
                                 const VFIOPlaneBuffer *buffer);

/* Viewers of the plane's dma-buf, if it is shown, get the mirror instead. */
void vfio_display_screen_keep_frame(VFIODisplayScreen *screen);

/* The plane's dma-buf goes off the console, which keeps its last copy. */
void vfio_display_screen_drop(VFIODisplayScreen *screen);

/* The path that the last frame took. */
void vfio_display_set_path(VFIODisplayScreen *screen, PixelPath path);

void vfio_display_plane_shown(VFIODisplayScreen *screen,
                              const VFIOPlane *plane);

/*
 * The device shows nothing, or does not say what. Returns true if the last
 * frame is to go: the caller drops the buffers, and blanks the screen.
 */
bool vfio_display_plane_off(VFIODisplayScreen *screen);

/* Shows ramfb or nothing. @reset: as the device is reset, nothing. */
void vfio_display_screen_blank(VFIODisplayScreen *screen, bool reset);

/* Lets ramfb draw, which it may do while the plane is off. */
void vfio_display_update_ramfb(VFIODisplayScreen *screen);

/* Returns true if what is on screen signals when it changes. */
bool vfio_display_screen_signals(const VFIODisplayScreen *screen);

#endif /* HW_DISPLAY_VFIO_DISPLAY_SCREEN_H */
