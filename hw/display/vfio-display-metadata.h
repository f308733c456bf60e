/*
 * vGPU display: frames that the driver copies on request
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_DISPLAY_VFIO_DISPLAY_METADATA_H
#define HW_DISPLAY_VFIO_DISPLAY_METADATA_H

#include "vfio-display-notify.h"
#include "vfio-metadata.h"

/* All of these take NULL for a device that has no metadata region. */
typedef struct VFIODisplayMetadata VFIODisplayMetadata;

/* The display is to be refreshed now: a screendump waits. */
typedef void VFIODisplayMetadataDue(void *opaque);

/* Returns NULL if @source has no metadata region. */
VFIODisplayMetadata *vfio_display_metadata_new(VFIODisplaySource *source,
                                               QemuConsole *con,
                                               VFIODisplayNotify *notify,
                                               VFIODisplayMetadataDue *due,
                                               void *opaque);
void vfio_display_metadata_free(VFIODisplayMetadata *m);

/* The device is reset. Returns true if a screendump need wait no more. */
bool vfio_display_metadata_reset(VFIODisplayMetadata *m);

/* A refresh begins: takes the answer to the last request, if there is one. */
void vfio_display_metadata_poll(VFIODisplayMetadata *m,
                                VFIODisplaySignals signals);

/* Returns true unless there is none, or its driver does not answer. */
bool vfio_display_metadata_is_ready(const VFIODisplayMetadata *m);

/*
 * Frames come this way from now on, or by another path. Returns true if they
 * did not before.
 */
bool vfio_display_metadata_activate(VFIODisplayMetadata *m, bool active);

/* Returns the answer that is to be shown, or NULL. */
const VFIOMetadata *vfio_display_metadata_answer(const VFIODisplayMetadata *m);

/*
 * Its frame, and its cursor: checked and on. The image of a cursor is read only
 * if the driver says that it is another.
 */
MirrorFrame vfio_display_metadata_frame(const VFIODisplayMetadata *m);
MirrorFrame vfio_display_metadata_cursor(VFIODisplayMetadata *m);

/* The answer was shown; @complete: and the mirror has all of it. */
void vfio_display_metadata_shown(VFIODisplayMetadata *m, bool complete);

/* No viewer has the cursor any more. */
void vfio_display_metadata_forget_cursor(VFIODisplayMetadata *m);

/*
 * Requests the next frame if there is a reason to. Returns false if the driver
 * refused: then another path is to be taken.
 */
bool vfio_display_metadata_request(VFIODisplayMetadata *m);

/* Returns true if a screendump waits for a frame that was requested. */
bool vfio_display_metadata_is_dumping(const VFIODisplayMetadata *m);

/* The device has signalled. Returns false if frames do not come this way. */
bool vfio_display_metadata_signalled(VFIODisplayMetadata *m,
                                     VFIODisplaySignals signals);

#endif /* HW_DISPLAY_VFIO_DISPLAY_METADATA_H */
