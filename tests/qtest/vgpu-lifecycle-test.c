/*
 * vGPU display: off and on, reset, plugging, several devices, EDID
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/pci-pc.h"
#include "qobject/qdict.h"
#include "vgpu-fixture.h"

/* The display keeps the last frame of a plane that goes off for so long. */
#define GRACE_US G_USEC_PER_SEC

static void test_never_on(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);

    g_assert_true(vgpu_shows_words(vgpu));
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, 0);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_OPENS), ==, 0);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* Takes screendumps until the frame is gone. */
static void expect_gone(VGPU *vgpu, const VGPUMode *mode, uint32_t seed)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    for (;;) {
        g_autoptr(VGPUPicture) picture = vgpu_screendump(vgpu);

        if (!vgpu_picture_is(picture, mode, seed)) {
            break;
        }
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(10 * 1000);
    }
    g_assert_true(vgpu_shows_words(vgpu));
}

static void test_off_and_on(const void *data)
{
    VGPU *vgpu = vgpu_start(data);

    for (unsigned i = 0; i < 3; i++) {
        VGPUMode mode = vgpu_mode(320 + 8 * i, 240, 1 + i);

        vgpu_paint_show_expect(vgpu, &mode, i);
        vgpu_show_nothing(vgpu);
        expect_gone(vgpu, &mode, i);
    }
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/*
 * Modesets turn the plane off for a moment: the last frame stays. How long a
 * screendump takes is the machine's affair, so only one that came back in
 * time can tell.
 */
static void test_grace(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    bool told = false;

    for (unsigned i = 0; i < 20 && !told; i++) {
        int64_t start;
        g_autoptr(VGPUPicture) before = NULL;
        g_autoptr(VGPUPicture) after = NULL;

        vgpu_paint_show_expect(vgpu, &mode, i);
        start = g_get_monotonic_time();
        before = vgpu_screendump(vgpu);
        vgpu_show_nothing(vgpu);
        after = vgpu_screendump(vgpu);
        if (g_get_monotonic_time() - start < GRACE_US) {
            g_assert_true(vgpu_picture_is(after, &mode, i));
            told = true;
        }
    }
    if (!told) {
        g_test_skip("this machine is too slow to see the grace period");
    }
    vgpu_stop(vgpu);
}

/* A driver that fails its queries for a moment is like a plane that is off. */
static void test_grace_query(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_fail(vgpu, VGPU_SW_CALL_QUERY, VGPU_SW_FOREVER, EINVAL);
    expect_gone(vgpu, &mode, 1);
    vgpu_fail(vgpu, VGPU_SW_CALL_QUERY, 0, 0);
    vgpu_expect(vgpu, &mode, 1);
    vgpu_stop(vgpu);
}

/* After a reset an id may be that of another buffer. */
static void test_reset(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    unsigned files = 0;

    for (unsigned i = 0; i < 5; i++) {
        g_autoptr(VGPUPicture) picture = NULL;

        vgpu_write(vgpu, VGPU_SW_BUFFER_COPY, 320 * 240 * 4);
        vgpu_paint_show_expect(vgpu, &mode, i);
        qtest_system_reset(vgpu->machine->qts);
        picture = vgpu_screendump(vgpu);
        g_assert_false(vgpu_picture_is(picture, &mode, i));
        g_assert_true(vgpu_shows_words(vgpu));
        vgpu_reopen(vgpu);
        g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_ENABLE), ==, 0);
        if (i == 1) {
            files = vgpu_machine_open_files(vgpu->machine);
        }
    }
    vgpu_machine_expect_files(vgpu->machine, files);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* A reset while something is wrong. */
static void test_reset_in_fault(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1), bad = mode;

    bad.stride = 1;
    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_show(vgpu, &bad);
    vgpu_expect_faults(vgpu, "stride", 2);
    qtest_system_reset(vgpu->machine->qts);
    vgpu_reopen(vgpu);
    vgpu_paint_show_expect(vgpu, &mode, 2);
    vgpu_stop(vgpu);
}

static VGPU *plug(VGPUMachine *machine, const char *options, const char *id,
                  int slot)
{
    g_autofree char *addr = g_strdup_printf("%d", slot);

    qtest_qmp_assert_success(machine->qts,
                             "{ 'execute': 'device_add', 'arguments': "
                             "{ 'driver': 'vgpu-sw', 'vram': %u, "
                             "'udmabuf': 'off', 'x-kind': %s, 'id': %s, "
                             "'addr': %s } }",
                             VGPU_VRAM, options, id, addr);
    return vgpu_open(machine, id, slot);
}

static void unplug(VGPU *vgpu)
{
    qpci_unplug_acpi_device_test(vgpu->machine->qts, vgpu->id, vgpu->slot);
    vgpu_close(vgpu);
}

static void expect_no_console(VGPUMachine *machine, const char *id)
{
    QDict *answer = qtest_qmp(machine->qts,
                              "{ 'execute': 'screendump', 'arguments': "
                              "{ 'filename': %s, 'device': %s } }",
                              machine->dump, id);

    g_assert_true(qdict_haskey(answer, "error"));
    qobject_unref(answer);
}

/* In and out, with buffers open: nothing may stay behind. */
static void test_plug(const void *data)
{
    VGPUMachine *machine = vgpu_machine_start(" ");
    unsigned files = 0;

    for (unsigned i = 0; i < 5; i++) {
        VGPU *vgpu = plug(machine, data, "plugged", 5);

        for (unsigned j = 0; j < 4; j++) {
            VGPUMode mode = vgpu_mode(160, 120, 1 + j);

            mode.offset = j * 0x20000;
            vgpu_paint_show_expect(vgpu, &mode, 4 * i + j);
        }
        unplug(vgpu);
        expect_no_console(machine, "plugged");
        if (i == 1) {
            files = vgpu_machine_open_files(machine);
        }
    }
    vgpu_machine_expect_files(machine, files);
    g_assert_cmpuint(vgpu_machine_warnings(machine), ==, 0);
    vgpu_machine_stop(machine);
}

/* The one that stays does not notice. */
static void test_unplug_one_of_two(const void *data)
{
    VGPUMachine *machine = vgpu_machine_start(" ");
    VGPUMode mode = vgpu_mode(320, 240, 1);

    for (unsigned i = 0; i < 3; i++) {
        VGPU *goes = plug(machine, data, "goes", 4);
        VGPU *stays = plug(machine, data, "stays", 5);

        vgpu_paint_show_expect(goes, &mode, 1);
        vgpu_paint_show_expect(stays, &mode, 2);
        unplug(goes);
        vgpu_expect(stays, &mode, 2);
        vgpu_paint(stays, &mode, 3);
        vgpu_expect_now(stays, &mode, 3);
        unplug(stays);
    }
    vgpu_machine_stop(machine);
}

/* While it shows nothing that is good. */
static void test_unplug_in_fault(const void *data)
{
    VGPUMachine *machine = vgpu_machine_start(" ");
    VGPU *vgpu = plug(machine, data, "gpu", 4);
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint_show_expect(vgpu, &mode, 1);
    mode.height = 0xffff;
    vgpu_show(vgpu, &mode);
    vgpu_expect_faults(vgpu, "extent", 2);
    unplug(vgpu);
    expect_no_console(machine, "gpu");
    vgpu = plug(machine, data, "gpu", 4);
    mode.height = 240;
    vgpu_paint_show_expect(vgpu, &mode, 2);
    vgpu_close(vgpu);
    vgpu_machine_stop(machine);
}

/* Two consoles, each with its own frames, formats and faults. */
static void test_two_devices(const void *data)
{
    const char *kind = data;
    VGPUMachine *machine =
        vgpu_machine_start("-device " VGPU_DEVICE ",id=one,addr=4,%s "
                           "-device " VGPU_DEVICE ",id=two,addr=5,%s",
                           kind, kind);
    VGPU *one = vgpu_open(machine, "one", 4);
    VGPU *two = vgpu_open(machine, "two", 5);
    VGPUMode mode1 = vgpu_mode(640, 480, 1);
    VGPUMode mode2 = vgpu_mode(333, 222, 1);

    mode2.fourcc = DRM_FORMAT_RGB565;
    for (unsigned i = 0; i < 5; i++) {
        vgpu_paint(one, &mode1, 2 * i);
        vgpu_paint(two, &mode2, 2 * i + 1);
        vgpu_show(one, &mode1);
        vgpu_show(two, &mode2);
        vgpu_expect_now(one, &mode1, 2 * i);
        vgpu_expect_now(two, &mode2, 2 * i + 1);
    }
    g_assert_cmpint(vgpu_stat(one, "console"), !=,
                    vgpu_stat(two, "console"));

    mode1.stride = 0;
    vgpu_show(one, &mode1);
    vgpu_expect_faults(one, "stride", 2);
    g_assert_cmpint(vgpu_fault_count(two, "stride"), ==, 0);
    vgpu_paint(two, &mode2, 99);
    vgpu_expect_now(two, &mode2, 99);

    vgpu_close(one);
    vgpu_close(two);
    vgpu_machine_stop(machine);
}

static void read_edid(VGPU *vgpu, uint8_t *edid, uint32_t size)
{
    for (uint32_t i = 0; i < size; i += 4) {
        uint32_t word = vgpu_read(vgpu, VGPU_SW_EDID + i);

        for (unsigned byte = 0; byte < 4; byte++) {
            edid[i + byte] = word >> (8 * byte);
        }
    }
}

/* What a guest's driver would find: header, checksum, preferred mode. */
static void expect_edid(VGPU *vgpu, unsigned xres, unsigned yres)
{
    static const uint8_t header[8] = {
        0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0
    };
    uint8_t edid[VGPU_SW_EDID_MAX] = {};
    uint32_t size;

    vgpu_wait_for_link(vgpu);
    size = vgpu_read(vgpu, VGPU_SW_EDID_SIZE);
    g_assert_cmpuint(size, >=, 128);
    g_assert_cmpuint(size, <=, sizeof(edid));
    g_assert_cmpuint(size % 128, ==, 0);
    read_edid(vgpu, edid, size);
    g_assert_cmpmem(edid, sizeof(header), header, sizeof(header));
    for (uint32_t block = 0; block < size; block += 128) {
        uint8_t sum = 0;

        for (unsigned i = 0; i < 128; i++) {
            sum += edid[block + i];
        }
        g_assert_cmphex(sum, ==, 0);
    }
    /* The first detailed timing: pixels and lines, twelve bits each. */
    g_assert_cmpuint(edid[56] | (edid[58] & 0xf0) << 4, ==, xres);
    g_assert_cmpuint(edid[59] | (edid[61] & 0xf0) << 4, ==, yres);
}

static void test_edid(const void *data)
{
    static const struct {
        const char *options;
        unsigned xres, yres;
    } cases[] = {
        { "xres=1280,yres=800", 1280, 800 },
        { "xres=1920,yres=1200", 1920, 1200 },
        /* the device's largest, and never more */
        { "xmax=1600,ymax=1200", 1600, 1200 },
        { "xres=1920,yres=1080,xmax=1600,ymax=1200", 1600, 1080 },
        /* a device that has no limit still has a monitor */
        { "xmax=0,ymax=0", 1280, 800 },
        { "yres=1050,xmax=0,ymax=0", 1280, 1050 },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *options = g_strdup_printf("%s,%s",
                                                   (const char *)data,
                                                   cases[i].options);
        VGPU *vgpu = vgpu_start(options);

        g_test_message("%s", options);
        expect_edid(vgpu, cases[i].xres, cases[i].yres);
        g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
        vgpu_stop(vgpu);
    }
}

/* The monitor stays where it is while the machine is reset. */
static void test_edid_reset(const void *data)
{
    g_autofree char *options = g_strdup_printf("%s,xres=1280,yres=800",
                                               (const char *)data);
    VGPU *vgpu = vgpu_start(options);

    expect_edid(vgpu, 1280, 800);
    qtest_system_reset(vgpu->machine->qts);
    vgpu_reopen(vgpu);
    expect_edid(vgpu, 1280, 800);
    vgpu_stop(vgpu);
}

/* A guest that runs looks for a monitor when a vGPU comes, and not again. */
static void test_edid_plugged(const void *data)
{
    VGPUMachine *machine = vgpu_machine_start(" ");
    VGPU *vgpu = plug(machine, data, "gpu0", 5);

    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_LINK), ==, 1);
    unplug(vgpu);
    vgpu_machine_stop(machine);
}

static void test_no_edid(void)
{
    VGPU *vgpu = vgpu_start("edid=off");
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint_show_expect(vgpu, &mode, 1);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_LINK), ==, 0);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_EDID_SIZE), ==, 0);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_EDID), ==, 0);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* Until the first plane, while there is none, and after a reset. */
static void test_ramfb(const void *data)
{
    g_autofree char *options = g_strdup_printf("%s,ramfb=on",
                                               (const char *)data);
    VGPU *vgpu = vgpu_start(options);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    VGPUMode ramfb = vgpu_mode(256, 192, 0);
    g_autoptr(VGPUPicture) picture = NULL;

    ramfb.offset = 64 * 1024 * 1024;
    vgpu_paint_ramfb(vgpu->machine, &ramfb, 1);
    vgpu_expect(vgpu, &ramfb, 1);
    vgpu_expect_path(vgpu, "ramfb");
    vgpu_paint_show_expect(vgpu, &mode, 2);
    vgpu_expect_path(vgpu, vgpu_read(vgpu, VGPU_SW_GETS) ? "mmap" : "region");
    vgpu_show_nothing(vgpu);
    vgpu_expect(vgpu, &ramfb, 1);
    vgpu_paint_show_expect(vgpu, &mode, 3);

    qtest_system_reset(vgpu->machine->qts);
    picture = vgpu_screendump(vgpu);
    g_assert_false(vgpu_picture_is(picture, &mode, 3));
    vgpu_paint_ramfb(vgpu->machine, &ramfb, 4);
    vgpu_expect(vgpu, &ramfb, 4);
    vgpu_reopen(vgpu);
    vgpu_paint_show_expect(vgpu, &mode, 5);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* A stride that no image can have is refused, and the next one is taken. */
static void test_ramfb_stride(const void *data)
{
    g_autofree char *options = g_strdup_printf("%s,ramfb=on",
                                               (const char *)data);
    VGPU *vgpu = vgpu_start(options);
    VGPUMode ramfb = vgpu_mode(256, 192, 0);
    VGPUMode packed = vgpu_mode(17, 16, 0);

    ramfb.offset = 64 * 1024 * 1024;
    vgpu_paint_ramfb(vgpu->machine, &ramfb, 1);
    vgpu_expect(vgpu, &ramfb, 1);
    for (unsigned i = 1; i < 4; i++) {
        VGPUMode odd = vgpu_mode(256, 192, 0);

        odd.offset = 80 * 1024 * 1024;
        odd.stride += i;
        vgpu_paint_ramfb(vgpu->machine, &odd, 2);
        vgpu_expect(vgpu, &ramfb, 1);
    }
    /* rows without a gap, whose length is no such stride either */
    packed.fourcc = DRM_FORMAT_RGB888;
    packed.offset = 80 * 1024 * 1024;
    packed.stride = 0;
    vgpu_set_ramfb(vgpu->machine, &packed);
    vgpu_expect(vgpu, &ramfb, 1);
    ramfb.stride += 4;
    vgpu_paint_ramfb(vgpu->machine, &ramfb, 3);
    vgpu_expect(vgpu, &ramfb, 3);
    g_assert_cmpuint(vgpu_machine_warnings(vgpu->machine), ==, 0);
    vgpu_stop(vgpu);
}

/* The guest sets ramfb up anew while its driver's plane is on screen. */
static void test_ramfb_behind_plane(const void *data)
{
    g_autofree char *options = g_strdup_printf("%s,ramfb=on",
                                               (const char *)data);
    VGPU *vgpu = vgpu_start(options);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    VGPUMode ramfb = vgpu_mode(256, 192, 0);

    ramfb.offset = 64 * 1024 * 1024;
    vgpu_paint_show_expect(vgpu, &mode, 1);
    vgpu_paint_ramfb(vgpu->machine, &ramfb, 2);
    vgpu_expect_now(vgpu, &mode, 1);
    ramfb.offset += 1024 * 1024;
    vgpu_paint_ramfb(vgpu->machine, &ramfb, 3);
    vgpu_expect_now(vgpu, &mode, 1);
    vgpu_show_nothing(vgpu);
    vgpu_expect(vgpu, &ramfb, 3);
    vgpu_stop(vgpu);
}

/* Firmware knows one ramfb: who wants a second one learns who has it. */
static void test_ramfb_twice(void)
{
    const char *qemu = g_getenv("QTEST_QEMU_BINARY");
    const char *argv[] = {
        qemu, "-machine", "pc", "-accel", "qtest", "-display", "none",
        "-vga", "none", "-device", VGPU_DEVICE ",id=first,ramfb=on",
        "-device", VGPU_DEVICE ",id=second,ramfb=on", NULL
    };
    g_autofree char *errors = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
                               G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                               &errors, &status, NULL));
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    g_assert_nonnull(strstr(errors, "first has it"));
    g_assert_null(strstr(errors, "fw_cfg"));
}

static void expect_refused(QDict *answer)
{
    g_assert_true(qdict_haskey(answer, "error"));
    qobject_unref(answer);
}

/* fw_cfg cannot forget an entry, so what has one must stay. */
static void test_ramfb_stays(void)
{
    VGPU *vgpu = vgpu_start("ramfb=on");
    VGPUMachine *machine = vgpu->machine;

    expect_refused(qtest_qmp(machine->qts, "{ 'execute': 'device_del', "
                             "'arguments': { 'id': 'gpu' } }"));
    expect_refused(qtest_qmp(machine->qts, "{ 'execute': 'device_add', "
                             "'arguments': { 'driver': 'vgpu-sw', "
                             "'ramfb': true, 'addr': '6' } }"));
    vgpu_stop(vgpu);
}

/* Options that make no sense are refused, and QEMU lives on. */
static void test_bad_options(void)
{
    static const struct {
        const char *name, *value;
    } cases[] = {
        { "x-kind", "overlay" },
        { "x-display-path", "teleport" },
        { "vram", "3M" },
        { "vram", "512K" },
        { "vram", "2G" },
    };
    VGPUMachine *machine = vgpu_machine_start(" ");

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(QDict) args = qdict_new();
        QDict *answer;

        g_test_message("%s=%s", cases[i].name, cases[i].value);
        qdict_put_str(args, "driver", "vgpu-sw");
        qdict_put_str(args, cases[i].name, cases[i].value);
        answer = qtest_qmp(machine->qts, "{ 'execute': 'device_add', "
                           "'arguments': %p }", qobject_ref(args));
        g_assert_true(qdict_haskey(answer, "error"));
        qobject_unref(answer);
    }
    vgpu_machine_stop(machine);
}

/* @option is "x-kind=@kind", for the tests that start with the device. */
static void add_for_kind(const char *kind, const char *option)
{
    static const struct {
        const char *name;
        void (*func)(const void *);
        bool plugs;
    } tests[] = {
        { "never-on", test_never_on },
        { "off-and-on", test_off_and_on },
        { "grace", test_grace },
        { "query-fails-for-a-while", test_grace_query },
        { "reset", test_reset },
        { "reset-in-fault", test_reset_in_fault },
        { "plug", test_plug, true },
        { "unplug-one-of-two", test_unplug_one_of_two, true },
        { "unplug-in-fault", test_unplug_in_fault, true },
        { "two-devices", test_two_devices },
        { "edid", test_edid },
        { "edid-reset", test_edid_reset },
        { "edid-plugged", test_edid_plugged, true },
        { "ramfb", test_ramfb },
        { "ramfb-stride", test_ramfb_stride },
        { "ramfb-behind-plane", test_ramfb_behind_plane },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/vgpu/lifecycle/%s/%s", kind,
                                                tests[i].name);

        qtest_add_data_func(path, tests[i].plugs ? kind : option,
                            tests[i].func);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add_for_kind("dmabuf", "x-kind=dmabuf");
    add_for_kind("region", "x-kind=region");
    add_for_kind("both", "x-kind=both");
    qtest_add_func("/vgpu/lifecycle/no-edid", test_no_edid);
    qtest_add_func("/vgpu/lifecycle/ramfb-twice", test_ramfb_twice);
    qtest_add_func("/vgpu/lifecycle/ramfb-stays", test_ramfb_stays);
    qtest_add_func("/vgpu/lifecycle/bad-options", test_bad_options);
    return g_test_run();
}
