/*
 * A rectangle of the screen on its way through a video encoder
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_STREAM_H
#define VIDEO_STREAM_H

#include "video-encoder.h"

/**
 * DOC: stream
 *
 * A stream has a thread of its own, which opens the encoder, feeds and closes
 * it, so that its owner waits for none of that. One frame is on its way at a
 * time: video_stream_begin() asks for the newest, and video_stream_take() takes
 * what has become of it. Who has more to show meanwhile begins the next one
 * then; there is no queue.
 *
 * A stream that has failed stays so. Its owner frees it, and makes another one
 * if it likes.
 */
typedef struct VideoStream VideoStream;

typedef enum VideoStreamState {
    VIDEO_STREAM_OPENING,   /* there is no encoder yet */
    VIDEO_STREAM_IDLE,      /* a frame can be begun */
    VIDEO_STREAM_BUSY,      /* a frame is on its way */
    VIDEO_STREAM_READY,     /* a frame can be taken */
    VIDEO_STREAM_FAILED,    /* the encoder refused, had an error or is silent */
} VideoStreamState;

/**
 * struct VideoStreamOps:
 * @fill: see VideoEncoderFill; the stream's thread; not for dma-bufs
 * @changed: the state is another one; any thread, with a lock of the stream's
 *     held: it must not call the stream back
 *
 * What a stream needs of its owner.
 */
typedef struct VideoStreamOps {
    VideoEncoderFill *fill;
    void (*changed)(void *opaque);
} VideoStreamOps;

typedef struct VideoStreamConfig {
    const char *wanted;     /* the only encoder that is to be used, or NULL */
    unsigned refused[VIDEO_ENCODERS_MAX];   /* see VideoEncoderInfo */
    VideoFormat format;     /* of the dma-bufs; its fourcc is 0 for pixels */
    int width, height;      /* pixels, even */
    unsigned bitrate;       /* the most, in kbit/s */
} VideoStreamConfig;

/* Which encoder it is. */
typedef struct VideoStreamEncoder {
    char *name;         /* NULL: there is none */
    int index;          /* of VideoStreamConfig.refused, or -1 */
    VideoPath path;
    bool some_dmabuf;   /* it, or another one, takes some dma-bufs */
} VideoStreamEncoder;

/* A frame that was encoded. */
typedef struct VideoFrame {
    GByteArray *data;   /* what is to be sent */
    bool key;           /* a decoder can begin with it */
    int64_t us;         /* microseconds since it was begun */
} VideoFrame;

/**
 * video_stream_new:
 * @config: copied, but for @wanted, which has to live as long as the process
 * @ops: must live as long as the stream
 * @opaque: for @ops
 *
 * Returns: a stream whose encoder is being opened.
 */
VideoStream *video_stream_new(const VideoStreamConfig *config,
                              const VideoStreamOps *ops, void *opaque);

/**
 * video_stream_free:
 * @stream: a stream, or NULL; gone afterwards
 *
 * None of its @ops is running or will be called once this returns, for which
 * it waits as long as a frame is being copied.
 */
void video_stream_free(VideoStream *stream);

/**
 * video_stream_state:
 * @stream: a stream
 *
 * Returns: its state, of a moment ago. That of one that is idle or ready
 * changes only by its owner or by a failure.
 */
VideoStreamState video_stream_state(VideoStream *stream);

/**
 * video_stream_begin:
 * @stream: a stream
 * @dmabuf: the picture, held until the state is another one; NULL for pixels
 * @key: the frame is to be a key frame; the first is one anyway
 * @bitrate: the most from now on, in kbit/s
 *
 * Returns: whether a frame has been begun: false unless the stream is idle.
 */
bool video_stream_begin(VideoStream *stream, VideoDmabuf *dmabuf, bool key,
                        unsigned bitrate);

/**
 * video_stream_take:
 * @stream: a stream
 * @frame: where the frame goes; the caller unrefs its data
 *
 * Returns: whether there was one. The stream is idle then.
 */
bool video_stream_take(VideoStream *stream, VideoFrame *frame);

/**
 * video_stream_check:
 * @stream: a stream
 *
 * To be called now and then: lets a stream fail whose encoder is silent.
 */
void video_stream_check(VideoStream *stream);

/**
 * video_stream_encoder:
 * @stream: a stream that is not opening
 *
 * Returns: its encoder. The caller frees the name.
 */
VideoStreamEncoder video_stream_encoder(VideoStream *stream);

/**
 * video_stream_error:
 * @stream: a stream that has failed
 *
 * Returns: why. The caller frees it.
 */
char *video_stream_error(VideoStream *stream);

#endif /* VIDEO_STREAM_H */
