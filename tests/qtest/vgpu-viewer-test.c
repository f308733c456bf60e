/*
 * vGPU display: what a VNC viewer sees while it watches
 *
 * A viewer is told of changes and sees only those parts: here the refresh
 * timer, the damage and the console's surfaces are at work, where screendump
 * asks for one whole frame.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/resource.h>
#include "libqos/pci-pc.h"
#include "vgpu-watched.h"

/* Before long, the viewer shows the picture, pixel by pixel. */
static void expect(VGPUViewer *viewer, const VGPUMode *mode, uint32_t seed)
{
    g_autoptr(VGPUPicture) want = vgpu_picture_of(mode, seed);

    vgpu_viewer_expect(viewer, want);
}

static void expect_gone(VGPUViewer *viewer, const VGPUMode *mode,
                        uint32_t seed)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (vgpu_picture_is(vgpu_viewer_picture(viewer), mode, seed)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        vgpu_viewer_update(viewer);
    }
}

static void test_modes(const void *data)
{
    static const struct {
        uint32_t width, height, padding;
        uint64_t offset;
    } cases[] = {
        { 640, 480 },
        { 800, 600 },
        { 641, 479 },
        { 333, 77, 52, 0x1044 },
        { 64, 64 },
        { 1024, 768 },
    };
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        VGPUMode mode = vgpu_mode(cases[i].width, cases[i].height, 1 + i);

        mode.stride += cases[i].padding;
        mode.offset = cases[i].offset;
        vgpu_paint(w->vgpu, &mode, i);
        vgpu_show(w->vgpu, &mode);
        expect(viewer, &mode, i);
    }
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 0);
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

static void test_formats(const void *data)
{
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);

    for (size_t i = 0; i < vgpu_formats_count; i++) {
        VGPUMode mode = vgpu_mode(129, 65, 1 + i);

        mode.fourcc = vgpu_formats[i].fourcc;
        mode.stride = 129 * vgpu_formats[i].cpp + 12;
        vgpu_paint(w->vgpu, &mode, i);
        vgpu_show(w->vgpu, &mode);
        expect(viewer, &mode, i);
    }
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

/* A rectangle in a buffer that stays on screen. */
static void test_damage(const void *data)
{
    static const struct {
        uint32_t x, y, width, height;
    } cases[] = {
        { 0, 0, 1, 1 },
        { 639, 479, 1, 1 },
        { 0, 479, 1, 1 },
        { 639, 0, 1, 1 },
        { 63, 15, 2, 2 },       /* where tiles meet */
        { 100, 200, 300, 1 },
        { 333, 5, 1, 470 },
        { 17, 19, 211, 223 },
    };
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);
    VGPUMode mode = vgpu_mode(640, 480, 1), part;

    vgpu_paint(w->vgpu, &mode, 0);
    vgpu_show(w->vgpu, &mode);
    expect(viewer, &mode, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autoptr(VGPUPicture) before = vgpu_picture_of(&mode, 0);
        g_autoptr(VGPUPicture) patch =
            vgpu_picture_draw(cases[i].width, cases[i].height, 1 + i);
        int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
        bool seen = false;

        part = vgpu_mode(cases[i].width, cases[i].height, 0);
        part.stride = mode.stride;
        part.offset = cases[i].y * mode.stride + cases[i].x * 4;
        for (uint32_t y = 0; y < part.height; y++) {
            memcpy(before->rgb + ((size_t)(cases[i].y + y) * 640 +
                                  cases[i].x) * 3,
                   patch->rgb + (size_t)y * part.width * 3, part.width * 3);
        }
        vgpu_paint_rows(w->vgpu, &part, 1 + i);
        while (!seen) {
            g_autofree char *difference =
                vgpu_picture_differ(before, vgpu_viewer_picture(viewer));

            seen = !difference;
            if (g_get_monotonic_time() > deadline) {
                g_assert_cmpstr(difference, ==, NULL);
            }
            vgpu_viewer_update(viewer);
        }
        vgpu_paint(w->vgpu, &mode, 0);
        expect(viewer, &mode, 0);
    }
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

static void test_flips(const void *data)
{
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);
    unsigned files = 0;

    for (unsigned i = 0; i < 40; i++) {
        VGPUMode mode = vgpu_mode(320, 240, 100 + i % 4);

        mode.offset = i % 4 * 0x60000;
        vgpu_paint(w->vgpu, &mode, i);
        vgpu_show(w->vgpu, &mode);
        expect(viewer, &mode, i);
        if (i == 10) {
            files = vgpu_machine_open_files(w->vgpu->machine);
        }
    }
    g_assert_cmpuint(vgpu_machine_open_files(w->vgpu->machine), ==, files);
    if (!g_str_equal(data, "x-kind=region")) {
        g_assert_cmpuint(vgpu_read(w->vgpu, VGPU_SW_GETS), ==, 4);
    }
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

static void test_off_and_on(const void *data)
{
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);
    VGPUMode mode = vgpu_mode(320, 240, 1);

    for (unsigned i = 0; i < 2; i++) {
        vgpu_paint(w->vgpu, &mode, i);
        vgpu_show(w->vgpu, &mode);
        expect(viewer, &mode, i);
        vgpu_show_nothing(w->vgpu);
        expect_gone(viewer, &mode, i);
    }
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

/* Bad frames do not reach the viewer; the next good one does. */
static void test_fault(const void *data)
{
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);
    VGPUMode mode = vgpu_mode(320, 240, 1), bad = mode;
    int64_t deadline;

    vgpu_paint(w->vgpu, &mode, 1);
    vgpu_show(w->vgpu, &mode);
    expect(viewer, &mode, 1);
    bad.offset = VGPU_VRAM - 4096;
    bad.id = 2;
    vgpu_show(w->vgpu, &bad);
    /* Here the viewer alone makes the display ask. */
    deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    while (vgpu_fault_count(w->vgpu, "bounds") < 3) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        vgpu_viewer_update(viewer);
    }
    g_assert_true(vgpu_picture_is(vgpu_viewer_picture(viewer), &mode, 1));
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 1);
    mode.id = 3;
    vgpu_paint(w->vgpu, &mode, 2);
    vgpu_show(w->vgpu, &mode);
    expect(viewer, &mode, 2);
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

static void test_reset(const void *data)
{
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);
    VGPUMode mode = vgpu_mode(320, 240, 1);

    for (unsigned i = 0; i < 3; i++) {
        vgpu_paint(w->vgpu, &mode, i);
        vgpu_show(w->vgpu, &mode);
        expect(viewer, &mode, i);
        qtest_system_reset(w->vgpu->machine->qts);
        expect_gone(viewer, &mode, i);
        vgpu_reopen(w->vgpu);
    }
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

/* The device goes while it is watched, and another comes. */
static void test_unplug(const void *data)
{
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUMachine *machine = w->vgpu->machine;
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint(w->vgpu, &mode, 1);
    vgpu_show(w->vgpu, &mode);
    expect(viewer, &mode, 1);
    qpci_unplug_acpi_device_test(machine->qts, "gpu", 4);
    vgpu_close(w->vgpu);
    expect_gone(viewer, &mode, 1);
    qtest_qmp_assert_success(machine->qts,
                             "{ 'execute': 'device_add', 'arguments': "
                             "{ 'driver': 'vgpu-sw', 'vram': %u, "
                             "'udmabuf': 'off', 'id': 'gpu', "
                             "'addr': '4' } }", VGPU_VRAM);
    w->vgpu = vgpu_open(machine, "gpu", 4);
    vgpu_paint_show_expect(w->vgpu, &mode, 2);
    expect(viewer, &mode, 2);
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

/* One that comes late, one that left: each sees what is there now. */
static void test_come_and_go(const void *data)
{
    VGPUWatched *w = vgpu_watched_new(data);
    VGPUViewer *first = vgpu_viewer_connect(w->socket), *second;
    VGPUMode mode = vgpu_mode(320, 240, 1);

    vgpu_paint(w->vgpu, &mode, 1);
    vgpu_show(w->vgpu, &mode);
    expect(first, &mode, 1);
    second = vgpu_viewer_connect(w->socket);
    expect(second, &mode, 1);
    vgpu_viewer_close(first);
    vgpu_paint(w->vgpu, &mode, 2);
    expect(second, &mode, 2);
    vgpu_viewer_close(second);

    mode = vgpu_mode(400, 300, 2);
    vgpu_paint(w->vgpu, &mode, 3);
    vgpu_show(w->vgpu, &mode);
    first = vgpu_viewer_connect(w->socket);
    expect(first, &mode, 3);
    vgpu_expect_now(w->vgpu, &mode, 3);
    vgpu_viewer_close(first);
    vgpu_watched_stop(w);
}

/* The mode that the monitor prefers, if it is connected. */
static bool monitor_prefers(VGPU *vgpu, unsigned width, unsigned height)
{
    uint32_t word14 = vgpu_read(vgpu, VGPU_SW_EDID + 56);
    uint32_t word15 = vgpu_read(vgpu, VGPU_SW_EDID + 60);
    unsigned x = (word14 & 0xff) | (word14 >> 16 & 0xf0) << 4;
    unsigned y = (word14 >> 24) | (word15 >> 8 & 0xf0) << 4;

    return vgpu_read(vgpu, VGPU_SW_LINK) && x == width && y == height;
}

static void expect_monitor(VGPUWatched *w, VGPUViewer *viewer, unsigned width,
                           unsigned height)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (!monitor_prefers(w->vgpu, width, height)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        vgpu_viewer_update(viewer);
    }
}

/*
 * The driver refuses an EDID for a while: the guest has the last monitor, and
 * then the one that is wanted, for which nobody has to wish again.
 */
static void test_refused_edid(void)
{
    VGPUWatched *w = vgpu_watched_new("x-kind=dmabuf,xres=800,yres=600");
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);
    uint32_t downs;

    expect_monitor(w, viewer, 800, 600);
    vgpu_fail(w->vgpu, VGPU_SW_CALL_EDID, VGPU_SW_FOREVER, EIO);
    downs = vgpu_read(w->vgpu, VGPU_SW_LINK_DOWNS);
    vgpu_viewer_wish(viewer, 1024, 768);
    while (vgpu_read(w->vgpu, VGPU_SW_LINK_DOWNS) == downs) {
        vgpu_viewer_update(viewer);
    }
    expect_monitor(w, viewer, 800, 600);
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 1);

    /* refused once more, then taken */
    vgpu_fail(w->vgpu, VGPU_SW_CALL_EDID, 1, EIO);
    expect_monitor(w, viewer, 1024, 768);
    g_assert_cmpuint(vgpu_machine_warnings(w->vgpu->machine), ==, 1);
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

/* Nobody looks: nothing is asked, fetched or copied. */
static void test_unwatched(const void *data)
{
    VGPU *vgpu = vgpu_start(data);
    VGPUMode mode = vgpu_mode(320, 240, 1);
    uint32_t queries;

    vgpu_paint(vgpu, &mode, 1);
    vgpu_show(vgpu, &mode);
    queries = vgpu_read(vgpu, VGPU_SW_QUERIES);
    g_usleep(G_USEC_PER_SEC / 2);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_QUERIES), ==, queries);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_GETS), ==, 0);
    g_assert_cmpuint(vgpu_read(vgpu, VGPU_SW_OPENS), ==, 0);
    vgpu_expect_now(vgpu, &mode, 1);
    vgpu_stop(vgpu);
}

/* The lowest number that a file which QEMU opens could get. */
static int next_file(VGPUMachine *machine)
{
    for (int fd = 0;; fd++) {
        g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d",
                                                qtest_pid(machine->qts), fd);
        struct stat link;

        if (lstat(path, &link) < 0) {
            return fd;
        }
    }
}

/* QEMU may open no more files when the guest changes the mode. */
static void test_no_files(void)
{
    VGPUWatched *w = vgpu_watched_new("x-kind=region");
    VGPUMachine *machine = w->vgpu->machine;
    VGPUViewer *viewer = vgpu_viewer_connect(w->socket);
    VGPUMode mode = vgpu_mode(320, 240, 1), next = vgpu_mode(400, 300, 1);
    struct rlimit before, none;

    vgpu_paint(w->vgpu, &mode, 1);
    vgpu_show(w->vgpu, &mode);
    expect(viewer, &mode, 1);

    g_assert_cmpint(prlimit(qtest_pid(machine->qts), RLIMIT_NOFILE, NULL,
                            &before), ==, 0);
    none = before;
    none.rlim_cur = next_file(machine);
    g_assert_cmpint(prlimit(qtest_pid(machine->qts), RLIMIT_NOFILE, &none,
                            NULL), ==, 0);
    vgpu_paint(w->vgpu, &next, 2);
    vgpu_show(w->vgpu, &next);
    expect(viewer, &next, 2);
    g_assert_cmpuint(vgpu_machine_warnings(machine), ==, 1);

    g_assert_cmpint(prlimit(qtest_pid(machine->qts), RLIMIT_NOFILE, &before,
                            NULL), ==, 0);
    vgpu_paint(w->vgpu, &mode, 3);
    vgpu_show(w->vgpu, &mode);
    expect(viewer, &mode, 3);
    g_assert_cmpuint(vgpu_machine_warnings(machine), ==, 1);
    vgpu_viewer_close(viewer);
    vgpu_watched_stop(w);
}

/* @option is "x-kind=@kind" */
static void add_for_kind(const char *kind, const char *option)
{
    static const struct {
        const char *name;
        void (*func)(const void *);
    } tests[] = {
        { "modes", test_modes },
        { "formats", test_formats },
        { "damage", test_damage },
        { "flips", test_flips },
        { "off-and-on", test_off_and_on },
        { "fault", test_fault },
        { "reset", test_reset },
        { "unplug", test_unplug },
        { "come-and-go", test_come_and_go },
        { "unwatched", test_unwatched },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
        g_autofree char *path = g_strdup_printf("/vgpu/viewer/%s/%s", kind,
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
    qtest_add_func("/vgpu/viewer/refused-edid", test_refused_edid);
    qtest_add_func("/vgpu/viewer/region/no-files", test_no_files);
    return g_test_run();
}
