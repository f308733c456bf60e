/*
 * What the display core has around it in the emulator, for the fuzzer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FUZZ_DISPLAY_FAKES_H
#define TESTS_FUZZ_DISPLAY_FAKES_H

#include "fuzz.h"

/*
 * The input, as choices that are made one after the other. At its end every
 * choice is 0.
 */
typedef struct FuzzInput {
    const uint8_t *data;
    size_t len;
} FuzzInput;

uint8_t fuzz_u8(FuzzInput *in);
uint32_t fuzz_u32(FuzzInput *in);

/* One of @n numbers from 0 on, at most 256 of them. */
unsigned fuzz_below(FuzzInput *in, unsigned n);

/* Positive errnos that a kernel may answer with. */
int fuzz_errno(FuzzInput *in);

/* QEMU's timers are built with this name in the place of clock_gettime(). */
int fuzz_clock_gettime(clockid_t id, struct timespec *now);

/* Lets QEMU's clocks go on to that many nanoseconds later, with its timers. */
void fuzz_pass_time(int64_t ns);

/* Has the guest configured ramfb? */
extern bool fuzz_ramfb_configured;

/*
 * What OpenGL's thread makes of each request from now on; each takes
 * @fuzz_gl_ns.
 */
typedef enum FuzzGLMode {
    FUZZ_GL_READS,
    FUZZ_GL_READS_CHANGES,
    FUZZ_GL_FAILS,
    FUZZ_GL_LOST,
    FUZZ_GL_HANGS,
    FUZZ_GL_ABSENT,
    FUZZ_GL__MAX
} FuzzGLMode;

extern FuzzGLMode fuzz_gl_mode;
extern int64_t fuzz_gl_ns;

/* More descriptors QEMU does not need for one display: 16 buffers, OpenGL's. */
#define FUZZ_MAX_FDS 96

/* Descriptors that are open in this process. */
unsigned fuzz_count_fds(void);

/* Is a file with that number open under any descriptor? */
bool fuzz_inode_is_open(uint64_t inode);

#endif /* TESTS_FUZZ_DISPLAY_FAKES_H */
