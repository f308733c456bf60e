/*
 * virtio-gpu-wayland as a proxy in its guest has it, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "libqos/malloc-pc.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_pci.h"
#include "virtio-gpu-wayland-guest.h"

#define REQUEST_SIZE 8192
#define RESPONSE_SIZE 512
#define SLOT_SIZE (REQUEST_SIZE + RESPONSE_SIZE)
#define WINDOW_BAR 4
#define CAPSET 5

/* --- The device --------------------------------------------------------- */

static void set_up(Guest *guest)
{
    uint64_t features = qvirtio_get_features(&guest->pci->vdev);
    const uint64_t needed = BIT_ULL(VIRTIO_F_VERSION_1) |
                            BIT_ULL(VIRTIO_GPU_F_VIRGL) |
                            BIT_ULL(VIRTIO_GPU_F_RESOURCE_BLOB) |
                            BIT_ULL(VIRTIO_GPU_F_CONTEXT_INIT);

    g_assert_cmphex(features & needed, ==, needed);
    qvirtio_set_features(&guest->pci->vdev, needed);
    guest->queue = qvirtqueue_setup(&guest->pci->vdev, &guest->alloc, 0);
    guest->cursor_queue = qvirtqueue_setup(&guest->pci->vdev, &guest->alloc,
                                           1);
    qvirtio_set_driver_ok(&guest->pci->vdev);
    memset(guest->used, 0, sizeof(guest->used));
}

Guest *guest_start(const char *options)
{
    Guest *guest = g_new0(Guest, 1);
    QPCIAddress addr = { .devfn = QPCI_DEVFN(4, 0) };
    g_autofree char *dir = g_dir_make_tmp("wayland-XXXXXX", NULL);

    guest->socket = g_build_filename(dir, "wayland-0", NULL);
    guest_listen(guest);
    guest->machine = vgpu_machine_start(
        "-m 128M -object memory-backend-memfd,id=ram,size=128M,share=on "
        "-machine memory-backend=ram -display none "
        "-device virtio-gpu-wayland-pci,addr=4,hostmem=16M,wayland=%s%s",
        guest->socket, options);
    pc_alloc_init(&guest->alloc, guest->machine->qts, ALLOC_NO_FLAGS);
    guest->pci = virtio_pci_new(guest->machine->bus, &addr);
    g_assert_nonnull(guest->pci);
    qvirtio_pci_start_hw(&guest->pci->obj);
    guest->window = qpci_iomap(guest->pci->pdev, WINDOW_BAR, NULL);
    guest->slots = guest_alloc(&guest->alloc, SLOT_SIZE * GUEST_SLOTS);
    set_up(guest);
    return guest;
}

void guest_stop(Guest *guest)
{
    g_autofree char *dir = g_path_get_dirname(guest->socket);

    qvirtqueue_cleanup(guest->pci->vdev.bus, guest->cursor_queue,
                       &guest->alloc);
    qvirtqueue_cleanup(guest->pci->vdev.bus, guest->queue, &guest->alloc);
    qvirtio_pci_device_disable(guest->pci);
    g_free(guest->pci->pdev);
    g_free(guest->pci);
    alloc_destroy(&guest->alloc);
    vgpu_machine_stop(guest->machine);
    if (guest->listener >= 0) {
        guest_stop_listening(guest);
    }
    g_rmdir(dir);
    g_free(guest->socket);
    g_free(guest);
}

void guest_reset(Guest *guest)
{
    qvirtio_start_device(&guest->pci->vdev);
    qvirtqueue_cleanup(guest->pci->vdev.bus, guest->cursor_queue,
                       &guest->alloc);
    qvirtqueue_cleanup(guest->pci->vdev.bus, guest->queue, &guest->alloc);
    set_up(guest);
}

/* --- The compositor ----------------------------------------------------- */

void guest_listen(Guest *guest)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    g_assert_cmpuint(strlen(guest->socket), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, guest->socket);
    guest->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(guest->listener, (struct sockaddr *)&addr,
                         sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(guest->listener, 16), ==, 0);
}

void guest_stop_listening(Guest *guest)
{
    close(guest->listener);
    guest->listener = -1;
    g_unlink(guest->socket);
}

int guest_accept(Guest *guest)
{
    int fd = accept(guest->listener, NULL, NULL);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

/* --- Commands ----------------------------------------------------------- */

static uint64_t slot_addr(const Guest *guest, unsigned slot)
{
    return guest->slots + SLOT_SIZE * slot;
}

static unsigned take_slot(Guest *guest)
{
    for (unsigned slot = 0; slot < GUEST_SLOTS; slot++) {
        if (!guest->used[slot]) {
            guest->used[slot] = true;
            guest->answered[slot] = false;
            return slot;
        }
    }
    g_assert_not_reached();
}

unsigned guest_post(Guest *guest, uint32_t type, uint32_t context,
                    uint8_t ring, void *data, size_t len)
{
    QTestState *qts = guest->machine->qts;
    struct virtio_gpu_ctrl_hdr *header = data;
    unsigned slot = take_slot(guest);
    uint64_t request = slot_addr(guest, slot);
    uint64_t response = guest->response ?: request + REQUEST_SIZE;

    g_assert_cmpuint(len, <=, REQUEST_SIZE);
    header->type = cpu_to_le32(type);
    header->ctx_id = cpu_to_le32(context);
    if (ring != GUEST_NO_RING) {
        header->flags = cpu_to_le32(VIRTIO_GPU_FLAG_FENCE |
                                    VIRTIO_GPU_FLAG_INFO_RING_IDX);
        header->ring_idx = ring;
        header->fence_id = cpu_to_le64(++guest->fence);
    }
    qtest_memwrite(qts, request, data, len);
    qtest_memset(qts, request + REQUEST_SIZE, 0, RESPONSE_SIZE);

    guest->queue->free_head = 2 * slot;
    guest->queue->num_free = guest->queue->size - 2 * slot;
    qvirtqueue_add(qts, guest->queue, request, len, false, true);
    qvirtqueue_add(qts, guest->queue, response, RESPONSE_SIZE, true, false);
    qvirtqueue_kick(qts, &guest->pci->vdev, guest->queue, 2 * slot);
    return slot;
}

bool guest_is_answered(Guest *guest, unsigned slot)
{
    uint32_t head;

    while (qvirtqueue_get_buf(guest->machine->qts, guest->queue, &head,
                              NULL)) {
        guest->answered[head / 2] = true;
    }
    return guest->answered[slot];
}

uint32_t guest_wait_response(Guest *guest, unsigned slot, void *response,
                             size_t size)
{
    int64_t deadline = g_get_monotonic_time() + VGPU_PATIENCE_US;
    uint64_t at = slot_addr(guest, slot) + REQUEST_SIZE;

    while (!guest_is_answered(guest, slot)) {
        g_assert_cmpint(g_get_monotonic_time(), <, deadline);
    }
    guest->used[slot] = false;
    qtest_memread(guest->machine->qts, at, response, size);
    return qtest_readl(guest->machine->qts, at);
}

uint32_t guest_wait(Guest *guest, unsigned slot)
{
    struct virtio_gpu_ctrl_hdr header;

    return guest_wait_response(guest, slot, &header, sizeof(header));
}

uint32_t guest_command(Guest *guest, uint32_t type, uint32_t context,
                       void *data, size_t len)
{
    return guest_wait(guest, guest_post(guest, type, context, GUEST_NO_RING,
                                        data, len));
}

uint32_t guest_create_context(Guest *guest, uint32_t context, uint32_t capset)
{
    struct virtio_gpu_ctx_create c = { .context_init = cpu_to_le32(capset) };

    return guest_command(guest, VIRTIO_GPU_CMD_CTX_CREATE, context, &c,
                         sizeof(c));
}

uint32_t guest_destroy_context(Guest *guest, uint32_t context)
{
    struct virtio_gpu_ctx_destroy c = { 0 };

    return guest_command(guest, VIRTIO_GPU_CMD_CTX_DESTROY, context, &c,
                         sizeof(c));
}

/* --- Resources ---------------------------------------------------------- */

uint64_t guest_status_register(Guest *guest)
{
    return guest->pci->bar.addr + guest->pci->common_cfg_offset +
           offsetof(struct virtio_pci_common_cfg, device_status);
}

void guest_create_blob(Guest *guest, uint32_t context, uint32_t resource,
                       const struct virtio_gpu_mem_entry *entries,
                       unsigned n_entries)
{
    struct {
        struct virtio_gpu_resource_create_blob blob;
        struct virtio_gpu_mem_entry entries[4];
    } c = {
        .blob.resource_id = cpu_to_le32(resource),
        .blob.blob_mem = cpu_to_le32(VIRTIO_GPU_BLOB_MEM_GUEST),
        .blob.blob_flags = cpu_to_le32(VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE),
        .blob.nr_entries = cpu_to_le32(n_entries),
        .blob.size = cpu_to_le64(GUEST_PAGE),
    };
    struct virtio_gpu_ctx_resource attach = {
        .resource_id = cpu_to_le32(resource),
    };

    g_assert_cmpuint(n_entries, <=, ARRAY_SIZE(c.entries));
    memcpy(c.entries, entries, n_entries * sizeof(*entries));
    g_assert_cmphex(guest_command(guest, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
                                  context, &c, sizeof(c)), ==,
                    VIRTIO_GPU_RESP_OK_NODATA);
    g_assert_cmphex(guest_command(guest, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE,
                                  context, &attach, sizeof(attach)), ==,
                    VIRTIO_GPU_RESP_OK_NODATA);
}

uint64_t guest_create_page(Guest *guest, uint32_t context, uint32_t resource)
{
    uint64_t page = guest_alloc(&guest->alloc, GUEST_PAGE);
    const struct virtio_gpu_mem_entry entry = {
        .addr = cpu_to_le64(page),
        .length = cpu_to_le32(GUEST_PAGE),
    };

    guest_create_blob(guest, context, resource, &entry, 1);
    return page;
}

uint32_t guest_create_host_blob(Guest *guest, uint32_t context,
                                uint32_t resource, uint64_t blob_id,
                                uint64_t size)
{
    struct virtio_gpu_resource_create_blob c = {
        .resource_id = cpu_to_le32(resource),
        .blob_mem = cpu_to_le32(VIRTIO_GPU_BLOB_MEM_HOST3D),
        .blob_flags = cpu_to_le32(VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE),
        .blob_id = cpu_to_le64(blob_id),
        .size = cpu_to_le64(size),
    };

    return guest_command(guest, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, context,
                         &c, sizeof(c));
}

uint32_t guest_map(Guest *guest, uint32_t resource, uint64_t offset)
{
    struct virtio_gpu_resource_map_blob c = {
        .resource_id = cpu_to_le32(resource),
        .offset = cpu_to_le64(offset),
    };

    return guest_command(guest, VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB, 0, &c,
                         sizeof(c));
}

uint32_t guest_unmap(Guest *guest, uint32_t resource)
{
    struct virtio_gpu_resource_unmap_blob c = {
        .resource_id = cpu_to_le32(resource),
    };

    return guest_command(guest, VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, 0, &c,
                         sizeof(c));
}

uint32_t guest_unref(Guest *guest, uint32_t resource)
{
    struct virtio_gpu_resource_unref c = {
        .resource_id = cpu_to_le32(resource),
    };

    return guest_command(guest, VIRTIO_GPU_CMD_RESOURCE_UNREF, 0, &c,
                         sizeof(c));
}

void guest_set_cursor(Guest *guest, uint32_t resource)
{
    struct virtio_gpu_update_cursor c = {
        .hdr.type = cpu_to_le32(VIRTIO_GPU_CMD_UPDATE_CURSOR),
        .resource_id = cpu_to_le32(resource),
    };
    QTestState *qts = guest->machine->qts;
    QVirtQueue *queue = guest->cursor_queue;
    unsigned slot = take_slot(guest);

    qtest_memwrite(qts, slot_addr(guest, slot), &c, sizeof(c));
    queue->free_head = 0;
    queue->num_free = queue->size;
    qvirtqueue_add(qts, queue, slot_addr(guest, slot), sizeof(c), false,
                   false);
    qvirtqueue_kick(qts, &guest->pci->vdev, queue, 0);
    qvirtio_wait_used_elem(qts, &guest->pci->vdev, queue, 0, NULL,
                           VGPU_PATIENCE_US);
    guest->used[slot] = false;
}

/* --- Connections -------------------------------------------------------- */

static unsigned post_submit(Guest *guest, uint32_t context, uint8_t ring,
                            const void *buf, size_t len)
{
    struct {
        struct virtio_gpu_cmd_submit submit;
        uint8_t buf[REQUEST_SIZE - sizeof(struct virtio_gpu_cmd_submit)];
    } c = { .submit.size = cpu_to_le32(len) };

    g_assert_cmpuint(len, <=, sizeof(c.buf));
    memcpy(c.buf, buf, len);
    return guest_post(guest, VIRTIO_GPU_CMD_SUBMIT_3D, context, ring, &c,
                      sizeof(c.submit) + len);
}

uint32_t guest_submit(Guest *guest, uint32_t context, const void *buf,
                      size_t len)
{
    return guest_wait(guest, post_submit(guest, context, GUEST_NO_RING, buf,
                                         len));
}

unsigned guest_poll(Guest *guest, uint32_t context)
{
    uint32_t poll[4] = { cpu_to_le32(3 | 1 << 8 | 16 << 16) };

    return post_submit(guest, context, 1, poll, sizeof(poll));
}

uint32_t guest_init(Guest *guest, Connection *connection, uint32_t context)
{
    uint32_t init[5] = {
        cpu_to_le32(1 | 0xff << 8 | 20 << 16), 0,
        cpu_to_le32(2 * context), cpu_to_le32(2 * context + 1),
        cpu_to_le32(1),
    };

    *connection = (Connection) { .context = context, .fd = -1, .max_ids = 4 };
    g_assert_cmphex(guest_create_context(guest, context, CAPSET), ==,
                    VIRTIO_GPU_RESP_OK_NODATA);
    connection->query = guest_create_page(guest, context, 2 * context);
    connection->ring = guest_create_page(guest, context, 2 * context + 1);
    return guest_submit(guest, context, init, sizeof(init));
}

Connection guest_connect(Guest *guest, uint32_t context)
{
    Connection connection;

    g_assert_cmphex(guest_init(guest, &connection, context), ==,
                    VIRTIO_GPU_RESP_OK_NODATA);
    connection.fd = guest_accept(guest);
    return connection;
}

uint32_t guest_send(Guest *guest, const Connection *connection,
                    const void *data, size_t len, const uint32_t *ids,
                    const uint32_t *types, unsigned n_ids)
{
    unsigned max_ids = connection->max_ids;
    size_t size = 16 + 12 * max_ids + len;
    g_autofree uint8_t *buf = g_malloc0(size);

    stl_le_p(buf, 4 | 0xff << 8 | (uint32_t)size << 16);
    stl_le_p(buf + 8, n_ids);
    stl_le_p(buf + 12, len);
    for (unsigned i = 0; i < n_ids; i++) {
        stl_le_p(buf + 16 + 4 * i, ids[i]);
        stl_le_p(buf + 16 + 4 * (max_ids + i), types[i]);
    }
    memcpy(buf + size - len, data, len);
    return guest_submit(guest, connection->context, buf, size);
}

void guest_event(Guest *guest, const Connection *connection, unsigned poll,
                 uint8_t *ring)
{
    struct virtio_gpu_ctrl_hdr header;

    g_assert_cmphex(guest_wait_response(guest, poll, &header, sizeof(header)),
                    ==, VIRTIO_GPU_RESP_OK_NODATA);
    g_assert_cmphex(le32_to_cpu(header.flags), ==,
                    VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
    g_assert_cmpuint(header.ring_idx, ==, 1);
    qtest_memread(guest->machine->qts, connection->ring, ring, GUEST_PAGE);
}

void expect_ok(uint32_t response)
{
    g_assert_cmphex(response, ==, VIRTIO_GPU_RESP_OK_NODATA);
}

void expect_receive(const uint8_t *ring, unsigned n_ids,
                           const void *data, size_t len)
{
    g_assert_cmpuint(ring[0], ==, 5);
    g_assert_cmpuint(ldl_le_p(ring + 8), ==, n_ids);
    g_assert_cmpuint(ldl_le_p(ring + 12), ==, len);
    g_assert_cmpmem(ring + 64, len, data, len);
}

void expect_message(Guest *guest, const Connection *connection,
                           const void *data, size_t len)
{
    uint8_t ring[GUEST_PAGE];

    guest_event(guest, connection, guest_poll(guest, connection->context),
                ring);
    expect_receive(ring, 0, data, len);
}

uint64_t query_image(Guest *guest, const Connection *connection,
                            uint32_t width, uint32_t height,
                            uint32_t *blob_id)
{
    uint32_t image[6] = {
        cpu_to_le32(2 | 24 << 16), 0, cpu_to_le32(width), cpu_to_le32(height),
        cpu_to_le32(DRM_FORMAT_XRGB8888), 0,
    };
    QTestState *qts = guest->machine->qts;

    expect_ok(guest_submit(guest, connection->context, image, sizeof(image)));
    *blob_id = qtest_readl(qts, connection->query + 48);
    return qtest_readq(qts, connection->query + 40);
}
