/*
 * Port access and the CPU's interrupt flag.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_IO_H
#define GUEST_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline void outb(uint16_t port, uint8_t val)
{
    asm volatile("outb %0, %1" : : "a" (val), "Nd" (port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t val;

    asm volatile("inb %1, %0" : "=a" (val) : "Nd" (port));
    return val;
}

static inline void outw(uint16_t port, uint16_t val)
{
    asm volatile("outw %0, %1" : : "a" (val), "Nd" (port));
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t val;

    asm volatile("inw %1, %0" : "=a" (val) : "Nd" (port));
    return val;
}

static inline void outl(uint16_t port, uint32_t val)
{
    asm volatile("outl %0, %1" : : "a" (val), "Nd" (port));
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t val;

    asm volatile("inl %1, %0" : "=a" (val) : "Nd" (port));
    return val;
}

static inline void irq_disable(void)
{
    asm volatile("cli" : : : "memory");
}

static inline void irq_enable(void)
{
    asm volatile("sti" : : : "memory");
}

/* "sti" takes effect after the next instruction: no wake-up is lost. */
static inline void irq_enable_and_wait(void)
{
    asm volatile("sti; hlt" : : : "memory");
}

#endif /* GUEST_IO_H */
