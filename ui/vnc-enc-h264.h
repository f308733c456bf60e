/*
 * RFB's encoding 50, "Open H.264"
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VNC_ENC_H264_H
#define VNC_ENC_H264_H

/* The client forgets the rectangle's decoder, or all that it has. */
#define VNC_H264_RESET_CONTEXT (1u << 0)
#define VNC_H264_RESET_ALL     (1u << 1)

/* A message with one rectangle: all that comes before the frame itself. */
#define VNC_H264_HEADER_BYTES (4 + 12 + 8)

/**
 * vnc_h264_flags:
 * @first: it is the first frame of a new encoder
 * @others: another rectangle of this client has a decoder that is in use
 *
 * A client keeps up to 64 decoders, one for each rectangle that it was ever
 * sent, until it is told to forget them.
 *
 * Returns: the flags that the frame is sent with.
 */
uint32_t vnc_h264_flags(bool first, bool others);

/**
 * vnc_h264_header:
 * @header: where it goes: VNC_H264_HEADER_BYTES
 * @x: the rectangle
 * @y: the rectangle
 * @w: the rectangle
 * @h: the rectangle
 * @flags: see vnc_h264_flags()
 * @length: bytes of the frame, which follows
 *
 * Writes the beginning of a FramebufferUpdate message of one H.264 rectangle.
 */
void vnc_h264_header(uint8_t *header, int x, int y, int w, int h,
                     uint32_t flags, uint32_t length);

#endif /* VNC_ENC_H264_H */
