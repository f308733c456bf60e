/*
 * A rectangle of the screen on its way through a video encoder
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/thread.h"
#include "qapi/error.h"
#include "video-stream.h"

/*
 * An encoder that has said nothing for so long after a frame has failed. With
 * the first one it may still have to set itself up.
 */
#define VIDEO_STREAM_SILENCE_MS 200
#define VIDEO_STREAM_FIRST_MS 3000

/*
 * Two hold it: the owner, and its thread, which may be the last as encoders
 * can take their time. The encoder is the thread's alone.
 */
struct VideoStream {
    VideoStreamConfig config;
    const VideoStreamOps *ops;
    void *opaque;

    QemuMutex lock;     /* of all that follows */
    QemuCond cond;      /* something that somebody waits for is so */
    int refs;
    bool stopped;       /* the owner has gone */
    bool filling;       /* ops->fill is being called, without the lock */
    bool wanted;        /* the thread is to feed a frame */
    bool fed;           /* the frame is with the encoder, since fed_us */
    bool heard;         /* there was a frame */
    bool key;
    VideoDmabuf *dmabuf;    /* of the frame that is on its way, or NULL */
    unsigned bitrate;
    int64_t begun_us;
    int64_t fed_us;
    VideoStreamState state;
    VideoFrame frame;
    char *error;
    VideoStreamEncoder encoder;
};

static void video_stream_unref(VideoStream *stream)
{
    bool last;

    qemu_mutex_lock(&stream->lock);
    last = !--stream->refs;
    qemu_mutex_unlock(&stream->lock);
    if (last) {
        qemu_cond_destroy(&stream->cond);
        qemu_mutex_destroy(&stream->lock);
        if (stream->frame.data) {
            g_byte_array_unref(stream->frame.data);
        }
        video_dmabuf_unref(stream->dmabuf);
        g_free(stream->error);
        g_free(stream->encoder.name);
        g_free(stream);
    }
}

/* With the lock. */
static void video_stream_set_state(VideoStream *stream, VideoStreamState state)
{
    stream->state = state;
    g_clear_pointer(&stream->dmabuf, video_dmabuf_unref);
    if (!stream->stopped) {
        stream->ops->changed(stream->opaque);
    }
}

/* With the lock. The first reason is the one that counts. */
static void video_stream_fail(VideoStream *stream, const char *why)
{
    if (stream->state != VIDEO_STREAM_FAILED) {
        stream->error = g_strdup(why);
        video_stream_set_state(stream, VIDEO_STREAM_FAILED);
    }
}

/* --- What the encoder says ----------------------------------------------- */

static void video_stream_packet(void *opaque, const void *data, size_t size,
                                bool key)
{
    VideoStream *stream = opaque;

    qemu_mutex_lock(&stream->lock);
    /* What comes without having been asked for belongs to the next frame. */
    if (!stream->frame.data) {
        stream->frame.data = g_byte_array_new();
        stream->frame.key = key;
    }
    stream->heard = true;
    g_byte_array_append(stream->frame.data, data, size);
    if (stream->state == VIDEO_STREAM_BUSY && stream->fed) {
        stream->frame.us = g_get_monotonic_time() - stream->begun_us;
        video_stream_set_state(stream, VIDEO_STREAM_READY);
    }
    qemu_mutex_unlock(&stream->lock);
}

static void video_stream_failed(void *opaque, const char *why)
{
    VideoStream *stream = opaque;

    qemu_mutex_lock(&stream->lock);
    video_stream_fail(stream, why);
    qemu_mutex_unlock(&stream->lock);
}

static const VideoEncoderSink sink = {
    .packet = video_stream_packet,
    .failed = video_stream_failed,
};

/* --- Its thread ---------------------------------------------------------- */

static bool video_stream_choose(const VideoStreamConfig *config,
                                VideoFacts *facts, VideoPath *path, int *index,
                                Error **errp)
{
    facts->dmabuf = config->format.fourcc;
    for (int i = 0; i < facts->n; i++) {
        facts->encoders[i].refused = config->refused[i];
    }
    *path = video_path_choose(facts, index);
    if (facts->dmabuf && *path != VIDEO_PATH_DMABUF) {
        error_setg(errp, "no encoder takes the guest's buffer");
        return false;
    }
    if (*path == VIDEO_PATH_NONE) {
        error_setg(errp, "no encoder takes this picture");
        return false;
    }
    return true;
}

static VideoEncoder *video_stream_open(VideoStream *stream, Error **errp)
{
    const VideoStreamConfig *config = &stream->config;
    VideoEncoderConfig wanted = {
        .format = config->format,
        .width = config->width,
        .height = config->height,
        .bitrate = config->bitrate,
    };
    VideoFacts facts = { 0 };
    bool some_dmabuf = false;
    int index;

    if (!video_encoder_find(config->wanted,
                            config->format.fourcc ? &config->format : NULL,
                            &facts, errp) ||
        !video_stream_choose(config, &facts, &wanted.path, &index, errp)) {
        return NULL;
    }
    for (int i = 0; i < facts.n; i++) {
        some_dmabuf |= facts.encoders[i].dmabuf;
    }
    wanted.encoder = facts.encoders[index].name;

    qemu_mutex_lock(&stream->lock);
    stream->encoder = (VideoStreamEncoder) {
        g_strdup(wanted.encoder), index, wanted.path, some_dmabuf,
    };
    qemu_mutex_unlock(&stream->lock);
    return video_encoder_open(&wanted, &sink, stream, errp);
}

/* With the lock. */
static void video_stream_set_fed(VideoStream *stream)
{
    stream->fed = true;
    stream->fed_us = g_get_monotonic_time();
}

/* Not once the owner has gone: then there is nothing left to copy. */
static bool video_stream_fill(void *opaque, void *pixels, size_t stride)
{
    VideoStream *stream = opaque;
    bool filled;

    qemu_mutex_lock(&stream->lock);
    stream->filling = !stream->stopped;
    if (!stream->filling) {
        qemu_mutex_unlock(&stream->lock);
        return false;
    }
    qemu_mutex_unlock(&stream->lock);

    filled = stream->ops->fill(stream->opaque, pixels, stride);

    qemu_mutex_lock(&stream->lock);
    stream->filling = false;
    video_stream_set_fed(stream);
    qemu_cond_broadcast(&stream->cond);
    qemu_mutex_unlock(&stream->lock);
    return filled;
}

/* With the lock, which is let go of meanwhile. */
static void video_stream_feed(VideoStream *stream, VideoEncoder *encoder)
{
    VideoDmabuf *dmabuf = video_dmabuf_ref(stream->dmabuf);
    unsigned bitrate = stream->bitrate;
    bool key = stream->key;
    Error *err = NULL;
    bool ok;

    stream->wanted = false;
    if (dmabuf) {
        /* what comes from now on is of this frame */
        video_stream_set_fed(stream);
    }
    qemu_mutex_unlock(&stream->lock);
    video_encoder_set_bitrate(encoder, bitrate);
    ok = dmabuf ? video_encoder_feed_dmabuf(encoder, dmabuf, key, &err)
        : video_encoder_feed(encoder, video_stream_fill, stream, key, &err);
    video_dmabuf_unref(dmabuf);
    qemu_mutex_lock(&stream->lock);
    if (!ok) {
        video_stream_fail(stream, error_get_pretty(err));
        error_free(err);
    }
}

static void *video_stream_thread(void *opaque)
{
    VideoStream *stream = opaque;
    VideoEncoder *encoder;
    Error *err = NULL;

    encoder = video_stream_open(stream, &err);
    qemu_mutex_lock(&stream->lock);
    if (!encoder) {
        video_stream_fail(stream, error_get_pretty(err));
        error_free(err);
    } else if (stream->state == VIDEO_STREAM_OPENING) {
        video_stream_set_state(stream, VIDEO_STREAM_IDLE);
    }
    while (!stream->stopped) {
        if (stream->wanted && stream->state != VIDEO_STREAM_FAILED) {
            video_stream_feed(stream, encoder);
        } else {
            qemu_cond_wait(&stream->cond, &stream->lock);
        }
    }
    qemu_mutex_unlock(&stream->lock);
    video_encoder_close(encoder);
    video_stream_unref(stream);
    return NULL;
}

/* --- Its owner ----------------------------------------------------------- */

VideoStream *video_stream_new(const VideoStreamConfig *config,
                              const VideoStreamOps *ops, void *opaque)
{
    VideoStream *stream = g_new0(VideoStream, 1);
    QemuThread thread;

    stream->config = *config;
    stream->bitrate = config->bitrate;
    stream->ops = ops;
    stream->opaque = opaque;
    stream->encoder.index = -1;
    stream->refs = 2;
    qemu_mutex_init(&stream->lock);
    qemu_cond_init(&stream->cond);
    qemu_thread_create(&thread, "video_stream", video_stream_thread, stream,
                       QEMU_THREAD_DETACHED);
    return stream;
}

void video_stream_free(VideoStream *stream)
{
    if (!stream) {
        return;
    }
    qemu_mutex_lock(&stream->lock);
    stream->stopped = true;
    qemu_cond_broadcast(&stream->cond);
    while (stream->filling) {
        qemu_cond_wait(&stream->cond, &stream->lock);
    }
    qemu_mutex_unlock(&stream->lock);
    video_stream_unref(stream);
}

VideoStreamState video_stream_state(VideoStream *stream)
{
    VideoStreamState state;

    qemu_mutex_lock(&stream->lock);
    state = stream->state;
    qemu_mutex_unlock(&stream->lock);
    return state;
}

bool video_stream_begin(VideoStream *stream, VideoDmabuf *dmabuf, bool key,
                        unsigned bitrate)
{
    bool idle;

    assert(!dmabuf == !stream->config.format.fourcc);

    qemu_mutex_lock(&stream->lock);
    idle = stream->state == VIDEO_STREAM_IDLE;
    if (idle) {
        stream->state = VIDEO_STREAM_BUSY;
        stream->wanted = true;
        stream->fed = false;
        stream->dmabuf = video_dmabuf_ref(dmabuf);
        stream->key = key;
        stream->bitrate = bitrate;
        stream->begun_us = g_get_monotonic_time();
        qemu_cond_broadcast(&stream->cond);
    }
    qemu_mutex_unlock(&stream->lock);
    return idle;
}

bool video_stream_take(VideoStream *stream, VideoFrame *frame)
{
    bool ready;

    qemu_mutex_lock(&stream->lock);
    ready = stream->state == VIDEO_STREAM_READY;
    if (ready) {
        *frame = stream->frame;
        stream->frame = (VideoFrame) { 0 };
        stream->state = VIDEO_STREAM_IDLE;
    }
    qemu_mutex_unlock(&stream->lock);
    return ready;
}

void video_stream_check(VideoStream *stream)
{
    int64_t silent_us, limit_us;

    qemu_mutex_lock(&stream->lock);
    silent_us = g_get_monotonic_time() -
        (stream->fed ? stream->fed_us : stream->begun_us);
    limit_us = (stream->heard ? VIDEO_STREAM_SILENCE_MS
                              : VIDEO_STREAM_FIRST_MS) * 1000;
    /* While a frame is copied it is not the encoder that takes its time. */
    if (stream->state == VIDEO_STREAM_BUSY && !stream->filling &&
        silent_us >= limit_us) {
        video_stream_fail(stream, "the encoder is silent");
    }
    qemu_mutex_unlock(&stream->lock);
}

VideoStreamEncoder video_stream_encoder(VideoStream *stream)
{
    VideoStreamEncoder encoder;

    qemu_mutex_lock(&stream->lock);
    encoder = stream->encoder;
    encoder.name = g_strdup(encoder.name);
    qemu_mutex_unlock(&stream->lock);
    return encoder;
}

char *video_stream_error(VideoStream *stream)
{
    char *error;

    qemu_mutex_lock(&stream->lock);
    error = g_strdup(stream->error);
    qemu_mutex_unlock(&stream->lock);
    return error;
}
