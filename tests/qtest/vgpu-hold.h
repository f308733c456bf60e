/*
 * What holds QEMU up while a test goes on: a human monitor that waits, and a
 * thread that hangs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_VGPU_HOLD_H
#define TESTS_QTEST_VGPU_HOLD_H

#include "vgpu-fixture.h"

/* A human monitor on a socket of its own, of which nobody waits in QMP. */
typedef struct VGPUHmp VGPUHmp;

/**
 * vgpu_hmp_connect:
 * @path: of the socket
 *
 * Returns: a connection, to be ended with vgpu_hmp_close()
 */
VGPUHmp *vgpu_hmp_connect(const char *path);
void vgpu_hmp_close(VGPUHmp *hmp);

/* Sends commands and does not wait for what they say. */
void vgpu_hmp_say(VGPUHmp *hmp, const char *commands);

/* Waits until the monitor has said that, since the last command. */
void vgpu_hmp_wait(VGPUHmp *hmp, const char *word);

/* From info vgpu-display, for the only vGPU: also while QMP waits. */
uint64_t vgpu_hmp_refreshes(VGPUHmp *hmp);

/*
 * The thread that OpenGL works in, by name. Start the machine with
 * -name gpu,debug-threads=on.
 */
pid_t vgpu_find_gl_thread(VGPUMachine *machine);

/*
 * Stops one thread, as a driver does that waits for a GPU. Returns false where
 * the host lets nobody do that.
 */
bool vgpu_stop_thread(pid_t thread);
void vgpu_continue_thread(pid_t thread);

/* Until QEMU has ended, which takes a stopped thread along. */
void vgpu_await_thread_end(pid_t thread);

#endif /* TESTS_QTEST_VGPU_HOLD_H */
