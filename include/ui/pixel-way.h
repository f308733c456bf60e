/*
 * How a frame's pixels get to viewers that take pixels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_PIXEL_WAY_H
#define UI_PIXEL_WAY_H

/**
 * enum PixelWay:
 * @PIXEL_WAY_PLACEHOLDER: no way works: a surface that says so in words
 * @PIXEL_WAY_METADATA: the device copies into a region with a metadata page
 * @PIXEL_WAY_MMAP: the CPU reads a mapped, linear dma-buf
 * @PIXEL_WAY_REGION: the CPU reads the framebuffer region
 * @PIXEL_WAY_GL: EGL imports the dma-buf and reads it back
 * @PIXEL_WAY__MAX: how many there are; as a forced path: none is forced
 */
typedef enum PixelWay {
    PIXEL_WAY_PLACEHOLDER,
    PIXEL_WAY_METADATA,
    PIXEL_WAY_MMAP,
    PIXEL_WAY_REGION,
    PIXEL_WAY_GL,
    PIXEL_WAY__MAX
} PixelWay;

/**
 * struct PixelWayCaps:
 * @metadata: the device has a metadata region and it answers
 * @dmabuf: the device reported a dma-buf for this frame
 * @linear: the dma-buf's modifier is DRM_FORMAT_MOD_LINEAR
 * @cpu_format: pixman has a code for the dma-buf's format
 * @mappable: at least one row of the dma-buf can be mapped
 * @region: the device reports its frame in a region as well
 * @gl_viewer: a viewer that takes dma-bufs is attached to the console
 * @gl_readback: some GL context can import the dma-buf and read it back
 *
 * What is known about one frame and the host, for pixel_way_choose().
 */
typedef struct PixelWayCaps {
    bool metadata;
    bool dmabuf;
    bool linear;
    bool cpu_format;
    bool mappable;
    bool region;
    bool gl_viewer;
    bool gl_readback;
} PixelWayCaps;

/**
 * pixel_way_choose:
 * @caps: what is possible for this frame
 * @forced: the only way that may be used, or PIXEL_WAY__MAX for any
 *
 * The fallback order: metadata region; mapped dma-buf; region; GL readback;
 * placeholder. While a GL viewer shows the dma-buf, the metadata region comes
 * last before the placeholder, so that all viewers read the same dma-buf
 * where that is possible. A forced way that is not possible gives the
 * placeholder.
 *
 * Returns: the way to use. No side effects.
 */
PixelWay pixel_way_choose(const PixelWayCaps *caps, PixelWay forced);

/**
 * pixel_way_name:
 * @way: a way
 *
 * Returns: its constant name as users see it, "mmap" for PIXEL_WAY_MMAP.
 */
const char *pixel_way_name(PixelWay way);

/**
 * pixel_way_parse:
 * @name: "auto", "metadata", "mmap", "region" or "gl"
 * @forced: where the way goes; PIXEL_WAY__MAX for "auto"
 *
 * Returns: false, with @forced untouched, if @name is none of these.
 */
bool pixel_way_parse(const char *name, PixelWay *forced);

#endif /* UI_PIXEL_WAY_H */
