/*
 * Where OpenGL is had from on a host without a render node
 *
 * libepoxy calls EGL through pointers, which are set here to functions that
 * play what a test wants.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/drm.h"
#include "ui/console.h"
#include "ui/egl-helpers.h"

/* What ui/egl-helpers.c expects of the emulator. */
int display_opengl;

#define SURFACELESS "EGL_MESA_platform_surfaceless"
#define DEVICES "EGL_EXT_platform_device"

/* The displays' addresses say which one it is. */
static char surfaceless, devices[3];

/* The EGL of a test, and what became of it. */
static struct {
    bool has_surfaceless, has_devices;
    bool surfaceless_fails;
    bool no_displays;   /* of devices */
    int n_devices;
    int good_device;    /* the others do not start; -1: none does */

    const char *renderer;

    EGLDisplay current;
    EGLint surface_type;
} egl;

int qemu_drm_rendernode_open(const char *rendernode)
{
    return -1;
}

bool epoxy_has_egl_extension(EGLDisplay display, const char *name)
{
    if (g_str_equal(name, SURFACELESS)) {
        return egl.has_surfaceless;
    }
    if (g_str_equal(name, DEVICES) ||
        g_str_equal(name, "EGL_EXT_device_enumeration")) {
        return egl.has_devices;
    }
    return g_str_equal(name, "EGL_EXT_platform_base") ||
        g_str_equal(name, "EGL_KHR_surfaceless_context");
}

static EGLBoolean EPOXY_CALLSPEC fake_query_devices(EGLint max,
                                                    EGLDeviceEXT *list,
                                                    EGLint *n)
{
    g_assert_true(egl.has_devices);
    g_assert_cmpint(max, >=, egl.n_devices);
    for (int i = 0; i < egl.n_devices; i++) {
        list[i] = &devices[i];
    }
    *n = egl.n_devices;
    return EGL_TRUE;
}

static EGLDisplay EPOXY_CALLSPEC fake_platform_display(EGLenum platform,
                                                       void *native,
                                                       const EGLint *attrs)
{
    if (platform == EGL_PLATFORM_SURFACELESS_MESA) {
        return &surfaceless;
    }
    g_assert_cmpint(platform, ==, EGL_PLATFORM_DEVICE_EXT);
    return egl.no_displays ? EGL_NO_DISPLAY : native;
}

static EGLDisplay EPOXY_CALLSPEC fake_display(EGLNativeDisplayType native)
{
    /* which would look at what the pointer points to */
    g_assert_not_reached();
}

static EGLBoolean EPOXY_CALLSPEC fake_initialize(EGLDisplay display,
                                                 EGLint *major, EGLint *minor)
{
    if (display == &surfaceless) {
        return !egl.surfaceless_fails;
    }
    return egl.good_device >= 0 && display == &devices[egl.good_device];
}

static EGLBoolean EPOXY_CALLSPEC fake_bind_api(EGLenum api)
{
    return EGL_TRUE;
}

static EGLBoolean EPOXY_CALLSPEC fake_choose_config(EGLDisplay display,
                                                    const EGLint *attrs,
                                                    EGLConfig *configs,
                                                    EGLint size, EGLint *n)
{
    g_assert_cmpint(attrs[0], ==, EGL_SURFACE_TYPE);
    egl.surface_type = attrs[1];
    *n = 1;
    return EGL_TRUE;
}

static EGLContext EPOXY_CALLSPEC fake_create_context(EGLDisplay display,
                                                     EGLConfig config,
                                                     EGLContext share,
                                                     const EGLint *attrs)
{
    return &egl;
}

static EGLBoolean EPOXY_CALLSPEC fake_make_current(EGLDisplay display,
                                                   EGLSurface draw,
                                                   EGLSurface read,
                                                   EGLContext context)
{
    g_assert_true(draw == EGL_NO_SURFACE && read == EGL_NO_SURFACE);
    egl.current = display;
    return EGL_TRUE;
}

static const GLubyte *EPOXY_CALLSPEC fake_gl_string(GLenum name)
{
    g_assert_nonnull(egl.current);
    return (const GLubyte *)egl.renderer;
}

static EGLint EPOXY_CALLSPEC fake_error(void)
{
    return EGL_NOT_INITIALIZED;
}

static void replace_egl(void)
{
    epoxy_eglQueryDevicesEXT = fake_query_devices;
    epoxy_eglGetPlatformDisplayEXT = fake_platform_display;
    epoxy_eglGetDisplay = fake_display;
    epoxy_eglInitialize = fake_initialize;
    epoxy_eglBindAPI = fake_bind_api;
    epoxy_eglChooseConfig = fake_choose_config;
    epoxy_eglCreateContext = fake_create_context;
    epoxy_eglMakeCurrent = fake_make_current;
    epoxy_eglGetError = fake_error;
    epoxy_glGetString = fake_gl_string;
}

static void reset_egl(void)
{
    memset(&egl, 0, sizeof(egl));
    egl.n_devices = G_N_ELEMENTS(devices);
    egl.renderer = "a GPU";
    qemu_egl_display = EGL_NO_DISPLAY;
}

static void expect_display(EGLDisplay display)
{
    g_assert_cmpint(egl_rendernode_init(NULL, DISPLAY_GL_MODE_ON), ==, 0);
    g_assert_true(qemu_egl_display == display);
    g_assert_true(egl.current == display);
    /* there are no windows to draw into */
    g_assert_cmpint(egl.surface_type, ==, 0);
}

static void test_surfaceless(void)
{
    reset_egl();
    egl.has_surfaceless = egl.has_devices = true;
    expect_display(&surfaceless);
}

static void test_device(void)
{
    /* the first that starts, wherever it is in the list */
    for (int good = 0; good < G_N_ELEMENTS(devices); good++) {
        reset_egl();
        egl.has_devices = true;
        egl.good_device = good;
        expect_display(&devices[good]);
    }

    /* a platform that is there and does not start is no better than none */
    reset_egl();
    egl.has_surfaceless = egl.surfaceless_fails = true;
    egl.has_devices = true;
    expect_display(&devices[0]);
}

static void test_neither(void)
{
    reset_egl();
    g_assert_cmpint(egl_rendernode_init(NULL, DISPLAY_GL_MODE_ON), ==, -1);

    reset_egl();
    egl.has_devices = true;
    egl.n_devices = 0;
    g_assert_cmpint(egl_rendernode_init(NULL, DISPLAY_GL_MODE_ON), ==, -1);

    reset_egl();
    egl.has_devices = true;
    egl.good_device = -1;
    g_assert_cmpint(egl_rendernode_init(NULL, DISPLAY_GL_MODE_ON), ==, -1);

    reset_egl();
    egl.has_devices = egl.no_displays = true;
    g_assert_cmpint(egl_rendernode_init(NULL, DISPLAY_GL_MODE_ON), ==, -1);
}

static void test_named(void)
{
    /* another one than the user names is not taken */
    reset_egl();
    egl.has_surfaceless = egl.has_devices = true;
    g_assert_cmpint(egl_rendernode_init("/none", DISPLAY_GL_MODE_ON), ==, -1);
    g_assert_true(qemu_egl_display == EGL_NO_DISPLAY);
}

/* Software is said, unless that is what was asked for. */
static void test_software(void)
{
    static const struct {
        const char *renderer, *asked;
        bool said;
    } cases[] = {
        { "a GPU", NULL, false },
        { "llvmpipe (LLVM 19.1.7, 256 bits)", NULL, true },
        { "llvmpipe (LLVM 19.1.7, 256 bits)", "1", false },
    };

    if (g_test_subprocess()) {
        int i = atoi(g_getenv("TEST_EGL_INIT_CASE"));

        reset_egl();
        egl.has_surfaceless = true;
        egl.renderer = cases[i].renderer;
        g_unsetenv("LIBGL_ALWAYS_SOFTWARE");
        if (cases[i].asked) {
            g_setenv("LIBGL_ALWAYS_SOFTWARE", cases[i].asked, true);
        }
        expect_display(&surfaceless);
        return;
    }
    for (int i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *number = g_strdup_printf("%d", i);

        g_setenv("TEST_EGL_INIT_CASE", number, true);
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        if (cases[i].said) {
            g_test_trap_assert_stderr("*software (llvmpipe*no GPU*");
        } else {
            g_test_trap_assert_stderr_unmatched("*software*");
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    replace_egl();

    g_test_add_func("/egl-init/surfaceless", test_surfaceless);
    g_test_add_func("/egl-init/device", test_device);
    g_test_add_func("/egl-init/neither", test_neither);
    g_test_add_func("/egl-init/named", test_named);
    g_test_add_func("/egl-init/software", test_software);
    return g_test_run();
}
