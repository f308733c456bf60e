/*
 * 16550 at 0x3f8. Its interrupt only ends the CPU's halt; bytes are then
 * read by polling.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "io.h"
#include "serial.h"

#define COM1        0x3f8
#define COM_DATA    (COM1 + 0)
#define COM_IER     (COM1 + 1)
#define COM_FCR     (COM1 + 2)
#define COM_LCR     (COM1 + 3)
#define COM_MCR     (COM1 + 4)
#define COM_LSR     (COM1 + 5)

#define LSR_READY   0x01
#define LSR_EMPTY   0x20

void serial_init(void)
{
    outb(COM_IER, 0);
    outb(COM_LCR, 0x80);            /* divisor 1: 115200 baud */
    outb(COM_DATA, 1);
    outb(COM_IER, 0);
    outb(COM_LCR, 0x03);            /* 8n1 */
    outb(COM_FCR, 0x07);            /* FIFOs on and empty */
    outb(COM_MCR, 0x0b);            /* DTR, RTS, interrupt line on */
    outb(COM_IER, 0x01);            /* data available */
}

bool serial_pending(void)
{
    return inb(COM_LSR) & LSR_READY;
}

char serial_getc(void)
{
    return inb(COM_DATA);
}

void serial_puts(const char *s)
{
    for (; *s; s++) {
        while (!(inb(COM_LSR) & LSR_EMPTY)) {
            /* wait */
        }
        outb(COM_DATA, *s);
    }
}

static void put_number(uint32_t val, uint32_t base)
{
    char buf[11];
    char *p = buf + sizeof(buf) - 1;

    *p = 0;
    do {
        *--p = "0123456789abcdef"[val % base];
        val /= base;
    } while (val);
    serial_puts(p);
}

void serial_putu(uint32_t val)
{
    put_number(val, 10);
}

void serial_putx(uint32_t val)
{
    serial_puts("0x");
    put_number(val, 16);
}
