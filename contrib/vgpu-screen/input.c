/*
 * Keyboard, pointer and touch, from any output to the guest
 *
 * The guest gets keys by their place on the keyboard, and has a keymap of its
 * own. Ours only finds the chords that are for this program.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/input-event-codes.h>
#include <xkbcommon/xkbcommon.h>

#include "input.h"

#include "input-keymap-linux-to-qnum.c.inc"

/* XKB's numbers for the kernel's codes. */
#define XKB_CODE(code) ((code) + 8)
#define WHEEL_STEP 120

enum {
    BUTTON_LEFT,
    BUTTON_MIDDLE,
    BUTTON_RIGHT,
    BUTTON_WHEEL_UP,
    BUTTON_WHEEL_DOWN,
    BUTTON_SIDE,
    BUTTON_EXTRA,
};

struct ScreenInput {
    DBusClient *client;
    Screen *screen;
    struct xkb_context *xkb;
    struct xkb_keymap *keymap;
    struct xkb_state *state;
    GHashTable *down;           /* the codes that the guest has as pressed */
    double x;                   /* where an absolute pointer is */
    double y;
    double rest_x;              /* what is less than a pixel */
    double rest_y;
    int wheel;                  /* what is less than a step */
};

static void input_take_keymap(ScreenInput *input, struct xkb_keymap *keymap)
{
    if (!keymap) {
        return;
    }
    xkb_state_unref(input->state);
    xkb_keymap_unref(input->keymap);
    input->keymap = keymap;
    input->state = xkb_state_new(keymap);
}

ScreenInput *screen_input_new(DBusClient *client, Screen *screen)
{
    ScreenInput *input = g_new0(ScreenInput, 1);

    input->client = client;
    input->screen = screen;
    input->down = g_hash_table_new(NULL, NULL);
    input->xkb = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
    if (input->xkb) {
        input_take_keymap(input, xkb_keymap_new_from_names(
            input->xkb, NULL, XKB_KEYMAP_COMPILE_NO_FLAGS));
    }
    return input;
}

void screen_input_free(ScreenInput *input)
{
    if (!input) {
        return;
    }
    screen_input_release_keys(input);
    xkb_state_unref(input->state);
    xkb_keymap_unref(input->keymap);
    xkb_context_unref(input->xkb);
    g_hash_table_destroy(input->down);
    g_free(input);
}

void screen_input_set_keymap(ScreenInput *input, const char *keymap)
{
    if (input->xkb) {
        input_take_keymap(input, xkb_keymap_new_from_string(
            input->xkb, keymap, XKB_KEYMAP_FORMAT_TEXT_V1,
            XKB_KEYMAP_COMPILE_NO_FLAGS));
    }
}

void screen_input_set_modifiers(ScreenInput *input, uint32_t depressed,
                                uint32_t latched, uint32_t locked,
                                uint32_t group)
{
    if (input->state) {
        xkb_state_update_mask(input->state, depressed, latched, locked,
                              0, 0, group);
    }
}

static InputAction input_chord(ScreenInput *input, unsigned code, int *session)
{
    xkb_keysym_t sym;

    if (!input->state ||
        !xkb_state_mod_name_is_active(input->state, XKB_MOD_NAME_CTRL,
                                      XKB_STATE_MODS_EFFECTIVE) ||
        !xkb_state_mod_name_is_active(input->state, XKB_MOD_NAME_ALT,
                                      XKB_STATE_MODS_EFFECTIVE)) {
        return INPUT_ACTION_NONE;
    }
    sym = xkb_state_key_get_one_sym(input->state, XKB_CODE(code));
    if (sym >= XKB_KEY_XF86Switch_VT_1 && sym <= XKB_KEY_XF86Switch_VT_12) {
        *session = sym - XKB_KEY_XF86Switch_VT_1 + 1;
        return INPUT_ACTION_SWITCH;
    }
    switch (sym) {
    case XKB_KEY_BackSpace:
    case XKB_KEY_Terminate_Server:
        return INPUT_ACTION_LEAVE;
    case XKB_KEY_g:
    case XKB_KEY_G:
        return INPUT_ACTION_LET_GO;
    default:
        return INPUT_ACTION_NONE;
    }
}

static void input_send_key(ScreenInput *input, unsigned code, bool down)
{
    if (code >= qemu_input_map_linux_to_qnum_len ||
        !qemu_input_map_linux_to_qnum[code]) {
        return;
    }
    dbus_client_key(input->client, qemu_input_map_linux_to_qnum[code], down);
}

InputAction screen_input_key(ScreenInput *input, unsigned code, bool down,
                             bool track, int *session)
{
    InputAction action = INPUT_ACTION_NONE;

    if (track && input->state) {
        xkb_state_update_key(input->state, XKB_CODE(code),
                             down ? XKB_KEY_DOWN : XKB_KEY_UP);
    }
    if (down) {
        action = input_chord(input, code, session);
    }
    if (action != INPUT_ACTION_NONE) {
        screen_input_release_keys(input);
        return action;
    }
    if (down) {
        g_hash_table_add(input->down, GUINT_TO_POINTER(code));
    } else if (!g_hash_table_remove(input->down, GUINT_TO_POINTER(code))) {
        return INPUT_ACTION_NONE;       /* part of a chord */
    }
    input_send_key(input, code, down);
    return INPUT_ACTION_NONE;
}

void screen_input_release_keys(ScreenInput *input)
{
    GHashTableIter iter;
    gpointer code;

    g_hash_table_iter_init(&iter, input->down);
    while (g_hash_table_iter_next(&iter, &code, NULL)) {
        input_send_key(input, GPOINTER_TO_UINT(code), false);
        g_hash_table_iter_remove(&iter);
    }
}

bool screen_input_is_absolute(ScreenInput *input)
{
    return dbus_client_is_absolute(input->client);
}

void screen_input_point(ScreenInput *input, double x, double y)
{
    ScreenRect view = input->screen->planes[SCREEN_PICTURE].view;

    if (!view.width || !view.height || !screen_input_is_absolute(input)) {
        return;
    }
    input->x = CLAMP(x, 0, view.width - 1);
    input->y = CLAMP(y, 0, view.height - 1);
    dbus_client_point(input->client, input->x, input->y);
}

void screen_input_move(ScreenInput *input, double dx, double dy)
{
    int whole_x, whole_y;

    if (screen_input_is_absolute(input)) {
        screen_input_point(input, input->x + dx, input->y + dy);
        return;
    }
    input->rest_x += dx;
    input->rest_y += dy;
    whole_x = input->rest_x;
    whole_y = input->rest_y;
    input->rest_x -= whole_x;
    input->rest_y -= whole_y;
    if (whole_x || whole_y) {
        dbus_client_move(input->client, whole_x, whole_y);
    }
}

void screen_input_button(ScreenInput *input, unsigned code, bool down)
{
    static const struct {
        unsigned code;
        unsigned button;
    } buttons[] = {
        { BTN_LEFT, BUTTON_LEFT }, { BTN_RIGHT, BUTTON_RIGHT },
        { BTN_MIDDLE, BUTTON_MIDDLE }, { BTN_SIDE, BUTTON_SIDE },
        { BTN_BACK, BUTTON_SIDE }, { BTN_EXTRA, BUTTON_EXTRA },
        { BTN_FORWARD, BUTTON_EXTRA },
    };

    for (int i = 0; i < ARRAY_SIZE(buttons); i++) {
        if (buttons[i].code == code) {
            dbus_client_button(input->client, buttons[i].button, down);
        }
    }
}

void screen_input_wheel(ScreenInput *input, int steps)
{
    input->wheel += steps;
    while (abs(input->wheel) >= WHEEL_STEP) {
        bool towards = input->wheel > 0;
        unsigned button = towards ? BUTTON_WHEEL_DOWN : BUTTON_WHEEL_UP;

        dbus_client_button(input->client, button, true);
        dbus_client_button(input->client, button, false);
        input->wheel -= towards ? WHEEL_STEP : -WHEEL_STEP;
    }
}

void screen_input_touch(ScreenInput *input, TouchKind kind, unsigned slot,
                        double x, double y)
{
    dbus_client_touch(input->client, kind, slot, x, y);
}
