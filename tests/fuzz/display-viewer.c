/*
 * Viewers that hold what they are given to its word, for the fuzzer
 *
 * One of each kind: of pixels, of dma-bufs, and one that reads dma-bufs back
 * as egl-headless does. Each touches what it was given whenever it is told of
 * it, so that AddressSanitizer sees whether it is still there.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/console-priv.h"
#include "display-viewer.h"

typedef enum ViewerKind {
    VIEWER_PIXELS,
    VIEWER_DMABUF,
    VIEWER_READBACK,
    VIEWER__MAX
} ViewerKind;

typedef struct Viewer {
    DisplayChangeListener dcl;
    bool asleep;
    bool refuses;
    bool keeps;     /* it has not done with a frame when it returns */
    uint64_t frame; /* the newest that it kept */
    DisplaySurface *surface;
    QemuDmaBuf *dmabuf;
    QemuDmaBuf *cursor;
    bool left;     /* with nothing to show: its buffer was released */
    uint32_t seen; /* so that what is read is not optimized away */
} Viewer;

static Viewer *viewer_of(DisplayChangeListener *dcl)
{
    return container_of(dcl, Viewer, dcl);
}

static void viewer_refresh(DisplayChangeListener *dcl)
{
    FUZZ_CHECK(!viewer_of(dcl)->left);
    graphic_hw_update(dcl->con);
}

static bool viewer_watched(DisplayChangeListener *dcl)
{
    return !viewer_of(dcl)->asleep;
}

static void viewer_look_at_row(Viewer *viewer, int x, int y, int w)
{
    const uint8_t *row = (uint8_t *)surface_data(viewer->surface) +
        (size_t)y * surface_stride(viewer->surface);
    int bytes = surface_bytes_per_pixel(viewer->surface);

    viewer->seen += row[x * bytes] + row[(x + w) * bytes - 1];
}

static void viewer_gfx_update(DisplayChangeListener *dcl, int x, int y,
                              int w, int h)
{
    Viewer *viewer = viewer_of(dcl);

    FUZZ_CHECK(viewer->surface);
    FUZZ_CHECK(x >= 0 && w >= 0 && x <= surface_width(viewer->surface) - w);
    FUZZ_CHECK(y >= 0 && h >= 0 && y <= surface_height(viewer->surface) - h);
    if (w && h) {
        viewer_look_at_row(viewer, x, y, w);
        viewer_look_at_row(viewer, x, y + h - 1, w);
    }
}

static void viewer_gfx_switch(DisplayChangeListener *dcl,
                              DisplaySurface *surface)
{
    FUZZ_CHECK(surface);
    FUZZ_CHECK(surface_width(surface) >= 1 &&
               surface_width(surface) <= VIEWER_MAX_EXTENT);
    FUZZ_CHECK(surface_height(surface) >= 1 &&
               surface_height(surface) <= VIEWER_MAX_EXTENT);
    viewer_of(dcl)->surface = surface;
    viewer_of(dcl)->left = false;
}

static void viewer_mouse_set(DisplayChangeListener *dcl, int x, int y, bool on)
{
    viewer_of(dcl)->seen += x + y;
}

static void viewer_cursor_define(DisplayChangeListener *dcl, QEMUCursor *c)
{
    FUZZ_CHECK(c->width >= 1 && c->width <= VIEWER_MAX_CURSOR);
    FUZZ_CHECK(c->height >= 1 && c->height <= VIEWER_MAX_CURSOR);
    FUZZ_CHECK(c->hot_x >= 0 && c->hot_x < c->width);
    FUZZ_CHECK(c->hot_y >= 0 && c->hot_y < c->height);
    viewer_of(dcl)->seen += c->data[0] + c->data[c->width * c->height - 1];
}

static void viewer_look_at_dmabuf(Viewer *viewer, QemuDmaBuf *dmabuf,
                                  uint32_t limit)
{
    FUZZ_CHECK(qemu_dmabuf_get_width(dmabuf) >= 1 &&
               qemu_dmabuf_get_width(dmabuf) <= limit);
    FUZZ_CHECK(qemu_dmabuf_get_height(dmabuf) >= 1 &&
               qemu_dmabuf_get_height(dmabuf) <= limit);
    FUZZ_CHECK(fcntl(qemu_dmabuf_get_fd(dmabuf), F_GETFD) >= 0);
    viewer->seen += qemu_dmabuf_get_stride(dmabuf);
}

static void viewer_scanout_disable(DisplayChangeListener *dcl)
{
    viewer_of(dcl)->dmabuf = NULL;
    viewer_of(dcl)->left = false;
}

static void viewer_scanout_texture(DisplayChangeListener *dcl,
                                   uint32_t backing_id, bool backing_y_0_top,
                                   uint32_t backing_width,
                                   uint32_t backing_height,
                                   uint32_t x, uint32_t y,
                                   uint32_t w, uint32_t h, void *d3d_tex2d)
{
    FUZZ_CHECK(false);
}

static bool viewer_scanout_dmabuf(DisplayChangeListener *dcl,
                                  QemuDmaBuf *dmabuf, Error **errp)
{
    Viewer *viewer = viewer_of(dcl);

    if (viewer->refuses) {
        error_setg(errp, "refused");
        return false;
    }
    viewer_look_at_dmabuf(viewer, dmabuf, VIEWER_MAX_EXTENT);
    viewer->dmabuf = dmabuf;
    viewer->left = false;
    return true;
}

static void viewer_cursor_dmabuf(DisplayChangeListener *dcl,
                                 QemuDmaBuf *dmabuf, bool have_hot,
                                 uint32_t hot_x, uint32_t hot_y)
{
    Viewer *viewer = viewer_of(dcl);

    if (dmabuf) {
        viewer_look_at_dmabuf(viewer, dmabuf, VIEWER_MAX_CURSOR);
    }
    viewer->cursor = dmabuf;
}

static void viewer_cursor_position(DisplayChangeListener *dcl, uint32_t x,
                                   uint32_t y)
{
    Viewer *viewer = viewer_of(dcl);

    if (viewer->cursor) {
        viewer_look_at_dmabuf(viewer, viewer->cursor, VIEWER_MAX_CURSOR);
    }
}

static void viewer_release_dmabuf(DisplayChangeListener *dcl,
                                  QemuDmaBuf *dmabuf)
{
    const DisplayScanout *scanout = &dcl->con->scanout;
    Viewer *viewer = viewer_of(dcl);

    FUZZ_CHECK(viewer->cursor != dmabuf);
    FUZZ_CHECK(scanout->kind != SCANOUT_DMABUF || scanout->dmabuf != dmabuf);
    if (viewer->dmabuf == dmabuf) {
        viewer->dmabuf = NULL;
        viewer->left = true;
    }
}

static void viewer_gl_update(DisplayChangeListener *dcl, uint32_t x,
                             uint32_t y, uint32_t w, uint32_t h)
{
    Viewer *viewer = viewer_of(dcl);

    FUZZ_CHECK(!viewer->left);
    if (viewer->keeps) {
        viewer->frame = dpy_frame_keep(dcl);
    }
    if (viewer->dmabuf) {
        viewer_look_at_dmabuf(viewer, viewer->dmabuf, VIEWER_MAX_EXTENT);
    }
}

#define VIEWER_OF_PIXELS \
    .dpy_refresh = viewer_refresh, \
    .dpy_watched = viewer_watched, \
    .dpy_gfx_update = viewer_gfx_update, \
    .dpy_gfx_switch = viewer_gfx_switch, \
    .dpy_mouse_set = viewer_mouse_set, \
    .dpy_cursor_define = viewer_cursor_define

#define VIEWER_OF_DMABUFS \
    .dpy_gl_scanout_disable = viewer_scanout_disable, \
    .dpy_gl_scanout_texture = viewer_scanout_texture, \
    .dpy_gl_scanout_dmabuf = viewer_scanout_dmabuf, \
    .dpy_gl_cursor_dmabuf = viewer_cursor_dmabuf, \
    .dpy_gl_cursor_position = viewer_cursor_position, \
    .dpy_gl_release_dmabuf = viewer_release_dmabuf, \
    .dpy_gl_update = viewer_gl_update

static const DisplayChangeListenerOps viewer_ops[VIEWER__MAX] = {
    [VIEWER_PIXELS] = {
        .dpy_name = "pixels",
        VIEWER_OF_PIXELS,
    },
    [VIEWER_DMABUF] = {
        .dpy_name = "dmabuf",
        VIEWER_OF_PIXELS,
        VIEWER_OF_DMABUFS,
    },
    [VIEWER_READBACK] = {
        .dpy_name = "readback",
        VIEWER_OF_PIXELS,
        VIEWER_OF_DMABUFS,
        .dpy_gl_readback = true,
    },
};

static bool viewer_is_compatible(DisplayGLCtx *ctx,
                                 DisplayChangeListener *dcl)
{
    return dcl->ops->dpy_gl_update != NULL;
}

static const DisplayGLCtxOps viewer_gl_ops = {
    .dpy_gl_ctx_is_compatible_dcl = viewer_is_compatible,
};

static DisplayGLCtx viewer_gl = { .ops = &viewer_gl_ops };
static Viewer viewers[VIEWER__MAX];

static bool has_gl_viewer(void)
{
    return viewers[VIEWER_DMABUF].dcl.ds || viewers[VIEWER_READBACK].dcl.ds;
}

static void viewer_come(Viewer *viewer, QemuConsole *con)
{
    *viewer = (Viewer) {
        .dcl.ops = &viewer_ops[viewer - viewers],
        .dcl.con = con,
    };
    if (viewer->dcl.ops->dpy_gl_update) {
        con->gl = &viewer_gl;
    }
    register_displaychangelistener(&viewer->dcl);
}

static void viewer_leave(Viewer *viewer)
{
    unregister_displaychangelistener(&viewer->dcl);
    if (!has_gl_viewer()) {
        viewer->dcl.con->gl = NULL;
    }
}

static void viewer_resize(QemuConsole *con, FuzzInput *in)
{
    QemuUIInfo info = {
        .width = fuzz_u8(in) * 16, .height = fuzz_u8(in) * 16,
    };

    if (dpy_ui_info_supported(con)) {
        dpy_set_ui_info(con, &info, fuzz_below(in, 2));
    }
}

void viewers_change(QemuConsole *con, FuzzInput *in)
{
    Viewer *viewer = &viewers[fuzz_below(in, VIEWER__MAX)];

    if (!viewer->dcl.ds) {
        viewer_come(viewer, con);
        return;
    }
    switch (fuzz_below(in, 7)) {
    case 0:
        viewer_leave(viewer);
        break;
    case 1:
        update_displaychangelistener(&viewer->dcl, fuzz_u8(in) * 10);
        break;
    case 2:
        viewer->asleep = !viewer->asleep;
        break;
    case 3:
        viewer->refuses = !viewer->refuses;
        break;
    case 4:
        viewer->dcl.behind = !viewer->dcl.behind;
        break;
    case 5:
        viewer_resize(con, in);
        break;
    case 6:
        viewer->keeps = !viewer->keeps;
        dpy_frame_done(&viewer->dcl, viewer->frame);
        break;
    }
}

void viewers_check(void)
{
    for (int i = 0; i < VIEWER__MAX; i++) {
        FUZZ_CHECK(!viewers[i].dcl.ds || !viewers[i].left);
    }
}

void viewers_leave(void)
{
    for (int i = 0; i < VIEWER__MAX; i++) {
        Viewer *viewer = &viewers[i];

        if (viewer->dcl.ds) {
            viewer_leave(viewer);
        }
    }
}
