/*
 * Which video encoders GStreamer has
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "video-encoder-gst.h"
#include "video-encoder-gst-dmabuf.h"
#include "video-encoder-gst-find.h"
#include <gmodule.h>
#include <gst/gst.h>

/*
 * Encoders, the best first. Settings that an element has not are left out, and
 * so are those that somebody has chosen already. One slice for each frame, as
 * noVNC takes each one for a frame; no access unit delimiters, which it
 * complains of.
 */
#define VA_CONVERT "vapostproc ! video/x-raw(memory:VAMemory),format=NV12," \
    "colorimetry=" COLORIMETRY " ! "

static const KnownEncoder known[] = {
    { "vah264lpenc", "rate-control=cbr key-int-max=1024 b-frames=0 "
      "ref-frames=1 target-usage=7 aud=false", 1000, VA_CONVERT, true },
    { "vah264enc", "rate-control=cbr key-int-max=1024 b-frames=0 "
      "ref-frames=1 target-usage=7 aud=false", 1000, VA_CONVERT, true },
    { "nvh264enc", "rc-mode=cbr gop-size=-1 bframes=0 zerolatency=true "
      "preset=low-latency-hp aud=false", 1000, NULL, true },
    { "v4l2h264enc", "", 0, "", true },
    { "x264enc", "tune=zerolatency speed-preset=ultrafast threads=1 "
      "sliced-threads=false pass=qual quantizer=22 bframes=0 aud=false "
      "key-int-max=36000 vbv-buf-capacity=300", 1000, NULL, false },
    { "openh264enc", "complexity=low rate-control=bitrate gop-size=36000 "
      "multi-thread=1 slice-mode=n-slices num-slices=1 "
      "enable-frame-skip=false scene-change-detection=false", 1, NULL,
      false },
};

/* --- Its plugins --------------------------------------------------------- */

/*
 * GStreamer would look through some hundred plugins, in a process of its own,
 * which -sandbox forbids, or else in this one, which takes seconds and all
 * that they need. Those are loaded that are needed, as long as it does not
 * know them already.
 */
static const char *const plugins[] = {
    "coreelements", "app", "videoconvertscale", "videoconvert",
    "videoparsersbad", "va", "nvcodec", "video4linux2", "x264", "openh264",
};

/* In the order in which GStreamer looks for them. */
static char **gst_find_plugin_folders(void)
{
    static const char *const names[] = {
        "GST_PLUGIN_PATH_1_0", "GST_PLUGIN_PATH",
    };
    const char *system = g_getenv("GST_PLUGIN_SYSTEM_PATH_1_0") ?:
        g_getenv("GST_PLUGIN_SYSTEM_PATH") ?: CONFIG_GSTREAMER_PLUGINS;
    g_autoptr(GString) all = g_string_new(NULL);

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (g_getenv(names[i])) {
            g_string_append_printf(all, "%s" G_SEARCHPATH_SEPARATOR_S,
                                   g_getenv(names[i]));
        }
    }
    g_string_append(all, system);
    return g_strsplit(all->str, G_SEARCHPATH_SEPARATOR_S, 0);
}

static void gst_find_load_plugin(char **folders, const char *name)
{
    for (int i = 0; folders[i]; i++) {
        g_autofree char *file = g_strdup_printf("%s/libgst%s." G_MODULE_SUFFIX,
                                                folders[i], name);

        if (g_file_test(file, G_FILE_TEST_EXISTS)) {
            g_autoptr(GstPlugin) plugin = gst_plugin_load_file(file, NULL);

            return;
        }
    }
}

static void gst_find_load_plugins(void)
{
    g_auto(GStrv) folders = gst_find_plugin_folders();

    for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
        gst_find_load_plugin(folders, plugins[i]);
    }
}

/* What somebody named may be in any of them. */
static void gst_find_load_all(void)
{
    g_auto(GStrv) folders = gst_find_plugin_folders();

    for (int i = 0; folders[i]; i++) {
        gst_registry_scan_path(gst_registry_get(), folders[i]);
    }
}

/* --- Which there are ----------------------------------------------------- */

bool gst_find_exists(const char *element)
{
    g_autoptr(GstElementFactory) factory = gst_element_factory_find(element);

    return factory != NULL;
}

static bool gst_find_init(Error **errp)
{
    static gsize done;
    static char *problem;

    if (g_once_init_enter(&done)) {
        g_autoptr(GError) error = NULL;

        if (!gst_init_check(NULL, NULL, &error)) {
            problem = g_strdup(error ? error->message : "it says nothing");
        } else if (!gst_find_exists("appsrc")) {
            gst_find_load_plugins();
        }
        g_once_init_leave(&done, 1);
    }
    if (problem) {
        error_setg(errp, "GStreamer cannot be used: %s", problem);
    }
    return !problem;
}

const KnownEncoder *gst_find_known(const char *element)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (!strcmp(element, known[i].element)) {
            return &known[i];
        }
    }
    return NULL;
}

char *gst_find_first(const char *chain)
{
    g_auto(GStrv) words = g_strsplit(chain, " ", 2);

    return g_strdup(words[0] ?: "");
}

char *gst_find_dmabuf_chain(const char *chain)
{
    g_autofree char *first = gst_find_first(chain);
    const KnownEncoder *what = gst_find_known(first);

    if (!what) {
        return g_strdup(chain);
    }
    return what->dmabuf ? g_strconcat(what->dmabuf, chain, NULL) : NULL;
}

char *gst_find_dmabuf_caps(const char *chain,
                                     const VideoFormat *format)
{
    g_autofree char *all = gst_find_dmabuf_chain(chain);
    g_autofree char *first = all ? gst_find_first(all) : NULL;

    return all ? gst_dmabuf_caps(first, format) : NULL;
}

static VideoEncoderInfo gst_find_info(const char *name,
                                         const VideoFormat *format)
{
    static const VideoFormat usual = {
        DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR
    };
    g_autofree char *caps = gst_find_dmabuf_caps(name, format ?: &usual);

    return (VideoEncoderInfo) { .name = name, .dmabuf = caps != NULL };
}

static bool gst_find_parses(const char *chain, GError **error)
{
    GstElement *bin = gst_parse_bin_from_description(chain, FALSE, error);

    if (bin) {
        gst_object_unref(gst_object_ref_sink(bin));
    }
    return !*error;
}

static bool gst_find_wanted(const char *wanted,
                                    const VideoFormat *format,
                                    VideoFacts *facts, Error **errp)
{
    g_autoptr(GError) error = NULL;

    if (!gst_find_parses(wanted, &error) &&
        g_error_matches(error, GST_PARSE_ERROR,
                        GST_PARSE_ERROR_NO_SUCH_ELEMENT)) {
        g_clear_error(&error);
        gst_find_load_all();
        gst_find_parses(wanted, &error);
    }
    if (error) {
        error_setg(errp, "GStreamer: %s", error->message);
        return false;
    }
    facts->encoders[facts->n++] = gst_find_info(wanted, format);
    return true;
}

bool gst_find_encoders(const char *wanted, const VideoFormat *format,
                             VideoFacts *facts, Error **errp)
{
    QEMU_BUILD_BUG_ON(ARRAY_SIZE(known) > VIDEO_ENCODERS_MAX);

    facts->n = 0;
    if (!gst_find_init(errp)) {
        return false;
    }
    if (wanted) {
        return gst_find_wanted(wanted, format, facts, errp);
    }
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (gst_find_exists(known[i].element)) {
            facts->encoders[facts->n++] =
                gst_find_info(known[i].element, format);
        }
    }
    if (!facts->n) {
        error_setg(errp, "GStreamer has no H.264 encoder: install one, "
                   "x264enc for example");
        return false;
    }
    return true;
}


/* Other programs that are started later are to have their plugins. */
void video_encoder_gst_prepare(void)
{
    static const char disable[] = "GST_REGISTRY_DISABLE";

    if (!g_getenv(disable)) {
        g_setenv(disable, "yes", FALSE);
        gst_init_check(NULL, NULL, NULL);
        g_unsetenv(disable);
    }
}
