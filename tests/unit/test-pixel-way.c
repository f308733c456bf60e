/*
 * How a frame's pixels get to viewers that take pixels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/pixel-way.h"

#define MAPPED .dmabuf = true, .linear = true, .cpu_format = true, \
               .mappable = true
#define ANY PIXEL_WAY__MAX

typedef struct WayCase {
    const char *name;
    PixelWayCaps caps;
    PixelWay forced;
    PixelWay expected;
    const char *why;
} WayCase;

static const WayCase cases[] = {
    { "nothing", { 0 }, ANY, PIXEL_WAY_PLACEHOLDER,
      "a device that reports no plane at all" },
    { "mmap", { MAPPED }, ANY, PIXEL_WAY_MMAP, "mbochs" },
    { "mmap-before-region", { MAPPED, .region = true }, ANY, PIXEL_WAY_MMAP,
      "the dma-buf is what GL viewers show" },
    { "mmap-before-gl", { MAPPED, .gl_readback = true }, ANY, PIXEL_WAY_MMAP,
      "a software GL would read the same bytes, unchecked" },
    { "region", { .region = true }, ANY, PIXEL_WAY_REGION, "mdpy" },
    { "unmappable", { .dmabuf = true, .linear = true, .cpu_format = true },
      ANY, PIXEL_WAY_PLACEHOLDER, "mbochs with export_rdwr=0, no GL" },
    { "unmappable-gl", { .dmabuf = true, .linear = true, .cpu_format = true,
                         .gl_readback = true },
      ANY, PIXEL_WAY_GL, "a buffer in video memory" },
    { "unmappable-region", { .dmabuf = true, .linear = true,
                             .cpu_format = true, .region = true,
                             .gl_readback = true },
      ANY, PIXEL_WAY_REGION, "reading a region needs no GL" },
    { "tiled", { .dmabuf = true, .cpu_format = true, .mappable = true,
                 .gl_readback = true },
      ANY, PIXEL_WAY_GL, "the CPU cannot untile" },
    { "tiled-no-gl", { .dmabuf = true, .cpu_format = true, .mappable = true },
      ANY, PIXEL_WAY_PLACEHOLDER, "better words than noise" },
    { "format", { .dmabuf = true, .linear = true, .mappable = true,
                  .gl_readback = true },
      ANY, PIXEL_WAY_GL, "pixman has no code for it, GL may" },
    { "gl-without-buffer", { .gl_readback = true }, ANY,
      PIXEL_WAY_PLACEHOLDER, "GL has nothing to import" },
    { "mmap-without-buffer", { .linear = true, .cpu_format = true,
                               .mappable = true },
      ANY, PIXEL_WAY_PLACEHOLDER, "left-over caps of an earlier frame" },
    { "metadata", { MAPPED, .metadata = true, .region = true,
                    .gl_readback = true },
      ANY, PIXEL_WAY_METADATA, "consistent and with damage: the best" },
    { "metadata-gl-viewer", { MAPPED, .metadata = true, .gl_viewer = true },
      ANY, PIXEL_WAY_MMAP, "one frame, one source" },
    { "metadata-gl-viewer-tiled", { .dmabuf = true, .metadata = true,
                                    .gl_viewer = true, .gl_readback = true },
      ANY, PIXEL_WAY_GL, "one frame, one source" },
    { "metadata-gl-viewer-last", { .dmabuf = true, .metadata = true,
                                   .gl_viewer = true },
      ANY, PIXEL_WAY_METADATA, "another moment is better than no picture" },
    { "metadata-gl-viewer-no-buffer", { .metadata = true, .region = true,
                                        .gl_viewer = true },
      ANY, PIXEL_WAY_METADATA, "the GL viewer has no dma-buf to show" },
    { "forced-metadata", { MAPPED, .metadata = true, .gl_viewer = true },
      PIXEL_WAY_METADATA, PIXEL_WAY_METADATA, "whoever forces it means it" },
    { "forced-mmap", { MAPPED, .metadata = true }, PIXEL_WAY_MMAP,
      PIXEL_WAY_MMAP, "not the first in order" },
    { "forced-region", { MAPPED, .region = true }, PIXEL_WAY_REGION,
      PIXEL_WAY_REGION, "not the first in order" },
    { "forced-gl", { MAPPED, .gl_readback = true }, PIXEL_WAY_GL,
      PIXEL_WAY_GL, "not the first in order" },
    { "forced-impossible", { MAPPED }, PIXEL_WAY_REGION,
      PIXEL_WAY_PLACEHOLDER, "a forced way never falls back" },
    { "forced-placeholder", { MAPPED }, PIXEL_WAY_PLACEHOLDER,
      PIXEL_WAY_PLACEHOLDER, "always possible" },
};

static void test_choose(const void *opaque)
{
    const WayCase *c = opaque;

    g_test_message("%s", c->why);
    g_assert_cmpstr(pixel_way_name(pixel_way_choose(&c->caps, c->forced)), ==,
                    pixel_way_name(c->expected));
}

static void test_parse(void)
{
    static const char *const ways[] = { "metadata", "mmap", "region", "gl" };
    static const char *const bad[] = { "", "MMAP", "mmap ", "dmabuf",
                                       "placeholder" };
    PixelWay way = PIXEL_WAY_GL;

    g_assert_true(pixel_way_parse("auto", &way));
    g_assert_cmpint(way, ==, PIXEL_WAY__MAX);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        g_assert_true(pixel_way_parse(ways[i], &way));
        g_assert_cmpstr(pixel_way_name(way), ==, ways[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        way = PIXEL_WAY_REGION;
        g_assert_false(pixel_way_parse(bad[i], &way));
        g_assert_cmpint(way, ==, PIXEL_WAY_REGION);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *path = g_strdup_printf("/pixel-way/choose/%s",
                                                cases[i].name);

        g_test_add_data_func(path, &cases[i], test_choose);
    }
    g_test_add_func("/pixel-way/parse", test_parse);
    return g_test_run();
}
