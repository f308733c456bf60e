/*
 * The few string functions that the compiler and the command parser need.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_STRING_H
#define GUEST_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *dst, const void *src, size_t len);
void *memset(void *dst, int val, size_t len);
bool str_equal(const char *a, const char *b);

/* Decimal, or hexadecimal after "0x"; false: not a number. */
bool str_to_u32(const char *s, uint32_t *val);

#endif /* GUEST_STRING_H */
