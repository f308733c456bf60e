/*
 * Viewers that hold what they are given to its word, for the fuzzer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_FUZZ_DISPLAY_VIEWER_H
#define TESTS_FUZZ_DISPLAY_VIEWER_H

#include "ui/console.h"
#include "display-fakes.h"

/* The extents of the documentation: what viewers may be given at most. */
#define VIEWER_MAX_EXTENT 16384
#define VIEWER_MAX_CURSOR 256

/* One of several viewers comes, leaves, or behaves otherwise. */
void viewers_change(QemuConsole *con, FuzzInput *in);
void viewers_leave(void);
/* Between two events: was each given something in place of what is gone? */
void viewers_check(void);

#endif /* TESTS_FUZZ_DISPLAY_VIEWER_H */
