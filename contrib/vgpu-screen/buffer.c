/*
 * Memory that a picture lies in: a dma-buf, or pixels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <sys/mman.h>

#include "buffer.h"

/* Mappings that may vanish; more of them are refused. */
#define GUARDS 64

/* --- Memory that vanishes --- */

/* start 0: free */
static struct {
    /* volatile: the signal handler reads it in the middle of anything */
    volatile uintptr_t start;
    size_t size;
    /* volatile: the signal handler writes it, likewise */
    volatile sig_atomic_t lost;
} guards[GUARDS];

/*
 * A page that is no longer there reads as 0 from now on, as it does for a
 * Wayland compositor's clients.
 */
static void handle_sigbus(int sig, siginfo_t *info, void *context)
{
    uintptr_t page = qemu_real_host_page_size();
    uintptr_t at = (uintptr_t)info->si_addr & -page;

    for (int i = 0; i < GUARDS; i++) {
        if (guards[i].start && at - guards[i].start < guards[i].size &&
            mmap((void *)at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
                 MAP_FIXED, -1, 0) != MAP_FAILED) {
            guards[i].lost = true;
            return;
        }
    }
    signal(SIGBUS, SIG_DFL);            /* it comes again */
}

static int guard_new(void *map, size_t size)
{
    struct sigaction action = {
        .sa_sigaction = handle_sigbus,
        .sa_flags = SA_SIGINFO,
    };

    for (int i = 0; i < GUARDS; i++) {
        if (!guards[i].start) {
            guards[i].lost = false;
            guards[i].size = size;
            guards[i].start = (uintptr_t)map;
            sigaction(SIGBUS, &action, NULL);
            return i;
        }
    }
    return -1;
}

bool screen_buffer_is_lost(const ScreenBuffer *buffer)
{
    return buffer->guard >= 0 && guards[buffer->guard].lost;
}

bool screen_buffer_set_map(ScreenBuffer *buffer, void *map, size_t size)
{
    buffer->guard = guard_new(map, size);
    if (buffer->guard < 0) {
        munmap(map, size);
        errno = EMFILE;
        return false;
    }
    buffer->map = map;
    buffer->map_size = size;
    return true;
}

/* --- Life --- */

ScreenBuffer *screen_buffer_new(void)
{
    ScreenBuffer *buffer = g_new0(ScreenBuffer, 1);

    buffer->refs = 1;
    buffer->guard = -1;
    memset(buffer->fds, -1, sizeof(buffer->fds));
    return buffer;
}

ScreenBuffer *screen_buffer_ref(ScreenBuffer *buffer)
{
    buffer->refs++;
    return buffer;
}

void screen_buffer_unref(ScreenBuffer *buffer)
{
    if (!buffer || --buffer->refs) {
        return;
    }
    if (buffer->import_free) {
        buffer->import_free(buffer->import);
    }
    g_clear_pointer(&buffer->image, pixman_image_unref);
    g_clear_pointer(&buffer->alpha, pixman_image_unref);
    if (buffer->guard >= 0) {
        guards[buffer->guard].start = 0;
    }
    if (buffer->map) {
        munmap(buffer->map, buffer->map_size);
    }
    for (int i = 0; i < BUFFER_MAX_PLANES; i++) {
        if (buffer->fds[i] >= 0) {
            close(buffer->fds[i]);
        }
    }
    g_free(buffer);
}

bool screen_buffer_is_same(const ScreenBuffer *a, const ScreenBuffer *b)
{
    return a->inode == b->inode && a->device == b->device &&
           a->width == b->width && a->height == b->height &&
           a->bottom_up == b->bottom_up &&
           a->straight_alpha == b->straight_alpha &&
           a->num_planes == b->num_planes && a->fourcc == b->fourcc &&
           a->modifier == b->modifier &&
           !memcmp(a->offsets, b->offsets, sizeof(a->offsets)) &&
           !memcmp(a->strides, b->strides, sizeof(a->strides));
}

/* --- What the CPU reads of it --- */

static const struct {
    uint32_t fourcc;
    pixman_format_code_t format;
} formats[] = {
    { DRM_FORMAT_XRGB8888, PIXMAN_x8r8g8b8 },
    { DRM_FORMAT_XBGR8888, PIXMAN_x8b8g8r8 },
    { DRM_FORMAT_RGBX8888, PIXMAN_r8g8b8x8 },
    { DRM_FORMAT_BGRX8888, PIXMAN_b8g8r8x8 },
    { DRM_FORMAT_XRGB2101010, PIXMAN_x2r10g10b10 },
    { DRM_FORMAT_XBGR2101010, PIXMAN_x2b10g10r10 },
    { DRM_FORMAT_RGB565, PIXMAN_r5g6b5 },
    /* From here on with alpha, in the order of those without. */
    { DRM_FORMAT_ARGB8888, PIXMAN_a8r8g8b8 },
    { DRM_FORMAT_ABGR8888, PIXMAN_a8b8g8r8 },
    { DRM_FORMAT_RGBA8888, PIXMAN_r8g8b8a8 },
    { DRM_FORMAT_BGRA8888, PIXMAN_b8g8r8a8 },
    { DRM_FORMAT_ARGB2101010, PIXMAN_a2r10g10b10 },
    { DRM_FORMAT_ABGR2101010, PIXMAN_a2b10g10r10 },
};
#define WITH_ALPHA 7

static int find_format(uint32_t fourcc)
{
    for (int i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            return i;
        }
    }
    return -1;
}

uint32_t screen_opaque_format(uint32_t fourcc)
{
    int format = find_format(fourcc);

    return format >= WITH_ALPHA ? formats[format - WITH_ALPHA].fourcc : fourcc;
}

bool screen_buffer_has_alpha(const ScreenBuffer *buffer)
{
    if (!buffer->num_planes) {
        return PIXMAN_FORMAT_A(pixman_image_get_format(buffer->image));
    }
    return find_format(buffer->fourcc) >= WITH_ALPHA;
}

/*
 * How much of a dma-buf can be mapped: no more than its whole pages. The rows
 * that are cut off are few, and black is better than nothing.
 */
static size_t mappable_size(int fd, size_t wanted)
{
    size_t page = qemu_real_host_page_size();
    off_t end = lseek(fd, 0, SEEK_END);

    return end < 0 ? wanted : MIN(wanted, end / page * page);
}

/* Longer rows than strides would end outside of what is mapped. */
static bool can_map(const ScreenBuffer *buffer, pixman_format_code_t format)
{
    uint32_t stride = buffer->strides[0];

    return buffer->num_planes == 1 && stride % 4 == 0 &&
           buffer->offsets[0] % 4 == 0 && stride <= INT32_MAX &&
           stride >= (size_t)buffer->width * PIXMAN_FORMAT_BPP(format) / 8 &&
           (buffer->modifier == DRM_FORMAT_MOD_LINEAR ||
            buffer->modifier == DRM_FORMAT_MOD_INVALID);
}

static pixman_image_t *image_of(ScreenBuffer *buffer, int format)
{
    size_t stride = buffer->strides[0], start = buffer->offsets[0];
    /* Pixman reckons in int. */
    size_t rows = MIN(buffer->map_size - start, INT32_MAX) / stride;

    return pixman_image_create_bits(formats[format].format, buffer->width,
                                    MIN(rows, buffer->height),
                                    buffer->map + start, stride);
}

static bool buffer_map(ScreenBuffer *buffer)
{
    int format = find_format(buffer->fourcc);
    size_t stride = buffer->strides[0], start = buffer->offsets[0];
    size_t size;
    void *map;

    if (format < 0 || !can_map(buffer, formats[format].format)) {
        errno = ENOTSUP;
        return false;
    }
    size = mappable_size(buffer->fds[0], start + stride * buffer->height);
    if (size < start + stride) {
        errno = EINVAL;
        return false;
    }
    map = mmap(NULL, size, PROT_READ, MAP_SHARED, buffer->fds[0], 0);
    if (map == MAP_FAILED) {
        return false;
    }
    if (!screen_buffer_set_map(buffer, map, size)) {
        return false;
    }
    if (buffer->straight_alpha && format >= WITH_ALPHA) {
        buffer->alpha = image_of(buffer, format);
        format = find_format(screen_opaque_format(buffer->fourcc));
    }
    buffer->image = image_of(buffer, format);
    return true;
}

pixman_image_t *screen_buffer_image(ScreenBuffer *buffer)
{
    if (!buffer->image && !buffer->map && buffer->num_planes) {
        buffer_map(buffer);
    }
    return buffer->image;
}
