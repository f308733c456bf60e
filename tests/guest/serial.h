/*
 * The first serial port: commands come in, answers go out.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_SERIAL_H
#define GUEST_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

void serial_init(void);
bool serial_pending(void);
char serial_getc(void);
void serial_puts(const char *s);
void serial_putu(uint32_t val);
void serial_putx(uint32_t val);

#endif /* GUEST_SERIAL_H */
