/*
 * The dma-bufs that are held open for a device's planes
 *
 * memfds stand in for dma-bufs: the cache knows of a buffer's fd only that
 * it tells its size and can be closed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>
#include "hw/display/vfio-plane-cache.h"
#include "standard-headers/drm/drm_fourcc.h"

#define FRAME_BYTES (64 * 48 * 4)

/* A device with counters, and what its next answers are. */
typedef struct Device {
    unsigned fetches;
    unsigned attached;
    unsigned detached;
    uint32_t last_detached[64];     /* ids, in order */
    bool open[64];                  /* ids with a descriptor */
    off_t size;                     /* of the buffers it gives */
    int fail;                       /* errno instead of a buffer */
    bool pipe;                      /* a thing that has no size */
} Device;

static int device_fetch(void *opaque, uint32_t id)
{
    Device *device = opaque;
    int fd, fds[2];

    device->fetches++;
    /* some drivers free what two descriptors share with the first of them */
    g_assert_cmpuint(id, <, ARRAY_SIZE(device->open));
    g_assert_false(device->open[id]);
    if (device->fail) {
        return -device->fail;
    }
    if (device->pipe) {
        g_assert_cmpint(pipe(fds), ==, 0);
        close(fds[1]);
        return fds[0];
    }
    fd = memfd_create("buffer", MFD_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, device->size), ==, 0);
    return fd;
}

static void device_attach(void *opaque, VFIOPlaneBuffer *buffer)
{
    Device *device = opaque;

    device->attached++;
    g_assert_null(buffer->user);
    buffer->user = device;
    device->open[buffer->plane.id] = true;
}

static void device_detach(void *opaque, VFIOPlaneBuffer *buffer)
{
    Device *device = opaque;

    g_assert_true(buffer->user == device);
    /* Aliases go while the fd is still the buffer's. */
    g_assert_cmpint(fcntl(buffer->fd, F_GETFD), >=, 0);
    g_assert_cmpuint(device->detached, <, ARRAY_SIZE(device->last_detached));
    device->last_detached[device->detached++] = buffer->plane.id;
    device->open[buffer->plane.id] = false;
}

static const VFIOPlaneCacheOps device_ops = {
    .fetch = device_fetch,
    .attach = device_attach,
    .detach = device_detach,
};

typedef struct Fixture {
    Device device;
    VFIOPlaneCache *cache;
    unsigned fds;
} Fixture;

static unsigned count_fds(void)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned n = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir)) {
        n++;
    }
    return n;
}

static void set_up(Fixture *f, const void *data)
{
    f->fds = count_fds();
    f->device.size = FRAME_BYTES;
    f->cache = vfio_plane_cache_new(&device_ops, &f->device,
                                    VFIO_PLANE_CACHE_MAX_BUFFERS,
                                    VFIO_PLANE_CACHE_MAX_BYTES);
}

/* Whatever a test did, every buffer is let go once and no fd is left. */
static void tear_down(Fixture *f, const void *data)
{
    vfio_plane_cache_free(f->cache);
    g_assert_cmpuint(f->device.detached, ==, f->device.attached);
    g_assert_cmpuint(count_fds(), ==, f->fds);
}

static void use_bounds(Fixture *f, uint32_t max_buffers, uint64_t max_bytes)
{
    vfio_plane_cache_free(f->cache);
    f->cache = vfio_plane_cache_new(&device_ops, &f->device,
                                    max_buffers, max_bytes);
}

static VFIOPlane frame(uint32_t id)
{
    return (VFIOPlane) {
        .type = VFIO_PLANE_PRIMARY, .kind = VFIO_PLANE_KIND_DMABUF, .id = id,
        .fourcc = DRM_FORMAT_XRGB8888, .width = 64, .height = 48,
        .stride = 64 * 4, .size = FRAME_BYTES,
    };
}

static VFIOPlaneBuffer *get(Fixture *f, const VFIOPlane *plane)
{
    VFIOPlaneBuffer *buffer = NULL;
    int err = 0;

    g_assert_cmpint(vfio_plane_cache_get(f->cache, plane, &buffer, &err), ==,
                    VFIO_PLANE_FAULT_NONE);
    g_assert_nonnull(buffer);
    g_assert_cmpint(err, ==, 0);
    return buffer;
}

static VFIOPlaneBuffer *get_id(Fixture *f, uint32_t id)
{
    VFIOPlane plane = frame(id);

    return get(f, &plane);
}

/* Shows a frame as the display does: get, publish, trim. */
static VFIOPlaneBuffer *show(Fixture *f, const VFIOPlane *plane)
{
    VFIOPlaneBuffer *buffer = get(f, plane);

    vfio_plane_cache_trim(f->cache, &buffer, 1);
    return buffer;
}

static VFIOPlaneBuffer *show_id(Fixture *f, uint32_t id)
{
    VFIOPlane plane = frame(id);

    return show(f, &plane);
}

static void test_flip(Fixture *f, const void *data)
{
    unsigned total = 0;

    for (unsigned buffers = 2; buffers <= 8; buffers++) {
        vfio_plane_cache_clear(f->cache);
        total += buffers;
        for (unsigned i = 0; i < 10 * buffers; i++) {
            VFIOPlaneBuffer *b = show_id(f, i % buffers);

            g_assert_cmpuint(b->plane.id, ==, i % buffers);
            g_assert_cmpuint(b->size, ==, FRAME_BYTES);
            if (i >= buffers) {
                g_assert_cmpuint(count_fds(), ==, f->fds + buffers);
            }
        }
        /* Each one once, however often it was shown. */
        g_assert_cmpuint(f->device.fetches, ==, total);
        g_assert_cmpuint(f->device.attached, ==, total);
    }
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).misses, ==, total);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).hits, ==, 9 * total);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).evictions, ==, 0);
}

static void test_hit_moves(Fixture *f, const void *data)
{
    VFIOPlane plane = frame(1);
    VFIOPlaneBuffer *first = get(f, &plane);

    plane.x = -7;
    plane.y = 9;
    plane.hot_x = 3;
    plane.hot_y = 4;
    g_assert_true(get(f, &plane) == first);
    g_assert_cmpint(first->plane.x, ==, -7);
    g_assert_cmpint(first->plane.y, ==, 9);
    g_assert_cmpuint(first->plane.hot_x, ==, 3);
    g_assert_cmpuint(first->plane.hot_y, ==, 4);
    g_assert_cmpuint(f->device.fetches, ==, 1);
}

typedef struct RelayoutCase {
    const char *name;
    void (*change)(VFIOPlane *plane);
    const char *why;
} RelayoutCase;

static void narrower(VFIOPlane *plane)
{
    plane->width = 32;
}

static void lower(VFIOPlane *plane)
{
    plane->height = 24;
}

static void denser(VFIOPlane *plane)
{
    plane->width = 32;
    plane->stride = 32 * 4;
}

static void swapped(VFIOPlane *plane)
{
    plane->fourcc = DRM_FORMAT_XBGR8888;
}

static void tiled(VFIOPlane *plane)
{
    plane->modifier = I915_FORMAT_MOD_X_TILED;
}

static void shifted(VFIOPlane *plane)
{
    plane->height = 47;
    plane->offset = 64 * 4;
}

static void resized(VFIOPlane *plane)
{
    plane->size = 2 * FRAME_BYTES;
}

static const RelayoutCase relayouts[] = {
    { "width", narrower, "stock shows the old buffer" },
    { "height", lower, "stock shows the old buffer" },
    { "stride", denser, "the picture would be sheared" },
    { "format", swapped, "same geometry, other colours" },
    { "modifier", tiled, "an import would read tiles as rows" },
    { "offset", shifted, "another part of the memory" },
    { "size", resized, "another buffer under the same id" },
};

/* The old one is closed before the id is fetched again, on screen or not. */
static void test_relayout(Fixture *f, const void *data)
{
    const RelayoutCase *c = data;
    VFIOPlane plane = frame(1);
    VFIOPlaneBuffer *new;

    g_test_message("%s", c->why);
    show(f, &plane);
    c->change(&plane);
    new = get(f, &plane);
    g_assert_cmpuint(f->device.fetches, ==, 2);
    g_assert_cmpuint(f->device.detached, ==, 1);
    g_assert_cmpuint(count_fds(), ==, f->fds + 1);
    vfio_plane_cache_trim(f->cache, &new, 1);

    g_assert_true(show(f, &plane) == new);
    g_assert_cmpuint(f->device.fetches, ==, 2);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).evictions, ==, 0);
}

/* There and back: the memory behind the first may be gone by then. */
static void test_relayout_back(Fixture *f, const void *data)
{
    VFIOPlane first = frame(1), second = frame(1);

    second.width = 32;
    show(f, &first);
    show(f, &second);
    g_assert_cmpuint(show(f, &first)->plane.width, ==, 64);
    g_assert_cmpuint(f->device.fetches, ==, 3);
    show(f, &first);
    g_assert_cmpuint(f->device.fetches, ==, 3);
    g_assert_cmpuint(f->device.detached, ==, 2);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).buffers, ==, 1);
}

/* The device named a new buffer and then did not give it. */
static void test_relayout_fetch_fails(Fixture *f, const void *data)
{
    VFIOPlane plane = frame(1);
    VFIOPlaneBuffer *none = NULL;
    int err = 0;

    show(f, &plane);
    plane.width = 32;
    f->device.fail = ENOENT;
    g_assert_cmpint(vfio_plane_cache_get(f->cache, &plane, &none, &err), ==,
                    VFIO_PLANE_FAULT_DMABUF);
    g_assert_cmpint(err, ==, ENOENT);
    vfio_plane_cache_trim(f->cache, NULL, 0);
    g_assert_cmpuint(f->device.detached, ==, 1);
    g_assert_cmpuint(count_fds(), ==, f->fds);

    f->device.fail = 0;
    plane.width = 64;
    show(f, &plane);
    g_assert_cmpuint(f->device.fetches, ==, 3);
}

static VFIOPlane cursor(uint32_t id)
{
    VFIOPlane plane = frame(id);

    plane.type = VFIO_PLANE_CURSOR;
    return plane;
}

/* Ids are one name space: planes that name the same buffer share it. */
static void test_types(Fixture *f, const void *data)
{
    VFIOPlane primary = frame(1), second = cursor(1);
    VFIOPlaneBuffer *buffer = get(f, &primary);

    g_assert_true(get(f, &second) == buffer);
    g_assert_cmpint(buffer->plane.type, ==, VFIO_PLANE_CURSOR);
    g_assert_cmpuint(f->device.fetches, ==, 1);
    g_assert_cmpuint(count_fds(), ==, f->fds + 1);
}

/* Two planes give one id two layouts: the first has it, again and again. */
static void test_two_layouts(Fixture *f, const void *data)
{
    VFIOPlane primary = frame(1), second = cursor(1);
    VFIOPlaneBuffer *buffer = NULL, *none = NULL;
    int err = 0;

    second.width = 32;
    for (unsigned i = 0; i < 3; i++) {
        buffer = get(f, &primary);
        g_assert_cmpint(vfio_plane_cache_get(f->cache, &second, &none, &err),
                        ==, VFIO_PLANE_FAULT_ALIAS);
        g_assert_null(none);
        g_assert_cmpint(err, ==, 0);
        vfio_plane_cache_trim(f->cache, &buffer, 1);
    }
    g_assert_cmpuint(f->device.fetches, ==, 1);
    g_assert_cmpuint(f->device.detached, ==, 0);

    /* the other one can have it when the first names it no more */
    g_assert_cmpuint(show(f, &second)->plane.width, ==, 32);
    g_assert_cmpuint(f->device.fetches, ==, 2);
    g_assert_cmpuint(count_fds(), ==, f->fds + 1);
}

typedef struct RefusalCase {
    const char *name;
    int fail;
    bool pipe;
    off_t size;
    VFIOPlaneFault expected;
    int err;
    const char *why;
} RefusalCase;

static const RefusalCase refusals[] = {
    { "fetch", EINVAL, false, 0, VFIO_PLANE_FAULT_DMABUF, EINVAL,
      "the id was gone between query and get" },
    { "too-small", 0, false, FRAME_BYTES - 1, VFIO_PLANE_FAULT_BOUNDS, 0,
      "the device's size is only a word" },
    { "empty", 0, false, 0, VFIO_PLANE_FAULT_BOUNDS, 0, "nothing to read" },
    { "no-size", 0, true, 0, VFIO_PLANE_FAULT_BOUNDS, 0,
      "what cannot be sought is no dma-buf" },
};

static void test_refusal(Fixture *f, const void *data)
{
    const RefusalCase *c = data;
    VFIOPlane plane = frame(1);
    VFIOPlaneBuffer *buffer = NULL;

    g_test_message("%s", c->why);
    f->device.fail = c->fail;
    f->device.pipe = c->pipe;
    f->device.size = c->size;
    for (unsigned i = 1; i <= 3; i++) {
        int err = 0;

        g_assert_cmpint(vfio_plane_cache_get(f->cache, &plane, &buffer, &err),
                        ==, c->expected);
        g_assert_cmpint(err, ==, c->err);
        g_assert_null(buffer);
        /* Tried anew each time, kept never. */
        g_assert_cmpuint(f->device.fetches, ==, i);
        g_assert_cmpuint(count_fds(), ==, f->fds);
    }
    g_assert_cmpuint(f->device.attached, ==, 0);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).buffers, ==, 0);

    /* It works as soon as the device does. */
    f->device.fail = 0;
    f->device.pipe = false;
    f->device.size = FRAME_BYTES;
    get(f, &plane);
    get(f, &plane);
    g_assert_cmpuint(f->device.fetches, ==, 4);
}

/* A process whose standard input is closed gets 0 for its next descriptor. */
static void test_descriptor_0(Fixture *f, const void *data)
{
    VFIOPlane plane = frame(1);
    int input = dup(0);

    close(0);
    g_assert_cmpint(get(f, &plane)->fd, ==, 0);
    vfio_plane_cache_clear(f->cache);
    if (input >= 0) {
        dup2(input, 0);
        close(input);
    }
}

static void test_bound_in_count(Fixture *f, const void *data)
{
    use_bounds(f, 3, UINT64_MAX);
    show_id(f, 1);
    show_id(f, 2);
    show_id(f, 3);
    show_id(f, 1);          /* so that 2 is the least recently used */
    show_id(f, 4);
    g_assert_cmpuint(f->device.detached, ==, 1);
    g_assert_cmpuint(f->device.last_detached[0], ==, 2);
    show_id(f, 5);
    g_assert_cmpuint(f->device.last_detached[1], ==, 3);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).buffers, ==, 3);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).evictions, ==, 2);
    g_assert_cmpuint(count_fds(), ==, f->fds + 3);

    /* What stayed is found, what went is fetched. */
    show_id(f, 1);
    g_assert_cmpuint(f->device.fetches, ==, 5);
    show_id(f, 2);
    g_assert_cmpuint(f->device.fetches, ==, 6);
}

static void test_bound_in_bytes(Fixture *f, const void *data)
{
    /* The buffers' real size counts, here twice what the device says. */
    f->device.size = 2 * FRAME_BYTES;
    use_bounds(f, 16, 4 * FRAME_BYTES);
    show_id(f, 1);
    show_id(f, 2);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).bytes, ==,
                     4 * FRAME_BYTES);
    g_assert_cmpuint(f->device.detached, ==, 0);
    show_id(f, 3);
    g_assert_cmpuint(f->device.detached, ==, 1);
    g_assert_cmpuint(f->device.last_detached[0], ==, 1);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).bytes, ==,
                     4 * FRAME_BYTES);
}

/* A screen larger than the bounds is shown all the same. */
static void test_on_screen_stays(Fixture *f, const void *data)
{
    VFIOPlaneBuffer *on_screen[3] = { NULL };

    use_bounds(f, 1, 1);
    on_screen[0] = get_id(f, 1);
    on_screen[2] = get_id(f, 2);
    get_id(f, 3);
    vfio_plane_cache_trim(f->cache, on_screen, 3);
    g_assert_cmpuint(f->device.detached, ==, 1);
    g_assert_cmpuint(f->device.last_detached[0], ==, 3);
    g_assert_true(get_id(f, 1) == on_screen[0]);
    g_assert_true(get_id(f, 2) == on_screen[2]);

    vfio_plane_cache_trim(f->cache, NULL, 0);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).buffers, ==, 0);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).bytes, ==, 0);
}

/* A buffer that its id left makes room: nothing is evicted for the new one. */
static void test_relayout_makes_room(Fixture *f, const void *data)
{
    VFIOPlane plane = frame(2);

    use_bounds(f, 2, UINT64_MAX);
    show_id(f, 1);
    show(f, &plane);
    plane.width = 32;
    show(f, &plane);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).evictions, ==, 0);
    show_id(f, 1);
    g_assert_cmpuint(f->device.fetches, ==, 3);
}

static void test_clear(Fixture *f, const void *data)
{
    VFIOPlane plane = frame(1);

    show(f, &plane);
    get_id(f, 2);           /* one not on screen */
    vfio_plane_cache_clear(f->cache);
    g_assert_cmpuint(f->device.detached, ==, 2);
    g_assert_cmpuint(count_fds(), ==, f->fds);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).buffers, ==, 0);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).bytes, ==, 0);
    g_assert_cmpuint(vfio_plane_cache_stats(f->cache).misses, ==, 2);

    get_id(f, 2);           /* after a reset the id may be another's */
    g_assert_cmpuint(f->device.fetches, ==, 3);
}

/* A second close would hit whoever got the number since. */
static void test_closed_once(Fixture *f, const void *data)
{
    int fd = show_id(f, 1)->fd, other;

    vfio_plane_cache_clear(f->cache);
    other = memfd_create("other", MFD_CLOEXEC);
    g_assert_cmpint(other, ==, fd);
    vfio_plane_cache_trim(f->cache, NULL, 0);
    vfio_plane_cache_clear(f->cache);
    g_assert_cmpint(fcntl(other, F_GETFD), >=, 0);
    close(other);
}

/* attach and detach are optional, and a NULL cache is fine to free. */
static void test_no_consumer(Fixture *f, const void *data)
{
    static const VFIOPlaneCacheOps bare = { .fetch = device_fetch };

    vfio_plane_cache_free(f->cache);
    f->cache = vfio_plane_cache_new(&bare, &f->device, 1, UINT64_MAX);
    show_id(f, 1);
    show_id(f, 2);
    g_assert_cmpuint(count_fds(), ==, f->fds + 1);
    vfio_plane_cache_free(NULL);
}

static void add(const char *name, const void *data,
                void (*test)(Fixture *f, const void *data))
{
    g_autofree char *path = g_strdup_printf("/vfio-plane-cache/%s", name);

    g_test_add(path, Fixture, data, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("flip", NULL, test_flip);
    add("hit-moves", NULL, test_hit_moves);
    for (size_t i = 0; i < ARRAY_SIZE(relayouts); i++) {
        g_autofree char *name = g_strdup_printf("relayout/%s",
                                                relayouts[i].name);

        add(name, &relayouts[i], test_relayout);
    }
    add("relayout-back", NULL, test_relayout_back);
    add("relayout-fetch-fails", NULL, test_relayout_fetch_fails);
    add("types", NULL, test_types);
    add("two-layouts", NULL, test_two_layouts);
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        g_autofree char *name = g_strdup_printf("refusal/%s",
                                                refusals[i].name);

        add(name, &refusals[i], test_refusal);
    }
    add("descriptor-0", NULL, test_descriptor_0);
    add("bound-in-count", NULL, test_bound_in_count);
    add("bound-in-bytes", NULL, test_bound_in_bytes);
    add("on-screen-stays", NULL, test_on_screen_stays);
    add("relayout-makes-room", NULL, test_relayout_makes_room);
    add("clear", NULL, test_clear);
    add("closed-once", NULL, test_closed_once);
    add("no-consumer", NULL, test_no_consumer);
    return g_test_run();
}
