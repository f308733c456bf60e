/*
 * A copy of what is in a scanout's texture
 *
 * For screendumps of devices that draw with OpenGL into a display that does
 * not read it back for others.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "standard-headers/drm/drm_fourcc.h"
#include "ui/egl-helpers.h"
#include "ui/pixel-format.h"
#include "ui/texture-snapshot.h"

/* The context of whoever was interrupted, if EGL knows it. */
typedef struct Current {
    EGLDisplay display;
    EGLSurface draw;
    EGLSurface read;
    EGLContext context;
} Current;

static Current current_save(void)
{
    if (!epoxy_has_egl()) {
        return (Current) { .context = EGL_NO_CONTEXT };
    }
    return (Current) {
        .display = eglGetCurrentDisplay(),
        .draw = eglGetCurrentSurface(EGL_DRAW),
        .read = eglGetCurrentSurface(EGL_READ),
        .context = eglGetCurrentContext(),
    };
}

static void current_restore(const Current *current)
{
    if (current->context != EGL_NO_CONTEXT) {
        eglMakeCurrent(current->display, current->draw, current->read,
                       current->context);
    }
}

/* The display knows which kind of OpenGL it uses, but not which version. */
static QEMUGLContext new_context(QemuConsole *con, Error **errp)
{
    static const QEMUGLParams versions[] = { { 3, 2 }, { 3, 1 }, { 3, 0 } };

    for (int i = 0; i < ARRAY_SIZE(versions); i++) {
        QEMUGLParams params = versions[i];
        QEMUGLContext context = dpy_gl_ctx_create(con, &params);

        if (context) {
            return context;
        }
    }
    error_setg(errp, "the display makes no OpenGL context");
    return NULL;
}

static bool lies_within(const ScanoutTexture *texture)
{
    return texture->width && texture->width <= INT16_MAX &&
        texture->height && texture->height <= INT16_MAX &&
        (uint64_t)texture->x + texture->width <= texture->backing_width &&
        (uint64_t)texture->y + texture->height <= texture->backing_height;
}

/* In the texture's order of rows. */
static bool read_rows(const ScanoutTexture *texture, uint8_t *rows,
                      Error **errp)
{
    uint32_t y = egl_first_row(texture->y, texture->height,
                               texture->backing_height,
                               texture->backing_y_0_top);
    GLuint framebuffer;
    GLenum error;

    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0,
                           GL_TEXTURE_2D, texture->backing_id, 0);
    if (glCheckFramebufferStatus(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE) {
        glReadPixels(texture->x, y, texture->width, texture->height, GL_RGBA,
                     GL_UNSIGNED_BYTE, rows);
        error = glGetError();
    } else {
        error = GL_INVALID_FRAMEBUFFER_OPERATION;
    }
    glDeleteFramebuffers(1, &framebuffer);
    if (error != GL_NO_ERROR) {
        error_setg(errp, "OpenGL error 0x%x reading what is on screen", error);
        return false;
    }
    return true;
}

static bool read_in_context(QemuConsole *con, const ScanoutTexture *texture,
                            uint8_t *rows, Error **errp)
{
    Current current = current_save();
    QEMUGLContext context = new_context(con, errp);
    bool done = false;

    if (context && dpy_gl_ctx_make_current(con, context) == 0) {
        done = read_rows(texture, rows, errp);
    } else if (context) {
        error_setg(errp, "the display does not take its OpenGL context");
    }
    current_restore(&current);
    if (context) {
        dpy_gl_ctx_destroy(con, context);
    }
    return done;
}

pixman_image_t *texture_snapshot(QemuConsole *con,
                                 const ScanoutTexture *texture, Error **errp)
{
    g_autofree uint8_t *rows = NULL;
    UIPixels pixels;

    if (!lies_within(texture)) {
        error_setg(errp, "the picture does not lie in its texture");
        return NULL;
    }
    rows = g_malloc0_n((size_t)texture->width * texture->height, 4);
    if (!read_in_context(con, texture, rows, errp)) {
        return NULL;
    }
    pixels = (UIPixels) {
        .data = rows,
        .stride = texture->width * 4,
        .fourcc = DRM_FORMAT_XBGR8888,
        .width = texture->width,
        .height = texture->height,
    };
    return ui_pixel_native_image(&pixels, texture->backing_y_0_top);
}

static void register_snapshot(void)
{
    texture_snapshot_register(texture_snapshot);
}

type_init(register_snapshot);
