/*
 * vGPU display: migration
 *
 * Each test saves a VM into a file and loads that into another QEMU. Some
 * look into the file, or change it, in between.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "qobject/qjson.h"
#include "qobject/qlist.h"
#include "vgpu-fixture.h"

#define SLOT 4
/* What the device is called in a stream. */
#define SECTION "0000:00:04.0/vgpu-sw"

#define QEMU_VM_VMDESCRIPTION 0x06

/* --- From one QEMU to the other ----------------------------------------- */

static char *stream_path(const VGPU *vgpu)
{
    return g_build_filename(vgpu->machine->dir, "stream", NULL);
}

static char *migration_status(VGPUMachine *machine)
{
    QDict *answer = qtest_qmp(machine->qts, "{ 'execute': 'query-migrate' }");
    char *status = g_strdup(qdict_get_try_str(qdict_get_qdict(answer,
                                                              "return"),
                                              "status"));

    qobject_unref(answer);
    return status;
}

static bool is_over(const char *status)
{
    return g_strcmp0(status, "completed") == 0 ||
        g_strcmp0(status, "failed") == 0;
}

/* "completed" or "failed"; to be freed. */
static char *wait_until_over(VGPUMachine *machine)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    char *status = migration_status(machine);

    while (!is_over(status)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(10 * 1000);
        g_free(status);
        status = migration_status(machine);
    }
    return status;
}

static void save(VGPU *vgpu)
{
    g_autofree char *path = stream_path(vgpu);
    g_autofree char *uri = g_strdup_printf("file:%s", path);
    g_autofree char *status = NULL;

    qtest_qmp_assert_success(vgpu->machine->qts, "{ 'execute': 'migrate', "
                             "'arguments': { 'uri': %s } }", uri);
    status = wait_until_over(vgpu->machine);
    g_assert_cmpstr(status, ==, "completed");
}

/* A machine that waits for what comes; "completed" or "failed" in @status. */
static VGPUMachine *load(VGPU *from, const char *options, char **status)
{
    g_autofree char *path = stream_path(from);
    g_autofree char *uri = g_strdup_printf("file:%s", path);
    VGPUMachine *to =
        vgpu_machine_start("-incoming defer "
                           "-device " VGPU_DEVICE ",id=gpu,addr=4%s%s",
                           *options ? "," : "", options);

    qtest_qmp_assert_success(to->qts, "{ 'execute': 'migrate-incoming', "
                             "'arguments': { 'uri': %s, "
                             "'exit-on-error': false } }", uri);
    *status = wait_until_over(to);
    return to;
}

/* The guest's driver goes on there: it knows where its BARs are. */
static VGPU *go_on(VGPUMachine *to, const VGPU *from)
{
    VGPU *vgpu = g_new0(VGPU, 1);

    vgpu->machine = to;
    vgpu->id = from->id;
    vgpu->slot = from->slot;
    vgpu->pci = qpci_device_find(to->bus, QPCI_DEVFN(SLOT, 0));
    g_assert_nonnull(vgpu->pci);
    vgpu->regs = from->regs;
    vgpu->vram = from->vram;
    g_assert_cmphex(vgpu_read(vgpu, VGPU_SW_MAGIC), ==, VGPU_SW_MAGIC_VALUE);
    return vgpu;
}

static VGPU *load_and_go_on(VGPU *from, const char *options)
{
    g_autofree char *status = NULL;
    VGPUMachine *to = load(from, options, &status);

    g_assert_cmpstr(status, ==, "completed");
    return go_on(to, from);
}

/* The end of a machine that has saved itself. */
static void stop_source(VGPU *vgpu)
{
    g_autofree char *path = stream_path(vgpu);

    g_unlink(path);
    vgpu_stop(vgpu);
}

/* Saves and loads; @from is gone. */
static VGPU *move(VGPU *from, const char *options)
{
    VGPU *vgpu;

    save(from);
    vgpu = load_and_go_on(from, options);
    g_assert_cmpuint(vgpu_machine_warnings(from->machine), ==, 0);
    stop_source(from);
    return vgpu;
}

/* The stream must not load, for a reason that has these words in it. */
static void expect_refused(VGPU *from, const char *options, const char *words)
{
    g_autofree char *status = NULL;
    g_autofree char *text = NULL;
    VGPUMachine *to = load(from, options, &status);

    g_assert_cmpstr(status, ==, "failed");
    g_assert_true(g_file_get_contents(to->errors, &text, NULL, NULL));
    g_test_message("%s", text);
    g_assert_nonnull(strstr(text, words));
    vgpu_machine_stop(to);
}

/* --- Pictures and registers --------------------------------------------- */

static void test_plane(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1), next = vgpu_mode(417, 93, 1);

    mode.offset = 0x100000;
    vgpu_paint_show_expect(vgpu, &mode, 1);
    /* There and on: each destination is the next one's source. */
    for (unsigned i = 0; i < 2; i++) {
        vgpu = move(vgpu, data);
        vgpu_expect(vgpu, &mode, 1);
    }
    vgpu_paint_show_expect(vgpu, &next, 2);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* A buffer that was a copy has no file at the destination. */
static void test_copied_buffer(void)
{
    VGPU *vgpu = vgpu_start("x-kind=dmabuf");
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_write(vgpu, VGPU_SW_BUFFER_COPY, 320 * 240 * 4);
    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu = move(vgpu, "x-kind=dmabuf");
    vgpu_write(vgpu, VGPU_SW_BUFFER_CUT, 0);
    vgpu_expect(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, 2);
    vgpu_stop(vgpu);
}

/* No plane there, none here. */
static void test_off(const void *data)
{
    VGPU *vgpu = move(vgpu_start(data), data);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);

    g_assert_true(vgpu_shows_words(vgpu));
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, 0);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_OPENS), ==, 0);
    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_stop(vgpu);
}

/* A fault goes along, and ends when the guest ends it. */
static void test_fault(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint(vgpu, &mode, 1);
    vgpu_show(vgpu, &mode);
    vgpu_fail(vgpu, VGPU_SW_CALL_QUERY, VGPU_SW_FOREVER, EIO);
    vgpu = move(vgpu, data);
    vgpu_expect_faults(vgpu, "query", 5);
    g_assert_true(vgpu_shows_words(vgpu));
    vgpu_fail(vgpu, VGPU_SW_CALL_QUERY, 0, 0);
    vgpu_expect(vgpu, &mode, 1);
    vgpu_stop(vgpu);
}

/*
 * Registers that the guest writes and reads back. The display asks an
 * unwatched device nothing, so no fault is used up.
 */
static const uint32_t plain[] = {
    VGPU_SW_ENABLE, VGPU_SW_WIDTH, VGPU_SW_HEIGHT, VGPU_SW_STRIDE,
    VGPU_SW_FOURCC, VGPU_SW_MODIFIER_LO, VGPU_SW_MODIFIER_HI,
    VGPU_SW_OFFSET_LO, VGPU_SW_OFFSET_HI, VGPU_SW_ID,
    VGPU_SW_FAULT_COUNT(VGPU_SW_CALL_GET),
    VGPU_SW_FAULT_ERRNO(VGPU_SW_CALL_GET),
    VGPU_SW_FAULT_COUNT(VGPU_SW_CALL_OPEN),
    VGPU_SW_FAULT_ERRNO(VGPU_SW_CALL_OPEN),
    VGPU_SW_FAULT_COUNT(VGPU_SW_CALL_READ),
    VGPU_SW_FAULT_ERRNO(VGPU_SW_CALL_READ),
    VGPU_SW_FAULT_ERRNO(VGPU_SW_CALL_QUERY),
    VGPU_SW_BUFFER_FLAGS, VGPU_SW_BUFFER_COPY,
    VGPU_SW_REGION_INDEX, VGPU_SW_REGION_FLAGS,
};

static void test_registers(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    uint32_t commits, gets, opens;

    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_show_nothing(vgpu);
    commits = vgpu_read(vgpu, VGPU_SW_COMMIT);
    gets = vgpu_read(vgpu, VGPU_SW_GETS);
    opens = vgpu_read(vgpu, VGPU_SW_OPENS);
    g_assert_cmpuint(commits, ==, 2);
    g_assert_cmpuint(gets + opens, ==, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(plain); i++) {
        vgpu_write(vgpu, plain[i], 0xa5000001 + i);
    }

    vgpu = move(vgpu, data);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_COMMIT), ==, commits);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, gets);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_OPENS), ==, opens);
    for (unsigned i = 0; i < ARRAY_SIZE(plain); i++) {
        g_test_message("register 0x%03x", plain[i]);
        g_assert_cmphex(vgpu_read(vgpu, plain[i]), ==, 0xa5000001 + i);
    }
    vgpu_stop(vgpu);
}

/* What the guest has read of its monitor stays true. */
static void test_edid(void)
{
    VGPU *vgpu = vgpu_start("xres=1280,yres=800");
    uint32_t before[VGPU_SW_EDID_MAX / 4];
    uint32_t size;

    vgpu_wait_for_link(vgpu);
    size = vgpu_read(vgpu, VGPU_SW_EDID_SIZE);
    for (unsigned i = 0; i < ARRAY_SIZE(before); i++) {
        before[i] = vgpu_read(vgpu, VGPU_SW_EDID + 4 * i);
    }
    vgpu = move(vgpu, "xres=640,yres=480");
    vgpu_wait_for_link(vgpu);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_EDID_SIZE), ==, size);
    for (unsigned i = 0; i < ARRAY_SIZE(before); i++) {
        g_assert_cmphex(vgpu_read(vgpu, VGPU_SW_EDID + 4 * i), ==, before[i]);
    }
    vgpu_stop(vgpu);
}

static void test_kinds_differ(void)
{
    VGPU *vgpu = vgpu_start("x-kind=both");

    save(vgpu);
    expect_refused(vgpu, "x-kind=dmabuf", "x-kind must be what it is");
    stop_source(vgpu);
}

/* --- ramfb -------------------------------------------------------------- */

static VGPUMode ramfb_mode(void)
{
    VGPUMode mode = vgpu_mode(256, 192, 0);

    mode.offset = 64 * 1024 * 1024;
    return mode;
}

static void test_ramfb(const void *data)
{
    g_autofree char *options = g_strdup_printf("%s,ramfb=on",
                                               (const char *)data);
    VGPU *vgpu = vgpu_start(options);
    VGPUMode ramfb = ramfb_mode();
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint_ramfb(vgpu->machine, &ramfb, 1);
    vgpu_expect(vgpu, &ramfb, 1);
    vgpu = move(vgpu, options);
    vgpu_expect(vgpu, &ramfb, 1);
    vgpu_expect_path(vgpu, "ramfb");
    vgpu_paint_show_expect(vgpu, &mode, 2);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* Not on screen when it migrated, but there when the plane goes off. */
static void test_ramfb_behind_plane(const void *data)
{
    g_autofree char *options = g_strdup_printf("%s,ramfb=on",
                                               (const char *)data);
    VGPU *vgpu = vgpu_start(options);
    VGPUMode ramfb = ramfb_mode();
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint_ramfb(vgpu->machine, &ramfb, 1);
    vgpu_paint_show_expect(vgpu, &mode, 2);
    vgpu = move(vgpu, options);
    vgpu_expect(vgpu, &mode, 2);
    vgpu_show_nothing(vgpu);
    vgpu_expect(vgpu, &ramfb, 1);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* A ramfb that no firmware has set up migrates as such. */
static void test_ramfb_unused(void)
{
    VGPU *vgpu = move(vgpu_start("ramfb=on"), "ramfb=on");
    VGPUMode mode = vgpu_mode(320, 240, 1);
    g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);

    g_assert_true(vgpu_shows_words(vgpu));
    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_stop(vgpu);
}

static void test_ramfb_missing(void)
{
    VGPU *vgpu = vgpu_start("ramfb=on");
    VGPUMode ramfb = ramfb_mode();

    vgpu_paint_ramfb(vgpu->machine, &ramfb, 1);
    save(vgpu);
    expect_refused(vgpu, "", "ramfb");
    stop_source(vgpu);
}

/* The other way, the display has a ramfb that waits for firmware. */
static void test_ramfb_new(void)
{
    VGPU *vgpu = vgpu_start("");
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu = move(vgpu, "ramfb=on");
    vgpu_expect(vgpu, &mode, 1);
    vgpu_stop(vgpu);
}

/* --- The stream --------------------------------------------------------- */

typedef struct Stream {
    uint8_t *data;
    size_t len;
} Stream;

static Stream read_stream(VGPU *vgpu)
{
    g_autofree char *path = stream_path(vgpu);
    Stream stream = {};
    char *data;

    g_assert_true(g_file_get_contents(path, &data, &stream.len, NULL));
    stream.data = (uint8_t *)data;
    return stream;
}

static void write_stream(VGPU *vgpu, const Stream *stream)
{
    g_autofree char *path = stream_path(vgpu);

    g_assert_true(g_file_set_contents(path, (const char *)stream->data,
                                      stream->len, NULL));
}

/* The description at the stream's end, which nothing but tools read. */
static QDict *describe(const Stream *stream)
{
    for (size_t len = 1; len + 5 <= stream->len; len++) {
        const uint8_t *start = stream->data + stream->len - len - 5;

        if (*start == QEMU_VM_VMDESCRIPTION && ldl_be_p(start + 1) == len) {
            g_autofree char *text = g_strndup((const char *)start + 5, len);
            QObject *description = qobject_from_json(text, NULL);

            g_assert_nonnull(description);
            return qobject_to(QDict, description);
        }
    }
    g_assert_not_reached();
}

static QDict *find_named(QList *list, const char *key, const char *name)
{
    QListEntry *entry;

    QLIST_FOREACH_ENTRY(list, entry) {
        QDict *one = qobject_to(QDict, qlist_entry_obj(entry));

        if (g_str_equal(qdict_get_str(one, key), name)) {
            return one;
        }
    }
    g_assert_not_reached();
}

static QDict *find_device(QDict *description)
{
    return find_named(qdict_get_qlist(description, "devices"), "name",
                      SECTION);
}

/*
 * Streams of vfio-pci devices with ramfb=on have this since QEMU 8.2; the
 * numbers are the bytes on the wire.
 */
static void test_ramfb_layout(void)
{
    g_autoptr(QDict) want = qobject_to(QDict, qobject_from_json(
        "{ 'name': 'dpy', 'type': 'struct', 'size': 28, 'struct': {"
        "  'vmsd_name': 'VFIODisplay', 'version': 1, 'fields': ["
        "    { 'name': 'ramfb', 'type': 'struct', 'size': 28, 'struct': {"
        "      'vmsd_name': 'ramfb', 'version': 1, 'fields': ["
        "        { 'name': 'cfg', 'type': 'buffer', 'size': 28 }"
        "      ] } }"
        "  ] } }", NULL));
    VGPU *vgpu = vgpu_start("ramfb=on");
    QDict *description, *display, *got;
    QList *fields;
    Stream stream;

    save(vgpu);
    stream = read_stream(vgpu);
    description = describe(&stream);
    display = find_named(qdict_get_qlist(find_device(description),
                                         "subsections"),
                         "vmsd_name", "vgpu-sw/display");
    fields = qdict_get_qlist(display, "fields");
    g_assert_cmpuint(qlist_size(fields), ==, 1);
    got = qobject_to(QDict, qlist_peek(fields));
    g_assert_true(qobject_is_equal(QOBJECT(got), QOBJECT(want)));

    qobject_unref(description);
    g_free(stream.data);
    stop_source(vgpu);
}

/* Without ramfb=on there is nothing of the display's. */
static void test_no_ramfb_layout(void)
{
    VGPU *vgpu = vgpu_start("");
    QDict *description;
    Stream stream;

    save(vgpu);
    stream = read_stream(vgpu);
    description = describe(&stream);
    g_assert_false(qdict_haskey(find_device(description), "subsections"));
    qobject_unref(description);
    g_free(stream.data);
    stop_source(vgpu);
}

/* Where the device's fields start in the stream. */
static size_t find_section(const Stream *stream)
{
    static const char name[] = "\x14" SECTION "\0\0\0\0\0\0\0\3";
    uint8_t *start = memmem(stream->data, stream->len, name,
                            sizeof(name) - 1);

    g_assert_nonnull(start);
    return start - stream->data + sizeof(name) - 1;
}

/* Where a field is, from its section's start; its bytes in @size. */
static size_t find_field(QDict *device, const char *name, size_t *size)
{
    size_t offset = 0;
    QListEntry *entry;

    QLIST_FOREACH_ENTRY(qdict_get_qlist(device, "fields"), entry) {
        QDict *field = qobject_to(QDict, qlist_entry_obj(entry));

        *size = qdict_get_int(field, "size") *
            qdict_get_try_int(field, "array_len", 1);
        if (g_str_equal(qdict_get_str(field, "name"), name)) {
            return offset;
        }
        offset += *size;
    }
    g_assert_not_reached();
}

/*
 * Saves a VM, and gives its device's fields from the one to the other for
 * changing.
 */
static Stream save_for_change(VGPU *vgpu, const char *first, const char *last,
                              uint8_t **fields, size_t *size)
{
    QDict *description, *device;
    size_t start, end;
    Stream stream;

    save(vgpu);
    stream = read_stream(vgpu);
    description = describe(&stream);
    device = find_device(description);
    start = find_field(device, first, size);
    end = find_field(device, last, size) + *size;
    *fields = stream.data + find_section(&stream) + start;
    *size = end - start;
    qobject_unref(description);
    return stream;
}

static void test_hostile_edid(void)
{
    VGPU *vgpu = vgpu_start("");
    uint8_t *edid;
    size_t size;
    Stream stream = save_for_change(vgpu, "edid", "edid", &edid, &size);

    g_assert_cmpuint(size, ==, VGPU_SW_EDID_MAX + 4);
    stl_be_p(edid + VGPU_SW_EDID_MAX, VGPU_SW_EDID_MAX + 1);
    write_stream(vgpu, &stream);
    expect_refused(vgpu, "", "EDID of 1025 bytes");
    g_free(stream.data);
    stop_source(vgpu);
}

/* A small plane of XRGB8888; only its place differs from the primary's. */
static void show_small(VGPU *vgpu, unsigned plane, uint32_t offset, int32_t x)
{
    VGPUMode mode = vgpu_mode(40, 30, 0);

    mode.offset = offset;
    vgpu_paint(vgpu, &mode, plane);
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, VGPU_SW_WIDTH), mode.width);
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, VGPU_SW_HEIGHT), mode.height);
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, VGPU_SW_STRIDE), mode.stride);
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, VGPU_SW_FOURCC), mode.fourcc);
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, VGPU_SW_OFFSET_LO), offset);
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, VGPU_SW_X), x);
    vgpu_write(vgpu, VGPU_SW_PLANE_REG(plane, VGPU_SW_ENABLE), 1);
    vgpu_write(vgpu, VGPU_SW_COMMIT, 1);
}

/* Cursor and overlays are where they were. */
static void test_planes(void)
{
    static const char options[] = "x-kind=dmabuf,x-screendump-cursor=on";
    VGPU *vgpu = vgpu_start(options);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    g_autoptr(VGPUPicture) before = NULL;
    g_autoptr(VGPUPicture) after = NULL;
    g_autofree char *difference = NULL;

    vgpu_paint_show_expect(vgpu, &mode, 1);
    show_small(vgpu, VGPU_SW_CURSOR, 4 * 1024 * 1024, -5);
    show_small(vgpu, VGPU_SW_OVERLAY(3), 8 * 1024 * 1024, 100);
    before = vgpu_screendump(vgpu);
    g_assert_false(vgpu_picture_is(before, &mode, 1));
    vgpu = move(vgpu, options);
    after = vgpu_screendump(vgpu);
    difference = vgpu_picture_differ(before, after);
    g_assert_cmpstr(difference, ==, NULL);
    g_assert_cmpint(vgpu_plane_stat(vgpu, "cursor", 0, "x"), ==, -5);
    g_assert_cmpint(vgpu_plane_stat(vgpu, "overlay", 3, "x"), ==, 100);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* Not refused: a guest could have written the same. */
static void test_hostile_plane(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    g_autoptr(VGPUPicture) picture = NULL;
    VGPU *there;
    uint8_t *plane;
    size_t size;
    Stream stream;

    vgpu_paint_show_expect(vgpu, &mode, 1);
    stream = save_for_change(vgpu, "planes.shown", "planes.shown", &plane,
                             &size);
    g_assert_cmpuint(size, ==, VGPU_SW_PLANES_END - VGPU_SW_PLANE);
    memset(plane, 0xff, size);
    write_stream(vgpu, &stream);
    there = load_and_go_on(vgpu, data);
    vgpu_expect_faults(there, "extent", 5);
    picture = vgpu_screendump(there);
    g_assert_false(vgpu_picture_is(picture, &mode, 1));
    /* the cursor is no better, where there is one */
    g_assert_cmpuint(vgpu_machine_warnings(there->machine), ==,
                     strstr(data, "region") ? 1 : 2);
    vgpu_paint_show_expect(there, &mode, 2);
    vgpu_stop(there);
    g_free(stream.data);
    stop_source(vgpu);
}

/* Noise in all that is the device's own, the same on every run. */
static void test_hostile_noise(const void *data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(4711);
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    uint8_t *start, *pristine;
    size_t size;
    Stream stream;

    vgpu_paint_show_expect(vgpu, &mode, 1);
    stream = save_for_change(vgpu, "planes.pending", "edid", &start, &size);
    pristine = g_memdup2(start, size);
    for (unsigned i = 0; i < 6; i++) {
        g_autofree char *status = NULL;
        VGPUMachine *to;

        memcpy(start, pristine, size);
        for (unsigned j = 0; j < 40; j++) {
            /* half of it where registers are, before the EDID */
            size_t end = j % 2 ? size : size - VGPU_SW_EDID_MAX;

            start[g_rand_int_range(rand, 0, end)] = g_rand_int(rand);
        }
        write_stream(vgpu, &stream);
        to = load(vgpu, data, &status);
        g_test_message("round %u: %s", i, status);
        if (g_str_equal(status, "completed")) {
            VGPU *there = go_on(to, vgpu);
            g_autoptr(VGPUPicture) picture = vgpu_screendump(there);

            vgpu_close(there);
        }
        vgpu_machine_stop(to);
    }
    g_free(pristine);
    g_free(stream.data);
    stop_source(vgpu);
}

/* --- All of them -------------------------------------------------------- */

static void add_for_kind(const char *kind, const char *option)
{
    static const struct {
        const char *name;
        void (*func)(const void *);
    } tests[] = {
        { "plane", test_plane },
        { "off", test_off },
        { "fault", test_fault },
        { "registers", test_registers },
        { "ramfb", test_ramfb },
        { "ramfb-behind-plane", test_ramfb_behind_plane },
        { "hostile-plane", test_hostile_plane },
        { "hostile-noise", test_hostile_noise },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/vgpu/migration/%s/%s", kind,
                                                tests[i].name);

        qtest_add_data_func(path, option, tests[i].func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add_for_kind("dmabuf", "x-kind=dmabuf");
    add_for_kind("region", "x-kind=region");
    add_for_kind("both", "x-kind=both");
    qtest_add_func("/vgpu/migration/planes", test_planes);
    qtest_add_func("/vgpu/migration/copied-buffer", test_copied_buffer);
    qtest_add_func("/vgpu/migration/edid", test_edid);
    qtest_add_func("/vgpu/migration/kinds-differ", test_kinds_differ);
    qtest_add_func("/vgpu/migration/ramfb-unused", test_ramfb_unused);
    qtest_add_func("/vgpu/migration/ramfb-missing", test_ramfb_missing);
    qtest_add_func("/vgpu/migration/ramfb-new", test_ramfb_new);
    qtest_add_func("/vgpu/migration/ramfb-layout", test_ramfb_layout);
    qtest_add_func("/vgpu/migration/no-ramfb-layout", test_no_ramfb_layout);
    qtest_add_func("/vgpu/migration/hostile-edid", test_hostile_edid);
    return g_test_run();
}
