/*
 * String functions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "string.h"

void *memcpy(void *dst, const void *src, size_t len)
{
    char *d = dst;
    const char *s = src;

    asm volatile("rep movsb" : "+D" (d), "+S" (s), "+c" (len) : : "memory");
    return dst;
}

void *memset(void *dst, int val, size_t len)
{
    char *d = dst;

    asm volatile("rep stosb" : "+D" (d), "+c" (len) : "a" (val) : "memory");
    return dst;
}

bool str_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return 255;
}

bool str_to_u32(const char *s, uint32_t *val)
{
    uint32_t base = 10;

    if (s[0] == '0' && s[1] == 'x') {
        base = 16;
        s += 2;
    }
    if (!*s) {
        return false;
    }
    for (*val = 0; *s; s++) {
        uint32_t d = digit(*s);

        if (d >= base || *val > (UINT32_MAX - d) / base) {
            return false;
        }
        *val = *val * base + d;
    }
    return true;
}
