/*
 * Interrupt controller and descriptor table.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef GUEST_IRQ_H
#define GUEST_IRQ_H

#include <stdbool.h>

#define IRQ_TIMER   0
#define IRQ_COM1    4

void irq_init(void);
void irq_mask(int irq, bool masked);

/* Called by the stubs in start.S. */
void irq_timer(void);
void irq_other(void);
void irq_exception(void);

#endif /* GUEST_IRQ_H */
