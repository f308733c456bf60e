/*
 * What the pure logic needs of QEMU's osdep.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef QEMU_OSDEP_H
#define QEMU_OSDEP_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <glib.h>

/* What QEMU's functions fail with; see qapi/error.h. */
typedef struct Error Error;

#define CONFIG_PIXMAN 1

#define HOST_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

#define ARRAY_SIZE(x) G_N_ELEMENTS(x)
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define ROUND_UP(n, d) (((n) + (d) - 1) / (d) * (d))
#define QEMU_ALIGN_DOWN(n, m) ((n) / (m) * (m))
#define QEMU_BUILD_BUG_ON(x) _Static_assert(!(x), #x)

#define qemu_dup(fd) fcntl(fd, F_DUPFD_CLOEXEC, 0)
#define qemu_set_cloexec(fd) fcntl(fd, F_SETFD, FD_CLOEXEC)
#define qemu_real_host_page_size() sysconf(_SC_PAGESIZE)

#endif /* QEMU_OSDEP_H */
