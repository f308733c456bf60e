/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets EGL import dma-bufs on an X server without DRI3, such as Xvfb.
 *
 * Mesa offers the import on X11 only where the server has DRI3, which is how
 * a GPU's pictures reach the server. Its software renderer puts pictures with
 * XPutImage and reads imported buffers itself, so it needs none of DRI3; yet
 * Mesa asks. Preloaded, this answers in the place of a server that has none.
 * No request is ever made of it: LIBGL_ALWAYS_SOFTWARE must be set.
 *
 * scripts/vgpu/mesa.sh builds it and names it in build/mesa/env.
 */

#include <dlfcn.h>
#include <stdlib.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>
#include <xcb/dri3.h>

/* The lowest version for which Mesa offers import with modifiers. */
enum { MAJOR = 1, MINOR = 2 };

static const xcb_query_extension_reply_t there = { .present = 1 };

#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

static const xcb_query_extension_reply_t *ask(xcb_connection_t *connection,
                                              xcb_extension_t *extension)
{
    return NEXT(xcb_get_extension_data)(connection, extension);
}

static int lacks_dri3(xcb_connection_t *connection)
{
    const xcb_query_extension_reply_t *reply = ask(connection, &xcb_dri3_id);

    return !reply || !reply->present;
}

const xcb_query_extension_reply_t *
xcb_get_extension_data(xcb_connection_t *connection,
                       xcb_extension_t *extension)
{
    if (extension == &xcb_dri3_id && lacks_dri3(connection)) {
        return &there;
    }
    return ask(connection, extension);
}

xcb_dri3_query_version_cookie_t
xcb_dri3_query_version(xcb_connection_t *connection,
                       uint32_t major, uint32_t minor)
{
    if (lacks_dri3(connection)) {
        return (xcb_dri3_query_version_cookie_t) { 0 };
    }
    return NEXT(xcb_dri3_query_version)(connection, major, minor);
}

xcb_dri3_query_version_reply_t *
xcb_dri3_query_version_reply(xcb_connection_t *connection,
                             xcb_dri3_query_version_cookie_t cookie,
                             xcb_generic_error_t **error)
{
    xcb_dri3_query_version_reply_t *reply;

    if (!lacks_dri3(connection)) {
        return NEXT(xcb_dri3_query_version_reply)(connection, cookie, error);
    }
    if (error) {
        *error = NULL;
    }
    /* The caller frees it. */
    reply = calloc(1, sizeof(*reply));
    if (reply) {
        reply->major_version = MAJOR;
        reply->minor_version = MINOR;
    }
    return reply;
}
