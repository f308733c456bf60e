/*
 * 8259 interrupt controllers and the interrupt descriptor table.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "io.h"
#include "irq.h"
#include "pit.h"
#include "serial.h"

#define PIC1_CMD    0x20
#define PIC1_DATA   0x21
#define PIC2_CMD    0xa0
#define PIC2_DATA   0xa1
#define PIC_EOI     0x20
#define PIC_BASE    0x20

#define GATE_INTERRUPT  0x8e00
#define CODE_SELECTOR   0x08

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint16_t type;
    uint16_t offset_high;
} __attribute__((packed));

struct table_pointer {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

extern char irq_stub_timer[], irq_stub_other[], irq_stub_exception[];

static struct gate idt[PIC_BASE + 16];
static uint8_t mask = 0xff;

static void set_gate(int vector, void *handler)
{
    uint32_t addr = (uint32_t)handler;

    idt[vector].offset_low = addr;
    idt[vector].selector = CODE_SELECTOR;
    idt[vector].type = GATE_INTERRUPT;
    idt[vector].offset_high = addr >> 16;
}

static void pic_init(void)
{
    outb(PIC1_CMD, 0x11);
    outb(PIC2_CMD, 0x11);
    outb(PIC1_DATA, PIC_BASE);
    outb(PIC2_DATA, PIC_BASE + 8);
    outb(PIC1_DATA, 1 << 2);
    outb(PIC2_DATA, 2);
    outb(PIC1_DATA, 0x01);
    outb(PIC2_DATA, 0x01);
    outb(PIC1_DATA, mask);
    outb(PIC2_DATA, 0xff);
}

void irq_init(void)
{
    struct table_pointer pointer = { sizeof(idt) - 1, (uint32_t)idt };
    int i;

    for (i = 0; i < PIC_BASE; i++) {
        set_gate(i, irq_stub_exception);
    }
    for (i = 0; i < 16; i++) {
        set_gate(PIC_BASE + i, irq_stub_other);
    }
    set_gate(PIC_BASE + IRQ_TIMER, irq_stub_timer);
    asm volatile("lidt %0" : : "m" (pointer));
    pic_init();
    irq_mask(IRQ_COM1, false);
}

void irq_mask(int irq, bool masked)
{
    if (masked) {
        mask |= 1 << irq;
    } else {
        mask &= ~(1 << irq);
    }
    outb(PIC1_DATA, mask);
}

void irq_timer(void)
{
    pit_tick();
    outb(PIC1_CMD, PIC_EOI);
}

void irq_other(void)
{
    outb(PIC1_CMD, PIC_EOI);
}

void irq_exception(void)
{
    serial_puts("panic: exception\n");
}
