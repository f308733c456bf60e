/*
 * Video encoders: which one, and on which path
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/video-encoder-backend.h"

#define NO_DMABUF (1u << VIDEO_PATH_DMABUF)
#define NO_SURFACE (1u << VIDEO_PATH_SURFACE)

typedef struct PathCase {
    const char *name;
    VideoFacts facts;
    VideoPath path;
    int encoder;
    const char *why;
} PathCase;

static const PathCase path_cases[] = {
    { "nothing", { .n = 0, .dmabuf = true }, VIDEO_PATH_NONE, -1,
      "Tight and the others, as ever" },
    { "software", { .encoders = { { "soft" } }, .n = 1 },
      VIDEO_PATH_SURFACE, 0, "any machine" },
    { "software-beside-dmabuf", { .encoders = { { "soft" } }, .n = 1,
                                  .dmabuf = true },
      VIDEO_PATH_SURFACE, 0, "the surface is there anyway" },
    { "hardware", { .encoders = { { "hard", true }, { "soft" } }, .n = 2 },
      VIDEO_PATH_SURFACE, 0, "a guest without dma-bufs" },
    { "hardware-dmabuf", { .encoders = { { "hard", true }, { "soft" } },
                           .n = 2, .dmabuf = true },
      VIDEO_PATH_DMABUF, 0, "the CPU reads nothing" },
    { "second-takes-dmabufs", { .encoders = { { "hard" }, { "other", true } },
                                .n = 2, .dmabuf = true },
      VIDEO_PATH_DMABUF, 1, "to read nothing is better than the order" },
    { "dmabuf-refused", { .encoders = { { "hard", true, NO_DMABUF },
                                        { "soft" } },
                          .n = 2, .dmabuf = true },
      VIDEO_PATH_SURFACE, 0, "the same encoder may take pixels" },
    { "hardware-refused", { .encoders = { { "hard", true,
                                            NO_DMABUF | NO_SURFACE },
                                          { "soft" } },
                            .n = 2, .dmabuf = true },
      VIDEO_PATH_SURFACE, 1, "a size that it cannot have" },
    { "one-refused-of-two", { .encoders = { { "a", true, NO_DMABUF },
                                            { "b", true } },
                              .n = 2, .dmabuf = true },
      VIDEO_PATH_DMABUF, 1, "each for itself" },
    { "all-refused", { .encoders = { { "soft", false, NO_SURFACE } }, .n = 1 },
      VIDEO_PATH_NONE, -1, "nothing is tried twice" },
};

static void test_path(const void *opaque)
{
    const PathCase *c = opaque;
    int encoder = -1;

    g_test_message("%s", c->why);
    g_assert_cmpstr(video_path_name(video_path_choose(&c->facts, &encoder)),
                    ==, video_path_name(c->path));
    g_assert_cmpint(encoder, ==, c->encoder);
}

typedef struct BitrateCase {
    const char *name;
    unsigned now, most, begun, late, expected;
    const char *why;
} BitrateCase;

static const BitrateCase bitrate_cases[] = {
    { "in-time", 8000, 8000, 15, 0, 8000, "as much as it may" },
    { "recovers", 4000, 8000, 15, 0, 4250, "slowly" },
    { "recovered", 7900, 8000, 15, 0, 8000, "no more than it may" },
    { "some-late", 4000, 8000, 15, 7, 4000, "let it be" },
    { "late", 4000, 8000, 15, 8, 3000, "the line is slower" },
    { "very-late", 300, 8000, 2, 2, 256, "but a picture there is to be" },
    { "little", 200, 200, 2, 2, 200, "asked for less than that" },
    { "nothing", 4000, 8000, 0, 0, 4250, "nothing speaks against it" },
    { "tiny", 1, 3, 1, 0, 2, "it always gets there" },
};

static void test_bitrate(const void *opaque)
{
    const BitrateCase *c = opaque;

    g_test_message("%s", c->why);
    g_assert_cmpuint(video_bitrate_next(c->now, c->most, c->begun, c->late),
                     ==, c->expected);
}

static void test_bitrate_default(void)
{
    g_assert_cmpuint(video_bitrate_default(1920, 1080), ==, 24883);
    g_assert_cmpuint(video_bitrate_default(16, 16), ==, VIDEO_BITRATE_MIN);
    g_assert_cmpuint(video_bitrate_default(65534, 65534), ==,
                     VIDEO_BITRATE_MAX);
}

static void test_backoff(void)
{
    g_assert_cmpint(video_backoff_ms(1), ==, 1000);
    g_assert_cmpint(video_backoff_ms(2), ==, 2000);
    g_assert_cmpint(video_backoff_ms(6), ==, 32000);
    g_assert_cmpint(video_backoff_ms(7), ==, 60000);
    g_assert_cmpint(video_backoff_ms(UINT_MAX), ==, 60000);
}

/* One that refuses or is silent is tried again, ever later, on that path. */
static void test_record(void)
{
    VideoEncoderRecord record = { 0 };

    g_assert_cmphex(video_encoder_record_refused(&record, 0), ==, 0);
    video_encoder_record_failed(&record, VIDEO_PATH_SURFACE, 100);
    g_assert_cmphex(video_encoder_record_refused(&record, 1099), ==,
                    NO_SURFACE);
    g_assert_cmphex(video_encoder_record_refused(&record, 1100), ==, 0);
    video_encoder_record_failed(&record, VIDEO_PATH_SURFACE, 1200);
    video_encoder_record_failed(&record, VIDEO_PATH_DMABUF, 1200);
    g_assert_cmphex(video_encoder_record_refused(&record, 2199), ==,
                    NO_SURFACE | NO_DMABUF);
    g_assert_cmphex(video_encoder_record_refused(&record, 3199), ==,
                    NO_SURFACE);
    g_assert_cmphex(video_encoder_record_refused(&record, 3200), ==, 0);
}

static void test_no_backend(void)
{
    VideoFacts facts;
    Error *err = NULL;

    video_encoder_set_backend(NULL);
    g_assert_false(video_encoder_find(NULL, NULL, &facts, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "GStreamer"));
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(path_cases); i++) {
        g_autofree char *path = g_strdup_printf("/video-encoder/path/%s",
                                                path_cases[i].name);

        g_test_add_data_func(path, &path_cases[i], test_path);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bitrate_cases); i++) {
        g_autofree char *path = g_strdup_printf("/video-encoder/bitrate/%s",
                                                bitrate_cases[i].name);

        g_test_add_data_func(path, &bitrate_cases[i], test_bitrate);
    }
    g_test_add_func("/video-encoder/bitrate-default", test_bitrate_default);
    g_test_add_func("/video-encoder/backoff", test_backoff);
    g_test_add_func("/video-encoder/record", test_record);
    g_test_add_func("/video-encoder/no-backend", test_no_backend);
    return g_test_run();
}
