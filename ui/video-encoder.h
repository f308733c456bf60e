/*
 * Video encoders
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_ENCODER_H
#define VIDEO_ENCODER_H

#include "video-path.h"

typedef struct VideoEncoder VideoEncoder;

/**
 * struct VideoEncoderConfig:
 * @encoder: the name of one that was found
 * @path: what it will be given
 * @format: of the dma-bufs, if it will be given those
 * @width: pixels of a frame, even
 * @height: pixels of a frame, even
 * @bitrate: the most, in kbit/s
 */
typedef struct VideoEncoderConfig {
    const char *encoder;
    VideoPath path;
    VideoFormat format;
    int width, height;
    unsigned bitrate;
} VideoEncoderConfig;

/**
 * struct VideoEncoderSink:
 * @packet: a frame has been encoded: one access unit of H.264 in Annex B
 *     form, with its parameter sets if @key, of one slice. @data is the
 *     encoder's and valid during the call.
 * @failed: there will be no more frames; @why is valid during the call
 *
 * What an encoder has to say. Both are called from any thread, one at a time,
 * with a lock of the encoder's held: they must not call it back.
 */
typedef struct VideoEncoderSink {
    void (*packet)(void *opaque, const void *data, size_t size, bool key);
    void (*failed)(void *opaque, const char *why);
} VideoEncoderSink;

/*
 * Writes a frame of the encoder's size: pixels of 32 bits, x8r8g8b8, in rows
 * of @stride bytes. Returns false if there is none.
 */
typedef bool VideoEncoderFill(void *opaque, void *pixels, size_t stride);

/**
 * video_encoder_find:
 * @wanted: the only one that is to be used, or NULL
 * @format: of the dma-buf that there is, or NULL
 * @facts: where the encoders go; the names live as long as @wanted
 * @errp: what is missing
 *
 * Returns: whether there is an encoder. Any thread; may take seconds.
 */
bool video_encoder_find(const char *wanted, const VideoFormat *format,
                        VideoFacts *facts, Error **errp);

/**
 * video_encoder_open:
 * @config: what is to be encoded, and by which of those that were found
 * @sink: whom to tell; must live as long as the encoder
 * @opaque: for @sink
 * @errp: why it cannot be had
 *
 * Returns: an encoder, or NULL. One thread at a time may use it. That it opens
 * does not mean yet that it takes the frames.
 */
VideoEncoder *video_encoder_open(const VideoEncoderConfig *config,
                                 const VideoEncoderSink *sink, void *opaque,
                                 Error **errp);

/**
 * video_encoder_feed:
 * @encoder: an encoder whose last frame has come back
 * @fill: called once, before this returns, to write the frame
 * @opaque: for @fill
 * @key: it is to be a key frame
 * @errp: why it is not taken
 *
 * Does not wait until the frame is encoded: its sink is told.
 *
 * Returns: whether the frame was taken.
 */
bool video_encoder_feed(VideoEncoder *encoder, VideoEncoderFill *fill,
                        void *opaque, bool key, Error **errp);

/**
 * video_encoder_feed_dmabuf:
 * @encoder: an encoder on VIDEO_PATH_DMABUF whose last frame has come back
 * @dmabuf: of the encoder's size and format; the caller keeps it until the
 *     frame has come back
 * @key: it is to be a key frame
 * @errp: why it is not taken
 *
 * Does not wait until the frame is encoded: its sink is told.
 *
 * Returns: whether the frame was taken.
 */
bool video_encoder_feed_dmabuf(VideoEncoder *encoder, VideoDmabuf *dmabuf,
                               bool key, Error **errp);

/**
 * video_encoder_set_bitrate:
 * @encoder: an encoder
 * @kbit: the most, in kbit/s, from the next frame on
 */
void video_encoder_set_bitrate(VideoEncoder *encoder, unsigned kbit);

/**
 * video_encoder_close:
 * @encoder: an encoder, or NULL; gone afterwards
 *
 * Its sink is called no more once this returns. What is slow to end ends in
 * the background.
 */
void video_encoder_close(VideoEncoder *encoder);

#endif /* VIDEO_ENCODER_H */
