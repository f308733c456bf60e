/*
 * Video encoders of GStreamer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

/*
 * An encoder is a pipeline:
 *
 *   appsrc ! videoconvert ! what was chosen ! appsink
 *
 * of pixels, or of dma-bufs, whose colours hardware converts, if need be:
 *
 *   appsrc ! what was chosen ! appsink
 *
 * Its own thread takes frames from appsrc and encodes them, so that pushing
 * one does not wait. An element that fails says so on the bus.
 *
 * Colours are BT.601's with limited range, which is what decoders take for
 * granted that do not read it in the stream, where it is written as well.
 */

#include "qemu/osdep.h"
#include "qemu/thread.h"
#include "qapi/error.h"
#include "video-encoder-gst.h"
#include "video-encoder-gst-dmabuf.h"
#include "video-encoder-gst-find.h"
#include <gst/gst.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

/* Frames come as often as the screen changes; so often at most. */
#define FRAMERATE "60/1"

#if HOST_BIG_ENDIAN
#define PIXELS "xRGB"
#else
#define PIXELS "BGRx"
#endif

typedef struct GstEncoder {
    VideoEncoder parent;
    GstElement *pipeline;
    GstElement *source;
    GstElement *sink;
    GstElement *element;        /* the one whose bitrate can be set, or NULL */
    const KnownEncoder *known;  /* what it is */
    GstBufferPool *pool;
    GstVideoInfo info;
    bool fed;
    unsigned bitrate;
    int64_t start_us;
    QemuMutex lock;             /* of whom to tell */
    const VideoEncoderSink *told;   /* NULL: nobody any more */
    void *opaque;
} GstEncoder;

/* --- What the pipeline says ---------------------------------------------- */

static void gst_encoder_fail(GstEncoder *encoder, const char *why)
{
    qemu_mutex_lock(&encoder->lock);
    if (encoder->told) {
        encoder->told->failed(encoder->opaque, why);
    }
    qemu_mutex_unlock(&encoder->lock);
}

static GstBusSyncReply gst_encoder_message(GstBus *bus, GstMessage *message,
                                           gpointer opaque)
{
    GstEncoder *encoder = opaque;

    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
        g_autoptr(GError) error = NULL;

        gst_message_parse_error(message, &error, NULL);
        gst_encoder_fail(encoder, error->message);
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
        gst_encoder_fail(encoder, "the encoder has ended");
    }
    gst_message_unref(message);
    return GST_BUS_DROP;
}

static GstFlowReturn gst_encoder_sample(GstAppSink *sink, gpointer opaque)
{
    GstEncoder *encoder = opaque;
    g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample) : NULL;
    GstMapInfo map;

    if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_READ)) {
        return GST_FLOW_ERROR;
    }
    qemu_mutex_lock(&encoder->lock);
    if (encoder->told) {
        encoder->told->packet(encoder->opaque, map.data, map.size,
                              !GST_BUFFER_FLAG_IS_SET(buffer,
                                  GST_BUFFER_FLAG_DELTA_UNIT));
    }
    qemu_mutex_unlock(&encoder->lock);
    gst_buffer_unmap(buffer, &map);
    return GST_FLOW_OK;
}

/* --- The pipeline -------------------------------------------------------- */

static void gst_encoder_set(GstElement *element, const char *setting)
{
    g_auto(GStrv) pair = g_strsplit(setting, "=", 2);
    GParamSpec *spec = g_object_class_find_property(
        G_OBJECT_GET_CLASS(element), pair[0]);
    g_auto(GValue) now = G_VALUE_INIT;

    if (!spec) {
        return;
    }
    g_value_init(&now, spec->value_type);
    g_object_get_property(G_OBJECT(element), pair[0], &now);
    if (g_param_value_defaults(spec, &now)) {
        gst_util_set_object_arg(G_OBJECT(element), pair[0], pair[1]);
    }
}

static void gst_encoder_use(GstEncoder *encoder, GstElement *element,
                            const KnownEncoder *what)
{
    g_auto(GStrv) settings = g_strsplit(what->settings, " ", 0);

    for (int i = 0; settings[i]; i++) {
        gst_encoder_set(element, settings[i]);
    }
    encoder->element = element;
    encoder->known = what;
}

/* The elements that are known get their settings. */
static void gst_encoder_set_up(GstEncoder *encoder)
{
    g_autoptr(GstIterator) all =
        gst_bin_iterate_recurse(GST_BIN(encoder->pipeline));
    g_auto(GValue) item = G_VALUE_INIT;

    while (gst_iterator_next(all, &item) == GST_ITERATOR_OK) {
        GstElement *element = g_value_get_object(&item);
        GstElementFactory *factory = gst_element_get_factory(element);
        const KnownEncoder *what =
            gst_find_known(gst_plugin_feature_get_name(factory));

        if (what) {
            gst_encoder_use(encoder, element, what);
        }
        g_value_reset(&item);
    }
}

/* From the pictures to what encodes them. */
static char *gst_encoder_input(const VideoEncoderConfig *config)
{
    if (config->path == VIDEO_PATH_DMABUF) {
        return gst_find_dmabuf_chain(config->encoder);
    }
    return g_strconcat("videoconvert dither=none n-threads=1 ! "
                       "video/x-raw,colorimetry=" COLORIMETRY " ! ",
                       config->encoder, NULL);
}

static char *gst_encoder_describe(const VideoEncoderConfig *config)
{
    g_autofree char *first = gst_find_first(config->encoder);
    const KnownEncoder *what = gst_find_known(first);
    bool parse = what && what->parse && gst_find_exists("h264parse");
    g_autofree char *caps = config->path == VIDEO_PATH_DMABUF
        ? gst_find_dmabuf_caps(config->encoder, &config->format)
        : g_strdup("video/x-raw,format=" PIXELS);
    g_autofree char *input = gst_encoder_input(config);

    return g_strdup_printf(
        "appsrc name=source is-live=true format=time "
        "caps=\"%s,width=%d,height=%d,"
        "framerate=" FRAMERATE ",colorimetry=sRGB,"
        "interlace-mode=progressive\" ! %s ! %s"
        "video/x-h264,stream-format=byte-stream,alignment=au,"
        "profile=(string){constrained-baseline,baseline} ! "
        "appsink name=sink sync=false", caps, config->width, config->height,
        input, parse ? "h264parse config-interval=-1 ! " : "");
}

/* The memory of a frame is used again for the next. */
static bool gst_encoder_make_pool(GstEncoder *encoder)
{
    GstVideoInfo *info = &encoder->info;
    g_autoptr(GstCaps) caps = gst_video_info_to_caps(info);
    GstStructure *config;

    encoder->pool = gst_video_buffer_pool_new();
    config = gst_buffer_pool_get_config(encoder->pool);
    gst_buffer_pool_config_set_params(config, caps, info->size, 0, 0);
    return gst_buffer_pool_set_config(encoder->pool, config) &&
        gst_buffer_pool_set_active(encoder->pool, TRUE);
}

/* What the source leads to. */
static void gst_encoder_import(GstEncoder *encoder)
{
    g_autoptr(GstPad) pad = gst_element_get_static_pad(encoder->source, "src");
    g_autoptr(GstPad) peer = pad ? gst_pad_get_peer(pad) : NULL;
    g_autoptr(GstElement) first = peer ? gst_pad_get_parent_element(peer)
                                       : NULL;

    if (first) {
        gst_dmabuf_set_up(first);
    }
}

static bool gst_encoder_build(GstEncoder *encoder,
                              const VideoEncoderConfig *config, Error **errp)
{
    static GstAppSinkCallbacks callbacks = {
        .new_sample = gst_encoder_sample,
    };
    g_autofree char *description = gst_encoder_describe(config);
    g_autoptr(GError) error = NULL;
    g_autoptr(GstBus) bus = NULL;

    encoder->pipeline = gst_parse_launch(description, &error);
    if (!encoder->pipeline || error) {
        error_setg(errp, "%s", error ? error->message : "no pipeline");
        return false;
    }
    gst_object_ref_sink(encoder->pipeline);
    encoder->source = gst_bin_get_by_name(GST_BIN(encoder->pipeline),
                                          "source");
    encoder->sink = gst_bin_get_by_name(GST_BIN(encoder->pipeline), "sink");
    gst_encoder_set_up(encoder);
    gst_app_sink_set_callbacks(GST_APP_SINK(encoder->sink), &callbacks,
                               encoder, NULL);
    bus = gst_element_get_bus(encoder->pipeline);
    gst_bus_set_sync_handler(bus, gst_encoder_message, encoder, NULL);
    if (config->path == VIDEO_PATH_DMABUF) {
        gst_encoder_import(encoder);
        return true;
    }
    gst_video_info_set_format(&encoder->info,
                              gst_video_format_from_string(PIXELS),
                              config->width, config->height);
    if (!gst_encoder_make_pool(encoder)) {
        error_setg(errp, "no memory for frames");
        return false;
    }
    return true;
}

static void gst_encoder_free(GstEncoder *encoder)
{
    if (encoder->pool) {
        gst_buffer_pool_set_active(encoder->pool, FALSE);
    }
    g_clear_pointer(&encoder->pool, gst_object_unref);
    g_clear_pointer(&encoder->source, gst_object_unref);
    g_clear_pointer(&encoder->sink, gst_object_unref);
    g_clear_pointer(&encoder->pipeline, gst_object_unref);
    qemu_mutex_destroy(&encoder->lock);
    g_free(encoder);
}

static void gst_encoder_end(GstElement *pipeline, gpointer opaque)
{
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_encoder_free(opaque);
}

/* An element that hangs keeps a thread of GStreamer's, not one of QEMU's. */
static void gst_encoder_close(VideoEncoder *parent)
{
    GstEncoder *encoder = (GstEncoder *)parent;

    qemu_mutex_lock(&encoder->lock);
    encoder->told = NULL;
    qemu_mutex_unlock(&encoder->lock);
    if (encoder->pipeline) {
        gst_element_call_async(encoder->pipeline, gst_encoder_end, encoder,
                               NULL);
    } else {
        gst_encoder_free(encoder);
    }
}

static void gst_encoder_set_bitrate(VideoEncoder *parent, unsigned kbit)
{
    GstEncoder *encoder = (GstEncoder *)parent;

    if (encoder->bitrate == kbit) {
        return;
    }
    encoder->bitrate = kbit;
    if (encoder->element && encoder->known->bitrate_unit) {
        guint value = (guint64)kbit * 1000 / encoder->known->bitrate_unit;

        g_object_set(encoder->element, "bitrate", value, NULL);
    }
}

static VideoEncoder *gst_encoder_open(const VideoEncoderConfig *config,
                                      const VideoEncoderSink *sink,
                                      void *opaque, Error **errp)
{
    GstEncoder *encoder = g_new0(GstEncoder, 1);

    encoder->parent.backend = &video_encoder_gst;
    encoder->told = sink;
    encoder->opaque = opaque;
    qemu_mutex_init(&encoder->lock);
    if (!gst_encoder_build(encoder, config, errp)) {
        gst_encoder_close(&encoder->parent);
        return NULL;
    }
    gst_encoder_set_bitrate(&encoder->parent, config->bitrate);
    if (gst_element_set_state(encoder->pipeline, GST_STATE_PLAYING) ==
        GST_STATE_CHANGE_FAILURE) {
        error_setg(errp, "%s does not start", config->encoder);
        gst_encoder_close(&encoder->parent);
        return NULL;
    }
    encoder->start_us = g_get_monotonic_time();
    return &encoder->parent;
}

/* --- Frames -------------------------------------------------------------- */

static GstBuffer *gst_encoder_fill(GstEncoder *encoder,
                                   VideoEncoderFill *fill, void *opaque)
{
    GstBuffer *buffer = NULL;
    GstMapInfo map;
    bool filled;

    if (gst_buffer_pool_acquire_buffer(encoder->pool, &buffer, NULL) !=
        GST_FLOW_OK) {
        return NULL;
    }
    if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
        gst_buffer_unref(buffer);
        return NULL;
    }
    filled = fill(opaque, map.data,
                  GST_VIDEO_INFO_PLANE_STRIDE(&encoder->info, 0));
    gst_buffer_unmap(buffer, &map);
    if (!filled) {
        gst_buffer_unref(buffer);
        return NULL;
    }
    return buffer;
}

static bool gst_encoder_push(GstEncoder *encoder, GstBuffer *buffer, bool key,
                             Error **errp)
{
    GstFlowReturn flow;

    GST_BUFFER_PTS(buffer) =
        (g_get_monotonic_time() - encoder->start_us) * 1000;
    if (key && encoder->fed) {
        gst_element_send_event(encoder->sink,
                               gst_video_event_new_upstream_force_key_unit(
                                   GST_CLOCK_TIME_NONE, TRUE, 0));
    }
    encoder->fed = true;
    flow = gst_app_src_push_buffer(GST_APP_SRC(encoder->source), buffer);
    if (flow != GST_FLOW_OK) {
        error_setg(errp, "the encoder takes no frame: %s",
                   gst_flow_get_name(flow));
        return false;
    }
    return true;
}

static bool gst_encoder_feed(VideoEncoder *parent, VideoEncoderFill *fill,
                             void *opaque, bool key, Error **errp)
{
    GstEncoder *encoder = (GstEncoder *)parent;
    GstBuffer *buffer = gst_encoder_fill(encoder, fill, opaque);

    if (!buffer) {
        error_setg(errp, "there is no frame");
        return false;
    }
    return gst_encoder_push(encoder, buffer, key, errp);
}

static bool gst_encoder_feed_dmabuf(VideoEncoder *parent, VideoDmabuf *dmabuf,
                                    bool key, Error **errp)
{
    GstEncoder *encoder = (GstEncoder *)parent;
    GstBuffer *buffer = gst_dmabuf_buffer(dmabuf, errp);

    return buffer && gst_encoder_push(encoder, buffer, key, errp);
}

const VideoEncoderBackend video_encoder_gst = {
    .find = gst_find_encoders,
    .open = gst_encoder_open,
    .feed = gst_encoder_feed,
    .feed_dmabuf = gst_encoder_feed_dmabuf,
    .set_bitrate = gst_encoder_set_bitrate,
    .close = gst_encoder_close,
};
