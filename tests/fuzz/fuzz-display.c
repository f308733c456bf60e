/*
 * Fuzzing the display core: a device that answers what it pleases, viewers
 * that come, leave and refuse, screendumps, resets and unplugging, in any
 * order and at any time
 *
 * The core and the console are the emulator's. What must hold, besides what
 * AddressSanitizer and UBSan look for:
 *
 * - viewers are given nothing larger than the documentation says, nothing
 *   that is gone, and no rectangle outside of the picture (display-viewer.c)
 * - the device is asked for nothing that it may rely on not to be asked for;
 *   above all not for a buffer that is still open (display-source.c)
 * - every screendump ends, whatever the device and OpenGL do
 * - QEMU is not woken up without end (display-fakes.c)
 * - never are more than FUZZ_MAX_FDS descriptors open; and when the device
 *   is gone, so are its own
 *
 * Bytes of the input are choices, one after the other, so that one of any
 * length means something.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/resource.h>
#include "hw/qdev-core.h"
#include "qapi/error.h"
#include "qemu/coroutine.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "ui/console-priv.h"
#include "display-source.h"
#include "display-viewer.h"

/* So many screendumps wait at a time, at most. */
#define MAX_DUMPS 6
/* So long a screendump may take: more than every grace and retry together. */
#define DUMP_NS (20 * NANOSECONDS_PER_SECOND)

static DeviceState *device;
static QemuConsole *console;
static Source *source;
static VFIODisplay *display;
static unsigned n_dumps;

/* --- Screendumps ---------------------------------------------------------- */

/* As qmp_screendump(), without the file. */
static void coroutine_fn dump_co(void *opaque)
{
    pixman_image_t *image;

    qemu_console_co_wait_update(console);
    image = qemu_console_dump_image(console);
    if (image) {
        const uint8_t *data = (uint8_t *)pixman_image_get_data(image);
        size_t size = (size_t)pixman_image_get_stride(image) *
            pixman_image_get_height(image);

        FUZZ_CHECK(data[0] + data[size - 1] >= 0);
        pixman_image_unref(image);
    }
    n_dumps--;
}

static void dump_begin(void)
{
    if (n_dumps < MAX_DUMPS) {
        n_dumps++;
        qemu_coroutine_enter(qemu_coroutine_create(dump_co, NULL));
    }
}

static void dumps_end(void)
{
    for (int64_t ns = 0; n_dumps; ns += NANOSECONDS_PER_SECOND) {
        FUZZ_CHECK(ns < DUMP_NS);
        fuzz_pass_time(NANOSECONDS_PER_SECOND);
    }
}

/* --- The device's life ---------------------------------------------------- */

static void plug(FuzzInput *in)
{
    uint8_t what = fuzz_u8(in);
    VFIODisplayConfig config = {
        .xres = what & 1 ? 1024 : 0,
        .ramfb = what & 2,
        .screendump_cursor = what & 4,
        .software_import = what & 8,
        .path = MIN(what / 16, PIXEL_PATH__MAX),
    };
    Error *err = NULL;

    fuzz_ramfb_configured = fuzz_below(in, 2);
    source = source_new(in);
    display = vfio_display_new(device, source_ops(source), source, &config,
                               &err);
    error_free(err);
}

static void unplug(void)
{
    vfio_display_free(display);
    display = NULL;
    /* OpenGL's thread closes its buffers by itself */
    fuzz_pass_time(10 * NANOSECONDS_PER_SECOND);
    source_free(source);
    source = NULL;
}

static void choose_gl(FuzzInput *in)
{
    static const int64_t times[] = {
        SCALE_MS, 20 * SCALE_MS, 900 * SCALE_MS,
        3 * NANOSECONDS_PER_SECOND,
    };

    fuzz_gl_mode = fuzz_below(in, FUZZ_GL__MAX);
    fuzz_gl_ns = times[fuzz_below(in, ARRAY_SIZE(times))];
}

static void pass_time(FuzzInput *in)
{
    static const int64_t times[] = { 1, 16, 40, 200, 1100, 5500 };

    fuzz_pass_time(times[fuzz_below(in, ARRAY_SIZE(times))] * SCALE_MS);
}

static void something_happens(FuzzInput *in)
{
    switch (fuzz_below(in, 16)) {
    case 0:
    case 1:
    case 2:
        source_set_plane(source, in);
        break;
    case 3:
        source_set_faults(source, in);
        break;
    case 4:
        source_draw(source, in);
        break;
    case 5:
        source_signal(source, in);
        break;
    case 6:
    case 7:
        source_answer(source, in);
        break;
    case 8:
        source_shrink_buffer(source, in);
        break;
    case 9:
        choose_gl(in);
        break;
    case 10:
        viewers_change(console, in);
        break;
    case 11:
        dump_begin();
        break;
    case 12:
        vfio_display_device_reset(display);
        break;
    case 13:
        unplug();
        plug(in);
        break;
    default:
        pass_time(in);
        break;
    }
    viewers_check();
    fuzz_pass_time(0);
    viewers_check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    unsigned fds = fuzz_count_fds();

    fuzz_gl_mode = FUZZ_GL_READS;
    fuzz_gl_ns = 5 * SCALE_MS;
    plug(&in);
    while (in.len && display) {
        something_happens(&in);
    }
    dumps_end();
    viewers_leave();
    unplug();
    FUZZ_CHECK(fuzz_count_fds() == fds);
    return 0;
}

/* --- What the emulator's start does --------------------------------------- */

static const TypeInfo device_info = {
    .name = TYPE_DEVICE,
    .parent = TYPE_OBJECT,
    .instance_size = sizeof(DeviceState),
    .class_size = sizeof(DeviceClass),
};

static const GraphicHwOps no_hw_ops;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct rlimit files = { FUZZ_MAX_FDS, FUZZ_MAX_FDS };

    FUZZ_CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    qemu_init_main_loop(&error_abort);
    module_call_init(MODULE_INIT_QOM);
    type_register_static(&device_info);
    device = DEVICE(object_new(TYPE_DEVICE));
    device->id = g_strdup("fuzz");
    console = graphic_console_init(device, 0, &no_hw_ops, NULL);
    graphic_console_close(console);
    /* what QEMU opens when it is first needed is not lost */
    dump_begin();
    fuzz_pass_time(NANOSECONDS_PER_SECOND);
    return 0;
}
