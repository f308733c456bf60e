/*
 * Dma-bufs for GStreamer's video encoders
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

/*
 * Elements that import dma-bufs are of two kinds. Some say so in their caps:
 * of va, for example. Others take what looks like any picture, and are told
 * by a setting what its memory is: of V4L2. Others would map a dma-buf and
 * read it by CPU; for them there are better ways.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qapi/error.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "video-encoder-gst-dmabuf.h"
#include <gst/allocators/gstdmabuf.h>
#include <gst/video/video.h>

/* What V4L2's elements import by. */
#define IO_MODE "output-io-mode"
#define IO_MODE_IMPORT "dmabuf-import"

/* Of all of these. The guest's alpha is of no interest. */
#define PIXEL_BYTES 4
static const struct {
    uint32_t fourcc;
    const char *name;
} formats[] = {
    { DRM_FORMAT_XRGB8888, "BGRx" },
    { DRM_FORMAT_ARGB8888, "BGRx" },
    { DRM_FORMAT_XBGR8888, "RGBx" },
    { DRM_FORMAT_ABGR8888, "RGBx" },
};

static const char *gst_dmabuf_name(const VideoFormat *format)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (formats[i].fourcc == format->fourcc) {
            return formats[i].name;
        }
    }
    return NULL;
}

/* Since 1.24, GStreamer names DRM's formats, and tiled ones with them. */
static bool gst_dmabuf_knows_drm(void)
{
    guint major, minor, micro, nano;

    gst_version(&major, &minor, &micro, &nano);
    return major > 1 || minor >= 24;
}

static char *gst_dmabuf_drm_caps(const VideoFormat *format)
{
    uint32_t fourcc = cpu_to_le32(format->fourcc);
    g_autofree char *modifier = NULL;

    if (format->modifier != DRM_FORMAT_MOD_LINEAR) {
        modifier = g_strdup_printf(":0x%016" PRIx64, format->modifier);
    }
    return g_strdup_printf("video/x-raw(memory:DMABuf),format=DMA_DRM,"
                           "drm-format=%.4s%s", (const char *)&fourcc,
                           modifier ?: "");
}

static bool gst_dmabuf_takes(GstElementFactory *factory, const char *text)
{
    g_autoptr(GstCaps) caps = gst_caps_from_string(text);

    return caps && gst_element_factory_can_sink_any_caps(factory, caps);
}

static bool gst_dmabuf_has_import(GstElementFactory *factory)
{
    g_autoptr(GstPluginFeature) loaded =
        gst_plugin_feature_load(GST_PLUGIN_FEATURE(factory));
    GType type = loaded ? gst_element_factory_get_element_type(
        GST_ELEMENT_FACTORY(loaded)) : G_TYPE_INVALID;
    GObjectClass *class;
    bool has;

    if (!loaded || !type) {
        return false;
    }
    class = g_type_class_ref(type);
    has = g_object_class_find_property(class, IO_MODE) != NULL;
    g_type_class_unref(class);
    return has;
}

/* An element without templates of its own passes on what it does not know. */
static bool gst_dmabuf_is_definite(GstElementFactory *factory)
{
    g_autoptr(GstCaps) any = gst_caps_new_any();

    return !gst_element_factory_can_sink_all_caps(factory, any);
}

char *gst_dmabuf_caps(const char *element, const VideoFormat *format)
{
    g_autoptr(GstElementFactory) factory = gst_element_factory_find(element);
    bool linear = format->modifier == DRM_FORMAT_MOD_LINEAR;
    const char *name = gst_dmabuf_name(format);
    g_autofree char *caps = NULL;

    if (!factory || !name || !gst_dmabuf_is_definite(factory)) {
        return NULL;
    }
    if (gst_dmabuf_has_import(factory)) {
        caps = g_strdup_printf("video/x-raw,format=%s", name);
        return linear && gst_dmabuf_takes(factory, caps)
            ? g_steal_pointer(&caps) : NULL;
    }
    if (gst_dmabuf_knows_drm()) {
        caps = gst_dmabuf_drm_caps(format);
    } else if (linear) {
        caps = g_strdup_printf("video/x-raw(memory:DMABuf),format=%s", name);
    }
    return caps && gst_dmabuf_takes(factory, caps) ? g_steal_pointer(&caps)
                                                   : NULL;
}

void gst_dmabuf_set_up(GstElement *element)
{
    GObjectClass *class = G_OBJECT_GET_CLASS(element);

    if (g_object_class_find_property(class, IO_MODE)) {
        gst_util_set_object_arg(G_OBJECT(element), IO_MODE, IO_MODE_IMPORT);
    }
}

static GstAllocator *gst_dmabuf_allocator(void)
{
    static gsize allocator;

    if (g_once_init_enter(&allocator)) {
        g_once_init_leave(&allocator, (gsize)gst_dmabuf_allocator_new());
    }
    return (GstAllocator *)allocator;
}

GstBuffer *gst_dmabuf_buffer(const VideoDmabuf *dmabuf, Error **errp)
{
    const char *name = gst_dmabuf_name(&dmabuf->format);
    gsize offset[GST_VIDEO_MAX_PLANES] = { 0 };
    gint stride[GST_VIDEO_MAX_PLANES] = { dmabuf->stride };
    int fd = dup(dmabuf->fd);
    GstMemory *memory = NULL;
    GstBuffer *buffer;

    if (fd >= 0) {
        qemu_set_cloexec(fd);
    }
    if (fd >= 0 && dmabuf->stride / PIXEL_BYTES >= dmabuf->width) {
        memory = gst_dmabuf_allocator_alloc(gst_dmabuf_allocator(), fd,
                                            dmabuf->size);
    }
    if (!memory) {
        error_setg(errp, "the guest's buffer is no picture, or no descriptor "
                   "is left for it");
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    buffer = gst_buffer_new();
    gst_buffer_append_memory(buffer, memory);
    gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
                                   gst_video_format_from_string(name),
                                   dmabuf->width, dmabuf->height, 1, offset,
                                   stride);
    return buffer;
}
