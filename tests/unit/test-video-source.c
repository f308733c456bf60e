/*
 * Whether video is made of pixels or of the guest's dma-bufs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/video-source.h"

typedef struct SourceCase {
    const char *name;
    VideoSource now;
    VideoSourceFacts facts;
    VideoSource next;
    const char *why;
} SourceCase;

static const SourceCase source_cases[] = {
    { "pixels", VIDEO_SOURCE_SURFACE, { .ms = 5000 },
      VIDEO_SOURCE_SURFACE, "text, a part, a client without it: as ever" },
    { "starts", VIDEO_SOURCE_SURFACE, { .wanted = true },
      VIDEO_SOURCE_ASKED, "it was found to be all of the screen just now" },
    { "pause", VIDEO_SOURCE_SURFACE,
      { .wanted = true, .ms = 1499, .pause_ms = VIDEO_SOURCE_LOOK_MS },
      VIDEO_SOURCE_SURFACE, "what moves is still being looked for" },
    { "pause-is-over", VIDEO_SOURCE_SURFACE,
      { .wanted = true, .ms = 1500, .pause_ms = VIDEO_SOURCE_LOOK_MS },
      VIDEO_SOURCE_ASKED, "it is still all of the screen" },

    { "no-offer", VIDEO_SOURCE_ASKED, { .wanted = true, .ms = 499 },
      VIDEO_SOURCE_ASKED, "the device may have to be asked first" },
    { "never-offered", VIDEO_SOURCE_ASKED, { .wanted = true, .ms = 500 },
      VIDEO_SOURCE_SURFACE, "a device without dma-bufs" },
    { "offered", VIDEO_SOURCE_ASKED, { .wanted = true, .offered = true },
      VIDEO_SOURCE_TRIED, "does an encoder take it?" },
    { "odd-offer", VIDEO_SOURCE_ASKED, { .wanted = true, .lost = true },
      VIDEO_SOURCE_SURFACE, "one that is no picture of the screen" },
    { "ends-before", VIDEO_SOURCE_ASKED, { .offered = true },
      VIDEO_SOURCE_SURFACE, "nothing moves any more" },

    { "trying", VIDEO_SOURCE_TRIED, { .wanted = true, .ms = 3000 },
      VIDEO_SOURCE_TRIED, "nobody waits for it" },
    { "refused", VIDEO_SOURCE_TRIED, { .wanted = true, .failed = true },
      VIDEO_SOURCE_SURFACE, "nobody has noticed" },
    { "refused-by-one", VIDEO_SOURCE_TRIED,
      { .wanted = true, .failed = true, .tried = true },
      VIDEO_SOURCE_SURFACE, "all or none" },
    { "tried", VIDEO_SOURCE_TRIED, { .wanted = true, .tried = true },
      VIDEO_SOURCE_TAKING, "all encoders have made a frame" },
    { "ends-while-tried", VIDEO_SOURCE_TRIED, { .tried = true },
      VIDEO_SOURCE_SURFACE, "or somebody else has come" },

    { "taking", VIDEO_SOURCE_TAKING, { .wanted = true },
      VIDEO_SOURCE_TAKING, "the next that is offered" },
    { "taken", VIDEO_SOURCE_TAKING, { .wanted = true, .offered = true },
      VIDEO_SOURCE_DMABUF, "no pixel is read from now on" },
    { "taken-in-vain", VIDEO_SOURCE_TAKING, { .offered = true },
      VIDEO_SOURCE_DMABUF, "nobody reads pixels: they have to be asked for" },
    { "not-offered-again", VIDEO_SOURCE_TAKING, { .wanted = true, .ms = 500 },
      VIDEO_SOURCE_SURFACE, "an overlay lies over it by now" },
    { "another-kind", VIDEO_SOURCE_TAKING, { .wanted = true, .lost = true },
      VIDEO_SOURCE_SURFACE, "that has to be tried first" },

    { "on", VIDEO_SOURCE_DMABUF, { .wanted = true, .ms = 9999 },
      VIDEO_SOURCE_DMABUF, "" },
    { "look", VIDEO_SOURCE_DMABUF, { .wanted = true, .ms = 10000 },
      VIDEO_SOURCE_LEAVING, "text may have come to rest in it" },
    { "still", VIDEO_SOURCE_DMABUF, { .ms = 1 },
      VIDEO_SOURCE_LEAVING, "the last frame is to be exact" },
    { "fails", VIDEO_SOURCE_DMABUF, { .wanted = true, .failed = true },
      VIDEO_SOURCE_LEAVING, "an encoder died" },
    { "overlay", VIDEO_SOURCE_DMABUF, { .wanted = true, .lost = true },
      VIDEO_SOURCE_LEAVING, "the console shows something else" },

    { "reading", VIDEO_SOURCE_LEAVING, { .wanted = true, .ms = 499 },
      VIDEO_SOURCE_LEAVING, "old pixels are shown to nobody" },
    { "read", VIDEO_SOURCE_LEAVING, { .fresh = true },
      VIDEO_SOURCE_SURFACE, "" },
    { "cannot-be-read", VIDEO_SOURCE_LEAVING, { .ms = 500 },
      VIDEO_SOURCE_SURFACE, "something is better than nothing" },
};

static void test_source(const void *opaque)
{
    const SourceCase *c = opaque;

    g_test_message("%s", c->why);
    g_assert_cmpint(video_source_next(c->now, &c->facts), ==, c->next);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(source_cases); i++) {
        g_autofree char *path = g_strdup_printf("/video-source/%s",
                                                source_cases[i].name);

        g_test_add_data_func(path, &source_cases[i], test_source);
    }
    return g_test_run();
}
