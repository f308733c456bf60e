/*
 * What EGL is told of a dma-buf, and what is left when it refuses
 *
 * libepoxy calls EGL and OpenGL through pointers, which are set here to
 * functions that write down what they get.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include "qapi/error.h"
#include "qemu/memfd.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/console.h"
#include "ui/egl-helpers.h"

/* What ui/egl-helpers.c expects of the emulator. */
int display_opengl;

#define MODIFIERS "EGL_EXT_image_dma_buf_import_modifiers"
#define TEXTURE 77

/* The OpenGL of a test, and what became of it. */
static struct {
    bool no_context;
    bool no_import;
    bool no_egl_image;
    bool no_modifiers;
    bool no_export;
    bool image_fails;
    GLenum early_error;
    GLenum texture_error;
    const char *renderer;
    int export_planes;
    EGLint export_offset;
    int export_fd;

    EGLint attrs[128];
    int images, textures, images_shown;
} gl;

/* A DRM node, for which a file stands in. */
static struct {
    ino_t inode;
    bool own;       /* buffers are its own, and not another device's */
    bool no_import; /* it takes none */
    int imports, maps;
} node;

/* --- The kernel --------------------------------------------------------- */

static bool is_node(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_ino == node.inode;
}

/* In place of the C library's. */
int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *argument;

    va_start(ap, request);
    argument = va_arg(ap, void *);
    va_end(ap);
    if (_IOC_TYPE(request) != 'd') {
        return syscall(SYS_ioctl, fd, request, argument);
    }
    /* handles are a file's: the node has another user */
    g_assert_true(is_node(fd) && fd != qemu_egl_rn_fd);
    errno = EINVAL;
    switch (_IOC_NR(request)) {
    case 0x2e: /* DRM_IOCTL_PRIME_FD_TO_HANDLE */
        node.imports++;
        *(uint32_t *)argument = 5;
        return node.no_import ? -1 : 0;
    case 0xb3: /* DRM_IOCTL_MODE_MAP_DUMB */
        node.maps++;
        g_assert_cmpint(*(uint32_t *)argument, ==, 5);
        return node.own ? 0 : -1;
    default:
        g_assert_not_reached();
    }
}

/* --- libepoxy ------------------------------------------------------------ */

bool epoxy_has_egl_extension(EGLDisplay display, const char *name)
{
    if (g_str_equal(name, MODIFIERS)) {
        return !gl.no_modifiers;
    }
    if (g_str_equal(name, "EGL_MESA_image_dma_buf_export")) {
        return !gl.no_export;
    }
    return g_str_equal(name, "EGL_EXT_image_dma_buf_import") && !gl.no_import;
}

bool epoxy_has_gl_extension(const char *name)
{
    g_assert_false(gl.no_context);
    return g_str_equal(name, "GL_OES_EGL_image") && !gl.no_egl_image;
}

static EGLContext EPOXY_CALLSPEC fake_current_context(void)
{
    return gl.no_context ? EGL_NO_CONTEXT : &gl;
}

static EGLDisplay EPOXY_CALLSPEC fake_current_display(void)
{
    return &gl;
}

static EGLint EPOXY_CALLSPEC fake_egl_error(void)
{
    return EGL_BAD_MATCH;
}

static EGLImageKHR EPOXY_CALLSPEC fake_create_image(EGLDisplay display,
                                                    EGLContext context,
                                                    EGLenum target,
                                                    EGLClientBuffer buffer,
                                                    const EGLint *attrs)
{
    if (gl.image_fails) {
        return EGL_NO_IMAGE_KHR;
    }
    for (int i = 0; attrs; i += 2) {
        g_assert_cmpint(i, <, G_N_ELEMENTS(gl.attrs) - 1);
        gl.attrs[i] = attrs[i];
        if (attrs[i] == EGL_NONE) {
            break;
        }
        gl.attrs[i + 1] = attrs[i + 1];
    }
    gl.images++;
    return &gl.images;
}

static EGLBoolean EPOXY_CALLSPEC fake_destroy_image(EGLDisplay display,
                                                    EGLImageKHR image)
{
    g_assert_true(image == &gl.images);
    gl.images--;
    return EGL_TRUE;
}

static EGLBoolean EPOXY_CALLSPEC fake_query_export(EGLDisplay display,
                                                   EGLImageKHR image,
                                                   int *fourcc, int *planes,
                                                   EGLuint64KHR *modifiers)
{
    *fourcc = DRM_FORMAT_XRGB8888;
    *planes = gl.export_planes;
    return gl.export_planes > 0;
}

static EGLBoolean EPOXY_CALLSPEC fake_export(EGLDisplay display,
                                             EGLImageKHR image, int *fds,
                                             EGLint *strides, EGLint *offsets)
{
    *fds = gl.export_fd;
    *strides = 256;
    *offsets = gl.export_offset;
    return EGL_TRUE;
}

static const GLubyte *EPOXY_CALLSPEC fake_gl_string(GLenum name)
{
    g_assert_false(gl.no_context);
    return (const GLubyte *)gl.renderer;
}

static GLenum EPOXY_CALLSPEC fake_gl_error(void)
{
    GLenum error = gl.early_error;

    gl.early_error = GL_NO_ERROR;
    if (gl.images_shown) {
        error = gl.texture_error;
        gl.texture_error = GL_NO_ERROR;
    }
    return error;
}

static void EPOXY_CALLSPEC fake_gen_textures(GLsizei count, GLuint *names)
{
    g_assert_cmpint(count, ==, 1);
    *names = TEXTURE;
    gl.textures++;
}

static void EPOXY_CALLSPEC fake_delete_textures(GLsizei count,
                                                const GLuint *names)
{
    g_assert_cmpint(count, ==, 1);
    g_assert_cmpint(*names, ==, TEXTURE);
    gl.textures--;
}

static void EPOXY_CALLSPEC fake_bind_texture(GLenum target, GLuint name)
{
}

static void EPOXY_CALLSPEC fake_tex_parameter(GLenum target, GLenum name,
                                              GLint value)
{
}

static void EPOXY_CALLSPEC fake_image_target(GLenum target,
                                             GLeglImageOES image)
{
    g_assert_true(image == &gl.images);
    gl.images_shown++;
}

static void replace_gl(void)
{
    epoxy_eglGetCurrentContext = fake_current_context;
    epoxy_eglGetCurrentDisplay = fake_current_display;
    epoxy_eglGetError = fake_egl_error;
    epoxy_eglCreateImageKHR = fake_create_image;
    epoxy_eglDestroyImageKHR = fake_destroy_image;
    epoxy_eglExportDMABUFImageQueryMESA = fake_query_export;
    epoxy_eglExportDMABUFImageMESA = fake_export;
    epoxy_glGetString = fake_gl_string;
    epoxy_glGetError = fake_gl_error;
    epoxy_glGenTextures = fake_gen_textures;
    epoxy_glDeleteTextures = fake_delete_textures;
    epoxy_glBindTexture = fake_bind_texture;
    epoxy_glTexParameteri = fake_tex_parameter;
    epoxy_glEGLImageTargetTexture2DOES = fake_image_target;
    qemu_egl_display = (EGLDisplay)&gl;
}

/* --- What the tests ask ------------------------------------------------- */

static void reset_gl(void)
{
    memset(&gl, 0, sizeof(gl));
    gl.renderer = "a GPU";
}

/* -1 if EGL was not told */
static int64_t attr(EGLint name)
{
    for (int i = 0; gl.attrs[i] && gl.attrs[i] != EGL_NONE; i += 2) {
        if (gl.attrs[i] == name) {
            return (uint32_t)gl.attrs[i + 1];
        }
    }
    return -1;
}

static QemuDmaBuf *buffer_new(uint32_t fourcc, uint64_t modifier, int fd)
{
    return qemu_dmabuf_new_joint(100, 50, 512, 3, 5, 128, 61, fourcc, modifier,
                                 fd, false, false);
}

static void expect_import(QemuDmaBuf *dmabuf)
{
    g_assert_true(egl_dmabuf_import_texture(dmabuf, &error_abort));
    g_assert_cmpint(qemu_dmabuf_get_texture(dmabuf), ==, TEXTURE);
    g_assert_cmpint(gl.images, ==, 0);
    g_assert_cmpint(gl.textures, ==, 1);
}

/* It is said in words, and nothing is left. */
static void expect_refusal(QemuDmaBuf *dmabuf, const char *words)
{
    Error *err = NULL;

    g_assert_false(egl_dmabuf_import_texture(dmabuf, &err));
    g_assert_nonnull(err);
    g_assert_nonnull(strstr(error_get_pretty(err), words));
    error_free(err);
    g_assert_cmpint(qemu_dmabuf_get_texture(dmabuf), ==, 0);
    g_assert_cmpint(gl.images, ==, 0);
    g_assert_cmpint(gl.textures, ==, 0);
}

static void test_one_plane(void)
{
    g_autoptr(QemuDmaBuf) dmabuf =
        buffer_new(DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR, 9);

    reset_gl();
    qemu_dmabuf_set_offset(dmabuf, 0x12340);
    expect_import(dmabuf);
    /* the whole buffer: its rectangle is the viewer's business */
    g_assert_cmpint(attr(EGL_WIDTH), ==, 128);
    g_assert_cmpint(attr(EGL_HEIGHT), ==, 61);
    g_assert_cmpint(attr(EGL_LINUX_DRM_FOURCC_EXT), ==, DRM_FORMAT_XRGB8888);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE0_FD_EXT), ==, 9);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE0_PITCH_EXT), ==, 512);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE0_OFFSET_EXT), ==, 0x12340);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE1_FD_EXT), ==, -1);

    /* once is enough, and it can be taken back */
    expect_import(dmabuf);
    egl_dmabuf_release_texture(dmabuf);
    egl_dmabuf_release_texture(dmabuf);
    g_assert_cmpint(gl.textures, ==, 0);
}

static void test_modifiers(void)
{
    static const struct {
        uint64_t modifier;
        bool no_extension;
        int64_t lo, hi;
        bool refused;
    } cases[] = {
        { DRM_FORMAT_MOD_LINEAR, false, 0, 0 },
        { DRM_FORMAT_MOD_INVALID, false, -1, -1 },
        { I915_FORMAT_MOD_Y_TILED, false, 2, 0x01000000 },
        /* the driver finds out, as long as there is nothing else to say */
        { DRM_FORMAT_MOD_LINEAR, true, -1, -1 },
        { DRM_FORMAT_MOD_INVALID, true, -1, -1 },
        { I915_FORMAT_MOD_Y_TILED, true, .refused = true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(QemuDmaBuf) dmabuf =
            buffer_new(DRM_FORMAT_XRGB8888, cases[i].modifier, 9);

        reset_gl();
        gl.no_modifiers = cases[i].no_extension;
        if (cases[i].refused) {
            expect_refusal(dmabuf, "0x100000000000002");
            continue;
        }
        expect_import(dmabuf);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT), ==,
                        cases[i].lo);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT), ==,
                        cases[i].hi);
    }
}

/* Rows of 512 bytes, 61 of them; half as many are 31. */
static void test_planes(void)
{
    static const struct {
        uint32_t fourcc;
        int64_t pitch, offset1, offset2, end;
    } cases[] = {
        { DRM_FORMAT_NV12, 512, 61 * 512, -1, (61 + 31) * 512 },
        { DRM_FORMAT_NV21, 512, 61 * 512, -1, (61 + 31) * 512 },
        { DRM_FORMAT_P010, 512, 61 * 512, -1, (61 + 31) * 512 },
        { DRM_FORMAT_NV16, 512, 61 * 512, -1, (61 + 61) * 512 },
        { DRM_FORMAT_NV24, 1024, 61 * 512, -1, (61 + 122) * 512 },
        { DRM_FORMAT_YUV420, 256, 61 * 512, 61 * 512 + 31 * 256,
          61 * 512 + 62 * 256 },
        { DRM_FORMAT_YVU422, 256, 61 * 512, 61 * 512 + 61 * 256,
          61 * 512 + 122 * 256 },
        { DRM_FORMAT_YUV444, 512, 61 * 512, 122 * 512, 183 * 512 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(QemuDmaBuf) dmabuf =
            buffer_new(cases[i].fourcc, I915_FORMAT_MOD_X_TILED, 9);
        int planes = 2 + (cases[i].offset2 >= 0);

        reset_gl();
        qemu_dmabuf_set_offset(dmabuf, 4096);
        g_assert_cmpint(qemu_dmabuf_get_num_planes(dmabuf), ==, planes);
        g_assert_cmpint(qemu_dmabuf_get_plane_end(dmabuf, planes - 1), ==,
                        4096 + cases[i].end);
        expect_import(dmabuf);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE0_OFFSET_EXT), ==, 4096);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE0_PITCH_EXT), ==, 512);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE1_FD_EXT), ==, 9);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE1_OFFSET_EXT), ==,
                        4096 + cases[i].offset1);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE1_PITCH_EXT), ==,
                        cases[i].pitch);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE1_MODIFIER_LO_EXT), ==, 1);
        if (planes == 2) {
            g_assert_cmpint(attr(EGL_DMA_BUF_PLANE2_FD_EXT), ==, -1);
            continue;
        }
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE2_FD_EXT), ==, 9);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE2_OFFSET_EXT), ==,
                        4096 + cases[i].offset2);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE2_PITCH_EXT), ==,
                        cases[i].pitch);
        g_assert_cmpint(attr(EGL_DMA_BUF_PLANE2_MODIFIER_HI_EXT), ==,
                        0x01000000);
    }
}

static void test_named_planes(void)
{
    static const QemuDmaBufPlane planes[DMABUF_MAX_PLANES] = {
        { 10, 512, 0 }, { 11, 64, 1 << 20 }, { 12, 256, 4096 }, { 13, 32, 64 },
    };
    g_autoptr(QemuDmaBuf) dmabuf =
        buffer_new(DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR, 9);

    reset_gl();
    qemu_dmabuf_set_planes(dmabuf, planes, 4);
    expect_import(dmabuf);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE0_FD_EXT), ==, 10);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE1_OFFSET_EXT), ==, 1 << 20);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE2_PITCH_EXT), ==, 256);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE3_FD_EXT), ==, 13);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE3_OFFSET_EXT), ==, 64);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE3_PITCH_EXT), ==, 32);
    g_assert_cmpint(attr(EGL_DMA_BUF_PLANE3_MODIFIER_LO_EXT), ==, 0);
    egl_dmabuf_release_texture(dmabuf);
    gl.no_modifiers = true;
    expect_refusal(dmabuf, "modifiers");
}

static void test_refusals(void)
{
    g_autoptr(QemuDmaBuf) dmabuf =
        buffer_new(DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR, 9);

    reset_gl();
    gl.no_context = true;
    expect_refusal(dmabuf, "no OpenGL context");
    reset_gl();
    gl.no_import = true;
    expect_refusal(dmabuf, "imports no dma-bufs");
    reset_gl();
    gl.no_egl_image = true;
    expect_refusal(dmabuf, "imports no dma-bufs");
    reset_gl();
    gl.image_fails = true;
    expect_refusal(dmabuf, "EGL_BAD_MATCH");
    reset_gl();
    gl.texture_error = GL_INVALID_OPERATION;
    expect_refusal(dmabuf, "0x502");

    /* what somebody else did wrong before is not the buffer's fault */
    reset_gl();
    gl.early_error = GL_INVALID_ENUM;
    expect_import(dmabuf);
    egl_dmabuf_release_texture(dmabuf);

    reset_gl();
    qemu_dmabuf_set_offset(dmabuf, (uint64_t)INT32_MAX + 1);
    expect_refusal(dmabuf, "2147483648");
    qemu_dmabuf_set_offset(dmabuf, INT32_MAX);
    expect_import(dmabuf);
}

/* What a renderer that reads by CPU needs of a buffer */
static void test_software(void)
{
    int fd = qemu_memfd_create("dma-buf", 61 * 512, false, 0, 0, NULL);
    g_autoptr(QemuDmaBuf) dmabuf =
        buffer_new(DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR, fd);
    g_autoptr(QemuDmaBuf) yuv =
        buffer_new(DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR, fd);

    g_assert_cmpint(fd, >=, 0);
    reset_gl();
    gl.renderer = "llvmpipe (LLVM 15.0.6, 256 bits)";
    expect_import(dmabuf);
    egl_dmabuf_release_texture(dmabuf);

    /* the second plane counts, too */
    expect_refusal(yuv, "of 47104 bytes");
    g_assert_cmpint(ftruncate(fd, 47104), ==, 0);
    expect_import(yuv);
    egl_dmabuf_release_texture(yuv);

    qemu_dmabuf_set_offset(dmabuf, 47104 - 61 * 512 + 1);
    expect_refusal(dmabuf, "47104 of 47105 bytes");
    gl.renderer = "a GPU";
    expect_import(dmabuf);
    close(fd);
}

/* A buffer whose pixels come another way is for GPUs. */
static void test_gpu_only(void)
{
    int fd = qemu_memfd_create("dma-buf", 61 * 512, false, 0, 0, NULL);
    g_autoptr(QemuDmaBuf) dmabuf =
        buffer_new(DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR, fd);

    g_assert_cmpint(fd, >=, 0);
    reset_gl();
    qemu_dmabuf_set_gpu_only(dmabuf, true);
    gl.renderer = "llvmpipe (LLVM 15.0.6, 256 bits)";
    /* nothing is wrong with it: without an error */
    g_assert_false(egl_dmabuf_import_texture(dmabuf, &error_abort));
    g_assert_cmpint(qemu_dmabuf_get_texture(dmabuf), ==, 0);
    /* not even if it could not be imported anyway */
    gl.no_import = true;
    g_assert_false(egl_dmabuf_import_texture(dmabuf, &error_abort));
    gl.no_import = false;

    gl.renderer = "a GPU";
    expect_import(dmabuf);
    egl_dmabuf_release_texture(dmabuf);
    gl.renderer = "softpipe";
    qemu_dmabuf_set_gpu_only(dmabuf, false);
    expect_import(dmabuf);
    close(fd);
}

/* Software on a DRM node reads what that node itself can map. */
static void test_node(void)
{
    int fd = qemu_memfd_create("dma-buf", 61 * 512, false, 0, 0, NULL);
    g_autoptr(QemuDmaBuf) dmabuf =
        buffer_new(DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR, fd);
    struct stat st;

    reset_gl();
    qemu_egl_rn_fd = qemu_memfd_create("node", 1, false, 0, 0, NULL);
    g_assert_cmpint(fstat(qemu_egl_rn_fd, &st), ==, 0);
    node.inode = st.st_ino;
    qemu_egl_rn_gbm_dev = (void *)&node;
    gl.renderer = "llvmpipe (LLVM 15.0.6, 256 bits)";

    node.own = true;
    expect_import(dmabuf);
    egl_dmabuf_release_texture(dmabuf);
    g_assert_cmpint(node.maps, ==, 1);
    node.own = false;
    expect_refusal(dmabuf, "no other device's dma-bufs");
    node.no_import = true;
    expect_refusal(dmabuf, "no other device's dma-bufs");
    g_assert_cmpint(node.imports, ==, 3);
    g_assert_cmpint(node.maps, ==, 2);

    /* a GPU's node knows better */
    gl.renderer = "a GPU";
    expect_import(dmabuf);
    g_assert_cmpint(node.imports, ==, 3);
    egl_dmabuf_release_texture(dmabuf);
    qemu_egl_rn_gbm_dev = NULL;
    close(qemu_egl_rn_fd);
    close(fd);
}

/* What was said of the planes is not put aside in silence. */
static void test_planes_stay(void)
{
    static const QemuDmaBufPlane planes[2] = { { 9, 512, 0 }, { 9, 512, 7 } };
    g_autoptr(QemuDmaBuf) dmabuf =
        buffer_new(DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR, 9);

    if (g_test_subprocess()) {
        qemu_dmabuf_set_planes(dmabuf, planes, 2);
        qemu_dmabuf_set_offset(dmabuf, 4096);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
}

/* Each file once, however many planes are in it. */
static void test_close(void)
{
    QemuDmaBufPlane planes[3] = {
        { dup(STDERR_FILENO), 512, 0 },
        { dup(STDERR_FILENO), 512, 0 },
    };
    g_autoptr(QemuDmaBuf) dmabuf =
        buffer_new(DRM_FORMAT_YUV444, DRM_FORMAT_MOD_LINEAR, -1);

    planes[2] = planes[0];
    qemu_dmabuf_set_planes(dmabuf, planes, 3);
    qemu_dmabuf_close(dmabuf);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(fcntl(planes[i].fd, F_GETFD), ==, -1);
        g_assert_cmpint(qemu_dmabuf_get_plane(dmabuf, i).fd, ==, -1);
    }
    qemu_dmabuf_close(dmabuf);
}

/*
 * A texture whose one plane begins with its buffer, as an fd; else -1. After
 * 10.0 QEMU exports planes and offsets too.
 */
static int export_one(EGLint *stride, EGLint *fourcc)
{
#if QEMU_VERSION_MAJOR == 10 && QEMU_VERSION_MINOR == 0
    return egl_get_fd_for_texture(5, stride, fourcc, NULL);
#else
    int fds[DMABUF_MAX_PLANES] = { -1, -1, -1, -1 }, planes = 0;
    EGLint strides[DMABUF_MAX_PLANES], offsets[DMABUF_MAX_PLANES] = { 0 };

    if (!egl_dmabuf_export_texture(5, fds, offsets, strides, fourcc, &planes,
                                   NULL)) {
        return -1;
    }
    if (planes != 1 || offsets[0]) {
        close(fds[0]);
        return -1;
    }
    *stride = strides[0];
    return fds[0];
#endif
}

static void test_export(void)
{
    EGLint stride, fourcc;

    reset_gl();
    gl.export_planes = 1;
    gl.export_fd = 9;
    g_assert_cmpint(export_one(&stride, &fourcc), ==, 9);
    g_assert_cmpint(stride, ==, 256);
    g_assert_cmpint(gl.images, ==, 0);

    gl.export_planes = 2;
    g_assert_cmpint(export_one(&stride, &fourcc), ==, -1);
    gl.export_planes = 0;
    g_assert_cmpint(export_one(&stride, &fourcc), ==, -1);
    g_assert_cmpint(gl.images, ==, 0);

    gl.export_planes = 1;
    gl.image_fails = true;
    g_assert_cmpint(export_one(&stride, &fourcc), ==, -1);
    gl.image_fails = false;
    gl.no_export = true;
    g_assert_cmpint(export_one(&stride, &fourcc), ==, -1);
    gl.no_export = false;

    gl.export_fd = dup(STDERR_FILENO);
    gl.export_offset = 64;
    g_assert_cmpint(export_one(&stride, &fourcc), ==, -1);
    g_assert_cmpint(fcntl(gl.export_fd, F_GETFD), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    replace_gl();

    g_test_add_func("/egl-import/one-plane", test_one_plane);
    g_test_add_func("/egl-import/modifiers", test_modifiers);
    g_test_add_func("/egl-import/planes", test_planes);
    g_test_add_func("/egl-import/named-planes", test_named_planes);
    g_test_add_func("/egl-import/refusals", test_refusals);
    g_test_add_func("/egl-import/software", test_software);
    g_test_add_func("/egl-import/gpu-only", test_gpu_only);
    g_test_add_func("/egl-import/node", test_node);
    g_test_add_func("/egl-import/planes-stay", test_planes_stay);
    g_test_add_func("/egl-import/close", test_close);
    g_test_add_func("/egl-import/export", test_export);
    return g_test_run();
}
