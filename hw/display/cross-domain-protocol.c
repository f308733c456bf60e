/*
 * The messages of virtio-gpu's cross-domain context
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "cross-domain-protocol.h"

/* Every message begins with its kind, a ring, and 16 bits of its size. */
#define HEADER_SIZE 8

/* Two counters, and three words for each number that there is room for. */
#define IDS_AT (HEADER_SIZE + 8)
#define SEND_SIZE(max_ids) (IDS_AT + 12 * (max_ids))

#define WRITE_SIZE 24
#define IMAGE_SIZE 24
#define LAYOUT_SIZE 64

#define PAGE 4096
#define ROW_ALIGN 256
#define MAX_SIDE 16384

/* --- What a guest submits ----------------------------------------------- */

/*
 * Programs of several years begin differently: with one ring for all, with a
 * ring each, with a version, and with the name of a socket. The last two know
 * the longer layout.
 */
static const char *parse_init(const uint8_t *buf, CrossDomainCommand *command)
{
    CrossDomainInit *init = &command->init;

    if (command->size < 16) {
        return "INIT is of no known size";
    }
    init->max_ids = CROSS_DOMAIN_FEW_IDS;
    init->query_ring = ldl_le_p(buf + 8);
    init->channel_ring = ldl_le_p(buf + 12);
    switch (command->size) {
    case 16:
        init->channel_ring = init->query_ring;
        init->channel = ldl_le_p(buf + 12);
        break;
    case 24:
        if (ldl_le_p(buf + 20)) {
            init->max_ids = CROSS_DOMAIN_MAX_IDS;
        }
        /* fall through */
    case 20:
        init->channel = ldl_le_p(buf + 16);
        break;
    case 36:
        init->channel = ldl_le_p(buf + 16);
        init->max_ids = CROSS_DOMAIN_MAX_IDS;
        break;
    default:
        return "INIT is of no known size";
    }
    if (init->channel > CROSS_DOMAIN_CHANNEL_WAYLAND) {
        return "INIT asks for a channel other than Wayland";
    }
    return NULL;
}

static const char *parse_image(const uint8_t *buf, CrossDomainCommand *command)
{
    if (command->size < IMAGE_SIZE) {
        return "GET_IMAGE_REQUIREMENTS is too short";
    }
    command->image = (CrossDomainImage) {
        .width = ldl_le_p(buf + 8),
        .height = ldl_le_p(buf + 12),
        .fourcc = ldl_le_p(buf + 16),
    };
    return NULL;
}

/* Which layout it is shows in where its data ends. */
static const char *parse_send(const uint8_t *buf, CrossDomainCommand *command)
{
    CrossDomainSend *send = &command->send;
    const uint8_t *ids = buf + IDS_AT;
    uint32_t len;

    if (command->size < SEND_SIZE(CROSS_DOMAIN_FEW_IDS)) {
        return "SEND is too short";
    }
    len = ldl_le_p(buf + HEADER_SIZE + 4);
    if (command->size == SEND_SIZE(CROSS_DOMAIN_FEW_IDS) + (uint64_t)len) {
        send->max_ids = CROSS_DOMAIN_FEW_IDS;
    } else if (command->size ==
               SEND_SIZE(CROSS_DOMAIN_MAX_IDS) + (uint64_t)len) {
        send->max_ids = CROSS_DOMAIN_MAX_IDS;
    } else {
        return "SEND has data of another size";
    }
    send->n_ids = ldl_le_p(buf + HEADER_SIZE);
    if (send->n_ids > send->max_ids) {
        return "SEND has too many identifiers";
    }
    if (send->n_ids && !len) {
        return "SEND has identifiers and no data";
    }
    for (unsigned i = 0; i < send->n_ids; i++) {
        send->ids[i] = (CrossDomainId) {
            .id = ldl_le_p(ids + 4 * i),
            .type = ldl_le_p(ids + 4 * (send->max_ids + i)),
            .size = ldl_le_p(ids + 4 * (2 * send->max_ids + i)),
        };
    }
    send->data = buf + SEND_SIZE(send->max_ids);
    send->len = len;
    return NULL;
}

static const char *parse_write(const uint8_t *buf, CrossDomainCommand *command)
{
    CrossDomainWrite *write = &command->write;

    if (command->size < WRITE_SIZE) {
        return "WRITE is too short";
    }
    write->pipe = ldl_le_p(buf + 8);
    write->hang_up = ldl_le_p(buf + 12);
    write->len = (uint32_t)ldl_le_p(buf + 16);
    write->data = buf + WRITE_SIZE;
    if (write->len > command->size - WRITE_SIZE) {
        return "WRITE has less data than it says";
    }
    return NULL;
}

const char *cross_domain_parse(const uint8_t *buf, size_t len,
                               CrossDomainCommand *command)
{
    memset(command, 0, sizeof(*command));
    if (len < HEADER_SIZE) {
        return "is shorter than its header";
    }
    command->type = buf[0];
    command->size = lduw_le_p(buf + 2);
    if (command->size < HEADER_SIZE || command->size > len) {
        return "is of a size that cannot be";
    }
    switch (command->type) {
    case CROSS_DOMAIN_INIT:
        return parse_init(buf, command);
    case CROSS_DOMAIN_IMAGE:
        return parse_image(buf, command);
    case CROSS_DOMAIN_POLL:
        return NULL;
    case CROSS_DOMAIN_SEND:
        return parse_send(buf, command);
    case CROSS_DOMAIN_WRITE:
        return parse_write(buf, command);
    default:
        return "is of an unknown kind";
    }
}

/* --- Images ------------------------------------------------------------- */

/* Bytes of a pixel in the first plane, and how the further ones shrink. */
typedef struct Format {
    uint32_t fourcc;
    uint8_t cpp;
    uint8_t planes;
    uint8_t chroma_cpp;
} Format;

static const Format formats[] = {
    { DRM_FORMAT_XRGB8888, 4, 1 },
    { DRM_FORMAT_ARGB8888, 4, 1 },
    { DRM_FORMAT_XBGR8888, 4, 1 },
    { DRM_FORMAT_ABGR8888, 4, 1 },
    { DRM_FORMAT_XRGB2101010, 4, 1 },
    { DRM_FORMAT_ARGB2101010, 4, 1 },
    { DRM_FORMAT_XBGR2101010, 4, 1 },
    { DRM_FORMAT_ABGR2101010, 4, 1 },
    { DRM_FORMAT_XBGR16161616F, 8, 1 },
    { DRM_FORMAT_ABGR16161616F, 8, 1 },
    { DRM_FORMAT_RGB888, 3, 1 },
    { DRM_FORMAT_BGR888, 3, 1 },
    { DRM_FORMAT_RGB565, 2, 1 },
    { DRM_FORMAT_GR88, 2, 1 },
    { DRM_FORMAT_R8, 1, 1 },
    { DRM_FORMAT_NV12, 1, 2, 2 },
    { DRM_FORMAT_YUV420, 1, 3, 1 },
    { DRM_FORMAT_YVU420, 1, 3, 1 },
};

static const Format *format_find(uint32_t fourcc)
{
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            return &formats[i];
        }
    }
    return NULL;
}

CrossDomainLayout cross_domain_layout(const CrossDomainImage *image)
{
    const Format *format = format_find(image->fourcc);
    CrossDomainLayout layout = { 0 };

    if (!format || !image->width || !image->height ||
        image->width > MAX_SIDE || image->height > MAX_SIDE) {
        return layout;
    }
    for (unsigned i = 0; i < format->planes; i++) {
        uint32_t width = i ? DIV_ROUND_UP(image->width, 2) : image->width;
        uint32_t height = i ? DIV_ROUND_UP(image->height, 2) : image->height;
        uint32_t cpp = i ? format->chroma_cpp : format->cpp;

        layout.offsets[i] = layout.size;
        layout.strides[i] = ROUND_UP(width * cpp, ROW_ALIGN);
        layout.size += (uint64_t)layout.strides[i] * height;
    }
    layout.size = ROUND_UP(layout.size, PAGE);
    layout.blob_id = layout.size / PAGE * 2;
    return layout;
}

uint64_t cross_domain_blob_size(uint64_t blob_id)
{
    return blob_id % 2 || blob_id > UINT32_MAX ? 0 : blob_id / 2 * PAGE;
}

/* --- What the host writes ----------------------------------------------- */

static void put_header(uint8_t *buf, CrossDomainCommandType type, size_t size)
{
    memset(buf, 0, HEADER_SIZE);
    buf[0] = type;
    stw_le_p(buf + 2, size);
}

size_t cross_domain_put_caps(uint8_t *buf, bool dmabufs)
{
    /* All that is here, up to WRITE, is the first version. */
    stl_le_p(buf, 1);
    stl_le_p(buf + 4, 1 << CROSS_DOMAIN_CHANNEL_WAYLAND);
    stl_le_p(buf + 8, dmabufs);
    stl_le_p(buf + 12, 0);
    return CROSS_DOMAIN_CAPS_SIZE;
}

size_t cross_domain_put_layout(uint8_t *buf, const CrossDomainLayout *layout)
{
    /* Mapped with caches, as linear as its modifier says. */
    const uint32_t map_info = 1;
    const uint64_t modifier = DRM_FORMAT_MOD_LINEAR;

    for (unsigned i = 0; i < 4; i++) {
        stl_le_p(buf + 4 * i, layout->strides[i]);
        stl_le_p(buf + 16 + 4 * i, layout->offsets[i]);
    }
    stq_le_p(buf + 32, modifier);
    stq_le_p(buf + 40, layout->size);
    stl_le_p(buf + 48, layout->blob_id);
    stl_le_p(buf + 52, map_info);
    /* no memory and no device of Vulkan's */
    stl_le_p(buf + 56, UINT32_MAX);
    stl_le_p(buf + 60, UINT32_MAX);
    return LAYOUT_SIZE;
}

size_t cross_domain_receive_room(unsigned max_ids)
{
    return CROSS_DOMAIN_RING_SIZE - SEND_SIZE(max_ids);
}

size_t cross_domain_put_receive(uint8_t *buf, unsigned max_ids,
                                const CrossDomainId *ids, unsigned n_ids,
                                const uint8_t *data, size_t len)
{
    size_t size = SEND_SIZE(max_ids) + len;

    assert(n_ids <= max_ids && len <= cross_domain_receive_room(max_ids));
    put_header(buf, CROSS_DOMAIN_RECEIVE, size);
    stl_le_p(buf + HEADER_SIZE, n_ids);
    stl_le_p(buf + HEADER_SIZE + 4, len);
    memset(buf + IDS_AT, 0, 12 * max_ids);
    for (unsigned i = 0; i < n_ids; i++) {
        stl_le_p(buf + IDS_AT + 4 * i, ids[i].id);
        stl_le_p(buf + IDS_AT + 4 * (max_ids + i), ids[i].type);
        stl_le_p(buf + IDS_AT + 4 * (2 * max_ids + i), ids[i].size);
    }
    if (len) {
        memcpy(buf + SEND_SIZE(max_ids), data, len);
    }
    return size;
}

size_t cross_domain_put_read(uint8_t *buf, uint32_t pipe, bool hang_up,
                             const uint8_t *data, size_t len)
{
    size_t size = WRITE_SIZE + len;

    assert(len <= CROSS_DOMAIN_READ_ROOM);
    put_header(buf, CROSS_DOMAIN_READ, size);
    stl_le_p(buf + 8, pipe);
    stl_le_p(buf + 12, hang_up);
    stl_le_p(buf + 16, len);
    stl_le_p(buf + 20, 0);
    if (len) {
        memcpy(buf + WRITE_SIZE, data, len);
    }
    return size;
}

/* --- The compositor's messages ------------------------------------------ */

/* An object, and 16 bits each of an event's number and the message's size. */
#define WAYLAND_HEADER 8

void cross_domain_stream_pass(CrossDomainStream *stream, const uint8_t *data,
                              size_t len)
{
    while (len) {
        size_t step;

        if (stream->have < WAYLAND_HEADER) {
            step = MIN(len, WAYLAND_HEADER - stream->have);
            memcpy(stream->header + stream->have, data, step);
            stream->have += step;
            if (stream->have == WAYLAND_HEADER) {
                /* One that is too short for itself never ends. */
                stream->left = lduw_le_p(stream->header + 6) - WAYLAND_HEADER;
            }
        } else {
            step = MIN(len, stream->left);
            stream->left -= step;
        }
        if (stream->have == WAYLAND_HEADER && !stream->left) {
            stream->have = 0;
        }
        data += step;
        len -= step;
    }
}

bool cross_domain_stream_is_between(const CrossDomainStream *stream)
{
    return !stream->have;
}

size_t cross_domain_put_error(uint8_t *buf, const char *text)
{
    const uint32_t display = 1, event = 0, implementation = 3;
    size_t len = MIN(strlen(text), CROSS_DOMAIN_ERROR_MAX - 24);
    size_t size = 20 + ROUND_UP(len + 1, 4);

    memset(buf, 0, size);
    stl_le_p(buf, display);
    stl_le_p(buf + 4, size << 16 | event);
    stl_le_p(buf + 8, display);
    stl_le_p(buf + 12, implementation);
    stl_le_p(buf + 16, len + 1);
    memcpy(buf + 20, text, len);
    return size;
}
