/*
 * The command interpreter.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "anim.h"
#include "command.h"
#include "draw.h"
#include "gpu.h"
#include "pci.h"
#include "pit.h"
#include "plane.h"
#include "power.h"
#include "serial.h"
#include "string.h"

#define MAX_ARGS    6
#define MAX_LINE    128

struct command {
    const char *name;
    int min_args;
    int max_args;
    /* Does not use the current device, so there may be none. */
    bool global;
    /* True: "ok", followed by what reply() was given. */
    bool (*run)(const uint32_t *arg, int n_args);
};

#define MAX_REPLIES (GPU_MAX + 1)

static int current;

static struct {
    const char *key;
    uint32_t val;
} replies[MAX_REPLIES];
static int n_replies;

static struct gpu *gpu(void)
{
    return gpu_get(current);
}

static void reply(const char *key, uint32_t val)
{
    replies[n_replies].key = key;
    replies[n_replies].val = val;
    n_replies++;
}

static void print_reply(const char *name)
{
    int i;

    serial_puts("ok ");
    serial_puts(name);
    for (i = 0; i < n_replies; i++) {
        serial_puts(" ");
        serial_puts(replies[i].key);
        serial_puts(" ");
        serial_putu(replies[i].val);
    }
    serial_puts("\n");
}

static struct anim_pace pace(const uint32_t *arg, int n_args, int index)
{
    struct anim_pace ret = { current, index < n_args ? arg[index] : 1 };

    return ret;
}

static bool run_ping(const uint32_t *arg, int n_args)
{
    (void)arg;
    (void)n_args;
    return true;
}

static bool run_scan(const uint32_t *arg, int n_args)
{
    int i, n;

    (void)arg;
    (void)n_args;
    anim_stop_all();
    current = 0;
    n = gpu_scan();
    reply("gpus", n);
    for (i = 0; i < n; i++) {
        reply(gpu_get(i)->ops->name, gpu_get(i)->slot);
    }
    return true;
}

static bool run_dev(const uint32_t *arg, int n_args)
{
    (void)n_args;
    if (!gpu_get(arg[0])) {
        return false;
    }
    current = arg[0];
    return true;
}

static bool run_mode(const uint32_t *arg, int n_args)
{
    anim_stop(current);
    return (n_args < 3 || arg[2] == 32) &&
           gpu_set_mode(gpu(), arg[0], arg[1], n_args > 3 ? arg[3] : arg[0]);
}

static bool run_pattern(const uint32_t *arg, int n_args)
{
    uint32_t frame = n_args > 1 ? arg[1] : 0;
    uint32_t page = n_args > 2 ? arg[2] : 0;
    struct rect all = { 0, 0, gpu()->width, gpu()->height };

    if (arg[0] >= PATTERN_MAX || page >= gpu_pages(gpu())) {
        return false;
    }
    anim_stop(current);
    draw_pattern(gpu(), page, arg[0], frame);
    gpu_damage(gpu(), &all);
    anim_set_background(current, arg[0], frame);
    return true;
}

static bool run_fill(const uint32_t *arg, int n_args)
{
    struct rect rect = { arg[0], arg[1], arg[2], arg[3] };

    (void)n_args;
    if (rect.x > gpu()->width || rect.width > gpu()->width - rect.x ||
        rect.y > gpu()->height || rect.height > gpu()->height - rect.y) {
        return false;
    }
    draw_fill(gpu(), &rect, arg[4]);
    gpu_damage(gpu(), &rect);
    return true;
}

static bool run_box(const uint32_t *arg, int n_args)
{
    return anim_box(pace(arg, n_args, 1), arg[0]);
}

static bool run_stamp(const uint32_t *arg, int n_args)
{
    struct anim_stamp stamp = { arg[0], arg[1], arg[2] };

    (void)n_args;
    return anim_stamp(current, &stamp);
}

static bool run_flip(const uint32_t *arg, int n_args)
{
    return anim_flip(pace(arg, n_args, 1), arg[0]);
}

static bool run_film(const uint32_t *arg, int n_args)
{
    struct anim_film film = { arg[0], n_args > 1 ? arg[1] : 0,
                              n_args > 3 ? arg[3] : 0 };

    return anim_film(pace(arg, n_args, 2), &film);
}

static bool run_cycle(const uint32_t *arg, int n_args)
{
    return anim_cycle(pace(arg, n_args, 0));
}

/* The arguments may be negative: they are two's complement. */
static bool run_cursor(const uint32_t *arg, int n_args)
{
    return n_args == 2 ? plane_cursor(gpu(), arg[0], arg[1]) :
           n_args == 0 && plane_cursor_off(gpu());
}

static bool run_overlay(const uint32_t *arg, int n_args)
{
    anim_stop(current);
    return n_args ? anim_overlay(pace(arg, n_args, 1), arg[0]) :
           plane_overlay_off(gpu());
}

static bool run_stop(const uint32_t *arg, int n_args)
{
    (void)arg;
    (void)n_args;
    reply("drawn", anim_stop(current));
    return true;
}

static bool run_drawn(const uint32_t *arg, int n_args)
{
    (void)arg;
    (void)n_args;
    reply("drawn", anim_steps(current));
    return true;
}

static bool run_rate(const uint32_t *arg, int n_args)
{
    (void)n_args;
    if (arg[0] < PIT_MIN_HZ || arg[0] > PIT_MAX_HZ) {
        return false;
    }
    anim_set_rate(arg[0]);
    return true;
}

static bool run_pan(const uint32_t *arg, int n_args)
{
    (void)n_args;
    return gpu_pan(gpu(), arg[0], arg[1]);
}

static bool run_off(const uint32_t *arg, int n_args)
{
    (void)arg;
    (void)n_args;
    anim_stop(current);
    if (!gpu()->ops->off) {
        return false;
    }
    gpu()->ops->off(gpu());
    return true;
}

static bool run_on(const uint32_t *arg, int n_args)
{
    (void)arg;
    (void)n_args;
    return gpu()->width && gpu()->ops->show(gpu());
}

static bool run_report(const uint32_t *arg, int n_args)
{
    (void)n_args;
    return gpu_report(gpu(), arg[0]);
}

static bool run_eject(const uint32_t *arg, int n_args)
{
    (void)n_args;
    if (arg[0] >= PCI_SLOTS) {
        return false;
    }
    pci_eject(arg[0]);
    return true;
}

static bool run_button(const uint32_t *arg, int n_args)
{
    (void)arg;
    (void)n_args;
    reply("pressed", power_button());
    return true;
}

static bool run_poweroff(const uint32_t *arg, int n_args)
{
    (void)arg;
    (void)n_args;
    power_off();
    return true;
}

static const struct command commands[] = {
    { "ping", 0, 0, true, run_ping },
    { "scan", 0, 0, true, run_scan },
    { "eject", 1, 1, true, run_eject },
    { "button", 0, 0, true, run_button },
    { "poweroff", 0, 0, true, run_poweroff },
    { "report", 1, 1, false, run_report },
    { "rate", 1, 1, true, run_rate },
    { "dev", 1, 1, true, run_dev },
    { "mode", 2, 4, false, run_mode },
    { "pattern", 1, 3, false, run_pattern },
    { "fill", 5, 5, false, run_fill },
    { "box", 1, 2, false, run_box },
    { "stamp", 3, 3, false, run_stamp },
    { "flip", 1, 2, false, run_flip },
    { "film", 1, 4, false, run_film },
    { "cycle", 0, 1, false, run_cycle },
    { "overlay", 0, 2, false, run_overlay },
    { "cursor", 0, 2, false, run_cursor },
    { "stop", 0, 0, false, run_stop },
    { "drawn", 0, 0, false, run_drawn },
    { "pan", 2, 2, false, run_pan },
    { "off", 0, 0, false, run_off },
    { "on", 0, 0, false, run_on },
};

/* Cuts the line into words in place; returns how many, -1: too many. */
static int split(char *line, char **words)
{
    int n = 0;
    char *p = line;

    while (*p) {
        if (*p == ' ') {
            *p++ = 0;
            continue;
        }
        if (n == MAX_ARGS + 1) {
            return -1;
        }
        words[n++] = p;
        while (*p && *p != ' ') {
            p++;
        }
    }
    return n;
}

static const struct command *find(const char *name, int n_args)
{
    unsigned i;

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *c = &commands[i];

        if (str_equal(c->name, name) && n_args >= c->min_args &&
            n_args <= c->max_args && (c->global || gpu())) {
            return c;
        }
    }
    return NULL;
}

static void execute(char *line)
{
    char *words[MAX_ARGS + 1];
    uint32_t arg[MAX_ARGS];
    const struct command *c;
    int i, n = split(line, words);

    if (n == 0) {
        return;
    }
    c = n > 0 ? find(words[0], n - 1) : NULL;
    for (i = 1; c && i < n; i++) {
        if (!str_to_u32(words[i], &arg[i - 1])) {
            c = NULL;
        }
    }
    if (!c) {
        serial_puts("err no such command\n");
        return;
    }
    n_replies = 0;
    if (c->run(arg, n - 1)) {
        print_reply(c->name);
    } else {
        serial_puts("err ");
        serial_puts(c->name);
        serial_puts("\n");
    }
}

void command_feed(char c)
{
    static char line[MAX_LINE];
    static int len;

    if (c == '\n' || c == '\r' || c == ';' || c == ',') {
        line[len] = 0;
        len = 0;
        execute(line);
    } else if (len < MAX_LINE - 1) {
        line[len++] = c;
    }
}

void command_run_all(const char *commands)
{
    for (; *commands; commands++) {
        command_feed(*commands);
    }
    command_feed('\n');
}
