/*
 * Which path pixels take to the viewers that show pixels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_PIXEL_PATH_H
#define UI_PIXEL_PATH_H

/**
 * enum PixelPath:
 * @PIXEL_PATH_PLACEHOLDER: no path works: a surface with text that says why
 * @PIXEL_PATH_METADATA: the device copies into a region with a metadata page
 * @PIXEL_PATH_MMAP: the CPU reads a mapped, linear dma-buf
 * @PIXEL_PATH_REGION: the CPU reads the framebuffer region
 * @PIXEL_PATH_GL: EGL imports the dma-buf and reads it back
 * @PIXEL_PATH__MAX: how many there are; as a forced path: none is forced
 */
typedef enum PixelPath {
    PIXEL_PATH_PLACEHOLDER,
    PIXEL_PATH_METADATA,
    PIXEL_PATH_MMAP,
    PIXEL_PATH_REGION,
    PIXEL_PATH_GL,
    PIXEL_PATH__MAX
} PixelPath;

/**
 * struct PixelPathFacts:
 * @metadata: the device has a metadata region and it answers
 * @dmabuf: the device reports dma-bufs
 * @dmabuf_viewer: a viewer that takes dma-bufs is attached to the console
 * @linear: the dma-buf's modifier is DRM_FORMAT_MOD_LINEAR
 * @cpu_format: pixman has a code for the dma-buf's format
 * @mappable: at least one row of the dma-buf can be mapped
 * @region: the device reports its frame in a region as well
 * @gl_readback: some GL context can import the dma-buf and read it back
 *
 * What is known about one frame and the host, for pixel_path_choose(). Before
 * there is a dma-buf, what concerns it is false.
 */
typedef struct PixelPathFacts {
    bool metadata;
    bool dmabuf;
    bool dmabuf_viewer;
    bool linear;
    bool cpu_format;
    bool mappable;
    bool region;
    bool gl_readback;
} PixelPathFacts;

/**
 * pixel_path_choose:
 * @facts: what is known of this frame
 * @forced: the only path that may be used, or PIXEL_PATH__MAX for any
 *
 * The first that is possible of: metadata region; mapped dma-buf; region; GL
 * readback; placeholder. While a viewer shows the dma-buf the metadata region
 * is left out, unless it is forced: it holds a copy of another moment, and all
 * viewers are to show the same frame. A forced path that is not possible gives
 * the placeholder.
 *
 * Returns: the path to use. No side effects.
 */
PixelPath pixel_path_choose(const PixelPathFacts *facts, PixelPath forced);

/**
 * pixel_path_name:
 * @path: a path
 *
 * Returns: its constant name as users see it, "mmap" for PIXEL_PATH_MMAP.
 */
const char *pixel_path_name(PixelPath path);

/**
 * pixel_path_parse:
 * @name: "auto", "metadata", "mmap", "region" or "gl"
 * @forced: where the path goes; PIXEL_PATH__MAX for "auto"
 *
 * Returns: false, with @forced untouched, if @name is none of these.
 */
bool pixel_path_parse(const char *name, PixelPath *forced);

#endif /* UI_PIXEL_PATH_H */
