/*
 * Software vGPU: the framebuffer region with a metadata page
 *
 * What a driver in the kernel does when its doorbell rings (vfio-gfx-ext.h):
 * copies the primary plane and the cursor into the region, says what is there
 * and signals. That happens a little later, as it would in a driver's thread,
 * and as badly as the guest has it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "qemu/memfd.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/pixel-format.h"
#include "vfio-plane.h"
#include "vgpu-sw-metadata.h"
#include "trace.h"

/* Rows start where a blitter would want them. */
#define STRIDE_ALIGN 256
/* Behind the frame, where the cursor's image goes. */
#define CURSOR_BYTES (VFIO_PLANE_MAX_CURSOR * VFIO_PLANE_MAX_CURSOR * 4)

static uint64_t region_size(const VGPUSWMetadata *meta)
{
    return meta->buffers->vram_size + CURSOR_BYTES + VFIO_GFX_META_FROM_END;
}

/* But for the doorbell. */
static uint64_t mapped_size(const VGPUSWMetadata *meta)
{
    return region_size(meta) - VFIO_GFX_META_DOORBELL_FROM_END;
}

static uint8_t *page_start(const VGPUSWMetadata *meta)
{
    return meta->map + meta->buffers->vram_size + CURSOR_BYTES;
}

static void set_generation(struct vfio_gfx_meta *page, uint32_t generation)
{
    smp_wmb();  /* even: after all that it stands for */
    qatomic_set(&page->generation, cpu_to_le32(generation));
    smp_wmb();  /* odd: before that */
}

/* --- Copies ------------------------------------------------------------- */

/* Only what is really there can be copied. */
static bool plane_is_there(const VGPUSWMetadata *meta, const VFIOPlane *plane)
{
    return plane->modifier == DRM_FORMAT_MOD_LINEAR &&
        vfio_plane_check(plane) == VFIO_PLANE_FAULT_NONE &&
        vfio_plane_check_bounds(plane, meta->buffers->vram_size) ==
        VFIO_PLANE_FAULT_NONE;
}

static uint32_t copy_stride(const VFIOPlane *plane)
{
    const UIPixelFormat *format = vfio_plane_format(plane);

    return ROUND_UP(ui_pixel_format_row_bytes(format, plane->width),
                    STRIDE_ALIGN);
}

/* Copies a rectangle, of which the guest may have said anything. */
static void copy_rect(const VGPUSWMetadata *meta, const VFIOPlane *plane,
                      uint8_t *dst, const struct vfio_gfx_meta_rect *rect)
{
    const uint8_t *vram = vgpu_sw_vram(meta->buffers);
    const UIPixelFormat *format = vfio_plane_format(plane);
    uint32_t stride = copy_stride(plane);
    uint64_t right = MIN((uint64_t)rect->x + rect->width, plane->width);
    uint64_t bottom = MIN((uint64_t)rect->y + rect->height, plane->height);

    for (uint64_t y = rect->y; rect->x < right && y < bottom; y++) {
        memcpy(dst + y * stride + (uint64_t)rect->x * format->cpp,
               vram + plane->offset + y * plane->stride +
               (uint64_t)rect->x * format->cpp,
               (right - rect->x) * format->cpp);
    }
}

static void copy_plane(const VGPUSWMetadata *meta, const VFIOPlane *plane,
                       uint8_t *dst)
{
    struct vfio_gfx_meta_rect all = { 0, 0, plane->width, plane->height };

    copy_rect(meta, plane, dst, &all);
}

/* --- The page ----------------------------------------------------------- */

static void write_damage(struct vfio_gfx_meta *page, uint32_t count,
                         const struct vfio_gfx_meta_rect *rects)
{
    page->damage_count = cpu_to_le32(count);
    if (count > VFIO_GFX_META_MAX_DAMAGE) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        page->damage[i] = (struct vfio_gfx_meta_rect) {
            .x = cpu_to_le32(rects[i].x),
            .y = cpu_to_le32(rects[i].y),
            .width = cpu_to_le32(rects[i].width),
            .height = cpu_to_le32(rects[i].height),
        };
    }
}

static void write_cursor(VGPUSWMetadata *meta, struct vfio_gfx_meta *page)
{
    VFIOPlane plane = vgpu_sw_shown_plane(meta->planes, VGPU_SW_CURSOR);

    memset(&page->cursor, 0, sizeof(page->cursor));
    if (!vgpu_sw_shown(meta->planes, VGPU_SW_CURSOR, VGPU_SW_ENABLE) ||
        !plane_is_there(meta, &plane)) {
        return;
    }
    copy_plane(meta, &plane, meta->map + meta->buffers->vram_size);
    page->cursor = (struct vfio_gfx_meta_cursor) {
        .visible = cpu_to_le32(1),
        .x = cpu_to_le32(plane.x),
        .y = cpu_to_le32(plane.y),
        .hot_x = cpu_to_le32(plane.hot_x),
        .hot_y = cpu_to_le32(plane.hot_y),
        .fourcc = cpu_to_le32(plane.fourcc),
        .width = cpu_to_le32(plane.width),
        .height = cpu_to_le32(plane.height),
        .stride = cpu_to_le32(copy_stride(&plane)),
        .serial = cpu_to_le32(meta->planes->commits),
        .offset = cpu_to_le64(meta->buffers->vram_size),
        .flags = cpu_to_le32(plane.straight_alpha ?
                             VFIO_GFX_PLANE_EXT_STRAIGHT : 0),
    };
}

/* Copies the frame, or as much of it as changed; what the page says of it. */
static enum vfio_gfx_meta_status write_frame(VGPUSWMetadata *meta,
                                             struct vfio_gfx_meta *page)
{
    VFIOPlane plane = vgpu_sw_shown_plane(meta->planes, VGPU_SW_PRIMARY);
    struct vfio_gfx_meta_rect rects[VFIO_GFX_META_MAX_DAMAGE] = { };
    uint32_t stride, count;

    if (!vgpu_sw_shown(meta->planes, VGPU_SW_PRIMARY, VGPU_SW_ENABLE)) {
        page->fourcc = 0;
        write_damage(page, 0, NULL);
        return VFIO_GFX_META_READY;
    }
    if (!plane_is_there(meta, &plane) ||
        (uint64_t)copy_stride(&plane) * plane.height >
        meta->buffers->vram_size) {
        page->error = cpu_to_le32(EINVAL);
        return VFIO_GFX_META_ERROR;
    }
    count = vgpu_sw_damage_take(&meta->planes->damage, VGPU_SW_BY_PAGE, rects);
    stride = copy_stride(&plane);
    if (count > VFIO_GFX_META_MAX_DAMAGE) {
        copy_plane(meta, &plane, meta->map);
    }
    for (uint32_t i = 0; count <= ARRAY_SIZE(rects) && i < count; i++) {
        copy_rect(meta, &plane, meta->map, &rects[i]);
    }
    page->fourcc = cpu_to_le32(plane.fourcc);
    page->modifier = cpu_to_le64(plane.modifier);
    page->width = cpu_to_le32(plane.width);
    page->height = cpu_to_le32(plane.height);
    page->stride = cpu_to_le32(stride);
    page->offset = 0;
    page->size = cpu_to_le64((uint64_t)stride * plane.height);
    write_damage(page, count, rects);
    if (count == 0) {
        return VFIO_GFX_META_UNCHANGED;
    }
    page->frame = cpu_to_le64(++meta->frame);
    return VFIO_GFX_META_READY;
}

static void answer(void *opaque)
{
    VGPUSWMetadata *meta = opaque;
    struct vfio_gfx_meta *page = (struct vfio_gfx_meta *)page_start(meta);
    uint32_t flags = meta->flags;

    meta->held = flags & VGPU_SW_META_SILENT;
    if (flags & (VGPU_SW_META_SILENT | VGPU_SW_META_CUT)) {
        return;
    }
    set_generation(page, meta->generation | 1);
    page->magic = cpu_to_le32(VFIO_GFX_META_MAGIC);
    page->version = cpu_to_le32(VFIO_GFX_META_VERSION);
    page->header_size = cpu_to_le32(sizeof(*page));
    page->time_ns =
        cpu_to_le64(qemu_clock_get_ns(QEMU_CLOCK_REALTIME));
    page->status = cpu_to_le32(write_frame(meta, page));
    write_cursor(meta, page);
    page->request = cpu_to_le32(meta->request);
    if (meta->poke_offset % 4 == 0 &&
        meta->poke_offset < sizeof(*page) && flags & VGPU_SW_META_POKE) {
        stl_le_p((uint8_t *)page + meta->poke_offset, meta->poke_value);
    }
    if (!(flags & VGPU_SW_META_ODD)) {
        meta->generation += 2;
        set_generation(page, meta->generation);
    }
    trace_vgpu_sw_answer(meta->request, le32_to_cpu(page->status),
                         le32_to_cpu(page->damage_count));
    vgpu_sw_irq_signal(meta->irq, VFIO_GFX_IRQ_PRIMARY);
}

/* --- The display's calls ------------------------------------------------ */

void vgpu_sw_metadata_init(VGPUSWMetadata *meta, VGPUSWPlanes *planes,
                           const VGPUSWBuffers *buffers, VGPUSWIrq *irq)
{
    meta->planes = planes;
    meta->buffers = buffers;
    meta->irq = irq;
    meta->fd = -1;
}

int vgpu_sw_metadata_open(VGPUSWMetadata *meta, VFIODisplayRegion *region)
{
    uint64_t len = mapped_size(meta);
    void *map;
    int ret;

    meta->fd = memfd_create("vgpu-sw-metadata", MFD_CLOEXEC);
    if (meta->fd < 0) {
        return -errno;
    }
    map = ftruncate(meta->fd, len) < 0 ? MAP_FAILED :
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, meta->fd, 0);
    if (map == MAP_FAILED) {
        ret = -errno;
        close(meta->fd);
        meta->fd = -1;
        return ret;
    }
    meta->map = map;
    meta->bh = qemu_bh_new(answer, meta);
    *region = (VFIODisplayRegion) { .size = region_size(meta) };
    if (meta->mmap) {
        region->map = meta->map;
        region->map_len = len;
    }
    return 0;
}

ssize_t vgpu_sw_metadata_read(VGPUSWMetadata *meta, void *buf, size_t len,
                              uint64_t offset)
{
    return pread(meta->fd, buf, len, offset) == len ? len : -EIO;
}

int vgpu_sw_metadata_request(VGPUSWMetadata *meta, uint32_t request,
                             uint32_t rate_mhz)
{
    meta->requests++;
    if (meta->flags & VGPU_SW_META_REFUSE) {
        return -EIO;
    }
    meta->request = request;
    if (!(meta->flags & VGPU_SW_META_CUT)) {
        stl_le_p(page_start(meta) + VFIO_GFX_META_VMM_OFFSET, request);
        stl_le_p(page_start(meta) + VFIO_GFX_META_VMM_OFFSET +
                 offsetof(struct vfio_gfx_meta_vmm, rate_mhz), rate_mhz);
    }
    qemu_bh_schedule(meta->bh);
    return 0;
}

void vgpu_sw_metadata_close(VGPUSWMetadata *meta)
{
    qemu_bh_delete(meta->bh);
    meta->bh = NULL;
    munmap(meta->map, mapped_size(meta));
    meta->map = NULL;
    close(meta->fd);
    meta->fd = -1;
}

void vgpu_sw_metadata_set_flags(VGPUSWMetadata *meta, uint32_t flags)
{
    uint64_t len = mapped_size(meta);
    bool cut = flags & VGPU_SW_META_CUT;

    /* its pages go away under the display, and come back empty */
    if (meta->map && cut != !!(meta->flags & VGPU_SW_META_CUT) &&
        ftruncate(meta->fd, cut ? 0 : len) < 0) {
        return;
    }
    if (cut) {
        vgpu_sw_damage_add_all(&meta->planes->damage);
    }
    meta->flags = flags;
    if (meta->held && meta->bh && !(flags & VGPU_SW_META_SILENT)) {
        /* late, when nobody may wait for it any more */
        qemu_bh_schedule(meta->bh);
    }
}

void vgpu_sw_metadata_reset(VGPUSWMetadata *meta)
{
    meta->held = false;
    vgpu_sw_metadata_set_flags(meta, 0);
    meta->poke_offset = 0;
    meta->poke_value = 0;
    meta->requests = 0;
}
