/*
 * Which path pixels take to the viewers that show pixels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/pixel-path.h"

/* The cheapest comes first. */
static const PixelPath order[] = {
    PIXEL_PATH_METADATA, PIXEL_PATH_MMAP, PIXEL_PATH_REGION, PIXEL_PATH_GL,
};

static const char *const names[PIXEL_PATH__MAX] = {
    [PIXEL_PATH_PLACEHOLDER] = "placeholder",
    [PIXEL_PATH_METADATA] = "metadata",
    [PIXEL_PATH_MMAP] = "mmap",
    [PIXEL_PATH_REGION] = "region",
    [PIXEL_PATH_GL] = "gl",
};

static bool possible(const PixelPathFacts *facts, PixelPath path)
{
    switch (path) {
    case PIXEL_PATH_METADATA:
        return facts->metadata;
    case PIXEL_PATH_MMAP:
        return facts->dmabuf && facts->linear && facts->cpu_format &&
               facts->mappable;
    case PIXEL_PATH_REGION:
        return facts->region;
    case PIXEL_PATH_GL:
        return facts->dmabuf && facts->gl_readback;
    default:
        return false;
    }
}

PixelPath pixel_path_choose(const PixelPathFacts *facts, PixelPath forced)
{
    PixelPathFacts known = *facts;

    if (forced != PIXEL_PATH__MAX) {
        return possible(facts, forced) ? forced : PIXEL_PATH_PLACEHOLDER;
    }
    known.metadata &= !(facts->dmabuf && facts->dmabuf_viewer);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        if (possible(&known, order[i])) {
            return order[i];
        }
    }
    return PIXEL_PATH_PLACEHOLDER;
}

const char *pixel_path_name(PixelPath path)
{
    assert((unsigned)path < PIXEL_PATH__MAX);
    return names[path];
}

bool pixel_path_parse(const char *name, PixelPath *forced)
{
    if (!strcmp(name, "auto")) {
        *forced = PIXEL_PATH__MAX;
        return true;
    }
    /* The placeholder is what is left when no path works. */
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        if (!strcmp(name, names[order[i]])) {
            *forced = order[i];
            return true;
        }
    }
    return false;
}
