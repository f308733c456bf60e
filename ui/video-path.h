/*
 * Which video encoder, on which path, and how much it may send
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIDEO_PATH_H
#define VIDEO_PATH_H

#include "video-dmabuf.h"

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
    VIDEO_PATH__COUNT,
} VideoPath;

/**
 * struct VideoEncoderInfo:
 * @name: as users know it; lives as long as what it was found with
 * @dmabuf: it takes the dma-buf that there is; if there is none, some
 * @refused: bits 1 << VideoPath of what it was tried with in vain
 */
typedef struct VideoEncoderInfo {
    const char *name;
    bool dmabuf;
    unsigned refused;
} VideoEncoderInfo;

/**
 * struct VideoEncoderRecord:
 * @failures: how often it was tried in vain, in a row, by path
 * @again_ms: when it is to be tried again on a path; VIDEO_PATH_NONE has none
 *
 * What is remembered of an encoder that refused pictures, or said nothing
 * about the first one. All zero at first.
 */
typedef struct VideoEncoderRecord {
    unsigned failures[VIDEO_PATH__COUNT];
    int64_t again_ms[VIDEO_PATH__COUNT];
} VideoEncoderRecord;

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
 * video_encoder_record_failed:
 * @record: of an encoder that made nothing of its first picture
 * @path: on which it was tried
 * @now_ms: a time
 */
void video_encoder_record_failed(VideoEncoderRecord *record, VideoPath path,
                                 int64_t now_ms);

/**
 * video_encoder_record_refused:
 * @record: of an encoder
 * @now_ms: a time
 *
 * Returns: VideoEncoderInfo.refused as of now: it is tried again after
 * video_backoff_ms().
 */
unsigned video_encoder_record_refused(const VideoEncoderRecord *record,
                                      int64_t now_ms);

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

#endif /* VIDEO_PATH_H */
