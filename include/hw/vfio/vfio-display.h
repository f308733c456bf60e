/*
 * The vGPU display, and what it asks of a device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VFIO_VFIO_DISPLAY_H
#define HW_VFIO_VFIO_DISPLAY_H

#include "hw/vfio/vfio-plane.h"
#include "qemu/event_notifier.h"
#include "ui/console.h"
#include "ui/pixel-path.h"

/**
 * struct VFIODisplayRegion:
 * @size: bytes of the region, as its owner knows it
 * @map: the region's first byte, readable for @map_len bytes; NULL if it can
 *       only be read through VFIODisplayOps.read_region
 * @map_len: bytes mapped at @map; from 0 to @size
 * @readable: VFIODisplayOps.read_region reads it, mapped or not
 *
 * An open framebuffer region. The plane source that opened it owns the
 * mapping until close_region.
 */
typedef struct VFIODisplayRegion {
    uint64_t size;
    const uint8_t *map;
    uint64_t map_len;
    bool readable;
} VFIODisplayRegion;

/**
 * struct VFIODisplayOps:
 *
 * A plane source: who answers for the planes. There are two, the kernel's
 * ioctls for vfio-pci and the software vGPU. All are called in the main loop
 * with the opaque of vfio_display_new(); none may block for long.
 *
 * @probe: can the source describe planes of this kind?
 * @overlays: (optional) how many overlay planes can be asked for as dma-bufs,
 *     0 if the device has no such extension (vfio-gfx-ext.h)
 * @query_plane: fills @plane, all but its type, index and kind, which the
 *     caller set, and returns 0; or a negative errno, of which callers think
 *     that it may be gone at the next refresh (VFIO_DEVICE_QUERY_GFX_PLANE). A
 *     plane that is off is success with format and size 0. Damage that an
 *     answer names is not named again.
 * @get_dmabuf: gives a new fd for a dma-buf id, which the caller then owns,
 *     or a negative errno (VFIO_DEVICE_GET_GFX_DMABUF)
 * @open_region: opens the region with that index, which may lie past the
 *     indexes that the device counts, and fills @region; 0 or a negative
 *     errno. At most one is open at a time.
 * @read_region: copies @len bytes at @offset of the open region; the count
 *     or a negative errno
 * @close_region: closes the open region
 * @has_edid: (optional) does the source have an EDID region?
 * @edid_read: (optional) copies @len bytes at @offset of the EDID region
 *     (VFIO_REGION_SUBTYPE_GFX_EDID); 0 or a negative errno
 * @edid_write: (optional) the other way
 * @render_node: (optional) the DRM render node of the GPU that the buffers
 *     are on, which can read them if any can; to be freed, NULL if not known
 * @set_notifier: (optional) the display interrupt signals @notifier from now
 *     on (vfio-gfx-ext.h), which the caller owns; NULL: it signals nothing.
 *     0, -ENOENT if the device has none, or another negative errno
 * @open_metadata: (optional) opens the framebuffer region with the metadata
 *     page and fills @region, mapped or not; its last page, the doorbell, is
 *     part of the size but is never read. 0, -ENOENT if the device has none,
 *     or another negative errno. May be open beside the other region.
 * @read_metadata: (optional) as @read_region, of that region
 * @metadata_request: (optional) asks for a frame: writes @request and
 *     @rate_mhz to the page and rings the doorbell; 0 or a negative errno.
 *     Must not wait for the frame.
 * @close_metadata: (optional) closes that region
 */
typedef struct VFIODisplayOps {
    bool (*probe)(void *opaque, VFIOPlaneKind kind);
    uint32_t (*overlays)(void *opaque);
    int (*query_plane)(void *opaque, VFIOPlane *plane);
    int (*get_dmabuf)(void *opaque, uint32_t id);
    int (*open_region)(void *opaque, uint32_t index,
                       VFIODisplayRegion *region);
    ssize_t (*read_region)(void *opaque, void *buf, size_t len,
                           uint64_t offset);
    void (*close_region)(void *opaque);
    bool (*has_edid)(void *opaque);
    int (*edid_read)(void *opaque, void *buf, size_t len, uint64_t offset);
    int (*edid_write)(void *opaque, const void *buf, size_t len,
                      uint64_t offset);
    char *(*render_node)(void *opaque);
    int (*set_notifier)(void *opaque, EventNotifier *notifier);
    int (*open_metadata)(void *opaque, VFIODisplayRegion *region);
    ssize_t (*read_metadata)(void *opaque, void *buf, size_t len,
                             uint64_t offset);
    int (*metadata_request)(void *opaque, uint32_t request,
                            uint32_t rate_mhz);
    void (*close_metadata)(void *opaque);
} VFIODisplayOps;

/**
 * struct VFIODisplayConfig:
 * @xres: preferred width in the EDID, 0 for the device's largest
 * @yres: preferred height in the EDID, 0 for the device's largest
 * @ramfb: show ramfb while the device's own plane is off
 * @screendump_cursor: screendumps include the cursor plane
 * @software_import: OpenGL in software may import buffers, to test that: a
 *     page that goes away ends QEMU then
 * @slow_ns_per_kib: reading pixels takes at least so long, to test that
 * @path: the only path that pixels may take, or PIXEL_PATH__MAX
 */
typedef struct VFIODisplayConfig {
    uint32_t xres;
    uint32_t yres;
    bool ramfb;
    bool screendump_cursor;
    bool software_import;
    uint32_t slow_ns_per_kib;
    PixelPath path;
} VFIODisplayConfig;

typedef struct VFIODisplay VFIODisplay;

/**
 * vfio_display_new:
 * @dev: the device that the console belongs to
 * @ops: the plane source, kept by reference
 * @opaque: for @ops
 * @config: copied
 * @errp: error
 *
 * Probes the source for dma-bufs and regions and opens a console for it.
 *
 * Returns: the display, to be freed with vfio_display_free(); NULL with @errp
 * set if set-up failed, NULL without @errp set if the source supports no
 * display at all.
 */
VFIODisplay *vfio_display_new(DeviceState *dev, const VFIODisplayOps *ops,
                              void *opaque, const VFIODisplayConfig *config,
                              Error **errp);

/**
 * vfio_display_free:
 * @dpy: a display, or NULL
 *
 * Closes the console and every buffer and region. The source may go
 * afterwards.
 */
void vfio_display_free(VFIODisplay *dpy);

/**
 * vfio_display_device_reset:
 * @dpy: a display, or NULL
 *
 * The device is about to be reset: forgets its buffers, whose ids may come
 * back for others.
 */
void vfio_display_device_reset(VFIODisplay *dpy);

/**
 * vfio_display_has_edid:
 * @dpy: a display, or NULL
 *
 * Returns: true if the device takes an EDID.
 */
bool vfio_display_has_edid(const VFIODisplay *dpy);

/**
 * vfio_display_next:
 * @dpy: a display, or NULL
 *
 * Returns: the display after that, or the first one; NULL if there is none.
 */
VFIODisplay *vfio_display_next(VFIODisplay *dpy);

/*
 * vmstate_vfio_display_ramfb:
 *
 * The ramfb of a display, under the names that QEMU has used since ramfb
 * migrates: field "ramfb" in section "VFIODisplay".
 */
extern const VMStateDescription vmstate_vfio_display_ramfb;

#endif /* HW_VFIO_VFIO_DISPLAY_H */
