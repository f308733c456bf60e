/*
 * The seat: its devices, its input, and whose turn it is
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>
#include <libinput.h>
#include <libseat.h>
#include <libudev.h>

#include "kms-session.h"

/* How long a seat may take to be given to this program. */
#define SEAT_TIMEOUT_MS 10000
#define SEAT_STEP_MS 100
/* Of a wheel without steps, in libinput's units. */
#define AXIS_STEP 10
#define WHEEL_STEP 120

struct KmsSession {
    ScreenInput *input;
    const KmsSessionOps *ops;
    void *opaque;
    struct libseat *seat;
    bool active;
    bool started;
    struct udev *udev;
    struct udev_monitor *monitor;
    struct libinput *libinput;
    GHashTable *devices;        /* a descriptor's number of libseat's */
    guint seat_source;
    guint monitor_source;
    guint input_source;
};

/* --- The seat --- */

static void seat_enable(struct libseat *seat, void *opaque)
{
    KmsSession *session = opaque;

    session->active = true;
    if (session->libinput) {
        libinput_resume(session->libinput);
    }
    if (session->started) {
        session->ops->resumed(session->opaque);
    }
}

static void seat_disable(struct libseat *seat, void *opaque)
{
    KmsSession *session = opaque;

    session->active = false;
    if (session->started) {
        session->ops->paused(session->opaque);
    }
    screen_input_release_keys(session->input);
    if (session->libinput) {
        libinput_suspend(session->libinput);
    }
    libseat_disable_seat(seat);
}

static const struct libseat_seat_listener seat_listener = {
    .enable_seat = seat_enable,
    .disable_seat = seat_disable,
};

static gboolean seat_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    KmsSession *session = opaque;

    if (libseat_dispatch(session->seat, 0) < 0) {
        session->seat_source = 0;
        session->ops->leave(session->opaque, "the seat's manager has left");
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static bool session_open_seat(KmsSession *session, Error **errp)
{
    int64_t end = g_get_monotonic_time() + SEAT_TIMEOUT_MS * 1000;

    session->seat = libseat_open_seat(&seat_listener, session);
    if (!session->seat) {
        error_setg_errno(errp, errno, "There is no seat to show it on");
        error_append_hint(errp, "Start it on a text console, with "
                          "systemd-logind or seatd running, or as a service "
                          "with PAMName=login and TTYPath=; root may set "
                          "LIBSEAT_BACKEND=builtin.\n");
        return false;
    }
    while (!session->active) {
        if (g_get_monotonic_time() > end ||
            libseat_dispatch(session->seat, SEAT_STEP_MS) < 0) {
            error_setg(errp, "The seat is not given to this session");
            error_append_hint(errp, "Another session is in the foreground: "
                              "switch to this one's console.\n");
            return false;
        }
    }
    return true;
}

int kms_session_open(KmsSession *session, const char *path, int *fd)
{
    return libseat_open_device(session->seat, path, fd);
}

void kms_session_close(KmsSession *session, int device)
{
    libseat_close_device(session->seat, device);
}

/* --- Input --- */

static int input_open(const char *path, int flags, void *opaque)
{
    KmsSession *session = opaque;
    int fd;
    int device = libseat_open_device(session->seat, path, &fd);

    if (device < 0) {
        return -errno;
    }
    g_hash_table_insert(session->devices, GINT_TO_POINTER(fd),
                        GINT_TO_POINTER(device));
    return fd;
}

static void input_close(int fd, void *opaque)
{
    KmsSession *session = opaque;
    gpointer device = g_hash_table_lookup(session->devices,
                                          GINT_TO_POINTER(fd));

    g_hash_table_remove(session->devices, GINT_TO_POINTER(fd));
    libseat_close_device(session->seat, GPOINTER_TO_INT(device));
    close(fd);
}

static const struct libinput_interface input_interface = {
    .open_restricted = input_open,
    .close_restricted = input_close,
};

static void session_key(KmsSession *session,
                        struct libinput_event_keyboard *event)
{
    bool down = libinput_event_keyboard_get_key_state(event) ==
                LIBINPUT_KEY_STATE_PRESSED;
    int to;

    switch (screen_input_key(session->input,
                             libinput_event_keyboard_get_key(event), down,
                             true, &to)) {
    case INPUT_ACTION_LEAVE:
        session->ops->leave(session->opaque, NULL);
        break;
    case INPUT_ACTION_SWITCH:
        libseat_switch_session(session->seat, to);
        break;
    default:
        break;
    }
}

static void session_point(KmsSession *session,
                          struct libinput_event_pointer *event)
{
    double x = libinput_event_pointer_get_absolute_x_transformed(event, 1);
    double y = libinput_event_pointer_get_absolute_y_transformed(event, 1);

    session->ops->to_picture(session->opaque, &x, &y);
    screen_input_point(session->input, x, y);
}

static void session_scroll(KmsSession *session,
                           struct libinput_event_pointer *event, bool wheel)
{
    enum libinput_pointer_axis axis = LIBINPUT_POINTER_AXIS_SCROLL_VERTICAL;
    double value;

    if (!libinput_event_pointer_has_axis(event, axis)) {
        return;
    }
    value = wheel ? libinput_event_pointer_get_scroll_value_v120(event, axis)
                  : libinput_event_pointer_get_scroll_value(event, axis) *
                    WHEEL_STEP / AXIS_STEP;
    screen_input_wheel(session->input, value);
}

static void session_touch(KmsSession *session,
                          struct libinput_event_touch *event, TouchKind kind)
{
    int slot = MAX(libinput_event_touch_get_slot(event), 0);
    double x = 0, y = 0;

    if (kind == TOUCH_BEGIN || kind == TOUCH_UPDATE) {
        x = libinput_event_touch_get_x_transformed(event, 1);
        y = libinput_event_touch_get_y_transformed(event, 1);
        session->ops->to_picture(session->opaque, &x, &y);
    }
    screen_input_touch(session->input, kind, slot, x, y);
}

static void session_input_event(KmsSession *session,
                                struct libinput_event *event)
{
    struct libinput_event_pointer *pointer =
        libinput_event_get_pointer_event(event);
    struct libinput_event_touch *touch = libinput_event_get_touch_event(event);

    switch (libinput_event_get_type(event)) {
    case LIBINPUT_EVENT_KEYBOARD_KEY:
        session_key(session, libinput_event_get_keyboard_event(event));
        break;
    case LIBINPUT_EVENT_POINTER_MOTION:
        screen_input_move(session->input,
                          libinput_event_pointer_get_dx(pointer),
                          libinput_event_pointer_get_dy(pointer));
        break;
    case LIBINPUT_EVENT_POINTER_MOTION_ABSOLUTE:
        session_point(session, pointer);
        break;
    case LIBINPUT_EVENT_POINTER_BUTTON:
        screen_input_button(session->input,
                            libinput_event_pointer_get_button(pointer),
                            libinput_event_pointer_get_button_state(pointer) ==
                            LIBINPUT_BUTTON_STATE_PRESSED);
        break;
    case LIBINPUT_EVENT_POINTER_SCROLL_WHEEL:
        session_scroll(session, pointer, true);
        break;
    case LIBINPUT_EVENT_POINTER_SCROLL_FINGER:
    case LIBINPUT_EVENT_POINTER_SCROLL_CONTINUOUS:
        session_scroll(session, pointer, false);
        break;
    case LIBINPUT_EVENT_TOUCH_DOWN:
        session_touch(session, touch, TOUCH_BEGIN);
        break;
    case LIBINPUT_EVENT_TOUCH_MOTION:
        session_touch(session, touch, TOUCH_UPDATE);
        break;
    case LIBINPUT_EVENT_TOUCH_UP:
        session_touch(session, touch, TOUCH_END);
        break;
    case LIBINPUT_EVENT_TOUCH_CANCEL:
        session_touch(session, touch, TOUCH_CANCEL);
        break;
    default:
        break;
    }
}

static gboolean input_readable(gint fd, GIOCondition condition,
                               gpointer opaque)
{
    KmsSession *session = opaque;
    struct libinput_event *event;

    libinput_dispatch(session->libinput);
    while ((event = libinput_get_event(session->libinput))) {
        session_input_event(session, event);
        libinput_event_destroy(event);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean monitor_readable(gint fd, GIOCondition condition,
                                 gpointer opaque)
{
    KmsSession *session = opaque;
    struct udev_device *device =
        udev_monitor_receive_device(session->monitor);

    if (device) {
        udev_device_unref(device);
        session->ops->hotplug(session->opaque);
    }
    return G_SOURCE_CONTINUE;
}

static bool session_open_input(KmsSession *session, Error **errp)
{
    /* Without udevd the kernel's own messages are all there is. */
    bool has_udevd = access("/run/udev/control", F_OK) == 0;

    session->udev = udev_new();
    session->monitor = udev_monitor_new_from_netlink(
        session->udev, has_udevd ? "udev" : "kernel");
    if (session->monitor) {
        udev_monitor_filter_add_match_subsystem_devtype(session->monitor,
                                                        "drm", NULL);
        udev_monitor_enable_receiving(session->monitor);
        session->monitor_source = g_unix_fd_add(
            udev_monitor_get_fd(session->monitor), G_IO_IN, monitor_readable,
            session);
    }
    session->libinput = libinput_udev_create_context(&input_interface, session,
                                                     session->udev);
    if (!session->libinput ||
        libinput_udev_assign_seat(session->libinput,
                                  libseat_seat_name(session->seat)) < 0) {
        error_setg(errp, "The seat's keyboard and mouse cannot be opened");
        return false;
    }
    session->input_source = g_unix_fd_add(libinput_get_fd(session->libinput),
                                          G_IO_IN, input_readable, session);
    return true;
}

KmsSession *kms_session_new(ScreenInput *input, const KmsSessionOps *ops,
                            void *opaque, Error **errp)
{
    KmsSession *session = g_new0(KmsSession, 1);

    session->input = input;
    session->ops = ops;
    session->opaque = opaque;
    session->devices = g_hash_table_new(NULL, NULL);
    if (!session_open_seat(session, errp) ||
        !session_open_input(session, errp)) {
        kms_session_free(session);
        return NULL;
    }
    session->started = true;
    session->seat_source = g_unix_fd_add(libseat_get_fd(session->seat),
                                         G_IO_IN, seat_readable, session);
    return session;
}

void kms_session_free(KmsSession *session)
{
    if (!session) {
        return;
    }
    g_clear_handle_id(&session->seat_source, g_source_remove);
    g_clear_handle_id(&session->monitor_source, g_source_remove);
    g_clear_handle_id(&session->input_source, g_source_remove);
    g_clear_pointer(&session->libinput, libinput_unref);
    g_clear_pointer(&session->monitor, udev_monitor_unref);
    g_clear_pointer(&session->udev, udev_unref);
    if (session->seat) {
        libseat_close_seat(session->seat);
    }
    g_hash_table_destroy(session->devices);
    g_free(session);
}
