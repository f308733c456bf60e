/*
 * RFB's encoding 50, "Open H.264"
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/vnc-enc-h264.h"

typedef struct FlagsCase {
    const char *name;
    bool first, others;
    uint32_t expected;
    const char *why;
} FlagsCase;

static const FlagsCase cases[] = {
    { "first", true, false, VNC_H264_RESET_ALL,
      "what is left of earlier rectangles is memory of the client's" },
    { "first-beside-another", true, true, VNC_H264_RESET_CONTEXT,
      "the other one's decoder goes on" },
    { "next", false, false, 0, "it builds on what was sent before" },
    { "next-beside-another", false, true, 0,
      "it builds on what was sent before" },
};

static void test_flags(const void *opaque)
{
    const FlagsCase *c = opaque;

    g_test_message("%s", c->why);
    g_assert_cmphex(vnc_h264_flags(c->first, c->others), ==, c->expected);
}

static void test_header(void)
{
    static const uint8_t expected[] = {
        0, 0, 0, 1,                             /* a message, one rectangle */
        0x01, 0x02, 0x03, 0x04, 0x1f, 0xfe, 0x10, 0x00,
        0, 0, 0, 50,                            /* the encoding */
        0x00, 0x12, 0xd6, 0x87, 0, 0, 0, 1,     /* length, flags */
    };
    uint8_t header[VNC_H264_HEADER_BYTES];

    QEMU_BUILD_BUG_ON(sizeof(expected) != VNC_H264_HEADER_BYTES);
    vnc_h264_header(header, 0x102, 0x304, 8190, 4096, VNC_H264_RESET_CONTEXT,
                    1234567);
    g_assert_cmpmem(header, sizeof(header), expected, sizeof(expected));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strdup_printf("/vnc-enc-h264/flags/%s",
                                                cases[i].name);

        g_test_add_data_func(path, &cases[i], test_flags);
    }
    g_test_add_func("/vnc-enc-h264/header", test_header);
    return g_test_run();
}
