/*
 * What the pure logic needs of QEMU's host-utils.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HOST_UTILS_H
#define HOST_UTILS_H

static inline int clz32(uint32_t value)
{
    return value ? __builtin_clz(value) : 32;
}

static inline int ctz32(uint32_t value)
{
    return value ? __builtin_ctz(value) : 32;
}

#endif /* HOST_UTILS_H */
