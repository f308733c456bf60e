/*
 * The display of a device that renders where only its driver can see:
 * what the hook's files share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_INTERNAL_H
#define HW_DISPLAY_VFIO_DISPLAY_INTERNAL_H

#include "hw/display/ramfb.h"
#include "hw/vfio/vfio-display.h"
#include "hw/vfio/vfio-plane-cache.h"
#include "qemu/queue.h"
#include "ui/console-mirror.h"
#include "ui/damage-log.h"
#include "ui/dmabuf-map.h"
#include "ui/gl-readback.h"
#include "ui/mirror-overlays.h"

typedef struct VFIODisplayEdid VFIODisplayEdid;
typedef struct VFIODisplayNotify VFIODisplayNotify;
typedef struct VFIODisplayMetadata VFIODisplayMetadata;

#define VFIO_DISPLAY_PLANE_TYPES 3

/*
 * VFIODisplayState:
 * @VFIO_DISPLAY_BLANK: the console shows a placeholder or ramfb
 * @VFIO_DISPLAY_ON: the console shows the device's plane
 * @VFIO_DISPLAY_GRACE: the plane went off a moment ago; its last frame stays
 */
typedef enum VFIODisplayState {
    VFIO_DISPLAY_BLANK,
    VFIO_DISPLAY_ON,
    VFIO_DISPLAY_GRACE,
} VFIODisplayState;

/*
 * VFIODisplayBuffer:
 * @dmabuf: for viewers that take it; borrows the cache's fd
 * @map: for the mirror; NULL until wanted or if it cannot be had
 * @map_tried: an attempt to map was made
 * @gl: for OpenGL to read; NULL until wanted
 * @gl_error: why OpenGL cannot read it, or NULL
 * @gl_retry_ns: when it is asked again all the same, QEMU_CLOCK_REALTIME
 * @gl_refusals: how often it could not, in a row
 * @way: how its pixels travel, PIXEL_PATH__MAX until decided
 *
 * What the hook makes of a VFIOPlaneBuffer (its @user); dies with it.
 */
typedef struct VFIODisplayBuffer {
    QemuDmaBuf *dmabuf;
    DmaBufMap *map;
    bool map_tried;
    GLReadbackBuffer *gl;
    Error *gl_error;
    int64_t gl_retry_ns;
    unsigned gl_refusals;
    PixelPath way;
} VFIODisplayBuffer;

/*
 * VFIODisplayCursor:
 * @layer: a copy of the image
 * @plane: as it was shown last
 * @hotspot: as viewers were told last
 * @shown: the console has a cursor of the device's, and it is visible
 * @answered: the device has answered a query for the cursor plane
 * @silent_ns: for vfio_display_is_silent()
 * @gl: the buffer that viewers with GL have instead, or NULL
 * @redraw: viewers with GL have not drawn what changed of that
 * @updates: images that the console was given
 */
typedef struct VFIODisplayCursor {
    MirrorLayer layer;
    VFIOPlane plane;
    VFIOPlaneHotspot hotspot;
    bool shown;
    bool answered;
    int64_t silent_ns;
    VFIOPlaneBuffer *gl;
    bool redraw;
    uint64_t updates;
} VFIODisplayCursor;

/*
 * VFIODisplayOverlay:
 * @plane: the last good answer of the device
 * @silent_ns: for vfio_display_is_silent()
 * @visible: @plane can be shown
 * @frame: for the mirror, if @visible; good for one refresh. Its map is NULL
 *         if the mirror is to go on with what it has.
 */
typedef struct VFIODisplayOverlay {
    VFIOPlane plane;
    int64_t silent_ns;
    bool visible;
    MirrorFrame frame;
} VFIODisplayOverlay;

/* How closely mapped pixels are looked at (vfio-display-look.c). */
typedef struct VFIODisplayLook {
    MirrorScan how;         /* in this refresh */
    bool signalled;         /* for this refresh, by more than the cursor */
    bool owed;              /* a signal got no more than a glance */
    bool silent;            /* the device promises that nothing changed */
    bool quiet;             /* and is taken at its word */
    bool untold;            /* and has not said otherwise since */
    bool unasked;           /* or is not: this refresh reads all the same */
    bool complete;          /* this frame is all that the mirror lacks */
    MirrorFrame mirrored;   /* what the mirror shows; format NULL: unknown */
    int64_t read_ns;        /* QEMU_CLOCK_REALTIME, when it was read last */
    bool tells;             /* a signal came with a change */
    unsigned kept;          /* promises that it was seen to keep since */
    int64_t probe_ns;       /* QEMU_CLOCK_REALTIME, refresh_probe_is_due() */
    int64_t probe_took_ns;
} VFIODisplayLook;

struct VFIODisplay {
    DeviceState *dev;
    const VFIODisplayOps *ops;
    void *opaque;
    VFIODisplayConfig config;
    bool kinds[2]; /* by VFIOPlaneKind: what the source offers */

    QemuConsole *con;
    RAMFBState *ramfb;
    VFIODisplayEdid *edid;
    VFIODisplayNotify *notify; /* NULL if the device does not notify */
    VFIODisplayMetadata *metadata; /* NULL if there is no such region */

    VFIOPlaneCache *cache;
    VFIOPlaneBuffer *primary; /* on screen, or NULL */
    bool replacing;         /* it, and viewers see no more than that */
    ConsoleMirror *mirror;
    DamageLog *damage;      /* what the mirror lacks (vfio-display-damage.c) */
    bool damage_known;      /* the last answer said what differs */
    const UIPixelFormat *damage_format; /* of the mapped frame shown last */

    /* OpenGL's frames, by the number of their requests (vfio-display-gl.c) */
    GLReadback *gl;     /* NULL until wanted */
    uint64_t gl_oldest; /* what came before was superseded */
    uint64_t gl_dump;   /* what a screendump waits for, or 0 */
    bool gl_whole;      /* the next one is of no use unless it is whole */
    bool gl_awaited;    /* the last refresh left its frame to OpenGL */
    bool gl_again;      /* refresh once more after the next result */

    VFIODisplayCursor cursor;
    VFIODisplayOverlay overlays[MIRROR_OVERLAYS];
    uint32_t n_overlays;    /* that the source has */
    bool overlaid;          /* some are visible */
    bool composed;          /* and every viewer shows the mirror for them */
    bool redraw_due;        /* viewers of the dma-buf are to draw it */

    VFIODisplayLook look;
    bool busy;              /* the last refresh found a frame being drawn */
    QEMUTimer *again;       /* a screendump waits until that is done */

    VFIODisplayRegion region;
    bool region_open;
    uint32_t region_index;

    VFIODisplayState state;
    int64_t off_since_ns;   /* QEMU_CLOCK_REALTIME, in VFIO_DISPLAY_GRACE */
    int64_t last_good_ns;   /* QEMU_CLOCK_REALTIME */
    const char *placeholder; /* the words that are on screen, or NULL */
    VFIOPlane plane;        /* the last good one */
    PixelPath way;           /* of the last frame */

    /* by VFIOPlaneType; what concerns no plane is the primary's */
    uint64_t faults[VFIO_DISPLAY_PLANE_TYPES][VFIO_PLANE_FAULT__MAX];
    bool warned[VFIO_DISPLAY_PLANE_TYPES][VFIO_PLANE_FAULT__MAX];
    uint64_t refreshes;
    uint64_t frames;
    uint64_t skipped;
    uint64_t bytes_probed;  /* of those that the mirror read */

    QLIST_ENTRY(VFIODisplay) next;
};

/* Every display, for the monitor's commands (vfio-display.c). */
typedef QLIST_HEAD(VFIODisplayList, VFIODisplay) VFIODisplayList;
extern VFIODisplayList vfio_displays;

/**
 * vfio_display_name:
 * @dpy: a display
 *
 * Returns: how users know the device: its id, else its QOM path; to be freed.
 */
char *vfio_display_name(const VFIODisplay *dpy);

/**
 * vfio_display_fault:
 * @dpy: a display
 * @fault: a kind of fault
 * @fmt: what happened, for the first of its kind
 *
 * Counts the fault and warns of it if it is the first of its kind.
 */
void vfio_display_fault(VFIODisplay *dpy, VFIOPlaneFault fault,
                        const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/**
 * vfio_display_plane_fault:
 * @dpy: a display
 * @type: the plane that it happened with
 * @fault: a kind of fault
 * @fmt: what happened, for the first of its kind
 *
 * The same for one type of planes, each of which has its own counts and
 * warnings.
 */
void vfio_display_plane_fault(VFIODisplay *dpy, VFIOPlaneType type,
                              VFIOPlaneFault fault, const char *fmt, ...)
    G_GNUC_PRINTF(4, 5);

/**
 * vfio_display_bad_plane:
 * @dpy: a display
 * @fault: a kind of fault
 * @plane: an answer of the device that has it
 * @err: errno (positive) if there is one to tell, or 0
 *
 * Counts the fault and warns, with all that the device said.
 */
void vfio_display_bad_plane(VFIODisplay *dpy, VFIOPlaneFault fault,
                            const VFIOPlane *plane, int err);

/**
 * vfio_display_ask:
 * @dpy: a display
 * @plane: which one to ask for, by type, index and kind; then the answer
 *
 * Returns: 0 or a negative errno.
 */
int vfio_display_ask(VFIODisplay *dpy, VFIOPlane *plane);

/**
 * vfio_display_is_silent:
 * @dpy: a display that has refused to say what another plane than the primary
 *       shows
 * @since_ns: since when it has, on QEMU_CLOCK_REALTIME; 0, as the caller sets
 *            it with each answer, if this is the first time
 *
 * Returns: true if that is longer than a guest's mode change takes, so that
 * the plane's last picture is to go, as that of the primary would.
 */
bool vfio_display_is_silent(VFIODisplay *dpy, int64_t *since_ns);

/**
 * vfio_display_fetch_plane:
 * @dpy: a display
 * @plane: an answer of the device, of kind VFIO_PLANE_KIND_DMABUF, not off
 * @frame: what a mirror layer can read
 * @buffer: its buffer, also if the fault is a mapping that failed, or one of
 *          the modifier; else untouched
 * @err: errno (positive) if there is one to tell
 *
 * Checks the plane and opens its buffer. @frame and @buffer are good for this
 * refresh.
 *
 * Returns: VFIO_PLANE_FAULT_NONE or what is wrong.
 */
VFIOPlaneFault vfio_display_fetch_plane(VFIODisplay *dpy,
                                        const VFIOPlane *plane,
                                        MirrorFrame *frame,
                                        VFIOPlaneBuffer **buffer, int *err);

/**
 * vfio_display_refresh:
 * @dpy: a display
 *
 * Asks the device what is on screen and shows that (vfio-display-scanout.c).
 */
void vfio_display_refresh(VFIODisplay *dpy);

/**
 * vfio_display_update:
 * @dpy: a display
 *
 * Refreshes the display and says when it is done, which may be later.
 */
void vfio_display_update(VFIODisplay *dpy);

/**
 * vfio_display_mirror:
 * @dpy: a display
 * @frame: checked
 *
 * Returns: true if viewers that take pixels have the frame now.
 */
bool vfio_display_mirror(VFIODisplay *dpy, const MirrorFrame *frame);

/**
 * vfio_display_gl_possible:
 * @dpy: a display
 * @buffer: of the cache, attached
 *
 * Returns: false if it is known that OpenGL cannot read the buffer
 * (vfio-display-gl.c).
 */
bool vfio_display_gl_possible(VFIODisplay *dpy, VFIOPlaneBuffer *buffer);

/**
 * vfio_display_gl_retry:
 * @dpy: a display
 * @user: what it has of a buffer
 *
 * Forgets after a while that OpenGL could not read the buffer: what stood in
 * the way may be gone.
 */
void vfio_display_gl_retry(VFIODisplay *dpy, VFIODisplayBuffer *user);

/**
 * vfio_display_gl_request:
 * @dpy: a display
 * @buffer: what OpenGL may be able to read
 *
 * Asks for a frame. It is shown when it comes; if OpenGL cannot read it the
 * display is refreshed, and then that is known.
 *
 * Returns: false if that is known at once, or while
 * vfio_display_gl_is_hung(); when it is not any more the display is refreshed.
 */
bool vfio_display_gl_request(VFIODisplay *dpy, VFIOPlaneBuffer *buffer);

/**
 * vfio_display_gl_is_hung:
 * @dpy: a display
 *
 * Returns: true while OpenGL does not answer what it was asked long ago, or has
 * failed and will be opened again.
 */
bool vfio_display_gl_is_hung(VFIODisplay *dpy);

/**
 * vfio_display_gl_is_closing:
 * @dpy: a display
 *
 * Returns: true while OpenGL holds buffers that the cache has closed. The
 * display is refreshed when it does not any more.
 */
bool vfio_display_gl_is_closing(VFIODisplay *dpy);

/**
 * vfio_display_gl_supersede:
 * @dpy: a display that now shows something else than OpenGL's last frame
 *
 * Frames that were asked for before this are not shown.
 */
void vfio_display_gl_supersede(VFIODisplay *dpy);

/**
 * vfio_display_damage_told:
 * @dpy: a display
 * @plane: an answer of the device for the primary plane
 *
 * Remembers what differs.
 */
void vfio_display_damage_told(VFIODisplay *dpy, const VFIOPlane *plane);

/**
 * vfio_display_damage_moved:
 * @dpy: a display
 * @from: the buffer that was on screen, or NULL
 * @to: another one that is now
 *
 * Remembers what differs, as far as the device has not said that.
 */
void vfio_display_damage_moved(VFIODisplay *dpy, const VFIOPlaneBuffer *from,
                               const VFIOPlaneBuffer *to);

/**
 * vfio_display_damage_limit:
 * @dpy: a display
 * @frame: mapped pixels, checked
 *
 * Has @frame bring what the mirror lacks and nothing else. Its rectangles are
 * the log's, and good until the next call of any of these functions.
 *
 * Returns: false if that is not known, or not to be relied on.
 */
bool vfio_display_damage_limit(VFIODisplay *dpy, MirrorFrame *frame);

/**
 * vfio_display_damage_shown:
 * @dpy: a display
 * @frame: mapped pixels, which brought the mirror all that it lacked
 */
void vfio_display_damage_shown(VFIODisplay *dpy, const MirrorFrame *frame);

/**
 * vfio_display_gl_detach:
 * @user: gives away what OpenGL has of it
 */
void vfio_display_gl_detach(VFIODisplayBuffer *user);

/**
 * vfio_display_forget_buffers:
 * @dpy: a display
 *
 * Takes the device's plane off the console and closes every buffer and
 * region, leaving no alias of them anywhere. The console keeps a copy of the
 * last frame, if viewers wanted one.
 */
void vfio_display_forget_buffers(VFIODisplay *dpy);

/**
 * vfio_display_cursor_refresh:
 * @dpy: a display
 * @primary: the device's answer for the primary plane
 *
 * Asks the device for its cursor and gives it to the viewers, if it or its
 * place is another one.
 */
void vfio_display_cursor_refresh(VFIODisplay *dpy, const VFIOPlane *primary);

/**
 * vfio_display_cursor_show:
 * @dpy: a display
 * @plane: a cursor that is off or was checked
 * @frame: its pixels, unless it is off
 *
 * Gives the viewers a cursor that came by another way than a query.
 */
void vfio_display_cursor_show(VFIODisplay *dpy, const VFIOPlane *plane,
                              const MirrorFrame *frame);

/**
 * vfio_display_cursor_take_off:
 * @dpy: a display
 *
 * Takes the buffer that viewers with OpenGL have as the cursor from them: it
 * is about to be closed.
 */
void vfio_display_cursor_take_off(VFIODisplay *dpy);

/**
 * vfio_display_cursor_forget:
 * @dpy: a display
 *
 * Takes the device's cursor off the viewers and drops every alias of its
 * buffer.
 */
void vfio_display_cursor_forget(VFIODisplay *dpy);

/**
 * vfio_display_overlays_find:
 * @dpy: a display
 * @primary: the device's answer for the primary plane
 *
 * Asks the device for its overlays. Sets @dpy's overlaid if there is one that
 * can be shown.
 */
void vfio_display_overlays_find(VFIODisplay *dpy, const VFIOPlane *primary);

/**
 * vfio_display_overlays_show:
 * @dpy: a display
 *
 * Gives the mirror what vfio_display_overlays_find() found, for its next
 * update.
 */
void vfio_display_overlays_show(VFIODisplay *dpy);

/**
 * vfio_display_overlays_forget:
 * @dpy: a display
 *
 * None is visible any more.
 */
void vfio_display_overlays_forget(VFIODisplay *dpy);

/* The cache's callbacks (vfio-display-scanout.c). */
extern const VFIOPlaneCacheOps vfio_display_cache_ops;

/**
 * vfio_display_edid_new:
 * @dpy: a display whose source has an EDID region
 * @errp: error
 *
 * Returns: the EDID side of the display, which has been given the preferred
 * mode of @dpy's configuration; NULL if the region is of no use.
 */
VFIODisplayEdid *vfio_display_edid_new(VFIODisplay *dpy, Error **errp);

/**
 * vfio_display_edid_free:
 * @edid: what vfio_display_edid_new() gave, or NULL
 */
void vfio_display_edid_free(VFIODisplayEdid *edid);

/**
 * vfio_display_edid_ui_info:
 * @edid: the EDID side
 * @info: what a viewer wants; a size of 0 unplugs the monitor
 */
void vfio_display_edid_ui_info(VFIODisplayEdid *edid, const QemuUIInfo *info);

/*
 * What the ways of getting a frame have in common (vfio-display-scanout.c):
 * the way that the last one took; no plane; a plane that was shown; and a
 * frame of a checked plane, without its memory.
 */
void vfio_display_set_way(VFIODisplay *dpy, PixelPath way);
void vfio_display_gone(VFIODisplay *dpy);
void vfio_display_good(VFIODisplay *dpy, const VFIOPlane *plane);
MirrorFrame vfio_display_frame(const VFIOPlane *plane);

/* Closes buffers that are on screen no more; after viewers were told. */
void vfio_display_trim(VFIODisplay *dpy);

/* How often the device has signalled, as far as that can be told. */
typedef enum VFIODisplaySignals {
    VFIO_DISPLAY_NO_SIGNAL,
    VFIO_DISPLAY_ONE_SIGNAL,
    VFIO_DISPLAY_MORE_SIGNALS,
} VFIODisplaySignals;

/**
 * vfio_display_look_begin:
 * @dpy: a display that is about to be refreshed
 * @signals: what came since the last refresh
 *
 * Decides how closely the pixels are looked at (vfio-display-look.c).
 */
void vfio_display_look_begin(VFIODisplay *dpy, VFIODisplaySignals signals);

/**
 * vfio_display_look_anew:
 * @dpy: a display
 *
 * Another buffer is on screen, or another memory is mapped: whatever the
 * device promises, this refresh reads it whole.
 */
void vfio_display_look_anew(VFIODisplay *dpy);

/**
 * vfio_display_look_is_due:
 * @dpy: a display
 *
 * Returns: true if nothing has changed for a while, and it is time to see
 * whether that is so.
 */
bool vfio_display_look_is_due(VFIODisplay *dpy);

/**
 * vfio_display_probe_is_due:
 * @dpy: a display whose dma-buf is on screen, and nobody wants pixels
 *
 * Returns: true if this refresh is to find out whether the dma-buf shows
 * something new (refresh-policy.h), and there is a way to.
 */
bool vfio_display_probe_is_due(VFIODisplay *dpy);

/**
 * vfio_display_probed:
 * @dpy: a display
 * @begun_ns: when the dma-buf's pixels began to be read, QEMU_CLOCK_REALTIME
 *
 * They were, and the console knows of what changed.
 */
void vfio_display_probed(VFIODisplay *dpy, int64_t begun_ns);

/**
 * vfio_display_redraws:
 * @dpy: a display whose dma-buf is on screen
 *
 * Returns: true if this refresh is to have viewers draw it (refresh-policy.h).
 */
bool vfio_display_redraws(VFIODisplay *dpy);

/**
 * vfio_display_look_at:
 * @dpy: a display
 * @frame: mapped pixels, checked
 *
 * Says in @frame how closely the mirror is to look at it: at what the device
 * says that differs, and at nothing if it is taken at its word.
 */
void vfio_display_look_at(VFIODisplay *dpy, MirrorFrame *frame);

/**
 * vfio_display_look_result:
 * @dpy: a display
 * @frame: what the mirror was given
 * @result: what it made of it
 */
void vfio_display_look_result(VFIODisplay *dpy, const MirrorFrame *frame,
                              MirrorResult result);

/**
 * vfio_display_look_distrust:
 * @dpy: a display
 *
 * What the device was seen to keep so far says nothing of the future.
 */
void vfio_display_look_distrust(VFIODisplay *dpy);

/**
 * vfio_display_notify_cursor_alone:
 * @notify: a display's notifications, or NULL
 *
 * Returns: true if all signals that the last vfio_display_notify_take() took
 * were about the cursor.
 */
bool vfio_display_notify_cursor_alone(const VFIODisplayNotify *notify);

/**
 * vfio_display_notify_new:
 * @dpy: a display with a console
 *
 * Has the device signal when its picture changes, and the console wait for
 * that (vfio-display-notify.c).
 *
 * Returns: NULL if the device cannot; after a warning if it should.
 */
VFIODisplayNotify *vfio_display_notify_new(VFIODisplay *dpy);

/**
 * vfio_display_notify_free:
 * @notify: what vfio_display_notify_new() gave, or NULL
 *
 * Call it while the console is open.
 */
void vfio_display_notify_free(VFIODisplayNotify *notify);

/**
 * vfio_display_notify_take:
 * @notify: a display's notifications, or NULL
 *
 * To be called first in a refresh: what is signalled from now on is of a
 * picture that the refresh may not have seen.
 *
 * Returns: the signals since the last time.
 */
VFIODisplaySignals vfio_display_notify_take(VFIODisplayNotify *notify);

/**
 * vfio_display_notify_listen:
 * @notify: a display's notifications, or NULL
 *
 * To be called last in a refresh: lets the next signal wake QEMU up, if
 * somebody watches.
 */
void vfio_display_notify_listen(VFIODisplayNotify *notify);

/**
 * vfio_display_notify_pause:
 * @notify: a display's notifications, or NULL
 *
 * Until vfio_display_notify_listen(), what comes next is known to be of no
 * use yet: one more signal wakes QEMU up, and then no other. A device that
 * signals a few times for each frame costs no change of the watch that way.
 */
void vfio_display_notify_pause(VFIODisplayNotify *notify);

/**
 * vfio_display_notify_follow:
 * @notify: a display's notifications, or NULL
 *
 * To be called when the display may have another state: the console waits for
 * signals while it shows what signals, and is polled while it shows something
 * else.
 */
void vfio_display_notify_follow(VFIODisplayNotify *notify);

/**
 * vfio_display_notify_count:
 * @notify: a display's notifications, or NULL
 *
 * Returns: how often signals were seen; those that came together count once.
 */
uint64_t vfio_display_notify_count(const VFIODisplayNotify *notify);

/**
 * vfio_display_metadata_new:
 * @dpy: a display with a name
 *
 * Opens the framebuffer region with the metadata page
 * (vfio-display-metadata.c).
 *
 * Returns: NULL if the device has none; after a warning if it cannot be used.
 */
VFIODisplayMetadata *vfio_display_metadata_new(VFIODisplay *dpy);

/**
 * vfio_display_metadata_free:
 * @m: what vfio_display_metadata_new() gave, or NULL
 */
void vfio_display_metadata_free(VFIODisplayMetadata *m);

/**
 * vfio_display_metadata_reset:
 * @m: a metadata region, or NULL
 *
 * The device is reset: what was asked for is forgotten.
 */
void vfio_display_metadata_reset(VFIODisplayMetadata *m);

/**
 * vfio_display_metadata_refresh:
 * @m: a metadata region, or NULL
 * @signals: of the device since the last refresh
 *
 * Shows the last frame that the driver has copied, and asks for another if
 * there is a reason to.
 *
 * Returns: false if another way is to be taken in this refresh.
 */
bool vfio_display_metadata_refresh(VFIODisplayMetadata *m,
                                   VFIODisplaySignals signals);

/**
 * vfio_display_metadata_signalled:
 * @m: a metadata region, or NULL
 * @signals: of the device just now
 *
 * Returns: false if frames do not come this way.
 */
bool vfio_display_metadata_signalled(VFIODisplayMetadata *m,
                                     VFIODisplaySignals signals);

/**
 * vfio_display_metadata_dumping:
 * @m: a metadata region, or NULL
 *
 * Returns: true if a screendump waits for a frame that was asked for.
 */
bool vfio_display_metadata_dumping(const VFIODisplayMetadata *m);

#endif /* HW_DISPLAY_VFIO_DISPLAY_INTERNAL_H */
