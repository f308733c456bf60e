/*
 * Video encoders
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_ENCODER_H
#define VIDEO_ENCODER_H

/* So many different encoders are known of at most. */
#define VIDEO_ENCODERS_MAX 8

/* The most of a stream in kbit/s is never less, whatever a line takes. */
#define VIDEO_BITRATE_MIN 256

/* More than any line takes; in bit/s, a 32 bit number. */
#define VIDEO_BITRATE_MAX 2000000u

/**
 * enum VideoPath:
 * @VIDEO_PATH_NONE: no encoder takes the picture
 * @VIDEO_PATH_DMABUF: the encoder takes the guest's dma-buf; QEMU reads nothing
 * @VIDEO_PATH_SURFACE: the encoder takes a copy of the console's surface
 *
 * How a picture gets to an encoder.
 */
typedef enum VideoPath {
    VIDEO_PATH_NONE,
    VIDEO_PATH_DMABUF,
    VIDEO_PATH_SURFACE,
} VideoPath;

/**
 * struct VideoEncoderInfo:
 * @name: as users know it; lives as long as what it was found with
 * @dmabuf: it may take dma-bufs
 * @refused: bits 1 << VideoPath of what it was tried with in vain
 */
typedef struct VideoEncoderInfo {
    const char *name;
    bool dmabuf;
    unsigned refused;
} VideoEncoderInfo;

/**
 * struct VideoFacts:
 * @encoders: what there is, the best first
 * @n: how many
 * @dmabuf: the picture is to be had as a dma-buf
 *
 * All that video_path_choose() goes by.
 */
typedef struct VideoFacts {
    VideoEncoderInfo encoders[VIDEO_ENCODERS_MAX];
    int n;
    bool dmabuf;
} VideoFacts;

/**
 * video_path_choose:
 * @facts: what is known
 * @encoder: where the index of the encoder goes; untouched if there is none
 *
 * The first encoder that takes the dma-buf, if there is one, else the first
 * that takes the surface, else none. What was refused is not tried again.
 *
 * Returns: the path. No side effects.
 */
VideoPath video_path_choose(const VideoFacts *facts, int *encoder);

/**
 * video_path_name:
 * @path: a path
 *
 * Returns: "none", "dmabuf" or "surface".
 */
const char *video_path_name(VideoPath path);

/**
 * video_bitrate_default:
 * @width: in pixels
 * @height: in pixels
 *
 * Returns: the most, in kbit/s, that a stream of that size is to take when
 * nobody says anything else. The quality is constant below.
 */
unsigned video_bitrate_default(int width, int height);

/**
 * video_bitrate_next:
 * @now: kbit/s
 * @most: kbit/s that were asked for
 * @begun: frames of the last quarter of a second
 * @late: how many of them had to wait for the line
 *
 * Returns: the kbit/s of the next quarter: less where half of the frames were
 * late, up to @most again slowly where none was.
 */
unsigned video_bitrate_next(unsigned now, unsigned most, unsigned begun,
                            unsigned late);

/**
 * video_backoff_ms:
 * @failures: in a row, at least 1
 *
 * Returns: after how many milliseconds an encoder that failed is tried again.
 */
int64_t video_backoff_ms(unsigned failures);

/* --- Encoders ------------------------------------------------------------ */

typedef struct VideoEncoder VideoEncoder;

/**
 * struct VideoEncoderConfig:
 * @encoder: the name of one that was found
 * @path: what it will be given
 * @width: pixels of a frame, even
 * @height: pixels of a frame, even
 * @bitrate: the most, in kbit/s
 */
typedef struct VideoEncoderConfig {
    const char *encoder;
    VideoPath path;
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
 * struct VideoEncoderBackend:
 * @find: fills in which encoders there are, the best first; only @wanted
 *     unless that is NULL. Returns false with @errp set if there is none.
 *     May take seconds the first time.
 * @open: see video_encoder_open()
 * @feed: see video_encoder_feed()
 * @set_bitrate: see video_encoder_set_bitrate()
 * @close: see video_encoder_close()
 *
 * The library that encodes.
 */
typedef struct VideoEncoderBackend {
    bool (*find)(const char *wanted, VideoFacts *facts, Error **errp);
    VideoEncoder *(*open)(const VideoEncoderConfig *config,
                          const VideoEncoderSink *sink, void *opaque,
                          Error **errp);
    bool (*feed)(VideoEncoder *encoder, VideoEncoderFill *fill, void *opaque,
                 bool key, Error **errp);
    void (*set_bitrate)(VideoEncoder *encoder, unsigned kbit);
    void (*close)(VideoEncoder *encoder);
} VideoEncoderBackend;

/* What a backend's own struct begins with. */
struct VideoEncoder {
    const VideoEncoderBackend *backend;
};

/**
 * video_encoder_set_backend:
 * @backend: what all encoders come from from now on, or NULL for none
 *
 * Called once by what was built in, before there are threads, and by tests.
 */
void video_encoder_set_backend(const VideoEncoderBackend *backend);

/**
 * video_encoder_find:
 * @wanted: the only one that is to be used, or NULL
 * @facts: where the encoders go; the names live as long as @wanted
 * @errp: what is missing
 *
 * Returns: whether there is an encoder. Any thread; may take seconds.
 */
bool video_encoder_find(const char *wanted, VideoFacts *facts, Error **errp);

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
