/*
 * vfio-pci as a plane source for the vGPU display
 *
 * The answers are the kernel driver's: VFIO_DEVICE_QUERY_GFX_PLANE,
 * VFIO_DEVICE_GET_GFX_DMABUF and VFIO_DEVICE_GET_REGION_INFO in linux/vfio.h.
 * They are passed on as they are; the display path checks them. Nothing here
 * depends on the device being an mdev: virtual functions answer the same.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include <sys/ioctl.h>
#include "hw/vfio/vfio-gfx-ext.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "pci.h"
#include "pci-display.h"

struct VFIOPCIDisplaySource {
    VFIOPCIDevice *vdev;
    VFIODisplayRegion region; /* the open framebuffer region */
    off_t region_offset; /* in the device's file */
    struct vfio_region_info *edid; /* NULL if there is none */
    struct vfio_region_info *meta; /* NULL if there is none, or not open */
    VFIODisplayRegion meta_region;
    int irq; /* index of the display interrupt, 0 until it is known */
    bool extended; /* queries for dma-bufs: also for overlays */
};

/* So many capabilities an interrupt may have: a chain may be a circle. */
#define MAX_IRQ_CAPS 16

static int source_fd(VFIOPCIDisplaySource *source)
{
    return source->vdev->vbasedev.fd;
}

/* @done: of pread() or pwrite(), which are to do all or nothing. */
static int all_or_errno(ssize_t done, size_t len)
{
    return done < 0 ? -errno : done == len ? 0 : -EIO;
}

static uint32_t plane_flag(VFIOPlaneKind kind)
{
    return kind == VFIO_PLANE_KIND_DMABUF ? VFIO_GFX_PLANE_TYPE_DMABUF
                                          : VFIO_GFX_PLANE_TYPE_REGION;
}

static bool source_probe(void *opaque, VFIOPlaneKind kind)
{
    struct vfio_device_gfx_plane_info info = {
        .argsz = sizeof(info),
        .flags = VFIO_GFX_PLANE_TYPE_PROBE | plane_flag(kind),
    };

    return ioctl(source_fd(opaque), VFIO_DEVICE_QUERY_GFX_PLANE, &info) == 0;
}

/*
 * A driver that does not know the extension refuses a probe that carries it,
 * and would answer a query that carries it for the primary plane.
 */
static uint32_t source_overlays(void *opaque)
{
    VFIOPCIDisplaySource *source = opaque;
    struct vfio_device_gfx_plane_info info = {
        .argsz = sizeof(info),
        .flags = VFIO_GFX_PLANE_TYPE_PROBE | VFIO_GFX_PLANE_TYPE_DMABUF |
                 VFIO_GFX_PLANE_EXT,
    };

    source->extended =
        ioctl(source_fd(source), VFIO_DEVICE_QUERY_GFX_PLANE, &info) == 0;
    return source->extended ? info.reserved : 0;
}

/* What an extended query brings besides. */
static void source_take_extension(
    const struct vfio_device_gfx_plane_info *info, VFIOPlane *plane)
{
    plane->zpos = VFIO_GFX_PLANE_EXT_ZPOS(info->reserved);
    plane->straight_alpha = info->reserved & VFIO_GFX_PLANE_EXT_STRAIGHT;
    if (plane->type == VFIO_PLANE_PRIMARY &&
        info->reserved & VFIO_GFX_PLANE_EXT_DAMAGE) {
        plane->damage_known = true;
        plane->damage = (VFIOPlaneRect) {
            info->x_pos, info->y_pos, info->x_hot, info->y_hot
        };
    }
}

static int source_query_plane(void *opaque, VFIOPlane *plane)
{
    VFIOPCIDisplaySource *source = opaque;
    bool extended = source->extended &&
        plane->kind == VFIO_PLANE_KIND_DMABUF;
    struct vfio_device_gfx_plane_info info = {
        .argsz = sizeof(info),
        .flags = plane_flag(plane->kind) |
                 (extended ? VFIO_GFX_PLANE_EXT : 0),
        .drm_plane_type = plane->type,
        .reserved = plane->index,
    };

    if (ioctl(source_fd(source), VFIO_DEVICE_QUERY_GFX_PLANE, &info) < 0) {
        return -errno;
    }
    plane->id = plane->kind == VFIO_PLANE_KIND_DMABUF ? info.dmabuf_id
                                                      : info.region_index;
    plane->fourcc = info.drm_format;
    plane->modifier = info.drm_format_mod;
    plane->width = info.width;
    plane->height = info.height;
    plane->stride = info.stride;
    plane->offset = 0;
    plane->size = info.size;
    /* declared unsigned, but a cursor may lie half off the left edge */
    plane->x = (int32_t)info.x_pos;
    plane->y = (int32_t)info.y_pos;
    plane->hot_x = info.x_hot;
    plane->hot_y = info.y_hot;
    if (extended) {
        source_take_extension(&info, plane);
    }
    return 0;
}

static int source_get_dmabuf(void *opaque, uint32_t id)
{
    int fd = ioctl(source_fd(opaque), VFIO_DEVICE_GET_GFX_DMABUF, &id);

    if (fd < 0) {
        return -errno;
    }
    qemu_set_cloexec(fd);
    return fd;
}

/* The part from the region's start on that can be mapped, 0 if none can. */
static uint64_t region_mappable(VFIOPCIDisplaySource *source,
                                struct vfio_region_info *info)
{
    struct vfio_info_cap_header *hdr =
        vfio_get_region_info_cap(info, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
    struct vfio_region_info_cap_sparse_mmap *sparse = (void *)hdr;
    uint64_t len = info->size;

    if (source->vdev->vbasedev.no_mmap ||
        !(info->flags & VFIO_REGION_INFO_FLAG_MMAP)) {
        return 0;
    }
    if (sparse) {
        len = vfio_region_mappable(sparse->areas, sparse->nr_areas,
                                   info->size);
    }
    return len <= SIZE_MAX ? len : 0;
}

/* Where that fails, or @len is 0, the region is not mapped. */
static void map_region(VFIOPCIDisplaySource *source, VFIODisplayRegion *region,
                       off_t offset, size_t len, int prot)
{
    void *map = len ? mmap(NULL, len, prot, MAP_SHARED, source_fd(source),
                           offset) : MAP_FAILED;

    if (map != MAP_FAILED) {
        region->map = map;
        region->map_len = len;
    }
}

static void unmap_region(VFIODisplayRegion *region)
{
    if (region->map) {
        munmap((void *)region->map, region->map_len);
        region->map = NULL;
    }
}

static int source_open_region(void *opaque, uint32_t index,
                              VFIODisplayRegion *region)
{
    VFIOPCIDisplaySource *source = opaque;
    g_autofree struct vfio_region_info *info = NULL;
    int ret;

    if (index > INT_MAX) {
        return -EINVAL;
    }
    ret = vfio_pci_get_region_info(source->vdev, index, &info);
    if (ret < 0) {
        return ret;
    }
    *region = (VFIODisplayRegion) {
        .size = info->size,
        .readable = info->flags & VFIO_REGION_INFO_FLAG_READ,
    };
    map_region(source, region, info->offset, region_mappable(source, info),
               PROT_READ);
    if (!region->size || (!region->map && !region->readable)) {
        return -EACCES;
    }
    source->region = *region;
    source->region_offset = info->offset;
    return 0;
}

static ssize_t source_read_region(void *opaque, void *buf, size_t len,
                                  uint64_t offset)
{
    VFIOPCIDisplaySource *source = opaque;
    ssize_t ret;

    if (offset > source->region.size || len > source->region.size - offset) {
        return -EINVAL;
    }
    ret = pread(source_fd(source), buf, len, source->region_offset + offset);
    return ret < 0 ? -errno : ret;
}

static void source_close_region(void *opaque)
{
    VFIOPCIDisplaySource *source = opaque;

    unmap_region(&source->region);
}

static bool source_has_edid(void *opaque)
{
    VFIOPCIDisplaySource *source = opaque;

    if (!source->edid) {
        vfio_pci_get_gfx_region_info(source->vdev,
                                     VFIO_REGION_SUBTYPE_GFX_EDID,
                                     &source->edid);
    }
    return source->edid != NULL;
}

static int source_edid_read(void *opaque, void *buf, size_t len,
                            uint64_t offset)
{
    VFIOPCIDisplaySource *source = opaque;

    return all_or_errno(pread(source_fd(source), buf, len,
                              source->edid->offset + offset), len);
}

static int source_edid_write(void *opaque, const void *buf, size_t len,
                             uint64_t offset)
{
    VFIOPCIDisplaySource *source = opaque;

    return all_or_errno(pwrite(source_fd(source), buf, len,
                               source->edid->offset + offset), len);
}

/*
 * The info of an interrupt with its capabilities, whose size only the driver
 * knows; NULL if there is no such interrupt or it has none.
 */
static struct vfio_irq_info *get_irq_info(VFIOPCIDisplaySource *source,
                                          uint32_t index)
{
    g_autofree struct vfio_irq_info *info = NULL;
    uint32_t argsz = VFIO_GFX_IRQ_INFO_CAP_OFFSET + sizeof(uint32_t);

    for (int i = 0; i < 2; i++) {
        g_free(info);
        info = g_malloc0(argsz);
        info->argsz = argsz;
        info->index = index;
        if (ioctl(source_fd(source), VFIO_DEVICE_GET_IRQ_INFO, info) < 0 ||
            !(info->flags & VFIO_GFX_IRQ_INFO_FLAG_CAPS)) {
            return NULL;
        }
        if (info->argsz <= argsz) {
            info->argsz = argsz;
            return g_steal_pointer(&info);
        }
        argsz = MIN(info->argsz, 64 * KiB);
    }
    return NULL;
}

/* Is the interrupt of that type? Offsets are the driver's: none is believed. */
static bool irq_is_display(const struct vfio_irq_info *info)
{
    struct vfio_gfx_irq_cap_type cap;
    uint32_t at;

    memcpy(&at, (const uint8_t *)info + VFIO_GFX_IRQ_INFO_CAP_OFFSET,
           sizeof(at));
    for (int i = 0; i < MAX_IRQ_CAPS && at; i++) {
        if (at > info->argsz || info->argsz - at < sizeof(cap)) {
            return false;
        }
        memcpy(&cap, (const uint8_t *)info + at, sizeof(cap));
        if (cap.id == VFIO_GFX_IRQ_CAP_TYPE) {
            return cap.type == VFIO_GFX_IRQ_TYPE_GFX &&
                cap.subtype == VFIO_GFX_IRQ_SUBTYPE_DISPLAY;
        }
        at = cap.next;
    }
    return false;
}

/* Device-specific interrupts come after those that each PCI device has. */
static int find_display_irq(VFIOPCIDisplaySource *source)
{
    uint32_t end = source->vdev->vbasedev.num_irqs;

    for (uint32_t i = VFIO_PCI_NUM_IRQS; i < end; i++) {
        g_autofree struct vfio_irq_info *info = get_irq_info(source, i);

        if (info && info->flags & VFIO_IRQ_INFO_EVENTFD && info->count &&
            irq_is_display(info)) {
            return i;
        }
    }
    return -ENOENT;
}

static int source_set_notifier(void *opaque, EventNotifier *notifier)
{
    VFIOPCIDisplaySource *source = opaque;
    int fd = notifier ? event_notifier_get_fd(notifier) : -1;
    Error *err = NULL;

    if (!source->irq) {
        source->irq = find_display_irq(source);
    }
    if (source->irq < 0) {
        return source->irq;
    }
    if (!vfio_pci_set_irq_fd(source->vdev, source->irq, fd, &err)) {
        warn_report_err(err);
        return -EIO;
    }
    return 0;
}

/* --- The region with the metadata page ---------------------------------- */

/* The doorbell is not to be mapped, so the driver says what is. */
static uint64_t metadata_mappable(VFIOPCIDisplaySource *source)
{
    struct vfio_region_info *info = source->meta;

    return vfio_get_region_info_cap(info, VFIO_REGION_INFO_CAP_SPARSE_MMAP)
        ? region_mappable(source, info) : 0;
}

static int source_open_metadata(void *opaque, VFIODisplayRegion *region)
{
    VFIOPCIDisplaySource *source = opaque;
    uint64_t len;
    int ret;

    ret = vfio_pci_get_gfx_region_info(source->vdev,
                                       VFIO_GFX_REGION_SUBTYPE_META,
                                       &source->meta);
    if (ret < 0) {
        return -ENOENT;
    }
    *region = (VFIODisplayRegion) { .size = source->meta->size };
    /* all but the doorbell, or nothing */
    len = region->size - VFIO_GFX_META_DOORBELL_FROM_END;
    if (region->size > VFIO_GFX_META_FROM_END && len <= SIZE_MAX &&
        metadata_mappable(source) >= len) {
        map_region(source, region, source->meta->offset, len,
                   PROT_READ | PROT_WRITE);
    }
    source->meta_region = *region;
    return 0;
}

static ssize_t source_read_metadata(void *opaque, void *buf, size_t len,
                                    uint64_t offset)
{
    VFIOPCIDisplaySource *source = opaque;
    ssize_t ret = pread(source_fd(source), buf, len,
                        source->meta->offset + offset);

    return ret < 0 ? -errno : ret;
}

/*
 * By pwrite() also where the page is mapped: it may vanish, which is an error
 * here and would be a signal there.
 */
static int metadata_write(VFIOPCIDisplaySource *source, uint64_t from_end,
                          uint32_t value)
{
    uint32_t word = cpu_to_le32(value);

    return all_or_errno(pwrite(source_fd(source), &word, sizeof(word),
                               source->meta->offset + source->meta->size -
                               from_end), sizeof(word));
}

static int source_metadata_request(void *opaque, uint32_t request,
                                   uint32_t rate_mhz)
{
    const uint64_t vmm = VFIO_GFX_META_FROM_END - VFIO_GFX_META_VMM_OFFSET;

    return metadata_write(opaque, vmm - offsetof(struct vfio_gfx_meta_vmm,
                                                 rate_mhz), rate_mhz) ?:
        metadata_write(opaque, vmm - offsetof(struct vfio_gfx_meta_vmm,
                                              request), request) ?:
        metadata_write(opaque, VFIO_GFX_META_DOORBELL_FROM_END, request);
}

static void source_close_metadata(void *opaque)
{
    VFIOPCIDisplaySource *source = opaque;

    unmap_region(&source->meta_region);
    g_clear_pointer(&source->meta, g_free);
}

/* The first render node of the device in that folder of sysfs, or NULL. */
static char *find_render_node(const char *folder)
{
    g_autofree char *drm = g_build_filename(folder, "drm", NULL);
    g_autoptr(GDir) dir = g_dir_open(drm, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_prefix(name, "renderD")) {
            return g_build_filename("/dev/dri", name, NULL);
        }
    }
    return NULL;
}

/*
 * An mdev lies below its GPU in sysfs, and a virtual function knows its
 * physical one.
 */
static char *source_render_node(void *opaque)
{
    VFIOPCIDisplaySource *source = opaque;
    const char *sysfsdev = source->vdev->vbasedev.sysfsdev;
    g_autofree char *device = sysfsdev ? realpath(sysfsdev, NULL) : NULL;
    g_autofree char *parent = device ? g_path_get_dirname(device) : NULL;
    g_autofree char *physical =
        device ? g_build_filename(device, "physfn", NULL) : NULL;

    if (!device) {
        return NULL;
    }
    return find_render_node(physical) ?: find_render_node(parent);
}

static const VFIODisplayOps vfio_pci_display_ops = {
    .probe = source_probe,
    .overlays = source_overlays,
    .query_plane = source_query_plane,
    .get_dmabuf = source_get_dmabuf,
    .open_region = source_open_region,
    .read_region = source_read_region,
    .close_region = source_close_region,
    .has_edid = source_has_edid,
    .edid_read = source_edid_read,
    .edid_write = source_edid_write,
    .render_node = source_render_node,
    .set_notifier = source_set_notifier,
    .open_metadata = source_open_metadata,
    .read_metadata = source_read_metadata,
    .metadata_request = source_metadata_request,
    .close_metadata = source_close_metadata,
};

static bool vfio_pci_display_open(VFIOPCIDevice *vdev, Error **errp)
{
    ERRP_GUARD();
    VFIODisplayConfig config = {
        .xres = vdev->display_xres,
        .yres = vdev->display_yres,
        .ramfb = vdev->enable_ramfb,
        .screendump_cursor = vdev->screendump_cursor,
        .path = PIXEL_PATH__MAX,
    };

    if (vdev->display_path &&
        !pixel_path_parse(vdev->display_path, &config.path)) {
        error_setg(errp, "x-display-path=%s: must be one of auto, mmap, "
                   "region, metadata, gl", vdev->display_path);
        return false;
    }

    vdev->display_source = g_new0(VFIOPCIDisplaySource, 1);
    vdev->display_source->vdev = vdev;
    vdev->dpy = vfio_display_new(DEVICE(vdev), &vfio_pci_display_ops,
                                 vdev->display_source, &config, errp);
    if (!vdev->dpy && !*errp && vdev->display == ON_OFF_AUTO_ON) {
        error_setg(errp, "display=on: the device supports no display (its "
                   "driver answers VFIO_DEVICE_QUERY_GFX_PLANE neither for "
                   "dma-bufs nor for regions)");
    }
    return !*errp;
}

bool vfio_pci_display_init(VFIOPCIDevice *vdev, Error **errp)
{
    Error *err = NULL;

    if (vfio_pci_display_open(vdev, &err)) {
        return true;
    }
    vfio_pci_display_exit(vdev);
    if (vdev->display == ON_OFF_AUTO_AUTO) {
        warn_reportf_err(err, "vfio %s: no display: ", vdev->vbasedev.name);
        return true;
    }
    error_propagate(errp, err);
    return false;
}

void vfio_pci_display_exit(VFIOPCIDevice *vdev)
{
    VFIOPCIDisplaySource *source = vdev->display_source;

    g_clear_pointer(&vdev->dpy, vfio_display_free);
    if (source) {
        g_free(source->edid);
        g_clear_pointer(&vdev->display_source, g_free);
    }
}
