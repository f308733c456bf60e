/*
 * vGPU display: every wait for a frame ends
 *
 * A screendump waits for a frame of its own. QMP waits in a coroutine while
 * the main loop goes on. The human monitor waits in aio_poll(), which runs
 * neither the main loop's timers nor the handlers of its files, and so does
 * QEMU at its end. Each way to bring pixels is tried with each way to wait,
 * with the display interrupt and without it, with a device that answers and
 * with one that does not.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qobject/qdict.h"
#include "vgpu-hold.h"

/**
 * Device:
 * @name: of the way that its pixels take
 * @options: the device's
 * @region_flags: VGPU_SW_REGION_FLAGS, if not 0
 * @reg: where to write @silent, which silences it, or 0
 * @thread: OpenGL's thread is stopped instead
 */
typedef struct Device {
    const char *name;
    const char *options;
    uint32_t region_flags;
    uint32_t reg;
    uint32_t silent;
    bool thread;
} Device;

static const Device devices[] = {
    {
        .name = "metadata", .options = "x-kind=metadata",
        .reg = VGPU_SW_META_FLAGS, .silent = VGPU_SW_META_SILENT,
    }, {
        .name = "metadata-unmapped",
        .options = "x-kind=metadata,x-metadata-mmap=off",
        .reg = VGPU_SW_META_FLAGS, .silent = VGPU_SW_META_SILENT,
    }, {
        .name = "metadata-refuses", .options = "x-kind=metadata",
        .reg = VGPU_SW_META_FLAGS, .silent = VGPU_SW_META_REFUSE,
    }, {
        .name = "metadata-or-mmap", .options = "x-kind=all",
        .reg = VGPU_SW_META_FLAGS, .silent = VGPU_SW_META_SILENT,
    }, {
        .name = "mmap", .options = "x-kind=dmabuf",
        .reg = VGPU_SW_FAULT_COUNT(VGPU_SW_CALL_GET),
        .silent = VGPU_SW_FOREVER,
    }, {
        .name = "region", .options = "x-kind=region",
        .reg = VGPU_SW_FAULT_COUNT(VGPU_SW_CALL_QUERY),
        .silent = VGPU_SW_FOREVER,
    }, {
        .name = "region-unmapped", .options = "x-kind=region",
        .region_flags = VGPU_SW_REGION_NO_MAP,
        .reg = VGPU_SW_FAULT_COUNT(VGPU_SW_CALL_READ),
        .silent = VGPU_SW_FOREVER,
    }, {
        .name = "gl", .options = "x-kind=dmabuf,x-display-path=gl",
        .thread = true,
    },
};

typedef struct Waits {
    const Device *device;
    VGPU *vgpu;
    VGPUHmp *hmp;
    char *dir;
    char *socket;
    char *second; /* a file for another screendump */
    pid_t thread; /* OpenGL's, while it is stopped */
    VGPUMode good, next;
} Waits;

#define GOOD 1
#define NEXT 2

static Waits *waits_start(const Device *device, bool irq)
{
    Waits *w = g_new0(Waits, 1);
    VGPUMachine *machine;

    w->device = device;
    w->dir = g_dir_make_tmp("vgpu-waits-XXXXXX", NULL);
    g_assert_nonnull(w->dir);
    w->socket = g_build_filename(w->dir, "hmp", NULL);
    w->second = g_build_filename(w->dir, "second.ppm", NULL);
    w->good = vgpu_mode(320, 240, 1);
    w->next = vgpu_mode(320, 240, 2);
    w->next.offset = 0x80000;
    machine = vgpu_machine_start("-name gpu,debug-threads=on -device "
                                 VGPU_DEVICE ",id=gpu,addr=4,irq=%s,%s "
                                 "-chardev socket,id=hmp,path=%s,server=on,"
                                 "wait=off -mon hmp", irq ? "on" : "off",
                                 device->options, w->socket);
    w->vgpu = vgpu_open(machine, "gpu", 4);
    w->hmp = vgpu_hmp_connect(w->socket);
    vgpu_write(w->vgpu, VGPU_SW_REGION_FLAGS, device->region_flags);
    vgpu_paint(w->vgpu, &w->good, GOOD);
    vgpu_paint(w->vgpu, &w->next, NEXT);
    vgpu_show(w->vgpu, &w->good);
    return w;
}

static void waits_stop(Waits *w)
{
    vgpu_hmp_close(w->hmp);
    vgpu_stop(w->vgpu);
    g_unlink(w->socket);
    g_unlink(w->second);
    g_rmdir(w->dir);
    g_free(w->socket);
    g_free(w->second);
    g_free(w->dir);
    g_free(w);
}

/* False if this host does not let that happen. */
static bool silence(Waits *w)
{
    if (w->device->thread) {
        w->thread = vgpu_find_gl_thread(w->vgpu->machine);
        return vgpu_stop_thread(w->thread);
    }
    vgpu_write(w->vgpu, w->device->reg, w->device->silent);
    return true;
}

static void speak(Waits *w)
{
    if (w->device->thread) {
        vgpu_continue_thread(w->thread);
    } else {
        vgpu_write(w->vgpu, w->device->reg, 0);
    }
}

/* --- Ways to wait ------------------------------------------------------- */

static void send_qmp(Waits *w)
{
    qtest_qmp_send(w->vgpu->machine->qts, "{ 'execute': 'screendump', "
                   "'arguments': { 'filename': %s, 'device': 'gpu' } }",
                   w->vgpu->machine->dump);
}

/* Until the display was asked for the frame. */
static void send_qmp_and_see(Waits *w)
{
    uint64_t refreshes = vgpu_hmp_refreshes(w->hmp);

    send_qmp(w);
    while (vgpu_hmp_refreshes(w->hmp) == refreshes) {
        g_usleep(1000);
    }
}

static void receive_qmp(Waits *w)
{
    QDict *answer = qtest_qmp_receive(w->vgpu->machine->qts);

    g_assert_true(qdict_haskey(answer, "return"));
    qobject_unref(answer);
}

static void by_qmp(Waits *w)
{
    send_qmp(w);
    receive_qmp(w);
}

static void by_hmp(Waits *w)
{
    g_autofree char *command =
        g_strdup_printf("screendump %s gpu\ninfo status\n",
                        w->vgpu->machine->dump);

    vgpu_hmp_say(w->hmp, command);
    vgpu_hmp_wait(w->hmp, "VM status");
}

/* The human monitor within QMP. */
static void by_hmp_command(Waits *w)
{
    g_autofree char *answer = qtest_hmp(w->vgpu->machine->qts,
                                        "screendump %s gpu",
                                        w->vgpu->machine->dump);

    g_assert_cmpstr(answer, ==, "");
}

/* The human monitor, while a screendump by QMP waits. */
static void by_both(Waits *w)
{
    g_autofree char *command =
        g_strdup_printf("screendump %s gpu\ninfo status\n", w->second);

    send_qmp_and_see(w);
    vgpu_hmp_say(w->hmp, command);
    vgpu_hmp_wait(w->hmp, "VM status");
    receive_qmp(w);
}

static const struct {
    const char *name;
    void (*dump)(Waits *w);
} ways[] = {
    { "qmp", by_qmp },
    { "hmp", by_hmp },
    { "hmp-command", by_hmp_command },
    { "both", by_both },
};

typedef struct Case {
    const Device *device;
    bool irq;
    unsigned way;
} Case;

/* Which picture is in the file? */
static unsigned dumped(Waits *w)
{
    g_autoptr(VGPUPicture) picture =
        vgpu_picture_load(w->vgpu->machine->dump);

    return vgpu_picture_is(picture, &w->good, GOOD) ? GOOD
        : vgpu_picture_is(picture, &w->next, NEXT) ? NEXT : 0;
}

/* The frame of the moment, then what there is of it. */
static void test_wait(const void *data)
{
    const Case *c = data;
    Waits *w = waits_start(c->device, c->irq);
    void (*dump)(Waits *) = ways[c->way].dump;

    dump(w);
    g_assert_cmpuint(dumped(w), ==, GOOD);

    if (!silence(w)) {
        g_test_skip("this host lets nobody stop a thread of another process");
        waits_stop(w);
        return;
    }
    vgpu_show(w->vgpu, &w->next);
    for (unsigned i = 0; i < 2; i++) {
        dump(w);
        g_assert_cmpuint(dumped(w), !=, 0);
    }
    speak(w);
    waits_stop(w);
}

/* QEMU ends while a screendump waits. */
static void test_end(const void *data)
{
    const Case *c = data;
    Waits *w = waits_start(c->device, c->irq);

    by_qmp(w);
    if (!silence(w)) {
        g_test_skip("this host lets nobody stop a thread of another process");
        waits_stop(w);
        return;
    }
    vgpu_show(w->vgpu, &w->next);
    send_qmp_and_see(w);
    if (c->device->thread) {
        kill(qtest_pid(w->vgpu->machine->qts), SIGTERM);
        vgpu_await_thread_end(w->thread);
    }
    waits_stop(w);
}

static void add_case(const Device *device, bool irq, const char *name,
                     unsigned way, void (*func)(const void *))
{
    g_autofree char *path =
        g_strdup_printf("/vgpu/waits/%s/%s/%s", device->name,
                        irq ? "notified" : "polled", name);
    Case c = { .device = device, .irq = irq, .way = way };

    qtest_add_data_func_full(path, g_memdup2(&c, sizeof(c)), func, g_free);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
        if (devices[i].thread && !g_getenv("VGPU_TEST_GL")) {
            continue;
        }
        for (unsigned irq = 0; irq < 2; irq++) {
            for (unsigned j = 0; j < ARRAY_SIZE(ways); j++) {
                add_case(&devices[i], irq, ways[j].name, j, test_wait);
            }
            add_case(&devices[i], irq, "end", 0, test_end);
        }
    }
    return g_test_run();
}
