/*
 * How long glReadPixels() takes for a frame, and the program waits for it
 *
 * What reading back in the background is compared with. Prints a line of
 * JSON: milliseconds, the median.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <epoxy/egl.h>
#include <epoxy/gl.h>

#define ROUNDS 41

static bool make_current(void)
{
    EGLDisplay display = eglGetPlatformDisplayEXT(
        EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
    EGLContext context;

    if (!display || !eglInitialize(display, NULL, NULL) ||
        !eglBindAPI(EGL_OPENGL_API)) {
        return false;
    }
    context = eglCreateContext(display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT,
                               NULL);
    return context && eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE,
                                     context);
}

static bool make_frame(int width, int height)
{
    GLuint texture, fb;

    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, width, height, 0, GL_BGRA,
                 GL_UNSIGNED_BYTE, NULL);
    glGenFramebuffers(1, &fb);
    glBindFramebuffer(GL_FRAMEBUFFER, fb);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0,
                           GL_TEXTURE_2D, texture, 0);
    return glCheckFramebufferStatus(GL_FRAMEBUFFER) ==
        GL_FRAMEBUFFER_COMPLETE;
}

static double read_ms(int width, int height, void *pixels)
{
    int64_t start;

    glClearColor(g_random_double(), 0.5, 0.5, 1);
    glClear(GL_COLOR_BUFFER_BIT);
    glFinish();
    start = g_get_monotonic_time();
    glReadPixels(0, 0, width, height, GL_BGRA, GL_UNSIGNED_BYTE, pixels);
    return (g_get_monotonic_time() - start) / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    const int width = 1920, height = 1080;
    g_autofree void *pixels = g_malloc(width * height * 4);
    double times[ROUNDS];

    if (!make_current() || !make_frame(width, height)) {
        fprintf(stderr, "%s: no OpenGL without a window system\n", argv[0]);
        return 1;
    }
    for (int i = 0; i < ROUNDS; i++) {
        times[i] = read_ms(width, height, pixels);
    }
    qsort(times, ROUNDS, sizeof(double), compare);
    printf("{\"width\": %d, \"height\": %d, \"ms\": %.3f}\n", width, height,
           times[ROUNDS / 2]);
    return 0;
}
