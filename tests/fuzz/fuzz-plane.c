/*
 * Fuzzing the description of a plane, and the copy that follows it
 *
 * What passes the checks is copied from memory that is exactly as large as the
 * buffer is said to be: a byte too far ends the run.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "hw/display/vfio-plane.h"
#include "ui/dmabuf-map.h"
#include "ui/mirror-layer.h"
#include "fuzz.h"

/* More would only be slow. */
#define MAX_BUFFER (1 << 20)
#define MAX_PIXELS (1 << 18)
#define MAX_BOXES 4

typedef struct Input {
    uint32_t buffer;
    uint8_t type;
    uint8_t by_read;
    uint8_t straight_alpha;
    uint8_t n_boxes;
    uint32_t fourcc;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint64_t offset;
    uint64_t modifier;
    int32_t boxes[MAX_BOXES][4];
} Input;

/* In the place of ui/dmabuf-map.c, whose ioctls need a dma-buf. */
bool dmabuf_sync_read_begin(int fd)
{
    return true;
}

void dmabuf_sync_read_end(int fd)
{
}

typedef struct Memory {
    const uint8_t *data;
    size_t len;
} Memory;

static ssize_t read_memory(void *opaque, void *buf, size_t len,
                           uint64_t offset)
{
    Memory *memory = opaque;

    FUZZ_CHECK(offset <= memory->len && len <= memory->len - offset);
    memcpy(buf, memory->data + offset, len);
    return len;
}

static void copy(const VFIOPlane *plane, const Input *input, Memory *memory)
{
    MirrorFrame frame = {
        .format = vfio_plane_format(plane),
        .straight_alpha = plane->straight_alpha,
        .width = plane->width,
        .height = plane->height,
        .readable = vfio_plane_rows_within(plane, memory->len),
        .stride = plane->stride,
        .offset = plane->offset,
        .fd = -1,
    };
    pixman_box32_t boxes[MAX_BOXES];
    MirrorLayer layer = { 0 };

    FUZZ_CHECK(frame.readable <= frame.height);
    if (input->by_read % 2 && frame.format->planes == 1) {
        frame.read = read_memory;
        frame.opaque = memory;
    } else {
        frame.map = memory->data;
    }
    mirror_layer_fit(&layer, &frame);
    mirror_layer_read(&layer, &frame);
    memcpy(boxes, input->boxes, sizeof(boxes));
    frame.damage = boxes;
    frame.n_damage = input->n_boxes % (MAX_BOXES + 1);
    mirror_layer_read(&layer, &frame);
    mirror_layer_finish(&layer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Memory memory;
    Input input;
    VFIOPlane plane;
    uint64_t end;

    if (size < sizeof(input)) {
        return 0;
    }
    memcpy(&input, data, sizeof(input));
    plane = (VFIOPlane) {
        .type = input.type % 3,
        .fourcc = input.fourcc,
        .width = input.width,
        .height = input.height,
        .stride = input.stride,
        .offset = input.offset,
        .modifier = input.modifier,
        .straight_alpha = input.straight_alpha % 2,
        .size = 1,
    };
    if (vfio_plane_is_off(&plane) ||
        vfio_plane_check(&plane) != VFIO_PLANE_FAULT_NONE) {
        return 0;
    }
    memory.len = input.buffer % MAX_BUFFER;
    if ((uint64_t)plane.width * plane.height > MAX_PIXELS) {
        vfio_plane_end(&plane, &end);
        vfio_plane_rows_within(&plane, input.buffer);
        return 0;
    }
    if (vfio_plane_check_bounds(&plane, memory.len) ==
        VFIO_PLANE_FAULT_NONE) {
        FUZZ_CHECK(vfio_plane_end(&plane, &end) && end <= memory.len);
        FUZZ_CHECK(vfio_plane_rows_within(&plane, memory.len) ==
                   plane.height);
    }
    /* also what is not all there: whole rows of it are shown */
    memory.data = g_malloc0(memory.len ?: 1);
    copy(&plane, &input, &memory);
    g_free((void *)memory.data);
    return 0;
}
