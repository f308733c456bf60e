/*
 * A rectangle of the screen on its way through a video encoder: of the tests'
 * own, which does as it is told
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/video-encoder-backend.h"
#include "ui/video-stream.h"

#define WIDTH 64
#define HEIGHT 48
#define FOURCC 1

typedef enum Fault {
    FAULT_NONE,
    FAULT_NO_ENCODER,
    FAULT_OPEN,
    FAULT_FEED,
    FAULT_SILENT,
    FAULT_HANGS,        /* before it takes a frame */
    FAULT_ERROR,
    FAULT_DIES,         /* in place of the third frame */
} Fault;

/* What the encoders of a test do, a Fault, and have done; all is atomic. */
static int fault, opened, closed, filled, changes;

typedef struct FakeEncoder {
    VideoEncoder parent;
    const VideoEncoderSink *sink;
    void *opaque;
    int width, height;
    unsigned bitrate;
    int fed;
    bool key;
    GThread *thread;    /* which encodes a frame */
} FakeEncoder;

static const VideoEncoderBackend fake;

static bool fake_find(const char *wanted, const VideoFormat *format,
                      VideoFacts *facts, Error **errp)
{
    if (g_atomic_int_get(&fault) == FAULT_NO_ENCODER) {
        error_setg(errp, "none");
        return false;
    }
    facts->encoders[0].name = "first";
    facts->encoders[1].name = "second";
    facts->encoders[1].dmabuf = !format || format->fourcc == FOURCC;
    facts->n = 2;
    return true;
}

static VideoEncoder *fake_open(const VideoEncoderConfig *config,
                               const VideoEncoderSink *sink, void *opaque,
                               Error **errp)
{
    FakeEncoder *encoder;

    if (g_atomic_int_get(&fault) == FAULT_OPEN) {
        error_setg(errp, "it does not open");
        return NULL;
    }
    encoder = g_new0(FakeEncoder, 1);
    encoder->parent.backend = &fake;
    encoder->sink = sink;
    encoder->opaque = opaque;
    encoder->width = config->width;
    encoder->height = config->height;
    encoder->bitrate = config->bitrate;
    g_atomic_int_inc(&opened);
    return &encoder->parent;
}

/* A frame is: its number, whether it is a key frame, the bitrate. */
static void *fake_encode(void *opaque)
{
    FakeEncoder *encoder = opaque;
    uint32_t frame[] = { encoder->fed, encoder->key, encoder->bitrate };

    switch (g_atomic_int_get(&fault)) {
    case FAULT_SILENT:
        break;
    case FAULT_ERROR:
        encoder->sink->failed(encoder->opaque, "it broke");
        break;
    case FAULT_DIES:
        if (encoder->fed >= 3) {
            encoder->sink->failed(encoder->opaque, "it died");
            break;
        }
        /* fall through */
    default:
        encoder->sink->packet(encoder->opaque, frame, sizeof(frame),
                              encoder->key);
    }
    return NULL;
}

static void fake_join(FakeEncoder *encoder)
{
    if (encoder->thread) {
        g_thread_join(encoder->thread);
    }
}

static bool fake_start(FakeEncoder *encoder, bool key)
{
    encoder->fed++;
    encoder->key = key || encoder->fed == 1;
    encoder->thread = g_thread_new("encoder", fake_encode, encoder);
    return true;
}

static bool fake_feed(VideoEncoder *parent, VideoEncoderFill *fill,
                      void *opaque, bool key, Error **errp)
{
    FakeEncoder *encoder = (FakeEncoder *)parent;
    g_autofree uint32_t *pixels = g_new0(uint32_t,
                                         encoder->width * encoder->height);

    fake_join(encoder);
    encoder->thread = NULL;
    if (!fill(opaque, pixels, encoder->width * sizeof(*pixels)) ||
        g_atomic_int_get(&fault) == FAULT_FEED) {
        error_setg(errp, "it takes no frame");
        return false;
    }
    return fake_start(encoder, key);
}

static bool fake_feed_dmabuf(VideoEncoder *parent, VideoDmabuf *dmabuf,
                             bool key, Error **errp)
{
    FakeEncoder *encoder = (FakeEncoder *)parent;

    fake_join(encoder);
    encoder->thread = NULL;
    if (g_atomic_int_get(&fault) == FAULT_FEED) {
        error_setg(errp, "it takes no frame");
        return false;
    }
    g_assert_cmpint(dmabuf->width, ==, encoder->width);
    return fake_start(encoder, key);
}

static void fake_set_bitrate(VideoEncoder *parent, unsigned kbit)
{
    while (g_atomic_int_get(&fault) == FAULT_HANGS) {
        g_usleep(100);
    }
    ((FakeEncoder *)parent)->bitrate = kbit;
}

static void fake_close(VideoEncoder *parent)
{
    FakeEncoder *encoder = (FakeEncoder *)parent;

    fake_join(encoder);
    g_free(encoder);
    g_atomic_int_inc(&closed);
}

static const VideoEncoderBackend fake = {
    .find = fake_find,
    .open = fake_open,
    .feed = fake_feed,
    .feed_dmabuf = fake_feed_dmabuf,
    .set_bitrate = fake_set_bitrate,
    .close = fake_close,
};

/* --- The owner ----------------------------------------------------------- */

static bool owner_fill(void *opaque, void *pixels, size_t stride)
{
    g_assert_cmpuint(stride, ==, WIDTH * 4);
    memset(pixels, 0x55, HEIGHT * stride);
    g_atomic_int_inc(&filled);
    return true;
}

static void owner_changed(void *opaque)
{
    g_assert_true(opaque == &fault);
    g_atomic_int_inc(&changes);
}

static const VideoStreamOps ops = {
    .fill = owner_fill,
    .changed = owner_changed,
};

static const VideoStreamConfig config = {
    .width = WIDTH, .height = HEIGHT, .bitrate = 1000,
};

static VideoStream *start(Fault with)
{
    video_encoder_set_backend(&fake);
    g_atomic_int_set(&fault, with);
    g_atomic_int_set(&opened, 0);
    g_atomic_int_set(&closed, 0);
    g_atomic_int_set(&filled, 0);
    g_atomic_int_set(&changes, 0);
    return video_stream_new(&config, &ops, &fault);
}

static void wait_for(VideoStream *stream, VideoStreamState state)
{
    while (video_stream_state(stream) != state) {
        g_assert_cmpint(video_stream_state(stream), !=, VIDEO_STREAM_FAILED);
        video_stream_check(stream);
        g_usleep(100);
    }
}

/* What a stream has opened is closed by its thread, which may take a while. */
static void end(VideoStream *stream)
{
    while (video_stream_state(stream) == VIDEO_STREAM_OPENING) {
        g_usleep(100);
    }
    video_stream_free(stream);
    while (g_atomic_int_get(&closed) != g_atomic_int_get(&opened)) {
        g_usleep(100);
    }
}

static uint32_t frame_word(const VideoFrame *frame, int i)
{
    uint32_t word;

    g_assert_cmpuint(frame->data->len, ==, 3 * sizeof(word));
    memcpy(&word, frame->data->data + i * sizeof(word), sizeof(word));
    return word;
}

static void take(VideoStream *stream, bool key, unsigned bitrate,
                 uint32_t number)
{
    VideoFrame frame;

    wait_for(stream, VIDEO_STREAM_IDLE);
    g_assert_false(video_stream_take(stream, &frame));
    g_assert_true(video_stream_begin(stream, NULL, key, bitrate));
    wait_for(stream, VIDEO_STREAM_READY);
    g_assert_false(video_stream_begin(stream, NULL, false, bitrate));
    g_assert_true(video_stream_take(stream, &frame));
    g_assert_cmpuint(frame_word(&frame, 0), ==, number);
    g_assert_cmpint(frame.key, ==, key || number == 1);
    g_assert_cmpuint(frame_word(&frame, 1), ==, frame.key);
    g_assert_cmpuint(frame_word(&frame, 2), ==, bitrate);
    g_assert_cmpint(frame.us, >=, 0);
    g_byte_array_unref(frame.data);
}

static void test_frames(void)
{
    VideoStream *stream = start(FAULT_NONE);
    VideoStreamEncoder encoder;

    take(stream, false, 1000, 1);
    take(stream, false, 1000, 2);
    take(stream, true, 500, 3);
    take(stream, false, 2000, 4);
    encoder = video_stream_encoder(stream);
    g_assert_cmpstr(encoder.name, ==, "first");
    g_assert_cmpint(encoder.path, ==, VIDEO_PATH_SURFACE);
    g_assert_cmpint(encoder.index, ==, 0);
    g_assert_true(encoder.some_dmabuf);
    g_free(encoder.name);
    end(stream);
    g_assert_cmpint(g_atomic_int_get(&filled), ==, 4);
    /* It opened, and four frames were ready. */
    g_assert_cmpint(g_atomic_int_get(&changes), ==, 5);
}

typedef struct FaultCase {
    const char *name;
    Fault fault;
    int frames;         /* before it fails */
    const char *expected;
    int index;          /* of the encoder that is to blame */
} FaultCase;

static const FaultCase fault_cases[] = {
    { "no-encoder", FAULT_NO_ENCODER, 0, "none", -1 },
    { "open", FAULT_OPEN, 0, "it does not open", 0 },
    { "feed", FAULT_FEED, 0, "it takes no frame", 0 },
    { "silent", FAULT_SILENT, 0, "the encoder is silent", 0 },
    { "hangs", FAULT_HANGS, 0, "the encoder is silent", 0 },
    { "error", FAULT_ERROR, 0, "it broke", 0 },
    { "dies", FAULT_DIES, 2, "it died", 0 },
};

static void test_fault(const void *opaque)
{
    const FaultCase *c = opaque;
    VideoStream *stream = start(c->fault);
    g_autofree char *error = NULL;
    VideoStreamEncoder encoder;
    VideoFrame frame;

    for (int i = 1; i <= c->frames; i++) {
        take(stream, false, 1000, i);
    }
    while (video_stream_state(stream) != VIDEO_STREAM_FAILED) {
        video_stream_begin(stream, NULL, false, 1000);
        video_stream_check(stream);
        g_usleep(100);
    }
    error = video_stream_error(stream);
    encoder = video_stream_encoder(stream);
    g_assert_cmpstr(error, ==, c->expected);
    g_assert_cmpint(encoder.index, ==, c->index);
    g_free(encoder.name);
    /* It stays so. */
    g_assert_false(video_stream_begin(stream, NULL, true, 1000));
    g_assert_false(video_stream_take(stream, &frame));
    g_atomic_int_set(&fault, FAULT_NONE);
    end(stream);
}

/* A size after the other, none of which gets to its end. */
static void test_resizes(void)
{
    end(start(FAULT_NONE));
    for (int i = 0; i < 100; i++) {
        VideoStream *stream = video_stream_new(&config, &ops, &fault);

        if (i % 2) {
            wait_for(stream, VIDEO_STREAM_IDLE);
            g_assert_true(video_stream_begin(stream, NULL, false, 1000));
        }
        video_stream_free(stream);
    }
    while (g_atomic_int_get(&opened) != 101 ||
           g_atomic_int_get(&closed) != 101) {
        g_usleep(100);
    }
}

static void test_refused(void)
{
    VideoStreamConfig second = config, none = config;
    VideoStreamEncoder encoder;
    g_autofree char *error = NULL;
    VideoStream *stream;

    end(start(FAULT_NONE));
    second.refused[0] = 1u << VIDEO_PATH_SURFACE;
    stream = video_stream_new(&second, &ops, &fault);
    take(stream, false, 1000, 1);
    encoder = video_stream_encoder(stream);
    g_assert_cmpstr(encoder.name, ==, "second");
    g_assert_cmpint(encoder.index, ==, 1);
    g_free(encoder.name);
    end(stream);

    none.refused[0] = none.refused[1] = 1u << VIDEO_PATH_SURFACE;
    stream = video_stream_new(&none, &ops, &fault);
    while (video_stream_state(stream) != VIDEO_STREAM_FAILED) {
        g_usleep(100);
    }
    error = video_stream_error(stream);
    g_assert_cmpstr(error, ==, "no encoder takes this picture");
    end(stream);
}

/* --- Dma-bufs ------------------------------------------------------------- */

static VideoDmabuf *buffer_new(void)
{
    VideoDmabuf *buffer = g_new0(VideoDmabuf, 1);

    buffer->refs = 1;
    buffer->fd = dup(STDIN_FILENO);
    buffer->width = WIDTH;
    buffer->height = HEIGHT;
    return buffer;
}

static VideoStream *start_dmabuf(Fault with, uint32_t fourcc)
{
    VideoStreamConfig of_dmabufs = config;

    end(start(with));
    of_dmabufs.format.fourcc = fourcc;
    return video_stream_new(&of_dmabufs, &ops, &fault);
}

/* The stream holds it for the time that the encoder needs it. */
static void test_dmabuf(void)
{
    VideoStream *stream = start_dmabuf(FAULT_NONE, FOURCC);
    VideoDmabuf *buffer = buffer_new();
    VideoStreamEncoder encoder;
    VideoFrame frame;

    for (int i = 1; i <= 3; i++) {
        wait_for(stream, VIDEO_STREAM_IDLE);
        g_assert_true(video_stream_begin(stream, buffer, i == 3, 1000));
        wait_for(stream, VIDEO_STREAM_READY);
        g_assert_true(video_stream_take(stream, &frame));
        g_assert_cmpuint(frame_word(&frame, 0), ==, i);
        g_assert_cmpint(frame.key, ==, i != 2);
        g_byte_array_unref(frame.data);
    }
    encoder = video_stream_encoder(stream);
    g_assert_cmpstr(encoder.name, ==, "second");
    g_assert_cmpint(encoder.path, ==, VIDEO_PATH_DMABUF);
    g_free(encoder.name);
    end(stream);
    g_assert_cmpint(g_atomic_int_get(&filled), ==, 0);
    g_assert_cmpint(g_atomic_int_get(&buffer->refs), ==, 1);
    video_dmabuf_unref(buffer);
}

static void test_dmabuf_refused(void)
{
    VideoStream *stream = start_dmabuf(FAULT_NONE, FOURCC + 1);
    g_autofree char *error = NULL, *why = NULL;
    VideoDmabuf *buffer = buffer_new();

    while (video_stream_state(stream) == VIDEO_STREAM_OPENING) {
        g_usleep(100);
    }
    error = video_stream_error(stream);
    g_assert_cmpstr(error, ==, "no encoder takes the guest's buffer");
    g_assert_cmpint(video_stream_encoder(stream).index, ==, -1);
    end(stream);

    stream = start_dmabuf(FAULT_NONE, FOURCC);
    wait_for(stream, VIDEO_STREAM_IDLE);
    g_atomic_int_set(&fault, FAULT_FEED);
    g_assert_true(video_stream_begin(stream, buffer, false, 1000));
    while (video_stream_state(stream) == VIDEO_STREAM_BUSY) {
        g_usleep(100);
    }
    why = video_stream_error(stream);
    g_assert_cmpstr(why, ==, "it takes no frame");
    end(stream);
    g_assert_cmpint(g_atomic_int_get(&buffer->refs), ==, 1);
    video_dmabuf_unref(buffer);
}

/* The owner's memory is its own again once a stream is gone. */
static int at_gate, gate_open;

static bool gated_fill(void *opaque, void *pixels, size_t stride)
{
    g_atomic_int_set(&at_gate, 1);
    while (!g_atomic_int_get(&gate_open)) {
        g_usleep(100);
    }
    g_atomic_int_set(&at_gate, 2);
    return true;
}

static void *open_gate(void *opaque)
{
    g_usleep(10000);
    g_atomic_int_set(&gate_open, 1);
    return NULL;
}

static void test_free_while_filling(void)
{
    static const VideoStreamOps gated = {
        .fill = gated_fill, .changed = owner_changed,
    };
    VideoStream *stream;
    GThread *opener;

    end(start(FAULT_NONE));
    stream = video_stream_new(&config, &gated, &fault);
    wait_for(stream, VIDEO_STREAM_IDLE);
    g_assert_true(video_stream_begin(stream, NULL, false, 1000));
    while (!g_atomic_int_get(&at_gate)) {
        g_usleep(100);
    }
    opener = g_thread_new("opener", open_gate, NULL);
    end(stream);
    g_assert_cmpint(g_atomic_int_get(&at_gate), ==, 2);
    g_thread_join(opener);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/video-stream/frames", test_frames);
    for (size_t i = 0; i < ARRAY_SIZE(fault_cases); i++) {
        g_autofree char *path = g_strdup_printf("/video-stream/fault/%s",
                                                fault_cases[i].name);

        g_test_add_data_func(path, &fault_cases[i], test_fault);
    }
    g_test_add_func("/video-stream/resizes", test_resizes);
    g_test_add_func("/video-stream/refused", test_refused);
    g_test_add_func("/video-stream/dmabuf", test_dmabuf);
    g_test_add_func("/video-stream/dmabuf-refused", test_dmabuf_refused);
    g_test_add_func("/video-stream/free-while-filling",
                    test_free_while_filling);
    return g_test_run();
}
