/*
 * Video encoders of GStreamer: a real one, and what can happen to it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/video-encoder-gst.h"
#include "ui/video-stream.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <gst/gst.h>

#define WIDTH 320
#define HEIGHT 240

static int frames;

/* A picture that is another one each time. */
static bool fill(void *opaque, void *pixels, size_t stride)
{
    int n = g_atomic_int_add(&frames, 1);

    for (int y = 0; y < HEIGHT; y++) {
        uint32_t *row = pixels + y * stride;

        for (int x = 0; x < WIDTH; x++) {
            row[x] = (x + n * 4) / 16 % 2 ? 0xffffff : y * 0x010101;
        }
    }
    return true;
}

static void changed(void *opaque)
{
}

static const VideoStreamOps ops = { .fill = fill, .changed = changed };

static bool have(const char *element)
{
    VideoFacts facts;
    Error *err = NULL;

    video_encoder_set_backend(&video_encoder_gst);
    if (video_encoder_find(element, NULL, &facts, &err)) {
        return true;
    }
    g_test_skip(error_get_pretty(err));
    error_free(err);
    return false;
}

static VideoStream *start(const char *encoder)
{
    const VideoStreamConfig config = {
        .wanted = encoder,
        .width = WIDTH,
        .height = HEIGHT,
        .bitrate = video_bitrate_default(WIDTH, HEIGHT),
    };

    return video_stream_new(&config, &ops, NULL);
}

static VideoStreamState wait_while(VideoStream *stream,
                                   VideoStreamState state)
{
    while (video_stream_state(stream) == state) {
        video_stream_check(stream);
        g_usleep(200);
    }
    return video_stream_state(stream);
}

/* Returns whether there was one. */
static bool next(VideoStream *stream, bool key, VideoFrame *frame)
{
    wait_while(stream, VIDEO_STREAM_OPENING);
    video_stream_begin(stream, NULL, key, 2000);
    wait_while(stream, VIDEO_STREAM_BUSY);
    return video_stream_take(stream, frame);
}

/* The types of its units, one letter each: SPS, PPS, SEI, IDR, and others. */
static char *unit_types(const GByteArray *data)
{
    static const char letters[32] = {
        [1] = '1', [5] = 'I', [6] = 'i', [7] = 'S', [8] = 'P', [9] = 'A',
    };
    GString *types = g_string_new(NULL);

    for (guint i = 0; i + 3 < data->len; i++) {
        if (!memcmp(data->data + i, "\0\0\1", 3)) {
            char letter = letters[data->data[i + 3] & 31];

            g_string_append_c(types, letter ? letter : '?');
            i += 3;
        }
    }
    return g_string_free(types, FALSE);
}

/* What noVNC needs: one slice, and all that a decoder needs to begin. */
static void check_frame(const VideoFrame *frame, bool key)
{
    g_autofree char *types = unit_types(frame->data);
    size_t slices = 0;

    g_test_message("%s, %u bytes", types, frame->data->len);
    g_assert_cmpint(frame->key, ==, key);
    g_assert_cmpint(frame->data->data[0], ==, 0);
    for (const char *c = types; *c; c++) {
        slices += *c == 'I' || *c == '1';
    }
    g_assert_cmpint(slices, ==, 1);
    g_assert_null(strpbrk(types, "A?"));
    g_assert_cmpint(strchr(types, 'I') != NULL, ==, key);
    g_assert_cmpint(strchr(types, 'S') != NULL, ==, key);
    g_assert_cmpint(strchr(types, 'P') != NULL, ==, key);
}

/* Constrained baseline, as the protocol wants. */
static void check_profile(const VideoFrame *frame)
{
    for (guint i = 0; i + 6 < frame->data->len; i++) {
        const uint8_t *at = frame->data->data + i;

        if (!memcmp(at, "\0\0\1", 3) && (at[3] & 31) == 7) {
            g_assert_cmpint(at[4], ==, 66);
            return;
        }
    }
    g_assert_not_reached();
}

static void test_encoder(const void *opaque)
{
    const char *encoder = opaque;
    VideoStream *stream;

    if (!have(encoder)) {
        return;
    }
    stream = start(encoder);
    for (int i = 0; i < 30; i++) {
        bool key = !i || i == 20;
        VideoFrame frame;

        g_assert_true(next(stream, i == 20, &frame));
        check_frame(&frame, key);
        if (key) {
            check_profile(&frame);
        }
        g_byte_array_unref(frame.data);
    }
    video_stream_free(stream);
}

typedef struct FaultCase {
    const char *name;
    const char *encoder;
    int frames;
    const char *why;
} FaultCase;

static const FaultCase fault_cases[] = {
    { "dies", "x264enc ! identity error-after=6", 5, "an error in mid-stream" },
    { "silent", "x264enc ! identity drop-probability=1.0", 0,
      "frames that never come" },
    { "refuses", "capsfilter caps=video/x-raw,format=GRAY8 ! x264enc", 0,
      "a format that does not lead to the profile" },
    { "no-such", "noencoder", 0, "not installed" },
};

static void test_fault(const void *opaque)
{
    const FaultCase *c = opaque;
    g_autofree char *error = NULL;
    VideoStream *stream;
    VideoFrame frame;
    int n = 0;

    if (!have("x264enc")) {
        return;
    }
    g_test_message("%s", c->why);
    stream = start(c->encoder);
    while (next(stream, false, &frame)) {
        g_byte_array_unref(frame.data);
        g_assert_cmpint(++n, <=, c->frames);
    }
    g_assert_cmpint(n, ==, c->frames);
    g_assert_cmpint(video_stream_state(stream), ==, VIDEO_STREAM_FAILED);
    error = video_stream_error(stream);
    g_test_message("%s", error);
    g_assert_cmpstr(error, !=, "");
    video_stream_free(stream);
}

/* What comes late comes to nobody. */
static void test_free_at_once(void)
{
    if (!have("x264enc")) {
        return;
    }
    for (int i = 0; i < 20; i++) {
        VideoStream *stream = start("x264enc");

        if (i % 2) {
            wait_while(stream, VIDEO_STREAM_OPENING);
            video_stream_begin(stream, NULL, false, 1000);
        }
        video_stream_free(stream);
    }
}

/* Who is started later has all of GStreamer's plugins. */
static void test_environment(void)
{
    g_assert_null(g_getenv("GST_REGISTRY_DISABLE"));
}

/* Software reads dma-bufs by CPU, which QEMU's copy of the pixels does too. */
static void test_no_dmabuf(void)
{
    static const VideoFormat format = {
        DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR
    };
    VideoFacts facts;

    if (!have("x264enc")) {
        return;
    }
    g_assert_true(video_encoder_find(NULL, &format, &facts, &error_abort));
    for (int i = 0; i < facts.n; i++) {
        g_assert_cmpint(facts.encoders[i].dmabuf, ==,
                        strcmp(facts.encoders[i].name, "x264enc") &&
                        strcmp(facts.encoders[i].name, "openh264enc"));
    }
    g_assert_true(video_encoder_find("identity ! x264enc", &format, &facts,
                                     &error_abort));
    g_assert_false(facts.encoders[0].dmabuf);
}

int main(int argc, char **argv)
{
    static const char *const encoders[] = { "x264enc", "openh264enc" };

    g_test_init(&argc, &argv, NULL);
    if (!g_getenv("GST_REGISTRY_DISABLE")) {
        video_encoder_gst_prepare();
        g_test_add_func("/video-encoder-gst/environment", test_environment);
    }
    for (size_t i = 0; i < ARRAY_SIZE(encoders); i++) {
        g_autofree char *path = g_strdup_printf("/video-encoder-gst/%s",
                                                encoders[i]);

        g_test_add_data_func(path, encoders[i], test_encoder);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fault_cases); i++) {
        g_autofree char *path = g_strdup_printf("/video-encoder-gst/fault/%s",
                                                fault_cases[i].name);

        g_test_add_data_func(path, &fault_cases[i], test_fault);
    }
    g_test_add_func("/video-encoder-gst/no-dmabuf", test_no_dmabuf);
    g_test_add_func("/video-encoder-gst/free-at-once", test_free_at_once);
    return g_test_run();
}
