/*
 * virtio-gpu-wayland: memory and pipes, in both directions, and the screen
 *
 * What needs dma-bufs is left out where the host has no /dev/udmabuf.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>
#include <sys/socket.h>
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "virtio-gpu-driver.h"
#include "virtio-gpu-wayland-compositor.h"
#include "virtio-gpu-wayland-guest.h"

#define MEMORY 1
#define READ_PIPE 3
#define WRITE_PIPE 4

/* Memory is shared as files: that every host can. */
#define FILES ",dmabuf=off"

static void stop(Guest *guest, unsigned warnings)
{
    g_assert_cmpuint(vgpu_machine_warnings(guest->machine), ==, warnings);
    guest_stop(guest);
}

static uint32_t ring_id(const uint8_t *ring, unsigned i)
{
    return ldl_le_p(ring + 16 + 4 * i);
}

static uint32_t ring_type(const uint8_t *ring, unsigned i)
{
    return ldl_le_p(ring + 16 + 4 * (4 + i));
}

static uint32_t ring_size(const uint8_t *ring, unsigned i)
{
    return ldl_le_p(ring + 16 + 4 * (8 + i));
}

/* --- Memory ------------------------------------------------------------- */

/* Both sides see what the other one draws, without a copy. */
static void test_buffers(void)
{
    Guest *guest = guest_start(FILES);
    QPCIDevice *pci = guest->pci->pdev;
    Connection connection = guest_connect(guest, 1);
    const uint32_t id = 20, type = MEMORY;
    uint32_t blob_id, pixel;
    uint8_t *pixels;
    uint64_t size = query_image(guest, &connection, 320, 200, &blob_id);
    int fd;

    g_assert_cmpuint(size, ==, 258048);
    expect_ok(guest_create_host_blob(guest, 1, id, blob_id, size));
    g_assert_cmphex(guest_map(guest, id, 0x10000), ==,
                    VIRTIO_GPU_RESP_OK_MAP_INFO);
    expect_ok(guest_send(guest, &connection, "pool", 4, &id, &type, 1));
    fd = hear(connection.fd, "pool");
    g_assert_cmpint(fd, >=, 0);

    pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(pixels != MAP_FAILED);
    qpci_io_writel(pci, guest->window, 0x10000 + 1280, 0x11223344);
    g_assert_cmphex(ldl_le_p(pixels + 1280), ==, 0x11223344);
    stl_le_p(pixels + size - 4, 0x55667788);
    g_assert_cmphex(qpci_io_readl(pci, guest->window, 0x10000 + size - 4), ==,
                    0x55667788);
    /* Nobody can take it from under anybody. */
    g_assert_cmpint(ftruncate(fd, 4096), ==, -1);

    /* The compositor keeps what the guest gives up. */
    expect_ok(guest_unmap(guest, id));
    pixel = qpci_io_readl(pci, guest->window, 0x10000 + 1280);
    g_assert_cmphex(pixel, ==, 0);
    qpci_io_writel(pci, guest->window, 0x10000 + 1280, 0x99);
    expect_ok(guest_unref(guest, id));
    g_assert_cmphex(ldl_le_p(pixels + 1280), ==, 0x11223344);
    munmap(pixels, size);
    close(fd);
    close(connection.fd);
    stop(guest, 0);
}

static void test_buffers_wrong(void)
{
    Guest *guest = guest_start(FILES ",max_hostmem=1M");
    Connection connection = guest_connect(guest, 1);
    const uint32_t bad = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    const uint32_t no_memory = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    const uint32_t no_resource = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    uint32_t blob_id;
    uint64_t size = query_image(guest, &connection, 320, 200, &blob_id);

#define CREATE(id, blob_id, size) \
    guest_create_host_blob(guest, 1, id, blob_id, size)
    g_assert_cmphex(CREATE(0, blob_id, size), ==, no_resource);
    g_assert_cmphex(CREATE(2, blob_id, size), ==, no_resource);
    g_assert_cmphex(CREATE(20, blob_id, size - 4096), ==, bad);
    g_assert_cmphex(CREATE(20, blob_id, 0), ==, no_memory);
    g_assert_cmphex(CREATE(20, blob_id, UINT64_MAX), ==, no_memory);
    g_assert_cmphex(CREATE(20, 0, 4096), ==, bad);
    g_assert_cmphex(CREATE(20, 1, 4096), ==, bad);
    g_assert_cmphex(CREATE(20, 2 * 512, 512 * 4096), ==, no_memory);
    for (uint32_t i = 0; i < 4; i++) {
        expect_ok(CREATE(20 + i, blob_id, size));
    }
    g_assert_cmphex(CREATE(30, blob_id, size), ==, no_memory);
    expect_ok(guest_unref(guest, 20));
    expect_ok(CREATE(30, blob_id, size));
#undef CREATE

    g_assert_cmphex(guest_map(guest, 99, 0), ==, no_resource);
    g_assert_cmphex(guest_map(guest, 2, 0), ==, no_resource);
    g_assert_cmphex(guest_map(guest, 30, 1), ==, bad);
    g_assert_cmphex(guest_map(guest, 30, 16 * MiB - 4096), ==, bad);
    g_assert_cmphex(guest_map(guest, 30, 16 * MiB), ==, bad);
    g_assert_cmphex(guest_map(guest, 30, UINT64_MAX - 4095), ==, bad);
    g_assert_cmphex(guest_map(guest, 30, 0), ==, VIRTIO_GPU_RESP_OK_MAP_INFO);
    g_assert_cmphex(guest_map(guest, 30, 0x100000), ==, bad);
    g_assert_cmphex(guest_unmap(guest, 99), ==, no_resource);

    /* A resource is gone while it is mapped, and what it was can be read. */
    expect_ok(guest_unref(guest, 30));
    g_assert_cmphex(qpci_io_readl(guest->pci->pdev, guest->window, 0), ==, 0);
    close(connection.fd);
    stop(guest, 0);
}

/* Only who is connected has memory of the host's; and no number is taken. */
static void test_buffers_unconnected(void)
{
    const uint32_t no_context = VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    uint32_t blob_id;
    uint64_t size = query_image(guest, &connection, 320, 200, &blob_id);

    expect_ok(guest_create_context(guest, 5, 0));
    for (uint32_t context = 0; context <= 5; context += 5) {
        g_assert_cmphex(guest_create_host_blob(guest, context, 20, blob_id,
                                               size), ==, no_context);
        g_assert_cmphex(guest_unref(guest, 20), ==,
                        VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    }
    close(connection.fd);
    stop(guest, 0);
}

/* What the compositor sends is a copy, that nobody can change or shrink. */
static void test_keymap(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    static uint8_t keymap[5000];
    uint8_t message[16], ring[GUEST_PAGE], page[16];
    int fd;

    fill_message(keymap, sizeof(keymap));
    fill_message(message, sizeof(message));
    fd = make_file(keymap, sizeof(keymap));
    say_with_fds(connection.fd, message, sizeof(message), &fd, 1);
    guest_event(guest, &connection, guest_poll(guest, 1), ring);
    expect_receive(ring, 1, message, sizeof(message));
    g_assert_cmpuint(ring_type(ring, 0), ==, MEMORY);
    g_assert_cmpuint(ring_size(ring, 0), ==, sizeof(keymap));
    g_assert_cmpint(ftruncate(fd, 0), ==, 0);
    close(fd);

    expect_ok(guest_create_host_blob(guest, 1, 20, ring_id(ring, 0),
                                     sizeof(keymap)));
    g_assert_cmphex(guest_create_host_blob(guest, 1, 21, ring_id(ring, 0),
                                           sizeof(keymap)), ==,
                    VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    g_assert_cmphex(guest_map(guest, 20, 0x4000), ==,
                    VIRTIO_GPU_RESP_OK_MAP_INFO);
    qpci_memread(guest->pci->pdev, guest->window, 0x4000 + 4096, page,
                 sizeof(page));
    g_assert_cmpmem(page, sizeof(page), keymap + 4096, sizeof(page));
    close(connection.fd);
    stop(guest, 0);
}

/* More descriptors than a message has room for, none after its message. */
static void test_many_descriptors(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    uint8_t message[40], heard[sizeof(message)], ring[GUEST_PAGE];
    unsigned n_ids = 0;
    size_t len = 0;
    int fds[10];

    fill_message(message, sizeof(message));
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = make_file("keymap", 1 + i);
    }
    say_with_fds(connection.fd, message, sizeof(message), fds,
                 ARRAY_SIZE(fds));
    while (len < sizeof(message)) {
        guest_event(guest, &connection, guest_poll(guest, 1), ring);
        for (unsigned i = 0; i < ldl_le_p(ring + 8); i++) {
            g_assert_cmpuint(ring_size(ring, i), ==, ++n_ids);
        }
        memcpy(heard + len, ring + 64, ldl_le_p(ring + 12));
        len += ldl_le_p(ring + 12);
    }
    g_assert_cmpuint(n_ids, ==, ARRAY_SIZE(fds));
    g_assert_cmpmem(heard, len, message, sizeof(message));
    for (unsigned i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
    close(connection.fd);
    stop(guest, 0);
}

/* A file may be where reading waits for a network: the kernel's are none. */
static void test_file(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    int fd = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    say_with_fds(connection.fd, "12345678", 8, &fd, 1);
    close(fd);
    expect_ok(guest_wait(guest, guest_poll(guest, 1)));
    hear_end(connection.fd);
    stop(guest, 1);
}

/* --- Pipes -------------------------------------------------------------- */

static void expect_pipe(Guest *guest, const Connection *connection,
                        uint32_t pipe, bool hang_up, const char *text)
{
    uint8_t ring[GUEST_PAGE];

    guest_event(guest, connection, guest_poll(guest, 1), ring);
    g_assert_cmpuint(ring[0], ==, 6);
    g_assert_cmphex((uint32_t)ldl_le_p(ring + 8), ==, pipe);
    g_assert_cmpuint(ldl_le_p(ring + 12), ==, hang_up);
    g_assert_cmpmem(ring + 24, ldl_le_p(ring + 16), text, strlen(text));
}

static uint32_t write_pipe(Guest *guest, uint32_t pipe, bool hang_up,
                           const char *text)
{
    size_t len = strlen(text);
    g_autofree uint8_t *buf = g_malloc(24 + len);

    stl_le_p(buf, 7 | 0xff << 8 | (uint32_t)(24 + len) << 16);
    stl_le_p(buf + 4, 0);
    stl_le_p(buf + 8, pipe);
    stl_le_p(buf + 12, hang_up);
    stl_le_p(buf + 16, len);
    stl_le_p(buf + 20, 0);
    memcpy(buf + 24, text, len);
    return guest_submit(guest, 1, buf, 24 + len);
}

static void test_pipes(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    const uint32_t pipe = 0x80000001, type = READ_PIPE;
    uint8_t message[16], ring[GUEST_PAGE];
    char text[16];
    int fds[2], fd;

    /* The guest pastes: the host's program writes. */
    expect_ok(guest_send(guest, &connection, "offer", 5, &pipe, &type, 1));
    fd = hear(connection.fd, "offer");
    g_assert_cmpint(write(fd, "from host", 9), ==, 9);
    expect_pipe(guest, &connection, pipe, false, "from host");
    close(fd);
    expect_pipe(guest, &connection, pipe, true, "");

    /* The host pastes: the guest's program writes. */
    g_assert_true(g_unix_open_pipe(fds, FD_CLOEXEC, NULL));
    fill_message(message, sizeof(message));
    say_with_fds(connection.fd, message, sizeof(message), &fds[1], 1);
    close(fds[1]);
    guest_event(guest, &connection, guest_poll(guest, 1), ring);
    g_assert_cmpuint(ring_type(ring, 0), ==, WRITE_PIPE);
    expect_ok(write_pipe(guest, ring_id(ring, 0), false, "from "));
    expect_ok(write_pipe(guest, ring_id(ring, 0), true, "guest"));
    g_assert_cmpint(read(fds[0], text, 5), ==, 5);
    g_assert_cmpint(read(fds[0], text + 5, sizeof(text) - 5), ==, 5);
    g_assert_cmpmem(text, 10, "from guest", 10);
    g_assert_cmpint(read(fds[0], text, sizeof(text)), ==, 0);
    close(fds[0]);

    /* Nobody reads it any more: that is no mistake of the guest's. */
    expect_ok(write_pipe(guest, ring_id(ring, 0), false, "late"));
    close(connection.fd);
    stop(guest, 0);
}

/* Reads while the guest's writes go on. */
static void expect_all(int fd, const char *text)
{
    size_t len = strlen(text);
    g_autofree char *heard = g_malloc(len);

    for (size_t at = 0; at < len; ) {
        ssize_t got = read(fd, heard + at, len - at);

        g_assert_cmpint(got, >, 0);
        at += got;
    }
    g_assert_cmpmem(heard, len, text, len);
    g_assert_cmpint(read(fd, heard, 1), ==, 0);
}

/* The reader takes its time, and sees to it that writing would wait for it. */
static void write_full(int reader, int writer)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    g_autoptr(GString) all = g_string_new(NULL);
    uint8_t message[16], ring[GUEST_PAGE];

    fill_message(message, sizeof(message));
    say_with_fds(connection.fd, message, sizeof(message), &writer, 1);
    guest_event(guest, &connection, guest_poll(guest, 1), ring);
    g_assert_cmpuint(ring_type(ring, 0), ==, WRITE_PIPE);
    g_assert_true(g_unix_set_fd_nonblocking(writer, false, NULL));
    close(writer);
    for (unsigned i = 0; i < 8; i++) {
        g_autofree char *text = g_strnfill(7000 + i, 'a' + i);

        g_string_append(all, text);
        expect_ok(write_pipe(guest, ring_id(ring, 0), i == 7, text));
    }
    expect_all(reader, all->str);
    close(reader);
    close(connection.fd);
    stop(guest, 0);
}

static void test_full_pipe(void)
{
    int fds[2];

    g_assert_true(g_unix_open_pipe(fds, FD_CLOEXEC, NULL));
    g_assert_cmpint(fcntl(fds[1], F_SETPIPE_SZ, 4096), >=, 0);
    write_full(fds[0], fds[1]);
}

static void test_full_socket(void)
{
    const int size = 8192;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                    ==, 0);
    g_assert_cmpint(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size,
                               sizeof(size)), ==, 0);
    write_full(fds[0], fds[1]);
}

/* --- Dma-bufs ----------------------------------------------------------- */

static bool has_udmabuf(void)
{
    if (access("/dev/udmabuf", R_OK | W_OK)) {
        g_test_skip("no /dev/udmabuf");
        return false;
    }
    return true;
}

/* The host's memory as a dma-buf, and the guest's own without a copy. */
static void test_dmabufs(void)
{
    const uint32_t ids[] = { 20, 21 }, types[] = { MEMORY, MEMORY };
    uint64_t size, page;
    Connection connection;
    uint32_t blob_id;
    uint32_t *pixels;
    Guest *guest;
    int fd;

    if (!has_udmabuf()) {
        return;
    }
    guest = guest_start(",dmabuf=on");
    connection = guest_connect(guest, 1);
    size = query_image(guest, &connection, 64, 64, &blob_id);
    expect_ok(guest_create_host_blob(guest, 1, 20, blob_id, size));
    g_assert_cmphex(guest_map(guest, 20, 0), ==, VIRTIO_GPU_RESP_OK_MAP_INFO);
    expect_ok(guest_send(guest, &connection, "host", 4, &ids[0], types, 1));
    fd = hear(connection.fd, "host");
    pixels = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    g_assert_true(pixels != MAP_FAILED);
    qpci_io_writel(guest->pci->pdev, guest->window, 4096, 0x11223344);
    g_assert_cmphex(le32_to_cpu(pixels[1024]), ==, 0x11223344);
    munmap(pixels, size);
    close(fd);

    page = guest_create_page(guest, 1, 21);
    expect_ok(guest_send(guest, &connection, "guest", 5, &ids[1], types, 1));
    fd = hear(connection.fd, "guest");
    pixels = mmap(NULL, GUEST_PAGE, PROT_READ, MAP_SHARED, fd, 0);
    g_assert_true(pixels != MAP_FAILED);
    qtest_writel(guest->machine->qts, page + 4092, 0x55667788);
    g_assert_cmphex(le32_to_cpu(pixels[1023]), ==, 0x55667788);
    munmap(pixels, GUEST_PAGE);
    close(fd);
    close(connection.fd);
    stop(guest, 0);
}

/* --- The screen --------------------------------------------------------- */

/* The guest's own screen is any virtio-gpu's. */
static void test_screen(void)
{
    const struct virtio_gpu_rect rect = { 0, 0, 160, 100 };
    VirtioGPU *gpu = virtio_gpu_start("virtio-gpu-wayland-pci,wayland=/none",
                                      "none");
    VirtioGPUMemory memory = virtio_gpu_alloc(gpu, 160 * 100 * 4, 1);
    g_autoptr(VGPUPicture) want = vgpu_picture_draw(160, 100, 1);
    g_autofree uint8_t *packed =
        vgpu_picture_pack(want, vgpu_format_find(DRM_FORMAT_XRGB8888), 640);
    g_autoptr(VGPUPicture) got = NULL;
    g_autofree char *difference = NULL;

    virtio_gpu_write(gpu, &memory, 0, packed, 640 * 100);
    expect_ok(virtio_gpu_create_2d(gpu, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                   160, 100));
    expect_ok(virtio_gpu_attach_backing(gpu, 1, &memory));
    expect_ok(virtio_gpu_transfer_2d(gpu, 1, 160, 100));
    expect_ok(virtio_gpu_set_scanout(gpu, 1, rect));
    expect_ok(virtio_gpu_flush(gpu, 1, rect));
    got = virtio_gpu_screendump(gpu);
    difference = vgpu_picture_differ(want, got);
    g_assert_cmpstr(difference, ==, NULL);
    expect_ok(virtio_gpu_unref(gpu, 1));
    virtio_gpu_free(gpu, &memory);
    g_assert_cmpuint(vgpu_machine_warnings(gpu->machine), ==, 0);
    virtio_gpu_stop(gpu);
}

/* Buffers and rings are nothing that a screen or a cursor could show. */
static void test_screen_wrong(void)
{
    Guest *guest = guest_start(FILES);
    Connection connection = guest_connect(guest, 1);
    struct virtio_gpu_set_scanout scanout = {
        .r = { 0, 0, cpu_to_le32(64), cpu_to_le32(64) },
    };
    struct virtio_gpu_set_scanout_blob blob = {
        .r = { 0, 0, cpu_to_le32(64), cpu_to_le32(64) },
        .width = cpu_to_le32(64), .height = cpu_to_le32(64),
        .format = cpu_to_le32(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM),
        .strides[0] = cpu_to_le32(256),
    };
    struct virtio_gpu_transfer_to_host_2d transfer = {
        .r = { 0, 0, cpu_to_le32(64), cpu_to_le32(64) },
    };
    struct virtio_gpu_resource_attach_backing attach = { 0 };
    uint32_t blob_id;
    uint64_t size = query_image(guest, &connection, 64, 64, &blob_id);

    expect_ok(guest_create_host_blob(guest, 1, 20, blob_id, size));
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t id = cpu_to_le32(i ? 20 : connection.context * 2);

#define REFUSED(type, command) \
        command.resource_id = id; \
        g_assert_cmphex(guest_command(guest, VIRTIO_GPU_CMD_##type, 0, \
                                      &command, sizeof(command)), >=, \
                        VIRTIO_GPU_RESP_ERR_UNSPEC)
        REFUSED(SET_SCANOUT, scanout);
        REFUSED(SET_SCANOUT_BLOB, blob);
        REFUSED(TRANSFER_TO_HOST_2D, transfer);
        REFUSED(RESOURCE_ATTACH_BACKING, attach);
#undef REFUSED
        guest_set_cursor(guest, id);
    }
    close(connection.fd);
    stop(guest, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/virtio-gpu/wayland/buffers", test_buffers);
    qtest_add_func("/virtio-gpu/wayland/buffers-wrong", test_buffers_wrong);
    qtest_add_func("/virtio-gpu/wayland/buffers-unconnected",
                   test_buffers_unconnected);
    qtest_add_func("/virtio-gpu/wayland/keymap", test_keymap);
    qtest_add_func("/virtio-gpu/wayland/many-descriptors",
                   test_many_descriptors);
    qtest_add_func("/virtio-gpu/wayland/file", test_file);
    qtest_add_func("/virtio-gpu/wayland/pipes", test_pipes);
    qtest_add_func("/virtio-gpu/wayland/full-pipe", test_full_pipe);
    qtest_add_func("/virtio-gpu/wayland/full-socket", test_full_socket);
    qtest_add_func("/virtio-gpu/wayland/dmabufs", test_dmabufs);
    qtest_add_func("/virtio-gpu/wayland/screen", test_screen);
    qtest_add_func("/virtio-gpu/wayland/screen-wrong", test_screen_wrong);
    return g_test_run();
}
