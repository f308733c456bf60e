/*
 * RFB's encoding 50, "Open H.264"
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vnc-enc-h264.h"

/* From the protocol: a message's type, and the encoding's number. */
#define FRAMEBUFFER_UPDATE 0
#define ENCODING_H264 50

uint32_t vnc_h264_flags(bool first, bool others)
{
    if (!first) {
        return 0;
    }
    return others ? VNC_H264_RESET_CONTEXT : VNC_H264_RESET_ALL;
}

void vnc_h264_header(uint8_t *header, int x, int y, int w, int h,
                     uint32_t flags, uint32_t length)
{
    header[0] = FRAMEBUFFER_UPDATE;
    header[1] = 0;
    stw_be_p(header + 2, 1);    /* rectangles */
    stw_be_p(header + 4, x);
    stw_be_p(header + 6, y);
    stw_be_p(header + 8, w);
    stw_be_p(header + 10, h);
    stl_be_p(header + 12, ENCODING_H264);
    stl_be_p(header + 16, length);
    stl_be_p(header + 20, flags);
}
