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

static inline uint16_t lduw_le_p(const void *ptr)
{
    uint16_t value;

    memcpy(&value, ptr, sizeof(value));
    return GUINT16_FROM_LE(value);
}

static inline uint32_t ldl_le_p(const void *ptr)
{
    uint32_t value;

    memcpy(&value, ptr, sizeof(value));
    return GUINT32_FROM_LE(value);
}

static inline uint64_t ldq_le_p(const void *ptr)
{
    uint64_t value;

    memcpy(&value, ptr, sizeof(value));
    return GUINT64_FROM_LE(value);
}

static inline void stw_le_p(void *ptr, uint16_t value)
{
    uint16_t swapped = GUINT16_TO_LE(value);

    memcpy(ptr, &swapped, sizeof(swapped));
}

static inline void stl_le_p(void *ptr, uint32_t value)
{
    uint32_t swapped = GUINT32_TO_LE(value);

    memcpy(ptr, &swapped, sizeof(swapped));
}

static inline void stq_le_p(void *ptr, uint64_t value)
{
    uint64_t swapped = GUINT64_TO_LE(value);

    memcpy(ptr, &swapped, sizeof(swapped));
}

#endif /* BSWAP_H */
