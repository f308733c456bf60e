/*
 * Flushes of a virtio-gpu that wait for a viewer, and commands that do not; and
 * 2D resources that the viewer is shown where the guest has them
 *
 * The viewer is a D-Bus client that answers late or never. Blobs need
 * /dev/udmabuf, and the display OpenGL: VGPU_TEST_GL says that it is there.
 * VGPU_TEST_FLIPS is how often the guest flips for each viewer.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/dbus.h"
#include <gio/gunixfdlist.h>
#include "qobject/qdict.h"
#include "vgpu-dbus-client.h"
#include "virtio-gpu-driver.h"

#define DISPLAY "dbus,p2p=on,gl=on -trace console_frame_given_up " \
    "-trace virtio_gpu_direct"
#define BLOB "virtio-gpu-pci,blob=on"
#define COPIED "virtio-gpu-pci"
#define WIDTH 160
#define HEIGHT 120
#define SIZE (WIDTH * HEIGHT * 4)
#define FLIP_US (G_USEC_PER_SEC / 60)
#define NEVER -1

static const struct virtio_gpu_rect all = { 0, 0, WIDTH, HEIGHT };

/*
 * Client:
 * @thread: its own, as it is a process of its own elsewhere
 * @ready: QEMU has registered it
 * @delay_ms: how long it looks at a frame, or NEVER
 * @frame: what it shows
 * @frames: that it was told to show
 * @torn: those that had two colours, when they came or when they were answered
 */
typedef struct Client {
    VGPUDBusClient dbus;
    GThread *thread;
    GMainContext *context;
    GMainLoop *loop;
    int ready;
    int delay_ms;
    const uint8_t *frame;
    int frames;
    int torn;
} Client;

typedef struct Answer {
    Client *client;
    GDBusMethodInvocation *invocation;
} Answer;

static void look(Client *client)
{
    if (client->frame &&
        memcmp(client->frame, client->frame + 4, SIZE - 4)) {
        g_atomic_int_inc(&client->torn);
    }
}

static void hide(Client *client)
{
    if (client->frame) {
        munmap((void *)client->frame, SIZE);
        client->frame = NULL;
    }
}

static gboolean on_scanout_dmabuf(QemuDBusDisplay1Listener *listener,
                                  GDBusMethodInvocation *invocation,
                                  GUnixFDList *fds, GVariant *handle,
                                  guint width, guint height, guint stride,
                                  guint fourcc, guint64 modifier,
                                  gboolean y0_top, Client *client)
{
    int fd = g_unix_fd_list_get(fds, g_variant_get_handle(handle), NULL);

    hide(client);
    /* there is a texture with words on it before the guest's first frame */
    if (width == WIDTH && height == HEIGHT) {
        client->frame = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
        g_assert_true(client->frame != MAP_FAILED);
    }
    close(fd);
    qemu_dbus_display1_listener_complete_scanout_dmabuf(listener, invocation,
                                                        NULL);
    return DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean answer(gpointer opaque)
{
    g_autofree Answer *a = opaque;

    /* one that takes longer is not waited for */
    if (a->client->delay_ms < 40) {
        look(a->client);
    }
    qemu_dbus_display1_listener_complete_update_dmabuf(
        a->client->dbus.skeleton, a->invocation);
    return G_SOURCE_REMOVE;
}

static gboolean on_update_dmabuf(QemuDBusDisplay1Listener *listener,
                                 GDBusMethodInvocation *invocation,
                                 gint x, gint y, gint width, gint height,
                                 Client *client)
{
    Answer a = { client, invocation };
    g_autoptr(GSource) timer = NULL;

    if (!client->frame) {
        qemu_dbus_display1_listener_complete_update_dmabuf(listener,
                                                           invocation);
        return DBUS_METHOD_INVOCATION_HANDLED;
    }
    look(client);
    g_atomic_int_inc(&client->frames);
    if (client->delay_ms != NEVER) {
        timer = g_timeout_source_new(client->delay_ms);
        g_source_set_callback(timer, answer, g_memdup2(&a, sizeof(a)), NULL);
        g_source_attach(timer, client->context);
    }
    return DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean on_disable(QemuDBusDisplay1Listener *listener,
                           GDBusMethodInvocation *invocation, Client *client)
{
    hide(client);
    qemu_dbus_display1_listener_complete_disable(listener, invocation);
    return DBUS_METHOD_INVOCATION_HANDLED;
}

static gpointer client_thread(gpointer opaque)
{
    Client *client = opaque;

    g_main_context_push_thread_default(client->context);
    vgpu_dbus_client_listen(&client->dbus);
    g_atomic_int_set(&client->ready, true);
    g_main_loop_run(client->loop);
    g_main_context_pop_thread_default(client->context);
    return NULL;
}

static void client_start(Client *client, VGPUMachine *machine)
{
    vgpu_dbus_client_open(&client->dbus, machine);
    g_object_connect(client->dbus.skeleton,
                     "signal::handle-scanout-dmabuf", on_scanout_dmabuf,
                     client, "signal::handle-update-dmabuf", on_update_dmabuf,
                     client, "signal::handle-disable", on_disable, client,
                     NULL);
    client->context = g_main_context_new();
    client->loop = g_main_loop_new(client->context, false);
    client->thread = g_thread_new("client", client_thread, client);
    while (!g_atomic_int_get(&client->ready)) {
        g_usleep(1000);
    }
}

static void client_stop(Client *client)
{
    if (!client->thread) {
        return;
    }
    g_main_loop_quit(client->loop);
    g_thread_join(g_steal_pointer(&client->thread));
    vgpu_dbus_client_close(&client->dbus);
    g_main_loop_unref(client->loop);
    g_main_context_unref(client->context);
    hide(client);
}

/* --- The guest ------------------------------------------------------------ */

/* Two buffers, blobs or 2D resources, and a viewer of them. */
typedef struct Guest {
    VirtioGPU *gpu;
    Client client;
    bool blobs;
    VirtioGPUMemory buffers[2];
    uint64_t fence;
} Guest;

static void expect_ok(uint32_t response)
{
    g_assert_cmphex(response, ==, VIRTIO_GPU_RESP_OK_NODATA);
}

static void create_2d(Guest *guest, uint32_t id,
                      const VirtioGPUMemory *memory)
{
    expect_ok(virtio_gpu_create_2d(guest->gpu, id,
                                   VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, WIDTH,
                                   HEIGHT));
    expect_ok(virtio_gpu_attach_backing(guest->gpu, id, memory));
}

static void create_buffers(Guest *guest)
{
    for (unsigned i = 0; i < ARRAY_SIZE(guest->buffers); i++) {
        if (guest->blobs) {
            expect_ok(virtio_gpu_create_blob(guest->gpu, 1 + i,
                                             &guest->buffers[i], SIZE));
        } else {
            create_2d(guest, 1 + i, &guest->buffers[i]);
        }
    }
}

static Guest *guest_start_with(const char *device, int delay_ms)
{
    Guest *guest = g_new0(Guest, 1);

    guest->client.delay_ms = delay_ms;
    guest->blobs = g_str_equal(device, BLOB);
    guest->gpu = virtio_gpu_start(device, DISPLAY);
    client_start(&guest->client, guest->gpu->machine);
    for (unsigned i = 0; i < ARRAY_SIZE(guest->buffers); i++) {
        guest->buffers[i] = virtio_gpu_alloc(guest->gpu, SIZE, 3);
    }
    create_buffers(guest);
    return guest;
}

static Guest *guest_start(int delay_ms)
{
    return guest_start_with(BLOB, delay_ms);
}

static void guest_stop(Guest *guest)
{
    client_stop(&guest->client);
    virtio_gpu_stop(guest->gpu);
    g_free(guest);
}

/* In two halves, and a viewer may look in between */
static void paint(Guest *guest, unsigned buffer, uint8_t colour)
{
    const VirtioGPUMemory *memory = &guest->buffers[buffer];
    QTestState *qts = guest->gpu->machine->qts;
    size_t half = (size_t)memory->size * memory->parts / 2;

    qtest_memset(qts, memory->addr, colour, half);
    qtest_memset(qts, memory->addr + half, colour, half);
}

static void show_blob(Guest *guest, unsigned blob)
{
    struct virtio_gpu_set_scanout_blob scanout = {
        .r = all,
        .resource_id = 1 + blob,
        .width = WIDTH,
        .height = HEIGHT,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .strides[0] = WIDTH * 4,
    };

    expect_ok(virtio_gpu_set_scanout_blob(guest->gpu, &scanout));
}

static void show(Guest *guest, unsigned buffer)
{
    if (guest->blobs) {
        show_blob(guest, buffer);
        return;
    }
    expect_ok(virtio_gpu_transfer_2d(guest->gpu, 1 + buffer, WIDTH, HEIGHT));
    expect_ok(virtio_gpu_set_scanout(guest->gpu, 1 + buffer, all));
}

static void await_answer(Guest *guest, unsigned post)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    uint32_t response;
    unsigned which;

    while (!virtio_gpu_take_answer(guest->gpu, &which, &response)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    expect_ok(response);
    g_assert_cmpuint(which, ==, post);
}

static void flush(Guest *guest, unsigned blob)
{
    virtio_gpu_post_flush(guest->gpu, 1 + blob, all, ++guest->fence);
}

static void flip(Guest *guest, unsigned blob, uint8_t colour)
{
    paint(guest, blob, colour);
    show(guest, blob);
    flush(guest, blob);
    virtio_gpu_kick(guest->gpu);
    await_answer(guest, 0);
}

/* The viewer takes what it was sent. */
static void await_frames(Guest *guest, int frames)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;

    while (g_atomic_int_get(&guest->client.frames) < frames) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
        g_usleep(1000);
    }
}

/* How often QEMU has said that */
static unsigned times_said(Guest *guest, const char *words)
{
    g_autofree char *said = NULL;
    g_auto(GStrv) parts = NULL;

    g_assert_true(g_file_get_contents(guest->gpu->machine->errors, &said,
                                      NULL, NULL));
    parts = g_strsplit(said, words, -1);
    return MAX(g_strv_length(parts), 1) - 1;
}

static unsigned frames_given_up(Guest *guest)
{
    return times_said(guest, "console_frame_given_up");
}

/* "info frame-holds" has these words. */
static void expect_info(Guest *guest, const char *words)
{
    g_autoptr(QDict) info = qtest_qmp_assert_success_ref(
        guest->gpu->machine->qts, "{ 'execute': 'x-query-frame-holds' }");

    g_assert_nonnull(strstr(qdict_get_str(info, "human-readable-text"),
                            words));
}

/* --- Cases ---------------------------------------------------------------- */

/*
 * At 60 Hz, in solid colours: a viewer that is waited for sees no frame in two
 * of them. One that takes too long may, and slows nobody down.
 */
static void test_flips(gconstpointer opaque)
{
    const char *wanted = g_getenv("VGPU_TEST_FLIPS");
    unsigned count = wanted ? atoi(wanted) : 30;
    Guest *guest = guest_start(GPOINTER_TO_INT(opaque));
    int64_t begun = g_get_monotonic_time();

    for (unsigned i = 0; i < count; i++) {
        int64_t due = begun + (int64_t)i * FLIP_US;

        while (g_get_monotonic_time() < due) {
            g_usleep(100);
        }
        flip(guest, i % 2, i * 37);
    }
    g_test_message("%u flips in %" PRId64 " ms", count,
                   (g_get_monotonic_time() - begun) / 1000);
    await_frames(guest, 1);
    g_test_message("%d frames seen, %d torn, %u given up",
                   g_atomic_int_get(&guest->client.frames),
                   g_atomic_int_get(&guest->client.torn),
                   frames_given_up(guest));
    if (!frames_given_up(guest)) {
        g_assert_cmpint(g_atomic_int_get(&guest->client.torn), ==, 0);
    }
    guest_stop(guest);
}

/* A viewer that hangs is waited for three times, and not with each frame. */
static void test_hangs(void)
{
    Guest *guest = guest_start(NEVER);

    for (unsigned i = 0; i < 10; i++) {
        flip(guest, i % 2, i);
    }
    g_assert_cmpuint(frames_given_up(guest), ==, 3);
    expect_info(guest, "frames: 10, held: 3, given up: 3, mean: ");
    expect_info(guest, "  dbus-gl: busy, missed in a row: 3");
    guest_stop(guest);
}

/* Only the flush is held, and what has a later fence: fences keep order. */
static void test_others_go_on(void)
{
    Guest *guest = guest_start(NEVER);
    VirtioGPU *gpu = guest->gpu;

    show(guest, 0);
    flush(guest, 0);
    virtio_gpu_post_create_2d(gpu, 10, 64, 64, 0);
    virtio_gpu_post_create_2d(gpu, 11, 64, 64, ++guest->fence);
    virtio_gpu_post_create_2d(gpu, 12, 64, 64, 0);
    virtio_gpu_kick(gpu);
    virtio_gpu_move_cursor(gpu, 7, 8);
    await_answer(guest, 1);
    await_answer(guest, 3);
    await_answer(guest, 0);
    await_answer(guest, 2);
    guest_stop(guest);
}

/* What is answered late says what went wrong all the same. */
static void test_late_error(void)
{
    Guest *guest = guest_start(NEVER);
    uint32_t response;
    unsigned which;

    show(guest, 0);
    flush(guest, 0);
    virtio_gpu_post_create_2d(guest->gpu, 1, 64, 64, ++guest->fence);
    virtio_gpu_kick(guest->gpu);
    await_answer(guest, 0);
    g_assert_true(virtio_gpu_take_answer(guest->gpu, &which, &response));
    g_assert_cmphex(response, ==, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    guest_stop(guest);
}

/* Nobody waits for a flush without a fence, nor does it come twice. */
static void test_no_fence(void)
{
    Guest *guest = guest_start(0);

    show(guest, 0);
    for (unsigned i = 0; i < 5; i++) {
        expect_ok(virtio_gpu_flush(guest->gpu, 1, all));
        await_frames(guest, 2 * i + 1);
        /* what follows the viewer's answer comes before this one */
        flush(guest, 0);
        virtio_gpu_kick(guest->gpu);
        await_answer(guest, 0);
        await_frames(guest, 2 * i + 2);
    }
    g_assert_cmpint(g_atomic_int_get(&guest->client.frames), ==, 10);
    guest_stop(guest);
}

/* When the VM has stopped, nothing is written to its memory any more. */
static void test_stop(void)
{
    Guest *guest = guest_start(NEVER);
    QTestState *qts = guest->gpu->machine->qts;
    uint32_t response;
    unsigned which;

    show(guest, 0);
    flush(guest, 0);
    virtio_gpu_kick(guest->gpu);
    qtest_qmp_assert_success(qts, "{ 'execute': 'stop' }");
    g_assert_true(virtio_gpu_take_answer(guest->gpu, &which, &response));
    expect_ok(response);
    qtest_qmp_assert_success(qts, "{ 'execute': 'cont' }");
    flip(guest, 1, 3);
    guest_stop(guest);
}

static void test_migrate(void)
{
    Guest *guest = guest_start(NEVER);
    QTestState *qts = guest->gpu->machine->qts;

    show(guest, 0);
    /* this one was begun again and again, until the viewer answers */
    virtio_gpu_post_flush(guest->gpu, 1, all, 0);
    flush(guest, 0);
    virtio_gpu_kick(guest->gpu);
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate', 'arguments': "
                             "{ 'uri': 'exec:cat >/dev/null' } }");
    for (;;) {
        g_autoptr(QDict) info =
            qtest_qmp_assert_success_ref(qts, "{ 'execute': 'query-migrate' }");
        const char *status = qdict_get_str(info, "status");

        g_assert_cmpstr(status, !=, "failed");
        if (!strcmp(status, "completed")) {
            break;
        }
        g_usleep(1000);
    }
    await_answer(guest, 0);
    await_answer(guest, 1);
    guest_stop(guest);
}

/* The driver resets the device, and a viewer leaves, while a flush is held. */
static void test_reset(void)
{
    Guest *guest = guest_start(NEVER);

    for (unsigned i = 0; i < 3; i++) {
        show(guest, 0);
        flush(guest, 0);
        virtio_gpu_kick(guest->gpu);
        virtio_gpu_reset(guest->gpu);
        create_buffers(guest);
    }
    show(guest, 1);
    flush(guest, 1);
    virtio_gpu_kick(guest->gpu);
    client_stop(&guest->client);
    await_answer(guest, 0);
    guest_stop(guest);
}

/* --- 2D resources -------------------------------------------------------- */

static void expect_colour(Guest *guest, uint8_t colour)
{
    g_autoptr(VGPUPicture) picture = virtio_gpu_screendump(guest->gpu);

    g_assert_cmpuint(picture->width, ==, WIDTH);
    g_assert_cmpuint(picture->height, ==, HEIGHT);
    for (size_t i = 0; i < 3 * WIDTH * HEIGHT; i++) {
        g_assert_cmphex(picture->rgb[i], ==, colour);
    }
}

/* Until both are shown where they are: the first flush says that it waits. */
static void go_direct(Guest *guest)
{
    for (unsigned i = 0; i < 4; i++) {
        flip(guest, i % 2, 10 + i);
        expect_colour(guest, 10 + i);
    }
    g_assert_cmpuint(times_said(guest, "res 0x1: direct"), >=, 1);
    g_assert_cmpuint(times_said(guest, "res 0x2: direct"), >=, 1);
}

/* The picture is right in the copy that follows, and in those after it. */
static void expect_copied(Guest *guest, const char *why, uint8_t colour)
{
    g_assert_cmpuint(times_said(guest, why), >=, 1);
    expect_colour(guest, colour);
}

static void test_2d_direct(void)
{
    Guest *guest = guest_start_with(COPIED, 5);
    int frames;

    go_direct(guest);
    frames = g_atomic_int_get(&guest->client.frames);
    for (unsigned i = 0; i < 20; i++) {
        flip(guest, i % 2, 50 + i);
    }
    await_frames(guest, frames + 20);
    g_assert_cmpuint(times_said(guest, "warning"), ==, 0);
    if (!frames_given_up(guest)) {
        g_assert_cmpint(g_atomic_int_get(&guest->client.torn), ==, 0);
    }
    guest_stop(guest);
}

static void test_2d_front(void)
{
    Guest *guest = guest_start_with(COPIED, 0);

    go_direct(guest);
    paint(guest, 1, 77);
    expect_ok(virtio_gpu_transfer_2d(guest->gpu, 2, WIDTH, HEIGHT));
    flush(guest, 1);
    virtio_gpu_kick(guest->gpu);
    await_answer(guest, 0);
    expect_copied(guest, "res 0x2: the guest draws into", 77);
    /* what is drawn is not seen before it is transferred */
    paint(guest, 1, 78);
    expect_colour(guest, 77);
    flip(guest, 0, 79);
    expect_colour(guest, 79);
    flip(guest, 1, 80);
    expect_colour(guest, 80);
    guest_stop(guest);
}

static void test_2d_no_fence(void)
{
    Guest *guest = guest_start_with(COPIED, 0);

    go_direct(guest);
    paint(guest, 0, 77);
    show(guest, 0);
    expect_ok(virtio_gpu_flush(guest->gpu, 1, all));
    expect_copied(guest, "res 0x1: the guest does not wait", 77);
    go_direct(guest);
    guest_stop(guest);
}

/* Memory that is detached, freed or changed while it is on screen */
static void test_2d_gone(void)
{
    Guest *guest = guest_start_with(COPIED, 0);

    go_direct(guest);
    expect_ok(virtio_gpu_detach_backing(guest->gpu, 2));
    paint(guest, 1, 99);
    expect_colour(guest, 13);
    expect_ok(virtio_gpu_attach_backing(guest->gpu, 2, &guest->buffers[0]));
    flip(guest, 0, 20);
    flip(guest, 1, 21);
    expect_ok(virtio_gpu_unref(guest->gpu, 1));
    expect_ok(virtio_gpu_unref(guest->gpu, 2));
    vgpu_picture_free(virtio_gpu_screendump(guest->gpu));
    create_buffers(guest);
    go_direct(guest);
    guest_stop(guest);
}

/* Parts that are no whole pages, and pixels at another place */
static void test_2d_odd(void)
{
    Guest *guest = guest_start_with(COPIED, 0);
    VirtioGPUMemory memory = virtio_gpu_alloc(guest->gpu, 2 * SIZE, 1);

    go_direct(guest);
    memory.addr += 16;
    memory.size -= 16;
    expect_ok(virtio_gpu_unref(guest->gpu, 1));
    create_2d(guest, 1, &memory);
    qtest_memset(guest->gpu->machine->qts, memory.addr, 55, SIZE);
    show(guest, 0);
    flush(guest, 0);
    virtio_gpu_kick(guest->gpu);
    await_answer(guest, 0);
    expect_copied(guest, "res 0x1: no dma-buf can be made", 55);
    guest_stop(guest);
}

/* Many resources are shown, with few descriptors. */
static void test_2d_many(void)
{
    Guest *guest = guest_start_with(COPIED, 0);
    unsigned files;

    go_direct(guest);
    files = vgpu_machine_open_files(guest->gpu->machine);
    for (unsigned i = 0; i < 60; i++) {
        create_2d(guest, 100 + i, &guest->buffers[i % 2]);
        expect_ok(virtio_gpu_set_scanout(guest->gpu, 100 + i, all));
        virtio_gpu_post_flush(guest->gpu, 100 + i, all, ++guest->fence);
        virtio_gpu_kick(guest->gpu);
        await_answer(guest, 0);
    }
    /* each has an image of its own in a file */
    vgpu_machine_expect_files(guest->gpu->machine, files + 60 + 20);
    guest_stop(guest);
}

static void test_2d_off(void)
{
    Guest *guest = guest_start_with(COPIED ",x-dmabuf-2d=off", 0);

    for (unsigned i = 0; i < 4; i++) {
        flip(guest, i % 2, i);
        expect_colour(guest, i);
    }
    g_assert_cmpuint(times_said(guest, ": direct"), ==, 0);
    guest_stop(guest);
}

/* --- Whether they can run here -------------------------------------------- */

static const char *what_is_missing(void)
{
    if (!g_getenv("VGPU_TEST_GL")) {
        return "VGPU_TEST_GL does not say that there is OpenGL";
    }
    if (access("/dev/udmabuf", R_OK | W_OK) < 0) {
        return "no /dev/udmabuf";
    }
    return qtest_has_device("virtio-gpu-pci") ? NULL : "no virtio-gpu";
}

static void test_skipped(gconstpointer reason)
{
    g_test_skip(reason);
}

int main(int argc, char **argv)
{
    static const int delays_ms[] = { 0, 10, 40, 400 };
    const char *missing;

    g_test_init(&argc, &argv, NULL);
    missing = what_is_missing();
    if (missing) {
        qtest_add_data_func("virtio-gpu/holds", missing, test_skipped);
        return g_test_run();
    }
    for (unsigned i = 0; i < ARRAY_SIZE(delays_ms); i++) {
        g_autofree char *path =
            g_strdup_printf("virtio-gpu/holds/flips/%d", delays_ms[i]);

        qtest_add_data_func(path, GINT_TO_POINTER(delays_ms[i]), test_flips);
    }
    qtest_add_func("virtio-gpu/holds/hangs", test_hangs);
    qtest_add_func("virtio-gpu/holds/others-go-on", test_others_go_on);
    qtest_add_func("virtio-gpu/holds/late-error", test_late_error);
    qtest_add_func("virtio-gpu/holds/no-fence", test_no_fence);
    qtest_add_func("virtio-gpu/holds/stop", test_stop);
    qtest_add_func("virtio-gpu/holds/migrate", test_migrate);
    qtest_add_func("virtio-gpu/holds/reset", test_reset);
    qtest_add_func("virtio-gpu/2d/direct", test_2d_direct);
    qtest_add_func("virtio-gpu/2d/front", test_2d_front);
    qtest_add_func("virtio-gpu/2d/no-fence", test_2d_no_fence);
    qtest_add_func("virtio-gpu/2d/gone", test_2d_gone);
    qtest_add_func("virtio-gpu/2d/odd", test_2d_odd);
    qtest_add_func("virtio-gpu/2d/many", test_2d_many);
    qtest_add_func("virtio-gpu/2d/off", test_2d_off);
    return g_test_run();
}
