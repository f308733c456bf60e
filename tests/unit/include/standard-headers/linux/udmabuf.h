/*
 * The system's udmabuf, where QEMU has its own copy
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UDMABUF_STAND_IN_H
#define UDMABUF_STAND_IN_H

#include <linux/udmabuf.h>

#endif /* UDMABUF_STAND_IN_H */
