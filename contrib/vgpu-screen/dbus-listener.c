/*
 * The listener of QEMU's D-Bus display: what a console shows
 *
 * What comes is checked before it is believed: a picture that cannot be is
 * refused with a warning, and the last good one stays.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "standard-headers/drm/drm_fourcc.h"
#include <gio/gunixfdlist.h>
#include <sys/mman.h>

#include "qemu/error-report.h"
#include "ui/dbus-display1.h"

#include "dbus-listener.h"

#define PATH "/org/qemu/Display1/Listener"

struct DBusListener {
    GDBusConnection *connection;
    QemuDBusDisplay1Listener *skeleton;
    QemuDBusDisplay1ListenerUnixMap *map;
    QemuDBusDisplay1ListenerUnixScanoutDMABUF2 *dmabuf2;
    QemuDBusDisplay1ListenerUnixPlanes *planes;
    Screen *screen;
    void (*closed)(void *opaque);
    void *opaque;
};

/* Rows of pixels as a message has them. */
typedef struct Pixels {
    unsigned width;
    unsigned height;
    unsigned stride;
    unsigned format;
} Pixels;

static gboolean done(GDBusMethodInvocation *invocation)
{
    g_dbus_method_invocation_return_value(invocation, NULL);
    return TRUE;
}

static gboolean refuse(GDBusMethodInvocation *invocation, const char *why)
{
    warn_report_once("QEMU sent a picture that cannot be: %s", why);
    g_dbus_method_invocation_return_error_literal(
        invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS, why);
    return TRUE;
}

/* How many bytes the pixels take; 0: they cannot be */
static uint64_t pixels_size(const Pixels *pixels)
{
    uint64_t row;

    if (!pixels->width || pixels->width > SCREEN_MAX_SIZE ||
        !pixels->height || pixels->height > SCREEN_MAX_SIZE ||
        !pixman_format_supported_source(pixels->format) ||
        /* Others, as those of palettes, need more than the pixels. */
        !PIXMAN_FORMAT_COLOR(pixels->format) ||
        PIXMAN_FORMAT_BPP(pixels->format) % 8) {
        return 0;
    }
    row = (uint64_t)pixels->width * PIXMAN_FORMAT_BPP(pixels->format) / 8;
    /* Pixman reckons in int. */
    if (pixels->stride < row ||
        (uint64_t)pixels->stride * pixels->height > INT32_MAX) {
        return 0;
    }
    return (uint64_t)pixels->stride * (pixels->height - 1) + row;
}

/* data: as large as pixels_size() says; the image has the format */
static void store_pixels(DBusListener *listener, pixman_image_t *image,
                         int x, int y, const Pixels *pixels,
                         const uint8_t *data)
{
    size_t bytes = PIXMAN_FORMAT_BPP(pixels->format) / 8;
    size_t stride = pixman_image_get_stride(image);
    uint8_t *to = (uint8_t *)pixman_image_get_data(image) +
                  y * stride + x * bytes;

    for (unsigned row = 0; row < pixels->height; row++) {
        memcpy(to + row * stride, data + (size_t)row * pixels->stride,
               pixels->width * bytes);
    }
    listener->screen->stats.copied +=
        (uint64_t)pixels->width * pixels->height * bytes;
}

static ScreenRect whole(const ScreenBuffer *buffer)
{
    return (ScreenRect) { 0, 0, buffer->width, buffer->height };
}

static gboolean handle_scanout(DBusListener *listener,
                               GDBusMethodInvocation *invocation,
                               guint width, guint height, guint stride,
                               guint format, GVariant *data)
{
    Pixels pixels = { width, height, stride, format };
    uint64_t size = pixels_size(&pixels);
    ScreenBuffer *buffer;

    if (!size || g_variant_get_size(data) < size) {
        return refuse(invocation, "Scanout");
    }
    buffer = screen_buffer_new();
    buffer->width = width;
    buffer->height = height;
    buffer->image = pixman_image_create_bits(format, width, height, NULL, 0);
    if (!buffer->image) {
        screen_buffer_unref(buffer);
        return refuse(invocation, "Scanout: too large");
    }
    store_pixels(listener, buffer->image, 0, 0, &pixels,
                 g_variant_get_data(data));
    screen_show(listener->screen, buffer, whole(buffer), false);
    return done(invocation);
}

static gboolean handle_update(DBusListener *listener,
                              GDBusMethodInvocation *invocation,
                              gint x, gint y, gint width, gint height,
                              guint stride, guint format, GVariant *data)
{
    Pixels pixels = { width, height, stride, format };
    uint64_t size = width > 0 && height > 0 ? pixels_size(&pixels) : 0;
    ScreenBuffer *buffer = listener->screen->planes[SCREEN_PICTURE].buffer;

    if (!buffer || buffer->num_planes || buffer->map ||
        x < 0 || y < 0 || !size || g_variant_get_size(data) < size ||
        width > buffer->width - x || height > buffer->height - y ||
        format != pixman_image_get_format(buffer->image)) {
        return refuse(invocation, "Update");
    }
    store_pixels(listener, buffer->image, x, y, &pixels,
                 g_variant_get_data(data));
    screen_damage(listener->screen, (ScreenRect) { x, y, width, height });
    return done(invocation);
}

/* The descriptor that a handle of the message stands for; -1: none */
static int take_fd(GUnixFDList *fds, int handle)
{
    if (!fds || handle < 0 || handle >= g_unix_fd_list_get_length(fds)) {
        return -1;
    }
    return g_unix_fd_list_get(fds, handle, NULL);
}

static ScreenBuffer *map_pixels(int fd, uint64_t offset, const Pixels *pixels)
{
    uint64_t size = pixels_size(pixels);
    struct stat info;
    ScreenBuffer *buffer;
    void *map;

    /* It may shrink later, and is guarded. */
    if (!size || pixels->stride % 4 || offset % 4 || fstat(fd, &info) < 0 ||
        offset + size > info.st_size) {
        return NULL;
    }
    map = mmap(NULL, offset + size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    buffer = screen_buffer_new();
    buffer->width = pixels->width;
    buffer->height = pixels->height;
    if (!screen_buffer_set_map(buffer, map, offset + size)) {
        screen_buffer_unref(buffer);
        return NULL;
    }
    buffer->image = pixman_image_create_bits(pixels->format, pixels->width,
                                             pixels->height, map + offset,
                                             pixels->stride);
    return buffer;
}

static gboolean handle_scanout_map(DBusListener *listener,
                                   GDBusMethodInvocation *invocation,
                                   GUnixFDList *fds, GVariant *handle,
                                   guint offset, guint width, guint height,
                                   guint stride, guint format)
{
    Pixels pixels = { width, height, stride, format };
    int fd = take_fd(fds, g_variant_get_handle(handle));
    ScreenBuffer *buffer = NULL;

    if (fd >= 0) {
        buffer = map_pixels(fd, offset, &pixels);
        close(fd);
    }
    if (!buffer) {
        /* No warning: QEMU then sends pixels. */
        g_dbus_method_invocation_return_error_literal(
            invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
            "ScanoutMap: cannot be mapped");
        return TRUE;
    }
    screen_show(listener->screen, buffer, whole(buffer), false);
    return done(invocation);
}

static gboolean handle_update_map(DBusListener *listener,
                                  GDBusMethodInvocation *invocation,
                                  gint x, gint y, gint width, gint height)
{
    if (width > 0 && height > 0) {
        screen_damage(listener->screen, (ScreenRect) { x, y, width, height });
    }
    return done(invocation);
}

/* Whether memory and picture have sizes that can be. */
static bool dmabuf_is_sane(const ScreenBuffer *buffer, ScreenRect view)
{
    if (buffer->width <= 0 || buffer->width > SCREEN_MAX_SIZE ||
        buffer->height <= 0 || buffer->height > SCREEN_MAX_SIZE ||
        view.x < 0 || view.y < 0 || view.width <= 0 || view.height <= 0 ||
        view.width > buffer->width - view.x ||
        view.height > buffer->height - view.y) {
        return false;
    }
    for (unsigned i = 0; i < buffer->num_planes; i++) {
        if (buffer->fds[i] < 0 || !buffer->strides[i]) {
            return false;
        }
    }
    return true;
}

/* Which dma-buf it is; false: it cannot be. */
static bool identify(ScreenBuffer *buffer, ScreenRect view)
{
    struct stat info;

    if (!dmabuf_is_sane(buffer, view) || fstat(buffer->fds[0], &info) < 0) {
        return false;
    }
    buffer->device = info.st_dev;
    buffer->inode = info.st_ino;
    return true;
}

/* Consumes the buffer. */
static gboolean show_dmabuf(DBusListener *listener,
                            GDBusMethodInvocation *invocation,
                            ScreenBuffer *buffer, ScreenRect view)
{
    if (!identify(buffer, view)) {
        screen_buffer_unref(buffer);
        return refuse(invocation, "ScanoutDMABUF");
    }
    screen_show(listener->screen, screen_recent(listener->screen, buffer),
                view, true);
    return done(invocation);
}

static gboolean handle_scanout_dmabuf(DBusListener *listener,
                                      GDBusMethodInvocation *invocation,
                                      GUnixFDList *fds, GVariant *handle,
                                      guint width, guint height, guint stride,
                                      guint fourcc, guint64 modifier,
                                      gboolean y0_top)
{
    ScreenBuffer *buffer = screen_buffer_new();

    buffer->width = width;
    buffer->height = height;
    buffer->bottom_up = y0_top;
    buffer->num_planes = 1;
    buffer->fds[0] = take_fd(fds, g_variant_get_handle(handle));
    buffer->strides[0] = stride;
    buffer->fourcc = screen_opaque_format(fourcc);
    buffer->modifier = modifier;
    return show_dmabuf(listener, invocation, buffer, whole(buffer));
}

static bool take_planes(ScreenBuffer *buffer, GUnixFDList *fds,
                        GVariant *handles, GVariant *offsets,
                        GVariant *strides)
{
    unsigned n = buffer->num_planes;

    if (n < 1 || n > BUFFER_MAX_PLANES || g_variant_n_children(handles) != n ||
        g_variant_n_children(offsets) != n ||
        g_variant_n_children(strides) != n) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        int handle;

        g_variant_get_child(handles, i, "h", &handle);
        g_variant_get_child(offsets, i, "u", &buffer->offsets[i]);
        g_variant_get_child(strides, i, "u", &buffer->strides[i]);
        buffer->fds[i] = take_fd(fds, handle);
    }
    return true;
}

static gboolean handle_scanout_dmabuf2(DBusListener *listener,
                                       GDBusMethodInvocation *invocation,
                                       GUnixFDList *fds, GVariant *handles,
                                       guint x, guint y, guint width,
                                       guint height, GVariant *offsets,
                                       GVariant *strides, guint num_planes,
                                       guint fourcc, guint backing_width,
                                       guint backing_height, guint64 modifier,
                                       gboolean y0_top)
{
    ScreenBuffer *buffer = screen_buffer_new();
    ScreenRect view = { x, y, width, height };

    buffer->width = backing_width;
    buffer->height = backing_height;
    buffer->bottom_up = y0_top;
    buffer->num_planes = num_planes;
    buffer->fourcc = screen_opaque_format(fourcc);
    buffer->modifier = modifier;
    if (!take_planes(buffer, fds, handles, offsets, strides)) {
        screen_buffer_unref(buffer);
        return refuse(invocation, "ScanoutDMABUF2");
    }
    return show_dmabuf(listener, invocation, buffer, view);
}

/* A plane as SetPlanes has it */
#define PLANE "(u@ah@au@auutuuiiuuuii)"

static bool take_plane(GVariant *from, GUnixFDList *fds, ScreenPlane *plane,
                       unsigned *kind, int *hot_x, int *hot_y)
{
    ScreenBuffer *buffer = screen_buffer_new();
    g_autoptr(GVariant) handles = NULL;
    g_autoptr(GVariant) offsets = NULL;
    g_autoptr(GVariant) strides = NULL;
    ScreenRect place;
    unsigned blend;

    g_variant_get(from, PLANE, kind, &handles, &offsets, &strides,
                  &buffer->fourcc, &buffer->modifier, &buffer->width,
                  &buffer->height, &place.x, &place.y, &place.width,
                  &place.height, &blend, hot_x, hot_y);
    buffer->num_planes = g_variant_n_children(handles);
    buffer->straight_alpha = blend == 1;
    plane->buffer = buffer;
    plane->view = whole(buffer);
    plane->place = place;
    return *kind <= 1 && blend <= 1 &&
           take_planes(buffer, fds, handles, offsets, strides) &&
           identify(buffer, plane->view) &&
           place.width > 0 && place.width <= SCREEN_MAX_SIZE &&
           place.height > 0 && place.height <= SCREEN_MAX_SIZE &&
           place.x >= -SCREEN_MAX_SIZE && place.x <= SCREEN_MAX_SIZE &&
           place.y >= -SCREEN_MAX_SIZE && place.y <= SCREEN_MAX_SIZE;
}

static const char *take_stack(DBusListener *listener, GUnixFDList *fds,
                              GVariant *from, ScreenPlane *planes,
                              int *hot_x, int *hot_y)
{
    int overlay = SCREEN_OVERLAY;

    for (gsize i = 0; i < g_variant_n_children(from); i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(from, i);
        ScreenPlane plane;
        unsigned kind;
        bool sane = take_plane(child, fds, &plane, &kind, hot_x, hot_y);
        ScreenPlane *to = kind == 1 ? &planes[SCREEN_CURSOR]
                                    : &planes[overlay++];

        if (!sane || to->buffer || overlay > SCREEN_CURSOR) {
            screen_buffer_unref(plane.buffer);
            return "SetPlanes";
        }
        plane.buffer = screen_recent(listener->screen, plane.buffer);
        *to = plane;
        if (!screen_can_show(listener->screen, plane.buffer)) {
            return "SetPlanes: no such buffer can be shown";
        }
    }
    return NULL;
}

static gboolean handle_set_planes(DBusListener *listener,
                                  GDBusMethodInvocation *invocation,
                                  GUnixFDList *fds, GVariant *from)
{
    ScreenPlane planes[SCREEN_PLANES] = { };
    int hot_x = 0, hot_y = 0;
    const char *why = take_stack(listener, fds, from, planes, &hot_x, &hot_y);

    if (!why) {
        screen_set_planes(listener->screen, planes, hot_x, hot_y);
        return done(invocation);
    }
    for (int i = 0; i < SCREEN_PLANES; i++) {
        screen_buffer_unref(planes[i].buffer);
    }
    /* No warning: QEMU then composes. */
    g_dbus_method_invocation_return_error_literal(
        invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS, why);
    return TRUE;
}

/* An empty rectangle: the planes over the picture have changed. */
static gboolean handle_update_dmabuf(DBusListener *listener,
                                     GDBusMethodInvocation *invocation,
                                     gint x, gint y, gint width, gint height)
{
    ScreenRect rect = { x, y, width, height };

    if (!screen_has(listener->screen, rect)) {
        return done(invocation);
    }
    screen_hold(listener->screen, invocation);
    screen_damage(listener->screen, rect);
    return TRUE;
}

static gboolean handle_disable(DBusListener *listener,
                               GDBusMethodInvocation *invocation)
{
    screen_show(listener->screen, NULL, (ScreenRect) { }, false);
    return done(invocation);
}

static gboolean handle_mouse_set(DBusListener *listener,
                                 GDBusMethodInvocation *invocation,
                                 gint x, gint y, gint on)
{
    screen_move_cursor(listener->screen,
                       CLAMP(x, -SCREEN_MAX_SIZE, SCREEN_MAX_SIZE),
                       CLAMP(y, -SCREEN_MAX_SIZE, SCREEN_MAX_SIZE), on);
    return done(invocation);
}

static gboolean handle_cursor_define(DBusListener *listener,
                                     GDBusMethodInvocation *invocation,
                                     gint width, gint height, gint hot_x,
                                     gint hot_y, GVariant *data)
{
    ScreenBuffer *buffer;

    if (width <= 0 || width > 512 || height <= 0 || height > 512 ||
        g_variant_get_size(data) < (size_t)width * height * 4) {
        return refuse(invocation, "CursorDefine");
    }
    buffer = screen_buffer_new();
    buffer->width = width;
    buffer->height = height;
    buffer->image = pixman_image_create_bits(PIXMAN_a8r8g8b8, width, height,
                                             NULL, 0);
    memcpy(pixman_image_get_data(buffer->image), g_variant_get_data(data),
           (size_t)width * height * 4);
    screen_set_cursor(listener->screen, buffer, hot_x, hot_y);
    return done(invocation);
}

static void listener_closed(DBusListener *listener)
{
    listener->closed(listener->opaque);
}

static void listener_make(DBusListener *listener)
{
    static const char *const interfaces[] = {
        "org.qemu.Display1.Listener.Unix.Map",
        "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2",
        "org.qemu.Display1.Listener.Unix.Planes",
        NULL
    };

    listener->skeleton = qemu_dbus_display1_listener_skeleton_new();
    qemu_dbus_display1_listener_set_interfaces(listener->skeleton, interfaces);
    g_object_connect(
        listener->skeleton,
        "swapped-signal::handle-scanout", handle_scanout, listener,
        "swapped-signal::handle-update", handle_update, listener,
        "swapped-signal::handle-scanout-dmabuf", handle_scanout_dmabuf,
        listener,
        "swapped-signal::handle-update-dmabuf", handle_update_dmabuf,
        listener,
        "swapped-signal::handle-disable", handle_disable, listener,
        "swapped-signal::handle-mouse-set", handle_mouse_set, listener,
        "swapped-signal::handle-cursor-define", handle_cursor_define,
        listener, NULL);
    listener->map = qemu_dbus_display1_listener_unix_map_skeleton_new();
    g_object_connect(
        listener->map,
        "swapped-signal::handle-scanout-map", handle_scanout_map, listener,
        "swapped-signal::handle-update-map", handle_update_map, listener,
        NULL);
    listener->dmabuf2 =
        qemu_dbus_display1_listener_unix_scanout_dmabuf2_skeleton_new();
    g_object_connect(
        listener->dmabuf2,
        "swapped-signal::handle-scanout-dmabuf2", handle_scanout_dmabuf2,
        listener, NULL);
    listener->planes = qemu_dbus_display1_listener_unix_planes_skeleton_new();
    g_object_connect(
        listener->planes,
        "swapped-signal::handle-set-planes", handle_set_planes, listener,
        NULL);
}

static bool listener_connect(DBusListener *listener, int fd, Error **errp)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, &err);
    g_autoptr(GSocketConnection) stream = NULL;

    if (!socket) {
        close(fd);
        error_setg(errp, "No socket for the picture: %s", err->message);
        return false;
    }
    stream = g_socket_connection_factory_create_connection(socket);
    listener->connection = g_dbus_connection_new_sync(
        G_IO_STREAM(stream), NULL,
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
        G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING, NULL, NULL, &err);
    if (!listener->connection) {
        error_setg(errp, "QEMU does not answer: %s", err->message);
        return false;
    }
    return true;
}

DBusListener *dbus_listener_new(int fd, Screen *screen,
                                void (*closed)(void *opaque), void *opaque,
                                Error **errp)
{
    DBusListener *listener = g_new0(DBusListener, 1);
    GDBusInterfaceSkeleton *skeletons[4];

    listener->screen = screen;
    listener->closed = closed;
    listener->opaque = opaque;
    if (!listener_connect(listener, fd, errp)) {
        dbus_listener_free(listener);
        return NULL;
    }
    listener_make(listener);
    skeletons[0] = G_DBUS_INTERFACE_SKELETON(listener->skeleton);
    skeletons[1] = G_DBUS_INTERFACE_SKELETON(listener->map);
    skeletons[2] = G_DBUS_INTERFACE_SKELETON(listener->dmabuf2);
    skeletons[3] = G_DBUS_INTERFACE_SKELETON(listener->planes);
    for (int i = 0; i < ARRAY_SIZE(skeletons); i++) {
        g_dbus_interface_skeleton_export(skeletons[i], listener->connection,
                                         PATH, NULL);
    }
    g_signal_connect_swapped(listener->connection, "closed",
                             G_CALLBACK(listener_closed), listener);
    g_dbus_connection_start_message_processing(listener->connection);
    return listener;
}

void dbus_listener_free(DBusListener *listener)
{
    if (!listener) {
        return;
    }
    if (listener->connection) {
        g_signal_handlers_disconnect_by_data(listener->connection, listener);
        g_dbus_connection_close_sync(listener->connection, NULL, NULL);
    }
    g_clear_object(&listener->planes);
    g_clear_object(&listener->dmabuf2);
    g_clear_object(&listener->map);
    g_clear_object(&listener->skeleton);
    g_clear_object(&listener->connection);
    g_free(listener);
}
