/*
 * Reading dma-bufs back with OpenGL: what is done with EGL
 *
 * The context has no surface and shares nothing. It is opened on the GPU that
 * the buffer's owner names, else on the one that a display of ours draws with,
 * else on any, else in software. EGL displays stay open: others in the process
 * may have been given the same one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/sysmacros.h>
#include "qapi/error.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "trace.h"
#include "ui/dmabuf-copy.h"
#include "ui/dmabuf-map.h"
#include "ui/egl-helpers.h"
#include "ui/gl-readback.h"

/* A device that draws for longer has a fault; the frame is read as it is. */
#define FENCE_MS 1000
#define MAX_DEVICES 16
#define BEST_RANK 3
/* A kernel gives a GPU up after some seconds; screendumps wait no longer. */
#define TICK_MS 500

/* libepoxy 1.5.10 does not know this extension yet */
#ifndef EGL_DRM_RENDER_NODE_FILE_EXT
#define EGL_DRM_RENDER_NODE_FILE_EXT 0x3377
#endif

typedef struct ReadFormat {
    GLenum format;
    GLenum type;
    uint32_t fourcc;
    uint32_t cpp;
} ReadFormat;

typedef struct Image {
    QemuDmaBuf *dmabuf; /* what OpenGL has: the buffer, or @copy */
    DmaBufCopy *copy;   /* for a software renderer, else NULL */
    int fd;             /* the buffer's */
    GLuint framebuffer;
    ReadFormat format;
} Image;

typedef struct PixelBuffer {
    GLuint name;
    size_t size;
    uint32_t stride; /* of the whole frame's rows, also if a part is read */
    uint32_t fourcc;
    GLsync fence;
    bool mapped;
} PixelBuffer;

typedef struct EGLReadback {
    EGLDisplay display;
    EGLContext context;
    bool gles;
    bool software;
    bool robust; /* tells when the GPU was reset */
    bool failed; /* at what it has to be able to do */
    PixelBuffer buffers[GL_READBACK_SLOTS];
} EGLReadback;

/* --- The context -------------------------------------------------------- */

static bool make_context(EGLReadback *gl, EGLenum api, const EGLint *attrs)
{
    if (!eglBindAPI(api)) {
        return false;
    }
    gl->context = eglCreateContext(gl->display, EGL_NO_CONFIG_KHR,
                                   EGL_NO_CONTEXT, attrs);
    if (gl->context == EGL_NO_CONTEXT) {
        return false;
    }
    if (!eglMakeCurrent(gl->display, EGL_NO_SURFACE, EGL_NO_SURFACE,
                        gl->context)) {
        eglDestroyContext(gl->display, gl->context);
        return false;
    }
    gl->gles = api == EGL_OPENGL_ES_API;
    return true;
}

/*
 * The best first. A reset of the GPU may end a process that does not ask to be
 * told of it.
 */
static const struct {
    EGLenum api;
    bool robust;
    EGLint attrs[9];
} context_kinds[] = {
    { EGL_OPENGL_API, true, {
        EGL_CONTEXT_MAJOR_VERSION_KHR, 3, EGL_CONTEXT_MINOR_VERSION_KHR, 2,
        EGL_CONTEXT_OPENGL_PROFILE_MASK, EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
        EGL_CONTEXT_OPENGL_RESET_NOTIFICATION_STRATEGY_KHR,
        EGL_LOSE_CONTEXT_ON_RESET_KHR, EGL_NONE } },
    { EGL_OPENGL_ES_API, true, {
        EGL_CONTEXT_CLIENT_VERSION, 3,
        EGL_CONTEXT_OPENGL_RESET_NOTIFICATION_STRATEGY_EXT,
        EGL_LOSE_CONTEXT_ON_RESET_EXT, EGL_NONE } },
    { EGL_OPENGL_API, false, {
        EGL_CONTEXT_MAJOR_VERSION_KHR, 3, EGL_CONTEXT_MINOR_VERSION_KHR, 2,
        EGL_CONTEXT_OPENGL_PROFILE_MASK, EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
        EGL_NONE } },
    { EGL_OPENGL_ES_API, false, { EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE } },
};

static bool make_any_context(EGLReadback *gl)
{
    bool robust = epoxy_has_egl_extension(gl->display,
                                          "EGL_EXT_create_context_robustness");

    for (int i = 0; i < ARRAY_SIZE(context_kinds); i++) {
        if (context_kinds[i].robust && !robust) {
            continue;
        }
        if (make_context(gl, context_kinds[i].api, context_kinds[i].attrs)) {
            gl->robust = context_kinds[i].robust &&
                epoxy_has_gl_extension("GL_KHR_robustness");
            return true;
        }
    }
    return false;
}

/* Of several that fail, the last one's reason is told. */
static bool open_platform(EGLReadback *gl, EGLenum platform, void *native,
                          Error **errp)
{
    static const char *const needed[] = {
        "EGL_EXT_image_dma_buf_import", "EGL_KHR_image_base",
        "EGL_KHR_no_config_context", "EGL_KHR_surfaceless_context",
    };
    EGLDisplay display = eglGetPlatformDisplayEXT(platform, native, NULL);
    EGLint major, minor;

    g_clear_pointer(errp, error_free);
    if (display == EGL_NO_DISPLAY ||
        !eglInitialize(display, &major, &minor)) {
        error_setg(errp, "EGL does not start: %s",
                   qemu_egl_get_error_string());
        return false;
    }
    for (int i = 0; i < ARRAY_SIZE(needed); i++) {
        if (!epoxy_has_egl_extension(display, needed[i])) {
            error_setg(errp, "EGL (%s) has no %s",
                       eglQueryString(display, EGL_VENDOR), needed[i]);
            return false;
        }
    }
    gl->display = display;
    if (!make_any_context(gl)) {
        error_setg(errp, "EGL makes no OpenGL context: %s",
                   qemu_egl_get_error_string());
        return false;
    }
    gl->software = egl_renders_in_software();
    return true;
}

static const char *device_node(EGLDeviceEXT device)
{
    const char *extensions = eglQueryDeviceStringEXT(device, EGL_EXTENSIONS);

    if (!extensions || !strstr(extensions, "EGL_EXT_device_drm_render_node")) {
        return NULL;
    }
    return eglQueryDeviceStringEXT(device, EGL_DRM_RENDER_NODE_FILE_EXT);
}

static bool same_node(const char *a, const char *b)
{
    struct stat stat_a, stat_b;

    return a && b && stat(a, &stat_a) == 0 && stat(b, &stat_b) == 0 &&
        stat_a.st_rdev == stat_b.st_rdev;
}

/* What a display of ours draws with. */
static EGLDeviceEXT display_device(void)
{
    EGLAttrib device;

    if (!qemu_egl_display ||
        !epoxy_has_egl_extension(NULL, "EGL_EXT_device_query") ||
        !eglQueryDisplayAttribEXT(qemu_egl_display, EGL_DEVICE_EXT,
                                  &device)) {
        return EGL_NO_DEVICE_EXT;
    }
    return (EGLDeviceEXT)device;
}

/*
 * Kernels have a render node without a GPU behind it, to test graphics memory.
 * Mesa 25 crashes where it is to draw with that.
 */
static bool is_vgem(const char *node)
{
    g_autofree char *link = NULL;
    g_autofree char *path = NULL;
    g_autofree char *name = NULL;
    struct stat st;

    if (stat(node, &st) < 0) {
        return false;
    }
    link = g_strdup_printf("/sys/dev/char/%u:%u/device", major(st.st_rdev),
                           minor(st.st_rdev));
    path = realpath(link, NULL);
    name = path ? g_path_get_basename(path) : NULL;
    return g_strcmp0(name, "vgem") == 0;
}

/* The better, the higher; 0 if it draws in software; -1: not at all. */
static int device_rank(EGLDeviceEXT device, const char *render_node)
{
    const char *node = device_node(device);

    if (!node) {
        return 0;
    }
    if (is_vgem(node)) {
        return -1;
    }
    return same_node(node, render_node) ? BEST_RANK
        : device == display_device() ? 2 : 1;
}

static bool open_any_device(EGLReadback *gl, const char *render_node,
                            Error **errp)
{
    EGLDeviceEXT devices[MAX_DEVICES];
    EGLint n = 0;

    if (!epoxy_has_egl_extension(NULL, "EGL_EXT_platform_device") ||
        !epoxy_has_egl_extension(NULL, "EGL_EXT_device_enumeration") ||
        !epoxy_has_egl_extension(NULL, "EGL_EXT_device_query") ||
        !eglQueryDevicesEXT(MAX_DEVICES, devices, &n)) {
        return false;
    }
    for (int rank = BEST_RANK; rank >= 0; rank--) {
        for (int i = 0; i < n; i++) {
            if (device_rank(devices[i], render_node) == rank &&
                open_platform(gl, EGL_PLATFORM_DEVICE_EXT, devices[i],
                              errp)) {
                return true;
            }
        }
    }
    return false;
}

static bool open_surfaceless(EGLReadback *gl, Error **errp)
{
    if (!epoxy_has_egl_extension(NULL, "EGL_MESA_platform_surfaceless")) {
        return false;
    }
    return open_platform(gl, EGL_PLATFORM_SURFACELESS_MESA,
                         EGL_DEFAULT_DISPLAY, errp);
}

static void *readback_open(const char *render_node, Error **errp)
{
    g_autofree EGLReadback *gl = g_new0(EGLReadback, 1);
    Error *err = NULL;

    if (!epoxy_has_egl()) {
        error_setg(errp, "libEGL is not installed");
        return NULL;
    }
    if (!epoxy_has_egl_extension(NULL, "EGL_EXT_platform_base")) {
        error_setg(errp, "EGL has no EGL_EXT_platform_base");
        return NULL;
    }
    /* Mesa's surfaceless platform would go by the render nodes again. */
    if (open_any_device(gl, render_node, &err) ||
        open_surfaceless(gl, &err)) {
        error_free(err);
        trace_gl_readback_open((const char *)glGetString(GL_RENDERER));
        return g_steal_pointer(&gl);
    }
    if (!err) {
        error_setg(&err, "EGL has neither devices nor a surfaceless platform");
    }
    error_propagate(errp, err);
    return NULL;
}

static void readback_close(void *opaque)
{
    EGLReadback *gl = opaque;

    for (int i = 0; i < GL_READBACK_SLOTS; i++) {
        glDeleteBuffers(1, &gl->buffers[i].name);
    }
    eglMakeCurrent(gl->display, EGL_NO_SURFACE, EGL_NO_SURFACE,
                   EGL_NO_CONTEXT);
    eglDestroyContext(gl->display, gl->context);
    eglReleaseThread();
    g_free(gl);
}

/* --- Buffers ------------------------------------------------------------ */

/*
 * What glReadPixels() is asked for. Formats with channels of other sizes than
 * 8 bits come as they are: the CPU converts them, as it does where a buffer
 * can be mapped, and the pixels are the same whichever way they took.
 */
static ReadFormat read_format(const EGLReadback *gl, uint32_t fourcc)
{
    static const ReadFormat as_is[] = {
        { GL_RGB, GL_UNSIGNED_SHORT_5_6_5, DRM_FORMAT_RGB565, 2 },
        { GL_RGB, GL_UNSIGNED_SHORT_5_6_5_REV, DRM_FORMAT_BGR565, 2 },
        { GL_BGRA, GL_UNSIGNED_SHORT_1_5_5_5_REV, DRM_FORMAT_ARGB1555, 2 },
        { GL_BGRA, GL_UNSIGNED_SHORT_1_5_5_5_REV, DRM_FORMAT_XRGB1555, 2 },
        { GL_RGBA, GL_UNSIGNED_SHORT_1_5_5_5_REV, DRM_FORMAT_ABGR1555, 2 },
        { GL_RGBA, GL_UNSIGNED_SHORT_1_5_5_5_REV, DRM_FORMAT_XBGR1555, 2 },
        { GL_BGRA, GL_UNSIGNED_SHORT_4_4_4_4_REV, DRM_FORMAT_ARGB4444, 2 },
        { GL_BGRA, GL_UNSIGNED_SHORT_4_4_4_4_REV, DRM_FORMAT_XRGB4444, 2 },
        { GL_RGBA, GL_UNSIGNED_SHORT_4_4_4_4_REV, DRM_FORMAT_ABGR4444, 2 },
        { GL_RGBA, GL_UNSIGNED_SHORT_4_4_4_4_REV, DRM_FORMAT_XBGR4444, 2 },
        { GL_BGRA, GL_UNSIGNED_INT_2_10_10_10_REV, DRM_FORMAT_ARGB2101010, 4 },
        { GL_BGRA, GL_UNSIGNED_INT_2_10_10_10_REV, DRM_FORMAT_XRGB2101010, 4 },
        { GL_RGBA, GL_UNSIGNED_INT_2_10_10_10_REV, DRM_FORMAT_ABGR2101010, 4 },
        { GL_RGBA, GL_UNSIGNED_INT_2_10_10_10_REV, DRM_FORMAT_XBGR2101010, 4 },
    };

    for (int i = 0; !gl->gles && i < ARRAY_SIZE(as_is); i++) {
        if (as_is[i].fourcc == fourcc) {
            return as_is[i];
        }
    }
    if (gl->gles && !epoxy_has_gl_extension("GL_EXT_read_format_bgra")) {
        return (ReadFormat) {
            GL_RGBA, GL_UNSIGNED_BYTE, DRM_FORMAT_ABGR8888, 4
        };
    }
    return (ReadFormat) { GL_BGRA, GL_UNSIGNED_BYTE, DRM_FORMAT_ARGB8888, 4 };
}

static bool check_error(const char *what, Error **errp)
{
    GLenum error = glGetError();

    if (error != GL_NO_ERROR) {
        error_setg(errp, "%s failed with OpenGL's error 0x%x", what, error);
    }
    return error == GL_NO_ERROR;
}

static bool readback_is_lost(void *opaque)
{
    EGLReadback *gl = opaque;

    gl->failed |= gl->robust && glGetGraphicsResetStatus() != GL_NO_ERROR;
    return gl->failed;
}

static void readback_release(void *opaque, void *image_opaque)
{
    Image *image = image_opaque;

    glDeleteFramebuffers(1, &image->framebuffer);
    egl_dmabuf_release_texture(image->dmabuf);
    dmabuf_copy_free(image->copy);
    g_free(image);
}

static bool make_framebuffer(Image *image, Error **errp)
{
    glGenFramebuffers(1, &image->framebuffer);
    glBindFramebuffer(GL_READ_FRAMEBUFFER, image->framebuffer);
    glFramebufferTexture2D(GL_READ_FRAMEBUFFER, GL_COLOR_ATTACHMENT0,
                           GL_TEXTURE_2D,
                           qemu_dmabuf_get_texture(image->dmabuf), 0);
    if (glCheckFramebufferStatus(GL_READ_FRAMEBUFFER) !=
        GL_FRAMEBUFFER_COMPLETE) {
        error_setg(errp, "OpenGL does not read this format");
        return false;
    }
    return check_error("making a framebuffer of it", errp);
}

/* What reads by CPU is not let near the device's memory. */
static bool find_source(EGLReadback *gl, Image *image, QemuDmaBuf *dmabuf,
                        Error **errp)
{
    image->fd = qemu_dmabuf_get_fd(dmabuf);
    image->dmabuf = dmabuf;
    if (gl->software) {
        image->copy = dmabuf_copy_new(dmabuf, errp);
        if (!image->copy) {
            return false;
        }
        image->dmabuf = dmabuf_copy_get(image->copy);
    }
    return egl_dmabuf_import_texture(image->dmabuf, errp);
}

static void *readback_import(void *opaque, QemuDmaBuf *dmabuf, Error **errp)
{
    EGLReadback *gl = opaque;
    Image *image = g_new0(Image, 1);

    image->format = read_format(gl, qemu_dmabuf_get_fourcc(dmabuf));
    if (!find_source(gl, image, dmabuf, errp) ||
        !make_framebuffer(image, errp)) {
        readback_release(gl, image);
        return NULL;
    }
    return image;
}

/* --- Frames ------------------------------------------------------------- */

/* Sized for the image, and bound. */
static void pixel_buffer_ready(PixelBuffer *pb, const Image *image)
{
    uint32_t width = qemu_dmabuf_get_width(image->dmabuf);
    size_t size;

    pb->stride = ROUND_UP(width * image->format.cpp, 4);
    pb->fourcc = image->format.fourcc;
    size = (size_t)pb->stride * qemu_dmabuf_get_height(image->dmabuf);
    if (!pb->name) {
        glGenBuffers(1, &pb->name);
    }
    glBindBuffer(GL_PIXEL_PACK_BUFFER, pb->name);
    if (pb->size != size) {
        pb->size = size;
        glBufferData(GL_PIXEL_PACK_BUFFER, size, NULL, GL_STREAM_READ);
    }
}

/* To where it has its place in the whole frame. */
static void read_box(const Image *image, const PixelBuffer *pb,
                     const pixman_box32_t *box)
{
    QemuDmaBuf *dmabuf = image->dmabuf;
    size_t at = (size_t)pb->stride * box->y1 +
        (size_t)image->format.cpp * box->x1;
    uint32_t first_row = egl_first_row(qemu_dmabuf_get_y(dmabuf),
                                       qemu_dmabuf_get_height(dmabuf),
                                       qemu_dmabuf_get_backing_height(dmabuf),
                                       qemu_dmabuf_get_y0_top(dmabuf));

    glReadPixels(qemu_dmabuf_get_x(dmabuf) + box->x1, first_row + box->y1,
                 box->x2 - box->x1, box->y2 - box->y1,
                 image->format.format, image->format.type, (void *)at);
}

static bool read_pixels(EGLReadback *gl, const Image *image, PixelBuffer *pb,
                        const GLReadbackArea *area, Error **errp)
{
    pixel_buffer_ready(pb, image);
    glBindFramebuffer(GL_READ_FRAMEBUFFER, image->framebuffer);
    glPixelStorei(GL_PACK_ROW_LENGTH, pb->stride / image->format.cpp);
    for (unsigned i = 0; i < area->n; i++) {
        read_box(image, pb, &area->box[i]);
    }
    pb->fence = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
    glFlush();
    if (!check_error("reading it", errp)) {
        gl->failed = true;
        return false;
    }
    return true;
}

/* The rows that the area touches; its boxes go from the top to the bottom. */
static bool copy_rows(const Image *image, const GLReadbackArea *area,
                      Error **errp)
{
    int32_t done = 0;

    for (unsigned i = 0; i < area->n; i++) {
        int32_t first = MAX(area->box[i].y1, done);

        done = MAX(area->box[i].y2, done);
        if (first < done &&
            !dmabuf_copy_update(image->copy, first, done - first, errp)) {
            return false;
        }
    }
    return true;
}

static bool readback_begin(void *opaque, void *image_opaque, unsigned slot,
                           const GLReadbackArea *area, Error **errp)
{
    EGLReadback *gl = opaque;
    Image *image = image_opaque;
    GLReadbackArea all = { GL_READBACK_BOXES, 1, {
        { 0, 0, qemu_dmabuf_get_width(image->dmabuf),
          qemu_dmabuf_get_height(image->dmabuf) },
    } };

    if (area->what != GL_READBACK_BOXES) {
        area = &all;
    }
    dmabuf_wait_for_writers(image->fd, FENCE_MS);
    if ((image->copy && !copy_rows(image, area, errp)) ||
        !read_pixels(gl, image, &gl->buffers[slot], area, errp)) {
        return false;
    }
    if (image->copy) {
        /* the next frame is copied over this one */
        glFinish();
    }
    return true;
}

static bool readback_wait(void *opaque, unsigned slot, int ms)
{
    EGLReadback *gl = opaque;
    GLenum status = glClientWaitSync(gl->buffers[slot].fence,
                                     GL_SYNC_FLUSH_COMMANDS_BIT,
                                     (GLuint64)ms * SCALE_MS);

    if (status == GL_WAIT_FAILED) {
        gl->failed = true;
    }
    return status != GL_TIMEOUT_EXPIRED;
}

static bool readback_map(void *opaque, unsigned slot,
                         UIPixels *pixels, Error **errp)
{
    EGLReadback *gl = opaque;
    PixelBuffer *pb = &gl->buffers[slot];

    /* what a reset of the GPU has left there is not the picture */
    if (readback_is_lost(gl)) {
        error_setg(errp, "OpenGL has failed, or the GPU was reset");
        return false;
    }
    glBindBuffer(GL_PIXEL_PACK_BUFFER, pb->name);
    pixels->data = glMapBufferRange(GL_PIXEL_PACK_BUFFER, 0, pb->size,
                                    GL_MAP_READ_BIT);
    if (!pixels->data) {
        error_setg(errp, "OpenGL does not give its memory away: 0x%x",
                   glGetError());
        gl->failed = true;
        return false;
    }
    pb->mapped = true;
    pixels->stride = pb->stride;
    pixels->fourcc = pb->fourcc;
    return true;
}

static void readback_unmap(void *opaque, unsigned slot)
{
    EGLReadback *gl = opaque;
    PixelBuffer *pb = &gl->buffers[slot];

    if (pb->mapped) {
        pb->mapped = false;
        glBindBuffer(GL_PIXEL_PACK_BUFFER, pb->name);
        glUnmapBuffer(GL_PIXEL_PACK_BUFFER);
    }
    g_clear_pointer(&pb->fence, glDeleteSync);
}

static const GLReadbackOps egl_ops = {
    .tick_ms = TICK_MS,
    .open = readback_open,
    .close = readback_close,
    .import = readback_import,
    .release = readback_release,
    .begin = readback_begin,
    .wait = readback_wait,
    .map = readback_map,
    .unmap = readback_unmap,
    .is_lost = readback_is_lost,
};

static void register_readback(void)
{
    gl_readback_register(&egl_ops);
}

type_init(register_readback);
