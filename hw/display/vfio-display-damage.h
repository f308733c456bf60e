/*
 * vGPU display: what is read of a frame
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_DAMAGE_H
#define HW_DISPLAY_VFIO_DISPLAY_DAMAGE_H

#include "ui/damage-log.h"
#include "ui/gl-readback.h"
#include "ui/mirror-layer.h"
#include "vfio-plane.h"

/* What is known when a refresh begins. */
typedef struct VFIODisplayFacts {
    bool notifies;          /* the device signals changes */
    bool signalled;         /* has it, and not only of the cursor? */
    bool cursor_only;       /* or only of the cursor? */
    bool dump;              /* a screendump waits */
    bool wants_pixels;      /* somebody does */
    int64_t quiet_ns;       /* since the picture changed, or input */
    int64_t now_ns;         /* QEMU_CLOCK_REALTIME */
} VFIODisplayFacts;

typedef struct VFIODisplayDamage {
    VFIODisplayFacts facts; /* of this refresh */
    DamageLog *log;         /* what the mirror lacks */
    bool known;             /* the last answer said what differs */
    const UIPixelFormat *format; /* of the mapped frame shown last */
    bool readback_whole;    /* the next readback is to be whole */
    MirrorScan scan;        /* of mapped pixels, in this refresh */
    bool full_scan_pending; /* of a frame that was still being drawn */
    bool complete;          /* this frame is all that the mirror lacks */
    MirrorFrame mirrored;   /* what the mirror shows; format NULL: unknown */
    int64_t read_ns;        /* QEMU_CLOCK_REALTIME, when it was read last */
    int64_t probe_ns;       /* of the last refresh_probe_is_due() */
    int64_t probe_took_ns;
    bool silent;            /* it signals, did not, and is not audited */
} VFIODisplayDamage;

/* @damage is zero. */
void vfio_display_damage_init(VFIODisplayDamage *damage);
void vfio_display_damage_finish(VFIODisplayDamage *damage);

/* A refresh begins: decides how closely mapped pixels are scanned in it. */
void vfio_display_damage_begin(VFIODisplayDamage *damage,
                               const VFIODisplayFacts *facts);

/* The device's answer for the primary plane may say what differs. */
void vfio_display_damage_report(VFIODisplayDamage *damage,
                                const VFIOPlane *plane);

/* Another buffer is on screen: @to, and before that @from, or NULL. */
void vfio_display_damage_flip(VFIODisplayDamage *damage,
                              const VFIOPlane *from, const VFIOPlane *to);

/*
 * Whatever the device promises, the next frame is read whole: it may lie in
 * other memory than the last one, or not be the one that its answer was about.
 */
void vfio_display_damage_rescan(VFIODisplayDamage *damage);

/*
 * Says in @frame, checked and mapped, what the mirror is to read of it.
 * @held: the mirror holds a whole frame of that size. The rectangles are good
 * until the next call of any of these functions.
 */
void vfio_display_damage_plan(VFIODisplayDamage *damage, MirrorFrame *frame,
                              bool held);

/*
 * What came of @frame. @half_drawn: the mirror has it, but the device was still
 * drawing.
 */
void vfio_display_damage_done(VFIODisplayDamage *damage,
                              const MirrorFrame *frame, MirrorResult result,
                              bool half_drawn);

/* What OpenGL is to read. */
typedef enum VFIODisplayReadbackPlan {
    VFIO_DISPLAY_PLAN_NOTHING,  /* all is on screen */
    VFIO_DISPLAY_PLAN_WAIT,     /* nothing that was not requested */
    VFIO_DISPLAY_PLAN_READ,
} VFIODisplayReadbackPlan;

/* What is to be read of @plane, checked. @held: as above. */
VFIODisplayReadbackPlan
vfio_display_damage_plan_readback(VFIODisplayDamage *damage,
                                  const VFIOPlane *plane, bool held,
                                  GLReadbackArea *area);

/* Request @number for @area is on its way, or has been shown. */
void vfio_display_damage_requested(VFIODisplayDamage *damage, uint64_t number,
                                   const GLReadbackArea *area);
void vfio_display_damage_completed(VFIODisplayDamage *damage, uint64_t number);

/*
 * A dma-buf is on screen and nobody wants pixels. @quiet_ns: as in
 * VFIODisplayFacts, at this moment. Returns true if this refresh is to find out
 * whether it shows something new (refresh-policy.h).
 */
bool vfio_display_damage_probes(const VFIODisplayDamage *damage,
                                int64_t quiet_ns);

/* The pixels were read, which took so long. */
void vfio_display_damage_probed(VFIODisplayDamage *damage, int64_t took_ns);

/* Returns true if viewers of the dma-buf are to draw it in this refresh. */
bool vfio_display_damage_redraws(const VFIODisplayDamage *damage,
                                 int64_t quiet_ns);

#endif /* HW_DISPLAY_VFIO_DISPLAY_DAMAGE_H */
