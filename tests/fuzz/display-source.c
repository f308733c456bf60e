/*
 * A vGPU whose answers the fuzzer chooses
 *
 * It checks that it is asked for nothing that a driver may rely on not to
 * come: a buffer that is still open, a read past a region's end, a second
 * region.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include <sys/mman.h>
#include "hw/vfio/vfio-gfx-ext.h"
#include "qemu/memfd.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "display-source.h"

#define IDS 5
#define OVERLAYS 4
#define REGION_SIZE (64 * 1024)
#define META_SIZE (16 * 4096)
/* More memory than that would only be slow. */
#define MAX_PIXELS (1u << 18)
#define MAX_BUFFER (4u << 20)

/* Planes by what they are asked for with; overlays come last. */
enum {
    PRIMARY_DMABUF,
    PRIMARY_REGION,
    CURSOR,
    OVERLAY,
    PLANES = OVERLAY + OVERLAYS
};

typedef struct Buffer {
    uint64_t inode;     /* of the file that was given last, or 0 */
    uint64_t size;      /* of the next one */
    bool unmappable;    /* the next one is */
} Buffer;

struct Source {
    VFIODisplayOps ops;
    bool dmabuf;
    bool region;
    uint32_t n_overlays;
    VFIOPlane planes[PLANES];
    Buffer buffers[IDS];

    /* so many of the next calls fail, of every kind */
    unsigned failures;
    int failure;

    uint8_t *memory;            /* of the region */
    uint64_t region_size;
    bool region_mapped;
    bool region_readable;
    uint64_t mapped;            /* so much of it, if it is */
    bool region_open;
    bool no_region;

    uint8_t *meta;              /* pixels and page; no doorbell */
    bool meta_mapped;
    bool meta_open;
    bool obeys;
    uint32_t request;
    uint32_t generation;

    EventNotifier *notifier;
    bool edid_broken;
    uint32_t edid[256];
};

static bool fails(Source *s, int *err)
{
    if (!s->failures) {
        return false;
    }
    s->failures--;
    *err = -s->failure;
    return true;
}

/* --- Planes -------------------------------------------------------------- */

static bool source_probe(void *opaque, VFIOPlaneKind kind)
{
    Source *s = opaque;

    return kind == VFIO_PLANE_KIND_DMABUF ? s->dmabuf : s->region;
}

static uint32_t source_overlays(void *opaque)
{
    Source *s = opaque;

    return s->n_overlays;
}

static VFIOPlane *source_plane(Source *s, const VFIOPlane *asked)
{
    switch (asked->type) {
    case VFIO_PLANE_PRIMARY:
        FUZZ_CHECK(asked->kind == VFIO_PLANE_KIND_DMABUF ? s->dmabuf
                                                         : s->region);
        return &s->planes[asked->kind == VFIO_PLANE_KIND_DMABUF
                          ? PRIMARY_DMABUF : PRIMARY_REGION];
    case VFIO_PLANE_CURSOR:
        return &s->planes[CURSOR];
    case VFIO_PLANE_OVERLAY:
        FUZZ_CHECK(asked->index < s->n_overlays);
        return &s->planes[OVERLAY + asked->index % OVERLAYS];
    }
    FUZZ_CHECK(false);
    return NULL;
}

static int source_query_plane(void *opaque, VFIOPlane *plane)
{
    Source *s = opaque;
    VFIOPlane *answer = source_plane(s, plane);
    VFIOPlane asked = *plane;
    int err;

    if (fails(s, &err)) {
        return err;
    }
    *plane = *answer;
    plane->type = asked.type;
    plane->index = asked.index;
    plane->kind = asked.kind;
    /* damage is named once */
    memset(&answer->damage, 0, sizeof(answer->damage));
    return 0;
}

static int source_get_dmabuf(void *opaque, uint32_t id)
{
    Source *s = opaque;
    Buffer *buffer = &s->buffers[id % IDS];
    struct stat status;
    int fd, err;

    /* some drivers cannot give the same buffer twice at a time */
    FUZZ_CHECK(!buffer->inode || !fuzz_inode_is_open(buffer->inode));
    buffer->inode = 0;
    if (fails(s, &err)) {
        return err;
    }
    fd = memfd_create("buffer", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && fstat(fd, &status) == 0);
    FUZZ_CHECK(ftruncate(fd, buffer->size) == 0);
    buffer->inode = status.st_ino;
    if (buffer->unmappable) {
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
        int no_map = open(path, O_WRONLY | O_CLOEXEC);

        close(fd);
        fd = no_map;
        FUZZ_CHECK(fd >= 0);
    }
    return fd;
}

static int32_t choose_place(FuzzInput *in)
{
    static const int32_t places[] = {
        0, 1, -1, 7, -30, 300, INT32_MAX, INT32_MIN, INT32_MAX - 20,
    };

    return places[fuzz_below(in, ARRAY_SIZE(places))];
}

static uint32_t choose_extent(FuzzInput *in)
{
    static const uint32_t extents[] = {
        64, 63, 65, 1, 0, 130, 256, 257, 16384, 16385, 40000, 0x80000000,
        UINT32_MAX,
    };
    unsigned choice = fuzz_below(in, ARRAY_SIZE(extents) + 1);

    return choice < ARRAY_SIZE(extents) ? extents[choice] : fuzz_u32(in);
}

static uint32_t choose_format(FuzzInput *in)
{
    static const uint32_t formats[] = {
        DRM_FORMAT_XRGB8888, DRM_FORMAT_ARGB8888, DRM_FORMAT_RGB565,
        DRM_FORMAT_XBGR8888, DRM_FORMAT_NV12, DRM_FORMAT_YUYV,
        DRM_FORMAT_XRGB2101010, 0,
    };
    unsigned choice = fuzz_below(in, ARRAY_SIZE(formats) + 1);

    return choice < ARRAY_SIZE(formats) ? formats[choice] : fuzz_u32(in);
}

static uint64_t choose_modifier(FuzzInput *in)
{
    static const uint64_t modifiers[] = {
        DRM_FORMAT_MOD_LINEAR, DRM_FORMAT_MOD_LINEAR, DRM_FORMAT_MOD_LINEAR,
        I915_FORMAT_MOD_X_TILED, DRM_FORMAT_MOD_INVALID,
    };

    return modifiers[fuzz_below(in, ARRAY_SIZE(modifiers))];
}

static uint64_t choose_offset(FuzzInput *in)
{
    static const uint64_t offsets[] = {
        0, 0, 0, 4, 4096, 4099, UINT32_MAX, UINT64_MAX,
    };

    return offsets[fuzz_below(in, ARRAY_SIZE(offsets))];
}

static VFIOPlaneRect choose_rect(FuzzInput *in)
{
    return (VFIOPlaneRect) {
        fuzz_u8(in), fuzz_u8(in), choose_extent(in), choose_extent(in),
    };
}

/* What is small enough to be shown must be small enough to be quick. */
static void keep_small(VFIOPlane *plane)
{
    if (plane->width && plane->width <= 16384 && plane->height <= 16384) {
        plane->height = MIN(plane->height, MAX_PIXELS / plane->width);
    }
}

static void choose_plane(FuzzInput *in, VFIOPlane *plane)
{
    uint8_t what = fuzz_u8(in);
    static const uint32_t gaps[] = { 0, 4, 12, 1, 0x80000000 };
    static const uint32_t hot[] = { 0, 3, 100, VFIO_PLANE_NO_HOTSPOT };

    *plane = (VFIOPlane) { .id = fuzz_below(in, IDS) };
    if (what % 8 == 7) {
        /* off; or nearly */
        plane->size = what / 128;
        return;
    }
    plane->width = choose_extent(in);
    plane->height = what % 8 < 4 ? 48 : choose_extent(in);
    keep_small(plane);
    plane->fourcc = choose_format(in);
    plane->stride = plane->width * 4 + gaps[fuzz_below(in, ARRAY_SIZE(gaps))];
    plane->offset = choose_offset(in);
    plane->modifier = choose_modifier(in);
    plane->size = (uint64_t)plane->stride * plane->height;
    plane->straight_alpha = what & 16;
    plane->damage_known = what & 32;
    if (plane->damage_known) {
        plane->damage = choose_rect(in);
    }
    plane->x = choose_place(in);
    plane->y = choose_place(in);
    plane->hot_x = hot[fuzz_below(in, ARRAY_SIZE(hot))];
    plane->hot_y = hot[fuzz_below(in, ARRAY_SIZE(hot))];
    plane->zpos = fuzz_below(in, 4);
}

void source_set_plane(Source *s, FuzzInput *in)
{
    static const uint64_t sizes[] = { 4096, 0, 100, 65536 };
    unsigned which = fuzz_below(in, PLANES);
    VFIOPlane *plane = &s->planes[which];
    Buffer *buffer;
    unsigned choice;

    choose_plane(in, plane);
    if (which == PRIMARY_REGION) {
        return;
    }
    /* of the buffer that the plane's id will stand for */
    buffer = &s->buffers[plane->id];
    choice = fuzz_u8(in);
    buffer->unmappable = choice % 8 == 6;
    buffer->size = choice % 8 == 7
        ? sizes[choice / 8 % ARRAY_SIZE(sizes)]
        : MIN(ROUND_UP(plane->size + MIN(plane->offset, MAX_BUFFER), 4096),
              MAX_BUFFER);
}

/* --- The region ---------------------------------------------------------- */

static int source_open_region(void *opaque, uint32_t index,
                              VFIODisplayRegion *region)
{
    Source *s = opaque;
    int err;

    FUZZ_CHECK(!s->region_open);
    if (fails(s, &err)) {
        return err;
    }
    if (s->no_region) {
        return -ENODEV;
    }
    s->region_open = true;
    region->size = s->region_size;
    region->map = s->region_mapped ? s->memory : NULL;
    region->map_len = s->region_mapped ? MIN(s->mapped, s->region_size) : 0;
    region->readable = s->region_readable;
    return 0;
}

static ssize_t source_read_region(void *opaque, void *buf, size_t len,
                                  uint64_t offset)
{
    Source *s = opaque;
    int err;

    FUZZ_CHECK(s->region_open && s->region_readable);
    FUZZ_CHECK(offset <= s->region_size && len <= s->region_size - offset);
    if (fails(s, &err)) {
        return err;
    }
    memcpy(buf, s->memory + offset, len);
    return len;
}

static void source_close_region(void *opaque)
{
    Source *s = opaque;

    FUZZ_CHECK(s->region_open);
    s->region_open = false;
}

/* --- The EDID ------------------------------------------------------------ */

static bool source_has_edid(void *opaque)
{
    return true;
}

static int source_edid_read(void *opaque, void *buf, size_t len,
                            uint64_t offset)
{
    Source *s = opaque;

    if (s->edid_broken || offset > sizeof(s->edid) ||
        len > sizeof(s->edid) - offset) {
        return -EINVAL;
    }
    memcpy(buf, (uint8_t *)s->edid + offset, len);
    return 0;
}

static int source_edid_write(void *opaque, const void *buf, size_t len,
                             uint64_t offset)
{
    Source *s = opaque;
    int err;

    if (fails(s, &err)) {
        return err;
    }
    return s->edid_broken ? -EINVAL : 0;
}

/* --- The interrupt ------------------------------------------------------- */

static int source_set_notifier(void *opaque, EventNotifier *notifier)
{
    Source *s = opaque;

    s->notifier = notifier;
    return 0;
}

static void signal_value(Source *s, uint64_t value)
{
    ssize_t ret;

    if (s->notifier) {
        /* a counter that is full takes no more */
        ret = write(event_notifier_get_wfd(s->notifier), &value,
                    sizeof(value));
        (void)ret;
    }
}

void source_signal(Source *s, FuzzInput *in)
{
    static const uint64_t values[] = {
        1, 2, VFIO_GFX_IRQ_CURSOR, VFIO_GFX_IRQ_PRIMARY,
        2 * VFIO_GFX_IRQ_PRIMARY, VFIO_GFX_IRQ_PRIMARY + VFIO_GFX_IRQ_CURSOR,
    };

    signal_value(s, values[fuzz_below(in, ARRAY_SIZE(values))]);
}

/* --- The metadata page --------------------------------------------------- */

static struct vfio_gfx_meta *source_page(Source *s)
{
    return (void *)(s->meta + META_SIZE - VFIO_GFX_META_FROM_END);
}

static int source_open_metadata(void *opaque, VFIODisplayRegion *region)
{
    Source *s = opaque;

    FUZZ_CHECK(!s->meta_open);
    s->meta_open = true;
    region->size = META_SIZE;
    region->map = s->meta_mapped ? s->meta : NULL;
    region->map_len = s->meta_mapped ? META_SIZE : 0;
    region->readable = true;
    return 0;
}

static ssize_t source_read_metadata(void *opaque, void *buf, size_t len,
                                    uint64_t offset)
{
    const uint64_t readable = META_SIZE - VFIO_GFX_META_DOORBELL_FROM_END;
    Source *s = opaque;
    int err;

    FUZZ_CHECK(s->meta_open);
    FUZZ_CHECK(offset <= readable && len <= readable - offset);
    if (fails(s, &err)) {
        return err;
    }
    memcpy(buf, s->meta + offset, len);
    return len;
}

static void put_cursor(Source *s, struct vfio_gfx_meta *page)
{
    const VFIOPlane *plane = &s->planes[CURSOR];

    page->cursor = (struct vfio_gfx_meta_cursor) {
        .visible = !vfio_plane_is_off(plane),
        .x = plane->x,
        .y = plane->y,
        .hot_x = plane->hot_x,
        .hot_y = plane->hot_y,
        .fourcc = plane->fourcc,
        .width = plane->width,
        .height = plane->height,
        .stride = plane->stride,
        .serial = plane->id,
        .offset = plane->offset,
        .flags = plane->straight_alpha ? VFIO_GFX_PLANE_EXT_STRAIGHT : 0,
    };
}

/* The page as a driver writes it, about what the region's plane is. */
static void put_page(Source *s, uint32_t status, uint32_t damage_count)
{
    const VFIOPlane *plane = &s->planes[PRIMARY_REGION];
    struct vfio_gfx_meta *page = source_page(s);

    *page = (struct vfio_gfx_meta) {
        .magic = VFIO_GFX_META_MAGIC,
        .version = VFIO_GFX_META_VERSION,
        .header_size = sizeof(*page),
        .generation = s->generation += 2,
        .fourcc = plane->fourcc,
        .width = plane->width,
        .modifier = plane->modifier,
        .height = plane->height,
        .stride = plane->stride,
        .offset = plane->offset,
        .size = plane->size,
        .frame = s->generation,
        .status = status,
        .request = s->request,
        .error = status == VFIO_GFX_META_ERROR ? EIO : 0,
        .damage_count = damage_count,
        .damage = { {
            plane->damage.x, plane->damage.y,
            plane->damage.width, plane->damage.height,
        } },
    };
    put_cursor(s, page);
}

void source_answer(Source *s, FuzzInput *in)
{
    static const uint32_t counts[] = {
        VFIO_GFX_META_DAMAGE_ALL, 0, 1, 16, 17,
    };
    struct vfio_gfx_meta *page = source_page(s);
    uint8_t what = fuzz_u8(in);

    put_page(s, what % 4, counts[fuzz_below(in, ARRAY_SIZE(counts))]);
    if (what & 16) {
        page->generation |= 1;
    }
    if (what & 32) {
        /* any word of it may be any */
        ((uint32_t *)page)[fuzz_below(in, sizeof(*page) / 4)] = fuzz_u32(in);
    }
    if (what & 64) {
        page->request = fuzz_u32(in);
    }
    signal_value(s, 1 + (what >> 7));
}

static int source_metadata_request(void *opaque, uint32_t request,
                                   uint32_t rate_mhz)
{
    Source *s = opaque;
    int err;

    FUZZ_CHECK(s->meta_open);
    FUZZ_CHECK(request != 0 && request != s->request);
    s->request = request;
    if (fails(s, &err)) {
        return err;
    }
    if (s->obeys) {
        put_page(s, VFIO_GFX_META_READY, VFIO_GFX_META_DAMAGE_ALL);
        signal_value(s, 1);
    }
    return 0;
}

static void source_close_metadata(void *opaque)
{
    Source *s = opaque;

    FUZZ_CHECK(s->meta_open);
    s->meta_open = false;
}

void source_obey(Source *s, bool obey)
{
    s->obeys = obey;
}

/* --- What happens to it -------------------------------------------------- */

void source_set_faults(Source *s, FuzzInput *in)
{
    static const uint64_t sizes[] = { REGION_SIZE, 0, 100, 4096 };
    uint8_t what = fuzz_u8(in);

    s->failures = fuzz_u8(in);
    s->failure = fuzz_errno(in);
    if (!s->region_open) {
        s->no_region = what & 1;
        s->region_mapped = what & 2;
        s->region_size = sizes[what / 4 % 4];
        s->region_readable = what & 64;
        s->mapped = what & 128 ? REGION_SIZE : 8192;
    }
    s->edid_broken = what & 16;
    s->obeys = what & 32;
}

void source_draw(Source *s, FuzzInput *in)
{
    uint8_t colour = fuzz_u8(in);
    size_t at = fuzz_u8(in) * 200;

    memset(s->memory + at, colour, 300);
    memset(s->meta + at, colour, 300);
}

/* A buffer's memory goes away under those who have it mapped. */
void source_shrink_buffer(Source *s, FuzzInput *in)
{
    Buffer *buffer = &s->buffers[fuzz_below(in, IDS)];
    uint64_t size = fuzz_u8(in) * 64;
    struct stat status;

    for (int fd = 0; buffer->inode && fd < FUZZ_MAX_FDS; fd++) {
        if (fstat(fd, &status) == 0 && status.st_ino == buffer->inode &&
            S_ISREG(status.st_mode)) {
            FUZZ_CHECK(ftruncate(fd, MIN(size, status.st_size)) == 0);
            return;
        }
    }
}

static void *new_pages(size_t len)
{
    void *pages = mmap(NULL, len, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    FUZZ_CHECK(pages != MAP_FAILED);
    return pages;
}

static VFIODisplayOps choose_ops(FuzzInput *in)
{
    uint8_t what = fuzz_u8(in);
    VFIODisplayOps ops = {
        .probe = source_probe,
        .query_plane = source_query_plane,
        .get_dmabuf = source_get_dmabuf,
        .open_region = source_open_region,
        .read_region = source_read_region,
        .close_region = source_close_region,
    };

    if (what & 1) {
        ops.overlays = source_overlays;
    }
    if (what & 2) {
        ops.has_edid = source_has_edid;
        ops.edid_read = source_edid_read;
        ops.edid_write = source_edid_write;
    }
    if (what & 4) {
        ops.set_notifier = source_set_notifier;
    }
    if (what & 8) {
        ops.open_metadata = source_open_metadata;
        ops.read_metadata = source_read_metadata;
        ops.metadata_request = source_metadata_request;
        ops.close_metadata = source_close_metadata;
    }
    return ops;
}

Source *source_new(FuzzInput *in)
{
    Source *s = g_new0(Source, 1);
    uint8_t what = fuzz_u8(in);
    struct vfio_region_gfx_edid *edid = (void *)s->edid;

    s->ops = choose_ops(in);
    s->dmabuf = !(what & 1);
    s->region = what & 2;
    s->region_mapped = what & 4;
    s->meta_mapped = what & 8;
    s->n_overlays = what >> 5;
    s->region_size = REGION_SIZE;
    s->region_readable = true;
    s->mapped = REGION_SIZE;
    s->memory = new_pages(REGION_SIZE);
    s->meta = new_pages(META_SIZE);
    FUZZ_CHECK(mprotect(s->meta + META_SIZE - VFIO_GFX_META_DOORBELL_FROM_END,
                        VFIO_GFX_META_DOORBELL_FROM_END, PROT_NONE) == 0);
    edid->edid_offset = what & 16 ? 128 : fuzz_u32(in);
    edid->edid_max_size = 512;
    edid->max_xres = 4096;
    edid->max_yres = 2160;
    return s;
}

void source_free(Source *s)
{
    FUZZ_CHECK(!s->region_open && !s->meta_open && !s->notifier);
    for (int i = 0; i < IDS; i++) {
        FUZZ_CHECK(!s->buffers[i].inode ||
                   !fuzz_inode_is_open(s->buffers[i].inode));
    }
    munmap(s->memory, REGION_SIZE);
    munmap(s->meta, META_SIZE);
    g_free(s);
}

const VFIODisplayOps *source_ops(Source *s)
{
    return &s->ops;
}
