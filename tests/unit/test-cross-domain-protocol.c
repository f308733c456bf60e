/*
 * The messages of virtio-gpu's cross-domain context
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "hw/display/cross-domain-protocol.h"

/* --- What a guest submits ----------------------------------------------- */

/* Words of a command, and how many bytes of it are there. */
typedef struct ParseCase {
    const char *name;
    uint32_t words[8];
    size_t len;
    const char *why;
    size_t size;
} ParseCase;

#define HEAD(cmd, size) ((cmd) | 0xff00u | (uint32_t)(size) << 16)

static const ParseCase parse_cases[] = {
    { "nothing-but-a-byte", { HEAD(3, 8) }, 1, "is shorter than its header" },
    { "half-a-header", { HEAD(3, 8) }, 7, "is shorter than its header" },
    { "poll", { HEAD(3, 16) }, 16, NULL, 16 },
    { "short-poll", { HEAD(3, 8) }, 8, NULL, 8 },
    { "poll-and-more", { HEAD(3, 16) }, 32, NULL, 16 },
    { "no-size", { HEAD(3, 0) }, 16, "is of a size that cannot be" },
    { "size-in-header", { HEAD(3, 7) }, 16, "is of a size that cannot be" },
    { "size-beyond", { HEAD(3, 17) }, 16, "is of a size that cannot be" },
    { "largest-size", { HEAD(3, 65535) }, 32, "is of a size that cannot be" },
    { "no-command", { HEAD(0, 16) }, 16, "is of an unknown kind" },
    { "receive", { HEAD(5, 16) }, 16, "is of an unknown kind" },
    { "read", { HEAD(6, 24) }, 24, "is of an unknown kind" },
    { "futex", { HEAD(8, 24) }, 24, "is of an unknown kind" },
    { "last-command", { HEAD(255, 24) }, 24, "is of an unknown kind" },

    { "init", { HEAD(1, 20), 0, 5, 6, 1 }, 20, NULL, 20 },
    { "init-one-ring", { HEAD(1, 16), 0, 5, 1 }, 16, NULL, 16 },
    { "init-no-channel", { HEAD(1, 20), 0, 5, 6, 0 }, 20, NULL, 20 },
    { "init-camera", { HEAD(1, 20), 0, 5, 6, 2 }, 20,
      "INIT asks for a channel other than Wayland" },
    { "init-x11", { HEAD(1, 16), 0, 5, 0x11 }, 16,
      "INIT asks for a channel other than Wayland" },
    { "init-bare", { HEAD(1, 8) }, 8, "INIT is of no known size" },
    { "init-cut", { HEAD(1, 15), 0, 5, 6 }, 15, "INIT is of no known size" },
    { "init-odd", { HEAD(1, 21), 0, 5, 6, 1 }, 24,
      "INIT is of no known size" },

    { "image", { HEAD(2, 24), 0, 640, 480, DRM_FORMAT_XRGB8888, 0 }, 24, NULL,
      24 },
    { "image-cut", { HEAD(2, 23), 0, 640, 480 }, 24,
      "GET_IMAGE_REQUIREMENTS is too short" },
    { "image-bare", { HEAD(2, 8) }, 8, "GET_IMAGE_REQUIREMENTS is too short" },

    { "send-bare", { HEAD(4, 8) }, 8, "SEND is too short" },
    { "send-cut", { HEAD(4, 32), 0, 0, 0 }, 32, "SEND is too short" },

    { "write", { HEAD(7, 28), 0, 9, 0, 4, 0, 0x41424344 }, 28, NULL, 28 },
    { "write-end", { HEAD(7, 24), 0, 9, 1, 0, 0 }, 24, NULL, 24 },
    { "write-padded", { HEAD(7, 28), 0, 9, 0, 3, 0 }, 28, NULL, 28 },
    { "write-bare", { HEAD(7, 8) }, 8, "WRITE is too short" },
    { "write-beyond", { HEAD(7, 28), 0, 9, 0, 5, 0 }, 32,
      "WRITE has less data than it says" },
    { "write-overflow", { HEAD(7, 28), 0, 9, 0, UINT32_MAX, 0 }, 28,
      "WRITE has less data than it says" },
};

/* In memory of its own, so that a sanitizer sees a byte too far. */
static uint8_t *bytes_of(const uint32_t *words, size_t len)
{
    uint8_t *buf = g_malloc(len);

    for (size_t i = 0; i < len; i++) {
        buf[i] = words[i / 4] >> 8 * (i % 4);
    }
    return buf;
}

static void test_parse(const void *opaque)
{
    const ParseCase *c = opaque;
    g_autofree uint8_t *buf = bytes_of(c->words, c->len);
    CrossDomainCommand command;

    g_assert_cmpstr(cross_domain_parse(buf, c->len, &command), ==, c->why);
    if (!c->why) {
        g_assert_cmpuint(command.size, ==, c->size);
    }
}

static CrossDomainInit init_of(const uint32_t *words, size_t size)
{
    g_autofree uint8_t *buf = bytes_of(words, size);
    CrossDomainCommand command;

    g_assert_null(cross_domain_parse(buf, size, &command));
    return command.init;
}

static void test_init(void)
{
    uint32_t words[9] = { HEAD(1, 20), 0, 5, 6, 1 };
    CrossDomainInit init = init_of(words, 20);

    g_assert_cmpuint(init.query_ring, ==, 5);
    g_assert_cmpuint(init.channel_ring, ==, 6);
    g_assert_cmpuint(init.channel, ==, 1);
    g_assert_cmpuint(init.max_ids, ==, CROSS_DOMAIN_FEW_IDS);

    words[0] = HEAD(1, 16);
    words[3] = 1;
    init = init_of(words, 16);
    g_assert_cmpuint(init.channel_ring, ==, 5);
    g_assert_cmpuint(init.channel, ==, 1);

    words[0] = HEAD(1, 24);
    g_assert_cmpuint(init_of(words, 24).max_ids, ==, CROSS_DOMAIN_FEW_IDS);
    words[5] = 1;
    g_assert_cmpuint(init_of(words, 24).max_ids, ==, CROSS_DOMAIN_MAX_IDS);
    words[0] = HEAD(1, 36);
    g_assert_cmpuint(init_of(words, 36).max_ids, ==, CROSS_DOMAIN_MAX_IDS);
}

/* A SEND with room for @max_ids that says it has @n_ids and @len bytes. */
static const char *parse_send(unsigned max_ids, uint32_t n_ids, uint32_t len,
                              size_t size, CrossDomainSend *send)
{
    g_autofree uint8_t *buf = g_malloc0(size);
    CrossDomainCommand command;
    const char *why;

    stl_le_p(buf, HEAD(4, size));
    stl_le_p(buf + 8, n_ids);
    stl_le_p(buf + 12, len);
    for (unsigned i = 0; i < MIN(n_ids, max_ids); i++) {
        stl_le_p(buf + 16 + 4 * i, 100 + i);
        stl_le_p(buf + 16 + 4 * (max_ids + i), 1);
        stl_le_p(buf + 16 + 4 * (2 * max_ids + i), 4096 * i);
    }
    why = cross_domain_parse(buf, size, &command);
    if (!why) {
        g_assert_true(command.send.data + command.send.len == buf + size);
    }
    *send = command.send;
    return why;
}

static void test_send(void)
{
    static const struct {
        unsigned max_ids;
        uint32_t n_ids;
        uint32_t len;
        int more;           /* bytes beside those that are said */
        const char *why;
    } cases[] = {
        { 4, 0, 12, 0, NULL },
        { 4, 0, 0, 0, NULL },
        { 4, 1, 12, 0, NULL },
        { 4, 4, 12, 0, NULL },
        { 4, 5, 12, 0, "SEND has too many identifiers" },
        { 4, UINT32_MAX, 12, 0, "SEND has too many identifiers" },
        { 4, 1, 0, 0, "SEND has identifiers and no data" },
        { 4, 1, 12, 1, "SEND has data of another size" },
        { 4, 1, 12, -1, "SEND has data of another size" },
        { 28, 0, 12, 0, NULL },
        { 28, 28, 12, 0, NULL },
        { 28, 29, 12, 0, "SEND has too many identifiers" },
        { 28, 5, 12, 0, NULL },
        { 28, 5, 12, 4, "SEND has data of another size" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t size = 16 + 12 * cases[i].max_ids + cases[i].len +
                      cases[i].more;
        CrossDomainSend send;

        g_test_message("case %u", i);
        g_assert_cmpstr(parse_send(cases[i].max_ids, cases[i].n_ids,
                                   cases[i].len, size, &send), ==,
                        cases[i].why);
        if (cases[i].why) {
            continue;
        }
        g_assert_cmpuint(send.max_ids, ==, cases[i].max_ids);
        g_assert_cmpuint(send.n_ids, ==, cases[i].n_ids);
        g_assert_cmpuint(send.len, ==, cases[i].len);
        for (unsigned n = 0; n < send.n_ids; n++) {
            g_assert_cmpuint(send.ids[n].id, ==, 100 + n);
            g_assert_cmpuint(send.ids[n].type, ==, 1);
            g_assert_cmpuint(send.ids[n].size, ==, 4096 * n);
        }
    }
}

/* A length near the end of 32 bits is not taken for a short one. */
static void test_send_overflow(void)
{
    CrossDomainSend send;

    g_assert_cmpstr(parse_send(4, 0, UINT32_MAX - 63, 64, &send), ==,
                    "SEND has data of another size");
    g_assert_cmpstr(parse_send(4, 0, 0u - 288, 64, &send), ==,
                    "SEND has data of another size");
}

/* --- Images ------------------------------------------------------------- */

typedef struct LayoutCase {
    const char *name;
    CrossDomainImage image;
    CrossDomainLayout layout;
} LayoutCase;

static const LayoutCase layout_cases[] = {
    { "vga", { 640, 480, DRM_FORMAT_XRGB8888 },
      { { 2560 }, { 0 }, 1228800, 600 } },
    { "padded", { 333, 77, DRM_FORMAT_ARGB8888 },
      { { 1536 }, { 0 }, 118784, 58 } },
    { "pixel", { 1, 1, DRM_FORMAT_XRGB8888 }, { { 256 }, { 0 }, 4096, 2 } },
    { "16-bit", { 640, 480, DRM_FORMAT_RGB565 },
      { { 1280 }, { 0 }, 614400, 300 } },
    { "bytes", { 4096, 1, DRM_FORMAT_R8 }, { { 4096 }, { 0 }, 4096, 2 } },
    { "half-float", { 64, 64, DRM_FORMAT_ABGR16161616F },
      { { 512 }, { 0 }, 32768, 16 } },
    { "nv12", { 640, 480, DRM_FORMAT_NV12 },
      { { 768, 768 }, { 0, 368640 }, 552960, 270 } },
    { "nv12-odd", { 641, 481, DRM_FORMAT_NV12 },
      { { 768, 768 }, { 0, 369408 }, 557056, 272 } },
    { "yv12", { 640, 480, DRM_FORMAT_YVU420 },
      { { 768, 512, 512 }, { 0, 368640, 491520 }, 614400, 300 } },
    { "largest", { 16384, 16384, DRM_FORMAT_ABGR16161616F },
      { { 131072 }, { 0 }, UINT64_C(1) << 31, 1u << 20 } },
    { "too-wide", { 16385, 1, DRM_FORMAT_XRGB8888 }, { { 0 } } },
    { "too-high", { 1, 16385, DRM_FORMAT_XRGB8888 }, { { 0 } } },
    { "no-width", { 0, 1, DRM_FORMAT_XRGB8888 }, { { 0 } } },
    { "no-height", { 1, 0, DRM_FORMAT_XRGB8888 }, { { 0 } } },
    { "all-ones", { UINT32_MAX, UINT32_MAX, DRM_FORMAT_XRGB8888 }, { { 0 } } },
    { "no-format", { 64, 64, 0 }, { { 0 } } },
};

static void test_layout(const void *opaque)
{
    const LayoutCase *c = opaque;
    CrossDomainLayout got = cross_domain_layout(&c->image);
    uint8_t ring[CROSS_DOMAIN_RING_SIZE];

    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(got.strides[i], ==, c->layout.strides[i]);
        g_assert_cmpuint(got.offsets[i], ==, c->layout.offsets[i]);
    }
    g_assert_cmpuint(got.size, ==, c->layout.size);
    g_assert_cmpuint(got.blob_id, ==, c->layout.blob_id);
    g_assert_cmpuint(cross_domain_blob_size(got.blob_id), ==, got.size);

    g_assert_cmpuint(cross_domain_put_layout(ring, &got), ==, 64);
    g_assert_cmpuint(ldl_le_p(ring + 4), ==, got.strides[1]);
    g_assert_cmpuint(ldl_le_p(ring + 20), ==, got.offsets[1]);
    g_assert_cmpuint(ldq_le_p(ring + 32), ==, DRM_FORMAT_MOD_LINEAR);
    g_assert_cmpuint(ldq_le_p(ring + 40), ==, got.size);
    g_assert_cmpuint(ldl_le_p(ring + 48), ==, got.blob_id);
}

static void test_blob_size(void)
{
    g_assert_cmpuint(cross_domain_blob_size(0), ==, 0);
    g_assert_cmpuint(cross_domain_blob_size(1), ==, 0);
    g_assert_cmpuint(cross_domain_blob_size(2), ==, 4096);
    g_assert_cmpuint(cross_domain_blob_size(UINT32_MAX), ==, 0);
    g_assert_cmpuint(cross_domain_blob_size(UINT64_C(1) << 32), ==, 0);
    g_assert_cmpuint(cross_domain_blob_size(UINT64_MAX - 1), ==, 0);
}

/* --- What the host writes ----------------------------------------------- */

static void test_receive(void)
{
    static const unsigned layouts[] = { 4, 28 };
    uint8_t data[CROSS_DOMAIN_RING_SIZE];
    uint8_t ring[CROSS_DOMAIN_RING_SIZE];

    memset(data, 0x5a, sizeof(data));
    for (unsigned i = 0; i < ARRAY_SIZE(layouts); i++) {
        unsigned max_ids = layouts[i];
        size_t room = cross_domain_receive_room(max_ids);
        CrossDomainId ids[2] = { { 7, 1, 4096 }, { 9, 4, 0 } };

        g_assert_cmpuint(room, ==, 4096 - 16 - 12 * max_ids);
        g_assert_cmpuint(cross_domain_put_receive(ring, max_ids, ids, 2, data,
                                                  room), ==, 4096);
        g_assert_cmpuint(ring[0], ==, CROSS_DOMAIN_RECEIVE);
        g_assert_cmpuint(ldl_le_p(ring + 8), ==, 2);
        g_assert_cmpuint(ldl_le_p(ring + 12), ==, room);
        g_assert_cmpuint(ldl_le_p(ring + 20), ==, 9);
        g_assert_cmpuint(ldl_le_p(ring + 16 + 4 * (max_ids + 1)), ==, 4);
        g_assert_cmpuint(ldl_le_p(ring + 16 + 4 * (2 * max_ids)), ==, 4096);
        g_assert_cmpmem(ring + 4096 - room, room, data, room);
    }
}

static void test_read(void)
{
    uint8_t ring[CROSS_DOMAIN_RING_SIZE];

    g_assert_cmpuint(cross_domain_put_read(ring, 0x80000003, true,
                                           (const uint8_t *)"paste", 5), ==,
                     29);
    g_assert_cmpuint(ring[0], ==, CROSS_DOMAIN_READ);
    g_assert_cmpuint(ldl_le_p(ring + 8), ==, 0x80000003);
    g_assert_cmpuint(ldl_le_p(ring + 12), ==, 1);
    g_assert_cmpuint(ldl_le_p(ring + 16), ==, 5);
    g_assert_cmpmem(ring + 24, 5, "paste", 5);
}

/* --- The compositor's messages ------------------------------------------ */

/* Three messages, of 8, 12 and 20 bytes, however they are cut. */
static void test_stream(void)
{
    uint8_t data[40] = { 0 };

    stl_le_p(data + 4, 8 << 16 | 1);
    stl_le_p(data + 12, 12 << 16);
    stl_le_p(data + 24, 20 << 16 | 3);
    for (size_t chunk = 1; chunk <= sizeof(data); chunk++) {
        CrossDomainStream stream = { 0 };

        for (size_t at = 0; at < sizeof(data); at += chunk) {
            size_t len = MIN(chunk, sizeof(data) - at);
            size_t end = at + len;

            cross_domain_stream_pass(&stream, data + at, len);
            g_assert_true(cross_domain_stream_is_between(&stream) ==
                          (end == 8 || end == 20 || end == 40));
        }
    }
}

/* After nonsense nobody knows where a message begins. */
static void test_stream_nonsense(void)
{
    CrossDomainStream stream = { 0 };
    uint8_t data[8] = { 0 };

    stl_le_p(data + 4, 4 << 16);
    cross_domain_stream_pass(&stream, data, sizeof(data));
    for (unsigned i = 0; i < 1000; i++) {
        g_assert_false(cross_domain_stream_is_between(&stream));
        cross_domain_stream_pass(&stream, data, sizeof(data));
    }
}

static void test_error(void)
{
    g_autofree char *endless = g_strnfill(1000, 'x');
    uint8_t buf[CROSS_DOMAIN_ERROR_MAX];
    CrossDomainStream stream = { 0 };
    size_t size = cross_domain_put_error(buf, "gone");

    g_assert_cmpuint(size, ==, 28);
    g_assert_cmpuint(ldl_le_p(buf), ==, 1);
    g_assert_cmpuint(ldl_le_p(buf + 4), ==, 28 << 16);
    g_assert_cmpuint(ldl_le_p(buf + 16), ==, 5);
    g_assert_cmpstr((char *)buf + 20, ==, "gone");
    cross_domain_stream_pass(&stream, buf, size);
    g_assert_true(cross_domain_stream_is_between(&stream));

    size = cross_domain_put_error(buf, endless);
    g_assert_cmpuint(size, <=, sizeof(buf));
    g_assert_cmpuint(buf[size - 1], ==, 0);
    g_assert_cmpuint(lduw_le_p(buf + 6), ==, size);
}

#define ADD(what, cases) \
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) { \
        g_autofree char *path = g_strdup_printf("/cross-domain/%s/%s", #what, \
                                                cases[i].name); \
        g_test_add_data_func(path, &cases[i], test_##what); \
    }

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD(parse, parse_cases);
    ADD(layout, layout_cases);
    g_test_add_func("/cross-domain/init", test_init);
    g_test_add_func("/cross-domain/send", test_send);
    g_test_add_func("/cross-domain/send-overflow", test_send_overflow);
    g_test_add_func("/cross-domain/blob-size", test_blob_size);
    g_test_add_func("/cross-domain/receive", test_receive);
    g_test_add_func("/cross-domain/read", test_read);
    g_test_add_func("/cross-domain/stream", test_stream);
    g_test_add_func("/cross-domain/stream-nonsense", test_stream_nonsense);
    g_test_add_func("/cross-domain/error", test_error);
    return g_test_run();
}
