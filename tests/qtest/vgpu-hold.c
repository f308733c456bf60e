/*
 * What holds QEMU up while a test goes on: a human monitor that waits, and a
 * thread that hangs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include "vgpu-hold.h"

struct VGPUHmp {
    int fd;
    GString *said; /* since the last command */
};

VGPUHmp *vgpu_hmp_connect(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    VGPUHmp *hmp = g_new0(VGPUHmp, 1);

    g_assert_cmpuint(strlen(path), <, sizeof(address.sun_path));
    strcpy(address.sun_path, path);
    hmp->said = g_string_new(NULL);
    hmp->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(hmp->fd, >=, 0);
    g_assert_cmpint(connect(hmp->fd, (struct sockaddr *)&address,
                            sizeof(address)), ==, 0);
    return hmp;
}

void vgpu_hmp_close(VGPUHmp *hmp)
{
    close(hmp->fd);
    g_string_free(hmp->said, true);
    g_free(hmp);
}

void vgpu_hmp_say(VGPUHmp *hmp, const char *commands)
{
    g_string_truncate(hmp->said, 0);
    g_assert_cmpint(write(hmp->fd, commands, strlen(commands)), ==,
                    strlen(commands));
}

void vgpu_hmp_wait(VGPUHmp *hmp, const char *word)
{
    struct pollfd pfd = { .fd = hmp->fd, .events = POLLIN };
    char buf[256];

    while (!strstr(hmp->said->str, word)) {
        ssize_t n;

        g_assert_cmpint(poll(&pfd, 1, VGPU_PATIENCE_US / 1000), ==, 1);
        n = read(hmp->fd, buf, sizeof(buf));
        g_assert_cmpint(n, >, 0);
        g_string_append_len(hmp->said, buf, n);
    }
}

uint64_t vgpu_hmp_refreshes(VGPUHmp *hmp)
{
    vgpu_hmp_say(hmp, "info vgpu-display\n");
    vgpu_hmp_wait(hmp, ", notifications: ");
    return g_ascii_strtoull(strstr(hmp->said->str, "refreshes: ") + 11,
                            NULL, 10);
}

pid_t vgpu_find_gl_thread(VGPUMachine *machine)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task",
                                            qtest_pid(machine->qts));
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *comm = g_build_filename(path, name, "comm", NULL);
        g_autofree char *text = NULL;

        if (g_file_get_contents(comm, &text, NULL, NULL) &&
            !strcmp(text, "gl-readback\n")) {
            return atoi(name);
        }
    }
    g_assert_not_reached();
}

bool vgpu_stop_thread(pid_t thread)
{
    int status;

    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) < 0) {
        return false;
    }
    g_assert_cmpint(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), ==, 0);
    g_assert_cmpint(waitpid(thread, &status, __WALL), ==, thread);
    return true;
}

void vgpu_continue_thread(pid_t thread)
{
    g_assert_cmpint(ptrace(PTRACE_DETACH, thread, NULL, NULL), ==, 0);
}

void vgpu_await_thread_end(pid_t thread)
{
    int status;

    g_assert_cmpint(waitpid(thread, &status, __WALL), ==, thread);
}
