/*
 * One plane's pixels: device memory copied into an image that QEMU owns
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_MIRROR_LAYER_H
#define UI_MIRROR_LAYER_H

#include "ui/damage-map.h"
#include "ui/pixel-format.h"

/**
 * DOC: Mirror layers
 *
 * The one place where QEMU's CPU reads a vGPU's pixels, which the device or the
 * guest can change: everything else works on what was copied here. A layer is
 * an image and what changed in it; the console's mirror has one for the
 * primary plane and one for each overlay, and the cursor is read through
 * another.
 */

/*
 * A sample is so many rows, then twice as many not, and so on; the next sample
 * is the next rows. So what is eleven rows high is in each sample, and every
 * row is in one of three.
 */
#define MIRROR_SAMPLE_ROWS 5
#define MIRROR_SAMPLES 3
/*
 * So many times in a row a frame is left to the device that is still drawing
 * it, an eighth of a second at the viewers' rate. From then on it is read half
 * drawn: one that is being drawn whenever it is looked at would never be shown.
 */
#define MIRROR_BUSY_READS 8

/**
 * enum MirrorScan:
 * @MIRROR_SCAN_FULL: all of it
 * @MIRROR_SCAN_SAMPLED: a third of the rows (%MIRROR_SAMPLE_ROWS), and at once
 *                       all of them if one of those differs: the image shows
 *                       no frame in parts. For a frame that is read again
 *                       soon.
 *
 * How much of a frame is read to learn whether it differs from the last one.
 * Memory that was not read before, or that cannot be compared where it lies,
 * is always read in full.
 */
typedef enum MirrorScan {
    MIRROR_SCAN_FULL,
    MIRROR_SCAN_SAMPLED,
} MirrorScan;

/**
 * struct MirrorMeter:
 * @scans: how often it was read
 * @ns: nanoseconds that this has taken, in all
 * @slow_ns_per_kib: what it takes at least, to test that: memory of a test
 *                   device that is as slow as a GPU's may be; 0: as it is
 *
 * What it costs to read a device's memory.
 */
typedef struct MirrorMeter {
    uint64_t scans;
    int64_t ns;
    uint32_t slow_ns_per_kib;
} MirrorMeter;

/**
 * struct MirrorFrame:
 * @format: of the pixels, not NULL
 * @straight_alpha: colours are not multiplied by alpha; they are in the copy
 * @width: pixels
 * @height: rows
 * @readable: rows from the top that can be read, at most @height; the rest is
 *            shown black, or not at all if the layer has alpha
 * @stride: bytes from row to row, at least ui_pixel_format_row_bytes()
 * @offset: bytes to the first pixel
 * @map: mapped memory that @offset counts from; NULL if there is @read
 * @fd: dma-buf behind @map, whose size and fences are looked at before each
 *      copy, or -1
 * @read: (optional) copies @len bytes at @offset to @buf and returns the
 *        count or a negative errno; used where memory cannot be mapped, not
 *        for formats of several planes
 * @opaque: for @read
 * @damage: where the frame differs from the one that was read last, all of it
 *          within the frame; NULL: it may differ everywhere
 * @n_damage: boxes in @damage, may be 0
 * @scan: how much of it is read
 * @meter: (optional) where it is counted what reading costs
 *
 * A frame in memory that the caller has checked: @readable rows lie whole in
 * @map or in what @read reaches. Only borrowed for the call.
 */
typedef struct MirrorFrame {
    const UIPixelFormat *format;
    bool straight_alpha;
    uint32_t width;
    uint32_t height;
    uint32_t readable;
    uint32_t stride;
    uint64_t offset;
    const uint8_t *map;
    int fd;
    ssize_t (*read)(void *opaque, void *buf, size_t len, uint64_t offset);
    void *opaque;
    const pixman_box32_t *damage;
    size_t n_damage;
    MirrorScan scan;
    MirrorMeter *meter;
} MirrorFrame;

/**
 * enum MirrorResult:
 * @MIRROR_UNCHANGED: the copy shows the frame and did so before
 * @MIRROR_CHANGED: the copy shows the frame now
 * @MIRROR_BUSY: the device is still drawing; nothing was read. It is after
 *               MIRROR_BUSY_READS of them.
 * @MIRROR_VANISHED: the memory, or a part of it, is gone
 */
typedef enum MirrorResult {
    MIRROR_UNCHANGED,
    MIRROR_CHANGED,
    MIRROR_BUSY,
    MIRROR_VANISHED,
} MirrorResult;

typedef struct MirrorBounce MirrorBounce;

/**
 * struct MirrorLayer:
 * @image: x8r8g8b8, or a8r8g8b8 with colours multiplied by alpha; NULL until
 *         mirror_layer_set_image()
 * @damage: what was copied into @image since its owner cleared it
 * @bytes_read: bytes of device memory that were looked at
 * @readable: rows of the last frame that could be read
 * @seen: where the last frame was read from, or NULL
 * @samples: how many were read
 * @busy: reads in a row that found the device still drawing
 * @bounce: what frames in other formats go through, or NULL
 *
 * All zeros is a new layer. Owners may look at @image and @damage, clear
 * @damage, and draw into @image what no frame brings.
 */
typedef struct MirrorLayer {
    pixman_image_t *image;
    DamageMap *damage;
    uint64_t bytes_read;
    uint32_t readable;
    const uint8_t *seen;
    uint32_t samples;
    uint32_t busy;
    MirrorBounce *bounce;
} MirrorLayer;

/**
 * mirror_layer_set_image:
 * @layer: a layer
 * @image: where frames go from now on; the layer takes a reference. NULL for
 *         nowhere.
 *
 * The damage is forgotten if the size is another one than before.
 */
void mirror_layer_set_image(MirrorLayer *layer, pixman_image_t *image);

/**
 * mirror_layer_fit:
 * @layer: a layer
 * @frame: what it is to hold
 *
 * Gives the layer a new image, transparent or black, if it has none of the
 * frame's size and kind (with alpha or without).
 *
 * Returns: true if the image is a new one.
 */
bool mirror_layer_fit(MirrorLayer *layer, const MirrorFrame *frame);

/**
 * mirror_layer_read:
 * @layer: a layer with an image of @frame's size; one with alpha only for
 *         formats with alpha
 * @frame: what to copy
 *
 * Compares the frame with the image, copies what differs and marks that in
 * @layer->damage, which may be more than nothing if memory vanished half way.
 * With the BQL, in any thread.
 *
 * Returns: what happened; MIRROR_CHANGED if there is damage afterwards.
 */
MirrorResult mirror_layer_read(MirrorLayer *layer, const MirrorFrame *frame);

/**
 * mirror_layer_take_damage:
 * @layer: a layer with an image
 * @region: is enlarged
 * @x: of the image's left edge in @region
 * @y: of its top edge
 *
 * Moves what the layer's damage says to @region. A device may have an 8K frame
 * change in 16,200 places: adding them to a region at once takes 0.3 ms, one by
 * one it took a second.
 */
void mirror_layer_take_damage(MirrorLayer *layer, pixman_region32_t *region,
                              int32_t x, int32_t y);

/**
 * mirror_layer_finish:
 * @layer: a layer
 *
 * Frees what it holds; it is as new afterwards.
 */
void mirror_layer_finish(MirrorLayer *layer);

#endif /* UI_MIRROR_LAYER_H */
