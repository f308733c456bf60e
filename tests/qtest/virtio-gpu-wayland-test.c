/*
 * virtio-gpu-wayland: a guest's programs on the host's compositor
 *
 * The test is both the guest's driver with its proxy, and the compositor.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qobject/qstring.h"
#include "virtio-gpu-wayland-compositor.h"
#include "virtio-gpu-wayland-guest.h"

#define CAPSET 5
#define MEMORY 1
#define READ_PIPE 3
#define OK VIRTIO_GPU_RESP_OK_NODATA

/* Memory is shared as files: that every host can. */
#define FILES ",dmabuf=off"

/* --- The guest's side --------------------------------------------------- */

/* An error of Wayland's, and then nothing. */
static void expect_end(Guest *guest, const Connection *connection,
                       const char *why)
{
    uint8_t ring[GUEST_PAGE];

    guest_event(guest, connection, guest_poll(guest, connection->context),
                ring);
    g_assert_cmpuint(ring[0], ==, 5);
    g_assert_cmpuint(ldl_le_p(ring + 64), ==, 1);
    g_assert_cmpuint(lduw_le_p(ring + 64 + 4), ==, 0);
    g_assert_cmpuint(lduw_le_p(ring + 64 + 6), ==, ldl_le_p(ring + 12));
    g_assert_cmpstr((char *)ring + 64 + 20, ==, why);
    expect_message(guest, connection, NULL, 0);
}

static void stop(Guest *guest, unsigned warnings)
{
    g_assert_cmpuint(vgpu_machine_warnings(guest->machine), ==, warnings);
    guest_stop(guest);
}

/* --- What the device says ----------------------------------------------- */

static void test_capabilities(void)
{
    Guest *guest = guest_start(FILES);
    struct virtio_gpu_get_capset_info info = { 0 };
    struct virtio_gpu_get_capset get = { .capset_id = cpu_to_le32(CAPSET) };
    struct virtio_gpu_resp_capset_info about;
    struct {
        struct virtio_gpu_resp_capset hdr;
        uint32_t words[4];
    } caps;
    unsigned slot;

    slot = guest_post(guest, VIRTIO_GPU_CMD_GET_CAPSET_INFO, 0, GUEST_NO_RING,
                      &info, sizeof(info));
    g_assert_cmphex(guest_wait_response(guest, slot, &about, sizeof(about)),
                    ==, VIRTIO_GPU_RESP_OK_CAPSET_INFO);
    g_assert_cmpuint(le32_to_cpu(about.capset_id), ==, CAPSET);
    g_assert_cmpuint(le32_to_cpu(about.capset_max_size), ==, 16);

    slot = guest_post(guest, VIRTIO_GPU_CMD_GET_CAPSET, 0, GUEST_NO_RING,
                      &get, sizeof(get));
    g_assert_cmphex(guest_wait_response(guest, slot, &caps, sizeof(caps)), ==,
                    VIRTIO_GPU_RESP_OK_CAPSET);
    g_assert_cmpuint(le32_to_cpu(caps.words[0]), ==, 1);
    g_assert_cmpuint(le32_to_cpu(caps.words[1]), ==, 2);
    g_assert_cmpuint(le32_to_cpu(caps.words[2]), ==, 0);

    get.capset_id = cpu_to_le32(VIRTIO_GPU_CAPSET_VIRGL);
    g_assert_cmphex(guest_command(guest, VIRTIO_GPU_CMD_GET_CAPSET, 0, &get,
                                  sizeof(get)), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    stop(guest, 0);
}

/* Contexts of other kinds, and numbers that are wrong. */
static void test_contexts(void)
{
    Guest *guest = guest_start(FILES);
    uint32_t poll[2] = { cpu_to_le32(3 | 8 << 16) };

    expect_ok(guest_create_context(guest, 1, 0));
    g_assert_cmphex(guest_create_context(guest, 1, 0), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
    g_assert_cmphex(guest_create_context(guest, 0, CAPSET), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
    g_assert_cmphex(guest_create_context(guest, 2, VIRTIO_GPU_CAPSET_VIRGL),
                    ==, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    g_assert_cmphex(guest_submit(guest, 1, poll, sizeof(poll)), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
    g_assert_cmphex(guest_submit(guest, 3, poll, sizeof(poll)), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
    guest_create_page(guest, 1, 7);
    expect_ok(guest_destroy_context(guest, 1));
    g_assert_cmphex(guest_destroy_context(guest, 1), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
    expect_ok(guest_unref(guest, 7));
    g_assert_cmphex(guest_unref(guest, 7), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);

    /* There is an end to them, and room again after it. */
    for (unsigned i = 1; i <= 64; i++) {
        expect_ok(guest_create_context(guest, i, CAPSET));
    }
    g_assert_cmphex(guest_create_context(guest, 65, CAPSET), ==,
                    VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    expect_ok(guest_destroy_context(guest, 10));
    expect_ok(guest_create_context(guest, 65, CAPSET));
    stop(guest, 0);
}

/* --- Talk --------------------------------------------------------------- */

static void test_talk(void)
{
    Guest *guest = guest_start(FILES);
    Connection one = guest_connect(guest, 1);
    Connection two = guest_connect(guest, 2);
    uint8_t message[64], ring[GUEST_PAGE];
    unsigned poll;

    expect_ok(guest_send(guest, &one, "hello", 5, NULL, NULL, 0));
    expect_ok(guest_send(guest, &two, "other", 5, NULL, NULL, 0));
    hear(two.fd, "other");
    hear(one.fd, "hello");

    /* A poll waits for its own connection, and nothing waits for it. */
    fill_message(message, sizeof(message));
    poll = guest_poll(guest, 1);
    say(two.fd, message, sizeof(message));
    expect_message(guest, &two, message, sizeof(message));
    g_assert_false(guest_is_answered(guest, poll));
    say(one.fd, message, 8);
    guest_event(guest, &one, poll, ring);
    expect_receive(ring, 0, message, 8);

    /* What is said before the poll is not lost. */
    say(one.fd, message, sizeof(message));
    expect_message(guest, &one, message, sizeof(message));
    expect_ok(guest_destroy_context(guest, 1));
    hear_end(one.fd);
    expect_ok(guest_destroy_context(guest, 2));
    hear_end(two.fd);
    stop(guest, 0);
}

/* More than fits into a ring comes in pieces, in order. */
static void test_long_messages(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    uint8_t message[10000], heard[sizeof(message)], ring[GUEST_PAGE];
    size_t at = 0;

    fill_message(message, sizeof(message));
    say(connection.fd, message, sizeof(message));
    while (at < sizeof(message)) {
        size_t len;

        guest_event(guest, &connection, guest_poll(guest, 1), ring);
        len = ldl_le_p(ring + 12);
        g_assert_cmpuint(len, >, 0);
        g_assert_cmpuint(len, <=, sizeof(message) - at);
        memcpy(heard + at, ring + 64, len);
        at += len;
    }
    g_assert_cmpmem(heard, sizeof(heard), message, sizeof(message));
    close(connection.fd);
    stop(guest, 0);
}

/* The longer layout is used by who uses it. */
static void test_layouts(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    uint8_t message[8], ring[GUEST_PAGE];

    connection.max_ids = 28;
    expect_ok(guest_send(guest, &connection, "hello", 5, NULL, NULL, 0));
    hear(connection.fd, "hello");
    fill_message(message, sizeof(message));
    say(connection.fd, message, sizeof(message));
    guest_event(guest, &connection, guest_poll(guest, 1), ring);
    g_assert_cmpuint(ldl_le_p(ring + 12), ==, sizeof(message));
    g_assert_cmpmem(ring + 352, sizeof(message), message, sizeof(message));
    close(connection.fd);
    stop(guest, 0);
}

/* --- Mistakes ----------------------------------------------------------- */

typedef struct Mistake {
    const char *name;
    uint32_t words[10];
    size_t len;
    const char *why;
} Mistake;

#define HEAD(cmd, size) ((cmd) | 0xff00u | (uint32_t)(size) << 16)
#define SEND_SIZE 68

static const Mistake mistakes[] = {
    { "unknown", { HEAD(99, 8) }, 8, "a command is of an unknown kind" },
    { "short", { HEAD(3, 8) }, 4, "a command is shorter than its header" },
    { "endless", { HEAD(3, 4) }, 8, "a command is of a size that cannot be" },
    { "init-twice", { HEAD(1, 20), 0, 2, 3, 1 }, 20,
      "a command INIT comes again" },
    { "no-pipe", { HEAD(4, SEND_SIZE), 0, 1, 4, 5, 0, 0, 0, READ_PIPE },
      SEND_SIZE, "a command SEND names what cannot be sent" },
    { "no-resource", { HEAD(4, SEND_SIZE), 0, 1, 4, 77, 0, 0, 0, MEMORY },
      SEND_SIZE, "a command SEND names what cannot be sent" },
    { "foreign-resource", { HEAD(4, SEND_SIZE), 0, 1, 4, 200, 0, 0, 0, MEMORY },
      SEND_SIZE, "a command SEND names what cannot be sent" },
    { "all-of-the-memory", { HEAD(4, SEND_SIZE), 0, 1, 4, 2, 0, 0, 0, MEMORY },
      SEND_SIZE, "a command SEND names what cannot be sent" },
    { "no-type", { HEAD(4, SEND_SIZE), 0, 1, 4, 2, 0, 0, 0, 9 }, SEND_SIZE,
      "a command SEND names what cannot be sent" },
    { "after-good", { HEAD(3, 8), 0, HEAD(0, 8) }, 16,
      "a command is of an unknown kind" },
};

static void make_mistake(Guest *guest, const Mistake *mistake)
{
    Connection connection = guest_connect(guest, 1);
    uint8_t buf[SEND_SIZE] = { 0 };

    g_test_message("%s", mistake->name);
    for (unsigned i = 0; i < ARRAY_SIZE(mistake->words); i++) {
        stl_le_p(buf + 4 * i, mistake->words[i]);
    }
    g_assert_cmphex(guest_submit(guest, 1, buf, mistake->len), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    hear_end(connection.fd);
    expect_end(guest, &connection, mistake->why);
    g_assert_cmphex(guest_send(guest, &connection, "more", 4, NULL, NULL, 0),
                    ==, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    expect_ok(guest_destroy_context(guest, 1));
    expect_ok(guest_unref(guest, 2));
    expect_ok(guest_unref(guest, 3));
}

/* Each ends its connection, and none another one. */
static void test_mistakes(void)
{
    Guest *guest = guest_start(FILES);
    Connection other = guest_connect(guest, 2);
    uint32_t blob_id;
    uint64_t size = query_image(guest, &other, 8, 8, &blob_id);

    expect_ok(guest_create_host_blob(guest, 2, 200, blob_id, size));
    for (unsigned i = 0; i < ARRAY_SIZE(mistakes); i++) {
        make_mistake(guest, &mistakes[i]);
    }
    expect_ok(guest_send(guest, &other, "hello", 5, NULL, NULL, 0));
    hear(other.fd, "hello");
    close(other.fd);
    stop(guest, 1);
}

/* Rings that are none, or are taken away. */
static void test_rings(void)
{
    Guest *guest = guest_start(FILES);
    uint32_t init[5] = { cpu_to_le32(HEAD(1, 20)), 0, cpu_to_le32(50),
                         cpu_to_le32(51), cpu_to_le32(1) };
    Connection connection;
    unsigned poll;

    expect_ok(guest_create_context(guest, 9, CAPSET));
    g_assert_cmphex(guest_submit(guest, 9, init, sizeof(init)), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    poll = guest_poll(guest, 9);
    expect_ok(guest_wait(guest, poll));

    connection = guest_connect(guest, 1);
    poll = guest_poll(guest, 1);
    expect_ok(guest_unref(guest, 3));
    say(connection.fd, "12345678", 8);
    expect_ok(guest_wait(guest, poll));
    hear_end(connection.fd);
    stop(guest, 1);
}

/* A ring with a register in it: to reset the device from within is no use. */
static void test_register_in_ring(void)
{
    Guest *guest = guest_start(FILES);
    uint64_t page = guest_alloc(&guest->alloc, GUEST_PAGE);
    const struct virtio_gpu_mem_entry entries[] = {
        { cpu_to_le64(page), cpu_to_le32(64) },
        { cpu_to_le64(guest_status_register(guest)), cpu_to_le32(1) },
        { cpu_to_le64(page + 65), cpu_to_le32(GUEST_PAGE - 65) },
    };
    uint32_t init[5] = { cpu_to_le32(HEAD(1, 20)), 0, cpu_to_le32(50),
                         cpu_to_le32(51), cpu_to_le32(1) };
    unsigned poll;
    int fd;

    expect_ok(guest_create_context(guest, 1, CAPSET));
    guest_create_page(guest, 1, 50);
    guest_create_blob(guest, 1, 51, entries, ARRAY_SIZE(entries));
    expect_ok(guest_submit(guest, 1, init, sizeof(init)));
    fd = guest_accept(guest);
    poll = guest_poll(guest, 1);
    say(fd, "\0\0\0\0\0\0\x08\0", 8);
    expect_ok(guest_wait(guest, poll));
    hear_end(fd);
    expect_ok(guest_destroy_context(guest, 1));
    /* One is QEMU's own: it did not read the register for the blob either. */
    stop(guest, 2);
}

/* The same with the answer to a poll. */
static void test_register_for_answer(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    uint8_t message[16];
    unsigned poll;

    fill_message(message, sizeof(message));
    guest->response = guest_status_register(guest);
    poll = guest_poll(guest, 1);
    guest->response = 0;
    say(connection.fd, message, sizeof(message));
    guest_wait(guest, poll);
    say(connection.fd, message, sizeof(message));
    expect_message(guest, &connection, message, sizeof(message));
    close(connection.fd);
    /* QEMU's own, which says that it did not write it. */
    stop(guest, 1);
}

/* Who polls and polls takes no more places than it may. */
static void test_polls(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    unsigned polls[4];

    for (unsigned i = 0; i < ARRAY_SIZE(polls); i++) {
        polls[i] = guest_poll(guest, 1);
    }
    hear_end(connection.fd);
    for (unsigned i = 0; i < ARRAY_SIZE(polls); i++) {
        guest_wait(guest, polls[i]);
    }
    stop(guest, 1);
}

/* A compositor that does not read costs its connection, not memory. */
static void test_deaf_compositor(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    g_autofree char *text = g_strnfill(8000, 'x');
    unsigned sent = 0;

    while (guest_send(guest, &connection, text, 8000, NULL, NULL, 0) == OK) {
        g_assert_cmpuint(++sent, <, 1000);
    }
    g_assert_cmpuint(sent, >, 100);
    close(connection.fd);
    expect_end(guest, &connection,
               "the compositor does not read what it sends");
    stop(guest, 1);
}

/* --- Ends and beginnings ------------------------------------------------ */

/* A machine that cannot be made, after the device has been, ends in order. */
static void test_no_machine(void)
{
    const char *argv[] = {
        g_getenv("QTEST_QEMU_BINARY"), "-machine", "pc", "-accel", "qtest",
        "-display", "none", "-vga", "none", "-device",
        "virtio-gpu-wayland-pci,wayland=/none,romfile=/none/rom", NULL
    };
    g_autofree char *errors = NULL;
    int status;

    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
                               G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
                               &errors, &status, NULL));
    g_assert_nonnull(strstr(errors, "/none/rom"));
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void test_compositor_goes(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1), failed;
    unsigned poll;

    say(connection.fd, "1234\0\0\x08\0", 8);
    close(connection.fd);
    guest_stop_listening(guest);
    expect_message(guest, &connection, "1234\0\0\x08\0", 8);
    expect_end(guest, &connection, "the host's compositor has gone");
    poll = guest_poll(guest, 1);

    g_assert_cmphex(guest_init(guest, &failed, 2), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    guest_listen(guest);
    connection = guest_connect(guest, 3);
    expect_ok(guest_send(guest, &connection, "hello", 5, NULL, NULL, 0));
    hear(connection.fd, "hello");

    g_assert_false(guest_is_answered(guest, poll));
    expect_ok(guest_destroy_context(guest, 1));
    expect_ok(guest_wait(guest, poll));
    close(connection.fd);
    stop(guest, 1);
}

/* In the middle of a message there is no room for another one. */
static void test_compositor_goes_early(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);

    say(connection.fd, "1234\0\0\x10\0", 8);
    close(connection.fd);
    expect_message(guest, &connection, "1234\0\0\x10\0", 8);
    expect_message(guest, &connection, NULL, 0);
    stop(guest, 0);
}

/* With polls, buffers and descriptors of all kinds. */
static void test_reset(void)
{
    Guest *guest = guest_start(FILES);
    unsigned files = vgpu_machine_open_files(guest->machine);
    uint8_t message[16];
    int fds[2];

    fill_message(message, sizeof(message));
    for (unsigned i = 0; i < 3; i++) {
        Connection connection = guest_connect(guest, 1);
        uint32_t blob_id;
        uint64_t size = query_image(guest, &connection, 64, 64, &blob_id);

        expect_ok(guest_create_host_blob(guest, 1, 20, blob_id, size));
        g_assert_cmphex(guest_map(guest, 20, 0), ==,
                        VIRTIO_GPU_RESP_OK_MAP_INFO);
        qpci_io_writel(guest->pci->pdev, guest->window, 0, 0x12345678);
        g_assert_true(g_unix_open_pipe(fds, FD_CLOEXEC, NULL));
        say_with_fds(connection.fd, message, sizeof(message), &fds[1], 1);
        expect_ok(guest_send(guest, &connection, "hello", 5, NULL, NULL, 0));
        guest_wait(guest, guest_poll(guest, 1));
        guest_poll(guest, 1);
        guest_reset(guest);
        hear(connection.fd, "hello");
        hear_end(connection.fd);
        close(fds[0]);
        close(fds[1]);
        g_assert_cmphex(qpci_io_readl(guest->pci->pdev, guest->window, 0), ==,
                        0);
        vgpu_machine_expect_files(guest->machine, files);
    }
    stop(guest, 0);
}

static void test_stopped(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    uint8_t message[16], ring[GUEST_PAGE];
    unsigned poll = guest_poll(guest, 1);

    fill_message(message, sizeof(message));
    qtest_qmp_assert_success(guest->machine->qts, "{ 'execute': 'stop' }");
    say(connection.fd, message, sizeof(message));
    qtest_qmp_assert_success(guest->machine->qts,
                             "{ 'execute': 'query-status' }");
    g_assert_false(guest_is_answered(guest, poll));
    qtest_qmp_assert_success(guest->machine->qts, "{ 'execute': 'cont' }");
    guest_event(guest, &connection, poll, ring);
    expect_receive(ring, 0, message, sizeof(message));
    close(connection.fd);
    stop(guest, 0);
}

static bool is_blocked(Guest *guest, const char *why)
{
    QDict *reply = qtest_qmp_assert_success_ref(
        guest->machine->qts, "{ 'execute': 'query-migrate' }");
    QList *reasons = qdict_get_qlist(reply, "blocked-reasons");
    const QListEntry *entry = reasons ? qlist_first(reasons) : NULL;
    bool blocked = entry != NULL;

    if (blocked) {
        const char *reason = qstring_get_str(
            qobject_to(QString, qlist_entry_obj(entry)));

        g_assert_nonnull(strstr(reason, why));
    }
    qobject_unref(reply);
    return blocked;
}

static void test_migration(void)
{
    const char *why = "the guest is connected to the host's Wayland";
    Guest *guest = guest_start(FILES);
    Connection connection;
    uint32_t blob_id;
    uint64_t size;

    g_assert_false(is_blocked(guest, why));
    expect_ok(guest_create_context(guest, 5, 0));
    g_assert_false(is_blocked(guest, why));
    connection = guest_connect(guest, 1);
    g_assert_true(is_blocked(guest, why));
    size = query_image(guest, &connection, 64, 64, &blob_id);
    expect_ok(guest_create_host_blob(guest, 1, 20, blob_id, size));
    expect_ok(guest_destroy_context(guest, 1));
    g_assert_true(is_blocked(guest, why));
    expect_ok(guest_unref(guest, 20));
    g_assert_false(is_blocked(guest, why));
    close(connection.fd);
    stop(guest, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/virtio-gpu/wayland/capabilities", test_capabilities);
    qtest_add_func("/virtio-gpu/wayland/contexts", test_contexts);
    qtest_add_func("/virtio-gpu/wayland/talk", test_talk);
    qtest_add_func("/virtio-gpu/wayland/long-messages", test_long_messages);
    qtest_add_func("/virtio-gpu/wayland/layouts", test_layouts);
    qtest_add_func("/virtio-gpu/wayland/mistakes", test_mistakes);
    qtest_add_func("/virtio-gpu/wayland/rings", test_rings);
    qtest_add_func("/virtio-gpu/wayland/register-in-ring",
                   test_register_in_ring);
    qtest_add_func("/virtio-gpu/wayland/register-for-answer",
                   test_register_for_answer);
    qtest_add_func("/virtio-gpu/wayland/polls", test_polls);
    qtest_add_func("/virtio-gpu/wayland/deaf-compositor", test_deaf_compositor);
    qtest_add_func("/virtio-gpu/wayland/no-machine", test_no_machine);
    qtest_add_func("/virtio-gpu/wayland/compositor-goes", test_compositor_goes);
    qtest_add_func("/virtio-gpu/wayland/compositor-goes-early",
                   test_compositor_goes_early);
    qtest_add_func("/virtio-gpu/wayland/reset", test_reset);
    qtest_add_func("/virtio-gpu/wayland/stopped", test_stopped);
    qtest_add_func("/virtio-gpu/wayland/migration", test_migration);
    return g_test_run();
}
