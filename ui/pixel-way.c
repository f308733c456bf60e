/*
 * How a frame's pixels get to viewers that take pixels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/pixel-way.h"

#define N_WAYS 4

/* What costs least comes first. */
static const PixelWay order[N_WAYS] = {
    PIXEL_WAY_METADATA, PIXEL_WAY_MMAP, PIXEL_WAY_REGION, PIXEL_WAY_GL,
};

/*
 * A GL viewer shows the dma-buf. The metadata region holds a copy of another
 * moment, so it is taken only where nothing else gives a picture at all.
 */
static const PixelWay order_beside_gl[N_WAYS] = {
    PIXEL_WAY_MMAP, PIXEL_WAY_REGION, PIXEL_WAY_GL, PIXEL_WAY_METADATA,
};

static const char *const names[PIXEL_WAY__MAX] = {
    [PIXEL_WAY_PLACEHOLDER] = "placeholder",
    [PIXEL_WAY_METADATA] = "metadata",
    [PIXEL_WAY_MMAP] = "mmap",
    [PIXEL_WAY_REGION] = "region",
    [PIXEL_WAY_GL] = "gl",
};

static bool possible(const PixelWayCaps *caps, PixelWay way)
{
    switch (way) {
    case PIXEL_WAY_METADATA:
        return caps->metadata;
    case PIXEL_WAY_MMAP:
        return caps->dmabuf && caps->linear && caps->cpu_format &&
               caps->mappable;
    case PIXEL_WAY_REGION:
        return caps->region;
    case PIXEL_WAY_GL:
        return caps->dmabuf && caps->gl_readback;
    default:
        return false;
    }
}

PixelWay pixel_way_choose(const PixelWayCaps *caps, PixelWay forced)
{
    const PixelWay *ways =
        caps->gl_viewer && caps->dmabuf ? order_beside_gl : order;

    if (forced != PIXEL_WAY__MAX) {
        return possible(caps, forced) ? forced : PIXEL_WAY_PLACEHOLDER;
    }
    for (int i = 0; i < N_WAYS; i++) {
        if (possible(caps, ways[i])) {
            return ways[i];
        }
    }
    return PIXEL_WAY_PLACEHOLDER;
}

const char *pixel_way_name(PixelWay way)
{
    assert((unsigned)way < PIXEL_WAY__MAX);
    return names[way];
}

bool pixel_way_parse(const char *name, PixelWay *forced)
{
    if (!strcmp(name, "auto")) {
        *forced = PIXEL_WAY__MAX;
        return true;
    }
    /* The placeholder is what is left, not a way to ask for. */
    for (int i = 0; i < N_WAYS; i++) {
        if (!strcmp(name, names[order[i]])) {
            *forced = order[i];
            return true;
        }
    }
    return false;
}
