/*
 * vgpu-screen: the screen of a VM on a monitor, or as a window
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>

#include "qemu/error-report.h"

#include "connect.h"
#include "kms.h"
#include "wayland.h"

/* Of the man page, docs/tools/vgpu-screen.rst. */
enum {
    EXIT_USAGE = 1,
    EXIT_NO_VM = 2,
    EXIT_NO_OUTPUT = 3,
    EXIT_OUTPUT_LOST = 4,
};

typedef struct Options {
    char *dbus;
    char *vm;
    char *qmp;
    int console;
    gboolean wayland;
    gboolean kms;
    gboolean fullscreen;
    gboolean list;
    gboolean stats;
    char *connector;
} Options;

typedef struct Program {
    GMainLoop *loop;
    Screen screen;
    ScreenStats last;
    DBusClient *client;
    ScreenInput *input;
    int status;
} Program;

static Options options;

static gboolean option_kms(const gchar *name, const gchar *value,
                           gpointer opaque, GError **err)
{
    options.kms = TRUE;
    g_free(options.connector);
    options.connector = g_strdup(value);
    return TRUE;
}

static const GOptionEntry entries[] = {
    { "dbus", 0, 0, G_OPTION_ARG_STRING, &options.dbus,
      "the bus that QEMU is on (-display dbus,addr=ADDRESS); without it the "
      "session's", "ADDRESS" },
    { "vm", 0, 0, G_OPTION_ARG_STRING, &options.vm,
      "a domain of libvirt's with <graphics type='dbus'/>", "NAME" },
    { "qmp", 0, 0, G_OPTION_ARG_FILENAME, &options.qmp,
      "a QMP socket of QEMU with -display dbus,p2p=yes", "PATH" },
    { "console", 0, 0, G_OPTION_ARG_INT, &options.console,
      "which of the VM's screens; 0 is the first", "NUMBER" },
    { "wayland", 0, 0, G_OPTION_ARG_NONE, &options.wayland,
      "show it as a window of the Wayland compositor", NULL },
    { "kms", 0, G_OPTION_FLAG_OPTIONAL_ARG, G_OPTION_ARG_CALLBACK, option_kms,
      "show it on a monitor that no desktop uses; without a name on the first",
      "CONNECTOR" },
    { "fullscreen", 0, 0, G_OPTION_ARG_NONE, &options.fullscreen,
      "let the window cover a monitor", NULL },
    { "list", 0, 0, G_OPTION_ARG_NONE, &options.list,
      "list connectors, modes and planes for --kms", NULL },
    { "stats", 0, 0, G_OPTION_ARG_NONE, &options.stats,
      "print each second what was shown", NULL },
    { NULL }
};

static bool parse_options(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) err = NULL;

    g_option_context_set_summary(
        context, "Shows the screen of a VM, and gives it keyboard and mouse.\n"
        "Ctrl+Alt+Backspace leaves; the VM runs on.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &err)) {
        error_report("%s", err->message);
        return false;
    }
    if (argc > 1) {
        error_report("'%s' is no option (see --help)", argv[1]);
        return false;
    }
    if (!!options.dbus + !!options.vm + !!options.qmp > 1) {
        error_report("--dbus, --vm and --qmp exclude one another");
        return false;
    }
    if (options.list) {
        return true;
    }
    if (options.wayland && options.kms) {
        error_report("--wayland and --kms exclude each other");
        return false;
    }
    if (!options.kms && !options.wayland) {
        options.wayland = g_getenv("WAYLAND_DISPLAY") != NULL;
        options.kms = !options.wayland;
    }
    return true;
}

static GDBusConnection *connect_vm(Error **errp)
{
    if (options.qmp) {
        return screen_connect_qmp(options.qmp, errp);
    }
    if (options.vm) {
        return screen_connect_vm(options.vm, errp);
    }
    return screen_connect_address(options.dbus, errp);
}

static void vm_gone(void *opaque)
{
    Program *program = opaque;

    g_main_loop_quit(program->loop);
}

static void output_closed(void *opaque, const char *why)
{
    Program *program = opaque;

    if (why) {
        error_report("The screen is lost: %s", why);
        program->status = EXIT_OUTPUT_LOST;
    }
    g_main_loop_quit(program->loop);
}

static gboolean signalled(gpointer opaque)
{
    Program *program = opaque;

    g_main_loop_quit(program->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean print_stats(gpointer opaque)
{
    Program *program = opaque;
    ScreenStats now = program->screen.stats;
    ScreenStats *last = &program->last;

    printf("frames %u planes %u late %u held-too-long %u copied %" PRIu64 "\n",
           now.frames - last->frames, now.planes, now.late - last->late,
           now.held_too_long - last->held_too_long, now.copied - last->copied);
    fflush(stdout);
    *last = now;
    return G_SOURCE_CONTINUE;
}

static void run_output(Program *program)
{
    Error *err = NULL;
    WaylandOutput *wayland = NULL;
    KmsOutput *kms = NULL;

    if (options.wayland) {
        wayland = wayland_output_new(&program->screen, program->client,
                                     program->input, options.fullscreen,
                                     output_closed, program, &err);
    } else {
        kms = kms_output_new(&program->screen, program->client,
                             program->input, options.connector, output_closed,
                             program, &err);
    }
    if (err) {
        error_report_err(err);
        program->status = EXIT_NO_OUTPUT;
        return;
    }
    /* Last, so that the VM does not wait while a seat is waited for. */
    if (dbus_client_listen(program->client, &program->screen, &err)) {
        g_main_loop_run(program->loop);
    } else {
        error_report_err(err);
        program->status = EXIT_NO_VM;
    }
    kms_output_free(kms);
    wayland_output_free(wayland);
}

static void run(Program *program)
{
    Error *err = NULL;
    g_autoptr(GDBusConnection) bus = connect_vm(&err);

    if (bus) {
        program->client = dbus_client_new(bus, options.console, vm_gone,
                                          program, &err);
    }
    if (!program->client) {
        error_report_err(err);
        program->status = EXIT_NO_VM;
        return;
    }
    program->input = screen_input_new(program->client, &program->screen);
    run_output(program);
    screen_input_free(program->input);
    dbus_client_free(program->client);
}

int main(int argc, char **argv)
{
    Program program = { 0 };
    Error *err = NULL;

    error_init(argv[0]);
    signal(SIGPIPE, SIG_IGN);
    if (!parse_options(argc, argv)) {
        return EXIT_USAGE;
    }
    if (options.list) {
        if (!kms_list(&err)) {
            error_report_err(err);
            return EXIT_NO_OUTPUT;
        }
        return 0;
    }
    program.loop = g_main_loop_new(NULL, FALSE);
    screen_init(&program.screen);
    g_unix_signal_add(SIGINT, signalled, &program);
    g_unix_signal_add(SIGTERM, signalled, &program);
    g_unix_signal_add(SIGHUP, signalled, &program);
    if (options.stats) {
        g_timeout_add(1000, print_stats, &program);
    }
    run(&program);
    screen_finish(&program.screen);
    g_main_loop_unref(program.loop);
    return program.status;
}
