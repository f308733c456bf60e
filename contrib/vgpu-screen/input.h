/*
 * Keyboard, pointer and touch, from any output to the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VGPU_SCREEN_INPUT_H
#define VGPU_SCREEN_INPUT_H

#include "dbus-client.h"

typedef struct ScreenInput ScreenInput;

/* What a key chord asks of the program itself. */
typedef enum InputAction {
    INPUT_ACTION_NONE,
    INPUT_ACTION_LEAVE,         /* Ctrl+Alt+Backspace */
    INPUT_ACTION_LET_GO,        /* Ctrl+Alt+G: of the pointer */
    INPUT_ACTION_SWITCH,        /* Ctrl+Alt+F1 to F12: to another session */
} InputAction;

/**
 * screen_input_new:
 * @client: where input goes; outlives the input
 * @screen: whose picture is pointed at; likewise
 *
 * The keymap, which finds the chords and nothing else, is the system's until
 * there is another.
 */
ScreenInput *screen_input_new(DBusClient *client, Screen *screen);
void screen_input_free(ScreenInput *input);

/* @keymap: in XKB's text format; one that cannot be is ignored. */
void screen_input_set_keymap(ScreenInput *input, const char *keymap);

/* For those who are told of modifiers rather than find them themselves. */
void screen_input_set_modifiers(ScreenInput *input, uint32_t depressed,
                                uint32_t latched, uint32_t locked,
                                uint32_t group);

/**
 * screen_input_key:
 * @input: the input
 * @code: as in linux/input-event-codes.h
 * @down: whether it is pressed
 * @track: whether modifiers are found by it
 * @session: set to the session's number for INPUT_ACTION_SWITCH
 *
 * Returns: what is to be done; the guest's keys are up then.
 */
InputAction screen_input_key(ScreenInput *input, unsigned code, bool down,
                             bool track, int *session);

/* The keyboard is somebody else's now: no key stays down in the guest. */
void screen_input_release_keys(ScreenInput *input);

bool screen_input_is_absolute(ScreenInput *input);

/**
 * screen_input_point:
 * @input: the input
 * @x: in the picture's pixels
 * @y: likewise
 *
 * Only for a guest whose pointer is absolute; others do not notice.
 */
void screen_input_point(ScreenInput *input, double x, double y);

/* A mouse has moved by so many pixels, whatever pointer the guest has. */
void screen_input_move(ScreenInput *input, double dx, double dy);

/* @code: BTN_LEFT and so on */
void screen_input_button(ScreenInput *input, unsigned code, bool down);

/* @steps: of the wheel, in 120ths; towards the user is positive. */
void screen_input_wheel(ScreenInput *input, int steps);

/* @x, @y: in the picture's pixels */
void screen_input_touch(ScreenInput *input, TouchKind kind, unsigned slot,
                        double x, double y);

#endif /* VGPU_SCREEN_INPUT_H */
