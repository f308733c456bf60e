/*
 * Keyboards, pointers and touch screens of a Wayland compositor
 *
 * A guest with a tablet is pointed at. One with a mouse gets the pointer
 * locked by a click into the window, and lets it go by Ctrl+Alt+G.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/mman.h>

#include "wayland-input.h"

/* Of the wheel, in the window's units, where there are no steps. */
#define AXIS_STEP 10
#define WHEEL_STEP 120

static void let_go(WaylandInput *in)
{
    g_clear_pointer(&in->lock, zwp_locked_pointer_v1_destroy);
    in->locked = false;
    in->ops->pointer_changed(in->opaque);
}

static void handle_locked(void *opaque, struct zwp_locked_pointer_v1 *lock)
{
    WaylandInput *in = opaque;

    in->locked = true;
    in->ops->pointer_changed(in->opaque);
}

static void handle_unlocked(void *opaque, struct zwp_locked_pointer_v1 *lock)
{
    let_go(opaque);
}

static const struct zwp_locked_pointer_v1_listener lock_listener = {
    .locked = handle_locked,
    .unlocked = handle_unlocked,
};

static void handle_relative(void *opaque,
                            struct zwp_relative_pointer_v1 *relative,
                            uint32_t time_high, uint32_t time_low,
                            wl_fixed_t dx, wl_fixed_t dy,
                            wl_fixed_t raw_dx, wl_fixed_t raw_dy)
{
    WaylandInput *in = opaque;

    if (in->locked) {
        screen_input_move(in->input, wl_fixed_to_double(dx),
                          wl_fixed_to_double(dy));
    }
}

static const struct zwp_relative_pointer_v1_listener relative_listener = {
    .relative_motion = handle_relative,
};

static void lock_pointer(WaylandInput *in)
{
    if (in->lock || !in->display->constraints || !in->relative ||
        screen_input_is_absolute(in->input)) {
        return;
    }
    in->lock = zwp_pointer_constraints_v1_lock_pointer(
        in->display->constraints, in->surface, in->pointer, NULL,
        ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_ONESHOT);
    zwp_locked_pointer_v1_add_listener(in->lock, &lock_listener, in);
}

static void pointer_enter(void *opaque, struct wl_pointer *pointer,
                          uint32_t serial, struct wl_surface *surface,
                          wl_fixed_t x, wl_fixed_t y)
{
    WaylandInput *in = opaque;

    in->inside = true;
    in->enter_serial = serial;
    in->ops->pointer_changed(in->opaque);
}

static void pointer_leave(void *opaque, struct wl_pointer *pointer,
                          uint32_t serial, struct wl_surface *surface)
{
    WaylandInput *in = opaque;

    in->inside = false;
    in->ops->pointer_changed(in->opaque);
}

static void pointer_motion(void *opaque, struct wl_pointer *pointer,
                           uint32_t time, wl_fixed_t fixed_x,
                           wl_fixed_t fixed_y)
{
    WaylandInput *in = opaque;
    double x = wl_fixed_to_double(fixed_x);
    double y = wl_fixed_to_double(fixed_y);

    in->ops->to_picture(in->opaque, &x, &y);
    screen_input_point(in->input, x, y);
}

static void pointer_button(void *opaque, struct wl_pointer *pointer,
                           uint32_t serial, uint32_t time, uint32_t button,
                           uint32_t state)
{
    WaylandInput *in = opaque;
    bool down = state == WL_POINTER_BUTTON_STATE_PRESSED;

    if (down) {
        lock_pointer(in);
    }
    screen_input_button(in->input, button, down);
}

static void pointer_axis(void *opaque, struct wl_pointer *pointer,
                         uint32_t time, uint32_t axis, wl_fixed_t value)
{
    WaylandInput *in = opaque;

    if (axis == WL_POINTER_AXIS_VERTICAL_SCROLL) {
        in->axis += wl_fixed_to_double(value);
    }
}

static void pointer_frame(void *opaque, struct wl_pointer *pointer)
{
    WaylandInput *in = opaque;

    if (!in->discrete && in->axis) {
        screen_input_wheel(in->input, in->axis * WHEEL_STEP / AXIS_STEP);
    }
    in->discrete = false;
    in->axis = 0;
}

static void pointer_axis_source(void *opaque, struct wl_pointer *pointer,
                                uint32_t source)
{
}

static void pointer_axis_stop(void *opaque, struct wl_pointer *pointer,
                              uint32_t time, uint32_t axis)
{
}

static void pointer_axis_discrete(void *opaque, struct wl_pointer *pointer,
                                  uint32_t axis, int32_t steps)
{
    WaylandInput *in = opaque;

    if (axis == WL_POINTER_AXIS_VERTICAL_SCROLL) {
        in->discrete = true;
        screen_input_wheel(in->input, steps * WHEEL_STEP);
    }
}

static const struct wl_pointer_listener pointer_listener = {
    .enter = pointer_enter,
    .leave = pointer_leave,
    .motion = pointer_motion,
    .button = pointer_button,
    .axis = pointer_axis,
    .frame = pointer_frame,
    .axis_source = pointer_axis_source,
    .axis_stop = pointer_axis_stop,
    .axis_discrete = pointer_axis_discrete,
};

static void keyboard_keymap(void *opaque, struct wl_keyboard *keyboard,
                            uint32_t format, int32_t fd, uint32_t size)
{
    WaylandInput *in = opaque;
    char *keymap = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

    close(fd);
    if (keymap == MAP_FAILED) {
        return;
    }
    if (format == WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1 && size &&
        !keymap[size - 1]) {
        screen_input_set_keymap(in->input, keymap);
    }
    munmap(keymap, size);
}

static void keyboard_enter(void *opaque, struct wl_keyboard *keyboard,
                           uint32_t serial, struct wl_surface *surface,
                           struct wl_array *keys)
{
}

static void keyboard_leave(void *opaque, struct wl_keyboard *keyboard,
                           uint32_t serial, struct wl_surface *surface)
{
    WaylandInput *in = opaque;

    screen_input_release_keys(in->input);
}

static void keyboard_key(void *opaque, struct wl_keyboard *keyboard,
                         uint32_t serial, uint32_t time, uint32_t key,
                         uint32_t state)
{
    WaylandInput *in = opaque;
    int session;

    switch (screen_input_key(in->input, key,
                             state == WL_KEYBOARD_KEY_STATE_PRESSED, false,
                             &session)) {
    case INPUT_ACTION_LEAVE:
        in->ops->leave(in->opaque);
        break;
    case INPUT_ACTION_LET_GO:
        let_go(in);
        break;
    default:
        break;
    }
}

static void keyboard_modifiers(void *opaque, struct wl_keyboard *keyboard,
                               uint32_t serial, uint32_t depressed,
                               uint32_t latched, uint32_t locked,
                               uint32_t group)
{
    WaylandInput *in = opaque;

    screen_input_set_modifiers(in->input, depressed, latched, locked, group);
}

static void keyboard_repeat(void *opaque, struct wl_keyboard *keyboard,
                            int32_t rate, int32_t delay)
{
}

static const struct wl_keyboard_listener keyboard_listener = {
    .keymap = keyboard_keymap,
    .enter = keyboard_enter,
    .leave = keyboard_leave,
    .key = keyboard_key,
    .modifiers = keyboard_modifiers,
    .repeat_info = keyboard_repeat,
};

static void send_touch(WaylandInput *in, TouchKind kind, int32_t id,
                       wl_fixed_t fixed_x, wl_fixed_t fixed_y)
{
    double x = wl_fixed_to_double(fixed_x);
    double y = wl_fixed_to_double(fixed_y);

    if (kind == TOUCH_BEGIN || kind == TOUCH_UPDATE) {
        in->ops->to_picture(in->opaque, &x, &y);
    }
    if (id >= 0) {
        screen_input_touch(in->input, kind, id, x, y);
    }
}

static void touch_down(void *opaque, struct wl_touch *touch, uint32_t serial,
                       uint32_t time, struct wl_surface *surface, int32_t id,
                       wl_fixed_t x, wl_fixed_t y)
{
    send_touch(opaque, TOUCH_BEGIN, id, x, y);
}

static void touch_up(void *opaque, struct wl_touch *touch, uint32_t serial,
                     uint32_t time, int32_t id)
{
    send_touch(opaque, TOUCH_END, id, 0, 0);
}

static void touch_motion(void *opaque, struct wl_touch *touch, uint32_t time,
                         int32_t id, wl_fixed_t x, wl_fixed_t y)
{
    send_touch(opaque, TOUCH_UPDATE, id, x, y);
}

static void touch_frame(void *opaque, struct wl_touch *touch)
{
}

static void touch_cancel(void *opaque, struct wl_touch *touch)
{
    /* Of every finger; the guest ignores those that it does not have. */
    for (int id = 0; id < 10; id++) {
        send_touch(opaque, TOUCH_CANCEL, id, 0, 0);
    }
}

static const struct wl_touch_listener touch_listener = {
    .down = touch_down,
    .up = touch_up,
    .motion = touch_motion,
    .frame = touch_frame,
    .cancel = touch_cancel,
};

static void pointer_begin(WaylandInput *in)
{
    in->pointer = wl_seat_get_pointer(in->seat);
    wl_pointer_add_listener(in->pointer, &pointer_listener, in);
    if (in->display->relative_pointers) {
        in->relative = zwp_relative_pointer_manager_v1_get_relative_pointer(
            in->display->relative_pointers, in->pointer);
        zwp_relative_pointer_v1_add_listener(in->relative,
                                             &relative_listener, in);
    }
}

static void pointer_end(WaylandInput *in)
{
    g_clear_pointer(&in->lock, zwp_locked_pointer_v1_destroy);
    g_clear_pointer(&in->relative, zwp_relative_pointer_v1_destroy);
    g_clear_pointer(&in->pointer, wl_pointer_release);
    in->inside = in->locked = false;
}

static void seat_capabilities(void *opaque, struct wl_seat *seat,
                              uint32_t capabilities)
{
    WaylandInput *in = opaque;
    bool has_pointer = capabilities & WL_SEAT_CAPABILITY_POINTER;
    bool has_keyboard = capabilities & WL_SEAT_CAPABILITY_KEYBOARD;
    bool has_touch = capabilities & WL_SEAT_CAPABILITY_TOUCH;

    if (has_pointer && !in->pointer) {
        pointer_begin(in);
    } else if (!has_pointer && in->pointer) {
        pointer_end(in);
    }
    if (has_keyboard && !in->keyboard) {
        in->keyboard = wl_seat_get_keyboard(seat);
        wl_keyboard_add_listener(in->keyboard, &keyboard_listener, in);
    } else if (!has_keyboard && in->keyboard) {
        g_clear_pointer(&in->keyboard, wl_keyboard_release);
        screen_input_release_keys(in->input);
    }
    if (has_touch && !in->touch) {
        in->touch = wl_seat_get_touch(seat);
        wl_touch_add_listener(in->touch, &touch_listener, in);
    } else if (!has_touch && in->touch) {
        g_clear_pointer(&in->touch, wl_touch_release);
    }
}

static void seat_name(void *opaque, struct wl_seat *seat, const char *name)
{
}

static const struct wl_seat_listener seat_listener = {
    .capabilities = seat_capabilities,
    .name = seat_name,
};

void wayland_input_init(WaylandInput *in)
{
    WaylandDisplay *d = in->display;

    if (d->seat) {
        /* Not before: it says at once what it has. */
        in->seat = wl_registry_bind(d->registry, d->seat, &wl_seat_interface,
                                    MIN(d->seat_version, 5));
        wl_seat_add_listener(in->seat, &seat_listener, in);
    }
}

void wayland_input_finish(WaylandInput *in)
{
    pointer_end(in);
    g_clear_pointer(&in->touch, wl_touch_release);
    g_clear_pointer(&in->keyboard, wl_keyboard_release);
    g_clear_pointer(&in->seat, wl_seat_destroy);
}

void wayland_input_set_image(WaylandInput *in, struct wl_surface *surface,
                             int hot_x, int hot_y)
{
    if (in->pointer && in->inside) {
        wl_pointer_set_cursor(in->pointer, in->enter_serial, surface, hot_x,
                              hot_y);
    }
}

bool wayland_input_points(const WaylandInput *in)
{
    return in->inside && !in->locked && screen_input_is_absolute(in->input);
}
