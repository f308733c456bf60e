/*
 * GL readback of buffers that a driver of OpenGL has made
 *
 * The driver that is there allocates buffers as it likes them best, tiled for
 * example, and draws what is read back then. OpenGL in software has none of
 * those, and reads a memfd instead.
 *
 * "-m perf" measures frames. With VGPU_TEST_GL_HANG set the GPU is kept busy
 * until its driver gives it up, which disturbs whoever else uses it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <gbm.h>
#include <sys/mman.h>
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/egl-helpers.h"
#include "ui/gl-readback.h"

/* What the files under test expect of the emulator. */
int display_opengl;

/* libepoxy 1.5.10 does not know this extension yet */
#ifndef EGL_DRM_RENDER_NODE_FILE_EXT
#define EGL_DRM_RENDER_NODE_FILE_EXT 0x3377
#endif

#define MAX_DEVICES 16
#define MAX_MODIFIERS 128

/* A frame that begins within its buffer. */
#define WIDTH 333
#define HEIGHT 111
#define LEFT 17
#define TOP 9
#define FRAME_WIDTH 251
#define FRAME_HEIGHT 77

/* --- Who draws ---------------------------------------------------------- */

static struct {
    EGLDisplay display;
    EGLContext context;
    const char *node;   /* the GPU's, if it has one */
    bool software;
    struct gbm_device *gbm;
} painter;

/* The first is told of resets, if the driver does that. */
static const EGLint painter_attrs[][9] = {
    { EGL_CONTEXT_MAJOR_VERSION_KHR, 3, EGL_CONTEXT_MINOR_VERSION_KHR, 2,
      EGL_CONTEXT_OPENGL_PROFILE_MASK, EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
      EGL_CONTEXT_OPENGL_RESET_NOTIFICATION_STRATEGY_KHR,
      EGL_LOSE_CONTEXT_ON_RESET_KHR, EGL_NONE },
    { EGL_CONTEXT_MAJOR_VERSION_KHR, 3, EGL_CONTEXT_MINOR_VERSION_KHR, 2,
      EGL_CONTEXT_OPENGL_PROFILE_MASK, EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
      EGL_NONE },
};

static bool painter_open_on(EGLenum platform, void *native)
{
    EGLDisplay display = eglGetPlatformDisplayEXT(platform, native, NULL);
    EGLContext context = EGL_NO_CONTEXT;

    if (!display || !eglInitialize(display, NULL, NULL) ||
        !eglBindAPI(EGL_OPENGL_API)) {
        return false;
    }
    for (int i = 0; !context && i < ARRAY_SIZE(painter_attrs); i++) {
        context = eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT,
                                   painter_attrs[i]);
    }
    if (!context ||
        !eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context)) {
        return false;
    }
    painter.display = display;
    painter.context = context;
    painter.software = egl_renders_in_software();
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

static bool painter_open_device(bool with_node)
{
    EGLDeviceEXT devices[MAX_DEVICES];
    EGLint n = 0;

    if (epoxy_has_egl_extension(NULL, "EGL_EXT_device_enumeration")) {
        eglQueryDevicesEXT(MAX_DEVICES, devices, &n);
    }
    for (int i = 0; i < n; i++) {
        const char *node = device_node(devices[i]);

        if (!!node == with_node &&
            painter_open_on(EGL_PLATFORM_DEVICE_EXT, devices[i])) {
            painter.node = node;
            return true;
        }
    }
    return false;
}

/* A GPU, if there is one. */
static bool painter_open(void)
{
    if (!epoxy_has_egl() ||
        !epoxy_has_egl_extension(NULL, "EGL_EXT_platform_base")) {
        return false;
    }
    return painter_open_device(true) || painter_open_device(false) ||
        painter_open_on(EGL_PLATFORM_SURFACELESS_MESA,
                           EGL_DEFAULT_DISPLAY);
}

static void painter_open_gbm(void)
{
    int fd = painter.node ? open(painter.node, O_RDWR | O_CLOEXEC) : -1;

    painter.gbm = fd >= 0 ? gbm_create_device(fd) : NULL;
}

static GLuint new_texture(uint32_t width, uint32_t height,
                          const uint32_t *pixels)
{
    GLuint texture;

    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, width, height, 0, GL_BGRA,
                 GL_UNSIGNED_INT_8_8_8_8_REV, pixels);
    return texture;
}

static GLuint new_framebuffer(GLenum target, GLuint texture)
{
    GLuint framebuffer;

    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(target, framebuffer);
    glFramebufferTexture2D(target, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D,
                           texture, 0);
    return framebuffer;
}

/* Into a buffer that has been imported. */
static bool paint(GLuint to, uint32_t width, uint32_t height,
                  const uint32_t *pixels)
{
    GLuint from = new_texture(width, height, pixels);
    GLuint framebuffers[] = {
        new_framebuffer(GL_READ_FRAMEBUFFER, from),
        new_framebuffer(GL_DRAW_FRAMEBUFFER, to),
    };

    glBlitFramebuffer(0, 0, width, height, 0, 0, width, height,
                      GL_COLOR_BUFFER_BIT, GL_NEAREST);
    glFinish();
    glDeleteFramebuffers(2, framebuffers);
    glDeleteTextures(1, &from);
    return glGetError() == GL_NO_ERROR;
}

/* --- Buffers ------------------------------------------------------------ */

/* What it is made of stays open until the process ends. */
typedef struct Buffer {
    uint32_t width, height, fourcc;
    uint64_t modifier;
    unsigned n;
    QemuDmaBufPlane planes[DMABUF_MAX_PLANES];
    uint32_t *pixels;
} Buffer;

static void buffer_init(Buffer *buffer, uint32_t width, uint32_t height)
{
    *buffer = (Buffer) { width, height, DRM_FORMAT_XRGB8888 };
    buffer->pixels = g_new(uint32_t, width * height);
    for (uint32_t i = 0; i < width * height; i++) {
        buffer->pixels[i] = (i * 0x9e3779b1u) >> 3 | 0xff000000u;
    }
}

/* @rect of it is the frame; NULL: all. */
static QemuDmaBuf *buffer_dmabuf(const Buffer *buffer,
                                 const pixman_box32_t *rect)
{
    pixman_box32_t all = { 0, 0, buffer->width, buffer->height };
    QemuDmaBuf *dmabuf;

    rect = rect ?: &all;
    dmabuf = qemu_dmabuf_new_joint(rect->x2 - rect->x1, rect->y2 - rect->y1,
                                   buffer->planes[0].stride, rect->x1, rect->y1,
                                   buffer->width, buffer->height,
                                   buffer->fourcc, buffer->modifier,
                                   buffer->planes[0].fd, false, false);
    qemu_dmabuf_set_planes(dmabuf, buffer->planes, buffer->n);
    return dmabuf;
}

static bool make_memfd(Buffer *buffer)
{
    size_t size = buffer->width * buffer->height * 4;
    int fd = memfd_create("frame", MFD_CLOEXEC);

    buffer->n = 1;
    buffer->planes[0] = (QemuDmaBufPlane) { fd, buffer->width * 4, 0 };
    return write(fd, buffer->pixels, size) == size;
}

/* A texture of the driver's, as it is. */
static bool make_export(Buffer *buffer)
{
    GLuint texture = new_texture(buffer->width, buffer->height,
                                 buffer->pixels);
    EGLImageKHR image;
    EGLuint64KHR modifiers[DMABUF_MAX_PLANES] = { 0 };
    int fourcc = 0, n = 0, fds[DMABUF_MAX_PLANES] = { -1, -1, -1, -1 };
    EGLint strides[DMABUF_MAX_PLANES], offsets[DMABUF_MAX_PLANES];

    if (!epoxy_has_egl_extension(painter.display,
                                 "EGL_MESA_image_dma_buf_export")) {
        return false;
    }
    glFinish();
    image = eglCreateImageKHR(painter.display, painter.context,
                              EGL_GL_TEXTURE_2D_KHR,
                              (EGLClientBuffer)(uintptr_t)texture, NULL);
    if (!image ||
        !eglExportDMABUFImageQueryMESA(painter.display, image, &fourcc, &n,
                                       modifiers) ||
        n < 1 || n > DMABUF_MAX_PLANES ||
        !eglExportDMABUFImageMESA(painter.display, image, fds, strides,
                                  offsets)) {
        return false;
    }
    buffer->fourcc = fourcc;
    buffer->modifier = modifiers[0];
    buffer->n = n;
    for (int i = 0; i < n; i++) {
        buffer->planes[i] = (QemuDmaBufPlane) {
            fds[i] >= 0 ? fds[i] : fds[0], strides[i], offsets[i],
        };
    }
    return fds[0] >= 0;
}

static bool make_gbm(Buffer *buffer, uint64_t modifier)
{
    struct gbm_bo *bo =
        gbm_bo_create_with_modifiers2(painter.gbm, buffer->width,
                                      buffer->height, buffer->fourcc,
                                      &modifier, 1, GBM_BO_USE_RENDERING);
    g_autoptr(QemuDmaBuf) dmabuf = NULL;
    bool painted;

    if (!bo) {
        return false;
    }
    buffer->modifier = modifier;
    buffer->n = MIN(gbm_bo_get_plane_count(bo), DMABUF_MAX_PLANES);
    for (unsigned i = 0; i < buffer->n; i++) {
        buffer->planes[i] = (QemuDmaBufPlane) {
            gbm_bo_get_fd_for_plane(bo, i), gbm_bo_get_stride_for_plane(bo, i),
            gbm_bo_get_offset(bo, i),
        };
    }
    dmabuf = buffer_dmabuf(buffer, NULL);
    painted = egl_dmabuf_import_texture(dmabuf, NULL) &&
        paint(qemu_dmabuf_get_texture(dmabuf), buffer->width, buffer->height,
              buffer->pixels);
    egl_dmabuf_release_texture(dmabuf);
    return painted;
}

/* As the driver likes it best; false, in words, if there is none. */
static bool make_any(Buffer *buffer)
{
    bool made = painter.software ? make_memfd(buffer) : make_export(buffer);

    if (!made) {
        g_test_skip("OpenGL exports no texture here");
    }
    return made;
}

/* --- Reading ------------------------------------------------------------ */

static struct {
    unsigned results, frames, passing, recovered;
    char *error;    /* of the last result */
    uint32_t fourcc;
    uint32_t *screen;
} got;

static void got_done(void *opaque, const GLReadbackResult *result)
{
    const UIPixels *pixels = result->pixels;
    uint32_t width = result->dmabuf ? qemu_dmabuf_get_width(result->dmabuf)
                                    : 0;

    got.recovered += !result->number;
    got.passing += result->passing;
    got.results += !!result->number;
    g_free(got.error);
    got.error = result->error ? g_strdup(error_get_pretty(result->error))
                              : NULL;
    if (!pixels) {
        return;
    }
    got.fourcc = pixels->fourcc;
    for (uint32_t y = 0; y < qemu_dmabuf_get_height(result->dmabuf); y++) {
        memcpy(got.screen + (size_t)y * width,
               pixels->data + (size_t)y * pixels->stride, width * 4);
    }
    got.frames++;
}

static GLReadback *readback;

/* Frames of it come to got.screen. */
static GLReadbackBuffer *begin_reading(QemuDmaBuf *dmabuf)
{
    got.results = got.frames = got.passing = got.recovered = 0;
    g_clear_pointer(&got.error, g_free);
    got.screen = g_new(uint32_t, (size_t)qemu_dmabuf_get_width(dmabuf) *
                       qemu_dmabuf_get_height(dmabuf));
    readback = gl_readback_new(gl_readback_find_ops(&error_abort),
                               painter.node, got_done, NULL);
    return gl_readback_buffer_new(readback, dmabuf, &error_abort);
}

static void end_reading(GLReadbackBuffer *read)
{
    gl_readback_buffer_free(read);
    gl_readback_free(readback);
    g_clear_pointer(&got.screen, g_free);
}

/* Returns: whether the frame is in got.screen. */
static bool read_frame(GLReadbackBuffer *buffer)
{
    unsigned results = got.results, frames = got.frames;

    g_assert_cmpuint(gl_readback_submit(buffer, NULL), >, 0);
    while (got.results == results) {
        main_loop_wait(false);
    }
    return got.frames > frames;
}

static uint32_t got_pixel(size_t at)
{
    uint32_t pixel = got.screen[at];

    return got.fourcc == DRM_FORMAT_ARGB8888 ? pixel & 0xffffff :
        (pixel & 0xff) << 16 | (pixel & 0xff00) | (pixel >> 16 & 0xff);
}

/* In words, for the caller to free. */
static char *compare(const Buffer *buffer, const pixman_box32_t *rect)
{
    int width = rect->x2 - rect->x1;

    for (int y = rect->y1; y < rect->y2; y++) {
        for (int x = rect->x1; x < rect->x2; x++) {
            uint32_t want = buffer->pixels[y * buffer->width + x] & 0xffffff;
            uint32_t is = got_pixel((y - rect->y1) * width + x - rect->x1);

            if (want != is) {
                return g_strdup_printf("pixel %d,%d is 0x%06x, not 0x%06x", x,
                                       y, is, want);
            }
        }
    }
    return g_strdup("right");
}

static void expect_frame(const Buffer *buffer)
{
    pixman_box32_t all = { 0, 0, buffer->width, buffer->height };
    g_autofree char *verdict = compare(buffer, &all);

    g_assert_cmpstr(verdict, ==, "right");
}

/*
 * What is wrong is told, and what follows is tried all the same: a machine with
 * a GPU is not at hand every day.
 */
static void try_rect(const char *what, const Buffer *buffer,
                     const pixman_box32_t *rect)
{
    g_autoptr(QemuDmaBuf) dmabuf = buffer_dmabuf(buffer, rect);
    g_autofree char *verdict = NULL;
    GLReadbackBuffer *read = begin_reading(dmabuf);

    verdict = read_frame(read) ? compare(buffer, rect) : g_strdup(got.error);
    printf("# %s: %c%c%c%c, modifier 0x%016" PRIx64 ", %u plane(s), stride %u, "
           "offset %" PRIu64 ", %dx%d at %d,%d: %s\n", what,
           buffer->fourcc & 0xff, buffer->fourcc >> 8 & 0xff,
           buffer->fourcc >> 16 & 0xff, buffer->fourcc >> 24,
           buffer->modifier, buffer->n, buffer->planes[0].stride,
           buffer->planes[0].offset, rect->x2 - rect->x1, rect->y2 - rect->y1,
           rect->x1, rect->y1, verdict);
    if (!g_str_equal(verdict, "right")) {
        g_test_fail();
    }
    end_reading(read);
}

/* Its whole, a part, and of plain rows what begins within its memory. */
static void try_buffer(const char *what, const Buffer *buffer)
{
    static const pixman_box32_t whole = { 0, 0, WIDTH, HEIGHT };
    static const pixman_box32_t part = {
        LEFT, TOP, LEFT + FRAME_WIDTH, TOP + FRAME_HEIGHT,
    };
    static const pixman_box32_t rest = { 0, 0, WIDTH, HEIGHT - TOP };
    Buffer within = *buffer;

    try_rect(what, buffer, &whole);
    try_rect(what, buffer, &part);
    if (buffer->n == 1 && buffer->modifier == DRM_FORMAT_MOD_LINEAR) {
        within.height -= TOP;
        within.pixels += TOP * WIDTH;
        within.planes[0].offset += TOP * buffer->planes[0].stride;
        try_rect(what, &within, &rest);
    }
}

static void test_memfd(void)
{
    Buffer buffer;

    if (!painter.software) {
        g_test_skip("a GPU reads no memfd");
        return;
    }
    buffer_init(&buffer, WIDTH, HEIGHT);
    g_assert_true(make_memfd(&buffer));
    try_buffer("memfd", &buffer);
}

static void test_export(void)
{
    Buffer buffer;

    buffer_init(&buffer, WIDTH, HEIGHT);
    if (make_export(&buffer)) {
        try_buffer("exported texture", &buffer);
    } else {
        g_test_skip("EGL exports no texture here");
    }
}

/* Each layout that the driver both makes and takes. */
static void test_gbm(void)
{
    EGLuint64KHR modifiers[MAX_MODIFIERS];
    EGLBoolean external[MAX_MODIFIERS];
    EGLint n = 0;
    unsigned made = 0, planes = 0;

    if (!painter.gbm) {
        g_test_skip("GBM needs a GPU with a render node");
        return;
    }
    eglQueryDmaBufModifiersEXT(painter.display, DRM_FORMAT_XRGB8888,
                               MAX_MODIFIERS, modifiers, external, &n);
    for (int i = 0; i < n; i++) {
        Buffer buffer;

        buffer_init(&buffer, WIDTH, HEIGHT);
        if (!external[i] && make_gbm(&buffer, modifiers[i])) {
            try_buffer("GBM", &buffer);
            planes = MAX(planes, buffer.n);
            made++;
        }
    }
    printf("# GBM: %u of %d layouts were made and read, of up to %u planes\n",
           made, n, planes);
    if (!made) {
        g_test_skip("GBM makes no buffer that EGL takes");
    }
}

/* --- The context is lost ------------------------------------------------ */

static unsigned resets;

static GLenum EPOXY_CALLSPEC lost_status(void)
{
    if (qatomic_read(&resets)) {
        qatomic_dec(&resets);
        return GL_UNKNOWN_CONTEXT_RESET;
    }
    return GL_NO_ERROR;
}

/* OpenGL says that the GPU was reset: it is opened again, and reads. */
static void test_lost(void)
{
    PFNGLGETGRAPHICSRESETSTATUSPROC status = epoxy_glGetGraphicsResetStatus;
    g_autoptr(QemuDmaBuf) dmabuf = NULL;
    GLReadbackBuffer *read;
    Buffer buffer;

    buffer_init(&buffer, WIDTH, HEIGHT);
    if (!make_any(&buffer)) {
        return;
    }
    dmabuf = buffer_dmabuf(&buffer, NULL);
    read = begin_reading(dmabuf);
    g_assert_true(read_frame(read));
    epoxy_glGetGraphicsResetStatus = lost_status;
    qatomic_set(&resets, 1);
    if (read_frame(read)) {
        g_test_skip("this context is told of no reset");
    } else {
        int64_t begun = g_get_monotonic_time();

        g_assert_cmpuint(got.passing, ==, 1);
        printf("# a reset: \"%s\"\n", got.error);
        while (!got.recovered) {
            main_loop_wait(false);
        }
        g_assert_true(read_frame(read));
        expect_frame(&buffer);
        printf("# the picture is back after %.0f ms\n",
               (g_get_monotonic_time() - begun) / 1e3);
    }
    epoxy_glGetGraphicsResetStatus = status;
    end_reading(read);
}

/* --- The GPU hangs ------------------------------------------------------ */

#define HANG_US (30 * G_USEC_PER_SEC)

static const char *const hang_vertex =
    "#version 150\n"
    "void main() {\n"
    "    gl_Position = vec4(gl_VertexID * 4 - 1, gl_VertexID % 2 * 4 - 1,\n"
    "                       0, 1);\n"
    "}\n";

static const char *const hang_fragment =
    "#version 150\n"
    "uniform float add;\n"
    "out vec4 colour;\n"
    "void main() {\n"
    "    float x = gl_FragCoord.x;\n"
    "    while (x > -1.0) {\n"
    "        x = fract(x + add);\n"
    "    }\n"
    "    colour = vec4(x);\n"
    "}\n";

static void compile(GLuint program, GLenum kind, const char *source)
{
    GLuint shader = glCreateShader(kind);
    GLint compiled;

    glShaderSource(shader, 1, &source, NULL);
    glCompileShader(shader);
    glGetShaderiv(shader, GL_COMPILE_STATUS, &compiled);
    g_assert_true(compiled);
    glAttachShader(program, shader);
}

/* Something without an end is drawn into the buffer. */
static void hang(const Buffer *buffer)
{
    g_autoptr(QemuDmaBuf) dmabuf = buffer_dmabuf(buffer, NULL);
    GLuint program = glCreateProgram(), array;
    GLint linked;

    egl_dmabuf_import_texture(dmabuf, &error_abort);
    new_framebuffer(GL_FRAMEBUFFER, qemu_dmabuf_get_texture(dmabuf));
    glViewport(0, 0, buffer->width, buffer->height);
    compile(program, GL_VERTEX_SHADER, hang_vertex);
    compile(program, GL_FRAGMENT_SHADER, hang_fragment);
    glLinkProgram(program);
    glGetProgramiv(program, GL_LINK_STATUS, &linked);
    g_assert_true(linked);
    glUseProgram(program);
    glUniform1f(glGetUniformLocation(program, "add"), 0.37);
    glGenVertexArrays(1, &array);
    glBindVertexArray(array);
    glDrawArrays(GL_TRIANGLES, 0, 3);
    glFlush();
}

/* Says what each result was, and when. */
static void test_hang(void)
{
    int64_t begun = g_get_monotonic_time();
    g_autoptr(QemuDmaBuf) dmabuf = NULL;
    GLReadbackBuffer *read;
    unsigned results = 0;
    Buffer buffer;

    if (painter.software) {
        g_test_skip("OpenGL in software is not given up by anybody");
        return;
    }
    buffer_init(&buffer, WIDTH, HEIGHT);
    if (!make_any(&buffer)) {
        return;
    }
    dmabuf = buffer_dmabuf(&buffer, NULL);
    read = begin_reading(dmabuf);
    g_assert_true(read_frame(read));
    hang(&buffer);
    while (g_get_monotonic_time() - begun < HANG_US) {
        gl_readback_submit(read, NULL);
        main_loop_wait(false);
        if (got.results != results) {
            results = got.results;
            printf("# %5.0f ms: %s\n", (g_get_monotonic_time() - begun) / 1e3,
                   got.error ?: "a frame");
        }
    }
    printf("# the context that drew: reset status 0x%x\n",
           glGetGraphicsResetStatus());
}

/* --- How long it takes -------------------------------------------------- */

/* In software it is as slow as it is. */
static unsigned perf_count(void)
{
    return painter.software ? 10 : 100;
}

static int64_t thread_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

/* The same buffer, read the way that waits: milliseconds. */
static double perf_waiting(QemuDmaBuf *dmabuf)
{
    uint32_t width = qemu_dmabuf_get_width(dmabuf);
    uint32_t height = qemu_dmabuf_get_height(dmabuf);
    unsigned count = perf_count();
    GLuint framebuffer;
    int64_t begun;

    egl_dmabuf_import_texture(dmabuf, &error_abort);
    framebuffer = new_framebuffer(GL_READ_FRAMEBUFFER,
                                  qemu_dmabuf_get_texture(dmabuf));
    begun = g_get_monotonic_time();
    for (unsigned i = 0; i < count; i++) {
        glReadPixels(0, 0, width, height, GL_BGRA, GL_UNSIGNED_BYTE,
                     got.screen);
    }
    begun = g_get_monotonic_time() - begun;
    glDeleteFramebuffers(1, &framebuffer);
    egl_dmabuf_release_texture(dmabuf);
    return begun / 1e3 / count;
}

static void perf(uint32_t width, uint32_t height)
{
    g_autoptr(QemuDmaBuf) dmabuf = NULL;
    GLReadbackBuffer *read;
    unsigned count = perf_count();
    int64_t begun, used;
    Buffer buffer;

    buffer_init(&buffer, width, height);
    if (!make_any(&buffer)) {
        return;
    }
    dmabuf = buffer_dmabuf(&buffer, NULL);
    read = begin_reading(dmabuf);
    g_assert_true(read_frame(read));
    begun = g_get_monotonic_time();
    used = thread_ns();
    for (unsigned i = 0; i < count; i++) {
        g_assert_true(read_frame(read));
    }
    used = thread_ns() - used;
    begun = g_get_monotonic_time() - begun;
    printf("# %ux%u: a frame takes %.2f ms, of the main thread %.2f ms; "
           "glReadPixels() in it %.2f ms\n", width, height,
           begun / 1e3 / count, used / 1e6 / count,
           perf_waiting(dmabuf));
    end_reading(read);
    g_free(buffer.pixels);
}

static void test_perf(void)
{
    perf(1920, 1080);
    perf(3840, 2160);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    module_call_init(MODULE_INIT_QOM);
    qemu_init_main_loop(&error_abort);
    if (!painter_open()) {
        g_assert_null(g_getenv("VGPU_TEST_GL"));
        printf("1..0 # SKIP no OpenGL without a window system\n");
        return 0;
    }
    printf("# %s: %s, %s\n", painter.software ? "in software" :
           painter.node ?: "no render node",
           (const char *)glGetString(GL_RENDERER),
           (const char *)glGetString(GL_VERSION));
    painter_open_gbm();

    g_test_add_func("/gl-readback-gpu/memfd", test_memfd);
    g_test_add_func("/gl-readback-gpu/export", test_export);
    g_test_add_func("/gl-readback-gpu/gbm", test_gbm);
    g_test_add_func("/gl-readback-gpu/lost", test_lost);
    if (g_test_perf()) {
        g_test_add_func("/gl-readback-gpu/perf", test_perf);
    }
    if (g_getenv("VGPU_TEST_GL_HANG")) {
        g_test_add_func("/gl-readback-gpu/hang", test_hang);
    }
    return g_test_run();
}
