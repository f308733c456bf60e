/*
 * Tests of reading a metadata page
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/display/vfio-metadata.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/pixel-format.h"

#define WIDTH 640
#define HEIGHT 480
#define STRIDE 2816
#define CURSOR_AT (STRIDE * HEIGHT)
#define PIXELS (CURSOR_AT + 64 * 256)

/* A page as a driver should write it. */
static struct vfio_gfx_meta good_page(void)
{
    return (struct vfio_gfx_meta) {
        .magic = GUINT32_TO_LE(VFIO_GFX_META_MAGIC),
        .version = GUINT32_TO_LE(VFIO_GFX_META_VERSION),
        .header_size = GUINT32_TO_LE(sizeof(struct vfio_gfx_meta)),
        .generation = GUINT32_TO_LE(2),
        .fourcc = GUINT32_TO_LE(DRM_FORMAT_XRGB8888),
        .width = GUINT32_TO_LE(WIDTH),
        .height = GUINT32_TO_LE(HEIGHT),
        .stride = GUINT32_TO_LE(STRIDE),
        .size = GUINT64_TO_LE(STRIDE * HEIGHT),
        .frame = GUINT64_TO_LE(7),
        .request = GUINT32_TO_LE(3),
        .damage_count = GUINT32_TO_LE(1),
        .damage[0] = {
            .x = GUINT32_TO_LE(10), .y = GUINT32_TO_LE(20),
            .width = GUINT32_TO_LE(30), .height = GUINT32_TO_LE(40),
        },
        .cursor = {
            .visible = GUINT32_TO_LE(1),
            .x = (int32_t)GUINT32_TO_LE((uint32_t)-5),
            .y = (int32_t)GUINT32_TO_LE(6),
            .hot_x = GUINT32_TO_LE(1), .hot_y = GUINT32_TO_LE(2),
            .fourcc = GUINT32_TO_LE(DRM_FORMAT_ARGB8888),
            .width = GUINT32_TO_LE(64), .height = GUINT32_TO_LE(64),
            .stride = GUINT32_TO_LE(256),
            .serial = GUINT32_TO_LE(9),
            .offset = GUINT64_TO_LE(CURSOR_AT),
        },
    };
}

static void test_good(void)
{
    struct vfio_gfx_meta raw = good_page();
    VFIOMetadata meta;

    g_assert_true(vfio_metadata_parse(&raw, PIXELS, &meta));
    g_assert_cmpint(meta.status, ==, VFIO_GFX_META_READY);
    g_assert_cmpint(meta.fault, ==, VFIO_PLANE_FAULT_NONE);
    g_assert_cmpuint(meta.request, ==, 3);
    g_assert_cmpuint(meta.frame, ==, 7);
    g_assert_cmpuint(meta.plane.width, ==, WIDTH);
    g_assert_cmpuint(meta.plane.height, ==, HEIGHT);
    g_assert_cmpuint(meta.plane.stride, ==, STRIDE);
    g_assert_false(meta.damage_all);
    g_assert_cmpuint(meta.n_damage, ==, 1);
    g_assert_cmpint(meta.damage[0].x1, ==, 10);
    g_assert_cmpint(meta.damage[0].y1, ==, 20);
    g_assert_cmpint(meta.damage[0].x2, ==, 40);
    g_assert_cmpint(meta.damage[0].y2, ==, 60);
    g_assert_cmpint(meta.cursor_fault, ==, VFIO_PLANE_FAULT_NONE);
    g_assert_cmpint(meta.cursor.x, ==, -5);
    g_assert_cmpint(meta.cursor.y, ==, 6);
    g_assert_cmpuint(meta.cursor.hot_x, ==, 1);
    g_assert_cmpuint(meta.cursor_serial, ==, 9);
    g_assert_false(meta.cursor.straight_alpha);
}

/* Of the rectangles, those that the count names. */
static void test_damage_count(void)
{
    struct vfio_gfx_meta raw = good_page();
    VFIOMetadata meta;

    for (int i = 0; i < VFIO_GFX_META_MAX_DAMAGE; i++) {
        raw.damage[i] = raw.damage[0];
        raw.damage[i].x = GUINT32_TO_LE(i);
    }
    for (unsigned n = 0; n <= VFIO_GFX_META_MAX_DAMAGE; n++) {
        raw.damage_count = GUINT32_TO_LE(n);
        g_assert_true(vfio_metadata_parse(&raw, PIXELS, &meta));
        g_assert_cmpuint(meta.n_damage, ==, n);
        for (unsigned i = 0; i < n; i++) {
            g_assert_cmpint(meta.damage[i].x1, ==, i);
        }
    }
}

/* What becomes of a page with one field changed. */
typedef enum Outcome {
    NO_PAGE,
    OFF,
    FINE,
    BAD_PLANE,
    BAD_CURSOR,
    ALL_DAMAGED,
} Outcome;

typedef struct FieldCase {
    const char *name;
    size_t offset;
    size_t size;
    uint64_t value;
    Outcome outcome;
    VFIOPlaneFault fault;
} FieldCase;

#define FIELD(f, v, ...) { \
    #f "-" #v, offsetof(struct vfio_gfx_meta, f), \
    sizeof(((struct vfio_gfx_meta *)0)->f), v, __VA_ARGS__ }

#define EXTENT VFIO_PLANE_FAULT_EXTENT
#define FORMAT VFIO_PLANE_FAULT_FORMAT
#define BOUNDS VFIO_PLANE_FAULT_BOUNDS

static const FieldCase field_cases[] = {
    FIELD(magic, 0, NO_PAGE),
    FIELD(magic, 0x5650474d, NO_PAGE),
    FIELD(version, 0, NO_PAGE),
    FIELD(version, 2, NO_PAGE),
    FIELD(header_size, 0, NO_PAGE),
    FIELD(header_size, 343, NO_PAGE),
    FIELD(header_size, 2048, FINE),
    FIELD(header_size, 2049, NO_PAGE),
    FIELD(header_size, 0xffffffff, NO_PAGE),
    FIELD(status, 3, NO_PAGE),
    FIELD(status, 0xffffffff, NO_PAGE),
    FIELD(fourcc, 0, OFF),
    FIELD(size, 0, OFF),
    FIELD(fourcc, 0x20202020, BAD_PLANE, FORMAT),
    FIELD(fourcc, 0xffffffff, BAD_PLANE, FORMAT),
    /* a format of overlays, which a primary plane must not have */
    FIELD(fourcc, DRM_FORMAT_NV12, BAD_PLANE, FORMAT),
    FIELD(modifier, 1, BAD_PLANE, VFIO_PLANE_FAULT_MODIFIER),
    FIELD(modifier, DRM_FORMAT_MOD_INVALID, BAD_PLANE,
          VFIO_PLANE_FAULT_MODIFIER),
    FIELD(width, 0, BAD_PLANE, EXTENT),
    FIELD(width, 16385, BAD_PLANE, EXTENT),
    FIELD(width, 0xffffffff, BAD_PLANE, EXTENT),
    FIELD(width, 705, BAD_PLANE, VFIO_PLANE_FAULT_STRIDE),
    FIELD(width, 704, FINE),
    FIELD(height, 0, BAD_PLANE, EXTENT),
    FIELD(height, 16385, BAD_PLANE, EXTENT),
    FIELD(height, 481, BAD_PLANE, BOUNDS),
    FIELD(height, 16384, BAD_PLANE, BOUNDS),
    FIELD(stride, 0, BAD_PLANE, VFIO_PLANE_FAULT_STRIDE),
    FIELD(stride, 2559, BAD_PLANE, VFIO_PLANE_FAULT_STRIDE),
    FIELD(stride, 2560, FINE),
    FIELD(stride, 0xffffffff, BAD_PLANE, BOUNDS),
    FIELD(offset, 4096, FINE),
    FIELD(offset, PIXELS, BAD_PLANE, BOUNDS),
    FIELD(offset, UINT64_MAX, BAD_PLANE, BOUNDS),
    FIELD(offset, UINT64_MAX - STRIDE * HEIGHT + 1, BAD_PLANE, BOUNDS),
    FIELD(size, 1, BAD_PLANE, BOUNDS),
    FIELD(size, STRIDE * 479 + WIDTH * 4 - 1, BAD_PLANE, BOUNDS),
    FIELD(size, STRIDE * 479 + WIDTH * 4, FINE),
    FIELD(size, UINT64_MAX, FINE),
    FIELD(frame, UINT64_MAX, FINE),
    FIELD(time_ns, UINT64_MAX, FINE),
    FIELD(error, 0xffffffff, FINE),
    FIELD(damage_count, 0, FINE),
    FIELD(damage_count, 16, FINE),
    FIELD(damage_count, 17, ALL_DAMAGED),
    FIELD(damage_count, 0x80000000, ALL_DAMAGED),
    FIELD(damage_count, VFIO_GFX_META_DAMAGE_ALL, ALL_DAMAGED),
    FIELD(damage[0].x, 640, FINE),
    FIELD(damage[0].x, 0xffffffff, FINE),
    FIELD(damage[0].y, 480, FINE),
    FIELD(damage[0].y, 0xffffffff, FINE),
    FIELD(damage[0].width, 0, FINE),
    FIELD(damage[0].width, 0xffffffff, FINE),
    FIELD(damage[0].height, 0, FINE),
    FIELD(damage[0].height, 0xffffffff, FINE),
    FIELD(cursor.visible, 0xffffffff, FINE),
    FIELD(cursor.x, 0x80000000, FINE),
    FIELD(cursor.y, 0x7fffffff, FINE),
    FIELD(cursor.hot_x, 0xffffffff, FINE),
    FIELD(cursor.fourcc, 0, BAD_CURSOR, FORMAT),
    FIELD(cursor.fourcc, DRM_FORMAT_XRGB8888, BAD_CURSOR, FORMAT),
    FIELD(cursor.width, 0, BAD_CURSOR, EXTENT),
    FIELD(cursor.width, 65, BAD_CURSOR, VFIO_PLANE_FAULT_STRIDE),
    FIELD(cursor.width, 0xffffffff, BAD_CURSOR, EXTENT),
    FIELD(cursor.height, 0, BAD_CURSOR, EXTENT),
    FIELD(cursor.height, 65, BAD_CURSOR, BOUNDS),
    FIELD(cursor.height, 0xffffffff, BAD_CURSOR, EXTENT),
    FIELD(cursor.stride, 0, BAD_CURSOR, VFIO_PLANE_FAULT_STRIDE),
    FIELD(cursor.stride, 0xffffffff, BAD_CURSOR, BOUNDS),
    FIELD(cursor.offset, UINT64_MAX, BAD_CURSOR, BOUNDS),
    FIELD(cursor.offset, CURSOR_AT + 1, BAD_CURSOR, BOUNDS),
    FIELD(cursor.serial, 0, FINE),
    FIELD(cursor.flags, 0xffffffff, FINE),
    FIELD(cursor.pad, 0xffffffff, FINE),
};

static void check_box(const pixman_box32_t *box, const VFIOPlane *plane)
{
    g_assert_cmpint(box->x1, >=, 0);
    g_assert_cmpint(box->y1, >=, 0);
    g_assert_cmpint(box->x1, <, box->x2);
    g_assert_cmpint(box->y1, <, box->y2);
    g_assert_cmpint(box->x2, <=, plane->width);
    g_assert_cmpint(box->y2, <=, plane->height);
}

static void check_reach(const VFIOPlane *plane)
{
    uint64_t end;

    g_assert_true(vfio_plane_end(plane, &end));
    g_assert_cmpuint(end, <=, PIXELS);
    g_assert_cmpuint(plane->stride, >=,
                     (uint64_t)plane->width *
                     ui_pixel_format_find(plane->fourcc)->cpp);
}

/* What must hold of anything that passed. */
static void check_safe(const VFIOMetadata *meta)
{
    g_assert_cmpuint(meta->n_damage, <=, VFIO_GFX_META_MAX_DAMAGE);
    if (meta->status == VFIO_GFX_META_ERROR) {
        g_assert_cmpuint(meta->error, >, 0);
        return;
    }
    if (meta->fault == VFIO_PLANE_FAULT_NONE &&
        !vfio_plane_is_off(&meta->plane)) {
        check_reach(&meta->plane);
        for (size_t i = 0; i < meta->n_damage; i++) {
            check_box(&meta->damage[i], &meta->plane);
        }
    }
    if (meta->cursor_fault == VFIO_PLANE_FAULT_NONE &&
        !vfio_plane_is_off(&meta->cursor)) {
        g_assert_cmpuint(meta->cursor.width, <=, VFIO_PLANE_MAX_CURSOR);
        g_assert_cmpuint(meta->cursor.height, <=, VFIO_PLANE_MAX_CURSOR);
        check_reach(&meta->cursor);
    }
}

static void test_field(const void *data)
{
    const FieldCase *c = data;
    struct vfio_gfx_meta raw = good_page();
    uint32_t value32 = GUINT32_TO_LE((uint32_t)c->value);
    uint64_t value64 = GUINT64_TO_LE(c->value);
    VFIOMetadata meta;

    memcpy((uint8_t *)&raw + c->offset,
           c->size == 8 ? (void *)&value64 : (void *)&value32, c->size);
    if (!vfio_metadata_parse(&raw, PIXELS, &meta)) {
        g_assert_cmpint(c->outcome, ==, NO_PAGE);
        return;
    }
    g_assert_cmpint(c->outcome, !=, NO_PAGE);
    check_safe(&meta);
    g_assert_cmpint(vfio_plane_is_off(&meta.plane), ==, c->outcome == OFF);
    g_assert_cmpint(meta.fault, ==,
                    c->outcome == BAD_PLANE ? c->fault : 0);
    g_assert_cmpint(meta.cursor_fault, ==,
                    c->outcome == BAD_CURSOR ? c->fault : 0);
    g_assert_cmpint(meta.damage_all, ==, c->outcome == ALL_DAMAGED);
}

/* The driver's errno is a number that can be shown, whatever it is. */
static void test_error(void)
{
    static const uint32_t errors[][2] = {
        { EINVAL, EINVAL }, { 0, EIO }, { 0xffffffea, EIO },
        { 0x7fffffff, 0x7fffffff },
    };
    struct vfio_gfx_meta raw = good_page();
    VFIOMetadata meta;

    raw.status = GUINT32_TO_LE(VFIO_GFX_META_ERROR);
    raw.width = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        raw.error = GUINT32_TO_LE(errors[i][0]);
        g_assert_true(vfio_metadata_parse(&raw, PIXELS, &meta));
        g_assert_cmpuint(meta.error, ==, errors[i][1]);
        g_assert_cmpuint(meta.n_damage, ==, 0);
    }
}

/* Of a plane that is off nothing was checked: there is no damage in it. */
static void test_off_damage(void)
{
    struct vfio_gfx_meta raw = good_page();
    VFIOMetadata meta;

    raw.fourcc = 0;
    raw.width = raw.height = UINT32_MAX;
    raw.damage[0].width = raw.damage[0].height = UINT32_MAX;
    g_assert_true(vfio_metadata_parse(&raw, PIXELS, &meta));
    g_assert_true(vfio_plane_is_off(&meta.plane));
    g_assert_cmpuint(meta.n_damage, ==, 0);
}

/* A driver that knows no cursor fills less. */
static void test_short_header(void)
{
    struct vfio_gfx_meta raw = good_page();
    VFIOMetadata meta;

    raw.header_size =
        GUINT32_TO_LE(offsetof(struct vfio_gfx_meta, cursor));
    g_assert_true(vfio_metadata_parse(&raw, PIXELS, &meta));
    g_assert_true(vfio_plane_is_off(&meta.cursor));
}

/* No bytes at all make it reach outside. */
static void test_noise(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4711);
    unsigned parsed = 0;

    for (int i = 0; i < 200000; i++) {
        struct vfio_gfx_meta raw = good_page();
        uint32_t *words = (uint32_t *)&raw;
        VFIOMetadata meta;

        for (int n = g_rand_int_range(rand, 1, 5); n; n--) {
            /* not the first three words: nothing would come of it */
            uint32_t at = g_rand_int_range(rand, 3, sizeof(raw) / 4);

            words[at] = GUINT32_TO_LE(g_rand_int(rand) >>
                                      g_rand_int_range(rand, 0, 32));
        }
        if (vfio_metadata_parse(&raw, PIXELS, &meta)) {
            check_safe(&meta);
            parsed++;
        }
    }
    g_assert_cmpuint(parsed, >, 100000);
}

/* A region with no room for pixels. */
static void test_no_room(void)
{
    struct vfio_gfx_meta raw = good_page();
    VFIOMetadata meta;

    g_assert_true(vfio_metadata_parse(&raw, 0, &meta));
    g_assert_cmpint(meta.fault, ==, BOUNDS);
    g_assert_cmpint(meta.cursor_fault, ==, BOUNDS);
}

/* --- The copy ------------------------------------------------------------ */

typedef struct Page {
    struct vfio_gfx_meta meta;
    int reads;
    int odd_reads; /* so many first reads find it being written */
    int fail_at;   /* that read fails, counted from 1; 0: none */
    bool stop;
} Page;

static bool read_page(void *opaque, void *buf, size_t len, uint64_t offset)
{
    Page *page = opaque;
    const uint32_t *from = (uint32_t *)((uint8_t *)&page->meta + offset);
    uint32_t *to = buf;

    page->reads++;
    if (page->reads == page->fail_at) {
        return false;
    }
    for (size_t i = 0; i < len / 4; i++) {
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
    if (page->reads <= page->odd_reads && len == 4) {
        to[0] |= GUINT32_TO_LE(1);
    }
    return true;
}

static void test_copy(void)
{
    Page page = { .meta = good_page() };
    struct vfio_gfx_meta raw;

    g_assert_true(vfio_metadata_copy(read_page, &page, &raw));
    g_assert_cmpmem(&raw, sizeof(raw), &page.meta, sizeof(raw));
}

/* The driver is in the middle of it: tried again, but not for ever. */
static void test_copy_odd(void)
{
    Page page = { .meta = good_page(), .odd_reads = 4 };
    struct vfio_gfx_meta raw;

    g_assert_true(vfio_metadata_copy(read_page, &page, &raw));
    page.meta.generation = GUINT32_TO_LE(3);
    page.reads = 0;
    g_assert_false(vfio_metadata_copy(read_page, &page, &raw));
    /* eight times, each with three reads */
    g_assert_cmpint(page.reads, ==, 8 * 3);
}

/* Nothing to complain of: the first request has not been answered yet. */
static void test_copy_empty(void)
{
    Page page = { .meta = { 0 } };
    struct vfio_gfx_meta raw;

    g_assert_false(vfio_metadata_copy(read_page, &page, &raw));
    page.meta.generation = GUINT32_TO_LE(2);
    g_assert_true(vfio_metadata_copy(read_page, &page, &raw));
}

/* The memory may go away at any of the reads. */
static void test_copy_gone(void)
{
    struct vfio_gfx_meta raw;

    for (int at = 1; at <= 3; at++) {
        Page page = { .meta = good_page(), .fail_at = at };

        g_assert_false(vfio_metadata_copy(read_page, &page, &raw));
        g_assert_cmpint(page.reads, ==, at);
    }
}

/* A driver on another CPU: every word of a page is made from the generation. */
static void *writer(void *opaque)
{
    Page *page = opaque;
    uint32_t *words = (uint32_t *)&page->meta;
    uint32_t *generation = (uint32_t *)&page->meta.generation;

    for (uint32_t g = 0; !__atomic_load_n(&page->stop, __ATOMIC_RELAXED);
         g += 2) {
        __atomic_store_n(generation, GUINT32_TO_LE(g + 1), __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        for (size_t i = 4; i < sizeof(page->meta) / 4; i++) {
            __atomic_store_n(&words[i], g + 2, __ATOMIC_RELAXED);
        }
        __atomic_store_n(generation, GUINT32_TO_LE(g + 2), __ATOMIC_RELEASE);
        if (g % 64 == 0) {
            g_thread_yield();
        }
    }
    return NULL;
}

static void test_copy_torn(void)
{
    Page page = { };
    GThread *thread = g_thread_new("writer", writer, &page);
    struct vfio_gfx_meta raw;
    unsigned whole = 0;

    /* until enough were whole, however long that takes */
    while (whole < 1000) {
        const uint32_t *words = (uint32_t *)&raw;

        if (!vfio_metadata_copy(read_page, &page, &raw)) {
            continue;
        }
        whole++;
        for (size_t i = 4; i < sizeof(raw) / 4; i++) {
            g_assert_cmpuint(words[i], ==, GUINT32_FROM_LE(raw.generation));
        }
    }
    __atomic_store_n(&page.stop, true, __ATOMIC_RELAXED);
    g_thread_join(thread);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vfio-metadata/good", test_good);
    g_test_add_func("/vfio-metadata/damage-count", test_damage_count);
    for (size_t i = 0; i < G_N_ELEMENTS(field_cases); i++) {
        g_autofree char *path = g_strdup_printf("/vfio-metadata/field/%s",
                                                field_cases[i].name);

        g_test_add_data_func(path, &field_cases[i], test_field);
    }
    g_test_add_func("/vfio-metadata/error", test_error);
    g_test_add_func("/vfio-metadata/off-damage", test_off_damage);
    g_test_add_func("/vfio-metadata/short-header", test_short_header);
    g_test_add_func("/vfio-metadata/noise", test_noise);
    g_test_add_func("/vfio-metadata/no-room", test_no_room);
    g_test_add_func("/vfio-metadata/copy", test_copy);
    g_test_add_func("/vfio-metadata/copy-odd", test_copy_odd);
    g_test_add_func("/vfio-metadata/copy-empty", test_copy_empty);
    g_test_add_func("/vfio-metadata/copy-gone", test_copy_gone);
    g_test_add_func("/vfio-metadata/copy-torn", test_copy_torn);
    return g_test_run();
}
