/*
 * A virtio-gpu as its guest's driver has it, for tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqos/malloc-pc.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/virtio_config.h"
#include "virtio-gpu-driver.h"

#define PAGE 4096

/* The longest command, with the memory of the most parts. */
#define MAX_PARTS 64
#define REQUEST_SIZE 4096

/* Of a command in flight, and of its response behind it. */
#define POST_SIZE 128

static void set_up(VirtioGPU *gpu)
{
    uint64_t features = qvirtio_get_features(&gpu->pci->vdev);

    g_assert_true(features & BIT_ULL(VIRTIO_F_VERSION_1));
    qvirtio_set_features(&gpu->pci->vdev, features &
                         (BIT_ULL(VIRTIO_F_VERSION_1) |
                          BIT_ULL(VIRTIO_GPU_F_VIRGL) |
                          BIT_ULL(VIRTIO_GPU_F_RESOURCE_BLOB)));
    gpu->queue = qvirtqueue_setup(&gpu->pci->vdev, &gpu->alloc, 0);
    gpu->cursor_queue = qvirtqueue_setup(&gpu->pci->vdev, &gpu->alloc, 1);
    qvirtio_set_driver_ok(&gpu->pci->vdev);
    gpu->posted = gpu->answered = 0;
}

static void clean_up(VirtioGPU *gpu)
{
    qvirtqueue_cleanup(gpu->pci->vdev.bus, gpu->cursor_queue, &gpu->alloc);
    qvirtqueue_cleanup(gpu->pci->vdev.bus, gpu->queue, &gpu->alloc);
}

VirtioGPU *virtio_gpu_start(const char *device, const char *display)
{
    VirtioGPU *gpu = g_new0(VirtioGPU, 1);
    QPCIAddress addr = { .devfn = QPCI_DEVFN(4, 0) };

    /* Memory in a file, for buffers that are made of it. */
    gpu->machine = vgpu_machine_start(
        "-m 128M -object memory-backend-memfd,id=ram,size=128M,share=on "
        "-machine memory-backend=ram -device %s,addr=4 -display %s",
        device, display);
    pc_alloc_init(&gpu->alloc, gpu->machine->qts, ALLOC_NO_FLAGS);
    gpu->pci = virtio_pci_new(gpu->machine->bus, &addr);
    g_assert_nonnull(gpu->pci);
    qvirtio_pci_start_hw(&gpu->pci->obj);

    set_up(gpu);
    gpu->posts = guest_alloc(&gpu->alloc,
                             2 * VIRTIO_GPU_MAX_POSTS * POST_SIZE);
    gpu->request = guest_alloc(&gpu->alloc, REQUEST_SIZE);
    gpu->response = guest_alloc(&gpu->alloc, REQUEST_SIZE);
    return gpu;
}

void virtio_gpu_stop(VirtioGPU *gpu)
{
    clean_up(gpu);
    guest_free(&gpu->alloc, gpu->posts);
    guest_free(&gpu->alloc, gpu->request);
    guest_free(&gpu->alloc, gpu->response);
    qvirtio_pci_device_disable(gpu->pci);
    g_free(gpu->pci->pdev);
    g_free(gpu->pci);
    alloc_destroy(&gpu->alloc);
    vgpu_machine_stop(gpu->machine);
    g_free(gpu);
}

VirtioGPUMemory virtio_gpu_alloc(VirtioGPU *gpu, uint64_t size,
                                 unsigned parts)
{
    VirtioGPUMemory memory = {
        .size = ROUND_UP(DIV_ROUND_UP(size, parts), PAGE),
        .parts = parts,
    };

    g_assert_cmpuint(parts, <=, MAX_PARTS);
    memory.addr = guest_alloc(&gpu->alloc, (size_t)memory.size * parts);
    return memory;
}

void virtio_gpu_free(VirtioGPU *gpu, const VirtioGPUMemory *memory)
{
    guest_free(&gpu->alloc, memory->addr);
}

static uint64_t part_addr(const VirtioGPUMemory *memory, unsigned part)
{
    return memory->addr + (uint64_t)(memory->parts - 1 - part) * memory->size;
}

void virtio_gpu_write(VirtioGPU *gpu, const VirtioGPUMemory *memory,
                      uint64_t offset, const uint8_t *data, size_t len)
{
    while (len) {
        uint64_t at = offset % memory->size;
        size_t step = MIN(len, memory->size - at);
        unsigned part = offset / memory->size;

        g_assert_cmpuint(part, <, memory->parts);
        qtest_bufwrite(gpu->machine->qts, part_addr(memory, part) + at, data,
                       step);
        offset += step;
        data += step;
        len -= step;
    }
}

/* A header and what follows it, in the guest's byte order. */
static uint32_t command(VirtioGPU *gpu, uint32_t type, void *data, size_t len)
{
    QTestState *qts = gpu->machine->qts;
    struct virtio_gpu_ctrl_hdr *header = data;
    uint32_t head;

    g_assert_cmpuint(len, <=, REQUEST_SIZE);
    header->type = cpu_to_le32(type);
    qtest_memwrite(qts, gpu->request, data, len);
    qtest_memset(qts, gpu->response, 0, sizeof(*header));

    /* Nothing is left in the queue of the one before. */
    gpu->queue->free_head = 2 * gpu->posted;
    gpu->queue->num_free = gpu->queue->size - 2 * gpu->posted;
    head = qvirtqueue_add(qts, gpu->queue, gpu->request, len, false, true);
    qvirtqueue_add(qts, gpu->queue, gpu->response, sizeof(*header), true,
                   false);
    qvirtqueue_kick(qts, &gpu->pci->vdev, gpu->queue, head);
    qvirtio_wait_used_elem(qts, &gpu->pci->vdev, gpu->queue, head, NULL,
                           VGPU_PATIENCE_US);
    return qtest_readl(qts, gpu->response);
}

static size_t fill_entries(struct virtio_gpu_mem_entry *entries,
                           const VirtioGPUMemory *memory)
{
    for (unsigned i = 0; i < memory->parts; i++) {
        entries[i] = (struct virtio_gpu_mem_entry) {
            .addr = cpu_to_le64(part_addr(memory, i)),
            .length = cpu_to_le32(memory->size),
        };
    }
    return memory->parts * sizeof(*entries);
}

uint32_t virtio_gpu_create_blob(VirtioGPU *gpu, uint32_t id,
                                const VirtioGPUMemory *memory, uint64_t size)
{
    struct {
        struct virtio_gpu_resource_create_blob blob;
        struct virtio_gpu_mem_entry entries[MAX_PARTS];
    } c = {
        .blob.resource_id = cpu_to_le32(id),
        .blob.blob_mem = cpu_to_le32(VIRTIO_GPU_BLOB_MEM_GUEST),
        .blob.blob_flags = cpu_to_le32(VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE),
        .blob.nr_entries = cpu_to_le32(memory->parts),
        .blob.size = cpu_to_le64(size),
    };
    size_t len = fill_entries(c.entries, memory);

    return command(gpu, VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, &c,
                   sizeof(c.blob) + len);
}

uint32_t virtio_gpu_create_2d(VirtioGPU *gpu, uint32_t id, uint32_t format,
                              uint32_t width, uint32_t height)
{
    struct virtio_gpu_resource_create_2d c = {
        .resource_id = cpu_to_le32(id),
        .format = cpu_to_le32(format),
        .width = cpu_to_le32(width),
        .height = cpu_to_le32(height),
    };

    return command(gpu, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, &c, sizeof(c));
}

/* A texture in two dimensions that can be drawn to, in Gallium's words. */
#define PIPE_TEXTURE_2D 2
#define PIPE_BIND_RENDER_TARGET (1 << 1)

uint32_t virtio_gpu_create_3d(VirtioGPU *gpu, uint32_t id, uint32_t format,
                              uint32_t width, uint32_t height, uint32_t flags)
{
    struct virtio_gpu_resource_create_3d c = {
        .resource_id = cpu_to_le32(id),
        .target = cpu_to_le32(PIPE_TEXTURE_2D),
        .format = cpu_to_le32(format),
        .bind = cpu_to_le32(PIPE_BIND_RENDER_TARGET),
        .width = cpu_to_le32(width),
        .height = cpu_to_le32(height),
        .depth = cpu_to_le32(1),
        .array_size = cpu_to_le32(1),
        .flags = cpu_to_le32(flags),
    };

    return command(gpu, VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, &c, sizeof(c));
}

uint32_t virtio_gpu_attach_backing(VirtioGPU *gpu, uint32_t id,
                                   const VirtioGPUMemory *memory)
{
    struct {
        struct virtio_gpu_resource_attach_backing backing;
        struct virtio_gpu_mem_entry entries[MAX_PARTS];
    } c = {
        .backing.resource_id = cpu_to_le32(id),
        .backing.nr_entries = cpu_to_le32(memory->parts),
    };
    size_t len = fill_entries(c.entries, memory);

    return command(gpu, VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, &c,
                   sizeof(c.backing) + len);
}

uint32_t virtio_gpu_detach_backing(VirtioGPU *gpu, uint32_t id)
{
    struct virtio_gpu_resource_detach_backing c = {
        .resource_id = cpu_to_le32(id),
    };

    return command(gpu, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, &c, sizeof(c));
}

static struct virtio_gpu_rect rect_to_le(struct virtio_gpu_rect rect)
{
    return (struct virtio_gpu_rect) {
        .x = cpu_to_le32(rect.x),
        .y = cpu_to_le32(rect.y),
        .width = cpu_to_le32(rect.width),
        .height = cpu_to_le32(rect.height),
    };
}

uint32_t virtio_gpu_transfer_2d(VirtioGPU *gpu, uint32_t id, uint32_t width,
                                uint32_t height)
{
    struct virtio_gpu_transfer_to_host_2d c = {
        .r.width = cpu_to_le32(width),
        .r.height = cpu_to_le32(height),
        .resource_id = cpu_to_le32(id),
    };

    return command(gpu, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, &c, sizeof(c));
}

uint32_t virtio_gpu_transfer_3d(VirtioGPU *gpu, uint32_t id, uint32_t width,
                                uint32_t height)
{
    struct virtio_gpu_transfer_host_3d c = {
        .box.w = cpu_to_le32(width),
        .box.h = cpu_to_le32(height),
        .box.d = cpu_to_le32(1),
        .resource_id = cpu_to_le32(id),
    };

    return command(gpu, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, &c, sizeof(c));
}

uint32_t virtio_gpu_unref(VirtioGPU *gpu, uint32_t id)
{
    struct virtio_gpu_resource_unref c = { .resource_id = cpu_to_le32(id) };

    return command(gpu, VIRTIO_GPU_CMD_RESOURCE_UNREF, &c, sizeof(c));
}

uint32_t virtio_gpu_set_scanout(VirtioGPU *gpu, uint32_t id,
                                struct virtio_gpu_rect rect)
{
    struct virtio_gpu_set_scanout c = {
        .r = rect_to_le(rect),
        .resource_id = cpu_to_le32(id),
    };

    return command(gpu, VIRTIO_GPU_CMD_SET_SCANOUT, &c, sizeof(c));
}

uint32_t virtio_gpu_flush(VirtioGPU *gpu, uint32_t id,
                          struct virtio_gpu_rect rect)
{
    struct virtio_gpu_resource_flush c = {
        .r = rect_to_le(rect),
        .resource_id = cpu_to_le32(id),
    };

    return command(gpu, VIRTIO_GPU_CMD_RESOURCE_FLUSH, &c, sizeof(c));
}

uint32_t virtio_gpu_set_scanout_blob(
    VirtioGPU *gpu, const struct virtio_gpu_set_scanout_blob *scanout)
{
    struct virtio_gpu_set_scanout_blob c = {
        .r = rect_to_le(scanout->r),
        .scanout_id = cpu_to_le32(scanout->scanout_id),
        .resource_id = cpu_to_le32(scanout->resource_id),
        .width = cpu_to_le32(scanout->width),
        .height = cpu_to_le32(scanout->height),
        .format = cpu_to_le32(scanout->format),
        .strides[0] = cpu_to_le32(scanout->strides[0]),
        .offsets[0] = cpu_to_le32(scanout->offsets[0]),
    };

    return command(gpu, VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, &c, sizeof(c));
}

/* --- Commands that are not waited for ------------------------------------- */

static uint64_t post_addr(const VirtioGPU *gpu, unsigned post)
{
    return gpu->posts + 2 * POST_SIZE * post;
}

static void post(VirtioGPU *gpu, uint32_t type, uint64_t fence, void *data,
                 size_t len)
{
    QTestState *qts = gpu->machine->qts;
    uint64_t request = post_addr(gpu, gpu->posted);
    struct virtio_gpu_ctrl_hdr *header = data;
    uint64_t avail = gpu->queue->avail;
    uint16_t turn = qtest_readw(qts, avail + 2);

    g_assert_cmpuint(len, <=, POST_SIZE);
    g_assert_cmpuint(gpu->posted, <, VIRTIO_GPU_MAX_POSTS);
    header->type = cpu_to_le32(type);
    header->flags = cpu_to_le32(fence ? VIRTIO_GPU_FLAG_FENCE : 0);
    header->fence_id = cpu_to_le64(fence);
    qtest_memwrite(qts, request, data, len);
    qtest_memset(qts, request + POST_SIZE, 0, POST_SIZE);

    gpu->queue->free_head = 2 * gpu->posted;
    gpu->queue->num_free = gpu->queue->size - gpu->queue->free_head;
    qvirtqueue_add(qts, gpu->queue, request, len, false, true);
    qvirtqueue_add(qts, gpu->queue, request + POST_SIZE, sizeof(*header),
                   true, false);
    qtest_writew(qts, avail + 4 + 2 * (turn % gpu->queue->size),
                 2 * gpu->posted);
    qtest_writew(qts, avail + 2, turn + 1);
    gpu->posted++;
}

void virtio_gpu_post_flush(VirtioGPU *gpu, uint32_t id,
                           struct virtio_gpu_rect rect, uint64_t fence)
{
    struct virtio_gpu_resource_flush c = {
        .r = rect_to_le(rect),
        .resource_id = cpu_to_le32(id),
    };

    post(gpu, VIRTIO_GPU_CMD_RESOURCE_FLUSH, fence, &c, sizeof(c));
}

void virtio_gpu_post_create_2d(VirtioGPU *gpu, uint32_t id, uint32_t width,
                               uint32_t height, uint64_t fence)
{
    struct virtio_gpu_resource_create_2d c = {
        .resource_id = cpu_to_le32(id),
        .format = cpu_to_le32(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM),
        .width = cpu_to_le32(width),
        .height = cpu_to_le32(height),
    };

    post(gpu, VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, fence, &c, sizeof(c));
}

void virtio_gpu_kick(VirtioGPU *gpu)
{
    gpu->pci->vdev.bus->virtqueue_kick(&gpu->pci->vdev, gpu->queue);
}

bool virtio_gpu_take_answer(VirtioGPU *gpu, unsigned *which,
                            uint32_t *response)
{
    QTestState *qts = gpu->machine->qts;
    uint32_t head;

    if (!gpu->posted || !qvirtqueue_get_buf(qts, gpu->queue, &head, NULL)) {
        return false;
    }
    *which = head / 2;
    *response = qtest_readl(qts, post_addr(gpu, *which) + POST_SIZE);
    if (++gpu->answered == gpu->posted) {
        gpu->posted = gpu->answered = 0;
    }
    return true;
}

void virtio_gpu_move_cursor(VirtioGPU *gpu, uint32_t x, uint32_t y)
{
    struct virtio_gpu_update_cursor c = {
        .hdr.type = cpu_to_le32(VIRTIO_GPU_CMD_MOVE_CURSOR),
        .pos.x = cpu_to_le32(x),
        .pos.y = cpu_to_le32(y),
    };
    QTestState *qts = gpu->machine->qts;
    QVirtQueue *queue = gpu->cursor_queue;

    qtest_memwrite(qts, gpu->request, &c, sizeof(c));
    queue->free_head = 0;
    queue->num_free = queue->size;
    qvirtqueue_add(qts, queue, gpu->request, sizeof(c), false, false);
    qvirtqueue_kick(qts, &gpu->pci->vdev, queue, 0);
    qvirtio_wait_used_elem(qts, &gpu->pci->vdev, queue, 0, NULL,
                           VGPU_PATIENCE_US);
}

void virtio_gpu_reset(VirtioGPU *gpu)
{
    qvirtio_start_device(&gpu->pci->vdev);
    clean_up(gpu);
    set_up(gpu);
}

VGPUPicture *virtio_gpu_screendump(VirtioGPU *gpu)
{
    VGPUMachine *machine = gpu->machine;

    qtest_qmp_assert_success(machine->qts,
                             "{ 'execute': 'screendump', 'arguments': "
                             "{ 'filename': %s } }", machine->dump);
    return vgpu_picture_load(machine->dump);
}
