/*
 * Which path pixels take to the viewers that show pixels
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/pixel-path.h"

#define MAPPED .dmabuf = true, .linear = true, .cpu_format = true, \
               .mappable = true
#define ANY PIXEL_PATH__MAX

typedef struct PathCase {
    const char *name;
    PixelPathFacts facts;
    PixelPath forced;
    PixelPath expected;
    const char *why;
} PathCase;

static const PathCase cases[] = {
    { "nothing", { 0 }, ANY, PIXEL_PATH_PLACEHOLDER,
      "a device that reports no plane at all" },
    { "mmap", { MAPPED }, ANY, PIXEL_PATH_MMAP, "mbochs" },
    { "mmap-before-region", { MAPPED, .region = true }, ANY, PIXEL_PATH_MMAP,
      "the dma-buf is what GL viewers show" },
    { "mmap-before-gl", { MAPPED, .gl_readback = true }, ANY, PIXEL_PATH_MMAP,
      "a software GL would read the same bytes, unchecked" },
    { "region", { .region = true }, ANY, PIXEL_PATH_REGION, "mdpy" },
    { "unmappable", { .dmabuf = true, .linear = true, .cpu_format = true },
      ANY, PIXEL_PATH_PLACEHOLDER, "mbochs with export_rdwr=0, no GL" },
    { "unmappable-gl", { .dmabuf = true, .linear = true, .cpu_format = true,
                         .gl_readback = true },
      ANY, PIXEL_PATH_GL, "a buffer in video memory" },
    { "unmappable-region", { .dmabuf = true, .linear = true,
                             .cpu_format = true, .region = true,
                             .gl_readback = true },
      ANY, PIXEL_PATH_REGION, "reading a region needs no GL" },
    { "tiled", { .dmabuf = true, .cpu_format = true, .mappable = true,
                 .gl_readback = true },
      ANY, PIXEL_PATH_GL, "the CPU cannot untile" },
    { "tiled-no-gl", { .dmabuf = true, .cpu_format = true, .mappable = true },
      ANY, PIXEL_PATH_PLACEHOLDER, "better text than noise" },
    { "format", { .dmabuf = true, .linear = true, .mappable = true,
                  .gl_readback = true },
      ANY, PIXEL_PATH_GL, "pixman has no code for it, GL may" },
    { "gl-without-buffer", { .gl_readback = true }, ANY,
      PIXEL_PATH_PLACEHOLDER, "GL has nothing to import" },
    { "mmap-without-buffer", { .linear = true, .cpu_format = true,
                               .mappable = true },
      ANY, PIXEL_PATH_PLACEHOLDER, "left-over facts of an earlier frame" },
    { "metadata", { MAPPED, .metadata = true, .region = true,
                    .gl_readback = true },
      ANY, PIXEL_PATH_METADATA, "consistent and with damage: the best" },
    { "metadata-beside-mmap", { MAPPED, .metadata = true,
                                .dmabuf_viewer = true },
      ANY, PIXEL_PATH_MMAP, "all viewers show one frame" },
    { "metadata-beside-gl", { .dmabuf = true, .metadata = true,
                              .dmabuf_viewer = true, .gl_readback = true },
      ANY, PIXEL_PATH_GL, "all viewers show one frame" },
    { "metadata-beside-unreadable", { .dmabuf = true, .metadata = true,
                                      .dmabuf_viewer = true },
      ANY, PIXEL_PATH_PLACEHOLDER,
      "it is decided before the buffer is known, as it saves the query" },
    { "metadata-viewer-without-buffer", { .metadata = true, .region = true,
                                          .dmabuf_viewer = true },
      ANY, PIXEL_PATH_METADATA, "that viewer has no dma-buf to show" },
    { "not-known-yet", { .dmabuf = true, .metadata = true }, ANY,
      PIXEL_PATH_METADATA, "no query is needed" },
    { "forced-metadata", { MAPPED, .metadata = true, .dmabuf_viewer = true },
      PIXEL_PATH_METADATA, PIXEL_PATH_METADATA, "whoever forces it means it" },
    { "forced-mmap", { MAPPED, .metadata = true }, PIXEL_PATH_MMAP,
      PIXEL_PATH_MMAP, "not the first in order" },
    { "forced-region", { MAPPED, .region = true }, PIXEL_PATH_REGION,
      PIXEL_PATH_REGION, "not the first in order" },
    { "forced-gl", { MAPPED, .gl_readback = true }, PIXEL_PATH_GL,
      PIXEL_PATH_GL, "not the first in order" },
    { "forced-impossible", { MAPPED }, PIXEL_PATH_REGION,
      PIXEL_PATH_PLACEHOLDER, "a forced path never falls back" },
    { "forced-placeholder", { MAPPED }, PIXEL_PATH_PLACEHOLDER,
      PIXEL_PATH_PLACEHOLDER, "always possible" },
};

static void test_choose(const void *opaque)
{
    const PathCase *c = opaque;

    g_test_message("%s", c->why);
    g_assert_cmpstr(pixel_path_name(pixel_path_choose(&c->facts,
                                                      c->forced)), ==,
                    pixel_path_name(c->expected));
}

static void test_parse(void)
{
    static const char *const paths[] = { "metadata", "mmap", "region", "gl" };
    static const char *const bad[] = { "", "MMAP", "mmap ", "dmabuf",
                                       "placeholder" };
    PixelPath path = PIXEL_PATH_GL;

    g_assert_true(pixel_path_parse("auto", &path));
    g_assert_cmpint(path, ==, PIXEL_PATH__MAX);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        g_assert_true(pixel_path_parse(paths[i], &path));
        g_assert_cmpstr(pixel_path_name(path), ==, paths[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        path = PIXEL_PATH_REGION;
        g_assert_false(pixel_path_parse(bad[i], &path));
        g_assert_cmpint(path, ==, PIXEL_PATH_REGION);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        g_autofree char *name = g_strdup_printf("/pixel-path/choose/%s",
                                                cases[i].name);

        g_test_add_data_func(name, &cases[i], test_choose);
    }
    g_test_add_func("/pixel-path/parse", test_parse);
    return g_test_run();
}
