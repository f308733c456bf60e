/*
 * What the pure logic needs of QEMU's bswap.h, for a build without QEMU
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef BSWAP_H
#define BSWAP_H

static inline void stw_be_p(void *ptr, uint16_t value)
{
    uint16_t swapped = GUINT16_TO_BE(value);

    memcpy(ptr, &swapped, sizeof(swapped));
}

static inline void stl_be_p(void *ptr, uint32_t value)
{
    uint32_t swapped = GUINT32_TO_BE(value);

    memcpy(ptr, &swapped, sizeof(swapped));
}

#endif /* BSWAP_H */
