/*
 * vgpu-screen: what the guest gets of keys, pointer and wheel
 *
 * The D-Bus client is a fake that writes down what it is told.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/input-event-codes.h>

#include "contrib/vgpu-screen/input.h"

static GString *sent;
static bool absolute;

void dbus_client_key(DBusClient *client, unsigned keycode, bool down)
{
    g_string_append_printf(sent, "%c%02x ", down ? '+' : '-', keycode);
}

bool dbus_client_is_absolute(DBusClient *client)
{
    return absolute;
}

void dbus_client_point(DBusClient *client, unsigned x, unsigned y)
{
    g_string_append_printf(sent, "@%u,%u ", x, y);
}

void dbus_client_move(DBusClient *client, int dx, int dy)
{
    g_string_append_printf(sent, "%d,%d ", dx, dy);
}

void dbus_client_button(DBusClient *client, unsigned button, bool down)
{
    g_string_append_printf(sent, "%cb%u ", down ? '+' : '-', button);
}

void dbus_client_touch(DBusClient *client, TouchKind kind, unsigned slot,
                       double x, double y)
{
    g_string_append_printf(sent, "t%d:%u ", kind, slot);
}

static Screen screen;

static ScreenInput *begin(bool is_absolute)
{
    sent = g_string_new(NULL);
    absolute = is_absolute;
    screen.planes[SCREEN_PICTURE].view = (ScreenRect) { 0, 0, 640, 480 };
    return screen_input_new(NULL, &screen);
}

static void expect(const char *what)
{
    g_assert_cmpstr(sent->str, ==, what);
    g_string_truncate(sent, 0);
}

static void end(ScreenInput *input)
{
    screen_input_free(input);
    g_string_free(sent, TRUE);
}

static InputAction key(ScreenInput *input, unsigned code, bool down)
{
    int session = 0;

    return screen_input_key(input, code, down, true, &session);
}

static void test_keys(void)
{
    static const struct {
        const char *why;
        unsigned code;
        const char *sent;
    } cases[] = {
        { "a letter", KEY_A, "+1e -1e " },
        { "an arrow, by the high bit", KEY_RIGHT, "+cd -cd " },
        { "the right control key", KEY_RIGHTCTRL, "+9d -9d " },
        { "Pause", KEY_PAUSE, "+c6 -c6 " },
        { "no key", KEY_RESERVED, "" },
        { "beyond the table", 60000, "" },
    };
    ScreenInput *input = begin(true);

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        g_test_message("%s", cases[i].why);
        g_assert_cmpint(key(input, cases[i].code, true), ==,
                        INPUT_ACTION_NONE);
        key(input, cases[i].code, false);
        expect(cases[i].sent);
    }
    end(input);
}

static void test_chords(void)
{
    static const struct {
        const char *why;
        unsigned code;
        InputAction action;
        int session;
    } cases[] = {
        { "leave", KEY_BACKSPACE, INPUT_ACTION_LEAVE },
        { "let go", KEY_G, INPUT_ACTION_LET_GO },
        { "switch", KEY_F2, INPUT_ACTION_SWITCH, 2 },
        { "switch", KEY_F12, INPUT_ACTION_SWITCH, 12 },
        { "the guest's", KEY_DELETE, INPUT_ACTION_NONE },
    };
    ScreenInput *input = begin(true);

    for (int i = 0; i < ARRAY_SIZE(cases); i++) {
        int session = 0;

        g_test_message("%s", cases[i].why);
        key(input, KEY_LEFTCTRL, true);
        key(input, KEY_LEFTALT, true);
        expect("+1d +38 ");
        g_assert_cmpint(screen_input_key(input, cases[i].code, true, true,
                                         &session), ==, cases[i].action);
        g_assert_cmpint(session, ==, cases[i].session);
        if (cases[i].action != INPUT_ACTION_NONE) {
            /* In the guest no key is down, and none goes up once more. */
            g_assert_nonnull(strstr(sent->str, "-1d "));
            g_assert_nonnull(strstr(sent->str, "-38 "));
            g_assert_cmpuint(sent->len, ==, 8);
            g_string_truncate(sent, 0);
        }
        key(input, cases[i].code, false);
        key(input, KEY_LEFTALT, false);
        key(input, KEY_LEFTCTRL, false);
        expect(cases[i].action == INPUT_ACTION_NONE ? "+d3 -d3 -38 -1d "
                                                    : "");
    }
    end(input);
}

static void test_release_keys(void)
{
    ScreenInput *input = begin(true);

    key(input, KEY_A, true);
    expect("+1e ");
    screen_input_release_keys(input);
    expect("-1e ");
    key(input, KEY_A, false);
    screen_input_release_keys(input);
    expect("");
    end(input);
}

static void test_absolute(void)
{
    ScreenInput *input = begin(true);

    screen_input_point(input, 12.9, 34.1);
    expect("@12,34 ");
    screen_input_point(input, -1, 1000);
    expect("@0,479 ");
    /* A mouse moves it from where it is. */
    screen_input_move(input, 10.5, -79);
    expect("@10,400 ");
    screen_input_move(input, 0.5, 0);
    expect("@11,400 ");
    /* Nothing is pointed at while there is no picture. */
    screen.planes[SCREEN_PICTURE].view = (ScreenRect) { };
    screen_input_point(input, 1, 1);
    expect("");
    end(input);
}

static void test_relative(void)
{
    ScreenInput *input = begin(false);

    screen_input_move(input, 0.6, -0.4);
    expect("");
    screen_input_move(input, 0.6, -0.7);
    expect("1,-1 ");
    screen_input_point(input, 5, 5);
    expect("");
    end(input);
}

static void test_buttons(void)
{
    ScreenInput *input = begin(true);

    screen_input_button(input, BTN_LEFT, true);
    screen_input_button(input, BTN_LEFT, false);
    screen_input_button(input, BTN_RIGHT, true);
    screen_input_button(input, BTN_MIDDLE, true);
    screen_input_button(input, BTN_SIDE, true);
    screen_input_button(input, BTN_EXTRA, true);
    screen_input_button(input, BTN_TASK, true);
    expect("+b0 -b0 +b2 +b1 +b5 +b6 ");
    screen_input_wheel(input, 120);
    screen_input_wheel(input, -240);
    expect("+b4 -b4 +b3 -b3 +b3 -b3 ");
    /* Of a fine wheel a step counts once it is whole. */
    screen_input_wheel(input, 50);
    screen_input_wheel(input, 50);
    expect("");
    screen_input_wheel(input, 50);
    expect("+b4 -b4 ");
    screen_input_touch(input, TOUCH_BEGIN, 3, 1, 1);
    expect("t0:3 ");
    end(input);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vgpu-screen-input/keys", test_keys);
    g_test_add_func("/vgpu-screen-input/chords", test_chords);
    g_test_add_func("/vgpu-screen-input/release-keys", test_release_keys);
    g_test_add_func("/vgpu-screen-input/absolute", test_absolute);
    g_test_add_func("/vgpu-screen-input/relative", test_relative);
    g_test_add_func("/vgpu-screen-input/buttons", test_buttons);
    return g_test_run();
}
